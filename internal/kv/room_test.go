package kv

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// measured is a disk that says how full it is.
type measured struct {
	FS
	total, free atomic.Uint64
	silent      atomic.Bool
}

func (m *measured) GetDiskUsage(string) (vfs.DiskUsage, error) {
	if m.silent.Load() {
		return vfs.DiskUsage{}, vfs.ErrUnsupported
	}
	return vfs.DiskUsage{TotalBytes: m.total.Load(), AvailBytes: m.free.Load()}, nil
}

// While a disk is nearly full, changes are refused and reads go on; with space again,
// changes are taken by the same opening.
func TestNearlyFullDisk(t *testing.T) {
	disk := &measured{FS: vfs.NewMem()}
	disk.total.Store(1 << 40)
	disk.free.Store(1 << 40)
	db := openTest(t, testOptions(disk))
	defer closeTest(t, db)
	puts(t, db, 3, 100)
	last, err := holes(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		total, free uint64
		refused     bool
	}{
		{1 << 40, 0, true},
		{1 << 40, mostRoom - 1, true},
		{1 << 40, mostRoom, false},
		{100 << 20, 5<<20 - 1, true}, // a twentieth of a small disk
		{100 << 20, 5 << 20, false},
		{0, 0, false}, // a file system that counts nothing
		{1 << 40, 0, true},
	} {
		disk.total.Store(c.total)
		disk.free.Store(c.free)
		err := put(db, 1)
		if c.refused {
			var e *paper.Error
			if !errors.As(err, &e) || e.Kind != paper.Exhausted || e.Reason != ReasonDiskFull || e.RetryAfter <= 0 || !errors.Is(err, ErrDiskFull) || !strings.Contains(e.Message, "free some space") {
				t.Errorf("%+v: %v", c, err)
			}
		} else if last++; err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if refusal := db.Refusal(); !errors.Is(refusal, ErrDiskFull) == c.refused || db.Figures().Writable == c.refused {
			t.Errorf("%+v: what a change would be told is %v", c, refusal)
		}
		if found, err := holes(db); found != last || err != nil || db.Writable() != nil {
			t.Errorf("%+v: %d, %v, %v, want %d", c, found, err, db.Writable(), last)
		}
	}
	disk.silent.Store(true)
	if err := put(db, 1); err != nil {
		t.Errorf("a disk that does not tell: %v", err)
	}
}
