package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	catalog "akin/internal/catalog/local"
	"akin/internal/paper"
	"akin/internal/rank"
)

// naming is a field of a request that names papers. Identification puts the ids in
// place of the names.
type naming struct {
	field string
	names []*string
}

// namedExamples gives a naming of the examples that are papers.
func namedExamples(field string, examples []Example) naming {
	n := naming{field: field, names: make([]*string, len(examples))}
	for i := range examples {
		if examples[i].Text == nil {
			n.names[i] = &examples[i].PaperID
		}
	}
	return n
}

// identify puts the ids of papers in place of what a request calls them. Its error
// names all that are missing.
func (e *asking) identify(ctx context.Context, collection string, lists ...naming) error {
	var names []string
	for _, l := range lists {
		for _, name := range l.names {
			if name != nil {
				names = append(names, *name)
			}
		}
	}
	ids, err := e.catalog.Identify(ctx, collection, names)
	if err != nil {
		return err
	}
	var gone absent
	at := 0
	for _, l := range lists {
		for i, name := range l.names {
			if name == nil {
				continue
			}
			if ids[at] == "" {
				gone.add(l.field, i, *name)
			} else {
				*name = ids[at]
			}
			at++
		}
	}
	return gone.err()
}

// absent are papers of a request that the collection does not hold.
type absent struct {
	first string
	said  strings.Builder
	count int
	more  int
}

// mostAbsent bounds, in bytes, what an error says of papers that are missing: all of
// it travels in the trailers of a call, of which some clients take 8 KiB.
const mostAbsent = 3 << 10

func (a *absent) add(field string, i int, id string) {
	if a.count++; a.count == 1 {
		a.first = id
	}
	part := fmt.Sprintf("%s[%d] %q", field, i, id)
	if a.said.Len()+len(part) > mostAbsent {
		a.more++
		return
	}
	if a.said.Len() > 0 {
		a.said.WriteString(", ")
	}
	a.said.WriteString(part)
}

func (a *absent) err() error {
	if a.count == 0 {
		return nil
	}
	missing := paper.MissingPaper(a.first)
	missing.Metadata = map[string]string{"missing": strconv.Itoa(a.count)}
	if a.count == 1 {
		missing.Message = fmt.Sprintf("%s is not in the collection; import the paper, or look it up with list", a.said.String())
		return missing
	}
	more := ""
	if a.more > 0 {
		more = fmt.Sprintf(", and %d more", a.more)
	}
	missing.Message = fmt.Sprintf("%d papers are not in the collection: %s%s; import them, or leave them out", a.count, a.said.String(), more)
	return missing
}

// distinct refuses a paper that stands twice among examples, whatever they call it.
func distinct(positive, negative []Example) error {
	first := make(map[string]string, len(positive)+len(negative))
	for _, list := range []struct {
		field    string
		examples []Example
	}{{"positive", positive}, {"negative", negative}} {
		for i, x := range list.examples {
			at := fmt.Sprintf("%s[%d]", list.field, i)
			if x.Text != nil {
				text := "\x00" + x.Text.Title + "\x00" + x.Text.Abstract // no id has that
				if other, ok := first[text]; ok && !strings.HasPrefix(other, list.field) {
					return paper.InvalidField(at+".text", "is that of %s: a text cannot be both liked and disliked; leave one of them out", other)
				}
				first[text] = at
				continue
			}
			other, ok := first[x.PaperID]
			switch {
			case ok && strings.HasPrefix(other, list.field):
				return paper.InvalidField(at+".paper_id", "is %q, as that of %s; leave it out, and give that one a weight if it should count for more", x.PaperID, other)
			case ok:
				return paper.InvalidField(at+".paper_id", "is %q, as that of %s: a paper cannot be both liked and disliked; leave one of them out", x.PaperID, other)
			}
			first[x.PaperID] = at
		}
	}
	return nil
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
func textsOf(examples ...Example) (texts [][2]string) {
	for _, x := range examples {
		if x.Text != nil {
			texts = append(texts, [2]string{x.Text.Title, x.Text.Abstract})
		}
	}
	return texts
}

// leaveOutTexts makes the papers among hits that are the query's own texts be left
// out, as those are that it names.
func (e *asking) leaveOutTexts(ctx context.Context, q *query, hits []rank.Hit) error {
	if len(q.ownTexts) == 0 {
		return nil
	}
	ordinals := make([]uint32, len(hits))
	for i, h := range hits {
		ordinals[i] = h.Ordinal
	}
	same, err := e.catalog.SameTexts(ctx, q.collection, q.ownTexts, ordinals)
	if err != nil {
		return err
	}
	for i, h := range hits {
		if same[i] && !slices.Contains(q.leaveOut, h.ID) {
			q.leaveOut = append(q.leaveOut, h.ID)
		}
	}
	return nil
}

// leaveOutExcluded drops from a list that goes by meaning alone what the query
// excludes.
func (e *asking) leaveOutExcluded(ctx context.Context, q *query, list *pinned, hits []rank.Hit) ([]rank.Hit, error) {
	list.words = catalog.Words{Text: q.excluded, Typed: true}
	ordinals := make([]uint32, len(hits))
	for i, h := range hits {
		ordinals[i] = h.Ordinal
	}
	allowed, err := e.catalog.Allowed(ctx, q.collection, list.words, ordinals)
	if err != nil {
		return nil, err
	}
	kept := hits[:0]
	for i, h := range hits {
		if allowed[i] {
			kept = append(kept, h)
		}
	}
	return kept, nil
}

// nothing is the list of a query that asks for nothing: it only says what to leave
// out.
func (e *asking) nothing(ctx context.Context, q *query, _ *pinned) (catalog.Found, error) {
	stats, err := e.catalog.Stats(ctx, q.collection)
	return catalog.Found{Kept: stats.Papers, Sequence: stats.Sequence}, err
}
