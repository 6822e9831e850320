package catalog

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/dedup"
	"akin/internal/lexical"
	"akin/internal/paper"
)

// nameChunk is how many papers are read at a time to see whether they are there.
const nameChunk = 256

// Identify gives the ids of the papers that names mean, parallel to them; "" is
// none. A name is an id, or else an arXiv id or a DOI as people paste them. Of
// several papers that one can mean, it is the one of the version that it names, or
// the first in order of id.
func (c *Embedded) Identify(ctx context.Context, collection string, names []string) ([]string, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(names))
	for some := range slices.Chunk(names, nameChunk) {
		records, err := c.config.Store.GetMany(ctx, l.name, some)
		if err != nil {
			return nil, err
		}
		for i, r := range records {
			if r != nil {
				out = append(out, r.ID)
				continue
			}
			id, err := c.identify(ctx, l, some[i])
			if err != nil {
				return nil, err
			}
			out = append(out, id)
		}
	}
	return out, nil
}

// identify finds what a name means that is nobody's id.
func (c *Embedded) identify(ctx context.Context, l *live, name string) (string, error) {
	ordinals := l.words.Named(name)
	if len(ordinals) > nameChunk {
		slices.Sort(ordinals)
		ordinals = ordinals[:nameChunk]
	}
	records, err := c.config.Store.ByOrdinals(ctx, l.name, ordinals)
	if err != nil {
		return "", err
	}
	_, wanted, _ := paper.ParseArxivID(name)
	var id string
	exact := false
	for _, r := range records {
		if r == nil {
			continue
		}
		same := wanted != "" && (versionOf(r.ArxivID) == wanted || versionOf(r.ID) == wanted)
		if id == "" || same && !exact || same == exact && r.ID < id {
			id, exact = r.ID, same
		}
	}
	return id, nil
}

func versionOf(id string) string {
	_, version, _ := paper.ParseArxivID(id)
	return version
}

// SameTexts says which papers have one of some texts, given as pairs of title and
// abstract, but for case and punctuation: parallel to ordinals.
func (c *Embedded) SameTexts(_ context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	wanted := make(map[dedup.Text]bool, len(texts))
	for _, t := range texts {
		key := dedup.KeyOf(&paper.Paper{Title: t[0], Abstract: t[1]})
		wanted[key.Text()] = true
	}
	delete(wanted, dedup.Text{}) // texts without words
	out := make([]bool, len(ordinals))
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i, o := range ordinals {
		out[i] = int(o) < len(l.keys) && wanted[l.keys[o].Text()]
	}
	return out, nil
}

// Split tells what a typed query asks for from what it excludes: a text for the
// model, and a query of its own.
func Split(query string) (asked, excluded string) { return lexical.Split(query) }

// Allowed says which papers a query's words allow: those that have its phrases and
// nothing that it excludes.
func (c *Embedded) Allowed(ctx context.Context, collection string, words Words, ordinals []uint32) ([]bool, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	return l.words.Allows(ctx, words.query(1, (*roaring.Bitmap)(nil)), ordinals)
}
