package local

import (
	"context"

	"akin/internal/paper"
	"akin/internal/rank"
)

// View is a collection as it was at one sequence number: when the first of its
// methods was called. Filters, candidates, words and records of its answers agree.
// What is looked for in an index that changes in place, the graph, may be missing
// where it was changed or deleted since; it is never there as it was not.
//
// A view must be closed, and costs little before it is used. It is safe for
// concurrent use, but for Close, which comes last. It holds what was deleted since:
// it is for one query, not to be kept.
type View interface {
	Papers
	Namer
	Finder
	Describer
	Contents
	Sifter
	Sampler
	Deduplicator
	Close()
}

// Papers reads papers.
type Papers interface {
	// Get gives the papers of those ids that are there, in any order.
	Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error)
	// Still gives the papers of a list that was made at a sequence number: parallel
	// to ordinals, nil for one that is gone, or is not any more what was looked for.
	Still(ctx context.Context, collection string, list Listed, ordinals []uint32) ([]*paper.Record, error)
	// List gives up to limit papers with ids above after that a filter keeps, in
	// order of id.
	List(ctx context.Context, collection, filter, after string, limit int) ([]paper.Record, error)
	Stats(ctx context.Context, collection string) (Stats, error)
	// CountValues counts papers by the values of a field (category, venue, year,
	// author or language) among those that a filter keeps, the most frequent first.
	CountValues(ctx context.Context, collection, field, filter string, limit int) ([]ValueCount, error)
}

// Listed says what the papers of a list were found by.
type Listed struct {
	// Sequence is the state that the list was made of.
	Sequence     uint64
	Filter, AsOf string
	Words        Words
}

// Finder finds neighbours.
type Finder interface {
	// Neighbors finds the papers nearest to a vector.
	Neighbors(ctx context.Context, collection string, query Neighbors) (Found, error)
	// Blend finds what is near a vector or has a query's words.
	Blend(ctx context.Context, collection string, query Blend) (*Blended, error)
	// Matches tells which words of a query papers have.
	Matches(ctx context.Context, collection string, words Words, ordinals []uint32) ([][]Match, error)
	// Recall finds the union of what is near several vectors, with theirs.
	Recall(ctx context.Context, collection string, query Neighbors, probes []Probe) (Recalled, error)
	// Background gives n papers that stand for the collection, with their vectors.
	Background(ctx context.Context, collection string, n int) (Recalled, error)
	// Terms gives the tf-idf vectors of those ids that are there.
	Terms(ctx context.Context, collection string, ids []string) (map[string][]rank.Term, error)
	// Vectors gives the vectors of those ids that are there.
	Vectors(ctx context.Context, collection string, ids []string) (map[string][]float32, error)
}

// Describer tells what candidates are, by ordinal and mostly from memory. What a
// paper lacks is the zero value; so is a paper that is not there.
type Describer interface {
	// Dates gives publication dates.
	Dates(ctx context.Context, collection string, ordinals []uint32) ([]paper.Date, error)
	// Venues gives the venues, in one spelling of those that differ in case.
	Venues(ctx context.Context, collection string, ordinals []uint32) ([]string, error)
}

// Contents tells what candidates are about, by ordinal; nil for a paper that is
// not there.
type Contents interface {
	VectorsAt(ctx context.Context, collection string, ordinals []uint32) ([][]float32, error)
	// TermsAt gives tf-idf vectors, unit length each.
	TermsAt(ctx context.Context, collection string, ordinals []uint32) ([][]rank.Term, error)
	// TermNames gives a word to show for each of some terms.
	TermNames(ctx context.Context, collection string, terms []uint32) ([]string, error)
}

// Sifter tells what the conditions of a query leave.
type Sifter interface {
	Sift(ctx context.Context, collection string, query Sift) (Sifted, error)
}

// Sampler draws papers.
type Sampler interface {
	// Sample draws up to n papers with a date, and not after asOf; the same
	// papers of the same collection.
	Sample(ctx context.Context, collection, asOf string, n int) ([]Sampled, error)
}

// Deduplicator tells which papers count as one.
type Deduplicator interface {
	// Collapse takes out of a list what counts as one with an earlier hit or with
	// one of the own papers, and gives what the hits that are left stand for.
	Collapse(ctx context.Context, collection string, hits []rank.Hit, own []string) ([]rank.Hit, map[string][]Collapsed, error)
}
