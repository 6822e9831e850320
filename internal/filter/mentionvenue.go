package filter

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// venue looks for venues that n words from the i-th on may name.
func (m *mentions) venue(i, n int) {
	a := m.x.attributes["venue"]
	words := m.span(i, n)
	f := Mention{Field: MentionVenue}
	ids := m.venuesOf(a, words)
	switch {
	case len(ids) > 0:
		f = m.mention(a, MentionVenue, ids)
		f.Whole = true
	case n == 1:
		if ids = m.coined(a, words[0]); len(ids) == 0 {
			if ids, f.Alias = m.aliased(a, words[0]), true; len(ids) == 0 {
				return
			}
		}
		alias := f.Alias
		f = m.mention(a, MentionVenue, ids)
		f.Alias, f.Whole = alias, alias
	case n >= leastSpelt && m.writtenOut(i, n):
		short := initials(words)
		if len(short) < leastSpelt {
			return
		}
		if ids = m.venuesOf(a, []string{short}); len(ids) == 0 {
			return
		}
		f = m.mention(a, MentionVenue, ids)
		f.Whole, f.Alias = true, true
	default:
		return
	}
	f.Coined = slices.ContainsFunc(f.Values, coinedWord)
	m.put(i, n, f)
}

// leastSpelt is how many words a name has at least that initials stand for.
const leastSpelt = 4

// writtenOut says whether words stand beside each other, with capitals but for the
// little ones, as the name of a venue that goes by its initials does.
func (m *mentions) writtenOut(i, n int) bool {
	for k := i; k < i+n; k++ {
		w := &m.words[k]
		if k > i && m.text[m.words[k-1].end:w.start] != " " {
			return false
		}
		if w.written == w.plain && (k == i || k == i+n-1 || initials([]string{w.plain}) != "") {
			return false
		}
	}
	return true
}

// venuesOf gives the venues that have just these words.
func (m *mentions) venuesOf(a *attribute, words []string) (ids []uint32) {
	for _, id := range m.rarest(a, words) {
		if t := m.x.terms[id]; t != nil && t.attribute == a && slices.Equal(words, wordsOf(t.value)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// rarest gives the values that have the rarest of some words, initials aside.
func (m *mentions) rarest(a *attribute, words []string) (rarest []uint32) {
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

// coined gives the venues that have a word among others, written as no word is, such as
// "Proceedings of ICML".
func (m *mentions) coined(a *attribute, word string) (ids []uint32) {
	if len(word) < 3 || isNumber(word) {
		return nil
	}
	for _, id := range a.names.with(word)[:min(len(a.names.with(word)), mostBearers)] {
		t := m.x.terms[id]
		for _, w := range strings.FieldsFunc(t.value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if coinedWord(w) && strings.EqualFold(w, word) {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}

// aliased gives the venues that a word is another name of: the one that they had or
// got, or their initials.
func (m *mentions) aliased(a *attribute, word string) (ids []uint32) {
	if other, ok := renamed(word); ok {
		if ids = append(m.venuesOf(a, []string{other}), m.coined(a, other)...); len(ids) > 0 {
			return ids
		}
		word = other
	}
	if len(word) < 3 || a.ids.len() > mostBearers {
		return nil
	}
	for _, id := range a.names.with(initialsMark + word) {
		if t := m.x.terms[id]; t != nil && t.attribute == a {
			ids = append(ids, id)
		}
	}
	return ids
}

// renamed gives the other name of a conference that changed it.
func renamed(word string) (string, bool) {
	switch word {
	case "nips":
		return "neurips", true
	case "neurips":
		return "nips", true
	case "www":
		return "thewebconf", true
	case "thewebconf":
		return "www", true
	}
	return "", false
}

// coinedWord says whether a word has two capitals or more, as an abbreviation has.
func coinedWord(w string) bool {
	n := 0
	for _, r := range w {
		if unicode.IsUpper(r) {
			n++
		}
	}
	return n >= 2 && !strings.ContainsFunc(w, unicode.IsSpace)
}

// initials gives the first letters of the words that an abbreviation goes by.
func initials(words []string) string {
	var b strings.Builder
	for _, w := range words {
		switch w {
		case "of", "on", "the", "and", "for", "in", "a", "an", "at", "to", "annual", "proceedings", "proc", "advances", "ieee", "acm", "rsj", "aaai":
			continue
		}
		if isNumber(w) || isOrdinal(w) {
			continue
		}
		for _, r := range w {
			b.WriteRune(r)
			break
		}
	}
	return b.String()
}

// isOrdinal says whether a word is a number with an English ending: 36th.
func isOrdinal(w string) bool {
	digits := strings.TrimRight(w, "dhnrst")
	return digits != "" && len(digits)+2 == len(w) && isNumber(digits)
}

// year notes a year that papers have. Two digits are one right behind a venue.
func (m *mentions) year(i int) {
	w := m.words[i].plain
	if !isNumber(w) {
		return
	}
	if len(w) == 2 {
		behind := slices.ContainsFunc(m.found, func(f Mention) bool {
			return f.Field == MentionVenue && i > 0 && f.End == m.words[i-1].end
		})
		if !behind {
			return
		}
		if w = "20" + w; w > "2070" {
			w = "19" + w[2:]
		}
	}
	n, err := strconv.Atoi(w)
	if err != nil || len(w) != 4 || n < 1800 {
		return
	}
	a := m.x.attributes["year"]
	if id, ok := m.x.find(a, w); ok {
		f := m.mention(a, MentionYear, []uint32{id})
		f.Whole = true
		m.put(i, 1, f)
	}
}
