package catalogtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"hash/fnv"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"akin/internal/catalog"
	"akin/internal/dedup"
	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Dates implements catalog.Attributes.
func (v *view) Dates(ctx context.Context, refs []paper.Ref) ([]paper.Date, error) {
	if err := v.before(ctx, "Dates"); err != nil {
		return nil, err
	}
	return each(v, refs, func(e *entry) paper.Date { return e.PublishDate }), nil
}

// Venues implements catalog.Attributes.
func (v *view) Venues(ctx context.Context, refs []paper.Ref) ([]string, error) {
	if err := v.before(ctx, "Venues"); err != nil {
		return nil, err
	}
	spelling := make(map[string]string)
	for _, e := range v.entries {
		if key := strings.ToLower(e.Venue); spelling[key] == "" {
			spelling[key] = e.Venue
		}
	}
	return each(v, refs, func(e *entry) string { return spelling[strings.ToLower(e.Venue)] }), nil
}

// termID numbers words. That two words of a test have one number is unlikely.
func termID(word string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(word))
	return h.Sum32()
}

// Terms implements catalog.Terms: weights are tf times idf.
func (v *view) Terms(ctx context.Context, refs []paper.Ref) ([][]rank.Term, error) {
	if err := v.before(ctx, "Terms"); err != nil {
		return nil, err
	}
	having := v.statistics().having
	return each(v, refs, func(e *entry) []rank.Term {
		var norm float64
		weights := make(map[string]float64)
		for word, n := range e.words.counts {
			w := float64(n[0]+n[1]) * math.Log(1+float64(len(v.entries))/float64(having[word]))
			weights[word] = w
			norm += w * w
		}
		out := []rank.Term{}
		for word, w := range weights {
			out = append(out, rank.Term{ID: termID(word), Weight: float32(w / math.Sqrt(norm))})
		}
		slices.SortFunc(out, func(a, b rank.Term) int { return cmp.Compare(a.ID, b.ID) })
		return out
	}), nil
}

// TermsAmong implements catalog.Terms.
func (v *view) TermsAmong(ctx context.Context, refs []paper.Ref, among []uint32) ([][]rank.Term, error) {
	out, err := v.Terms(ctx, refs)
	for i := range out {
		out[i] = slices.DeleteFunc(out[i], func(t rank.Term) bool { return !slices.Contains(among, t.ID) })
	}
	return out, err
}

// TermNames implements catalog.Terms.
func (v *view) TermNames(ctx context.Context, terms []uint32) ([]string, error) {
	if err := v.before(ctx, "TermNames"); err != nil {
		return nil, err
	}
	names := make(map[uint32]string)
	for _, e := range v.entries {
		for word := range e.words.counts {
			names[termID(word)] = word
		}
	}
	out := make([]string, len(terms))
	for i, t := range terms {
		out[i] = names[t]
	}
	return out, nil
}

// drawn puts entries in an order that their ids alone decide (bottom-k sampling: Cohen
// and Kaplan, Summarizing data using bottom-k sketches, 2007), and gives the first n.
func drawn(entries []*entry, n int) []*entry {
	digest := func(e *entry) []byte { d := sha256.Sum256([]byte(e.ID)); return d[:] }
	entries = slices.SortedFunc(slices.Values(entries), func(a, b *entry) int { return bytes.Compare(digest(a), digest(b)) })
	return entries[:min(max(n, 0), len(entries))]
}

// Background implements catalog.Sampler.
func (v *view) Background(ctx context.Context, n int) ([]paper.Ref, error) {
	if err := v.before(ctx, "Background"); err != nil {
		return nil, err
	}
	var out []paper.Ref
	for _, e := range drawn(v.entries, n) {
		out = append(out, e.Ref())
	}
	return out, nil
}

// Dated implements catalog.Sampler.
func (v *view) Dated(ctx context.Context, asOf string, n int) ([]catalog.Sampled, error) {
	if err := v.before(ctx, "Dated"); err != nil {
		return nil, err
	}
	kept, err := v.restricted(catalog.Restriction{Filter: "date:*", AsOf: asOf})
	if err != nil {
		return nil, err
	}
	var out []catalog.Sampled
	for _, e := range drawn(kept, n) {
		out = append(out, catalog.Sampled{Ref: e.Ref(), Date: e.PublishDate})
	}
	return out, nil
}

