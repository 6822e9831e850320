package catalogtest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

func capabilityChecks() []check {
	return []check{
		{"attributes", having(attributes)},
		{"terms", having(terms)},
		{"background", having(background)},
		{"dated", having(dated)},
		{"versions", having(versions)},
		{"versions of own papers", having(ownVersions)},
		{"same texts", having(sameTexts)},
		{"namer", having(namer)},
		{"syntax", having(syntax)},
		{"matches", having(matches)},
		{"allows", having(allows)},
		{"shared", having(shared)},
		{"funnel", having(funnel)},
		{"funnel of words", having(funnelWords)},
		{"rechecker", having(rechecker)},
		{"counter", having(counter)},
		{"duplicates", having(duplicates)},
		{"days", having(days)},
		{"days change", having(daysChange)},
		{"signalled", having(signalled)},
		{"derived", having(derived)},
		{"indexes", having(indexes)},
		{"mentions", having(mentions)},
		{"mentions change", having(mentionsChange)},
		{"spelling", having(spelling)},
		{"changes", having(changes)},
		{"created since", having(createdSince)},
		{"word counts", having(wordCounts)},
		{"waits", waits},
	}
}

// having skips what is about a capability that views do not have.
func having[C any](run func(s *suite, of func() C)) func(s *suite) {
	return func(s *suite) {
		if _, ok := s.view().(C); !ok {
			s.Skipf("there is no %v", reflect.TypeFor[C]())
		}
		run(s, func() C { return s.view().(C) }) //nolint:forcetypeassert // views of a catalog are alike
	}
}

func attributes(s *suite, of func() catalog.Attributes) {
	given := library()
	given[1].Paper.Venue = "alpha" // as p00's, but for case
	given[2].Paper.Venue = ""
	s.apply(given...)
	refs := catalog.Refs("p00", "nobody", "p11", "p02", "p01")
	dates := parallel[paper.Date](s, len(refs))(of().Dates(s.Context(), refs))
	s.same("dates", dates, []paper.Date{{Year: 2010, Month: 6, Day: 15}, {}, {}, {Year: 2012, Month: 6, Day: 15}, {Year: 2011, Month: 6, Day: 15}})
	venues := parallel[string](s, len(refs))(of().Venues(s.Context(), refs))
	if !strings.EqualFold(venues[0], "alpha") || venues[4] != venues[0] || venues[1] != "" || venues[3] != "" || venues[2] != "Gamma" {
		s.Errorf("venues are %q", venues)
	}
}

func dot(a, b []rank.Term) (sum float64) {
	for _, x := range a {
		for _, y := range b {
			if x.ID == y.ID {
				sum += float64(x.Weight) * float64(y.Weight)
			}
		}
	}
	return sum
}

func terms(s *suite, of func() catalog.Terms) {
	s.apply(put("a", "glacier turbine", 1), put("b", "glacier violin", 2), put("c", "protein", 3))
	v := of()
	got := parallel[[]rank.Term](s, 4)(v.Terms(s.Context(), catalog.Refs("a", "b", "nobody", "c")))
	if got[2] != nil {
		s.Errorf("nobody has %v", got[2])
	}
	for _, at := range []int{0, 1, 3} {
		if !alike(dot(got[at], got[at]), 1) {
			s.Errorf("%v is of length %v", got[at], math.Sqrt(dot(got[at], got[at])))
		}
	}
	glacier := got[0]
	for _, t := range got[0] {
		if !slices.ContainsFunc(got[1], func(o rank.Term) bool { return o.ID == t.ID }) {
			glacier = slices.DeleteFunc(slices.Clone(glacier), func(o rank.Term) bool { return o.ID == t.ID })
		}
	}
	for range 2 {
		among := []uint32{math.MaxUint32, glacier[0].ID, glacier[0].ID}
		some := parallel[[]rank.Term](s, 3)(v.TermsAmong(s.Context(), catalog.Refs("a", "nobody", "c"), among))
		if !slices.Equal(some[0], glacier) || some[1] != nil || len(some[2]) != 0 {
			s.Errorf("among a word that a has: %v; all of its: %v", some, got[0])
		}
	}
	if one, none := dot(got[0], got[1]), dot(got[0], got[3]); one <= 0 || one >= 1 || none != 0 {
		s.Errorf("papers with a word in common: %v; with none: %v", one, none)
	}
	var ids []uint32
	for _, t := range got[0] {
		ids = append(ids, t.ID)
	}
	names := parallel[string](s, len(ids))(v.TermNames(s.Context(), ids))
	for _, want := range []string{"glacier", "turbine"} {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, want) }) {
			s.Errorf("the words of a are %q", names)
		}
	}
}

