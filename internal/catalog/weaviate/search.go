package weaviate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"golang.org/x/sync/errgroup"

	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	// beyond is how many hits more than wanted are asked for, so that ties are broken by
	// id.
	beyond = 16
	// mostHits is how many hits the cluster gives (its QUERY_MAXIMUM_RESULTS).
	mostHits = 10_000
	// mostTerms is how many words of a text are looked for.
	mostTerms = 100
)

// hit is a paper that was found, with a cosine or a score of words, and what the other
// of these is made from.
type hit struct {
	id     string
	score  float64
	terms  string
	length int
	vector []byte
	// scale is the power of two by which the vector is too long.
	scale int
}

// hitOf reads what an answer has of a paper but for its score.
func hitOf(r *pb.SearchResult) hit {
	length, scale := lengthFrom(r.GetProperties().GetNonRefProps().GetFields()[propLength].GetIntValue())
	return hit{id: textOf(r, propID), terms: textOf(r, propTerms), length: length, vector: vectorOf(r.GetMetadata()), scale: scale}
}

// best sorts hits, ties by id, and gives the first k.
func best(hits []hit, k int) []hit {
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	return hits[:min(max(k, 0), len(hits))]
}

func checkK(k int) error {
	if k > mostHits-beyond {
		return &paper.Error{
			Kind: paper.Unsupported, Reason: paper.ReasonUnsupported,
			Message: fmt.Sprintf("%d candidates are asked for; a catalog in Weaviate gives %d at most; ask for fewer", k, mostHits-beyond),
		}
	}
	return nil
}

// near asks for the papers nearest to a vector among those that w keeps, with some of
// their properties beside their ids.
func (c *collection) near(ctx context.Context, vector []float32, k int, w where, gone moved, beside []string) ([]hit, error) {
	if k <= 0 {
		return nil, nil
	}
	results, err := c.search(ctx, &pb.SearchRequest{
		Filters: w, Limit: uint32(k + beyond), Properties: properties(append([]string{propID}, beside...)...),
		Metadata:   &pb.MetadataRequest{Uuid: true, Distance: true},
		NearVector: &pb.NearVector{Vectors: []*pb.Vectors{{VectorBytes: vectorBytes(vector), Type: pb.Vectors_VECTOR_TYPE_SINGLE_FP32}}},
	})
	if err != nil {
		return nil, err
	}
	results = gone.drop(results)
	hits := make([]hit, len(results))
	for i, r := range results {
		hits[i] = hitOf(r)
		hits[i].score = 1 - float64(r.GetMetadata().GetDistance())
	}
	return best(hits, k), nil
}

// exactly compares a vector with all papers that w keeps. Weaviate does that of itself
// for few papers; of many, it is asked part by part.
func (c *collection) exactly(ctx context.Context, p catalog.Probe, w where, gone moved, beside []string, ordinals uint32) ([]hit, error) {
	var found []hit
	for from := int64(0); from < int64(ordinals); from += flatBelow - 1 {
		part, err := c.near(ctx, p.Vector, p.K, all(w, between(propOrdinal, from, from+flatBelow-2)), gone, beside)
		if err != nil {
			return nil, err
		}
		found = append(found, part...)
	}
	return best(found, p.K), nil
}

// siding is what is asked of the nearest papers.
type siding struct {
	exact bool
	where where
	gone  moved
	// filtered says that a restriction keeps kept of the papers.
	filtered bool
	kept     uint32
	// beside are the properties that hits bring along.
	beside []string
}

// side asks for the nearest papers at the view's moment, and says how.
func (v *view) side(ctx context.Context, p catalog.Probe, s siding) ([]hit, catalog.Strategy, error) {
	if s.kept == 0 {
		return nil, catalog.ExactScan, nil
	}
	if s.filtered && s.kept < flatBelow { // each shard has as many or fewer
		hits, err := v.c.near(ctx, p.Vector, p.K, s.where, s.gone, s.beside)
		return hits, catalog.ExactScan, err
	}
	if s.exact {
		hits, err := v.c.exactly(ctx, p, s.where, s.gone, s.beside, v.head.Ordinal)
		return hits, catalog.ExactScan, err
	}
	hits, err := v.c.near(ctx, p.Vector, p.K, s.where, s.gone, s.beside)
	if s.filtered {
		return hits, catalog.FilteredGraphWalk, err
	}
	return hits, catalog.GraphWalk, err
}

