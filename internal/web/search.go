package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// pageSize is how many results a page has: the most that evidence is given for.
	pageSize = 20
	// abstractWords is from how many words on a text is taken for an abstract rather than
	// a query: papers like it are looked for.
	abstractWords = 45
	// shownLikes is how many of the papers that a list is like are named.
	shownLikes = 5
)

// found is what a list of results needs of an answer, whichever call gave it.
type found struct {
	results []*akinv1.Result
	next    string
	plan    *akinv1.Plan
	info    *akinv1.QueryInfo
	empty   akinv1.EmptyReason
	limits  []*akinv1.Limitation
	timing  *akinv1.Timing
	// understood is unset where a query is words alone.
	understood *akinv1.Interpretation
}

// results is the body of the page of a search.
type results struct {
	Query   query
	Heading string
	// Like are papers that results are like, the first ones; MoreLike is how many more
	// there are.
	Like     []hit
	MoreLike int
	Pasted   bool
	Hits     []hit
	// Browse says that there is no query: the papers of a filter are listed.
	Browse bool
	Total  string
	How    string // the plan and the time
	Note   string
	// Understood is what was understood otherwise than it may have been meant.
	Understood []limit
	Next       string
	First      string // the first page, if this is another one
	Limits     []limit
	Facets     []facet
	Chosen     []chip
	Modes      []choice
	Sorts      []choice
	// EvidenceURL and VersionsURL turn evidence and the folding of versions on or off.
	EvidenceURL, VersionsURL string
	// MapURL is the map with the list's papers marked, FollowURL where a feed is made of it.
	MapURL, FollowURL string
	Asked             bool
	// size is how many results are asked for; 0 is pageSize.
	size int32
}

// limit says what kept papers out, and where it does not.
type limit struct {
	Detail string
	Lifts  []link
	reason akinv1.LimitationReason
}

// chip is a condition that is set, and the list without it.
type chip struct{ Label, Drop string }

// choice is one of several ways to show a list.
type choice struct {
	Label, URL string
	Current    bool
}

// search answers the box.
func (s *Site) search(r *http.Request) (*answer, error) {
	q := readQuery(r.URL.Query())
	note := ""
	var named *akinv1.Paper
	if name, ok := identifier(q.Text); ok {
		p, err := s.client.Papers.GetPaper(r.Context(), &akinv1.GetPaperRequest{Id: name, ReadMask: listMask()})
		switch typing := r.URL.Query().Get("part") != ""; {
		case err == nil && !typing:
			return &answer{location: paperURL(p.GetId())}, nil
		case err == nil:
			named, note = p, "That is the name of a paper here. Enter opens it."
		case status.Code(err) != codes.NotFound:
			return nil, err
		case !typing:
			note = "No paper here is " + name + ". These have something of it."
		}
	}
	body := &results{Query: q, Note: note, Asked: q.asked()}
	title := "Search"
	if q.Text != "" {
		title = clip(visible(q.Text), 80)
	}
	a := &answer{page: "results", frame: frame{Title: title, Canonical: q.URL(), Nav: "search", Box: q, NoIndex: true, Body: body}}
	if named != nil {
		body.Hits = []hit{s.hitOf(named, nil)}
		body.choices()
		return a, nil
	}
	if body.Asked {
		a.frame.Alternates = s.alternates(title, q.URL())
	}
	var facets sync.WaitGroup
	facets.Go(func() { body.Facets = s.facetsOf(r.Context(), q) })
	err := s.fill(r.Context(), body)
	facets.Wait()
	if err != nil {
		return nil, s.placed(r.Context(), q, err)
	}
	body.choices()
	return a, nil
}

