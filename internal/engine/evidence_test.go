package engine_test

import (
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// told are papers of several sentences.
func told() []paper.Paper {
	return []paper.Paper{
		{ID: "a", Title: "Title one", Abstract: "Opening words here. Alpha beta gamma. Closing remarks follow. Alpha beta delta."},
		{ID: "b", Title: "Alpha title", Abstract: "Alpha epsilon. Something else entirely."},
		{ID: "c", Title: "Alpha alone"},
		{ID: "d", Title: "Alpha zeta eta", Abstract: "Theta iota kappa."},
	}
}

func resultOf(r *rig, a *engine.Answer, id string) engine.Result {
	r.Helper()
	for _, x := range a.Results {
		if x.Record.ID == id {
			return x
		}
	}
	r.Fatalf("%s is not among %s", id, found(a.Results))
	return engine.Result{}
}

// The sentences of a search are those nearest to the query: of the abstract, or of the
// title where there is none; the second only if it is about as near.
func TestEvidenceOfASearch(t *testing.T) {
	r := newRig(t, told()...)
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		a := r.search("alpha beta gamma -unheard", mode, engine.ResultOptions{Evidence: true})
		e := resultOf(r, a, "a").Evidence
		if len(e) != 1 || e[0].Text != "Alpha beta gamma." || !near(e[0].Similarity, 1) || e[0].Field != engine.AbstractField || e[0].Of != nil {
			t.Fatalf("mode %d: %+v", mode, e)
		}
		if p := told()[0].Abstract[e[0].Start:e[0].End]; p != e[0].Text {
			t.Errorf("its place is that of %q", p)
		}
		r.same("shared words", e[0].Terms, []string{"Alpha", "beta", "gamma"})
		if e := resultOf(r, a, "b").Evidence; e[0].Text != "Alpha epsilon." || len(e) != 1 {
			t.Errorf("of b: %+v", e)
		}
		if e := resultOf(r, a, "c").Evidence; len(e) != 1 || e[0].Text != "Alpha alone" || e[0].Field != engine.TitleField {
			t.Errorf("of c: %+v", e)
		}
	}
	a := r.search("alpha beta", engine.Semantic, engine.ResultOptions{Evidence: true})
	if e := resultOf(r, a, "a").Evidence; len(e) != 2 || e[0].Text != "Alpha beta gamma." || e[1].Text != "Alpha beta delta." {
		t.Errorf("two that are equally near: %+v", e)
	}
	for _, x := range r.search("alpha", engine.Semantic, engine.ResultOptions{}).Results {
		if x.Evidence != nil {
			t.Errorf("%s has evidence that nobody asked for", x.Record.ID)
		}
	}
}

// Sentences of results are compared with those of the query paper or the example that
// the score comes from.
func TestEvidenceOfExamples(t *testing.T) {
	r := newRig(t, append(told(), paper.Paper{ID: "q", Title: "Query", Abstract: "Nothing of that. Alpha beta delta epsilon."})...)
	o := engine.ResultOptions{Evidence: true}
	a := r.good(r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"q"}, Mode: engine.Semantic, ResultOptions: o}))
	e := resultOf(r, a, "a").Evidence
	if len(e) != 1 || e[0].Text != "Alpha beta delta." || e[0].Of == nil || e[0].Of.Text != "Alpha beta delta epsilon." ||
		e[0].Of.PaperID != "q" || e[0].Of.Example != 0 || !near(e[0].Similarity, 3/(1.7320508*2)) {
		t.Fatalf("of a: %+v", e)
	}
	r.same("shared words", e[0].Terms, []string{"Alpha", "beta", "delta"})

	text := &engine.Text{Title: "Text", Abstract: "Alpha epsilon alone."}
	a = r.good(r.Similar(r.Context(), engine.SimilarRequest{Text: text, Mode: engine.Semantic, ResultOptions: o}))
	if e := resultOf(r, a, "b").Evidence; e[0].Of.PaperID != "" || e[0].Of.Text != "Alpha epsilon alone." || e[0].Text != "Alpha epsilon." {
		t.Errorf("of a text: %+v", e)
	}
	for _, s := range strategies() {
		a = r.recommend(engine.RecommendRequest{
			Positive: []engine.Example{{PaperID: "d"}, {Text: &engine.Text{Title: "Alpha beta gamma", Abstract: "Alpha beta gamma opening words here."}}},
			Negative: likes("c"), Strategy: s, ResultOptions: o,
		})
		e := resultOf(r, a, "a").Evidence
		if len(e) != 1 || e[0].Of == nil || e[0].Of.Example != 1 || e[0].Of.PaperID != "" {
			t.Errorf("strategy %d: %+v", s, e)
		}
	}
	// Of several query papers, it is the nearest.
	a = r.good(r.Similar(r.Context(), engine.SimilarRequest{PaperIDs: []string{"d", "q"}, Mode: engine.Semantic, ResultOptions: o}))
	if e := resultOf(r, a, "b").Evidence; e[0].Of.PaperID != "q" || e[0].Of.Example != 1 {
		t.Errorf("of two: %+v", e)
	}
}

// Sentences are read once, whoever asks, and again when they change.
func TestSentencesAreKept(t *testing.T) {
	r := newRig(t, told()...)
	o := engine.ResultOptions{Evidence: true}
	r.model.embeddedTexts()
	r.search("alpha", engine.Semantic, o)
	if n := len(r.model.embeddedTexts()); n != 1+5+3+1+2 {
		t.Errorf("%d texts are embedded", n)
	}
	r.search("alpha", engine.Semantic, o)
	r.same("again", r.model.embeddedTexts(), []string{"alpha"})
	r.search("alpha", engine.Lexical, o)
	r.same("by words", r.model.embeddedTexts(), []string{})
	p := told()[1]
	p.Abstract = "Alpha omega."
	r.put(p)
	r.model.embeddedTexts()
	a := r.search("alpha", engine.Lexical, o)
	r.same("after a change", r.model.embeddedTexts(), []string{"Alpha title", "Alpha omega."})
	r.same("its sentence", resultOf(r, a, "b").Evidence[0].Text, "Alpha omega.")
}

// An example that was deleted since leaves later pages without evidence, not without
// results.
func TestEvidenceOfAPaperThatIsGone(t *testing.T) {
	r := newRig(t, told()...)
	o := engine.ResultOptions{Evidence: true, PageSize: 1}
	req := engine.SimilarRequest{PaperIDs: []string{"a"}, Mode: engine.Semantic, ResultOptions: o}
	first := r.good(r.Similar(r.Context(), req))
	if first.Results[0].Evidence == nil {
		t.Error("the first page has no evidence")
	}
	r.erase("a")
	req.PageToken = first.NextPageToken
	second := r.good(r.Similar(r.Context(), req))
	if len(second.Results) != 1 || second.Results[0].Evidence != nil {
		t.Errorf("%+v", second.Results)
	}
}
