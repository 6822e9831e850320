package kv

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

func TestPointForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Point
		copy(p.Identity[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "identity"))
		copy(p.Epoch[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "epoch"))
		p.Commit = rapid.Uint64().Draw(t, "commit")
		var binary, text Point
		b, err1 := p.MarshalBinary()
		s, err2 := p.MarshalText()
		if err1 != nil || err2 != nil || binary.UnmarshalBinary(b) != nil || text.UnmarshalText(s) != nil || binary != p || text != p {
			t.Fatalf("%v became %v and %v", p, binary, text)
		}
	})
	var p Point
	for _, bad := range []string{"", "/", "a/b/c", strings.Repeat("0", 32) + "/" + strings.Repeat("0", 32) + "/-1", strings.Repeat("0", 32) + "/" + strings.Repeat("0", 32) + "/1x"} {
		if p.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is taken for a point", bad)
		}
	}
	if p.UnmarshalBinary(make([]byte, PointBytes+1)) == nil {
		t.Error("a point that is too long is taken")
	}
}

// branch is a store of the model: the point after each of its commits.
type branch struct {
	history History
	past    map[Point]bool
}

func (b *branch) commit(begin bool) {
	b.history, _ = b.history.next(begin)
	b.past[b.history.Point()] = true
}

func (b *branch) copied() *branch {
	c := &branch{history: b.history, past: map[Point]bool{}}
	for p := range b.past {
		c.past[p] = true
	}
	return c
}

// Stores are copied, go on apart, and lose their ends; a point is held by
// exactly the stores that have it in their past.
func TestHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []*branch{{history: newHistory(), past: map[Point]bool{}}, {history: newHistory(), past: map[Point]bool{}}}
		for _, b := range all {
			b.commit(true)
		}
		open := map[*branch]bool{} // has written since its opening
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			b := rapid.SampledFrom(all).Draw(t, "store")
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0: // a copy of the files, which is opened by itself
				all = append(all, b.copied())
			case 1: // closed and opened
				open[b] = false
			default:
				b.commit(!open[b])
				open[b] = true
			}
		}
		for i, from := range all {
			for p := range from.past {
				for k, b := range all {
					if err := b.history.Holds(p); (err == nil) != b.past[p] {
						t.Fatalf("store %d of %d, point %v of store %d: %v", k, len(all), p, i, err)
					}
				}
			}
		}
	})
}

func TestHoldsSaysWhy(t *testing.T) {
	mem := vfs.NewMem()
	db := openTest(t, testOptions(mem))
	defer func() { closeTest(t, db) }()
	puts(t, db, 3, 10)
	now := db.Snapshot().Point()
	other := now
	other.Identity[0] ^= 1
	unknown := now
	unknown.Epoch[0] ^= 1
	ahead := now
	ahead.Commit += 10
	for _, c := range []struct {
		p    Point
		says string
	}{
		{Point{}, "which state of which store"},
		{other, "another store"},
		{unknown, "does not know"},
		{ahead, fmt.Sprintf("another way after commit %d", now.Commit)},
	} {
		if err := db.Holds(c.p); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.p, err)
		}
	}
	if err := db.Holds(now); err != nil {
		t.Error(err)
	}
}

// An opening that writes nothing leaves the history as it was; the first write
// after it begins an epoch; and what was before is still held.
func TestEpochs(t *testing.T) {
	mem := vfs.NewMem()
	var points []Point
	for i := range 4 {
		db := openTest(t, testOptions(mem))
		if i > 0 && db.Snapshot().Point() != points[len(points)-1] {
			t.Errorf("opening %d: the point is %v", i, db.Snapshot().Point())
		}
		if i != 2 {
			puts(t, db, 2, 10)
		}
		points = append(points, db.Snapshot().Point())
		for _, p := range points {
			if err := db.Holds(p); err != nil {
				t.Errorf("opening %d: %v is refused: %v", i, p, err)
			}
		}
		closeTest(t, db)
	}
	if points[0].Epoch == points[1].Epoch || points[1] != points[2] || points[2].Epoch == points[3].Epoch {
		t.Errorf("points %v", points)
	}
}

// Old epochs are forgotten, and their points refused.
func TestEpochsArePruned(t *testing.T) {
	h := newHistory()
	h, _ = h.next(true)
	first := h.Point()
	for range MaxEpochs - 1 {
		h.commit++
		e := epoch{first: h.commit}
		binary.BigEndian.PutUint64(e.id[:], h.commit)
		h.epochs = append(h.epochs, e)
	}
	if err := h.Holds(first); err != nil {
		t.Errorf("after %d epochs: %v", MaxEpochs, err)
	}
	h, dropped := h.next(true)
	if err := h.Holds(first); err == nil || len(dropped) != 1 || len(h.epochs) != MaxEpochs {
		t.Errorf("after %d epochs: %v, dropped %d", MaxEpochs+1, err, len(dropped))
	}
}
