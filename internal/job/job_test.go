package job_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/vecfile"
)

const dim = 8

// fake embeds at once: a vector is a digest of its text.
type fake struct {
	mu       sync.Mutex
	texts    []string
	breaks   int    // fails with errBroken after so many answers, if above 0
	stop     func() // is called after so many answers, if breaks is above 0
	refuse   string // refuses this title
	answered int
}

var errBroken = errors.New("the embedder broke")

func vectorOf(text job.Text) []float32 {
	sum := sha256.Sum256([]byte(text.Title + "\x00" + text.Abstract))
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(int8(sum[i])) / 128
	}
	return v
}

func (f *fake) Embed(ctx context.Context, next func(context.Context) (job.Text, error), got func(job.Answer) error) error {
	group, ctx := errgroup.WithContext(ctx)
	texts := make(chan job.Text, 100)
	group.Go(func() error {
		defer close(texts)
		for {
			text, err := next(ctx)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			select {
			case texts <- text:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	group.Go(func() error {
		for text := range texts {
			f.mu.Lock()
			f.texts = append(f.texts, text.Title)
			f.answered++
			breaks := f.breaks > 0 && f.answered == f.breaks
			f.mu.Unlock()
			if breaks && f.stop != nil {
				f.stop()
			} else if breaks {
				return errBroken
			}
			a := job.Answer{Vector: job.Vector{Values: vectorOf(text), Tokens: len(text.Title), Truncated: len(text.Title) > 20}}
			if text.Title == f.refuse && f.refuse != "" {
				a = job.Answer{Err: errors.New("refused by the fake")}
			}
			if err := got(a); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// n is how many rows corpus writes.
const n = 5000

// corpus writes a file of papers with some bad rows and repetitions.
func corpus(t testing.TB, path string) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var b bytes.Buffer
	for i := range n {
		switch {
		case i%97 == 5:
			b.WriteString("{broken\n")
		case i%89 == 7:
			fmt.Fprintf(&b, `{"id":"p%d","title":"A repeated title","abstract":"and text"}`+"\n", i)
		default:
			fmt.Fprintf(&b, `{"id":"p%d","title":"Paper %d%s","abstract":"%s","authors":["A. Person"],"year":2020,"b":"2","a":"1"}`+"\n",
				i, i, strings.Repeat("x", r.IntN(30)), strings.Repeat("word ", r.IntN(50)))
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run does one run into dir.
func run(ctx context.Context, t testing.TB, dir, input string, e job.Embedder, shard job.Shard) (*job.Result, error) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cache, err := job.OpenCache(filepath.Join(dir, "cache"), "0123456789abcdef", dim)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	out, err := vecfile.Create(vecfile.Options{Dir: dir, Name: "embeddings", Formats: vecfile.Formats(), Dimension: dim})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abandon()
	q := ingest.NewQuarantine(filepath.Join(dir, "quarantine.jsonl"))
	result, err := job.Run(ctx, job.Config{
		Inputs: []string{input}, Shard: shard, Cache: cache, Embedder: e, Output: out, Quarantine: q,
	})
	if err != nil {
		q.Close()
		return nil, err
	}
	if _, err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return result, nil
}

// files reads what a run wrote.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(raw)
	}
	return all
}

func same(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	corpus(t, input)
	f := &fake{}
	result, err := run(t.Context(), t, filepath.Join(dir, "a"), input, f, job.Shard{})
	if err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Join(dir, "a"))
	lines := strings.Split(strings.TrimSpace(want["ids.txt"]), "\n")
	bad := strings.Count(want["quarantine.jsonl"], "\n")
	if result.Rows != len(lines) || result.Rows+bad != n || bad == 0 {
		t.Errorf("%d rows, %d ids, %d quarantined of %d", result.Rows, len(lines), bad, n)
	}
	// Rows are in the order of the input, each with the vector of its text.
	if !slices.IsSortedFunc(lines, func(a, b string) int { return len(a) - len(b) }) {
		t.Error("ids are not in the order of the input")
	}
	vectors := []byte(want["embeddings.npy"])[128:]
	i := 0
	for row, err := range ingest.Papers(t.Context(), []string{input}, ingest.Options{}) {
		if err != nil {
			continue
		}
		v := vectorOf(job.Text{Title: row.Paper.Title, Abstract: row.Paper.Abstract})
		var raw []byte
		for _, x := range v {
			raw, _ = binary.Append(raw, binary.LittleEndian, x)
		}
		if !bytes.Equal(raw, vectors[i*4*dim:(i+1)*4*dim]) {
			t.Fatalf("row %d has another vector", i)
		}
		i++
	}
	// Texts went to the embedder in order of length within a window.
	if slices.IsSortedFunc(f.texts, func(a, b string) int { return strings.Compare(a, b) }) {
		t.Error("texts were embedded in the order of the input")
	}
	// Again, nothing is embedded, and nothing is written anew.
	before, _ := os.Stat(filepath.Join(dir, "a", "embeddings.npy"))
	again := &fake{}
	if r, err := run(t.Context(), t, filepath.Join(dir, "a"), input, again, job.Shard{}); err != nil || r.Embedded != 0 || len(again.texts) != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if after, err := os.Stat(filepath.Join(dir, "a", "embeddings.npy")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the unchanged file was written anew (%v)", err)
	}
	same(t, files(t, filepath.Join(dir, "a")), want)
}

// Interrupted or broken at random places and run again, it writes the bytes of
// a run that was not, and embeds no text twice.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	corpus(t, input)
	if _, err := run(t.Context(), t, filepath.Join(dir, "a"), input, &fake{}, job.Shard{}); err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Join(dir, "a"))
	r := rand.New(rand.NewPCG(3, 4))
	for try := range 4 {
		out := filepath.Join(dir, fmt.Sprint("b", try))
		var embedded []string
		for step := 0; ; step++ {
			ctx, cancel := context.WithCancel(t.Context())
			f := &fake{breaks: 1 + r.IntN(n/2)}
			if step%2 == 0 {
				f.stop = cancel
			}
			_, err := run(ctx, t, out, input, f, job.Shard{})
			cancel()
			switch {
			case err == nil:
			case f.stop != nil && !errors.Is(err, job.ErrInterrupted), f.stop == nil && !errors.Is(err, errBroken):
				t.Fatalf("step %d: %v", step, err)
			}
			if f.stop != nil || err == nil {
				embedded = append(embedded, f.texts...)
			} else {
				embedded = append(embedded, f.texts[:f.breaks-1]...) // the last one was not answered
			}
			if err == nil {
				break
			}
			if step > 50 {
				t.Fatal("it never ends")
			}
		}
		same(t, files(t, out), want)
		slices.Sort(embedded)
		if c := slices.Compact(slices.Clone(embedded)); len(embedded)-len(c) > 4 { // the repeated title, once a window
			t.Errorf("%d texts were embedded twice", len(embedded)-len(c))
		}
	}
}

func TestGrown(t *testing.T) {
	dir := t.TempDir()
	small, large := filepath.Join(dir, "small.jsonl"), filepath.Join(dir, "large.jsonl")
	corpus(t, large)
	raw, _ := os.ReadFile(large)
	cut := bytes.Index(raw, []byte(`{"id":"p4000"`))
	os.WriteFile(small, raw[:cut], 0o600)
	if _, err := run(t.Context(), t, filepath.Join(dir, "a"), small, &fake{}, job.Shard{}); err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	r, err := run(t.Context(), t, filepath.Join(dir, "a"), large, f, job.Shard{})
	if err != nil || r.Embedded > 1000 || r.Embedded < 900 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Every row is in exactly one shard.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	corpus(t, input)
	rows, bad := 0, 0
	for part := 1; part <= 3; part++ {
		out := filepath.Join(dir, fmt.Sprint(part))
		r, err := run(t.Context(), t, out, input, &fake{}, job.Shard{Part: part, Of: 3})
		if err != nil {
			t.Fatal(err)
		}
		if r.Rows < n/4 {
			t.Errorf("shard %d has only %d rows", part, r.Rows)
		}
		rows += r.Rows
		bad += strings.Count(files(t, out)["quarantine.jsonl"], "\n")
	}
	if rows+bad != n {
		t.Errorf("%d rows and %d bad ones of %d", rows, bad, n)
	}
}

func TestParseShard(t *testing.T) {
	for text, want := range map[string]job.Shard{"": {}, "1/1": {1, 1}, "2/8": {2, 8}} {
		if got, err := job.ParseShard(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0/4", "5/4", "a/b", "1", "1/", "-1/4", "1/4/5"} {
		if _, err := job.ParseShard(text); err == nil || !strings.Contains(err.Error(), "I/N") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A text that the embedder refuses is quarantined as a row that import reads.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	os.WriteFile(input, []byte(`{"id":"a","title":"Fine"}`+"\n"+`{"id":"b","title":"Bad","venue":"X"}`+"\n"), 0o600)
	if _, err := run(t.Context(), t, filepath.Join(dir, "o"), input, &fake{refuse: "Bad"}, job.Shard{}); err != nil {
		t.Fatal(err)
	}
	got := files(t, filepath.Join(dir, "o"))
	if got["ids.txt"] != "a\n" || !strings.Contains(got["quarantine.jsonl"], `refused by the fake`) ||
		!strings.Contains(got["quarantine.jsonl"], `"line":2`) || !strings.Contains(got["quarantine.jsonl"], `\"venue\":\"X\"`) {
		t.Errorf("%q", got)
	}
}

// A damaged cache costs only the texts it no longer holds.
func TestDamagedCache(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	corpus(t, input)
	out := filepath.Join(dir, "a")
	if _, err := run(t.Context(), t, out, input, &fake{}, job.Shard{}); err != nil {
		t.Fatal(err)
	}
	want := files(t, out)
	folder := filepath.Join(out, "cache", "0123456789abcdef")
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range []string{"keys", "vectors"} {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		}
		os.WriteFile(filepath.Join(folder, name), raw[:len(raw)-11], 0o600)
	}
	result, err := run(t.Context(), t, out, input, &fake{}, job.Shard{})
	if err != nil || result.Embedded == 0 || result.Embedded > 45 {
		t.Errorf("%+v, %v", result, err)
	}
	same(t, files(t, out), want)
}

func TestForeignCache(t *testing.T) {
	dir := t.TempDir()
	c, err := job.OpenCache(dir, "0123456789abcdef", dim)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.OpenCache(dir, "0123456789abcdef", dim); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	c.Close()
	if _, err := job.OpenCache(dir, "0123456789abcdef", dim+1); err == nil || !strings.Contains(err.Error(), "not a cache") {
		t.Errorf("another dimension: %v", err)
	}
}
