package catalogtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func coreChecks() []check {
	return []check{
		{"unknown collection", unknownCollection},
		{"empty collection", emptyCollection},
		{"info", info},
		{"get", get},
		{"handles", handles},
		{"vectors", vectors},
		{"list", list},
		{"list stops", listStops},
		{"list order", listOrder},
		{"nearest", nearest},
		{"nearest to several", nearestToSeveral},
		{"nearest ties", nearestTies},
		{"restriction", restriction},
		{"filters that do not parse", badFilters},
		{"hybrid", hybrid},
		{"hybrid by words alone", hybridWords},
		{"hybrid excludes", hybridExcludes},
		{"hybrid marks", hybridMarks},
		{"hybrid finds nothing", hybridNothing},
		{"cancellation", cancellation},
		{"close", closeTwice},
	}
}

func unknownCollection(s *suite) {
	v, err := s.catalog.View(s.Context(), "nowhere")
	s.fault("View", err, paper.NotFound)
	if v != nil {
		s.Error("there is a view of no collection")
	}
	var e *paper.Error
	if errors.As(err, &e) && e.Reason != paper.ReasonCollectionUnknown {
		s.Errorf("the reason is %s", e.Reason)
	}
	_, _, err = s.catalog.Apply(s.Context(), "nowhere", []catalog.Mutation{put("a", "glacier", 1)})
	s.fault("Apply", err, paper.NotFound)
}

func emptyCollection(s *suite) {
	v := s.view()
	s.same("papers", v.Info().Papers, 0)
	s.same("list", s.list(v, catalog.Listing{}), []string{})
	s.same("get", s.get(v, "a", "b"), []*paper.Record{nil, nil})
	s.same("vectors", s.vectors(v, "a"), [][]float32{nil})
	s.same("nothing asked for", len(s.get(v)), 0)
	near := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(1), K: 5}}}))
	s.same("nearest", []any{len(near.Hits), near.Kept}, []any{0, 0})
	blend := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(1), Words: catalog.Words{Text: "glacier"}, K: 5}))
	s.same("hybrid", []any{len(blend.Hits), blend.Terms, blend.Kept}, []any{0, []string{}, 0})
}

func info(s *suite) {
	_, sequence := s.apply(library()...)
	i := s.view().Info()
	s.same("info", i, catalog.Info{Collection: s.collection, Space: s.space, Papers: uint32(len(library())), Sequence: sequence})
}

func get(s *suite) {
	given := library()
	given[3].Paper.Metadata = map[string]string{"note": "kept"}
	given[3].Paper.Signals = map[string]float64{"votes": 3}
	s.apply(given...)
	v := s.view()
	got := s.get(v, "p03", "nobody", "p00", "p03")
	if got[0] == nil || got[1] != nil || got[2] == nil || got[3] == nil {
		s.Fatalf("there are %v", got)
	}
	s.same("the paper", got[0].Paper, given[3].Paper)
	s.same("ids", []string{got[2].ID, got[3].ID}, []string{"p00", "p03"})
	r := got[0]
	s.same("revision, tokens", []any{r.Revision, r.TokenCount, r.Truncated}, []any{1, 5, false})
	s.same("digest", r.EmbedDigest, paper.EmbedDigest(r.Title, r.Abstract))
	again := must[[]*paper.Record](s)(v.Get(s.Context(), []paper.Ref{r.Ref(), got[2].Ref()}))
	s.same("by what the records say", []string{again[0].ID, again[1].ID}, []string{"p03", "p00"})
	for _, r := range collect(s, v.List(s.Context(), catalog.Listing{})) {
		s.same("vector by what the list says", must[[][]float32](s)(v.Vectors(s.Context(), []paper.Ref{r.Ref()})), s.vectors(v, r.ID))
	}
	if r.CreateTime.IsZero() || r.UpdateTime.Before(r.CreateTime) || r.ContentDigest.IsZero() {
		s.Errorf("%+v", r)
	}
}

