package lexical

import (
	"slices"
	"unicode/utf8"

	"akin/internal/text/unify"
)

// folded is a text as the segmenter wants it: lower case, without accents and
// markup, its characters of compatibility replaced.
type folded struct {
	text []byte
	// shifts say where text and source run apart; empty if they never do.
	shifts []shift
	// source is how long the original is, in bytes.
	source int
	// formulas are the places where one begins or ends, in turn.
	formulas []int
}

// shift says that the byte at, and those behind it until the next shift, stand
// at source in the original, and that what stands before at ends there at ended.
type shift struct{ at, source, ended int }

// origin gives the place in the original of a byte of the text.
func (f *folded) origin(at int) int {
	if i := f.shift(at); i >= 0 {
		at += f.shifts[i].source - f.shifts[i].at
	}
	return min(at, f.source)
}

// end gives the place in the original where a word ends that ends before at.
func (f *folded) end(at int) int {
	if i := f.shift(at); i >= 0 && f.shifts[i].at == at {
		return min(f.shifts[i].ended, f.source)
	}
	return min(f.origin(at-1)+1, f.source)
}

// formula says whether a word stands within a formula, with nothing of it outside.
func (f *folded) formula(start, end int) bool {
	i, found := slices.BinarySearch(f.formulas, start)
	if found {
		i++
	}
	return i%2 == 1 && i < len(f.formulas) && end <= f.formulas[i] && f.formulas[i]-f.formulas[i-1] <= longestFormula
}

// longestFormula is how many bytes a formula within a text has at most: signs that are
// farther apart stand for money.
const longestFormula = 400

// shift gives the last shift that is not behind at, or -1.
func (f *folded) shift(at int) int {
	i, found := slices.BinarySearchFunc(f.shifts, at, func(s shift, at int) int { return s.at - at })
	if found {
		return i
	}
	return i - 1
}

// folder rewrites one text.
type folder struct {
	in  string
	at  int // the next byte of in
	out folded
	// named says that a TeX command has just written the name of a letter.
	named bool
}

// fold lowers the case of a text, strips accents and TeX markup, and replaces
// characters by what they are compatible with (package unify).
func fold(text string, into folded) folded {
	f := folder{in: text, out: folded{text: into.text[:0], shifts: into.shifts[:0], source: len(text), formulas: into.formulas[:0]}}
	for f.at < len(text) {
		c := text[f.at]
		switch {
		case c >= utf8.RuneSelf:
			f.rune()
		case c == '\\':
			f.command()
			continue
		case c == '{' || c == '}' || c == '$':
			if c == '$' && (f.at == 0 || text[f.at-1] != '$') { // $$ is one
				f.out.formulas = append(f.out.formulas, len(f.out.text))
			}
			f.write("", f.at+1) // markup, which does not end a word: {B}ERT, $k$-means
			continue
		case 'A' <= c && c <= 'Z':
			f.out.text = append(f.out.text, c+'a'-'A')
			f.at++
		default:
			f.out.text = append(f.out.text, c)
			f.at++
		}
		f.named = false
	}
	return f.out
}

// sync notes that what is written next stands at the current place.
func (f *folder) sync() {
	at := len(f.out.text)
	if n := len(f.out.shifts); n > 0 && f.out.shifts[n-1].at == at {
		f.out.shifts[n-1].source = f.at
		return
	}
	f.out.shifts = append(f.out.shifts, shift{at, f.at, f.at})
}

// write puts out a replacement for the bytes of the original up to end.
func (f *folder) write(s string, end int) {
	f.sync()
	f.out.text = append(f.out.text, s...)
	f.at = end
	f.sync()
}

// rune folds one character beyond ASCII, with the marks that belong to it.
func (f *folder) rune() {
	out, size := unify.Next(f.in, f.at)
	f.write(out, f.at+size)
}
