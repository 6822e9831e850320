package filter

import (
	"slices"
	"strings"
)

// names finds the terms whose value has a word, among hundreds of thousands of
// authors. A nil *names finds nothing and keeps nothing.
type names struct {
	of    dictionary // of words
	words []string   // folded; "" where one is free
	terms [][]uint32 // of the words, in no order
	free  []uint32   // places of words
	// spelt says that values are found by their initials as well, as by a word that
	// begins with initialsMark.
	spelt bool
}

// initialsMark begins what is no word, but the initials of one value's words.
const initialsMark = "\x00"

func newNames(spelt bool) *names { return &names{spelt: spelt} }

// keys gives what a value is found by.
func (n *names) keys(value string) []string {
	keys := distinct(value)
	if !n.spelt {
		return keys
	}
	if short := initials(wordsOf(value)); len(short) >= leastInitials {
		keys = append(keys, initialsMark+short)
	}
	return keys
}

// leastInitials is how many initials a value has at least that it is found by.
const leastInitials = 3

// distinct gives the words of a value once each.
func distinct(value string) []string {
	words := wordsOf(value)
	slices.Sort(words)
	return slices.Compact(words)
}

func (n *names) find(word string) (at uint32, ok bool) {
	return n.of.find(hashText(word), func(at uint32) bool { return n.words[at] == word })
}

// with gives the terms that have a word.
func (n *names) with(word string) []uint32 {
	if at, ok := n.find(word); ok {
		return n.terms[at]
	}
	return nil
}

func (n *names) add(id uint32, value string) {
	if n == nil {
		return
	}
	for _, word := range n.keys(value) {
		at, ok := n.find(word)
		if !ok {
			at = n.place(strings.Clone(word))
			n.of.add(hashText(word), at)
		}
		n.terms[at] = append(n.terms[at], id)
	}
}

// place gives a new word a place.
func (n *names) place(word string) (at uint32) {
	if last := len(n.free) - 1; last >= 0 {
		at, n.free = n.free[last], n.free[:last]
		n.words[at] = word
		return at
	}
	n.words, n.terms = append(n.words, word), append(n.terms, nil)
	return uint32(len(n.words) - 1)
}

func (n *names) remove(id uint32, value string) {
	if n == nil {
		return
	}
	for _, word := range n.keys(value) {
		at, ok := n.find(word)
		if !ok {
			continue
		}
		ids := n.terms[at]
		if i := slices.Index(ids, id); i >= 0 {
			ids[i] = ids[len(ids)-1]
			ids = ids[:len(ids)-1]
		}
		if n.terms[at] = ids; len(ids) == 0 {
			n.of.remove(hashText(word), at)
			n.words[at], n.terms[at] = "", nil
			n.free = append(n.free, at)
		}
	}
}

// candidates gives the terms that have the rarest word of a phrase. A phrase
// that is nothing but the beginning of a word has those of all words that begin
// so; a term may come twice then.
func (n *names) candidates(p phrase) []uint32 {
	if whole := p.whole(); len(whole) > 0 {
		rarest := n.with(whole[0])
		for _, word := range whole[1:] {
			if ids := n.with(word); len(ids) < len(rarest) {
				rarest = ids
			}
		}
		return rarest
	}
	var all []uint32
	for at, word := range n.words {
		if strings.HasPrefix(word, p.words[0]) {
			all = append(all, n.terms[at]...)
		}
	}
	return all
}