// A handle that a catalog gave finds its paper, and no paper with another id.
func handles(s *suite) {
	s.apply(library()...)
	v := s.view()
	found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(0), K: 20}}}))
	refs := refsOf(found.Hits)
	for i, r := range parallel[*paper.Record](s, len(refs))(v.Get(s.Context(), refs)) {
		if r == nil || r.ID != refs[i].ID {
			s.Errorf("%v is %v", refs[i], r)
		}
	}
	other := make([]paper.Ref, len(refs)) // with the handle of another paper
	for i := range refs {
		other[i] = paper.Ref{ID: "nobody", Handle: refs[i].Handle}
	}
	records := parallel[*paper.Record](s, len(refs))(v.Get(s.Context(), other))
	vectors := parallel[[]float32](s, len(refs))(v.Vectors(s.Context(), other))
	for i := range refs {
		if refs[i].Handle != 0 && (records[i] != nil || vectors[i] != nil) {
			s.Errorf("%v is %v, %v", other[i], records[i], vectors[i])
		}
		other[i] = paper.Ref{ID: refs[(i+1)%len(refs)].ID, Handle: refs[i].Handle}
	}
	for i, r := range parallel[*paper.Record](s, len(refs))(v.Get(s.Context(), other)) {
		if r != nil && r.ID != other[i].ID {
			s.Errorf("%v is %s", other[i], r.ID)
		}
	}
	s.apply(remove(refs[0].ID)) // stale
	s.apply(put("new", "granite", 100))
	if r := must[[]*paper.Record](s)(s.view().Get(s.Context(), refs[:1])); r[0] != nil {
		s.Errorf("%v, which was deleted, is %v", refs[0], r[0])
	}
}

func vectors(s *suite) {
	s.apply(library()...)
	got := s.vectors(s.view(), "p07", "nobody", "p02")
	s.same("vectors", got, [][]float32{vectorOf(7), nil, vectorOf(2)})
}

func list(s *suite) {
	given := library()
	slices.Reverse(given)
	s.apply(given...)
	v := s.view()
	var all, alpha []string
	for i := range given {
		id := fmt.Sprintf("p%02d", i)
		if all = append(all, id); i%3 == 0 {
			alpha = append(alpha, id)
		}
	}
	for _, test := range []struct {
		from catalog.Listing
		want []string
	}{
		{catalog.Listing{}, all},
		{catalog.Listing{After: "p04"}, all[5:]},
		{catalog.Listing{After: "p04x"}, all[5:]},
		{catalog.Listing{After: "a"}, all},
		{catalog.Listing{After: "p11"}, nil},
		{catalog.Listing{After: "z"}, nil},
		{catalog.Listing{Filter: "venue = Alpha"}, alpha},
		{catalog.Listing{Filter: "venue = Alpha", After: "p03"}, alpha[2:]},
		{catalog.Listing{Filter: "venue = Alpha AND year >= 2013 AND NOT language = de"}, alpha[1:]},
		{catalog.Listing{Filter: "title:turbine"}, all[1:2]},
		{catalog.Listing{Filter: "venue = Nowhere"}, nil},
		{catalog.Listing{Filter: "  "}, all},
	} {
		s.same(fmt.Sprintf("%+v", test.from), s.list(v, test.from), test.want)
	}
}

// Lists are in the order of the bytes of ids, over many papers whose ids differ by case
// alone, and lack none.
func listOrder(s *suite) {
	var given []catalog.Mutation
	var want []string
	for i := range 150 {
		for _, first := range []string{"aB:", "Ab:", "ab:", "\u00e9:"} {
			id := fmt.Sprint(first, (i*37)%150)
			given, want = append(given, put(id, "a survey", i%10)), append(want, id)
		}
	}
	s.apply(given...)
	slices.Sort(want)
	v := s.view()
	s.same("all", s.list(v, catalog.Listing{}), want)
	s.same("after", s.list(v, catalog.Listing{After: want[299]}), want[300:])
}

// What stops is not asked for more, and may be gone through again.
func listStops(s *suite) {
	s.apply(library()...)
	v := s.view()
	seq := v.List(s.Context(), catalog.Listing{})
	for range 2 {
		var ids []string
		for r, err := range seq {
			if err != nil {
				s.Fatal(err)
			}
			if ids = append(ids, r.ID); len(ids) == 3 {
				break
			}
		}
		s.same("ids", ids, []string{"p00", "p01", "p02"})
	}
	for r, err := range seq { // another query between
		if err != nil {
			s.Fatal(err)
		}
		s.same("get", s.get(v, r.ID)[0].ID, r.ID)
	}
}

