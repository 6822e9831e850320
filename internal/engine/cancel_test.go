package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
)

// calls are the names of the calls of the catalog that something makes.
func (r *rig) calls(do func()) (names []string) {
	var mu sync.Mutex
	r.fault = func(_ context.Context, call string) error {
		mu.Lock()
		defer mu.Unlock()
		names = append(names, call)
		return nil
	}
	defer func() { r.fault = nil }()
	do()
	return names
}

// useCases are all calls that an Engine takes for a collection, as an example each.
func useCases() map[string]func(r *rig, ctx context.Context) error {
	everything := engine.ResultOptions{
		PageSize: 3, Filter: "year > 2000", Evidence: true, Explain: true, WithVectors: true, Diversity: .3, Recency: .2, GroupBy: engine.ByCluster,
	}
	byYear := engine.ResultOptions{GroupBy: engine.ByYear, AsOf: "2030-01-01", PageSize: 20}
	likes := []engine.Example{{PaperID: "p01"}, {PaperID: "p03"}, {Text: &engine.Text{Title: "alpha own3x1"}}}
	dislikes := []engine.Example{{PaperID: "p05"}}
	out := map[string]func(r *rig, ctx context.Context) error{
		"novelty": func(r *rig, ctx context.Context) error {
			return second(r.Novelty(ctx, engine.NoveltyRequest{PaperIDs: []string{"p08", "p09"}}))
		},
		"novelty of a text": func(r *rig, ctx context.Context) error {
			return second(r.Novelty(ctx, engine.NoveltyRequest{Text: &engine.Text{Title: "alpha"}, AsOf: "2020-01-01"}))
		},
		"get": func(r *rig, ctx context.Context) error {
			_, _, err := r.Get(ctx, "", []string{"p01", "nobody"})
			return err
		},
		"list": func(r *rig, ctx context.Context) error { return second(r.List(ctx, engine.List{Size: 3})) },
		"list by day": func(r *rig, ctx context.Context) error {
			return second(r.List(ctx, engine.List{Size: 3, Order: engine.ByDay, Filter: "year > 2000"}))
		},
		"list by trend": func(r *rig, ctx context.Context) error {
			return second(r.List(ctx, engine.List{Size: 3, Order: engine.ByTrend}))
		},
		"list days": func(r *rig, ctx context.Context) error { return second(r.ListDays(ctx, engine.ListDays{})) },
		"count": func(r *rig, ctx context.Context) error {
			return second(r.CountValues(ctx, "", "venue", "", 3))
		},
		"info": func(r *rig, ctx context.Context) error { return second(r.Info(ctx, "")) },
		"upsert": func(r *rig, ctx context.Context) error {
			_, _, err := r.Upsert(ctx, "", []paper.Paper{{ID: "new", Title: "new"}}, embed.Interactive)
			return err
		},
		"update": func(r *rig, ctx context.Context) error {
			_, _, err := r.Update(ctx, "", "p02", func(p *paper.Paper) error { p.Title += " more"; return nil })
			return err
		},
		"delete": func(r *rig, ctx context.Context) error {
			_, _, _, err := r.Delete(ctx, "", []string{"p04"})
			return err
		},
		"import": func(r *rig, ctx context.Context) error { return second(r.imported(ctx, incoming("i1", "i2")...)) },
		"export": func(r *rig, ctx context.Context) error {
			return r.Export(ctx, engine.Export{Vectors: true}, func(engine.Exported) error { return nil })
		},
		"duplicates": func(r *rig, ctx context.Context) error {
			return r.FindDuplicates(ctx, engine.FindDuplicates{}, func(engine.FoundDuplicates) error { return nil })
		},
		"verify": func(r *rig, ctx context.Context) error { return second(r.Verify(ctx, func(string, uint64, uint64) {})) },
	}
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		out[fmt.Sprint("search ", mode)] = func(r *rig, ctx context.Context) error {
			return second(r.Search(ctx, engine.SearchRequest{Query: "alpha -unheard", Mode: mode, Rerank: 5, ResultOptions: everything}))
		}
		out[fmt.Sprint("similar ", mode)] = func(r *rig, ctx context.Context) error {
			return second(r.Similar(ctx, engine.SimilarRequest{PaperIDs: []string{"p01", "p02"}, Mode: mode, Rerank: 5, ResultOptions: everything}))
		}
		out[fmt.Sprint("similar to a text ", mode)] = func(r *rig, ctx context.Context) error {
			return second(r.Similar(ctx, engine.SimilarRequest{Text: &engine.Text{Title: "alpha"}, Mode: mode, ResultOptions: byYear}))
		}
	}
	for _, s := range []engine.RecommendStrategy{engine.HybridMean, engine.TopMean, engine.MeanVector, engine.BestScore, engine.SVM} {
		out[fmt.Sprint("recommend ", s)] = func(r *rig, ctx context.Context) error {
			return second(r.Recommend(ctx, engine.RecommendRequest{Positive: likes, Negative: dislikes, Strategy: s, ResultOptions: everything}))
		}
	}
	return out
}

