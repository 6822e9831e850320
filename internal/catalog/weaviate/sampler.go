package weaviate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// lots is how many lots there are: what properties hold exactly.
const lots = 1 << 52

// lotOf is a paper's lot, by which samples are drawn: those with the lowest. It depends
// on the id alone, so that a paper more or less changes one of a sample at most.
func lotOf(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 12)
}

// mostSampled is how many papers one sample has at most.
const mostSampled = 8_000

// Background implements catalog.Sampler.
func (v *view) Background(ctx context.Context, n int) ([]paper.Ref, error) {
	drawn, err := v.draw(ctx, catalog.Restriction{}, n)
	out := make([]paper.Ref, len(drawn))
	for i, d := range drawn {
		out[i].ID = d.Record.Paper.ID
	}
	return out, err
}

// Dated implements catalog.Sampler.
func (v *view) Dated(ctx context.Context, asOf string, n int) ([]catalog.Sampled, error) {
	r := catalog.Restriction{AsOf: asOf}
	if asOf == "" {
		r.Filter = "date:*"
	}
	drawn, err := v.draw(ctx, r, n)
	out := make([]catalog.Sampled, len(drawn))
	for i, d := range drawn {
		out[i] = catalog.Sampled{Ref: paper.Ref{ID: d.Record.Paper.ID}, Date: d.Record.Paper.PublishDate}
	}
	return out, err
}

// draw gives the n papers with the lowest lots that a restriction keeps, in their order.
// It asks for those below a bound that are hardly ever fewer than n.
func (v *view) draw(ctx context.Context, what catalog.Restriction, n int) (drawn []*version, err error) {
	r, err := restrict(what)
	if n = min(n, mostSampled); err != nil || n <= 0 {
		return nil, err
	}
	err = v.moment(ctx, func(ids moved, was map[string]*version) error {
		there, err := v.kept(ctx, &r, ids, was)
		if err != nil {
			return err
		}
		want := float64(n) + 8*math.Sqrt(float64(n)) + 16
		for share := want / max(1, float64(there)); ; share *= 4 {
			below := int64(lots)
			if share < 1 {
				below = int64(share * lots)
			}
			if drawn, err = v.drawBelow(ctx, &r, below, ids, was); err != nil || len(drawn) >= n || below == lots {
				drawn = drawn[:min(n, len(drawn))]
				return err
			}
		}
	})
	return drawn, err
}

// drawBelow gives the papers whose lots are below a bound, the lowest first.
func (v *view) drawBelow(ctx context.Context, r *restriction, below int64, ids moved, was map[string]*version) (drawn []*version, err error) {
	results, err := v.c.search(ctx, &pb.SearchRequest{
		Filters: ids.without(all(r.where, number64(propLot, pb.Filters_OPERATOR_LESS_THAN, below))), Limit: mostHits,
		Properties: properties(propID, propRecord), Metadata: &pb.MetadataRequest{Uuid: true},
	})
	if err != nil {
		return nil, err
	}
	for _, x := range ids.drop(results) {
		found, err := versionOf(x)
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, found)
	}
	for _, old := range was {
		if r.keeps(old) && lotOf(old.Record.Paper.ID) < below {
			drawn = append(drawn, old)
		}
	}
	slices.SortFunc(drawn, func(a, b *version) int {
		return cmp.Or(cmp.Compare(lotOf(a.Record.Paper.ID), lotOf(b.Record.Paper.ID)), cmp.Compare(a.Record.Paper.ID, b.Record.Paper.ID))
	})
	return drawn, nil
}
