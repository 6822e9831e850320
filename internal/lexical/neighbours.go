package lexical

import "slices"

// One word is written as two, and two as one: data set and dataset. Compounds with a
// hyphen have both forms already.

// shortestPart is how many letters a part of such a word has at least.
const shortestPart = 3

// joinNeighbours adds the words that neighbours of a short clause make when they are
// written as one, from a word of the searcher on.
func (s *searcher) joinNeighbours(from int) {
	words := slices.DeleteFunc(slices.Clone(s.words[from:]), func(w queryWord) bool { return w.beside() })
	if len(words) > mostTyped {
		return
	}
	for i := 1; i < len(words); i++ {
		a, b := &words[i-1], &words[i]
		if b.position != a.position+1 || !s.joinable(a) || !s.joinable(b) {
			continue
		}
		w := queryWord{from: len(s.arena), start: a.start, end: b.end, position: a.position, joined: true}
		s.arena = append(append(s.arena, s.arena[a.from:a.to]...), s.arena[b.from:b.to]...)
		w.to = len(s.arena)
		s.words = append(s.words, w)
	}
}

// joinable says whether a word may be a part of one: only small letters, and enough.
func (s *searcher) joinable(w *queryWord) bool {
	if w.stop != 0 || w.to-w.from < shortestPart {
		return false
	}
	return !slices.ContainsFunc(s.arena[w.from:w.to], func(c byte) bool { return c < 'a' || c > 'z' })
}

// parted gives the two words of papers that a word that no paper has is made of, those of
// which the rarer is the most frequent; ok is false where there are none.
func (v *View) parted(w string) (ids [2]uint32, ok bool) {
	if len(w) < 2*shortestPart || len(w) > longestNear || slices.ContainsFunc([]byte(w), func(c byte) bool { return c < 'a' || c > 'z' }) {
		return ids, false
	}
	var parts []string
	for at := shortestPart; at <= len(w)-shortestPart; at++ {
		parts = append(parts, w[:at], w[at:])
	}
	found, known := v.wordIDs(parts)
	most := uint32(0)
	for i := 0; i < len(parts); i += 2 {
		a, b := found[i], found[i+1]
		inView := known[i] && known[i+1] && max(int(a), int(b)) < v.terms.len()
		if !inView || isStopWord([]byte(parts[i])) || isStopWord([]byte(parts[i+1])) {
			continue
		}
		if n := min(v.df.at(a), v.df.at(b)); n > most {
			most, ids, ok = n, [2]uint32{a, b}, true
		}
	}
	return ids, ok
}

// AnalyseQuery gives the terms of a bag of words as a query looks for them where an index
// is not at hand: those of [Analyse], and, joined, those that neighbours of a short text
// make when they are written as one. Papers may have none of these. It may be called from
// any goroutine.
func AnalyseQuery(text string) []Token {
	var s searcher
	s.gather(clause{kind: clauseWords, text: text})
	s.joinNeighbours(0)
	tokens := make([]Token, 0, len(s.words))
	for i := range s.words {
		w := &s.words[i]
		if w.alone || w.stop != 0 {
			continue
		}
		tokens = append(tokens, Token{Term: stem(s.folded(w)), Start: w.start, End: w.end, Position: w.position, Joined: w.joined, Formula: w.formula})
	}
	return tokens
}
