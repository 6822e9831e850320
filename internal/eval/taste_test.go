package eval_test

import (
	"fmt"
	"os"
	"path/filepath"
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
