package lexical

import (
	"os"
	"strings"
	"testing"

	"akin/internal/eval"
)

// reviews makes a set of the systematic reviews: each included paper of six of
// them is a query, which the other included ones answer; all papers of the six
// are candidates. It reads the same files as the recommendation benchmarks.
func reviews(t *testing.T) *eval.Dataset {
	t.Helper()
	labels, err := os.ReadFile(shared(t, "eval/recommend/reviews/labels.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	in, included := map[string]bool{}, map[string][]string{}
	for line := range strings.Lines(string(labels)) {
		f := strings.Fields(line)
		if strings.Contains("Estrogens NSAIDS UrinaryIncontinence Triptans Antihistamines OralHypoglycemics", f[0]) {
			in[f[1]] = true
			if f[2] == "1" {
				included[f[0]] = append(included[f[0]], f[1])
			}
		}
	}
	file, err := os.Open(shared(t, "eval/recommend/reviews/corpus.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	papers, err := eval.ReadCorpus(file, "reviews")
	if err != nil {
		t.Fatal(err)
	}
	d := &eval.Dataset{Name: "reviews", Qrels: eval.Qrels{}}
	for _, p := range papers {
		if in[p.ID] {
			d.Papers = append(d.Papers, p)
		}
	}
	for _, ids := range included {
		for _, id := range ids {
			d.Queries = append(d.Queries, eval.Query{ID: id, PaperID: id})
			d.Qrels[id] = map[string]int{}
			for _, other := range ids {
				if other != id {
					d.Qrels[id][other] = 1
				}
			}
		}
	}
	return d
}
