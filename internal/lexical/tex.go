package lexical

import (
	"strings"
	"unicode"

	"akin/internal/text"
	"akin/internal/text/unify"
)

// command reads a TeX command at a backslash. Its name is dropped, its
// arguments stay, unless they are keys and addresses rather than words.
func (f *folder) command() {
	rest := f.in[f.at+1:]
	n := 0
	for n < len(rest) && letter(rest[n]) {
		n++
	}
	if n == 0 {
		f.symbol(rest)
		return
	}
	name, end := rest[:n], f.at+1+n
	lower := strings.ToLower(name)
	switch {
	case text.Accent(name) && end < len(f.in) && (f.in[end] == '{' || f.in[end] == ' '):
		f.write("", end+1) // Erd\H{o}s and \c c are one word
	case greekName(lower):
		if f.named {
			f.out.text = append(f.out.text, ' ') // \alpha\beta are two words
		}
		f.write(lower, end)
		f.named = true
		return
	case style(name):
		f.write("", end)
	case letterOf(name) != "":
		f.write(letterOf(name), skipSpace(f.in, end))
	case keyed(name):
		f.write(" ", skipGroup(f.in, end))
	default:
		f.write(" ", end)
	}
	f.named = false
}

// symbol reads a command whose name is not a letter: an accent, an escaped
// character, or a space.
func (f *folder) symbol(rest string) {
	f.named = false
	switch {
	case len(rest) > 1 && text.Accent(rest[:1]) && (letter(rest[1]) || rest[1] == '{' || rest[1] == '\\'):
		f.write("", f.at+2)
	case rest != "" && (rest[0] == '_' || rest[0] == '#'):
		f.write(rest[:1], f.at+2)
	case rest != "" && (rest[0] == '(' || rest[0] == ')'):
		f.out.formulas = append(f.out.formulas, len(f.out.text))
		f.write("", f.at+2) // \(k\)-means, as $k$-means
	case rest != "" && strings.IndexByte("%&$,;:! \\/[]{}", rest[0]) >= 0:
		f.write(" ", f.at+2)
	default:
		f.write(" ", f.at+1)
	}
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func skipSpace(s string, at int) int {
	for at < len(s) && s[at] == ' ' {
		at++
	}
	return at
}

// skipGroup gives the place behind a group in braces, or at if none is there.
func skipGroup(s string, at int) int {
	if at < len(s) && s[at] == '{' {
		if n := strings.IndexByte(s[at:], '}'); n >= 0 {
			return at + n + 1
		}
	}
	return at
}

// style are commands that change how their argument looks; those of formulas put
// something over it, which names don't have.
func style(name string) bool {
	switch name {
	case "tilde", "hat", "bar", "vec", "widetilde", "widehat":
		return true
	}
	return text.Style(name)
}

// keyed are commands whose argument is a key or an address.
func keyed(name string) bool {
	switch name {
	case "label", "url", "href", "begin", "end":
		return true
	}
	return text.Keys(name)
}

// letterOf gives the letters that a command stands for, as words are compared. Of the
// signs of formulas, stars and \ell are part of a name (C^\ast, \ell_1); others stand
// beside it (\hbar, \aleph).
func letterOf(name string) string {
	switch name {
	case "ast", "star":
		return "*"
	case "ell":
		return "l"
	}
	sign, _ := text.Sign(name)
	if strings.ContainsFunc(sign, func(r rune) bool { return !unicode.IsLetter(r) || letterlike(r) }) {
		return ""
	}
	return unify.Plain(sign)
}

// letterlike says whether r is of Unicode's block of letters that are signs.
func letterlike(r rune) bool { return 0x2100 <= r && r <= 0x214f }

// greekName says whether a command is the name of a Greek letter.
func greekName(name string) bool {
	name = strings.TrimPrefix(name, "var")
	for _, n := range greekNames() {
		if n == name {
			return true
		}
	}
	return false
}

// greekNames gives the names of the letters from α (U+03B1) to ω; the second
// form of sigma has been folded.
func greekNames() [25]string {
	return [25]string{
		"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
		"nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
	}
}
