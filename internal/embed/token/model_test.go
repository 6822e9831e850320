package token

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// repoRoot is where the tests find the repository.
var repoRoot = filepath.Join("..", "..", "..")

// modelPath is where make setup puts the default model's tokenizer.
var modelPath = filepath.Join(repoRoot, ".akin", "models", "all-minilm-l6-v2", "tokenizer.json")

// modelJSON reads the default model's tokenizer.json or skips the test.
func modelJSON(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile(modelPath)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skip("The default model's tokenizer is not here: run make setup.")
	}
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// loadModel loads the default model's tokenizer once for all tests.
var loadModel = sync.OnceValues(func() (*Tokenizer, error) {
	data, err := os.ReadFile(modelPath)
	if err != nil {
		return nil, err
	}
	return Load(data)
})

// model is the default model's tokenizer; without it the test is skipped.
func model(tb testing.TB) *Tokenizer {
	tb.Helper()
	modelJSON(tb)
	t, err := loadModel()
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// reporter is what testing.TB and *rapid.T have in common.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// mustEncode encodes or fails the test.
func mustEncode(tb reporter, t *Tokenizer, text string, opts Options) Encoding {
	tb.Helper()
	e, err := t.Encode(text, opts)
	if err != nil {
		tb.Fatalf("Encode(%.80q, %+v): %v", text, opts, err)
	}
	return e
}

// wordsOf normalises and splits a text.
func wordsOf(table *charTable, text string) []string {
	s := preTokenizer{table: table, limit: len(text) * 4}
	s.reset(text, false)
	var words []string
	for s.next() {
		words = append(words, string(s.word))
	}
	return words
}
