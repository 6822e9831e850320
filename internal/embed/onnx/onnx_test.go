package onnx_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/embed/onnx"
)

var _ embed.Runtime = onnx.Runtime{}

// The ports of graphs as models have them.
func ids() port   { return port{name: "input_ids", elem: elemInt64, rank: 2} }
func mask() port  { return port{name: "attention_mask", elem: elemInt64, rank: 2} }
func types() port { return port{name: "token_type_ids", elem: elemInt64, rank: 2} }

func float(name string, rank int, dim int64) port {
	return port{name: name, elem: elemFloat, rank: rank, dim: dim}
}

func load(t *testing.T, r embed.Runtime, path string) embed.Graph {
	t.Helper()
	g, err := r.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func open(t *testing.T, g embed.Graph, threads int) embed.Session {
	t.Helper()
	s, err := g.Open(threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Graphs are run whatever inputs they want, with no padding and one type, and the
// right one of their outputs is taken.
func TestRun(t *testing.T) {
	r := embedtest.Runtime(t)
	perToken, perText := []float32{1, 2, 7, 8, 3, 4, 5, 6, 1, 2, 1, 2}, []float32{7, 8, 5, 6}
	for _, tc := range []struct {
		name            string
		inputs, outputs []port
		output          embed.Output
		want            []float32
	}{
		{"ids alone", []port{ids()}, []port{float("last_hidden_state", 3, 2)}, embed.Output{Dimension: 2}, perToken},
		{"in another order", []port{types(), mask(), ids()}, []port{float("last_hidden_state", 3, 2)}, embed.Output{Dimension: 2}, perToken},
		{"pooled", []port{ids(), mask()}, []port{float("sentence_embedding", 2, 2)}, embed.Output{Dimension: 2, Pooled: true}, perText},
		{
			"pooled beside tokens",
			[]port{ids()},
			[]port{float("token_embeddings", 3, 2), float("sentence_embedding", 2, 2)},
			embed.Output{Dimension: 2, Pooled: true},
			perText,
		},
		{"unknown names", []port{ids()}, []port{float("pooler", 2, 2), float("hidden", 3, 2)}, embed.Output{Dimension: 2}, perToken},
		{"unknown name of a vector", []port{ids()}, []port{float("score", 1, 0), float("pooler", 2, 2)}, embed.Output{Dimension: 2, Pooled: true}, perText},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := load(t, r, writeGraph(t, tc.inputs, tc.outputs))
			if got := g.Output(); got != tc.output {
				t.Errorf("output %+v, want %+v", got, tc.output)
			}
			for _, threads := range []int{1, 2} {
				got, dim, err := open(t, g, threads).Run([]int64{0, 3, 1, 2, 0, 0}, 2, 3)
				if err != nil || dim != 2 || !slices.Equal(got, tc.want) {
					t.Errorf("%d threads: %v of dimension %d, %v; want %v", threads, got, dim, err, tc.want)
				}
			}
		})
	}
}

// A session may be run from several goroutines, and what it gives is the
// caller's own.
func TestRunAtOnce(t *testing.T) {
	g := load(t, embedtest.Runtime(t), writeGraph(t, []port{ids(), mask()}, []port{float("last_hidden_state", 3, 2)}))
	s := open(t, g, 1)
	var group sync.WaitGroup
	for c := range 8 {
		group.Go(func() {
			id := int64(c % 4)
			var last []float32
			for range 50 {
				got, _, err := s.Run(slices.Repeat([]int64{id}, 1+c), 1, 1+c)
				if want := slices.Repeat([]float32{float32(2*id + 1), float32(2*id + 2)}, 1+c); err != nil || !slices.Equal(got, want) {
					t.Errorf("got %v, %v; want %v", got, err, want)
					return
				}
				if last != nil && &last[0] == &got[0] {
					t.Error("two runs gave the same memory")
				}
				last = got
			}
		})
	}
	group.Wait()
}

// What cannot be run is an error, and the session goes on.
func TestRunRefuses(t *testing.T) {
	g := load(t, embedtest.Runtime(t), writeGraph(t, []port{ids()}, []port{float("last_hidden_state", 3, 2)}))
	s := open(t, g, 1)
	for _, tc := range []struct {
		name          string
		ids           []int64
		batch, tokens int
		want          string
	}{
		{"no text", nil, 0, 3, "0 ids"},
		{"no token", nil, 1, 0, "0 ids"},
		{"another number", []int64{1, 2, 3}, 2, 2, "3 ids are not 2 texts of 2 tokens"},
		{"a token that the model does not have", []int64{4}, 1, 1, "indices element out of data bounds"},
	} {
		if out, _, err := s.Run(tc.ids, tc.batch, tc.tokens); err == nil || !strings.Contains(err.Error(), tc.want) || out != nil {
			t.Errorf("%s: %v, %v; want an error with %q", tc.name, out, err, tc.want)
		}
	}
	if got, _, err := s.Run([]int64{1}, 1, 1); err != nil || !slices.Equal(got, []float32{3, 4}) {
		t.Errorf("after what was refused: %v, %v", got, err)
	}
}

// A graph that does not fit is refused with what to do, and lets go of the
// library.
func TestLoadRefuses(t *testing.T) {
	r := embedtest.Runtime(t)
	hidden := []port{float("last_hidden_state", 3, 2)}
	broken := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken, []byte("not a graph"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, path, want string }{
		{"none", filepath.Join(t.TempDir(), "none.onnx"), "none.onnx"},
		{"not a graph", broken, "broken.onnx"},
		{"unknown input", writeGraph(t, []port{ids(), {name: "pixels", elem: elemInt64, rank: 2}}, hidden), `"pixels" is not one of input_ids`},
		{"input of another type", writeGraph(t, []port{{name: "input_ids", elem: elemInt32, rank: 2}}, hidden), "int64 is needed"},
		{"no vector", writeGraph(t, []port{ids()}, []port{float("score", 1, 0)}), "none of its 1 outputs"},
	} {
		g, err := r.Load(tc.path)
		if err == nil {
			t.Errorf("%s: it was loaded: %v", tc.name, g.Close())
			continue
		}
		if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "akin setup") {
			t.Errorf("%s: %q does not mention %q and the remedy", tc.name, err, tc.want)
		}
	}
	// With nobody left who uses the library, another one may be asked for.
	other := onnx.Runtime{Library: filepath.Join(t.TempDir(), "other.so")}
	if _, err := other.Load(broken); err == nil || strings.Contains(err.Error(), "already uses") {
		t.Errorf("graphs that were refused hold on to the library: %v", err)
	}
}

