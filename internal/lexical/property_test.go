package lexical

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"
)

// model is an index that does everything the slow and obvious way, from the
// words of the texts: no lexicon, no records, no segments.
type model map[uint32][2][]string

// modelWords gives the stems of a text; stop words, which do not count for scores,
// begin with ~.
func modelWords(text string) []string {
	var stems []string
	for _, w := range strings.Fields(text) {
		if isStopWord([]byte(w)) {
			stems = append(stems, "~"+w)
		} else {
			stems = append(stems, stem(w))
		}
	}
	return stems
}

func (m model) counts(p [2][]string) (tf map[string]float64, length float64) {
	tf = map[string]float64{}
	for f, words := range p {
		for _, w := range words {
			if !strings.HasPrefix(w, "~") {
				tf[w] += []float64{titleWeight, 1}[f]
				length += []float64{titleWeight, 1}[f]
			}
		}
	}
	return tf, length
}

func (m model) hasPhrase(p [2][]string, phrase []string) bool {
	for _, words := range p {
	starts:
		for i := range words {
			for j, w := range phrase {
				if i+j >= len(words) || words[i+j] != w {
					continue starts
				}
			}
			return true
		}
	}
	return false
}

// search scores all papers with floats by the formula of the ADR.
func (m model) search(bag []string, must, not [][]string) map[uint32]float64 {
	df, total := map[string]float64{}, 0.0
	for _, p := range m {
		tf, length := m.counts(p)
		total += length
		for w := range tf {
			df[w]++
		}
	}
	n := float64(len(m))
	scores := map[uint32]float64{}
papers:
	for ordinal, p := range m {
		tf, length := m.counts(p)
		for _, ph := range must {
			if !m.hasPhrase(p, ph) {
				continue papers
			}
		}
		for _, ph := range not {
			if m.hasPhrase(p, ph) {
				continue papers
			}
		}
		// A query that has nothing but phrases of stop words scores 1.
		score, any := 0.0, false
		if len(must) > 0 && !slices.ContainsFunc(bag, func(w string) bool { return df[w] > 0 }) {
			score, any = 1, true
		}
		for _, w := range bag {
			if f := tf[w]; f > 0 {
				any = true
				score += math.Log(1+(n-df[w]+.5)/(df[w]+.5)) * f / (f + 1.5*(.25+.75*length/(total/n)))
			}
		}
		if any {
			scores[ordinal] = score
		}
	}
	return scores
}

// drawText draws words of a small vocabulary, a few of them far more frequent.
func drawText(t *rapid.T, most int, label string) string {
	n := rapid.IntRange(0, most).Draw(t, label)
	words := make([]string, n)
	for i := range words {
		k := rapid.IntRange(0, 40).Draw(t, "word")
		if k > 20 {
			k %= 4
		}
		words[i] = []string{"networks", "graph", "the", "learn", "of", "learning", "network"}[k%7]
		if k >= 7 {
			words[i] = fmt.Sprint("w", k)
		}
	}
	return strings.Join(words, " ")
}

func TestSearchEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, err := New(Options{SegmentPapers: rapid.IntRange(1, 12).Draw(t, "segment")})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		m := model{}
		var earlier []*View // what they answer does not change
		var then []model
		for range rapid.IntRange(1, 60).Draw(t, "changes") {
			if rapid.IntRange(0, 9).Draw(t, "look") == 0 {
				earlier, then = append(earlier, x.View()), append(then, maps.Clone(m))
			}
			ordinal := rapid.Uint32Range(0, 40).Draw(t, "ordinal")
			switch rapid.IntRange(0, 9).Draw(t, "change") {
			case 0, 1:
				existed, err := x.Delete(ordinal)
				if _, want := m[ordinal]; err != nil || existed != want {
					t.Fatalf("delete %d: %v, %v; existed in the model: %v", ordinal, existed, err, want)
				}
				delete(m, ordinal)
			case 2:
				if rapid.Bool().Draw(t, "compact") {
					if err := x.Compact(); err != nil {
						t.Fatal(err)
					}
				}
			default:
				title, text := drawText(t, 6, "title"), drawText(t, 30, "abstract")
				if err := x.Upsert(ordinal, title, text, nil); err != nil {
					t.Fatal(err)
				}
				m[ordinal] = [2][]string{modelWords(title), modelWords(text)}
			}
		}
		if x.Len() != len(m) {
			t.Fatalf("%d papers, want %d", x.Len(), len(m))
		}
		for range 4 {
			compareWithModel(t, x.View(), m)
		}
		for i, v := range earlier {
			compareWithModel(t, v, then[i])
		}
	})
}

