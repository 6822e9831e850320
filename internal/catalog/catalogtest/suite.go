package catalogtest

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Open opens a catalog whose default collection is of a space, and empty. It closes the
// catalog at the end of the test.
type Open func(t *testing.T, space paper.Space) catalog.Catalog

// Run tests that catalogs keep the contract of package catalog: the core, and those
// capabilities that they have. Catalogs may differ in what they take for a word and in
// how they score words, so that the suite's texts are of plain words, and nothing is
// said of scores but whether they are there.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, group := range [][]check{coreChecks(), applyChecks(), prepareChecks(), momentChecks(), capabilityChecks(), keeperChecks()} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				s := &suite{T: t, space: Space(), collection: paper.DefaultCollection}
				s.catalog = open(t, s.space)
				c.run(s)
			})
		}
	}
}

// check is one part of the suite, over a catalog of its own.
type check struct {
	name string
	run  func(s *suite)
}

// suite is a catalog under test.
type suite struct {
	*testing.T
	catalog    catalog.Catalog
	space      paper.Space
	collection string
}

// dimension is that of the suite's vectors.
const dimension = 16

// Space is a space for tests; nothing embeds into it.
func Space() paper.Space {
	return paper.Space{
		Model: "catalogtest", ModelDigest: "0", TokenizerDigest: "0", Pooling: "mean", Template: "{title} {abstract}",
		MaxTokens: 128, Dimension: dimension, Precision: "float32",
	}
}

// vectorOf is a unit vector that a number names; others are far from it.
func vectorOf(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	v := make([]float32, dimension)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return unit(v)
}

func unit(v []float32) []float32 {
	norm := math.Sqrt(cosine(v, v))
	for i := range v {
		v[i] = float32(float64(v[i]) / norm)
	}
	return v
}

// put makes a mutation of a paper with the vector that a number names.
func put(id, title string, n int) catalog.Mutation {
	return catalog.Mutation{Paper: paper.Paper{ID: id, Title: title}, Vector: vectorOf(n), TokenCount: 5}
}

func remove(id string) catalog.Mutation {
	return catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}}
}

// words are those of the titles of library.
func words() []string {
	return []string{"glacier", "turbine", "protein", "lattice", "violin", "harbor", "pollen", "quartz", "meteor", "saddle", "copper", "orchid"}
}

// library are papers p00 to p11, each with a word of its own, and some in common. Of
// their venues, years and languages there are few; the last has no date.
func library() []catalog.Mutation {
	var out []catalog.Mutation
	for i, word := range words() {
		m := put(fmt.Sprintf("p%02d", i), word+" survey", i)
		m.Paper.Abstract = "measurements " + []string{"winter", "summer"}[i%2] + " " + word
		m.Paper.Venue = []string{"Alpha", "Beta", "Gamma"}[i%3]
		m.Paper.Categories = []string{[]string{"cs.CL", "math.GT"}[i%2]}
		m.Paper.PublishDate = paper.Date{Year: 2010 + i, Month: 6, Day: 15}
		m.Paper.Language = "en"
		m.Paper.Authors = []paper.Author{{Name: []string{"Ada Lovelace", "Emmy Noether"}[i%2]}}
		out = append(out, m)
	}
	out[len(out)-1].Paper.PublishDate = paper.Date{}
	return out
}

func (s *suite) apply(changes ...catalog.Mutation) ([]catalog.Outcome, uint64) {
	s.Helper()
	outcomes, sequence, err := s.catalog.Apply(s.Context(), s.collection, changes)
	if err != nil {
		s.Fatal(err)
	}
	if len(outcomes) != len(changes) {
		s.Fatalf("%d outcomes of %d changes", len(outcomes), len(changes))
	}
	return outcomes, sequence
}

// view opens the collection until the end of the test.
func (s *suite) view() catalog.View {
	s.Helper()
	v, err := s.catalog.View(s.Context(), s.collection)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(v.Close)
	return v
}

func (s *suite) get(v catalog.View, ids ...string) []*paper.Record {
	s.Helper()
	return parallel[*paper.Record](s, len(ids))(v.Get(s.Context(), catalog.Refs(ids...)))
}

func (s *suite) vectors(v catalog.View, ids ...string) [][]float32 {
	s.Helper()
	return parallel[[]float32](s, len(ids))(v.Vectors(s.Context(), catalog.Refs(ids...)))
}

// must takes an answer without an error.
func must[T any](s *suite) func(answer T, err error) T {
	return func(answer T, err error) T {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		return answer
	}
}

// parallel takes an answer that has as many items as the request.
func parallel[T any](s *suite, n int) func(answer []T, err error) []T {
	return func(answer []T, err error) []T {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		if len(answer) != n {
			s.Fatalf("%d items in the answer to %d", len(answer), n)
		}
		return answer
	}
}

// collect takes what an iterator gives.
func collect[T any](s *suite, seq iter.Seq2[T, error]) (out []T) {
	s.Helper()
	for item, err := range seq {
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, item)
	}
	return out
}

func (s *suite) list(v catalog.View, from catalog.Listing) (ids []string) {
	s.Helper()
	for _, r := range collect(s, v.List(s.Context(), from)) {
		ids = append(ids, r.ID)
	}
	return ids
}

func idsOf(hits []rank.Hit) (ids []string) {
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func refsOf(hits []rank.Hit) []paper.Ref {
	refs := make([]paper.Ref, len(hits))
	for i, h := range hits {
		refs[i] = h.Ref()
	}
	return refs
}

// same compares two values by how they are printed.
func (s *suite) same(what string, got, want any) {
	s.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		s.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// fault expects an error of a kind that a caller caused.
func (s *suite) fault(what string, err error, kind paper.Kind) {
	s.Helper()
	if err == nil || paper.KindOf(err) != kind {
		s.Errorf("%s: the error is %v of kind %d, not of kind %d", what, err, paper.KindOf(err), kind)
	}
}

// tolerance is how far cosines of float32 may be from each other.
const tolerance = 1e-5

func alike(a, b float64) bool { return math.Abs(a-b) <= tolerance }

// ranked expects hits best first, ties by id, with the cosines to a vector, and gives
// their ids.
func (s *suite) ranked(v catalog.View, hits []rank.Hit, probe []float32) []string {
	s.Helper()
	of := s.vectors(v, idsOf(hits)...)
	for i, h := range hits {
		if of[i] == nil || !alike(h.Semantic, cosine(probe, of[i])) || h.Score != h.Semantic || h.Lexical != 0 {
			s.Errorf("hit %d is %+v; its vector is %v", i, h, of[i])
		}
	}
	s.bestFirst(hits)
	return idsOf(hits)
}

func (s *suite) bestFirst(hits []rank.Hit) {
	s.Helper()
	sorted := slices.Clone(hits)
	rank.Sort(sorted)
	if !slices.Equal(hits, sorted) {
		s.Errorf("the hits are not best first, ties by id: %+v", hits)
	}
}

// canceled is a context of a caller that has gone.
func canceled(s *suite) context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}
