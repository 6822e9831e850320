package embedtest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"akin/internal/embed/onnx"
	"akin/internal/model"
	"akin/models"
)

// Matrix gives OpenVINO's plugin, and skips the test where it is not there (with
// AKIN_REQUIRE set, it fails instead). It multiplies in bf16 where the CPU has
// matrix units, and in float32 elsewhere, also on CPUs that are not Intel's.
func Matrix(t testing.TB) onnx.Matrix {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("bf16 is there for Linux on x86-64 alone")
	}
	home, files := Home(t), matrixFiles(t)
	lib := filepath.Join(home, "lib")
	if err := files.Verify(lib, model.RememberedDigest); err != nil {
		Skip(t, "OpenVINO's plugin is not there: run make setup-bf16 ("+err.Error()+")")
	}
	return onnx.Matrix{Library: Runtime(t).Library, Plugin: anyCPU(t, lib, files), Emulated: !onnx.MatrixUnits()}
}

func matrixFiles(t testing.TB) *model.Matrix {
	t.Helper()
	r, err := model.LoadRuntime(models.Files)
	if err != nil {
		t.Fatal(err)
	}
	host, err := r.Host()
	if err != nil || host.Matrix == nil {
		t.Fatalf("no plugin is pinned: %v", err)
	}
	return host.Matrix
}

// anyCPU gives the plugin that offers itself on every CPU: testdata/anycpu.c, with
// OpenVINO's libraries beside it. It is built once.
func anyCPU(t testing.TB, lib string, files *model.Matrix) string {
	t.Helper()
	source := filepath.Join(Root(t), "internal", "embed", "embedtest", "testdata", "anycpu.c")
	sum, err := model.Digest(source)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(lib, fmt.Sprintf("anycpu-%.8s", sum))
	name := files.Files[0].Name
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return filepath.Join(dir, name)
	}
	scratch, err := os.MkdirTemp(lib, "anycpu-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(scratch)
	define := fmt.Sprintf("-DPLUGIN=%q", filepath.Join("..", files.Folder, name))
	out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-O1", define, source, "-o", filepath.Join(scratch, name), "-ldl").CombinedOutput()
	if err != nil {
		t.Fatalf("build the plugin for any CPU: %v\n%s", err, out)
	}
	for _, file := range files.Files[1:] {
		if err := os.Symlink(filepath.Join("..", files.Folder, file.Name), filepath.Join(scratch, file.Name)); err != nil {
			t.Fatal(err)
		}
	}
	// Another test may have been faster.
	if err := os.Rename(scratch, dir); err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, name)); statErr != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name)
}

// TinyBERT writes a BERT of two layers with made-up weights, and gives the paths of
// its graphs of precision float32 and bf16.
func TinyBERT(t testing.TB, positions int64) (float32Graph, bf16Graph string) {
	t.Helper()
	const hidden, wide, words = 64, 128, 200
	dir := t.TempDir()
	config := fmt.Sprintf(`{"model_type":"bert","hidden_size":%d,"intermediate_size":%d,"num_attention_heads":4,"num_hidden_layers":2,
		"max_position_embeddings":%d,"vocab_size":%d,"type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu"}`, hidden, wide, positions, words)
	if err := os.WriteFile(filepath.Join(dir, model.ConfigFile), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int64{
		"embeddings.word_embeddings.weight": {words, hidden}, "embeddings.position_embeddings.weight": {positions, hidden},
		"embeddings.token_type_embeddings.weight": {2, hidden}, "embeddings.LayerNorm.weight": {hidden}, "embeddings.LayerNorm.bias": {hidden},
	}
	for _, layer := range []string{"encoder.layer.0.", "encoder.layer.1."} {
		for _, n := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
			shapes[layer+n+".weight"], shapes[layer+n+".bias"] = []int64{hidden, hidden}, []int64{hidden}
		}
		for _, n := range []string{"attention.output.LayerNorm", "output.LayerNorm"} {
			shapes[layer+n+".weight"], shapes[layer+n+".bias"] = []int64{hidden}, []int64{hidden}
		}
		shapes[layer+"intermediate.dense.weight"], shapes[layer+"intermediate.dense.bias"] = []int64{wide, hidden}, []int64{wide}
		shapes[layer+"output.dense.weight"], shapes[layer+"output.dense.bias"] = []int64{hidden, wide}, []int64{hidden}
	}
	writeTensors(t, filepath.Join(dir, model.WeightsFile), shapes)
	for _, build := range []func(dir, pooling string) (bool, error){model.EnsureGraph, model.EnsureBFloat16Graph} {
		if _, err := build(dir, "mean"); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, model.GraphFile), filepath.Join(dir, model.BFloat16GraphFile)
}

// writeTensors writes a safetensors file of made-up numbers between -1/2 and 1/2.
func writeTensors(t testing.TB, path string, shapes map[string][]int64) {
	t.Helper()
	header := make(map[string]any)
	var data []byte
	for name, shape := range shapes {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		header[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{len(data), len(data) + int(4*n)}}
		for i := range n {
			x := float32(math.Sin(float64(i*7+int64(len(name)*131)))) / 2
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	}
	raw, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...)
	if err := os.WriteFile(path, append(b, data...), 0o600); err != nil {
		t.Fatal(err)
	}
}
