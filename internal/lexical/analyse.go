package lexical

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"

	"akin/internal/text/unify"
)

// maxWordBytes is where longer words are cut, in texts and queries alike.
const maxWordBytes = 64

// word is what the analyser finds in a text.
type word struct {
	// text is folded but not stemmed.
	text []byte
	// start and end are its bytes in the folded text.
	start, end int
	// position counts words; the parts of a compound have one each, its joined
	// form that of the first part.
	position int
	// joined says that the word is another form of the words at its position: a
	// compound written as one, or a word without the signs that belong to it.
	joined bool
	// formula says that the word is a letter or a number of a formula.
	formula bool
	// alone says that the word is one letter of a run of a script without spaces,
	// which is looked for in pairs unless it is asked for alone.
	alone bool
}

// analyser splits text into words. It is not safe for concurrent use.
type analyser struct {
	source string
	folded folded
	tokens [][]byte
	types  []int

	emit     func(word)
	position int
	chain    []word // parts of the compound that is being read
	behind   int    // where the signs end that belong to the last part
	run      []word // letters of scripts without spaces that stand together
	joint    []byte

	// terms are of the index that the analyser belongs to, nil before it prepares a
	// paper; asked are the words of that which they lack.
	terms *termCache
	asked []int32
}

// words calls emit for each word of a text, in order; w.text is only valid
// during the call.
func (a *analyser) words(text string, emit func(w word)) {
	a.source, a.folded = text, fold(text, a.folded)
	a.emit, a.position, a.chain, a.run, a.behind = emit, 0, a.chain[:0], a.run[:0], 0
	a.segment(a.folded.text)
	a.endRun()
	a.endChain()
	a.emit, a.source = nil, ""
}

// Token is a term at a place of a text.
type Token struct {
	// Term is what the index compares: folded and stemmed.
	Term string
	// Start and End are the word's bytes in the text.
	Start, End int
	// Position counts the words of the text, those that are left out included.
	// The joined form of a compound has the position of the first part.
	Position int
	// Joined says that the word is another form of the words at its position.
	Joined bool
	// Formula says that the word is a letter or a number of a formula.
	Formula bool
}

// Analyse gives the terms of a text as a query looks for them, in order, without
// stop words. It may be called from any goroutine.
func Analyse(text string) []Token {
	var a analyser
	var found []Token
	a.words(text, func(w word) {
		if w.alone || isStopWord(w.text) {
			return
		}
		start, end := a.span(w)
		found = append(found, Token{Term: stem(string(w.text)), Start: start, End: end, Position: w.position, Joined: w.joined, Formula: w.formula})
	})
	return found
}

// span gives the place of a word in the original text.
func (a *analyser) span(w word) (start, end int) {
	start = a.folded.origin(w.start)
	return start, max(start, a.folded.end(w.end))
}

// between looks at what stands between two words: only a lone hyphen joins.
func (a *analyser) between(t []byte) {
	a.endRun()
	if len(t) == 1 && t[0] == '-' && len(a.chain) > 0 && a.folded.text[a.chain[len(a.chain)-1].end] == '-' &&
		a.sharesArray(t, a.chain[len(a.chain)-1].end) {
		return
	}
	a.endChain()
}

// sharesArray says whether t is the byte at a place of the folded text.
func (a *analyser) sharesArray(t []byte, at int) bool { return &t[0] == &a.folded.text[at] }

