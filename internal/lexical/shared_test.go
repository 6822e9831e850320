package lexical_test

import (
	"slices"
	"testing"

	"akin/internal/lexical"
)

func TestShared(t *testing.T) {
	for _, c := range []struct {
		query, text string
		want        []string
	}{
		{"dense retrieval of the passages", "The Retriever retrieves a dense passage, and a dense one.", []string{"Retriever", "dense", "passage"}},
		{"naïve Bayes", "A naive BAYES classifier", []string{"naive", "BAYES"}},
		{"zero-shot", "Zero-shot transfer", []string{"Zero-shot"}},
		{"the of and", "the of and", nil},
		{"", "text", nil},
		{"text", "", nil},
		{"神经网络", "深度神经网络", []string{"神经", "网络"}},
	} {
		if got := lexical.Shared(c.query, c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q in %q: %q, want %q", c.query, c.text, got, c.want)
		}
	}
}
