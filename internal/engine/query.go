package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

// ResultOptions are what all queries share.
type ResultOptions struct {
	// PageSize is how many results to return; 0 means DefaultPageSize.
	PageSize  int
	PageToken string
	// MinScore leaves out results below a cosine; nil keeps all.
	MinScore *float64
	// Exact compares every vector.
	Exact       bool
	WithVectors bool
	// Filter is an AIP-160 filter; "" keeps all papers.
	Filter string
	// AsOf keeps papers that had appeared by a day, YYYY-MM-DD; "" keeps all.
	AsOf string
	// Diversity, from 0 to 1, reorders the first results so that they differ.
	Diversity float64
	// Explain asks for the words that each result shares with the query.
	Explain bool
}

// SearchRequest is a free-text query.
type SearchRequest struct {
	Collection string
	Query      string
	Mode       Mode
	Fusion     Fusion
	ResultOptions
}

// Mode is what a query goes by.
type Mode int

// The modes.
const (
	// Hybrid weighs meaning and words.
	Hybrid Mode = iota
	// Semantic goes by meaning: the cosine of vectors.
	Semantic
	// Lexical goes by words: BM25.
	Lexical
)

// Fusion is how the two sides of a hybrid query become one list.
type Fusion int

// The fusions.
const (
	// ZScore adds up standardised scores (rank.FuseZ).
	ZScore Fusion = iota
	// RRF adds up reciprocal ranks (rank.FuseRRF).
	RRF
)

// SimilarRequest asks for more like papers of the collection, or like a text.
type SimilarRequest struct {
	Collection  string
	PaperIDs    []string
	Text        *Text
	IncludeSelf bool
	Mode        Mode
	Fusion      Fusion
	ResultOptions
}

// Example is a liked or disliked paper or text.
type Example struct {
	PaperID string
	Text    *Text
	// Weight is how much it counts; 0 means 1.
	Weight float64
}

// RecommendRequest is a taste.
type RecommendRequest struct {
	Collection string
	Positive   []Example
	Negative   []Example
	// Strategy is how examples become a ranking; 0 is HybridMean.
	Strategy RecommendStrategy
	ResultOptions
}

// RecommendStrategy is how liked and disliked examples become a ranking.
type RecommendStrategy int

// The strategies.
const (
	// HybridMean weighs TopMean of vectors and of words.
	HybridMean RecommendStrategy = iota
	// TopMean ranks by the mean of the three greatest similarities to likes,
	// less a share of the greatest one to a dislike (rank.TopMean).
	TopMean
	// MeanVector ranks by the cosine to the mean of the likes moved away from
	// the mean of the dislikes (rank.MeanVector).
	MeanVector
	// BestScore is TopMean with the one greatest similarity.
	BestScore
)

// EmptyReason says why an answer holds nothing.
type EmptyReason int

// The reasons. NotEmpty is the zero value.
const (
	NotEmpty EmptyReason = iota
	CollectionEmpty
	BelowMinScore
	OnlyExamples
	PastEnd
	Filtered // the filter keeps no paper
)

// Answer is a page of results.
type Answer struct {
	Results       []Result
	NextPageToken string
	Strategy      catalog.Strategy
	Candidates    int
	Visited       int
	// Selectivity is the share of the collection that the filter keeps.
	Selectivity float64
	// QueryTokens and Truncated say what was read of a text; QueryTokens is 0
	// where there was none.
	QueryTokens int
	Truncated   bool
	Empty       EmptyReason
	Sequence    uint64
	Timing      Timing
}

// Result is one paper of an answer.
type Result struct {
	Record paper.Record
	Rank   int
	Score  float64
	// Semantic and Lexical are the parts of a score: a cosine and BM25, 0 where
	// the query did not go by it.
	Semantic, Lexical float64
	Vector            []float32
	// DrivenBy tells which examples of a recommendation the score comes from,
	// the greatest part first.
	DrivenBy []rank.Contribution
	// Matches are the words of the query that the paper has.
	Matches []catalog.Match
}

