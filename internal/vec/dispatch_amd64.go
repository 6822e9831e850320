package vec

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg vec

// supports says whether this CPU can run a kernel.
func supports(k kernel) bool {
	x := &cpu.X86
	switch k {
	case avx512:
		return supports(avx2) && x.HasBMI2 && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI
	case avx2:
		return x.HasAVX2 && x.HasFMA
	}
	return true
}

func best() kernel {
	for _, k := range []kernel{avx512, avx2} {
		if supports(k) {
			return k
		}
	}
	return portable
}

// floats multiplies without looking at lengths. No slice is empty.
func (k kernel) floats(dst, query, rows []float32, ids []uint32) {
	alone := len(ids) == 1
	switch {
	case k == avx512 && alone:
		dotFloatAVX512(&dst[0], &query[0], &rows[0], &ids[0], 1, len(query))
	case k == avx2 && alone:
		dotFloatAVX2(&dst[0], &query[0], &rows[0], &ids[0], 1, len(query))
	case k == avx512:
		dotRowsFloatAVX512(&dst[0], &query[0], &rows[0], &ids[0], len(ids), len(query))
	case k == avx2:
		dotRowsFloatAVX2(&dst[0], &query[0], &rows[0], &ids[0], len(ids), len(query))
	default:
		portableFloats(dst, query, rows, ids)
	}
}

// ints is floats for int8.
func (k kernel) ints(dst []int32, query, rows []int8, ids []uint32) {
	alone := len(ids) == 1
	switch {
	case k == avx512 && alone:
		dotInt8VNNI(&dst[0], &query[0], &rows[0], &ids[0], 1, len(query))
	case k == avx2 && alone:
		dotInt8AVX2(&dst[0], &query[0], &rows[0], &ids[0], 1, len(query))
	case k == avx512:
		dotRowsInt8VNNI(&dst[0], &query[0], &rows[0], &ids[0], len(ids), len(query))
	case k == avx2:
		dotRowsInt8AVX2(&dst[0], &query[0], &rows[0], &ids[0], len(ids), len(query))
	default:
		portableInts(dst, query, rows, ids)
	}
}

// panel multiplies without looking at lengths. No slice is empty.
func (k kernel) panel(dst, rows, panel []float32, dim int) {
	switch k {
	case avx512:
		dotPanelAVX512(&dst[0], &rows[0], &panel[0], len(rows)/dim, dim)
	case avx2:
		dotPanelAVX2(&dst[0], &rows[0], &panel[0], len(rows)/dim, dim)
	default:
		portablePanel(dst, rows, panel, dim)
	}
}

// compare compares without looking at lengths. No slice is empty.
func (k kernel) compare(masks []uint16, dots []float32, factors *[PanelWidth]float32, least []float32) {
	if k == portable {
		portableAtLeast(masks, dots, factors, least)
		return
	}
	atLeastAVX2(&masks[0], &dots[0], &factors[0], &least[0], len(least))
}

// lanes adds without looking at lengths. No slice is empty.
func (k kernel) lanes(l *LaneLists, to []Lanes, lists []uint32, from []Lanes) {
	switch k {
	case avx512:
		addLanesAVX512(&to[0][0], &l.ends[0], &l.ids[0], &l.factors[0], &lists[0], &from[0][0], len(lists))
	case avx2:
		addLanesAVX2(&to[0][0], &l.ends[0], &l.ids[0], &l.factors[0], &lists[0], &from[0][0], len(lists))
	default:
		portableLanes(l, to, lists, from)
	}
}

// fourthPowers adds without looking at lengths. No slice is empty.
func (k kernel) fourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	if k == portable {
		portableFourthPowers(all, each, rows, factors, groups)
		return
	}
	addFourthPowersAVX2(&all[0], &each[0][0], &rows[0][0], &factors[0], &groups[0], len(rows))
}

// residual multiplies without looking at lengths. No slice is empty.
func (k kernel) residual(dst, query []float32, codes []int8, residuals []uint8, ids []uint32) {
	if k == portable || len(query)%residualBlock != 0 {
		portableResidual(dst, query, codes, residuals, ids)
		return
	}
	dotResidualAVX2(&dst[0], &query[0], &codes[0], &residuals[0], &ids[0], len(ids), len(query))
}

// Prefetch begins to fetch memory that will be read soon, so that other work can
// be done meanwhile. It changes nothing but speed; on other CPUs it does nothing.
func Prefetch[T any](s []T) {
	if len(s) > 0 {
		prefetchLines((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0]))) //nolint:gosec // an address, for a hint
	}
}

// sparse multiplies without looking at lengths. No slice is empty.
func (k kernel) sparse(s *Sparse, dst []float32, places []uint32, panel []float32) {
	switch k {
	case avx512:
		addSparseAVX512(&dst[0], &s.ends[0], &s.columns[0], &s.values[0], &places[0], &panel[0], len(s.ends))
	case avx2:
		addSparseAVX2(&dst[0], &s.ends[0], &s.columns[0], &s.values[0], &places[0], &panel[0], len(s.ends))
	default:
		portableSparse(s, dst, places, panel)
	}
}