func refIDs(refs []paper.Ref) (ids []string) {
	for _, r := range refs {
		ids = append(ids, r.ID)
	}
	return ids
}

func background(s *suite, of func() catalog.Sampler) {
	given := library()
	s.apply(given...)
	all := refIDs(must[[]paper.Ref](s)(of().Background(s.Context(), 100)))
	slices.Sort(all)
	s.same("all", all, modelOf(given).kept(catalog.Restriction{}))
	some := refIDs(must[[]paper.Ref](s)(of().Background(s.Context(), 5)))
	s.same("again", refIDs(must[[]paper.Ref](s)(of().Background(s.Context(), 5))), some)
	s.same("distinct", len(slices.Compact(slices.Sorted(slices.Values(some)))), 5)
	s.apply(remove(some[0]))
	for _, r := range must[[]paper.Ref](s)(of().Background(s.Context(), 100)) {
		if r.ID == some[0] {
			s.Error("a deleted paper stands for the collection")
		}
	}
}

func dated(s *suite, of func() catalog.Sampler) {
	given := library()
	s.apply(given...)
	m := modelOf(given)
	draw := func(asOf string, n int) (ids []string) {
		s.Helper()
		for _, d := range must[[]catalog.Sampled](s)(of().Dated(s.Context(), asOf, n)) {
			if d.Date != m[d.ID].PublishDate || d.Date.IsZero() {
				s.Errorf("%s is of %v", d.ID, d.Date)
			}
			ids = append(ids, d.ID)
		}
		return ids
	}
	sorted := func(ids []string) []string { return slices.Sorted(slices.Values(ids)) }
	s.same("all with a date", sorted(draw("", 100)), m.kept(catalog.Restriction{})[:11])
	s.same("all that had appeared", sorted(draw("2013-06-15", 100)), m.kept(catalog.Restriction{AsOf: "2013-06-15"}))
	s.same("none", draw("1900-01-01", 100), []string{})
	before := draw("", 6)
	s.same("again", draw("", 6), before)
	for i := range 8 { // one paper more changes one of them at most
		c := put(fmt.Sprintf("new%d", i), "granite", 100+i)
		c.Paper.PublishDate = paper.Date{Year: 2001}
		m.change(c)
		s.apply(c)
		after := draw("", 6)
		stay := 0
		for _, id := range after {
			if slices.Contains(before, id) {
				stay++
			}
		}
		if len(after) != 6 || stay < 5 {
			s.Errorf("%v after %v", after, before)
		}
		before = after
	}
}

// texts that are long enough for their likeness to count.
const (
	longTitle    = "A survey of glaciers and of the turbines that their waters drive"
	longAbstract = "We measured the flow of water below twelve glaciers during three summers, and compared it with the power " +
		"of the turbines that it drives. The flow depends on the temperature of the air two days before, on the slope, and on " +
		"the dust that covers the ice. A simple model explains most of what we saw, and predicts the power of the next day."
)

// works are papers of which some are one work, and hits of them in the order given.
func works(s *suite) []rank.Hit {
	doi, arxiv, first, second := put("doi", "glacier", 1), put("arxiv", "turbine", 2), put("doi-again", "violin", 3), put("arxiv-v2", "harbor", 4)
	doi.Paper.DOI, first.Paper.DOI = "10.1234/abc", "https://doi.org/10.1234/ABC"
	arxiv.Paper.ArxivID, second.Paper.ArxivID = "2112.09118", "arXiv:2112.09118v2"
	long, copied := put("long", longTitle, 5), put("long-again", longTitle, 5)
	long.Paper.Abstract, copied.Paper.Abstract = longAbstract, longAbstract
	alone := put("alone", "pollen", 6)
	s.apply(doi, arxiv, first, second, long, copied, alone)
	var hits []rank.Hit
	for i, id := range []string{"arxiv-v2", "long", "doi", "alone", "doi-again", "long-again", "arxiv"} {
		hits = append(hits, rank.Hit{ID: id, Score: 1 - float64(i)/10, Semantic: .5, Lexical: float64(i)})
	}
	return hits
}