func nearest(s *suite) {
	given := library()
	s.apply(given...)
	v := s.view()
	model := modelOf(given)
	for _, k := range []int{1, 3, len(given), 10 * len(given)} {
		for _, exact := range []bool{false, true} {
			q := catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(4), K: k}}, Exact: exact}
			found := must[catalog.Found](s)(v.Nearest(s.Context(), q))
			got := s.ranked(v, found.Hits, vectorOf(4))
			s.same(fmt.Sprintf("the nearest %d", k), got, model.nearest(vectorOf(4), k, ""))
			s.same("kept", found.Kept, len(given))
			if found.Strategy < catalog.ExactScan || exact && found.Strategy != catalog.ExactScan || found.Strategy == catalog.ExactScan && found.Visited <= 0 {
				s.Errorf("strategy %d, %d visited", found.Strategy, found.Visited)
			}
		}
	}
	s.same("the paper itself", s.ranked(v, must[catalog.Found](s)(v.Nearest(s.Context(),
		catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(9), K: 1}}})).Hits, vectorOf(9)), []string{"p09"})
}

// The answer to several vectors is what each finds, once, with the cosine to the
// nearest of those that found it.
func nearestToSeveral(s *suite) {
	given := library()
	s.apply(given...)
	v := s.view()
	model := modelOf(given)
	probes := []catalog.Probe{{Vector: vectorOf(1), K: 4}, {Vector: vectorOf(2), K: 2}, {Vector: vectorOf(1), K: 5}}
	want := make(map[string]float64)
	for _, p := range probes {
		for _, id := range model.nearest(p.Vector, p.K, "") {
			if near := cosine(p.Vector, model[id].vector); want[id] == 0 || near > want[id] {
				want[id] = near
			}
		}
	}
	found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: probes, Exact: true}))
	for _, h := range found.Hits {
		if near, ok := want[h.ID]; !ok || !alike(h.Semantic, near) || h.Score != h.Semantic {
			s.Errorf("%+v is found: %v, with %v", h, ok, near)
		}
	}
	s.same("how many", len(found.Hits), len(want))
	s.bestFirst(found.Hits)
	none := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{}))
	s.same("nothing asked for", []any{len(none.Hits), none.Kept}, []any{0, len(given)})
}

func nearestTies(s *suite) {
	s.apply(put("c", "glacier", 5), put("a", "turbine", 5), put("d", "violin", 6), put("b", "lattice", 5))
	v := s.view()
	found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(5), K: 3}}, Exact: true}))
	s.same("ties", s.ranked(v, found.Hits, vectorOf(5)), []string{"a", "b", "c"})
}

func restriction(s *suite) {
	given := library()
	s.apply(given...)
	v := s.view()
	model := modelOf(given)
	for _, r := range []catalog.Restriction{
		{},
		{Filter: "venue = Alpha"},
		{Filter: "title:turbine OR title:violin"},
		{Filter: "venue = Nowhere"},
		{AsOf: "2013-06-15"},
		{AsOf: "2013-06-14"},
		{AsOf: "1900-01-01"},
		{AsOf: "2030-01-01"},
		{Filter: "category = cs.CL", AsOf: "2014-12-31"},
		{Filter: "language = en AND NOT venue = Beta"},
	} {
		s.Run(fmt.Sprintf("%q as of %q", r.Filter, r.AsOf), func(t *testing.T) {
			s := &suite{T: t}
			kept := model.kept(r)
			found := must[catalog.Found](s)(v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(3), K: 50}}, Restriction: r}))
			got := s.ranked(v, found.Hits, vectorOf(3))
			slices.Sort(got)
			s.same("nearest", []any{got, found.Kept}, []any{kept, len(kept)})
			found = must[catalog.Found](s)(v.Hybrid(s.Context(),
				catalog.Hybrid{Vector: vectorOf(3), Words: catalog.Words{Text: "survey"}, K: 50, Restriction: r}))
			s.same("hybrid", []any{idsOf(found.Hits), found.Kept}, []any{kept, len(kept)})
			found = must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: "survey"}, K: 50, Restriction: r}))
			s.same("words", []any{idsOf(found.Hits), found.Kept}, []any{kept, len(kept)})
		})
	}
}

func badFilters(s *suite) {
	s.apply(library()...)
	v := s.view()
	for _, text := range []string{"venue =", "(", "nofield = 3", `"`} {
		r := catalog.Restriction{Filter: text}
		_, err := v.Nearest(s.Context(), catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(1), K: 3}}, Restriction: r})
		s.onFilter("Nearest", err)
		_, err = v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(1), K: 3, Restriction: r})
		s.onFilter("Hybrid", err)
		n := 0
		for record, err := range v.List(s.Context(), catalog.Listing{Filter: text}) {
			s.onFilter("List", err)
			if n++; record != nil {
				s.Errorf("List gives %v", record)
			}
		}
		s.same("errors of List", n, 1)
	}
}

