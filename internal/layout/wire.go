package layout

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Morton puts a point in the order of a Z-shaped walk over the map, in which what is
// near is mostly near: x in the even bits, y in the odd.
func (p Point) Morton() uint32 { return apart(p.X) | apart(p.Y)<<1 }

// apart puts a 0 above each bit.
func apart(x uint16) uint32 {
	v := uint32(x)
	v = (v | v<<8) & 0x00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f
	v = (v | v<<2) & 0x33333333
	return (v | v<<1) & 0x55555555
}

// Order gives the papers in the order of the walk, of those at one place the first
// first.
func Order(points []Point) []uint32 {
	order := sequence(0, len(points))
	slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(points[a].Morton(), points[b].Morton()) })
	return order
}

// Pack gives points in an order as bytes: how much farther each is on the walk than the
// one before, as varints.
func Pack(points []Point, order []uint32) []byte {
	out := make([]byte, 0, 3*len(order))
	last := uint32(0)
	for _, i := range order {
		at := points[i].Morton()
		out = binary.AppendUvarint(out, uint64(at-last))
		last = at
	}
	return out
}
