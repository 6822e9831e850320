package local_test

import (
	"fmt"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
)

// BenchmarkDays lists a collection of the size of a few years of listings, of which
// every paper has a signal.
func BenchmarkDays(b *testing.B) {
	const n = 62_518
	s, err := store.Open(b.TempDir()+"/data", store.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	space := catalogtest.Space()
	c, err := local.Open(b.Context(), local.Config{Store: s, Space: space, GraphFrom: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	vector := make([]float32, space.Dimension)
	vector[0] = 1
	var group []catalog.Mutation
	for i := range n {
		p := paper.Paper{ID: fmt.Sprintf("arXiv:%05d", i*7919%n), Title: "survey", PublishDate: paper.Date{Year: 2015 + i%10, Month: 1 + i%12, Day: 1 + i%28}, Signals: map[string]float64{"votes": float64(i % 977)}}
		if group = append(group, catalog.Mutation{Paper: p, Vector: vector}); len(group) == 5000 || i == n-1 {
			if _, _, err := c.Apply(b.Context(), paper.DefaultCollection, group); err != nil {
				b.Fatal(err)
			}
			group = nil
		}
	}
	run := func(name string, f func(v catalog.Days)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				v, err := c.View(b.Context(), paper.DefaultCollection)
				if err != nil {
					b.Fatal(err)
				}
				f(v.(catalog.Days))
				v.Close()
			}
		})
	}
	first := func(v catalog.Days, from catalog.Newest, most int) {
		for _, err := range v.Newest(b.Context(), from) {
			if most--; err != nil || most == 0 {
				return
			}
		}
	}
	run("newest100", func(v catalog.Days) { first(v, catalog.Newest{}, 100) })
	run("newest1000", func(v catalog.Days) { first(v, catalog.Newest{}, 1000) })
	run("middle100", func(v catalog.Days) {
		first(v, catalog.Newest{AfterDay: paper.Date{Year: 2020, Month: 6}, AfterID: "x"}, 100)
	})
	run("filtered100", func(v catalog.Days) { first(v, catalog.Newest{Filter: "year = 2020"}, 100) })
	run("days", func(v catalog.Days) { _, _ = v.CountDays(b.Context(), "") })
	run("trends", func(v catalog.Days) {
		rank.Trends(func(yield func(rank.Signalled) bool) {
			for s := range v.Signalled(b.Context(), "") {
				if !yield(s) {
					return
				}
			}
		}, rank.Window{End: 1_800_000_000 / 60, Length: 7 * 24 * 60}, 1000)
	})
}
