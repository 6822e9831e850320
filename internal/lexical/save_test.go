package lexical

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"akin/internal/paper"
)

// busy makes an index with several segments and dead papers in them.
func busy(t testing.TB, papers int) *Index {
	x := fill(t, nil, Options{SegmentPapers: papers / 3})
	random := rand.New(rand.NewPCG(1, 1))
	for i := range papers {
		ids := []string{fmt.Sprint("p", i)}
		if err := x.Upsert(uint32(i), zipf(random, 500, 5), zipf(random, 500, 40), ids); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < papers; i += 9 {
		if _, err := x.Delete(uint32(i)); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func TestSaveAndOpen(t *testing.T) {
	x, dir := busy(t, 1200), t.TempDir()
	if err := x.Save(dir, "42"); err != nil {
		t.Fatal(err)
	}
	first := files(t, dir)
	y, stamp, err := Open(dir, Options{})
	if err != nil || stamp != "42" {
		t.Fatal(stamp, err)
	}
	defer y.Close()
	compareIndexes(t, x, y)
	for _, z := range []*Index{x, y} { // both go on alike
		_ = z.Upsert(5000, "w3 zebra crossings", "w1", nil)
		_, _ = z.Delete(4)
	}
	compareIndexes(t, x, y)
	if err := y.Save(dir, "43"); err != nil {
		t.Fatal(err)
	}
	second := files(t, dir)
	kept := 0
	for _, name := range second {
		if slices.Contains(first, name) {
			kept++
		}
	}
	if kept < 4 { // three segments and the manifest
		t.Errorf("first %v, then %v: segments were written again", first, second)
	}
	z, stamp, err := Open(dir, Options{})
	if err != nil || stamp != "43" {
		t.Fatal(stamp, err)
	}
	defer z.Close()
	compareIndexes(t, x, z)
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func compareIndexes(t *testing.T, x, y *Index) {
	t.Helper()
	if x.Len() != y.Len() || x.length != y.length || !reflect.DeepEqual(known(x), known(y)) {
		t.Fatalf("%d papers became %d, or other statistics changed", x.Len(), y.Len())
	}
	for _, text := range []string{"w1 w2 w3 w200", `"w1 w2" w7 -w9`, "w4* zebra", "p17"} {
		q := Query{Text: text, K: 20}
		a, err1 := x.Search(t.Context(), q)
		b, err2 := y.Search(t.Context(), q)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%q: %v became %v (%v, %v)", text, a, b, err1, err2)
		}
	}
}

// known are the terms of live papers, with their frequencies and what is shown
// for them; a saved index forgets the others.
func known(x *Index) map[string]string {
	out := map[string]string{}
	for id := range uint32(x.lexicon.len()) {
		if df := x.lexicon.df.at(id); df > 0 {
			out[x.lexicon.stems.at(id)] = fmt.Sprint(df, " ", x.lexicon.name(id))
		}
	}
	return out
}

func TestOpenRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	if err := busy(t, 300).Save(dir, "1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(3, 3))
		for i := range 60 {
			bad := slices.Clone(whole)
			switch {
			case i < 40:
				at := random.IntN(len(bad))
				if i < 24 {
					at = i
				}
				bad[at] ^= 1 << random.IntN(8)
			case i < 50:
				bad = bad[:random.IntN(len(bad))]
			default:
				bad = append(bad, byte(i))
			}
			refused(t, dir, path, bad, fmt.Sprintf("%s, damage %d", name, i))
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if x, _, err := Open(dir, Options{}); err != nil {
		t.Fatal("the undamaged files are refused:", err)
	} else {
		x.Close()
	}
}

func refused(t *testing.T, dir, path string, bad []byte, what string) {
	t.Helper()
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	x, _, err := Open(dir, Options{})
	if err == nil {
		x.Close()
	}
	var e *paper.Error
	if !errors.As(err, &e) || e.Kind != paper.DataLoss || e.Reason != paper.ReasonCorrupt {
		t.Errorf("%s: got %v", what, err)
	}
}

// A record that is called sound is read to its end by those who trust it, whatever its
// bytes are; and those that are written are sound.
func TestSoundRecord(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	sound, damaged := 0, 0
	for range 20_000 {
		const terms = 70_000
		var tokens []token
		for f := range fields {
			at := -1
			for range random.IntN(4) {
				at += random.IntN(4)
				if random.IntN(9) == 0 {
					at += random.IntN(1 << 20)
				}
				at = max(at, 0)
				tokens = append(tokens, token{id: uint32(random.IntN(1 << random.IntN(17))), field: f, position: at})
			}
		}
		raw := appendRecord(nil, tokens)
		if !soundRecord(raw, terms) {
			t.Fatalf("the record of %v is refused", tokens)
		}
		if soundRecord(append(slices.Clone(raw), 0), terms) || len(tokens) > 0 && soundRecord(raw[:len(raw)-1], terms) {
			t.Fatalf("a record of %v that is longer or shorter is taken", tokens)
		}
		for range 1 + random.IntN(3) {
			raw[random.IntN(len(raw))] ^= 1 << random.IntN(8)
		}
		if !soundRecord(raw, terms) {
			damaged++
			continue
		}
		sound++
		reader, read := readUntil(raw, fields-1), uint64(0)
		expected := uint64(0)
		for _, n := range reader.counts {
			expected += n
		}
		for reader.next() {
			read++
			if reader.field < fieldTitleStops && reader.id >= terms {
				t.Fatalf("term %d of %d in a record that is taken", reader.id, terms)
			}
		}
		if read != expected || len(reader.raw) > 0 {
			t.Fatalf("of a record that is taken, %d of %d tokens are read, and %d bytes are left", read, expected, len(reader.raw))
		}
	}
	if sound == 0 || damaged == 0 {
		t.Errorf("%d harmed records were sound, %d were not", sound, damaged)
	}
}

// Each names the papers that are there, and no others.
func TestEach(t *testing.T) {
	x := busy(t, 900)
	if _, err := x.Delete(899); err != nil { // in what still grows
		t.Fatal(err)
	}
	if err := x.Upsert(5, "another title", "", nil); err != nil { // in two places, once alive
		t.Fatal(err)
	}
	seen := make(map[uint32]int)
	x.Each(func(ordinal uint32) { seen[ordinal]++ })
	for ordinal := range uint32(900) {
		want := 0
		if x.Has(ordinal) {
			want = 1
		}
		if seen[ordinal] != want {
			t.Fatalf("paper %d is named %d times, want %d", ordinal, seen[ordinal], want)
		}
	}
	if len(seen) != x.Len() {
		t.Errorf("%d papers are named, %d are there", len(seen), x.Len())
	}
}

func TestOpenWithoutFiles(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Open(dir, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory gives %v", err)
	}
	if err := busy(t, 30).Save(dir, "1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		if name != manifestFile {
			_ = os.Remove(filepath.Join(dir, name))
		}
	}
	if _, _, err := Open(dir, Options{}); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("missing files give %v", err)
	}
}

// TestFixture reads files that version 2 wrote, and sees to it that they would
// be written so again. AKIN_UPDATE=1 writes them anew. Files of version 1 are
// refused, so that the index is built anew.
func TestFixture(t *testing.T) {
	x := fill(t, []abstract{
		{"arXiv:2112.09118", "Unsupervised dense retrieval", "Pre-training with contrastive learning."},
		{"gone", "A paper that is deleted", "Nothing of it is found."},
		{"title:00ff", "信息检索", `Erd\H{o}s and the $\alpha$-synuclein of retrieval`},
	}, Options{SegmentPapers: 3})
	written := map[string][]byte{"terms.lex": x.lexicon.encode(), "segment.lex": x.segments[0].encode()}
	y := blank(Options{}.withDefaults())
	for _, name := range []string{"terms.lex", "segment.lex"} {
		path := filepath.Join("testdata", "v2", name)
		if os.Getenv("AKIN_UPDATE") != "" {
			if err := os.WriteFile(path, written[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(raw, written[name]) {
			t.Errorf("%s would be written differently today: is it a new version, or a new analysis?", name)
		}
		if name == "terms.lex" {
			y.lexicon, err = decodeLexicon(name, raw)
		} else {
			err = y.attach(savedSegment{gaps: []uint64{1}}, raw, "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"terms.lex", "segment.lex"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "v1", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unframe(name, name[0]-'a'+'A', raw); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "has version 1") {
			t.Errorf("a %s of version 1 gives %v", name, err)
		}
	}
	for query, want := range map[string][]uint32{"pretraining": {0}, `"of it is"`: {}, `"and the"`: {2}, "检索": {2}, "synuclein erdos": {2}, "deleted": {}, "2112.09118": {0}} {
		if got := search(t, y, query); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
	}
}

// TestHolds: what an index says about a paper's text is true before and after it is
// saved, and nothing else is taken for it.
func TestHolds(t *testing.T) {
	type entry struct {
		title, abstract string
		ids             []string
	}
	papers := map[uint32]entry{
		3: {"Unsupervised dense retrieval", "Pre-training with contrastive learning.", []string{"arXiv:2112.09118", "10.1000/x"}},
		4: {"信息检索", `Erd\H{o}s and the $\alpha$-synuclein of retrieval; retrieved, retrieving`, []string{"a"}},
		9: {"", "", nil},
		7: {"A paper that goes", "zebra", []string{"b"}},
	}
	x := fill(t, nil, Options{SegmentPapers: 2})
	for ordinal, p := range papers {
		if err := x.Upsert(ordinal, p.title, p.abstract, p.ids); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.Delete(7); err != nil {
		t.Fatal(err)
	}
	check := func(x *Index) {
		t.Helper()
		for ordinal, p := range papers {
			live := ordinal != 7
			if x.Has(ordinal) != live || x.Holds(ordinal, p.title, p.abstract, p.ids) != live {
				t.Errorf("%d: Has %v, Holds %v", ordinal, x.Has(ordinal), x.Holds(ordinal, p.title, p.abstract, p.ids))
			}
			if !live {
				continue
			}
			for _, other := range []entry{
				{p.title + " zebra", p.abstract, p.ids},
				{p.title, "unheard " + p.abstract, p.ids},
				{p.title, p.abstract, append(slices.Clone(p.ids), "c")},
			} {
				if x.Holds(ordinal, other.title, other.abstract, other.ids) {
					t.Errorf("%d is taken for %q", ordinal, other)
				}
			}
		}
		if x.Has(5) || x.Holds(5, "zebra", "", nil) {
			t.Error("a paper that never was is there")
		}
	}
	check(x)
	dir := t.TempDir()
	if err := x.Save(dir, ""); err != nil {
		t.Fatal(err)
	}
	y, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	check(y)
}

// TestOldAnalysis: an index whose terms another analysis made is refused whole, so that
// it is built anew: analysis 2 took Thai apart at vowel signs, analysis 3 told British and
// American spelling apart, and analysis 4 knew no star of RRT*.
func TestOldAnalysis(t *testing.T) {
	for _, old := range []string{"2", "3", "4"} {
		dir, name := filepath.Join("testdata", "analysis"+old), `"analysis `+old+","
		if _, err := ReadStamp(dir); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), name) {
			t.Errorf("the stamp of analysis %s: %v", old, err)
		}
		if _, _, err := Open(dir, Options{}); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), name) {
			t.Errorf("analysis %s: %v", old, err)
		}
	}
}

// TestOldManifest: the manifest of version 1 is refused by name.
func TestOldManifest(t *testing.T) {
	if _, err := ReadStamp(filepath.Join("testdata", "v1")); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "version 1;") {
		t.Errorf("the stamp of version 1: %v", err)
	}
	if _, _, err := Open(filepath.Join("testdata", "v1"), Options{}); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), "version 1;") {
		t.Errorf("version 1: %v", err)
	}
}

