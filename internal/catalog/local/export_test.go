package local

import (
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
