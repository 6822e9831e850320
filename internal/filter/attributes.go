package filter

import (
	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// Dates gives the publication dates of papers, parallel to ordinals; the zero
// date where a paper has none, or is not there.
func (x *Index) Dates(ordinals []uint32) []paper.Date {
	out := make([]paper.Date, len(ordinals))
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i, o := range ordinals {
		if packed, ok := x.dates.get(o); ok {
			out[i] = unpackDate(packed)
		}
	}
	return out
}

// Venues gives the venues of papers, parallel to ordinals, in the spelling that
// the index saw first; "" where a paper has none, or is not there.
func (x *Index) Venues(ordinals []uint32) []string {
	out := make([]string, len(ordinals))
	x.mu.RLock()
	defer x.mu.RUnlock()
	venue := x.attributes["venue"]
	for i, o := range ordinals {
		row, _ := x.rows.get(o)
		for _, id := range row {
			if id&keyedMark == 0 && x.terms[id].attribute == venue {
				out[i] = x.terms[id].value
				break
			}
		}
	}
	return out
}

// All gives the ordinals of all papers, as a bitmap of the caller's own.
func (x *Index) All() *roaring.Bitmap {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.live.Clone()
}
