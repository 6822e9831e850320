package lexical

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// The constants of BM25, chosen over three test collections at once: see
// docs/adr.
const (
	k1 = 1.5
	b  = 0.75
	// joinedWeight is how much the joined form of a compound counts in a query,
	// beside its parts.
	joinedWeight = 0.5
	// maxPrefixed is how many terms a prefix stands for, the most frequent.
	maxPrefixed = 64
)

// weighted is a term of a query.
type weighted struct {
	id uint32
	// count is how often the query has it; weight is count × idf.
	count, weight float64
	// exact marks an identifier, whose contribution is always its weight.
	exact bool
	// kept marks what is never cut: parts of phrases, prefixes, identifiers.
	kept bool
	// surface is the query's own word.
	surface string
	// scaled is weight in the units of scores.
	scaled float64
}

// plan is a query with the numbers of its terms and the statistics of one
// moment.
type plan struct {
	terms []weighted
	// must and mustNot are phrases, of one word or more.
	must, mustNot []phrase
	// never says that nothing can match, as a required word is unknown.
	never bool
	// flat says that there are only phrases of stop words: what has them matches,
	// one as well as the other.
	flat bool
	// dropped are the words that were cut.
	dropped []string
	// k0 and kl make a length into BM25's norm: k0 + kl × length.
	k0, kl float64
	// places leads from a term's number to its place in terms; marks has a bit
	// for each, by the number's last bits, as most numbers are not in there.
	places map[uint32]int
	marks  [64]uint64
	// postings is how many postings the terms have.
	postings uint64
	// unit is what a score of 1 is in BM25's own measure.
	unit float64
}

// scoreRange is the greatest score a paper can have, in whole numbers. Sums of
// whole numbers do not depend on their order, so neither does a ranking.
const scoreRange = 1 << 31

// idf is BM25's, never negative (as in Lucene; Robertson and Zaragoza, 2009,
// equation 3.3, plus 1 in the logarithm).
func idf(papers int, df uint32) float64 {
	return math.Log1p((float64(papers) - float64(df) + 0.5) / (float64(df) + 0.5))
}

// plan reads a query. The caller holds the read lock.
func (x *Index) plan(q Query, a *analyser) *plan {
	p := &plan{places: map[uint32]int{}}
	for _, c := range parse(q.Text, q.Mode) {
		switch c.kind {
		case clauseWords:
			x.addWords(p, a, c.text)
		case clausePrefix:
			x.addPrefix(p, a, c.text)
		case clausePhrase:
			ph, known := x.phrase(p, a, c.text, true)
			switch {
			case !known:
				p.never = true
			case len(ph) > 0:
				p.must = append(p.must, ph)
			}
		case clauseNot:
			if ph, known := x.phrase(p, a, c.text, false); known && len(ph) > 0 {
				p.mustNot = append(p.mustNot, ph)
			}
		}
	}
	if q.Mode == ModeSearch || len(q.Text) <= maxIDBytes {
		x.addIDs(p, q.Text) // a long text cites papers rather than names one
	}
	x.weigh(p, q.maxTerms())
	if p.flat = len(p.terms) == 0 && len(p.must) > 0; p.flat {
		p.unit = 1
	}
	return p
}

// add counts a term of the query.
func (p *plan) add(t weighted) {
	if i, ok := p.places[t.id]; ok {
		p.terms[i].count += t.count
		p.terms[i].kept = p.terms[i].kept || t.kept
		return
	}
	p.places[t.id] = len(p.terms)
	p.terms = append(p.terms, t)
}

// addWords adds a bag of words.
func (x *Index) addWords(p *plan, a *analyser, text string) {
	a.words(text, func(w word) {
		if w.alone || isStopWord(w.text) {
			return
		}
		id, ok := x.lexicon.word(w.text)
		if !ok || x.lexicon.df[id] == 0 {
			return
		}
		t := weighted{id: id, count: 1}
		if w.joined {
			t.count = joinedWeight
		}
		if _, ok := p.places[id]; !ok {
			t.surface = a.surface(text, w)
		}
		p.add(t)
	})
}

// surface gives the original text of a word.
func (a *analyser) surface(text string, w word) string {
	start, end := a.span(w)
	return strings.Clone(text[start:end])
}

// addPrefix adds the terms that a prefix stands for; what stands before it in a
// compound is words.
func (x *Index) addPrefix(p *plan, a *analyser, text string) {
	var parts []string
	a.words(text, func(w word) {
		if !w.beside() {
			parts = append(parts, string(w.text))
		}
	})
	if len(parts) == 0 {
		return
	}
	last := len(parts) - 1
	for _, w := range parts[:last] {
		if id, ok := x.lexicon.word([]byte(w)); ok && x.lexicon.df[id] > 0 && !isStopWord([]byte(w)) {
			p.add(weighted{id: id, count: 1, surface: w})
		}
	}
	for _, id := range x.lexicon.prefixed(parts[last], maxPrefixed) {
		p.add(weighted{id: id, count: 1, kept: true, surface: x.lexicon.shown[id]})
	}
}

// addIDs adds the identifiers in a query, and the whole query if it is one.
func (x *Index) addIDs(p *plan, text string) {
	keys := x.ids.find(text)
	if len(text) <= maxIDBytes {
		keys = append(keys, exactKey(text))
	}
	for _, key := range keys {
		if id, ok := x.lexicon.stems[idMark+key]; ok && x.lexicon.df[id] > 0 {
			p.add(weighted{id: id, count: 1, exact: true, kept: true, surface: key[strings.IndexByte(key, ':')+1:]})
		}
	}
}

// weigh gives the terms their weights, cuts the lightest, and scales the rest.
func (x *Index) weigh(p *plan, most int) {
	l := x.lexicon
	for i := range p.terms {
		t := &p.terms[i]
		t.weight = t.count * idf(x.papers, l.df[t.id])
	}
	slices.SortFunc(p.terms, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(l.terms[a.id], l.terms[b.id]))
	})
	kept, words := p.terms[:0], 0
	for _, t := range p.terms {
		if !t.kept {
			words++
		}
		if words > most && !t.kept {
			p.dropped = append(p.dropped, t.surface)
			continue
		}
		kept = append(kept, t)
	}
	p.terms = kept
	sum := 0.0
	for i := range p.terms {
		if !p.terms[i].exact {
			sum += p.terms[i].weight
		}
	}
	// A paper that is named outranks all that are merely alike.
	total := sum
	for i := range p.terms {
		if p.terms[i].exact {
			p.terms[i].weight = 1 + sum
			total += p.terms[i].weight
		}
	}
	p.unit = total / scoreRange
	for i := range p.terms {
		p.terms[i].scaled = p.terms[i].weight / total * scoreRange
	}
	average := 1.0
	if x.papers > 0 && x.length > 0 {
		average = float64(x.length) / float64(x.papers)
	}
	clear(p.places)
	for i, t := range p.terms {
		p.places[t.id] = i
		p.marks[t.id>>6&63] |= 1 << (t.id & 63)
		p.postings += uint64(l.df[t.id])
	}
	p.k0, p.kl = k1*(1-b), k1*b/average
}

// contribution gives what a term adds to the score of a paper. It never falls
// when tf grows or length shrinks, but for rounding by one.
func (p *plan) contribution(t *weighted, tf uint32, length uint16) uint32 {
	if t.exact {
		return uint32(t.scaled)
	}
	f := float64(tf)
	// The conversion keeps compilers from fusing the two operations, which
	// would round otherwise on other machines.
	norm := p.k0 + float64(p.kl*float64(length))
	return uint32(t.scaled * f / (f + norm))
}
