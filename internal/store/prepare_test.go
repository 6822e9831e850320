package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/kv"
	"akin/internal/paper"
)

// A record is the CBOR of storedRecord, although its paper is encoded before it.
func TestEncodedBeforehand(t *testing.T) {
	for _, p := range []paper.Paper{fullPaper("x"), testPaper("a", "b"), {}} {
		r := &paper.Record{Paper: p, Revision: 3, CreateTime: time.Unix(1, 2), UpdateTime: time.Unix(3, 4), TokenCount: 300, Truncated: true}
		r.Trail = paper.NextTrail(nil, &r.Paper, time.Unix(60, 0))
		want := must(kv.Encode(storedRecord{Paper: packPaper(&p), storedRest: storedRest{
			Revision: 3, Created: r.CreateTime.UnixNano(), Updated: r.UpdateTime.UnixNano(), Embed: r.EmbedDigest[:], Content: r.ContentDigest[:],
			TokenCount: 300, Truncated: true, Trail: packTrail(r.Trail),
		}}))(t)
		if got := must(encodeRecord(r, encodePaper(&p)))(t); !bytes.Equal(got, want) {
			t.Errorf("%q: %x, want %x", p.ID, got, want)
		}
	}
}

// What is prepared beforehand is what Apply makes by itself. What was prepared of another
// paper does not count, and the caller may change what it gave.
func TestPrepared(t *testing.T) {
	with, without := openMem(t, vfs.NewMem()), openMem(t, vfs.NewMem())
	var prepared, plain []Mutation
	for _, p := range []paper.Paper{fullPaper("full"), testPaper("a", "ants"), testPaper("b", "bees"), testPaper("a", "more ants"), fullPaper("full")} {
		plain = append(plain, upsert(p))
		m := upsert(p.Clone())
		m.Upsert.Prepared = Prepare(&m.Upsert.Paper)
		prepared = append(prepared, m)
	}
	other := testPaper("b", "wasps")
	prepared[2].Upsert.Prepared = Prepare(&other)
	got, want := apply(t, with, prepared...), apply(t, without, plain...)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("prepared: %+v, want %+v", got, want)
	}
	prepared[0].Upsert.Paper.Authors[0].Name = "Somebody else"
	if got[0].Record.Authors[0].Name != "Ada Lovelace" {
		t.Error("the record changed with the caller's paper")
	}
	for _, id := range []string{"full", "a", "b"} {
		got, want := must(with.Get(t.Context(), papers, id))(t), must(without.Get(t.Context(), papers, id))(t)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %+v, want %+v", id, got, want)
		}
	}
	verified(t, with)
}

// What is not valid is not prepared, and Apply says what is wrong.
func TestPrepareInvalid(t *testing.T) {
	p := testPaper("", "nothing")
	if Prepare(&p) != nil {
		t.Error("a paper without an id was prepared")
	}
	s := openMem(t, vfs.NewMem())
	m := upsert(p)
	m.Upsert.Prepared = Prepare(&p)
	if _, err := s.Apply(t.Context(), papers, []Mutation{m}); paper.KindOf(err) != paper.Invalid {
		t.Errorf("it was taken: %v", err)
	}
}
