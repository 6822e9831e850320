package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/library"
	"akin/internal/notify"
	"akin/internal/paper"
)

const aDay = 24 * time.Hour

// Papers come once, by the local time, without what was read or dismissed, pinned authors
// first; a quiet day is silent, or says why.
func TestADigestComes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		r.make("silent", func(d *notify.Digest) { d.Authors = []string{"of p003, Author"} })
		r.make("loud", func(d *notify.Digest) { d.Quiet, d.Schedule = notify.Explain, daily(9*60, "") })
		r.shelf.quiet = []notify.Delivery{{Source: "arXiv", Time: r.now().Add(-50 * time.Hour), Sentence: "arXiv last delivered on Thursday; it is a holiday there"}}
		r.shelf.add("f", r.now(), ids("p", 0, 5)...)
		r.shelf.marks["p001"] = library.Entry{PaperID: "p001", Mark: library.Disliked}
		r.shelf.marks["p002"] = library.Entry{PaperID: "p002", ReadTime: r.now()}
		r.run(aDay) // begins at midnight UTC
		mails := r.box.got()
		if len(mails) != 2 {
			t.Fatalf("%d mails", len(mails))
		}
		if got := papersOf(mails[0]); !slices.Equal(got, []string{"p003", "p004", "p000"}) {
			t.Errorf("papers %v in\n%s", got, mails[0].Text)
		}
		for _, want := range []string{"because it is by", "It matches “graphs”", "We show what p003 is about", "Ada Lovelace, Author of p003", "2026-11-03 · Venue"} {
			if !strings.Contains(mails[0].Text, want) || !strings.Contains(mails[0].HTML, want) {
				t.Errorf("%q is missing in\n%s", want, mails[0].Text)
			}
		}
		if at := mails[0].Date.UTC(); at.Hour() != 7 || at.Minute() != 0 {
			t.Errorf("sent at %v", at)
		}
		r.run(aDay)
		mails = r.box.got()[2:]
		if len(mails) != 1 || mails[0].To != "loud@example.org" || !strings.Contains(mails[0].Text, "Source arXiv last delivered on") || !strings.Contains(mails[0].Text, "holiday") {
			t.Fatalf("on a quiet day: %+v", mails)
		}
		r.shelf.add("f", r.now(), "p100")
		r.run(aDay)
		for _, m := range r.box.got()[3:] {
			if got := papersOf(m); !slices.Equal(got, []string{"p100"}) {
				t.Errorf("the day after: %v", got)
			}
		}
		st, err := r.Status(t.Context(), owner, "silent")
		if err != nil || len(st.Issues) != 3 || st.Issues[1].Progress != notify.Nothing || st.Next.At.Hour() != 7 {
			t.Errorf("status %+v, %v", st, err)
		}
		r.verify()
	})
}

