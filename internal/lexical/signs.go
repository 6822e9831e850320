package lexical

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// signs gives the place of a word of a folded text with the signs that are part of
// its name: C++ and PointNet++, C# and F#, A* and R*-trees, RRT*, .NET. acronym says that
// the word stands in capitals, which is folded away.
func signs(text []byte, start, end int, acronym bool) (from, to int) {
	from, to = start, end
	letter := utf8.RuneCount(text[start:end]) == 1 && !digit(text[start])
	starred := letter || acronym && (start == 0 || text[start-1] != '*') // *NOTE* is not
	rest := text[end:]
	switch {
	case bytes.HasPrefix(rest, []byte("++")) && !isWord(rest[2:], unicode.IsLetter) && !number(text[start:end]):
		to += len("++")
	case letter && bytes.HasPrefix(rest, []byte("#")) && !isWord(rest[1:], unicode.IsLetter):
		to++
	case starred && bytes.HasPrefix(bytes.TrimPrefix(rest, []byte("^")), []byte("*")): // also C^* of formulas
		if star := bytes.IndexByte(rest, '*') + 1; !isWord(rest[star:], alphanumeric) && (letter || !bytes.HasPrefix(rest[star:], []byte("*"))) {
			to += star
		}
	}
	if start > 0 && text[start-1] == '.' && string(text[start:end]) == "net" && !endsWord(text[:start-1]) {
		from--
	}
	return from, to
}

// signed gives the term of a word with its signs.
func signed(text []byte) []byte {
	if i := bytes.IndexByte(text, '^'); i >= 0 {
		return append(append([]byte(nil), text[:i]...), text[i+1:]...)
	}
	return text
}

func isWord(rest []byte, kind func(rune) bool) bool {
	r, size := utf8.DecodeRune(rest)
	return size > 0 && kind(r)
}

// endsWord says whether a word, or another full stop, stands at the end of a text.
func endsWord(text []byte) bool {
	r, size := utf8.DecodeLastRune(text)
	return size > 0 && (r == '.' || alphanumeric(r))
}

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// elided gives how many bytes of a folded word are an article, a pronoun or a
// preposition of French, Italian or Catalan that lost its vowel before the next
// word, with the apostrophe; 0 if none are.
func elided(w []byte) int {
	n := bytes.IndexByte(w, '\'')
	if n < 0 || !isWord(w[n+1:], unicode.IsLetter) || len(w) < n+3 {
		return 0
	}
	switch string(w[:n]) {
	case "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu",
		"un", "dell", "all", "nell", "sull", "dall", "dagl", "degl", "gl", "quest", "quell", "bell", "sant":
		return n + 1
	}
	return 0
}
