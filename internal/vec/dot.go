package vec

import "fmt"

// Dot returns the dot product of a and b, both of shape [d]; for unit vectors
// it is their cosine. Two empty vectors give 0. It panics if the lengths
// differ.
func Dot(a, b []float32) float32 { return chosen.dot(a, b) }

// DotRows computes the dot product of query, shape [d], with some rows of the
// matrix rows, shape [n, d] in row order: dst[i] = rows[ids[i]] · query. It
// panics if dst is shorter than ids, if query is empty, or if an id is not
// below n.
//
// It is the call that a graph walk makes for the neighbours of one node: while
// it multiplies a row, it fetches the ones that come next.
func DotRows(dst, query, rows []float32, ids []uint32) { chosen.dotRows(dst, query, rows, ids) }

// DotInt8 returns the dot product of a and b, both of shape [d], exactly for d up
// to 131,072 (modulo 2^32 beyond). It panics if the lengths differ.
func DotInt8(a, b []int8) int32 { return chosen.dotInt8(a, b) }

// DotInt8Rows is [DotRows] for int8: dst[i] = rows[ids[i]] · query, exactly as
// [DotInt8] gives it.
func DotInt8Rows(dst []int32, query, rows []int8, ids []uint32) {
	chosen.dotInt8Rows(dst, query, rows, ids)
}

// first is the one id of a product of two vectors.
var first = [1]uint32{} //nolint:gochecknoglobals // a constant that has an address

func (k kernel) dot(a, b []float32) float32 {
	checkLengths(len(a), len(b))
	if len(a) == 0 {
		return 0
	}
	var out [1]float32
	k.floats(out[:], a, b, first[:])
	return out[0]
}

func (k kernel) dotRows(dst, query, rows []float32, ids []uint32) {
	if len(ids) == 0 {
		return
	}
	checkIDs(ids, len(rows), len(query))
	k.floats(dst[:len(ids)], query, rows, ids)
}

func (k kernel) dotInt8(a, b []int8) int32 {
	checkLengths(len(a), len(b))
	if len(a) == 0 {
		return 0
	}
	var out [1]int32
	k.ints(out[:], a, b, first[:])
	return out[0]
}

func (k kernel) dotInt8Rows(dst []int32, query, rows []int8, ids []uint32) {
	if len(ids) == 0 {
		return
	}
	checkIDs(ids, len(rows), len(query))
	k.ints(dst[:len(ids)], query, rows, ids)
}

func checkLengths(a, b int) {
	if a != b {
		panic(fmt.Sprintf("vec: dot product of %d and %d numbers", a, b)) //nolint:forbidigo // like an index out of range
	}
}

// checkIDs makes sure, before memory is read without further checks, that all
// rows are there.
func checkIDs(ids []uint32, size, dimension int) {
	most := uint32(0)
	for _, id := range ids {
		most = max(most, id)
	}
	if dimension == 0 || (int(most)+1)*dimension > size {
		panic(fmt.Sprintf("vec: row %d of dimension %d in a matrix of %d numbers", most, dimension, size)) //nolint:forbidigo // like an index out of range
	}
}
