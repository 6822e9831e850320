package local

// What follows is the catalog as the engine asked it before the contract: it goes away
// with the last who asks.

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Types that the contract has.
type (
	Mutation     = catalog.Mutation
	Change       = catalog.Change
	Outcome      = catalog.Outcome
	Probe        = catalog.Probe
	Strategy     = catalog.Strategy
	Verification = catalog.Verification
	VerifiedPart = catalog.VerifiedPart
	Difference   = catalog.Difference
	Progress     = catalog.Progress
	Snapshot     = catalog.Snapshot
	ValueCount   = catalog.ValueCount
	FilterPart   = catalog.FilterPart
	WordStep     = catalog.WordStep
	Match        = catalog.WordMatch
	Sifted       = catalog.Remaining
)

// Values that the contract has.
const (
	Unchanged             = catalog.Unchanged
	Created               = catalog.Created
	Updated               = catalog.Updated
	Deleted               = catalog.Deleted
	Missing               = catalog.Missing
	ExactScan             = catalog.ExactScan
	GraphWalk             = catalog.GraphWalk
	FilteredGraphWalk     = catalog.FilteredGraphWalk
	StepWords             = catalog.StepWords
	StepPhrase            = catalog.StepPhrase
	StepExclusion         = catalog.StepExclusion
	ReasonSnapshotExists  = catalog.ReasonSnapshotExists
	ReasonSnapshotUnknown = catalog.ReasonSnapshotUnknown
	ReasonNoSnapshots     = catalog.ReasonNoSnapshots
)

// Functions that the contract has.
var (
	CheckSnapshotName = catalog.CheckSnapshotName
	NewSnapshotName   = catalog.NewSnapshotName
)

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

// Words is the lexical part of a query.
type Words struct {
	Text string
	// Typed reads the syntax of searches: "phrases", -exclusions, prefix*.
	// Otherwise the text is a bag of words.
	Typed bool
}

// Check says what a query's words ask too much of, before anything is looked for.
func (w Words) Check() error {
	if !w.Typed {
		return nil
	}
	return lexical.CheckText(w.Text)
}

// Blend asks for the papers that are near a vector, or have a query's words, or
// both.
type Blend struct {
	// Neighbors is the semantic side; without a vector there is none.
	Neighbors
	// Words is the lexical side; without text there is none.
	Words Words
	// K, of Neighbors, is how many each side brings in.
}

// Blended are the candidates that the two sides brought in, in no order that
// means anything, each with both scores.
type Blended struct {
	// Hits have the cosine as Semantic (0 without a vector) and BM25 as Lexical
	// (0 without text, and for papers that have none of the words).
	Hits []rank.Hit
	// Terms are the words that were looked for.
	Terms []string
	Found
}

// Namer tells which papers requests mean.
type Namer interface {
	// Identify gives the ids of the papers that names mean, parallel to them; "" is
	// none. A name is an id, or else an arXiv id or a DOI as people paste them. Of
	// several papers that one can mean, it is the one of the version that it names,
	// or the first in order of id.
	Identify(ctx context.Context, collection string, names []string) ([]string, error)
	// SameTexts says which papers have one of some texts, given as pairs of title
	// and abstract, but for case and punctuation: parallel to ordinals.
	SameTexts(ctx context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error)
	// Allowed says which papers a query's words allow: those that have its phrases
	// and nothing that it excludes.
	Allowed(ctx context.Context, collection string, words Words, ordinals []uint32) ([]bool, error)
}

// Sift asks how many papers a query's conditions leave.
type Sift struct {
	Filter, AsOf string
	Words        Words
	// AnyWord says that papers need a word of Words, not its phrases alone.
	AnyWord bool
}

// Sampled is a paper of a sample.
type Sampled struct {
	ID      string
	Ordinal uint32
	Date    paper.Date
}

// Collapsed is a hit that an earlier one stands for.
type Collapsed struct {
	ID      string
	Ordinal uint32
	dedup.Match
}

// Duplicate is a paper of a group.
type Duplicate struct {
	Record *paper.Record
	dedup.Match
}

// DuplicateGroup are papers that count as one.
type DuplicateGroup struct {
	Papers   []Duplicate
	Compared int
}

// SharedTerms gives the words of a text that a query has too.
func SharedTerms(query, text string) []string { return lexical.Shared(query, text) }

// Split tells what a typed query asks for from what it excludes.
func Split(query string) (asked, excluded string) { return lexical.Split(query) }

