package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

func novelty(t *testing.T, c *client.Client, req *akinv1.GetNoveltyRequest) *akinv1.GetNoveltyResponse {
	t.Helper()
	resp, err := c.Search.GetNovelty(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// line is a paper as JSON.
func line(t *testing.T, id, title, abstract, date string) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"id": id, "title": title, "abstract": abstract, "date": date})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNovelty(t *testing.T) {
	s, c := serveSample(t)
	bert, err := c.Papers.GetPaper(t.Context(), &akinv1.GetPaperRequest{Id: "arXiv:1810.04805"})
	if err != nil {
		t.Fatal(err)
	}
	importLines(
		t, s,
		line(t, "twin", bert.GetTitle(), bert.GetAbstract(), "2030-01-01"),
		line(t, "same day", bert.GetTitle(), bert.GetAbstract(), "2030-01-01"),
		line(t, "triplet", bert.GetTitle(), bert.GetAbstract(), "2031"),
		line(t, "bread", "Bread with yeast", "Knead flour, water and salt; let it rise, bake it until the crust is brown.", "2030-06"),
		line(t, "first", "Of the motion of planets", "Orbits are ellipses.", "1609"),
		line(t, "second", "Dialogue on two systems of the world", "The sun is at rest.", "1632-02-21"),
		line(t, "dateless", "Neural networks", "", ""),
	)
	ids := []string{"twin", "triplet", "bread", "first", "second", "dateless"}
	resp := novelty(t, c, &akinv1.GetNoveltyRequest{PaperIds: ids})
	got := make(map[string]*akinv1.Novelty)
	for i, n := range resp.GetNovelties() {
		if n.GetPaperId() != ids[i] {
			t.Fatalf("novelty %d is that of %s", i, n.GetPaperId())
		}
		got[ids[i]] = n
	}
	if n := resp.GetReferenceCount(); n < 100 || n > 138 {
		t.Errorf("the reference has %d papers", n)
	}
	twin, triplet, bread := got["twin"], got["triplet"], got["bread"]
	if twin.GetPercentile() > 10 || triplet.GetPercentile() > 3 || bread.GetPercentile() < 97 || triplet.GetDistance() >= twin.GetDistance() {
		t.Errorf("twin %v, triplet %v, bread %v", twin, triplet, bread)
	}
	if p := twin.GetNearest()[0]; p.GetPaperId() != bert.GetId() || p.GetSimilarity() < .999 || p.GetTitle() != bert.GetTitle() || twin.GetComparedUntil() != "2029-12-31" {
		t.Errorf("twin: %v", twin)
	}
	for _, p := range twin.GetNearest() {
		if p.GetPaperId() == "same day" {
			t.Error("a paper of the same day counts as earlier")
		}
	}
	// Dates known to the year or the month count from their first day.
	if triplet.GetComparedUntil() != "2030-12-31" || bread.GetComparedUntil() != "2030-05-31" {
		t.Errorf("compared until %s and %s", triplet.GetComparedUntil(), bread.GetComparedUntil())
	}
	if n := got["first"]; n.Distance != nil || n.Percentile != nil || n.GetReason() != akinv1.NoveltyReason_NOVELTY_REASON_NO_EARLIER {
		t.Errorf("first: %v", n)
	}
	if n := got["second"]; n.Distance == nil || n.GetEarlierCount() != 1 || n.GetReason() != akinv1.NoveltyReason_NOVELTY_REASON_FEW_EARLIER {
		t.Errorf("second: %v", n)
	}
	if n := got["dateless"]; n.Distance != nil || n.GetReason() != akinv1.NoveltyReason_NOVELTY_REASON_NO_DATE {
		t.Errorf("dateless: %v", n)
	}
	// A greater distance is never a lower percentile.
	slices.SortFunc(resp.GetNovelties(), func(a, b *akinv1.Novelty) int { return cmp.Compare(a.GetDistance(), b.GetDistance()) })
	for i, n := range resp.GetNovelties()[1:] {
		if n.GetPercentile() < resp.GetNovelties()[i].GetPercentile() {
			t.Errorf("%v is after %v", n, resp.GetNovelties()[i])
		}
	}
	text := &akinv1.Text{Title: bert.GetTitle(), Abstract: bert.GetAbstract()}
	asText := novelty(t, c, &akinv1.GetNoveltyRequest{Text: text, AsOf: "2029-12-31"})
	if n := asText.GetNovelties()[0]; n.GetDistance() != twin.GetDistance() || asText.GetQuery().GetTokens() == 0 {
		t.Errorf("as a text: %v", asText)
	}
	t.Run("surfaces", func(t *testing.T) { testNoveltySurfaces(t, s, c, twin) })
}

