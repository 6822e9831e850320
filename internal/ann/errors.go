package ann

import (
	"errors"
	"fmt"
	"math"

	"akin/internal/paper"
	"akin/internal/vec"
)

// Sentinels for errors.Is. Each arrives inside a *paper.Error that has its kind
// and a sentence with the field, the limit and the value.
var (
	// ErrDimension: a vector's length is not the index's dimension.
	ErrDimension = errors.New("wrong dimension")
	// ErrNotFinite: a vector holds NaN or an infinity.
	ErrNotFinite = vec.ErrNotFinite
	// ErrZeroVector: a vector has no direction.
	ErrZeroVector = vec.ErrZero
	// ErrNotUnit: a vector's length is not 1.
	ErrNotUnit = errors.New("not of unit length")
	// ErrK: K is below 1.
	ErrK = errors.New("k out of range")
	// ErrEfSearch: efSearch is negative.
	ErrEfSearch = errors.New("efSearch out of range")
	// ErrOptions: an index was asked for with options that make no sense.
	ErrOptions = errors.New("options not valid")
	// ErrFull: the index has no room for another vector.
	ErrFull = errors.New("index full")
	// ErrBroken: the library behind an adapter failed in a way that leaves its
	// state unknown.
	ErrBroken = errors.New("index broken")
)

// Reasons that a program can read, beside those of package paper.
const (
	ReasonIndexFull   = "INDEX_FULL"
	ReasonIndexBroken = "INDEX_BROKEN"
)

// unitTolerance is how far a vector's length may be from 1. Rounding to float32
// leaves 1e-7; a caller that forgot to normalise is far outside.
const unitTolerance = 1e-4

func invalid(sentinel error, field, format string, args ...any) error {
	e := paper.InvalidField(field, format, args...)
	e.Cause = sentinel
	return e
}

// checkVector says what is wrong with a vector of the given field for an index
// of the given dimension.
func checkVector(field string, vector []float32, dimension int) error { //nolint:unparam // the field belongs to the sentence
	if len(vector) != dimension {
		return invalid(ErrDimension, field, "has %d dimensions; this index holds vectors of %d", len(vector), dimension)
	}
	norm := vec.Norm(vector)
	switch {
	case math.IsNaN(norm) || math.IsInf(norm, 0):
		at := vec.FirstNotFinite(vector)
		return invalid(ErrNotFinite, field, "holds %v at position %d; every element must be finite", vector[at], at)
	case norm == 0:
		return invalid(ErrZeroVector, field, "is zero in all %d dimensions and has no direction", dimension)
	case math.Abs(norm-1) > unitTolerance:
		return invalid(ErrNotUnit, field, "has length %g; normalise it to 1 (within %g)", norm, unitTolerance)
	}
	return nil
}

// check says what is wrong with a query to an index of the given dimension.
func (q Query) check(dimension int) error {
	if q.K < 1 {
		return invalid(ErrK, "k", "is %d; ask for at least 1 neighbour", q.K)
	}
	if q.EfSearch < 0 {
		return invalid(ErrEfSearch, "ef_search", "is %d; give a positive number, or 0 for the default", q.EfSearch)
	}
	return checkVector("vector", q.Vector, dimension)
}

// checkDimension says what is wrong with the dimension of a new index.
func checkDimension(dimension int) error {
	// Far above any embedding model's, and low enough that a slot number times
	// the dimension cannot overflow.
	const most = 1 << 16
	if dimension < 1 || dimension > most {
		return invalid(ErrOptions, "dimension", "is %d; it must be 1 to %d", dimension, most)
	}
	return nil
}

func fullError(slots int) error {
	return &paper.Error{
		Kind: paper.Exhausted, Reason: ReasonIndexFull, Cause: ErrFull,
		Message: fmt.Sprintf("the index holds %d vectors and has no numbers left for more; split the collection", slots),
	}
}
