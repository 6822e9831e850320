package engine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/dedup"
	"akin/internal/embed"
	"akin/internal/engine"
	"akin/internal/paper"
	"akin/internal/vec"
)

// bag embeds a text as the sum of one random vector a word: texts with most words
// in common are near.
type bag struct{}

func (bag) Space() paper.Space {
	return paper.Space{Model: "bag", Pooling: "mean", Template: "{title} {abstract}", MaxTokens: 8, Dimension: 32, Precision: "float32"}
}

func (bag) Text(title, abstract string) string { return title + " " + abstract }

func (b bag) Embed(_ context.Context, texts []string, _ embed.Options) ([]embed.Embedding, embed.Timing, error) {
	out := make([]embed.Embedding, len(texts))
	for i, text := range texts {
		v := make([]float32, b.Space().Dimension)
		for word := range strings.FieldsSeq(strings.ToLower(text)) {
			h := fnv.New64a()
			h.Write([]byte(word))
			random := rand.New(rand.NewPCG(1, h.Sum64()))
			for k := range v {
				v[k] += float32(random.NormFloat64())
			}
		}
		if err := vec.Normalize(v); err != nil {
			return nil, embed.Timing{}, err
		}
		out[i] = embed.Embedding{Vector: v, Tokens: 8}
	}
	return out, embed.Timing{}, nil
}

func (bag) Tokenize(string, int, bool) (embed.Tokens, error) { return embed.Tokens{}, nil }

func (bag) CheckLength(string, string, embed.Options) error { return nil }

func open(t *testing.T) *engine.Engine {
	t.Helper()
	c := catalogtest.NewMemory(bag{}.Space(), catalogtest.Options{})
	t.Cleanup(func() {
		if n := c.OpenViews(); n != 0 {
			t.Errorf("%d views were not closed", n)
		}
	})
	return engine.New(engine.OneModel{Model: bag{}}, c, nil)
}

