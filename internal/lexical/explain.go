package lexical

import (
	"context"
	"slices"
)

// StepKind says what a step of a query asks of papers.
type StepKind int

const (
	// StepWords asks for any of the words.
	StepWords StepKind = iota
	// StepPhrase asks for a phrase.
	StepPhrase
	// StepExclusion asks that a word or a phrase is not there.
	StepExclusion
)

// Step is one thing that a query asks of papers.
type Step struct {
	Kind StepKind
	// Text is the phrase, or what is excluded, as the query has it.
	Text string
	// Unknown are words of the query that no paper has, once each and at most
	// MaxUnknown; of StepWords alone.
	Unknown []string
	// Left is how many papers pass this step and all before it.
	Left int
}

// MaxUnknown is how many unknown words a step names.
const MaxUnknown = 20

// Explain says how many papers of q.Keep pass what a query asks for, step by
// step: its words, if words is set and it has any beside phrases of stop words,
// then its phrases and exclusions in their
// order. What excludes a word that no paper has is no step. K does not matter.
// It looks at every paper, which takes about as long as a search.
func (x *Index) Explain(ctx context.Context, q Query, words bool) ([]Step, error) {
	s, _ := x.pool.Get().(*searcher)
	defer s.release(x)
	x.mu.RLock()
	p := x.plan(q, &s.analyser)
	views := x.snapshot(p)
	steps, phrases := x.steps(q, p, &s.analyser, words)
	x.mu.RUnlock()
	for i := range views {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v := &views[i]
		left := v.kept(q.Keep)
		for i := range steps {
			switch {
			case steps[i].Kind == StepWords:
				left = slices.DeleteFunc(left, not(v.having(p)))
			case phrases[i] == nil: // a word of it is in no paper
				left = nil
			default:
				c := v.candidates(phrases[i])
				left = slices.DeleteFunc(left, func(doc uint32) bool { return c.match(v, doc) == (steps[i].Kind == StepExclusion) })
			}
			steps[i].Left += len(left)
		}
	}
	return steps, nil
}

func not(bits []uint64) func(doc uint32) bool {
	return func(doc uint32) bool { return bits[doc>>6]&(1<<(doc&63)) == 0 }
}

// steps gives what a query asks for, and the phrases of its phrases and
// exclusions. The caller holds the read lock.
func (x *Index) steps(q Query, p *plan, a *analyser, words bool) (steps []Step, phrases []phrase) {
	if words && !p.flat {
		steps, phrases = append(steps, Step{Kind: StepWords}), append(phrases, nil)
	}
	for _, c := range parse(q.Text, q.Mode) {
		switch c.kind {
		case clauseWords:
			if len(steps) > 0 && steps[0].Kind == StepWords {
				steps[0].Unknown = x.unknown(steps[0].Unknown, a, c.text)
			}
		case clausePhrase, clauseNot:
			ph, known := x.phrase(p, a, c.text, false)
			if len(ph) == 0 || !known && c.kind == clauseNot {
				continue
			}
			step := Step{Kind: StepPhrase, Text: c.text}
			if c.kind == clauseNot {
				step.Kind = StepExclusion
			}
			if !known {
				ph = nil
			}
			steps, phrases = append(steps, step), append(phrases, ph)
		case clausePrefix:
		}
	}
	return steps, phrases
}

// unknown adds the words of a text that no paper has. The caller holds the read
// lock.
func (x *Index) unknown(words []string, a *analyser, text string) []string {
	a.words(text, func(w word) {
		if w.beside() || isStopWord(w.text) || len(words) == MaxUnknown {
			return
		}
		if id, ok := x.lexicon.word(w.text); ok && x.lexicon.df[id] > 0 {
			return
		}
		if s := a.surface(text, w); !slices.Contains(words, s) {
			words = append(words, s)
		}
	})
	return words
}

// kept gives the live documents of a set; nil is all.
func (v *view) kept(keep Set) []uint32 {
	out := make([]uint32, 0, v.len())
	for doc, ordinal := range v.ordinals {
		if !v.dead.has(uint32(doc)) && (keep == nil || keep.Contains(ordinal)) {
			out = append(out, uint32(doc))
		}
	}
	return out
}

// having marks the documents that have any term of a plan.
func (v *view) having(p *plan) []uint64 {
	bits := make([]uint64, (v.len()+63)/64)
	for _, t := range p.terms {
		v.mark(bits, t.id)
	}
	return bits
}
