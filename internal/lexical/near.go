package lexical

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/vellum/levenshtein"

	"akin/internal/text/unify"
)

// Limits of what is looked for in the place of a word that hardly any paper has.
const (
	// mostSpelled is how many words of a text are looked at.
	mostSpelled = 32
	// mostNear is how many words are given for one.
	mostNear = 4
	// leastNear and leastFar are how many letters a word has that another may stand for
	// that is one or two edits away.
	leastNear, leastFar = 4, 8
	// longestNear is how many bytes a word has at most.
	longestNear = 32
)

// Rare is a word of a text that hardly any paper has, and words of papers that are near
// it.
type Rare struct {
	// Start and End are its bytes in the text, Papers how many papers have it.
	Start, End int
	Papers     int
	// Near are words that more papers have, the nearest first and of those the ones of
	// most papers. Of a word that papers have, as they rarely do by mistake, they are those
	// one edit away that begin alike, if it has eight letters.
	Near []NearWord
}

// NearWord is a word of papers that is some edits away: a letter more, less, or another,
// or two that change places.
type NearWord struct {
	Word   string
	Edits  int
	Papers int
}

// speller makes automata of edit distances.
type speller struct {
	one, two *levenshtein.LevenshteinAutomatonBuilder
}

func newSpeller() (s speller, err error) {
	if s.one, err = levenshtein.NewLevenshteinAutomatonBuilder(1, true); err == nil {
		s.two, err = levenshtein.NewLevenshteinAutomatonBuilder(2, true)
	}
	return s, err
}

// dfa gives the automaton of words near one; nil for one that is too short.
func (s *speller) dfa(word string) (*levenshtein.DFA, error) {
	switch n := utf8.RuneCountInString(word); {
	case n < leastNear || len(word) > longestNear:
		return nil, nil //nolint:nilnil // no automaton is no fault
	case n < leastFar:
		return s.one.BuildDfa(word, 1)
	}
	return s.two.BuildDfa(word, 2)
}

// slip gives the automaton of words that papers may have one letter wrong; nil for one that
// is too short to tell.
func (s *speller) slip(word string) (*levenshtein.DFA, error) {
	if utf8.RuneCountInString(word) < leastFar || len(word) > longestNear {
		return nil, nil //nolint:nilnil // no automaton is no fault
	}
	return s.one.BuildDfa(word, 1)
}

// Rare gives the words of a short text that at most some papers have, with words that
// are near them; known says how many others it has, stop words aside. A text of more
// than 32 words has none.
func (v *View) Rare(ctx context.Context, text string, papers int) (rare []Rare, known int, err error) {
	tokens := slices.DeleteFunc(Analyse(text), func(t Token) bool { return t.Joined })
	if len(tokens) > mostSpelled {
		return nil, 0, nil
	}
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = t.Term
	}
	ids, found := v.TermIDs(names)
	for i, t := range tokens {
		n := 0
		if found[i] {
			n = int(v.df.at(ids[i]))
		}
		if n > papers {
			known++
			continue
		}
		near, err := v.near(ctx, unify.Plain(text[t.Start:t.End]), n)
		if err != nil {
			return nil, 0, err
		}
		rare = append(rare, Rare{Start: t.Start, End: t.End, Papers: n, Near: near})
	}
	return rare, known, nil
}

// near gives the words near one that more papers have.
func (v *View) near(ctx context.Context, word string, papers int) ([]NearWord, error) {
	if strings.ContainsFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return nil, nil // digits and signs are meant, and other scripts are not written so
	}
	s, err := v.x.speller()
	if err != nil {
		return nil, err
	}
	sorted, begins, build := v.sorted(), "", s.dfa
	if papers > 0 && len(word) > 0 {
		begins, build = word[:1], s.slip
		sorted = sorted.beginning(begins)
	}
	dfa, err := build(word)
	if err != nil || dfa == nil {
		return nil, err
	}
	words, err := accepted(ctx, dfa, sorted)
	if err != nil {
		return nil, err
	}
	for n := v.order.n; n < v.words.len(); n++ {
		w := v.words.at(uint32(n))
		if ok, _ := dfa.MatchAndDistance(w); ok && strings.HasPrefix(w, begins) {
			words = append(words, w)
		}
	}
	ids, _ := v.wordIDs(words)
	var out []NearWord
	for i, w := range words {
		if n := int(v.df.at(ids[i])); n > papers {
			_, edits := dfa.MatchAndDistance(w)
			out = append(out, NearWord{w, int(edits), n})
		}
	}
	slices.SortFunc(out, func(a, b NearWord) int {
		return cmp.Or(cmp.Compare(a.Edits, b.Edits), cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Word, b.Word))
	})
	return out[:min(len(out), mostNear)], nil
}

// wordIDs gives the numbers of the terms of words that were seen.
func (v *View) wordIDs(words []string) (ids []uint32, found []bool) {
	ids, found = make([]uint32, len(words)), make([]bool, len(words))
	v.chunks(len(words), func(from, to int) {
		for i := from; i < to; i++ {
			ids[i], found[i] = v.x.lexicon.seen([]byte(words[i]))
		}
	})
	return ids, found
}

// accepted gives the words of a sorted list that an automaton accepts. It walks the list
// as the tree of its prefixes: what it has read of a word it has read of those that
// begin so, and where no continuation can be accepted, it goes behind all of them.
func accepted(ctx context.Context, dfa *levenshtein.DFA, sorted wordList) (out []string, err error) {
	states := []int{dfa.Start()} // by the length of the prefix of before
	before := ""
	for i, read := 0, 0; i < sorted.len(); read++ {
		if read%window == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		w := sorted.at(i)
		at := min(sharedPrefix(before, w), len(states)-1)
		states = states[:at+1]
		for at < len(w) && dfa.CanMatch(states[at]) {
			states = append(states, dfa.Accept(states[at], w[at]))
			at++
		}
		before = w[:at]
		switch {
		case !dfa.CanMatch(states[at]):
			i += sort.Search(sorted.len()-i, func(k int) bool {
				w := sorted.at(i + k)
				return !strings.HasPrefix(w, before) && w > before
			})
			continue
		case at == len(w) && dfa.IsMatch(states[at]):
			out = append(out, w)
		}
		i++
	}
	return out, nil
}

func sharedPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
