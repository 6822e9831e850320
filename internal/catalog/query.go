package catalog

import (
	"akin/internal/paper"
	"akin/internal/rank"
)

// Restriction says which papers count.
type Restriction struct {
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// AsOf leaves out papers that appeared after a day, YYYY-MM-DD, and those without
	// a date; "" keeps all.
	AsOf string
}

// Probe is a vector whose neighbours are wanted, and how many.
type Probe struct {
	// Vector is float32 [dim], unit length, of the collection's space.
	Vector []float32
	K      int
}

// Nearest asks for the papers nearest to vectors.
type Nearest struct {
	// Probes are asked one by one; what they find is put together.
	Probes []Probe
	// Exact compares every vector, whatever the index.
	Exact bool
	Restriction
}

// Hybrid asks for the papers that are near a vector or have a query's words.
type Hybrid struct {
	// Vector is float32 [dim], unit length; nil asks for words alone.
	Vector []float32
	// Words asks for papers that have words of it; without text there is no lexical
	// side.
	Words Words
	// K is how many each side brings in.
	K int
	// Exact compares every vector, whatever the index.
	Exact bool
	Restriction
}

// Words is the lexical part of a query.
type Words struct {
	Text string
	// Typed reads the syntax of searches: "phrases", -exclusions, prefix*. What the
	// words of such a query forbid is no candidate, near or not. Otherwise the text is
	// a bag of words.
	Typed bool
	// Marked says of a bag of words that what stands in quotation marks in it raises
	// the papers that have it as a phrase.
	Marked bool
}

// Found are candidates.
type Found struct {
	// Hits have as Semantic the cosine to the vector (0 without one; of several probes,
	// to the nearest of those that found the paper) and BM25, or what stands for it, as
	// Lexical (0 without words, and for papers that have none). Those of Nearest have
	// the cosine as Score too, and are best first, ties by id; those of Hybrid have no
	// Score and are in order of id.
	Hits     []rank.Hit
	Strategy Strategy
	// Visited is how many vectors were compared; 0 for a walk that does not count.
	Visited int
	// Kept is how many papers the restriction keeps.
	Kept uint32
	// Terms are the words of Hybrid that were looked for and that a paper has.
	Terms []string
}

// Strategy is a way to find neighbours, the less exact the greater.
type Strategy int

// The strategies.
const (
	ExactScan Strategy = iota + 1
	GraphWalk
	// FilteredGraphWalk walks the graph through papers that the filter leaves out.
	FilteredGraphWalk
)

// Mutation is one change that a caller asks for: an upsert, or a delete when Delete is
// set (then only Paper.ID counts).
type Mutation struct {
	Paper paper.Paper
	// Vector is float32 [dim], unit length; nil keeps the vector that is stored, which
	// is only possible when title and abstract did not change.
	Vector []float32
	// TokenCount and Truncated belong to Vector.
	TokenCount int
	Truncated  bool
	Delete     bool
	// Prepared is what a Preparer has made of the paper for itself; nil where nothing was.
	Prepared any
}

// Change says what became of a mutation.
type Change int

// The changes.
const (
	Unchanged Change = iota + 1
	Created
	Updated
	Deleted
	Missing // nothing to delete
)

// Outcome is what became of one mutation.
type Outcome struct {
	Change Change
	// Record is the paper as it is now; only its ID is set after a delete.
	Record paper.Record
}
