package engine

import (
	"context"
	"strconv"
	"time"

	"akin/internal/paper"
	"akin/internal/rank"
)

// MaxRerank is how many of the first results can be ordered anew by sentences.
const MaxRerank = 100

// bySentences says what the query's results are compared with sentence by
// sentence, and how many are ordered anew by that.
func (q *query) bySentences(rerank int, a against) {
	q.rerank, q.against = rerank, a
	q.parts = append(q.parts, strconv.Itoa(rerank))
}

func checkRerank(n int) error {
	if n < 0 || n > MaxRerank {
		return paper.InvalidField("rerank", "is %d; it must be between 0, which is off, and %d; ask for fewer", n, MaxRerank)
	}
	return nil
}

// rerank orders the first hits anew by their sentences (rank.Rerank).
func (e *asking) rerank(ctx context.Context, q *query, list *pinned) error {
	hits := list.hits[:min(len(list.hits), q.rerank)]
	if len(hits) < 2 || q.against == nil {
		return nil
	}
	begin := time.Now()
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	records, err := e.catalog.Get(ctx, q.collection, ids)
	if err != nil {
		return err
	}
	byID := make(map[string]Text, len(records)) // empty for those deleted meanwhile
	for i := range records {
		byID[records[i].ID] = Text{records[i].Title, records[i].Abstract}
	}
	texts := make([]Text, len(ids))
	for i, id := range ids {
		texts[i] = byID[id]
	}
	_, sources, read, err := e.readBoth(ctx, q, list, ids, texts)
	if err != nil {
		return err
	}
	near := make([]float64, len(hits))
	for i := range hits {
		var source [][]float32
		if sources[i] != nil {
			source = sources[i].vectors
		}
		near[i] = rank.SentenceSimilarity(source, read[i].vectors)
	}
	rank.Rerank(hits, near)
	list.answer.Timing.Search += time.Since(begin)
	return nil
}
