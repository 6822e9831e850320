package local

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"iter"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/splitmix"
)

// lowest gives the ordinals of the n lowest digests, the lowest first. Papers that are
// drawn by their digests are always the same of the same collection, and few of them
// give way when one comes or goes (bottom-k sampling: Cohen and Kaplan, Summarizing data
// using bottom-k sketches, 2007). It takes memory for 2n.
func lowest[D any](n int, drawn iter.Seq2[D, uint32], compare func(a, b D) int) []uint32 {
	type place struct {
		digest  D
		ordinal uint32
	}
	var all []place
	cut := func() {
		slices.SortFunc(all, func(a, b place) int { return compare(a.digest, b.digest) })
		all = all[:min(n, len(all))]
	}
	full := false // all has n that nothing higher than the last of them can be among
	for d, o := range drawn {
		if full && compare(d, all[n-1].digest) >= 0 {
			continue
		}
		if all = append(all, place{d, o}); len(all) >= 2*max(n, recheck) {
			cut()
			full = n > 0
		}
	}
	cut()
	out := make([]uint32, len(all))
	for i, p := range all {
		out[i] = p.ordinal
	}
	return out
}

// Background implements catalog.Sampler. The papers are those whose ordinals have the
// lowest digests, in the order of these.
func (v *view) Background(_ context.Context, n int) ([]paper.Ref, error) {
	ordinals := background(&v.ids, int(v.papers), n)
	out := make([]paper.Ref, len(ordinals))
	for i, o := range ordinals {
		out[i] = v.ref(o)
	}
	return out, nil
}

// background gives the n ordinals with the lowest digests, of those that have an id.
func background(ids *series[string], papers, n int) []uint32 {
	below := func(most uint64) []uint32 {
		return lowest(n, func(yield func(uint64, uint32) bool) {
			for o := range uint32(ids.len()) {
				if d := splitmix.At(0, uint64(o)); d <= most && ids.at(o) != "" && !yield(d, o) {
					return
				}
			}
		}, cmp.Compare)
	}
	// Digests are spread evenly: those below this are hardly ever fewer than n.
	if want := float64(n) + 8*math.Sqrt(float64(n)) + 16; want < float64(papers) {
		if found := below(uint64(want / float64(papers) * math.MaxUint64)); len(found) == n {
			return found
		}
	}
	return below(math.MaxUint64)
}

// Dated implements catalog.Sampler. The papers are those whose ids have the lowest
// SHA-256, in the order of these.
func (v *view) Dated(ctx context.Context, asOf string, n int) ([]catalog.Sampled, error) {
	text := "date:*"
	if asOf != "" {
		text = untilDay(asOf)
	}
	dated, err := v.keep(ctx, text)
	if err != nil {
		return nil, err
	}
	looked := 0
	ordinals := lowest(n, func(yield func([sha256.Size]byte, uint32) bool) {
		for it := dated.Iterator(); it.HasNext(); looked++ {
			o := it.Next()
			if looked%lookStride == 0 && ctx.Err() != nil {
				return
			}
			if id := v.ids.at(o); id != "" && !yield(sha256.Sum256([]byte(id)), o) {
				return
			}
		}
	}, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dates, err := v.attributes.Dates(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	out := make([]catalog.Sampled, len(ordinals))
	for i, o := range ordinals {
		out[i] = catalog.Sampled{Ref: v.ref(o), Date: dates[i]}
	}
	return out, nil
}
