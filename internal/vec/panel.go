package vec

import "fmt"

// PanelWidth is how many vectors a panel has.
const PanelWidth = 16

// DotPanel computes the dot products of many rows with PanelWidth vectors: dst[i*PanelWidth+j]
// = rows[i] · vector j, for rows of shape [n, dim] in row order. The vectors lie interleaved
// in panel, of shape [dim, PanelWidth]: number k of vector j is panel[k*PanelWidth+j]. For
// many rows it is several times as fast as [DotRows]; it adds up in another order, so that
// the last bits are others. It panics if a length does not fit.
func DotPanel(dst, rows, panel []float32, dim int) { chosen.dotPanel(dst, rows, panel, dim) }

func (k kernel) dotPanel(dst, rows, panel []float32, dim int) {
	if len(rows) == 0 {
		return
	}
	if dim <= 0 || len(rows)%dim != 0 || len(panel) != dim*PanelWidth || len(dst) < len(rows)/dim*PanelWidth {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: %d numbers of rows of %d with a panel of %d into %d", len(rows), dim, len(panel), len(dst)))
	}
	k.panel(dst, rows, panel, dim)
}

// portablePanel is the kernel of DotPanel for CPUs without one of their own. As with
// dotPortable, the conversions keep products from being fused.
func portablePanel(dst, rows, panel []float32, dim int) {
	for i := range len(rows) / dim {
		var sums [PanelWidth]float32
		for k, x := range rows[i*dim : (i+1)*dim] {
			column := panel[k*PanelWidth : (k+1)*PanelWidth]
			for j, y := range column {
				sums[j] += float32(x * y)
			}
		}
		copy(dst[i*PanelWidth:], sums[:])
	}
}

// AtLeast compares products of rows with a panel, as [DotPanel] gives them: bit j of
// masks[i] says that dots[i*PanelWidth+j] · factors[j] is not less than least[i], after
// rounding to float32. It panics if a length does not fit.
func AtLeast(masks []uint16, dots []float32, factors *[PanelWidth]float32, least []float32) {
	chosen.atLeast(masks, dots, factors, least)
}

func (k kernel) atLeast(masks []uint16, dots []float32, factors *[PanelWidth]float32, least []float32) {
	if len(least) == 0 {
		return
	}
	if len(masks) < len(least) || len(dots) < len(least)*PanelWidth {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: %d masks of %d products with %d bounds", len(masks), len(dots), len(least)))
	}
	k.compare(masks, dots, factors, least)
}

// portableAtLeast is the kernel of AtLeast for CPUs without one of their own.
func portableAtLeast(masks []uint16, dots []float32, factors *[PanelWidth]float32, least []float32) {
	for i, bar := range least {
		mask := uint16(0)
		for j, x := range dots[i*PanelWidth : (i+1)*PanelWidth] {
			if !(x*factors[j] < bar) { // what is not a number is not less
				mask |= 1 << j
			}
		}
		masks[i] = mask
	}
}
