package engine

import (
	"context"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	// mostEvidence is how many sentences of a result a search shows.
	mostEvidence = 2
	// besideBest is how much further away than the best one another sentence may
	// be, in cosine.
	besideBest = 0.1
)

// Evidence is a sentence of a result that is near to what was asked for.
type Evidence struct {
	Passage
	// Similarity is its cosine with the query, or with Of.
	Similarity float64
	// Terms are the words that it shares with that.
	Terms []string
	// Of is what it is near to in a query paper or an example; nil for a search.
	Of *Source
}

// Source is a sentence of a query paper or an example.
type Source struct {
	Passage
	PaperID string
	// Example is the position in the request's list.
	Example int
}

// evidenceSource is what a result is compared with: the text of a search, or a query
// paper or an example.
type evidenceSource struct {
	// query is a search's text; otherwise "".
	query   string
	text    Text
	paperID string
	example int
}

// exampleSources compares each result with one example: the one that adds most
// to its score, where that is known, or the nearest.
func (a *asking) exampleSources(ctx context.Context, examples []Example, by drivers, results []paper.Ref) ([]*evidenceSource, error) {
	picked := make([]int, len(results))
	if len(examples) > 1 {
		var err error
		if picked, err = a.pick(ctx, examples, by, results); err != nil {
			return nil, err
		}
	}
	return a.sourcesOf(ctx, examples, picked)
}

// pick chooses the example that each result is compared with; -1 where there is
// none any more.
func (a *asking) pick(ctx context.Context, examples []Example, by drivers, results []paper.Ref) ([]int, error) {
	if picked, ok := by.first(results); ok {
		return picked, nil
	}
	vectors, err := a.exampleVectors(ctx, examples)
	if err != nil {
		return nil, err
	}
	near, err := a.view.Vectors(ctx, results)
	if err != nil {
		return nil, err
	}
	var have [][]float32
	var at []int
	for i, v := range vectors {
		if v != nil {
			have, at = append(have, v), append(at, i)
		}
	}
	picked := make([]int, len(results))
	for i, v := range near {
		picked[i] = -1
		if v != nil && len(have) > 0 {
			picked[i] = at[rank.Pairs([][]float32{v}, have)[0].Second]
		}
	}
	return picked, nil
}

// first gives the like that adds most to the score of each result, if each has one.
func (by drivers) first(results []paper.Ref) (picked []int, ok bool) {
	picked = make([]int, len(results))
	for i, r := range results {
		contributions := by[r.ID] // the greatest first
		if len(contributions) == 0 || !contributions[0].Liked {
			return nil, false
		}
		picked[i] = contributions[0].Example
	}
	return picked, true
}

// sourcesOf gives the texts of the examples that were picked, parallel to picked;
// nil for a paper that was deleted meanwhile.
func (a *asking) sourcesOf(ctx context.Context, examples []Example, picked []int) ([]*evidenceSource, error) {
	made := make(map[int]*evidenceSource)
	var ids []string
	var at []int // of ids among the examples
	for _, i := range picked {
		if i < 0 || made[i] != nil {
			continue
		}
		made[i] = &evidenceSource{example: i}
		if x := examples[i]; x.Text != nil {
			made[i].text = *x.Text
		} else {
			ids, at = append(ids, x.PaperID), append(at, i)
		}
	}
	records, err := a.view.Get(ctx, catalog.Refs(ids...))
	if err != nil {
		return nil, err
	}
	for k, r := range records {
		if r == nil {
			delete(made, at[k])
		} else {
			made[at[k]].paperID, made[at[k]].text = r.ID, Text{r.Title, r.Abstract}
		}
	}
	out := make([]*evidenceSource, len(picked))
	for k, i := range picked {
		out[k] = made[i]
	}
	return out, nil
}

// explainBySentences gives the results of a page their evidence; refs are parallel
// to them.
func (a *asking) explainBySentences(ctx context.Context, q *query, by drivers, refs []paper.Ref, results []Result) error {
	if !q.options.Evidence || len(results) == 0 {
		return nil
	}
	texts := make([]Text, len(results))
	for i := range results {
		texts[i] = Text{results[i].Record.Title, results[i].Record.Abstract}
	}
	compared, err := a.readBoth(ctx, q, by, refs, texts)
	if err != nil {
		return err
	}
	for i, c := range compared {
		if c.source != nil {
			results[i].Evidence = a.evidence(c)
		}
	}
	return nil
}

// comparison is a result beside what it is compared with.
type comparison struct {
	source *evidenceSource // nil where that was deleted meanwhile
	// with are the source's sentences, a search's being its one vector; nil without a
	// source.
	with, result *sentences
}

// readBoth reads what results are compared with, and the results themselves, all
// at once. What it gives is parallel to refs and to the texts of the results.
func (a *asking) readBoth(ctx context.Context, q *query, by drivers, refs []paper.Ref, texts []Text) ([]comparison, error) {
	sources, err := q.asked.evidenceSources(ctx, a, by, refs)
	if err != nil {
		return nil, err
	}
	reader, err := a.reader()
	if err != nil {
		return nil, err
	}
	out := make([]comparison, len(refs))
	var others []Text
	for i, s := range sources {
		out[i].source = s
		switch {
		case s == nil:
		case s.query != "":
			vector, err := reader.query(ctx, s.query)
			if err != nil {
				return nil, err
			}
			out[i].with = &sentences{vectors: [][]float32{vector}}
		default:
			others = append(others, s.text)
		}
	}
	all, err := reader.read(ctx, append(others, texts...))
	if err != nil {
		return nil, err
	}
	for i, s := range sources {
		if s != nil && s.query == "" {
			out[i].with, all = all[0], all[1:]
		}
	}
	for i := range out {
		out[i].result = all[i]
	}
	return out, nil
}

// evidence chooses the sentences of a result that are nearest to its source.
func (a *asking) evidence(c comparison) []Evidence {
	result, source := c.result.abstract(), c.with
	if c.source.query == "" {
		source = source.abstract()
	}
	var out []Evidence
	for i, pair := range rank.Pairs(result.vectors, source.vectors) {
		found := Evidence{Passage: result.passages[pair.First], Similarity: pair.Similarity}
		if c.source.query == "" {
			of := source.passages[pair.Second]
			found.Terms = a.matcher().Shared(of.Text, found.Text)
			found.Of = &Source{of, c.source.paperID, c.source.example}
			return []Evidence{found}
		}
		if i == mostEvidence || i > 0 && pair.Similarity < out[0].Similarity-besideBest {
			break
		}
		found.Terms = a.matcher().Shared(c.source.query, found.Text)
		out = append(out, found)
	}
	return out
}
