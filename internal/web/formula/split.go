package formula

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Part is a piece of a text: prose, or a formula.
type Part struct {
	// Text is the prose, or the TeX of a formula without its delimiters.
	Text string
	// Formula says that it is one; Display that it stands on a line of its own.
	Formula, Display bool
	// Source is a formula as the text has it.
	Source string
}

// Split cuts a text into prose and formulas. Their sources, put together, are the
// text.
func Split(s string) []Part {
	var parts []Part
	from := 0 // of the prose that is not a part yet
	for at := 0; at < len(s); {
		p, size := formulaAt(s, at)
		if size == 0 {
			at++
			if s[at-1] == '\\' && at < len(s) { // what is escaped opens nothing
				at++
			}
			continue
		}
		if from < at {
			parts = append(parts, Part{Text: s[from:at], Source: s[from:at]})
		}
		parts = append(parts, p)
		at += size
		from = at
	}
	if from < len(s) {
		parts = append(parts, Part{Text: s[from:], Source: s[from:]})
	}
	return parts
}

// formulaAt reads the formula that begins at a place, and says how many bytes of the
// text it is: 0 if none begins there.
func formulaAt(s string, at int) (Part, int) {
	rest := s[at:]
	switch {
	case strings.HasPrefix(rest, "$$"):
		return between(rest, "$$", "$$", true)
	case rest[0] == '$':
		return dollars(rest)
	case strings.HasPrefix(rest, `\(`):
		return between(rest, `\(`, `\)`, false)
	case strings.HasPrefix(rest, `\[`):
		return between(rest, `\[`, `\]`, true)
	}
	return Part{}, 0
}

func between(s, opening, closing string, display bool) (Part, int) {
	inside := s[len(opening):min(len(s), len(opening)+maxBytes+len(closing))]
	end := strings.Index(inside, closing)
	if end < 0 || strings.TrimSpace(inside[:end]) == "" || strings.Contains(inside[:end], "\n\n") {
		return Part{}, 0
	}
	size := len(opening) + end + len(closing)
	return Part{Text: strings.TrimSpace(inside[:end]), Formula: true, Display: display, Source: s[:size]}, size
}

// dollars reads a formula between single dollars, as pandoc does: no space follows the
// first one or precedes the last one, which no digit follows.
func dollars(s string) (Part, int) {
	if first, _ := utf8.DecodeRuneInString(s[1:]); unicode.IsSpace(first) || len(s) < 3 {
		return Part{}, 0
	}
	for i := 1; i < len(s) && i <= maxBytes+1; i++ {
		switch s[i] {
		case '\\':
			i++
		case '\n':
			if i+1 < len(s) && s[i+1] == '\n' {
				return Part{}, 0
			}
		case '$':
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			if i == 1 || unicode.IsSpace(before) || i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9' {
				return Part{}, 0
			}
			return Part{Text: s[1:i], Formula: true, Source: s[:i+1]}, i + 1
		}
	}
	return Part{}, 0
}