func versions(s *suite, of func() catalog.Versions) {
	hits := works(s)
	given := slices.Clone(hits)
	left, stands, err := of().Collapse(s.Context(), hits, nil)
	if err != nil {
		s.Fatal(err)
	}
	s.same("left", left, given[:4])
	for first, want := range map[string]struct {
		id     string
		reason catalog.MatchReason
	}{"arxiv-v2": {"arxiv", catalog.SameArxivID}, "doi": {"doi-again", catalog.SameDOI}, "long": {"long-again", 0}, "alone": {}} {
		got := stands[first]
		switch {
		case want.id == "" && len(got) == 0:
		case len(got) != 1 || got[0].ID != want.id || want.reason != 0 && got[0].Reason != want.reason || got[0].Reason == 0:
			s.Errorf("%s stands for %+v", first, got)
		}
	}
	if m := stands["long"]; len(m) == 1 && (!alike(m[0].Similarity, 1) || m[0].Resemblance < .9) {
		s.Errorf("a copy is %+v", m[0])
	}
	left, stands, err = of().Collapse(s.Context(), nil, []string{"doi"})
	s.same("of nothing", []any{len(left), len(stands), err}, []any{0, 0, nil})
}

// What counts as one with an own paper goes, and nothing stands for it.
func ownVersions(s *suite, of func() catalog.Versions) {
	hits := works(s)[:5]
	left, stands, err := of().Collapse(s.Context(), hits[2:], []string{"arxiv", "nobody", "doi"})
	if err != nil {
		s.Fatal(err)
	}
	s.same("left", []any{idsOf(left), len(stands)}, []any{[]string{"alone"}, 0})
}

func sameTexts(s *suite, of func() catalog.Versions) {
	works(s)
	refs := catalog.Refs("long", "alone", "nobody", "long-again", "doi")
	got := parallel[bool](s, len(refs))(of().SameTexts(s.Context(), []catalog.Text{
		{Title: strings.ToUpper(longTitle), Abstract: longAbstract}, {Title: "pollen!"}, {Title: "glacier turbine"}, {},
	}, refs))
	s.same("same texts", got, []bool{true, true, false, true, false})
}

func namer(s *suite, of func() catalog.Namer) {
	a, b, c := put("a", "glacier", 1), put("b", "turbine", 2), put("arXiv:2101.00001v1", "violin", 3)
	a.Paper.ArxivID, b.Paper.ArxivID = "2101.00001v3", "2101.00001v2"
	a.Paper.DOI = "10.1234/Abc"
	s.apply(a, b, c, put("10.99/x", "an id like a doi", 4))
	names := []string{"b", "nobody", "https://arxiv.org/abs/2101.00001v2", "doi:10.1234/ABC", "10.99/x", "2101.00001v3", "arXiv:2101.00001", ""}
	got := parallel[string](s, len(names))(of().Identify(s.Context(), names))
	s.same("ids", got, []string{"b", "", "b", "a", "10.99/x", "a", "a", ""})
	s.apply(remove("b"))
	got = parallel[string](s, 1)(of().Identify(s.Context(), []string{"b"}))
	s.same("deleted", got, []string{""})
}

