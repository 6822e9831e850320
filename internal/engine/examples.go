package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"akin/internal/catalog"
	"akin/internal/embed"
	"akin/internal/paper"
	"akin/internal/rank"
)

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

// combine makes one query vector of examples.
func (a *asking) combine(ctx context.Context, likeField string, likes []Example, dislikeField string, dislikes []Example) ([]float32, error) {
	positive, err := a.resolve(ctx, likeField, likes)
	if err != nil {
		return nil, err
	}
	negative, err := a.resolve(ctx, dislikeField, dislikes)
	if err != nil {
		return nil, err
	}
	if len(positive) == 1 && len(negative) == 0 {
		return positive[0].Vector, nil // bit for bit, so that a paper's own score is 1
	}
	return rank.MeanVector(positive, negative)
}

// resolve turns examples into weighted vectors. Its error names all papers that are
// not there.
func (a *asking) resolve(ctx context.Context, field string, examples []Example) ([]rank.Weighted, error) {
	vectors, err := a.exampleVectors(ctx, examples)
	if err != nil {
		return nil, err
	}
	out := make([]rank.Weighted, len(examples))
	var gone absent
	for i, x := range examples {
		if out[i] = (rank.Weighted{Vector: vectors[i], Weight: x.weight()}); vectors[i] == nil {
			gone.add(field, i, x.PaperID)
		}
	}
	return out, gone.err()
}

// exampleVectors gives the vectors of examples, parallel to them: the collection's,
// or embedded; nil for papers that are not there.
func (a *asking) exampleVectors(ctx context.Context, examples []Example) ([][]float32, error) {
	known, err := a.view.Vectors(ctx, catalog.Refs(idsOf(examples)...))
	if err != nil {
		return nil, err
	}
	embedded, err := a.embedTexts(ctx, textsOf(examples))
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(examples))
	for i, x := range examples {
		if x.Text != nil {
			out[i], embedded = embedded[0].Vector, embedded[1:]
		} else {
			out[i], known = known[0], known[1:]
		}
	}
	return out, nil
}

// embedTexts embeds texts as documents of the collection.
func (a *asking) embedTexts(ctx context.Context, texts []catalog.Text) ([]embed.Embedding, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	model, err := a.model()
	if err != nil {
		return nil, err
	}
	joined := make([]string, len(texts))
	for i, t := range texts {
		joined[i] = model.Text(t.Title, t.Abstract)
	}
	var out []embed.Embedding
	for some := range slices.Chunk(joined, readGroup) { // other queries get a turn in between
		got, _, err := model.Embed(ctx, some, embed.Options{Role: embed.Document})
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

// idsOf gives the ids of examples that are papers.
func idsOf(examples []Example) (ids []string) {
	for _, x := range examples {
		if x.Text == nil {
			ids = append(ids, x.PaperID)
		}
	}
	return ids
}

// textsOf gives the texts of examples that are no papers.
func textsOf(examples []Example) (texts []catalog.Text) {
	for _, x := range examples {
		if x.Text != nil {
			texts = append(texts, catalog.Text{Title: x.Text.Title, Abstract: x.Text.Abstract})
		}
	}
	return texts
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