// Whichever call of the catalog fails, and whenever, that is the error of the use case,
// all that was opened is closed, and the next caller is not bothered.
func TestCatalogFails(t *testing.T) {
	fault := errors.New("the catalog failed")
	for name, run := range useCases() {
		t.Run(name, func(t *testing.T) {
			var n int
			for at := 0; ; at++ { // the fault comes at a later call each time
				r := newRig(t, ladder(9)...)
				n = 0
				var mu sync.Mutex
				r.fault = func(context.Context, string) error {
					mu.Lock()
					defer mu.Unlock()
					if n++; n == at+1 {
						return fault
					}
					return nil
				}
				err := run(r, t.Context())
				if n <= at {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				if !errors.Is(err, fault) || r.memory.OpenViews() != 0 {
					t.Errorf("call %d: %v, %d views open", at, err, r.memory.OpenViews())
				}
				r.fault = nil
				if err := run(r, t.Context()); err != nil {
					t.Errorf("after a fault of call %d: %v", at, err)
				}
			}
			if n == 0 {
				t.Error("it calls nothing")
			}
		})
	}
}

// A caller who goes away at any call of the catalog or of the model gets the error of
// his context, and nothing stays behind.
func TestCallerGoesAway(t *testing.T) {
	for name, run := range useCases() {
		t.Run(name, func(t *testing.T) {
			for at := 0; ; at++ {
				r := newRig(t, ladder(9)...)
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				var mu sync.Mutex
				leave := func(ctx context.Context) error {
					mu.Lock()
					defer mu.Unlock()
					if n++; n == at+1 {
						cancel()
					}
					return ctx.Err()
				}
				r.fault = func(ctx context.Context, _ string) error { return leave(ctx) }
				r.model.before = func(ctx context.Context, _ []string, _ embed.Options) error { return leave(ctx) }
				err := run(r, ctx)
				cancel()
				if n <= at {
					break
				}
				if !errors.Is(err, context.Canceled) || r.memory.OpenViews() != 0 {
					t.Errorf("at call %d: %v, %d views open", at, err, r.memory.OpenViews())
				}
			}
		})
	}
}

// A model that fails fails the query, at whatever text.
func TestModelFails(t *testing.T) {
	full := &paper.Error{Kind: paper.Exhausted, Reason: paper.ReasonQueueFull}
	for name, run := range useCases() {
		t.Run(name, func(t *testing.T) {
			for at := 0; ; at++ {
				r := newRig(t, ladder(9)...)
				n := 0
				var mu sync.Mutex
				r.model.before = func(context.Context, []string, embed.Options) error {
					mu.Lock()
					defer mu.Unlock()
					if n++; n == at+1 {
						return full
					}
					return nil
				}
				err := run(r, t.Context())
				if n <= at {
					break
				}
				if !errors.Is(err, full) || r.memory.OpenViews() != 0 {
					t.Errorf("at call %d: %v", at, err)
				}
			}
		})
	}
}

// Every use case names its collection, and is told when there is none.
func TestCollectionsAreNamed(t *testing.T) {
	r := newRig(t, ladder(3)...)
	for _, name := range []string{"nowhere", "NO", "-", strings.Repeat("x", 65)} {
		kind := paper.Invalid
		if name == "nowhere" {
			kind = paper.NotFound
		}
		for what, err := range map[string]error{
			"search":    second(r.Search(r.Context(), engine.SearchRequest{Collection: name, Query: "alpha"})),
			"similar":   second(r.Similar(r.Context(), engine.SimilarRequest{Collection: name, PaperIDs: []string{"p01"}})),
			"recommend": second(r.Recommend(r.Context(), engine.RecommendRequest{Collection: name, Positive: []engine.Example{{PaperID: "p01"}}})),
			"novelty":   second(r.Novelty(r.Context(), engine.NoveltyRequest{Collection: name, PaperIDs: []string{"p01"}})),
			"list":      second(r.List(r.Context(), engine.List{Collection: name})),
			"count":     second(r.CountValues(r.Context(), name, "venue", "", 0)),
			"info":      second(r.Info(r.Context(), name)),
			"export":    r.Export(r.Context(), engine.Export{Collection: name}, func(engine.Exported) error { return nil }),
			"duplicates": r.FindDuplicates(r.Context(), engine.FindDuplicates{Collection: name},
				func(engine.FoundDuplicates) error { return nil }),
			"import": r.Import(r.Context(), name, nil, nil),
		} {
			r.refused(what+" in "+name, err, kind, "")
		}
		_, _, err := r.Get(r.Context(), name, []string{"p01"})
		r.refused("get", err, kind, "")
		_, _, err = r.Upsert(r.Context(), name, ladder(1), embed.Interactive)
		r.refused("upsert", err, kind, "")
		_, _, err = r.Update(r.Context(), name, "p01", nil)
		r.refused("update", err, kind, "")
		_, _, _, err = r.Delete(r.Context(), name, []string{"p01"})
		r.refused("delete", err, kind, "")
	}
}

// A server without a catalog embeds, and refuses everything else.
func TestWithoutCatalog(t *testing.T) {
	r := newRig(t)
	r.Engine = engine.New(engine.OneModel{Model: r.model}, nil, nil)
	for name, run := range useCases() {
		r.refused(name, run(r, r.Context()), paper.FailedPrecondition, "only embeds")
	}
	if _, err := r.CreateSnapshot("x"); paper.KindOf(err) != paper.FailedPrecondition {
		t.Errorf("a snapshot of nothing: %v", err)
	}
	if _, _, err := r.EmbedTexts(r.Context(), []engine.Input{{Plain: "alpha"}}, embed.Options{}); err != nil {
		t.Error(err)
	}
}

// Each collection is embedded into its own space, and a space that no model has is an
// error, not a mixture.
func TestCollectionsOfOtherSpaces(t *testing.T) {
	r := newRig(t, ladder(3)...)
	r.memory.AddCollection("other", lexiconSpace("another"))
	_, err := r.Search(r.Context(), engine.SearchRequest{Collection: "other", Query: "alpha"})
	r.refused("search", err, paper.FailedPrecondition, "")
	_, _, err = r.Upsert(r.Context(), "other", ladder(1), embed.Interactive)
	r.refused("upsert", err, paper.FailedPrecondition, "")
	err = r.Import(r.Context(), "other", nil, nil)
	r.refused("import", err, paper.FailedPrecondition, "")

	second := newLexicon()
	second.space = lexiconSpace("another")
	r.Engine = engine.New(models{r.model, second}, r.memory, nil)
	r.model.embeddedTexts()
	if _, _, err := r.Upsert(r.Context(), "other", ladder(5), embed.Interactive); err != nil {
		t.Fatal(err)
	}
	a, err := r.Search(r.Context(), engine.SearchRequest{Collection: "other", Query: "alpha", ResultOptions: engine.ResultOptions{Evidence: true}})
	r.same("of the other collection", found(r.good(a, err).Results), steps(1, 5))
	if n := len(r.model.embeddedTexts()); n != 0 || len(second.embeddedTexts()) == 0 {
		t.Errorf("%d texts went to the model of another space", n)
	}
	r.same("of this one", found(r.answer(asks()[0], engine.ResultOptions{}).Results), steps(1, 3))
	for name, want := range map[string]string{"": "lexicon", "other": "another"} {
		info, err := r.Info(r.Context(), name)
		if err != nil || info.Space.Model != want {
			t.Errorf("the space of %q is %s, %v", name, info.Space.Model, err)
		}
	}
	r.same("default", r.DefaultSpace().Model, "lexicon")
}

// models are those of two spaces.
type models [2]*lexicon

func (m models) For(space paper.Space) (engine.Model, error) {
	for _, l := range m {
		if l.space == space {
			return l, nil
		}
	}
	return nil, paper.SpaceMismatch(space, m[0].space)
}

func (m models) Default() engine.Model { return m[0] }
