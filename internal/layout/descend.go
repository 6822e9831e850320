package layout

import (
	"context"

	"akin/internal/splitmix"
)

const (
	// Epochs is how often the points are moved.
	Epochs = 200
	// strangers is how many others push a point away for each that attracts it.
	strangers = 5
	// The curve of attraction by distance 1/(1 + a·d^2b), for points that may be 0.1
	// apart.
	curveA, curveB = 1.5769, 0.8951
	// startWidth is how far from the origin points begin.
	startWidth = 10
	// blocks is what points are moved in; it decides what is drawn by lot, and so
	// never changes.
	blocks = 64
	// seedOfDescent begins the lots.
	seedOfDescent = 0x6d61702d6d6f7665
)

// descent moves points towards those that attract them and away from others. In an
// epoch each point sees the others where the epoch before has left them, so that the
// order in which they are moved does not count.
type descent struct {
	*edges
	n      int
	points []float32 // x, y after x, y
	last   []float32 // as the epoch before has left them
	period []float32 // of each edge: after how many epochs it counts again
	due    []float32 // of each edge: when it counts next
	power  *powerTable
}

// Place lays vectors out: x, y after x, y, in no unit.
func Place(ctx context.Context, c *Codes, g *Graph, w Work) ([]float32, error) {
	n := c.Len()
	if n < 3 {
		return [...][]float32{{}, {0, 0}, {0, 0, 1, 0}}[n], ctx.Err()
	}
	e, err := edgesOf(ctx, g, Epochs, w)
	if err != nil {
		return nil, err
	}
	d := &descent{edges: e, n: n, points: project(c), power: newPowerTable(curveB)}
	for i := range d.points { // no two begin at one place
		noise := float32(splitmix.At(seedOfDescent, uint64(i))>>40) / (1 << 24)
		d.points[i] = float32(d.points[i]*startWidth) + float32(noise*1e-3)
	}
	d.last = make([]float32, len(d.points))
	d.period, d.due = make([]float32, len(d.weight)), make([]float32, len(d.weight))
	for i, weight := range d.weight {
		d.period[i] = 1 / weight
		d.due[i] = d.period[i]
	}
	for epoch := 1; epoch <= Epochs; epoch++ {
		copy(d.last, d.points)
		rate := 1 - float32(epoch-1)/Epochs
		if err := w.pieces(ctx, blocks, func(block int) { d.move(block, epoch, rate) }, nil); err != nil {
			return nil, err
		}
		w.tell(Placing, float64(epoch)/Epochs)
	}
	return d.points, nil
}

// move moves the points of a block in an epoch.
func (d *descent) move(block, epoch int, rate float32) {
	seed, drawn := splitmix.Mix(seedOfDescent^uint64(epoch)<<32^uint64(block)), uint64(0)
	now, n := float32(epoch), uint64(d.n)
	for i := d.n * block / blocks; i < d.n*(block+1)/blocks; i++ {
		x, y := d.points[2*i], d.points[2*i+1]
		for e := d.start[i]; e < d.start[i+1]; e++ {
			if d.due[e] > now {
				continue
			}
			d.due[e] += d.period[e]
			x, y = d.attract(x, y, int(d.other[e]), rate)
			for range strangers {
				other := int(splitmix.At(seed, drawn) >> 32 * n >> 32)
				drawn++
				if other != i {
					x, y = d.repel(x, y, other, rate)
				}
			}
		}
		d.points[2*i], d.points[2*i+1] = x, y
	}
}

// attract moves a place towards another point.
func (d *descent) attract(x, y float32, other int, rate float32) (float32, float32) {
	dx, dy := x-d.last[2*other], y-d.last[2*other+1]
	square := float32(dx*dx) + float32(dy*dy)
	if square <= 0 {
		return x, y
	}
	power := d.power.at(square)
	force := float32(-2*curveA*curveB) * power / float32(square*(float32(curveA*power)+1))
	return x + float32(bounded(force*dx)*rate), y + float32(bounded(force*dy)*rate)
}

// repel moves a place away from another point.
func (d *descent) repel(x, y float32, other int, rate float32) (float32, float32) {
	dx, dy := x-d.last[2*other], y-d.last[2*other+1]
	square := float32(dx*dx) + float32(dy*dy)
	if square <= 0 {
		return x, y
	}
	force := float32(2*curveB) / float32((0.001+square)*(float32(curveA*d.power.at(square))+1))
	return x + float32(bounded(force*dx)*rate), y + float32(bounded(force*dy)*rate)
}

// bounded keeps one step from throwing a point out of the map.
func bounded(step float32) float32 { return max(-4, min(4, step)) }
