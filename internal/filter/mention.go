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
	// fewBearers is how many values have a word that are few.
	fewBearers = 512
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
	// Spellings are, of a part of the names of authors, the words of the collection that
	// it stands for, which may differ from Words: Schoelkopf is Schölkopf as well.
	Spellings []string
	// Guessed are words of a name that its values have by an initial alone: of "Gerd
	// Tervan", where all are G. Tervan, gerd.
	Guessed []string
	// Together are, of a name, initials that stand in capitals without anything between
	// them, as compared: "hinton ge". Abbreviations of words look like that.
	Together string
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
	m.spell()
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
// it stands. Written is how the text has it, spellings are the words of authors that it
// stands for.
type mentionWord struct {
	plain, written string
	start, end     int
	spellings      []string
	// bound says that a hyphen binds the word to the one before.
	bound bool
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
	bound := len(m.words) > 0 && hyphen(m.text[m.words[len(m.words)-1].end:from])
	m.words = append(m.words, mentionWord{plain: unify.Plain(m.text[from:to]), written: m.text[from:to], start: from, end: to, bound: bound})
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
	last := m.words[i+n-1]
	if joins(last.plain) {
		return false
	}
	spellings := last.spellings
	if abbreviated := initial(last.plain) || together(last.written); n == 1 || len(spellings) == 0 && !abbreviated {
		if len(spellings) > 0 && !initial(last.plain) && !isNumber(last.plain) && !closes(last.plain) {
			m.part(i, a, spellings)
		}
		return len(spellings) > 0 || abbreviated
	}
	if m.words[i].bound {
		return true // of Fei-Fei Li, Fei Li is another
	}
	for _, asked := range readings(m.words[i : i+n]) {
		var ids []uint32
		for _, id := range m.bearers(a, m.words[i:i+n], asked) {
			if t := m.x.terms[id]; t != nil && t.attribute == a && asked.names(t.value) {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		f := m.mention(a, MentionAuthor, ids)
		f.Whole = true
		f.Together, f.Guessed = asked.together, asked.guessed(f.Values)
		m.put(i, n, f)
		break
	}
	return true
}

// joins says whether a word stands between names, and in none.
func joins(w string) bool { return w == "and" || w == "et" || w == "al" || w == "by" }

// bearers gives the values that may have a name: those that have the rarest of its words
// which any has, initials and what closes it aside, and, where they are few, those that
// have its first or its last word, which may be the surname of somebody whose other names
// are initials.
func (m *mentions) bearers(a *attribute, words []mentionWord, asked askedName) []uint32 {
	var rarest, few []uint32
	for i, w := range words {
		if initial(w.plain) || closes(w.plain) || asked.together != "" && asked.initials == i {
			continue
		}
		var ids []uint32
		for _, spelling := range w.spellings {
			ids = append(ids, a.names.with(spelling)...)
		}
		if len(ids) > 0 && (rarest == nil || len(ids) < len(rarest)) {
			rarest = ids
		}
		if len(ids) <= fewBearers && (i == 0 || i == len(words)-1) {
			few = append(few, ids...)
		}
	}
	if len(words) == 2 {
		few = append(few, m.apart(a, words[0].plain)...)
	}
	ids := append(slices.Clone(rarest[:min(len(rarest), mostBearers)]), few...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// apart gives, of a word that may be two given names that run together, the values that
// begin with both: of Weilun those of Wei-Lun. Only words as long as names are taken apart,
// for each end of one is looked for.
func (m *mentions) apart(a *attribute, word string) (few []uint32) {
	if len(word) < leastRun || len(word) > longestNear || !ascii(word) {
		return nil
	}
	for at := 2; at+2 <= len(word); at++ {
		first, second := a.names.with(word[:at]), a.names.with(word[at:])
		fewer := first
		if len(second) < len(first) {
			fewer = second
		}
		for _, id := range fewer[:min(len(fewer), mostBearers)] {
			if t := m.x.terms[id]; t != nil && t.attribute == a && beginsRun(t.value, word) {
				few = append(few, id)
			}
		}
	}
	return few
}

// beginsRun says whether a value begins with the letters of a word, in small letters, with
// a hyphen or a space between any two. To compare them so is cheap, and most values differ
// in the first.
func beginsRun(value, word string) bool {
	parted := false
	for i := 0; i < len(value) && word != ""; i++ {
		switch c := value[i]; {
		case c == '-' || c == ' ':
			parted = true
		case c == word[0] || c >= 'A' && c <= 'Z' && c+'a'-'A' == word[0]:
			word = word[1:]
		default:
			return false
		}
	}
	return word == "" && parted
}

// part notes a word that authors have in their names, in some spellings.
func (m *mentions) part(i int, a *attribute, spellings []string) {
	var ids []uint32
	for _, word := range spellings {
		ids = append(ids, a.names.with(word)...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	f := m.mention(a, MentionAuthor, ids[:min(len(ids), mostBearers)])
	for _, id := range ids[:min(len(ids), batch)] {
		t := m.x.terms[id]
		if slices.Contains(spellings, surname(t.value)) {
			f.Last += int(t.papers.count())
		}
		f.Whole = f.Whole || len(wordsOf(t.value)) == 1
	}
	f.All = false
	f.Spellings = spellings
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
