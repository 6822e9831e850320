package token

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// hardCase is a line of testdata/tokens/hard.jsonl.
type hardCase struct {
	Text string
	IDs  []int64
}

func hardCases(tb testing.TB) []hardCase {
	tb.Helper()
	f, err := os.Open(filepath.Join(repoRoot, "testdata", "tokens", "hard.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var cases []hardCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c hardCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			tb.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return cases
}

// TestHardTexts compares ids with those that the reference gave.
func TestHardTexts(t *testing.T) {
	tok := model(t)
	cases := hardCases(t)
	if len(cases) < 720 {
		t.Fatalf("only %d hard texts", len(cases))
	}
	for _, c := range cases {
		if got := mustEncode(t, tok, c.Text, Options{MaxTokens: 256}); !slices.Equal(got.IDs, c.IDs) {
			t.Errorf("%.200q:\n got %v\nwant %v", c.Text, got.IDs, c.IDs)
		}
	}
}
