package local

import (
	"cmp"
	"context"
	"iter"
	"math"
	"runtime"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/rank"
	"akin/internal/store"
	"akin/internal/vec"
)

// keysOf gives the keys of what was stored, parallel to it.
func keysOf(stored []store.Outcome) []dedup.Key {
	keys := make([]dedup.Key, len(stored))
	for i := range stored {
		if r := stored[i].Result; r == store.Created || r == store.Updated {
			keys[i] = dedup.KeyOf(&stored[i].Record.Paper)
		}
	}
	return keys
}

// hashing makes the keys of a collection on all cores while it is read.
type hashing struct {
	keys  []dedup.Key
	batch []*paper.Record
	work  errgroup.Group
}

// hashBatch is how many papers a goroutine takes.
const hashBatch = 512

func newHashing(keys []dedup.Key) *hashing {
	h := &hashing{keys: keys}
	h.work.SetLimit(runtime.GOMAXPROCS(0))
	return h
}

func (h *hashing) add(r *paper.Record) {
	if h.batch = append(h.batch, r); len(h.batch) == hashBatch {
		h.flush()
	}
}

func (h *hashing) flush() {
	batch := h.batch
	h.batch = nil
	h.work.Go(func() error {
		for _, r := range batch {
			h.keys[r.Ordinal] = dedup.KeyOf(&r.Paper)
		}
		return nil
	})
}

// wait ends it: the keys of all papers are there.
func (h *hashing) wait() {
	h.flush()
	h.work.Wait() //nolint:errcheck // there are no errors
}

// Collapsed is a hit that an earlier one stands for.
type Collapsed struct {
	ID      string
	Ordinal uint32
	dedup.Match
}

// Collapse implements View. It takes out of a list, best first, the hits that count
// as one with an earlier hit, and all that count as one with own papers, by id. It
// gives what is left, in order, and what each of those stands for, by its id, in
// order. hits is overwritten.
func (v *view) Collapse(ctx context.Context, collection string, hits []rank.Hit, own []string) (left []rank.Hit, stands map[string][]Collapsed, err error) {
	m, err := v.of(collection)
	if err != nil {
		return nil, nil, err
	}
	ordinals := make([]uint32, 0, len(own)+len(hits))
	records, err := m.snapshot.GetMany(ctx, own)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range records {
		if r != nil {
			ordinals = append(ordinals, r.Ordinal)
		}
	}
	apart := len(ordinals)
	for _, h := range hits {
		ordinals = append(ordinals, h.Ordinal)
	}
	keys := make([]dedup.Key, len(ordinals))
	for i, o := range ordinals {
		keys[i] = m.keys.at(o)
	}
	near := &nearness{vector: func(i int) ([]float32, error) { return m.vectorOf(ctx, ordinals[i]) }}
	left, stands = hits[:0], make(map[string][]Collapsed)
	for i, members := range dedup.Group(keys, dedup.Options{MinSimilarity: dedup.MinSimilarity, Apart: apart}, near.cosine) {
		if near.err == nil && i%termsStride == 0 {
			near.err = ctx.Err()
		}
		if near.err != nil {
			return nil, nil, near.err
		}
		if i < apart {
			continue
		}
		first := hits[i-apart] // left grows no faster than i
		for _, member := range members {
			o := ordinals[member.At]
			stands[first.ID] = append(stands[first.ID], Collapsed{ID: m.ids.at(o), Ordinal: o, Match: member.Match})
		}
		left = append(left, first)
	}
	return left, stands, near.err
}

// nearness compares the vectors of papers, many with one.
type nearness struct {
	// vector gives the vector of a paper, nil if it has none.
	vector func(i int) ([]float32, error)
	// err is the first error of vector; after it, nothing is near.
	err error

	last  int // of those compared with others
	kept  []float32
	known bool
}

// cosine is NaN if one of the papers has no vector.
func (n *nearness) cosine(i, j int) float64 {
	if n.err == nil && (!n.known || n.last != i) {
		n.kept, n.err = n.vector(i)
		n.last, n.known = i, true
	}
	if n.err != nil || n.kept == nil {
		return math.NaN()
	}
	var other []float32
	if other, n.err = n.vector(j); n.err != nil || other == nil {
		return math.NaN()
	}
	return float64(vec.Dot(n.kept, other))
}

