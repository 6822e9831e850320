package vec

import "fmt"

// LaneCount is how many float64 a row of lanes has: numbers of as many things at once.
const LaneCount = 8

// Lanes is a row of lanes.
type Lanes [LaneCount]float64

// LaneLists are lists of rows, with a factor each. It never changes.
type LaneLists struct {
	rows    int
	ends    []uint32 // where the lists begin, and the last one ends, in ids and factors
	ids     []uint32
	factors []float64
}

// NewLaneLists takes lists one behind the other: ends says where each ends in ids, which
// are below rows, and in factors. They are not copied. It panics if they do not fit.
func NewLaneLists(rows int, ends, ids []uint32, factors []float64) LaneLists {
	last := uint32(0)
	for _, end := range ends {
		if end < last {
			panic(fmt.Sprintf("vec: a list ends at %d behind one that ends at %d", end, last)) //nolint:forbidigo // like an index out of range
		}
		last = end
	}
	if int(last) != len(ids) || len(factors) != len(ids) || len(ids) > 0 && uint64(greatest(ids)) >= uint64(rows) {
		panic(fmt.Sprintf("vec: lists of %d in all with %d ids and %d factors for %d rows", last, len(ids), len(factors), rows)) //nolint:forbidigo // like an index out of range
	}
	return LaneLists{rows: rows, ends: append([]uint32{0}, ends...), ids: ids, factors: factors}
}

// Add adds, for each of some lists, a row of from, which is parallel to them, to the rows
// of the list, times their factors: lane by lane, to[id] += factor · from[i]. Where the
// products of numbers are exact, as those of float32 are, so is every bit on every CPU. It
// panics if a list is not there, or rows are missing.
func (l *LaneLists) Add(to []Lanes, lists []uint32, from []Lanes) {
	chosen.addLanes(l, to, lists, from)
}

// AddFourthPowers adds the fourth powers of rows, each row times a factor, to all, and to
// the row of each that groups says, and clears the rows: lane by lane, all += factors[i] ·
// rows[i]⁴. Operations are those of Go, one after the other, in the order of rows: the same
// bits on every CPU. It panics if factors or groups are fewer than rows, or a group is not
// below len(each).
func AddFourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	chosen.addFourthPowers(all, each, rows, factors, groups)
}

func (k kernel) addLanes(l *LaneLists, to []Lanes, lists []uint32, from []Lanes) {
	if len(lists) == 0 || len(l.ids) == 0 {
		return
	}
	if most := greatest(lists); len(from) < len(lists) || len(to) < l.rows || uint64(most)+1 >= uint64(len(l.ends)) {
		//nolint:forbidigo // like an index out of range
		panic(fmt.Sprintf("vec: %d lists up to %d of %d with %d rows for %d of %d", len(lists), most, len(l.ends)-1, len(from), len(to), l.rows))
	}
	k.lanes(l, to, lists, from)
}

func (k kernel) addFourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	if len(rows) == 0 {
		return
	}
	if len(factors) < len(rows) || len(groups) < len(rows) || uint64(greatest(groups[:len(rows)])) >= uint64(len(each)) {
		panic(fmt.Sprintf("vec: %d rows with %d factors and %d groups of %d", len(rows), len(factors), len(groups), len(each))) //nolint:forbidigo // like an index out of range
	}
	k.fourthPowers(all, each, rows, factors, groups)
}

// greatest gives the greatest of some ids.
func greatest(ids []uint32) (most uint32) {
	for _, id := range ids {
		most = max(most, id)
	}
	return most
}

// portableLanes is the kernel of LaneLists.Add for CPUs without one of their own.
func portableLanes(l *LaneLists, to []Lanes, lists []uint32, from []Lanes) {
	for i, list := range lists {
		for at := l.ends[list]; at < l.ends[list+1]; at++ {
			row, f := &to[l.ids[at]], l.factors[at]
			for j, x := range from[i] {
				row[j] += float64(f * x)
			}
		}
	}
}

// portableFourthPowers is the kernel of AddFourthPowers for CPUs without one of their own.
func portableFourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	for i := range rows {
		of, f := &each[groups[i]], factors[i]
		for j, x := range rows[i] {
			part := float64(f * x * x * x * x) // not fused with what it is added to
			all[j] += part
			of[j] += part
		}
		rows[i] = Lanes{}
	}
}
