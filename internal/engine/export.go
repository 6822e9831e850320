package engine

import (
	"context"

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
	// Sequence is the last change that the export has seen, Total how many
	// papers there were; both are the same in all groups.
	Sequence uint64
	Total    uint32
}

// Export reads all papers as they are at one sequence and calls send for groups
// of them: at least once, even for an empty collection. Its first error ends
// the export.
func (e *Engine) Export(ctx context.Context, q Export, send func(Exported) error) error {
	if err := e.needCatalog(); err != nil {
		return err
	}
	collection, err := collectionOf(q.Collection)
	if err != nil {
		return err
	}
	papers, err := e.catalog.Export(ctx, collection, q.Filter)
	if err != nil {
		return err
	}
	defer papers.Close()
	group, bytes, sent := Exported{Sequence: papers.Sequence, Total: papers.Papers}, 0, false
	flush := func() error {
		err := send(group)
		group.Records, group.Vectors, bytes, sent = nil, nil, 0, true
		return err
	}
	for record, err := range papers.Records(ctx) {
		if err != nil {
			return err
		}
		size := record.Bytes()
		if q.Vectors {
			size += 4 * e.Space().Dimension
		}
		if len(group.Records) > 0 && bytes+size > exportBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		group.Records = append(group.Records, record)
		bytes += size
		if q.Vectors {
			v, err := papers.Vector(ctx, record.Ordinal)
			if err != nil {
				return err
			}
			group.Vectors = append(group.Vectors, v)
		}
		if len(group.Records) >= exportGroup {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(group.Records) > 0 || !sent {
		return flush()
	}
	return nil
}
