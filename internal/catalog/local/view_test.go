package local_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/local"
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

// titles shows records that are there.
func titles(records []*paper.Record, err error) (string, error) {
	var out []string
	for _, r := range records {
		if r != nil {
			out = append(out, fmt.Sprint(r.Ref(), r.Title, r.Venue))
		}
	}
	return fmt.Sprint(out), err
}

// A reader that is slow, whatever it asks, neither makes a writer wait nor another
// reader behind the writer: both go through while it is at its work, and it answers
// from the state that it began with.
func TestSlowReader(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	var changes []catalog.Mutation
	for n := range 300 {
		m := put(n, 1)
		m.Paper.Venue, m.Paper.PublishDate = []string{"A", "B"}[n%2], paper.Date{Year: 2000 + n%20}
		changes = append(changes, m)
	}
	apply(t, c, changes...)
	by := catalog.Restriction{Filter: "venue = A AND title:paper", AsOf: "2015-01-01"}
	words := catalog.Words{Text: `paper "revision 1" -17`, Typed: true}
	hits, refs := make([]rank.Hit, 300), make([]paper.Ref, 300)
	for n := range hits {
		refs[n] = paper.Ref{ID: fmt.Sprintf("p%04d", n), Handle: uint32(n) + 1}
		hits[n] = rank.Hit{ID: refs[n].ID, Handle: refs[n].Handle}
	}
	few := []paper.Ref{refs[1], refs[2], {ID: "p0005"}}
	show := func(answer any, err error) (string, error) { return fmt.Sprint(answer), err }
	revision := 1
	for name, ask := range map[string]func(ctx context.Context, v all) (string, error){
		"nearest": func(ctx context.Context, v all) (string, error) {
			return show(v.Nearest(ctx, near(vectorOf(7), 400, by)))
		},
		"hybrid": func(ctx context.Context, v all) (string, error) {
			return show(v.Hybrid(ctx, catalog.Hybrid{Vector: vectorOf(7), K: 400, Words: words, Restriction: by}))
		},
		"nearest to several": func(ctx context.Context, v all) (string, error) {
			q := near(vectorOf(1), 400, by)
			q.Probes = append(q.Probes, catalog.Probe{Vector: vectorOf(2), K: 400})
			return show(v.Nearest(ctx, q))
		},
		"get":     func(ctx context.Context, v all) (string, error) { return titles(v.Get(ctx, few)) },
		"vectors": func(ctx context.Context, v all) (string, error) { return show(v.Vectors(ctx, few)) },
		"background": func(ctx context.Context, v all) (string, error) {
			drawn, err := v.Background(ctx, 200)
			if err != nil {
				return "", err
			}
			return show(v.Vectors(ctx, drawn))
		},
		"funnel": func(ctx context.Context, v all) (string, error) {
			return show(v.Funnel(ctx, catalog.Conditions{Restriction: by, Words: words, AnyWord: true}))
		},
		"count": func(ctx context.Context, v all) (string, error) {
			return show(v.CountValues(ctx, "venue", "year < 2010", 0))
		},
		"list": func(ctx context.Context, v all) (string, error) {
			var records []*paper.Record
			for r, err := range v.List(ctx, catalog.Listing{Filter: "venue = A"}) {
				if err != nil {
					return "", err
				}
				records = append(records, r)
			}
			return titles(records, nil)
		},
		"dated":   func(ctx context.Context, v all) (string, error) { return show(v.Dated(ctx, "", 100)) },
		"terms":   func(ctx context.Context, v all) (string, error) { return show(v.Terms(ctx, few)) },
		"venues":  func(ctx context.Context, v all) (string, error) { return show(v.Venues(ctx, few)) },
		"matches": func(ctx context.Context, v all) (string, error) { return show(v.Matches(ctx, words, few)) },
		"collapse": func(ctx context.Context, v all) (string, error) {
			left, stands, err := v.Collapse(ctx, slices.Clone(hits), nil)
			return fmt.Sprint(left, stands), err
		},
		"duplicates": func(ctx context.Context, v all) (string, error) {
			var all []any
			papers, found, err := v.Duplicates(ctx, by.Filter, 0.1)
			if err != nil {
				return "", err
			}
			for g, err := range found {
				if err != nil {
					return "", err
				}
				all = append(all, len(g.Papers), g.Compared)
			}
			return fmt.Sprint(papers, all), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := look(t, c)
			defer v.Close()
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
				other := infoOf(t, c) // a reader behind it
				if other.Sequence <= v.Info().Sequence {
					t.Errorf("another reader at %d", other.Sequence)
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
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	var changes []catalog.Mutation
	for n := range 6 {
		m := put(n, 1)
		m.Paper.Venue, m.Paper.PublishDate = "A", paper.Date{Year: 2010}
		changes = append(changes, m)
	}
	apply(t, c, changes...)
	list := catalog.MadeBy{Restriction: catalog.Restriction{Filter: "venue = A", AsOf: "2012-01-01"}, Words: catalog.Words{Text: `"revision 1"`, Typed: true}}
	still := func() (ids []string) {
		t.Helper()
		v := look(t, c)
		defer v.Close()
		refs := catalog.Refs("p0000", "p0001", "p0002", "p0003", "p0004", "p0005")
		for i := range 4 {
			refs[i].Handle = uint32(i) + 1
		}
		records, err := v.Still(t.Context(), list, refs)
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
	list.Sequence = infoOf(t, c).Sequence
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

// A handle finds a paper as long as it is the one that it was given for; an id alone
// always does.
func TestHandles(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	made := apply(t, c, put(1, 1), put(2, 1))
	one, two := made[0].Record.Ref(), made[1].Record.Ref()
	if one.Handle == 0 || one.Handle == two.Handle || one.ID != "p0001" {
		t.Fatalf("made were %v and %v", one, two)
	}
	wrong := paper.Ref{ID: "p0001", Handle: two.Handle}
	refs := []paper.Ref{two, wrong, one, {ID: "p0001"}, {ID: "gone"}, {ID: "p0001", Handle: 77}, {Handle: two.Handle}, {}, {ID: "p0001", Handle: 1<<32 - 1}}
	there := []string{"p0002", "", "p0001", "p0001", "", "", "", "", ""}
	v := look(t, c)
	defer v.Close()
	records, err := v.Get(t.Context(), refs)
	if err != nil || len(records) != len(refs) {
		t.Fatal(records, err)
	}
	vectors, err := v.Vectors(t.Context(), refs)
	if err != nil || len(vectors) != len(refs) {
		t.Fatal(vectors, err)
	}
	for i, id := range there {
		if (records[i] != nil) != (id != "") || id != "" && (records[i].ID != id || records[i].Handle == 0) {
			t.Errorf("%v: read %+v, want %q", refs[i], records[i], id)
		}
		if (vectors[i] != nil) != (id != "") {
			t.Errorf("%v: vector %v, want that of %q", refs[i], vectors[i], id)
		}
	}
	if !slices.Equal(vectors[0], vectorOf(201)) || !slices.Equal(vectors[3], vectorOf(101)) {
		t.Error("other vectors")
	}
	hits, err := v.Nearest(t.Context(), near(vectorOf(201), 1, catalog.Restriction{}))
	if err != nil || hits.Hits[0].Ref() != two {
		t.Errorf("found %v, %v", hits.Hits, err)
	}
}

// A list begins behind an id, ends when its reader does, and reads in pieces that are
// not seen.
func TestList(t *testing.T) {
	c, closeAll := open(t, t.TempDir()+"/data", local.ExactIndex)
	defer closeAll()
	var changes []catalog.Mutation
	for n := range 700 {
		m := put(n, 1)
		m.Paper.Venue = []string{"A", "B", "B"}[n%3]
		changes = append(changes, m)
	}
	apply(t, c, changes...)
	v := look(t, c)
	defer v.Close()
	list := func(from catalog.Listing, most int) (ids []string) {
		t.Helper()
		for r, err := range v.List(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if ids = append(ids, r.ID); len(ids) == most {
				break
			}
		}
		return ids
	}
	for _, tc := range []struct {
		from  catalog.Listing
		most  int
		n     int
		first string
		last  string
	}{
		{catalog.Listing{}, 0, 700, "p0000", "p0699"},
		{catalog.Listing{After: "p0099"}, 5, 5, "p0100", "p0104"},
		{catalog.Listing{After: "p0099x", Filter: "venue = A"}, 0, 200, "p0102", "p0699"},
		{catalog.Listing{After: "p0698"}, 0, 1, "p0699", "p0699"},
	} {
		got := list(tc.from, tc.most)
		if len(got) != tc.n || got[0] != tc.first || got[len(got)-1] != tc.last || !slices.IsSorted(got) {
			t.Errorf("%+v: %d papers, from %q to %q", tc.from, len(got), got[0], got[len(got)-1])
		}
	}
	if got := list(catalog.Listing{After: "q"}, 0); len(got) != 0 {
		t.Errorf("behind the last: %v", got)
	}
	for _, err := range v.List(t.Context(), catalog.Listing{Filter: "venue ="}) {
		if paper.KindOf(err) != paper.Invalid {
			t.Errorf("a filter that does not parse: %v", err)
		}
	}
}
