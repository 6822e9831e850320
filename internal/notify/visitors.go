package notify

import (
	"context"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"akin/internal/engine"
	"akin/internal/paper"
)

const (
	// callersKept bounds how many callers are remembered, those seen longest ago go first.
	callersKept = 10_000
	// asksAtOnce and asksEvery bound how many subscriptions one caller may ask for.
	asksAtOnce = 10
	asksEvery  = 6 * time.Minute
)

// callers bounds what those ask for who subscribe, by the address that they call from.
type callers struct {
	seen *lru.Cache[string, *rate.Limiter]
}

func newCallers() callers {
	seen, err := lru.New[string, *rate.Limiter](callersKept)
	if err != nil { // only of a size that is not positive
		panic(err) //nolint:forbidigo // cannot happen to a constant
	}
	return callers{seen}
}

// admit fails if a caller asked for too much.
func (c callers) admit(caller string, now time.Time) error {
	limit, ok := c.seen.Get(caller)
	if !ok {
		limit = rate.NewLimiter(rate.Every(asksEvery), asksAtOnce)
		if had, found, _ := c.seen.PeekOrAdd(caller, limit); found {
			limit = had
		}
	}
	if !limit.AllowN(now, 1) {
		return &paper.Error{
			Kind: paper.Exhausted, Reason: ReasonLimit, Subject: "caller", RetryAfter: asksEvery,
			Message: "too many subscriptions were asked for from your address; wait a few minutes",
		}
	}
	return nil
}

// Subscription is what a visitor asks for.
type Subscription struct {
	Address    string
	Collection string
	Listing    Listing
	Schedule   Schedule
	Quiet      Quiet
	MaxItems   int
	// Caller is the address that the request came from.
	Caller string
}

// Subscribe sends a mail to an address that asks whether its owner wants a digest. What
// it answers is the same whether or not the address has one, so that nobody learns
// who reads what.
func (s *Digests) Subscribe(ctx context.Context, q Subscription) error {
	if err := s.ready(); err != nil {
		return err
	}
	if s.set.NoVisitors {
		return off("visitors cannot subscribe here; ask for a key")
	}
	address, err := ParseAddress("address", q.Address)
	if err != nil {
		return err
	}
	if q.Listing == NoListing {
		q.Listing = Trending
	}
	d := Digest{
		Collection: defaultCollection(q.Collection), Listing: q.Listing, Schedule: q.Schedule, Quiet: q.Quiet, MaxItems: q.MaxItems, Library: mainLibrary,
	}
	if err := d.check(); err != nil {
		return err
	}
	if _, err := s.Papers.List(ctx, engine.List{Collection: d.Collection, Size: 1}); err != nil { // the collection must be there
		return err
	}
	now := s.clock()
	if err := s.callers.admit(q.Caller, now); err != nil {
		return err
	}
	err = s.Store.Write(ctx, func(w Writer) error { return s.subscribe(w, d, address, now) })
	s.changed()
	if paper.KindOf(err) == paper.Exhausted { // whose address it is would show
		return nil
	}
	return err
}

// subscribe keeps what a visitor asks for. What the address has already is not asked
// for again.
func (s *Digests) subscribe(w Writer, d Digest, address string, now time.Time) error {
	r, err := s.recipient(w, address, now)
	if err != nil {
		return err
	}
	mine, err := s.of(w, r.ID)
	if err != nil {
		return err
	}
	mine = slices.DeleteFunc(mine, func(o Digest) bool { return !o.Visitor() })
	for i := range mine {
		if o := &mine[i]; o.State == Active && o.Listing == d.Listing && o.Collection == d.Collection && o.Schedule == d.Schedule && o.Quiet == d.Quiet {
			return nil
		}
	}
	if len(mine) >= MaxSubscriptions {
		return tooManyConfirmations()
	}
	d.Recipient, d.CreateTime, d.UpdateTime = r.ID, now, now
	return s.ask(w, &d, &r, now)
}

// Notice is what a page says of what a link of a mail does.
type Notice struct {
	// Digest is what the digest is called; Address its reader's, masked.
	Digest, Address string
	// Schedule says when it comes.
	Schedule string
	// Done says that it was done, now or before.
	Done bool
}

// notice describes a digest to its reader.
func (s *Digests) notice(r Reader, d *Digest) (Notice, error) {
	to, found, err := r.Recipient(d.Recipient)
	if err != nil || !found {
		return Notice{}, err
	}
	address, err := s.addressOf(&to)
	return Notice{Digest: d.title(), Address: Masked(address), Schedule: d.words()}, err
}

// Confirm begins the digest that a token of a mail names; with preview, it only says
// which. The same token again changes nothing.
func (s *Digests) Confirm(ctx context.Context, token string, preview bool) (out Notice, err error) {
	id, recipient, err := s.readPair(purposeConfirm, token)
	if err != nil {
		return out, err
	}
	work := func(r Reader, w Writer) error {
		d, found, err := r.Digest(id)
		if err != nil {
			return err
		}
		if !found || d.Recipient != recipient {
			return gone()
		}
		if out, err = s.notice(r, &d); err != nil {
			return err
		}
		if out.Done = d.State == Active; out.Done || w == nil {
			return nil
		}
		if d.State == Stopped { // it was confirmed, and ended since
			return gone()
		}
		out.Done = true
		return s.confirm(w, &d)
	}
	if preview {
		err = s.Store.Read(ctx, func(r Reader) error { return work(r, nil) })
	} else {
		err = s.Store.Write(ctx, func(w Writer) error { return work(w, w) })
		s.changed()
	}
	return out, err
}

func gone() error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonUnknown, ResourceType: "digest",
		Message: "there is no such digest any more: it was deleted, unsubscribed, or not confirmed in time; subscribe again",
	}
}