// One library serves the process until the last graph is closed; one that is not
// there, or is none, is refused with the version and the flag.
func TestLibrary(t *testing.T) {
	r := embedtest.Runtime(t)
	path := writeGraph(t, []port{ids()}, []port{float("last_hidden_state", 3, 2)})
	none := onnx.Runtime{Library: filepath.Join(t.TempDir(), "none.so")}
	odd := onnx.Runtime{Library: filepath.Join(t.TempDir(), "libonnxruntime.so")}
	if err := os.WriteFile(odd.Library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(r onnx.Runtime, wants ...string) {
		t.Helper()
		g, err := r.Load(path)
		if err == nil {
			t.Fatalf("%s was loaded: %v", r.Library, g.Close())
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not mention %q", err, want)
			}
		}
	}
	refused(none, "none.so", "--onnxruntime", "akin setup")
	refused(odd, "1.24", "--onnxruntime", "akin setup")
	first, err := r.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	refused(odd, "already uses "+r.Library)
	s, err := second.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Run([]int64{2}, 1, 1); err != nil || !slices.Equal(got, []float32{5, 6}) {
		t.Errorf("after the other graph was closed: %v, %v", got, err)
	}
	for _, closer := range []interface{ Close() error }{s, second} {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	}
	refused(odd, "1.24")
}