// token takes one word of the segmenter apart: at the borders of scripts without
// spaces, and at the full stops and underscores that Annex 29 leaves inside.
func (a *analyser) token(t []byte, at int) {
	from := 0
	for i := 0; i < len(t); {
		c := t[i]
		if c < utf8.RuneSelf {
			if c == '_' || c == ':' || c == '.' && !between(t, i, digit) {
				a.part(t[from:i], at+from)
				from = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(t[i:])
		switch {
		case unicode.IsMark(r) && from == i && a.endsRun(at+i):
			a.run[len(a.run)-1].end += size
			from = i + size
		case unify.Unspaced(r):
			a.part(t[from:i], at+from)
			a.endChain()
			a.run = append(a.run, word{start: at + i, end: at + i + size})
			from = i + size
		}
		i += size
	}
	a.part(t[from:], at+from)
}

// endsRun says whether a letter of a script without spaces ends at a place, to which
// a mark that stands there belongs.
func (a *analyser) endsRun(at int) bool { return len(a.run) > 0 && a.run[len(a.run)-1].end == at }

// part adds a word to the compound that is being read, with the signs before and
// behind it that belong to it.
func (a *analyser) part(t []byte, at int) {
	end := at + len(t)
	t = bytes.TrimSuffix(t, []byte("'s"))
	t = bytes.Trim(t, "'")
	if len(t) == 0 {
		return
	}
	a.endRun()
	w := word{text: t, start: at, end: end}
	if from, to := signs(a.folded.text, at, end, a.acronym(at, end)); from < at || to > end {
		w.start, w.end, w.text = from, to, signed(a.folded.text[from:to])
		a.behind = to
	}
	a.chain = append(a.chain, w)
}

// acronym says whether a word stands in capitals in the text, digits aside, as RRT does.
func (a *analyser) acronym(start, end int) bool {
	if end-start > longestAcronym || end >= len(a.folded.text) || a.folded.text[end] != '*' && a.folded.text[end] != '^' {
		return false // nobody asks
	}
	return inCapitals(a.source[a.folded.origin(start):a.folded.end(end)])
}

// longestAcronym is how many letters a name has that stands in capitals.
const longestAcronym = 10

// inCapitals says whether a word has capitals, two at least, and no small letters.
func inCapitals(w string) bool {
	capitals := 0
	for _, r := range w {
		switch {
		case unicode.IsUpper(r):
			capitals++
		case unicode.IsLetter(r):
			return false
		}
	}
	return capitals >= 2
}

// maxJoined is how many parts a compound may have to be joined; longer ones are
// phrases such as state-of-the-art.
const maxJoined = 3

// endChain puts out the parts of a compound and its joined form.
func (a *analyser) endChain() {
	if len(a.chain) == 0 {
		return
	}
	first, last := a.chain[0], a.chain[len(a.chain)-1]
	single := len(a.chain) > 1
	a.joint = a.joint[:0]
	for _, w := range a.chain {
		single = single && len(w.text) == 1
		a.joint = append(a.joint, w.text...)
	}
	if len(a.chain) > 1 && (single || len(a.chain) <= maxJoined && !number(a.joint)) {
		a.put(word{text: a.joint, start: first.start, end: last.end, position: a.position, joined: !single})
	}
	if single { // U.S.A
		a.position++
		a.chain = a.chain[:0]
		return
	}
	for _, w := range a.chain {
		w.position = a.position
		a.putForms(w)
		a.position++
	}
	a.chain = a.chain[:0]
}

// putForms puts out a word, and beside it what it also is: without the signs that
// a longer name has (PointNet++), or together with an article that lost its vowel
// (l'hospital).
func (a *analyser) putForms(w word) {
	if bare := bytes.TrimRight(w.text, "+*"); len(bare) < len(w.text) && len(bare) > 1 {
		a.put(w)
		w.text, w.joined = bare, true
		a.put(w)
		return
	}
	if n := elided(w.text); n > 0 {
		whole := w
		whole.joined = true
		w.text, w.start = w.text[n:], w.start+n
		a.put(w)
		a.put(whole)
		return
	}
	a.put(w)
}

// endRun puts out letters of scripts without spaces in overlapping pairs, and each
// of them alone as well.
func (a *analyser) endRun() {
	if len(a.run) == 0 {
		return
	}
	for i := range a.run {
		first, last := a.run[i], a.run[min(i+1, len(a.run)-1)]
		if i+1 < len(a.run) || i == 0 {
			a.put(word{text: a.folded.text[first.start:last.end], start: first.start, end: last.end, position: a.position})
		}
		if len(a.run) > 1 {
			a.put(word{text: a.folded.text[first.start:first.end], start: first.start, end: first.end, position: a.position, alone: true})
		}
		a.position++
	}
	a.run = a.run[:0]
}

// put cleans a word and hands it on.
func (a *analyser) put(w word) {
	w.text = plain(w.text)
	w.formula = variable(w.text) && (a.folded.formula(w.start, w.end) || beside(a.folded.text, w.start, w.end))
	if len(w.text) > maxWordBytes {
		cut := maxWordBytes
		for !utf8.RuneStart(w.text[cut]) {
			cut--
		}
		w.text = w.text[:cut]
	}
	if len(w.text) > 0 {
		a.emit(w)
	}
}

// plain drops apostrophes and thousands' commas, and names Greek letters that
// stand alone or beside others, as in TNFα.
func plain(t []byte) []byte {
	ascii := true
	for _, c := range t {
		ascii = ascii && c < utf8.RuneSelf && c != '\'' && c != ','
	}
	if ascii {
		return t
	}
	greek, latin := 0, false
	for _, r := range string(t) {
		if unicode.Is(unicode.Greek, r) {
			greek++
		} else {
			latin = true
		}
	}
	names := greekNames()
	var b []byte
	for _, r := range string(t) {
		switch {
		case r == '\'' || r == ',':
		case 'α' <= r && r <= 'ω' && (latin || greek == 1):
			b = append(b, names[r-'α']...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// between says whether both neighbours of the byte at i are of a kind.
func between(t []byte, i int, kind func(byte) bool) bool {
	return i > 0 && i+1 < len(t) && kind(t[i-1]) && kind(t[i+1])
}

// number says whether t has no letter.
func number(t []byte) bool {
	for _, c := range t {
		if !digit(c) && c != '.' && c != ',' {
			return false
		}
	}
	return true
}

// unspaced says whether t is a letter of a script without spaces: those of Thai and
// its neighbours are no words to Annex 29, which leaves them to dictionaries.
func unspaced(t []byte) bool {
	r, _ := utf8.DecodeRune(t)
	return unify.Unspaced(r)
}

// stem reduces an English word, in whichever spelling, to its stem (Porter, The English
// (Porter2) stemming algorithm). Words with digits or letters beyond a to z stay.
func stem(w string) string {
	if len(w) < 3 || strings.IndexFunc(w, func(r rune) bool { return r < 'a' || r > 'z' }) >= 0 {
		return w
	}
	env := snowballstem.NewEnv(unify.Spelling(w))
	english.Stem(env)
	return env.Current()
}
