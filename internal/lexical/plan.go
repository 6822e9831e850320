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
// moment. It does not change once it is made.
type plan struct {
	terms []weighted
	// must and mustNot are phrases, of one word or more.
	must, mustNot []phrase
	// quoted are the terms of all of these.
	quoted []uint32
	// never says that nothing can match, as a required word is unknown.
	never bool
	// steps are the phrases and exclusions in their order, unknown the words that
	// no paper has.
	steps   []quotation
	unknown []string
	// dropped are the words that were cut.
	dropped []string
	// k0 and kl make a length into BM25's norm: k0 + kl × length.
	k0, kl float64
	// places leads from a term's number to its place in terms; marks has a bit
	// for each, by the number's last bits, as most numbers are not in there.
	places map[uint32]int
	marks  marks
	// postings is how many postings the terms have.
	postings uint64
	// unit is what a score of 1 is in BM25's own measure.
	unit float64
}

// quotation is a phrase or an exclusion of a query.
type quotation struct {
	kind StepKind
	text string
	// phrase is nil where no paper has one of its words.
	phrase phrase
}

// marks says quickly that a number is not in a set, mostly.
type marks [64]uint64

func (m *marks) set(id uint32) { m[id>>6&63] |= 1 << (id & 63) }

func (m *marks) may(id uint32) bool { return m[id>>6&63]&(1<<(id&63)) != 0 }

// scoreRange is the greatest score a paper can have, in whole numbers. Sums of
// whole numbers do not depend on their order, so neither does a ranking.
const scoreRange = 1 << 31

// idf is BM25's, never negative (as in Lucene; Robertson and Zaragoza, 2009,
// equation 3.3, plus 1 in the logarithm).
func idf(papers int, df uint32) float64 {
	return math.Log1p((float64(papers) - float64(df) + 0.5) / (float64(df) + 0.5))
}

// queryWord is a word of a query.
type queryWord struct {
	// from and to are its folded bytes in the searcher's arena, start and end its
	// place in the clause.
	from, to, start, end int
	position             int
	joined, stop         bool
	// id is its term, if a paper has it.
	id    uint32
	known bool
}

// gather splits a clause into words.
func (s *searcher) gather(text string) {
	s.analyser.words(text, func(w word) {
		from := len(s.arena)
		s.arena = append(s.arena, w.text...)
		q := queryWord{from: from, to: len(s.arena), position: w.position, joined: w.joined, stop: stopWord(w.text)}
		q.start, q.end = s.analyser.span(w)
		s.words = append(s.words, q)
	})
}

// folded gives the folded form of a word.
func (s *searcher) folded(w *queryWord) string { return string(s.arena[w.from:w.to]) }

