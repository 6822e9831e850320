package engine

import (
	"context"
	"strings"

	"akin/internal/catalog"
)

// readQuery is the text of a search as it was understood.
type readQuery struct {
	// TypedQuery is what the model reads, and what is left out.
	catalog.TypedQuery
	// words is what the catalog looks for.
	words catalog.Words
	// operators is what became of its operators, and auto says that nobody insists on
	// them.
	operators Operators
	auto      bool
}

// readQuery reads the text of a search.
func (a *asking) readQuery(text string, how Syntax) (readQuery, error) {
	plain := readQuery{TypedQuery: catalog.TypedQuery{Asked: text}, words: catalog.Words{Text: text}}
	syntax := a.syntax()
	some, long := syntax.Operators(text)
	switch {
	case some && how == SyntaxOff:
		plain.operators = OperatorsIgnored
		return plain, nil
	case some && long && how == SyntaxAuto:
		plain.operators, plain.words.Marked = OperatorsRaised, true
		return plain, nil
	case !some && how != SyntaxOn:
		plain.words.Typed = how == SyntaxAuto // a catalog may know ids in what people type
		return plain, nil
	}
	typed, err := syntax.Parse(text)
	if err != nil {
		return readQuery{}, err
	}
	out := readQuery{TypedQuery: typed, words: catalog.Words{Text: text, Typed: true}, auto: how == SyntaxAuto}
	if some {
		out.operators = OperatorsCounted
	}
	return out, nil
}

// loosen answers a query that its operators leave empty without its phrases, or else
// without all of them, unless somebody insists. Where that finds nothing either, it
// is not the operators' doing.
func (s *search) loosen(ctx context.Context, a *asking, d *draft, vector []float32) error {
	if len(d.hits) > 0 || d.kept == 0 || !s.typed.auto || s.typed.operators != OperatorsCounted {
		return nil
	}
	asked := d.words
	for _, try := range s.typed.looser(a.syntax()) {
		if err := a.hybrid(ctx, d, vector, try.words); err != nil {
			return err
		}
		if len(d.hits) > 0 {
			d.answer.Operators = try.operators
			return nil
		}
	}
	d.words = asked
	return nil
}

// looser gives a query without its phrases, where it has exclusions as well, and
// without all operators.
func (q *readQuery) looser(syntax catalog.Syntax) (out []readQuery) {
	bare := catalog.Words{Text: q.Asked}
	if q.Excluded == "" {
		return []readQuery{{words: bare, operators: PhrasesDropped}}
	}
	if some, _ := syntax.Operators(q.Asked); !some { // none stood within a phrase
		out = append(out, readQuery{words: catalog.Words{Text: strings.Join([]string{q.Asked, q.Excluded}, " "), Typed: true}, operators: PhrasesDropped})
	}
	return append(out, readQuery{words: bare, operators: OperatorsDropped})
}