func upsert(t *testing.T, e *engine.Engine, papers ...paper.Paper) {
	t.Helper()
	results, _, err := e.Upsert(t.Context(), "", papers, embed.Interactive)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// corpus has works of which some have versions: another arXiv version, the same
// DOI, an extended abstract, an edited text.
func corpus(works int) (papers []paper.Paper) {
	random := rand.New(rand.NewPCG(11, 12))
	for w := range works {
		words := make([]string, 150)
		for i := range words {
			words[i] = fmt.Sprintf("word%d", int(60/(random.Float64()+0.02)))
		}
		p := paper.Paper{
			ID: fmt.Sprintf("arXiv:2101.%05d", w), Title: fmt.Sprintf("On %s and its use in the work numbered w%d", words[0], w),
			Abstract: strings.Join(words, " "), DOI: fmt.Sprintf("10.1000/%d", w), Authors: []paper.Author{{Name: fmt.Sprintf("Ada Author%d", w)}},
		}
		papers = append(papers, p)
		if w%3 == 0 {
			v := p.Clone()
			v.ID, v.DOI, v.Title = p.ID+"v2", "", "A revised view: "+p.Title
			papers = append(papers, v)
		}
		if w%4 == 0 {
			v := p.Clone()
			v.ID, v.Title, v.DOI = fmt.Sprintf("doi:10.1000/%d", w), "Published form", strings.ToUpper(p.DOI)
			papers = append(papers, v)
		}
		if w%5 == 0 {
			v := p.Clone()
			v.ID, v.DOI, v.Title = fmt.Sprintf("title:%d", w), "", p.Title+" (Extended Abstract)"
			papers = append(papers, v)
		}
		if w%7 == 0 {
			v := p.Clone()
			v.ID, v.DOI, v.Title = fmt.Sprintf("text:%d", w), "", "Another name: "+p.Title
			v.Abstract = strings.Replace(p.Abstract, words[7], "edited", 1)
			papers = append(papers, v)
		}
	}
	return papers
}

// query is any of the three queries.
type query struct {
	name string
	// own are the ids of its papers.
	own []string
	ask func(engine.ResultOptions) (*engine.Answer, error)
}

func queries(t *testing.T, e *engine.Engine) []query {
	ids := []string{"arXiv:2101.00000", "arXiv:2101.00015"}
	var out []query
	for _, mode := range []engine.Mode{engine.Hybrid, engine.Semantic, engine.Lexical} {
		out = append(out, query{fmt.Sprint("search ", mode), nil, func(o engine.ResultOptions) (*engine.Answer, error) {
			return e.Search(t.Context(), engine.SearchRequest{Query: "work word60 word100 word59", Mode: mode, ResultOptions: o})
		}}, query{fmt.Sprint("similar ", mode), ids, func(o engine.ResultOptions) (*engine.Answer, error) {
			return e.Similar(t.Context(), engine.SimilarRequest{PaperIDs: ids, Mode: mode, ResultOptions: o})
		}})
	}
	return append(out, query{"recommend", ids, func(o engine.ResultOptions) (*engine.Answer, error) {
		return e.Recommend(t.Context(), engine.RecommendRequest{
			Positive: []engine.Example{{PaperID: ids[0]}}, Negative: []engine.Example{{PaperID: ids[1]}}, ResultOptions: o,
		})
	}})
}

// read reads all pages of a query.
func read(t *testing.T, q query, o engine.ResultOptions) (all []engine.Result) {
	t.Helper()
	for {
		a, err := q.ask(o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a.Results...)
		if o.PageToken = a.NextPageToken; o.PageToken == "" {
			return all
		}
	}
}

// work is the number of the work that a paper of the corpus is of.
func work(id string) string {
	id = strings.TrimSuffix(id, "v2")
	return strings.TrimLeft(id[strings.LastIndexAny(id, ".:/")+1:], "0")
}

// Whatever the page size, no work is twice in a list, a paper is in it once, the
// best ranked version stands for the others, all others are there, and so are
// none of the query's own.
func TestVersionsCollapse(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(240)...)
	for _, q := range queries(t, e) {
		t.Run(q.name, func(t *testing.T) {
			flat := read(t, q, engine.ResultOptions{PageSize: 1000, KeepVersions: true})
			whole := read(t, q, engine.ResultOptions{PageSize: 1000})
			rankOf, works, collapsed := make(map[string]int), make(map[string]bool), 0
			for i, r := range flat {
				rankOf[r.Record.ID] = i
			}
			seen := make(map[string]bool)
			for i, r := range whole {
				if works[work(r.Record.ID)] {
					t.Errorf("%s: its work is there twice", r.Record.ID)
				}
				works[work(r.Record.ID)] = true
				last := rankOf[r.Record.ID]
				if i > 0 && last < rankOf[whole[i-1].Record.ID] {
					t.Errorf("%s is ranked otherwise than without collapsing", r.Record.ID)
				}
				for _, id := range append([]string{r.Record.ID}, ids(r.Collapsed)...) {
					at, there := rankOf[id]
					if !there || seen[id] || at < last || work(id) != work(r.Record.ID) {
						t.Errorf("%s under %s: in the plain list %v, seen %v, its rank there %d, after %d", id, r.Record.ID, there, seen[id], at, last)
					}
					seen[id], last = true, at
				}
				collapsed += len(r.Collapsed)
			}
			for _, r := range flat {
				own := slices.ContainsFunc(q.own, func(id string) bool { return work(id) == work(r.Record.ID) })
				if seen[r.Record.ID] == own {
					t.Errorf("%s: found %v, a version of a query paper %v", r.Record.ID, seen[r.Record.ID], own)
				}
			}
			if collapsed < 50 {
				t.Errorf("only %d papers were collapsed", collapsed)
			}
			for _, size := range []int{1, 7, 100} {
				paged := read(t, q, engine.ResultOptions{PageSize: size})
				if !slices.EqualFunc(paged, whole, func(a, b engine.Result) bool {
					return a.Record.ID == b.Record.ID && a.Rank == b.Rank && slices.Equal(a.Collapsed, b.Collapsed)
				}) {
					t.Errorf("pages of %d cut another list", size)
				}
			}
			if diverse := read(t, q, engine.ResultOptions{PageSize: 1000, Diversity: 0.5}); len(diverse) != len(whole) {
				t.Errorf("%d results, diversified %d", len(whole), len(diverse))
			}
		})
	}
}

func ids(collapsed []catalog.Collapsed) (out []string) {
	for _, c := range collapsed {
		out = append(out, c.ID)
	}
	return out
}

// include_self lets the query paper in, as one result with its versions; a filter
// that leaves the query paper out still leaves out its versions.
func TestVersionsOfTheQueryPaper(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(30)...)
	ask := func(q engine.SimilarRequest) []engine.Result {
		q.PaperIDs, q.PageSize = []string{"arXiv:2101.00000"}, 1000
		a, err := e.Similar(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return a.Results
	}
	first := ask(engine.SimilarRequest{IncludeSelf: true})[0]
	if first.Record.ID != "arXiv:2101.00000" || len(first.Collapsed) != 4 {
		t.Errorf("with include_self: first %s, which stands for %v", first.Record.ID, first.Collapsed)
	}
	for _, c := range first.Collapsed {
		want := map[string]catalog.MatchReason{"arXiv:2101.00000v2": catalog.SameArxivID, "doi:10.1000/0": catalog.SameDOI, "title:0": catalog.SameTitle, "text:0": catalog.SimilarText}[c.ID]
		if c.Reason != want || c.Similarity < 0.7 || c.Similarity > 1.0001 {
			t.Errorf("%+v, want reason %d", c, want)
		}
	}
	for _, r := range ask(engine.SimilarRequest{ResultOptions: engine.ResultOptions{Filter: `id != "arXiv:2101.00000"`}}) {
		if work(r.Record.ID) == "" {
			t.Errorf("%s, a version of the query paper, is among the results", r.Record.ID)
		}
	}
}

