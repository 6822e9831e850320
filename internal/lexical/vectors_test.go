package lexical

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"akin/internal/paper"
)

// plainVector is the vector of a record by its definition.
func plainVector(v *View, record []byte) []TermWeight {
	counts := map[uint32]int{}
	for t := readTokens(record); t.next(); {
		if t.field != fieldID {
			counts[t.id]++
		}
	}
	ids := make([]uint32, 0, len(counts))
	for id := range counts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out, square := make([]TermWeight, 0, len(ids)), 0.0
	for _, id := range ids {
		w := (1 + math.Log(float64(counts[id]))) * math.Sqrt(idf(v.papers, v.df.at(id)))
		square += w * w
		out = append(out, TermWeight{id, float32(w)})
	}
	for i := range out {
		out[i].Weight *= float32(1 / math.Sqrt(square))
	}
	return out
}

// TestVectorsAreThoseOfTheFormula compares vectors, bit for bit, with those by the
// formula, through changes in between, which grow the vocabulary.
func TestVectorsAreThoseOfTheFormula(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	x, err := New(Options{SegmentPapers: 90})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	const papers = 250
	for vocabulary := uint64(50); vocabulary <= 50_000; vocabulary *= 10 {
		for range papers {
			if err := x.Upsert(random.Uint32N(papers), zipf(random, vocabulary, random.IntN(9)), zipf(random, vocabulary, random.IntN(300)), []string{"10.1000/x"}); err != nil {
				t.Fatal(err)
			}
		}
		v := x.View()
		ordinals := make([]uint32, 2*papers)
		for i := range ordinals {
			ordinals[i] = random.Uint32N(2 * papers)
		}
		found, err := v.look(t.Context(), ordinals)
		if err != nil {
			t.Fatal(err)
		}
		there := make([]bool, len(ordinals))
		err = v.Vectors(t.Context(), ordinals, func(i int, got []TermWeight) {
			there[i] = true
			if want := plainVector(v, found[i].record); !slices.Equal(got, want) {
				t.Fatalf("the vector of %d is %v, not %v", ordinals[i], got, want)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		checkVectorsAmong(t, v, random, ordinals, found)
		for i, f := range found {
			if there[i] != (f.record != nil) {
				t.Errorf("ordinal %d is there: %v", ordinals[i], f.record != nil)
			}
			one, err := v.Vector(ordinals[i])
			if f.record == nil && paper.KindOf(err) != paper.NotFound || f.record != nil && !slices.Equal(one, plainVector(v, f.record)) {
				t.Errorf("the vector of %d alone is %v (%v)", ordinals[i], one, errors.Unwrap(err))
			}
		}
	}
}

// checkVectorsAmong compares, bit for bit, the weights of some terms with those of whole
// vectors, with and without known norms: where none was asked for, all papers, and again.
func checkVectorsAmong(t *testing.T, v *View, random *rand.Rand, ordinals []uint32, found []found) {
	t.Helper()
	fresh := &View{ // of which nothing is known
		x: v.x, segments: v.segments, memory: v.memory, docs: v.docs, memoryDead: v.memoryDead,
		papers: v.papers, length: v.length, terms: v.terms, df: v.df, words: v.words, of: v.of, order: v.order,
	}
	for _, v := range []*View{v, fresh, fresh} {
		among := []uint32{math.MaxUint32, uint32(v.terms.len())}
		for range random.IntN(2 * v.terms.len()) {
			among = append(among, random.Uint32N(uint32(v.terms.len())))
		}
		seen := 0
		err := v.VectorsAmong(t.Context(), ordinals, among, func(i int, got []TermWeight) {
			seen++
			want := slices.DeleteFunc(plainVector(v, found[i].record), func(w TermWeight) bool { return !slices.Contains(among, w.ID) })
			if !slices.Equal(got, want) {
				t.Fatalf("among %d terms, the vector of %d is %v, not %v", len(among), ordinals[i], got, want)
			}
		})
		if err != nil || seen == 0 {
			t.Fatalf("%d papers, %v", seen, err)
		}
	}
}

func BenchmarkVectors(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 9))
	x, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	const papers = 8000
	for i := range uint32(papers) {
		if err := x.Upsert(i, zipf(random, 100_000, 9), zipf(random, 100_000, 160), nil); err != nil {
			b.Fatal(err)
		}
	}
	ordinals := make([]uint32, 2000)
	for i := range ordinals {
		ordinals[i] = random.Uint32N(papers)
	}
	v, n := x.View(), 0
	for b.Loop() {
		if err := v.Vectors(b.Context(), ordinals, func(_ int, terms []TermWeight) { n += len(terms) }); err != nil {
			b.Fatal(err)
		}
	}
}
