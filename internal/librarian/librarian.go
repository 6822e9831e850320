// Package librarian has the use cases that need libraries and papers alike: it finds
// the papers that are meant, imports and exports references, lists libraries by what
// their papers say, and tells what a library lacks. What needs libraries alone is in
// package library, and what needs papers alone in package engine: it stands on both.
//
// A Librarian is safe for concurrent use. Each call reads the library once, and the
// papers after that; a paper that is erased in between is as one that was erased before.
package librarian

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"akin/internal/engine"
	"akin/internal/library"
	"akin/internal/paper"
)

// Papers reads papers and recommends some.
type Papers interface {
	// GetEach is engine.Engine.GetEach.
	GetEach(ctx context.Context, collection string, names []string, visit func(int, *paper.Record) bool, missing func(int)) error
	// Recommend is engine.Engine.Recommend.
	Recommend(ctx context.Context, req engine.RecommendRequest) (*engine.Answer, error)
	// Questions is engine.Engine.Questions.
	Questions(ctx context.Context, req engine.QuestionsRequest) (*engine.Questions, error)
}

// Finder tells which papers are meant; "" is none.
type Finder interface {
	// Identify is engine.Engine.Identify.
	Identify(ctx context.Context, collection string, names []string) ([]string, error)
	// Entitled is engine.Engine.Entitled.
	Entitled(ctx context.Context, collection string, titles []string) ([]string, error)
}

// Engine is what an engine.Engine does for libraries.
type Engine interface {
	Papers
	Finder
}

// Librarian has the use cases. Those of library.Libraries are among them, but where
// they are about papers.
type Librarian struct {
	*library.Libraries
	engine Engine
	now    func() time.Time
}

// New makes a Librarian; now is the clock, nil means time.Now.
func New(libraries *library.Libraries, e Engine, now func() time.Time) *Librarian {
	if now == nil {
		now = time.Now
	}
	return &Librarian{Libraries: libraries, engine: e, now: now}
}

// Create makes a library, in a collection that there is.
func (b *Librarian) Create(ctx context.Context, owner string, l library.Library) (library.Library, error) {
	if _, err := b.engine.Identify(ctx, l.Collection, nil); err != nil {
		return library.Library{}, err
	}
	return b.Libraries.Create(ctx, owner, l)
}

// At gives a library that may have to be made: then as it would be.
func (b *Librarian) at(ctx context.Context, owner string, at library.Place) (library.Library, error) {
	l, err := b.Get(ctx, owner, at.Name)
	if at.Create && paper.KindOf(err) == paper.NotFound {
		all, listErr := b.List(ctx, owner, true)
		if listErr != nil {
			return l, listErr
		}
		if !slices.ContainsFunc(all, func(l library.Library) bool { return l.Name == at.Name }) {
			return library.Library{Owner: owner, Name: at.Name, Collection: paper.DefaultCollection}, nil
		}
	}
	return l, err
}

// Set is library.Libraries.Set with names of papers in place of ids. A paper that is
// neither in the collection nor in the library is an error, unless missing ones are
// allowed.
func (b *Librarian) Set(
	ctx context.Context, owner string, at library.Place, changes []library.Change, allowMissing bool,
) ([]library.Changed, library.Library, error) {
	if n := len(changes); n == 0 || n > library.MaxBatch {
		return nil, library.Library{}, paper.InvalidField("entries", "has %d items; give 1 to %d", n, library.MaxBatch)
	}
	l, err := b.at(ctx, owner, at)
	if err != nil {
		return nil, l, err
	}
	names := make([]string, len(changes))
	for i := range changes {
		names[i] = changes[i].PaperID
		if err := checkName(fmt.Sprintf("entries[%d].paper_id", i), names[i]); err != nil {
			return nil, l, err
		}
	}
	ids, err := b.meant(ctx, &l, names)
	if err != nil {
		return nil, l, err
	}
	changes = slices.Clone(changes)
	for i, id := range ids {
		if id != "" {
			changes[i].PaperID = id
		} else if !allowMissing {
			return nil, l, missing(fmt.Sprintf("entries[%d]", i), names[i])
		}
	}
	at.Collection = l.Collection
	return b.Libraries.Set(ctx, owner, at, changes)
}

