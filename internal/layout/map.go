package layout

import (
	"cmp"
	"context"
	"slices"
)

// MaxClusters is how many clusters a map has at most.
const MaxClusters = 60

// Point is a place on the map, from 0 to 65535 each way.
type Point struct{ X, Y uint16 }

// Map is a collection in two dimensions.
type Map struct {
	// Keys tell the papers apart, in the order that they were given in; Points and
	// Clusters are parallel to them.
	Keys     []Key
	Points   []Point
	Clusters []uint8
	// Groups are the clusters.
	Groups []Group
	// Built is how many papers were laid out together; Changed is how many came, went
	// or were changed since.
	Built, Changed uint32
}

// Key tells a paper and its text from all others: digests, so that what was deleted is
// not readable in a map.
type Key struct{ ID, Text uint64 }

// Group is a cluster of papers.
type Group struct {
	// Name are the words that tell it apart; "" where it has none.
	Name string
	// Label is where on the map its papers are the densest.
	Label Point
	// Papers is how many it has.
	Papers uint32
}

// Paper is what a map is told of a paper, beside its vector.
type Paper struct {
	Key   Key
	Title string
}

// Make makes a map of papers and their vectors, which are parallel.
func Make(ctx context.Context, papers []Paper, c *Codes, w Work) (*Map, error) {
	m := &Map{Built: uint32(len(papers))}
	for _, p := range papers {
		m.Keys = append(m.Keys, p.Key)
	}
	if len(papers) == 0 {
		return m, ctx.Err()
	}
	middles, own, err := cluster(ctx, c, ClusterCount(len(papers)), w)
	if err != nil {
		return nil, err
	}
	m.Clusters, m.Groups = numbered(own, middles.Len())
	w.tell(Grouping, 1)
	names := nameClusters(titlesOf(papers), m.Clusters, len(m.Groups))
	for i := range m.Groups {
		m.Groups[i].Name = names[i]
	}
	g, err := FindNeighbours(ctx, c, w)
	if err != nil {
		return nil, err
	}
	laid, err := Place(ctx, c, g, w)
	if err != nil {
		return nil, err
	}
	m.Points = onMap(laid)
	m.Relabel()
	return m, nil
}

func titlesOf(papers []Paper) []string {
	out := make([]string, len(papers))
	for i, p := range papers {
		out[i] = p.Title
	}
	return out
}

// ClusterCount is into how many clusters n papers are put at most.
func ClusterCount(n int) int {
	k := 1
	for k < MaxClusters && 16*k*k < n {
		k++
	}
	return k
}

// numbered numbers clusters by size, the largest first, without empty ones.
func numbered(own []int32, k int) ([]uint8, []Group) {
	sizes, order := make([]uint32, k), make([]int, k)
	for _, o := range own {
		sizes[o]++
	}
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	number, groups := make([]uint8, k), []Group(nil)
	for _, o := range order {
		if sizes[o] > 0 {
			number[o] = uint8(len(groups))
			groups = append(groups, Group{Papers: sizes[o]})
		}
	}
	out := make([]uint8, len(own))
	for i, o := range own {
		out[i] = number[o]
	}
	return out, groups
}

// margin is what share of papers may lie beyond the map's edge on each side, and are
// drawn at it: a few that are far out must not make the rest small.
const margin = 2000

// onMap scales a layout so that it fills the map, one scale for both ways.
func onMap(laid []float32) []Point {
	n := len(laid) / 2
	var low, high [2]float32
	for a := range 2 {
		sorted := make([]float32, n)
		for i := range sorted {
			sorted[i] = laid[2*i+a]
		}
		slices.Sort(sorted)
		low[a], high[a] = sorted[n/margin], sorted[n-1-n/margin]
	}
	width := max(high[0]-low[0], high[1]-low[1])
	if width <= 0 {
		width = 1
	}
	width *= 1.04 // room for those who are beyond, and for the edge
	out := make([]Point, n)
	for i := range out {
		var at [2]uint16
		for a := range 2 {
			middle := float32(low[a]/2) + float32(high[a]/2)
			at[a] = uint16(max(0, min(65535, float32((laid[2*i+a]-middle)/width*65535)+32767.5)))
		}
		out[i] = Point{at[0], at[1]}
	}
	return out
}

// densest gives the place of a list, if any, that has the most others near it, the
// first of equals: the middle of the most crowded spot. The list is not empty.
func densest(places []Point, near float64) Point {
	best, at := -1.0, 0
	for i, p := range places {
		crowd := 0.0
		for _, q := range places {
			dx, dy := float64(p.X)-float64(q.X), float64(p.Y)-float64(q.Y)
			crowd += 1 / (1 + float64(float64(dx*dx)+float64(dy*dy))/float64(near*near))
		}
		if crowd > best {
			best, at = crowd, i
		}
	}
	return places[at]
}

const (
	// nearNeighbours and nearLabels are how far apart, on the map, places count half
	// as a crowd.
	nearNeighbours = 400
	nearLabels     = 2_000
	// labelSample is how many papers of a cluster decide where its label is.
	labelSample = 400
)

// PlaceOf gives the place of a paper that came later from those of its neighbours: at
// the densest spot, which the mean would miss, between two clusters.
func PlaceOf(neighbours []Point) Point {
	if len(neighbours) == 0 {
		return Point{32768, 32768}
	}
	return densest(neighbours, nearNeighbours)
}

// ClusterOf gives the cluster that most of the neighbours are in, of equals that of the
// nearest. Neighbours come the nearest first; of none it is 0.
func ClusterOf(neighbours []uint8) uint8 {
	var counts [256]int
	best := uint8(0)
	for _, c := range neighbours {
		counts[c]++
	}
	for i, c := range neighbours {
		if i == 0 || counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// Relabel finds where the names of the clusters are, and how many papers each has.
func (m *Map) Relabel() {
	places := make([][]Point, len(m.Groups))
	for i, c := range m.Clusters {
		places[c] = append(places[c], m.Points[i])
	}
	for c, all := range places {
		m.Groups[c].Papers = uint32(len(all))
		if len(all) == 0 {
			continue
		}
		sample := make([]Point, 0, labelSample)
		for _, i := range spread(len(all), labelSample) {
			sample = append(sample, all[i])
		}
		m.Groups[c].Label = densest(sample, nearLabels)
	}
}

// Stale says that so much has changed that the map is to be made anew: more than a
// fifth.
func (m *Map) Stale() bool { return 5*uint64(m.Changed) > uint64(m.Built) }
