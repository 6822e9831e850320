package follow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"akin/internal/librarian"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/source/zotero"
	"akin/internal/text"
)

// task is what a round does.
type task int

const (
	// everything asks what changed on the other side.
	everything task = iota
	// anew reads all of the other side.
	anew
	// whatIsNotFound only looks for the papers that were not found before.
	whatIsNotFound
)

const (
	// settle is how long a file must not have been written before it is read, and
	// settles how often that is waited for.
	settle  = 2 * time.Second
	settles = 5
	// firstRetry is after how long a round that failed is tried again, which doubles up
	// to lastRetry.
	firstRetry = time.Minute
	lastRetry  = 6 * time.Hour
	// jitter is the share of a time by which it is moved, so that not all come at once.
	jitter = 0.1
)

// harvest is what a round learned of the other side.
type harvest struct {
	// full says that items are all that there are; of others, gone are no more.
	full  bool
	items []Item
	gone  []string
	// look says that only papers were looked for, of items that are as they were.
	look bool
	// set notes how far the binding is with that.
	set func(*Binding)
}

// run runs a round, and notes how it ended.
func (f *Follower) run(id uint32, how task) (ok bool) {
	ctx := f.ctx
	b, l, alive, err := f.load(ctx, id)
	if err != nil || !alive {
		if err != nil && ctx.Err() == nil {
			f.config.Log.Error("what a library follows cannot be read", "library", id, "error", err)
		}
		return err == nil
	}
	turn := f.files
	if b.Zotero != nil {
		turn = f.zotero
	}
	select {
	case <-turn:
		defer func() { turn <- struct{}{} }()
	case <-ctx.Done():
		return false
	}
	began := f.now()
	if err = f.round(ctx, &b, &l, how); err == nil || ctx.Err() != nil {
		return err == nil // it is noted, or begins again after a restart
	}
	message, reason := wordsOf(err)
	f.config.Log.Warn("a library could not be brought up to date with what it follows",
		"library", l.Name, "owner", l.Owner, "follows", b.String(), "reason", reason, "error", err)
	if err := f.failed(ctx, &b, began, err, message, reason); err != nil && ctx.Err() == nil {
		f.config.Log.Error("that could not be noted", "library", l.Name, "error", err)
	}
	return false
}

// load gives a binding with its library; alive says that both are there.
func (f *Follower) load(ctx context.Context, id uint32) (b Binding, l library.Library, alive bool, err error) {
	err = f.config.Shelves.Follow(ctx, func(r Reader) error {
		var found bool
		if b, found, err = r.Binding(id); err != nil || !found {
			return err
		}
		l, alive, _, err = f.config.Libraries.Live(r, id)
		return err
	})
	return b, l, alive, err
}

// failed notes that a round failed, and when to try again.
func (f *Follower) failed(ctx context.Context, b *Binding, began time.Time, cause error, message, reason string) error {
	return f.config.Shelves.Change(ctx, func(w Writer) error {
		now, found, err := w.Binding(b.LibraryID)
		if err != nil || !found || !now.UpdateTime.Equal(b.UpdateTime) {
			return err
		}
		now.TryTime, now.Failures, now.Failure, now.Reason = began, now.Failures+1, message, reason
		wait := time.Duration(min(float64(firstRetry)*math.Pow(2, float64(min(now.Failures-1, 40))), float64(lastRetry)))
		if now.File != nil {
			wait = min(wait, max(now.every(), firstRetry))
		}
		wait = max(f.around(wait), retryOf(cause))
		now.NextTime = f.now().Add(wait)
		if err := f.rest(w); err != nil {
			return err
		}
		return w.PutBinding(&now)
	})
}

// rest notes what the server asked for.
func (f *Follower) rest(w Writer) error {
	left := time.Until(f.config.Zotero.Rest())
	if left < time.Minute {
		return nil
	}
	return w.PutRest(f.config.Zotero.Host(), f.now().Add(left))
}

