package lexical

import (
	"context"
	"runtime"
)

// Counted is how often a paper has its terms, weighted as BM25F weighs its fields, in
// order of their numbers, and how long it is, weighted so too.
type Counted struct {
	Terms  []TermCount
	Length uint32
}

// TermCount is a term of a paper. Its number holds for this Index value only.
type TermCount struct{ ID, Count uint32 }

// Counts tells which terms papers have: parallel to ordinals, the zero value for one
// that is not there. Identifiers are not among them.
func (v *View) Counts(ctx context.Context, ordinals []uint32) ([]Counted, error) {
	defer runtime.KeepAlive(v)
	found, err := v.look(ctx, ordinals)
	if err != nil {
		return nil, err
	}
	out := make([]Counted, len(ordinals))
	var y tallier
	for i := range found {
		if found[i].record == nil {
			continue
		}
		counts, length := y.tallyFields(found[i].record, fieldAbstract)
		out[i] = Counted{Terms: make([]TermCount, len(counts)), Length: uint32(length)}
		for j, c := range counts {
			out[i].Terms[j] = TermCount{c.id, uint32(c.tf)}
		}
	}
	return out, nil
}

// TermIDs gives the numbers of terms by their names, as Analyse gives them; found is
// false for one that no paper has had.
func (v *View) TermIDs(names []string) (ids []uint32, found []bool) {
	ids, found = make([]uint32, len(names)), make([]bool, len(names))
	v.chunks(len(names), func(from, to int) {
		for i := from; i < to; i++ {
			ids[i], found[i] = v.x.lexicon.stems.named(names[i])
			found[i] = found[i] && int(ids[i]) < v.terms.len()
		}
	})
	return ids, found
}

// Terms gives the names of terms by their numbers; "" for a number that is none.
func (v *View) Terms(ids []uint32) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		if int(id) < v.terms.len() {
			out[i] = v.terms.at(id)
		}
	}
	return out
}

// Frequencies gives how many papers have each of some terms.
func (v *View) Frequencies(ids []uint32) []uint32 {
	out := make([]uint32, len(ids))
	for i, id := range ids {
		out[i] = v.df.at(id)
	}
	return out
}