// Embedded is a Catalog as the engine asked it.
type Embedded struct{ *Catalog }

// OpenEmbedded is Open.
func OpenEmbedded(ctx context.Context, config Config) (*Embedded, error) {
	c, err := Open(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Embedded{c}, nil
}

// View gives the collection as it is when it is first asked something.
func (e *Embedded) View() View { return &oldView{c: e.Catalog} }

// Get gives papers as they are now.
func (e *Embedded) Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error) {
	v := e.View()
	defer v.Close()
	return v.Get(ctx, collection, ids)
}

// Stats describes a collection as it is now.
func (e *Embedded) Stats(ctx context.Context, collection string) (Stats, error) {
	v := e.View()
	defer v.Close()
	return v.Stats(ctx, collection)
}

// Export is all papers of a collection at one sequence.
type Export struct {
	Stats
	v      *view
	filter string
}

// Export opens the papers of a collection.
func (e *Embedded) Export(_ context.Context, collection, filter string) (*Export, error) {
	one, err := e.collection(collection)
	if err != nil {
		return nil, err
	}
	v, err := one.view()
	if err != nil {
		return nil, err
	}
	return &Export{Stats: Stats{Papers: v.papers, Sequence: v.sequence}, v: v, filter: filter}, nil
}

// Close gives the state back.
func (e *Export) Close() { e.v.Close() }

// Records iterates over the records.
func (e *Export) Records(ctx context.Context) iter.Seq2[*paper.Record, error] {
	return e.v.List(ctx, catalog.Listing{Filter: e.filter})
}

// Vector gives a vector.
func (e *Export) Vector(ctx context.Context, ordinal uint32) ([]float32, error) {
	return e.v.vectorOf(ctx, ordinal)
}

// Duplicates are papers to be compared.
type Duplicates struct {
	Stats
	v      *view
	filter string
}

// Duplicates opens papers to be compared.
func (e *Embedded) Duplicates(ctx context.Context, collection, filter string) (*Duplicates, error) {
	x, err := e.Export(ctx, collection, filter)
	if err != nil {
		return nil, err
	}
	kept, err := x.v.inOrder(ctx, filter)
	if err != nil {
		x.Close()
		return nil, err
	}
	return &Duplicates{Stats{uint32(len(kept)), x.Sequence}, x.v, filter}, nil
}

// Close gives the state back.
func (d *Duplicates) Close() { d.v.Close() }

// Groups iterates over groups.
func (d *Duplicates) Groups(ctx context.Context, minSimilarity float64) iter.Seq2[DuplicateGroup, error] {
	return func(yield func(DuplicateGroup, error) bool) {
		_, groups, err := d.v.Duplicates(ctx, d.filter, minSimilarity)
		if err != nil {
			yield(DuplicateGroup{}, err)
			return
		}
		for g, err := range groups {
			old := DuplicateGroup{Compared: g.Compared}
			for _, p := range g.Papers {
				old.Papers = append(old.Papers, Duplicate{p.Record, oldMatch(p.Match)})
			}
			if !yield(old, err) {
				return
			}
		}
	}
}

func oldMatch(m catalog.Match) dedup.Match {
	return dedup.Match{Reason: dedup.Reason(m.Reason), Similarity: m.Similarity, Resemblance: m.Resemblance}
}

type oldView struct {
	c      *Catalog
	mu     sync.Mutex
	at     *view
	closed bool
}

func (v *oldView) of(collection string) (*view, error) {
	one, err := v.c.collection(collection)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at, err = one.view()
	}
	return v.at, err
}

func (v *oldView) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at != nil {
		v.at.Close()
	}
}

func (v *view) refsAt(ordinals []uint32) []paper.Ref {
	out := make([]paper.Ref, len(ordinals))
	for i, o := range ordinals {
		out[i] = v.ref(o)
	}
	return out
}

// asked asks a new view for an old one.
func asked[A any](v *oldView, collection string, ask func(*view) (A, error)) (a A, err error) {
	at, err := v.of(collection)
	if err != nil {
		return a, err
	}
	return ask(at)
}

func (v *oldView) Get(ctx context.Context, collection string, ids []string) ([]paper.Record, error) {
	return asked(v, collection, func(at *view) (out []paper.Record, err error) {
		records, err := at.Get(ctx, catalog.Refs(ids...))
		for _, r := range records {
			if r != nil {
				out = append(out, *r)
			}
		}
		return out, err
	})
}

