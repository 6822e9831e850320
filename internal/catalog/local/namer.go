package local

import (
	"context"
	"slices"

	"akin/internal/paper"
)

// nameChunk is how many papers are read at a time to see whether they are there.
const nameChunk = 256

// Identify implements catalog.Namer.
func (v *view) Identify(ctx context.Context, names []string) ([]string, error) {
	ordinals, err := v.named(ctx, names)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(names))
	for i, name := range names {
		if ordinals[i] != none {
			out[i] = name
			continue
		}
		if out[i], err = v.identify(ctx, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// identify finds what a name means that is nobody's id.
func (v *view) identify(ctx context.Context, name string) (string, error) {
	ordinals := v.words.Named(name)
	if len(ordinals) > nameChunk {
		slices.Sort(ordinals)
		ordinals = ordinals[:nameChunk]
	}
	records, err := v.snapshot.ByOrdinals(ctx, ordinals)
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
