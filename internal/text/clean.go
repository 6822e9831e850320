package text

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxPasses bounds how often a text is cleaned until nothing changes: markup
// may hide in markup, such as a tag in an entity.
const maxPasses = 32

// maxBytes is the longest text that is cleaned; validation of papers refuses
// such texts by far.
const maxBytes = 1 << 20

// Collapse turns every run of white space into one space and trims the ends:
// line breaks inside titles and abstracts are an accident of the source.
func Collapse(s string) string {
	if collapsed(s) { // as most texts are
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// collapsed says that there is nothing to do.
func collapsed(s string) bool {
	space := true // a space may not come next
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if unicode.IsSpace(r) {
				return false
			}
			i, space = i+n, false
			continue
		}
		if c < ' ' || c == ' ' && space {
			return false
		}
		i, space = i+1, c == ' '
	}
	return !space || s == ""
}

// Clean gives the text of any source without markup, on one line.
func Clean(s string) string {
	if !utf8.ValidString(s) {
		return Collapse(s) // which validation refuses
	}
	s = withoutHeld(s)
	for pass := 0; pass < maxPasses && len(s) <= maxBytes && strings.ContainsAny(s, `&<\`); pass++ {
		before := s
		s = release(untex(unmark(bareEntities(s)), false))
		if s = Collapse(s); s == before {
			break
		}
	}
	return Collapse(s)
}

// withoutHeld takes away the characters that stand for others while a text is read. ASCII,
// which most text is, has none.
func withoutHeld(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(unheld, s)
		}
	}
	return s
}

// CleanTeX gives the text of a source that is written for TeX without markup,
// on one line. Such texts may hold HTML too.
func CleanTeX(s string) string {
	if !utf8.ValidString(s) {
		return Collapse(s)
	}
	s = withoutHeld(s)
	if len(s) > maxBytes || !strings.ContainsAny(s, "\\{}~-`'<&!?$") {
		return Collapse(s)
	}
	return Collapse(norm.NFC.String(release(untex(unmark(bareEntities(s)), true))))
}

var escapedEntity = regexp.MustCompile(`(?:\{\\&\}|\\&)((?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6});)`)

// bareEntities takes the backslash from entities: tools that write TeX escape
// the ampersands of markup that they do not know.
func bareEntities(s string) string {
	if !strings.Contains(s, `\&`) {
		return s
	}
	return escapedEntity.ReplaceAllString(s, "&$1")
}

// BareTeX takes TeX's marks away from an identifier or address, in which
// dashes and tildes stand for themselves.
func BareTeX(s string) string {
	if strings.ContainsAny(s, `\{}&`) {
		s = barer.Replace(decode(s))
	}
	return strings.TrimSpace(s)
}

//nolint:gochecknoglobals // a table that nothing writes to
var barer = strings.NewReplacer(
	`{\textless}`, "<", `{\textgreater}`, ">", `{\textasciitilde}`, "~", `{\~{}}`, "~", `{\textbackslash}`, `\`, `{\textunderscore}`, "_",
	`\textless`, "<", `\textgreater`, ">", `\textasciitilde`, "~", `\textunderscore`, "_", `\~{}`, "~", `\url`, "", `\nolinkurl`, "", `\path`, "",
	`{$<$}`, "<", `{$>$}`, ">", `$<$`, "<", `$>$`, ">", `{\_}`, "_", `{\%}`, "%", `{\&}`, "&", `{\#}`, "#",
	`\_`, "_", `\%`, "%", `\&`, "&", `\#`, "#", `\~`, "~", `\{`, "{", `\}`, "}", `\-`, "", "{", "", "}", "",
)

// Signs that TeX writes as commands are held back as characters that no text
// has (Unicode's noncharacters) until everything else is done, for as
// themselves they would be taken for markup.
const (
	heldLess      = '\uFDD0'
	heldGreater   = '\uFDD1'
	heldBackslash = '\uFDD2'
	heldAmpersand = '\uFDD3'
)

//nolint:gochecknoglobals // a table that nothing writes to
var releaser = strings.NewReplacer(string(heldLess), "<", string(heldGreater), ">", string(heldBackslash), `\`, string(heldAmpersand), "&")

func release(s string) string { return releaser.Replace(s) }

// unheld drops the characters that stand for signs that are held back. What else
// is not printed stays: it is for whoever shows a text to keep it off a terminal.
func unheld(r rune) rune {
	if heldLess <= r && r <= heldAmpersand {
		return -1
	}
	return r
}

// printable drops control characters and noncharacters, which are no reason to
// write an entity.
func printable(r rune) rune {
	switch {
	case r < 0x20 || 0x7f <= r && r <= 0x9f:
		if unicode.IsSpace(r) {
			return ' '
		}
		return -1
	case 0xFDD0 <= r && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return -1
	}
	return r
}
