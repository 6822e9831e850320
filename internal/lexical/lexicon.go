package lexical

import "slices"

// idMark begins the terms that are identifiers, which no word can.
const idMark = "\x01"

// lexicon numbers terms in the order in which they first appear, so that
// frequent ones tend to have small numbers, and keeps how many papers have each.
// Its owner's lock guards it. Nothing is ever taken out, and terms, sorted and fresh
// only grow or are replaced, so that a copy of them is a snapshot.
type lexicon struct {
	terms []string
	// shown is the shortest word seen for each term: what people are shown.
	shown []string
	// df is in how many live papers each term is.
	df counts
	// words leads from a folded word to the term of its stem.
	words map[string]uint32
	stems map[string]uint32
	// sorted holds words in order, as far as they have been sorted; fresh the
	// words after those.
	sorted, fresh []string
}

func newLexicon() *lexicon {
	return &lexicon{words: map[string]uint32{}, stems: map[string]uint32{}}
}

// add gives the number of the term of a folded word, new ones included.
func (l *lexicon) add(w []byte) uint32 {
	if id, ok := l.words[string(w)]; ok {
		return id
	}
	surface := string(w)
	id := l.addTerm(stem(surface), surface)
	l.words[surface] = id
	l.fresh = append(l.fresh, surface)
	return id
}

// addTerm gives the number of a term and offers a word to show for it.
func (l *lexicon) addTerm(term, surface string) uint32 {
	id, ok := l.stems[term]
	if !ok {
		id = uint32(len(l.terms))
		l.stems[term] = id
		l.terms = append(l.terms, term)
		l.shown = append(l.shown, surface)
		l.df.grow(len(l.terms))
	}
	if s := l.shown[id]; len(surface) < len(s) || len(surface) == len(s) && surface < s {
		l.shown[id] = surface
	}
	return id
}

// addID gives the number of an identifier's term.
func (l *lexicon) addID(id string) uint32 {
	return l.addTerm(idMark+id, id)
}

// word finds the term of a folded word; a word never seen may have a stem that
// was.
func (l *lexicon) word(w []byte) (uint32, bool) {
	if id, ok := l.words[string(w)]; ok {
		return id, true
	}
	id, ok := l.stems[stem(string(w))]
	return id, ok
}

// sort puts the fresh words in order once they are many.
func (l *lexicon) sort() {
	if len(l.fresh) < 1024+len(l.sorted)/8 {
		return
	}
	l.sorted = merged(l.sorted, slices.Sorted(slices.Values(l.fresh))) // views read both
	l.fresh = nil
}

// merged joins two sorted lists.
func merged(a, b []string) []string {
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
