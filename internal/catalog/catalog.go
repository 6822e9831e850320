// Package catalog is the contract between akin's use cases and whatever keeps papers
// and finds their neighbours: a store and indexes on one machine (catalog/local), a
// cluster, or memory (catalog/catalogtest). It holds types and small interfaces, and
// no code that stores or searches.
//
// Papers are named by their ids. Beside an id there may ride a handle, by which the
// catalog that gave it finds the paper faster; it means nothing to anybody else, and
// an id alone always does.
//
// A catalog has to implement Catalog, and its views View: nine methods in all. What it
// may have beside that are the capabilities in capability.go, which a caller asks a
// value for by type assertion. Each says what the answer is where it is missing.
//
// Everything here is safe for concurrent use unless it says otherwise. Errors that a
// caller can cause are *paper.Error with a kind: an unknown collection is
// paper.NotFound with paper.ReasonCollectionUnknown, a filter that does not parse
// paper.Invalid with the field "filter".
package catalog

import (
	"context"
	"iter"
	"time"

	"akin/internal/paper"
)

// Catalog holds collections.
type Catalog interface {
	// View opens a collection as it is now: every change that was acknowledged before
	// the call is in it. The caller closes the view.
	View(ctx context.Context, collection string) (View, error)
	// Apply makes changes durable, all or none, and then visible to views that are
	// opened from then on. It gives one outcome a change, in their order, and the
	// sequence number that the collection has reached. Where an id stands twice, the
	// changes are applied in their order.
	Apply(ctx context.Context, collection string, changes []Mutation) ([]Outcome, uint64, error)
}

// Gated is a catalog that may take no changes. One that is none says so when they are
// applied.
type Gated interface {
	// Writable says why changes would be refused, before work is done for them.
	Writable(ctx context.Context) error
}

// Lists keeps lists of results for their page tokens where all servers over the catalog
// find them. Without it each server keeps those that it made, and their tokens only lead
// on there.
type Lists interface {
	// KeepList keeps bytes under a name until a time, in the place of what it has.
	KeepList(ctx context.Context, name string, data []byte, until time.Time) error
	// List gives what is kept under a name, and until when; nil where nothing is.
	List(ctx context.Context, name string) (data []byte, until time.Time, err error)
}

// Preparer is a catalog that can do a part of the work of changes before it is their
// turn, for many at once: changes of a collection are applied one group at a time. A
// catalog that is none does all of it then.
type Preparer interface {
	// Prepare sets Prepared of the changes. What they say of papers may still become
	// another before they are applied: what was prepared is then of no use.
	Prepare(ctx context.Context, collection string, changes []*Mutation) error
}

// View is a collection at one sequence number: the papers, candidates and words of its
// answers agree with each other. What is looked for in an index that changes in place
// may be missing where it was changed or deleted since; it is never there as it was
// not. A view is for one query, and holds what was deleted since it was opened: it is
// not to be kept. Close comes after all other calls, and may be called twice.
type View interface {
	// Info describes the collection. It costs nothing.
	Info() Info
	Close()
	Papers
	Finder
}

// Papers reads papers.
type Papers interface {
	// Get gives the papers of refs, parallel to them; nil for one that is not there.
	// A paper that is there under the handle, but with another id, is not there.
	Get(ctx context.Context, refs []paper.Ref) ([]*paper.Record, error)
	// List iterates over papers in order of id. It reads as it goes: what the caller
	// does not take costs nothing. After an error it ends.
	List(ctx context.Context, from Listing) iter.Seq2[*paper.Record, error]
	// Vectors gives the vectors of refs, parallel to them, float32 [dim] each; nil for
	// a paper that is not there. The caller does not change them.
	Vectors(ctx context.Context, refs []paper.Ref) ([][]float32, error)
}

// Listing says which papers to list.
type Listing struct {
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// After is the id that the list comes after; "" begins it.
	After string
}

// Finder finds candidates.
type Finder interface {
	// Nearest finds the papers nearest to any of one or more vectors.
	Nearest(ctx context.Context, q Nearest) (Found, error)
	// Hybrid finds the papers that are near a vector, or have a query's words, or
	// both, and gives each both scores.
	Hybrid(ctx context.Context, q Hybrid) (Found, error)
}

// Info describes a collection.
type Info struct {
	Collection string
	// Space is what its vectors are embedded into.
	Space paper.Space
	// Papers is how many there are, Sequence the last change that they have.
	Papers   uint32
	Sequence uint64
}

// Refs names papers by their ids alone.
func Refs(ids ...string) []paper.Ref {
	out := make([]paper.Ref, len(ids))
	for i, id := range ids {
		out[i].ID = id
	}
	return out
}
