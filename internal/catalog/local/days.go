package local

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// dayEntry is what lists by day know of a paper. It never changes.
type dayEntry struct {
	day uint32 // packed; 0 where there is no paper
	// signals are how its signals went; nil if there are none.
	signals *signalEntry
}

type signalEntry struct {
	dated paper.Date // what sources say; zero if they say no date
	seen  []paper.SignalTrail
}

// dayOf is the entry of a record. It shares its trail.
func dayOf(r *paper.Record) dayEntry {
	e := dayEntry{day: packDay(r.Day())}
	if seen := r.Sightings(); len(seen) > 0 {
		e.signals = &signalEntry{dated: r.Dated(), seen: seen}
	}
	return e
}

func (e dayEntry) equal(f dayEntry) bool {
	if e.signals == nil || f.signals == nil {
		return e == f
	}
	return e.day == f.day && e.signals.dated == f.signals.dated &&
		slices.EqualFunc(e.signals.seen, f.signals.seen, func(a, b paper.SignalTrail) bool {
			return a.Name == b.Name && slices.Equal(a.Seen, b.Seen)
		})
}

// packDay makes numbers of dates that have their order. That of a date is above 0.
func packDay(d paper.Date) uint32 { return uint32(d.Year)<<9 | uint32(d.Month)<<5 | uint32(d.Day) + 1 }

func unpackDay(n uint32) paper.Date {
	n--
	return paper.Date{Year: int(n >> 9), Month: int(n >> 5 & 15), Day: int(n & 31)}
}

// eachDay calls visit for the papers that a filter keeps, in the order of ordinals.
func (v *view) eachDay(ctx context.Context, kept *roaring.Bitmap, visit func(ordinal uint32, e dayEntry)) error {
	look := func(n int) error {
		if n%lookStride == 0 {
			return ctx.Err()
		}
		return nil
	}
	if kept == nil {
		for o := range uint32(v.days.len()) {
			if err := look(int(o)); err != nil {
				return err
			}
			if e := v.days.at(o); e.day != 0 {
				visit(o, e)
			}
		}
		return nil
	}
	n := 0
	for it := kept.Iterator(); it.HasNext(); n++ {
		if err := look(n); err != nil {
			return err
		}
		o := it.Next()
		if e := v.days.at(o); e.day != 0 {
			visit(o, e)
		}
	}
	return nil
}

// placed is a paper in a list by day.
type placed struct {
	day     uint32
	ordinal uint32
	id      string
}

func comparePlaced(a, b placed) int {
	return cmp.Or(cmp.Compare(b.day, a.day), strings.Compare(a.id, b.id))
}

// next gives the n papers that come next in a list by day.
func (v *view) next(ctx context.Context, kept *roaring.Bitmap, from *catalog.Newest, n int) ([]placed, error) {
	var all []placed
	full := false // all has n that nothing behind the last of them can be among
	cut := func() {
		slices.SortFunc(all, comparePlaced)
		all = all[:min(n, len(all))]
		full = len(all) == n
	}
	// The rest of what Comes says is held against ids, which cost more to look at.
	least, most := uint32(0), uint32(math.MaxUint32)
	if !from.Until.IsZero() {
		most = packDay(from.Until)
	}
	if !from.Day.IsZero() {
		least, most = packDay(from.Day), min(most, packDay(from.Day))
	}
	if from.AfterID != "" {
		most = min(most, packDay(from.AfterDay))
	}
	after := placed{day: packDay(from.AfterDay), id: from.AfterID}
	err := v.eachDay(ctx, kept, func(o uint32, e dayEntry) {
		if e.day < least || e.day > most || full && e.day < all[n-1].day {
			return
		}
		p := placed{e.day, o, v.ids.at(o)}
		if from.AfterID != "" && comparePlaced(after, p) >= 0 || full && comparePlaced(p, all[n-1]) >= 0 {
			return
		}
		if all = append(all, p); len(all) >= 4*n {
			cut()
		}
	})
	cut()
	return all, err
}

// mostDays is how many papers a list by day looks for at a time, at most.
const mostDays = 4096

// Newest implements catalog.Days. The days are in memory; for each chunk of the list,
// all of them are looked at once.
func (v *view) Newest(ctx context.Context, from catalog.Newest) iter.Seq2[catalog.OfDay, error] {
	return func(yield func(catalog.OfDay, error) bool) {
		kept, err := v.keep(ctx, from.Filter)
		if err != nil {
			yield(catalog.OfDay{}, err)
			return
		}
		for n := mostRead; ; n = min(2*n, mostDays) {
			some, err := v.next(ctx, kept, &from, n)
			if err != nil {
				yield(catalog.OfDay{}, err)
				return
			}
			for _, p := range some {
				from.AfterDay, from.AfterID = unpackDay(p.day), p.id
				if !yield(catalog.OfDay{Ref: v.ref(p.ordinal), Day: from.AfterDay}, nil) {
					return
				}
			}
			if len(some) < n {
				return
			}
		}
	}
}

// CountDays implements catalog.Days.
func (v *view) CountDays(ctx context.Context, filter string) ([]catalog.DayCount, error) {
	kept, err := v.keep(ctx, filter)
	if err != nil {
		return nil, err
	}
	counts := make(map[uint32]uint32)
	if err := v.eachDay(ctx, kept, func(_ uint32, e dayEntry) { counts[e.day]++ }); err != nil {
		return nil, err
	}
	out := make([]catalog.DayCount, 0, len(counts))
	for _, day := range slices.Backward(slices.Sorted(maps.Keys(counts))) {
		out = append(out, catalog.DayCount{Day: unpackDay(day), Papers: counts[day]})
	}
	return out, nil
}

// Signalled implements catalog.Days.
func (v *view) Signalled(ctx context.Context, filter string) iter.Seq2[rank.Signalled, error] {
	return func(yield func(rank.Signalled, error) bool) {
		kept, err := v.keep(ctx, filter)
		more := true
		if err == nil {
			err = v.eachDay(ctx, kept, func(o uint32, e dayEntry) {
				if more && e.signals != nil {
					more = yield(rank.Signalled{Ref: v.ref(o), Day: unpackDay(e.day), Dated: e.signals.dated, Signals: e.signals.seen}, nil)
				}
			})
		}
		if err != nil && more {
			yield(rank.Signalled{}, err)
		}
	}
}
