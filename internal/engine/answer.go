package engine

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
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
	// Limits say what kept papers out of a list that is shorter than a page.
	Limits []Limit
	// Groups are those of the whole list, in the order of their best results.
	Groups   []Group
	Sequence uint64
	Timing   Timing
}

// Result is one paper of an answer.
type Result struct {
	Record paper.Record
	Rank   int
	Score  float64
	// Semantic and Lexical are the parts of a score: a cosine and BM25, 0 where
	// the query did not go by it.
	Semantic, Lexical float64
	// Group is the key of the result's group, where there are groups.
	Group string
	// Recency is the decay of the paper's age, where it was asked for.
	Recency float64
	Vector  []float32
	// DrivenBy tells which examples of a recommendation the score comes from,
	// the greatest part first.
	DrivenBy []rank.Contribution
	// Matches are the words of the query that the paper has.
	Matches []catalog.Match
	// Collapsed are the papers that this one stands for, best ranked first.
	Collapsed []catalog.Collapsed
	// Evidence are the sentences that speak for the paper, the nearest first.
	Evidence []Evidence
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
	// collapsed are what hits stand for, by id.
	collapsed map[string][]catalog.Collapsed
	// words is the lexical side of a query that went by words.
	words catalog.Words
	// decays are the hits' recency, where it was asked for.
	decays []float64
	// groupOf are the hits' groups, where there are groups: positions in
	// answer.Groups.
	groupOf []int32
	lost    losses
}

// forget drops the contributions to papers that are not in the list, which is
// kept for its page tokens.
func (p *pinned) forget() {
	drivers := p.drivers
	if drivers == nil {
		return
	}
	p.drivers = make(map[string][]rank.Contribution, len(p.hits))
	for _, h := range p.hits {
		p.drivers[h.ID] = drivers[h.ID]
	}
}

// hydrated is how many results are read at a time.
const hydrated = 64

// page hydrates one page of a list: as many results as it asks for and as fit.
// Papers that were deleted since the list was made are left out; ranks stay.
func (e *Engine) page(ctx context.Context, q *query, list *pinned, offset int, name string) (*Answer, error) {
	begin := time.Now()
	end := min(offset+q.options.PageSize, len(list.hits))
	a := list.answer
	for at := offset; at < end; at += hydrated {
		results, err := e.hydrate(ctx, q, list, at, min(at+hydrated, end))
		if err != nil {
			return nil, err
		}
		for i := range results {
			if q.options.Fits != nil && !q.options.Fits(&a, &results[i]) {
				end = results[i].Rank - 1
				break
			}
			a.Results = append(a.Results, results[i])
		}
	}
	if end < len(list.hits) {
		if name == "" {
			name = newToken()
		}
		e.pages.Add(name, list) // anew, so that reading on keeps it alive
		a.NextPageToken = name + "." + strconv.Itoa(end)
	}
	switch {
	case a.Empty != NotEmpty || len(a.Results) > 0:
	case end == offset:
		a.Empty = PastEnd
	default:
		a.Empty = Erased
	}
	a.Timing.Hydrate = time.Since(begin)
	return &a, nil
}

// hydrate reads the results of a part of a list.
func (e *Engine) hydrate(ctx context.Context, q *query, list *pinned, offset, end int) ([]Result, error) {
	hits := list.hits[offset:end]
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	records, err := e.catalog.Get(ctx, q.collection, list.withCollapsed(ids))
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
	var results []Result
	for i, h := range hits {
		at, ok := byID[h.ID]
		if !ok {
			continue
		}
		results = append(results, Result{Record: records[at], Rank: offset + i + 1, Score: h.Score, Semantic: h.Semantic, Lexical: h.Lexical, Vector: vectors[h.ID], DrivenBy: list.drivers[h.ID], Matches: matches[at], Collapsed: list.standing(h.ID, byID)})
		list.shape(&results[len(results)-1])
	}
	return results, e.explainBySentences(ctx, q, list, results)
}

// withCollapsed adds the ids that hits stand for.
func (p *pinned) withCollapsed(ids []string) []string {
	all := slices.Clone(ids)
	for _, id := range ids {
		for _, c := range p.collapsed[id] {
			all = append(all, c.ID)
		}
	}
	return all
}

// standing gives what a hit stands for, without papers that are not known any
// more.
func (p *pinned) standing(id string, known map[string]int) (out []catalog.Collapsed) {
	for _, c := range p.collapsed[id] {
		if _, ok := known[c.ID]; ok {
			out = append(out, c)
		}
	}
	return out
}
