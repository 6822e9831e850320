package library

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Fields says which parts of an entry a change is about.
type Fields uint

// The parts of an entry.
const (
	FieldMark Fields = 1 << iota
	FieldRead
	FieldNote
	FieldTags
	FieldWeight
	// AllFields is every part.
	AllFields = FieldMark | FieldRead | FieldNote | FieldTags | FieldWeight
)

// Change sets parts of an entry; the others keep what they hold. Of the times, those
// that are zero are the clock's, or stay as they are where nothing changes; the create
// time counts for a new entry alone.
type Change struct {
	Entry
	Fields Fields
	// Read is whether the paper was read.
	Read bool
}

// Changed is what became of an entry.
type Changed struct {
	Entry
	// Before is what it was; nil if the entry is new.
	Before *Entry
}

// Set applies changes to the entries of a library, in their order. The same again
// changes nothing. With create, a library that is not there is made, in the
// collection.
func (s *Libraries) Set(ctx context.Context, owner string, at Place, changes []Change) (out []Changed, l Library, err error) {
	if err := check(owner, at.Name); err != nil {
		return nil, l, err
	}
	if err := checkBatch("entries", len(changes)); err != nil {
		return nil, l, err
	}
	for i := range changes {
		if err := changes[i].check(fmt.Sprintf("entries[%d]", i)); err != nil {
			return nil, l, err
		}
	}
	return s.set(ctx, owner, at, changes)
}

// Place is a library that may be made.
type Place struct {
	Name string
	// Create makes it if it is not there, in Collection.
	Create     bool
	Collection string
}

// set is Set of what was checked, however many.
func (s *Libraries) set(ctx context.Context, owner string, at Place, changes []Change) (out []Changed, l Library, err error) {
	err = s.shelves.Write(ctx, func(w Writer) error {
		if l, err = s.place(w, owner, at); err != nil {
			return err
		}
		f := filling{w: w, library: &l, now: s.clock(), put: map[string]*Entry{}}
		for i := range changes {
			done, err := f.apply(&changes[i])
			if err != nil {
				return err
			}
			out = append(out, done)
		}
		return f.finish()
	})
	if err != nil {
		return nil, l, err
	}
	return out, l, nil
}

// place gives the library to change.
func (s *Libraries) place(w Writer, owner string, at Place) (Library, error) {
	l, found, err := s.find(w, owner, at.Name)
	if err == nil && !found && at.Create {
		return s.create(w, owner, Library{Name: at.Name, Collection: at.Collection})
	}
	switch {
	case err != nil:
		return l, err
	case !found:
		return l, unknown(at.Name)
	case l.Deleted():
		return l, unknownDeleted(&l)
	}
	return l, nil
}

// filling is a library whose entries change in one step.
type filling struct {
	w       Writer
	library *Library
	now     time.Time
	// put are the entries that changed, by paper; nil is one that is removed.
	put map[string]*Entry
}

// entry gives an entry as it is now; nil if there is none.
func (f *filling) entry(paperID string) (*Entry, error) {
	if e, ok := f.put[paperID]; ok {
		return e, nil
	}
	e, found, err := f.w.Entry(f.library.ID, paperID)
	if err != nil || !found {
		return nil, err
	}
	return &e, nil
}

// apply makes one change.
func (f *filling) apply(c *Change) (Changed, error) {
	before, err := f.entry(c.PaperID)
	if err != nil {
		return Changed{}, err
	}
	after := f.after(before, c)
	if before != nil && before.same(&after) {
		return Changed{Entry: *before, Before: before}, nil
	}
	f.keep(before, &after)
	return Changed{Entry: after, Before: before}, nil
}

// keep notes that an entry is another than it was.
func (f *filling) keep(before, after *Entry) {
	if before != nil {
		f.library.Counts.add(before, -1)
	}
	f.library.Counts.add(after, 1)
	f.put[after.PaperID] = after
}

