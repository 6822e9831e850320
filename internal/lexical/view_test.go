package lexical

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// What a View and an Index as it is now answer to one question, for tests.

func (v *View) Score(ctx context.Context, q Query, ordinals []uint32) ([]float64, error) {
	r, err := v.Read(q)
	if err != nil {
		return nil, err
	}
	return r.Score(ctx, ordinals)
}

func (v *View) Explain(ctx context.Context, q Query, words bool) ([]Step, error) {
	r, err := v.Read(q)
	if err != nil {
		return nil, err
	}
	return r.Explain(ctx, q.Keep, words)
}

func (x *Index) Search(ctx context.Context, q Query) (Result, error) { return x.View().Search(ctx, q) }

func (x *Index) Score(ctx context.Context, q Query, ordinals []uint32) ([]float64, error) {
	return x.View().Score(ctx, q, ordinals)
}

func (x *Index) MatchedTerms(q Query, ordinal uint32) ([]Match, error) {
	r, err := x.View().Read(q)
	if err != nil {
		return nil, err
	}
	found, err := r.Matches(context.Background(), []uint32{ordinal})
	if err == nil && found[0] == nil {
		return nil, missing(ordinal)
	}
	return found[0], err
}

func (x *Index) Explain(ctx context.Context, q Query, words bool) ([]Step, error) {
	return x.View().Explain(ctx, q, words)
}

func (x *Index) Vector(ordinal uint32) ([]TermWeight, error) { return x.View().Vector(ordinal) }

func (x *Index) Names(ids []uint32) []string { return x.View().Names(ids) }

// What was published stays until more is, through changes, seals, merges and a
// purge; up to date, it lets go of what was merged away.
func TestPublished(t *testing.T) {
	x, err := New(Options{SegmentPapers: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	find := func(v *View) (ordinals []uint32) {
		t.Helper()
		r, err := v.Search(t.Context(), Query{Text: "lamp", K: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Hits {
			ordinals = append(ordinals, h.Ordinal)
		}
		slices.Sort(ordinals)
		return ordinals
	}
	put := func(ordinal uint32, text string) {
		t.Helper()
		if err := x.Upsert(ordinal, text, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	put(1, "lamp")
	if got := find(x.Published()); !slices.Equal(got, []uint32{1}) {
		t.Errorf("before anything was published: %v", got)
	}
	x.Publish()
	for n := range uint32(30) {
		put(n, fmt.Sprint("lamp ", n))
	}
	if got := find(x.Published()); !slices.Equal(got, []uint32{1}) {
		t.Errorf("unpublished changes show: %v", got)
	}
	x.Publish()
	if _, err := x.Delete(3); err != nil {
		t.Fatal(err)
	}
	put(4, "torch")
	before := find(x.Published())
	if err := x.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := find(x.Published()); len(before) != 30 || !slices.Equal(got, before) {
		t.Errorf("a purge shows in what was published: %v, then %v", before, got)
	}
	x.Publish()
	if _, err := x.Delete(5); err != nil {
		t.Fatal(err)
	}
	x.Publish()
	if err := x.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := x.Published()
	if got := find(v); len(got) != 27 || slices.Contains(got, 5) {
		t.Errorf("found %v", got)
	}
	for _, s := range v.segments {
		if s.dead.n > 0 {
			t.Error("what was published holds a deleted paper after a purge")
		}
	}
}

// A query that asks for too much is refused before it costs anything, by its field
// and limit; what people type and paste is not.
func TestBounds(t *testing.T) {
	x := small(t)
	for _, c := range []struct {
		name, text string
		refused    string
	}{
		{"200 quoted words", strings.Repeat(`"dense" `, 200), ""},
		{"a phrase of 200 words", `"` + strings.Repeat("dense ", 200) + `"`, ""},
		{"200 exclusions", "graph " + strings.Repeat(`-zebra `, 200), ""},
		{"an abstract", strings.Repeat("We propose a model, which learns. ", 90), ""},
		{"unbalanced marks", strings.Repeat("“ ", 16<<10), ""},
		{"a long phrase", `"` + strings.Repeat("we propose model ", 3000) + `"`, "1024"},
		{"many phrases", strings.Repeat(`"dense graph" `, 300), "256"},
		{"many exclusions", "graph " + strings.Repeat(`-"a b" `, 300), "256"},
		{"many prefixes", strings.Repeat("de* ", 40), "32"},
	} {
		_, err := x.Search(t.Context(), Query{Text: c.text, K: 10})
		checked := CheckText(c.text)
		if c.refused == "" {
			if err != nil || checked != nil {
				t.Errorf("%s: %v, %v", c.name, err, checked)
			}
			continue
		}
		for _, err := range []error{err, checked} {
			if paper.KindOf(err) != paper.Invalid || !strings.Contains(err.Error(), "query") || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if _, err := x.Search(t.Context(), Query{Text: c.text, K: 10, Mode: ModeText}); err != nil {
			t.Errorf("%s, pasted: %v", c.name, err)
		}
	}
}

// A query whose caller gave up ends, whatever it asks for.
func TestCancelled(t *testing.T) {
	x := small(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := Query{Text: `graph "dense" -zebra`, K: 10}
	r, err := x.View().Read(q)
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"search":  func() error { _, err := r.Search(ctx, 10, nil); return err },
		"score":   func() error { _, err := r.Score(ctx, []uint32{10}); return err },
		"allows":  func() error { _, err := r.Allows(ctx, []uint32{10}); return err },
		"matches": func() error { _, err := r.Matches(ctx, []uint32{10}); return err },
		"explain": func() error { _, err := r.Explain(ctx, nil, true); return err },
	} {
		if err := ask(); err != context.Canceled { //nolint:errorlint // as it is
			t.Errorf("%s: %v", name, err)
		}
	}
}
