package notify_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"akin/internal/notify"
	"akin/internal/paper"
	"akin/internal/seal"
)

// contents gives all that is on the disk of a rig.
func contents(t *testing.T, r *rig) []byte {
	t.Helper()
	var all bytes.Buffer
	names, err := r.fs.List("d")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := r.fs.Open("d/" + name)
		if err != nil {
			continue
		}
		if info, err := f.Stat(); err == nil && !info.IsDir() {
			raw := make([]byte, info.Size())
			f.ReadAt(raw, 0)
			all.Write(raw)
		}
		f.Close()
	}
	return all.Bytes()
}

// An address is nowhere in clear: not on the disk, not in the log, whatever fails, and
// not in what others are told. After a rotation it is found and encrypted anew; what was
// forgotten says so.
func TestAddressesAreSealed(t *testing.T) {
	r := newRig(t, notify.Settings{})
	defer r.close()
	b := r.make("planted", nil)
	r.shelf.add("f", r.now(), "p0")
	r.box.next = []plan{{outcome: notify.Deferred, silent: true}, {outcome: notify.Unreachable, silent: true}, {outcome: notify.Rejected, silent: true}}
	r.run(2 * aDay)
	if err := r.Subscribe(t.Context(), notify.Subscription{Address: "planted@example.org", Schedule: daily(0, ""), Caller: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Subscribe(t.Context(), notify.Subscription{Address: "planted@", Schedule: daily(0, "")}); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("a bad address: %v", err)
	}
	r.run(time.Hour)
	if bytes.Contains(contents(t, r), []byte("planted@")) || strings.Contains(r.log.String(), "planted@") {
		t.Errorf("the address is in clear, on the disk or in the log:\n%s", r.log)
	}
	count := func() (n int) {
		if err := r.Store.Read(t.Context(), func(s notify.Reader) error {
			return s.Recipients(func(*notify.Recipient) error { n++; return nil })
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Errorf("%d readers for one address", n)
	}
	if _, err := seal.Rotate(r.secret, r.now()); err != nil {
		t.Fatal(err)
	}
	if err := r.Seal.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := r.Subscribe(t.Context(), notify.Subscription{Address: "PLANTED@example.org", Listing: notify.Newest, Schedule: daily(0, ""), Caller: "x"}); err != nil || count() != 1 {
		t.Errorf("after a rotation: %v, %d readers", err, count())
	}
	for _, want := range []int{1, 0} {
		if n, err := r.Reseal(t.Context()); err != nil || n != want {
			t.Errorf("encrypted %d anew, %v; want %d", n, err, want)
		}
	}
	if _, err := seal.Forget(r.secret, time.Now().AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := r.Seal.Reload(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Get(t.Context(), owner, "planted"); err != nil || got.Address != b.Address {
		t.Errorf("after the old secret was forgotten: %+v, %v", got, err)
	}
	r.verify()
}

// Whatever is written as an address, it is one, or it is refused with what is wrong.
func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.org": "a@example.org", " A.b+c@EXAMPLE.org ": "A.b+c@example.org", "jürgen@bücher.example": "jürgen@xn--bcher-kva.example",
		"a@xn--bcher-kva.example": "a@xn--bcher-kva.example", "用户@例え.jp": "用户@xn--r8jz45g.jp", "o'neil@example.org": "o'neil@example.org", "a@localhost": "a@localhost",
	} {
		if got, err := notify.ParseAddress("address", in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "a", "@example.org", "a@", "a b@example.org", "a@exa mple.org", `"a b"@example.org`, `"a"@example.org`, "A <a@example.org>", "a@example.org, b@example.org",
		"a@example.org\r\nBcc: b@example.org", "a\r\n@example.org", "a@[127.0.0.1]", "a@127.0.0.1", "a@-example.org", "a@example..org", ".a@example.org", "a..b@example.org",
		"a@example.org\x00", "a\u202e@example.org", "a@exam\u200bple.org", "a@example.org>", "<a@example.org", "a(c)@example.org", "a@b@example.org", "a;b@example.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("a", 64) + ".org", "a@" + strings.Repeat("a.", 150) + "org", "\xff@example.org", "a@\xff.org",
	} {
		got, err := notify.ParseAddress("address", bad)
		if paper.KindOf(err) != paper.Invalid {
			t.Errorf("%q was taken as %q, %v", bad, got, err)
		}
	}
}

// bounce is a mail that a mail server returns.
func bounce(messageID, action, status string) string {
	return strings.ReplaceAll(fmt.Sprintf(`From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: akin@example.org
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not work.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; d@example.org
Action: %s
Status: %s

--b
Content-Type: message/rfc822

Message-ID: <%s>
Subject: x

text that quotes Message-ID: <%[3]s>
--b--
`, action, status, messageID), "\n", "\r\n")
}

// Bounces of our mails count, each once; notes of holidays, of delay, and of mails of
// others do not.
func TestBounces(t *testing.T) {
	r := newRig(t, notify.Settings{})
	defer r.close()
	r.make("d", nil)
	for i := range 3 {
		r.shelf.add("f", r.now(), fmt.Sprint("p", i))
		r.run(aDay)
	}
	mails := r.box.got()
	if len(mails) != 3 {
		t.Fatalf("%d mails", len(mails))
	}
	forged := strings.Replace(mails[0].MessageID, "@", "0@", 1)
	forged = forged[:len("d1.1.20000101.")] + "00000000000000000000@example.org"
	for name, raw := range map[string]string{
		"no mail": "x", "a holiday": "From: a@b\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: <" + mails[0].MessageID + ">\r\n\r\nI am away.",
		"forged": bounce(forged, "failed", "5.1.1"), "another's": bounce("x@example.net", "failed", "5.1.1"),
		"no boundary": "Content-Type: multipart/report; report-type=delivery-status\r\n\r\nx",
		"quoted only": strings.Replace(bounce("other@example.net", "failed", "5.1.1"), "quotes Message-ID: <other@example.net>", "quotes "+mails[0].MessageID, 1),
	} {
		if got, err := r.ReportBounce(t.Context(), []byte(raw)); paper.KindOf(err) != paper.Invalid || got.Counted {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := r.ReportBounce(t.Context(), []byte(bounce(mails[0].MessageID, "delayed", "4.4.1"))); err != nil || got.Counted {
		t.Errorf("delayed: %+v, %v", got, err)
	}
	for i, want := range []bool{true, false} {
		if got, err := r.ReportBounce(t.Context(), []byte(bounce(mails[0].MessageID, "failed", "5.1.1"))); err != nil || got.Counted != want {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
	st, err := r.Status(t.Context(), owner, "d")
	if err != nil || !st.PausedUntil.IsZero() {
		t.Errorf("paused after one: %v, %v", st.PausedUntil, err)
	}
	verp := strings.Replace(bounce("gone@example.net", "failed", "5.1.1"), "To: akin@", "To: bounces+"+mails[1].MessageID[:strings.IndexByte(mails[1].MessageID, '@')]+"@", 1)
	if got, err := r.ReportBounce(t.Context(), []byte(verp)); err != nil || !got.Counted {
		t.Errorf("by the return path: %+v, %v", got, err)
	}
	if st, err = r.Status(t.Context(), owner, "d"); err != nil || st.PausedUntil.IsZero() || !slices.ContainsFunc(st.Issues, func(i notify.Issue) bool { return i.Bounced }) {
		t.Errorf("not paused after two: %+v, %v", st.Words, err)
	}
	r.verify()
}

// A paper that cannot be told of, or that panics, costs itself alone; a collection that
// cannot be read costs a delay.
func TestOneBadPaper(t *testing.T) {
	r := newRig(t, notify.Settings{})
	defer r.close()
	r.make("d", nil)
	r.shelf.add("f", r.now(), "good", "gone", "hostile")
	delete(r.shelf.papers, "gone")
	bad := r.shelf.papers["hostile"]
	bad.Title, bad.Abstract, bad.Authors = strings.Repeat("$\\frac{", 2000), "\xff\x00<script>"+strings.Repeat("x", 1<<16), nil
	bad.URLs = []string{"javascript:alert(1)", "https://user:pass@example.org/", "https://example.org/\r\nX: y"}
	r.shelf.papers["hostile"] = bad
	r.shelf.fail = fs.ErrInvalid
	r.run(8 * time.Hour)
	if n := len(r.box.got()); n != 0 {
		t.Fatalf("%d mails although nothing could be read", n)
	}
	r.shelf.fail = nil
	r.run(2 * time.Hour)
	mails := r.box.got()
	if len(mails) != 1 || !slices.Contains(papersOf(mails[0]), "good") || strings.Contains(mails[0].HTML, "<script") || strings.Contains(mails[0].HTML, `"javascript:`) {
		t.Fatalf("%d mails", len(mails))
	}
	if len(mails[0].HTML) > 100_000 || strings.ContainsAny(mails[0].Subject, "\r\n") {
		t.Errorf("%d bytes, subject %q", len(mails[0].HTML), mails[0].Subject)
	}
}

// More papers than a mail has are left to the page, and nothing of them comes again.
func TestMany(t *testing.T) {
	r := newRig(t, notify.Settings{})
	defer r.close()
	r.make("d", func(d *notify.Digest) { d.MaxItems = 26 })
	r.shelf.add("f", r.now(), ids("p", 0, 700)...)
	r.run(3 * aDay)
	mails := r.box.got()
	if len(mails) != 1 || len(papersOf(mails[0])) != 26 || !strings.Contains(mails[0].Text, "and 674 more on the page") || !strings.Contains(mails[0].Subject, "and 699 more") {
		t.Fatalf("%d mails, %s", len(mails), mails[0].Subject)
	}
}
