package filter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// What the index answers as it is now, for tests.

func (x *Index) now() *View {
	return x.ViewAt(x.Version(), func(_ context.Context, ordinals []uint32) ([]*paper.Record, error) {
		return make([]*paper.Record, len(ordinals)), nil
	})
}

func (x *Index) Bitmap(f *Filter) (found *roaring.Bitmap, exact bool) {
	found, exact, _ = x.now().Bitmap(context.Background(), f)
	return found, exact
}

func (x *Index) Facet(field string, within *roaring.Bitmap, limit int) ([]Count, error) {
	return x.now().Facet(context.Background(), field, within, limit)
}

func (x *Index) Dates(ordinals []uint32) []paper.Date {
	dates, _ := x.now().Dates(context.Background(), ordinals)
	return dates
}

func (x *Index) Venues(ordinals []uint32) []string {
	venues, _ := x.now().Venues(context.Background(), ordinals)
	return venues
}

// moment is a state of some papers.
type moment struct {
	version uint64
	papers  map[uint32]*paper.Record
}

func (m moment) records(_ context.Context, ordinals []uint32) ([]*paper.Record, error) {
	out := make([]*paper.Record, len(ordinals))
	for i, o := range ordinals {
		out[i] = m.papers[o]
	}
	return out, nil
}

// A view answers as its moment was, while papers come, change, go, and lose the
// values of metadata that have become too many: what it keeps, counts and says of
// papers is what its records say.
func TestViewAmongChanges(t *testing.T) {
	var filters []*Filter
	for _, text := range []string{
		"venue = v1", "NOT venue = v2", `author:"ada"`, "author:a*", `author = "*1"`, "year >= 2005", "date >= 2010 AND venue:v*", "signals.s > 3",
		"metadata.m = x1", "metadata.m:*", "category = (a OR b)", "venue = v1 OR year < 2003", "metadata.m > x",
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		filters = append(filters, f)
	}
	x := NewIndex()
	random := rand.New(rand.NewPCG(1, 2))
	papers := make(map[uint32]*paper.Record)
	var mu sync.Mutex // guards now
	var now moment
	change := func(n int) {
		for range n {
			o := uint32(random.IntN(3000))
			if random.IntN(4) == 0 {
				delete(papers, o)
				x.Delete(o)
				continue
			}
			r := &paper.Record{Ordinal: o}
			r.Venue = fmt.Sprint("v", random.IntN(3))
			r.Authors = []paper.Author{{Name: fmt.Sprint("Ada ", random.IntN(2000))}, {Name: fmt.Sprint("Bob", random.IntN(9))}}
			r.Categories = []string{[]string{"a", "b", "c"}[random.IntN(3)]}
			r.PublishDate = paper.Date{Year: 2000 + random.IntN(20)}
			r.Signals = map[string]float64{"s": float64(random.IntN(9))}
			r.Metadata = map[string]string{"m": fmt.Sprint("x", random.IntN(1500))}
			papers[o] = r
			x.Upsert(o, r)
		}
		state := moment{version: x.Version(), papers: make(map[uint32]*paper.Record, len(papers))}
		for o, r := range papers {
			state.papers[o] = r
		}
		mu.Lock()
		now = state
		mu.Unlock()
	}
	change(2000)
	done := make(chan struct{})
	var work sync.WaitGroup
	for w := range 2 {
		work.Go(func() {
			for i := w; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				mu.Lock()
				m := now
				mu.Unlock()
				if err := checkMoment(t.Context(), x, m, filters[i%len(filters)]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 60 {
		change(1 + random.IntN(40))
	}
	close(done)
	work.Wait()
}

// checkMoment compares a view with the records of its moment.
func checkMoment(ctx context.Context, x *Index, m moment, f *Filter) error {
	v := x.ViewAt(m.version, m.records)
	got, exact, err := v.Bitmap(ctx, f)
	if err != nil {
		return err
	}
	want, venues := roaring.New(), map[string]uint64{}
	for o, r := range m.papers {
		if f.Match(r) {
			want.Add(o)
			venues[r.Venue]++
		}
	}
	if extra := roaring.AndNot(got, want); !roaring.AndNot(want, got).IsEmpty() || exact && !extra.IsEmpty() {
		return fmt.Errorf("%s keeps %d, exactly: %v; want %d", f, got.GetCardinality(), exact, want.GetCardinality())
	}
	counted, err := v.Facet(ctx, "venue", want, 10)
	if err != nil {
		return err
	}
	for _, c := range counted {
		if venues[c.Value] != c.Papers {
			return fmt.Errorf("%s: %s is counted %d times, want %d", f, c.Value, c.Papers, venues[c.Value])
		}
	}
	ordinals := want.ToArray()
	ordinals = ordinals[:min(len(ordinals), 50)]
	dates, err := v.Dates(ctx, ordinals)
	if err != nil {
		return err
	}
	said, err := v.Venues(ctx, ordinals)
	if err != nil {
		return err
	}
	for i, o := range ordinals {
		if r := m.papers[o]; dates[i] != r.PublishDate || said[i] != r.Venue {
			return fmt.Errorf("paper %d: %v and %s, want %v and %s", o, dates[i], said[i], r.PublishDate, r.Venue)
		}
	}
	if all, err := v.All(ctx); err != nil || int(all.GetCardinality()) != len(m.papers) {
		return errors.Join(err, fmt.Errorf("%d papers, want %d", all.GetCardinality(), len(m.papers)))
	}
	return nil
}

// between is a context that does something whenever it is looked at.
type between struct {
	context.Context
	do func()
}

func (b between) Err() error {
	b.do()
	return b.Context.Err()
}

// Changes go on while a filter is compiled: whatever it asks for, it looks at its
// context without the lock, after a part of its work.
func TestChangesGoOn(t *testing.T) {
	x := NewIndex()
	put := func(o uint32) {
		r := &paper.Record{Ordinal: o, CreateTime: time.Unix(int64(o), 0)}
		r.Venue, r.Authors, r.PublishDate = fmt.Sprint("venue ", o), []paper.Author{{Name: fmt.Sprint("Ada", o)}}, paper.Date{Year: 2000 + int(o%20)}
		x.Upsert(o, r)
	}
	const papers = 3 * batch
	for o := range uint32(papers) {
		put(o)
	}
	for _, text := range []string{`venue = "*7"`, `author:"ada*"`, "date >= 2010", `create_time > 2001 OR venue = "*9"`, `year = 2003 AND author = "*1"`} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		ctx := between{t.Context(), func() {
			put(uint32(looks % papers))
			looks++
		}}
		want, _ := x.Bitmap(f)
		got, _, err := x.now().Bitmap(ctx, f)
		if err != nil || looks == 0 {
			t.Errorf("%s: %v, looked %d times", text, err, looks)
		}
		for o := range uint32(looks - 1) { // now() says that they were not there; the last look is behind all
			want.Remove(o)
		}
		if !got.Equals(want) {
			t.Errorf("%s: %d papers, want %d", text, got.GetCardinality(), want.GetCardinality())
		}
	}
}
