// Package move copies a collection from one catalog to another, whatever they are,
// without embedding anything again, and compares the two.
//
// A copy that ended early is gone on with by making it again: what is there already, and
// is the same, is not written. Nothing else may write to either collection meanwhile;
// what came to the source after Copy began is not copied, and a destination that others
// write to fails the comparison.
//
// Texts, vectors, token counts and all that a paper says are copied. Revisions, ordinals,
// times of creation and change, and the history of signals are the destination's own.
//
// Functions hold no state, and may be called from any goroutine.
package move

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"math"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// Options say how to copy. The zero value is good.
type Options struct {
	// Group is how many papers are written with one call; 0 is 200.
	Group int
	// Progress is told how many papers were looked at, of how many; nil is nobody.
	Progress catalog.Progress
	// Samples is how many papers' neighbours are compared; 0 is 50.
	Samples int
	// Mirror deletes what the destination has beside, instead of refusing to copy: the
	// source may have lost papers since an earlier copy.
	Mirror bool
}

// Neighbours is how many of them are compared.
const Neighbours = 10

// Copied is what became of a copy.
type Copied struct {
	// Papers is how many the source has; Written of them were not there, or not the same.
	Papers, Written int
	// Removed is how many were there that the source has not.
	Removed int
}

// Compared is how two collections differ.
type Compared struct {
	Papers [2]uint32
	// Digests cover ids, what papers say, token counts and vectors, in order of id.
	Digests [2]paper.Digest
	// Sampled papers were asked for their neighbours on both sides, exactly; Overlap is
	// which part of those is the same, and Worst that of the paper with the fewest.
	Sampled        int
	Overlap, Worst float64
}

// Same says that nothing differs.
func (c *Compared) Same() bool {
	return c.Papers[0] == c.Papers[1] && c.Digests[0] == c.Digests[1] && (c.Sampled == 0 || c.Overlap >= minOverlap)
}

// minOverlap leaves room for papers that are equally near but for rounding.
const minOverlap = 0.98

func (o Options) withDefaults() Options {
	if o.Group <= 0 {
		o.Group = 200
	}
	if o.Samples == 0 {
		o.Samples = 50
	}
	if o.Progress == nil {
		o.Progress = func(string, uint64, uint64) {}
	}
	return o
}

// views opens a collection on both sides, if they are of one space.
func views(ctx context.Context, from, to catalog.Catalog, collection string) (a, b catalog.View, closeBoth func(), err error) {
	if a, err = from.View(ctx, collection); err != nil {
		return nil, nil, nil, fmt.Errorf("the source: %w", err)
	}
	if b, err = to.View(ctx, collection); err != nil {
		a.Close()
		return nil, nil, nil, fmt.Errorf("the destination: %w", err)
	}
	closeBoth = func() { a.Close(); b.Close() }
	if a.Info().Space.Fingerprint() != b.Info().Space.Fingerprint() {
		closeBoth()
		return nil, nil, nil, paper.SpaceMismatch(a.Info().Space, b.Info().Space)
	}
	return a, b, closeBoth, nil
}

// Copy writes the papers of a collection to another catalog. Of papers that it has beside
// it deletes none, and is refused, unless Options.Mirror is set.
func Copy(ctx context.Context, from, to catalog.Catalog, collection string, options Options) (Copied, error) {
	source, there, closeBoth, err := views(ctx, from, to, collection)
	if err != nil {
		return Copied{}, err
	}
	defer closeBoth()
	c := &copying{Options: options.withDefaults(), source: source, to: to, collection: collection}
	next, stop := iter.Pull2(there.List(ctx, catalog.Listing{}))
	defer stop()
	old, err, more := next()
	for r, readErr := range source.List(ctx, catalog.Listing{}) {
		for more && err == nil && readErr == nil && old.ID < r.ID {
			if err = c.remove(ctx, old.ID); err == nil {
				old, err, more = next()
			}
		}
		if err := errors.Join(readErr, err); err != nil {
			return c.Copied, err
		}
		c.Papers++
		has := more && old.ID == r.ID
		if !has || !same(old, r) {
			c.group = append(c.group, r)
		}
		if has {
			old, err, more = next()
		}
		if err := c.step(ctx); err != nil {
			return c.Copied, err
		}
	}
	for more && err == nil {
		if err = c.remove(ctx, old.ID); err == nil {
			old, err, more = next()
		}
	}
	if err != nil {
		return c.Copied, err
	}
	return c.Copied, c.flush(ctx)
}

// copying is a copy that is being made.
type copying struct {
	Options
	Copied
	source     catalog.View
	to         catalog.Catalog
	collection string
	group      []*paper.Record
	gone       []catalog.Mutation
}

// step tells how far the copy is, and writes what is enough for a group.
func (c *copying) step(ctx context.Context) error {
	if c.Papers%c.Group == 0 {
		c.Progress("copy", uint64(c.Papers), uint64(c.source.Info().Papers))
	}
	if len(c.group) < c.Group {
		return nil
	}
	return c.flush(ctx)
}

// remove deletes a paper that the source has not.
func (c *copying) remove(ctx context.Context, id string) error {
	if !c.Mirror {
		return beside(id)
	}
	c.gone = append(c.gone, catalog.Mutation{Delete: true, Paper: paper.Paper{ID: id}})
	if len(c.gone) < c.Group {
		return nil
	}
	return c.flush(ctx)
}

