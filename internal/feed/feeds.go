package feed

import (
	"context"
	"sync"
	"time"

	"akin/internal/paper"
)

// Feeds has the rules of feeds, over what keeps them. One of them alone changes what a
// ledger keeps: it remembers how far feeds are.
type Feeds struct {
	ledger Ledger
	now    func() time.Time

	mu sync.Mutex // guards what follows
	// known are feeds that found something lately, as they are kept.
	known map[uint32]known
	// changes counts the changes of feeds.
	changes uint64
}

// known is a feed and how far it is.
type known struct {
	Feed
	progress Progress
}

// New makes Feeds over a ledger, which stays the caller's; now is the clock, nil means
// time.Now.
func New(ledger Ledger, now func() time.Time) *Feeds {
	if now == nil {
		now = time.Now
	}
	return &Feeds{ledger: ledger, now: now, known: make(map[uint32]known)}
}

// unknow is called where a feed is changed, within the write that does it.
func (s *Feeds) unknow(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
	s.changes++
}

// clock is the time to keep: UTC, and without what a round trip would lose.
func (s *Feeds) clock() time.Time { return time.Unix(0, s.now().UnixNano()).UTC() }

// Create keeps a feed that is complete, with what it is matched by; f.Since says from
// where on.
func (s *Feeds) Create(ctx context.Context, owner string, f Feed, c *Calibration) (Feed, error) {
	if err := checkOwner(owner); err != nil {
		return Feed{}, err
	}
	if err := CheckName("feed.name", f.Name); err != nil {
		return Feed{}, err
	}
	f.ID, f.Owner = 0, owner
	f.CreateTime = s.clock()
	f.UpdateTime = f.CreateTime
	err := s.ledger.Write(ctx, func(w Writer) error {
		if err := s.room(w, &f); err != nil {
			return err
		}
		if err := w.PutFeed(&f); err != nil {
			return err
		}
		if _, found, err := w.Following(f.Collection); err != nil || !found {
			if err != nil {
				return err
			}
			if err := w.PutFollowing(f.Collection, &Following{Cursor: f.Since, Time: f.CreateTime}); err != nil {
				return err
			}
		}
		return w.PutCalibration(f.ID, c)
	})
	return f, err
}

// Room says whether an owner may have one more feed, of a name.
func (s *Feeds) Room(ctx context.Context, owner, name string) error {
	if err := check(owner, name); err != nil {
		return err
	}
	return s.ledger.Read(ctx, func(r Reader) error { return s.room(r, &Feed{Owner: owner, Name: name}) })
}

func (s *Feeds) room(r Reader, f *Feed) error {
	if _, found, err := r.Feed(f.Owner, f.Name); err != nil || found {
		if found {
			err = exists(f.Name)
		}
		return err
	}
	own, err := r.Feeds(f.Owner)
	if err != nil {
		return err
	}
	all, err := r.Count()
	switch {
	case err != nil:
		return err
	case len(own) >= MaxFeeds:
		return full("there are %d feeds, the limit of an owner; delete some, or widen one", len(own))
	case all >= MaxAllFeeds:
		return full("this server has %d feeds, its limit; whoever runs it can delete some", all)
	}
	return nil
}

func check(owner, name string) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	return CheckName("name", name)
}

// State is a feed with what is known of it.
type State struct {
	Feed
	Progress    Progress
	Calibration Calibration
	Following   Following
}

// Get gives a feed.
func (s *Feeds) Get(ctx context.Context, owner, name string) (st State, err error) {
	if err := check(owner, name); err != nil {
		return st, err
	}
	err = s.ledger.Read(ctx, func(r Reader) error {
		f, err := live(r, owner, name)
		if err != nil {
			return err
		}
		st, err = StateOf(r, f)
		return err
	})
	return st, err
}

// live gives a feed, or the error for one that is not there.
func live(r Reader, owner, name string) (Feed, error) {
	f, found, err := r.Feed(owner, name)
	if err == nil && !found {
		err = Unknown(name)
	}
	return f, err
}

// StateOf reads what is known of a feed.
func StateOf(r Reader, f Feed) (st State, err error) {
	st.Feed = f
	if st.Progress, err = r.Progress(f.ID); err != nil {
		return st, err
	}
	if st.Calibration, _, err = r.Calibration(f.ID); err != nil {
		return st, err
	}
	st.Following, _, err = r.Following(f.Collection)
	return st, err
}

// List gives the feeds of an owner in order of name.
func (s *Feeds) List(ctx context.Context, owner string) (out []State, err error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	err = s.ledger.Read(ctx, func(r Reader) error {
		all, err := r.Feeds(owner)
		if err != nil {
			return err
		}
		for _, f := range all {
			st, err := StateOf(r, f)
			if err != nil {
				return err
			}
			out = append(out, st)
		}
		return nil
	})
	return out, err
}

// Update replaces a feed that is complete, and, unless c is nil, what it is matched by.
// before is what the caller has read: if the feed is another by now, the error is of kind
// FailedPrecondition, and nothing is changed.
func (s *Feeds) Update(ctx context.Context, before, f Feed, c *Calibration) (Feed, error) {
	f.UpdateTime = s.clock()
	err := s.ledger.Write(ctx, func(w Writer) error {
		now, err := live(w, before.Owner, before.Name)
		if err != nil {
			return err
		}
		if now.ID != before.ID || !now.UpdateTime.Equal(before.UpdateTime) {
			return &paper.Error{
				Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported, ResourceType: "feed", ResourceName: f.Name,
				Message: "the feed was changed by somebody else at the same time; read it again, and update it then",
			}
		}
		s.unknow(f.ID)
		if c != nil {
			if err := w.PutCalibration(f.ID, c); err != nil {
				return err
			}
		}
		return w.PutFeed(&f)
	})
	return f, err
}

// Delete erases a feed and all that it found.
func (s *Feeds) Delete(ctx context.Context, owner, name string) error {
	if err := check(owner, name); err != nil {
		return err
	}
	return s.ledger.Write(ctx, func(w Writer) error {
		f, err := live(w, owner, name)
		if err != nil {
			return err
		}
		s.unknow(f.ID)
		all, err := w.Feeds("")
		if err != nil {
			return err
		}
		others := false
		for i := range all {
			others = others || all[i].ID != f.ID && all[i].Collection == f.Collection
		}
		if !others { // the log need not be kept any more
			if err := w.PutFollowing(f.Collection, nil); err != nil {
				return err
			}
		}
		if err := w.RemoveFeed(owner, name); err != nil {
			return err
		}
		return w.Clear(f.ID)
	})
}

// Items gives items of a feed behind a cursor, the oldest first, or, if newest is set,
// those before it, the newest first, where 0 is behind all; up to limit of them.
func (s *Feeds) Items(ctx context.Context, owner, name string, cursor uint64, newest bool, limit int) (f Feed, out []Item, err error) {
	if err := check(owner, name); err != nil {
		return f, nil, err
	}
	err = s.ledger.Read(ctx, func(r Reader) error {
		if f, err = live(r, owner, name); err != nil {
			return err
		}
		for it, err := range r.Items(f.ID, cursor, newest) {
			if err != nil {
				return err
			}
			if len(out) == limit {
				break
			}
			out = append(out, it)
		}
		return nil
	})
	return f, out, err
}
