package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"akin/internal/paper"
)

// accents are the commands of TeX that put a mark on the next letter, as the
// combining character that follows a letter.
func accents(command string) (mark rune) {
	switch command {
	case "`":
		return 0x300
	case "'":
		return 0x301
	case "^":
		return 0x302
	case "~":
		return 0x303
	case "=":
		return 0x304
	case "u":
		return 0x306
	case ".":
		return 0x307
	case `"`:
		return 0x308
	case "r":
		return 0x30A
	case "H":
		return 0x30B
	case "v":
		return 0x30C
	case "d":
		return 0x323
	case "c":
		return 0x327
	case "k":
		return 0x328
	case "b":
		return 0x331
	}
	return 0
}

// symbols are the commands of TeX that stand for text.
func symbols(command string) (text string, ok bool) {
	switch command {
	case "ss":
		return "ß", true
	case "o":
		return "ø", true
	case "O":
		return "Ø", true
	case "l":
		return "ł", true
	case "L":
		return "Ł", true
	case "ae":
		return "æ", true
	case "AE":
		return "Æ", true
	case "oe":
		return "œ", true
	case "OE":
		return "Œ", true
	case "aa":
		return "å", true
	case "AA":
		return "Å", true
	case "dh":
		return "ð", true
	case "DH":
		return "Ð", true
	case "th":
		return "þ", true
	case "TH":
		return "Þ", true
	case "dj":
		return "đ", true
	case "DJ":
		return "Đ", true
	case "i":
		return "ı", true
	case "j":
		return "ȷ", true
	case "TeX", "LaTeX":
		return command, true
	case "textendash":
		return "–", true
	case "textemdash":
		return "—", true
	case "textasciitilde", "sim":
		return "~", true
	case "ldots", "dots":
		return "…", true
	case "&", "%", "$", "#", "_", "{", "}":
		return command, true
	case " ", "\n", "\t", `\`, ",", ";", "newline", "par", "quad":
		return " ", true
	case "-", "/", "!", "emph", "textit", "textbf", "texttt", "textsc", "textrm", "textsf", "textup", "textnormal",
		"mathrm", "mbox", "text", "enquote", "it", "bf", "em", "tt", "sc", "rm", "url", "relax", "noopsort", "uppercase", "lowercase":
		return "", true // the argument that follows is text
	}
	return "", false
}

// maxTeXDepth bounds how deep accents are nested in accents.
const maxTeXDepth = 8

// plainTeX turns what is written for TeX into plain text: accents and symbols
// become characters, braces and commands of form go, mathematics between
// dollars stays as it is, and so does any other command.
func plainTeX(text string) string {
	if len(text) > 2*paper.MaxAbstractBytes || !strings.ContainsAny(text, "\\{}~-`'") {
		return collapse(text) // validation refuses it, or it is plain already
	}
	t := tex{text: text}
	t.all()
	return collapse(norm.NFC.String(t.out.String()))
}

type tex struct {
	text  string
	i     int
	depth int
	out   strings.Builder
}

func (t *tex) all() {
	for t.i < len(t.text) {
		t.step()
	}
}

// step takes one character or command.
func (t *tex) step() {
	rest := t.text[t.i:]
	for _, ligature := range []struct{ from, to string }{{"---", "—"}, {"--", "–"}, {"``", "“"}, {"''", "”"}, {"`", "‘"}, {"~", " "}, {"{", ""}, {"}", ""}} {
		if strings.HasPrefix(rest, ligature.from) {
			t.out.WriteString(ligature.to)
			t.i += len(ligature.from)
			return
		}
	}
	switch rest[0] {
	case '$':
		t.math(rest)
	case '\\':
		t.command()
	default:
		t.out.WriteByte(rest[0])
		t.i++
	}
}

// math copies what stands between dollars.
func (t *tex) math(rest string) {
	end := 1
	for end < len(rest) && rest[end] != '$' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end+1, len(rest))
	t.out.WriteString(rest[:end])
	t.i += end
}

// name reads a command after its backslash: letters, or one other character.
func (t *tex) name() string {
	start := t.i + 1
	end := start
	for end < len(t.text) && (t.text[end] >= 'a' && t.text[end] <= 'z' || t.text[end] >= 'A' && t.text[end] <= 'Z') {
		end++
	}
	if end == start {
		_, size := utf8.DecodeRuneInString(t.text[start:])
		t.i = start + size
		return t.text[start:t.i]
	}
	t.i = end
	return t.text[start:end]
}

func (t *tex) command() {
	start := t.i
	name := t.name()
	if mark := accents(name); mark != 0 {
		t.accent(mark)
		return
	}
	text, ok := symbols(name)
	if !ok {
		t.out.WriteString(t.text[start:t.i])
		return
	}
	t.out.WriteString(text)
	if len(name) > 0 && unicode.IsLetter(rune(name[0])) {
		t.space() // it only ends the command
	}
}

func (t *tex) space() {
	for t.i < len(t.text) && strings.IndexByte(" \t\n", t.text[t.i]) >= 0 {
		t.i++
	}
}

// accent puts a mark on the first letter of the argument.
func (t *tex) accent(mark rune) {
	t.space()
	argument := tex{text: t.argument(), depth: t.depth + 1}
	if argument.depth > maxTeXDepth {
		t.out.WriteString(argument.text)
		return
	}
	argument.all()
	text := argument.out.String()
	letter, size := utf8.DecodeRuneInString(text)
	switch {
	case size == 0:
		return
	case letter == 'ı' && mark < 0x320:
		letter = 'i' // the mark takes the place of the dot
	case letter == 'ȷ' && mark < 0x320:
		letter = 'j'
	}
	t.out.WriteRune(letter)
	t.out.WriteRune(mark)
	t.out.WriteString(text[size:])
}

// argument takes a group, a command or one character.
func (t *tex) argument() string {
	if t.i == len(t.text) {
		return ""
	}
	start := t.i
	switch t.text[t.i] {
	case '{':
		end := braceEnd(t.text, t.i)
		t.i = end
		return strings.TrimSuffix(t.text[start+1:end], "}")
	case '\\':
		t.name()
	default:
		_, size := utf8.DecodeRuneInString(t.text[t.i:])
		t.i += size
	}
	return t.text[start:t.i]
}

// braceEnd is the index after the brace that closes the one at i, or the end
// of the text.
func braceEnd(text string, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
