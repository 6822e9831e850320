package lexical

import (
	"reflect"
	"testing"
)

// Segments are joined to just what is built anew of their papers, whether their papers
// follow each other or lie between each other, and without the dead.
func TestJoinIsBuild(t *testing.T) {
	papers := abstracts(t, 900)
	x, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	segmentOf := func(from, to, step int) *segment {
		var ordinals []uint32
		var prepared []*Prepared
		for i := from; i < to; i += step {
			p := papers[i]
			ordinals, prepared = append(ordinals, uint32(i)), append(prepared, x.Prepare(p.Title, p.Abstract, []string{p.ID}))
		}
		x.write.Lock()
		defer x.write.Unlock()
		return x.bulk(ordinals, prepared)
	}
	early, one, odd, even := segmentOf(0, 320, 1), segmentOf(320, 321, 1), segmentOf(321, 900, 2), segmentOf(322, 900, 2)
	var some, all bitset
	for local := range uint32(early.len()) {
		if all = all.with(local); local%3 == 0 {
			some = some.with(local)
		}
	}
	for name, c := range map[string]struct {
		segments []*segment
		dead     bitset // of the first
	}{
		"one behind the other": {[]*segment{odd, early, one}, bitset{}},
		"between each other":   {[]*segment{even, one, odd, early}, bitset{}},
		"some dead":            {[]*segment{early, odd, even}, some},
		"one alone":            {[]*segment{early}, some},
		"all dead":             {[]*segment{early}, all},
	} {
		var sources []source
		for i, s := range c.segments {
			sources = append(sources, source{docs: &s.docs})
			if i == 0 {
				sources[0].dead = c.dead
			}
		}
		got, want := join(c.segments, sources), build(sources, x.lexicon.len())
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: joined %d papers, %d terms, %d bytes; built %d, %d, %d", name,
				got.len(), len(got.terms), len(got.postings), want.len(), len(want.terms), len(want.postings))
		}
	}
}
