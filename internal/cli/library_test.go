package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	akinv1 "akin/proto/akin/v1"
)

// A library lives in the data directory, beside a server and without one; a snapshot
// has it as it was.
func TestLibrary(t *testing.T) {
	data := sampleData(t)
	s := serve(t, data)
	// With --data, it is the server that holds the directory that answers.
	here := func(args ...string) string {
		t.Helper()
		return mustRun(t, append(append([]string{"library"}, args...), "--data", data)...)
	}
	if out := here("like", "arXiv:1706.03762v5", "1810.04805"); out != "liked arXiv:1706.03762\nliked arXiv:1810.04805\n" {
		t.Errorf("liked: %q", out)
	}
	here("dislike", "arXiv:1512.03385")
	here("add", "arXiv:1706.03762", "--note", "section 3", "--tag", "attention", "--read")
	if out := here("show", "--mark", "liked", "--order-by", "title"); !strings.Contains(out, "+  Attention is All you Need") || !strings.Contains(out, "note: section 3") || strings.Contains(out, "1512.03385") {
		t.Errorf("shown: %q", out)
	}
	if code, _, errOut := run(t, "", "library", "like", "nothing", "--data", data); code != 4 || !strings.Contains(errOut, "nothing") {
		t.Errorf("liked what is not there: %d, %q", code, errOut)
	}
	missed := unmarshal(t, here("missed", "--json", "-n", "5"), new(akinv1.GetMissedResponse))
	for _, r := range missed.GetResults() {
		if id := r.GetPaper().GetId(); id == "arXiv:1706.03762" || id == "arXiv:1512.03385" || len(r.GetDrivenBy()) == 0 {
			t.Errorf("missed %v", r)
		}
	}
	if len(missed.GetResults()) != 5 {
		t.Errorf("missed %d papers", len(missed.GetResults()))
	}
	suggested := unmarshal(t, here("suggest", "--json", "-n", "5"), new(akinv1.SuggestRatingsResponse))
	if len(suggested.GetSuggestions()) != 5 || suggested.GetRatedCount() != 3 || suggested.GetUnknown() <= 0 || suggested.GetUnknown() >= 1 {
		t.Errorf("suggested %v", suggested)
	}
	if out := here("suggest", "newcomer", "-n", "2"); !strings.HasPrefix(out, " 1  ") || strings.Count(out, "\n") < 4 {
		t.Errorf("suggested to a newcomer: %q", out)
	}
	mustRun(t, "snapshot", "create", "one", "--server", s.grpc)

	bib := filepath.Join(t.TempDir(), "x.bib")
	here("export", "--out", bib)
	if raw, err := os.ReadFile(bib); err != nil || strings.Count(string(raw), "@") < 3 || !strings.Contains(string(raw), "annote = {section 3}") {
		t.Errorf("exported %s, %v", raw, err)
	}
	if out := here("import", bib, "--library", "copy"); !strings.Contains(out, "3 references read as bibtex: 3 found, 3 added, 0 not found") {
		t.Errorf("imported: %q", out)
	}
	if code, out, _ := run(t, "arXiv:1706.03762\nnever\n", "library", "import", "-", "-l", "copy", "--dry-run", "--data", data); code != 0 || !strings.Contains(out, "1 found, 0 would be added, 1 not found") {
		t.Errorf("a dry run: %d, %q", code, out)
	}
	here("merge", "reading", "copy", "--delete-sources")
	if out := here("list", "--deleted"); !strings.Contains(out, "copy  3 papers: 3 liked") || !strings.Contains(out, "reading  3 papers: 3 liked, 0 disliked, 1 read") {
		t.Errorf("listed: %q", out)
	}
	here("remove", "arXiv:1706.03762")
	here("adopt", "ann")
	if out := here("list"); out != "" {
		t.Errorf("after adoption: %q", out)
	}
	s.stop(t)
	if out := mustRun(t, "verify", "--data", data); !strings.Contains(out, "132 papers") {
		t.Errorf("verified: %q", out)
	}
	mustRun(t, "snapshot", "restore", "one", "--data", data, "--force")
	if out := here("list"); !strings.Contains(out, "reading  3 papers: 2 liked, 1 disliked, 1 read") {
		t.Errorf("restored: %q", out)
	}
}
