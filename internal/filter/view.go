package filter

import (
	"cmp"
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// Records gives the records of papers as they were at the moment of a view,
// parallel to ordinals; nil for one that was not there.
type Records func(ctx context.Context, ordinals []uint32) ([]*paper.Record, error)

// View answers as the index did at one moment, while it goes on to change: papers
// that changed since are decided by their records of that moment. It may be used
// from any goroutine.
type View struct {
	x       *Index
	version uint64
	records Records
}

// Version counts the changes so far: it names the moment for ViewAt.
func (x *Index) Version() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.version
}

// ViewAt gives the index as it was at a version; records are those of that moment.
func (x *Index) ViewAt(version uint64, records Records) *View {
	return &View{x: x, version: version, records: records}
}

// stamps keep the version of the last change of each ordinal, deleted ones
// included, in pages like a column's.
type stamps []*stampPage

type stampPage struct {
	high   uint32
	newest uint64
	of     [1 << pageBits]uint64
}

func (s stamps) find(high uint32) (int, bool) {
	if n := len(s); n > 0 && s[n-1].high <= high { // mostly
		return n - 1 + int(min(high-s[n-1].high, 1)), s[n-1].high == high
	}
	return slices.BinarySearchFunc(s, high, func(p *stampPage, h uint32) int { return cmp.Compare(p.high, h) })
}

// of gives the version of an ordinal's last change; 0 if there was none.
func (s stamps) of(ordinal uint32) uint64 {
	high, low := split(ordinal)
	if i, ok := s.find(high); ok {
		return s[i].of[low]
	}
	return 0
}

// stamp notes that an ordinal changes. The caller holds the lock.
func (x *Index) stamp(ordinal uint32) {
	x.version++
	x.frozen.Store(nil)
	high, low := split(ordinal)
	i, ok := x.stamps.find(high)
	if !ok {
		x.stamps = slices.Insert(x.stamps, i, &stampPage{high: high})
	}
	p := x.stamps[i]
	p.of[low], p.newest = x.version, x.version
}

// all gives the ordinals of all papers, which nobody may change.
func (x *Index) all() *roaring.Bitmap {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := x.frozen.Load()
	if all == nil {
		all = x.live.Clone()
		x.frozen.Store(all)
	}
	return all
}

// changed gives the ordinals that changed since the view's moment, in order.
func (v *View) changed() (ordinals []uint32) {
	for high, more := uint32(0), true; more; {
		v.x.mu.RLock()
		s := v.x.stamps
		i, _ := s.find(high)
		if v.x.version == v.version {
			i = len(s)
		}
		for i < len(s) && s[i].newest <= v.version {
			i++
		}
		if more = i < len(s); more {
			base := s[i].high << pageBits
			for low, at := range s[i].of {
				if at > v.version {
					ordinals = append(ordinals, base|uint32(low))
				}
			}
			high = s[i].high + 1
		}
		v.x.mu.RUnlock()
	}
	return ordinals
}

// Bitmap compiles a filter to the ordinals of the papers that it keeps. Where
// exact is false, the index lacks what the filter asks for, and the bitmap may
// hold others besides: decide those with Filter.Match. It never lacks one that
// the filter keeps. The bitmap is the caller's own.
//
// Each comparison is looked up by itself, and a long one in parts, so that changes
// go on in between; what they changed is decided anew in the end.
func (v *View) Bitmap(ctx context.Context, f *Filter) (found *roaring.Bitmap, exact bool, err error) {
	all := v.x.all()
	if f.All() {
		found, exact = all.Clone(), true
	} else {
		e := &evaluation{ctx: ctx, x: v.x}
		found, exact = e.eval(f.root, all)
		if err := e.err(); err != nil {
			return nil, false, err
		}
	}
	for ordinals := range slices.Chunk(v.changed(), batch) {
		records, err := v.records(ctx, ordinals)
		if err != nil {
			return nil, false, err
		}
		for i, r := range records {
			if r != nil && f.Match(r) {
				found.Add(ordinals[i])
			} else {
				found.Remove(ordinals[i])
			}
		}
	}
	return found, exact, ctx.Err()
}
