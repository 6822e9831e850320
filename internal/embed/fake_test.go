package embed_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"akin/internal/embed"
	"akin/internal/model"
)

// fakeDim is the dimension of the fake model.
const fakeDim = 3

// fakeVocab is the fake model's vocabulary; each word of a text is one token.
var fakeVocab = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "query", ":", "doc", "."}

// run is one run of a fake runtime, as it was asked for.
type run struct {
	threads, batch, tokens int
	ids                    []int64
}

// fake is a runtime without a model: a token's numbers follow from its id. Its
// fields are set before it is opened.
type fake struct {
	output embed.Output
	// hold, if there is one, is what each run waits for: one value, or its end.
	hold chan struct{}
	// spoil changes what a run gives.
	spoil func(r run, out []float32) ([]float32, int, error)
	// loadErr and openErr refuse; openErr by number of threads.
	loadErr error
	openErr map[int]error

	mu     sync.Mutex // guards what follows
	runs   []run
	events []string
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fmt.Sprintf(format, args...))
}

// started gives the runs that began so far.
func (f *fake) started() []run {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.runs)
}

func (f *fake) Load(path string) (embed.Graph, error) {
	f.note("load %s", filepath.Base(path))
	if f.loadErr != nil {
		return nil, f.loadErr
	}
	return fakeGraph{f}, nil
}

type fakeGraph struct{ *fake }

func (g fakeGraph) Output() embed.Output { return g.output }

func (g fakeGraph) Open(threads int) (embed.Session, error) {
	if err := g.openErr[threads]; err != nil {
		return nil, err
	}
	g.note("open %d", threads)
	return fakeSession{g.fake, threads}, nil
}

func (g fakeGraph) Close() error { g.note("close graph"); return nil }

type fakeSession struct {
	*fake
	threads int
}

func (s fakeSession) Close() error { s.note("close %d", s.threads); return nil }

func (s fakeSession) Run(ids []int64, batch, tokens int) ([]float32, int, error) {
	r := run{s.threads, batch, tokens, slices.Clone(ids)}
	s.mu.Lock()
	s.runs = append(s.runs, r)
	s.mu.Unlock()
	if s.hold != nil {
		<-s.hold
	}
	var out []float32
	for text := range slices.Chunk(ids, tokens) {
		if s.output.Pooled {
			out = append(out, numbers(text[len(text)-2])...)
			continue
		}
		for _, id := range text {
			out = append(out, numbers(id)...)
		}
	}
	if s.spoil != nil {
		return s.spoil(r, out)
	}
	return out, fakeDim, nil
}

// numbers are what the fake model gives for one token.
func numbers(id int64) []float32 {
	return []float32{float32(id), float32(id * id % 7), float32(id % 3)}
}

// unit is the unit vector in the direction of the sum of the numbers of ids.
func unit(ids ...int64) []float32 {
	var sum [fakeDim]float64
	for _, id := range ids {
		for d, x := range numbers(id) {
			sum[d] += float64(x)
		}
	}
	norm := math.Sqrt(sum[0]*sum[0] + sum[1]*sum[1] + sum[2]*sum[2])
	return []float32{float32(sum[0] / norm), float32(sum[1] / norm), float32(sum[2] / norm)}
}

// near says that two vectors are the same but for rounding.
func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })
}

// idsOf are the tokens of a text of known words.
func idsOf(text string) []int64 {
	ids := []int64{2}
	for word := range strings.FieldsSeq(text) {
		ids = append(ids, int64(max(1, slices.Index(fakeVocab, word))))
	}
	return append(ids, 3)
}

// words is a text of so many tokens, the special ones included.
func words(word string, tokens int) string {
	return strings.TrimSpace(strings.Repeat(word+" ", tokens-2))
}

// fakeTokenizer is the tokenizer.json of the fake model.
func fakeTokenizer() string {
	var vocab []string
	for id, word := range fakeVocab {
		vocab = append(vocab, fmt.Sprintf("%q: %d", word, id))
	}
	return `{"version": "1.0", "added_tokens": [{"id": 2, "special": true, "content": "[CLS]"}, {"id": 3, "special": true, "content": "[SEP]"}],
		"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
		"pre_tokenizer": {"type": "BertPreTokenizer"},
		"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
		"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
			"vocab": {` + strings.Join(vocab, ", ") + `}}}`
}

func writeFile(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fakeConfig is a model that a fake runtime runs: a ready graph whose bytes
// nobody reads.
func fakeConfig(t testing.TB, f *fake) embed.Config {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, model.GraphFile, "a graph")
	writeFile(t, dir, model.TokenizerFile, fakeTokenizer())
	return embed.Config{
		Runtime: f, ModelDir: dir, Threads: 2,
		Manifest: &model.Manifest{
			Name: "fake", License: "MIT", Source: "https://example.org/fake", Pooling: "mean", Dimension: fakeDim, MaxTokens: 300,
			Template: "{title}. {abstract}", QueryPrefix: "query: ", DocumentPrefix: "doc: ",
		},
	}
}

// openFake opens a fake model for the length of the test.
func openFake(t testing.TB, config embed.Config) *embed.Embedder {
	t.Helper()
	e, err := embed.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func closeModel(t testing.TB, e *embed.Embedder) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")