// plan reads a query.
func (v *View) plan(q Query, s *searcher) (*plan, error) {
	clauses := parse(q.Text, q.Mode)
	s.words, s.arena = s.words[:0], s.arena[:0]
	ends := make([]int, len(clauses))
	for i, c := range clauses {
		s.gather(c.text)
		ends[i] = len(s.words)
	}
	if err := checkClauses(clauses, s.words, ends); err != nil {
		return nil, err
	}
	v.resolve(s)
	p := &plan{places: map[uint32]int{}}
	from := 0
	for i, c := range clauses {
		words := s.words[from:ends[i]]
		from = ends[i]
		switch c.kind {
		case clauseWords:
			p.addWords(s, words, c.text)
		case clausePrefix:
			v.addPrefix(p, s, words)
		case clausePhrase, clauseNot:
			p.addQuotation(words, c)
		}
	}
	if q.Mode == ModeSearch || len(q.Text) <= maxIDBytes {
		v.addIDs(p, q.Text) // a long text cites papers rather than names one
	}
	v.weigh(p, q.maxTerms())
	return p, v.checkWork(p)
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
func (p *plan) addWords(s *searcher, words []queryWord, text string) {
	for i := range words {
		w := &words[i]
		if !w.known {
			p.miss(w, text)
			continue
		}
		if w.stop {
			continue
		}
		t := weighted{id: w.id, count: 1}
		if w.joined {
			t.count = joinedWeight
		}
		if _, ok := p.places[w.id]; !ok {
			t.surface = w.surface(text)
		}
		p.add(t)
	}
}

// miss notes a word that no paper has.
func (p *plan) miss(w *queryWord, text string) {
	if w.joined || w.stop || len(p.unknown) == MaxUnknown {
		return
	}
	if s := w.surface(text); !slices.Contains(p.unknown, s) {
		p.unknown = append(p.unknown, s)
	}
}

// surface gives the original text of a word.
func (w *queryWord) surface(text string) string { return strings.Clone(text[w.start:w.end]) }

// addPrefix adds the terms that a prefix stands for; what stands before it in a
// compound is words.
func (v *View) addPrefix(p *plan, s *searcher, words []queryWord) {
	words = slices.DeleteFunc(slices.Clone(words), func(w queryWord) bool { return w.joined })
	if len(words) == 0 {
		return
	}
	last := len(words) - 1
	for i := range words[:last] {
		if w := &words[i]; w.known && !w.stop {
			p.add(weighted{id: w.id, count: 1, surface: s.folded(w)})
		}
	}
	ids := v.prefixed(s.folded(&words[last]), maxPrefixed)
	for i, surface := range v.shown(ids) {
		p.add(weighted{id: ids[i], count: 1, kept: true, surface: surface})
	}
}

// addQuotation adds a phrase, whose terms count, or an exclusion, whose don't. An
// exclusion of a word that no paper has is nothing.
func (p *plan) addQuotation(words []queryWord, c clause) {
	var ph phrase
	known, any, first := true, false, 0
	for i := range words {
		w := &words[i]
		if w.joined || w.stop {
			continue
		}
		if !any {
			any, first = true, w.position
		}
		if !w.known {
			known = false
			continue
		}
		ph, p.quoted = append(ph, phraseWord{w.id, w.position - first}), append(p.quoted, w.id)
		if c.kind == clausePhrase {
			p.add(weighted{id: w.id, count: 1, kept: true, surface: w.surface(c.text)})
		}
	}
	switch {
	case !any || !known && c.kind == clauseNot:
	case c.kind == clauseNot:
		p.mustNot = append(p.mustNot, ph)
		p.steps = append(p.steps, quotation{StepExclusion, c.text, ph})
	case !known:
		p.never = true
		p.steps = append(p.steps, quotation{StepPhrase, c.text, nil})
	default:
		p.must = append(p.must, ph)
		p.steps = append(p.steps, quotation{StepPhrase, c.text, ph})
	}
}

// addIDs adds the identifiers in a query, and the whole query if it is one.
func (v *View) addIDs(p *plan, text string) {
	keys := v.x.ids.find(text)
	if len(text) <= maxIDBytes {
		keys = append(keys, exactKey(text))
	}
	v.chunks(len(keys), func(from, to int) {
		for _, key := range keys[from:to] {
			if id, ok := v.x.lexicon.stems[idMark+key]; ok && v.df.at(id) > 0 {
				p.add(weighted{id: id, count: 1, exact: true, kept: true, surface: key[strings.IndexByte(key, ':')+1:]})
			}
		}
	})
}

// weigh gives the terms their weights, cuts the lightest, and scales the rest.
func (v *View) weigh(p *plan, most int) {
	for i := range p.terms {
		t := &p.terms[i]
		t.weight = t.count * idf(v.papers, v.df.at(t.id))
	}
	slices.SortFunc(p.terms, func(a, b weighted) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(v.terms[a.id], v.terms[b.id]))
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
	if v.papers > 0 && v.length > 0 {
		average = float64(v.length) / float64(v.papers)
	}
	clear(p.places)
	for i, t := range p.terms {
		p.places[t.id] = i
		p.marks.set(t.id)
		p.postings += uint64(v.df.at(t.id))
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
