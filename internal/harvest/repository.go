package harvest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/time/rate"

	"akin/internal/ingest"
)

const (
	// maxAnswer is the largest answer that is taken.
	maxAnswer = 256 << 20
	// requestTimeout bounds one question: repositories prepare long lists.
	requestTimeout = 5 * time.Minute
	retries        = 8
	retryLeast     = time.Second
	retryMost      = 2 * time.Minute
	// mostWait is the longest that a repository may ask to be left alone while
	// the program waits.
	mostWait = time.Hour
)

// repository asks.
type repository struct {
	base  string
	agent string
	http  *retryablehttp.Client
	pace  *rate.Limiter
}

func newRepository(config Config) *repository {
	c := retryablehttp.NewClient() // which waits as long as Retry-After says
	c.Logger = nil
	c.CheckRetry = checkRetry
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = retries, retryLeast, retryMost
	c.HTTPClient.Timeout = requestTimeout
	limit := rate.Inf
	if config.Interval > 0 {
		limit = rate.Every(config.Interval)
	}
	return &repository{base: config.BaseURL, agent: config.Agent, http: c, pace: rate.NewLimiter(limit, 1)}
}

// checkRetry refuses to wait for very long: the person decides then.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	again, failed := retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	if again && resp != nil {
		if wait := retryablehttp.DefaultBackoff(retryLeast, retryMost, 0, resp); wait > mostWait {
			return false, fmt.Errorf("it answered %d and asks to be left alone for %v; run the harvest again then", resp.StatusCode, wait)
		}
	}
	return again, failed
}

// ask gives the body of an answer.
func (r *repository) ask(ctx context.Context, query url.Values) ([]byte, error) {
	if err := r.pace.Wait(ctx); err != nil {
		return nil, err
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, r.base+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	req.Header.Set("User-Agent", r.agent)
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask %s: it answered %.100s; is this the address of an OAI-PMH repository?", r.base, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.base, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer of %s has more than %d bytes", r.base, maxAnswer)
	}
	return body, nil
}

// identity is what a repository says of itself.
type identity struct {
	Earliest string `xml:"Identify>earliestDatestamp"`
}

// earliest is the day of the first record.
func (i identity) earliest() string {
	if len(i.Earliest) >= len(dayFormat) {
		day := i.Earliest[:len(dayFormat)] // a time has its day in front
		if _, err := time.Parse(dayFormat, day); err == nil {
			return day
		}
	}
	return "1990-01-01"
}

func (r *repository) identify(ctx context.Context) (identity, error) {
	body, err := r.ask(ctx, url.Values{"verb": {"Identify"}})
	if err != nil {
		return identity{}, err
	}
	var i identity
	if err := xml.Unmarshal(body, &i); err != nil {
		return identity{}, fmt.Errorf("%s does not answer as an OAI-PMH repository does: %w", r.base, err)
	}
	return i, nil
}

// answer is one page of a list.
type answer struct {
	body             []byte
	token            ingest.OAIToken
	records, deleted int
	// sum digests what the records are.
	sum [sha256.Size]byte
	// broken is why not all of the page could be read, if so.
	broken error
}

// expiredError says that the repository no longer knows the list.
type expiredError struct{ refused *ingest.OAIError }

func (e *expiredError) Error() string { return e.refused.Error() }

// list asks for a page and counts what is in it. A record that is no paper
// counts too: the import will say what is wrong with it.
func (r *repository) list(ctx context.Context, query url.Values) (*answer, error) {
	body, err := r.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	a, sum := &answer{body: body}, sha256.New()
	defer func() { sum.Sum(a.sum[:0]) }()
	page := ingest.NewOAIPage(r.base, bytes.NewReader(body))
	for {
		row, err := page.Next(ctx)
		var refused *ingest.OAIError
		var bad *ingest.RejectedError
		switch {
		case errors.Is(err, io.EOF):
			a.token = page.Token()
			return a, nil
		case errors.As(err, &bad):
		case errors.As(err, &refused) && refused.Code == ingest.OAINoRecords:
			continue
		case errors.As(err, &refused) && refused.Code == "badResumptionToken" && query.Has("resumptionToken"):
			return nil, &expiredError{refused}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return a, a.salvage(err)
		}
		fmt.Fprintf(sum, "%q %v %q\n", row.Paper.ID, row.Deleted, errorText(bad))
		a.records++
		if row.Deleted {
			a.deleted++
		}
	}
}

func errorText(err *ingest.RejectedError) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

var (
	listPattern   = regexp.MustCompile(`<(?:[\w.-]+:)?ListRecords[\s>]`)
	recordPattern = regexp.MustCompile(`<(?:[\w.-]+:)?record[\s>]`)
	endPattern    = regexp.MustCompile(`</(?:[\w.-]+:)?ListRecords\s*>`)
	tokenPattern  = regexp.MustCompile(`<(?:[\w.-]+:)?resumptionToken(?:\s[^>]*)?>([^<]*)</`)
)

// salvage makes the best of a page of a list that is not XML from one place on,
// so that one bad character does not end a harvest: it is kept as it came, its
// records are counted by their tags, and the list goes on with its token. A page
// that is no list, or that is cut, is the error that it was.
func (a *answer) salvage(why error) error {
	if !listPattern.Match(a.body) || !endPattern.Match(a.body) {
		return why
	}
	a.broken, a.records, a.deleted = why, len(recordPattern.FindAll(a.body, -1)), 0
	a.token = ingest.OAIToken{CompleteListSize: -1, Cursor: -1}
	if all := tokenPattern.FindAllSubmatch(a.body, -1); len(all) > 0 {
		a.token.Value = strings.TrimSpace(html.UnescapeString(string(all[len(all)-1][1])))
	}
	return nil
}
