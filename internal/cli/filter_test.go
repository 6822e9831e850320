package cli_test

import (
	"fmt"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// Every command that answers with papers takes a filter, and all mean the same.
func TestFilters(t *testing.T) {
	server := sampleServer(t).grpc
	const text = `category = "cs.CL" AND year >= 2018 AND NOT attention`
	list := strings.Fields(mustRun(t, "list", "--server", server, "--ids", "--filter", text))
	if len(list) < 5 || len(list) > 100 {
		t.Fatalf("the filter lists %d papers", len(list))
	}
	kept := make(map[string]bool)
	for _, id := range list {
		kept[id] = true
	}
	commands := map[string][]string{
		"search":    {"search", "language models"},
		"similar":   {"similar", "arXiv:1706.03762"},
		"recommend": {"recommend", "--like", "arXiv:1706.03762"},
	}
	for name, args := range commands {
		resp := unmarshal(t, mustRun(t, append(args, "--server", server, "--json", "-n", "1000", "--filter", text)...), new(akinv1.SearchResponse))
		for _, r := range resp.GetResults() {
			if !kept[r.GetPaper().GetId()] {
				t.Errorf("%s: %s is not kept by the filter", name, r.GetPaper().GetId())
			}
		}
		if len(resp.GetResults()) != len(list) {
			t.Errorf("%s: %d results, want %d", name, len(resp.GetResults()), len(list))
		}
		if s := resp.GetPlan().GetSelectivity(); s <= 0 || s >= 1 {
			t.Errorf("%s: selectivity %v", name, s)
		}
	}
	if out := mustRun(t, "export", "--server", server, "--out", t.TempDir(), "--filter", text); !strings.Contains(out, fmt.Sprint(len(list), " papers exported")) {
		t.Errorf("export: %q", out)
	}
	counts := unmarshal(t, mustRun(t, "count", "category", "--server", server, "--json", "--filter", text), new(akinv1.CountValuesResponse)).GetCounts()
	if len(counts) == 0 || counts[0].GetValue() != "cs.CL" || int(counts[0].GetCount()) != len(list) {
		t.Errorf("counts %v", counts)
	}
	resp := unmarshal(t, mustRun(t, "search", "--server", server, "--json", "--filter", "year > 3000", "x"), new(akinv1.SearchResponse))
	if resp.GetEmptyReason() != akinv1.EmptyReason_EMPTY_REASON_FILTER {
		t.Errorf("an empty filter: %v", resp)
	}
	for _, args := range [][]string{{"search", "x"}, {"list"}, {"count", "venue"}} {
		code, _, errOut := run(t, "", append(args, "--server", server, "--filter", "year >= ")...)
		if code != 2 || !strings.Contains(errOut, "column") {
			t.Errorf("%s with a broken filter: exit code %d, %q", args[0], code, errOut)
		}
	}
	if code, _, errOut := run(t, "", "count", "colour", "--server", server); code != 2 || !strings.Contains(errOut, "category, venue") {
		t.Errorf("count of no field: exit code %d, %q", code, errOut)
	}
}

// What shapes a list: a day, diversity, and the words that explain it.
func TestShaping(t *testing.T) {
	server := sampleServer(t).grpc
	ask := func(args ...string) *akinv1.SearchResponse {
		t.Helper()
		return unmarshal(t, mustRun(t, append([]string{"search", "--server", server, "--json", "-n", "20", "dense retrieval of passages"}, args...)...), new(akinv1.SearchResponse))
	}
	for _, r := range ask("--as-of", "2019-06-30").GetResults() {
		if d := r.GetPaper().GetPublishDate(); d.GetYear() > 2019 || d.GetYear() == 0 {
			t.Errorf("as of 2019: %s of %v", r.GetPaper().GetId(), d)
		}
	}
	plain, diverse := ask(), ask("--diversity", "0.5")
	order := func(resp *akinv1.SearchResponse) (ids []string) {
		for _, r := range resp.GetResults() {
			ids = append(ids, r.GetPaper().GetId())
		}
		return ids
	}
	if order(plain)[0] != order(diverse)[0] || strings.Join(order(plain), " ") == strings.Join(order(diverse), " ") {
		t.Errorf("diversity: %v became %v", order(plain), order(diverse))
	}
	if len(plain.GetResults()[0].GetMatchedTerms()) != 0 {
		t.Error("explained without being asked")
	}
	terms := ask("--explain").GetResults()[0].GetMatchedTerms()
	if len(terms) == 0 || terms[0].GetScore() <= 0 || terms[0].GetTitleCount()+terms[0].GetAbstractCount() == 0 {
		t.Errorf("explained by %v", terms)
	}
	parts := plain.GetResults()[0].GetParts()
	if parts.GetSemantic() <= 0 || parts.GetSemantic() > 1 || parts.GetLexical() <= 0 {
		t.Errorf("parts %v", parts)
	}
	// What the words forbid is left out, whatever its meaning.
	first := order(plain)[0]
	without := mustRun(t, "search", "--server", server, "--json", "-n", "20", "dense retrieval of passages -retrieval")
	for _, r := range unmarshal(t, without, new(akinv1.SearchResponse)).GetResults() {
		if r.GetPaper().GetId() == first {
			t.Errorf("%s has the word that was excluded", first)
		}
	}
	for flag, bad := range map[string]string{"--as-of": "2018", "--diversity": "2"} {
		if code, _, errOut := run(t, "", "search", "--server", server, flag, bad, "x"); code != 2 || !strings.Contains(errOut, bad) {
			t.Errorf("%s %s: exit code %d, %q", flag, bad, code, errOut)
		}
	}
	if code, _, errOut := run(t, "", "search", "--server", server, "--mode", "lexical", "--min-score", ".5", "x"); code != 2 || !strings.Contains(errOut, "cosine") {
		t.Errorf("min_score of words: exit code %d, %q", code, errOut)
	}
}