// What the server does not take comes again, with back-off; what it refuses counts
// against the address; what is over merges into the next.
func TestFailures(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		r.make("d", nil)
		r.shelf.add("f", r.now(), "p0")
		r.box.next = []plan{{outcome: notify.Deferred, silent: true}, {outcome: notify.Unreachable, silent: true}, {outcome: notify.Deferred}}
		r.run(aDay)
		mails := r.box.got()
		if len(mails) != 1 || !slices.Equal(papersOf(mails[0]), []string{"p0"}) {
			t.Fatalf("%+v", mails)
		}
		if late := mails[0].Date.Sub(mails[0].Date.Truncate(time.Hour)); mails[0].Date.Hour() != 7 || late < 10*time.Minute {
			t.Errorf("sent at %v", mails[0].Date)
		}
		for range 30 { // until its time is over
			r.box.next = append(r.box.next, plan{outcome: notify.Deferred, silent: true})
		}
		r.shelf.add("f", r.now(), "p1")
		r.run(aDay)
		r.box.next = nil
		r.shelf.add("f", r.now(), "p2")
		r.run(aDay)
		mails = r.box.got()[1:]
		if len(mails) != 1 || !slices.Equal(papersOf(mails[0]), []string{"p2", "p1"}) {
			t.Fatalf("after a day that failed: %+v", mails)
		}
		r.shelf.add("f", r.now(), "p3")
		r.box.next = []plan{{outcome: notify.Rejected, silent: true}, {outcome: notify.Rejected, silent: true}}
		r.run(4 * aDay)
		st, err := r.Status(t.Context(), owner, "d")
		if err != nil || st.PausedUntil.IsZero() || !strings.Contains(strings.Join(st.Words, "\n"), "paused until") {
			t.Errorf("after two refusals: %+v, %v", st.Words, err)
		}
		if len(r.box.got()) != 2 {
			t.Errorf("%d mails", len(r.box.got()))
		}
		if _, err := r.Update(t.Context(), owner, "d", notify.Change{Go: true}); err != nil {
			t.Fatal(err)
		}
		r.run(aDay)
		if mails := r.box.got(); len(mails) != 3 || !slices.Equal(papersOf(mails[2]), []string{"p3"}) {
			t.Errorf("after it was resumed: %d mails", len(mails))
		}
		r.verify()
	})
}

// What nobody answered for counts as sent, or comes once more by choice.
func TestUnanswered(t *testing.T) {
	for _, resend := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, notify.Settings{Resend: resend})
			defer r.close()
			r.make("d", nil)
			r.shelf.add("f", r.now(), "p0")
			r.box.next = []plan{{outcome: notify.NoAnswer, took: true}, {outcome: notify.NoAnswer, took: true}, {outcome: notify.NoAnswer, took: true}}
			r.run(3 * aDay)
			want := 1
			if resend {
				want = 2
			}
			mails := r.box.got()
			if len(mails) != want {
				t.Fatalf("resend %v: %d mails", resend, len(mails))
			}
			for _, m := range mails {
				if m.MessageID != mails[0].MessageID || !slices.Equal(papersOf(m), []string{"p0"}) {
					t.Errorf("%+v", m)
				}
			}
		})
	}
}

// A server that was down for long, or a backup, sends nothing that is old: one digest
// has all that came meanwhile.
func TestLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		r.make("d", nil)
		for i := range 5 {
			r.shelf.add("f", r.now(), fmt.Sprint("p", i))
			r.sleep(aDay)
		}
		r.sleep(20 * time.Hour) // 13 hours after its time
		r.run(time.Minute)
		if mails := r.box.got(); len(mails) != 0 {
			t.Fatalf("%d mails long after their time", len(mails))
		}
		r.run(aDay)
		if mails := r.box.got(); len(mails) != 1 || len(papersOf(mails[0])) != 5 {
			t.Fatalf("%+v", mails)
		}
		st, err := r.Status(t.Context(), owner, "d")
		if err != nil || len(st.Issues) != 2 || st.Issues[1].Progress != notify.Late {
			t.Errorf("%+v, %v", st.Issues, err)
		}
	})
}

// An address whose domain has letters beyond ASCII is written to as servers know it, and
// is the same however it was typed.
func TestVisitorAbroad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		for _, address := range []string{"reader@bücher.example", "reader@BÜCHER.example", "reader@xn--bcher-kva.example", "reader@bu\u0308cher.example", "reader@bücher.example"} {
			ask := notify.Subscription{Address: address, Listing: notify.Newest, Schedule: daily(7*60, "Europe/Berlin"), Caller: "192.0.2.1"}
			if err := r.Subscribe(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
		}
		r.run(time.Hour)
		mails := r.box.got()
		for _, m := range mails {
			if m.To != "reader@xn--bcher-kva.example" {
				t.Errorf("to %q", m.To)
			}
		}
		if len(mails) != notify.ConfirmationsPerDay {
			t.Errorf("%d mails to one address", len(mails))
		}
	})
}

