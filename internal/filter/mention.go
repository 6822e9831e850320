package filter

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text/unify"
)

// Limits of what is looked for in a text.
const (
	// MostMentionWords is how many words a text has at most in which names are looked
	// for: longer ones were pasted.
	MostMentionWords = 32
	// mostNameWords is how many words of a text are held against one name.
	mostNameWords = 6
	// mostSpellings is how many values one mention gives.
	mostSpellings = 96
	// mostBearers is how many values with one word are looked at.
	mostBearers = 8192
)

// MentionField says what a mention may name.
type MentionField int

// The fields.
const (
	MentionAuthor MentionField = iota + 1
	MentionVenue
	MentionYear
)

// Mention is a place in a text that may name an author, a venue or a year of papers.
// It says nothing of whether it is meant so.
type Mention struct {
	Field MentionField
	// Start and End are its bytes in the text, Words the words that it has, as they
	// are compared.
	Start, End int
	Words      []string
	// Values are spellings of what it may name, those of most papers first and no
	// more than fit into a filter; All says that they are all.
	Values []string
	All    bool
	// Papers is how many papers have them, counted once for each value.
	Papers int
	// Whole says that a value has just these words, but for initials and middle
	// names; otherwise they are a part of it, such as a surname. Last counts the
	// papers of which that part ends the name.
	Whole bool
	Last  int
	// Coined says of a venue that it is written with several capitals, as no word is:
	// ICML, NeurIPS.
	Coined bool
	// Alias says of a venue that its values have another form of the words: what is
	// abbreviated, or its name of before.
	Alias bool
}

// Mentions gives what may be names in a text, in no order; they may overlap. They are
// those of the index as it is now.
func (v *View) Mentions(ctx context.Context, text string) ([]Mention, error) {
	m := mentions{x: v.x, text: text}
	if !m.split() {
		return nil, nil
	}
	for i := range m.words {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.x.mu.RLock()
		for n := 1; n <= mostNameWords && i+n <= len(m.words); n++ {
			if !m.author(i, n) && n > 1 {
				break
			}
		}
		for n := 1; n <= mostNameWords+2 && i+n <= len(m.words); n++ {
			m.venue(i, n)
		}
		m.year(i)
		v.x.mu.RUnlock()
	}
	return m.found, nil
}

// mentions looks for names in one text.
type mentions struct {
	x     *Index
	text  string
	words []mentionWord
	found []Mention
}

// mentionWord is a word of the text, in the form in which words are compared, and where
// it stands. Written is how the text has it.
type mentionWord struct {
	plain, written string
	start, end     int
}

// split finds the words of the text, and says whether they are few enough. A venue that
// is written with its year, as CVPR2020 or ICML19, is two words.
func (m *mentions) split() bool {
	for from, to := unify.NextWord(m.text, 0); from < len(m.text); from, to = unify.NextWord(m.text, to) {
		if len(m.words) == MostMentionWords {
			return false
		}
		if before, _ := utf8.DecodeLastRuneInString(m.text[:from]); m.text[from:to] == "s" && unify.Plain(string(before)) == "'" {
			continue // of a genitive
		}
		if at := yearBehind(m.text[from:to]); at > 0 {
			m.word(from, from+at)
			from += at
		}
		m.word(from, to)
	}
	return true
}

func (m *mentions) word(from, to int) {
	m.words = append(m.words, mentionWord{unify.Plain(m.text[from:to]), m.text[from:to], from, to})
}

// yearBehind gives where a year of two or four digits begins behind letters; 0 if none
// does.
func yearBehind(word string) int {
	at := strings.IndexFunc(word, unicode.IsDigit)
	if at < 2 || len(word)-at != 2 && len(word)-at != 4 {
		return 0
	}
	if _, err := strconv.ParseUint(word[at:], 10, 16); err != nil {
		return 0
	}
	return at
}

// span gives a run of words.
func (m *mentions) span(i, n int) []string {
	out := make([]string, n)
	for k := range out {
		out[k] = m.words[i+k].plain
	}
	return out
}

// put notes a mention of n words from the i-th on.
func (m *mentions) put(i, n int, f Mention) {
	f.Start, f.End, f.Words = m.words[i].start, m.words[i+n-1].end, m.span(i, n)
	m.found = append(m.found, f)
}

