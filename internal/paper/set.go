package paper

// Set is a set of papers, each under the ordinal that the store gives it: what a
// filter leaves, as every index must be able to ask. It is read from the goroutine
// that searches, and must not change meanwhile. A *roaring.Bitmap is one, which no
// index needs to know.
type Set interface {
	Contains(ordinal uint32) bool
}

// CountedSet is a [Set] that knows its size and can be walked, as a *roaring.Bitmap
// does. With one, an index knows beforehand whether looking at all that is kept costs
// less than searching.
type CountedSet interface {
	Set
	// GetCardinality returns the number of ordinals in the set.
	GetCardinality() uint64
	// Iterate calls visit for each ordinal until visit returns false.
	Iterate(visit func(ordinal uint32) bool)
}
