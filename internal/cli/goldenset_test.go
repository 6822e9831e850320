package cli_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"akin/internal/embed/embedtest"
)

// The golden set: rankings of the sample corpus must not fall below what they
// were. A floor is .02 or so below what was measured when it was set; raise it
// when the ranking gets better.
func TestGoldenSet(t *testing.T) {
	root := filepath.Join(embedtest.Root(t), "testdata")
	server := host(t, sampleData(t)) // eval imports the texts alone
	for _, c := range []struct {
		set   string
		floor float64
		flags []string
	}{
		{"search", .79, []string{"--mode", "hybrid"}},
		{"search", .775, []string{"--mode", "hybrid", "--fusion", "rrf"}},
		{"search", .78, []string{"--mode", "semantic"}},
		{"search", .72, []string{"--mode", "lexical"}},
		{"similar", .76, []string{"--mode", "hybrid"}},
		{"similar", .695, []string{"--mode", "semantic"}},
		{"similar", .65, []string{"--mode", "lexical"}},
		{"recommend", .64, []string{"--strategy", "hybrid"}},
		{"recommend", .68, []string{"--strategy", "svm"}},
		{"recommend", .605, []string{"--strategy", "top-mean"}},
		{"recommend", .66, []string{"--strategy", "best-score"}},
		{"recommend", .605, []string{"--strategy", "mean-vector"}},
	} {
		args := append([]string{
			"eval", "--server", server.grpc, "--json", "--metrics", "nDCG@10", "--given", "3",
			"--corpus", filepath.Join(root, "sample", "papers.jsonl"),
		}, c.flags...)
		out := mustRun(t, append(args, filepath.Join(root, "eval", "golden", c.set))...)
		var report struct {
			Queries int `json:"queries"`
			Results []struct {
				Mean float64 `json:"mean"`
			} `json:"results"`
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || report.Queries < 20 || len(report.Results) != 1 {
			t.Fatalf("%s %v: %v, %d queries", c.set, c.flags, err, report.Queries)
		}
		got := report.Results[0].Mean
		t.Logf("%s %v: nDCG@10 %.4f over %d queries", c.set, c.flags, got, report.Queries)
		if got < c.floor {
			t.Errorf("%s %v: nDCG@10 is %.4f, the floor is %.3f", c.set, c.flags, got, c.floor)
		}
	}
}
