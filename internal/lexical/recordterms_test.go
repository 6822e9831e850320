package lexical

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// plainTerms are the terms of a record by tokens.
func plainTerms(raw []byte, last field) (ids []uint32, titles int) {
	for t := readUntil(raw, last); t.next(); {
		ids = append(ids, t.id)
		if t.field == fieldTitle {
			titles++
		}
	}
	return ids, titles
}

// TestRecordTermsAreThoseOfTokens reads records of terms and steps of all sizes, whole and
// cut short, in both ways.
func TestRecordTermsAreThoseOfTokens(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	var y recordTerms
	read := 0
	for range 3000 {
		var tokens []token
		for f := fieldTitle; f < fields; f++ {
			position := -1
			for range random.IntN(40) {
				position += random.IntN(3)
				if random.IntN(5) == 0 {
					position += 1 << random.IntN(30)
				}
				tokens = append(tokens, token{id: random.Uint32() >> random.IntN(32), field: f, position: position})
			}
		}
		raw := appendRecord(nil, tokens)
		for _, last := range []field{fieldTitle, fieldAbstract, fieldID, fieldAbstractStops} {
			y.read(raw, last)
			ids, titles := plainTerms(raw, last)
			if !slices.Equal(y.ids, ids) || y.titles != titles {
				t.Fatalf("%x has %d terms up to field %d, %d of the title, %v; not %d, %d, %v", raw, len(y.ids), last, y.titles, y.ids, len(ids), titles, ids)
			}
			read += len(ids)
		}
		cut := raw[:random.IntN(len(raw))] // which must not panic, and gives nothing that is not there
		ids, _ := plainTerms(raw, fieldAbstract)
		if y.read(cut, fieldAbstract); len(y.ids) > len(ids) {
			t.Fatalf("%x has %d terms, of %d", cut, len(y.ids), len(ids))
		}
	}
	if read < 100_000 {
		t.Errorf("%d terms were read: that compares little", read)
	}
}

func BenchmarkReadRecord(b *testing.B) {
	random := rand.New(rand.NewPCG(3, 9))
	x, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	if err := x.Upsert(1, zipf(random, 40_000, 9), zipf(random, 40_000, 160), nil); err != nil {
		b.Fatal(err)
	}
	v := x.View()
	found, err := v.look(b.Context(), []uint32{1})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("terms", func(b *testing.B) {
		var y recordTerms
		for b.Loop() {
			y.read(found[0].record, fieldAbstract)
		}
	})
	b.Run("tokens", func(b *testing.B) {
		n := 0
		for b.Loop() {
			for t := readUntil(found[0].record, fieldAbstract); t.next(); {
				n++
			}
		}
	})
}
