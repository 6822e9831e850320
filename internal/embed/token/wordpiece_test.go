package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestWordPieceAgainstSugarme compares our WordPiece with sugarme's own on
// words that are normalised and split already.
func TestWordPieceAgainstSugarme(t *testing.T) {
	tok := model(t)
	own := tok.encoder.(*bert)
	def, err := parse(modelJSON(t))
	if err != nil {
		t.Fatal(err)
	}
	fallback, err := newSugarme(def)
	if err != nil {
		t.Fatal(err)
	}
	theirs := fallback.tokenizer.GetModel()
	words := map[string]bool{}
	for _, c := range hardCases(t) {
		for _, w := range wordsOf(own.table, c.Text) {
			words[w] = true
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	special := def.specials()
	var pieces []string
	for p := range theirs.GetVocab() {
		if !special[p] { // sugarme would find them, we must not
			pieces = append(pieces, strings.TrimPrefix(p, "##"))
		}
	}
	slices.Sort(pieces)
	for range 20_000 {
		n := 1 + rng.IntN(4)
		var w strings.Builder
		for range n {
			w.WriteString(pieces[rng.IntN(len(pieces))])
		}
		words[w.String()] = true
	}
	for w := range words {
		want, err := theirs.Tokenize(w)
		if err != nil {
			t.Fatal(err)
		}
		if len([]rune(w)) > own.pieces.maxChars {
			continue // decided before WordPiece is asked
		}
		got, ends := own.pieces.split([]byte(w), nil, nil)
		if len(got) != len(want) || len(ends) != len(got) || ends[len(ends)-1] != len(w) {
			t.Fatalf("%q: %v, ends %v; want %v", w, got, ends, want)
		}
		for i := range want {
			if got[i] != int64(want[i].Id) {
				t.Fatalf("%q: %v, want %v", w, got, want)
			}
		}
	}
}