// confirm begins a digest, in the place of another one of the same listing.
func (s *Digests) confirm(w Writer, d *Digest) error {
	now := s.clock()
	r, found, err := w.Recipient(d.Recipient)
	if err != nil || !found {
		return err
	}
	before := r
	if !d.Visitor() && !slices.Contains(r.Owners, d.Owner) {
		r.Owners = append(slices.Clone(r.Owners), d.Owner)
	}
	r.IdleSince, r.Score, r.RefusalWord = time.Time{}, 0, ""
	if d.Visitor() {
		mine, err := s.of(w, d.Recipient)
		if err != nil {
			return err
		}
		for i := range mine {
			if o := &mine[i]; o.ID != d.ID && o.Visitor() && o.Listing == d.Listing && o.Collection == d.Collection {
				if err := w.RemoveDigest(o); err != nil {
					return err
				}
			}
		}
	}
	if d.Current != nil {
		if i, found, err := w.Issue(d.ID, *d.Current); err != nil {
			return err
		} else if found && !i.Progress.Over() { // its link was used, so it arrived
			i.Progress, i.EndTime = Sent, now
			if err := w.PutIssue(&i); err != nil {
				return err
			}
		}
	}
	s.activate(d, now)
	d.UpdateTime = now
	if err := w.PutRecipient(&r, &before); err != nil {
		return err
	}
	return w.PutDigest(d)
}

// Unsubscribe ends the digest that a token names; with preview, it only says which. A
// visitor's is forgotten, an owner's stopped. With erase, the reader's address is
// forgotten at once if no other digest has it, and with all, all digests of the address
// end. The same token again changes nothing.
func (s *Digests) Unsubscribe(ctx context.Context, token string, q Leaving) (out Notice, err error) {
	id, recipient, err := s.readPair(purposeUnsubscribe, token)
	if err != nil {
		return out, err
	}
	work := func(r Reader, w Writer) error {
		d, found, err := r.Digest(id)
		if err != nil {
			return err
		}
		if found && d.Recipient == recipient {
			if out, err = s.notice(r, &d); err != nil {
				return err
			}
		}
		out.Done = !found || d.Recipient != recipient || d.State == Stopped
		if w == nil {
			return nil
		}
		out.Done = true
		return s.leave(w, id, recipient, q)
	}
	if q.Preview {
		err = s.Store.Read(ctx, func(r Reader) error { return work(r, nil) })
	} else {
		err = s.Store.Write(ctx, func(w Writer) error { return work(w, w) })
		s.changed()
	}
	return out, err
}

// Leaving says how somebody leaves.
type Leaving struct{ Preview, Erase, All bool }

// leave ends one or all digests of a recipient.
func (s *Digests) leave(w Writer, id, recipient uint32, q Leaving) error {
	mine, err := s.of(w, recipient)
	if err != nil {
		return err
	}
	kept, now := 0, s.clock()
	for i := range mine {
		d := &mine[i]
		switch {
		case d.ID != id && !q.All:
			kept++
		case d.Visitor() || q.Erase && d.State == Pending:
			err = w.RemoveDigest(d)
		default:
			err = s.stop(w, d, now)
			kept++ // its owner sees that it was ended
		}
		if err != nil {
			return err
		}
	}
	if kept > 0 && !q.Erase {
		return nil
	}
	return s.forget(w, mine, id, recipient, q, now)
}

// stop ends a digest of an owner for its reader.
func (s *Digests) stop(w Writer, d *Digest, now time.Time) error {
	if d.Current != nil {
		if err := w.RemoveIssue(d.ID, *d.Current); err != nil {
			return err
		}
	}
	d.State, d.Current, d.UpdateTime = Stopped, nil, now
	return w.PutDigest(d)
}

// forget forgets a recipient who left, unless other digests still come.
func (s *Digests) forget(w Writer, mine []Digest, id, recipient uint32, q Leaving, now time.Time) error {
	r, found, err := w.Recipient(recipient)
	if err != nil || !found {
		return err
	}
	if !q.Erase {
		before := r
		r.IdleSince = now
		return w.PutRecipient(&r, &before)
	}
	for i := range mine {
		if d := &mine[i]; d.ID != id && !q.All {
			return nil // another digest needs the address
		}
	}
	for i := range mine { // owners' digests without a reader are nothing
		if !mine[i].Visitor() {
			if err := w.RemoveDigest(&mine[i]); err != nil {
				return err
			}
		}
	}
	return w.RemoveRecipient(&r)
}

// Sweep forgets digests that were not confirmed in time, and readers who have had none
// for KeptAddress.
func (s *Digests) Sweep(ctx context.Context) error {
	now := s.clock()
	return s.Store.Write(ctx, func(w Writer) error {
		busy := map[uint32]bool{}
		if err := w.Digests(func(d *Digest) error {
			if d.State == Pending && now.Sub(d.UpdateTime) > ConfirmWithin+time.Hour {
				return s.expire(w, d)
			}
			busy[d.Recipient] = true
			return nil
		}); err != nil {
			return err
		}
		return w.Recipients(func(r *Recipient) error {
			switch {
			case busy[r.ID]:
				return nil
			case r.IdleSince.IsZero():
				before := *r
				r.IdleSince = now
				return w.PutRecipient(r, &before)
			case now.Sub(r.IdleSince) > KeptAddress:
				return w.RemoveRecipient(r)
			}
			return nil
		})
	})
}

// expire forgets a digest that nobody confirmed.
func (s *Digests) expire(w Writer, d *Digest) error {
	if d.Visitor() {
		return w.RemoveDigest(d)
	}
	d.State, d.Current = Stopped, nil
	return w.PutDigest(d)
}
