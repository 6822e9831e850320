package local_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"akin/internal/catalog/local"
	"akin/internal/crashtest"
)

// damages are what can become of a file.
func damages(random *rand.Rand) map[string]func(path string, raw []byte) error {
	write := func(path string, raw []byte) error { return os.WriteFile(path, raw, 0o600) }
	instead := func(path string, make func() error) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return make()
	}
	return map[string]func(path string, raw []byte) error{
		"a flipped bit": func(path string, raw []byte) error {
			raw[random.IntN(len(raw))] ^= 1 << random.IntN(8)
			return write(path, raw)
		},
		"cut":         func(path string, raw []byte) error { return write(path, raw[:random.IntN(len(raw))]) },
		"empty":       func(path string, _ []byte) error { return write(path, nil) },
		"zeros":       func(path string, raw []byte) error { return write(path, make([]byte, len(raw))) },
		"longer":      func(path string, raw []byte) error { return write(path, append(raw, "more"...)) },
		"gone":        func(path string, _ []byte) error { return os.Remove(path) },
		"a directory": func(path string, _ []byte) error { return instead(path, func() error { return os.Mkdir(path, 0o700) }) },
		"a pipe": func(path string, _ []byte) error {
			return instead(path, func() error { return syscall.Mkfifo(path, 0o600) })
		},
		"a link to itself": func(path string, _ []byte) error {
			return instead(path, func() error { return os.Symlink(path, path) })
		},
	}
}

// Whatever becomes of a derived file, all papers are found after the next start, what
// was wrong is said once, and the start after that has nothing to say.
func TestDamagedIndexes(t *testing.T) {
	base := filled(t, 0, 200)
	files := filesOf(t, filepath.Join(base, "indexes"))
	seed := crashtest.Seed(t)
	t.Logf("files %q", files)
	random := rand.New(rand.NewPCG(seed, 0))
	kinds := damages(random)
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	tried, said := 0, 0
	for round := range crashtest.Rounds(t, 1) {
		for i, name := range names {
			// Each kind with one file a round, each file with another kind the next.
			file := files[(i+round)%len(files)]
			dir := t.TempDir()
			replace(t, base, dir)
			path := filepath.Join(dir, "indexes", file)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := kinds[name](path, raw); err != nil {
				t.Fatal(err)
			}
			c, log, closeAll := openSaved(t, dir)
			wantFound(t, c, 0, 5)
			lines := refusals(log)
			if len(lines) > 1 || len(lines) == 0 && name != "gone" && name != "a flipped bit" {
				t.Errorf("%s is %s: said was %q", file, name, lines)
			}
			closeAll()
			c, log, closeAll = openSaved(t, dir)
			if again := refusals(log); len(again) > 0 {
				t.Errorf("%s was %s; the second start says %q", file, name, again)
			}
			wantFound(t, c, 5, 10)
			closeAll()
			tried++
			said += len(lines)
		}
	}
	t.Logf("%d damaged files: %d refusals said, every paper found, no second refusal", tried, said)
}

func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, filepath.FromSlash(path))
		}
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	return files
}

// Killed at any moment while papers come and go and the indexes are saved, a directory
// has the graph and the words of before or of after, and all papers are found.
func TestCrashWhileSaving(t *testing.T) {
	random := rand.New(rand.NewPCG(crashtest.Seed(t), 1))
	believed, anew := 0, 0
	for range crashtest.Rounds(t, 1) {
		dir := t.TempDir()
		c, log, closeAll := openSaved(t, dir)
		addNamed(t, c, 0, 150)
		waitLog(t, log, "the graph answers now")
		copies := make([]string, 3)
		var at sync.WaitGroup
		at.Go(func() { // while papers come, and while closing saves
			for i := range copies {
				time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				copies[i] = copyInUse(t, dir)
			}
		})
		for n := range 40 {
			addNamed(t, c, 1000+5*n, 1005+5*n)
		}
		closeAll()
		at.Wait()
		for _, copied := range copies {
			c, log, closeAll := openSaved(t, copied)
			wantFound(t, c, 0, 10)
			if strings.Contains(log.String(), "refused") {
				anew++
			} else {
				believed++
			}
			closeAll()
		}
	}
	t.Logf("%d directories as a kill left them: %d with files that were believed, %d with some that were refused; all papers found", believed+anew, believed, anew)
}

// copyInUse copies a directory in the order in which a crash would keep it: the
// derived files before the store, which is what they are held against, and the mark of
// what was acknowledged before the log that must have it.
func copyInUse(t *testing.T, dir string) string {
	to := t.TempDir()
	mark := filepath.Join("data", "store", "MARK.akin")
	acknowledged, err := os.ReadFile(filepath.Join(dir, mark))
	if err != nil {
		t.Error(err)
	}
	for _, part := range []string{"indexes", "data"} {
		for range 20 { // until no file goes while it is copied
			target := filepath.Join(to, part)
			if err := os.RemoveAll(target); err != nil {
				t.Error(err)
			}
			err := os.CopyFS(target, os.DirFS(filepath.Join(dir, part)))
			if err == nil || os.IsNotExist(err) && part == "indexes" {
				break
			}
		}
	}
	if err := os.WriteFile(filepath.Join(to, mark), acknowledged, 0o600); err != nil {
		t.Error(err)
	}
	return to
}

// A wrong vector and a wrong text in the indexes of a running server are found by a
// verification, by name.
func TestVerifyFindsWhatDiffers(t *testing.T) {
	c, log, closeAll := openSaved(t, t.TempDir())
	defer closeAll()
	addNamed(t, c, 0, 120)
	waitLog(t, log, "the graph answers now") // which would mend what is spoilt
	waitLog(t, log, "the graph is saved")    // not put in the place of what is spoilt
	wantSound(t, c)
	local.Spoil(c, 7)
	v, err := c.Verify(t.Context(), func(string, uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]bool{}
	for _, d := range v.Differences {
		parts[d.Part] = true
		if !strings.Contains(d.Description, fmt.Sprintf("%q", put(7, 1).Paper.ID)) || d.Remedy == "" {
			t.Errorf("difference %+v", d)
		}
	}
	for _, part := range []string{local.PartWords, local.PartAttributes, local.PartDuplicates} {
		if !parts[part] {
			t.Errorf("nothing is said of the %s: %+v", part, v.Differences)
		}
	}
	if !parts[local.PartGraph] && !parts[local.PartVectors] {
		t.Errorf("nothing is said of the vectors: %+v", v.Differences)
	}
}