// around moves a time a little.
func (f *Follower) around(d time.Duration) time.Duration {
	return d + time.Duration(jitter*(2*f.config.Random()-1)*float64(d))
}

// round does the work of a round.
func (f *Follower) round(ctx context.Context, b *Binding, l *library.Library, how task) error {
	began := f.now()
	got, err := f.gather(ctx, b, l, how)
	if err != nil {
		return err
	}
	info, err := f.config.Collections.Info(ctx, l.Collection)
	if err != nil {
		return err
	}
	if err := f.find(ctx, l, got); err != nil {
		return err
	}
	return f.config.Shelves.Change(ctx, func(w Writer) error {
		now, found, err := w.Binding(b.LibraryID)
		if err != nil || !found || !now.UpdateTime.Equal(b.UpdateTime) {
			return err // it was unbound or bound anew meanwhile, which begins a round of its own
		}
		live, alive, _, err := f.config.Libraries.Live(w, b.LibraryID)
		if err != nil || !alive {
			return err
		}
		changed, err := f.apply(w, &now, live, got)
		if err != nil {
			return err
		}
		if got.set != nil {
			got.set(&now)
		}
		if len(got.items) > 0 || got.full || got.look {
			now.Sequence, now.LookTime = info.Sequence, began
		}
		if !got.look {
			now.TryTime, now.SyncTime, now.Failures, now.Failure, now.Reason = began, f.now(), 0, "", ""
			now.NextTime = f.now().Add(f.around(now.every()))
		}
		if changed {
			now.ChangeTime = f.now()
		}
		if err := f.rest(w); err != nil {
			return err
		}
		return w.PutBinding(&now)
	})
}

// gather asks the other side what changed.
func (f *Follower) gather(ctx context.Context, b *Binding, l *library.Library, how task) (*harvest, error) {
	switch {
	case how == whatIsNotFound:
		return f.lacking(ctx, b)
	case b.File != nil:
		return f.fromFile(ctx, b, l, how)
	}
	return f.fromZotero(ctx, b, l, how)
}

// lacking gives the items that have no paper.
func (f *Follower) lacking(ctx context.Context, b *Binding) (*harvest, error) {
	got := &harvest{look: true}
	err := f.config.Shelves.Follow(ctx, func(r Reader) error {
		for i, err := range r.Items(b.LibraryID) {
			if err != nil {
				return err
			}
			if i.PaperID == "" {
				got.items = append(got.items, i)
			}
		}
		return nil
	})
	return got, err
}

// fromZotero asks Zotero.
func (f *Follower) fromZotero(ctx context.Context, b *Binding, l *library.Library, how task) (*harvest, error) {
	key, err := f.config.Keys.Of(l.Owner)
	if err != nil {
		return nil, err
	}
	q := zotero.Question{Library: b.Zotero.Library, Key: key, Since: b.Version, Scope: b.Scope, Include: b.Zotero.Include, Exclude: b.Zotero.Exclude}
	if how == anew || f.now().Sub(b.FullTime) > fullEvery || b.Zotero.ID == 0 && b.Account == 0 {
		q.Since = 0
	}
	began := f.now()
	changes, err := f.config.Zotero.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	if b.Account != 0 && changes.Library.ID != b.Account && !changes.Full {
		// The key is another user's than before.
		q.Since = 0
		if changes, err = f.config.Zotero.Changes(ctx, q); err != nil {
			return nil, err
		}
	}
	got := &harvest{full: changes.Full, gone: changes.Gone}
	for _, i := range changes.Items {
		got.items = append(got.items, Item{
			Key: i.Key, Title: brief(text.Clean(i.Title)), DOI: i.DOI, ArxivID: i.ArxivID, Date: brief(i.Date), Unreadable: brief(i.Unreadable),
		})
	}
	got.set = func(b *Binding) {
		b.Version, b.Scope, b.Account = changes.Version, changes.Scope, changes.Library.ID
		if changes.Full {
			b.FullTime, b.LeftOut, b.Missing = began, changes.LeftOut, changes.Missing
		}
	}
	return got, nil
}

