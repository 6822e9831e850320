package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/admit"
	"akin/internal/embed"
	"akin/internal/model"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/rpc"
	"akin/internal/store"
)

// Each fault of a configuration is told, with what may be written instead.
func TestFaultsOfConfigurations(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		words  []string // none: it is fine
	}{
		{"nothing", Config{}, nil},
		{"all of it", Config{Index: "exact", Model: "m", Precision: "int8", Threads: 1024, QueueTokens: 5, Home: "h", Admission: admit.Config{MaxWait: time.Second}, Timeouts: map[string]time.Duration{"read": 0}}, nil},
		{"an index", Config{Index: "btree"}, []string{`index "btree" is not one of`, "graph", "exact"}},
		{"a precision", Config{Precision: "float16"}, []string{`precision "float16" is not one of [auto float32 bf16 int8]`}},
		{"matrix units", Config{MatrixUnits: "on"}, []string{`matrix-units "on" is neither auto nor off`}},
		{"too few threads", Config{Threads: -1}, []string{"threads -1 is not between 0 (all cores) and 1024"}},
		{"too many threads", Config{Threads: 1025}, []string{"threads 1025"}},
		{"a queue", Config{QueueTokens: -1}, []string{"queue tokens -1 must not be negative"}},
		{"a wait", Config{Admission: admit.Config{MaxWait: -1}}, []string{"--max-wait is -1ns", "above 0"}},
		{"a timeout", Config{Timeouts: map[string]time.Duration{"query": -time.Second}}, []string{`"query" is -1s`, "0 is none"}},
		{"a timeout of nothing", Config{Timeouts: map[string]time.Duration{"gossip": time.Second}}, []string{`"gossip"`, "bulk, query, read, stream, write"}},
		{
			"all at once",
			Config{Index: "btree", Precision: "float16", Threads: -1, QueueTokens: -1, Admission: admit.Config{MaxWait: -1}, Timeouts: map[string]time.Duration{"x": 1}},
			[]string{"btree", "float16", "threads", "queue tokens", "max-wait", `"x"`},
		},
	} {
		got, err := c.config.withDefaults()
		if (err == nil) != (len(c.words) == 0) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, words := range c.words {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %q is not in %v", c.name, words, err)
			}
		}
		if again, _ := got.withDefaults(); c.words == nil && !reflect.DeepEqual(again.Timeouts, got.Timeouts) {
			t.Errorf("%s: the defaults have defaults: %v, %v", c.name, got.Timeouts, again.Timeouts)
		}
	}
	if _, err := Open(t.Context(), Config{Index: "btree"}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "btree") {
		t.Errorf("Open: %v", err)
	}
}

// What is empty has its default; what is set stays; that a model was named is kept.
func TestDefaults(t *testing.T) {
	t.Setenv("AKIN_HOME", "/home of akin")
	got, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if got.Index != "graph" || got.Model != model.DefaultName || got.Precision != Auto || got.MatrixUnits != UnitsAuto || got.Home != "/home of akin" || got.named || got.grace != defaultGrace {
		t.Errorf("the defaults are %+v", got)
	}
	if want := rpc.DefaultTimeouts(); !reflect.DeepEqual(got.Timeouts, want) {
		t.Errorf("timeouts %v, want %v", got.Timeouts, want)
	}
	for name, c := range map[string]Config{"model": {Model: "m"}, "directory": {ModelDir: "d"}, "precision": {Precision: "float32"}} {
		if got, err := c.withDefaults(); err != nil || !got.named {
			t.Errorf("a %s is not taken for a name: %v", name, err)
		}
	}
	set, err := Config{Timeouts: map[string]time.Duration{"read": 0, "bulk": time.Hour}}.withDefaults()
	if err != nil || set.Timeouts["read"] != 0 || set.Timeouts["bulk"] != time.Hour || set.Timeouts["query"] != rpc.DefaultTimeouts()["query"] {
		t.Errorf("timeouts %v, %v", set.Timeouts, err)
	}
	if got := (Config{Data: "d"}).snapshots(); got != filepath.Join("d", "snapshots") {
		t.Errorf("snapshots in %s", got)
	}
	if got := (Config{Data: "d", Snapshots: "s"}).snapshots(); got != "s" {
		t.Errorf("snapshots in %s", got)
	}
}

