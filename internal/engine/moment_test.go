package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"akin/internal/engine"
	"akin/internal/paper"
)

// flips is a collection whose papers change venue, day and title to and fro, all of
// them with each write, half of them one way and half the other.
type flips struct {
	e  *engine.Engine
	mu sync.Mutex // guards what follows
	// writes has the number of each write by the sequence that it reached.
	writes map[uint64]int
}

const flipped = 60

// paper is one of them after a write.
func (f *flips) paper(n, write int) paper.Paper {
	side := (n + write) % 2
	// Texts differ, so that none counts as a version of another.
	return paper.Paper{
		ID: fmt.Sprintf("p%02d", n), Title: fmt.Sprintf("%s number%d about topic%d", []string{"alpha", "beta"}[side], n, n*n%17),
		Abstract: fmt.Sprintf("common words of paper%d and field%d and matter%d", n*7, n%11, n*13%29),
		Venue:    []string{"A", "B"}[side], PublishDate: paper.Date{Year: 2000 + 10*side},
	}
}

func (f *flips) write(ctx context.Context, k int) error {
	papers := make([]paper.Paper, flipped)
	for n := range papers {
		papers[n] = f.paper(n, k)
	}
	f.mu.Lock() // nobody asks which write a sequence is of before it is known
	defer f.mu.Unlock()
	results, sequence, err := f.e.Upsert(ctx, "", papers, 0)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	f.writes[sequence] = k
	return err
}

// check holds an answer against the state of its sequence, and its papers against
// what was asked for.
func (f *flips) check(what string, a *engine.Answer, side int, first bool, least int) error {
	f.mu.Lock()
	k, ok := f.writes[a.Sequence]
	f.mu.Unlock()
	if !ok {
		return fmt.Errorf("%s: sequence %d is within a write", what, a.Sequence)
	}
	if first && len(a.Results) < least {
		return fmt.Errorf("%s: %d papers, want %d", what, len(a.Results), least)
	}
	for _, r := range a.Results {
		var n int
		if _, err := fmt.Sscanf(r.Record.ID, "p%d", &n); err != nil {
			return err
		}
		then := f.paper(n, k)
		if want := []string{"A", "B"}[side]; r.Record.Venue != want || then.Venue != want {
			return fmt.Errorf("%s: filter %s gave %s of %s, which was of %s at sequence %d", what, want, r.Record.ID, r.Record.Venue, then.Venue, a.Sequence)
		}
		if first && r.Record.Title != then.Title {
			return fmt.Errorf("%s: %s is %q, and was %q at sequence %d", what, r.Record.ID, r.Record.Title, then.Title, a.Sequence)
		}
	}
	return nil
}

// ask asks in every way, with two pages where there are pages.
func (f *flips) ask(ctx context.Context, i int) error {
	side := i % 2
	options := engine.ResultOptions{Filter: "venue = " + []string{"A", "B"}[side], PageSize: 20, KeepVersions: true}
	options.AsOf = []string{"2005-01-01", "2015-01-01"}[side]
	examples := []engine.Example{{PaperID: "p01"}, {PaperID: "p02"}}
	phrase := fmt.Sprintf(`"%s" common`, []string{"alpha", "beta"}[side])
	asks := map[string]func(o engine.ResultOptions) (*engine.Answer, error){
		"semantic": func(o engine.ResultOptions) (*engine.Answer, error) {
			return f.e.Search(ctx, engine.SearchRequest{Query: "common words", Mode: engine.Semantic, ResultOptions: o})
		},
		"hybrid": func(o engine.ResultOptions) (*engine.Answer, error) {
			return f.e.Search(ctx, engine.SearchRequest{Query: phrase, ResultOptions: o})
		},
		"lexical": func(o engine.ResultOptions) (*engine.Answer, error) {
			return f.e.Search(ctx, engine.SearchRequest{Query: phrase, Mode: engine.Lexical, ResultOptions: o})
		},
		"similar": func(o engine.ResultOptions) (*engine.Answer, error) {
			return f.e.Similar(ctx, engine.SimilarRequest{PaperIDs: []string{"p03"}, IncludeSelf: true, ResultOptions: o})
		},
		"recommend": func(o engine.ResultOptions) (*engine.Answer, error) {
			return f.e.Recommend(ctx, engine.RecommendRequest{Positive: examples, Negative: []engine.Example{{PaperID: "p04"}}, Strategy: engine.RecommendStrategy(i % 5), ResultOptions: o})
		},
	}
	for name, ask := range asks {
		a, err := ask(options)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// All of that side are found, whatever is written meanwhile.
		if err := f.check(name, a, side, true, min(20, flipped/2-3)); err != nil {
			return err
		}
		if next := options; a.NextPageToken != "" {
			next.PageToken = a.NextPageToken
			second, err := ask(next)
			if err != nil {
				return fmt.Errorf("%s, page 2: %w", name, err)
			}
			if err := f.check(name+", page 2", second, side, false, 0); err != nil {
				return err
			}
			if len(second.Results) == 0 && second.Empty != engine.LimitChanged {
				return fmt.Errorf("%s, page 2 is empty for reason %d, limits %v", name, second.Empty, second.Limits)
			}
		}
	}
	return f.askOthers(ctx, side, options.Filter)
}

