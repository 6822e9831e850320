package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// ownModel is a model directory of a user's own: the default model's files with
// another text policy.
func ownModel(t testing.TB) string {
	t.Helper()
	dir, from := t.TempDir(), embedtest.Config(t).ModelDir
	for _, name := range []string{"model.onnx", "model.onnx.json", "model.safetensors", "config.json", "tokenizer.json"} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	manifest := `{"name":"mine","license":"Apache-2.0","pooling":"mean","dimension":384,"max_tokens":64,
		"template":"{title} {abstract}","query_prefix":"query: ","document_prefix":"passage: "}`
	if err := os.WriteFile(filepath.Join(dir, "akin.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A directory of another space is refused with both fingerprints and the
// remedy; the remedy works, also when it is interrupted.
func TestReembed(t *testing.T) {
	data, own := sampleData(t), ownModel(t)
	before := unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse))
	code, _, errOut := run(t, "", "info", "--data", data, "--model-dir", own)
	if code != 1 || !strings.Contains(errOut, before.GetSpace().GetFingerprint()[:12]) || !strings.Contains(errOut, "akin reembed") {
		t.Fatalf("another space: exit code %d, %q", code, errOut)
	}
	cmd := program(t, "reembed", "--data", data, "--model-dir", own)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("embedded 32 of 132\n"))
	if _, err := out.Read(first); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if got := unmarshal(t, mustRun(t, "info", "--data", data, "--json"), new(akinv1.GetServerInfoResponse)); got.GetPaperCount() != 132 {
		t.Errorf("interrupted: %d papers in the old space", got.GetPaperCount())
	}
	if out := mustRun(t, "reembed", "--data", data, "--model-dir", own); !strings.Contains(out, "embedded 132 of 132") || strings.Contains(out, "embedded 32 of 132") {
		t.Errorf("gone on with: %q", out)
	}
	after := unmarshal(t, mustRun(t, "info", "--data", data, "--model-dir", own, "--json"), new(akinv1.GetServerInfoResponse))
	if after.GetPaperCount() != 132 || after.GetSpace().GetMaxTokens() != 64 || after.GetSequence() != before.GetSequence() {
		t.Errorf("afterwards: %v", after)
	}
	got := unmarshal(t, mustRun(t, "similar", "--data", data, "--model-dir", own, "--json", "--include-self", "-n", "1", "arXiv:1706.03762"), new(akinv1.SimilarResponse))
	if p := got.GetResults()[0].GetPaper(); p.GetId() != "arXiv:1706.03762" || p.GetTokenCount() != 64 || !p.GetTruncated() {
		t.Errorf("similar afterwards: %v", p)
	}
	if out := mustRun(t, "reembed", "--data", data, "--model-dir", own); !strings.Contains(out, "nothing to do") {
		t.Errorf("again: %q", out)
	}
	if code, _, errOut := run(t, "", "info", "--data", data, "--model", "all-MiniLM-L6-v2"); code != 1 || !strings.Contains(errOut, "akin reembed") {
		t.Errorf("the old space is not refused: exit code %d, %q", code, errOut)
	}
	// Without flags a directory's model is what it was taken to.
	found := unmarshal(t, mustRun(t, "search", "--data", data, "--json", "-n", "1", "attention"), new(akinv1.SearchResponse))
	if len(found.GetResults()) != 1 {
		t.Errorf("search with the directory's own model: %v", found)
	}
}

// A tokenizer whose ids may not be the model's own is no error, but is said at
// the start of whatever loads it.
func TestTokenizerWarning(t *testing.T) {
	dir, papers := ownModel(t), filepath.Join(t.TempDir(), "papers.jsonl")
	if err := os.WriteFile(papers, []byte(`{"id":"a","title":"a paper"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	embed := func() string {
		code, _, errOut := run(t, "", "embed", papers, "--out", t.TempDir(), "--model-dir", dir)
		if code != 0 {
			t.Fatalf("exit code %d, %q", code, errOut)
		}
		return errOut
	}
	const warning = "the tokenizer of model mine is not BERT's WordPiece"
	if errOut := embed(); strings.Contains(errOut, "tokenizer") {
		t.Errorf("with the model's own tokenizer: %q", errOut)
	}
	tokenizer := filepath.Join(dir, "tokenizer.json")
	if err := os.Remove(tokenizer); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(embedtest.Root(t), "testdata", "tokens", "definitions", "wordlevel.json"), tokenizer); err != nil {
		t.Fatal(err)
	}
	if errOut := embed(); strings.Count(errOut, warning) != 1 {
		t.Errorf("with one of another family: %q", errOut)
	}
	for _, args := range [][]string{{"import", papers}, {"info"}} {
		args = append(args, "--data", filepath.Join(dir, "data"), "--model-dir", dir)
		if code, _, errOut := run(t, "", args...); code != 0 || strings.Count(errOut, warning) != 1 {
			t.Errorf("akin %s: exit code %d, %q", args[0], code, errOut)
		}
	}
}