// TestFilesOfAnother: a file that is whole but not the one that was saved under its
// name is refused, as is anything that is not a file.
func TestFilesOfAnother(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if err := busy(t, 300).Save(dir, "here"); err != nil {
		t.Fatal(err)
	}
	if err := busy(t, 330).Save(other, "there"); err != nil {
		t.Fatal(err)
	}
	theirs := files(t, other)
	for i, name := range files(t, dir) {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(other, theirs[i]))
		if err != nil {
			t.Fatal(err)
		}
		refused(t, dir, path, raw, name+" of another index")
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(dir, Options{}); paper.KindOf(err) != paper.DataLoss {
			t.Errorf("%s is a directory: %v", name, err)
		}
		if err := errors.Join(os.Remove(path), os.WriteFile(path, whole, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if stamp, err := ReadStamp(dir); err != nil || stamp != "here" {
		t.Errorf("%q, %v", stamp, err)
	}
	if _, _, err := Open(filepath.Join(dir, manifestFile), Options{}); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("a file in place of the directory: %v", err)
	}
	if err := busy(t, 30).Save(dir, strings.Repeat("x", 1025)); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a stamp that is too long: %v", err)
	}
}

// FuzzOpen reads damaged files whose checksums are right: whatever is accepted
// can be searched.
func FuzzOpen(f *testing.F) {
	x := busy(f, 400)
	if err := x.Compact(); err != nil {
		f.Fatal(err)
	}
	segment, lexicon := x.segments[0].encode(), x.lexicon.encode()
	manifest := encodeManifest("1", []savedFile{{"terms-0.lex", 1}, {"segment-0.lex", 2}}, x.segments)
	for at := range 200 {
		f.Add(byte(at%3), uint32(at*37), byte(1<<(at%8)))
	}
	good, err := decodeLexicon("terms", lexicon)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which byte, at uint32, flip byte) {
		raw := slices.Clone([][]byte{segment, lexicon, manifest}[which%3])
		body := raw[headLen : len(raw)-checksumLen]
		body[int(at)%len(body)] ^= flip
		end := len(raw) - checksumLen
		binary.LittleEndian.PutUint32(raw[end:], castagnoli(raw[:end]))
		switch which % 3 {
		case 1:
			_, _ = decodeLexicon("terms", raw)
			return
		case 2:
			_, _ = decodeManifest(raw)
			return
		}
		y := blank(Options{}.withDefaults())
		copied := *good
		copied.df = counts{}
		copied.df.grow(good.df.n)
		y.lexicon = &copied
		if err := y.attach(savedSegment{savedFile: savedFile{name: "segment"}}, raw, ""); err != nil {
			return
		}
		for _, text := range []string{"w1 w2 w3 w77 w100*", `"w1 w2" -w9`} {
			if _, err := y.Search(t.Context(), Query{Text: text, K: 10}); err != nil {
				t.Fatal(err)
			}
		}
		for _, ordinal := range y.segments[0].ordinals[:3] {
			_, _ = y.Vector(ordinal)
		}
	})
}

// Purge leaves no dead paper in any segment, and what is found as it was.
func TestPurge(t *testing.T) {
	x, dir := busy(t, 1200), t.TempDir()
	if err := x.Save(dir, "1"); err != nil {
		t.Fatal(err)
	}
	y, _, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if err := x.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range x.segments {
		if s := &x.segments[i]; s.dead.n > 0 {
			t.Errorf("segment %d has %d dead papers", i, s.dead.n)
		}
	}
	compareIndexes(t, x, y)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if err := x.Purge(t.Context()); paper.KindOf(err) != paper.Unavailable {
		t.Errorf("closed: %v", err)
	}
}

// Purge ends though papers change all the time.
func TestPurgeUnderChanges(t *testing.T) {
	x := busy(t, 1200)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := uint32(1); ; i = i%500 + 1 {
			select {
			case <-stop:
				return
			default:
				_ = x.Upsert(i, "w1 changed", "w2", nil)
			}
		}
	}()
	for range 5 {
		if err := x.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-stopped
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Delete(1000); err != nil {
		t.Fatal(err)
	}
	if err := x.Purge(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
