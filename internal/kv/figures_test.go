package kv

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Figures follow what is written, and are zero once the database is closed.
func TestFigures(t *testing.T) {
	db := openTest(t, testOptions(vfs.NewMem()))
	before := db.Figures()
	if !before.Writable || before.Damaged || !before.Written.IsZero() {
		t.Errorf("a new database: %+v", before)
	}
	puts(t, db, 3, 100)
	after := db.Figures()
	if after.Commits != before.Commits+3 || after.Written.IsZero() || after.MemTableBytes == 0 || len(after.Levels) == 0 || after.OpenSnapshots != 1 {
		t.Errorf("after 3 commits: %+v", after)
	}
	closeTest(t, db)
	if got := db.Figures(); got.Writable || got.Commits != 0 {
		t.Errorf("a closed database: %+v", got)
	}
}