// fill finds the list.
func (s *Site) fill(ctx context.Context, b *results) error {
	q := b.Query
	if !b.Asked {
		return nil
	}
	if q.Text == "" && q.Like == nil {
		return s.browse(ctx, b)
	}
	f, err := s.find(ctx, b)
	if err != nil {
		return err
	}
	for _, r := range f.results {
		b.Hits = append(b.Hits, s.resultHit(r, q.Like == nil && !b.Pasted))
	}
	if f.next != "" {
		next := q.changed(func(*query) {})
		next.Page = f.next
		b.Next = next.URL()
	}
	b.How = howText(f)
	b.Limits, b.Understood = q.limits(f), q.understood(f.understood)
	if f.info.GetTruncated() {
		tokens := strconv.Itoa(int(f.info.GetTokens()))
		b.Note = strings.TrimSpace(b.Note + " The text is longer than the model reads: its first " + tokens + " tokens count for its meaning.")
	}
	return nil
}

// find asks the API for a list: of a text, of a paper, or of a pasted abstract.
func (s *Site) find(ctx context.Context, b *results) (*found, error) {
	q := b.Query
	collapse := !q.Apart
	size := cmp.Or(b.size, pageSize)
	switch words := len(strings.Fields(q.Text)); {
	case q.Like != nil:
		if err := s.examples(ctx, b); err != nil {
			return nil, err
		}
		return s.similar(ctx, &akinv1.SimilarRequest{
			PaperIds: q.Like, PageSize: size, PageToken: q.Page, Filter: q.filter(""), Mode: q.mode(), Recency: q.recency(),
			Explain: true, Evidence: q.Evidence, CollapseVersions: &collapse, MinScore: q.Min, ReadMask: listMask(),
		})
	case words >= abstractWords:
		b.Pasted, b.Heading = true, "Papers like the text you pasted"
		return s.similar(ctx, &akinv1.SimilarRequest{
			Text: &akinv1.Text{Abstract: q.Text}, PageSize: size, PageToken: q.Page, Filter: q.filter(""), Mode: q.mode(), Recency: q.recency(),
			Explain: true, Evidence: q.Evidence, CollapseVersions: &collapse, MinScore: q.Min, ReadMask: listMask(),
		})
	}
	resp, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{
		Query: q.Text, Syntax: q.syntax(), Verbatim: q.Verbatim, PageSize: size, PageToken: q.Page, Filter: q.filter(""), Mode: q.mode(), Recency: q.recency(),
		Explain: true, Evidence: q.Evidence, CollapseVersions: &collapse, MinScore: q.Min, ReadMask: listMask(),
	})
	return &found{
		resp.GetResults(), resp.GetNextPageToken(), resp.GetPlan(), resp.GetQuery(), resp.GetEmptyReason(), resp.GetLimitedBy(), resp.GetTiming(),
		resp.GetInterpretation(),
	}, err
}

// examples names the papers that a list is like.
func (s *Site) examples(ctx context.Context, b *results) error {
	b.Heading = "More like this"
	if len(b.Query.Like) == 1 {
		p, err := s.client.Papers.GetPaper(ctx, &akinv1.GetPaperRequest{Id: b.Query.Like[0], ReadMask: listMask()})
		if err == nil {
			b.Like = []hit{s.hitOf(p, nil)}
		}
		return err
	}
	b.Heading = "More like these"
	some := b.Query.Like[:min(len(b.Query.Like), shownLikes)]
	resp, err := s.client.Papers.BatchGetPapers(ctx, &akinv1.BatchGetPapersRequest{Ids: some, ReadMask: listMask()})
	for _, p := range resp.GetPapers() {
		b.Like = append(b.Like, s.hitOf(p, nil))
	}
	b.MoreLike = len(b.Query.Like) - len(b.Like)
	return err
}

func (s *Site) similar(ctx context.Context, req *akinv1.SimilarRequest) (*found, error) {
	resp, err := s.client.Search.Similar(ctx, req)
	return &found{
		resp.GetResults(), resp.GetNextPageToken(), resp.GetPlan(), resp.GetQuery(), resp.GetEmptyReason(), resp.GetLimitedBy(), resp.GetTiming(), nil,
	}, err
}

