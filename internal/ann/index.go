package ann

import (
	"context"

	"akin/internal/paper"
)

// Neighbor is one result of a search.
type Neighbor struct {
	Ordinal uint32
	// Score is the cosine with the query, in [-1, 1].
	Score float32
}

// Set says which ordinals a filter keeps.
type Set = paper.Set

// Query asks for the nearest neighbours of a vector.
type Query struct {
	// Vector has the index's dimension and unit length.
	Vector []float32
	// K is how many neighbours to return, at least 1; fewer come back when the
	// index, or what Keep leaves of it, holds fewer.
	K int
	// EfSearch is how many candidates a graph walk keeps: more find more and
	// take longer. 0 is the index's default; less than K counts as K.
	EfSearch int
	// Keep leaves out all other ordinals; nil keeps all.
	Keep Set
	// Exact asks for a scan, so that nothing is missed.
	Exact bool
	// Read gives the vectors of ordinals, parallel to them, nil where there is none, for
	// indexes that do not keep them (Options.LVQ): with it their scores, and what an
	// exact search misses, are those of an index that does. It is called once, with
	// little more than K ordinals, and holds up no changes. nil is not called.
	Read func(ctx context.Context, ordinals []uint32) ([][]float32, error)
	// Room is memory for the result, if its capacity is K or more; otherwise the
	// search allocates it. With it, a search of Exact or Graph allocates nothing.
	Room []Neighbor
}

// Plan is the way in which a search found its result.
type Plan string

// The plans.
const (
	// PlanScan compared the query with everything that was kept: exact.
	PlanScan Plan = "scan"
	// PlanWalk walked the graph: approximate.
	PlanWalk Plan = "walk"
	// PlanFilteredWalk walked the graph through what the filter leaves out,
	// collecting what it keeps: approximate.
	PlanFilteredWalk Plan = "filtered walk"
)

// Result is the answer to a [Query].
type Result struct {
	// Neighbors are best first; equal scores are in the order of ordinals.
	Neighbors []Neighbor
	// Visited is how many vectors the query was compared with.
	Visited int
	// Plan is how the neighbours were found.
	Plan Plan
}

// Searcher finds neighbours.
type Searcher interface {
	// Search returns the nearest neighbours of q.Vector, an error that wraps
	// one of this package's sentinels when q is not valid, or the context's
	// error when ctx ends first. An empty index answers with no neighbours.
	Search(ctx context.Context, q Query) (Result, error)
}

// Scorer compares vectors that it holds with a query, for candidates that
// something else has found.
type Scorer interface {
	// Scores sets dst[i] to the cosine of the query with the vector under
	// ordinals[i], or to NaN where there is none, or it is not kept. The query has the index's
	// dimension; dst is at least as long as ordinals.
	Scores(dst []float32, query []float32, ordinals []uint32) error
	// Vector returns a copy of the vector under an ordinal, if it is kept.
	Vector(ordinal uint32) (vector []float32, found bool)
	// Vectors sets dst[i] to a copy of the vector under ordinals[i], or to nil where there
	// is none, or it is not kept. Copies share memory.
	Vectors(dst [][]float32, ordinals []uint32)
}

// Index is a set of vectors under ordinals that can be searched.
type Index interface {
	Searcher
	// Upsert stores a copy of vector, of unit length, under ordinal, in place
	// of any vector that is there.
	Upsert(ordinal uint32, vector []float32) error
	// Delete removes the vector under ordinal and says whether there was one.
	Delete(ordinal uint32) (existed bool, err error)
	// Len returns the number of vectors that can be found.
	Len() int
}
