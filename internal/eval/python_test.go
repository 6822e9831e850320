package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// trecCase is one call of testdata/eval/trec_eval.py.
type trecCase struct {
	Qrels    Qrels                         `json:"qrels"`
	Run      map[string]map[string]float64 `json:"run"`
	Measures []string                      `json:"measures"`
	Level    int                           `json:"level"`
}

// trecNames are trec_eval's names: what is asked for, and how it is answered.
var trecNames = map[Metric][2]string{
	NDCG(0):      {"ndcg", "ndcg"},
	NDCG(10):     {"ndcg_cut.10", "ndcg_cut_10"},
	NDCG(3):      {"ndcg_cut.3", "ndcg_cut_3"},
	Recall(5):    {"recall.5", "recall_5"},
	Recall(100):  {"recall.100", "recall_100"},
	Precision(5): {"P.5", "P_5"},
	MAP(0):       {"map", "map"},
	MAP(10):      {"map_cut.10", "map_cut_10"},
	MRR(0):       {"recip_rank", "recip_rank"},
	RPrecision(): {"Rprec", "Rprec"},
}

// TestPythonTrecEval compares with trec_eval itself, through Python's
// pytrec_eval (package pytrec-eval-terrier): on random runs with many ties,
// and, where AKIN_EVAL_DATA names the directory of test collections, on
// random runs over real judgements.
func TestPythonTrecEval(t *testing.T) {
	python := os.Getenv("AKIN_PYTHON")
	if python == "" {
		t.Skip("AKIN_PYTHON does not name a Python with the package pytrec-eval-terrier: run make test-python")
	}
	if err := exec.Command(python, "-c", "import pytrec_eval").Run(); err != nil {
		t.Skipf("%s cannot import pytrec_eval: pip install pytrec-eval-terrier, or run make test-python", python)
	}
	random := rand.New(rand.NewPCG(7, 7))
	var cases []trecCase
	for i := range 60 {
		cases = append(cases, randomCase(random, 1+i%3))
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv("AKIN_EVAL_DATA"), "*", "*", "qrels.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("AKIN_EVAL_DATA") == "" {
		t.Log("AKIN_EVAL_DATA does not name a directory of test collections: real judgements are not compared.")
		files = nil
	} else if len(files) == 0 {
		t.Error("AKIN_EVAL_DATA has no */*/qrels.tsv")
	}
	for _, file := range append(files, mini+"/qrels.tsv") {
		cases = append(cases, realCase(t, random, file))
	}
	values := 0
	for i, answer := range askTrecEval(t, python, cases) {
		values += compareCase(t, i, cases[i], answer)
	}
	t.Logf("%d values of %d runs agree with trec_eval; %d are over the judgements of files", values, len(cases), len(files)+1)
}

// randomCase has few ids, few scores and thus many ties, some of them only in
// float32; grades from -1; queries that lack judgements, lists or relevant
// papers.
func randomCase(random *rand.Rand, level int) trecCase {
	c := trecCase{Qrels: Qrels{}, Run: map[string]map[string]float64{}, Level: level}
	papers := 5 + random.IntN(60)
	for q := range 12 {
		query := "q" + strconv.Itoa(q)
		if q > 1 {
			c.Qrels[query] = map[string]int{}
			for range 1 + random.IntN(papers) {
				c.Qrels[query][strconv.Itoa(random.IntN(papers))] = random.IntN(6) - 1
			}
			// trec_eval's ndcg never ends if all grades are negative.
			c.Qrels[query]["unranked"] = 0
		}
		if q < 10 {
			c.Run[query] = map[string]float64{}
			for range 1 + random.IntN(papers) {
				c.Run[query][strconv.Itoa(random.IntN(papers))] = float64(random.IntN(8)) + 1e-10*random.Float64()
			}
		}
	}
	c.measures()
	return c
}

// realCase ranks, for each query of a file, some of its papers and some of
// another's, at random.
func realCase(t *testing.T, random *rand.Rand, file string) trecCase {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	qrels, err := ReadQrels(f, file)
	if err != nil {
		t.Fatal(err)
	}
	c := trecCase{Qrels: qrels, Run: map[string]map[string]float64{}, Level: 1}
	queries := slices.Sorted(maps.Keys(qrels))
	for _, query := range queries {
		c.Run[query] = map[string]float64{}
		for _, from := range []string{query, queries[random.IntN(len(queries))]} {
			for _, id := range slices.Sorted(maps.Keys(qrels[from])) {
				if random.IntN(3) > 0 {
					c.Run[query][id] = math.Round(random.Float64()*50) / 50
				}
			}
		}
	}
	c.measures()
	return c
}

// measures asks for all metrics, and for the cuts that nDCG%20 comes to.
func (c *trecCase) measures() {
	set := map[string]bool{}
	for _, names := range trecNames {
		set[names[0]] = true
	}
	for _, judged := range c.Qrels {
		set["ndcg_cut."+strconv.Itoa(fifth(judged))] = true
	}
	c.Measures = slices.Sorted(maps.Keys(set))
}

// fifth is a fifth of the judged papers, counted anew.
func fifth(judged map[string]int) int {
	n := 0
	for _, grade := range judged {
		if grade >= 0 {
			n++
		}
	}
	return max(1, int(0.2*float64(n)))
}

func askTrecEval(t *testing.T, python string, cases []trecCase) (answers []map[string]map[string]float64) {
	t.Helper()
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, filepath.Join("..", "..", "testdata", "eval", "trec_eval.py"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &answers)
	}
	if err != nil || len(answers) != len(cases) {
		t.Fatalf("trec_eval.py gave %d answers: %v", len(answers), err)
	}
	return answers
}

// compareCase returns how many values agree.
func compareCase(t *testing.T, number int, c trecCase, answer map[string]map[string]float64) (agree int) {
	t.Helper()
	run := Run{}
	for query, scores := range c.Run {
		run[query] = nil // an empty list counts, too
		for id, score := range scores {
			run[query] = append(run[query], Scored{id, score})
		}
	}
	metrics := append(slices.Collect(maps.Keys(trecNames)), NDCGPercent(20))
	report, err := Score(run, c.Qrels, Options{Metrics: metrics, RelevantFrom: c.Level, Resamples: minResamples})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(answer) - scoredWithoutRelevant(report, answer); report.Queries != want {
		t.Errorf("case %d: %d queries count, with trec_eval %d", number, report.Queries, want)
	}
	for _, res := range report.Results {
		for query, value := range res.PerQuery {
			name := trecNames[res.Metric][1]
			if name == "" {
				name = fmt.Sprintf("ndcg_cut_%d", fifth(c.Qrels[query]))
			}
			want, ok := answer[query][name]
			if !ok || math.Abs(value-want) > 5e-5 {
				t.Errorf("case %d, query %s: %v is %.6f; trec_eval's %s is %.6f (%v)", number, query, res.Metric, value, name, want, ok)
				continue
			}
			agree++
		}
	}
	return agree
}

// scoredWithoutRelevant counts the queries that trec_eval scores 0 and Score
// leaves out.
func scoredWithoutRelevant(r *Report, answer map[string]map[string]float64) (n int) {
	for _, query := range r.WithoutRelevant {
		if _, ok := answer[query]; ok {
			n++
		}
	}
	return n
}
