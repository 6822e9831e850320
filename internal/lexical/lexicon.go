package lexical

import (
	"slices"
	"sort"
	"strings"
)

// idMark begins the terms that are identifiers, which no word can.
const idMark = "\x01"

// lexicon numbers terms in the order in which they first appear, so that
// frequent ones tend to have small numbers, and keeps how many papers have each.
// Its owner's lock guards it. Nothing is ever taken out, and what it consists of only
// grows or is replaced, so that a copy of it is a snapshot.
type lexicon struct {
	// stems are the terms, by their numbers.
	stems *namer
	// shown is the shortest word seen for each term, which is what people are shown: its
	// number, or noNumber for a term that is shown as it is.
	shown []uint32
	// df is in how many live papers each term is.
	df counts
	// words are folded words, by numbers of their own; of leads from each to the term of
	// its stem.
	words *namer
	of    []uint32
	// sorted are words in order, as far as they have been sorted.
	sorted wordOrder
}

func newLexicon() *lexicon { return &lexicon{stems: newNamer(), words: newNamer()} }

// len is how many terms there are.
func (l *lexicon) len() int { return l.stems.len() }

// add gives the number of the term of a folded word, new ones included.
func (l *lexicon) add(w []byte) uint32 {
	if n, ok := l.words.find(w); ok {
		return l.of[n]
	}
	id := l.addTerm(stem(string(w)))
	n := l.words.put(w)
	l.of = append(l.of, id)
	l.show(id, n)
	return id
}

// addTerm gives the number of a term.
func (l *lexicon) addTerm(term string) uint32 {
	if id, ok := l.stems.named(term); ok {
		return id
	}
	id := l.stems.put([]byte(term))
	l.shown = append(l.shown, noNumber)
	l.df.grow(l.len())
	return id
}

// show offers a word to show for a term.
func (l *lexicon) show(id, word uint32) {
	if before := l.shown[id]; before != noNumber {
		s, w := l.words.at(before), l.words.at(word)
		if len(w) > len(s) || len(w) == len(s) && w >= s {
			return
		}
	}
	l.shown[id] = word
}

// name is what people are shown for a term.
func (l *lexicon) name(id uint32) string {
	if word := l.shown[id]; word != noNumber {
		return l.words.at(word)
	}
	return strings.TrimPrefix(l.stems.at(id), idMark)
}

// addID gives the number of an identifier's term.
func (l *lexicon) addID(id string) uint32 { return l.addTerm(idMark + id) }

// id finds the term of an identifier.
func (l *lexicon) id(key string) (uint32, bool) { return l.stems.named(idMark + key) }

// seen finds the term of a folded word that was seen.
func (l *lexicon) seen(w []byte) (uint32, bool) {
	n, ok := l.words.find(w)
	if !ok {
		return 0, false
	}
	return l.of[n], true
}

// word finds the term of a folded word; a word never seen may have a stem that
// was.
func (l *lexicon) word(w []byte) (uint32, bool) {
	if id, ok := l.seen(w); ok {
		return id, true
	}
	return l.stems.named(stem(string(w)))
}

// sort puts the words in order that are not yet, once they are many.
func (l *lexicon) sort() {
	if fresh := l.words.len() - l.sorted.n; fresh >= 1024+l.sorted.n/8 {
		l.sorted = l.ordered()
	}
}

// ordered gives all words in order.
func (l *lexicon) ordered() wordOrder {
	if l.sorted.n == l.words.len() {
		return l.sorted
	}
	fresh := make([]uint32, 0, l.words.len()-l.sorted.n)
	for n := l.sorted.n; n < l.words.len(); n++ {
		fresh = append(fresh, uint32(n))
	}
	words := &l.words.texts
	slices.SortFunc(fresh, func(a, b uint32) int { return strings.Compare(words.at(a), words.at(b)) })
	all := make([]uint32, 0, l.words.len()) // views read what there is
	for i := 0; i < l.sorted.n; {
		n := l.sorted.number(i)
		if len(fresh) > 0 && words.at(fresh[0]) < words.at(n) {
			all, fresh = append(all, fresh[0]), fresh[1:]
			continue
		}
		all = append(all, n)
		i++
	}
	return wordOrder{n: l.words.len(), numbers: append(all, fresh...)}
}

// wordOrder is the first n words of a lexicon in their order. It never changes.
type wordOrder struct {
	n       int
	numbers []uint32 // nil if their numbers are in that order
}

// number gives the number of the i-th word.
func (o *wordOrder) number(i int) uint32 {
	if o.numbers == nil {
		return uint32(i)
	}
	return o.numbers[i]
}

// wordList is some of the words of a lexicon that follow each other in their order.
type wordList struct {
	words    *texts
	order    *wordOrder
	from, to int
}

func (l wordList) len() int { return l.to - l.from }

func (l wordList) number(i int) uint32 { return l.order.number(l.from + i) }

func (l wordList) at(i int) string { return l.words.at(l.number(i)) }

// beginning gives the words that begin with something.
func (l wordList) beginning(with string) wordList {
	from := l.from + sort.Search(l.len(), func(i int) bool { return l.at(i) >= with })
	rest := wordList{l.words, l.order, from, l.to}
	rest.to = from + sort.Search(rest.len(), func(i int) bool { return !strings.HasPrefix(rest.at(i), with) })
	return rest
}