func testNoveltySurfaces(t *testing.T, s *server, c *client.Client, twin *akinv1.Novelty) {
	out := mustRun(t, "novelty", "--server", s.grpc, "twin", "dateless", "first", "second")
	for _, want := range []string{"twin: more novel than ", "dateless: the paper has no date", "first: no paper of the collection is earlier", "uncertain: the collection has fewer than 5 earlier papers (1)."} {
		if !strings.Contains(out, want) {
			t.Errorf("CLI lacks %q: %q", want, out)
		}
	}
	asJSON := unmarshal(t, mustRun(t, "novelty", "--server", s.grpc, "--json", "twin"), new(akinv1.GetNoveltyResponse))
	if !proto.Equal(asJSON.GetNovelties()[0], twin) {
		t.Errorf("--json: %v", asJSON)
	}
	resp, err := http.Get(s.http + "/v1/novelty?paperIds=twin&paperIds=bread")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct{ Novelties []struct{ PaperID string } }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || len(body.Novelties) != 2 {
		t.Errorf("HTTP: %+v, %v", body, err)
	}
	for field, req := range map[string]*akinv1.GetNoveltyRequest{
		"paper_ids": {},
		"as_of":     {PaperIds: []string{"twin"}, AsOf: "2019"},
		"text":      {PaperIds: []string{"twin"}, Text: &akinv1.Text{Title: "x"}},
	} {
		_, err := c.Search.GetNovelty(t.Context(), req)
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(fmt.Sprint(status.Convert(err).Details()), field) {
			t.Errorf("bad %s: %v", field, err)
		}
	}
	if _, err := c.Search.GetNovelty(t.Context(), &akinv1.GetNoveltyRequest{PaperIds: []string{"nobody"}}); status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an unknown paper: %v", err)
	}
	if code, _, _ := run(t, "", "novelty", "--server", s.grpc, "nobody"); code != 4 {
		t.Errorf("an unknown paper: exit code %d", code)
	}
}

// What appeared after a day changes nothing of what is said as of that day: in
// queries of all kinds, and in novelty, with its reference made anew.
func TestTimeTravel(t *testing.T) {
	const day = "2018-12-31"
	s, c := serveSample(t)
	examples := []*akinv1.Example{{Example: &akinv1.Example_PaperId{PaperId: "arXiv:1706.03762"}}, {Example: &akinv1.Example_PaperId{PaperId: "arXiv:1512.03385"}}}
	novelties := &akinv1.GetNoveltyRequest{PaperIds: []string{"arXiv:1810.04805", "arXiv:1706.03762", "arXiv:1907.11692"}, AsOf: day}
	ask := func() (all map[string][]*akinv1.Result, past *akinv1.GetNoveltyResponse) {
		t.Helper()
		all = make(map[string][]*akinv1.Result)
		for _, mode := range []akinv1.Mode{akinv1.Mode_MODE_SEMANTIC, akinv1.Mode_MODE_HYBRID, akinv1.Mode_MODE_LEXICAL} {
			search, err := c.Search.Search(t.Context(), &akinv1.SearchRequest{Query: "attention for language", Mode: mode, AsOf: day, PageSize: 1000})
			if err != nil {
				t.Fatal(err)
			}
			similar, err := c.Search.Similar(t.Context(), &akinv1.SimilarRequest{PaperIds: []string{"arXiv:1706.03762"}, Mode: mode, AsOf: day, PageSize: 1000})
			if err != nil {
				t.Fatal(err)
			}
			all["search "+mode.String()], all["similar "+mode.String()] = search.GetResults(), similar.GetResults()
		}
		for n, name := range akinv1.RecommendStrategy_name {
			resp, err := c.Search.Recommend(t.Context(), &akinv1.RecommendRequest{Positive: examples, Strategy: akinv1.RecommendStrategy(n), AsOf: day, PageSize: 1000})
			if err != nil {
				t.Fatal(err)
			}
			all["recommend "+name] = resp.GetResults()
		}
		return all, novelty(t, c, novelties)
	}
	before, pastBefore := ask()
	for name, results := range before {
		if len(results) < 5 {
			t.Errorf("%s: %d results", name, len(results))
		}
		for _, r := range results {
			if y := r.GetPaper().GetPublishDate().GetYear(); y == 0 || y > 2018 {
				t.Errorf("%s: %s of %d", name, r.GetPaper().GetId(), y)
			}
		}
	}
	var later []string
	for i := range 40 { // more than a tenth of the collection
		later = append(later, line(t, fmt.Sprint("later ", i), fmt.Sprint("Attention for language, part ", i), "Transformers attend to words of a language.", "2019-01-01"))
	}
	importLines(t, s, append(later, line(t, "dateless", "Attention for language", "", ""))...)
	after, pastAfter := ask()
	for name, results := range after {
		was, is := idsOf(before[name]), idsOf(results)
		if !slices.ContainsFunc([]string{"SEMANTIC", "MEAN", "BEST"}, func(s string) bool { return strings.Contains(name, s) }) {
			// How rare words are is counted over the whole collection: later papers
			// weigh in the order, not in what is found.
			slices.Sort(was)
			slices.Sort(is)
		}
		if !slices.Equal(was, is) {
			t.Errorf("%s: later papers change the list", name)
		}
		for _, r := range results {
			if id := r.GetPaper().GetId(); strings.HasPrefix(id, "later") || id == "dateless" {
				t.Errorf("%s: %s is found as of %s", name, id, day)
			}
		}
	}
	pastBefore.Sequence, pastAfter.Sequence = 0, 0
	if !proto.Equal(pastBefore, pastAfter) {
		t.Errorf("novelty as of %s: %v became %v", day, pastBefore, pastAfter)
	}
	if now := novelty(t, c, &akinv1.GetNoveltyRequest{PaperIds: novelties.GetPaperIds()}); now.GetReferenceCount() <= pastAfter.GetReferenceCount() {
		t.Errorf("the reference of now has %d papers", now.GetReferenceCount())
	}
}