// askOthers asks what has no results with scores.
func (f *flips) askOthers(ctx context.Context, side int, filter string) error {
	venue := []string{"A", "B"}[side]
	page, err := f.e.List(ctx, engine.List{Filter: filter, Size: 100})
	if err != nil || len(page.Papers) != flipped/2 {
		return fmt.Errorf("list: %d papers, %w", len(page.Papers), err)
	}
	for _, r := range page.Papers {
		if r.Venue != venue || !strings.HasPrefix(r.Title, []string{"alpha", "beta"}[side]) {
			return fmt.Errorf("list: %s of %s is %q", r.ID, r.Venue, r.Title)
		}
	}
	counts, err := f.e.CountValues(ctx, "", "venue", filter, 0)
	if err != nil || len(counts) != 1 || counts[0].Value != venue || counts[0].Papers != flipped/2 {
		return fmt.Errorf("counts: %v, %w", counts, err)
	}
	err = f.e.FindDuplicates(ctx, engine.FindDuplicates{Filter: filter}, func(d engine.FoundDuplicates) error {
		if d.Total != flipped/2 {
			return fmt.Errorf("duplicates: %d papers at sequence %d", d.Total, d.Sequence)
		}
		return nil
	})
	if err != nil && paper.KindOf(err) != paper.Exhausted { // one comparison at a time
		return err
	}
	novelty, err := f.e.Novelty(ctx, engine.NoveltyRequest{PaperIDs: []string{"p05"}, AsOf: "2005-01-01"})
	if err != nil {
		return err
	}
	for _, n := range novelty.Papers {
		for _, near := range n.Nearest {
			if near.Record.PublishDate.Year > 2005 {
				return fmt.Errorf("novelty: %s appeared in %d", near.Record.ID, near.Record.PublishDate.Year)
			}
		}
	}
	return nil
}

// An answer is of one state: while every paper changes its venue, its day and its
// text, each answer to a filtered query has the papers that the filter kept at the
// answer's sequence, all of them, as they were; and later pages none that is not
// what was asked for any more.
func TestOneState(t *testing.T) {
	f := &flips{e: open(t), writes: make(map[uint64]int)}
	if err := f.write(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers, writer sync.WaitGroup
	writer.Go(func() {
		for k := 1; ; k++ {
			select {
			case <-done:
				return
			default:
			}
			if err := f.write(t.Context(), k); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for r := range 2 {
		readers.Go(func() {
			for i := range 6 {
				if err := f.ask(t.Context(), i+r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	readers.Wait()
	close(done)
	writer.Wait()
	if len(f.writes) < 3 {
		t.Errorf("only %d writes went on meanwhile", len(f.writes))
	}
}
