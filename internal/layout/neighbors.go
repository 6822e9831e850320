package layout

import (
	"cmp"
	"context"
	"math"
	"slices"

	"akin/internal/vec"
)

const (
	// K is how many neighbours of a paper shape the layout.
	K = 15
	// scanUpTo is up to how many vectors all are compared with all; beyond, each
	// is compared with those of the cells that it is near to.
	scanUpTo = 6_000
	// probes is how many vectors each is compared with beyond that, about, and
	// leastCells in how many cells they are at least.
	probes     = 4_500
	leastCells = 12
)

// Graph holds the nearest neighbours of n vectors, k each, the nearest first.
type Graph struct {
	N, K int
	// IDs and Similarities are [N, K]; an id of -1 is no neighbour.
	IDs          []int32
	Similarities []float32
}

func newGraph(n int) *Graph {
	k := max(0, min(K, n-1))
	g := &Graph{N: n, K: k, IDs: make([]int32, n*k), Similarities: make([]float32, n*k)}
	for i := range g.IDs {
		g.IDs[i] = -1
	}
	return g
}

// FindNeighbours compares the vectors with each other. Up to some thousands the
// neighbours are the nearest by codes; of more, nearly all of them are.
func FindNeighbours(ctx context.Context, c *Codes, w Work) (*Graph, error) {
	g := newGraph(c.Len())
	if g.K == 0 {
		return g, ctx.Err()
	}
	cells, err := cellsOf(ctx, c, w)
	if err != nil {
		return nil, err
	}
	told := func(done int) { w.tell(Neighbours, float64(done)/float64(len(cells.members))) }
	if err := w.pieces(ctx, len(cells.members), func(cell int) { cells.search(cell, g) }, told); err != nil {
		return nil, err
	}
	return g, nil
}

// cells are vectors by the middles that they are nearest to, those of a cell beside
// each other, which is how memory is read fastest.
type cells struct {
	middles *Codes
	sorted  *Codes     // the vectors, cell by cell
	row     []int32    // by place in sorted: which vector it is
	members [][]uint32 // of each cell: places in sorted
	probed  int        // how many cells each vector is compared with
}

func cellsOf(ctx context.Context, c *Codes, w Work) (*cells, error) {
	n := c.Len()
	own := make([]int32, n)
	var middles *Codes
	if n <= scanUpTo { // all are one cell's, in pieces
		middles = &Codes{Dimension: c.Dimension}
		for i := range own {
			own[i] = int32(i / assignPiece)
		}
		for range (n + assignPiece - 1) / assignPiece {
			middles.addUnit(make([]int64, c.Dimension))
		}
	} else {
		var err error
		if middles, own, err = cluster(ctx, c, int(math.Sqrt(float64(n))), w); err != nil {
			return nil, err
		}
	}
	row := make([]int32, n)
	for i := range row {
		row[i] = int32(i)
	}
	slices.SortStableFunc(row, func(a, b int32) int { return cmp.Compare(own[a], own[b]) })
	x := &cells{middles: middles, sorted: c.pick(row), row: row, members: make([][]uint32, middles.Len())}
	for place, i := range row {
		x.members[own[i]] = append(x.members[own[i]], uint32(place))
	}
	x.probed = middles.Len()
	if n > scanUpTo {
		x.probed = min(middles.Len(), max(leastCells, probes*middles.Len()/n))
	}
	return x, nil
}

// search finds the neighbours of the members of a cell.
func (x *cells) search(cell int, g *Graph) {
	order, toMiddles := make([]int, x.middles.Len()), make([]int32, x.middles.Len())
	all := sequence(0, x.middles.Len())
	var dots []int32
	for _, place := range x.members[cell] {
		query, i := x.sorted.row(int(place)), int(x.row[place])
		vec.DotInt8Rows(toMiddles, query, x.middles.rows, all)
		for m := range order {
			order[m] = m
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(float32(toMiddles[b])*x.middles.scales[b], float32(toMiddles[a])*x.middles.scales[a]), cmp.Compare(a, b))
		})
		best := nearest{ids: g.IDs[i*g.K : (i+1)*g.K], similarities: g.Similarities[i*g.K : (i+1)*g.K]}
		for _, m := range order[:x.probed] {
			members := x.members[m]
			dots = slices.Grow(dots[:0], len(members))[:len(members)]
			vec.DotInt8Rows(dots, query, x.sorted.rows, members)
			for j, other := range members {
				if other != place {
					best.add(x.row[other], float32(dots[j])*x.sorted.scales[other])
				}
			}
		}
		for j := range best.similarities {
			best.similarities[j] *= x.sorted.scales[place]
		}
	}
}

// nearest are the best so far, the best first, of equals the lower id first.
type nearest struct {
	ids          []int32
	similarities []float32
}

func (b *nearest) add(id int32, similarity float32) {
	last := len(b.ids) - 1
	if b.ids[last] >= 0 && !before(similarity, id, b.similarities[last], b.ids[last]) {
		return
	}
	at := last
	for at > 0 && (b.ids[at-1] < 0 || before(similarity, id, b.similarities[at-1], b.ids[at-1])) {
		b.ids[at], b.similarities[at] = b.ids[at-1], b.similarities[at-1]
		at--
	}
	b.ids[at], b.similarities[at] = id, similarity
}

func before(s float32, id int32, t float32, other int32) bool {
	return s > t || s == t && id < other
}
