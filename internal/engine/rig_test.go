package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
)

// lexicon is a Model whose vectors can be worked out by hand: each word is an axis of
// its own, and a text the sum of its words, so that the cosine of two texts without
// repeated words is the number of words in common over the root of the product of
// their numbers. It reads longest words and leaves out the rest.
type lexicon struct {
	space paper.Space
	// hum is how much all texts have in common, whatever they say: a cosine c becomes
	// (c+hum)/(1+hum), as with models whose cosines lie close together.
	hum float64
	// before is called with the texts of each call; what it returns is the error.
	before func(ctx context.Context, texts []string, opt embed.Options) error

	mu    sync.Mutex // guards what follows
	axes  map[string]int
	calls []embedded
}

// embedded is one call of a lexicon.
type embedded struct {
	texts []string
	opt   embed.Options
}

const (
	axes    = 512
	longest = 30
)

func lexiconSpace(name string) paper.Space {
	return paper.Space{Model: name, Pooling: "mean", Template: "{title} {abstract}", MaxTokens: longest + 2, Dimension: axes, Precision: "float32"}
}

func newLexicon() *lexicon {
	return &lexicon{space: lexiconSpace("lexicon"), axes: make(map[string]int)}
}

func (l *lexicon) Space() paper.Space { return l.space }

func (l *lexicon) Text(title, abstract string) string {
	return strings.TrimSpace(title + " " + abstract)
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return strings.ContainsRune(" .,;:!?\"-*\n", r) })
}

func (l *lexicon) Embed(ctx context.Context, texts []string, opt embed.Options) ([]embed.Embedding, embed.Timing, error) {
	if err := ctx.Err(); err != nil {
		return nil, embed.Timing{}, err
	}
	if l.before != nil {
		if err := l.before(ctx, texts, opt); err != nil {
			return nil, embed.Timing{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, embedded{slices.Clone(texts), opt})
	out := make([]embed.Embedding, len(texts))
	for i, text := range texts {
		words := wordsOf(text)
		read := words[:min(len(words), longest)]
		out[i] = embed.Embedding{Vector: l.vector(read), Tokens: len(read) + 2, Truncated: len(words) > len(read)}
	}
	return out, embed.Timing{}, nil
}

// vector adds up the axes of words; a text without words has one to itself. The
// caller holds mu.
func (l *lexicon) vector(words []string) []float32 {
	v := make([]float32, axes)
	if len(words) == 0 {
		words = []string{""}
	}
	for _, w := range words {
		at, ok := l.axes[w]
		if !ok {
			at = len(l.axes)
			l.axes[w] = at
		}
		v[at]++
	}
	var norm float64
	for _, x := range v {
		norm += float64(x) * float64(x)
	}
	v[axes-1] = float32(math.Sqrt(norm * l.hum))
	norm *= 1 + l.hum
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(norm))
	}
	return v
}

func (l *lexicon) Tokenize(text string, maxTokens int, _ bool) (embed.Tokens, error) {
	n := len(wordsOf(text)) + 2
	if maxTokens > 0 && n > maxTokens {
		return embed.Tokens{IDs: make([]int64, maxTokens), Truncated: true}, nil
	}
	return embed.Tokens{IDs: make([]int64, n)}, nil
}

func (l *lexicon) CheckLength(field, text string, _ embed.Options) error {
	if n := len(wordsOf(text)); n > longest {
		return paper.InvalidField(field, "has %d words; the limit is %d", n, longest)
	}
	return nil
}

// embeddedTexts are those of all calls so far, and forgets them.
func (l *lexicon) embeddedTexts() (texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.calls {
		texts = append(texts, c.texts...)
	}
	l.calls = nil
	return texts
}

// rig is an Engine over a catalog in memory and a lexicon.
type rig struct {
	*testing.T
	*engine.Engine
	memory *catalogtest.Memory
	model  *lexicon
	// fault, if set, is asked before each call of the catalog.
	fault func(ctx context.Context, call string) error
}

// newRig makes a rig, and sees at the end of the test that every view was closed.
func newRig(t *testing.T, papers ...paper.Paper) *rig {
	t.Helper()
	return newRigThat(t, 0, papers...)
}

