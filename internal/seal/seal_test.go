package seal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/paper"
	"akin/internal/seal"
)

func open(t *testing.T, path string) *seal.Seal {
	t.Helper()
	s, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reasonOf(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func TestMadeAtFirstUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", seal.FileName)
	if _, err := seal.OpenExisting(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	sealed := open(t, path).Encrypt("a", []byte("text"))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if plain, err := open(t, path).Decrypt("a", sealed); err != nil || string(plain) != "text" {
		t.Errorf("opened again: %q, %v", plain, err)
	}
}

// Many processes that start at once make one file.
func TestMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), seal.FileName)
	var wait sync.WaitGroup
	digests := make([][]byte, 8)
	for i := range digests {
		wait.Go(func() {
			if s, err := seal.Open(path); err == nil {
				digests[i] = s.Digest("d", []byte("x"))
			} else {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i := range digests {
		if !bytes.Equal(digests[i], digests[0]) {
			t.Fatalf("two secrets were made")
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	open(t, good)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]struct {
		raw  string
		mode fs.FileMode
		want string
	}{
		"group may read": {string(raw), 0o640, "chmod 600"},
		"all may read":   {string(raw), 0o604, "chmod 600"},
		"cut":            {string(raw[:len(raw)/2]), 0o600, "not whole"},
		"empty":          {"", 0o600, "not whole"},
		"another form":   {`{"format":"akin.secrets.v9"}`, 0o600, "format"},
		"no secrets":     {`{"format":"akin.secrets.v1","secrets":[]}`, 0o600, "0 secrets"},
		"short secret":   {`{"format":"akin.secrets.v1","secrets":[{"id":"01020304","secret":"c2hvcnQ="}]}`, 0o600, "32 bytes"},
		"twice": {
			`{"format":"akin.secrets.v1","secrets":[{"id":"01020304","secret":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},{"id":"01020304","secret":"y"}]}`,
			0o600, "two of its secrets",
		},
		"huge": {strings.Repeat(" ", 100_000), 0o600, "larger"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if err := errors.Join(os.WriteFile(path, []byte(one.raw), 0o600), os.Chmod(path, one.mode)); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(path); err == nil || !strings.Contains(err.Error(), one.want) || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := seal.Rotate(path, time.Now()); err == nil {
			t.Errorf("%s: rotated", name)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != one.raw {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := seal.Open(dir); err == nil {
		t.Error("a folder was taken")
	}
	if _, err := seal.Open(""); err == nil {
		t.Error("no path was taken")
	}
}

// What was encrypted or signed before a rotation goes on; what is after it goes by the
// new secret; what a forgotten secret made is refused with its reason.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), seal.FileName)
	s := open(t, path)
	sealed, token, digest := s.Encrypt("a", []byte("x")), s.Sign("a", []byte("y")), s.Digest("a", []byte("z"))
	if _, err := seal.Rotate(path, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if s.Current(sealed) || !s.Current(s.Encrypt("a", nil)) {
		t.Error("the new secret does not encrypt")
	}
	if plain, err := s.Decrypt("a", sealed); err != nil || string(plain) != "x" {
		t.Errorf("%q, %v", plain, err)
	}
	if payload, err := s.Verify("a", token); err != nil || string(payload) != "y" {
		t.Errorf("%q, %v", payload, err)
	}
	all := s.Digests("a", []byte("z"))
	if len(all) != 2 || !bytes.Equal(all[1], digest) || bytes.Equal(all[0], digest) || !bytes.Equal(all[0], s.Digest("a", []byte("z"))) {
		t.Errorf("digests %x", all)
	}
	if gone, err := seal.Forget(path, time.Now().Add(24*time.Hour)); err != nil || gone != 1 {
		t.Errorf("forgot %d, %v", gone, err)
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decrypt("a", sealed); reasonOf(err) != seal.ReasonSecretMissing || reasonOf(s.Has(sealed)) != seal.ReasonSecretMissing {
		t.Errorf("decrypted with a forgotten secret: %v", err)
	}
	if _, err := s.Verify("a", token); reasonOf(err) != seal.ReasonTokenInvalid {
		t.Errorf("verified with a forgotten secret: %v", err)
	}
}

// A token that is changed anywhere, or of another purpose, is none.
func TestTokens(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), seal.FileName))
	token := s.Sign("unsubscribe", []byte("payload"))
	if _, err := s.Verify("confirm", token); reasonOf(err) != seal.ReasonTokenInvalid {
		t.Errorf("of another purpose: %v", err)
	}
	for i := range token {
		for _, c := range []string{"A", "B", "-", "\n", "%", "="} {
			if changed := token[:i] + c + token[i+1:]; changed != token {
				if _, err := s.Verify("unsubscribe", changed); reasonOf(err) != seal.ReasonTokenInvalid {
					t.Fatalf("%q for %q: %v", changed, token, err)
				}
			}
		}
	}
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "A", token + "\n", token + "=", strings.Repeat("A", 1<<20), "é"} {
		if _, err := s.Verify("unsubscribe", bad); reasonOf(err) != seal.ReasonTokenInvalid {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	if _, err := open(t, filepath.Join(t.TempDir(), seal.FileName)).Verify("unsubscribe", token); err == nil {
		t.Error("another file's secret verified it")
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 30, 0, time.UTC)
	s := open(t, filepath.Join(t.TempDir(), seal.FileName)).WithClock(func() time.Time { return now })
	token := s.SignUntil("a", []byte("p"), now.Add(time.Hour))
	for after, want := range map[time.Duration]string{0: "", time.Hour: "", time.Hour + time.Minute: seal.ReasonTokenExpired} {
		at := now.Add(after)
		if _, err := s.WithClock(func() time.Time { return at }).Verify("a", token); reasonOf(err) != want {
			t.Errorf("after %v: %v", after, err)
		}
	}
	far := s.WithClock(func() time.Time { return now.AddDate(300, 0, 0) })
	if _, err := far.Verify("a", s.Sign("a", nil)); err != nil {
		t.Errorf("a token for ever: %v", err)
	}
}

func TestEncryption(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), seal.FileName))
	one, two := s.Encrypt("a", []byte("someone@example.org")), s.Encrypt("a", []byte("someone@example.org"))
	if bytes.Equal(one, two) || bytes.Contains(one, []byte("someone")) {
		t.Error("encryption shows what is encrypted")
	}
	if _, err := s.Decrypt("b", one); paper.KindOf(err) != paper.DataLoss {
		t.Errorf("of another purpose: %v", err)
	}
	for i := range one {
		changed := bytes.Clone(one)
		changed[i] ^= 1
		if _, err := s.Decrypt("a", changed); err == nil {
			t.Fatalf("byte %d changed", i)
		}
	}
	for n := range len(one) {
		if _, err := s.Decrypt("a", one[:n]); err == nil {
			t.Fatalf("cut to %d bytes", n)
		}
	}
}
