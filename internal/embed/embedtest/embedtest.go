// Package embedtest gives tests the real model.
package embedtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/onnx"
	"akin/internal/model"
	"akin/models"
)

// Root gives the root folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("cannot find the source of this test")
	}
	if dir := filepath.Join(filepath.Dir(file), "..", "..", ".."); filepath.IsAbs(file) {
		return dir
	}
	// Built with -trimpath: walk up from where the test runs.
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
}

// Home gives the folder with models and library, and skips the test where
// `make setup` has not been run (with AKIN_REQUIRE set, it fails instead).
func Home(t testing.TB) string {
	t.Helper()
	home := filepath.Join(Root(t), ".akin")
	if _, err := os.Stat(filepath.Join(home, "models", "all-minilm-l6-v2", model.GraphFile)); err != nil {
		Skip(t, "the model is not there: run make setup")
	}
	return home
}

// Skip skips the test, or fails it where everything is required (CI).
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("AKIN_REQUIRE") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Runtime gives ONNX Runtime, and skips the test where `make setup` has not been
// run (with AKIN_REQUIRE set, it fails instead).
func Runtime(t testing.TB) onnx.Runtime {
	t.Helper()
	r, err := model.LoadRuntime(models.Files)
	if err != nil {
		t.Fatal(err)
	}
	host, err := r.Host()
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(Root(t), ".akin", "lib", host.Library.Name)
	if _, err := os.Stat(path); err != nil {
		Skip(t, "ONNX Runtime's library is not there: run make setup")
	}
	return onnx.Runtime{Library: path}
}

// Config gives the configuration of the real model.
func Config(t testing.TB) embed.Config {
	t.Helper()
	home := Home(t)
	m, err := model.Load(models.Files, model.DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	return embed.Config{Runtime: Runtime(t), ModelDir: filepath.Join(home, "models", m.DirName()), Manifest: m}
}

// Open opens the real model for the length of the test.
func Open(t testing.TB) *embed.Embedder {
	t.Helper()
	e, err := embed.Open(Config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
