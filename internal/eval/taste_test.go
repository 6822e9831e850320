package eval_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"akin/internal/eval"
)

func tasteData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var corpus, labels strings.Builder
	for _, set := range []string{"birds", "fish"} {
		for i := range 40 {
			fmt.Fprintf(&corpus, `{"id":"%s:%d","title":"About %s %d"}`+"\n", set, i, set, i)
			fmt.Fprintf(&labels, "%s\t%s:%d\t%d\n", set, set, i, (i+3)/4%2)
		}
	}
	os.WriteFile(filepath.Join(dir, "corpus.jsonl"), []byte(corpus.String()), 0o600)
	os.WriteFile(filepath.Join(dir, eval.LabelsFile), []byte(labels.String()), 0o600)
	return dir
}

func TestOpenTaste(t *testing.T) {
	dir := tasteData(t)
	if !eval.HasTaste(dir) || eval.HasTaste(t.TempDir()) {
		t.Error("what has labels and what has not is mixed up")
	}
	d, err := eval.OpenTaste(dir, eval.TasteOptions{Given: "80%", Splits: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Papers) != 80 || len(d.Queries) != 6 {
		t.Fatalf("%d papers, %d queries", len(d.Papers), len(d.Queries))
	}
	for _, q := range d.Queries {
		likes := len(q.Likes) + len(d.Qrels[q.ID])
		if want := (likes*80 + 50) / 100; len(q.Likes) != want {
			t.Errorf("%s: %d of %d likes given", q.ID, len(q.Likes), likes)
		}
		for _, id := range q.Likes {
			if d.Qrels[q.ID][id] != 0 {
				t.Errorf("%s: %s is given and should be found", q.ID, id)
			}
		}
	}
	if slices.Equal(d.Queries[0].Likes, d.Queries[1].Likes) {
		t.Error("two divisions are the same")
	}
	again, _ := eval.OpenTaste(dir, eval.TasteOptions{Given: "80%", Splits: 3})
	for i := range d.Queries {
		if !slices.Equal(d.Queries[i].Likes, again.Queries[i].Likes) {
			t.Fatal("the same options divide in another way")
		}
	}
	five, err := eval.OpenTaste(dir, eval.TasteOptions{Given: "5", Splits: 1, Sets: []string{"fish"}})
	if err != nil || len(five.Papers) != 40 || len(five.Queries) != 1 || len(five.Queries[0].Likes) != 5 {
		t.Errorf("%+v, %v", five, err)
	}
	for want, opt := range map[string]eval.TasteOptions{
		`names "cats"`: {Given: "5", Sets: []string{"cats"}}, `given is "x"`: {Given: "x"}, `given is "100%"`: {Given: "100%"}, `given is "0"`: {Given: "0"},
	} {
		if _, err := eval.OpenTaste(dir, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// authorsData has two people's papers by time, and a corpus elsewhere.
func authorsData(t *testing.T, labels string) (dir, corpus string) {
	t.Helper()
	dir = t.TempDir()
	corpus = filepath.Join(t.TempDir(), "papers.jsonl")
	var lines strings.Builder
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		fmt.Fprintf(&lines, "{\"id\":%q,\"title\":\"paper %s\"}\n", id, id)
	}
	os.WriteFile(corpus, []byte(lines.String()), 0o600)
	os.WriteFile(filepath.Join(dir, eval.LabelsFile), []byte(labels), 0o600)
	return dir, corpus
}

const twoAuthors = "x\tb\t2001\ttrain\nx\ta\t2000\ttrain\nx\tc\t2002\ttest\ny\tc\t2001\ttrain\ny\td\t2002\ttest\n"

func TestOpenTasteThatIsDivided(t *testing.T) {
	dir, corpus := authorsData(t, twoAuthors)
	d, err := eval.OpenTaste(dir, eval.TasteOptions{Source: eval.Source{Corpus: corpus}})
	if err != nil {
		t.Fatal(err)
	}
	want := []eval.Query{{ID: "x", Likes: []string{"a", "b"}}, {ID: "y", Likes: []string{"c"}}}
	if !reflect.DeepEqual(d.Queries, want) || len(d.Papers) != 5 {
		t.Errorf("%d papers, queries %+v", len(d.Papers), d.Queries)
	}
	if want := (eval.Qrels{"x": {"c": 1}, "y": {"d": 1}}); !reflect.DeepEqual(d.Qrels, want) {
		t.Errorf("judgements are %v", d.Qrels)
	}
	one, err := eval.OpenTaste(dir, eval.TasteOptions{Source: eval.Source{Corpus: corpus}, Sample: 1})
	if err != nil || len(one.Queries) != 1 || len(one.Qrels) != 1 || len(one.Papers) != 5 {
		t.Errorf("a sample of one: %+v, %v", one, err)
	}
	// Without d there is nothing to find for y.
	only, err := eval.OpenTaste(dir, eval.TasteOptions{Source: eval.Source{Corpus: corpus, Only: map[string]bool{"b": true, "c": true, "e": true}}})
	if err != nil || len(only.Papers) != 3 || len(only.Queries) != 1 || !slices.Equal(only.Queries[0].Likes, []string{"b"}) {
		t.Errorf("restricted: %+v, %v", only, err)
	}
}

func TestOpenTasteRefusesLabels(t *testing.T) {
	for _, c := range []struct{ labels, want string }{
		{"x\ta\n", "labels.tsv:1: has 2 fields; wanted are set, paper and 1 or 0"},
		{"x\ta\t1\nx\tb\t2000\ttest\n", "labels.tsv:2: has 4 fields"},
		{"x\ta\tyes\n", `labels.tsv:1: label "yes" is not a whole number`},
		{"x\ta\tMay\ttrain\n", `labels.tsv:1: year "May"`},
		{"x\ta\t2000\tTrain\n", `labels.tsv:1: the last field is "Train"; write train`},
		{"\ta\t1\n", "labels.tsv:1: the set or the paper is empty"},
		{"x\ta\t1\nx\ta\t0\n", `labels.tsv:2: set "x" has paper "a" already, in line 1`},
		{"x\ta\t2000\ttrain\n", `set "x" has 1 papers to train with and 0 to test with`},
		{"x\ta\t2000\ttrain\nx\tzz\t2000\ttest\n", `set "x" has paper "zz", which the corpus lacks`},
	} {
		dir, corpus := authorsData(t, c.labels)
		if _, err := eval.OpenTaste(dir, eval.TasteOptions{Source: eval.Source{Corpus: corpus}, Given: "1"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.labels, err)
		}
	}
	dir, corpus := authorsData(t, twoAuthors)
	if _, err := eval.OpenTaste(dir, eval.TasteOptions{Source: eval.Source{Corpus: corpus}, Sample: -1}); err == nil || !strings.Contains(err.Error(), "sample is -1") {
		t.Errorf("a negative sample: %v", err)
	}
}

// Tastes of several interests have likes of each; what is to be found has the number
// of its interest, and nothing of two of them.
func TestOpenTasteOfInterests(t *testing.T) {
	dir := t.TempDir()
	var corpus strings.Builder
	for i := range 60 {
		topic := []string{"Deep owls", "deep-fish", "Trees"}[i%3]
		if i >= 54 {
			topic = "Deep owls and deep fish"
		}
		fmt.Fprintf(&corpus, `{"id":"p%d","title":"On %s","authors":"A B; C","year":"2020","venue":"V"}`+"\n", i, topic)
	}
	os.WriteFile(filepath.Join(dir, "corpus.jsonl"), []byte(corpus.String()), 0o600)
	os.WriteFile(filepath.Join(dir, eval.TopicsFile), []byte("deep owls\nDeep Fish\ntrees\n"), 0o600)
	d, err := eval.OpenTaste(dir, eval.TasteOptions{Given: "5+1", Sample: 12})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Queries) != 12 || len(d.Papers) != 60 || len(d.Papers[0].Authors) != 2 || d.Papers[0].PublishDate.Year != 2020 || d.Papers[0].Venue != "V" {
		t.Fatalf("%d queries, %d papers, %+v", len(d.Queries), len(d.Papers), d.Papers[0])
	}
	for _, q := range d.Queries {
		found := map[int]int{}
		for id, grade := range d.Qrels[q.ID] {
			found[grade]++
			if slices.Contains(q.Likes, id) {
				t.Errorf("%s: %s is liked and to be found", q.ID, id)
			}
		}
		if len(q.Likes) != 6 || found[1] < 10 || found[2] < 10 || len(found) != 2 {
			t.Errorf("%s: likes %v, to be found %v", q.ID, q.Likes, found)
		}
	}
	again, _ := eval.OpenTaste(dir, eval.TasteOptions{Given: "5+1", Sample: 12})
	other, _ := eval.OpenTaste(dir, eval.TasteOptions{Given: "5+1", Sample: 12, Seed: 1})
	if !reflect.DeepEqual(d.Queries, again.Queries) || reflect.DeepEqual(d.Queries, other.Queries) {
		t.Error("the same seed gives other tastes, or another the same")
	}
	for given, want := range map[string]string{
		"80%": "write how many likes", "5+x": "such as 5+1", "5+": "such as 5+1", "1+1+1+1": "there are 3 topics", "50+1": "too few papers",
	} {
		if _, err := eval.OpenTaste(dir, eval.TasteOptions{Given: given}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("given %s: %v", given, err)
		}
	}
	labels, err := eval.OpenTaste(tasteData(t), eval.TasteOptions{Given: "2+1", Sample: 3})
	if err != nil || len(labels.Queries) != 3 || len(labels.Queries[0].Likes) != 3 || len(labels.Papers) != 80 {
		t.Errorf("of sets: %+v, %v", labels, err)
	}
}

func TestLimit(t *testing.T) {
	d, err := eval.OpenTaste(tasteData(t), eval.TasteOptions{Given: "50%", Splits: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Limit(5, 0); err != nil || len(d.Queries) != 5 || len(d.Qrels) != 5 {
		t.Errorf("%d queries, %d judged, %v", len(d.Queries), len(d.Qrels), err)
	}
	for _, n := range []int{0, 5, 9} {
		if err := d.Limit(n, 0); err != nil || len(d.Queries) != 5 {
			t.Errorf("limit %d: %d queries, %v", n, len(d.Queries), err)
		}
	}
	if err := d.Limit(-1, 0); err == nil || !strings.Contains(err.Error(), "queries is -1") {
		t.Errorf("a limit below 0: %v", err)
	}
}
