package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/embed/onnx"
	"akin/internal/model"
	"akin/internal/paper"
	"akin/internal/store"
)

// A data directory goes on in the precision that it began in, unless one is named,
// whatever the machine could do.
func TestDirectoriesKeepTheirPrecision(t *testing.T) {
	for _, c := range []struct{ has, named, want string }{
		{"float32", "", model.Float32},
		{"float32", Auto, model.Float32},
		{"float32", model.BFloat16, model.BFloat16},
		{"bf16", "", model.BFloat16},
		{"bf16", Auto, model.BFloat16},
		{"bf16", model.Float32, model.Float32},
		{"int8-01234567", "", model.Int8},
		{"int8-01234567", model.BFloat16, model.BFloat16},
	} {
		for _, name := range []string{"", "words"} { // also where the model is named
			data := filepath.Join(t.TempDir(), "data")
			s, err := store.Open(data, store.Options{Create: true})
			if err != nil {
				t.Fatal(err)
			}
			has := space()
			has.Precision = c.has
			if _, err := s.EnsureCollection(t.Context(), paper.DefaultCollection, has); err != nil {
				t.Fatal(err)
			}
			config, err := Config{Data: data, Model: name, Precision: c.named, Units: noRuntime{}, Home: t.TempDir()}.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			kept, err := config.follow(s)
			if err != nil || config.Precision != c.want || kept.space != has {
				t.Errorf("%q with %q named: %s, %v; want %s", c.has, c.named, config.Precision, err, c.want)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// noRuntime loads nothing.
type noRuntime struct{}

func (noRuntime) Load(string) (embed.Graph, error) { return nil, errors.New("nothing is run") }

// tiny is a model with made-up weights, and a plugin of made-up files that a home
// has, or not.
func tiny(t *testing.T, home string) resolved {
	t.Helper()
	graph, _ := embedtest.TinyBERT(t, 32)
	at := resolved{
		dir:      filepath.Dir(graph),
		manifest: &model.Manifest{Name: "tiny", Pooling: "mean"},
		matrix:   &model.Matrix{License: "MIT", Folder: "plugin", Package: model.Package{Name: "p", Version: "1"}},
	}
	for _, name := range []string{"plugin.so", "needed.so"} {
		content := []byte("the library " + name)
		sum := sha256.Sum256(content)
		at.matrix.Files = append(at.matrix.Files, model.File{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
		dir := filepath.Join(home, libraryFolder, "plugin")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// Where there are no vectors yet, auto is bf16 only if all that it needs is there
// and whole; else it is float32, and why is said. Nothing that is damaged is loaded.
func TestAuto(t *testing.T) {
	home := t.TempDir()
	at := tiny(t, home)
	ready := at
	ready.dir = t.TempDir() // without weights
	if err := os.WriteFile(filepath.Join(ready.dir, model.GraphFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unpinned := at
	unpinned.matrix = nil
	has := Config{Home: home, Precision: Auto, MatrixUnits: UnitsAuto, assumeUnits: true}
	off := has
	off.MatrixUnits = UnitsOff
	named := has
	named.Precision = model.Float32
	for _, c := range []struct {
		name   string
		config Config
		at     resolved
		want   string
		why    string
		harm   func()
	}{
		{"all is there", has, at, model.BFloat16, "amx_bf16", nil},
		{"switched off", off, at, model.Float32, "switched off", nil},
		{"float32 is named", named, at, model.Float32, "", nil},
		{"a ready graph", has, ready, model.Float32, "ready graph", nil},
		{"no plugin for the system", has, unpinned, model.Float32, "no plugin is pinned", nil},
		{"a library is cut short", has, at, model.Float32, "akin setup", func() { truncate(t, filepath.Join(home, libraryFolder, "plugin", "needed.so")) }},
		{"a library is missing", has, at, model.Float32, "akin setup", func() { os.Remove(filepath.Join(home, libraryFolder, "plugin", "plugin.so")) }},
	} {
		if c.harm != nil {
			c.harm()
		}
		if got, _ := c.config.embedConfig(c.at); got.Precision != c.want || (got.Matrix != nil) != (c.want == model.BFloat16) {
			t.Errorf("%s: %s on %v, want %s", c.name, got.Precision, got.Matrix, c.want)
		}
		if u := c.config.units(c.at); !strings.Contains(u.why, c.why) || (c.want == model.BFloat16) != (u.runtime != nil && c.config.Precision == Auto) {
			t.Errorf("%s: %+v, want %q", c.name, u, c.why)
		}
	}
	at = tiny(t, home)
	if err := os.Truncate(filepath.Join(at.dir, model.BFloat16GraphFile), 1000); err != nil {
		t.Fatal(err)
	}
	if got, _ := has.embedConfig(at); got.Precision != model.Float32 {
		t.Errorf("a damaged graph: %s", got.Precision)
	}
	// What is handed in stands for units, but not for weights.
	given := Config{Home: home, Precision: Auto, MatrixUnits: UnitsAuto, Units: noRuntime{}}
	for want, at := range map[string]resolved{model.BFloat16: at, model.Float32: ready} {
		if got, _ := given.embedConfig(at); got.Precision != want {
			t.Errorf("units that are handed in: %s, want %s", got.Precision, want)
		}
	}
	if !onnx.MatrixUnits() {
		has.assumeUnits = false
		if u := has.units(at); u.runtime != nil || !strings.Contains(u.why, "no matrix units") || u.missing {
			t.Errorf("without units: %+v", u)
		}
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
}

// What runs bf16 is set up where it helps or was asked for, from a folder here, with
// its reason; else nothing is fetched, and that is said.
func TestSetupOfUnits(t *testing.T) {
	from := t.TempDir()
	at := tiny(t, from)
	for _, c := range []struct {
		name      string
		precision string
		units     bool
		at        resolved
		fetched   bool
		says      string
		refuses   string
	}{
		{"units", Auto, true, at, true, "this CPU has matrix units", ""},
		{"no units", Auto, false, at, false, "bf16 is left out: ", ""},
		{"asked for", model.BFloat16, false, at, true, "it was asked for, though ", ""},
		{"another precision", model.Int8, true, at, false, "", ""},
		{"a system that has none", Auto, true, resolved{manifest: at.manifest, dir: at.dir}, false, "", ""},
		{"asked for in vain", model.BFloat16, true, resolved{manifest: at.manifest, dir: at.dir}, false, "", "cannot be had in bf16"},
	} {
		if !c.units && onnx.MatrixUnits() {
			continue
		}
		home := t.TempDir()
		os.Remove(filepath.Join(at.dir, model.BFloat16GraphFile))
		config := Config{Home: home, Precision: c.precision, MatrixUnits: UnitsAuto, assumeUnits: c.units}
		var said []string
		say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
		err := config.setupUnits(t.Context(), model.Fetcher{From: from}, c.at, say)
		if (err == nil) != (c.refuses == "") || err != nil && !strings.Contains(err.Error(), c.refuses) {
			t.Errorf("%s: %v, want %q", c.name, err, c.refuses)
		}
		_, there := os.Stat(filepath.Join(home, libraryFolder, "plugin", "plugin.so"))
		_, built := os.Stat(filepath.Join(at.dir, model.BFloat16GraphFile))
		if (there == nil) != c.fetched || (built == nil) != c.fetched {
			t.Errorf("%s: fetched %v, built %v; want %v", c.name, there == nil, built == nil, c.fetched)
		}
		if words := strings.Join(said, "\n"); !strings.Contains(words, c.says) || c.says == "" && words != "" {
			t.Errorf("%s: it said %q, want %q", c.name, words, c.says)
		}
	}
	// What cannot be had costs nothing but itself, unless it was asked for.
	os.RemoveAll(filepath.Join(from, libraryFolder))
	config := Config{Home: t.TempDir(), Precision: Auto, MatrixUnits: UnitsAuto, assumeUnits: true}
	var said []string
	err := config.setupUnits(t.Context(), model.Fetcher{From: from}, at, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	if err != nil || !strings.Contains(strings.Join(said, "\n"), "everything else works without it: copy plugin.so") {
		t.Errorf("what is not there: %v, said %q", err, said)
	}
	config.Precision = model.BFloat16
	err = config.setupUnits(t.Context(), model.Fetcher{From: from}, at, func(string, ...any) {})
	if err == nil || !strings.Contains(err.Error(), "--precision float32") {
		t.Errorf("what was asked for is not there: %v", err)
	}
}
