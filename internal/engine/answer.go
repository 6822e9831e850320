package engine

import (
	"context"
	"crypto/sha256"
	"time"

	catalog "akin/internal/catalog/local"
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
	Groups []Group
	// Sequence is the state that the list was made of.
	Sequence uint64
	Timing   Timing
	// changed is how many papers of the page are left out, as they were deleted or
	// changed since.
	changed int
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
// Papers that were deleted since the list was made, or changed so that they are not
// what it found, are left out; ranks stay.
func (e *asking) page(ctx context.Context, q *query, list *pinned, at token) (*Answer, error) {
	begin, offset := time.Now(), at.offset
	end := min(offset+q.options.PageSize, len(list.hits))
	a := list.answer
	for from := offset; from < end; from += hydrated {
		results, err := e.hydrate(ctx, q, list, from, min(from+hydrated, end))
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
	a.changed = end - offset - len(a.Results)
	if end < len(list.hits) {
		a.NextPageToken = e.nextToken(list, at, end)
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
func (e *asking) hydrate(ctx context.Context, q *query, list *pinned, offset, end int) ([]Result, error) {
	hits := list.hits[offset:end]
	known, err := e.still(ctx, q, list, hits)
	if err != nil {
		return nil, err
	}
	var there []uint32
	var results []Result
	for i, h := range hits {
		record := known[h.Ordinal]
		if record == nil {
			continue
		}
		there = append(there, h.Ordinal)
		results = append(results, Result{
			Record: *record, Rank: offset + i + 1, Score: h.Score, Semantic: h.Semantic, Lexical: h.Lexical,
			DrivenBy: list.drivers[h.ID], Collapsed: list.standing(h.ID, known),
		})
		list.shape(&results[len(results)-1])
	}
	if q.options.WithVectors {
		vectors, err := e.catalog.VectorsAt(ctx, q.collection, there)
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			results[i].Vector = v
		}
	}
	if q.options.Explain && list.words.Text != "" {
		matches, err := e.catalog.Matches(ctx, q.collection, list.words, there)
		if err != nil {
			return nil, err
		}
		for i, m := range matches {
			results[i].Matches = m
		}
	}
	return results, e.explainBySentences(ctx, q, list, results)
}

// still gives the records of hits, and of what they stand for, by ordinal: of those
// that the list would still have.
func (e *asking) still(ctx context.Context, q *query, list *pinned, hits []rank.Hit) (map[uint32]*paper.Record, error) {
	ordinals := ordinalsOf(hits)
	for _, h := range hits {
		for _, c := range list.collapsed[h.ID] {
			ordinals = append(ordinals, c.Ordinal)
		}
	}
	records, err := e.catalog.Still(ctx, q.collection, catalog.Listed{
		Sequence: list.answer.Sequence, Filter: q.options.Filter, AsOf: q.options.AsOf, Words: list.words,
	}, ordinals)
	if err != nil {
		return nil, err
	}
	known := make(map[uint32]*paper.Record, len(records))
	for _, r := range records {
		if r != nil {
			known[r.Ordinal] = r
		}
	}
	return known, nil
}

// standing gives what a hit stands for, without papers that are not known any
// more.
func (p *pinned) standing(id string, known map[uint32]*paper.Record) (out []catalog.Collapsed) {
	for _, c := range p.collapsed[id] {
		if known[c.Ordinal] != nil {
			out = append(out, c)
		}
	}
	return out
}