// Collapse implements catalog.Versions.
func (v *view) Collapse(ctx context.Context, hits []rank.Hit, own []string) ([]rank.Hit, map[string][]catalog.Collapsed, error) {
	if err := v.before(ctx, "Collapse"); err != nil {
		return nil, nil, err
	}
	var entries []*entry
	for _, id := range own {
		if e := v.byID[id]; e != nil {
			entries = append(entries, e)
		}
	}
	apart := len(entries)
	var there []rank.Hit
	for _, h := range hits {
		if e := v.find(h.Ref()); e != nil {
			entries, there = append(entries, e), append(there, h)
		}
	}
	left, stands := hits[:0], make(map[string][]catalog.Collapsed)
	for i, members := range grouped(entries, dedup.Options{MinSimilarity: dedup.MinSimilarity, Apart: apart}) {
		if i < apart {
			continue
		}
		first := there[i-apart]
		left = append(left, first)
		for _, m := range members {
			stands[first.ID] = append(stands[first.ID], catalog.Collapsed{Ref: entries[m.At].Ref(), Match: match(m.Match)})
		}
	}
	return left, stands, nil
}

func grouped(entries []*entry, options dedup.Options) iter.Seq2[int, []dedup.Member] {
	keys := make([]dedup.Key, len(entries))
	for i, e := range entries {
		keys[i] = e.key
	}
	return dedup.Group(keys, options, func(i, j int) float64 { return cosine(entries[i].vector, entries[j].vector) })
}

func match(m dedup.Match) catalog.Match {
	reason := map[dedup.Reason]catalog.MatchReason{
		dedup.SameArxivID: catalog.SameArxivID, dedup.SameDOI: catalog.SameDOI,
		dedup.SameTitle: catalog.SameTitle, dedup.SimilarText: catalog.SimilarText,
	}[m.Reason]
	kind := map[dedup.Kind]catalog.MatchKind{
		dedup.SameWork: catalog.SameWork, dedup.Version: catalog.OtherVersion, dedup.Sequel: catalog.Sequel, dedup.SameAbstract: catalog.SameAbstract,
	}[m.Kind]
	return catalog.Match{Reason: reason, Kind: kind, Similarity: m.Similarity, Resemblance: m.Resemblance}
}

// SameTexts implements catalog.Versions.
func (v *view) SameTexts(ctx context.Context, texts []catalog.Text, refs []paper.Ref) ([]bool, error) {
	if err := v.before(ctx, "SameTexts"); err != nil {
		return nil, err
	}
	key := func(title, abstract string) string {
		return strings.Join(split(title), " ") + "\n" + strings.Join(split(abstract), " ")
	}
	wanted := make(map[string]bool)
	for _, t := range texts {
		wanted[key(t.Title, t.Abstract)] = true
	}
	delete(wanted, "\n")
	return each(v, refs, func(e *entry) bool { return wanted[key(e.Title, e.Abstract)] }), nil
}

// Identify implements catalog.Namer.
func (v *view) Identify(ctx context.Context, names []string) ([]string, error) {
	if err := v.before(ctx, "Identify"); err != nil {
		return nil, err
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = v.identify(name)
	}
	return out, nil
}

func (v *view) identify(name string) (id string) {
	if v.byID[name] != nil {
		return name
	}
	arxiv, doi := paper.ArxivKey(name), paper.DOIKey(name)
	_, version, _ := paper.ParseArxivID(name)
	for _, e := range v.entries { // in order of id
		of := []string{e.ID, e.ArxivID, e.DOI}
		if !slices.ContainsFunc(of, func(s string) bool {
			return arxiv != "" && paper.ArxivKey(s) == arxiv || doi != "" && paper.DOIKey(s) == doi
		}) {
			continue
		}
		if version != "" && slices.ContainsFunc(of, func(s string) bool { _, is, _ := paper.ParseArxivID(s); return is == version }) {
			return e.ID
		}
		id = cmp.Or(id, e.ID)
	}
	return id
}

// mostClauses is how many phrases and exclusions a query may have.
const mostClauses = 256

