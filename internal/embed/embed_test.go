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

	"akin/internal/embed"
	"akin/internal/embed/embedtest"
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
	for _, size := range []int{7, len(texts)} {
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
}

// Many callers at once get the vectors of their own texts; for the race detector.
func TestConcurrentCallers(t *testing.T) {
	e := openFake(t, fakeConfig(t, &fake{}))
	defer closeModel(t, e)
	var group sync.WaitGroup
	for c := range 16 {
		group.Go(func() {
			for i := range 50 {
				texts := []string{words("a", 3+(c+i)%9), "b c", words("d", 3+i%4)}
				ctx, cancel := context.WithCancel(t.Context())
				if i%10 == c%10 { // somebody who gives up, at some time
					go cancel()
				}
				got, _, err := e.Embed(ctx, texts, embed.Options{Class: embed.Class(c % 2), Raw: true})
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("caller %d: %v", c, err)
				}
				for k, g := range got {
					if !near(g.Vector, unit(idsOf(texts[k])...)) {
						t.Errorf("caller %d got the vector of another text", c)
					}
				}
			}
		})
	}
	group.Wait()
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
