package filter

import (
	"slices"
	"strings"
)

// names finds the terms whose value has a word, among hundreds of thousands of
// authors. A nil *names finds nothing and keeps nothing.
type names struct {
	words map[string][]uint32 // folded word to terms, in no order
	// spelt finds values of several words by their initials; nil where they mean
	// nothing.
	spelt map[string][]uint32
}

func newNames(spelt bool) *names {
	n := &names{words: make(map[string][]uint32)}
	if spelt {
		n.spelt = make(map[string][]uint32)
	}
	return n
}

// abbreviation gives the initials of a value that can be found by them, or "".
func (n *names) abbreviation(value string) string {
	if n.spelt == nil {
		return ""
	}
	if short := initials(wordsOf(value)); len(short) >= 3 {
		return short
	}
	return ""
}

// distinct gives the words of a value once each.
func distinct(value string) []string {
	words := wordsOf(value)
	slices.Sort(words)
	return slices.Compact(words)
}

func (n *names) add(id uint32, value string) {
	if n == nil {
		return
	}
	for _, word := range distinct(value) {
		ids, ok := n.words[word]
		if !ok {
			word = strings.Clone(word)
		}
		n.words[word] = append(ids, id)
	}
	if short := n.abbreviation(value); short != "" {
		n.spelt[short] = append(n.spelt[short], id)
	}
}

func (n *names) remove(id uint32, value string) {
	if n == nil {
		return
	}
	for _, word := range distinct(value) {
		without(n.words, word, id)
	}
	if short := n.abbreviation(value); short != "" {
		without(n.spelt, short, id)
	}
}

// without takes a term out of the list of a word, and the word away with its last.
func without(lists map[string][]uint32, word string, id uint32) {
	ids := lists[word]
	if i := slices.Index(ids, id); i >= 0 {
		ids[i] = ids[len(ids)-1]
		ids = ids[:len(ids)-1]
	}
	if len(ids) == 0 {
		delete(lists, word)
	} else {
		lists[word] = ids
	}
}

// candidates gives the terms that have the rarest word of a phrase. A phrase
// that is nothing but the beginning of a word has those of all words that begin
// so; a term may come twice then.
func (n *names) candidates(p phrase) []uint32 {
	if whole := p.whole(); len(whole) > 0 {
		rarest := n.words[whole[0]]
		for _, word := range whole[1:] {
			if ids := n.words[word]; len(ids) < len(rarest) {
				rarest = ids
			}
		}
		return rarest
	}
	var all []uint32
	for word, ids := range n.words {
		if strings.HasPrefix(word, p.words[0]) {
			all = append(all, ids...)
		}
	}
	return all
}
