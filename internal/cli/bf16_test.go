package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// A directory of precision bf16 is made, opened and written where there are no
// matrix units too, and says what it is computed in; nothing takes it to another
// precision, nor another directory to its own, without being told.
func TestBF16Directory(t *testing.T) {
	dir := t.TempDir()
	papers := filepath.Join(dir, "papers.jsonl")
	writeCorpus(t, papers, 3)
	precision := func(data string) string {
		t.Helper()
		return unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse)).GetSpace().GetPrecision()
	}
	data := map[string]string{"bf16": filepath.Join(dir, "b"), "float32": filepath.Join(dir, "f")}
	code, _, errOut := run(t, "", "import", "--data", data["bf16"], "--precision", "bf16", papers)
	if code != 0 || !strings.Contains(errOut, "computed in float32") || !strings.Contains(errOut, "matrix units are switched off") {
		t.Fatalf("import: exit code %d, %q", code, errOut)
	}
	mustRun(t, "import", "--data", data["float32"], papers)
	for has, other := range map[string]string{"bf16": "float32", "float32": "bf16"} {
		if got := precision(data[has]); got != has {
			t.Errorf("a directory of %s says %s", has, got)
		}
		for _, flags := range [][]string{nil, {"--precision", "auto"}, {"--precision", has}, {"--model", "all-MiniLM-L6-v2"}} {
			mustRun(t, append([]string{"search", "--data", data[has], "-n", "1", "a word"}, flags...)...)
		}
		code, _, errOut := run(t, "", "search", "--data", data[has], "--precision", other, "a word")
		if code != 1 || !strings.Contains(errOut, "akin reembed") {
			t.Errorf("%s opened as %s: exit code %d, %q", has, other, code, errOut)
		}
		vectors := filepath.Join(dir, "vectors-"+other)
		mustRun(t, "embed", papers, "--out", vectors, "--precision", other)
		if code, _, errOut := run(t, "", "import", "--data", data[has], "--vectors", vectors, papers); code == 0 {
			t.Errorf("vectors of %s were taken into a directory of %s: %q", other, has, errOut)
		}
		if got := precision(data[has]); got != has {
			t.Errorf("a directory of %s became one of %s", has, got)
		}
	}
	mustRun(t, "reembed", "--data", data["float32"], "--precision", "bf16")
	if got := precision(data["float32"]); got != "bf16" {
		t.Errorf("taken to bf16, the directory is of %s", got)
	}
}

// An embedding job goes on in the precision of its vectors, also when its manifest
// is gone, and its shards are of float32 unless one is named.
func TestBF16Job(t *testing.T) {
	dir := t.TempDir()
	papers := filepath.Join(dir, "papers.jsonl")
	writeCorpus(t, papers, 2)
	precision := func(out string) string {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(out, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m struct{ Space struct{ Precision string } }
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		return m.Space.Precision
	}
	for _, began := range []string{"bf16", "float32"} {
		out := filepath.Join(dir, began)
		mustRun(t, "embed", papers, "--out", out, "--precision", began)
		mustRun(t, "embed", papers, "--out", out)
		if got := precision(out); got != began {
			t.Errorf("begun in %s, it goes on in %s", began, got)
		}
		if err := os.Remove(filepath.Join(out, "manifest.json")); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "embed", papers, "--out", out, "--precision", "auto")
		if got := precision(out); got != began {
			t.Errorf("begun in %s, and interrupted, it goes on in %s", began, got)
		}
	}
	mustRun(t, "embed", papers, "--out", filepath.Join(dir, "shard"), "--shard", "1/2")
	if got := precision(filepath.Join(dir, "shard")); got != "float32" {
		t.Errorf("a shard of precision %s", got)
	}
}
