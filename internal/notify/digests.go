package notify

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"akin/internal/engine"
	"akin/internal/feed"
	"akin/internal/library"
	"akin/internal/paper"
	"akin/internal/seal"
)

// Papers reads the papers that digests tell of.
type Papers interface {
	// Get is engine.Engine.Get.
	Get(ctx context.Context, collection string, ids []string) (found []paper.Record, missing []string, err error)
	// List is engine.Engine.List.
	List(ctx context.Context, q engine.List) (engine.Listed, error)
}

// Feeds gives what matched the feeds of an owner.
type Feeds interface {
	// Feed gives a feed by its name.
	Feed(ctx context.Context, owner, name string) (feed.Feed, error)
	// Items gives the items of a feed behind a cursor, at most limit, in their order.
	Items(ctx context.Context, owner, name string, after uint64, limit int) ([]feed.Item, error)
}

// Marks says what an owner thinks of papers, and takes it down.
type Marks interface {
	// Lookup is library.Libraries.Lookup.
	Lookup(ctx context.Context, owner, name string, papers []string) ([]library.Shelved, error)
	// Set is librarian.Librarian.Set.
	Set(ctx context.Context, owner string, at library.Place, changes []library.Change, allowMissing bool) ([]library.Changed, library.Library, error)
}

// Delivery is what a source last brought to a collection.
type Delivery struct {
	// Source is its name to show; Time is when it last brought papers, zero for never.
	Source string
	Time   time.Time
	// Sentence says that, and why nothing came since, if so, without a full stop; "" is
	// made from the others.
	Sentence string
}

// Sources tells what fills a collection.
type Sources interface {
	Deliveries(ctx context.Context, collection string) ([]Delivery, error)
}

// Speaker finds the sentence of each paper that speaks for it, by what a feed looks for.
type Speaker interface {
	// Speaks gives sentences by paper id; papers without one are left out.
	Speaks(ctx context.Context, f *feed.Feed, papers []string) (map[string]string, error)
}

// Parts are what Digests stands on; all but those that say so are needed.
type Parts struct {
	Store  Store
	Seal   *seal.Seal
	Papers Papers
	Marks  Marks
	// Feeds, Sources and Speaker may be nil: then there are none.
	Feeds   Feeds
	Sources Sources
	Speaker Speaker
	// Post sends mails; nil sends none.
	Post Post
	// Outside may be nil: then a store that was restored sends again what went out since.
	Outside Outside
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Settings say how mails are sent.
type Settings struct {
	// Off says why no mail can be sent, "" if it can.
	Off string
	// PublicURL begins links, without a slash at its end.
	PublicURL string
	// Domain is that of the ids of mails.
	Domain string
	// Late is how long after its time a digest is still sent; 0 means DefaultLate.
	Late time.Duration
	// Resend sends a mail once more that no answer came for.
	Resend bool
	// PerMinute is how many mails go out in a minute at most; 0 means DefaultPerMinute.
	PerMinute int
	// NoVisitors takes no subscriptions of visitors.
	NoVisitors bool
}

// Defaults of settings.
const (
	DefaultLate      = 6 * time.Hour
	DefaultPerMinute = 60
)

// Digests has the use cases of digests, and sends what is due.
type Digests struct {
	Parts
	set     Settings
	wake    chan struct{} // has one when something changed
	callers callers
	mu      sync.Mutex // guards zones
	zones   map[string]*time.Location
}

// New makes Digests over parts, which stay the caller's.
func New(p Parts, set Settings) *Digests {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if set.Late <= 0 {
		set.Late = DefaultLate
	}
	if set.PerMinute <= 0 {
		set.PerMinute = DefaultPerMinute
	}
	if p.Post == nil && set.Off == "" {
		set.Off = "no mail server is set"
	}
	return &Digests{Parts: p, set: set, wake: make(chan struct{}, 1), zones: map[string]*time.Location{}, callers: newCallers()}
}

// clock is the time to keep: UTC, and without what a round trip would lose.
func (s *Digests) clock() time.Time { return time.Unix(0, s.Now().UnixNano()).UTC() }

// changed wakes whoever sends.
func (s *Digests) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ready fails if no mail can be sent.
func (s *Digests) ready() error {
	if s.set.Off != "" {
		return off(s.set.Off)
	}
	return nil
}

// zone gives the zone of a digest, which was checked when it was kept. One that is not
// known any more is UTC.
func (s *Digests) zone(name string) *time.Location {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z, ok := s.zones[name]; ok {
		return z
	}
	z, err := loadZone(name)
	if err != nil {
		s.Log.Warn("a digest is in a time zone that is not known here, and comes by UTC", "zone", name)
		z = time.UTC
	}
	s.zones[name] = z
	return z
}

// Book is a digest with what is known of its reader.
type Book struct {
	Digest
	// Address is that of its reader, as far as whoever asks may see it.
	Address string
}

// addressOf decrypts an address.
func (s *Digests) addressOf(r *Recipient) (string, error) {
	plain, err := s.Seal.Decrypt(purposeAddress, r.Sealed)
	return string(plain), err
}

// known finds the recipient of an address, whatever secret it was kept with.
func (s *Digests) known(r Reader, address string) (Recipient, bool, error) {
	for _, digest := range s.Seal.Digests(purposeAddress, addressKey(address)) {
		if got, found, err := r.Known(digest); err != nil || found {
			return got, found, err
		}
	}
	return Recipient{}, false, nil
}

// recipient finds the recipient of an address, or makes one.
func (s *Digests) recipient(w Writer, address string, now time.Time) (Recipient, error) {
	got, found, err := s.known(w, address)
	if err != nil || found {
		return got, err
	}
	made := Recipient{
		Sealed: s.Seal.Encrypt(purposeAddress, []byte(address)), Digest: s.Seal.Digest(purposeAddress, addressKey(address)), CreateTime: now,
	}
	return made, w.PutRecipient(&made, nil)
}

// Create makes a digest of an owner, whose reader is asked to confirm it unless the
// owner has confirmed the address before, or vouched says that it is known to be the
// owner's.
func (s *Digests) Create(ctx context.Context, owner string, d Digest, address string, vouched bool) (out Book, err error) {
	if err := s.ready(); err != nil {
		return out, err
	}
	if address, err = ParseAddress("digest.address", address); err != nil {
		return out, err
	}
	d.Owner, d.Collection, d.Library = owner, defaultCollection(d.Collection), defaultLibrary(d.Library)
	if err := d.check(); err != nil {
		return out, err
	}
	if err := s.checkFeeds(ctx, &d); err != nil {
		return out, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		out, err = s.create(w, d, address, vouched)
		return err
	})
	s.changed()
	return out, err
}

