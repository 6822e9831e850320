//go:build !amd64

package vec

func supports(k kernel) bool { return k == portable }

func best() kernel { return portable }

// floats multiplies without looking at lengths. No slice is empty.
func (k kernel) floats(dst, query, rows []float32, ids []uint32) {
	portableFloats(dst, query, rows, ids)
}

// ints is floats for int8.
func (k kernel) ints(dst []int32, query, rows []int8, ids []uint32) {
	portableInts(dst, query, rows, ids)
}

// Prefetch begins to fetch memory that will be read soon, so that other work can
// be done meanwhile. It changes nothing but speed; on this CPU it does nothing.
func Prefetch[T any](_ []T) {}

func (kernel) panel(dst, rows, panel []float32, dim int) { portablePanel(dst, rows, panel, dim) }

func (kernel) residual(dst, query []float32, codes []int8, residuals []uint8, ids []uint32) {
	portableResidual(dst, query, codes, residuals, ids)
}

func (kernel) sparse(s *Sparse, dst []float32, places []uint32, panel []float32) {
	portableSparse(s, dst, places, panel)
}

func (kernel) compare(masks []uint16, dots []float32, factors *[PanelWidth]float32, least []float32) {
	portableAtLeast(masks, dots, factors, least)
}

func (kernel) lanes(l *LaneLists, to []Lanes, lists []uint32, from []Lanes) {
	portableLanes(l, to, lists, from)
}

func (kernel) fourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	portableFourthPowers(all, each, rows, factors, groups)
}
