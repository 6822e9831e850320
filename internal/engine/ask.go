package engine

import (
	"context"
	"maps"
	"slices"

	"akin/internal/catalog"
)

// asking is the Engine while it answers one call: all that it reads is of one view
// of one collection. It belongs to one goroutine.
type asking struct {
	*Engine
	view catalog.View
	info catalog.Info
	// lacking are the capabilities without which the answer is another.
	lacking map[catalog.Capability]bool
}

// ask opens a collection for one call; the caller closes it.
func (e *Engine) ask(ctx context.Context, collection string) (*asking, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	collection, err := collectionOf(collection)
	if err != nil {
		return nil, err
	}
	view, err := e.catalog.View(ctx, collection)
	if err != nil {
		return nil, err
	}
	return &asking{Engine: e, view: view, info: view.Info(), lacking: make(map[catalog.Capability]bool)}, nil
}

func (a *asking) close() { a.view.Close() }

// model gives what embeds for the collection.
func (a *asking) model() (Model, error) { return a.models.For(a.info.Space) }

// reader gives what reads sentences for the collection.
func (a *asking) reader() (*reader, error) {
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	return newReader(model, a.sentences), nil
}

// lack notes that the answer would be another with a capability.
func (a *asking) lack(c catalog.Capability) { a.lacking[c] = true }

// lacked gives what the answer lacks, and what was found to be lacking before, in
// order of name; nil if there is nothing.
func (a *asking) lacked(before []catalog.Capability) []catalog.Capability {
	all := slices.AppendSeq(slices.Clone(before), maps.Keys(a.lacking))
	slices.Sort(all)
	return slices.Compact(all)
}
