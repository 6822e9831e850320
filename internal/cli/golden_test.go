package cli_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/embed/embedtest"
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

func testGolden(t *testing.T, s *server, mode string) {
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
	compareGolden(t, mode, got.String())
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
