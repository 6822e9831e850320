package filter

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text/unify"
)

// initial says whether a word is one letter.
func initial(w string) bool {
	r, n := utf8.DecodeRuneInString(w)
	return n == len(w) && unicode.IsLetter(r) && !unify.Unspaced(r)
}

func isNumber(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// together says whether a word may be initials that stand together, as lists of
// references in medicine have them: "Hinton GE", "GE Hinton".
func together(written string) bool {
	n := utf8.RuneCountInString(written)
	return n >= 2 && n <= mostTogether && strings.IndexFunc(written, func(r rune) bool { return !unicode.IsUpper(r) }) < 0
}

// mostTogether is how many initials stand together at most.
const mostTogether = 3

// closes says whether a word closes a name and is none: "Hal Daumé III", "Sutton Jr.".
func closes(w string) bool {
	switch w {
	case "jr", "sr", "ii", "iii", "iv":
		return true
	}
	return false
}

// spell finds the words of authors that each word stands for.
func (m *mentions) spell() {
	m.x.mu.RLock()
	defer m.x.mu.RUnlock()
	for i := range m.words {
		m.words[i].spellings = m.spellings(m.x.attributes["author"], &m.words[i])
	}
}

// spellings gives the words of authors that a word of the text stands for, what it is in
// itself first. Letters with two dots, a stroke or a ring are also written as two
// (unify.Transliterated), in queries and collections alike.
func (m *mentions) spellings(a *attribute, w *mentionWord) (out []string) {
	if len(a.names.with(w.plain)) > 0 {
		out = append(out, w.plain)
	}
	if long := unify.Transliterated(w.written); long != w.plain && len(a.names.with(long)) > 0 {
		out = append(out, long)
	}
	for _, short := range unify.Untransliterated(w.plain) {
		meant := func(id uint32) bool {
			t := m.x.terms[id]
			return t != nil && !ascii(t.value) && slices.Contains(inOrder(t.value, unify.Transliterated), w.plain)
		}
		if ids := a.names.with(short); slices.ContainsFunc(ids[:min(len(ids), mostBearers)], meant) {
			out = append(out, short)
		}
	}
	return out
}

// askedName is a run of words that may be the name of an author.
type askedName struct {
	words []string
	// long is words with letters that have marks written as two.
	long []string
	// together are initials that stand together, the word of that number.
	together string
	initials int
	// bound says that hyphens bind some of the words, as in Wei-Lun: none of them is
	// left out.
	bound bool
}

// readings are what some words may be as a name, the likelier first: as they are, and
// with initials that stand together, which come first or last.
func readings(words []mentionWord) []askedName {
	if len(words) > 2 && closes(words[len(words)-1].plain) {
		words = words[:len(words)-1]
	}
	out := []askedName{{}}
	for i, w := range words {
		out[0].bound = out[0].bound || i > 0 && w.bound
		out[0].words = append(out[0].words, w.plain)
		out[0].long = append(out[0].long, unify.Transliterated(w.written))
	}
	for _, at := range []int{len(words) - 1, 0} {
		if !together(words[at].written) {
			continue
		}
		letters := strings.Split(words[at].plain, "")
		out = append(out, askedName{
			words: slices.Replace(slices.Clone(out[0].words), at, at+1, letters...),
			long:  slices.Replace(slices.Clone(out[0].long), at, at+1, letters...), together: words[at].plain, initials: at,
		})
		break
	}
	if w := words[len(words)-1]; len(w.spellings) == 0 && !initial(w.plain) {
		return out[1:] // it is in no name as it is
	}
	return out
}

// names says whether a value can be the person that is asked for.
func (n askedName) names(value string) bool {
	is := func(asked, name []string) bool {
		return namesSame(asked, name, n.together != "" || n.bound)
	}
	name := inOrder(value, unify.Plain)
	if is(n.words, name) || runTogether(n.words, name) || !slices.Equal(n.long, n.words) && is(n.long, name) {
		return true
	}
	if apart := apartIn(value); apart != nil && is(n.words, apart) {
		return true
	}
	return !ascii(value) && is(n.words, inOrder(value, unify.Transliterated))
}

// guessed gives the words that none of some values has but by an initial.
func (n askedName) guessed(values []string) (out []string) {
	for i, w := range n.words {
		has := func(value string) bool {
			return slices.Contains(inOrder(value, unify.Plain), w) || slices.Contains(inOrder(value, unify.Plain), n.long[i]) ||
				!ascii(value) && slices.Contains(inOrder(value, unify.Transliterated), w)
		}
		if !initial(w) && !slices.ContainsFunc(values, has) {
			out = append(out, w)
		}
	}
	return out
}

// inOrder gives the words of a name, the surname last, and without what closes it:
// "Frobish, Ana B., Jr." is ana b frobish. Fold makes the words.
func inOrder(value string, fold func(string) string) []string {
	words := func(s string) (out []string) {
		s = fold(s)
		for from, to := unify.NextWord(s, 0); from < len(s); from, to = unify.NextWord(s, to) {
			out = append(out, s[from:to])
		}
		for len(out) > 0 && closes(out[len(out)-1]) {
			out = out[:len(out)-1]
		}
		return out
	}
	surname, given, ok := strings.Cut(value, ",")
	if !ok {
		return words(value)
	}
	given, _, _ = strings.Cut(given, ",")
	return append(words(given), words(surname)...)
}

// surname gives the last word of a name as it is spoken; "" for a name without words.
func surname(value string) string {
	words := apartIn(value)
	if words == nil {
		words = inOrder(value, unify.Plain)
	}
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// apartIn gives the words of a name whose initials stand together, one by one and before
// the surname; nil for other names. A name all in capitals has none.
func apartIn(value string) []string {
	if !strings.ContainsFunc(value, unicode.IsLower) {
		return nil
	}
	surname, given, comma := strings.Cut(value, ",")
	var written []string
	for _, part := range []string{given, surname} {
		for from, to := unify.NextWord(part, 0); from < len(part); from, to = unify.NextWord(part, to) {
			written = append(written, part[from:to])
		}
	}
	last := len(written) - 1
	switch {
	case last < 1:
		return nil
	case together(written[0]):
	case !comma && together(written[last]):
		written = append([]string{written[last]}, written[:last]...)
	default:
		return nil
	}
	out := strings.Split(unify.Plain(written[0]), "")
	for _, w := range written[1:] {
		out = append(out, unify.Plain(w))
	}
	return out
}

// namesSame says whether two names of several words can be one person's: the same
// surname, which stands last or, in what is asked for, first; first names that are equal
// or of which one is the other's initial; and of those between, none that contradict.
// A surname of several words alone, as in "van der Maaten", is a part of a name. Strict
// says that the name has all that is asked for.
func namesSame(asked, name []string, strict bool) bool {
	if len(name) < 2 || len(asked) < 2 {
		return false
	}
	if alike(asked, name, strict) || alike(append(slices.Clone(asked[1:]), asked[0]), name, strict) {
		return true
	}
	for n := 1; n+1 < len(asked) && particle(asked[n-1]); n++ { // "van der Maaten, L."
		if alike(append(slices.Clone(asked[n+1:]), asked[:n+1]...), name, strict) {
			return true
		}
	}
	rest := len(name) - len(asked)
	return rest > 0 && len(name[rest]) > 1 && len(asked[len(asked)-1]) > 1 && slices.Equal(asked, name[rest:])
}

// leastRun is how many letters given names have that are compared as they run together.
const leastRun = 5

// runTogether says whether two names have one surname, whichever end it stands at, and given
// names that are the same when they run together: Wei-Lun Chao is Weilun Chao, and Chao Wei
// Lun.
func runTogether(asked, name []string) bool {
	if len(name) < 2 || len(asked) < 2 {
		return false
	}
	turned := func(w []string) []string { return append(slices.Clone(w[1:]), w[0]) }
	same := func(a, b []string) bool {
		if a[len(a)-1] != b[len(b)-1] {
			return false
		}
		given := strings.Join(a[:len(a)-1], "")
		return len(given) >= leastRun && given == strings.Join(b[:len(b)-1], "")
	}
	return same(asked, name) || same(turned(asked), name) || same(asked, turned(name))
}

// hyphen says whether what stands between two words is nothing but a hyphen.
func hyphen(between string) bool { return between == "-" || between == "‐" || between == "‑" }

// particle says whether a word begins a surname of several words.
func particle(w string) bool {
	switch w {
	case "van", "von", "der", "den", "de", "del", "della", "di", "da", "dal", "dos", "das", "du", "des", "la", "le", "lo", "el", "al",
		"bin", "ibn", "ben", "ter", "ten", "te", "vom", "zu", "zum", "zur", "af", "av", "san", "st", "mac", "mc", "o", "d":
		return true
	}
	return false
}

// alike compares names that both end with the surname.
func alike(a, b []string, strict bool) bool {
	last := a[len(a)-1]
	if last != b[len(b)-1] || initial(last) || !abbreviates(a[0], b[0]) || strict && len(a) > len(b) {
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
