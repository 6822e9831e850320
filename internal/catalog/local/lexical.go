package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// wordsPath is where the lexical index of a collection is kept; "" keeps none.
func (c *collection) wordsPath() string {
	if c.config.Dir == "" {
		return ""
	}
	return filepath.Join(c.config.Dir, c.name+".lexical")
}

// addWords puts a paper into a lexical index, or its new text in place of the
// old one.
func addWords(words *lexical.Index, r *paper.Record) error {
	return words.Upsert(r.Ordinal, r.Title, r.Abstract, []string{r.ID, r.ArxivID, r.DOI})
}

// holdsWords says whether a lexical index has a paper with just the text that
// addWords gives it.
func holdsWords(words *lexical.Index, r *paper.Record) bool {
	return words.Holds(r.Ordinal, r.Title, r.Abstract, []string{r.ID, r.ArxivID, r.DOI})
}

// openWords reads the saved lexical index and brings it to what the store holds.
// nil means that there is none that can be used; it will be made anew.
func (c *collection) openWords(ctx context.Context, snapshot *store.Snapshot) *lexical.Index {
	path := c.wordsPath()
	if path == "" {
		return nil
	}
	words, from, err := c.traceWords(snapshot, path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil { // without a manifest
			c.discard(path)
		}
		return nil
	}
	if err == nil {
		if err = c.catchUpWords(ctx, snapshot, words, from.sequence); err == nil {
			c.writing.savedWords = from.sequence
			return words
		}
		err = errors.Join(err, words.Close())
	}
	c.refuse(path, err)
	return nil
}

// traceWords opens the saved lexical index if it was made from the past of the
// store.
func (c *collection) traceWords(snapshot *store.Snapshot, path string) (*lexical.Index, origin, error) {
	stamp, err := lexical.ReadStamp(path) // before all is read
	if err != nil {
		return nil, origin{}, err
	}
	from, err := c.trace(snapshot, stamp)
	if err != nil {
		return nil, origin{}, err
	}
	words, _, err := lexical.Open(path, lexical.Options{})
	return words, from, err
}

func (c *collection) catchUpWords(ctx context.Context, snapshot *store.Snapshot, words *lexical.Index, after uint64) error {
	for change, err := range snapshot.Changes(ctx, after) {
		if err != nil {
			return err
		}
		if change.Operation == store.Delete {
			if _, err := words.Delete(change.Ordinal); err != nil {
				return err
			}
			continue
		}
		records, err := snapshot.ByOrdinals(ctx, []uint32{change.Ordinal})
		if err != nil {
			return err
		}
		if records[0] == nil {
			continue // deleted since; that change comes later
		}
		if err := addWords(words, records[0]); err != nil {
			return err
		}
	}
	return nil
}

// saveWords writes the lexical index, if it is not saved as it is. The caller
// holds c.writing.
func (c *collection) saveWords(from origin) {
	w := &c.writing
	if c.wordsPath() == "" || w.savedWords == w.sequence || c.words == nil {
		return
	}
	stamp, err := from.stamp()
	if err == nil {
		err = c.words.Save(c.wordsPath(), stamp)
	}
	if err != nil {
		c.config.Log.Warn("the lexical index could not be saved", "error", err)
		return
	}
	w.savedWords = w.sequence
}