// What was deleted after the list was made is gone from what results stand for;
// a page token of a list that keeps versions fits no other.
func TestCollapsedAreHydrated(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(30)...)
	q := engine.SimilarRequest{PaperIDs: []string{"arXiv:2101.00000"}, IncludeSelf: true, ResultOptions: engine.ResultOptions{PageSize: 1}}
	a, err := e.Similar(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(a.NextPageToken, ".")
	q.PageToken = name + ".0"
	if _, _, _, err := e.Delete(t.Context(), "", []string{"title:0", "text:0"}); err != nil {
		t.Fatal(err)
	}
	if a, err = e.Similar(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	got := ids(a.Results[0].Collapsed)
	slices.Sort(got)
	if !slices.Equal(got, []string{"arXiv:2101.00000v2", "doi:10.1000/0"}) {
		t.Errorf("after the deletion it stands for %v", got)
	}
	q.KeepVersions = true
	if _, err := e.Similar(t.Context(), q); paper.KindOf(err) != paper.Invalid {
		t.Errorf("a token of another list: %v", err)
	}
}

// FindDuplicates gives every work with versions as one group, and the same again.
func TestFindDuplicates(t *testing.T) {
	e := open(t)
	papers := corpus(120)
	upsert(t, e, papers...)
	find := func(q engine.FindDuplicates) (groups [][]string, last engine.FoundDuplicates) {
		t.Helper()
		calls := 0
		err := e.FindDuplicates(t.Context(), q, func(f engine.FoundDuplicates) error {
			if calls++; calls == 1 && (f.Compared != 0 || f.Group != nil) {
				t.Errorf("first %+v", f)
			}
			if f.Compared < last.Compared {
				t.Errorf("%d papers compared after %d", f.Compared, last.Compared)
			}
			var group []string
			for i, p := range f.Group {
				group = append(group, p.Record.ID)
				if (p.Reason == 0) != (i == 0) {
					t.Errorf("%s at %d: reason %d", p.Record.ID, i, p.Reason)
				}
			}
			if group != nil {
				groups = append(groups, group)
			}
			last = f
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return groups, last
	}
	groups, last := find(engine.FindDuplicates{})
	if int(last.Total) != len(papers) || last.Compared != len(papers) || last.Sequence == 0 {
		t.Errorf("last %+v of %d papers", last, len(papers))
	}
	in := make(map[string]bool)
	for i, g := range groups {
		if !slices.IsSorted(g) || i > 0 && g[0] <= groups[i-1][0] {
			t.Errorf("group %v after %v", g, groups[max(0, i-1)])
		}
		for _, id := range g {
			if in[id] || work(id) != work(g[0]) {
				t.Errorf("%s in %v", id, g)
			}
			in[id] = true
		}
	}
	versions := 0
	for _, p := range papers {
		if n := work(p.ID); p.ID == "arXiv:2101."+fmt.Sprintf("%05s", n) && !in[p.ID] {
			versions++
		}
	}
	if len(in)+versions != len(papers) {
		t.Errorf("%d papers in groups, %d works without versions, %d papers", len(in), versions, len(papers))
	}
	again, _ := find(engine.FindDuplicates{})
	if !slices.EqualFunc(groups, again, slices.Equal[[]string]) {
		t.Error("the groups are others the second time")
	}
	filtered, last := find(engine.FindDuplicates{Filter: `id = ("text:0" OR "title:0" OR "title:5")`})
	if len(filtered) != 1 || len(filtered[0]) != 2 || last.Total != 3 {
		t.Errorf("filtered: %v, %+v", filtered, last)
	}
}

// What counts as similar in a list counts so when all papers are compared.
func TestDefaultMinSimilarity(t *testing.T) {
	if engine.DefaultMinSimilarity != dedup.MinSimilarity {
		t.Errorf("lists fold at a cosine of %v, comparisons at %v", dedup.MinSimilarity, engine.DefaultMinSimilarity)
	}
}

func TestFindDuplicatesRefusesAndStops(t *testing.T) {
	e := open(t)
	upsert(t, e, corpus(20)...)
	ignore := func(engine.FoundDuplicates) error { return nil }
	high := 1.5
	for _, q := range []engine.FindDuplicates{{MinSimilarity: &high}, {Filter: "year ="}, {Collection: "NO"}} {
		if err := e.FindDuplicates(t.Context(), q, ignore); paper.KindOf(err) != paper.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if err := e.FindDuplicates(t.Context(), engine.FindDuplicates{Collection: "none"}, ignore); paper.KindOf(err) != paper.NotFound {
		t.Errorf("an unknown collection: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := e.FindDuplicates(ctx, engine.FindDuplicates{}, func(engine.FoundDuplicates) error {
		calls++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("cancelled after the first answer: %d answers, %v", calls, err)
	}
	// Another caller is told to come back, and may when the first is done.
	err = e.FindDuplicates(t.Context(), engine.FindDuplicates{}, func(engine.FoundDuplicates) error {
		var full *paper.Error
		if err := e.FindDuplicates(t.Context(), engine.FindDuplicates{}, ignore); !errors.As(err, &full) || full.Kind != paper.Exhausted || full.RetryAfter <= 0 {
			t.Errorf("two at a time: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	stop := errors.New("stop")
	if err := e.FindDuplicates(t.Context(), engine.FindDuplicates{}, func(engine.FoundDuplicates) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of send: %v", err)
	}
}
