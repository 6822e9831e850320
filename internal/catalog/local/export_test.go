package local

import (
	"context"
	"time"

	"akin/internal/dedup"
	"akin/internal/paper"
)

// Spoil makes the indexes in memory say something else of a paper than the store.
func Spoil(all *Catalog, ordinal uint32) {
	c := all.open.get(paper.DefaultCollection)
	c.writing.Lock()
	defer c.writing.Unlock()
	other := make([]float32, c.space.Dimension)
	other[0] = 1
	c.writing.index.Upsert(ordinal, other)
	c.words.Upsert(ordinal, "something else", "", nil)
	c.attributes.Upsert(ordinal, &paper.Record{Paper: paper.Paper{Venue: "X"}}) // and no title
	c.writing.keys.set(ordinal, dedup.Key{})
}

// GraphFile names the file of the graph of a space that a collection is in, or not.
func GraphFile(all *Catalog, space paper.Space) string {
	return all.open.get(paper.DefaultCollection).graphFile(space)
}

// AlwaysWalk walks graphs also where a scan is cheaper.
func AlwaysWalk(c Config) Config {
	c.alwaysWalk = true
	return c
}

// AwaitGraph waits until no graph is being built.
func AwaitGraph(all *Catalog) {
	w := &all.open.get(paper.DefaultCollection).writing
	for {
		w.Lock()
		building := w.building
		w.Unlock()
		if !building {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// ReadAttributes reads a file of attributes, whatever store it is of, and gives the id of
// each paper with its venue.
func ReadAttributes(raw []byte) (map[string]string, error) {
	_, body, err := unframeKnown(raw)
	if err != nil {
		return nil, err
	}
	k, err := decodeKnown(body)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string)
	view := k.attributes.ViewAt(k.attributes.Version(), nil)
	for o, id := range k.ids {
		if id == "" {
			continue
		}
		venues, err := view.Venues(context.Background(), []uint32{uint32(o)})
		if err != nil {
			return nil, err
		}
		found[id] = venues[0]
	}
	return found, nil
}
