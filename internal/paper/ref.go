package paper

// Ref names a paper.
type Ref struct {
	ID string
	// Handle is by what the catalog that gave it finds the paper faster; 0 is none. It
	// means nothing to anybody else.
	Handle uint32
}