// Nearest implements catalog.Finder.
func (v *view) Nearest(ctx context.Context, q catalog.Nearest) (catalog.Found, error) {
	r, err := restrict(q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	for _, p := range q.Probes {
		if err := checkK(p.K); err != nil {
			return catalog.Found{}, err
		}
	}
	var out catalog.Found
	err = v.moment(ctx, func(ids moved, was map[string]*version) (err error) {
		out, err = v.nearest(ctx, q, &r, ids, was)
		return err
	})
	return out, err
}

func (v *view) nearest(ctx context.Context, q catalog.Nearest, r *restriction, ids moved, was map[string]*version) (catalog.Found, error) {
	kept, err := v.kept(ctx, r, ids, was)
	if err != nil {
		return catalog.Found{}, err
	}
	out := catalog.Found{Kept: kept, Strategy: catalog.ExactScan}
	union := make(map[string]float64)
	for _, p := range q.Probes {
		hits, strategy, err := v.side(ctx, p, siding{exact: q.Exact, where: ids.without(r.where), gone: ids, filtered: r.where != nil, kept: kept})
		if err != nil {
			return catalog.Found{}, err
		}
		if out.Strategy = max(out.Strategy, strategy); strategy == catalog.ExactScan {
			out.Visited += int(kept)
		}
		for _, h := range hits {
			if near, ok := union[h.id]; !ok || h.score > near {
				union[h.id] = h.score
			}
		}
	}
	for id, near := range union {
		out.Hits = append(out.Hits, rank.Hit{ID: id, Score: near, Semantic: near})
	}
	rank.Sort(out.Hits)
	return out, nil
}

// Hybrid implements catalog.Finder.
func (v *view) Hybrid(ctx context.Context, q catalog.Hybrid) (catalog.Found, error) {
	r, err := restrict(q.Restriction)
	if err != nil {
		return catalog.Found{}, err
	}
	if err := checkK(q.K); err != nil {
		return catalog.Found{}, err
	}
	asked, err := read(q.Words)
	if err != nil {
		return catalog.Found{}, err
	}
	var out catalog.Found
	err = v.moment(ctx, func(ids moved, was map[string]*version) (err error) {
		out, err = v.hybrid(ctx, q, asked, &r, ids, was)
		return err
	})
	return out, err
}

func (v *view) hybrid(ctx context.Context, q catalog.Hybrid, asked *asked, r *restriction, ids moved, was map[string]*version) (catalog.Found, error) {
	kept, err := v.kept(ctx, r, ids, was)
	if err != nil {
		return catalog.Found{}, err
	}
	out := catalog.Found{Kept: kept, Strategy: catalog.ExactScan}
	w := ids.without(r.where)
	var near, words []hit
	var weights *weights
	g, beside := errgroup.WithContext(ctx)
	if q.Vector != nil {
		g.Go(func() (err error) {
			s := siding{exact: q.Exact, where: w, gone: ids, filtered: r.where != nil, kept: kept}
			if len(asked.terms) > 0 {
				s.beside = []string{propTerms, propLength}
			}
			near, out.Strategy, err = v.side(beside, catalog.Probe{Vector: q.Vector, K: q.K}, s)
			return err
		})
	}
	g.Go(func() (err error) {
		words, err = v.c.words(beside, asked, q, w, ids)
		return err
	})
	g.Go(func() (err error) {
		weights, err = v.weigh(beside, asked)
		return err
	})
	if err := g.Wait(); err != nil {
		return catalog.Found{}, err
	}
	if q.Vector != nil && out.Strategy == catalog.ExactScan {
		out.Visited = int(kept)
	}
	out.Terms = weights.known
	out.Hits, err = v.c.both(ctx, q, asked, weights, near, words)
	return out, err
}

// both gives every candidate both scores, in order of id, and leaves out what the words
// forbid.
func (c *collection) both(ctx context.Context, q catalog.Hybrid, asked *asked, weights *weights, near, words []hit) ([]rank.Hit, error) {
	hits := make(map[string]*rank.Hit, len(near)+len(words))
	for _, h := range near {
		hits[h.id] = &rank.Hit{ID: h.id, Semantic: h.score, Lexical: weights.score(&h)}
	}
	for _, h := range words {
		if hits[h.id] == nil {
			hits[h.id] = &rank.Hit{ID: h.id, Semantic: cosine(q.Vector, &h), Lexical: weights.score(&h)}
		}
	}
	if err := c.judge(ctx, asked, hits); err != nil {
		return nil, err
	}
	out := make([]rank.Hit, 0, len(hits))
	for _, h := range hits {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b rank.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// asked is the lexical part of a query.
type asked struct {
	catalog.Words
	// terms are what is looked for, and written how the query writes each; counts is how
	// much a term counts in the query, among them other forms of its words.
	terms, written []string
	counts         map[string]float64
	// excluded are terms that must not be there.
	excluded []string
	// phrases are texts in quotation marks, and clauses says that papers are judged by
	// more than terms.
	phrases []string
	clauses bool
}

func read(w catalog.Words) (*asked, error) {
	a := &asked{Words: w, counts: make(map[string]float64)}
	text := w.Text
	if w.Typed {
		if err := lexical.CheckText(text); err != nil {
			return nil, err
		}
		if err := noPrefixes(text); err != nil {
			return nil, err
		}
		var excluded string
		a.clauses, _ = lexical.Operators(text)
		text, excluded = lexical.Split(text)
		for _, word := range strings.Fields(excluded) {
			if bare := strings.TrimPrefix(word, "-"); !strings.ContainsAny(excluded, `"“`) {
				if tokens := lexical.Analyse(bare); len(tokens) == 1 {
					a.excluded = append(a.excluded, tokens[0].Term)
				}
			}
		}
	}
	if w.Typed || w.Marked {
		a.phrases = quoted(w.Text)
	}
	analyse := lexical.AnalyseQuery
	if a.clauses { // whose words may stand far from each other
		analyse = lexical.Analyse
	}
	for _, t := range analyse(text) {
		if a.counts[t.Term] == 0 && len(a.counts) >= mostTerms {
			continue
		}
		if t.Joined {
			a.counts[t.Term] += joinedWeight
			continue
		}
		a.counts[t.Term]++
		if !slices.Contains(a.terms, t.Term) {
			a.terms, a.written = append(a.terms, t.Term), append(a.written, text[t.Start:t.End])
		}
	}
	return a, nil
}

// noPrefixes refuses words that go on: the cluster looks for whole words.
func noPrefixes(text string) error {
	for _, word := range strings.Fields(text) {
		if bare := strings.Trim(word, `"-`); len(bare) > 2 && strings.HasSuffix(bare, "*") {
			return paper.InvalidField("query", "has %.40q; a catalog in Weaviate looks for whole words; write the word whole, or quote it without its star", word)
		}
	}
	return nil
}

// quoted gives what stands in quotation marks, and is not excluded.
func quoted(text string) (phrases []string) {
	parts := strings.Split(text, `"`)
	for i := 1; i+1 < len(parts); i += 2 {
		if !strings.HasSuffix(parts[i-1], "-") && strings.TrimSpace(parts[i]) != "" {
			phrases = append(phrases, parts[i])
		}
	}
	return phrases
}

// words asks for the papers that have words of a query best.
func (c *collection) words(ctx context.Context, a *asked, q catalog.Hybrid, w where, gone moved) ([]hit, error) {
	k := q.K
	if k <= 0 {
		return nil, nil
	}
	ask := k
	if a.Typed && a.clauses {
		for _, phrase := range a.phrases {
			for _, t := range lexical.Analyse(phrase) {
				if !t.Joined {
					w = all(w, textIs(propTerms, t.Term))
				}
			}
		}
		if len(a.excluded) > 0 {
			w = all(w, not(anyOf(propTerms, a.excluded)))
		}
		ask = min(4*k, mostHits-beyond)
	}
	hits, err := c.bm25(ctx, a, ask, w, gone, q.Vector != nil)
	if err != nil || !a.Typed || !a.clauses {
		return hits, err
	}
	left := make(map[string]*rank.Hit, len(hits))
	for _, h := range hits {
		left[h.id] = &rank.Hit{ID: h.id, Lexical: h.score}
	}
	if err := c.judge(ctx, a, left); err != nil {
		return nil, err
	}
	hits = slices.DeleteFunc(hits, func(h hit) bool { return left[h.id] == nil })
	return best(hits, k), nil
}

func (c *collection) bm25(ctx context.Context, a *asked, k int, w where, gone moved, vectors bool) ([]hit, error) {
	if len(a.terms) == 0 {
		return nil, nil
	}
	results, err := c.search(ctx, &pb.SearchRequest{
		Filters: w, Limit: uint32(min(k+beyond, mostHits)), Properties: properties(propID, propTerms, propLength),
		Metadata:   &pb.MetadataRequest{Uuid: true, Score: true, Vector: vectors},
		Bm25Search: &pb.BM25{Query: strings.Join(a.terms, " "), Properties: []string{propTerms}},
	})
	if err != nil {
		return nil, err
	}
	results = gone.drop(results)
	hits := make([]hit, len(results))
	for i, r := range results {
		hits[i] = hitOf(r)
		hits[i].score = float64(r.GetMetadata().GetScore())
	}
	return best(hits, k), nil
}

// judge takes out the hits that a typed query does not allow, and raises those that have
// a marked phrase. It reads their texts, and asks package lexical.
func (c *collection) judge(ctx context.Context, a *asked, hits map[string]*rank.Hit) (err error) {
	raise := a.Marked && !a.Typed && len(a.phrases) > 0
	if len(hits) == 0 || !raise && (!a.Typed || !a.clauses) {
		return nil
	}
	ids := make([]string, 0, len(hits))
	for id := range hits {
		ids = append(ids, id)
	}
	found := make(map[string]*version, len(ids))
	if err := c.read(ctx, ids, false, found); err != nil {
		return err
	}
	x, err := lexical.New(lexical.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	for i, id := range ids {
		if v := found[id]; v != nil {
			p := &v.Record.Paper
			err = errors.Join(err, x.Upsert(uint32(i), p.Title, p.Abstract, []string{p.ID, p.ArxivID, p.DOI}))
		}
	}
	if err != nil {
		return err
	}
	if raise {
		return a.raise(ctx, x, ids, hits)
	}
	allowed, err := allows(ctx, x, a.Text, len(ids))
	for i, id := range ids {
		if err == nil && !allowed[i] {
			delete(hits, id)
		}
	}
	return err
}

// raised is what a marked phrase makes of a score.
const raised = 1.1

func (a *asked) raise(ctx context.Context, x *lexical.Index, ids []string, hits map[string]*rank.Hit) error {
	for _, phrase := range a.phrases {
		has, err := allows(ctx, x, `"`+phrase+`"`, len(ids))
		if err != nil {
			return err
		}
		for i, id := range ids {
			if has[i] {
				hits[id].Lexical *= raised
			}
		}
	}
	return nil
}

// allows says which of the first n papers of an index a typed query allows.
func allows(ctx context.Context, x *lexical.Index, text string, n int) ([]bool, error) {
	reading, err := x.View().Read(lexical.Query{Text: text, Mode: lexical.ModeSearch})
	if err != nil {
		return nil, err
	}
	ordinals := make([]uint32, n)
	for i := range ordinals {
		ordinals[i] = uint32(i)
	}
	return reading.Allows(ctx, ordinals)
}