// Parse implements catalog.Syntax.
func (v *view) Parse(text string) (catalog.TypedQuery, error) {
	q := parse(catalog.Words{Text: text, Typed: true})
	if len(q.clauses) > mostClauses {
		return catalog.TypedQuery{}, paper.InvalidField("query", "has %d phrases and exclusions; the limit is %d; leave some out", len(q.clauses), mostClauses)
	}
	var asked, excluded, loose []string
	phrases := false
	for rest := text; strings.TrimSpace(rest) != ""; {
		token, after := cut(rest)
		rest = after
		switch {
		case strings.HasPrefix(token, "-") && len(token) > 1:
			excluded = append(excluded, token)
		case token != "":
			asked = append(asked, strings.Trim(token, `"*`))
		}
		if inside := strings.Trim(token, `"`); inside != token && token[0] == '"' {
			phrases, token = true, strings.Join(split(inside), " ")
		}
		loose = append(loose, token)
	}
	out := catalog.TypedQuery{Asked: strings.Join(asked, " "), Excluded: strings.Join(excluded, " ")}
	if phrases {
		out.Loose = strings.Join(loose, " ")
	}
	return out, nil
}

// Operators implements catalog.Syntax.
func (v *view) Operators(text string) (some, long bool) {
	words := 0
	for rest := text; strings.TrimSpace(rest) != ""; {
		token, after := cut(rest)
		rest = after
		bare, excluded := strings.CutPrefix(token, "-")
		quoted := len(bare) > 1 && bare[0] == '"' && strings.HasSuffix(bare, `"`)
		if quoted || len(split(bare)) > 0 && (excluded || strings.HasSuffix(bare, "*")) {
			some = true
		} else {
			words++
		}
	}
	return some, words > 12 || strings.Contains(strings.TrimSpace(text), "\n") || strings.ContainsAny(text[max(0, len(text)-1):], ".?!")
}

// Matches implements catalog.Matcher.
func (v *view) Matches(ctx context.Context, words catalog.Words, refs []paper.Ref) ([][]catalog.WordMatch, error) {
	if err := v.before(ctx, "Matches"); err != nil {
		return nil, err
	}
	asked := v.read(words)
	return each(v, refs, func(e *entry) []catalog.WordMatch { return asked.matches(&e.words) }), nil
}

// Allows implements catalog.Matcher.
func (v *view) Allows(ctx context.Context, words catalog.Words, refs []paper.Ref) ([]bool, error) {
	if err := v.before(ctx, "Allows"); err != nil {
		return nil, err
	}
	asked := v.read(words)
	return each(v, refs, func(e *entry) bool { return asked.allows(&e.words) }), nil
}

// Shared implements catalog.Matcher.
func (v *view) Shared(query, text string) (shared []string) {
	wanted := split(query)
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, ".,;:()\"'")
		if at := slices.Index(wanted, strings.ToLower(word)); at >= 0 {
			shared = append(shared, word)
			wanted = slices.DeleteFunc(wanted, func(w string) bool { return w == strings.ToLower(word) })
		}
	}
	return shared
}

// Funnel implements catalog.Funnel.
func (v *view) Funnel(ctx context.Context, c catalog.Conditions) (catalog.Remaining, error) {
	if err := v.before(ctx, "Funnel"); err != nil {
		return catalog.Remaining{}, err
	}
	keep, err := filter.Parse(c.Filter)
	if err != nil {
		return catalog.Remaining{}, err
	}
	out := catalog.Remaining{Papers: len(v.entries)}
	for _, part := range keep.Conjuncts() {
		kept, err := v.restricted(catalog.Restriction{Filter: part.String()})
		if err != nil {
			return catalog.Remaining{}, err
		}
		out.Parts = append(out.Parts, catalog.FilterPart{Text: part.String(), Kept: len(kept)})
	}
	filtered, err := v.restricted(catalog.Restriction{Filter: c.Filter})
	if err != nil {
		return catalog.Remaining{}, err
	}
	left, err := v.restricted(c.Restriction)
	if err != nil {
		return catalog.Remaining{}, err
	}
	out.Filtered, out.AsOf = len(filtered), len(left)
	if c.AsOf != "" {
		for _, e := range filtered {
			if e.PublishDate.IsZero() {
				out.Undated++
			}
		}
	}
	out.Words = v.steps(c, left)
	return out, nil
}