// A visitor's digest begins when it is confirmed, ends with one POST, and is forgotten.
func TestVisitor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		ask := notify.Subscription{Address: "Reader@Example.ORG", Listing: notify.Newest, Schedule: daily(7*60, "America/New_York"), Caller: "192.0.2.1"}
		for range 5 { // no more mails than the limit, and no word of that
			if err := r.Subscribe(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
		}
		r.shelf.add("", r.now(), "p0")
		r.run(time.Hour)
		mails := r.box.got()
		if len(mails) != notify.ConfirmationsPerDay || mails[0].To != "Reader@example.org" || mails[0].Unsubscribe != "" {
			t.Fatalf("%d mails: %+v", len(mails), mails)
		}
		token := tokens(mails[1].Text)["confirm"][0]
		if n, err := r.Confirm(t.Context(), token, true); err != nil || n.Done || n.Address != "R…@e….org" {
			t.Errorf("preview: %+v, %v", n, err)
		}
		for range 2 {
			if n, err := r.Confirm(t.Context(), token, false); err != nil || !n.Done {
				t.Errorf("confirm: %+v, %v", n, err)
			}
		}
		if _, err := r.Confirm(t.Context(), tokens(mails[0].Text)["confirm"][0], false); paper.KindOf(err) != paper.NotFound {
			t.Errorf("another link for the same: %v", err)
		}
		r.run(2 * aDay)
		mails = r.box.got()[notify.ConfirmationsPerDay:]
		if len(mails) != 1 || mails[0].Date.UTC().Hour() != 12 || len(papersOf(mails[0])) != 1 || len(tokens(mails[0].Text)["mark"]) != 0 {
			t.Fatalf("%+v", mails)
		}
		leave := tokens(mails[0].Unsubscribe)["unsubscribe"][0]
		if n, err := r.Unsubscribe(t.Context(), leave, notify.Leaving{Preview: true}); err != nil || n.Done {
			t.Errorf("preview: %+v, %v", n, err)
		}
		for range 2 {
			if n, err := r.Unsubscribe(t.Context(), leave, notify.Leaving{Erase: true}); err != nil || !n.Done {
				t.Errorf("unsubscribe: %+v, %v", n, err)
			}
		}
		r.shelf.add("", r.now(), "p1")
		r.run(3 * aDay)
		if n := len(r.box.got()); n != notify.ConfirmationsPerDay+1 {
			t.Errorf("%d mails after unsubscribing", n)
		}
		recipients := 0
		if err := r.Store.Read(t.Context(), func(s notify.Reader) error {
			return s.Recipients(func(*notify.Recipient) error { recipients++; return nil })
		}); err != nil || recipients != 0 {
			t.Errorf("%d readers are kept, %v", recipients, err)
		}
		if strings.Contains(strings.ToLower(r.log.String()), "reader@") {
			t.Errorf("an address is in the log:\n%s", r.log)
		}
		r.verify()
	})
}

// Links in a mail mark papers, and undo that; a marked paper does not come again.
func TestMarks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, notify.Settings{})
		defer r.close()
		r.make("d", nil)
		r.shelf.add("f", r.now(), "p0")
		r.run(aDay)
		links := tokens(r.box.got()[0].Text)["mark"]
		if len(links) != 2 {
			t.Fatalf("links %v", links)
		}
		if a, err := r.Act(t.Context(), links[1], true); err != nil || a.Mark != library.Disliked || len(r.shelf.marks) != 0 {
			t.Errorf("preview: %+v, %v", a, err)
		}
		a, err := r.Act(t.Context(), links[1], false)
		if err != nil || r.shelf.marks["p0"].Mark != library.Disliked || a.Title != "Title of p0" || a.Undo == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err := r.Act(t.Context(), a.Undo, false); err != nil || r.shelf.marks["p0"].Mark != library.None {
			t.Errorf("undo: %v, %v", r.shelf.marks["p0"], err)
		}
	})
}
