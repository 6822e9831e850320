package unify

import "strings"

// digraphs are the letters that people also write as two, where their keyboards or their
// passports lack them.
var digraphs = strings.NewReplacer( //nolint:gochecknoglobals // a constant table
	"ä", "ae", "ö", "oe", "ü", "ue", "ø", "oe", "å", "aa",
	"Ä", "ae", "Ö", "oe", "Ü", "ue", "Ø", "oe", "Å", "aa",
	"a\u0308", "ae", "o\u0308", "oe", "u\u0308", "ue", "a\u030a", "aa",
	"A\u0308", "ae", "O\u0308", "oe", "U\u0308", "ue", "A\u030a", "aa",
)

// Transliterated is [Plain] of a text in which letters with two dots, a stroke or a ring
// are written as two, as names of persons often are: Schölkopf is schoelkopf, Søgaard
// soegaard.
func Transliterated(s string) string {
	if ascii(s) {
		return lower(s)
	}
	return Plain(digraphs.Replace(s))
}

// mostDigraphs is how many pairs of letters of a word are looked at.
const mostDigraphs = 3

// Untransliterated gives what [Plain] makes of the words that [Transliterated] may have
// made into one, which is in the form of Plain: schoelkopf is scholkopf. Nearly all of
// them are no words.
func Untransliterated(w string) (out []string) {
	var pairs []int
	for i := 0; i+1 < len(w) && len(pairs) < mostDigraphs; i++ {
		switch w[i : i+2] {
		case "ae", "oe", "ue", "aa":
			pairs = append(pairs, i+1)
			i++
		}
	}
	for set := 1; set < 1<<len(pairs); set++ {
		var b strings.Builder
		at := 0
		for k, second := range pairs {
			if set&(1<<k) != 0 {
				b.WriteString(w[at:second])
				at = second + 1
			}
		}
		b.WriteString(w[at:])
		out = append(out, b.String())
	}
	return out
}