// onFilter expects an error that names the field "filter".
func (s *suite) onFilter(what string, err error) {
	s.Helper()
	s.fault(what, err, paper.Invalid)
	var e *paper.Error
	if errors.As(err, &e) && (len(e.Violations) == 0 || e.Violations[0].Field != "filter") {
		s.Errorf("%s: %+v", what, e)
	}
}

// Candidates have both scores, whichever side brought them in, and are in order of id.
func hybrid(s *suite) {
	given := library()
	s.apply(given...)
	v := s.view()
	found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(2), Words: catalog.Words{Text: "violin winter"}, K: len(given)}))
	s.same("ids", idsOf(found.Hits), modelOf(given).kept(catalog.Restriction{}))
	for i, h := range found.Hits {
		if !alike(h.Semantic, cosine(vectorOf(2), vectorOf(i))) {
			s.Errorf("%+v: the cosine is %v", h, cosine(vectorOf(2), vectorOf(i)))
		}
		if has := i == 4 || i%2 == 0; (h.Lexical > 0) != has || h.Lexical < 0 {
			s.Errorf("%+v: has words: %v", h, has)
		}
	}
	if hits := found.Hits; hits[4].Lexical <= hits[2].Lexical {
		s.Errorf("a paper with both words scores %v, with the more frequent one %v", hits[4].Lexical, hits[2].Lexical)
	}
	s.same("kept", found.Kept, len(given))
	slices.Sort(found.Terms)
	s.same("number of terms", len(found.Terms), 2)
	// The two sides bring in one each, and each has the other's score too.
	found = must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(6), Words: catalog.Words{Text: "glacier"}, K: 1, Exact: true}))
	s.same("one of each side", idsOf(found.Hits), []string{"p00", "p06"})
	if len(found.Hits) == 2 {
		words, near := found.Hits[0], found.Hits[1]
		if words.Lexical <= 0 || !alike(words.Semantic, cosine(vectorOf(6), vectorOf(0))) || near.Lexical != 0 || !alike(near.Semantic, 1) {
			s.Errorf("%+v, %+v", words, near)
		}
	}
	// Without words there is no lexical side.
	found = must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: vectorOf(6), K: 3, Exact: true}))
	got := idsOf(found.Hits)
	want := modelOf(given).nearest(vectorOf(6), 3, "")
	slices.Sort(want)
	s.same("without words", got, want)
	for _, h := range found.Hits {
		if h.Lexical != 0 {
			s.Errorf("without words: %+v", h)
		}
	}
}

func hybridWords(s *suite) {
	s.apply(library()...)
	v := s.view()
	for _, test := range []struct {
		text  string
		typed bool
		want  []string
	}{
		{"turbine", false, []string{"p01"}},
		{"Turbine, PROTEIN!", false, []string{"p01", "p02"}},
		{"turbine unheard", false, []string{"p01"}},
		{"turbine protein", true, []string{"p01", "p02"}},
		{`turbine -summer`, true, nil},
		{`survey -winter -turbine`, true, []string{"p03", "p05", "p07", "p09", "p11"}},
	} {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: test.text, Typed: test.typed}, K: 20}))
		s.same(test.text, idsOf(found.Hits), test.want)
		for _, h := range found.Hits {
			if h.Semantic != 0 || h.Lexical <= 0 {
				s.Errorf("%s: %+v", test.text, h)
			}
		}
	}
}

// What a typed query excludes is no candidate, however near; what is not typed excludes
// nothing.
func hybridExcludes(s *suite) {
	s.apply(library()...)
	v := s.view()
	near := vectorOf(8) // p08, which has meteor and winter
	for _, text := range []string{"survey -meteor", "-meteor", "turbine -winter"} {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: near, Words: catalog.Words{Text: text, Typed: true}, K: 20}))
		if ids := idsOf(found.Hits); len(ids) == 0 || slices.Contains(ids, "p08") {
			s.Errorf("%s: %v", text, ids)
		}
		found = must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Vector: near, Words: catalog.Words{Text: text}, K: 20}))
		if ids := idsOf(found.Hits); !slices.Contains(ids, "p08") {
			s.Errorf("%s, as words: %v", text, ids)
		}
	}
}

