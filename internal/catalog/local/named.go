package local

import (
	"context"
	"slices"

	"akin/internal/dedup"
	"akin/internal/lexical"
	"akin/internal/paper"
)

// nameChunk is how many papers are read at a time to see whether they are there.
const nameChunk = 256

// Namer tells which papers requests mean.
type Namer interface {
	// Identify gives the ids of the papers that names mean, parallel to them; "" is
	// none. A name is an id, or else an arXiv id or a DOI as people paste them. Of
	// several papers that one can mean, it is the one of the version that it names,
	// or the first in order of id.
	Identify(ctx context.Context, collection string, names []string) ([]string, error)
	// SameTexts says which papers have one of some texts, given as pairs of title
	// and abstract, but for case and punctuation: parallel to ordinals.
	SameTexts(ctx context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error)
	// Allowed says which papers a query's words allow: those that have its phrases
	// and nothing that it excludes.
	Allowed(ctx context.Context, collection string, words Words, ordinals []uint32) ([]bool, error)
}

// Identify implements View.
func (v *view) Identify(ctx context.Context, collection string, names []string) ([]string, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(names))
	for some := range slices.Chunk(names, nameChunk) {
		records, err := m.snapshot.GetMany(ctx, some)
		if err != nil {
			return nil, err
		}
		for i, r := range records {
			if r != nil {
				out = append(out, r.ID)
				continue
			}
			id, err := m.identify(ctx, some[i])
			if err != nil {
				return nil, err
			}
			out = append(out, id)
		}
	}
	return out, nil
}

// identify finds what a name means that is nobody's id.
func (m *moment) identify(ctx context.Context, name string) (string, error) {
	ordinals := m.words.Named(name)
	if len(ordinals) > nameChunk {
		slices.Sort(ordinals)
		ordinals = ordinals[:nameChunk]
	}
	records, err := m.snapshot.ByOrdinals(ctx, ordinals)
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

// SameTexts implements View.
func (v *view) SameTexts(_ context.Context, collection string, texts [][2]string, ordinals []uint32) ([]bool, error) {
	m, err := v.of(collection)
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
	for i, o := range ordinals {
		key := m.keys.at(o)
		out[i] = wanted[key.Text()]
	}
	return out, nil
}

// Split tells what a typed query asks for from what it excludes: a text for the
// model, and a query of its own.
func Split(query string) (asked, excluded string) { return lexical.Split(query) }

// Allowed implements View.
func (v *view) Allowed(ctx context.Context, collection string, words Words, ordinals []uint32) ([]bool, error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, err
	}
	r, err := m.words.Read(words.query())
	if err != nil {
		return nil, err
	}
	return r.Allows(ctx, ordinals)
}
