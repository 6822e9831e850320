package filter

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// Dates gives the publication dates of papers, parallel to ordinals; the zero
// date where a paper has none, or is not there.
func (v *View) Dates(ctx context.Context, ordinals []uint32) ([]paper.Date, error) {
	out := make([]paper.Date, len(ordinals))
	return out, v.describe(ctx, ordinals, func(i int) {
		if packed, ok := v.x.dates.get(ordinals[i]); ok {
			out[i] = unpackDate(packed)
		}
	}, func(i int, r *paper.Record) {
		out[i] = unpackDate(packDate(r.PublishDate))
	})
}

// Venues gives the venues of papers, parallel to ordinals, in the spelling that
// the index saw first; "" where a paper has none, or is not there.
func (v *View) Venues(ctx context.Context, ordinals []uint32) ([]string, error) {
	out := make([]string, len(ordinals))
	return out, v.describe(ctx, ordinals, func(i int) {
		x := v.x
		venue := x.attributes["venue"]
		row, _ := x.rows.get(ordinals[i])
		for _, id := range row {
			if id&keyedMark == 0 && x.terms[id].attribute == venue {
				out[i] = x.terms[id].value
				break
			}
		}
	}, func(i int, r *paper.Record) {
		if values := texts(r, v.x.known.byName["venue"], ""); len(values) > 0 {
			out[i] = v.spelling("venue", values[0])
		}
	})
}

// spelling gives a value in the spelling that the index saw first.
func (v *View) spelling(name, value string) string {
	v.x.mu.RLock()
	defer v.x.mu.RUnlock()
	a := v.x.attributes[name]
	if id, ok := v.x.find(a, a.field.same(value)); ok {
		return v.x.terms[id].value
	}
	return value
}

// describe calls kept for the places of ordinals that have not changed, with the
// index's lock, and changed for the others that were there.
func (v *View) describe(ctx context.Context, ordinals []uint32, kept func(i int), changed func(i int, r *paper.Record)) error {
	var places []int
	var ask []uint32
	for from := 0; from < len(ordinals); from += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		v.x.mu.RLock()
		for i := from; i < min(from+batch, len(ordinals)); i++ {
			if v.x.stamps.of(ordinals[i]) > v.version {
				places, ask = append(places, i), append(ask, ordinals[i])
			} else {
				kept(i)
			}
		}
		v.x.mu.RUnlock()
	}
	if len(ask) == 0 {
		return nil
	}
	records, err := v.records(ctx, ask)
	if err != nil {
		return err
	}
	for k, r := range records {
		if r != nil {
			changed(places[k], r)
		}
	}
	return nil
}

// All gives the ordinals of all papers, as a bitmap of the caller's own.
func (v *View) All(ctx context.Context) (*roaring.Bitmap, error) {
	all, _, err := v.Bitmap(ctx, nil)
	return all, err
}
