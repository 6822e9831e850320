// Package harvest fetches the records of a repository that speaks OAI-PMH 2.0
// (openarchives.org), such as arXiv's, and keeps its answers as files, which
// akin import reads.
//
// # Duty
//
// The records are asked for in windows of some days of their datestamps. Each
// answer is saved as it came before the next is asked for, and the state beside
// the files says what comes next. A harvest that was interrupted goes on with
// the list where it was; when the repository has forgotten the list by then (its
// resumption tokens expire), the window is asked for again, half as long, and no other. When
// all is fetched, the next harvest begins on the last day again, which may have
// had more records later. Records that come twice do no harm: an import of what
// is there already changes nothing.
//
// The repository is asked slowly, and when it says to come back later, within
// reason, it is. A list that repeats itself, or goes on without records, is an
// error. A page that is not XML from some place on is kept as it came, and the
// list goes on.
//
// # Concurrency
//
// Run works in the calling goroutine. One process at a time may harvest into a
// directory.
package harvest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"akin/internal/paper"
	"akin/internal/pending"
)

const (
	defaultPrefix = "arXiv"
	defaultDays   = 7
	// maxRestarts is how often one window is asked for again because its token
	// was refused.
	maxRestarts = 5
	dayFormat   = time.DateOnly
	lockFile    = ".lock"
)

// Config says what to fetch.
type Config struct {
	// BaseURL is the repository's address.
	BaseURL string
	// Dir keeps the answers and the state.
	Dir string
	// Set is a part of the repository, such as "cs"; "" is all.
	Set string
	// Prefix is the metadata format: "arXiv" unless it says otherwise.
	Prefix string
	// From and Until are the first and the last day of datestamps, as
	// YYYY-MM-DD; "" begins where the harvest before ended, or at the
	// repository's first record, and ends today.
	From, Until string
	// Days is how long a window is; 0 is 7.
	Days int
	// Interval is how long to wait between two questions; 0 does not wait.
	Interval time.Duration
	// Agent names the program to the repository.
	Agent string
	// Progress is called after every answer; nil is fine.
	Progress func(Progress)
}

// Progress is how far a harvest is.
type Progress struct {
	// First and Last are the days of the window.
	First, Last string
	// Records were in the answers of this run, Deleted of them as such.
	Records, Deleted int
	// Broken pages could not be read whole: they are kept, and an import
	// quarantines what of them it must. LastBroken is the newest one's file.
	Broken     int
	LastBroken string
	// Listed is how many records the window has, or -1 if the repository does
	// not say.
	Listed int
}

// harvest is one run.
type harvest struct {
	Config
	repository *repository
	state      state
	progress   Progress
	list       List
}

// Run fetches what is new and gives what it did. After an error or an
// interruption, the same call goes on from there.
func Run(ctx context.Context, config Config) (_ Progress, err error) {
	if config.Prefix == "" {
		config.Prefix = defaultPrefix
	}
	if config.Days == 0 {
		config.Days = defaultDays
	}
	if err := config.check(); err != nil {
		return Progress{}, err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return Progress{}, fmt.Errorf("make the directory: %w", err)
	}
	lock := flock.New(filepath.Join(config.Dir, lockFile))
	held, err := lock.TryLock()
	if err != nil {
		return Progress{}, fmt.Errorf("lock %s: %w", config.Dir, err)
	}
	if !held {
		return Progress{}, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonDataLocked,
			Message: fmt.Sprintf("another process is harvesting into %s; wait for it, or name another directory", config.Dir),
		}
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := pending.SweepFolder(config.Dir); err != nil {
		return Progress{}, err
	}
	h := &harvest{Config: config, repository: newRepository(config)}
	err = h.run(ctx)
	return h.progress, err
}

// check reports all faults at once.
func (c Config) check() error {
	e := &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: "the harvest is not valid"}
	fault := func(field, format string, args ...any) {
		e.Violations = append(e.Violations, paper.Violation{Field: field, Description: fmt.Sprintf(format, args...)})
	}
	if u, err := url.Parse(c.BaseURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		fault("url", "is %q; give the repository's address, such as https://example.org/oai", c.BaseURL)
	}
	for field, day := range map[string]string{"from": c.From, "until": c.Until} {
		if _, err := time.Parse(dayFormat, day); day != "" && err != nil {
			fault(field, "is %q; write a day as YYYY-MM-DD", day)
		}
	}
	if c.Days < 0 || c.Days > 36_600 {
		fault("days", "is %d; it must be 1 to 36600", c.Days)
	}
	if len(e.Violations) > 0 {
		return e
	}
	return nil
}

