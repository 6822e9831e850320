package engine

import (
	"context"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// MaxEvidence is how many results a page with evidence may have: each one's
// sentences are embedded when somebody asks for them.
const MaxEvidence = 20

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

// origin is what a result is compared with.
type origin struct {
	// query is a search's text; otherwise "".
	query   string
	text    Text
	paperID string
	example int
}

// against says what each result is compared with, parallel to ids; nil where
// that was deleted meanwhile.
type against func(ctx context.Context, collection string, list *pinned, ids []string) ([]*origin, error)

// againstQuery compares with a search's text.
func againstQuery(query string) against {
	return func(_ context.Context, _ string, _ *pinned, ids []string) ([]*origin, error) {
		return repeated(&origin{query: query}, len(ids)), nil
	}
}

func repeated(o *origin, n int) []*origin {
	out := make([]*origin, n)
	for i := range out {
		out[i] = o
	}
	return out
}

// againstExamples compares each result with one example: the one that adds most
// to its score, where that is known, or the nearest.
func (e *asking) againstExamples(examples []Example) against {
	return func(ctx context.Context, collection string, list *pinned, ids []string) ([]*origin, error) {
		picked := make([]int, len(ids))
		if len(examples) > 1 {
			var err error
			if picked, err = e.pick(ctx, collection, examples, list, ids); err != nil {
				return nil, err
			}
		}
		return e.origins(ctx, collection, examples, picked)
	}
}

// pick chooses the example that each result is compared with; -1 where there is
// none any more.
func (e *asking) pick(ctx context.Context, collection string, examples []Example, list *pinned, ids []string) ([]int, error) {
	picked := make([]int, len(ids))
	driven := true
	for i, id := range ids {
		parts := list.drivers[id]
		if len(parts) == 0 || !parts[0].Liked {
			driven = false
			break
		}
		picked[i] = parts[0].Example
	}
	if driven {
		return picked, nil
	}
	vectors, err := e.vectorsOf(ctx, collection, examples)
	if err != nil {
		return nil, err
	}
	results, err := e.catalog.Vectors(ctx, collection, ids)
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
	for i, id := range ids {
		picked[i] = -1
		if v := results[id]; v != nil && len(have) > 0 {
			picked[i] = at[rank.Pairs([][]float32{v}, have)[0].Second]
		}
	}
	return picked, nil
}

// vectorsOf gives the vectors of examples; nil for papers that are not there.
func (e *asking) vectorsOf(ctx context.Context, collection string, examples []Example) ([][]float32, error) {
	var there []Example
	var at []int
	var ids []string
	for _, x := range examples {
		if x.Text == nil {
			ids = append(ids, x.PaperID)
		}
	}
	known, err := e.catalog.Vectors(ctx, collection, ids)
	if err != nil {
		return nil, err
	}
	for i, x := range examples {
		if x.Text != nil || known[x.PaperID] != nil {
			there, at = append(there, x), append(at, i)
		}
	}
	got, err := e.resolve(ctx, collection, "examples", there)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(examples))
	for k, i := range at {
		out[i] = got[k].Vector
	}
	return out, nil
}

// origins gives the texts of the examples that were picked.
func (e *asking) origins(ctx context.Context, collection string, examples []Example, picked []int) ([]*origin, error) {
	made := make(map[int]*origin)
	var ids []string
	for _, i := range picked {
		if i < 0 || made[i] != nil {
			continue
		}
		made[i] = &origin{example: i, paperID: examples[i].PaperID}
		if examples[i].Text != nil {
			made[i].text = *examples[i].Text
			made[i].paperID = ""
		} else {
			ids = append(ids, examples[i].PaperID)
		}
	}
	records, err := e.catalog.Get(ctx, collection, ids)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]Text, len(records))
	for i := range records {
		texts[records[i].ID] = Text{records[i].Title, records[i].Abstract}
	}
	out := make([]*origin, len(picked))
	for k, i := range picked {
		o := made[i]
		if o == nil {
			continue
		}
		if o.paperID != "" {
			text, ok := texts[o.paperID]
			if !ok {
				continue // deleted meanwhile
			}
			o.text = text
		}
		out[k] = o
	}
	return out, nil
}

// checkEvidence says whether a page may have evidence. It comes after the page
// size has its default.
func (o *ResultOptions) checkEvidence() error {
	if o.Evidence && o.PageSize > MaxEvidence {
		return paper.InvalidField("page_size", "is %d; with evidence the limit is %d; ask for smaller pages, or leave evidence out", o.PageSize, MaxEvidence)
	}
	return nil
}

// explainBySentences gives the results of a page their evidence.
func (e *asking) explainBySentences(ctx context.Context, q *query, list *pinned, results []Result) error {
	if !q.options.Evidence || q.against == nil || len(results) == 0 {
		return nil
	}
	ids, texts := make([]string, len(results)), make([]Text, len(results))
	for i := range results {
		ids[i], texts[i] = results[i].Record.ID, Text{results[i].Record.Title, results[i].Record.Abstract}
	}
	origins, sources, read, err := e.readBoth(ctx, q, list, ids, texts)
	if err != nil {
		return err
	}
	for i := range results {
		if origins[i] != nil {
			results[i].Evidence = evidence(read[i].abstract(), origins[i], sources[i])
		}
	}
	return nil
}

// readBoth reads what results are compared with, and the results themselves, all
// at once. The lists are parallel to ids; a search's source is its one vector.
func (e *asking) readBoth(ctx context.Context, q *query, list *pinned, ids []string, texts []Text) (origins []*origin, sources, read []*sentences, err error) {
	origins, err = q.against(ctx, q.collection, list, ids)
	if err != nil {
		return nil, nil, nil, err
	}
	sources = make([]*sentences, len(ids))
	var others []Text
	for i, o := range origins {
		switch {
		case o == nil:
		case o.query != "":
			vector, err := e.reader.query(ctx, o.query)
			if err != nil {
				return nil, nil, nil, err
			}
			sources[i] = &sentences{vectors: [][]float32{vector}}
		default:
			others = append(others, o.text)
		}
	}
	all, err := e.reader.read(ctx, append(others, texts...))
	if err != nil {
		return nil, nil, nil, err
	}
	for i, o := range origins {
		if o != nil && o.query == "" {
			sources[i], all = all[0], all[1:]
		}
	}
	return origins, sources, all, nil
}

// evidence chooses the sentences of a result that are nearest to its source.
func evidence(result *sentences, o *origin, source *sentences) []Evidence {
	if o.query == "" {
		source = source.abstract()
	}
	var out []Evidence
	for i, pair := range rank.Pairs(result.vectors, source.vectors) {
		found := Evidence{Passage: result.passages[pair.First], Similarity: pair.Similarity}
		if o.query == "" {
			of := source.passages[pair.Second]
			found.Terms = catalog.SharedTerms(of.Text, found.Text)
			return []Evidence{withSource(found, Source{of, o.paperID, o.example})}
		}
		if i == mostEvidence || i > 0 && pair.Similarity < out[0].Similarity-besideBest {
			break
		}
		found.Terms = catalog.SharedTerms(o.query, found.Text)
		out = append(out, found)
	}
	return out
}

func withSource(found Evidence, of Source) Evidence {
	found.Of = &of
	return found
}
