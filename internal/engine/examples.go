package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

func (x Example) key() []string {
	weight := number(x.Weight)
	when := ""
	if !x.Time.IsZero() {
		when = x.Time.UTC().Format(time.RFC3339Nano)
	}
	if x.Text != nil {
		return []string{"text", x.Text.Title, x.Text.Abstract, weight, when}
	}
	return []string{"id", x.PaperID, weight, when}
}

// weight is how much it counts.
func (x Example) weight() float64 {
	if x.Weight == 0 {
		return 1
	}
	return x.Weight
}

// checkExamples holds a list of examples to the limits.
func checkExamples(field string, examples []Example) error {
	if len(examples) > MaxExamples {
		return paper.InvalidField(field, "has %d items; the limit is %d", len(examples), MaxExamples)
	}
	texts := 0
	for i, x := range examples {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case x.Text == nil && x.PaperID == "":
			return paper.InvalidField(at, "has neither paper_id nor text; give one of them")
		case x.Text != nil:
			if texts++; texts > MaxExampleTexts {
				return paper.InvalidField(field, "has more than %d texts, which would each be embedded; import them as papers and give their ids", MaxExampleTexts)
			}
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
func (e *asking) combine(ctx context.Context, collection, likeField string, likes []Example, dislikeField string, dislikes []Example) ([]float32, error) {
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
func (e *asking) resolve(ctx context.Context, collection, field string, examples []Example) ([]rank.Weighted, error) {
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
	var embedded []embed.Embedding
	for some := range slices.Chunk(texts, readGroup) { // other queries get a turn in between
		got, _, err := e.embedder.Embed(ctx, some, embed.Options{Role: embed.Document})
		if err != nil {
			return nil, err
		}
		embedded = append(embedded, got...)
	}
	out := make([]rank.Weighted, 0, len(examples))
	var gone absent
	for i, x := range examples {
		w := rank.Weighted{Weight: x.weight()}
		if x.Text != nil {
			w.Vector, embedded = embedded[0].Vector, embedded[1:]
		} else if v, ok := known[x.PaperID]; ok {
			w.Vector = v
		} else {
			gone.add(field, i, x.PaperID)
		}
		out = append(out, w)
	}
	return out, gone.err()
}

// checkEither holds a request to either ids, at most so many, or a text.
func checkEither(text *Text, ids []string, most int) error {
	switch {
	case text != nil && len(ids) > 0:
		return paper.InvalidField("text", "is given together with paper_ids; give one of them")
	case text != nil:
		return text.check("text")
	case len(ids) == 0 || len(ids) > most:
		return paper.InvalidField("paper_ids", "has %d items; give 1 to %d, or a text", len(ids), most)
	}
	return nil
}