// Timing says where the time of a query went.
type Timing struct {
	embed.Timing
	Search, Hydrate time.Duration
}

// pinned is the list that the first page of a query fixed.
type pinned struct {
	digest [sha256.Size]byte // of the request
	hits   []rank.Hit
	answer Answer // without results
	// drivers are the contributions to each hit's score, where there are any.
	drivers map[string][]rank.Contribution
	// words is the lexical side of a query that went by words.
	words catalog.Words
}

// Search answers a free-text query.
func (e *Engine) Search(ctx context.Context, req SearchRequest) (*Answer, error) {
	if err := checkText("query", req.Query, MaxQueryBytes); err != nil {
		return nil, err
	}
	q := query{name: "search", collection: req.Collection, options: req.ResultOptions, parts: []string{req.Query}}
	q.blend(req.Mode, req.Fusion)
	q.words = func(context.Context, string) (catalog.Words, error) {
		return catalog.Words{Text: req.Query, Typed: true}, nil
	}
	q.vector = func(ctx context.Context, _ string, a *Answer) ([]float32, error) {
		return e.embedOne(ctx, a, req.Query, embed.Query)
	}
	return e.answer(ctx, q)
}

// Similar answers more like this.
func (e *Engine) Similar(ctx context.Context, req SimilarRequest) (*Answer, error) {
	q := query{name: "similar", collection: req.Collection, options: req.ResultOptions, parts: slices.Clone(req.PaperIDs)}
	q.blend(req.Mode, req.Fusion)
	q.words = func(ctx context.Context, collection string) (catalog.Words, error) {
		return e.wordsOf(ctx, collection, req)
	}
	switch {
	case req.Text != nil && len(req.PaperIDs) > 0:
		return nil, paper.InvalidField("text", "is given together with paper_ids; give one of them")
	case req.Text != nil:
		if err := req.Text.check("text"); err != nil {
			return nil, err
		}
		q.parts = append(q.parts, "text", req.Text.Title, req.Text.Abstract)
		q.vector = func(ctx context.Context, _ string, a *Answer) ([]float32, error) {
			return e.embedOne(ctx, a, e.embedder.Text(req.Text.Title, req.Text.Abstract), embed.Document)
		}
	case len(req.PaperIDs) == 0 || len(req.PaperIDs) > MaxQueryPapers:
		return nil, paper.InvalidField("paper_ids", "has %d items; give 1 to %d, or a text", len(req.PaperIDs), MaxQueryPapers)
	default:
		q.vector = func(ctx context.Context, collection string, _ *Answer) ([]float32, error) {
			var examples []Example
			for _, id := range req.PaperIDs {
				examples = append(examples, Example{PaperID: id})
			}
			return e.combine(ctx, collection, "paper_ids", examples, "", nil)
		}
		if !req.IncludeSelf {
			q.leaveOut = req.PaperIDs
		}
	}
	q.parts = append(q.parts, strconv.FormatBool(req.IncludeSelf))
	return e.answer(ctx, q)
}

func (x Example) key() []string {
	weight := strconv.FormatFloat(x.Weight, 'g', -1, 64)
	if x.Text != nil {
		return []string{"text", x.Text.Title, x.Text.Abstract, weight}
	}
	return []string{"id", x.PaperID, weight}
}

func checkExamples(field string, examples []Example) error {
	if len(examples) > MaxExamples {
		return paper.InvalidField(field, "has %d items; the limit is %d", len(examples), MaxExamples)
	}
	for i, x := range examples {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case x.Text == nil && x.PaperID == "":
			return paper.InvalidField(at, "has neither paper_id nor text; give one of them")
		case x.Text != nil:
			if err := x.Text.check(at + ".text"); err != nil {
				return err
			}
		}
		if math.IsNaN(x.Weight) || x.Weight < 0 || x.Weight > MaxExampleWeight {
			return paper.InvalidField(at+".weight", "is %v; it must be above 0 and at most %d (0 means 1)", x.Weight, MaxExampleWeight)
		}
	}
	return nil
}

