package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// MaxMerged is how many libraries are merged into one at once.
const MaxMerged = 100

// Merge adds the entries of some libraries to another, and, if asked, deletes them
// (they can come back). Of a paper that several have, one entry is made:
//
//   - the mark that was set last, with its weight; any mark beats none;
//   - the first time it was read, and the first time it came into one of them;
//   - all tags, and all notes, those of the library that they are added to first, with
//     an empty line between.
func (s *Libraries) Merge(ctx context.Context, owner, into string, from []string, deleteThem bool) (l Library, err error) {
	if err := check(owner, into); err != nil {
		return l, err
	}
	if len(from) == 0 || len(from) > MaxMerged {
		return l, mergeCount(len(from))
	}
	for i, name := range from {
		if err := CheckName(fmt.Sprintf("sources[%d]", i), name); err != nil {
			return l, err
		}
		if name == into || slices.Contains(from[:i], name) {
			return l, mergeTwice(i, name)
		}
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		if l, err = s.live(w, owner, into); err != nil {
			return err
		}
		f := filling{w: w, library: &l, now: s.clock(), put: map[string]*Entry{}}
		for _, name := range from {
			if err := s.pour(&f, owner, name, deleteThem); err != nil {
				return err
			}
		}
		return f.finish()
	})
	return l, err
}

// pour adds the entries of one library.
func (s *Libraries) pour(f *filling, owner, name string, deleteIt bool) error {
	source, err := s.live(f.w, owner, name)
	if err != nil {
		return err
	}
	if source.Collection != f.library.Collection {
		return differentCollections(f.library, &source)
	}
	for e, err := range f.w.Entries(source.ID) {
		if err != nil {
			return err
		}
		if err := f.add(e); err != nil {
			return err
		}
	}
	if !deleteIt {
		return nil
	}
	source.DeleteTime = f.now
	return f.w.PutLibrary(&source)
}

// add joins an entry of another library to what there is of its paper.
func (f *filling) add(e Entry) error {
	before, err := f.entry(e.PaperID)
	if err != nil {
		return err
	}
	after := e
	if before != nil {
		if after, err = joined(*before, e); err != nil || before.same(&after) {
			return err
		}
	}
	after.UpdateTime = f.now
	f.keep(before, &after)
	return f.library.room() // before more is held in memory
}

// joined makes one entry of two of a paper.
func joined(a, b Entry) (Entry, error) {
	out := a
	if b.Mark != None && (a.Mark == None || b.MarkTime.After(a.MarkTime)) {
		out.Mark, out.MarkTime, out.Weight = b.Mark, b.MarkTime, b.Weight
	}
	if !b.ReadTime.IsZero() && (a.ReadTime.IsZero() || b.ReadTime.Before(a.ReadTime)) {
		out.ReadTime = b.ReadTime
	}
	if b.CreateTime.Before(a.CreateTime) {
		out.CreateTime = b.CreateTime
	}
	switch {
	case a.Note == "":
		out.Note = b.Note
	case b.Note != "" && !strings.Contains(a.Note, b.Note):
		out.Note = a.Note + "\n\n" + b.Note
	}
	out.Tags = slices.Concat(a.Tags, b.Tags)
	if err := out.check(fmt.Sprintf("the merged entry of paper %q: ", a.PaperID)); err != nil {
		return out, tooMuch(a.PaperID, err)
	}
	return out, nil
}

// Adopted is a library that got another owner.
type Adopted struct {
	// From is its name before.
	From string
	Library
}

// Adopt gives all libraries of an owner to another, the deleted among them. One whose
// name the other has gets "-2" or a higher number behind it.
func (s *Libraries) Adopt(ctx context.Context, from, to string) (out []Adopted, err error) {
	for _, owner := range []string{from, to} {
		if err := checkOwner(owner); err != nil {
			return nil, err
		}
	}
	if from == to {
		return nil, nil
	}
	err = s.shelves.Write(ctx, func(w Writer) error {
		out, err = s.adopt(w, from, to)
		return err
	})
	return out, err
}

func (s *Libraries) adopt(w Writer, from, to string) (out []Adopted, err error) {
	if _, err := s.sweep(w, from); err != nil {
		return nil, err
	}
	if _, err := s.sweep(w, to); err != nil {
		return nil, err
	}
	mine, err := s.list(w, to, true)
	if err != nil {
		return nil, err
	}
	theirs, err := s.list(w, from, true)
	if err != nil {
		return nil, err
	}
	if n := len(mine) + len(theirs); n > MaxLibraries {
		return nil, full("%q would have %d libraries; the limit of an owner is %d: delete some for good", to, n, MaxLibraries)
	}
	taken := map[string]bool{}
	for _, l := range slices.Concat(mine, theirs) {
		taken[l.Name] = taken[l.Name] || l.Owner == to
	}
	for _, l := range theirs {
		a := Adopted{From: l.Name, Library: l}
		a.Owner, a.Name = to, free(taken, l.Name)
		taken[a.Name] = true
		if err := w.RemoveLibrary(from, l.Name); err != nil {
			return nil, err
		}
		if err := w.PutLibrary(&a.Library); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// free gives a name that is not taken: the name itself, or with a number behind.
func free(taken map[string]bool, name string) string {
	const longest = 64 - len("-9999")
	base := name[:min(len(name), longest)]
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}
