package store

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"akin/internal/kv"
	"akin/internal/paper"
)

func isDamage(err error) bool {
	var e *paper.Error
	return errors.As(err, &e) && e.Kind == paper.DataLoss && e.Reason == paper.ReasonCorrupt
}

// rewrite changes the value of a key behind the store's back; nil deletes it.
func rewrite(t *testing.T, s *Store, key []byte, change func(value []byte) []byte) {
	t.Helper()
	var changed []byte
	found, err := s.current.snap.Lookup(key, func(value []byte) error {
		changed = change(bytes.Clone(value))
		return nil
	})
	if err != nil || !found {
		t.Fatalf("key %x: found %v, %v", key, found, err)
	}
	behind(t, s, func(b *kv.Batch) error {
		if changed == nil {
			return b.Delete(key)
		}
		return b.Set(key, changed)
	})
}

// behind writes to the database behind the store's back.
func behind(t *testing.T, s *Store, write func(*kv.Batch) error) {
	t.Helper()
	end := must(s.db.Begin(context.Background()))(t)
	defer end()
	batch := s.db.NewBatch()
	if err := errors.Join(write(batch), s.commit(batch, s.current.collections)); err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(v []byte) []byte {
		v[(at+len(v))%len(v)] ^= 0x10
		return v
	}
}

func TestDamagedValues(t *testing.T) {
	ctx := context.Background()
	get := func(s *Store) error { _, err := s.Get(ctx, papers, "b"); return err }
	vector := func(s *Store) error { _, err := s.Vector(ctx, papers, 1); return err }
	changes := func(s *Store) (err error) {
		for _, err = range s.Changes(ctx, papers, 0) {
		}
		return err
	}
	drop := func([]byte) []byte { return nil }
	const c = 1 // the id of the first collection
	cases := []struct {
		name   string
		key    []byte
		change func([]byte) []byte
		read   func(*Store) error // nil where only Verify can tell
		says   string
	}{
		{"record, first byte", recordKey(c, 1), flip(0), get, "ordinal 1"},
		{"record, inside", recordKey(c, 1), flip(40), get, "ordinal 1"},
		{"record, last byte", recordKey(c, 1), flip(-1), get, "ordinal 1"},
		{"record cut", recordKey(c, 1), func(v []byte) []byte { return v[:3] }, get, "ordinal 1"},
		{"record empty", recordKey(c, 1), func(v []byte) []byte { return []byte{} }, get, "ordinal 1"},
		{"record of a newer version", recordKey(c, 1), func(v []byte) []byte {
			v[0] = 9
			return append(v[:len(v)-4], kv.Seal(recordKey(c, 1), v[1:len(v)-4])[len(v)-4:]...)
		}, get, "ordinal 1"},
		{"record that is not CBOR", recordKey(c, 1), func([]byte) []byte { return kv.Seal(recordKey(c, 1), []byte("nonsense")) }, get, "ordinal 1"},
		{"record with an unknown field", recordKey(c, 1), func([]byte) []byte { return kv.Seal(recordKey(c, 1), []byte{0xa1, 0x18, 99, 1}) }, get, "ordinal 1"},
		{"record missing", recordKey(c, 1), drop, get, `"b"`},
		{"id index, inside", idKey(c, "b"), flip(1), get, `"b"`},
		{"id index missing", idKey(c, "b"), drop, nil, ""},
		{"id leads elsewhere", idKey(c, "b"), func([]byte) []byte { return kv.Seal(idKey(c, "b"), []byte{2}) }, get, `"b"`},
		{"vector, inside", vectorKey(c, 1, 1, 0), flip(7), vector, "ordinal 1"},
		{"vector too short", vectorKey(c, 1, 1, 0), func([]byte) []byte { return sealVector(vectorKey(c, 1, 1, 0), []float32{1}) }, vector, "ordinal 1"},
		{"vector missing", vectorKey(c, 1, 1, 0), drop, nil, ""},
		{"change, inside", changeKey(c, 2), flip(2), changes, "sequence 2"},
		{"change of an unknown sort", changeKey(c, 2), func([]byte) []byte { return must(kv.SealCBOR(changeKey(c, 2), storedChange{Operation: 7}))(t) }, changes, "sequence 2"},
		{"change missing", changeKey(c, 2), drop, nil, ""},
		{"last change missing", changeKey(c, 3), drop, nil, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := openMem(t, vfs.NewMem())
			apply(t, s, upsert(fullPaper("a")), upsert(fullPaper("b")), upsert(fullPaper("c")))
			rewrite(t, s, tc.key, tc.change)
			if tc.read != nil {
				err := tc.read(s)
				if !isDamage(err) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("read: %v", err)
				}
			}
			report := must(s.Verify(ctx))(t)
			if len(report.Faults) == 0 || !isDamage(report.Err()) {
				t.Errorf("Verify found nothing")
			}
			if _, err := s.Get(ctx, papers, "a"); err != nil {
				t.Errorf("an unharmed paper: %v", err)
			}
		})
	}
}

