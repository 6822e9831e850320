package cli_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// serveLines serves papers given as lines of JSON.
func serveLines(t *testing.T, lines ...string) (*server, *client.Client) {
	t.Helper()
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	importLines(t, s, lines...)
	return s, dial(t, s)
}

func dial(t *testing.T, s *server) *client.Client {
	t.Helper()
	c, err := client.Dial(s.grpc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func importLines(t *testing.T, s *server, lines ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "papers.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "import", "--server", s.grpc, path)
}

func idsOf(results []*akinv1.Result) (ids []string) {
	for _, r := range results {
		ids = append(ids, r.GetPaper().GetId())
	}
	return ids
}

// Recency lifts newer papers: in the extreme it is the order of dates, and a
// paper without a date stands in the middle.
func TestRecency(t *testing.T) {
	s, c := serveLines(
		t,
		`{"id": "old", "title": "Graph neural networks for molecules", "date": "2001-01-01"}`,
		`{"id": "new", "title": "Recipes for bread with yeast", "date": "2020-06-30"}`,
		`{"id": "mid", "title": "Message passing over graphs", "date": "2019-06"}`,
		`{"id": "year", "title": "Networks of roads and graphs of streets", "date": "2018"}`,
		`{"id": "undated", "title": "Neural networks of other kinds"}`,
	)
	ask := func(req *akinv1.SearchRequest) []*akinv1.Result {
		t.Helper()
		req.Query = "graph neural networks for molecules"
		resp, err := c.Search.Search(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetResults()
	}
	for _, mode := range []akinv1.Mode{akinv1.Mode_MODE_HYBRID, akinv1.Mode_MODE_SEMANTIC, akinv1.Mode_MODE_LEXICAL} {
		plain := ask(&akinv1.SearchRequest{Mode: mode})
		if plain[0].GetPaper().GetId() != "old" || plain[0].GetParts().GetRecency() != 0 {
			t.Errorf("%v: %v", mode, plain[0])
		}
		if mode == akinv1.Mode_MODE_LEXICAL {
			continue // bread is not found at all
		}
		got := ask(&akinv1.SearchRequest{Mode: mode, Recency: 1, AsOf: "2020-06-30"})
		if ids := idsOf(got); !slices.Equal(ids, []string{"new", "mid", "year", "old"}) {
			t.Errorf("%v, by date alone: %v", mode, ids)
		}
		// 2019-06 is its first day: 395 days before.
		if d := got[1].GetParts().GetRecency(); math.Abs(d-math.Exp2(-395./365)) > 1e-9 || got[0].GetParts().GetRecency() != 1 || got[0].GetScore() != 1 {
			t.Errorf("%v: decays %v", mode, got)
		}
		half := ask(&akinv1.SearchRequest{Mode: mode, Recency: 1, AsOf: "2020-06-30", RecencyHalfLifeDays: 395})[1].GetParts().GetRecency()
		if math.Abs(half-.5) > 1e-9 {
			t.Errorf("%v: half-life gives %v", mode, half)
		}
		now := ask(&akinv1.SearchRequest{Mode: mode, Recency: 1})
		if ids := idsOf(now); ids[0] != "new" || ids[4] != "old" || slices.Index(ids, "undated") != 2 && slices.Index(ids, "undated") != 3 {
			t.Errorf("%v, as of now: %v", mode, ids)
		}
	}
	similar, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{"old"}, Recency: 1})
	if err != nil || similar.GetResults()[0].GetPaper().GetId() != "new" {
		t.Errorf("similar: %v, %v", similar, err)
	}
	recommended, err := c.Search.Recommend(t.Context(), &akinv1.RecommendRequest{
		Positive: []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: "old"}}}, Recency: 1,
	})
	if err != nil || recommended.GetResults()[0].GetPaper().GetId() != "new" {
		t.Errorf("recommend: %v, %v", recommended, err)
	}
	out := mustRun(t, "search", "--server", s.grpc, "--recency", "1", "--recency-half-life-days", "30", "-n", "1", "graphs")
	if !strings.Contains(out, "Recipes for bread") {
		t.Errorf("CLI: %q", out)
	}
	for field, req := range map[string]*akinv1.SearchRequest{
		"recency":                {Query: "x", Recency: 1.5},
		"recency_half_life_days": {Query: "x", RecencyHalfLifeDays: -1},
	} {
		_, err := c.Search.Search(t.Context(), req)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), field) {
			t.Errorf("bad %s: %v", field, err)
		}
	}
}
