package engine_test

import (
	"fmt"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// A title that is typed is first, then a name that a title defines, then what begins
// so; whatever words and vectors say.
func TestTitled(t *testing.T) {
	titles := []string{
		"To be or not to be", "The question of being and not being, to be or not", "BERT: deep transformers", "What BERT and bert do to bert",
		"Nets that compete (GAN)", "GAN, GAN and GAN", "Meteor showers seen from the north of Norway", "Showers and meteor seen, from the north: from here",
		"C++ for robots", "Subject one in the north", "Subject one in the south", "Subject one in the west", "Subject one in the east: maps",
	}
	var papers []paper.Paper
	for i, title := range titles {
		papers = append(papers, paper.Paper{ID: fmt.Sprintf("p%02d", i), Title: title, Abstract: "bert gan meteor showers seen from"})
	}
	papers[0].Abstract, papers[2].Abstract = "Something else entirely about a prince of Denmark", "words that say nothing of the kind here"
	r := newRig(t, papers...)
	for _, test := range []struct {
		query string
		first string
		mode  engine.Mode
	}{
		{"to be or not to be", "p00", engine.Hybrid},
		{"  TO BE, or \"not\" to be?  ", "p00", engine.Hybrid},
		{"to be or not to be", "p00", engine.Lexical},
		{"bert", "p02", engine.Hybrid},
		{"BERT", "p02", engine.Lexical},
		{"gan", "p04", engine.Hybrid},
		{"meteor showers seen from", "p06", engine.Hybrid},
		{"c++ for robots", "p08", engine.Lexical},
		{"subject one in the east maps", "p12", engine.Hybrid},
		{"showers seen from the north", "p06", engine.Hybrid},
		{"showers seen from the nor", "p06", engine.Hybrid},
		{"showers seen from the nor", "p06", engine.Lexical},
		{"meteor showers seen from the north of Norw", "p06", engine.Hybrid},
	} {
		got := r.search(test.query, test.mode, engine.ResultOptions{PageSize: 5})
		if len(got.Results) == 0 || got.Results[0].Record.ID != test.first {
			t.Errorf("%q by %v: %v, want %s first", test.query, test.mode, found(got.Results), test.first)
		}
		for i := 1; i < len(got.Results); i++ {
			if got.Results[i].Score > got.Results[i-1].Score {
				t.Errorf("%q: scores are out of order at %d", test.query, i)
			}
		}
	}
	// A filter and an exclusion hold for titles as well.
	if got := r.search("to be or not to be", engine.Hybrid, engine.ResultOptions{Filter: `id != "p00"`}); len(got.Results) > 0 && got.Results[0].Record.ID == "p00" {
		t.Error("the filter does not hold")
	}
	for _, x := range r.search("bert -transformers", engine.Hybrid, engine.ResultOptions{}).Results {
		if x.Record.ID == "p02" {
			t.Error("the exclusion does not hold")
		}
	}
	// What many papers begin with is a subject and no title.
	got := r.search("subject one in the", engine.Hybrid, engine.ResultOptions{PageSize: 4})
	if d := got.Results[0].Score - got.Results[3].Score; d > 1 {
		t.Errorf("a subject is taken for a title: %v apart", d)
	}
}
