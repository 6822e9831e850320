package pending

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names gives what is in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	if err := WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("half"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("%q is there before the file is whole", got)
	}
	if err := errors.Join(f.Abandon(), f.Abandon()); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a.json"}) {
		t.Errorf("an abandoned file left %q", got)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("commit after abandon: %v", err)
	}
	if err := WriteFile(path, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("%q, want the new file", got)
	}
}

// The environment variable of TestMain, which makes this program one that begins
// a file and dies.
const dieFor = "PENDING_TEST_DIE_FOR"

func TestMain(m *testing.M) {
	if path := os.Getenv(dieFor); path != "" {
		f, err := Create(path, 0o644)
		if err != nil {
			os.Exit(2)
		}
		f.WriteString("half")
		os.Exit(0) // the file is left as a kill leaves it
	}
	os.Exit(m.Run())
}

// What a dead process left is removed; what lives, and what only looks alike, is
// not.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	die := func(name string) {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), dieFor+"="+filepath.Join(dir, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	others := []string{
		".a.json.akin-0123456789abcde.pending", ".a.json.akin-0123456789abcdeG.pending", ".a.json12345", "a.json.akin-0123456789abcdef.pending",
		".akin-0123456789abcdef.pending",
	}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := ".folder.akin-0123456789abcdef.pending"
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	link := ".link.akin-0123456789abcdef.pending"
	if err := os.Symlink(others[0], filepath.Join(dir, link)); err != nil {
		t.Fatal(err)
	}
	others = append(others, folder, link)
	alive, err := Create(filepath.Join(dir, "alive"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	die("a.json")
	die("b.json")
	left := len(names(t, dir))
	if left != len(others)+3 {
		t.Fatalf("two dead files, one that lives and %d others are %q", len(others), names(t, dir))
	}
	// Making a file anew removes what was left of it, and of no other.
	if err := WriteFile(filepath.Join(dir, "a.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != left || slices.ContainsFunc(got, func(s string) bool { return pattern.MatchString(s) && strings.HasPrefix(s, ".a.json.akin-") }) {
		t.Errorf("after writing a.json: %q", got)
	}
	if err := SweepFolder(dir); err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(others), "a.json", filepath.Base(alive.Name()))
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("after a sweep:\n%q, want\n%q", got, want)
	}
	if err := alive.Commit(); err != nil {
		t.Errorf("commit after a sweep: %v", err)
	}
	if err := SweepFolder(filepath.Join(dir, "none")); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// A name that cannot be had leaves what was there, and nothing beside it.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x"), 0o644); err == nil {
		t.Error("a file took the place of a folder")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("left: %q", got)
	}
}