func compareWithModel(t *rapid.T, x *View, m model) {
	text := drawText(t, 8, "query")
	bag := modelWords(text)
	q := Query{K: rapid.IntRange(1, 50).Draw(t, "k"), Text: text}
	var must, not [][]string
	if rapid.Bool().Draw(t, "phrase") {
		inside := rapid.SampledFrom([]string{"graph of learn", "graph learn", "w8 w9", "network", "of the", "the"}).Draw(t, "inside")
		q.Text += ` "` + inside + `"`
		must = append(must, modelWords(inside))
		bag = append(bag, modelWords(inside)...)
	}
	if rapid.Bool().Draw(t, "not") {
		q.Text += ` -"graph network" -w10 -"the graph"`
		not = append(not, []string{"graph", "network"}, []string{"w10"}, []string{"~the", "graph"})
	}
	keep := roaring.New()
	if rapid.Bool().Draw(t, "filter") {
		for range rapid.IntRange(0, 30).Draw(t, "kept") {
			keep.Add(rapid.Uint32Range(0, 40).Draw(t, "keep"))
		}
		q.Keep = keep
	}
	r, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want := m.search(bag, must, not)
	if q.Keep != nil {
		for ordinal := range want {
			if !keep.Contains(ordinal) {
				delete(want, ordinal)
			}
		}
	}
	if len(r.Hits) != min(q.K, len(want)) {
		t.Fatalf("%q: %d hits, the model has %d and k is %d", q.Text, len(r.Hits), len(want), q.K)
	}
	if steps, err := x.Explain(t.Context(), q, true); err != nil || steps[len(steps)-1].Left != len(want) {
		t.Fatalf("%q: steps %v, %v; the model has %d papers", q.Text, steps, err, len(want))
	}
	all := make([]uint32, 0, len(m))
	for ordinal := range m {
		all = append(all, ordinal)
	}
	exhaustive(t, x, q, all, r.Hits)
	worst := math.Inf(1)
	for i, h := range r.Hits {
		if math.Abs(h.Score-want[h.Ordinal]) > 1e-5 {
			t.Fatalf("%q: paper %d has %v, the model says %v", q.Text, h.Ordinal, h.Score, want[h.Ordinal])
		}
		if i > 0 && (h.Score > r.Hits[i-1].Score || h.Score == r.Hits[i-1].Score && h.Ordinal < r.Hits[i-1].Ordinal) {
			t.Fatalf("%q: hits are not in order: %v", q.Text, r.Hits)
		}
		worst = h.Score
		delete(want, h.Ordinal)
	}
	for ordinal, score := range want {
		if score > worst+1e-5 {
			t.Fatalf("%q: paper %d with %v was left out; the worst hit has %v", q.Text, ordinal, score, worst)
		}
	}
}

// contextTB is what a test and a property have in common.
type contextTB interface {
	Context() context.Context
	Fatalf(format string, args ...any)
}

// exhaustive compares hits, bit for bit, with the scores of all papers.
func exhaustive(t contextTB, x *View, q Query, ordinals []uint32, hits []Hit) {
	scores, err := x.Score(t.Context(), q, ordinals)
	if err != nil {
		t.Fatalf("score: %v", err)
	}
	var all []Hit
	for i, s := range scores {
		if s > 0 && (q.Keep == nil || q.Keep.Contains(ordinals[i])) {
			all = append(all, Hit{ordinals[i], s})
		}
	}
	slices.SortFunc(all, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	all = all[:min(len(all), q.K)]
	if !slices.Equal(all, hits) {
		t.Fatalf("%q, k %d: search found\n%v\nscoring all papers gives\n%v", q.Text, q.K, hits, all)
	}
}