// drop notes that an entry is removed.
func (f *filling) drop(before *Entry) {
	f.library.Counts.add(before, -1)
	f.put[before.PaperID] = nil
}

// after gives the entry that a change makes.
func (f *filling) after(before *Entry, c *Change) Entry {
	e := Entry{PaperID: c.PaperID, CreateTime: f.now}
	if !c.CreateTime.IsZero() {
		e.CreateTime = c.CreateTime.UTC()
	}
	if before != nil {
		e = *before
	}
	e.UpdateTime = f.now
	if c.Fields&FieldMark != 0 {
		e.setMark(c, f.now)
	}
	if c.Fields&FieldRead != 0 {
		e.setRead(c, f.now)
	}
	if c.Fields&FieldNote != 0 {
		e.Note = c.Note
	}
	if c.Fields&FieldTags != 0 {
		e.Tags = c.Tags
	}
	if c.Fields&FieldWeight != 0 {
		e.Weight = c.Weight
	}
	return e
}

func (e *Entry) setMark(c *Change, now time.Time) {
	switch {
	case c.Mark == None:
		e.MarkTime = time.Time{}
	case !c.MarkTime.IsZero():
		e.MarkTime = c.MarkTime.UTC()
	case c.Mark != e.Mark:
		e.MarkTime = now
	}
	e.Mark = c.Mark
}

func (e *Entry) setRead(c *Change, now time.Time) {
	switch {
	case !c.Read:
		e.ReadTime = time.Time{}
	case !c.ReadTime.IsZero():
		e.ReadTime = c.ReadTime.UTC()
	case e.ReadTime.IsZero():
		e.ReadTime = now
	}
}

// finish writes what changed.
func (f *filling) finish() error {
	if len(f.put) == 0 {
		return nil
	}
	if err := f.library.room(); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(f.put)) {
		var err error
		if e := f.put[id]; e != nil {
			err = f.w.PutEntry(f.library.ID, e)
		} else {
			err = f.w.RemoveEntry(f.library.ID, id)
		}
		if err != nil {
			return err
		}
	}
	f.library.UpdateTime = f.now
	return f.w.PutLibrary(f.library)
}

// Remove takes papers out of a library, and gives what they were; missing are those
// that were not in it.
func (s *Libraries) Remove(ctx context.Context, owner, name string, papers []string) (removed []Entry, missing []string, l Library, err error) {
	if err := check(owner, name); err != nil {
		return nil, nil, l, err
	}
	if err := checkBatch("paper_ids", len(papers)); err != nil {
		return nil, nil, l, err
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		if l, err = s.live(w, owner, name); err != nil {
			return err
		}
		removed, missing, err = s.remove(w, &l, papers)
		return err
	})
	return removed, missing, l, err
}

func (s *Libraries) remove(w Writer, l *Library, papers []string) (removed []Entry, missing []string, err error) {
	gone := map[string]bool{}
	for _, id := range papers {
		e, found, err := w.Entry(l.ID, id)
		switch {
		case err != nil:
			return nil, nil, err
		case gone[id]:
			continue
		case !found:
			missing = append(missing, id)
			continue
		}
		gone[id] = true
		l.Counts.add(&e, -1)
		removed = append(removed, e)
		if err := w.RemoveEntry(l.ID, id); err != nil {
			return nil, nil, err
		}
	}
	if len(removed) == 0 {
		return nil, missing, nil
	}
	l.UpdateTime = s.clock()
	return removed, missing, w.PutLibrary(l)
}

// Entries gives all entries of a library, in order of paper id.
func (s *Libraries) Entries(ctx context.Context, owner, name string) (l Library, all []Entry, err error) {
	if err := check(owner, name); err != nil {
		return l, nil, err
	}
	err = s.shelves.Read(ctx, func(r Reader) error {
		if l, err = s.live(r, owner, name); err != nil {
			return err
		}
		all, err = entriesOf(r, &l)
		return err
	})
	return l, all, err
}