func syntax(s *suite, of func() catalog.Syntax) {
	for _, test := range []struct{ text, asked, excluded, loose string }{
		{"glacier turbine", "glacier turbine", "", ""},
		{`glacier -turbine`, "glacier", "-turbine", ""},
		{`"glacier turbine" violin`, "glacier turbine violin", "", "glacier turbine violin"},
		{`glaci* -"violin lesson"`, "glaci", `-"violin lesson"`, ""},
		{`glaci* "violin lesson" -turbine`, "glaci violin lesson", "-turbine", "glaci* violin lesson -turbine"},
		{"-turbine", "", "-turbine", ""},
	} {
		got := must[catalog.TypedQuery](s)(of().Parse(test.text))
		s.same(test.text, got, catalog.TypedQuery{Asked: test.asked, Excluded: test.excluded, Loose: test.loose})
	}
	_, err := of().Parse(strings.Repeat("-glacier ", 10_000))
	s.fault("a query that asks too much", err, paper.Invalid)
}

func matches(s *suite, of func() catalog.Matcher) {
	s.apply(library()...)
	refs := catalog.Refs("p04", "nobody", "p01")
	got := parallel[[]catalog.WordMatch](s, len(refs))(of().Matches(s.Context(), catalog.Words{Text: "violin survey unheard"}, refs))
	if len(got[0]) != 2 || got[1] != nil || len(got[2]) != 1 {
		s.Fatalf("matches are %+v", got)
	}
	rare, frequent := got[0][0], got[0][1]
	s.same("of p04", []any{rare.Term, rare.Title, rare.Abstract, frequent.Term, frequent.Title, frequent.Abstract}, []any{"violin", 1, 1, "survey", 1, 0})
	if rare.Score <= frequent.Score || frequent.Score <= 0 {
		s.Errorf("scores are %v and %v", rare.Score, frequent.Score)
	}
	s.same("of p01", got[2][0].Term, "survey")
}

func allows(s *suite, of func() catalog.Matcher) {
	s.apply(library()...)
	refs := catalog.Refs("p04", "p05", "nobody", "p06")
	for text, want := range map[string][]bool{
		"unheard":                       {true, true, false, true},
		"-violin":                       {false, true, false, true},
		`"violin survey"`:               {true, false, false, false},
		`"survey violin"`:               {false, false, false, false},
		`"winter violin" -summer`:       {true, false, false, false},
		`survey -"measurements winter"`: {false, true, false, false},
	} {
		s.same(text, parallel[bool](s, len(refs))(of().Allows(s.Context(), catalog.Words{Text: text, Typed: true}, refs)), want)
	}
	all := parallel[bool](s, len(refs))(of().Allows(s.Context(), catalog.Words{Text: "-violin"}, refs))
	s.same("words that are not typed", all, []bool{true, true, false, true})
	// Hybrid holds to the same.
	v := s.view()
	words := catalog.Words{Text: `survey "measurements winter" -violin`, Typed: true}
	found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(4), Words: words, K: 20}))
	for i, ok := range parallel[bool](s, len(found.Hits))(of().Allows(s.Context(), words, refsOf(found.Hits))) {
		if !ok {
			s.Errorf("%s is a candidate, and not allowed", found.Hits[i].ID)
		}
	}
	s.same("candidates", idsOf(found.Hits), []string{"p00", "p02", "p06", "p08", "p10"})
}

func shared(s *suite, of func() catalog.Matcher) {
	v := of()
	s.same("shared", v.Shared("glacier, turbine", "Turbine below one Glacier: glacier ice"), []string{"Turbine", "Glacier"})
	s.same("nothing", len(v.Shared("glacier", "violin")), 0)
}

func funnel(s *suite, of func() catalog.Funnel) {
	given := library()
	s.apply(given...)
	for _, test := range []struct {
		r    catalog.Restriction
		want string
	}{
		{catalog.Restriction{}, "{12 12 [] 12 0 []}"},
		{catalog.Restriction{Filter: "venue = Alpha AND year >= 2013"}, "{12 3 [{venue = Alpha 4} {year >= 2013 8}] 3 0 []}"},
		{catalog.Restriction{Filter: "venue = Gamma"}, "{12 4 [] 4 0 []}"},
		{catalog.Restriction{Filter: "venue = Gamma", AsOf: "2013-01-01"}, "{12 4 [] 1 1 []}"},
		{catalog.Restriction{AsOf: "2000-01-01"}, "{12 12 [] 0 1 []}"},
		{catalog.Restriction{Filter: "venue = Nowhere"}, "{12 0 [] 0 0 []}"},
	} {
		got := must[catalog.Remaining](s)(of().Funnel(s.Context(), catalog.Conditions{Restriction: test.r}))
		s.same(fmt.Sprintf("%+v", test.r), got, test.want)
	}
	_, err := of().Funnel(s.Context(), catalog.Conditions{Restriction: catalog.Restriction{Filter: "("}})
	s.onFilter("Funnel", err)
}

