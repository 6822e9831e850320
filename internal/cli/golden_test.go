package cli_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"akin/internal/embed/embedtest"
	"akin/internal/embed/onnx"
	akinv1 "akin/proto/akin/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Rankings over the sample corpus, as a file that a change shows up in.
func TestGoldenRankings(t *testing.T) {
	s := sampleServer(t)
	for _, mode := range []string{"hybrid", "semantic", "lexical"} {
		t.Run(mode, func(t *testing.T) { testGolden(t, s, mode) })
	}
}

// A directory of precision bf16 ranks the same: exactly where it is computed in
// float32, and where there are matrix units but for scores that move a little, and
// papers that are as good as each other.
func TestGoldenRankingsBF16(t *testing.T) {
	if !onnx.MatrixUnits() {
		t.Skip("this CPU has no matrix units: bf16 would be computed in float32, as TestBF16Directory does")
	}
	t.Setenv("AKIN_MATRIX_UNITS", "auto")
	t.Setenv("AKIN_PRECISION", "")
	data := filepath.Join(t.TempDir(), "data")
	_, _, errOut := run(t, "", "import", "--data", data, "--precision", "bf16", samplePath(t))
	s := host(t, data)
	for _, mode := range []string{"hybrid", "semantic"} {
		got := rankings(t, s, mode)
		if strings.Contains(errOut, "computed in float32") {
			compareGolden(t, mode, got)
			continue
		}
		want, err := os.ReadFile(filepath.Join(embedtest.Root(t), "testdata", "golden", mode+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, difference := range unlike(t, got, string(want), 0.02) {
			t.Errorf("%s: %s", mode, difference)
		}
	}
}

// unlike says where rankings differ by more than a tolerance of scores.
func unlike(t *testing.T, got, want string, tolerance float64) (differences []string) {
	t.Helper()
	lists, wanted := strings.Split(strings.TrimSpace(got), "\n\n"), strings.Split(strings.TrimSpace(want), "\n\n")
	if len(lists) != len(wanted) {
		return []string{fmt.Sprintf("%d lists, want %d", len(lists), len(wanted))}
	}
	for i := range lists {
		has, should := strings.Split(lists[i], "\n"), strings.Split(wanted[i], "\n")
		if len(has) != len(should) || has[0] != should[0] {
			differences = append(differences, fmt.Sprintf("%q, want %q", lists[i], wanted[i]))
			continue
		}
		for k := 1; k < len(should); k++ {
			rank, last := strings.Fields(should[k]), strings.Fields(should[len(should)-1])
			if math.Abs(number(t, strings.Fields(has[k])[1])-number(t, rank[1])) > tolerance ||
				number(t, rank[1]) > number(t, last[1])+tolerance && !strings.Contains(lists[i], " "+rank[2]+"\n") && !strings.HasSuffix(lists[i], " "+rank[2]) {
				differences = append(differences, fmt.Sprintf("%s: %q, want %q", has[0], has[k], should[k]))
			}
		}
	}
	return differences
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The comparison with a tolerance finds what it is for.
func TestUnlike(t *testing.T) {
	const want = "search a\n  1 0.90 x\n  2 0.50 y\n  3 0.49 z\n\nsearch b\n\n"
	for _, c := range []struct {
		got  string
		same bool
	}{
		{want, true},
		{"search a\n  1 0.91 x\n  2 0.50 z\n  3 0.49 y\n\nsearch b\n\n", true},
		{"search a\n  1 0.90 x\n  2 0.50 y\n  3 0.49 w\n\nsearch b\n\n", true},
		{"search a\n  1 0.90 w\n  2 0.50 y\n  3 0.49 z\n\nsearch b\n\n", false},
		{"search a\n  1 0.80 x\n  2 0.50 y\n  3 0.49 z\n\nsearch b\n\n", false},
		{"search a\n  1 0.90 x\n  2 0.50 y\n\nsearch b\n\n", false},
		{"search a\n  1 0.90 x\n  2 0.50 y\n  3 0.49 z\n\n", false},
	} {
		if got := unlike(t, c.got, want, 0.02); (got == nil) != c.same {
			t.Errorf("%q: %q", c.got, got)
		}
	}
}

func testGolden(t *testing.T, s *server, mode string) {
	compareGolden(t, mode, rankings(t, s, mode))
}

func rankings(t *testing.T, s *server, mode string) string {
	t.Helper()
	var got strings.Builder
	show := func(title string, results []*akinv1.Result) {
		fmt.Fprintf(&got, "%s\n", title)
		for _, r := range results {
			fmt.Fprintf(&got, "  %d %.2f %s\n", r.GetRank(), r.GetScore(), r.GetPaper().GetId())
		}
		fmt.Fprintln(&got)
	}
	for _, query := range []string{
		"dense retrieval without labelled data", "graph neural networks", "protein folding", "image segmentation of biomedical scans",
		"approximate nearest neighbour search", "how do transformers attend", "privacy of training data",
		`"contrastive learning" -vision`, "arXiv:1706.03762 attention", "consensus in distributed systems", "recommender systems from implicit feedback", "speech recognition without transcripts",
	} {
		out := mustRun(t, "search", "--server", s.grpc, "--mode", mode, "--json", "-n", "5", query)
		show("search "+query, unmarshal(t, out, new(akinv1.SearchResponse)).GetResults())
	}
	for _, id := range []string{"arXiv:1706.03762", "arXiv:1512.03385", "arXiv:2112.09118", "nature2021:alphafold"} {
		out := mustRun(t, "similar", "--server", s.grpc, "--mode", mode, "--json", "-n", "5", id)
		show("similar "+id, unmarshal(t, out, new(akinv1.SimilarResponse)).GetResults())
	}
	out := mustRun(t, "recommend", "--server", s.grpc, "--json", "-n", "5", "--like", "arXiv:1706.03762", "--like", "arXiv:2005.12872", "--unlike", "arXiv:1810.04805")
	show("recommend", unmarshal(t, out, new(akinv1.RecommendResponse)).GetResults())
	return got.String()
}

func compareGolden(t *testing.T, mode, got string) {
	t.Helper()
	path := filepath.Join(embedtest.Root(t), "testdata", "golden", mode+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("rankings changed; read the difference, and if it is right, run this test with -update\n--- got\n%s--- want\n%s", got, want)
	}
}