// vectorOf gives the vector of a paper, nil if it has none.
func (m *moment) vectorOf(ctx context.Context, ordinal uint32) ([]float32, error) {
	vectors, err := m.vectors(ctx, []uint32{ordinal})
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// Duplicates are the papers of a collection at one sequence, to be compared. It
// belongs to one goroutine and must be closed.
type Duplicates struct {
	// Stats has the papers that the filter keeps.
	Stats
	moment *moment
	// ordinals and keys are parallel, in order of id.
	ordinals []uint32
	keys     []dedup.Key
}

// Close gives the state back.
func (d *Duplicates) Close() { d.moment.release() }

// Duplicates opens the papers of a collection that an AIP-160 filter keeps; ""
// keeps all.
func (c *Embedded) Duplicates(ctx context.Context, collection, text string) (*Duplicates, error) {
	l, err := c.of(collection)
	if err != nil {
		return nil, err
	}
	keep, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	m, err := c.hold(l)
	if err != nil {
		return nil, err
	}
	d := &Duplicates{Stats: Stats{Sequence: m.sequence}, moment: m}
	if err := d.choose(ctx, keep); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// choose keeps the papers that the filter keeps, in order of id.
func (d *Duplicates) choose(ctx context.Context, keep *filter.Filter) error {
	var kept *roaring.Bitmap
	if !keep.All() {
		kept = roaring.New()
		for r, err := range d.moment.snapshot.Records(ctx) {
			if err != nil {
				return err
			}
			if keep.Match(r) {
				kept.Add(r.Ordinal)
			}
		}
	}
	ids := &d.moment.ids
	for o := range uint32(ids.len()) {
		if ids.at(o) != "" && (kept == nil || kept.Contains(o)) {
			d.ordinals = append(d.ordinals, o)
		}
	}
	slices.SortFunc(d.ordinals, func(a, b uint32) int { return cmp.Compare(ids.at(a), ids.at(b)) })
	keys := make([]dedup.Key, len(d.ordinals))
	for i, o := range d.ordinals {
		keys[i] = d.moment.keys.at(o)
	}
	d.keys, d.Papers = keys, uint32(len(keys))
	return nil
}

// Duplicate is a paper of a group.
type Duplicate struct {
	Record *paper.Record
	// Match is how it matches the first of its group; zero for the first.
	dedup.Match
}

// DuplicateGroup are papers that count as one, the first one with each other.
type DuplicateGroup struct {
	// Papers are in order of id; nil only reports progress.
	Papers []Duplicate
	// Compared is how many papers have been compared with all others so far.
	Compared int
}

// compareStep is after how many papers there is a report of progress, and
// others get the core.
const compareStep = 1024

// Groups iterates over the groups of two or more papers, in order of the id of
// their first, which is the least, and in between over reports of progress.
// Similar texts must have the given cosine. After an error it ends.
func (d *Duplicates) Groups(ctx context.Context, minSimilarity float64) iter.Seq2[DuplicateGroup, error] {
	return func(yield func(DuplicateGroup, error) bool) {
		near := &nearness{vector: func(i int) ([]float32, error) { return d.vector(ctx, i) }}
		for i, members := range dedup.Group(d.keys, dedup.Options{MinSimilarity: minSimilarity}, near.cosine) {
			group, failed := DuplicateGroup{Compared: i + 1}, near.err
			if failed == nil && len(members) > 0 {
				group.Papers, failed = d.read(ctx, i, members)
			}
			if failed == nil && i%compareStep == 0 {
				failed = ctx.Err()
				runtime.Gosched()
			}
			if failed != nil {
				yield(DuplicateGroup{}, failed)
				return
			}
			if (group.Papers != nil || i%compareStep == 0) && !yield(group, nil) {
				return
			}
		}
		yield(DuplicateGroup{Compared: len(d.keys)}, nil)
	}
}

// vector gives the stored vector of a paper, nil if it has none.
func (d *Duplicates) vector(ctx context.Context, i int) ([]float32, error) {
	v, err := d.moment.snapshot.Vector(ctx, d.ordinals[i])
	if missing(err) {
		return nil, nil
	}
	return v, err
}

// read gives the records of a group.
func (d *Duplicates) read(ctx context.Context, first int, members []dedup.Member) ([]Duplicate, error) {
	ordinals := []uint32{d.ordinals[first]}
	out := []Duplicate{{}}
	for _, m := range members {
		ordinals, out = append(ordinals, d.ordinals[m.At]), append(out, Duplicate{Match: m.Match})
	}
	records, err := d.moment.snapshot.ByOrdinals(ctx, ordinals)
	for i, r := range records {
		out[i].Record = r
	}
	return out, err
}