func (v *oldView) Still(ctx context.Context, collection string, list Listed, ordinals []uint32) ([]*paper.Record, error) {
	return asked(v, collection, func(at *view) ([]*paper.Record, error) {
		made := catalog.MadeBy{Sequence: list.Sequence, Restriction: catalog.Restriction{Filter: list.Filter, AsOf: list.AsOf}, Words: catalog.Words(list.Words)}
		return at.Still(ctx, made, at.refsAt(ordinals))
	})
}

func (v *oldView) List(ctx context.Context, collection, filter, after string, limit int) ([]paper.Record, error) {
	return asked(v, collection, func(at *view) (out []paper.Record, err error) {
		for r, err := range at.List(ctx, catalog.Listing{Filter: filter, After: after}) {
			if err != nil {
				return nil, err
			}
			if out = append(out, *r); len(out) == limit {
				break
			}
		}
		return out, nil
	})
}

func (v *oldView) Stats(_ context.Context, collection string) (Stats, error) {
	return asked(v, collection, func(at *view) (Stats, error) { return Stats{at.papers, at.sequence}, nil })
}

func (v *oldView) CountValues(ctx context.Context, collection, field, filter string, limit int) ([]ValueCount, error) {
	return asked(v, collection, func(at *view) ([]ValueCount, error) { return at.CountValues(ctx, field, filter, limit) })
}

func (v *oldView) Identify(ctx context.Context, collection string, names []string) ([]string, error) {
	return asked(v, collection, func(at *view) ([]string, error) { return at.Identify(ctx, names) })
}

func (v *oldView) SameTexts(ctx context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error) {
	return asked(v, collection, func(at *view) ([]bool, error) {
		some := make([]catalog.Text, len(texts))
		for i, t := range texts {
			some[i] = catalog.Text{Title: t[0], Abstract: t[1]}
		}
		return at.SameTexts(ctx, some, at.refsAt(ordinals))
	})
}

func (v *oldView) Allowed(ctx context.Context, collection string, words Words, ordinals []uint32) ([]bool, error) {
	return asked(v, collection, func(at *view) ([]bool, error) { return at.Allows(ctx, catalog.Words(words), at.refsAt(ordinals)) })
}

func (v *view) oldFound(f catalog.Found) Found {
	return Found{Hits: f.Hits, Strategy: f.Strategy, Visited: f.Visited, Kept: f.Kept, Sequence: v.sequence}
}

func (v *oldView) Neighbors(ctx context.Context, collection string, q Neighbors) (Found, error) {
	return asked(v, collection, func(at *view) (Found, error) {
		found, err := at.Nearest(ctx, catalog.Nearest{
			Probes: []catalog.Probe{{Vector: q.Vector, K: q.K}}, Exact: q.Exact, Restriction: catalog.Restriction{Filter: q.Filter, AsOf: q.AsOf},
		})
		return at.oldFound(found), err
	})
}

func (v *oldView) Blend(ctx context.Context, collection string, q Blend) (*Blended, error) {
	return asked(v, collection, func(at *view) (*Blended, error) {
		found, err := at.Hybrid(ctx, catalog.Hybrid{
			Vector: q.Vector, Words: catalog.Words(q.Words), K: q.K, Exact: q.Exact, Restriction: catalog.Restriction{Filter: q.Filter, AsOf: q.AsOf},
		})
		if err != nil {
			return nil, err
		}
		return &Blended{Hits: found.Hits, Terms: found.Terms, Found: at.oldFound(found)}, nil
	})
}

func (v *oldView) Matches(ctx context.Context, collection string, words Words, ordinals []uint32) ([][]Match, error) {
	return asked(v, collection, func(at *view) ([][]Match, error) { return at.Matches(ctx, catalog.Words(words), at.refsAt(ordinals)) })
}

func (v *view) oldRecalled(ctx context.Context, refs []paper.Ref) (out Recalled, err error) {
	vectors, err := v.Vectors(ctx, refs)
	if err != nil {
		return out, err
	}
	for i, r := range refs {
		if vectors[i] != nil {
			out.Hits = append(out.Hits, rank.Hit{ID: r.ID, Handle: r.Handle, Ordinal: r.Handle - 1})
			out.Vectors = append(out.Vectors, vectors[i])
		}
	}
	out.Sequence = v.sequence
	return out, nil
}

