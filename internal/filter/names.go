package filter

import (
	"slices"
	"strings"
)

// names finds the terms whose value has a word, among hundreds of thousands of
// authors. A nil *names finds nothing and keeps nothing.
type names struct {
	words map[string][]uint32 // folded word to terms, in no order
}

func newNames() *names { return &names{words: make(map[string][]uint32)} }

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
}

func (n *names) remove(id uint32, value string) {
	if n == nil {
		return
	}
	for _, word := range distinct(value) {
		ids := n.words[word]
		if i := slices.Index(ids, id); i >= 0 {
			ids[i] = ids[len(ids)-1]
			ids = ids[:len(ids)-1]
		}
		if len(ids) == 0 {
			delete(n.words, word)
		} else {
			n.words[word] = ids
		}
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
