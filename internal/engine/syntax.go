package engine

import (
	"context"

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

// loosen answers a query that its operators leave empty without its phrases, unless
// somebody insists. What it excludes stays excluded: a list that has what somebody did
// not want is worse than none.
func (s *search) loosen(ctx context.Context, a *asking, d *draft, vector []float32) error {
	if len(d.hits) > 0 || d.kept == 0 || !s.typed.auto || s.typed.Loose == "" || s.typed.operators != OperatorsCounted {
		return nil
	}
	asked := d.words
	if err := a.hybrid(ctx, d, vector, catalog.Words{Text: s.typed.Loose, Typed: true}); err != nil {
		return err
	}
	if len(d.hits) > 0 {
		d.answer.Operators = PhrasesDropped
		return nil
	}
	d.words = asked
	return nil
}
