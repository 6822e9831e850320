package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/client"
	"akin/internal/embed/embedtest"
	akinv1 "akin/proto/akin/v1"
)

// versions are records of papers of the sample, as other sources have them.
const versions = `{"id":"arXiv:1706.03762v5","title":"Attention Is All You Need (v5)","abstract":"The Transformer uses attention alone."}
{"id":"title:bert","title":"BERT: Pre-Training of deep bidirectional transformers for language understanding","authors":["J. Devlin","K. Toutanova"]}
{"id":"editorial:1","title":"Editorial","authors":["Jane Editor"]}
{"id":"editorial:2","title":"Editorial","authors":["Jane Editor"]}
`

// Versions are one result that names them, alone where that is asked for, and a
// group of akin duplicates, over sockets and HTTP.
func TestVersionsOverSockets(t *testing.T) {
	s := host(t, sampleData(t))
	if out := mustRun(t, "duplicates", "--server", s.grpc); out != "" {
		t.Errorf("duplicates in the sample: %q", out)
	}
	file := filepath.Join(t.TempDir(), "versions.jsonl")
	if err := os.WriteFile(file, []byte(versions), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "import", "--server", s.grpc, file)

	out := mustRun(t, "search", "--server", s.grpc, "-n", "3", "attention is all you need transformer")
	if !strings.Contains(out, "also: arXiv:1706.03762") {
		t.Errorf("search printed %q", out)
	}
	found := func(args ...string) map[string]*akinv1.Result {
		t.Helper()
		args = append(args, "--server", s.grpc, "--json", "-n", "200")
		results := make(map[string]*akinv1.Result)
		for _, r := range unmarshal(t, mustRun(t, args...), new(akinv1.SearchResponse)).GetResults() {
			results[r.GetPaper().GetId()] = r
		}
		return results
	}
	one, all := found("search", "--mode", "semantic", "transformers"), found("search", "--mode", "semantic", "transformers", "--no-collapse-versions")
	if len(one) != 134 || len(all) != 136 {
		t.Errorf("%d results with collapsing and %d without, want 134 and 136", len(one), len(all))
	}
	if got := found("similar", "arXiv:1706.03762"); got["arXiv:1706.03762v5"] != nil || len(got) != 133 {
		t.Errorf("similar gave %d results, among them %v", len(got), got["arXiv:1706.03762v5"])
	}
	resp := unmarshal(t, mustRun(t, "similar", "arXiv:1706.03762", "--server", s.grpc, "--json", "-n", "200"), new(akinv1.SimilarResponse))
	if limits := resp.GetLimitedBy(); len(limits) == 0 || limits[len(limits)-1].GetReason() != akinv1.LimitationReason_LIMITATION_REASON_VERSIONS || limits[len(limits)-1].GetRemovedCount() != 2 {
		t.Errorf("limited by %v", resp.GetLimitedBy())
	}
	if got := found("similar", "arXiv:1706.03762", "--no-collapse-versions"); got["arXiv:1706.03762v5"] == nil {
		t.Error("similar --no-collapse-versions leaves a version out")
	}
	code, out, errOut := run(t, "", "duplicates", "--server", s.grpc)
	for _, want := range []string{"arXiv:1706.03762v5 · another version by same arxiv id · cosine 0.", "title:bert · another version by same title · cosine 0."} {
		if !strings.Contains(out, want) {
			t.Errorf("duplicates printed %q, without %q", out, want)
		}
	}
	if code != 0 || strings.Contains(out, "editorial") || !strings.Contains(errOut, "2 groups of 136 papers at sequence 136; 2 of them could go, 0 are sequels") {
		t.Errorf("duplicates: exit code %d, %q, %q", code, out, errOut)
	}
	out = mustRun(t, "duplicates", "--server", s.grpc, "--json", "--filter", `id = ("title:bert" OR "arXiv:1810.04805")`)
	if g := unmarshal(t, out, new(akinv1.DuplicateGroup)).GetPapers(); len(g) != 2 || g[1].GetReason() != akinv1.CollapseReason_COLLAPSE_REASON_SAME_TITLE || g[1].GetPaperId() != "title:bert" {
		t.Errorf("duplicates --json: %q", out)
	}
	if code, _, errOut := run(t, "", "duplicates", "--server", s.grpc, "--min-similarity", "2"); code != 2 || !strings.Contains(errOut, "--min-similarity is 2") {
		t.Errorf("--min-similarity 2: exit code %d, %q", code, errOut)
	}
	testDuplicatesHTTP(t, s)
	s.stop(t)
}

func testDuplicatesHTTP(t *testing.T, s *server) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http+"/v1/duplicates", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || strings.Count(string(body), `"papers":`) != 2 {
		t.Errorf("GET /v1/duplicates: %s, %q, %v", resp.Status, body, err)
	}
}

// The duplicates among the real abstracts with ready vectors, to be judged by
// reading: make bench-duplicates.
func TestRealDuplicates(t *testing.T) {
	if os.Getenv("AKIN_BENCH") == "" {
		t.Skip("a measurement: run make bench-duplicates")
	}
	shared := filepath.Join(embedtest.Root(t), "..", "shared", "data")
	if _, err := os.Stat(shared); err != nil {
		t.Skip("the real abstracts are not beside the repository")
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	importReady(t, c, shared, 0, 0)
	for _, least := range []float64{0.95, 0.9, 0.8} {
		begin := time.Now()
		pairs, first := realDuplicates(t, c, least)
		t.Logf("cosine from %v: %d pairs, first answer after %v, all after %v", least, len(pairs), first, time.Since(begin))
		if least == 0.9 {
			t.Log(strings.Join(pairs, "\n"))
		}
	}
}

func realDuplicates(t *testing.T, c *client.Client, least float64) (pairs []string, first time.Duration) {
	t.Helper()
	begin := time.Now()
	stream, err := c.Search.FindDuplicates(t.Context(), &akinv1.FindDuplicatesRequest{MinSimilarity: &least})
	for err == nil {
		var resp *akinv1.FindDuplicatesResponse
		if resp, err = stream.Recv(); first == 0 {
			first = time.Since(begin)
		}
		for _, g := range resp.GetGroups() {
			for _, p := range g.GetPapers()[1:] {
				pairs = append(pairs, fmt.Sprintf("%.3f %.2f %v\n    %s: %s\n    %s: %s", p.GetSimilarity(), p.GetResemblance(), p.GetReason(),
					g.GetPapers()[0].GetPaperId(), g.GetPapers()[0].GetTitle(), p.GetPaperId(), p.GetTitle()))
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return pairs, first
}