// browse lists the papers of a filter, the newest first.
func (s *Site) browse(ctx context.Context, b *results) error {
	q := b.Query
	n, err := s.kept(ctx, q.filter(""))
	if err != nil {
		return err
	}
	b.Browse, b.Total = true, papersText(n)
	if n == 0 {
		b.Limits = q.nothing()
		return nil
	}
	resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{
		OrderBy: byDay, PageSize: pageSize, PageToken: q.Page, Filter: q.filter(""), ReadMask: listMask(),
	})
	if err != nil {
		return err
	}
	for _, p := range resp.GetPapers() {
		b.Hits = append(b.Hits, s.hitOf(p, nil))
	}
	if token := resp.GetNextPageToken(); token != "" {
		next := q.changed(func(*query) {})
		next.Page = token
		b.Next = next.URL()
	}
	return nil
}

// placed tells where a filter is wrong that was typed: its columns are those of what
// was typed, and not of what is made of it and the chosen values.
func (s *Site) placed(ctx context.Context, q query, err error) error {
	if status.Code(err) != codes.InvalidArgument || strings.TrimSpace(q.Filter) == "" || q.filter("") == q.Filter {
		return err
	}
	if _, alone := s.client.Papers.CountValues(ctx, &akinv1.CountValuesRequest{Field: "year", Filter: q.Filter, Limit: 1}); alone != nil {
		return alone
	}
	return err
}

// choices are the ways that the list can be shown, and the conditions that are set.
func (b *results) choices() {
	q := b.Query
	for _, m := range []struct{ label, mode string }{{"Both", ""}, {"Meaning", "meaning"}, {"Words", "words"}} {
		b.Modes = append(b.Modes, choice{m.label, q.with(func(q *query) { q.Mode = m.mode }), q.Mode == m.mode})
	}
	for _, m := range []struct{ label, sort string }{{"Relevance", ""}, {"Date", "date"}} {
		b.Sorts = append(b.Sorts, choice{m.label, q.with(func(q *query) { q.Sort = m.sort }), q.Sort == m.sort})
	}
	b.FollowURL = q.followURL()
	b.MapURL = "/map" + strings.TrimPrefix(q.with(func(*query) {}), "/search")
	b.EvidenceURL = q.with(func(q *query) { q.Evidence = !q.Evidence })
	b.VersionsURL = q.with(func(q *query) { q.Apart = !q.Apart })
	for _, c := range q.clauses("") {
		b.Chosen = append(b.Chosen, chip{visible(clip(c.label, 120)), c.lift.URL()})
	}
	if q.Min != nil {
		b.Chosen = append(b.Chosen, chip{"Meaning at least " + strconv.FormatFloat(*q.Min, 'g', 3, 64), q.with(func(q *query) { q.Min = nil })})
	}
	if q.Syntax != "" {
		label := map[string]string{"on": "Signs are operators", "off": "Signs are words"}[q.Syntax]
		b.Chosen = append(b.Chosen, chip{label, q.with(func(q *query) { q.Syntax = "" })})
	}
	if q.Verbatim {
		b.Chosen = append(b.Chosen, chip{"As it is typed", q.with(func(q *query) { q.Verbatim = false })})
	}
	if q.Page != "" {
		b.First = q.with(func(*query) {})
	}
}

// howText says how an answer was found, and how long that took.
func howText(f *found) string {
	way := map[akinv1.Strategy]string{
		akinv1.Strategy_STRATEGY_EXACT:          "by comparing every paper",
		akinv1.Strategy_STRATEGY_GRAPH:          "by walking the graph",
		akinv1.Strategy_STRATEGY_FILTERED_GRAPH: "by walking the graph under the filter",
	}[f.plan.GetStrategy()]
	t := f.timing
	seconds := t.GetQueueSeconds() + t.GetTokenizeSeconds() + t.GetInferenceSeconds() + t.GetSearchSeconds() + t.GetHydrateSeconds()
	out := "Found " + strings.TrimSpace(way+" in "+strconv.FormatFloat(1000*seconds, 'f', 0, 64)+" ms")
	if n := f.plan.GetVisited(); n > 0 {
		out += ", " + count(int(n)) + " vectors compared"
	}
	if n := f.info.GetTokens(); n > 0 {
		out += ", " + count(int(n)) + " tokens read"
	}
	return out
}

