package notify_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/crashtest"
	"akin/internal/notify"
)

// cut is a power cut at some step of sending: what is on disk then is all that is left.
type cut struct {
	*box
	r *rig
	// at counts down to the cut: at each step of a mail, before and after it.
	at     int
	crash  *vfs.MemFS
	cancel context.CancelFunc
}

// step is a moment at which the power may be cut.
func (c *cut) step() {
	if c.at--; c.at == 0 {
		c.crash = c.r.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
		c.cancel()
	}
}

// Send implements notify.Post.
func (c *cut) Send(ctx context.Context, m *notify.Mail, begin func() error) notify.Result {
	c.step() // claimed
	if c.crash != nil {
		return notify.Result{Outcome: notify.Unreachable}
	}
	var took bool
	got := c.box.Send(ctx, m, func() error {
		c.step() // about to be begun
		err := begin()
		c.step() // begun
		if c.crash != nil {
			return context.Canceled
		}
		took = true
		return err
	})
	if took {
		c.step() // taken, and not noted
	}
	return got
}

// However often the power is cut, at whatever step, each digest of each date reaches its
// reader once: or not at all, or twice by choice, only where the cut, or the server, left
// it open. No paper comes twice otherwise, and none is lost.
func TestExactlyOnceOverPowerCuts(t *testing.T) {
	for seed := range uint64(crashtest.Rounds(t, 8)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { powerCuts(t, seed) })
		})
	}
}

func powerCuts(t *testing.T, seed uint64) {
	draw := rand.New(rand.NewPCG(seed, 7))
	r := newRig(t, notify.Settings{Resend: seed%2 == 1})
	r.make("a", nil)
	r.make("b", func(d *notify.Digest) { d.Schedule = daily(7*60+30, "America/New_York") })
	paperCount, begin := 0, r.now()
	for day := range 8 {
		for range draw.IntN(4) {
			r.shelf.add("f", r.now(), fmt.Sprintf("p%03d", paperCount))
			paperCount++
		}
		for r.now().Sub(begin) < time.Duration(day+1)*aDay {
			c := &cut{box: r.box, r: r, at: 1 + draw.IntN(12)}
			r.Post = c
			if draw.IntN(3) == 0 {
				p := []plan{
					{outcome: notify.NoAnswer, took: draw.IntN(2) == 0},
					{outcome: notify.Deferred},
					{outcome: notify.Unreachable, silent: true},
					{outcome: notify.Deferred, silent: true},
				}[draw.IntN(4)]
				r.box.next = []plan{p}
			}
			ctx, cancel := context.WithCancel(t.Context())
			c.cancel = cancel
			r.runUntil(ctx, begin.Add(time.Duration(day+1)*aDay))
			cancel()
			if c.crash == nil {
				continue
			}
			r.db.Close()
			r.fs = c.crash
			r.box.next = nil
			r.open(false)
			r.verify()
			r.sleep(time.Duration(draw.IntN(120)) * time.Minute)
		}
	}
	r.box.next = nil
	r.Post = r.box
	r.run(2 * aDay)
	checkOnce(t, r, paperCount)
	r.verify()
	r.close()
}

// checkOnce holds what readers got to the promise.
func checkOnce(t *testing.T, r *rig, papers int) {
	t.Helper()
	most := 1
	if r.set.Resend {
		most = 2
	}
	mails, got := map[string]int{}, map[string]map[string]int{}
	for _, m := range r.box.got() {
		mails[m.MessageID]++
		if got[m.To] == nil {
			got[m.To] = map[string]int{}
		}
		for _, id := range papersOf(m) {
			if mails[m.MessageID] == 1 { // the same mail again has the same papers
				got[m.To][id]++
			}
		}
	}
	for id, n := range mails {
		if n > most {
			t.Errorf("mail %s came %d times", id, n)
		}
	}
	for _, name := range []string{"a", "b"} {
		st, err := r.Status(t.Context(), owner, name)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]bool{}
		for i := range st.Issues {
			one := &st.Issues[i]
			if !one.Progress.Over() {
				t.Errorf("%s: the digest of %v is not over: %+v", name, one.Day, one)
			}
			if n := mails[one.MessageID]; one.Progress == notify.Sent && n == 0 {
				t.Errorf("%s: the digest of %v counts as sent and answered, and never came", name, one.Day)
			}
			if one.Progress.Counts() {
				for _, p := range one.Picks {
					told[p.PaperID] = true
				}
			}
		}
		for i := range papers {
			id := fmt.Sprintf("p%03d", i)
			if !told[id] {
				t.Errorf("%s: paper %s is in no digest that counts as sent", name, id)
			}
			if n := got[name+"@example.org"][id]; n > 1 {
				t.Errorf("%s: paper %s came in %d digests", name, id, n)
			}
		}
	}
	if !slices.ContainsFunc(r.box.got(), func(m notify.Mail) bool { return len(papersOf(m)) > 0 }) {
		t.Error("nothing was sent")
	}
}