// query is what the three kinds of query have in common.
type query struct {
	name       string
	collection string
	options    ResultOptions
	// parts tell two requests apart: a page token only fits its own.
	parts []string
	// vector makes the query vector, for queries that are one.
	vector func(ctx context.Context, collection string, a *Answer) ([]float32, error)
	// words makes the lexical side of a query that goes by words.
	words func(ctx context.Context, collection string) (catalog.Words, error)
	mode  Mode
	// fusion is how the sides become one list.
	fusion Fusion
	// rank makes the list of any other query: hits, best first.
	rank func(ctx context.Context, q *query, list *pinned) (catalog.Found, error)
	// leaveOut are ids that must not be among the results.
	leaveOut []string
}

func (q *query) check() (err error) {
	if q.collection, err = collectionOf(q.collection); err != nil {
		return err
	}
	o := &q.options
	switch {
	case o.PageSize < 0:
		return paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", o.PageSize, DefaultPageSize, MaxPageSize)
	case o.PageSize == 0:
		o.PageSize = DefaultPageSize
	case o.PageSize > MaxPageSize:
		o.PageSize = MaxPageSize
	}
	if o.MinScore != nil && q.mode == Lexical {
		return paper.InvalidField("min_score", "is a cosine, which a lexical query does not have; leave it out, or use another mode")
	}
	if math.IsNaN(o.Diversity) || o.Diversity < 0 || o.Diversity > 1 {
		return paper.InvalidField("diversity", "is %v; it must be between 0, which is off, and 1", o.Diversity)
	}
	if d, err := paper.ParseDate(o.AsOf); o.AsOf != "" && (err != nil || d.Day == 0 || d.Year == 0 || d.String() != o.AsOf) {
		return paper.InvalidField("as_of", "is %q; write a day as YYYY-MM-DD", o.AsOf)
	}
	if s := o.MinScore; s != nil && (math.IsNaN(*s) || *s < -1 || *s > 1) {
		return paper.InvalidField("min_score", "is %v; it is a cosine, between -1 and 1", *s)
	}
	return nil
}