func funnelWords(s *suite, of func() catalog.Funnel) {
	s.apply(library()...)
	c := catalog.Conditions{
		Restriction: catalog.Restriction{Filter: "venue = Alpha OR venue = Beta"},
		Words:       catalog.Words{Text: `survey unheard "measurements winter" -glacier -nothing`, Typed: true}, AnyWord: true,
	}
	steps := must[catalog.Remaining](s)(of().Funnel(s.Context(), c)).Words
	// What excludes a word that no paper has may be no step.
	steps = slices.DeleteFunc(steps, func(w catalog.WordStep) bool { return w.Text == "nothing" })
	s.same("steps", steps, []catalog.WordStep{
		{Kind: catalog.StepWords, Unknown: []string{"unheard"}, Left: 8},
		{Kind: catalog.StepPhrase, Text: "measurements winter", Left: 4},
		{Kind: catalog.StepExclusion, Text: "glacier", Left: 3},
	})
	c.AnyWord = false
	for _, step := range must[catalog.Remaining](s)(of().Funnel(s.Context(), c)).Words {
		if step.Kind == catalog.StepWords {
			s.Errorf("papers need a word, which was not asked: %+v", step)
		}
	}
}

// What a list found is left out of its later pages once it is not that any more.
func rechecker(s *suite, of func() catalog.Rechecker) {
	given := library()
	_, sequence := s.apply(given...)
	list := catalog.MadeBy{
		Sequence: sequence, Restriction: catalog.Restriction{Filter: "venue = Alpha OR venue = Beta", AsOf: "2020-01-01"},
		Words: catalog.Words{Text: `"survey" -quartz`, Typed: true},
	}
	still := func() (ids []string) {
		s.Helper()
		refs := catalog.Refs("p00", "p01", "p03", "p04", "p06", "p09", "nobody")
		for i, r := range parallel[*paper.Record](s, len(refs))(of().Still(s.Context(), list, refs)) {
			if r != nil && r.ID != refs[i].ID {
				s.Errorf("%s is %s", refs[i].ID, r.ID)
			}
			if r != nil {
				ids = append(ids, r.ID)
			}
		}
		return ids
	}
	s.same("of its own state", still(), []string{"p00", "p01", "p03", "p04", "p06", "p09"})
	venue, day, text, nothing := given[0], given[1], given[4], given[6]
	venue.Paper.Venue, venue.Vector = "Gamma", nil
	day.Paper.PublishDate, day.Vector = paper.Date{Year: 2025}, nil
	text.Paper.Title, text.Vector = "survey of granite", vectorOf(90)
	nothing.Paper.Language, nothing.Vector = "de", nil
	s.apply(venue, day, remove("p03"), text, nothing)
	s.same("left", still(), []string{"p06", "p09"})
}

func counter(s *suite, of func() catalog.Counter) {
	given := library()
	given[0].Paper.Venue = "ALPHA"
	s.apply(given...)
	for _, test := range []struct {
		field, filter string
		limit         int
		want          string
	}{
		{"category", "", 5, "[{cs.CL 6} {math.GT 6}]"},
		{"author", "", 5, "[{Ada Lovelace 6} {Emmy Noether 6}]"},
		{"language", "", 5, "[{en 12}]"},
		{"year", "venue = Gamma", 5, "[{2012 1} {2015 1} {2018 1}]"},
		{"year", "", 2, "[{2010 1} {2011 1}]"},
		{"category", "venue = Gamma", 1, "[{cs.CL 2}]"},
		{"venue", "venue = Nowhere", 5, "[]"},
	} {
		got := must[[]catalog.ValueCount](s)(of().CountValues(s.Context(), test.field, test.filter, test.limit))
		s.same(test.field+" of "+test.filter, got, test.want)
	}
	venues := must[[]catalog.ValueCount](s)(of().CountValues(s.Context(), "venue", "", 5))
	if len(venues) != 3 || venues[0].Papers != 4 {
		s.Errorf("venues are %+v", venues)
	}
	_, err := of().CountValues(s.Context(), "title", "", 5)
	s.fault("a field that cannot be counted", err, paper.Invalid)
	_, err = of().CountValues(s.Context(), "venue", "(", 5)
	s.onFilter("CountValues", err)
}

