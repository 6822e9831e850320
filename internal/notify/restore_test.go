package notify_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/notify"
)

// A data directory that is restored from a backup sends nothing that went out since, also
// within the time in which a digest may be late; what had not gone out comes.
func TestRestoredBackupSendsNothingOld(t *testing.T) {
	for _, after := range []time.Duration{time.Minute, 5 * time.Hour, 20 * time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			r := newRig(t, notify.Settings{})
			r.make("a", nil)
			r.make("b", func(d *notify.Digest) { d.Schedule, d.Feeds, d.Listing = daily(8*60, "Asia/Tokyo"), nil, notify.Newest })
			r.shelf.add("f", r.clock, ids("old", 0, 3)...)
			r.run(24 * time.Hour)
			backup := r.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
			r.shelf.add("f", r.clock, ids("new", 3, 6)...)
			// The first attempt is deferred after its data, and nothing of it counts.
			r.box.next = []plan{{outcome: notify.Deferred}}
			r.run(24*time.Hour - time.Hour)
			before := len(r.box.got())
			r.close()

			r.clock = r.clock.Add(after)
			r.fs = backup
			r.open(false)
			r.shelf.add("f", r.clock, ids("late", 6, 8)...)
			r.run(72 * time.Hour)
			r.verify()
			mails := r.box.got()
			if len(mails) <= before {
				t.Fatal("nothing came after the backup was restored")
			}
			times, names := map[string]int{}, map[string]int{}
			for _, m := range mails {
				if names[m.MessageID]++; names[m.MessageID] > 1 {
					t.Errorf("mail %s came again", m.MessageID)
				}
				for _, id := range papersOf(m) {
					times[m.To+" "+id]++
				}
			}
			for _, to := range []string{"a@example.org", "b@example.org"} {
				for _, id := range slices.Concat(ids("old", 0, 3), ids("new", 3, 6), ids("late", 6, 8)) {
					if n := times[to+" "+id]; n != 1 {
						t.Errorf("%s got paper %s %d times", to, id, n)
					}
				}
			}
			r.close()
		})
	}
}
