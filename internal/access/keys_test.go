package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/paper"
)

var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func create(t *testing.T, f File, s Spec) (Key, string) {
	t.Helper()
	if s.Scopes == 0 {
		s.Scopes = Read
	}
	k, token, err := f.Create(s, start)
	if err != nil {
		t.Fatal(err)
	}
	return k, token
}

func ringOver(t *testing.T, f File, rules Rules) *Ring {
	t.Helper()
	r, err := OpenRing(f, rules, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reasonOf(err error) string {
	var e *paper.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return fmt.Sprint(err)
}

func TestTokensAreRecognised(t *testing.T) {
	token, d := newToken("abcdefgh")
	id, same, ok := parseToken(token)
	if !ok || id != "abcdefgh" || same != d || !strings.HasPrefix(token, "akin_abcdefgh_") {
		t.Errorf("%s is read as %s, %v", token, id, ok)
	}
	other, _ := newToken("abcdefgh")
	if other == token {
		t.Error("two tokens are the same")
	}
	swapped := []byte(token)
	swapped[20], swapped[21] = swapped[21]+1, swapped[20]
	for _, bad := range []string{"", "akin_", token[:len(token)-1], token + "x", string(swapped), strings.ToUpper(token), "akin_abcdefghx" + token[14:]} {
		if _, _, ok := parseToken(bad); ok {
			t.Errorf("%q passes for a token", bad)
		}
	}
	if CheckToken(token) != nil || CheckToken("a.b.c") != nil || CheckToken(token[:40]) == nil {
		t.Error("the form of tokens is judged wrongly")
	}
}

func TestKeysAreKept(t *testing.T) {
	f := In(filepath.Join(t.TempDir(), "access"))
	if keys, err := f.List(); err != nil || len(keys) != 0 {
		t.Fatal(keys, err)
	}
	k, token := create(t, f, Spec{Name: "lab", Scopes: Read | Write, Collections: []string{"a", "b"}, Expires: start.Add(time.Hour), Quota: Quota{Rate: 2.5, Concurrency: 3}})
	create(t, f, Spec{Name: "other", Owner: "somebody"})
	raw, err := os.ReadFile(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), token[len(TokenPrefix)+idLength+1:]) {
		t.Error("the secret is in the file")
	}
	info, err := os.Stat(f.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	keys, err := f.List()
	if err != nil || len(keys) != 2 || keys[1].Owner != "somebody" {
		t.Fatal(keys, err)
	}
	got, want := fmt.Sprintf("%+v", keys[0]), fmt.Sprintf("%+v", k)
	if got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
}

func TestKeysThatAreNotMade(t *testing.T) {
	f := In(t.TempDir())
	create(t, f, Spec{Name: "taken"})
	for want, s := range map[string]Spec{
		"name is \"\"":             {Scopes: Read},
		"characters":               {Name: "a\x1b[2J", Scopes: Read},
		"looks like a secret":      {Name: "akin_x", Scopes: Read},
		"101 bytes":                {Name: strings.Repeat("x", 101), Scopes: Read},
		"scopes is empty":          {Name: "x"},
		"has passed":               {Name: "x", Scopes: Read, Expires: start},
		"rate -1":                  {Name: "x", Scopes: Read, Quota: Quota{Rate: -1}},
		"which the key":            {Name: "taken", Scopes: Read},
		"together with the scope ": {Name: "x", Scopes: Admin, Collections: []string{"a"}},
	} {
		if _, token, err := f.Create(s, start); err == nil || token != "" || !strings.Contains(err.Error(), want) || paper.KindOf(err) != paper.Invalid {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	if keys, _ := f.List(); len(keys) != 1 {
		t.Errorf("there are %d keys", len(keys))
	}
	for _, bad := range [][]string{nil, {"all"}, {"read", ""}, {"Read"}} {
		if _, err := ParseScopes(bad); err == nil {
			t.Errorf("scopes %q are taken", bad)
		}
	}
}

// Whoever writes at the same time, no key is lost.
func TestKeysAreMadeInOrder(t *testing.T) {
	f := In(t.TempDir())
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if _, _, err := f.Create(Spec{Name: fmt.Sprint("k", i), Scopes: Read}, start); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if keys, err := f.List(); err != nil || len(keys) != 16 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// A token is good or not, and nobody hears why not.
func TestWho(t *testing.T) {
	f := In(t.TempDir())
	r := ringOver(t, f, Rules{})
	if c, err := r.Who(t.Context(), "", start); err != nil || r.Asks() || c.Scopes != All {
		t.Fatalf("without keys: %+v, %v", c, err)
	}
	good, token := create(t, f, Spec{Name: "good", Owner: "ann", Scopes: Write})
	_, brief := create(t, f, Spec{Name: "brief", Expires: start.Add(time.Minute)})
	_, revoked := create(t, f, Spec{Name: "revoked"})
	_, rotated := create(t, f, Spec{Name: "rotated"})
	_, graced := create(t, f, Spec{Name: "graced"})
	if _, err := f.Revoke("revoked", start); err != nil {
		t.Fatal(err)
	}
	_, rotatedNew, err := f.Rotate("rotated", 0, start)
	if err != nil {
		t.Fatal(err)
	}
	_, gracedNew, err := f.Rotate("graced", time.Minute, start)
	if err != nil {
		t.Fatal(err)
	}
	r.Check(start)
	foreign, _ := newToken(good.ID)
	unknown, _ := newToken("zzzzzzzz")
	for _, c := range []struct {
		name, token string
		after       time.Duration
		want        string // reason; empty is good
	}{
		{"none", "", 0, paper.ReasonKeyMissing},
		{"good", token, 100 * time.Hour, ""},
		{"before its end", brief, 59 * time.Second, ""},
		{"at its end", brief, time.Minute, paper.ReasonKeyInvalid},
		{"revoked", revoked, 0, paper.ReasonKeyInvalid},
		{"rotated", rotated, 0, paper.ReasonKeyInvalid},
		{"rotated, new", rotatedNew, 0, ""},
		{"within its grace", graced, 59 * time.Second, ""},
		{"after its grace", graced, time.Minute, paper.ReasonKeyInvalid},
		{"its new one", gracedNew, time.Hour, ""},
		{"another secret of a key", foreign, 0, paper.ReasonKeyInvalid},
		{"an unknown key", unknown, 0, paper.ReasonKeyInvalid},
		{"garbage", "x", 0, paper.ReasonKeyInvalid},
		{"a JWT, where none is taken", "a.b.c", 0, paper.ReasonKeyInvalid},
	} {
		got, err := r.Who(t.Context(), c.token, start.Add(c.after))
		if c.want == "" && err != nil || c.want != "" && reasonOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if c.want == paper.ReasonKeyInvalid && err.Error() != Refused().Error() {
			t.Errorf("%s: the message says more: %v", c.name, err)
		}
		if c.name == "good" && (got.Owner != "ann" || got.KeyID != good.ID || got.Scopes != Write) {
			t.Errorf("the caller is %+v", got)
		}
	}
}

// What goes on ends with its key, and only that.
func TestSessionsEnd(t *testing.T) {
	f := In(t.TempDir())
	_, kept := create(t, f, Spec{Name: "kept"})
	_, revoked := create(t, f, Spec{Name: "revoked"})
	_, brief := create(t, f, Spec{Name: "brief", Expires: start.Add(time.Minute)})
	_, graced := create(t, f, Spec{Name: "graced"})
	r := ringOver(t, f, Rules{})
	ended := make(map[string]error)
	for name, token := range map[string]string{"kept": kept, "revoked": revoked, "brief": brief, "graced": graced} {
		c, err := r.Who(t.Context(), token, start)
		if err != nil {
			t.Fatal(err)
		}
		r.Begin(&c, func(err error) { ended[name] = err })
	}
	c, err := r.Who(t.Context(), revoked, start)
	if err != nil {
		t.Fatal(err)
	}
	r.Begin(&c, func(error) { t.Error("what was over is ended") })()
	r.Check(start)
	if len(ended) != 0 {
		t.Fatalf("ended %v", ended)
	}
	if _, err := f.Revoke("revoked", start); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Rotate("graced", time.Minute, start); err != nil {
		t.Fatal(err)
	}
	r.Check(start.Add(59 * time.Second))
	if len(ended) != 1 || reasonOf(ended["revoked"]) != paper.ReasonKeyInvalid {
		t.Errorf("ended %v", ended)
	}
	r.Check(start.Add(time.Minute))
	if len(ended) != 3 || ended["kept"] != nil {
		t.Errorf("ended %v", ended)
	}
}

// The first key ends what strangers have under way.
func TestFirstKey(t *testing.T) {
	f := In(t.TempDir())
	r := ringOver(t, f, Rules{})
	stranger, err := r.Who(t.Context(), "", start)
	if err != nil {
		t.Fatal(err)
	}
	var ended error
	r.Begin(&stranger, func(err error) { ended = err })
	create(t, f, Spec{Name: "first"})
	r.Check(start)
	if !r.Asks() || reasonOf(ended) != paper.ReasonKeyMissing {
		t.Errorf("asks: %v, ended: %v", r.Asks(), ended)
	}
	reading := ringOver(t, f, Rules{Anonymous: Read})
	if c, err := reading.Who(t.Context(), "", start); err != nil || c.Scopes != Read {
		t.Errorf("anonymous: %+v, %v", c, err)
	}
}

// A damaged file is refused at the start; while a server runs, the keys before stay.
func TestDamagedKeys(t *testing.T) {
	f := In(t.TempDir())
	_, token := create(t, f, Spec{Name: "k"})
	raw, err := os.ReadFile(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	r, err := OpenRing(f, Rules{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func() error{
		"cut":   func() error { return os.WriteFile(f.Path(), raw[:len(raw)/2], 0o600) },
		"empty": func() error { return os.WriteFile(f.Path(), nil, 0o600) },
		"changed": func() error {
			return os.WriteFile(f.Path(), []byte(strings.Replace(string(raw), `"read"`, `"admin"`, 1)), 0o600)
		},
		"newer": func() error {
			return os.WriteFile(f.Path(), []byte(strings.Replace(string(raw), "keys.v1", "keys.v2", 1)), 0o600)
		},
		"writable":  func() error { return errors.Join(os.WriteFile(f.Path(), raw, 0o600), os.Chmod(f.Path(), 0o666)) },
		"a folder":  func() error { return os.Mkdir(f.Path(), 0o700) },
		"too large": func() error { return os.WriteFile(f.Path(), make([]byte, maxKeysBytes+1), 0o600) },
	}
	for name, damage := range damages {
		log.Reset()
		if err := errors.Join(os.RemoveAll(f.Path()), damage()); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenRing(f, Rules{}, slog.New(slog.DiscardHandler)); paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), f.Path()) {
			t.Errorf("%s: a start says %v", name, err)
		}
		r.Check(start)
		r.Check(start)
		if _, err := r.Who(t.Context(), token, start); err != nil {
			t.Errorf("%s: the key before is %v", name, err)
		}
		if _, err := r.Who(t.Context(), "", start); err == nil {
			t.Errorf("%s: strangers are let in", name)
		}
		if strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: logged %q", name, &log)
		}
		if _, _, err := f.Create(Spec{Name: "x", Scopes: Read}, start); err == nil {
			t.Errorf("%s: a key is made over it", name)
		}
	}
	if err := os.RemoveAll(f.Path()); err != nil {
		t.Fatal(err)
	}
	r.Check(start)
	if _, err := r.Who(t.Context(), "", start); err == nil || !r.Asks() {
		t.Error("without the file, strangers are let in")
	}
	if err := os.WriteFile(f.Path(), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil {
		t.Error(err)
	}
}

// The first version of the file can be read for ever.
func TestFormat1(t *testing.T) {
	raw, err := os.ReadFile("testdata/keys.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"id":"7dba32l3","name":"reader","owner":"reader","scopes":["read"],"created":"2026-05-04T03:02:01Z","revoked":"2026-05-05T00:00:00Z","sha256":"b02564bfaafba9b14056af4a3974deac5c0b9f6dfe782525ded00d581673a4b8"},` +
		`{"id":"letl3mzn","name":"bot","owner":"the lab","scopes":["read","write"],"collections":["papers"],"created":"2026-05-04T03:02:01Z","expires":"2036-05-04T03:02:01Z","rotated":"2026-05-05T00:00:00Z","rate":2.5,"concurrency":4,"sha256":"c21b96fe530734a8694044550f446a526108f9d837250d033b7e35693ca4c61a","previous":{"sha256":"b02564bfaafba9b14056af4a3974deac5c0b9f6dfe782525ded00d581673a4b8","expires":"2026-05-06T00:00:00Z"}}]`
	if string(got) != want {
		t.Errorf("read %s", got)
	}
}

func TestForgotten(t *testing.T) {
	keys := make([]Key, keptRevoked+5)
	for i := range keys {
		keys[i] = Key{ID: fmt.Sprint(i), Revoked: start}
	}
	keys[0].Revoked = time.Time{}
	left := forget(keys, start)
	if len(left) != keptRevoked || left[0].ID != "0" || left[1].ID != "6" {
		t.Errorf("%d are left, %s and %s first", len(left), left[0].ID, left[1].ID)
	}
}

// A key that was just made, or has a new secret, is good at once; what ended is not
// noticed before the server looks.
func TestNewKeysAreGoodAtOnce(t *testing.T) {
	f := In(t.TempDir())
	first, token := create(t, f, Spec{Name: "first"})
	r := ringOver(t, f, Rules{})
	_, second := create(t, f, Spec{Name: "second"})
	if c, err := r.Who(t.Context(), second, start); err != nil || c.Key != "second" {
		t.Errorf("a new key: %+v, %v", c, err)
	}
	_, rotated, err := f.Rotate(first.ID, 0, start)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Who(t.Context(), rotated, start); err != nil || c.Key != "first" {
		t.Errorf("a new secret: %+v, %v", c, err)
	}
	if _, err := r.Who(t.Context(), token, start); err == nil {
		t.Error("the old secret is good once the file was read again")
	}
	unknown, _ := newToken("abcdefgh")
	if _, err := r.Who(t.Context(), unknown, start); err == nil {
		t.Error("a key that nobody made is good")
	}
}
