package catalog

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/store"
)

// wordsPath is where the lexical index of a collection is kept; "" keeps none.
func (c *Embedded) wordsPath() string {
	if c.config.Dir == "" {
		return ""
	}
	return filepath.Join(c.config.Dir, c.live.name+".lexical")
}

// addWords puts a paper into a lexical index, or its new text in place of the
// old one.
func addWords(words *lexical.Index, r *paper.Record) error {
	return words.Upsert(r.Ordinal, r.Title, r.Abstract, []string{r.ID, r.ArxivID, r.DOI})
}

// openWords reads the saved lexical index and brings it to what the store holds.
// nil means that there is none that can be used; it will be made anew.
func (c *Embedded) openWords(ctx context.Context, snapshot *store.Snapshot) *lexical.Index {
	path := c.wordsPath()
	if path == "" {
		return nil
	}
	words, stamp, err := lexical.Open(path, lexical.Options{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if err = c.catchUpWords(ctx, snapshot, words, stamp); err == nil && words.Len() == snapshot.Count() {
			c.live.savedWords = stamp
			return words
		}
		err = errors.Join(err, words.Close())
	}
	c.config.Log.Warn("the saved lexical index cannot be used and is made anew", "directory", path, "error", err)
	return nil
}

func (c *Embedded) catchUpWords(ctx context.Context, snapshot *store.Snapshot, words *lexical.Index, after uint64) error {
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
// holds live.writing.
func (c *Embedded) saveWords() {
	l := c.live
	if c.wordsPath() == "" || l.savedWords == l.sequence || l.words == nil {
		return
	}
	if err := l.words.Save(c.wordsPath(), l.sequence); err != nil {
		c.config.Log.Warn("the lexical index could not be saved", "error", err)
		return
	}
	l.savedWords = l.sequence
}