func (s *Digests) create(w Writer, d Digest, address string, vouched bool) (out Book, err error) {
	now := s.clock()
	all, err := w.Owned(d.Owner)
	if err != nil {
		return out, err
	}
	if len(all) >= MaxDigests {
		return out, full("there are %d digests, the limit of an owner; delete some", len(all))
	}
	if slices.ContainsFunc(all, func(o Digest) bool { return o.Name == d.Name }) {
		return out, exists(d.Name)
	}
	r, err := s.recipient(w, address, now)
	if err != nil {
		return out, err
	}
	d.ID, d.Recipient, d.CreateTime, d.UpdateTime, d.Cursors, d.Current = 0, r.ID, now, now, nil, nil
	if vouched || slices.Contains(r.Owners, d.Owner) {
		s.activate(&d, now)
		before := r
		r.IdleSince = time.Time{}
		if err := w.PutRecipient(&r, &before); err != nil {
			return out, err
		}
		return Book{d, address}, w.PutDigest(&d)
	}
	if err := s.ask(w, &d, &r, now); err != nil {
		return out, err
	}
	return Book{d, address}, nil
}

// activate lets a digest come, from its next time on.
func (s *Digests) activate(d *Digest, now time.Time) {
	d.State, d.ConfirmTime, d.Current = Active, now, nil
	s.begin(d, now)
}

// begin says from when on papers are told of: those of the time that one digest covers
// before now.
func (s *Digests) begin(d *Digest, now time.Time) {
	d.StartTime = now.Add(-d.period())
	d.Handled = s.last(d, now).Day
}

func (s *Digests) last(d *Digest, now time.Time) Occurrence { return d.Last(now, s.zone(d.Zone)) }

// period is how much time one digest covers.
func (d *Digest) period() time.Duration {
	switch d.Every {
	case Weekly:
		return 7 * 24 * time.Hour
	case Weekdays:
		return 3 * 24 * time.Hour
	default:
		return 24 * time.Hour
	}
}

