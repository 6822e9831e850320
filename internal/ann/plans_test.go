package ann_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
	"akin/internal/ann/anntest"
)

// BenchmarkSwitchOver compares a walk and a scan of indexes of several sizes: where
// they take the same CPU time (cpu-µs) is where plans should change. Searches ask for
// 1,000.
func BenchmarkSwitchOver(b *testing.B) {
	all := anntest.Abstracts(b, 61_000)
	for _, n := range []int{1_000, 2_500, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000} {
		graph := newGraph(b, dimension, ann.Options{Capacity: n, AlwaysWalk: true})
		if err := graph.UpsertMany(context.Background(), ordinalsTo(n), all[:n], 2); err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct{ k, ef int }{{10, 0}, {10, 64}, {10, 128}, {10, 256}, {1000, 0}, {1000, 1000}} {
			b.Run(fmt.Sprintf("n=%d/k=%d/ef=%d", n, c.k, c.ef), func(b *testing.B) {
				room := make([]ann.Neighbor, c.k)
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				i, before := 0, threadTime()
				for b.Loop() {
					q := ann.Query{Vector: all[60_000+i%1000], K: c.k, EfSearch: c.ef, Exact: c.ef == 0, Room: room}
					if _, err := graph.Search(context.Background(), q); err != nil {
						b.Fatal(err)
					}
					i++
				}
				b.ReportMetric(float64((threadTime()-before).Nanoseconds())/1e3/float64(i), "cpu-µs")
			})
		}
	}
}

// BenchmarkFilters compares, under filters, the plan that a graph chooses with the
// scan of what is left and with a walk at any price, under the kinds of filterOf.
func BenchmarkFilters(b *testing.B) {
	const n, questions = 60_000, 50
	all := anntest.Abstracts(b, n+1_000)
	graph := newGraph(b, dimension, ann.Options{Capacity: n})
	if err := graph.UpsertMany(context.Background(), ordinalsTo(n), all[:n], 2); err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"random", "near", "far", "nearest left out", "other topic"} {
		for _, share := range []float64{0.5, 0.25, 0.1, 0.01, 0.001} {
			filters := make([]*roaring.Bitmap, questions)
			for i := range filters {
				filters[i] = filterOf(b, graph, kind, share, all[n+i], uint64(i))
			}
			for _, plan := range []string{"chosen", "scan", "walk"} {
				b.Run(fmt.Sprintf("%s/%g/%s", kind, share, plan), func(b *testing.B) {
					ann.SetAlwaysWalk(graph, plan == "walk")
					defer ann.SetAlwaysWalk(graph, false)
					room, truth := make([]ann.Neighbor, 10), make([]ann.Neighbor, 10)
					hits, wanted, i := 0, 0, 0
					plans := map[ann.Plan]int{}
					for b.Loop() {
						q := ann.Query{Vector: all[n+i%questions], K: 10, Keep: filters[i%questions], Exact: plan == "scan", Room: room}
						r, err := graph.Search(context.Background(), q)
						if err != nil {
							b.Fatal(err)
						}
						plans[r.Plan]++
						if i++; i <= questions {
							b.StopTimer()
							q.Exact, q.Room = true, truth
							hits += common(r.Neighbors, anntest.Search(b, graph, q).Neighbors)
							wanted += 10
							b.StartTimer()
						}
					}
					b.ReportMetric(float64(hits)/float64(wanted), "recall@10")
					b.ReportMetric(float64(plans[ann.PlanScan])/float64(i), "scans/op")
				})
			}
		}
	}
}

func common(a, b []ann.Neighbor) (n int) {
	for _, x := range a {
		if slices.ContainsFunc(b, func(y ann.Neighbor) bool { return y.Ordinal == x.Ordinal }) {
			n++
		}
	}
	return n
}

// filterOf keeps a share of a graph's ordinals. "near" and "far" keep it among the
// half that is nearest to, or farthest from, a query; "nearest left out" among all
// but the hundredth that is nearest, and "other topic" keeps those nearest to a
// vector of the graph that is not near the query.
func filterOf(tb testing.TB, g *ann.Graph, kind string, share float64, query []float32, seed uint64) *roaring.Bitmap {
	r := rand.New(rand.NewPCG(seed, 71))
	n := g.Len()
	from := nearestFirst(tb, g, query)
	switch kind {
	case "nearest left out":
		from = from[n/100:]
	case "other topic":
		other, _ := g.Vector(from[n/10+r.IntN(n-n/10)])
		from = nearestFirst(tb, g, other)[:int(share*float64(n))]
	case "near":
		from = from[:n/2]
	case "far":
		from = from[n/2:]
	}
	keep := roaring.New()
	for _, at := range r.Perm(len(from))[:min(len(from), int(share*float64(n)))] {
		keep.Add(from[at])
	}
	return keep
}

func nearestFirst(tb testing.TB, g *ann.Graph, v []float32) (ordinals []uint32) {
	for _, near := range anntest.Search(tb, g, ann.Query{Vector: v, K: g.Len(), Exact: true}).Neighbors {
		ordinals = append(ordinals, near.Ordinal)
	}
	return ordinals
}
