package share_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/follow/register"
	"akin/internal/kv"
	"akin/internal/paper"
	"akin/internal/seal"
	"akin/internal/share"
	"akin/internal/store"
)

// Owners whose names no token can hold by chance: "." is no sign of base64url.
const (
	ann = "ann.a"
	bo  = "bo.b"
)

func open(t *testing.T) (*store.Store, *share.Shares, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "d"), store.Options{Create: true, Beside: []store.Beside{
		{Prefixes: register.Prefixes(), Verify: register.Verify}, {Verify: share.Verify},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	path := filepath.Join(dir, "secrets.json")
	secrets, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, share.New(s.DB(), s.Moved, secrets), path
}

func TestTokens(t *testing.T) {
	s, shares, path := open(t)
	token := func(owner string, feed uint32, anew bool) string {
		t.Helper()
		got, err := shares.Token(t.Context(), owner, feed, anew)
		if err != nil || strings.Contains(got, owner) || strings.ContainsAny(got, "/+=?#&") {
			t.Fatalf("%q, %v", got, err)
		}
		return got
	}
	one, two, all := token(ann, 1, false), token(ann, 2, false), token(ann, share.All, false)
	if again := token(ann, 1, false); again != one || one == two || two == all || token(bo, 1, false) == one {
		t.Errorf("%s, %s, %s", one, again, two)
	}
	for at, want := range map[string]uint32{one: 1, two: 2, all: 0} {
		if owner, feed, err := shares.Read(t.Context(), at); err != nil || owner != ann || feed != want {
			t.Errorf("%s, %d, %v", owner, feed, err)
		}
	}
	renewed := token(ann, 1, true)
	for _, bad := range []string{one, "", "x", one[:len(one)-2], renewed + "A", strings.ToLower(renewed)} {
		if owner, _, err := shares.Read(t.Context(), bad); paper.KindOf(err) != paper.NotFound || owner != "" {
			t.Errorf("%q leads to %q, %v", bad, owner, err)
		}
	}
	if _, feed, err := shares.Read(t.Context(), renewed); err != nil || feed != 1 {
		t.Errorf("%d, %v", feed, err)
	}
	// A new secret breaks no address; another server's secret opens none.
	if _, err := seal.Rotate(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	secrets, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := share.New(s.DB(), s.Moved, secrets).Read(t.Context(), two); err != nil {
		t.Error(err)
	}
	other, err := seal.Open(filepath.Join(t.TempDir(), "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := share.New(s.DB(), s.Moved, other).Read(t.Context(), two); paper.KindOf(err) != paper.NotFound {
		t.Error(err)
	}
	if report, err := s.Verify(t.Context()); err != nil || report.Err() != nil {
		t.Errorf("%v, %v", err, report.Err())
	}
}

func TestVerify(t *testing.T) {
	s, shares, _ := open(t)
	if _, err := shares.Token(t.Context(), ann, 1, false); err != nil {
		t.Fatal(err)
	}
	end, err := s.DB().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch := s.DB().NewBatch()
	from := []byte{0x28, 6}
	if err := batch.DeleteRange(from, kv.After(from)); err != nil {
		t.Fatal(err)
	}
	after, err := s.DB().Commit(batch)
	if err != nil {
		t.Fatal(err)
	}
	s.Moved(after)
	end()
	if report, err := s.Verify(t.Context()); err != nil || report.Err() == nil || !strings.Contains(report.Err().Error(), "leads nowhere") {
		t.Errorf("%v, %v", err, report.Err())
	}
}
