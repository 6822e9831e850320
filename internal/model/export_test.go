package model

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// exportOf writes the tensors of a directory as exporters do: matrices of linear layers
// turned and without their name, multiplied by before the bias is added; what is shared
// behind an identity, and one tensor a constant.
func exportOf(t testing.TB, dir, prefix string) []byte {
	t.Helper()
	tensors, err := OpenTensors(filepath.Join(dir, WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer tensors.Close()
	var g graph
	for i, name := range tensors.Names() {
		shape := tensors.header[name].Shape
		data, err := tensors.Float32(name, shape...)
		if err != nil {
			t.Fatal(err)
		}
		layer, isWeight := strings.CutSuffix(name, ".weight")
		switch {
		case isWeight && len(shape) == 2 && !strings.HasPrefix(name, "embeddings."):
			matrix := g.floats("onnx::MatMul_"+string(rune('A'+i)), transpose(data, shape[0], shape[1]), shape[1], shape[0])
			g.standard("MatMul", layer+"/product", []string{"input of " + layer, matrix})
			sum := []string{prefix + layer + ".bias", layer + "/product"}
			if i%2 == 0 {
				slices.Reverse(sum)
			}
			g.standard("Add", layer+"/sum", sum)
		case name == "embeddings.LayerNorm.bias":
			g.standard("Identity", prefix+name, []string{g.floats("shared", data, shape...)})
		case name == "embeddings.LayerNorm.weight":
			g.nodes = appendBytes(g.nodes, 1, constantNode(prefix+name, data, shape))
		default:
			g.floats(prefix+name, data, shape...)
		}
	}
	g.int64s(prefix+"embeddings.position_ids", 0, 1, 2)
	return g.model("export", nil)
}

// constantNode is a node that gives a tensor, whose numbers are in float_data and whose
// dimensions are packed.
func constantNode(output string, data []float32, shape []int64) []byte {
	var packed, dims []byte
	for _, v := range data {
		packed = protowire.AppendFixed32(packed, math.Float32bits(v))
	}
	for _, d := range shape {
		dims = protowire.AppendVarint(dims, uint64(d))
	}
	tensor := appendBytes(appendInt(appendBytes(nil, 1, dims), 2, int64(typeFloat)), 4, packed)
	attribute := appendBytes(appendString(nil, 1, "value"), 5, tensor)
	return appendBytes(appendString(appendString(nil, 2, output), 4, "Constant"), 5, attribute)
}

// An export gives the graph that safetensors of the same weights give, bit for bit, in
// each precision.
func TestGraphOfAnExport(t *testing.T) {
	for _, prefix := range []string{"", "bert.", "0.auto_model."} {
		from := bertDir(t, "")
		content := exportOf(t, from, prefix)
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(ExportFile))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeAll(t, map[string][]byte{path: content, filepath.Join(dir, ConfigFile): []byte(mustRead(t, filepath.Join(from, ConfigFile)))})
		m := &Manifest{Name: "m"}
		if m.Ready(dir) {
			t.Error("an export alone is no graph to run")
		}
		for name, build := range map[string]func(dir, pooling string) (bool, error){GraphFile: EnsureGraph, BFloat16GraphFile: EnsureBFloat16Graph} {
			for _, d := range []string{from, dir} {
				if built, err := build(d, "cls"); !built || err != nil {
					t.Fatalf("%s: built = %t, %v", prefix, built, err)
				}
			}
			if mustRead(t, filepath.Join(from, name)) != mustRead(t, filepath.Join(dir, name)) {
				t.Errorf("%q: %s of the export is another one", prefix, name)
			}
		}
		if built, err := EnsureGraph(dir, "cls"); built || err != nil {
			t.Errorf("again: built = %t, %v", built, err)
		}
		if _, err := VerifyGraph(dir, digest(content), Digest); err != nil {
			t.Errorf("the record has not the digest of the export: %v", err)
		}
		if m.Ready(dir) {
			t.Error("a graph that was built from an export is none that came ready")
		}
	}
}

func writeAll(t testing.TB, files map[string][]byte) {
	t.Helper()
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A ready graph with some export beside it stays what is run.
func TestReadyBesideAnExport(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "onnx"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeAll(t, map[string][]byte{filepath.Join(dir, GraphFile): {1}, filepath.Join(dir, filepath.FromSlash(ExportFile)): {1}})
	if !(&Manifest{}).Ready(dir) {
		t.Error("it counts as one to build")
	}
	pinned := &Manifest{Files: []File{{Name: ExportFile, Size: 1, SHA256: strings.Repeat("0", 64)}}}
	if pinned.Ready(dir) {
		t.Error("an export that is pinned is what the graph is built from")
	}
}

func TestExportErrors(t *testing.T) {
	dir := bertDir(t, "")
	whole := exportOf(t, dir, "")
	outside := appendBytes(appendInt(appendInt(appendString(nil, 8, wordEmbeddings), 2, 1), 1, 4), 13, []byte("x"))
	large := appendBytes(appendInt(appendInt(appendInt(appendString(nil, 8, wordEmbeddings), 2, 1), 1, math.MaxInt64), 1, 8), 9, make([]byte, 8))
	inGraph := func(b []byte) []byte { return appendBytes(nil, 7, appendBytes(nil, 5, b)) }
	for name, tc := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":             {nil, "0 graphs"},
		"no ONNX":           {[]byte("PK\x03\x04 no model at all"), "no ONNX file"},
		"cut short":         {whole[:len(whole)/2], "cut short"},
		"twice":             {append(slices.Clone(whole), whole...), "2 graphs"},
		"numbers elsewhere": {inGraph(outside), "in another file"},
		"a false shape":     {inGraph(large), "needs more than"},
		"another network":   {(&graph{}).model("x", nil), "one BERT encoder"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.onnx")
			writeAll(t, map[string][]byte{path: tc.content})
			if _, err := OpenExport(path); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
		})
	}
	// Weights in int8, which a product does not have behind its name.
	renamed := bytes.ReplaceAll(whole, []byte("MatMul_"), []byte("MatMul-"))
	if x, err := readExport(renamed); err != nil || len(x.Names()) == 0 {
		t.Errorf("other names of matrices: %v", err)
	}
}

// No bytes make the reader crash, or give more numbers than there are bytes.
func FuzzExport(f *testing.F) {
	f.Add(exportOf(f, bertDir(f, ""), ""))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, err := readExport(b)
		if err != nil {
			return
		}
		for _, name := range tensors.Names() {
			got, err := tensors.Float32(name, tensors.header[name].Shape...)
			if err == nil && len(got) > len(b) {
				t.Errorf("%d numbers from %d bytes", len(got), len(b))
			}
		}
	})
}