// ask keeps a digest that its reader is to confirm, with the mail that asks.
func (s *Digests) ask(w Writer, d *Digest, r *Recipient, now time.Time) error {
	before := *r
	r.Confirmations = slices.DeleteFunc(slices.Clone(r.Confirmations), func(t time.Time) bool { return now.Sub(t) >= 24*time.Hour })
	if len(r.Confirmations) >= ConfirmationsPerDay {
		return tooManyConfirmations()
	}
	r.Confirmations, r.IdleSince = append(r.Confirmations, now), time.Time{}
	issue := Issue{IssueKey: IssueKey{Confirmation, DayOf(now)}, Planned: now, Progress: Waiting, NextTry: now}
	d.State, d.Current = Pending, &issue.IssueKey
	if err := w.PutRecipient(r, &before); err != nil {
		return err
	}
	if err := w.PutDigest(d); err != nil {
		return err
	}
	issue.Digest = d.ID
	return w.PutIssue(&issue)
}

// checkFeeds fails if a feed is not there.
func (s *Digests) checkFeeds(ctx context.Context, d *Digest) error {
	if len(d.Feeds) > 0 && s.Feeds == nil {
		return &paper.Error{Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, Message: "this server keeps no feeds; choose a listing"}
	}
	for _, name := range d.Feeds {
		f, err := s.Feeds.Feed(ctx, d.Owner, name)
		if err != nil {
			return err
		}
		if f.Collection != d.Collection {
			return paper.InvalidField("digest.feeds", "has %q, whose papers are in collection %q and not in %q; make a digest for each collection", name, f.Collection, d.Collection)
		}
	}
	return nil
}

// Get gives a digest of an owner.
func (s *Digests) Get(ctx context.Context, owner, name string) (out Book, err error) {
	if err := checkName("name", name); err != nil {
		return out, err
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		d, err := live(r, owner, name)
		if err != nil {
			return err
		}
		out, err = s.book(r, &d)
		return err
	})
	return out, err
}

// live gives a digest of an owner, or the error for one that is not there.
func live(r Reader, owner, name string) (Digest, error) {
	d, found, err := r.Named(owner, name)
	if err == nil && !found {
		err = unknown(name)
	}
	return d, err
}

// book adds to a digest of an owner the address of its reader.
func (s *Digests) book(r Reader, d *Digest) (Book, error) {
	to, found, err := r.Recipient(d.Recipient)
	if err != nil || !found {
		return Book{Digest: *d}, err
	}
	address, err := s.addressOf(&to)
	return Book{*d, address}, err
}

