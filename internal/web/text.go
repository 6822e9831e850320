package web

import (
	"html/template"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text"
	"akin/internal/text/unify"
	"akin/internal/web/formula"
)

// piece is a part of a paper's text as a template writes it: exactly one of its forms.
type piece struct {
	Text string
	// Mark says that the text is what was looked for.
	Mark bool
	// Link is where the text leads; empty for nowhere.
	Link string
	// Math is a formula, TeX one that could not be read.
	Math template.HTML
	TeX  string
}

// rich says what is made of a text.
type rich struct {
	marks marks
	// most is how many characters are shown, about; 0 is all.
	most  int
	links bool
}

// render cuts a text into pieces. cut says that there is more.
func (s *Site) render(t string, how rich) (out []piece, cut bool) {
	t = visible(t)
	if strings.Contains(t, `\`) {
		t = text.Clean(t)
	}
	left := how.most
	for _, p := range formula.Split(t) {
		if how.most > 0 && left <= 0 {
			return append(out, piece{Text: "…"}), true
		}
		left -= len(p.Text)
		if p.Formula {
			if math := s.formulas.MathML(p.Text, p.Display); math != "" {
				out = append(out, piece{Math: math})
			} else {
				out = append(out, piece{TeX: p.Source})
			}
			continue
		}
		prose := p.Text
		if how.most > 0 && left < 0 {
			prose = atWord(prose, len(prose)+left) + "…"
			cut = true
		}
		out = append(out, how.prose(prose)...)
		if cut {
			return out, true
		}
	}
	return out, false
}

// atWord cuts a text at a space before a number of bytes, if there is one near.
func atWord(s string, most int) string {
	s = clip(s, max(most, 0))
	if space := strings.LastIndexByte(s, ' '); space > len(s)-60 && space > 0 {
		s = s[:space]
	}
	return strings.TrimRight(s, " ,;:")
}

// visible takes out what is not seen and changes what is: control characters, and those
// that turn the direction of what follows.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == utf8.RuneError, r == 0xfeff:
			return -1
		}
		return r
	}, s)
}

// visibleLines is visible for a text of several lines.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	return strings.Join(lines, "\n")
}

// address finds addresses in prose. What ends a sentence is not part of them.
var address = regexp.MustCompile(`https?://[^\s<>"'{}|\\^` + "`" + `]+[^\s<>"'{}|\\^` + "`" + `.,;:!?)\]]`)

func (how rich) prose(s string) (out []piece) {
	if !how.links {
		return how.marks.pieces(s)
	}
	for {
		at := address.FindStringIndex(s)
		if at == nil {
			return append(out, how.marks.pieces(s)...)
		}
		out = append(out, how.marks.pieces(s[:at[0]])...)
		if link := safeLink(s[at[0]:at[1]]); link != "" {
			out = append(out, piece{Text: s[at[0]:at[1]], Link: link})
		} else {
			out = append(out, piece{Text: s[at[0]:at[1]]})
		}
		s = s[at[1]:]
	}
}

// marks are words, by their stems.
type marks map[string]bool

// marksOf makes marks of words.
func marksOf(words []string) marks {
	m := make(marks)
	for _, w := range words {
		for at := 0; at < len(w); {
			from, to := unify.NextWord(w, at)
			if from >= to {
				break
			}
			m[stem(w[from:to])] = true
			at = to
		}
	}
	return m
}

// pieces cuts prose at the words that are marked.
func (m marks) pieces(s string) (out []piece) {
	if s == "" {
		return nil
	}
	if len(m) == 0 {
		return []piece{{Text: s}}
	}
	from := 0
	for at := 0; at < len(s); {
		first, last := unify.NextWord(s, at)
		if first >= last {
			break
		}
		at = last
		if !m[stem(s[first:last])] {
			continue
		}
		if from < first {
			out = append(out, piece{Text: s[from:first]})
		}
		out = append(out, piece{Text: s[first:last], Mark: true})
		from = last
	}
	if from < len(s) {
		out = append(out, piece{Text: s[from:]})
	}
	return out
}

// stem takes an English ending off a word. It need not be what the search does: a word
// too much or too few is marked, and nothing else depends on it.
func stem(word string) string {
	if len(word) > 64 {
		return word
	}
	word = unify.Plain(word)
	for _, ending := range []string{"ations", "ation", "ings", "ing", "ers", "ies", "ed", "es", "er", "al", "ly", "s", "e", "y"} {
		if rest, ok := strings.CutSuffix(word, ending); ok && len(rest) >= 4 {
			return rest
		}
	}
	return word
}