func entriesOf(r Reader, l *Library) (all []Entry, err error) {
	for e, err := range r.Entries(l.ID) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Shelved is an entry with the name of its library.
type Shelved struct {
	Library string
	Entry
}

// mostPairs is how many papers times libraries one call looks up.
const mostPairs = 100_000

// Lookup gives the entries that there are of some papers in a library, or, of Any, in
// all libraries of the owner: by library, then in the order of the papers.
func (s *Libraries) Lookup(ctx context.Context, owner, name string, papers []string) (out []Shelved, err error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	if name != Any {
		if err := CheckName("library", name); err != nil {
			return nil, err
		}
	}
	if err := checkBatch("paper_ids", len(papers)); err != nil {
		return nil, err
	}
	err = s.shelves.Read(ctx, func(r Reader) error {
		libraries, err := s.named(r, owner, name)
		if err != nil {
			return err
		}
		if n := len(libraries) * len(papers); n > mostPairs {
			return full("%d papers in %d libraries are more than can be looked up at once; the limit of both multiplied is %d: ask for fewer papers", len(papers), len(libraries), mostPairs)
		}
		out, err = lookup(r, libraries, papers)
		return err
	})
	return out, err
}

// named gives one library, or all.
func (s *Libraries) named(r Reader, owner, name string) ([]Library, error) {
	if name == Any {
		return s.list(r, owner, false)
	}
	l, err := s.live(r, owner, name)
	return []Library{l}, err
}

func lookup(r Reader, libraries []Library, papers []string) (out []Shelved, err error) {
	bytes := 0
	for i := range libraries {
		for _, id := range papers {
			e, found, err := r.Entry(libraries[i].ID, id)
			if err != nil {
				return nil, err
			}
			if found {
				if bytes += e.bytes(); bytes > MaxBytes {
					return nil, full("the entries of these papers have more than %d bytes; ask for fewer papers", MaxBytes)
				}
				out = append(out, Shelved{Library: libraries[i].Name, Entry: e})
			}
		}
	}
	return out, nil
}

// Addition is a paper that comes into a library from elsewhere.
type Addition struct {
	PaperID string
	// Mark and Note count where the library has none, Tags are added.
	Mark Mark
	Note string
	Tags []string
}

// Add takes papers into a library, at most MaxEntries, and says of each whether the
// library did not have it. Of those that it has, no mark and no note is changed.
func (s *Libraries) Add(ctx context.Context, owner string, at Place, additions []Addition) (added []bool, l Library, err error) {
	if err := check(owner, at.Name); err != nil {
		return nil, l, err
	}
	if n := len(additions); n > MaxEntries {
		return nil, l, full("%d papers are more than a library can have; the limit is %d", n, MaxEntries)
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		added = make([]bool, 0, len(additions))
		if l, err = s.place(w, owner, at); err != nil {
			return err
		}
		f := filling{w: w, library: &l, now: s.clock(), put: map[string]*Entry{}}
		for i := range additions {
			c, isNew, err := f.addition(&additions[i])
			if err != nil {
				return err
			}
			if _, err := f.apply(&c); err != nil {
				return err
			}
			added = append(added, isNew)
		}
		return f.finish()
	})
	return added, l, err
}

// addition gives the change that an addition is.
func (f *filling) addition(a *Addition) (c Change, isNew bool, err error) {
	before, err := f.entry(a.PaperID)
	if err != nil {
		return c, false, err
	}
	c = Change{Entry: Entry{PaperID: a.PaperID, Mark: a.Mark, Note: a.Note, Tags: a.Tags}, Fields: FieldMark | FieldNote | FieldTags}
	if before != nil {
		c.Tags = slices.Concat(before.Tags, a.Tags)
		if before.Mark != None {
			c.Fields &^= FieldMark
		}
		if before.Note != "" {
			c.Fields &^= FieldNote
		}
	}
	return c, before == nil, c.check(fmt.Sprintf("paper %q", a.PaperID))
}