func (c *copying) flush(ctx context.Context) error {
	if len(c.gone) > 0 {
		if _, _, err := c.to.Apply(ctx, c.collection, c.gone); err != nil {
			return err
		}
		c.Removed += len(c.gone)
		c.gone = nil
	}
	if err := write(ctx, c.source, c.to, c.collection, c.group); err != nil {
		return err
	}
	c.Written += len(c.group)
	c.group = nil
	return nil
}

func beside(id string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("the destination has paper %q, which the source has not; copy to an empty collection, or delete what it has beside", id),
	}
}

// same says whether two records say the same, and have a vector of the same text.
func same(a, b *paper.Record) bool {
	x, errX := content(a)
	y, errY := content(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// content is what is copied of a record, but for its vector.
func content(r *paper.Record) ([]byte, error) {
	return json.Marshal(struct {
		Paper      paper.Paper
		Embed      paper.Digest
		TokenCount int
		Truncated  bool
	}{r.Plain(), r.EmbedDigest, r.TokenCount, r.Truncated})
}

func write(ctx context.Context, source catalog.View, to catalog.Catalog, collection string, group []*paper.Record) error {
	if len(group) == 0 {
		return nil
	}
	refs := make([]paper.Ref, len(group))
	for i, r := range group {
		refs[i] = r.Ref()
	}
	vectors, err := source.Vectors(ctx, refs)
	if err != nil {
		return err
	}
	changes := make([]catalog.Mutation, len(group))
	for i, r := range group {
		if vectors[i] == nil {
			return &paper.Error{
				Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
				Message: fmt.Sprintf("the source has no vector of paper %q; run akin verify on it", r.ID),
			}
		}
		changes[i] = catalog.Mutation{Paper: r.Paper, Vector: vectors[i], TokenCount: r.TokenCount, Truncated: r.Truncated}
	}
	_, _, err = to.Apply(ctx, collection, changes)
	return err
}

// Compare compares two collections by count, by digest, and by the neighbours of some
// papers.
func Compare(ctx context.Context, from, to catalog.Catalog, collection string, options Options) (Compared, error) {
	options = options.withDefaults()
	a, b, closeBoth, err := views(ctx, from, to, collection)
	if err != nil {
		return Compared{}, err
	}
	defer closeBoth()
	out := Compared{Papers: [2]uint32{a.Info().Papers, b.Info().Papers}, Worst: 1}
	var sample [][]float32
	for side, v := range []catalog.View{a, b} {
		every := max(1, int(a.Info().Papers)/max(1, options.Samples))
		keep := func(n int, vector []float32) {
			if side == 0 && n%every == 0 && len(sample) < options.Samples {
				sample = append(sample, vector)
			}
		}
		if out.Digests[side], err = digest(ctx, v, keep, options); err != nil {
			return out, err
		}
	}
	for _, vector := range sample {
		overlap, err := alike(ctx, a, b, vector)
		if err != nil {
			return out, err
		}
		out.Sampled++
		out.Overlap += overlap
		out.Worst = min(out.Worst, overlap)
	}
	if out.Sampled > 0 {
		out.Overlap /= float64(out.Sampled)
	}
	return out, nil
}

// digest covers a collection, and hands out its vectors.
func digest(ctx context.Context, v catalog.View, keep func(n int, vector []float32), options Options) (paper.Digest, error) {
	sum := sha256.New()
	var group []*paper.Record
	n := 0
	flush := func() error {
		refs := make([]paper.Ref, len(group))
		for i, r := range group {
			refs[i] = r.Ref()
		}
		vectors, err := v.Vectors(ctx, refs)
		for i := 0; i < len(group) && err == nil; i++ {
			keep(n, vectors[i])
			err = add(sum, group[i], vectors[i])
			n++
		}
		group = group[:0]
		options.Progress("compare", uint64(n), uint64(v.Info().Papers))
		return err
	}
	for r, err := range v.List(ctx, catalog.Listing{}) {
		if err != nil {
			return paper.Digest{}, err
		}
		if group = append(group, r); len(group) == options.Group {
			if err := flush(); err != nil {
				return paper.Digest{}, err
			}
		}
	}
	if err := flush(); err != nil {
		return paper.Digest{}, err
	}
	return paper.Digest(sum.Sum(nil)), nil
}

func add(sum hash.Hash, r *paper.Record, vector []float32) error {
	text, err := content(r)
	if err != nil {
		return fmt.Errorf("paper %q: %w", r.ID, err)
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	b = append(b, text...)
	for _, x := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	sum.Write(b)
	return nil
}

// alike says which part of the nearest papers of a vector two collections have in common.
func alike(ctx context.Context, a, b catalog.View, vector []float32) (float64, error) {
	ids := make(map[string]bool)
	common, all := 0, 0
	for side, v := range []catalog.View{a, b} {
		found, err := v.Nearest(ctx, catalog.Nearest{Probes: []catalog.Probe{{Vector: vector, K: Neighbours}}, Exact: true})
		if err != nil {
			return 0, err
		}
		for _, h := range found.Hits {
			switch {
			case side == 0:
				ids[h.ID] = true
				all++
			case ids[h.ID]:
				common++
			}
		}
	}
	if all == 0 {
		return 1, nil
	}
	return float64(common) / float64(all), nil
}