// newRigThat makes a rig whose catalog says that it searches by a strategy.
func newRigThat(t *testing.T, strategy catalog.Strategy, papers ...paper.Paper) *rig {
	t.Helper()
	return newRigOf(t, newLexicon(), strategy, papers...)
}

// newRigOf makes a rig of a model.
func newRigOf(t *testing.T, model *lexicon, strategy catalog.Strategy, papers ...paper.Paper) *rig {
	t.Helper()
	r := &rig{T: t, model: model}
	r.memory = catalogtest.NewMemory(r.model.space, catalogtest.Options{Strategy: strategy, Before: func(ctx context.Context, call string) error {
		if r.fault != nil {
			return r.fault(ctx, call)
		}
		return nil
	}})
	r.Engine = engine.New(engine.OneModel{Model: r.model}, r.memory, nil)
	t.Cleanup(func() {
		if n := r.memory.OpenViews(); n != 0 {
			t.Errorf("%d views were not closed", n)
		}
	})
	r.put(papers...)
	return r
}

// lacking is the same rig whose catalog lacks a capability.
func (r *rig) lacking(c catalog.Capability) *rig {
	other := *r
	other.Engine = engine.New(engine.OneModel{Model: r.model}, r.memory.Without(c), nil)
	return &other
}

// bare is the same rig whose catalog has no capability.
func (r *rig) bare() *rig {
	other := *r
	other.Engine = engine.New(engine.OneModel{Model: r.model}, r.memory.Bare(), nil)
	return &other
}

func (r *rig) put(papers ...paper.Paper) uint64 {
	r.Helper()
	var sequence uint64
	for some := range slices.Chunk(papers, engine.MaxBatch) {
		results, now, err := r.Upsert(r.Context(), "", some, embed.Bulk)
		for _, u := range results {
			err = errors.Join(err, u.Err)
		}
		if err != nil {
			r.Fatal(err)
		}
		sequence = now
	}
	return sequence
}

func (r *rig) erase(ids ...string) {
	r.Helper()
	if _, _, _, err := r.Delete(r.Context(), "", ids); err != nil {
		r.Fatal(err)
	}
}

// ladder are papers p01 to p<n>, of which p<k> has "alpha" and k-1 words of its own:
// its cosine to "alpha" is 1/√k. They appeared on the first of January of 2000+k, in
// turn at the venues North, South and West; every other one is in cs.CL.
func ladder(n int) (papers []paper.Paper) {
	for k := 1; k <= n; k++ {
		title := "alpha"
		for j := 1; j < k; j++ {
			title += fmt.Sprintf(" own%dx%d", k, j)
		}
		papers = append(papers, paper.Paper{
			ID: fmt.Sprintf("p%02d", k), Title: title, Venue: []string{"North", "South", "West"}[k%3],
			PublishDate: paper.Date{Year: 2000 + k, Month: 1, Day: 1}, Categories: []string{[]string{"cs.CL", "math.GT"}[k%2]},
		})
	}
	return papers
}

// cosineOf is what the k-th paper of a ladder has with "alpha".
func cosineOf(k int) float64 { return 1 / math.Sqrt(float64(k)) }

// ask is any of the three queries, with options.
type ask struct {
	name string
	run  func(r *rig, o engine.ResultOptions) (*engine.Answer, error)
	// scores says that results are ordered by the cosine with "alpha" or, over a
	// ladder, as if they were.
	semantic bool
}