func checkName(field, name string) error {
	if err := paper.ValidateID(name); err != nil {
		return paper.InvalidField(field, "%v", err)
	}
	return nil
}

func missing(field, name string) error {
	e := paper.MissingPaper(name)
	e.Message = fmt.Sprintf("%s %q is not in the collection; import the paper, look it up with list, or allow missing ones", field, name)
	return e
}

// meant gives the ids that names mean: one of the library's, or else one of the
// collection's; "" for none.
func (b *Librarian) meant(ctx context.Context, l *library.Library, names []string) ([]string, error) {
	ids, err := b.engine.Identify(ctx, l.Collection, names)
	if err != nil || l.ID == 0 || len(names) == 0 {
		return ids, err
	}
	// A paper that was erased may stay in the library, whatever else has its name.
	shelved, err := b.Lookup(ctx, l.Owner, l.Name, names)
	if err != nil {
		return nil, err
	}
	has := make(map[string]bool, len(shelved))
	for i := range shelved {
		has[shelved[i].PaperID] = true
	}
	for i, name := range names {
		if has[name] {
			ids[i] = name
		}
	}
	return ids, nil
}

// Remove is library.Libraries.Remove with names of papers in place of ids.
func (b *Librarian) Remove(ctx context.Context, owner, name string, names []string) (removed []library.Entry, gone []string, err error) {
	if n := len(names); n == 0 || n > library.MaxBatch {
		return nil, nil, paper.InvalidField("paper_ids", "has %d items; give 1 to %d", n, library.MaxBatch)
	}
	l, err := b.Get(ctx, owner, name)
	if err != nil {
		return nil, nil, err
	}
	ids, err := b.meant(ctx, &l, names)
	if err != nil {
		return nil, nil, err
	}
	called := make(map[string]string, len(names))
	for i, id := range ids {
		if id == "" {
			ids[i] = names[i]
		}
		called[ids[i]] = names[i]
	}
	removed, gone, _, err = b.Libraries.Remove(ctx, owner, name, ids)
	for i, id := range gone {
		gone[i] = called[id]
	}
	return removed, gone, err
}

// readAtOnce is how many papers one call of the engine reads.
const readAtOnce = engine.MaxBatch

// read calls visit with the papers that there are of some ids, by their positions.
func (b *Librarian) read(ctx context.Context, collection string, ids []string, visit func(int, *paper.Record)) error {
	for from := 0; from < len(ids); from += readAtOnce {
		some := ids[from:min(from+readAtOnce, len(ids))]
		err := b.engine.GetEach(ctx, collection, some, func(i int, r *paper.Record) bool {
			if r.ID == some[i] { // not what else goes by the name of a paper that was erased
				visit(from+i, r)
			}
			return true
		}, func(int) {})
		if err != nil {
			return err
		}
	}
	return nil
}

// idsOf gives the ids of the papers of entries.
func idsOf(entries []library.Entry) []string {
	ids := make([]string, len(entries))
	for i := range entries {
		ids[i] = entries[i].PaperID
	}
	return ids
}

// Choice says which entries of a library are meant. The zero value is all.
type Choice struct {
	// Marks are those of which an entry has one; empty is any.
	Marks []library.Mark
	// Tag is one that an entry has; "" is any, or none.
	Tag string
	// Read is whether the paper was read; nil is either.
	Read *bool
}

// check holds a choice to what there may be.
func (c *Choice) check() error {
	if c.Tag == "" {
		return nil
	}
	return library.CheckTag("tag", c.Tag)
}

func (c *Choice) takes(e *library.Entry) bool {
	return (len(c.Marks) == 0 || slices.Contains(c.Marks, e.Mark)) &&
		(c.Tag == "" || slices.Contains(e.Tags, strings.TrimSpace(c.Tag))) &&
		(c.Read == nil || *c.Read == !e.ReadTime.IsZero())
}

// chosen keeps the entries that are meant; it overwrites all.
func (c *Choice) chosen(all []library.Entry) []library.Entry {
	return slices.DeleteFunc(all, func(e library.Entry) bool { return !c.takes(&e) })
}
