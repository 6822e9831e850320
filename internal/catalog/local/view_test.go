package local_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// between is a context that does something whenever it is looked at.
type between struct {
	context.Context
	do func()
}

func (b between) Err() error {
	b.do()
	return b.Context.Err()
}

// A reader that is slow, whatever it asks, neither makes a writer wait nor another
// reader behind the writer: both go through while it is at its work, and it answers
// from the state that it began with.
func TestSlowReader(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", catalog.ExactIndex)
	defer closeAll()
	var changes []catalog.Mutation
	for n := range 300 {
		m := put(n, 1)
		m.Paper.Venue, m.Paper.PublishDate = []string{"A", "B"}[n%2], paper.Date{Year: 2000 + n%20}
		changes = append(changes, m)
	}
	apply(t, c, changes...)
	const collection = paper.DefaultCollection
	near := catalog.Neighbors{Vector: vectorOf(7), K: 400, Filter: "venue = A AND title:paper", AsOf: "2015-01-01"}
	words := catalog.Words{Text: `paper "revision 1" -17`, Typed: true}
	hits := make([]rank.Hit, 300)
	for n := range hits {
		hits[n] = rank.Hit{ID: fmt.Sprintf("p%04d", n), Ordinal: uint32(n)}
	}
	sum := func(n int, err error) (string, error) { return fmt.Sprint(n), err }
	revision := 1
	for name, ask := range map[string]func(ctx context.Context, v catalog.View) (string, error){
		"neighbors": func(ctx context.Context, v catalog.View) (string, error) {
			found, err := v.Neighbors(ctx, collection, near)
			return fmt.Sprint(found), err
		},
		"blend": func(ctx context.Context, v catalog.View) (string, error) {
			found, err := v.Blend(ctx, collection, catalog.Blend{Neighbors: near, Words: words})
			return fmt.Sprint(found), err
		},
		"recall": func(ctx context.Context, v catalog.View) (string, error) {
			found, err := v.Recall(ctx, collection, near, []catalog.Probe{{Vector: vectorOf(1), K: 400}, {Vector: vectorOf(2), K: 400}})
			return fmt.Sprint(found), err
		},
		"background": func(ctx context.Context, v catalog.View) (string, error) {
			found, err := v.Background(ctx, collection, 200)
			return fmt.Sprint(found), err
		},
		"sift": func(ctx context.Context, v catalog.View) (string, error) {
			sifted, err := v.Sift(ctx, collection, catalog.Sift{Filter: near.Filter, AsOf: near.AsOf, Words: words, AnyWord: true})
			return fmt.Sprint(sifted), err
		},
		"count": func(ctx context.Context, v catalog.View) (string, error) {
			counts, err := v.CountValues(ctx, collection, "venue", "year < 2010", 0)
			return fmt.Sprint(counts), err
		},
		"list": func(ctx context.Context, v catalog.View) (string, error) {
			page, err := v.List(ctx, collection, "venue = A", "", 100)
			return fmt.Sprint(page), err
		},
		"sample": func(ctx context.Context, v catalog.View) (string, error) {
			drawn, err := v.Sample(ctx, collection, "", 100)
			return fmt.Sprint(drawn), err
		},
		"terms": func(ctx context.Context, v catalog.View) (string, error) {
			terms, err := v.TermsAt(ctx, collection, []uint32{1, 2, 5})
			return sum(len(terms), err)
		},
		"venues": func(ctx context.Context, v catalog.View) (string, error) {
			venues, err := v.Venues(ctx, collection, []uint32{1, 2, 5})
			return fmt.Sprint(venues), err
		},
		"collapse": func(ctx context.Context, v catalog.View) (string, error) {
			left, stands, err := v.Collapse(ctx, collection, slices.Clone(hits), nil)
			return fmt.Sprint(left, stands), err
		},
		"matches": func(ctx context.Context, v catalog.View) (string, error) {
			matches, err := v.Matches(ctx, collection, words, []uint32{1, 2, 5})
			return fmt.Sprint(matches), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.View()
			defer v.Close()
			before, err := v.Stats(t.Context(), collection) // the state that it answers from
			if err != nil {
				t.Fatal(err)
			}
			want, err := ask(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			looks := 0
			var mu sync.Mutex // a query may run on two cores
			slow := between{t.Context(), func() {
				mu.Lock()
				defer mu.Unlock()
				if looks++; looks > 3 {
					return
				}
				revision++ // a writer, which nobody makes wait
				var changes []catalog.Mutation
				for _, n := range []int{1, 2, 5, 7, 100 + revision} {
					m := put(n, revision)
					m.Paper.Venue = []string{"B", "A"}[n%2]
					changes = append(changes, m)
				}
				apply(t, c, changes...)
				other, err := neighbors(t.Context(), c, near) // a reader behind it
				if err != nil || other.Sequence <= before.Sequence {
					t.Errorf("another reader at %d, %v", other.Sequence, err)
				}
			}}
			got, err := ask(slow, v)
			if err != nil || looks == 0 {
				t.Fatalf("%v after %d looks", err, looks)
			}
			if got != want {
				t.Errorf("the answer changed with the collection:\n%s\nthen\n%s", want, got)
			}
		})
	}
}

// What a list found is left out of its later pages once it is not that any more.
func TestStill(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", catalog.ExactIndex)
	defer closeAll()
	var changes []catalog.Mutation
	for n := range 6 {
		m := put(n, 1)
		m.Paper.Venue, m.Paper.PublishDate = "A", paper.Date{Year: 2010}
		changes = append(changes, m)
	}
	apply(t, c, changes...)
	list := catalog.Listed{Filter: "venue = A", AsOf: "2012-01-01", Words: catalog.Words{Text: `"revision 1"`, Typed: true}}
	still := func() (ids []string) {
		t.Helper()
		v := c.View()
		defer v.Close()
		records, err := v.Still(t.Context(), paper.DefaultCollection, list, []uint32{0, 1, 2, 3, 4, 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r != nil {
				ids = append(ids, r.ID)
			}
		}
		return ids
	}
	s, err := c.Stats(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	list.Sequence = s.Sequence
	if got := still(); len(got) != 6 {
		t.Errorf("of its own state: %v", got)
	}
	changes[0].Paper.Venue, changes[0].Vector = "B", nil                          // the filter
	changes[1].Paper.PublishDate, changes[1].Vector = paper.Date{Year: 2020}, nil // the day
	changes[2] = catalog.Mutation{Delete: true, Paper: changes[2].Paper}          // gone
	changes[3].Paper.Title, changes[3].Vector = "Revision 1 of another text", vectorOf(9999)
	changes[4].Paper.Language, changes[4].Vector = "de", nil // nothing that was asked
	apply(t, c, changes[:5]...)
	if got := fmt.Sprint(still()); got != "[p0004 p0005]" {
		t.Errorf("left: %v", got)
	}
}
