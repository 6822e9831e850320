package outbox_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"akin/internal/feed"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	"akin/internal/store"
)

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: true, Beside: []store.Beside{{Prefixes: outbox.Prefixes(), Verify: outbox.Verify}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// full has something in every field, so that a field that is not kept is found out.
func full() (notify.Digest, notify.Issue, notify.Recipient) {
	at := func(n int) time.Time { return time.Date(2026, 11, n, 7, 0, 0, n, time.UTC) }
	key := notify.IssueKey{Kind: notify.Regular, Day: -5}
	d := notify.Digest{
		Owner: "ada", Name: "morning", DisplayName: "Morning", Recipient: 1, Collection: "papers", Feeds: []string{"f", "g"}, Listing: notify.Trending,
		Schedule: notify.Schedule{Every: notify.Weekly, Weekday: time.Friday, Minute: 425, Zone: "Europe/Berlin"}, Quiet: notify.Explain,
		Authors: []string{"Ada Lovelace"}, MaxItems: 26, Library: "reading", State: notify.Active, CreateTime: at(1), UpdateTime: at(2), ConfirmTime: at(3),
		StartTime: at(4), Handled: 20_000, Current: &key, Cursors: map[string]uint64{"f": 1 << 60, "g": 2},
	}
	i := notify.Issue{
		Digest: 1, IssueKey: key, Planned: at(5), Progress: notify.Sending, Attempts: 3, Resent: true, NextTry: at(6), EndTime: at(7), MessageID: "d1@example.org",
		Picks: []notify.Pick{{PaperID: "p", Feed: "f", Reasons: []feed.Reason{{Kind: feed.ByLike, Name: "q", Share: 0.5}}, Author: "Ada Lovelace"}}, More: 7,
		Left: notify.Left{Sent: 1, Read: 2, Dismissed: 3, Gone: 4}, Cursors: map[string]uint64{"f": 9}, Bounced: true, Code: 451, Words: "words",
	}
	r := notify.Recipient{
		Sealed: []byte{1, 2}, Digest: []byte("0123456789abcdef0123456789abcdef"), Owners: []string{"ada"}, Score: 2, LastRefusal: at(8), RefusalWord: "no",
		Confirmations: []time.Time{at(9)}, CreateTime: at(10), IdleSince: at(11),
	}
	return d, i, r
}

func write(t *testing.T, o *outbox.Outbox, fn func(notify.Writer) error) {
	t.Helper()
	if err := o.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// All that is kept comes back, also after the store was closed, and is verified.
func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s := openStore(t, dir)
	d, i, r := full()
	for name, v := range map[string]any{"digest": d, "issue": i, "recipient": r} {
		of := reflect.ValueOf(v)
		for k := range of.NumField() {
			if f := of.Type().Field(k); f.IsExported() && f.Name != "ID" && of.Field(k).IsZero() {
				t.Fatalf("the %s of this test has no %s", name, f.Name)
			}
		}
	}
	write(t, outbox.New(s.DB(), s.Moved), func(w notify.Writer) error {
		return errors.Join(w.PutRecipient(&r, nil), w.PutDigest(&d), w.PutIssue(&i), w.MarkSent(1, []string{"p", "q/../r"}, i.EndTime),
			w.PutTrouble(notify.Trouble{Count: 2, Since: i.Planned, Until: i.NextTry, Words: "down"}))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	o := outbox.New(s.DB(), s.Moved)
	err := o.Read(t.Context(), func(got notify.Reader) error {
		gotD, _, err := got.Named("ada", "morning")
		gotI, _, err2 := got.Issue(1, i.IssueKey)
		gotR, _, err3 := got.Known(r.Digest)
		sent, err4 := got.WasSent(1, []string{"q/../r", "x", "p"})
		trouble, err5 := got.Trouble()
		if !reflect.DeepEqual(gotD, d) || !reflect.DeepEqual(gotI, i) || !reflect.DeepEqual(gotR, r) {
			t.Errorf("kept\n%+v\n%+v\n%+v\ngot\n%+v\n%+v\n%+v", d, i, r, gotD, gotI, gotR)
		}
		if !sent[0].Equal(i.EndTime) || !sent[1].IsZero() || !sent[2].Equal(i.EndTime) || trouble.Count != 2 || trouble.Words != "down" {
			t.Errorf("sent %v, trouble %+v", sent, trouble)
		}
		if none, err := got.Owned("ad"); err != nil || len(none) != 0 {
			t.Errorf("another owner has %v, %v", none, err)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := s.Verify(t.Context()); err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
	write(t, o, func(w notify.Writer) error { return errors.Join(w.RemoveDigest(&d), w.RemoveRecipient(&r)) })
	err = o.Read(t.Context(), func(got notify.Reader) error {
		_, digest, err := got.Named("ada", "morning")
		_, issue, err2 := got.Issue(1, i.IssueKey)
		_, known, err3 := got.Known(r.Digest)
		sent, err4 := got.WasSent(1, []string{"p"})
		if digest || issue || known || !sent[0].IsZero() {
			t.Errorf("something is left: %v %v %v %v", digest, issue, known, sent)
		}
		return errors.Join(err, err2, err3, err4)
	})
	if err != nil {
		t.Fatal(err)
	}
	again, _, _ := full()
	again.Recipient = 2
	write(t, o, func(w notify.Writer) error {
		_, _, r := full()
		if err := w.PutRecipient(&r, nil); err != nil || r.ID != 2 {
			t.Errorf("the id of a reader is given again: %d, %v", r.ID, err)
		}
		again.Current = nil
		return w.PutDigest(&again)
	})
	if again.ID != 2 {
		t.Errorf("the id of a digest is given again: %d", again.ID)
	}
}

func TestVerifyFindsFaults(t *testing.T) {
	for want, harm := range map[string]func(notify.Writer, notify.Digest, notify.Issue, notify.Recipient) error{
		"no reader with id 77": func(w notify.Writer, d notify.Digest, _ notify.Issue, _ notify.Recipient) error {
			d.Recipient = 77
			return w.PutDigest(&d)
		},
		"about to send is missing": func(w notify.Writer, d notify.Digest, i notify.Issue, _ notify.Recipient) error {
			return w.RemoveIssue(d.ID, i.IssueKey)
		},
		"there is no digest with id 77": func(w notify.Writer, _ notify.Digest, i notify.Issue, _ notify.Recipient) error {
			i.Digest = 77
			return w.PutIssue(&i)
		},
		"there is no reader with id 78": func(w notify.Writer, _ notify.Digest, _ notify.Issue, _ notify.Recipient) error {
			return w.MarkSent(78, []string{"p"}, time.Now())
		},
		"the next one would be": func(w notify.Writer, d notify.Digest, _ notify.Issue, _ notify.Recipient) error {
			d.ID, d.Current = 99, nil
			return w.PutDigest(&d)
		},
	} {
		s := openStore(t, filepath.Join(t.TempDir(), "d"))
		o := outbox.New(s.DB(), s.Moved)
		d, i, r := full()
		write(t, o, func(w notify.Writer) error {
			return errors.Join(w.PutRecipient(&r, nil), w.PutDigest(&d), w.PutIssue(&i))
		})
		write(t, o, func(w notify.Writer) error { return harm(w, d, i, r) })
		report, err := s.Verify(t.Context())
		if err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), want) {
			t.Errorf("%s: %v, %v", want, err, report.Err())
		}
		s.Close()
	}
}