func duplicates(s *suite, of func() catalog.Duplicates) {
	works(s)
	for _, test := range []struct {
		filter string
		papers uint32
		want   string
	}{
		{"", 7, "[arxiv arxiv-v2] [doi doi-again] [long long-again]"},
		{"title:glaciers", 2, "[long long-again]"},
		{"title:pollen", 1, ""},
		{"venue = Nowhere", 0, ""},
	} {
		papers, groups, err := of().Duplicates(s.Context(), test.filter, .95)
		if err != nil {
			s.Fatal(err)
		}
		var got []string
		compared := 0
		for _, g := range collect(s, groups) {
			if g.Compared < compared || g.Compared > int(papers) {
				s.Errorf("%d compared of %d, after %d", g.Compared, papers, compared)
			}
			compared = g.Compared
			var ids []string
			for i, d := range g.Papers {
				ids = append(ids, d.Record.ID)
				if (i == 0) != (d.Reason == 0) || (i == 0) != (d.Kind == 0) {
					s.Errorf("%s of %v: %+v", d.Record.ID, ids, d.Match)
				}
			}
			if len(ids) > 0 {
				got = append(got, fmt.Sprint(ids))
			}
		}
		s.same(test.filter, []any{papers, strings.Join(got, " ")}, []any{test.papers, test.want})
	}
	_, groups, err := of().Duplicates(s.Context(), "", .95)
	if err != nil {
		s.Fatal(err)
	}
	for g, err := range groups { // and stops when told to
		if err != nil || len(g.Papers) > 0 {
			break
		}
	}
	_, _, err = of().Duplicates(s.Context(), "(", .95)
	s.onFilter("Duplicates", err)
}

// capabilitiesOf lists the capabilities of a view, for reports.
func capabilitiesOf(v catalog.View) (out []catalog.Capability) {
	for c, has := range map[catalog.Capability]bool{
		catalog.CapAttributes: is[catalog.Attributes](v), catalog.CapTerms: is[catalog.Terms](v), catalog.CapSampler: is[catalog.Sampler](v),
		catalog.CapVersions: is[catalog.Versions](v), catalog.CapNamer: is[catalog.Namer](v), catalog.CapSyntax: is[catalog.Syntax](v),
		catalog.CapMatcher: is[catalog.Matcher](v), catalog.CapFunnel: is[catalog.Funnel](v), catalog.CapRechecker: is[catalog.Rechecker](v),
		catalog.CapCounter: is[catalog.Counter](v), catalog.CapDuplicates: is[catalog.Duplicates](v),
		catalog.CapDays:    is[catalog.Days](v),
		catalog.CapDerived: is[catalog.Derived](v),
		catalog.CapIndexes: is[catalog.Indexes](v), catalog.CapMentions: is[catalog.Mentions](v),
		catalog.CapSpelling: is[catalog.Spelling](v),
	} {
		if has {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

func is[C any](v any) bool {
	_, ok := v.(C)
	return ok
}

// indexes has each index once, with nothing that the collection does not have.
func indexes(s *suite, of func() catalog.Indexes) {
	_, now := s.apply(library()...)
	seen := make(map[string]bool)
	for _, x := range of().Indexes() {
		if seen[x.Name] || x.Name != catalog.IndexVectors && x.Name != catalog.IndexWords {
			s.Errorf("an index is called %q", x.Name)
		}
		seen[x.Name] = true
		if x.Sequence > now || x.Done < 0 || x.Done > 1 || !x.Building && x.Done != 0 || x.Name == catalog.IndexVectors && x.Answers == "" {
			s.Errorf("after change %d: %+v", now, x)
		}
	}
}