// author looks for authors that n words from the i-th on may name, and says whether
// more words may.
func (m *mentions) author(i, n int) bool {
	a := m.x.attributes["author"]
	last := m.words[i+n-1].plain
	if joins(last) {
		return false
	}
	if !initial(last) && len(a.names.with(last)) == 0 {
		return false
	}
	words := m.span(i, n)
	if n == 1 {
		if !initial(last) && !isNumber(last) {
			m.part(i, a, last)
		}
		return true
	}
	var ids []uint32
	for _, id := range m.bearers(a, words) {
		if t := m.x.terms[id]; t != nil && t.attribute == a && namesSame(words, wordsOf(t.value)) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		f := m.mention(a, MentionAuthor, ids)
		f.Whole = true
		m.put(i, n, f)
	}
	return true
}

// joins says whether a word stands between names, and in none.
func joins(w string) bool { return w == "and" || w == "et" || w == "al" || w == "by" }

// bearers gives the values that have the rarest of some words, initials aside.
func (m *mentions) bearers(a *attribute, words []string) (rarest []uint32) {
	first := true
	for _, w := range words {
		if initial(w) {
			continue
		}
		if ids := a.names.with(w); first || len(ids) < len(rarest) {
			rarest, first = ids, false
		}
	}
	return rarest[:min(len(rarest), mostBearers)]
}

// part notes a word that authors have in their names.
func (m *mentions) part(i int, a *attribute, word string) {
	ids := a.names.with(word)
	f := m.mention(a, MentionAuthor, ids[:min(len(ids), mostBearers)])
	for _, id := range ids[:min(len(ids), batch)] {
		t := m.x.terms[id]
		if w := wordsOf(t.value); len(w) > 0 && w[len(w)-1] == word {
			f.Last += int(t.papers.count())
		}
		f.Whole = f.Whole || len(wordsOf(t.value)) == 1
	}
	f.All = false
	m.put(i, 1, f)
}

// mention describes values.
func (m *mentions) mention(a *attribute, field MentionField, ids []uint32) Mention {
	f := Mention{Field: field}
	best := make([]*term, 0, min(len(ids), 2*mostSpellings))
	for _, id := range ids {
		t := m.x.terms[id]
		if t == nil || t.attribute != a {
			continue
		}
		f.Papers += int(t.papers.count())
		if best = append(best, t); len(best) == cap(best) && len(best) > mostSpellings {
			best = mostPapers(best)
		}
	}
	f.All = len(ids) <= mostSpellings
	for _, t := range mostPapers(best) {
		f.Values = append(f.Values, t.value)
	}
	return f
}

// mostPapers keeps the terms that most papers have, in order.
func mostPapers(terms []*term) []*term {
	slices.SortFunc(terms, func(a, b *term) int {
		return cmp.Or(cmp.Compare(b.papers.count(), a.papers.count()), strings.Compare(a.value, b.value))
	})
	return terms[:min(len(terms), mostSpellings)]
}

// initial says whether a word is one letter.
func initial(w string) bool {
	r, n := utf8.DecodeRuneInString(w)
	return n == len(w) && unicode.IsLetter(r) && !unify.Unspaced(r)
}

func isNumber(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// namesSame says whether two names of several words can be one person's: the same
// surname, which stands last or, in one of the two, first; first names that are equal
// or of which one is the other's initial; and of those between, none that contradict.
// A surname of several words alone, as in "van der Maaten", is a part of a name.
func namesSame(asked, name []string) bool {
	if len(name) < 2 || len(asked) < 2 {
		return false
	}
	if alike(asked, name) || alike(append(slices.Clone(asked[1:]), asked[0]), name) {
		return true
	}
	rest := len(name) - len(asked)
	return rest > 0 && len(name[rest]) > 1 && len(asked[len(asked)-1]) > 1 && slices.Equal(asked, name[rest:])
}

// alike compares names that both end with the surname.
func alike(a, b []string) bool {
	last := a[len(a)-1]
	if last != b[len(b)-1] || initial(last) || !abbreviates(a[0], b[0]) {
		return false
	}
	short, long := a[1:len(a)-1], b[1:len(b)-1]
	if len(short) > len(long) {
		short, long = long, short
	}
	for _, w := range short {
		for len(long) > 0 && !abbreviates(w, long[0]) {
			long = long[1:]
		}
		if len(long) == 0 {
			return false
		}
		long = long[1:]
	}
	return true
}

// abbreviates says whether two words are the same, or one is the other's initial.
func abbreviates(a, b string) bool {
	return a == b || initial(a) && strings.HasPrefix(b, a) || initial(b) && strings.HasPrefix(a, b)
}