// nothing says of a filter that keeps no paper what could be left out of it.
func (q query) nothing() []limit {
	l := limit{Detail: "No paper meets all of these conditions."}
	for _, c := range q.clauses("") {
		l.Lifts = append(l.Lifts, link{"Without “" + clip(c.label, 80) + "”", c.lift.URL()})
	}
	return []limit{l}
}

// limits are what kept papers out of a short list, each with the list without it.
func (q query) limits(f *found) (out []limit) {
	for _, l := range f.limits {
		if l.GetRemovedCount() == 0 && l.GetReason() != akinv1.LimitationReason_LIMITATION_REASON_COLLECTION {
			continue
		}
		out = append(out, limit{visible(l.GetDetail()), q.lifts(l), l.GetReason()})
	}
	if len(out) == 0 && len(f.results) == 0 {
		out = append(out, limit{Detail: emptyText(f.empty)})
	}
	return out
}

// lifts are the lists in which one thing does not keep papers out.
func (q query) lifts(l *akinv1.Limitation) (out []link) {
	add := func(label string, change func(*query)) { out = append(out, link{label, q.with(change)}) }
	switch l.GetReason() {
	case akinv1.LimitationReason_LIMITATION_REASON_FILTER:
		clauses := q.clauses("")
		slices.SortStableFunc(clauses, func(a, b clause) int { return boolOrder(same(b.text, l.GetPart()), same(a.text, l.GetPart())) })
		for _, c := range clauses[:min(len(clauses), 4)] {
			out = append(out, link{"Without “" + visible(clip(c.label, 80)) + "”", c.lift.URL()})
		}
		if len(clauses) > 1 {
			add("Without any of them", func(q *query) { q.Take, q.Not, q.Filter, q.Since, q.Until = nil, nil, "", 0, 0 })
		}
	case akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE:
		if best := l.GetBestRefusedScore(); best > 0 {
			add("As little as the best of them has", func(q *query) { q.Min = &best })
		}
		add("Without a least similarity", func(q *query) { q.Min = nil })
	case akinv1.LimitationReason_LIMITATION_REASON_WORDS:
		add("Search by meaning", func(q *query) { q.Mode = "meaning" })
	case akinv1.LimitationReason_LIMITATION_REASON_PHRASE:
		add("Without the quotation marks", func(q *query) { q.Text = strings.ReplaceAll(q.Text, `"`+l.GetValue()+`"`, l.GetValue()) })
	case akinv1.LimitationReason_LIMITATION_REASON_EXCLUSION:
		add("Without excluding it", func(q *query) {
			q.Text = strings.Join(strings.Fields(strings.NewReplacer(`-"`+l.GetValue()+`"`, "", "-"+l.GetValue(), "").Replace(q.Text)), " ")
		})
	case akinv1.LimitationReason_LIMITATION_REASON_VERSIONS:
		add("Show versions apart", func(q *query) { q.Apart = true })
	default: // the collection, and what the query itself is
	}
	return out
}

// same says that two filters are the same but for spaces and quotation marks.
func same(a, b string) bool {
	plain := strings.NewReplacer(" ", "", `"`, "", "(", "", ")", "")
	return plain.Replace(a) == plain.Replace(b)
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func emptyText(r akinv1.EmptyReason) string {
	switch r {
	case akinv1.EmptyReason_EMPTY_REASON_COLLECTION_EMPTY:
		return "There are no papers here yet. akin import puts some in."
	case akinv1.EmptyReason_EMPTY_REASON_PAST_END:
		return "The list ends before this page."
	case akinv1.EmptyReason_EMPTY_REASON_ONLY_EXAMPLES:
		return "There is nothing here beside the paper itself."
	case akinv1.EmptyReason_EMPTY_REASON_DELETED:
		return "The papers of this page have been deleted or changed since the list was made."
	default:
		return "No paper is like that."
	}
}
