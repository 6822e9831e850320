package engine

import (
	"context"
	"fmt"

	"akin/internal/catalog"
	"akin/internal/paper"
)

const (
	// exportGroup and exportBytes bound a group of an export that is more than one
	// paper.
	exportGroup = 256
	exportBytes = 1 << 20
)

// Export asks for all papers of a collection.
type Export struct {
	Collection string
	// Filter is an AIP-160 filter; "" keeps all.
	Filter string
	// Vectors asks for the vectors too.
	Vectors bool
}

// Exported is a group of papers of an export.
type Exported struct {
	// Records are in order of id, over all groups.
	Records []*paper.Record
	// Vectors are parallel to Records, float32 [dim] each; nil if not asked for.
	Vectors [][]float32
	// Space is what the vectors are embedded into.
	Space paper.Space
	// Sequence is the last change that the export has seen, Total how many
	// papers there were; like Space, both are the same in all groups.
	Sequence uint64
	Total    uint32
}

// Export reads all papers as they are at one sequence and calls send for groups
// of them: at least once, even for an empty collection. Its first error ends
// the export.
func (e *Engine) Export(ctx context.Context, q Export, send func(Exported) error) error {
	a, err := e.ask(ctx, q.Collection)
	if err != nil {
		return err
	}
	defer a.close()
	group, bytes, sent := Exported{Space: a.info.Space, Sequence: a.info.Sequence, Total: a.info.Papers}, 0, false
	flush := func() (err error) {
		if q.Vectors {
			if group.Vectors, err = a.vectorsOf(ctx, group.Records); err != nil {
				return err
			}
		}
		err = send(group)
		group.Records, bytes, sent = nil, 0, true
		return err
	}
	for record, err := range a.view.List(ctx, catalog.Listing{Filter: q.Filter}) {
		if err != nil {
			return err
		}
		size := record.Bytes()
		if q.Vectors {
			size += 4 * a.info.Space.Dimension
		}
		if len(group.Records) > 0 && (bytes+size > exportBytes || len(group.Records) == exportGroup) {
			if err := flush(); err != nil {
				return err
			}
		}
		group.Records = append(group.Records, record)
		bytes += size
	}
	if len(group.Records) > 0 || !sent {
		return flush()
	}
	return nil
}

// vectorsOf gives the vectors of papers that are there, parallel to them; nil for no
// papers.
func (a *asking) vectorsOf(ctx context.Context, records []*paper.Record) ([][]float32, error) {
	if len(records) == 0 {
		return nil, nil
	}
	refs := make([]paper.Ref, len(records))
	for i, r := range records {
		refs[i] = r.Ref()
	}
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return nil, err
	}
	for i, v := range vectors {
		if v == nil {
			return nil, fmt.Errorf("export: paper %q has no vector", refs[i].ID)
		}
	}
	return vectors, nil
}