func (v *oldView) Recall(ctx context.Context, collection string, q Neighbors, probes []Probe) (Recalled, error) {
	return asked(v, collection, func(at *view) (Recalled, error) {
		found, err := at.Nearest(ctx, catalog.Nearest{Probes: probes, Exact: q.Exact, Restriction: catalog.Restriction{Filter: q.Filter, AsOf: q.AsOf}})
		if err != nil {
			return Recalled{}, err
		}
		refs := make([]paper.Ref, len(found.Hits))
		for i, h := range found.Hits {
			refs[i] = h.Ref()
		}
		slices.SortFunc(refs, func(a, b paper.Ref) int { return cmp.Compare(a.ID, b.ID) })
		out, err := at.oldRecalled(ctx, refs)
		out.Strategy, out.Visited, out.Kept = found.Strategy, found.Visited, found.Kept
		return out, err
	})
}

func (v *oldView) Background(ctx context.Context, collection string, n int) (Recalled, error) {
	return asked(v, collection, func(at *view) (Recalled, error) {
		refs, err := at.Background(ctx, n)
		if err != nil {
			return Recalled{}, err
		}
		return at.oldRecalled(ctx, refs)
	})
}

func (v *oldView) Terms(ctx context.Context, collection string, ids []string) (map[string][]rank.Term, error) {
	return asked(v, collection, func(at *view) (map[string][]rank.Term, error) {
		terms, err := at.Terms(ctx, catalog.Refs(ids...))
		out := make(map[string][]rank.Term)
		for i, t := range terms {
			out[ids[i]] = t
		}
		return out, err
	})
}

func (v *oldView) Vectors(ctx context.Context, collection string, ids []string) (map[string][]float32, error) {
	return asked(v, collection, func(at *view) (map[string][]float32, error) {
		vectors, err := at.Vectors(ctx, catalog.Refs(ids...))
		out := make(map[string][]float32)
		for i, v := range vectors {
			if v != nil {
				out[ids[i]] = v
			}
		}
		return out, err
	})
}

func (v *oldView) Dates(ctx context.Context, collection string, ordinals []uint32) ([]paper.Date, error) {
	return asked(v, collection, func(at *view) ([]paper.Date, error) { return at.Dates(ctx, at.refsAt(ordinals)) })
}

func (v *oldView) Venues(ctx context.Context, collection string, ordinals []uint32) ([]string, error) {
	return asked(v, collection, func(at *view) ([]string, error) { return at.Venues(ctx, at.refsAt(ordinals)) })
}

func (v *oldView) VectorsAt(ctx context.Context, collection string, ordinals []uint32) ([][]float32, error) {
	return asked(v, collection, func(at *view) ([][]float32, error) { return at.vectors(ctx, ordinals) })
}

func (v *oldView) TermsAt(ctx context.Context, collection string, ordinals []uint32) ([][]rank.Term, error) {
	return asked(v, collection, func(at *view) ([][]rank.Term, error) { return at.Terms(ctx, at.refsAt(ordinals)) })
}

func (v *oldView) TermNames(ctx context.Context, collection string, terms []uint32) ([]string, error) {
	return asked(v, collection, func(at *view) ([]string, error) { return at.TermNames(ctx, terms) })
}

func (v *oldView) Sift(ctx context.Context, collection string, q Sift) (Sifted, error) {
	return asked(v, collection, func(at *view) (Sifted, error) {
		return at.Funnel(ctx, catalog.Conditions{Restriction: catalog.Restriction{Filter: q.Filter, AsOf: q.AsOf}, Words: catalog.Words(q.Words), AnyWord: q.AnyWord})
	})
}

func (v *oldView) Sample(ctx context.Context, collection, asOf string, n int) ([]Sampled, error) {
	return asked(v, collection, func(at *view) (out []Sampled, err error) {
		drawn, err := at.Dated(ctx, asOf, n)
		for _, d := range drawn {
			out = append(out, Sampled{ID: d.ID, Ordinal: d.Handle - 1, Date: d.Date})
		}
		return out, err
	})
}

func (v *oldView) Collapse(ctx context.Context, collection string, hits []rank.Hit, own []string) (left []rank.Hit, stands map[string][]Collapsed, err error) {
	at, err := v.of(collection)
	if err != nil {
		return nil, nil, err
	}
	for i := range hits {
		hits[i].Handle = hits[i].Ordinal + 1
	}
	left, found, err := at.Collapse(ctx, hits, own)
	stands = make(map[string][]Collapsed)
	for id, some := range found {
		for _, c := range some {
			stands[id] = append(stands[id], Collapsed{ID: c.ID, Ordinal: c.Handle - 1, Match: oldMatch(c.Match)})
		}
	}
	return left, stands, err
}
