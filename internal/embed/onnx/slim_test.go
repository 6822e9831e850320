package onnx_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
)

// Whatever a file holds, it is loaded or refused; what is cut off is refused.
func TestLoadHostile(t *testing.T) {
	r := embedtest.Runtime(t)
	file := writeGraph(t, []port{ids()}, []port{float("last_hidden_state", 3, 2)})
	load(t, r, file) // holds on to the library, which takes long to open
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "graph.onnx")
	for n := range len(good) {
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := r.Load(path); err == nil {
			g.Close() // a cut between two fields is a whole message; opening it says the rest
		}
		raw := append([]byte(nil), good...)
		raw[n] ^= 1 << (n % 8)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if g, err := r.Load(path); err == nil {
			g.Close()
		}
	}
}

// A tensor that is left in the file gives the same numbers, in several sessions at once,
// through a link to a folder or to the file, and after the file was removed.
func TestMapped(t *testing.T) {
	rows := make([][2]float32, 20_000) // 160 kB
	for i := range rows {
		rows[i] = [2]float32{float32(i), -float32(i)}
	}
	graph := message{}.bytes(1, node("Gather", "last_hidden_state", "table", "input_ids")).bytes(5, table("table", rows...)).text(2, "test").
		bytes(11, ids().proto()).bytes(12, float("last_hidden_state", 3, 2).proto())
	model := message{}.number(1, 8).bytes(7, graph).bytes(8, message{}.text(1, "").number(2, 13))
	dir := t.TempDir()
	file := filepath.Join(dir, "files", "graph.onnx")
	if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, model, 0o600),
		os.Symlink("files", filepath.Join(dir, "folder")), os.Symlink(file, filepath.Join(dir, "link.onnx"))); err != nil {
		t.Fatal(err)
	}
	r := embedtest.Runtime(t)
	var sessions []embed.Session
	for _, path := range []string{file, filepath.Join(dir, "folder", "graph.onnx"), filepath.Join(dir, "link.onnx")} {
		g := load(t, r, path)
		sessions = append(sessions, open(t, g, 1), open(t, g, 2))
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		got, dim, err := s.Run([]int64{19_999, 0, 12_345}, 1, 3)
		if err != nil || dim != 2 || !slices.Equal(got, []float32{19_999, -19_999, 0, 0, 12_345, -12_345}) {
			t.Errorf("%v of dimension %d, %v", got, dim, err)
		}
	}
}