// List gives the digests of an owner in order of name.
func (s *Digests) List(ctx context.Context, owner string) (out []Book, err error) {
	err = s.Store.Read(ctx, func(r Reader) error {
		all, err := r.Owned(owner)
		if err != nil {
			return err
		}
		out = make([]Book, len(all))
		for i := range all {
			if out[i], err = s.book(r, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Change is what Update changes of a digest.
type Change struct {
	// Edit changes what callers set.
	Edit func(*Digest)
	// Address is another reader, who is asked to confirm; "" leaves it.
	Address string
	Vouched bool
	// Stop ends the digest, Go lets it go on, also an address that is paused.
	Stop, Go bool
}

// Update changes a digest of an owner.
func (s *Digests) Update(ctx context.Context, owner, name string, c Change) (out Book, err error) {
	if err := checkName("digest.name", name); err != nil {
		return out, err
	}
	if c.Address != "" {
		if c.Address, err = ParseAddress("digest.address", c.Address); err != nil {
			return out, err
		}
		if err := s.ready(); err != nil {
			return out, err
		}
	}
	before, err := s.Get(ctx, owner, name)
	if err != nil {
		return out, err
	}
	wanted := before.Digest
	if c.Edit != nil {
		c.Edit(&wanted)
	}
	wanted.Library = defaultLibrary(wanted.Library)
	if err := wanted.check(); err != nil {
		return out, err
	}
	if err := s.checkFeeds(ctx, &wanted); err != nil {
		return out, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		out, err = s.update(w, before, wanted, c)
		return err
	})
	s.changed()
	return out, err
}

func (s *Digests) update(w Writer, before Book, wanted Digest, c Change) (out Book, err error) {
	now := s.clock()
	d, err := live(w, before.Owner, before.Name)
	if err != nil {
		return out, err
	}
	d.DisplayName, d.Feeds, d.Listing, d.Schedule, d.Quiet = wanted.DisplayName, wanted.Feeds, wanted.Listing, wanted.Schedule, wanted.Quiet
	d.Authors, d.MaxItems, d.Library, d.UpdateTime = wanted.Authors, wanted.MaxItems, wanted.Library, now
	if d.Schedule != before.Schedule && d.State == Active { // a time of today that is over does not come today
		d.Handled = max(d.Handled, s.last(&d, now).Day)
	}
	r, found, err := w.Recipient(d.Recipient)
	if err != nil || !found {
		return out, err
	}
	switch {
	case c.Stop && d.State == Active:
		d.State = Stopped
	case c.Go:
		if err := s.goOn(w, &d, &r, now); err != nil {
			return out, err
		}
	}
	out = Book{d, before.Address}
	if c.Address != "" && c.Address != before.Address {
		return s.readdress(w, out, c, now)
	}
	return out, w.PutDigest(&d)
}

// goOn lets a digest come again.
func (s *Digests) goOn(w Writer, d *Digest, r *Recipient, now time.Time) error {
	if d.State == Stopped && !d.ConfirmTime.IsZero() {
		s.activate(d, now)
	}
	before := *r
	r.Score, r.RefusalWord = 0, ""
	return w.PutRecipient(r, &before)
}

// readdress gives a digest another reader.
func (s *Digests) readdress(w Writer, b Book, c Change, now time.Time) (Book, error) {
	if b.Current != nil {
		if err := w.RemoveIssue(b.ID, *b.Current); err != nil {
			return b, err
		}
		b.Current = nil
	}
	r, err := s.recipient(w, c.Address, now)
	if err != nil {
		return b, err
	}
	b.Recipient, b.Address = r.ID, c.Address
	if c.Vouched || slices.Contains(r.Owners, b.Owner) {
		s.activate(&b.Digest, now)
		return b, w.PutDigest(&b.Digest)
	}
	return b, s.ask(w, &b.Digest, &r, now)
}

// Delete forgets a digest of an owner; with erase, its reader's address as well, if no
// other digest has it.
func (s *Digests) Delete(ctx context.Context, owner, name string, erase bool) (out Book, err error) {
	if err := checkName("name", name); err != nil {
		return out, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		d, err := live(w, owner, name)
		if err != nil {
			return err
		}
		if out, err = s.book(w, &d); err != nil {
			return err
		}
		return s.remove(w, &d, erase)
	})
	return out, err
}

// remove forgets a digest, and its reader if none else has it: at once, or after
// KeptAddress, so that nobody gets the same papers again.
func (s *Digests) remove(w Writer, d *Digest, erase bool) error {
	if err := w.RemoveDigest(d); err != nil {
		return err
	}
	others, err := s.of(w, d.Recipient)
	if err != nil || len(others) > 1 || len(others) == 1 && others[0].ID != d.ID {
		return err
	}
	r, found, err := w.Recipient(d.Recipient)
	if err != nil || !found {
		return err
	}
	if erase {
		return w.RemoveRecipient(&r)
	}
	before := r
	r.IdleSince = s.clock()
	return w.PutRecipient(&r, &before)
}

// of gives the digests of a recipient.
func (s *Digests) of(r Reader, recipient uint32) (out []Digest, err error) {
	err = r.Digests(func(d *Digest) error {
		if d.Recipient == recipient {
			out = append(out, *d)
		}
		return nil
	})
	return out, err
}

// Reseal encrypts anew what older secrets encrypted, so that they can be forgotten.
func (s *Digests) Reseal(ctx context.Context) (n int, err error) {
	var old []Recipient
	if err := s.Store.Read(ctx, func(r Reader) error {
		return r.Recipients(func(one *Recipient) error {
			if err := s.Seal.Has(one.Sealed); err != nil {
				return err
			}
			if !s.Seal.Current(one.Sealed) {
				old = append(old, *one)
			}
			return nil
		})
	}); err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(old, 100) {
		err := s.Store.Write(ctx, func(w Writer) error {
			for i := range chunk {
				before, found, err := w.Recipient(chunk[i].ID)
				if err != nil || !found {
					return err
				}
				address, err := s.addressOf(&before)
				if err != nil {
					return err
				}
				after := before
				after.Sealed, after.Digest = s.Seal.Encrypt(purposeAddress, []byte(address)), s.Seal.Digest(purposeAddress, addressKey(address))
				if err := w.PutRecipient(&after, &before); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
