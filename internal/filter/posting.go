package filter

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// mostListed is how many ordinals a value has at most before they become a bitmap.
// Most authors have one or two papers, for which a bitmap would be mostly overhead.
const mostListed = 32

// posting is the ordinals that have a value.
type posting struct {
	few  []uint32 // sorted; unused once there is a bitmap
	many *roaring.Bitmap
}

// add says whether the ordinal is new.
func (p *posting) add(ordinal uint32) bool {
	if p.many != nil {
		return p.many.CheckedAdd(ordinal)
	}
	i, ok := slices.BinarySearch(p.few, ordinal)
	if ok {
		return false
	}
	if p.few = slices.Insert(p.few, i, ordinal); len(p.few) > mostListed {
		p.many, p.few = roaring.BitmapOf(p.few...), nil
	}
	return true
}

func (p *posting) remove(ordinal uint32) {
	if p.many != nil {
		p.many.Remove(ordinal)
	} else if i, ok := slices.BinarySearch(p.few, ordinal); ok {
		p.few = slices.Delete(p.few, i, i+1)
	}
}

func (p *posting) has(ordinal uint32) bool {
	if p.many != nil {
		return p.many.Contains(ordinal)
	}
	_, ok := slices.BinarySearch(p.few, ordinal)
	return ok
}

func (p *posting) count() uint64 {
	if p.many != nil {
		return p.many.GetCardinality()
	}
	return uint64(len(p.few))
}

// in gives the ordinals that are also in within, as a bitmap of its own.
func (p *posting) in(within *roaring.Bitmap) *roaring.Bitmap {
	if p.many != nil {
		return roaring.And(p.many, within)
	}
	found := roaring.New()
	for _, ordinal := range p.few {
		if within.Contains(ordinal) {
			found.Add(ordinal)
		}
	}
	return found
}

// union gathers postings.
type union struct {
	few  []uint32
	many []*roaring.Bitmap
}

func (u *union) add(p *posting) {
	if p.many != nil {
		u.many = append(u.many, p.many)
	} else {
		u.few = append(u.few, p.few...)
	}
}

// into adds what was gathered to a bitmap.
func (u *union) into(found *roaring.Bitmap) {
	if len(u.many) > 0 {
		found.Or(roaring.FastOr(u.many...))
	}
	slices.Sort(u.few)
	found.AddMany(u.few)
}
