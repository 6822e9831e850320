package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// spelled is a collection of more papers than stand for a background, of two subjects
// and an author whose name is near a word.
func spelled() []paper.Paper {
	var out []paper.Paper
	for i := range 80 {
		subject := []string{"retrieval of documents", "grasping with manipulators"}[i%2]
		p := paper.Paper{ID: fmt.Sprintf("p%02d", i), Title: subject, Abstract: fmt.Sprintf("measurements own%d", i), Authors: []paper.Author{{Name: "Ann Person"}}}
		if i == 7 {
			p.Authors = []paper.Author{{Name: "Otto Retreival"}}
		}
		out = append(out, p)
	}
	return out
}

// A word that a paper or two have is a slip where two hundred times as many have what it
// is a slip of; a title that has it is found as it is, and other rare words stay.
func TestSlips(t *testing.T) {
	var papers []paper.Paper
	for i := range 420 {
		p := paper.Paper{ID: fmt.Sprintf("p%03d", i), Title: "reinforcement of beams", Abstract: fmt.Sprintf("measurements own%d of structures", i)}
		if i == 7 {
			p.Title = "early reinforcment of arches"
		}
		if i == 8 {
			p.Abstract = "reinforcing measuremants structural"
		}
		papers = append(papers, p)
	}
	r := newRig(t, papers...)
	for _, test := range []struct{ query, want, first string }{
		{"reinforcment of bridges", "reinforcment>reinforcement.419", ""},
		{"early reinforcment of arches", "reinforcment>reinforcement.419", "p007"},
		{"measuremants of bridges", "", ""}, // another letter: a word of its own may look like that
		{"arches of bridges", "", ""},
	} {
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query}))
		var said []string
		for _, c := range got.Corrections {
			said = append(said, fmt.Sprintf("%s>%s.%d", c.From, c.To, c.Papers))
		}
		r.same(test.query, strings.Join(said, " "), test.want)
		if test.first != "" && got.Results[0].Record.ID != test.first {
			t.Errorf("%q finds %s first", test.query, got.Results[0].Record.ID)
		}
	}
}

// Words that no paper has are read as words that many have, and what is meant stays.
func TestCorrected(t *testing.T) {
	r := newRig(t, spelled()...)
	for _, test := range []struct{ query, want string }{
		{"graspign with manipulators", "graspign>grasping.40"},
		{"grasping with manipulatros", "manipulatros>manipulators.40"},
		{"Graspign with manipulatros", "Graspign>grasping.40 manipulatros>manipulators.40"},
		{"grasping with manipulators", ""},
		{"retreival of documents", ""}, // an author's name
		{"GRASPIGN method of manipulators", ""},
		{"\"graspign\" manipulators", ""},
		{"graspign -manipulators", ""},
		{"graspi* manipulatros", ""},
		{"own3x own4y", ""},
		{"grxsping with nothing known here at all", ""},
		{strings.Repeat("measurements ", 40) + "graspign", ""},
	} {
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Lexical} {
			got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query, Mode: mode}))
			var said []string
			for _, c := range got.Corrections {
				said = append(said, fmt.Sprintf("%s>%s.%d", c.From, c.To, c.Papers))
			}
			r.same(test.query, strings.Join(said, " "), test.want)
			if test.want != "" && got.Results[0].Record.Title != "grasping with manipulators" {
				t.Errorf("%q finds %s", test.query, got.Results[0].Record.Title)
			}
		}
		for _, req := range []engine.SearchRequest{{Query: test.query, Verbatim: true}, {Query: test.query, Mode: engine.Semantic}} {
			if got := r.good(r.Search(r.Context(), req)); len(got.Corrections) > 0 {
				t.Errorf("%+v: %v", req, got.Corrections)
			}
		}
	}
}

// Names of authors are corrected too, beside another word of the same name; what a space
// tore is put together; and words that are near a name stay words.
func TestMisspeltNames(t *testing.T) {
	papers := authored()
	for i := range papers {
		papers[i].Abstract += " sorting of quantised measurements"
	}
	papers[9].Authors = []paper.Author{{Name: "Lorbas Quantiser"}}
	papers[10].Authors = []paper.Author{{Name: "B. Measuremants"}}
	r := newRig(t, papers...)
	for _, test := range []struct{ query, want, first string }{
		{"Zdenek Quibblewik topic1", "Quibblewik>Quibblewick.3", "p01"},
		{"Zdenek Qiubblewick topic1", "Qiubblewick>Quibblewick.3", "p01"},
		{"zdenke quibblewick topic1", "zdenke>zdenek.3", "p01"},
		{"Ana B. Frobisch topic1", "Frobisch>Frobish.3", "p01"},
		{"Z. Quibblewik topic1", "Quibblewik>Quibblewick.3", "p01"},
		{"Quibblewik et al. topic1", "Quibblewik>Quibblewick.6", "p01"},
		{"Quibblewik topic1", "", ""},         // it may be something else
		{"Nobody Quibblewikk topic1", "", ""}, // two letters
		{"QUIBBLEWIK topic1", "", ""},
		{"B measurementz of topic1", "measurementz>measurements.24", ""},
		{"Zdenek Quibblewick topic1", "", "p01"},
		{"measure ments of topic1", "measure ments>measurements.24", ""},
		{"sor ting of topic1", "sor ting>sorting.24", ""},
		{"own3 own4 topic1", "", ""},
	} {
		got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query}))
		var said []string
		for _, c := range got.Corrections {
			said = append(said, fmt.Sprintf("%s>%s.%d", c.From, c.To, c.Papers))
		}
		r.same(test.query, strings.Join(said, " "), test.want)
		if test.first != "" && got.Results[0].Record.ID != test.first {
			t.Errorf("%q finds %s first", test.query, got.Results[0].Record.ID)
		}
		if got := r.good(r.Search(r.Context(), engine.SearchRequest{Query: test.query, Verbatim: true})); len(got.Corrections) > 0 {
			t.Errorf("%q verbatim: %v", test.query, got.Corrections)
		}
	}
}

// A query that nothing is near says so, and why.
func TestNearness(t *testing.T) {
	r := newRig(t, spelled()...)
	few := newRig(t, spelled()[:20]...)
	for _, test := range []struct {
		query string
		want  engine.Nearness
	}{
		{"retrieval of documents", engine.NearEnough},
		{"documents", engine.NearEnough},
		{"maschinelles lernen mit robotern", engine.UnknownWords},
		{"recherche dans les documents pour la retrieval", engine.UnknownWords}, // the model knows a word
		{"unheard", engine.UnknownWords},
		{"measurements retrieval unheard", engine.NearEnough},
		{"?! …", engine.NoWords},
		{strings.Repeat("unheard ", 40), engine.NothingNear},
	} {
		for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic} {
			r.same(test.query, r.search(test.query, mode, engine.ResultOptions{}).Nearness, test.want)
		}
		if got := r.search(test.query, engine.Lexical, engine.ResultOptions{}); got.Nearness != engine.NearEnough {
			t.Errorf("%q by words: %v", test.query, got.Nearness)
		}
	}
	r.same("of few papers", few.search("maschinelles lernen mit robotern", engine.Hybrid, engine.ResultOptions{}).Nearness, engine.NearEnough)
}