// digest covers everything that shapes the list; the page size does not.
func (q *query) digest() [sha256.Size]byte {
	h := sha256.New()
	minScore := "none"
	if s := q.options.MinScore; s != nil {
		minScore = strconv.FormatFloat(*s, 'g', -1, 64)
	}
	for _, part := range append([]string{q.name, q.collection, minScore, strconv.FormatBool(q.options.Exact), q.options.Filter, q.options.AsOf, strconv.FormatFloat(q.options.Diversity, 'g', -1, 64)}, q.parts...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// answer runs a query, or continues one that a page token names.
func (e *Engine) answer(ctx context.Context, q query) (*Answer, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	list, offset, name, err := e.resume(&q)
	if err != nil {
		return nil, err
	}
	if list == nil {
		if list, err = e.find(ctx, &q); err != nil {
			return nil, err
		}
	}
	return e.page(ctx, &q, list, offset, name)
}

// resume finds the list of a page token: the list's name and an offset.
func (e *Engine) resume(q *query) (list *pinned, offset int, name string, err error) {
	if q.options.PageToken == "" {
		return nil, 0, "", nil
	}
	expired := &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonPageTokenExpired, Message: "page token cannot be used",
		Violations: []paper.Violation{{
			Field:       "page_token",
			Description: fmt.Sprintf("is unknown, of another request, or older than %s; ask for the first page again", pageTTL),
		}},
	}
	name, position, ok := strings.Cut(q.options.PageToken, ".")
	offset, convErr := strconv.Atoi(position)
	if !ok || convErr != nil || offset < 0 {
		return nil, 0, "", expired
	}
	list, ok = e.pages.Get(name)
	if !ok || list.digest != q.digest() || offset > len(list.hits) {
		return nil, 0, "", expired
	}
	return list, offset, name, nil
}

// find makes the whole list of a query.
func (e *Engine) find(ctx context.Context, q *query) (*pinned, error) {
	stats, err := e.catalog.Stats(ctx, q.collection)
	if err != nil {
		return nil, err
	}
	list := &pinned{digest: q.digest()}
	switch {
	case q.rank != nil:
	case q.words != nil && q.mode != Semantic:
		q.rank = e.blended
	default:
		q.rank = e.nearest
	}
	found, err := q.rank(ctx, q, list)
	if err != nil {
		return nil, err
	}
	a := &list.answer
	a.Strategy, a.Visited, a.Sequence, a.Candidates = found.Strategy, found.Visited, found.Sequence, len(found.Hits)
	list.hits, a.Empty = q.cut(found.Hits)
	if err := e.diversify(ctx, q, list.hits); err != nil {
		return nil, err
	}
	switch {
	case stats.Papers == 0:
		a.Empty = CollectionEmpty
	case found.Kept == 0:
		a.Empty = Filtered
	default:
		a.Selectivity = float64(found.Kept) / float64(stats.Papers)
	}
	return list, nil
}

// nearest ranks by the cosine to one vector.
func (e *Engine) nearest(ctx context.Context, q *query, list *pinned) (catalog.Found, error) {
	vector, err := q.vector(ctx, q.collection, &list.answer)
	if err != nil {
		return catalog.Found{}, err
	}
	begin := time.Now()
	defer func() { list.answer.Timing.Search = time.Since(begin) }()
	return e.catalog.Neighbors(ctx, q.collection, q.neighbors(vector, MaxResults+len(q.leaveOut)))
}

// neighbors asks for the k papers nearest to a vector, as the query's options
// say.
func (q *query) neighbors(vector []float32, k int) catalog.Neighbors {
	return catalog.Neighbors{Vector: vector, K: k, Exact: q.options.Exact, Filter: q.options.Filter, AsOf: q.options.AsOf}
}

// cut leaves out the query's own papers and what min_score refuses, and says
// which of the two left nothing.
func (q *query) cut(hits []rank.Hit) ([]rank.Hit, EmptyReason) {
	own := make(map[string]bool, len(q.leaveOut))
	for _, id := range q.leaveOut {
		own[id] = true
	}
	hits = slices.DeleteFunc(hits, func(h rank.Hit) bool { return own[h.ID] })
	if len(hits) == 0 {
		return nil, OnlyExamples
	}
	if s := q.options.MinScore; s != nil {
		hits = slices.DeleteFunc(hits, func(h rank.Hit) bool { return h.Semantic < *s })
	}
	if len(hits) == 0 {
		return nil, BelowMinScore
	}
	return hits[:min(len(hits), MaxResults)], NotEmpty
}

// diverse is how many of the first results are made to differ.
const diverse = 100

// diversify reorders the first hits by maximal marginal relevance.
func (e *Engine) diversify(ctx context.Context, q *query, hits []rank.Hit) error {
	if q.options.Diversity == 0 {
		return nil
	}
	// Those that may come forward from further down are looked at as well.
	hits = hits[:min(len(hits), 2*diverse)]
	ids, scores := make([]string, len(hits)), make([]float64, len(hits))
	for i, h := range hits {
		ids[i], scores[i] = h.ID, h.Score
	}
	known, err := e.catalog.Vectors(ctx, q.collection, ids)
	if err != nil {
		return err
	}
	vectors := make([][]float32, len(hits))
	for i, id := range ids {
		if vectors[i] = known[id]; vectors[i] == nil { // deleted meanwhile
			vectors[i] = make([]float32, e.Space().Dimension)
		}
	}
	before := slices.Clone(hits)
	for i, at := range rank.Diversify(scores, vectors, diverse, q.options.Diversity) {
		hits[i] = before[at]
	}
	return nil
}

// page hydrates one page of a list. Papers that were deleted since the list was
// made are left out; ranks stay.
func (e *Engine) page(ctx context.Context, q *query, list *pinned, offset int, name string) (*Answer, error) {
	begin := time.Now()
	end := min(offset+q.options.PageSize, len(list.hits))
	hits := list.hits[offset:end]
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	records, err := e.catalog.Get(ctx, q.collection, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]int, len(records))
	for i := range records {
		byID[records[i].ID] = i
	}
	var vectors map[string][]float32
	if q.options.WithVectors {
		if vectors, err = e.catalog.Vectors(ctx, q.collection, ids); err != nil {
			return nil, err
		}
	}
	matches := make([][]catalog.Match, len(records))
	if q.options.Explain && list.words.Text != "" {
		ordinals := make([]uint32, len(records))
		for i := range records {
			ordinals[i] = records[i].Ordinal
		}
		if matches, err = e.catalog.Matches(ctx, q.collection, list.words, ordinals); err != nil {
			return nil, err
		}
	}
	a := list.answer
	for i, h := range hits {
		at, ok := byID[h.ID]
		if !ok {
			continue
		}
		a.Results = append(a.Results, Result{Record: records[at], Rank: offset + i + 1, Score: h.Score, Semantic: h.Semantic, Lexical: h.Lexical, Vector: vectors[h.ID], DrivenBy: list.drivers[h.ID], Matches: matches[at]})
	}
	if end < len(list.hits) {
		if name == "" {
			name = newToken()
		}
		e.pages.Add(name, list) // anew, so that reading on keeps it alive
		a.NextPageToken = name + "." + strconv.Itoa(end)
	}
	if a.Empty == NotEmpty && len(hits) == 0 {
		a.Empty = PastEnd
	}
	a.Timing.Hydrate = time.Since(begin)
	return &a, nil
}

