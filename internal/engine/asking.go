package engine

import catalog "akin/internal/catalog/local"

// asking is the Engine while it answers one query: all that it reads is of one
// state of the collection, which is that of the first read.
type asking struct {
	*Engine
	// catalog takes the place of the Engine's: nil without one.
	catalog catalog.View
}

// ask begins a query; the caller closes it.
func (e *Engine) ask() *asking {
	a := &asking{Engine: e}
	if e.catalog != nil {
		a.catalog = e.catalog.View()
	}
	return a
}

func (a *asking) close() {
	if a.catalog != nil {
		a.catalog.Close()
	}
}