// run fetches window after window.
func (h *harvest) run(ctx context.Context) error {
	if err := h.begin(ctx); err != nil {
		return err
	}
	for restarts := 0; ; {
		done, err := h.window(ctx)
		var refused *ExpiredError
		switch {
		case errors.As(err, &refused) && restarts < maxRestarts:
			restarts++
			h.Days = max(1, h.Days/2) // a shorter list may end before its token does
			if err := h.restart(); err != nil {
				return err
			}
			continue
		case err != nil:
			var endless *EndlessError
			if errors.As(err, &endless) {
				err = errors.Join(err, h.restart())
			}
			return err
		case done:
			return nil
		}
		restarts = 0
	}
}

// begin finds where to begin.
func (h *harvest) begin(ctx context.Context) error {
	found, err := h.state.load(h.Config)
	if err != nil {
		return err
	}
	switch {
	case h.From != "" && (!found || h.From != h.state.From):
		h.state.From, h.state.Next = h.From, h.From
		return h.restart()
	case found:
		return nil
	}
	identity, err := h.repository.identify(ctx)
	if err != nil {
		return err
	}
	h.state.Next = identity.earliest()
	return nil
}

// restart asks for the window from its beginning the next time.
func (h *harvest) restart() error {
	h.state.Token, h.state.Page, h.list = "", 0, List{}
	return h.state.save(h.Config)
}

// window fetches what is missing of one window. done says that it was the last.
func (h *harvest) window(ctx context.Context) (done bool, err error) {
	first, err := time.Parse(dayFormat, h.state.Next)
	if err != nil {
		return false, fmt.Errorf("the state in %s names the day %q; remove the file %s to begin anew", h.Dir, h.state.Next, stateFile)
	}
	last := first.AddDate(0, 0, h.Days-1).Format(dayFormat)
	end := h.Until
	if end == "" {
		end = time.Now().UTC().Format(dayFormat)
	}
	if h.state.Next > end {
		return true, nil
	}
	last = min(last, end) // days compare as texts do
	if h.state.Last != last && h.state.Token != "" {
		h.state.Token, h.state.Page = "", 0 // a list of other days
	}
	h.state.Last, h.list = last, List{}
	for {
		answer, err := h.page(ctx, last)
		if err != nil {
			return false, err
		}
		if answer.Token.Value == "" {
			break
		}
	}
	h.state.Token, h.state.Page = "", 0
	if last < end {
		h.state.Next = first.AddDate(0, 0, h.Days).Format(dayFormat)
		return false, h.state.save(h.Config)
	}
	h.state.Next = last // today may have more later
	return true, h.state.save(h.Config)
}

// page fetches, saves and notes one answer.
func (h *harvest) page(ctx context.Context, last string) (*Page, error) {
	query := url.Values{"verb": {"ListRecords"}}
	if h.state.Token != "" {
		query.Set("resumptionToken", h.state.Token)
	} else {
		query.Set("metadataPrefix", h.Prefix)
		query.Set("from", h.state.Next)
		query.Set("until", last)
		if h.Set != "" {
			query.Set("set", h.Set)
		}
	}
	a, err := h.repository.list(ctx, query)
	if err != nil {
		return nil, err
	}
	if a.Records > 0 || a.Broken != nil {
		name := fmt.Sprintf("records-%s-%04d.xml.gz", h.state.Next, h.state.Page+1)
		if a.Broken != nil {
			h.progress.Broken++
			h.progress.LastBroken = fmt.Sprintf("%s: %v", name, a.Broken)
		}
		if err := save(filepath.Join(h.Dir, name), a.Body); err != nil {
			return nil, err
		}
	}
	h.state.Page++
	asked := h.state.Token
	if err := h.list.Check(asked, a, h.state.Page); err != nil {
		const remedy = "this has no end; what came so far is kept, and the list is asked for from its beginning the next time: fewer --days at a time may help"
		return nil, fmt.Errorf("%w: %s", err, remedy)
	}
	h.state.Token = a.Token.Value
	if err := h.state.save(h.Config); err != nil {
		return nil, err
	}
	h.progress.First, h.progress.Last, h.progress.Listed = h.state.Next, last, a.Token.CompleteListSize
	h.progress.Records += a.Records
	h.progress.Deleted += a.Deleted
	if h.Progress != nil {
		h.Progress(h.progress)
	}
	return a, nil
}
