// Package local is what answers queries: papers, their vectors and the
// indexes over them, behind one set of types that any implementation speaks.
//
// Embedded is the catalog of one machine: a store, which is the truth, and
// indexes in memory, which are derived from it. A catalog is safe for
// concurrent use; what each method promises beside that is said there.
package local

import (
	"akin/internal/paper"
	"akin/internal/rank"
)

// Mutation is one change that a caller asks for: an upsert, or a delete when
// Delete is set (then only Paper.ID counts).
type Mutation struct {
	Paper paper.Paper
	// Vector is float32 [dim], unit length; nil keeps the vector that is
	// stored, which is only possible when title and abstract did not change.
	Vector []float32
	// TokenCount and Truncated belong to Vector.
	TokenCount int
	Truncated  bool
	Delete     bool
}

// Change says what became of a mutation.
type Change int

// The changes.
const (
	Unchanged Change = iota + 1
	Created
	Updated
	Deleted
	Missing // nothing to delete
)

// Outcome is what became of one mutation.
type Outcome struct {
	Change Change
	// Record is the paper as it is now; only its ID is set after a delete.
	Record paper.Record
}

// Neighbors asks for the papers nearest to a vector.
type Neighbors struct {
	// Vector is float32 [dim], unit length.
	Vector []float32
	// K is how many to find.
	K int
	// Exact compares every vector, whatever the index.
	Exact bool
	// Filter is an AIP-160 filter that leaves out papers; "" keeps all.
	Filter string
	// AsOf leaves out papers that appeared after a day, YYYY-MM-DD, and those
	// without a date; "" keeps all.
	AsOf string
}

// Strategy is a way to find neighbours.
type Strategy int

// The strategies.
const (
	ExactScan Strategy = iota + 1
	GraphWalk
	// FilteredGraphWalk walks the graph through papers that the filter leaves
	// out.
	FilteredGraphWalk
)

// Found is an answer to Neighbors.
type Found struct {
	// Hits are best first; ties break by id.
	Hits     []rank.Hit
	Strategy Strategy
	// Visited is how many vectors were compared.
	Visited int
	// Kept is how many papers the filter keeps.
	Kept uint32
	// Sequence is the last change that the answer has seen.
	Sequence uint64
}

// Recalled are candidates for a ranking that looks at more than one vector.
type Recalled struct {
	// Hits are the union of what the queries found, in the order of ids; their
	// scores mean nothing. Vectors are parallel, float32 [dim] each.
	Hits    []rank.Hit
	Vectors [][]float32
	// The others are as in Found; Strategy is the least exact of the queries.
	Strategy Strategy
	Visited  int
	Kept     uint32
	Sequence uint64
}

// Keep drops the hits, and their vectors, whose positions it is not told to keep.
func (r *Recalled) Keep(keep func(i int) bool) {
	n := 0
	for i := range r.Hits {
		if keep(i) {
			r.Hits[n], r.Vectors[n] = r.Hits[i], r.Vectors[i]
			n++
		}
	}
	r.Hits, r.Vectors = r.Hits[:n], r.Vectors[:n]
}

// Stats describe a collection.
type Stats struct {
	Papers   uint32
	Sequence uint64
}