func TestVerifyFindsStrays(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	apply(t, s, upsert(fullPaper("a")))
	strays := [][]byte{
		{0x00},
		{prefixRecord, 1},
		recordKey(99, 0),
		vectorKey(1, 1, 77, 0),
		vectorKey(1, 2, 0, 0),
		{prefixEnd, 1},
	}
	for i, key := range strays {
		behind(t, s, func(b *kv.Batch) error { return b.Set(key, sealVector(key, make([]float32, 4))) })
		if report := must(s.Verify(context.Background()))(t); len(report.Faults) != i+1 {
			t.Errorf("with %d strays: %v", i+1, report.Faults)
		}
	}
	c := *s.current.collections[papers]
	c.state.Papers = 5
	s.current.collections = with(s.current.collections, &c)
	if report := must(s.Verify(context.Background()))(t); len(report.Faults) != len(strays)+1 {
		t.Errorf("with a wrong count: %v", report.Faults)
	}
}

// A paper whose record is damaged can be deleted and imported again.
func TestDamagedRecordCanBeReplaced(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	apply(t, s, upsert(fullPaper("a")), upsert(fullPaper("b")))
	rewrite(t, s, recordKey(1, 0), flip(9))
	if _, err := s.Apply(context.Background(), papers, []Mutation{upsert(fullPaper("a"))}); !isDamage(err) {
		t.Errorf("upsert over a damaged record: %v", err)
	}
	got := apply(t, s, remove("a"), upsert(fullPaper("a")))
	if got[0].Result != Deleted || got[1].Result != Created || got[1].Record.Ordinal != 2 {
		t.Errorf("outcomes %+v", got)
	}
	verified(t, s)
}

