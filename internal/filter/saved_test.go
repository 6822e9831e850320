package filter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"akin/internal/paper"
)

// An index that was saved and read answers, changes and is emptied as the one that it
// was made of.
func TestSaved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, held := NewIndex(), map[uint32]*paper.Record{}
		change := func(x *Index, held map[uint32]*paper.Record) {
			for range rapid.IntRange(0, 40).Draw(t, "changes") {
				ordinal := rapid.Uint32Range(0, 50).Draw(t, "ordinal") * 700 // some pages
				if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
					x.Delete(ordinal)
					delete(held, ordinal)
				} else {
					r := drawRecord(t)
					x.Upsert(ordinal, r)
					held[ordinal] = r
				}
			}
		}
		change(x, held)
		raw, err := x.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		y, err := ReadIndex(raw)
		if err != nil {
			t.Fatal(err)
		}
		clear(raw) // it keeps no reference
		for range 3 {
			compare(t, y, held, drawFilter(t, 2))
		}
		change(y, held)
		for range 3 {
			compare(t, y, held, drawFilter(t, 2))
		}
		holdsAll(t, y, held)
		audit(t, y)
	})
}

// What is no saved index is refused, whatever it is.
func TestSavedHostile(t *testing.T) {
	x := NewIndex()
	for i := range uint32(300) {
		x.Upsert(i*31, &paper.Record{Paper: paper.Paper{
			Title: "t", Venue: "ICML", Authors: []paper.Author{{Name: fmt.Sprintf("Ada %d Lovelace", i%97)}},
			Signals: map[string]float64{"votes": float64(i)}, Metadata: map[string]string{"pages": fmt.Sprint(i % 3)},
		}})
	}
	good, err := x.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	try := func(raw []byte) {
		y, err := ReadIndex(raw)
		if err != nil {
			return
		}
		// Who keeps the bytes has a checksum around them: what is read all the same must not
		// crash, nor run for ever.
		y.Upsert(5, &paper.Record{Paper: paper.Paper{Title: "t", Venue: "icml", Authors: []paper.Author{{Name: "Ada 5"}}}})
		f, _ := Parse(`author:"Ada" OR votes > 5`)
		_, _, _ = y.ViewAt(y.Version(), nil).Bitmap(t.Context(), f)
	}
	for n := range len(good) {
		if n%53 == 0 {
			if _, err := ReadIndex(good[:n]); err == nil {
				t.Fatalf("%d of %d bytes were read", n, len(good))
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		raw := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			raw[random.IntN(len(raw))] = byte(random.UintN(256))
		}
		try(raw)
	}
	if _, err := ReadIndex(append(bytes.Clone(good), 0)); err == nil {
		t.Fatal("bytes behind the end were let pass")
	}
}