// fromFile reads the file, if it is another than it was.
func (f *Follower) fromFile(ctx context.Context, b *Binding, l *library.Library, how task) (*harvest, error) {
	c, err := f.steady(ctx, l.Owner, b.File.Path)
	if err != nil {
		return nil, err
	}
	if c.digest == b.Digest && how != anew {
		return &harvest{}, nil
	}
	if len(strings.TrimSpace(string(c.bytes))) == 0 {
		return nil, unfinished(b.File.Path, "is empty")
	}
	refs, err := librarian.ReadReferences(ctx, c.bytes, b.File.Format)
	switch {
	case paper.KindOf(err) == paper.Invalid:
		message, _ := wordsOf(err)
		return nil, unfinished(b.File.Path, "is no file of references ("+message+")")
	case err != nil:
		return nil, err
	case refs.Cut:
		return nil, unfinished(b.File.Path, "ends in the middle of an entry")
	case len(refs.All) == 0:
		return nil, unfinished(b.File.Path, "has no reference in it")
	}
	got := &harvest{full: true, set: func(b *Binding) { b.Digest, b.FullTime = c.digest, f.now() }}
	seen := map[string]bool{}
	for _, r := range refs.All {
		i := Item{
			Title: brief(r.Title), DOI: r.DOI, ArxivID: r.ArxivID, ID: r.ID, Name: r.Name, Line: r.Line, Note: r.Note, Unreadable: brief(r.Unreadable),
		}
		if i.Key = identity(&i); !seen[i.Key] {
			seen[i.Key] = true
			got.items = append(got.items, i)
		}
	}
	return got, nil
}

// steady reads a file that is not being written.
func (f *Follower) steady(ctx context.Context, owner, path string) (c content, err error) {
	for range settles {
		var steady bool
		if c, steady, err = f.config.Files.read(owner, path); err != nil {
			return c, err
		}
		if age := f.config.Now().Sub(c.changed); steady && (age >= settle || age < -settle) {
			return c, nil
		}
		timer := time.NewTimer(settle)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return c, ctx.Err()
		}
	}
	return c, unfinished(path, "is being written all the time")
}

// mostBrief bounds the texts that are kept of an item, in bytes.
const mostBrief = 1_000

func brief(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\uFFFD")
	if len(s) > mostBrief {
		s = strings.ToValidUTF8(s[:mostBrief], "")
	}
	return s
}

// identity is a digest of what an item is found by.
func identity(i *Item) string {
	h := sha256.New()
	for _, part := range []string{i.DOI, i.ArxivID, i.Name, i.ID, i.Title} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// findAtOnce is how many references are looked for at once.
const findAtOnce = 1_000

// find looks for the papers of what came.
func (f *Follower) find(ctx context.Context, l *library.Library, got *harvest) error {
	if len(got.items) > MaxItems {
		return tooLarge(len(got.items))
	}
	began := time.Now()
	for from := 0; from < len(got.items); from += findAtOnce {
		some := got.items[from:min(from+findAtOnce, len(got.items))]
		refs := make([]librarian.Reference, len(some))
		for i := range some {
			refs[i] = some[i].reference()
		}
		found, err := f.config.Papers.Find(ctx, l.Collection, refs)
		if err != nil {
			return err
		}
		for i := range some {
			some[i].Identity = identity(&some[i])
			some[i].PaperID, some[i].By, some[i].Why = found[i].PaperID, found[i].By, found[i].Why
		}
	}
	if len(got.items) > 0 {
		f.mu.Lock()
		f.looked[l.ID] = time.Since(began)
		f.mu.Unlock()
	}
	return nil
}
