package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"akin/internal/kv"
	"akin/internal/paper"
)

// The digest is stored, and decides whether an import changes anything: it
// must stay what it is.
func TestContentDigestIsStable(t *testing.T) {
	full := fullPaper("arXiv:2112.09118")
	for _, c := range []struct {
		p    paper.Paper
		want string
	}{
		{full, "be6738a10b95a46d80761d805a7659777dfa0460680256aa002ed4d853673b63"},
		{testPaper("a", "b"), "b492d5b6d04a664d7678c57d129c6085cce1502ebb4cefa8c5b3217457bb1625"},
	} {
		if got := ContentDigest(&c.p).String(); got != c.want {
			t.Errorf("digest of %s is %s", c.p.ID, got)
		}
	}
}

func TestContentDigestCoversEveryField(t *testing.T) {
	full := fullPaper("x")
	seen := map[paper.Digest]string{ContentDigest(&full): "nothing"}
	v := reflect.TypeOf(full)
	for i := range v.NumField() {
		p := full.Clone()
		reflect.ValueOf(&p).Elem().Field(i).SetZero()
		d := ContentDigest(&p)
		if other, ok := seen[d]; ok {
			t.Errorf("without %s the digest is that without %s", v.Field(i).Name, other)
		}
		seen[d] = v.Field(i).Name
	}
	empty := testPaper("x", "x")
	nils := ContentDigest(&empty)
	empty.Authors, empty.URLs, empty.Categories = []paper.Author{}, []string{}, []string{}
	empty.ListedDates, empty.Signals, empty.Metadata = []paper.Date{}, map[string]float64{}, map[string]string{}
	if ContentDigest(&empty) != nils {
		t.Error("empty lists and nil ones differ")
	}
}

func drawRecord(t *rapid.T) *paper.Record {
	text := rapid.StringN(0, 20, 60)
	date := rapid.SampledFrom([]paper.Date{{}, {Year: 1}, {Year: 9999, Month: 12, Day: 31}, {Year: 2021, Month: 2}, {Month: 2, Day: 29}})
	r := &paper.Record{Ordinal: rapid.Uint32().Draw(t, "ordinal"), Revision: rapid.Uint64().Draw(t, "revision")}
	r.Paper = paper.Paper{
		ID: text.Draw(t, "id"), Title: text.Draw(t, "title"), Abstract: text.Draw(t, "abstract"),
		Venue: text.Draw(t, "venue"), DOI: text.Draw(t, "doi"), ArxivID: text.Draw(t, "arxiv"), Language: text.Draw(t, "language"),
		PublishDate: date.Draw(t, "published"),
		Signals:     rapid.MapOfN(text, rapid.Float64(), 1, 3).Draw(t, "signals"),
		Metadata:    rapid.MapOfN(text, text, 1, 3).Draw(t, "metadata"),
		Categories:  rapid.SliceOfN(text, 1, 3).Draw(t, "categories"),
		URLs:        rapid.SliceOfN(text, 1, 3).Draw(t, "urls"),
		ListedDates: rapid.SliceOfN(date, 1, 3).Draw(t, "listed"),
		Authors:     []paper.Author{{Name: text.Draw(t, "name"), ORCID: text.Draw(t, "orcid")}},
	}
	if rapid.Bool().Draw(t, "trailed") {
		r.Trail = drawTrail(t)
	}
	r.CreateTime = time.Unix(0, rapid.Int64().Draw(t, "created")).UTC()
	r.UpdateTime = time.Unix(0, rapid.Int64().Draw(t, "updated")).UTC()
	r.EmbedDigest = paper.EmbedDigest(r.Title, r.Abstract)
	r.ContentDigest = ContentDigest(&r.Paper)
	r.TokenCount = int(rapid.Uint16().Draw(t, "tokens"))
	r.Truncated = rapid.Bool().Draw(t, "truncated")
	return r
}

