package lexical

import (
	"cmp"
	"math"
	"math/bits"
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
	// must and mustNot are phrases, of one word or more; raise are those that raise
	// papers, and are none of quoted.
	must, mustNot, raise []phrase
	// quoted are the terms of all of these, but for stop words.
	quoted []uint32
	// spots is how their words are found in records.
	spots spots
	// flat says that there are only phrases of stop words, which weigh nothing: all
	// papers that have them get the same score.
	flat bool
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
	table  placeTable // places, once they are known
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

// marks has a bit for the last 12 bits of each number of a set: where it is not set,
// the number is not in the set; where it is, it may be another with the same bits.
type marks [64]uint64

func (m *marks) set(id uint32) { m[id>>6&63] |= 1 << (id & 63) }

func (m *marks) may(id uint32) bool { return m[id>>6&63]&(1<<(id&63)) != 0 }

// placeTable leads from the numbers of a few terms to their places in a list, in less time
// than a map: each word of many records is looked for. At most a quarter of it is filled.
type placeTable struct {
	shift  uint8
	keys   []uint32 // a number and 1, or 0 where nothing is
	places []int32
}

func newPlaceTable(n int) placeTable {
	size := 2 + bits.Len(uint(n))
	return placeTable{shift: uint8(32 - size), keys: make([]uint32, 1<<size), places: make([]int32, 1<<size)}
}

// slot is where a number is, or would be.
func (t *placeTable) slot(id uint32) uint32 {
	at := id * 0x9E3779B1 >> t.shift // the golden ratio, which spreads neighbours
	for t.keys[at] != 0 && t.keys[at] != id+1 {
		at = (at + 1) & uint32(len(t.keys)-1)
	}
	return at
}

func (t *placeTable) put(id uint32, place int) {
	at := t.slot(id)
	t.keys[at], t.places[at] = id+1, int32(place)
}

func (t *placeTable) at(id uint32) (place int, ok bool) {
	at := t.slot(id)
	return int(t.places[at]), t.keys[at] != 0
}

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
	joined, alone        bool
	formula              bool
	// stop is the number of a stop word, or 0.
	stop uint32
	// id is its term, if a paper has it.
	id    uint32
	known bool
}

// beside says that the word is another form of what stands at its position, and is no
// word more: the whole of a compound, or a single letter of a pair.
func (w *queryWord) beside() bool { return w.joined || w.alone }

// gather splits a clause into words.
func (s *searcher) gather(c clause) {
	text := c.text
	if c.kind != clauseWords && c.kind != clausePrefix && !c.starred {
		text, _ = opened(text)
	}
	s.analyser.words(text, func(w word) {
		from := len(s.arena)
		s.arena = append(s.arena, w.text...)
		q := queryWord{from: from, to: len(s.arena), position: w.position, joined: w.joined, alone: w.alone, formula: w.formula, stop: stopWord(w.text)}
		q.start, q.end = s.analyser.span(w)
		s.words = append(s.words, q)
	})
}

// nameStarred reads a word in capitals with a * as the name that it is in papers (RRT*).
// Where none has that, the * leaves a word open as any does.
func (v *View) nameStarred(c *clause) {
	text := c.text
	switch c.kind {
	case clausePrefix:
		text += "*"
	case clausePhrase, clauseNot:
		if _, open := opened(text); !open {
			return
		}
	case clauseWords, clauseMark:
		return
	}
	last := text[strings.LastIndexFunc(text, func(r rune) bool { return r != '*' && !alphanumeric(r) })+1:]
	if !inCapitals(last) {
		return
	}
	ids, found := v.TermIDs([]string{strings.ToLower(last)})
	if !found[0] || v.df.at(ids[0]) == 0 {
		return
	}
	if c.starred = true; c.kind == clausePrefix {
		c.kind, c.text = clauseWords, text
	}
}

// folded gives the folded form of a word.
func (s *searcher) folded(w *queryWord) string { return string(s.arena[w.from:w.to]) }