// steps counts what the words of a query leave of entries, step by step.
func (v *view) steps(c catalog.Conditions, left []*entry) (steps []catalog.WordStep) {
	asked := v.read(c.Words)
	if c.AnyWord && len(asked.terms) > 0 {
		step := catalog.WordStep{Kind: catalog.StepWords}
		for i, t := range asked.terms {
			if asked.idf[i] == 0 {
				step.Unknown = append(step.Unknown, t.word)
			}
		}
		left = slices.DeleteFunc(left, func(e *entry) bool { return asked.score(&e.words) == 0 })
		step.Left = len(left)
		steps = append(steps, step)
	}
	for _, q := range asked.clauses {
		step := catalog.WordStep{Kind: catalog.StepPhrase, Text: q.text}
		if q.excluded {
			step.Kind = catalog.StepExclusion
		}
		left = slices.DeleteFunc(left, func(e *entry) bool { return e.words.has(q) == q.excluded })
		step.Left = len(left)
		steps = append(steps, step)
	}
	return steps
}

// Still implements catalog.Rechecker.
func (v *view) Still(ctx context.Context, list catalog.MadeBy, refs []paper.Ref) ([]*paper.Record, error) {
	if err := v.before(ctx, "Still"); err != nil {
		return nil, err
	}
	if list.Sequence == v.sequence {
		return each(v, refs, (*entry).copied), nil
	}
	kept, err := v.restricted(list.Restriction)
	if err != nil {
		return nil, err
	}
	asked := v.read(list.Words)
	return each(v, refs, func(e *entry) *paper.Record {
		if e.embedded > list.Sequence || !asked.allows(&e.words) || !slices.Contains(kept, e) {
			return nil
		}
		return e.copied()
	}), nil
}

// CountValues implements catalog.Counter.
func (v *view) CountValues(ctx context.Context, field, text string, limit int) ([]catalog.ValueCount, error) {
	if err := v.before(ctx, "CountValues"); err != nil {
		return nil, err
	}
	values, ok := map[string]func(e *entry) []string{
		"category": func(e *entry) []string { return e.Categories },
		"venue":    func(e *entry) []string { return []string{e.Venue} },
		"language": func(e *entry) []string { return []string{e.Language} },
		"year":     func(e *entry) []string { return []string{strings.TrimLeft(strconv.Itoa(e.PublishDate.Year), "0")} },
		"author": func(e *entry) (names []string) {
			for _, a := range e.Authors {
				names = append(names, a.Name)
			}
			return names
		},
	}[field]
	if !ok {
		return nil, paper.InvalidField("facet", "%q cannot be counted", field)
	}
	kept, err := v.restricted(catalog.Restriction{Filter: text})
	if err != nil {
		return nil, err
	}
	counts := make(map[string]*catalog.ValueCount)
	for _, e := range kept {
		seen := make(map[string]bool)
		for _, value := range values(e) {
			key := strings.ToLower(value)
			if value == "" || seen[key] {
				continue
			}
			seen[key] = true
			if counts[key] == nil {
				counts[key] = &catalog.ValueCount{Value: value}
			}
			counts[key].Papers++
		}
	}
	return mostFrequent(counts, limit), nil
}

func mostFrequent(counts map[string]*catalog.ValueCount, limit int) []catalog.ValueCount {
	out := []catalog.ValueCount{}
	for _, c := range slices.SortedFunc(maps.Values(counts), func(a, b *catalog.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Value, b.Value))
	}) {
		out = append(out, *c)
	}
	if limit == 0 {
		limit = filter.DefaultFacetValues
	}
	return out[:min(limit, len(out))]
}

// Duplicates implements catalog.Duplicates.
func (v *view) Duplicates(ctx context.Context, text string, minSimilarity float64) (uint32, iter.Seq2[catalog.DuplicateGroup, error], error) {
	if err := v.before(ctx, "Duplicates"); err != nil {
		return 0, nil, err
	}
	kept, err := v.restricted(catalog.Restriction{Filter: text})
	if err != nil {
		return 0, nil, err
	}
	return uint32(len(kept)), func(yield func(catalog.DuplicateGroup, error) bool) {
		for i, members := range grouped(kept, dedup.Options{MinSimilarity: minSimilarity, Sequels: true}) {
			if err := ctx.Err(); err != nil {
				yield(catalog.DuplicateGroup{}, err)
				return
			}
			group := catalog.DuplicateGroup{Compared: i + 1}
			if len(members) > 0 {
				group.Papers = []catalog.Duplicate{{Record: kept[i].copied()}}
			}
			for _, m := range members {
				group.Papers = append(group.Papers, catalog.Duplicate{Record: kept[m.At].copied(), Match: match(m.Match)})
			}
			if !yield(group, nil) {
				return
			}
		}
		yield(catalog.DuplicateGroup{Compared: len(kept)}, nil)
	}, nil
}
