package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

const (
	attention = "arXiv:1706.03762"
	bert      = "arXiv:1810.04805"
	residual  = "arXiv:1512.03385"
)

// Recommendations from end to end, over the sample.
func TestRecommend(t *testing.T) {
	s := sampleServer(t)
	t.Run("one more dislike raises nothing", func(t *testing.T) { testDislikeRaisesNothing(t, s) })
	t.Run("machines", func(t *testing.T) { testMachines(t, s) })
	t.Run("the old counts for less", func(t *testing.T) { testHalfLife(t, s) })
	t.Run("limits", func(t *testing.T) { testExampleLimits(t, s) })
}

func scores(t *testing.T, s *server, args ...string) map[string]float64 {
	t.Helper()
	out := mustRun(t, append([]string{"recommend", "--server", s.grpc, "--json", "-n", "200"}, args...)...)
	got := make(map[string]float64)
	for _, r := range unmarshal(t, out, new(akinv1.RecommendResponse)).GetResults() {
		got[r.GetPaper().GetId()] = r.GetScore()
	}
	return got
}

func testDislikeRaisesNothing(t *testing.T, s *server) {
	const roberta = "arXiv:1907.11692"
	for _, strategy := range []string{"hybrid", "top-mean", "best-score"} {
		before := scores(t, s, "--strategy", strategy, "--like", attention, "--like", residual)
		after := scores(t, s, "--strategy", strategy, "--like", attention, "--like", residual, "--unlike", bert)
		for id, score := range after {
			if score > before[id]+1e-6 {
				t.Errorf("%s: %s rose from %v to %v", strategy, id, before[id], score)
			}
		}
		if after[roberta] > before[roberta]-.1 {
			t.Errorf("%s: what is like the dislike went from %v to %v only", strategy, before[roberta], after[roberta])
		}
	}
}

func testMachines(t *testing.T, s *server) {
	out := mustRun(t, "recommend", "--server", s.grpc, "--json", "-n", "5", "--strategy", "svm", "--like", bert)
	got := unmarshal(t, out, new(akinv1.RecommendResponse)).GetResults()
	if len(got) != 5 || len(got[0].GetDrivenBy()) != 1 || got[0].GetDrivenBy()[0].GetPaperId() != bert || got[0].GetParts().GetSemantic() < .3 {
		t.Errorf("one like gives %v", got)
	}
	first := scores(t, s, "--strategy", "svm", "--like", bert, "--like", attention, "--unlike", residual)
	again := scores(t, s, "--strategy", "svm", "--like", bert, "--like", attention, "--unlike", residual)
	if len(first) != 129 {
		t.Errorf("%d results; all 132 papers but the examples are wanted", len(first))
	}
	for id, score := range first {
		if again[id] != score {
			t.Fatalf("%s scores %v, and then %v", id, score, again[id])
		}
	}
	// A text is an example, too.
	if got := scores(t, s, "--strategy", "svm", "--like-text", "graph neural networks"); len(got) != 132 {
		t.Errorf("%d results for a text", len(got))
	}
	plain, pushed := scores(t, s, "--strategy", "svm", "--like", attention), scores(t, s, "--strategy", "svm", "--like", attention, "--unlike", bert)
	var change float64
	near := []string{"arXiv:1907.11692", "arXiv:1909.11942", "arXiv:2003.10555", "arXiv:1910.01108", "arXiv:1906.08237"}
	for _, id := range near {
		change += (pushed[id] - plain[id]) / float64(len(near))
	}
	if change >= 0 {
		t.Errorf("what is near the dislike changed by %v on average", change)
	}
}

func testHalfLife(t *testing.T, s *server) {
	path := filepath.Join(t.TempDir(), "likes.tsv")
	os.WriteFile(path, []byte(bert+"\t1\t2020-01-01\n"+residual+"\t1\t2024-01-01\n"), 0o600)
	equal := scores(t, s, "--strategy", "top-mean", "--like-file", path)
	aged := scores(t, s, "--strategy", "top-mean", "--like-file", path, "--half-life-days", "365.25")
	// BERT's like is four half-lives old: what is near it alone loses nearly all
	// of its half of the mean.
	const roberta, vit = "arXiv:1907.11692", "arXiv:2010.11929"
	if aged[roberta] > .45*equal[roberta] || aged[vit] < .5*equal[vit] {
		t.Errorf("RoBERTa went from %v to %v, ViT from %v to %v", equal[roberta], aged[roberta], equal[vit], aged[vit])
	}
	for want, args := range map[string][]string{
		"--half-life-days is -1":                              {"--like-file", path, "--half-life-days=-1"},
		"--half-life-days is 30, but no example has a time":   {"--like", bert, "--half-life-days", "30"},
		"--half-life-days is 1e+06; it must be above 0 and a": {"--like-file", path, "--half-life-days", "1e6"},
	} {
		code, _, errOut := run(t, "", append([]string{"recommend", "--server", s.grpc}, args...)...)
		if code == 0 || !strings.Contains(strings.ReplaceAll(errOut, ": ", " "), want) && !strings.Contains(errOut, want) {
			t.Errorf("want %q: exit code %d, %q", want, code, errOut)
		}
	}
}

func testExampleLimits(t *testing.T, s *server) {
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	many := func(n int, text bool) (out []*akinv1.Example) {
		for i := range n {
			x := &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: fmt.Sprint("p", i)}}
			if text {
				x.Example = &akinv1.Example_Text{Text: &akinv1.Text{Title: "t"}}
			}
			out = append(out, x)
		}
		return out
	}
	like := many(1, false)
	for want, req := range map[string]*akinv1.RecommendRequest{
		"has 5001 items; the limit is 5000":   {Positive: many(5001, false)},
		"negative: has 5001 items":            {Positive: like, Negative: many(5001, false)},
		"has more than 200 texts":             {Positive: many(201, true)},
		"positive[0].time: is 253402300800 s": {Positive: []*akinv1.Example{{Example: like[0].Example, Time: &timestamppb.Timestamp{Seconds: 253402300800}}}},
	} {
		_, err := c.Search.Recommend(t.Context(), req)
		want = strings.ReplaceAll(want, ": ", " ")
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), ": ", " "), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