// asks are queries for what a ladder has, in every mode and strategy.
func asks() []ask {
	search := func(mode engine.Mode) func(*rig, engine.ResultOptions) (*engine.Answer, error) {
		return func(r *rig, o engine.ResultOptions) (*engine.Answer, error) {
			return r.Search(r.Context(), engine.SearchRequest{Query: "alpha", Mode: mode, ResultOptions: o})
		}
	}
	similar := func(req engine.SimilarRequest) func(*rig, engine.ResultOptions) (*engine.Answer, error) {
		return func(r *rig, o engine.ResultOptions) (*engine.Answer, error) {
			req.ResultOptions = o
			return r.Similar(r.Context(), req)
		}
	}
	recommend := func(s engine.RecommendStrategy) func(*rig, engine.ResultOptions) (*engine.Answer, error) {
		return func(r *rig, o engine.ResultOptions) (*engine.Answer, error) {
			return r.Recommend(r.Context(), engine.RecommendRequest{
				Positive: []engine.Example{{PaperID: "p01"}}, Strategy: s, ResultOptions: o,
			})
		}
	}
	ids := []string{"p01"}
	text := &engine.Text{Title: "alpha", Abstract: "alpha"} // nobody's text
	return []ask{
		{"search by meaning", search(engine.Semantic), true},
		{"search by words", search(engine.Lexical), false},
		{"search by both", search(engine.Hybrid), true},
		{"similar by meaning", similar(engine.SimilarRequest{PaperIDs: ids, Mode: engine.Semantic}), true},
		{"similar by words", similar(engine.SimilarRequest{PaperIDs: ids, Mode: engine.Lexical}), false},
		{"similar by both", similar(engine.SimilarRequest{PaperIDs: ids}), true},
		{"similar to a text", similar(engine.SimilarRequest{Text: text, Mode: engine.Semantic}), true},
		{"recommend by both", recommend(engine.HybridMean), true},
		{"recommend by top", recommend(engine.TopMean), true},
		{"recommend by mean", recommend(engine.MeanVector), true},
		{"recommend by best", recommend(engine.BestScore), true},
		{"recommend by machines", recommend(engine.SVM), false},
	}
}

// each runs a test for each of the queries, over a rig of its own.
func each(t *testing.T, papers []paper.Paper, run func(r *rig, a ask)) {
	t.Helper()
	for _, a := range asks() {
		t.Run(a.name, func(t *testing.T) { run(newRig(t, papers...), a) })
	}
}

func (r *rig) answer(a ask, o engine.ResultOptions) *engine.Answer {
	r.Helper()
	return r.good(a.run(r, o))
}

// good takes an answer that is no error.
func (r *rig) good(a *engine.Answer, err error) *engine.Answer {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
	return a
}

// all reads a list to its end.
func (r *rig) all(a ask, o engine.ResultOptions) (results []engine.Result) {
	r.Helper()
	for {
		page := r.answer(a, o)
		results = append(results, page.Results...)
		if o.PageToken = page.NextPageToken; o.PageToken == "" {
			return results
		}
	}
}

// found are the ids of results, in their order.
func found(results []engine.Result) string {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.Record.ID
	}
	return strings.Join(ids, " ")
}

// steps are the ids of a ladder from one step to another.
func steps(from, to int) string {
	var ids []string
	for k := from; k <= to; k++ {
		ids = append(ids, fmt.Sprintf("p%02d", k))
	}
	return strings.Join(ids, " ")
}

// same compares two values by how they are printed.
func (r *rig) same(what string, got, want any) {
	r.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		r.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-5 }

// refused expects an error of a kind, and of an invalid request that it names a field.
func (r *rig) refused(what string, err error, kind paper.Kind, words string) {
	r.Helper()
	var e *paper.Error
	switch {
	case !errors.As(err, &e) || e.Kind != kind:
		r.Errorf("%s: %v, not an error of kind %d", what, err, kind)
	case kind == paper.Invalid && (len(e.Violations) == 0 || e.Violations[0].Field == ""):
		r.Errorf("%s: %v names no field", what, err)
	case !strings.Contains(err.Error(), words):
		r.Errorf("%s: %v does not say %q", what, err, words)
	}
}

// limitsOf are the reasons of limits.
func limitsOf(a *engine.Answer) (reasons []engine.LimitReason) {
	for _, l := range a.Limits {
		reasons = append(reasons, l.Reason)
	}
	return reasons
}

// limit gives the limit of a reason.
func (r *rig) limit(a *engine.Answer, reason engine.LimitReason) engine.Limit {
	r.Helper()
	for _, l := range a.Limits {
		if l.Reason == reason {
			return l
		}
	}
	r.Errorf("there is no limit of reason %d in %+v", reason, a.Limits)
	return engine.Limit{}
}

func ptr[T any](x T) *T { return &x }
