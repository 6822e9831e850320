package catalogtest

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// split gives the words of a text, in lower case: runs of letters and digits.
func split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// document is the words of a paper.
type document struct {
	title, abstract []string
	// counts says how often each word is in the title and in the abstract.
	counts map[string][2]int
}

func documentOf(p *paper.Paper) document {
	d := document{split(p.Title), split(p.Abstract), make(map[string][2]int)}
	for field, words := range [][]string{d.title, d.abstract} {
		for _, w := range words {
			n := d.counts[w]
			n[field]++
			d.counts[w] = n
		}
	}
	return d
}

func (d *document) len() int { return len(d.title) + len(d.abstract) }

// count says how often the fields have what a term stands for.
func (d *document) count(t term) (title, abstract int) {
	if !t.prefix {
		n := d.counts[t.word]
		return n[0], n[1]
	}
	for w, n := range d.counts {
		if t.is(w) {
			title, abstract = title+n[0], abstract+n[1]
		}
	}
	return title, abstract
}

// has says whether a field has a phrase.
func (d *document) has(c clause) bool { return contains(d.title, c) || contains(d.abstract, c) }

// statistics are what scores need to know of all papers of a state.
type statistics struct {
	having  map[string]int // how many papers have a word
	average float64        // of the lengths of papers, in words
}

func (s *state) statistics() statistics {
	s.once.Do(func() {
		s.stats.having = make(map[string]int)
		for _, e := range s.entries {
			s.stats.average += float64(e.words.len()) / float64(len(s.entries))
			for w := range e.words.counts {
				s.stats.having[w]++
			}
		}
	})
	return s.stats
}

func contains(words []string, c clause) bool {
	last := len(c.words) - 1
	for i := 0; i+last < len(words); i++ {
		if slices.Equal(words[i:i+last], c.words[:last]) && (term{c.words[last], c.open}).is(words[i+last]) {
			return true
		}
	}
	return false
}

// term is a word that is looked for, or how it begins.
type term struct {
	word   string
	prefix bool
}

func (t term) is(word string) bool {
	return word == t.word || t.prefix && strings.HasPrefix(word, t.word)
}

// clause is a phrase that is wanted or excluded; open says that its last word may go on.
type clause struct {
	text           string
	words          []string
	excluded, open bool
}

// typed is a query that was taken apart.
type typed struct {
	terms   []term
	clauses []clause
	// raise are phrases that raise the papers that have them.
	raise []clause
}

// parse reads a query: of a typed one "phrases", -exclusions and prefix*, of any
// other all as words.
func parse(q catalog.Words) typed {
	var out typed
	rest := q.Text
	for q.Typed && rest != "" {
		token, after := cut(rest)
		rest = after
		bare, excluded := strings.CutPrefix(token, "-")
		quoted := len(bare) > 1 && bare[0] == '"'
		words := split(bare)
		switch {
		case len(words) == 0:
		case excluded || quoted:
			inside := strings.Trim(bare, `"`)
			out.clauses = append(out.clauses, clause{inside, words, excluded, strings.HasSuffix(inside, "*")})
			if !excluded {
				out.add(words...)
			}
		case strings.HasSuffix(bare, "*"):
			out.terms = append(out.terms, term{words[0], true})
		default:
			out.add(words...)
		}
	}
	if !q.Typed {
		out.add(split(q.Text)...)
	}
	if q.Marked && !q.Typed {
		for i, inside := range strings.Split(q.Text, `"`) {
			if words := split(inside); i%2 == 1 && len(words) > 0 {
				out.raise = append(out.raise, clause{text: inside, words: words})
			}
		}
	}
	return out
}

// add adds words, once each.
func (t *typed) add(words ...string) {
	for _, w := range words {
		if !slices.Contains(t.terms, term{word: w}) {
			t.terms = append(t.terms, term{word: w})
		}
	}
}

// cut takes the first word, or what stands in quotation marks, from a query.
func cut(text string) (token, rest string) {
	text = strings.TrimLeft(text, " ")
	from := 0
	if strings.HasPrefix(text, "-") {
		from = 1
	}
	if len(text) > from && text[from] == '"' {
		if end := strings.IndexByte(text[from+1:], '"'); end >= 0 {
			return text[:from+1+end+1], text[from+1+end+1:]
		}
	}
	token, rest, _ = strings.Cut(text, " ")
	return token, rest
}

// asked is a query over the papers of a view.
type asked struct {
	typed
	idf     []float64 // parallel to terms; 0 for what no paper has
	average float64   // of the lengths of papers, in words
}

func (v *view) read(q catalog.Words) *asked {
	stats := v.statistics()
	a := &asked{typed: parse(q), average: stats.average}
	a.idf = make([]float64, len(a.terms))
	for i, t := range a.terms {
		n := stats.having[t.word]
		if t.prefix {
			n = len(slices.DeleteFunc(slices.Clone(v.entries), func(e *entry) bool { title, abstract := e.words.count(t); return title+abstract == 0 }))
		}
		if n > 0 {
			a.idf[i] = math.Log(1 + (float64(len(v.entries)-n)+.5)/(float64(n)+.5))
		}
	}
	return a
}

// part is what a term adds to the score of a paper: BM25 (Robertson and Zaragoza, The
// probabilistic relevance framework, 2009) with k1 = 1.2 and b = 0.75.
func (a *asked) part(i int, d *document) float64 {
	title, abstract := d.count(a.terms[i])
	tf := float64(title + abstract)
	if tf == 0 {
		return 0
	}
	return a.idf[i] * tf * 2.2 / (tf + 1.2*(.25+.75*float64(d.len())/a.average))
}

// score is the score of a paper; 0 without a word of the query.
func (a *asked) score(d *document) (sum float64) {
	for i := range a.terms {
		sum += a.part(i, d)
	}
	for _, c := range a.raise {
		if d.has(c) {
			sum *= 1.1
		}
	}
	return sum
}

// allows says that a paper has the phrases, and nothing that is excluded.
func (a *asked) allows(d *document) bool {
	for _, c := range a.clauses {
		if d.has(c) == c.excluded {
			return false
		}
	}
	return true
}

// found says that a paper is one of the words' own candidates.
func (a *asked) found(d *document) bool { return a.score(d) > 0 && a.allows(d) }

// known are the words that a paper has.
func (a *asked) known() (words []string) {
	for i, t := range a.terms {
		if a.idf[i] > 0 {
			words = append(words, t.word)
		}
	}
	return words
}

// matches are the words that a paper has, those first that add most.
func (a *asked) matches(d *document) []catalog.WordMatch {
	out := []catalog.WordMatch{}
	for i, t := range a.terms {
		if title, abstract := d.count(t); title+abstract > 0 {
			out = append(out, catalog.WordMatch{Term: t.word, Score: a.part(i, d), Title: title, Abstract: abstract})
		}
	}
	slices.SortStableFunc(out, func(a, b catalog.WordMatch) int { return cmp.Compare(b.Score, a.Score) })
	return out
}
