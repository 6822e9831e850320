package engine_test

import (
	"fmt"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// strangers are papers that have nothing in common but one word.
func strangers(n int) (papers []paper.Paper) {
	for i := range n {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("s%02d", i), Title: fmt.Sprintf("owls s%da s%db s%dc", i, i, i)})
	}
	return papers
}

// lexicalPart is what words add to the score of a paper that is the best by words.
func lexicalPart(r *rig) float64 {
	r.Helper()
	first := r.search("s1a s1c owls", engine.Hybrid, engine.ResultOptions{}).Results[0]
	if first.Record.ID != "s01" || first.Lexical <= 0 {
		r.Fatalf("%+v", first)
	}
	return first.Score - first.Semantic
}

// Words count for as much less as cosines have less room: what lies between what is usual
// in the collection and 1. That is told anew when the collection changes, and not of a
// few papers.
func TestWordsCountForLessWhereCosinesLieClose(t *testing.T) {
	for _, c := range []struct {
		hum    float64
		papers int
		want   float64
	}{
		{0, 80, .4},  // usual is .25
		{1, 80, .25}, // .625, of which .375 to 1
		{4, 80, .1},  // .85
		{4, 60, .4},
	} {
		model := newLexicon()
		model.hum = c.hum
		r := newRigOf(t, model, 0, strangers(c.papers)...)
		if got := lexicalPart(r); !near(got, c.want) {
			t.Errorf("hum %v, %d papers: words add %v, want %v", c.hum, c.papers, got, c.want)
		}
		if c.papers == 60 {
			r.put(strangers(70)[60:]...)
			if got := lexicalPart(r); !near(got, .1) {
				t.Errorf("after an import words add %v", got)
			}
		}
		if got := lexicalPart(r.bare()); !near(got, .4) {
			t.Errorf("without samples words add %v", got)
		}
	}
}
