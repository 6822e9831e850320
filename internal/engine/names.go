package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"akin/internal/paper"
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
func (a *asking) identify(ctx context.Context, lists ...naming) error {
	var names []string
	for _, l := range lists {
		for _, name := range l.names {
			if name != nil {
				names = append(names, *name)
			}
		}
	}
	ids, err := a.namer().Identify(ctx, names)
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