// Calls and batches are admitted by gates of their own, with the timeouts of the
// configuration.
func TestBounds(t *testing.T) {
	b := Config{Timeouts: map[string]time.Duration{"read": 7}}.bounds()
	if b.Calls == nil || b.Bulk == nil || b.Calls == b.Bulk || b.Timeouts["read"] != 7 {
		t.Errorf("%+v", b)
	}
	for i := range bulkPlaces + 1 {
		patience := 5 * time.Minute
		if i == bulkPlaces { // who waits in vain
			patience = 10 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if _, err := b.Bulk.Enter(ctx, admit.Call{Class: "x", Patient: true}); (err == nil) != (i < bulkPlaces) {
			t.Errorf("batch %d: %v", i+1, err)
		}
	}
}

// The home is what the environment says, or the first that has models, or the
// user's.
func TestLocate(t *testing.T) {
	t.Setenv("AKIN_HOME", "/elsewhere")
	if got := Locate(); got != "/elsewhere" {
		t.Errorf("with AKIN_HOME: %s", got)
	}
	t.Setenv("AKIN_HOME", "")
	shared := t.TempDir()
	t.Setenv("XDG_DATA_HOME", shared)
	want := filepath.Join(shared, "akin")
	if got := Locate(); got != want {
		t.Errorf("with nothing there: %s, want %s", got, want)
	}
	if err := os.MkdirAll(filepath.Join(want, modelsFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Locate(); got != want {
		t.Errorf("with models in the user's: %s, want %s", got, want)
	}
	home := t.TempDir()
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", home)
	if got, want := Locate(), filepath.Join(home, ".local", "share", "akin"); got != want {
		t.Errorf("without XDG_DATA_HOME: %s, want %s", got, want)
	}
}

// Where model and library are: what was given, or their places in the home.
func TestResolve(t *testing.T) {
	own := t.TempDir()
	known, err := Model(DefaultModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		config  Config
		dir     string // empty: not checked
		library string
		words   string // of the error
	}{
		{"the default", Config{Home: "h", Model: DefaultModel}, filepath.Join("h", "models", known.DirName()), "", ""},
		{"a directory", Config{Home: "h", Model: DefaultModel, ModelDir: own}, own, "", ""},
		{"a library", Config{Home: "h", Model: DefaultModel, Library: "l.so"}, "", "l.so", ""},
		{"a model that there is not", Config{Home: "h", Model: "gpt"}, "", "", `"gpt" is not known`},
		{"a directory of a model that there is not", Config{Home: "h", Model: "gpt", ModelDir: own}, "", "", `"gpt" is not known`},
	} {
		got, err := c.config.resolve()
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err == nil && (c.dir != "" && got.dir != c.dir || c.library != "" && got.library != c.library || got.manifest.Name != DefaultModel) {
			t.Errorf("%s: %s, %s of %s", c.name, got.dir, got.library, got.manifest.Name)
		}
		if err == nil && c.library == "" && filepath.Dir(got.library) != filepath.Join("h", "lib") {
			t.Errorf("%s: the library is %s", c.name, got.library)
		}
	}
	if dir, err := VerifyModel(Config{Home: t.TempDir()}); err == nil || !strings.Contains(dir, "models") {
		t.Errorf("a model that was never fetched is whole: %s, %v", dir, err)
	}
	if _, err := VerifyModel(Config{Threads: -1}); err == nil {
		t.Error("a bad configuration was verified")
	}
	all, err := Models()
	if err != nil || len(all) < 2 {
		t.Errorf("%d models, %v", len(all), err)
	}
}

// A directory says which model its vectors are of, unless the configuration names
// one; where that is, it says as far as it is still so.
func TestFollow(t *testing.T) {
	const file = `{"format":"akin.model.v1","model":"words","model_dir":"/models/words"}`
	for _, c := range []struct {
		name   string
		config Config
		file   string
		dir    string
		words  string
	}{
		{"no file, of the time before", Config{}, "", "", ""},
		{"a file", Config{}, file, "/models/words", ""},
		{"a file of another model", Config{}, strings.Replace(file, `"words"`, `"other"`, 1), "", ""},
		{"a named model", Config{Model: "mine", ModelDir: "/mine", named: true}, file, "/mine", ""},
		{"a broken file", Config{}, "{", "", "does not say where a model is"},
		{"a file of another kind", Config{}, `{"format":"x"}`, "", "does not say where a model is"},
	} {
		c.config.Data = directory(t)
		if c.file != "" {
			if err := pending.WriteFile(filepath.Join(c.config.Data, keptFile), []byte(c.file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s, err := store.Open(c.config.Data, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.config.follow(s)
		if e := s.Close(); e != nil {
			t.Fatal(e)
		}
		if c.words != "" {
			if paper.KindOf(err) != paper.DataLoss || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || got.space != space() || got.explicit != c.config.named || c.config.ModelDir != c.dir {
			t.Errorf("%s: %+v, %v, in %q", c.name, got, err, c.config.ModelDir)
		}
		if !c.config.named && (c.config.Model != "words" || c.config.Precision != "float32") {
			t.Errorf("%s: %s in %s", c.name, c.config.Model, c.config.Precision)
		}
	}
	empty, err := store.Open(filepath.Join(t.TempDir(), "d"), store.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if got, err := new(Config).follow(empty); got != nil || err != nil {
		t.Errorf("a directory without vectors: %v, %v", got, err)
	}
}

// Where the model is is written once, and only anew when it moved.
func TestKeep(t *testing.T) {
	c := Config{Data: t.TempDir()}
	path := filepath.Join(c.Data, keptFile)
	keep := func() os.FileInfo {
		t.Helper()
		if err := c.keep(space()); err != nil {
			t.Fatal(err)
		}
		entry, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return entry
	}
	first := keep()
	if again := keep(); !os.SameFile(first, again) {
		t.Error("the same was written again")
	}
	c.ModelDir = "relative"
	keep()
	raw, err := os.ReadFile(path)
	abs, _ := filepath.Abs("relative")
	if err != nil || !strings.Contains(string(raw), `"`+abs+`"`) {
		t.Errorf("it says %s, %v", raw, err)
	}
	c.Data = filepath.Join(c.Data, "none")
	if err := c.keep(space()); err == nil || !strings.Contains(err.Error(), "remember the model") {
		t.Errorf("without a directory: %v", err)
	}
	for precision, want := range map[string]string{"float32": model.Float32, "int8": model.Int8, "int8/absmax": model.Int8, "bf16": model.BFloat16, "": model.Float32} {
		if got := precisionOf(paper.Space{Precision: precision}); got != want {
			t.Errorf("%q is %q", precision, got)
		}
	}
}

// A late model is opened at most once, by whoever comes first, and what went wrong
// with it stays wrong.
func TestLateModel(t *testing.T) {
	opened := 0
	m := &lazyModel{space: space(), open: func() (*embed.Embedder, func() error, error) {
		opened++
		return nil, nil, fs.ErrNotExist
	}}
	if got := m.Text("a", "b"); got != "a b" || m.Space() != space() || opened != 0 {
		t.Errorf("the text is %q, opened %d times", got, opened)
	}
	if _, _, err := m.Embed(t.Context(), nil, embed.Options{}); err != nil || opened != 0 {
		t.Errorf("embedding nothing: %v, opened %d times", err, opened)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, _, err := m.Embed(t.Context(), []string{"x"}, embed.Options{}); paper.KindOf(err) != paper.FailedPrecondition || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("embed: %v", err)
			}
		})
	}
	all.Wait()
	if _, err := m.Tokenize("x", 0, false); err == nil {
		t.Error("it tokenised")
	}
	if err := m.CheckLength("f", "x", embed.Options{}); err == nil {
		t.Error("it checked")
	}
	if opened != 1 {
		t.Errorf("opened %d times", opened)
	}
	if err := m.Close(); err != nil {
		t.Errorf("what never was open: %v", err)
	}
	overdue := &paper.Error{Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Message: "a file is damaged"}
	m = &lazyModel{space: space(), open: func() (*embed.Embedder, func() error, error) { return nil, nil, overdue }}
	if _, err := m.Tokenize("x", 0, false); !errors.Is(err, overdue) || paper.KindOf(err) != paper.DataLoss {
		t.Errorf("an error that has a kind: %v", err)
	}
}
