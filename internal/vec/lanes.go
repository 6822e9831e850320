package vec

import "fmt"

// LaneCount is how many float64 a row of lanes has: numbers of as many things at once.
const LaneCount = 8

// Lanes is a row of lanes.
type Lanes [LaneCount]float64

// AddLanes adds a row, times a factor each, to some rows: lane by lane, rows[ids[i]] +=
// factors[i] · row. Where the products of numbers are exact, as those of float32 are, so
// is every bit on every CPU. It panics if factors are fewer than ids, or an id is not
// below len(rows).
func AddLanes(rows []Lanes, ids []uint32, factors []float64, row *Lanes) {
	chosen.addLanes(rows, ids, factors, row)
}

// AddFourthPowers adds the fourth powers of rows, each row times a factor, to all, and to
// the row of each that groups says, and clears the rows: lane by lane, all += factors[i] ·
// rows[i]⁴. Operations are those of Go, one after the other, in the order of rows: the same
// bits on every CPU. It panics if factors or groups are fewer than rows, or a group is not
// below len(each).
func AddFourthPowers(all *Lanes, each, rows []Lanes, factors []float64, groups []uint32) {
	chosen.addFourthPowers(all, each, rows, factors, groups)
}

func (k kernel) addLanes(rows []Lanes, ids []uint32, factors []float64, row *Lanes) {
	if len(ids) == 0 {
		return
	}
	if most := greatest(ids); len(factors) < len(ids) || uint64(most) >= uint64(len(rows)) {
		panic(fmt.Sprintf("vec: %d ids up to %d with %d factors for %d rows", len(ids), most, len(factors), len(rows))) //nolint:forbidigo // like an index out of range
	}
	k.lanes(rows, ids, factors, row)
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

// portableLanes is the kernel of AddLanes for CPUs without one of their own.
func portableLanes(rows []Lanes, ids []uint32, factors []float64, row *Lanes) {
	for i, id := range ids {
		to, f := &rows[id], factors[i]
		for j, x := range row {
			to[j] += float64(f * x)
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
