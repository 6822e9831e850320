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
	if code, _, errOut := run(t, "", "eval", "--metrics", "nonsense", mini); code != 2 || !strings.Contains(errOut, "nonsense") {
		t.Errorf("an unknown metric: exit code %d, %q", code, errOut)
	}
}

// Several data sets over one corpus share a server; each leaves a run of its own, and a
// later evaluation compares with them, a line each.
func TestEvalOverOneCorpus(t *testing.T) {
	mini := filepath.Join(embedtest.Root(t), "testdata", "eval", "mini")
	dir := t.TempDir()
	other := filepath.Join(dir, "Other Set")
	os.Mkdir(other, 0o700)
	os.WriteFile(filepath.Join(other, "queries.jsonl"), []byte(`{"id":"a","text":"owls"}`+"\n"+`{"id":"b","text":"calls of owls"}`+"\n"), 0o600)
	os.WriteFile(filepath.Join(other, "qrels.tsv"), []byte("a\tp2\t1\nb\tp2\t1\n"), 0o600)
	runs := filepath.Join(dir, "runs", "before")
	args := []string{"eval", "--corpus", filepath.Join(mini, "corpus.jsonl"), "--metrics", "MRR", "--mode", "lexical", "--queries", "2"}
	mustRun(t, append(args, "--runs", runs, mini, other)...)
	os.Remove(filepath.Join(runs, "mini.trec"))
	out := mustRun(t, append(args, "--against", runs, mini, other)...)
	if !strings.Contains(out, "| mini | 1 | MRR | – |") && !strings.Contains(out, "| mini | 2 | MRR | – |") {
		t.Errorf("a set without an earlier run: %s", out)
	}
	if !strings.Contains(out, "| Other Set | 2 | MRR |") || !strings.Contains(out, "| 0, 0 |") {
		t.Errorf("a set that did not change: %s", out)
	}
	for want, wrong := range map[string][]string{
		"leave one out":    {"--run", filepath.Join(dir, "x"), "--runs", dir, mini},
		"a directory of t": {"--baseline", filepath.Join(mini, "run.trec"), "--against", dir, mini},
		"queries is -1":    {"--queries=-1", mini},
	} {
		if code, _, errOut := run(t, "", append([]string{"eval"}, wrong...)...); code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("%v: exit code %d, %q", wrong, code, errOut)
		}
	}
}

// Runs of files are scored without a server, and compared query by query.
func TestEvalScore(t *testing.T) {
	mini := filepath.Join(embedtest.Root(t), "testdata", "eval", "mini")
	a := filepath.Join(mini, "run.trec")
	dir := t.TempDir()
	b := filepath.Join(dir, "b.trec")
	os.WriteFile(b, []byte("owls Q0 p3 1 9 b\nowls Q0 p2 2 8 b\n"), 0o600)

	code, out, errOut := run(t, "", "eval", "--score", a, "--score", b, "--metrics", "MRR,Rprec", mini)
	// The first paper of a is relevant for one query, the second for the other; b
	// has one list, whose second paper is relevant.
	if code != 0 || !strings.Contains(out, "| 2 | 0.750 [") || !strings.Contains(out, "| 2 | 0.250 [") || !strings.Contains(out, "| MRR | -0.5000 |") || !strings.Contains(out, "| 0 | 2 | 0 |") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if !strings.Contains(errOut, "lacks 1 of 2 queries, for example p1_method") {
		t.Errorf("a missing query: %q", errOut)
	}
	out = mustRun(t, "eval", "--json", "--score", a, "--baseline", b, "--metrics", "MRR", mini)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Baseline    string `json:"baseline"`
		Comparisons []struct {
			Difference float64 `json:"difference"`
			P          float64 `json:"p"`
			Better     int     `json:"better"`
		} `json:"comparisons"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 2 || last.Baseline != b || len(last.Comparisons) != 1 || last.Comparisons[0].Difference != .5 || last.Comparisons[0].Better != 2 || last.Comparisons[0].P < .4 {
		t.Errorf("%v, %+v in %s", err, last, out)
	}
	if out := mustRun(t, "eval", "--per-query", "--score", a, "--metrics", "MRR", mini); !strings.HasPrefix(out, "dataset\tsystem\tquery\tMRR\nmini\t") || !strings.Contains(out, "\tall\t0.750000\n") {
		t.Errorf("a line for each query: %s", out)
	}

	bad := filepath.Join(dir, "bad.trec")
	os.WriteFile(bad, []byte("owls Q0 p2 1 0.5 tag\nowls Q0 p3 half tag\n"), 0o600)
	foreign := filepath.Join(dir, "foreign.trec")
	os.WriteFile(foreign, []byte("q7 Q0 p2 1 0.5 tag\n"), 0o600)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"bad.trec:2: has 5 fields; wanted are six: query Q0 paper rank score tag", []string{"--score", bad, mini}},
		{"bad.trec:2: has 5 fields", []string{"--baseline", bad, mini}},
		{`none of the run's 1 queries is judged ("q7", for example)`, []string{"--score", foreign, mini}},
		{"--score and --baseline are about one data set", []string{"--score", a, mini, mini}},
		{"leave one out", []string{"--score", a, "--run", bad, mini}},
		{"bad.trec:1: read a paper", []string{"--corpus", bad, mini}},
		{"bad.trec cannot be used: it has no whole header", []string{"--vectors", bad, mini}},
	} {
		if code, _, errOut := run(t, "", append([]string{"eval"}, c.args...)...); code == 0 || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: exit code %d, %q", c.args, code, errOut)
		}
	}
}