// plan reads a query.
func (v *View) plan(q Query, s *searcher) (*plan, error) {
	clauses := parse(q.Text, q.Mode)
	for i := range clauses {
		v.nameStarred(&clauses[i])
	}
	s.words, s.arena = s.words[:0], s.arena[:0]
	ends := make([]int, len(clauses))
	for i, c := range clauses {
		from := len(s.words)
		if s.gather(c); c.kind == clauseWords {
			s.joinNeighbours(from)
		}
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
			v.addWords(p, s, withoutFormulas(words, q.Mode), c.text)
		case clausePrefix:
			v.addPrefix(p, s, words)
		case clausePhrase, clauseNot:
			v.addQuotation(p, s, words, c)
		case clauseMark:
			p.addMarked(words)
		}
	}
	if q.Mode == ModeSearch || len(q.Text) <= maxIDBytes {
		v.addIDs(p, q.Text) // a long text cites papers rather than names one
	}
	v.weigh(p, q.maxTerms())
	if p.flat = len(p.terms) == 0 && len(p.must) > 0; p.flat {
		p.unit = 1
	}
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
func (v *View) addWords(p *plan, s *searcher, words []queryWord, text string) {
	for i := range words {
		w := &words[i]
		if w.alone || w.stop != 0 {
			continue
		}
		if !w.known {
			p.miss(w, text)
			if ids, ok := v.parted(s.folded(w)); ok && !w.beside() && len(words) <= mostTyped {
				for _, id := range ids {
					p.add(weighted{id: id, count: joinedWeight, surface: w.surface(text)})
				}
			}
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

// withoutFormulas leaves out the letters and numbers of formulas, which say nothing of
// what a text is about. In a query that somebody typed they are words.
func withoutFormulas(words []queryWord, mode Mode) []queryWord {
	formula := func(w queryWord) bool { return w.formula }
	if mode == ModeSearch && len(words) <= mostTyped || !slices.ContainsFunc(words, formula) {
		return words
	}
	left := slices.DeleteFunc(slices.Clone(words), formula)
	if !slices.ContainsFunc(left, func(w queryWord) bool { return w.stop == 0 }) {
		return words
	}
	return left
}

// miss notes a word that no paper has.
func (p *plan) miss(w *queryWord, text string) {
	if w.beside() || len(p.unknown) == MaxUnknown {
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
	words = slices.DeleteFunc(slices.Clone(words), func(w queryWord) bool { return w.beside() })
	if len(words) == 0 {
		return
	}
	last := len(words) - 1
	for i := range words[:last] {
		if w := &words[i]; w.known && w.stop == 0 {
			p.add(weighted{id: w.id, count: 1, surface: s.folded(w)})
		}
	}
	ids := v.prefixed(s.folded(&words[last]), maxPrefixed)
	for i, surface := range v.shown(ids) {
		p.add(weighted{id: ids[i], count: 1, kept: true, surface: surface})
	}
}

// addQuotation adds a phrase, whose terms count, or an exclusion, whose don't. Its
// last word may be left open by a *. An exclusion of a word that no paper has is
// nothing.
func (v *View) addQuotation(p *plan, s *searcher, words []queryWord, c clause) {
	_, open := opened(c.text)
	open = open && !c.starred
	counts := c.kind == clausePhrase
	words = slices.DeleteFunc(slices.Clone(words), func(w queryWord) bool { return w.beside() })
	var ph phrase
	known := true
	for i := range words {
		w := &words[i]
		sl := slot{offset: w.position - words[0].position}
		switch {
		case open && i == len(words)-1:
			sl.ids = v.openWord(p, s.folded(w), counts)
			known = known && len(sl.ids) > 0
		case w.stop != 0:
			sl.ids, sl.stop = []uint32{w.stop}, true
		case !w.known:
			known = false
		default:
			sl.ids = []uint32{w.id}
			if counts {
				p.add(weighted{id: w.id, count: 1, kept: true, surface: w.surface(c.text)})
			}
		}
		ph = append(ph, sl)
	}
	switch {
	case len(ph) == 0 || !known && c.kind == clauseNot:
		return
	case !known:
		p.never = true
		p.steps = append(p.steps, quotation{StepPhrase, c.text, nil})
		return
	}
	for i := range ph {
		ph[i].place = p.spots.place(&ph[i])
		if !ph[i].stop {
			p.quoted = append(p.quoted, ph[i].ids...)
		}
	}
	if c.kind == clauseNot {
		p.mustNot, p.steps = append(p.mustNot, ph), append(p.steps, quotation{StepExclusion, c.text, ph})
		return
	}
	p.must, p.steps = append(p.must, ph), append(p.steps, quotation{StepPhrase, c.text, ph})
}

// addMarked adds a phrase that raises the papers that have it. One with a word that no
// paper has raises none.
func (p *plan) addMarked(words []queryWord) {
	words = slices.DeleteFunc(slices.Clone(words), func(w queryWord) bool { return w.beside() })
	var ph phrase
	for i := range words {
		w := &words[i]
		switch {
		case w.stop != 0:
			ph = append(ph, slot{ids: []uint32{w.stop}, stop: true, offset: w.position - words[0].position})
		case w.known:
			ph = append(ph, slot{ids: []uint32{w.id}, offset: w.position - words[0].position})
		default:
			return
		}
	}
	for i := range ph {
		ph[i].place = p.spots.place(&ph[i])
	}
	if len(ph) > 0 {
		p.raise = append(p.raise, ph)
	}
}

// openWord gives all terms that have a word that begins so, sorted.
func (v *View) openWord(p *plan, begin string, count bool) []uint32 {
	ids := v.prefixed(begin, math.MaxInt)
	if count {
		most := ids[:min(len(ids), maxPrefixed)]
		for i, surface := range v.shown(most) {
			p.add(weighted{id: most[i], count: 1, kept: true, surface: surface})
		}
	}
	return slices.Sorted(slices.Values(ids))
}

// addIDs adds the identifiers in a query, and the whole query if it is one.
func (v *View) addIDs(p *plan, text string) {
	keys := v.x.ids.find(text)
	if len(text) <= maxIDBytes {
		keys = append(keys, exactKey(text))
	}
	v.chunks(len(keys), func(from, to int) {
		for _, key := range keys[from:to] {
			if id, ok := v.x.lexicon.id(key); ok && v.df.at(id) > 0 {
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
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(v.terms.at(a.id), v.terms.at(b.id)))
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
	p.table = newPlaceTable(len(p.terms))
	for i, t := range p.terms {
		p.places[t.id] = i
		p.table.put(t.id, i)
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
	return uint32(t.scaled * f / (f + p.norm(length)))
}

// norm is BM25's of a length. The conversion keeps compilers from fusing the two operations,
// which would round otherwise on other machines.
func (p *plan) norm(length uint16) float64 { return p.k0 + float64(p.kl*float64(length)) }
