package lexical

import (
	"context"
	"runtime"
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

// Explain says how many papers of a set, nil for all, pass what the query asks for,
// step by step: its words, if words is set and it has any beside phrases of stop
// words, then its phrases and exclusions in their order. What excludes a word that no paper has is no step. It looks at every
// paper, which takes about as long as a search.
func (r *Reading) Explain(ctx context.Context, keep Set, words bool) ([]Step, error) {
	defer runtime.KeepAlive(r)
	p := r.p
	words = words && !p.flat
	var steps []Step
	if words {
		steps = append(steps, Step{Kind: StepWords, Unknown: p.unknown})
	}
	for _, q := range p.steps {
		steps = append(steps, Step{Kind: q.kind, Text: q.text})
	}
	quotations := steps[len(steps)-len(p.steps):]
	leaves := r.leaves()
	reader := p.reader()
	for i := range leaves {
		v := &leaves[i]
		left, err := v.kept(ctx, keep)
		if err != nil {
			return nil, err
		}
		if words {
			having := v.having(p)
			left = slices.DeleteFunc(left, func(doc uint32) bool { return having[doc>>6]&(1<<(doc&63)) == 0 })
			steps[0].Left += len(left)
		}
		for i, q := range p.steps {
			if left, err = v.pass(ctx, q, reader, left); err != nil {
				return nil, err
			}
			quotations[i].Left += len(left)
		}
	}
	return steps, nil
}

// Excludes says whether the query excludes something, and needs no phrase.
func (r *Reading) Excludes() bool { return len(r.p.mustNot) > 0 && len(r.p.must) == 0 }

// Allowed gives the papers of a set, nil for all, that have the phrases of the query and
// nothing that it excludes, in no order. It looks at every paper.
func (r *Reading) Allowed(ctx context.Context, keep Set) ([]uint32, error) {
	defer runtime.KeepAlive(r)
	leaves := r.leaves()
	reader := r.p.reader()
	var out []uint32
	for i := range leaves {
		v := &leaves[i]
		left, err := v.kept(ctx, keep)
		if err != nil {
			return nil, err
		}
		for _, q := range r.p.steps {
			if left, err = v.pass(ctx, q, reader, left); err != nil {
				return nil, err
			}
		}
		for _, doc := range left {
			out = append(out, v.ordinals[doc])
		}
	}
	return out, nil
}

// pass gives the documents that pass a phrase or an exclusion.
func (v *leaf) pass(ctx context.Context, q quotation, reader *reader, docs []uint32) ([]uint32, error) {
	if q.phrase == nil {
		return nil, nil
	}
	having, err := v.all(ctx, q.phrase)
	if err != nil {
		return nil, err
	}
	n := 0
	return slices.DeleteFunc(docs, func(doc uint32) bool {
		if n++; n%step == 0 && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return true
		}
		has := having == nil || having[doc>>6]&(1<<(doc&63)) != 0
		if has && !q.phrase.single() {
			reader.read(v.record(doc))
			has = reader.has(q.phrase)
		}
		return has == (q.kind == StepExclusion)
	}), err
}

// kept gives the live documents of a set; nil is all.
func (v *leaf) kept(ctx context.Context, keep Set) ([]uint32, error) {
	out := make([]uint32, 0, v.len())
	for doc, ordinal := range v.ordinals {
		if doc%window == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !v.dead.has(uint32(doc)) && (keep == nil || keep.Contains(ordinal)) {
			out = append(out, uint32(doc))
		}
	}
	return out, nil
}

// having marks the documents that have any term of a plan.
func (v *leaf) having(p *plan) []uint64 {
	marked := make([]uint64, (v.len()+63)/64)
	var room listRoom
	for _, t := range p.terms {
		l := v.listIn(t.id, &room)
		v.mark(marked, &l)
	}
	return marked
}
