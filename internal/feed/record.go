package feed

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Found is a paper that a feed matched.
type Found struct {
	FeedID uint32
	// Owner and Name are the feed's.
	Owner, Name string
	Item        Item
}

// Recorded says which feeds got items.
type Recorded struct {
	// Items are those that were kept, with their cursors.
	Items []Found
	// Full are the feeds that have as many items today as they may.
	Full []uint32
}

// day is a day in days since 1970, UTC.
func day(t time.Time) int { return int(t.Unix() / (24 * 60 * 60)) }

// DayOf gives the day of a time as Progress.Day has it.
func DayOf(t time.Time) int { return day(t) }

// Record keeps what was found, in the order given, in one durable step with how far the
// collection was matched. What a feed that is gone by now found is left out, and so is a
// paper that is an item of the feed already, and what goes beyond the daily limit.
func (s *Feeds) Record(ctx context.Context, collection string, to Following, found []Found) (out Recorded, err error) {
	r := recording{now: s.clock()}
	err = s.ledger.Write(ctx, func(w Writer) error {
		out = Recorded{}
		has, known, err := w.Following(collection)
		if err != nil {
			return err
		}
		if !known { // the last feed was deleted meanwhile
			return nil
		}
		r.w, r.feeds = w, make(map[uint32]*filling)
		r.changes = s.recall(found, &r)
		if err := r.load(collection, found); err != nil {
			return err
		}
		for i := range found {
			if err := r.put(&found[i], &out); err != nil {
				return err
			}
		}
		if err := r.finish(&out); err != nil {
			return err
		}
		if to.Time.IsZero() {
			to.Time = r.now
		}
		if to == has {
			return nil
		}
		return w.PutFollowing(collection, &to)
	})
	if err == nil {
		s.remember(&r)
	}
	return out, err
}

// recall takes what is known of the feeds that found something out of memory, and says
// which change of feeds that is after. Until it is remembered again, nothing is known.
func (s *Feeds) recall(found []Found, r *recording) (changes uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.known = make(map[uint32]known, len(found))
	for i := range found {
		id := found[i].FeedID
		if k, ok := s.known[id]; ok {
			r.known[id] = k
			delete(s.known, id)
		}
	}
	return s.changes
}

// remember keeps in memory what a step that is durable has made of feeds, unless some were
// changed meanwhile.
func (s *Feeds) remember(r *recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != r.changes {
		return
	}
	for id, f := range r.feeds {
		if f != nil {
			s.known[id] = known{f.Feed, f.progress}
		}
	}
}

// recording gathers the items of one step.
type recording struct {
	w     Writer
	now   time.Time
	feeds map[uint32]*filling
	// known are feeds that need not be read; changes is what it is after.
	known   map[uint32]known
	changes uint64
}

// filling is a feed that gets items.
type filling struct {
	Feed
	progress Progress
	changed  bool
	papers   []string // of this step
}

// load reads the feeds that found something, and are still there.
func (r *recording) load(collection string, found []Found) error {
	for i := range found {
		id := found[i].FeedID
		if _, known := r.feeds[id]; known {
			continue
		}
		r.feeds[id] = nil
		if k, ok := r.known[id]; ok && k.Collection == collection {
			r.feeds[id] = &filling{Feed: k.Feed, progress: k.progress}
			continue
		}
		f, there, err := r.w.Feed(found[i].Owner, found[i].Name)
		if err != nil {
			return err
		}
		if !there || f.ID != id || f.Collection != collection {
			continue
		}
		p, err := r.w.Progress(id)
		if err != nil {
			return err
		}
		r.feeds[id] = &filling{Feed: f, progress: p}
	}
	return nil
}

func (r *recording) put(found *Found, out *Recorded) error {
	f := r.feeds[found.FeedID]
	if f == nil || slices.Contains(f.papers, found.Item.PaperID) {
		return nil
	}
	if _, seen, err := r.w.Seen(f.ID, found.Item.PaperID); err != nil || seen {
		return err
	}
	p := &f.progress
	if today := day(r.now); p.Day != today {
		p.Day, p.DayItems = today, 0
	}
	if p.DayItems >= f.MaxPerDay {
		p.LimitTime, f.changed = r.now, true
		return nil
	}
	p.Last++
	p.Items++
	p.DayItems++
	f.changed, f.papers = true, append(f.papers, found.Item.PaperID)
	it := found.Item
	it.Cursor, it.Time = p.Last, r.now
	out.Items = append(out.Items, Found{f.ID, f.Owner, f.Name, it})
	return r.w.PutItem(f.ID, &it)
}

// finish lets go of the oldest items of feeds that have too many, and keeps how far
// feeds are.
func (r *recording) finish(out *Recorded) error {
	for _, id := range sortedIDs(r.feeds) {
		f := r.feeds[id]
		if f == nil || !f.changed {
			continue
		}
		if err := r.shorten(f); err != nil {
			return err
		}
		if f.progress.DayItems >= f.MaxPerDay {
			out.Full = append(out.Full, id)
		}
		if err := r.w.PutProgress(id, &f.progress); err != nil {
			return err
		}
	}
	return nil
}

// shorten lets go of the oldest items of a feed that has too many.
func (r *recording) shorten(f *filling) error {
	if f.progress.Items <= MaxItems {
		return nil
	}
	for it, err := range r.w.Items(f.ID, 0, false) {
		if err != nil {
			return err
		}
		if f.progress.Items <= MaxItems {
			break
		}
		if err := r.w.RemoveItem(f.ID, &it); err != nil {
			return err
		}
		f.progress.Items--
	}
	return nil
}

func sortedIDs(feeds map[uint32]*filling) []uint32 { return slices.Sorted(maps.Keys(feeds)) }

// Calibrate keeps what feeds are matched by, where they are still the same: parallel to
// feeds.
func (s *Feeds) Calibrate(ctx context.Context, feeds []Feed, made []*Calibration) error {
	return s.ledger.Write(ctx, func(w Writer) error {
		for i := range feeds {
			now, found, err := w.Feed(feeds[i].Owner, feeds[i].Name)
			if err != nil {
				return err
			}
			if !found || now.ID != feeds[i].ID || !now.SameMatching(&feeds[i]) {
				continue
			}
			if err := w.PutCalibration(now.ID, made[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
