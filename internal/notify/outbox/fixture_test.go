package outbox_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"akin/internal/kv"
	"akin/internal/notify"
	"akin/internal/notify/outbox"
	"akin/internal/store"
)

var update = flag.Bool("update", false, "write the fixture anew: only for a new version of the format")

// fixture has the keys and values that version 1 of the format makes of full, in hex. It
// must not change: what was written by it must be readable for ever.
var fixture = filepath.Join("testdata", "v1.txt")

func dump(t *testing.T, s *store.Store) string {
	t.Helper()
	snap := s.DB().Snapshot()
	defer snap.Close()
	var b strings.Builder
	for _, prefix := range outbox.Prefixes() {
		from := []byte{prefix}
		if err := snap.Scan(t.Context(), from, kv.After(from), func(key, value []byte) error {
			fmt.Fprintf(&b, "%x %x\n", key, value)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func putFull(w notify.Writer) error {
	d, i, r := full()
	return errors.Join(w.PutRecipient(&r, nil), w.PutDigest(&d), w.PutIssue(&i), w.MarkSent(1, []string{"p", "q/../r"}, i.EndTime),
		w.PutTrouble(notify.Trouble{Count: 2, Since: i.Planned, Until: i.NextTry, Words: "down"}))
}

// What is written is what the fixture has, byte for byte.
func TestFormatIsThatOfTheFixture(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "d"))
	write(t, outbox.New(s.DB(), s.Moved), putFull)
	got := dump(t, s)
	if *update {
		if err := os.WriteFile(fixture, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the format has changed: write a new version, that reads this one\ngot\n%s\nwant\n%s", got, want)
	}
}

// What the fixture has is read, and is what was written.
func TestFixtureIsRead(t *testing.T) {
	raw, err := os.ReadFile(fixture)
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, filepath.Join(t.TempDir(), "d"))
	end, err := s.DB().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := s.DB().NewBatch()
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		k, err := hex.DecodeString(key)
		v, err2 := hex.DecodeString(value)
		if err := errors.Join(err, err2, b.Set(k, v)); err != nil {
			t.Fatal(err)
		}
	}
	after, err := s.DB().Commit(b)
	if err != nil {
		t.Fatal(err)
	}
	s.Moved(after)
	end()
	d, i, r := full()
	d.ID, i.Digest, r.ID = 1, 1, 1
	err = outbox.New(s.DB(), s.Moved).Read(t.Context(), func(got notify.Reader) error {
		gotD, _, err := got.Digest(1)
		gotI, _, err2 := got.Issue(1, i.IssueKey)
		gotR, _, err3 := got.Recipient(1)
		if !reflect.DeepEqual(gotD, d) || !reflect.DeepEqual(gotI, i) || !reflect.DeepEqual(gotR, r) {
			t.Errorf("got\n%+v\n%+v\n%+v\nwant\n%+v\n%+v\n%+v", gotD, gotI, gotR, d, i, r)
		}
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := s.Verify(t.Context()); err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}
