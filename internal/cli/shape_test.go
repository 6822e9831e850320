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
	s := host(t, filepath.Join(t.TempDir(), "data"))
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

// serveSample serves a copy of the sample corpus that the test may change.
func serveSample(t *testing.T) (*server, *client.Client) {
	t.Helper()
	s := host(t, sampleData(t))
	return s, dial(t, s)
}

// checkGroups checks a grouped list against the plain one: the groups partition
// it, each is cut to its size, and what stays is in the same order.
func checkGroups(t *testing.T, grouped *akinv1.SearchResponse, plain []*akinv1.Result, size int, keyOf func(*akinv1.Paper) string) {
	t.Helper()
	if len(grouped.GetGroups()) < 2 {
		t.Errorf("%d groups", len(grouped.GetGroups()))
	}
	kept, total := make(map[string]int), 0
	var order []string
	for i, r := range grouped.GetResults() {
		if kept[r.GetGroup()]++; kept[r.GetGroup()] == 1 {
			order = append(order, r.GetGroup())
		}
		if int(r.GetRank()) != i+1 || keyOf != nil && r.GetGroup() != keyOf(r.GetPaper()) {
			t.Errorf("result %d: rank %d in group %q: %v", i, r.GetRank(), r.GetGroup(), r.GetPaper())
		}
	}
	for i, g := range grouped.GetGroups() {
		total += int(g.GetCount())
		if kept[g.GetKey()] != min(int(g.GetCount()), size) || order[i] != g.GetKey() || g.GetLabel() == "" {
			t.Errorf("group %v has %d results", g, kept[g.GetKey()])
		}
	}
	if total != len(plain) {
		t.Errorf("the groups have %d results, the list %d", total, len(plain))
	}
	at := 0
	for _, r := range grouped.GetResults() {
		for at < len(plain) && plain[at].GetPaper().GetId() != r.GetPaper().GetId() {
			at++
		}
		if at == len(plain) || plain[at].GetScore() != r.GetScore() {
			t.Fatalf("%s is not in the plain list, or in another order", r.GetPaper().GetId())
		}
	}
}

// checkCohesion checks that papers are nearer to those of their cluster than to
// others.
func checkCohesion(t *testing.T, results []*akinv1.Result) {
	t.Helper()
	var within, across, withins, acrosses float64
	for i, a := range results {
		for _, b := range results[:i] {
			var cosine float64
			for d, x := range a.GetVector() {
				cosine += float64(x) * float64(b.GetVector()[d])
			}
			if a.GetGroup() == b.GetGroup() {
				within, withins = within+cosine, withins+1
			} else {
				across, acrosses = across+cosine, acrosses+1
			}
		}
	}
	if within/withins < across/acrosses+.1 {
		t.Errorf("mean cosine within clusters %.3f, across %.3f", within/withins, across/acrosses)
	}
}

// Groups by venue, year and cluster cut one list, whatever the page size.
func TestGroups(t *testing.T) {
	s := sampleServer(t)
	c := dial(t, s)
	ask := func(req *akinv1.SearchRequest) *akinv1.SearchResponse {
		t.Helper()
		req.Query = "attention for language and vision"
		resp, err := c.Search.Search(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	plain := ask(&akinv1.SearchRequest{PageSize: 1000}).GetResults()
	keys := map[akinv1.GroupBy]func(*akinv1.Paper) string{
		akinv1.GroupBy_GROUP_BY_VENUE:   (*akinv1.Paper).GetVenue,
		akinv1.GroupBy_GROUP_BY_CLUSTER: nil,
		akinv1.GroupBy_GROUP_BY_YEAR: func(p *akinv1.Paper) string {
			if p.GetPublishDate() == nil {
				return ""
			}
			return fmt.Sprint(p.GetPublishDate().GetYear())
		},
	}
	for by, keyOf := range keys {
		for _, size := range []int32{0, 1, 5} {
			whole := ask(&akinv1.SearchRequest{PageSize: 1000, GroupBy: by, GroupSize: size})
			checkGroups(t, whole, plain, int(size)+3*(1-min(int(size), 1)), keyOf)
			var paged []string
			for token := ""; ; {
				page := ask(&akinv1.SearchRequest{PageSize: 7, PageToken: token, GroupBy: by, GroupSize: size})
				paged = append(paged, idsOf(page.GetResults())...)
				if len(page.GetGroups()) != len(whole.GetGroups()) {
					t.Errorf("%v: a page has %d groups of %d", by, len(page.GetGroups()), len(whole.GetGroups()))
				}
				if token = page.GetNextPageToken(); token == "" {
					break
				}
			}
			if !slices.Equal(paged, idsOf(whole.GetResults())) {
				t.Errorf("%v: pages of 7 give another list", by)
			}
		}
	}
	checkCohesion(t, ask(&akinv1.SearchRequest{PageSize: 1000, GroupBy: akinv1.GroupBy_GROUP_BY_CLUSTER, GroupSize: 100, IncludeVectors: true}).GetResults())
	out := mustRun(t, "search", "--server", s.grpc, "--group-by", "year", "--group-size", "2", "-n", "30", "attention for language and vision")
	if !strings.Contains(out, "\n2017 (") || strings.Index(out, "2017 (") > strings.Index(out, "Attention is All") {
		t.Errorf("CLI: %q", out)
	}
	_, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "x", GroupSize: 101})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), "group_size") {
		t.Errorf("a group of 101: %v", err)
	}
	if _, err = c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "x", GroupBy: 9}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an unknown grouping: %v", err)
	}
}