// Damage of a file, below the values, is found by Pebble's own checksums.
func TestDamagedFile(t *testing.T) {
	dir := t.TempDir()
	s := must(Open(dir, testOptions()))(t)
	must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
	for _, id := range ids(200) {
		apply(t, s, upsert(testPaper(id, id)))
	}
	if err := errors.Join(s.Compact(context.Background()), s.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "store", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, table := range tables {
		b, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(b)/2; i += 97 {
			b[i] ^= 0xff
		}
		if err := os.WriteFile(table, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err = Open(dir, testOptions())
	if err == nil {
		_, err = s.List(context.Background(), papers, "", MaxPage)
		defer s.Close()
	}
	if !isDamage(err) {
		t.Errorf("got %v", err)
	}
}

// gatekeeper fails writes to tables: a flush cannot finish, the log can.
type gatekeeper struct{ shut chan struct{} }

func (g *gatekeeper) MaybeError(op errorfs.Op) error {
	select {
	case <-g.shut:
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".sst") {
			return errDisk
		}
	default:
	}
	return nil
}

func (g *gatekeeper) String() string { return "gatekeeper" }

// A flush that fails neither blocks writers nor Close, and readers go on.
func TestFailedFlush(t *testing.T) {
	ctx := context.Background()
	mem := vfs.NewMem()
	g := &gatekeeper{shut: make(chan struct{})}
	s := must(Open("/data", testOptions().WithFS(errorfs.Wrap(mem, g))))(t)
	must(s.EnsureCollection(ctx, papers, testSpace()))(t)
	close(g.shut)
	acked := 0
	deadline := time.Now().Add(30 * time.Second)
	for i := 0; ; i++ { // until memtables are full and cannot be flushed
		p := testPaper(ids(i + 1)[i], "x")
		p.Abstract = strings.Repeat("abstract ", 2000)
		if _, err := s.Apply(ctx, papers, []Mutation{upsert(p)}); err != nil {
			if !errors.Is(err, ErrReadOnly) {
				t.Fatal(err)
			}
			break
		}
		acked++
		if time.Now().After(deadline) {
			t.Fatal("the failure was not noticed")
		}
	}
	if n := len(must(s.List(ctx, papers, "", MaxPage))(t)); n != acked {
		t.Errorf("%d of %d papers can be read", n, acked)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	s = openMem(t, mem)
	if n := verified(t, s).Papers; n < acked || n > acked+1 {
		t.Errorf("reopened: %d of %d papers", n, acked)
	}
}

// A disk that fails while a directory is created or opened costs an error,
// and the next opening goes well.
func TestOpenWriteErrors(t *testing.T) {
	for _, exists := range []bool{false, true} {
		failures := 0
		for at := int64(1); ; at++ {
			mem := vfs.NewMem()
			if exists {
				s := must(Open("/data", testOptions().WithFS(mem)))(t)
				must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
				apply(t, s, upsert(testPaper("a", "x")))
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			b := &breaker{at: at}
			b.on.Store(true)
			s, err := Open("/data", testOptions().WithFS(errorfs.Wrap(mem, b)))
			if err == nil {
				if err := s.Close(); err != nil && !errors.Is(err, errDisk) {
					t.Fatal(err)
				}
			} else {
				failures++
				if !errors.Is(err, errDisk) {
					t.Errorf("failing at write %d: %v", at, err)
				}
			}
			s = must(Open("/data", testOptions().WithFS(mem)))(t)
			if exists && must(s.Count(papers))(t) != 1 {
				t.Errorf("failing at write %d lost the paper", at)
			}
			verified(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if b.n.Load() < at {
				break // there was nothing left to fail
			}
		}
		if failures < 5 {
			t.Errorf("only %d openings failed", failures)
		}
	}
}

// Readers run beside a writer and always see whole groups: in each, all
// papers have the same title.
func TestConcurrentReaders(t *testing.T) {
	ctx := context.Background()
	s := openMem(t, vfs.NewMem())
	all := ids(8)
	write := func(text string) {
		var group []Mutation
		for _, id := range all {
			group = append(group, upsert(testPaper(id, text)))
		}
		apply(t, s, group...)
	}
	write("0")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				sn := must(s.Snapshot(papers))(t)
				if sn.Sequence() < last || sn.Sequence()%8 != 0 {
					t.Errorf("sequence %d after %d", sn.Sequence(), last)
				}
				last = sn.Sequence()
				records := must(sn.GetMany(ctx, all))(t)
				for _, r := range records {
					if r.Title != records[0].Title || r.Revision != last/8 {
						t.Errorf("%s beside %s, revision %d at %d", r.Title, records[0].Title, r.Revision, last)
					}
				}
				for v, err := range sn.Vectors(ctx) {
					if err != nil || !reflect.DeepEqual(v.Values, vectorFor(records[v.Ordinal].Paper)) {
						t.Errorf("vector %v, %v", v, err)
					}
				}
				sn.Close()
			}
		})
	}
	for i := range 60 {
		write(ids(100)[i])
	}
	close(stop)
	wg.Wait()
}

var update = flag.Bool("update", false, "write testdata/store anew")

// fixture is what each directory of testdata/store holds. It must not change:
// the directories stand for those that users have. A new format gets one of its
// own.
func fixture() [][]Mutation {
	listed := fullPaper("arXiv:2112.09118")
	listed.ListedDates = append(listed.ListedDates, paper.Date{Year: 2026, Month: 4, Day: 2})
	return [][]Mutation{
		{upsert(fullPaper("arXiv:2112.09118")), upsert(testPaper("b", "butterflies")), upsert(testPaper("title:0123456789abcdef", "titles"))},
		{upsert(testPaper("c", "cats")), remove("b")},
		{{Upsert: &Upsert{Paper: listed}}, upsert(testPaper("c", "cats and dogs"))},
	}
}

func TestFixture(t *testing.T) {
	for _, version := range []string{"v1", "v2", "v2-trails"} {
		t.Run(version, func(t *testing.T) {
			testFixture(t, filepath.Join("..", "..", "testdata", "store", version), version == "v2-trails")
		})
	}
}

func testFixture(t *testing.T, dir string, newest bool) {
	if *update && newest {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		s := must(Open(dir, testOptions()))(t)
		must(s.EnsureCollection(context.Background(), papers, testSpace()))(t)
		groups := fixture()
		apply(t, s, groups[0]...)
		apply(t, s, groups[1]...)
		if err := s.TrimChanges(context.Background(), papers, 2); err != nil {
			t.Fatal(err)
		}
		if err := s.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
		apply(t, s, groups[2]...) // stays in the log, to be replayed
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s := must(Open(copied, Options{}))(t)
	defer func() { _ = s.Close() }()
	m := newModel()
	for _, group := range fixture() {
		m.apply(group)
	}
	m.trimmed = 2
	for i := range m.changes { // from before there were fields
		m.changes[i].Fields = (&storedChange{Operation: m.changes[i].Operation, Embedded: m.changes[i].Embedded}).fields()
	}
	if d := m.differs(t, s); d != "" {
		t.Error(d)
	}
	verified(t, s)
	if c := must(s.Collection(papers))(t); c.Space != testSpace() || c.ID != 1 || c.CreateTime.Year() != 2026 {
		t.Errorf("collection %+v", c)
	}
	got := must(s.Get(context.Background(), papers, "arXiv:2112.09118"))(t)
	want := fullPaper("arXiv:2112.09118")
	if got.Abstract != want.Abstract || !reflect.DeepEqual(got.Authors, want.Authors) || got.TokenCount == 0 || !got.Truncated {
		t.Errorf("got %+v", got)
	}
	if trailed := got.Trail != nil; trailed != newest {
		t.Errorf("the trail is %+v", got.Trail)
	}
	// What an older version wrote counts as seen when it was written.
	if seen := got.Sightings(); len(seen) != len(want.Signals) || seen[0].Seen[0].Minute != got.UpdateTime.Unix()/60 {
		t.Errorf("the signals %v were seen %v", want.Signals, seen)
	}
	sn := must(s.Snapshot(papers))(t)
	point := sn.Point()
	sn.Close()
	if err := s.Holds(point); err != nil || point.Commit == 0 {
		t.Errorf("the point %v: %v", point, err)
	}
	apply(t, s, upsert(testPaper("new", "x")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = must(Open(copied, Options{}))(t)
	defer s.Close()
	if err := s.Holds(point); err != nil {
		t.Errorf("the point %v is forgotten: %v", point, err)
	}
	verified(t, s)
}
