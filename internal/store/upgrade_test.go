package store

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A power cut at any write of the opening that brings a directory of format 1
// to the present one loses nothing, and the next opening goes well.
func TestPowerCutWhileUpgrading(t *testing.T) {
	m := newModel()
	for _, group := range fixture() {
		m.apply(group)
	}
	m.trimmed = 2
	for i := range m.changes { // from before there were fields
		m.changes[i].Fields = (&storedChange{Operation: m.changes[i].Operation, Embedded: m.changes[i].Embedded}).fields()
	}
	for at := int64(1); ; at++ {
		mem := vfs.NewCrashableMem()
		from := filepath.Join("..", "..", "testdata", "store", "v1")
		if _, err := vfs.Clone(vfs.Default, mem, from, "/data", vfs.CloneSync); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"/", "/data", "/data/store"} {
			d := must(mem.OpenDir(dir))(t)
			if err := d.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		c := &crasher{mem: mem, at: at, percent: int(at%3) * 50, seed: uint64(at), acked: new(atomic.Int64)}
		s := must(Open("/data", Options{fs: errorfs.Wrap(mem, c)}))(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		c.crash()
		s, err := Open("/data", Options{fs: c.disk})
		if err != nil {
			t.Fatalf("at write %d: %v", at, err)
		}
		if d := m.differs(t, s); d != "" {
			t.Errorf("at write %d: %s", at, d)
		}
		sn := must(s.Snapshot(papers))(t)
		if err := s.Holds(sn.Point()); err != nil {
			t.Errorf("at write %d: %v", at, err)
		}
		sn.Close()
		apply(t, s, upsert(testPaper("new", "x")))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if c.n.Load() < at {
			if at < 20 {
				t.Errorf("only %d writes were seen", at)
			}
			return
		}
	}
}
