package dedup

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// eachWord calls f with the words of a text: runs of letters and digits after
// NFKC and case folding, and single characters of scripts without spaces. The
// bytes are only lent.
func eachWord(text string, f func(word []byte)) {
	if !isASCII(text) {
		text = cases.Fold().String(norm.NFKC.String(text))
	}
	var word []byte
	flush := func() {
		if len(word) > 0 {
			f(word)
			word = word[:0]
		}
	}
	for _, r := range text {
		switch {
		case 'A' <= r && r <= 'Z':
			word = append(word, byte(r)+'a'-'A')
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			word = append(word, byte(r))
		case r < utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			flush()
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			flush()
			word = utf8.AppendRune(word, r)
			flush()
		default:
			word = utf8.AppendRune(word, r)
		}
	}
	flush()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// plain takes the accents off a text, so that "Sandström" is "Sandstrom".
func plain(text string) string {
	if isASCII(text) {
		return text
	}
	out := make([]rune, 0, len(text))
	for _, r := range norm.NFKD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			out = append(out, r)
		}
	}
	return string(out)
}
