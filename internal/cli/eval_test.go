package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"akin/internal/embed/embedtest"
)

// The whole way: a data set is imported, asked, and scored; the run that is
// written holds the same rankings.
func TestEval(t *testing.T) {
	mini := filepath.Join(embedtest.Root(t), "testdata", "eval", "mini")
	trec := filepath.Join(t.TempDir(), "run.trec")
	out := mustRun(t, "eval", "--json", "--metrics", "nDCG@10,MAP", "--run", trec, mini)
	var report struct {
		Queries int `json:"queries"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Queries < 2 {
		t.Errorf("%d queries, %v in %s", report.Queries, err, out)
	}
	ranked, err := os.ReadFile(trec)
	if err != nil || strings.Count(string(ranked), " Q0 ") < 4 {
		t.Errorf("run: %v %q", err, ranked)
	}
	if code, _, errOut := run(t, "", "eval", "--metrics", "nonsense", mini); code != 1 || !strings.Contains(errOut, "nonsense") {
		t.Errorf("an unknown metric: exit code %d, %q", code, errOut)
	}
}
