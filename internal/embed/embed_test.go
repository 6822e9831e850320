package embed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
	"akin/internal/embed/onnx"
	"akin/internal/paper"
)

// sample reads title and abstract of the sample papers.
func sample(t testing.TB, n int) (texts []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(embedtest.Root(t), "testdata", "sample", "papers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && len(texts) < n {
		var p struct{ Title, Abstract string }
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, p.Title+". "+p.Abstract)
	}
	return texts
}

func mustEmbed(t testing.TB, e *embed.Embedder, texts []string, opt embed.Options) []embed.Embedding {
	t.Helper()
	got, _, err := e.Embed(t.Context(), texts, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(texts) {
		t.Fatalf("%d embeddings for %d texts", len(got), len(texts))
	}
	return got
}

func same(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// The same text gives the same bits, alone or among others, whatever their
// order, in either class, with one thread or several.
func TestVectorsDoNotDependOnTheBatch(t *testing.T) {
	e := embedtest.Open(t)
	texts := sample(t, 28)
	texts = append(texts, "short", "a short query", "another short query", strings.Repeat("long text ", 400))
	alone := make([][]float32, len(texts))
	for i, text := range texts {
		alone[i] = mustEmbed(t, e, []string{text}, embed.Options{})[0].Vector
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 7, len(texts)} {
		for _, class := range []embed.Class{embed.Interactive, embed.Bulk} {
			order := random.Perm(len(texts))
			for group := range slices.Chunk(order, size) {
				var in []string
				for _, i := range group {
					in = append(in, texts[i])
				}
				for k, got := range mustEmbed(t, e, in, embed.Options{Class: class}) {
					if !same(got.Vector, alone[group[k]]) {
						t.Errorf("text %d in a batch of %d (class %d) differs from itself alone", group[k], size, class)
					}
				}
			}
		}
	}
	config := embedtest.Config(t)
	config.Threads = 1
	single, err := embed.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer single.Close()
	for i, got := range mustEmbed(t, single, texts, embed.Options{}) {
		if !same(got.Vector, alone[i]) {
			t.Errorf("text %d with one thread differs from itself with several", i)
		}
	}
}

func TestUnitLengthAndTruncation(t *testing.T) {
	e := embedtest.Open(t)
	long := strings.Repeat("retrieval ", 1000)
	for i, got := range mustEmbed(t, e, []string{"", "x", long, "\x00\xff\xfe invalid", "日本語"}, embed.Options{}) {
		var norm float64
		for _, x := range got.Vector {
			norm += float64(x) * float64(x)
		}
		if len(got.Vector) != e.Space().Dimension || math.Abs(norm-1) > 1e-5 {
			t.Errorf("text %d: %d numbers of length² %v", i, len(got.Vector), norm)
		}
		if want := i == 2; got.Truncated != want || got.Tokens > e.Space().MaxTokens {
			t.Errorf("text %d: truncated = %v, want %v (%d tokens)", i, got.Truncated, want, got.Tokens)
		}
	}
	_, _, err := e.Embed(t.Context(), []string{"fine", long}, embed.Options{RefuseLong: true})
	var refused *paper.Error
	if !errors.As(err, &refused) || refused.Reason != paper.ReasonTextTooLong || refused.Metadata["tokens"] != "1002" {
		t.Errorf("a long text that must not be cut: %v (%+v), want reason %s with 1002 tokens", err, refused, paper.ReasonTextTooLong)
	}
}

func TestConcurrentCallersAndCancellation(t *testing.T) {
	e := embedtest.Open(t)
	texts := sample(t, 6)
	want := mustEmbed(t, e, texts, embed.Options{})
	var group sync.WaitGroup
	for c := range 8 {
		group.Go(func() {
			i := c % len(texts)
			ctx := context.Background()
			if c == 7 { // somebody who gives up at once
				canceled, cancel := context.WithCancel(ctx)
				cancel()
				if _, _, err := e.Embed(canceled, texts, embed.Options{Class: embed.Bulk}); !errors.Is(err, context.Canceled) {
					t.Errorf("a caller who gave up got %v", err)
				}
				return
			}
			got, _, err := e.Embed(ctx, texts[i:i+1], embed.Options{Class: embed.Class(c % 2)})
			if err != nil || !same(got[0].Vector, want[i].Vector) {
				t.Errorf("caller %d: %v, or another vector", c, err)
			}
		})
	}
	group.Wait()
}

// A full queue refuses interactive work at once and says when to come back.
func TestFullQueueRefuses(t *testing.T) {
	config := embedtest.Config(t)
	config.QueueTokens = 300
	e, err := embed.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	long := strings.Repeat("word ", 400)
	var group sync.WaitGroup
	var mu sync.Mutex
	refused, done := 0, 0
	for range 8 {
		group.Go(func() {
			_, _, err := e.Embed(t.Context(), []string{long}, embed.Options{})
			mu.Lock()
			defer mu.Unlock()
			var full *paper.Error
			switch {
			case err == nil:
				done++
			case errors.As(err, &full) && full.Kind == paper.Exhausted && full.RetryAfter > 0 && full.RetryAfter <= 30*time.Second:
				refused++
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	if done == 0 || done+refused != 8 {
		t.Errorf("%d done, %d refused of 8", done, refused)
	}
}

// Vectors agree with a plain BERT in float64 that shares no code with this one.
func TestPythonReference(t *testing.T) {
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		t.Skip("AKIN_PYTHON does not name a Python with numpy and tokenizers: run make test-python")
	}
	e := embedtest.Open(t)
	texts := append(sample(t, 12), "a short query", "Poincaré embeddings of São Paulo")
	var in bytes.Buffer
	for _, text := range texts {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(b, '\n'))
	}
	script := filepath.Join(embedtest.Root(t), "testdata", "reference", "bert_reference.py")
	cmd := exec.Command(python, script, "--model", embedtest.Config(t).ModelDir)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := mustEmbed(t, e, texts, embed.Options{})
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(texts) {
		t.Fatalf("the reference gave %d vectors for %d texts", len(lines), len(texts))
	}
	worst := 1.0
	for i, line := range lines {
		var want []float64
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		var dot float64
		for d := range want {
			dot += want[d] * float64(got[i].Vector[d])
		}
		worst = min(worst, dot)
	}
	t.Logf("lowest cosine with the reference: %.8f", worst)
	if worst < 0.99999 {
		t.Errorf("lowest cosine with the reference is %.8f, want at least 0.99999", worst)
	}
}

// A library that is none, and a tokenizer that does not fit the model, are
// noticed at the start.
func TestMisfits(t *testing.T) {
	config := embedtest.Config(t)
	library := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := config
	wrong.Runtime = onnx.Runtime{Library: library}
	if e, err := embed.Open(wrong); err == nil {
		e.Close()
		t.Error("opened with a library that is none")
	} else if !strings.Contains(err.Error(), "1.24") || !strings.Contains(err.Error(), "--onnxruntime") {
		t.Errorf("a library that is none: %v, want the version that is needed and the flag", err)
	}

	dir := t.TempDir()
	for _, name := range []string{"model.onnx", "model.onnx.json", "tokenizer.json"} {
		if err := os.Symlink(filepath.Join(config.ModelDir, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(config.ModelDir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	small := strings.Replace(string(raw), `"vocab_size": 30522`, `"vocab_size": 3052`, 1)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	misfit := config
	misfit.ModelDir = dir
	if e, err := embed.Open(misfit); err == nil {
		e.Close()
		t.Error("opened with a tokenizer of more tokens than the model has")
	} else if !strings.Contains(err.Error(), "30522") || !strings.Contains(err.Error(), "3052") {
		t.Errorf("a tokenizer that does not fit: %v, want both sizes", err)
	}
}

func TestOpenErrorsNameTheRemedy(t *testing.T) {
	config := embedtest.Config(t)
	dir := t.TempDir()
	for _, name := range []string{"config.json", "tokenizer.json", "model.onnx.json"} {
		b, err := os.ReadFile(filepath.Join(config.ModelDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	graph := filepath.Join(dir, "model.onnx")
	for name, tc := range map[string]struct {
		change func(*embed.Config)
		graph  string
		want   string
	}{
		"no library":    {func(c *embed.Config) { c.Runtime = onnx.Runtime{Library: filepath.Join(dir, "none.so")} }, "", "--onnxruntime"},
		"no model":      {func(c *embed.Config) { c.ModelDir = filepath.Join(dir, "none") }, "", "akin setup"},
		"damaged graph": {func(c *embed.Config) { c.ModelDir = dir }, "not a graph", "akin setup"},
	} {
		if err := os.WriteFile(graph, []byte(tc.graph), 0o600); err != nil {
			t.Fatal(err)
		}
		c := config
		tc.change(&c)
		e, err := embed.Open(c)
		if err == nil {
			e.Close()
			t.Errorf("%s: opened", name)
		} else if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %q does not mention %s", name, err, tc.want)
		}
	}
}