func drawTrail(t *rapid.T) *paper.Trail {
	seen := rapid.Custom(func(t *rapid.T) paper.Sighting {
		return paper.Sighting{Minute: rapid.Int64().Draw(t, "minute"), Value: rapid.Float64().Draw(t, "value")}
	})
	trail := &paper.Trail{Listed: []paper.Date{{Year: 2026, Month: 3, Day: 17}}}
	for i := range rapid.IntRange(0, 3).Draw(t, "names") {
		name := string(rune('a'+i)) + rapid.StringN(0, 5, 20).Draw(t, "signal")
		trail.Signals = append(trail.Signals, paper.SignalTrail{Name: name, Seen: rapid.SliceOfN(seen, 1, 3).Draw(t, "seen")})
	}
	return trail
}

// A value says by its version whether there is a trail in it, so that a program that
// knows of none refuses it by name; without a trail, values are as they always were.
func TestRecordVersions(t *testing.T) {
	key := recordKey(1, 2)
	plain := &paper.Record{Ordinal: 2, Revision: 1, CreateTime: time.Unix(1, 2).UTC(), UpdateTime: time.Unix(3, 4).UTC(), Paper: fullPaper("x")}
	trailed := *plain
	trailed.Trail = paper.NextTrail(nil, &plain.Paper, time.Unix(60, 0))
	for _, r := range []*paper.Record{plain, &trailed} {
		value, _, err := sealRecord(key, r, encodePaper(&r.Paper))
		if err != nil {
			t.Fatal(err)
		}
		if got := must(decodeRecordEntry(key, value))(t); !reflect.DeepEqual(got.Trail, r.Trail) {
			t.Errorf("the trail is %v, was %v", got.Trail, r.Trail)
		}
		if _, err := kv.Unseal(key, value); (err == nil) != (r.Trail == nil) {
			t.Errorf("read as version 1: %v", err)
		}
		for _, version := range []byte{0, 1, 2, 3} {
			payload := must(encodeRecord(r, encodePaper(&r.Paper)))(t)
			_, err := decodeRecordEntry(key, kv.SealVersion(key, version, payload))
			if fits := version == 1 && r.Trail == nil || version == 2 && r.Trail != nil; (err == nil) != fits {
				t.Errorf("as version %d: %v", version, err)
			}
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		b := must(encodeRecord(r, encodePaper(&r.Paper)))(t)
		got := must(decodeRecord(b, r.Ordinal))(t)
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v\nwant %+v", got, r)
		}
		if again := must(encodeRecord(got, encodePaper(&got.Paper)))(t); !bytes.Equal(b, again) {
			t.Fatalf("encoded again: %x\nwas %x", again, b)
		}
	})
}

// Whatever is stored, decoding gives an error or a record that can be encoded.
func FuzzDecodeRecord(f *testing.F) {
	for _, p := range []paper.Paper{fullPaper("x"), testPaper("a", "b"), {}} {
		b, err := encodeRecord(&paper.Record{Paper: p, Revision: 1, CreateTime: time.Unix(1, 2), UpdateTime: time.Unix(3, 4)}, encodePaper(&p))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	trailed := &paper.Record{Paper: fullPaper("x"), Revision: 1, CreateTime: time.Unix(1, 2), UpdateTime: time.Unix(3, 4)}
	trailed.Trail = paper.NextTrail(nil, &trailed.Paper, time.Unix(60, 0))
	b, err := encodeRecord(trailed, encodePaper(&trailed.Paper))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0xa1, 0x01, 0xbf, 0xff})                               // indefinite length
	f.Add([]byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) // very long list
	f.Add(bytes.Repeat([]byte{0xa1, 0x01}, 100))                        // deep
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b, 7)
		if err != nil {
			return
		}
		again, err := encodeRecord(r, encodePaper(&r.Paper))
		if err != nil {
			t.Fatal(err)
		}
		second, err := decodeRecord(again, 7)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		if third, err := encodeRecord(second, encodePaper(&second.Paper)); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("encoding is not stable: %x, then %x, %v", again, third, err)
		}
	})
}

// A sealed value is only good for its key, and no bit of it may change.
func FuzzUnseal(f *testing.F) {
	key := recordKey(1, 2)
	f.Add(kv.Seal(key, []byte("payload")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		payload, err := unseal(key, value)
		if err == nil && !bytes.Equal(kv.Seal(key, payload), value) {
			t.Fatalf("%x passes, but is not what seals %x", value, payload)
		}
		if _, err := unseal(recordKey(1, 3), kv.Seal(key, value)); err == nil {
			t.Fatal("the value of another key passes")
		}
	})
}

func TestKeysSortAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, o, sp := rapid.Uint32().Draw(t, "c"), rapid.Uint32().Draw(t, "o"), rapid.Uint32().Draw(t, "sp")
		seq, kind := rapid.Uint64().Draw(t, "seq"), rapid.Byte().Draw(t, "kind")
		id := rapid.StringN(1, 20, 60).Draw(t, "id")
		if got, ok := idOf(idKey(c, id)); !ok || got != id {
			t.Fatalf("id %q", got)
		}
		if got, ok := ordinalOf(recordKey(c, o)); !ok || got != o {
			t.Fatalf("ordinal %d", got)
		}
		if got, ok := sequenceOf(changeKey(c, seq)); !ok || got != seq {
			t.Fatalf("sequence %d", got)
		}
		if s, got, k, ok := vectorOf(vectorKey(c, sp, o, kind)); !ok || s != sp || got != o || k != kind {
			t.Fatalf("vector %d %d %d", s, got, k)
		}
		if p := rapid.Uint32().Draw(t, "p"); o < p != (bytes.Compare(recordKey(c, o), recordKey(c, p)) < 0) {
			t.Fatalf("keys of %d and %d are out of order", o, p)
		}
		for _, key := range [][]byte{idKey(c, id), recordKey(c, o), changeKey(c, seq), vectorKey(c, sp, o, kind), collectionKey(id), {}, {prefixVector}, {0xff}} {
			describeKey(key)
			if len(key) >= collectionKeyBytes && collectionOf(key) == c {
				prefix := under(key[0], c)
				if bytes.Compare(key, prefix) < 0 || bytes.Compare(key, kv.After(prefix)) >= 0 {
					t.Fatalf("%x is not under %x", key, prefix)
				}
			}
		}
	})
}

// The short way to read an ordinal reads what the decoder reads, and refuses what it
// refuses.
func TestUnsealOrdinal(t *testing.T) {
	key := idKey(3, "a paper")
	for _, n := range []uint32{0, 1, 23, 24, 255, 256, 65_535, 65_536, math.MaxUint32} {
		value := must(kv.SealCBOR(key, n))(t)
		if got := must(unsealOrdinal(key, value))(t); got != n {
			t.Errorf("%d is read as %d", n, got)
		}
	}
	for _, payload := range [][]byte{nil, {24}, {25, 1}, {26, 1, 2, 3}, {26, 1, 2, 3, 4, 5}, {27, 0, 0, 0, 1, 0, 0, 0, 0}, {0x20}, {0x60}, {0xf6, 0}, {1, 1}} {
		if got, err := unsealOrdinal(key, kv.Seal(key, payload)); paper.KindOf(err) != paper.DataLoss {
			t.Errorf("% x is read as %d, %v", payload, got, err)
		}
		var n uint32
		if err := unsealCBOR(key, kv.Seal(key, payload), &n); err == nil {
			t.Errorf("% x is what the decoder takes", payload)
		}
	}
	if _, err := unsealOrdinal(key, []byte{1, 2}); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("a value that is cut off: %v", err)
	}
}

func TestEachID(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	want := map[string]uint32{}
	for i := range 300 {
		id := fmt.Sprintf("p%03d", i)
		want[id] = apply(t, s, upsert(testPaper(id, id)))[0].Record.Ordinal
	}
	apply(t, s, remove("p007"))
	delete(want, "p007")
	sn := must(s.Snapshot(papers))(t)
	defer sn.Close()
	apply(t, s, remove("p008")) // later than the snapshot
	last := ""
	err := sn.EachID(t.Context(), func(id []byte, ordinal uint32) error {
		if ordinal != want[string(id)] || string(id) <= last {
			t.Errorf("%q after %q is %d, want %d", id, last, ordinal, want[string(id)])
		}
		last = string(id)
		delete(want, last)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%v; %d ids are missing", err, len(want))
	}
	stop := errors.New("stop")
	if err := sn.EachID(t.Context(), func([]byte, uint32) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("its end: %v", err)
	}
}