// What stands in quotation marks in a text raises a paper, and is needed by none.
func hybridMarks(s *suite) {
	s.apply(library()...)
	v := s.view()
	scores := func(words catalog.Words) map[string]float64 {
		out := make(map[string]float64)
		for _, h := range must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: words, K: 20})).Hits {
			out[h.ID] = h.Lexical
		}
		return out
	}
	text := `a survey with "measurements winter", which "nobody heard" -of`
	plain, marked := scores(catalog.Words{Text: text}), scores(catalog.Words{Text: text, Marked: true})
	if len(plain) == 0 || len(plain) != len(marked) {
		s.Fatalf("%d papers with marks, %d without", len(marked), len(plain))
	}
	raised := 0
	for id, score := range marked {
		switch {
		case score > plain[id]*1.01:
			raised++
		case score < plain[id]*.99:
			s.Errorf("%s fell from %v to %v", id, plain[id], score)
		}
	}
	if raised == 0 || raised == len(marked) {
		s.Errorf("%d of %d papers were raised", raised, len(marked))
	}
}

func hybridNothing(s *suite) {
	s.apply(library()...)
	v := s.view()
	for _, q := range []catalog.Hybrid{
		{Words: catalog.Words{Text: "unheard"}, K: 5},
		{Words: catalog.Words{Text: "?!", Typed: true}, K: 5},
		{Vector: vectorOf(1), Words: catalog.Words{Text: "turbine"}, K: 5, Restriction: catalog.Restriction{Filter: "venue = Nowhere"}},
	} {
		found := must[catalog.Found](s)(v.Hybrid(s.Context(), q))
		s.same(q.Words.Text, len(found.Hits), 0)
	}
	found := must[catalog.Found](s)(v.Hybrid(s.Context(), catalog.Hybrid{Words: catalog.Words{Text: "unheard turbine"}, K: 5}))
	s.same("words that a paper has", found.Terms, []string{"turbine"})
}

// A caller that has gone gets an error, or the whole answer: nothing in between.
func cancellation(s *suite) {
	given := library()
	s.apply(given...)
	v := s.view()
	gone := canceled(s)
	check := func(what string, complete bool, err error) {
		s.Helper()
		if err != nil && !paper.Canceled(err) || err == nil && !complete {
			s.Errorf("%s: complete %v, %v", what, complete, err)
		}
	}
	refs := catalog.Refs("p00", "p01", "p02")
	records, err := v.Get(gone, refs)
	check("Get", len(records) == 3 && records[2] != nil, err)
	vectors, err := v.Vectors(gone, refs)
	check("Vectors", len(vectors) == 3 && vectors[2] != nil, err)
	found, err := v.Nearest(gone, catalog.Nearest{Probes: []catalog.Probe{{Vector: vectorOf(1), K: 50}}})
	check("Nearest", len(found.Hits) == len(given), err)
	found, err = v.Hybrid(gone, catalog.Hybrid{Vector: vectorOf(1), Words: catalog.Words{Text: "survey"}, K: 50})
	check("Hybrid", len(found.Hits) == len(given), err)
	n := 0
	err = nil
	for _, e := range v.List(gone, catalog.Listing{}) {
		if err != nil {
			s.Error("List goes on after an error")
		}
		if err = e; err == nil {
			n++
		}
	}
	check("List", n == len(given), err)
	before := s.view().Info().Sequence
	_, sequence, err := s.catalog.Apply(gone, s.collection, []catalog.Mutation{put("late", "granite", 50), put("later", "marble", 51)})
	check("Apply", sequence > before, err)
	late := s.get(s.view(), "late", "later")
	if there := late[0] != nil; there != (err == nil) || there != (late[1] != nil) {
		s.Errorf("Apply gives %v; there are %v", err, late)
	}
}

func closeTwice(s *suite) {
	s.apply(library()...)
	v, err := s.catalog.View(s.Context(), s.collection)
	if err != nil {
		s.Fatal(err)
	}
	v.Close()
	v.Close()
	s.same("another view", len(s.list(s.view(), catalog.Listing{})), len(library()))
	if unused, err := s.catalog.View(s.Context(), s.collection); err != nil {
		s.Error(err)
	} else {
		unused.Close()
	}
}