// embedOne embeds the text of a query and notes what was read of it.
func (e *Engine) embedOne(ctx context.Context, a *Answer, text string, role embed.Role) ([]float32, error) {
	got, timing, err := e.embedder.Embed(ctx, []string{text}, embed.Options{Role: role})
	if err != nil {
		return nil, err
	}
	a.QueryTokens, a.Truncated, a.Timing.Timing = got[0].Tokens, got[0].Truncated, timing
	return got[0].Vector, nil
}

// combine makes one query vector of examples.
func (e *Engine) combine(ctx context.Context, collection, likeField string, likes []Example, dislikeField string, dislikes []Example) ([]float32, error) {
	positive, err := e.resolve(ctx, collection, likeField, likes)
	if err != nil {
		return nil, err
	}
	negative, err := e.resolve(ctx, collection, dislikeField, dislikes)
	if err != nil {
		return nil, err
	}
	if len(positive) == 1 && len(negative) == 0 {
		return positive[0].Vector, nil // bit for bit, so that a paper's own score is 1
	}
	return rank.MeanVector(positive, negative)
}

// resolve turns examples into vectors: of the collection's papers, or embedded.
func (e *Engine) resolve(ctx context.Context, collection, field string, examples []Example) ([]rank.Weighted, error) {
	var ids, texts []string
	for _, x := range examples {
		if x.Text != nil {
			texts = append(texts, e.embedder.Text(x.Text.Title, x.Text.Abstract))
		} else {
			ids = append(ids, x.PaperID)
		}
	}
	known, err := e.catalog.Vectors(ctx, collection, ids)
	if err != nil {
		return nil, err
	}
	embedded, _, err := e.embedder.Embed(ctx, texts, embed.Options{Role: embed.Document})
	if err != nil {
		return nil, err
	}
	out := make([]rank.Weighted, 0, len(examples))
	for i, x := range examples {
		w := rank.Weighted{Weight: x.Weight}
		if w.Weight == 0 {
			w.Weight = 1
		}
		if x.Text != nil {
			w.Vector, embedded = embedded[0].Vector, embedded[1:]
		} else if v, ok := known[x.PaperID]; ok {
			w.Vector = v
		} else {
			missing := paper.MissingPaper(x.PaperID)
			missing.Message = fmt.Sprintf("%s[%d]: %s", field, i, missing.Message)
			return nil, missing
		}
		out = append(out, w)
	}
	return out, nil
}
