package paper

// Ref names a paper.
type Ref struct {
	ID string
	// Handle is by what the catalog that gave it finds the paper faster; 0 is none. It
	// means nothing to anybody else.
	Handle uint32
}

// Ref names the paper of a record.
func (r *Record) Ref() Ref { return Ref{ID: r.ID, Handle: r.Handle} }
