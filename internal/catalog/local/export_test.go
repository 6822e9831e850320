package local

import (
	"akin/internal/dedup"
	"akin/internal/paper"
)

// Spoil makes the indexes in memory say something else of a paper than the store.
func Spoil(c *Embedded, ordinal uint32) {
	l := c.live
	l.writing.Lock()
	defer l.writing.Unlock()
	other := make([]float32, c.config.Space.Dimension)
	other[0] = 1
	l.index.Upsert(ordinal, other)
	l.words.Upsert(ordinal, "something else", "", nil)
	l.attributes.Upsert(ordinal, &paper.Record{Paper: paper.Paper{Venue: "X"}}) // and no title
	l.keys.set(ordinal, dedup.Key{})
}
