package library

import (
	"context"
	"time"

	"akin/internal/paper"
)

// Libraries has the rules of libraries, over what keeps them.
type Libraries struct {
	shelves Shelves
	now     func() time.Time
}

// New makes Libraries over shelves, which stay the caller's; now is the clock, nil
// means time.Now.
func New(shelves Shelves, now func() time.Time) *Libraries {
	if now == nil {
		now = time.Now
	}
	return &Libraries{shelves: shelves, now: now}
}

// clock is the time to keep: UTC, and without what a round trip would lose.
func (s *Libraries) clock() time.Time { return time.Unix(0, s.now().UnixNano()).UTC() }

// Create makes a library; only what callers set of one is read.
func (s *Libraries) Create(ctx context.Context, owner string, l Library) (Library, error) {
	if err := checkOwner(owner); err != nil {
		return Library{}, err
	}
	if err := l.check(); err != nil {
		return Library{}, err
	}
	err := s.shelves.Write(ctx, func(w Writer) error {
		switch had, found, err := s.find(w, owner, l.Name); {
		case err != nil:
			return err
		case found:
			return exists(&had)
		}
		made, err := s.create(w, owner, l)
		l = made
		return err
	})
	return l, err
}

// create keeps a library of which it is known that the name is free.
func (s *Libraries) create(w Writer, owner string, l Library) (Library, error) {
	kept, err := s.sweep(w, owner)
	if err != nil {
		return l, err
	}
	if kept >= MaxLibraries {
		return l, full("there are %d libraries, the limit of an owner, those among them that were deleted and can come back; erase some", kept)
	}
	now := s.clock()
	made := Library{
		Owner: owner, Name: l.Name, DisplayName: l.DisplayName, Description: l.Description, Collection: l.Collection,
		CreateTime: now, UpdateTime: now,
	}
	if made.Collection == "" {
		made.Collection = paper.DefaultCollection
	}
	return made, w.PutLibrary(&made)
}

// find gives a library, the deleted among them, unless its time is over.
func (s *Libraries) find(r Reader, owner, name string) (Library, bool, error) {
	l, found, err := r.Library(owner, name)
	return l, found && !s.over(&l), err
}

// over says that a deleted library cannot come back any more.
func (s *Libraries) over(l *Library) bool {
	return l.Deleted() && s.now().Sub(l.DeleteTime) > Retention
}

// live gives a library that is not deleted, or the error for one that is not there.
func (s *Libraries) live(r Reader, owner, name string) (Library, error) {
	l, found, err := s.find(r, owner, name)
	switch {
	case err != nil:
		return l, err
	case !found:
		return l, unknown(name)
	case l.Deleted():
		return l, unknownDeleted(&l)
	}
	return l, nil
}

// sweep erases the libraries whose time is over, and counts the others.
func (s *Libraries) sweep(w Writer, owner string) (kept int, err error) {
	all, err := w.Libraries(owner)
	if err != nil {
		return 0, err
	}
	for i := range all {
		if !s.over(&all[i]) {
			kept++
			continue
		}
		if err := erase(w, &all[i]); err != nil {
			return 0, err
		}
	}
	return kept, nil
}

func erase(w Writer, l *Library) error {
	if err := w.RemoveLibrary(l.Owner, l.Name); err != nil {
		return err
	}
	return w.Clear(l.ID)
}

// Sweep erases the deleted libraries of all owners whose time is over.
func (s *Libraries) Sweep(ctx context.Context) error {
	return s.shelves.Write(ctx, func(w Writer) error {
		_, err := s.sweep(w, "")
		return err
	})
}

// Get gives a library.
func (s *Libraries) Get(ctx context.Context, owner, name string) (l Library, err error) {
	if err := check(owner, name); err != nil {
		return l, err
	}
	err = s.shelves.Read(ctx, func(r Reader) error {
		l, err = s.live(r, owner, name)
		return err
	})
	return l, err
}

func check(owner, name string) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	return CheckName("library", name)
}

// List gives the libraries of an owner in order of name; those that are deleted and
// can come back only if asked for.
func (s *Libraries) List(ctx context.Context, owner string, deleted bool) (out []Library, err error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	err = s.shelves.Read(ctx, func(r Reader) error {
		out, err = s.list(r, owner, deleted)
		return err
	})
	return out, err
}

func (s *Libraries) list(r Reader, owner string, deleted bool) (out []Library, err error) {
	all, err := r.Libraries(owner)
	for _, l := range all {
		if !l.Deleted() || deleted && !s.over(&l) {
			out = append(out, l)
		}
	}
	return out, err
}

// Update lets change set the display name and description of a library.
func (s *Libraries) Update(ctx context.Context, owner, name string, change func(*Library)) (l Library, err error) {
	if err := check(owner, name); err != nil {
		return l, err
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		if l, err = s.live(w, owner, name); err != nil {
			return err
		}
		wanted := l
		change(&wanted)
		if wanted.DisplayName == l.DisplayName && wanted.Description == l.Description {
			return nil
		}
		l.DisplayName, l.Description, l.UpdateTime = wanted.DisplayName, wanted.Description, s.clock()
		if err := l.check(); err != nil {
			return err
		}
		return w.PutLibrary(&l)
	})
	return l, err
}

// Delete takes a library away; for Retention it can come back, unless it is erased at
// once. One that is deleted already can still be erased.
func (s *Libraries) Delete(ctx context.Context, owner, name string, atOnce bool) (l Library, err error) {
	if err := check(owner, name); err != nil {
		return l, err
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		var found bool
		switch l, found, err = s.find(w, owner, name); {
		case err != nil:
			return err
		case !found:
			return unknown(name)
		case l.Deleted() && !atOnce:
			return unknownDeleted(&l)
		}
		if !l.Deleted() {
			l.DeleteTime = s.clock()
		}
		if atOnce {
			return erase(w, &l)
		}
		return w.PutLibrary(&l)
	})
	return l, err
}

// Undelete brings a deleted library back; one that is not deleted stays as it is.
func (s *Libraries) Undelete(ctx context.Context, owner, name string) (l Library, err error) {
	if err := check(owner, name); err != nil {
		return l, err
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		var found bool
		switch l, found, err = s.find(w, owner, name); {
		case err != nil:
			return err
		case !found:
			return unknown(name)
		case !l.Deleted():
			return nil
		}
		l.DeleteTime = time.Time{}
		return w.PutLibrary(&l)
	})
	return l, err
}