// Every reason for a short list is told, with what caused it, and one sentence.
func TestLimitations(t *testing.T) {
	s := host(t, filepath.Join(t.TempDir(), "data"))
	c := dial(t, s)
	const query = "attention for language"
	none, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: query})
	if err != nil || len(none.GetLimitedBy()) != 1 || none.GetLimitedBy()[0].GetDetail() != "The collection holds no papers." {
		t.Errorf("an empty collection: %v, %v", none, err)
	}
	if _, _, errOut := run(t, "", "search", "--server", s.grpc, query); errOut != "No results: the collection holds no papers; import some with `akin import`.\n" {
		t.Errorf("an empty collection: %q", errOut)
	}
	mustRun(t, "import", "--server", s.grpc, samplePath(t))
	low, high := 0.999, 0.3
	for _, x := range []struct {
		name   string
		ask    *akinv1.SearchRequest
		reason akinv1.LimitationReason
		check  func(l *akinv1.Limitation, results int) bool
		says   string
	}{
		{"collection", &akinv1.SearchRequest{Query: query, PageSize: 200}, akinv1.LimitationReason_LIMITATION_REASON_COLLECTION, func(l *akinv1.Limitation, n int) bool {
			return l.GetKeptCount() == 132 && n == 132 && l.GetField() == "collection"
		}, "The collection holds 132 papers."},
		{"filter", &akinv1.SearchRequest{Query: query, Filter: "year >= 2030"}, akinv1.LimitationReason_LIMITATION_REASON_FILTER, func(l *akinv1.Limitation, n int) bool {
			return l.GetRemovedCount() == 132 && n == 0 && l.GetValue() == "year >= 2030" && l.GetPart() == ""
		}, "The filter keeps none of 132 papers."},
		{"conjunction", &akinv1.SearchRequest{Query: query, Filter: "category = cs.CL AND year >= 2030 title:attention"}, akinv1.LimitationReason_LIMITATION_REASON_FILTER, func(l *akinv1.Limitation, _ int) bool {
			return l.GetPart() == "year >= 2030" && l.GetPartKeptCount() == 0
		}, "; `year >= 2030` keeps none."},
		{"conjunction of words", &akinv1.SearchRequest{Query: query, Filter: "category = cs.CL AND title:attention"}, akinv1.LimitationReason_LIMITATION_REASON_FILTER, func(l *akinv1.Limitation, n int) bool {
			return l.GetPart() == "title:attention" && int(l.GetKeptCount()) == n && n > 0 && l.GetPartKeptCount() >= l.GetKeptCount()
		}, "; `title:attention` keeps"},
		{"day", &akinv1.SearchRequest{Query: query, AsOf: "1900-01-01"}, akinv1.LimitationReason_LIMITATION_REASON_AS_OF, func(l *akinv1.Limitation, _ int) bool {
			return l.GetKeptCount() == 0 && l.GetValue() == "1900-01-01"
		}, "By 1900-01-01, none of 132 papers had appeared"},
		{"words", &akinv1.SearchRequest{Query: "zyzzyva quokka the", Mode: akinv1.Mode_MODE_LEXICAL}, akinv1.LimitationReason_LIMITATION_REASON_WORDS, func(l *akinv1.Limitation, n int) bool {
			return l.GetValue() == "zyzzyva quokka" && n == 0 && l.GetKeptCount() == 0
		}, "no paper of the collection has zyzzyva, quokka."},
		{"rare words", &akinv1.SearchRequest{Query: "pretraining quokka", PageSize: 100, Mode: akinv1.Mode_MODE_LEXICAL}, akinv1.LimitationReason_LIMITATION_REASON_WORDS, func(l *akinv1.Limitation, n int) bool {
			return l.GetValue() == "quokka" && int(l.GetKeptCount()) == n && n > 0
		}, "have a word of the query; no paper of the collection has quokka."},
		{"phrase", &akinv1.SearchRequest{Query: query + ` "quokka attention"`, Syntax: akinv1.Syntax_SYNTAX_ON}, akinv1.LimitationReason_LIMITATION_REASON_PHRASE, func(l *akinv1.Limitation, n int) bool {
			return l.GetValue() == "quokka attention" && n == 0 && l.GetRemovedCount() == 132
		}, `Of 132 papers, none has the phrase "quokka attention".`},
		{"exclusion", &akinv1.SearchRequest{Query: "attention -attention", Syntax: akinv1.Syntax_SYNTAX_ON, Mode: akinv1.Mode_MODE_LEXICAL}, akinv1.LimitationReason_LIMITATION_REASON_EXCLUSION, func(l *akinv1.Limitation, n int) bool {
			return l.GetValue() == "attention" && l.GetKeptCount() == 0 && n == 0
		}, `"attention", which the query excludes.`},
		{"minimum", &akinv1.SearchRequest{Query: query, MinScore: &low}, akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE, func(l *akinv1.Limitation, n int) bool {
			high = l.GetBestRefusedScore()
			return n == 0 && l.GetRemovedCount() == 132 && high > .2 && high < low
		}, "have a cosine below 0.999; the best of them has"},
		{"minimum lowered", &akinv1.SearchRequest{Query: query, MinScore: &high}, akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE, func(l *akinv1.Limitation, n int) bool {
			return n == 1 && l.GetKeptCount() == 1
		}, "Of 132 candidates, 131 have"},
		{"groups", &akinv1.SearchRequest{Query: query, GroupBy: akinv1.GroupBy_GROUP_BY_CLUSTER, GroupSize: 1, PageSize: 20}, akinv1.LimitationReason_LIMITATION_REASON_GROUP_SIZE, func(l *akinv1.Limitation, n int) bool {
			return int(l.GetKeptCount()) == n && int(l.GetRemovedCount()) == 132-n && l.GetValue() == "1"
		}, "With 1 a group, "},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp, err := c.Search.Search(t.Context(), x.ask)
			if err != nil {
				t.Fatal(err)
			}
			limits := resp.GetLimitedBy()
			at := slices.IndexFunc(limits, func(l *akinv1.Limitation) bool { return l.GetReason() == x.reason })
			if at < 0 || !x.check(limits[at], len(resp.GetResults())) || !strings.Contains(limits[at].GetDetail(), x.says) {
				t.Errorf("%d results, limited by %v", len(resp.GetResults()), limits)
			}
		})
	}
	full, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: query, Filter: "year >= 2015"})
	if err != nil || len(full.GetLimitedBy()) != 0 || len(full.GetResults()) != 10 {
		t.Errorf("a full page: %v, %v", full.GetLimitedBy(), err)
	}
	_, _, errOut := run(t, "", "search", "--server", s.grpc, "--filter", "category = cs.CL AND year >= 2030", query)
	if errOut != "No results.\nThe filter keeps none of 132 papers; `year >= 2030` keeps none.\n" {
		t.Errorf("CLI: %q", errOut)
	}
	similar, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{"arXiv:1706.03762"}, Filter: `id = "arXiv:1706.03762"`})
	if err != nil {
		t.Fatal(err)
	}
	last := similar.GetLimitedBy()[len(similar.GetLimitedBy())-1]
	if last.GetReason() != akinv1.LimitationReason_LIMITATION_REASON_EXAMPLES || last.GetField() != "paper_ids" || last.GetRemovedCount() != 1 || last.GetDetail() != "The query's own paper is left out." {
		t.Errorf("similar to itself: %v", similar.GetLimitedBy())
	}
	recommended, err := c.Search.Recommend(t.Context(), &akinv1.RecommendRequest{
		Positive: []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: "arXiv:1706.03762"}}}, AsOf: "2017-12-31", Filter: "year = 2017", PageSize: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	var reasons []akinv1.LimitationReason
	for _, l := range recommended.GetLimitedBy() {
		reasons = append(reasons, l.GetReason())
	}
	if !slices.Equal(reasons, []akinv1.LimitationReason{akinv1.LimitationReason_LIMITATION_REASON_FILTER, akinv1.LimitationReason_LIMITATION_REASON_EXAMPLES}) {
		t.Errorf("recommend: %v", recommended.GetLimitedBy())
	}
}
