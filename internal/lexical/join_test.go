package lexical

import (
	"reflect"
	"testing"
)

// Segments that follow each other are joined to just what is built anew of them; others
// are not.
func TestJoinsInTurn(t *testing.T) {
	papers := abstracts(t, 600)
	x, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	segmentOf := func(from, to int) *segment {
		var ordinals []uint32
		var prepared []*Prepared
		for i := from; i < to; i++ {
			p := papers[i]
			ordinals, prepared = append(ordinals, uint32(i)), append(prepared, x.Prepare(p.Title, p.Abstract, []string{p.ID}))
		}
		x.write.Lock()
		defer x.write.Unlock()
		return x.bulk(ordinals, prepared)
	}
	a, b, c := segmentOf(0, 320), segmentOf(320, 321), segmentOf(321, 600)
	of := func(s *segment) source { return source{docs: &s.docs} }
	sources := []source{of(c), of(a), of(b)}
	got, want := inTurn([]*segment{c, a, b}, sources), build(sources, len(x.lexicon.terms))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("joined: %d terms, %d bytes of postings; built: %d, %d", len(got.terms), len(got.postings), len(want.terms), len(want.postings))
	}
	if overlapping := segmentOf(310, 400); inTurn([]*segment{a, overlapping}, []source{of(a), of(overlapping)}) != nil {
		t.Error("segments whose ordinals overlap were joined")
	}
	var dead bitset
	if inTurn([]*segment{a, c}, []source{of(a), {docs: &c.docs, dead: dead.with(3)}}) != nil {
		t.Error("a dead paper was taken along")
	}
}
