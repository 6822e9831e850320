package letter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/text"
)

// formulas writes TeX between dollars and backslashes as text: $O(n^2)$ is O(n²),
// $\alpha_1$ is α₁. What it does not know stays as it is, without the marks of TeX.
func formulas(s string) string {
	if !strings.ContainsAny(s, `$\`) {
		return s
	}
	var out strings.Builder
	for s != "" {
		before, rest, open := strings.Cut(s, "$")
		out.WriteString(before)
		if !open {
			break
		}
		display := strings.HasPrefix(rest, "$")
		rest = strings.TrimPrefix(rest, "$")
		inner, after, closed := strings.Cut(rest, "$")
		if !closed || len(inner) > 500 || !display && (inner == "" || inner[0] == ' ' || isPrice(inner)) {
			out.WriteString("$") // a sum of money, and no formula
			s = rest
			continue
		}
		out.WriteString(tex(inner, 0))
		if s = after; display {
			s = strings.TrimPrefix(s, "$")
		}
	}
	return out.String()
}

// isPrice says that what is behind a dollar is an amount and not a formula.
func isPrice(s string) bool {
	return s[0] >= '0' && s[0] <= '9' && strings.ContainsRune(s, ' ') && !strings.ContainsAny(s, `\^_`)
}

// maxDepth bounds groups in groups.
const maxDepth = 20

// tex writes a formula as text.
func tex(s string, depth int) string {
	if depth > maxDepth {
		return s
	}
	var out strings.Builder
	for s != "" {
		switch c := s[0]; c {
		case '\\':
			var sign string
			sign, s = command(s, depth)
			out.WriteString(sign)
		case '^', '_':
			var arg string
			arg, s = argument(s[1:], depth)
			out.WriteString(raised(arg, c == '^'))
		case '{', '}':
			s = s[1:]
		case '~':
			out.WriteByte(' ')
			s = s[1:]
		default:
			_, size := utf8.DecodeRuneInString(s)
			out.WriteString(s[:size])
			s = s[size:]
		}
	}
	return out.String()
}

// argument takes what a command or a mark is about: a group, a command, or one sign.
func argument(s string, depth int) (arg, rest string) {
	s = strings.TrimLeft(s, " ")
	switch {
	case s == "":
		return "", ""
	case s[0] == '{':
		level := 0
		for i := range len(s) {
			switch s[i] {
			case '{':
				level++
			case '}':
				if level--; level == 0 {
					return tex(s[1:i], depth+1), s[i+1:]
				}
			}
		}
		return tex(s[1:], depth+1), ""
	case s[0] == '\\':
		return command(s, depth)
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size], s[size:]
}

// command takes a command and gives what it shows.
func command(s string, depth int) (shown, rest string) {
	name := 1
	for name < len(s) && (s[name] >= 'a' && s[name] <= 'z' || s[name] >= 'A' && s[name] <= 'Z') {
		name++
	}
	if name == 1 { // one sign
		if len(s) == 1 {
			return "", ""
		}
		_, size := utf8.DecodeRuneInString(s[1:])
		sign, rest := s[1:1+size], s[1+size:]
		if strings.Contains(`,;:! `, sign) {
			return " ", rest
		}
		if strings.Contains(`()[]`, sign) {
			return "", rest
		}
		return sign, rest
	}
	word, rest := s[1:name], strings.TrimLeft(s[name:], " ")
	space := ""
	if len(rest) < len(s)-name {
		space = " "
	}
	switch word {
	case "frac", "tfrac", "dfrac":
		a, rest := argument(rest, depth+1)
		b, rest := argument(rest, depth+1)
		return group(a) + "/" + group(b), rest
	case "sqrt":
		a, rest := argument(rest, depth+1)
		return "√" + group(a), rest
	case "left", "right", "big", "Big", "bigl", "bigr", "displaystyle", "limits":
		return "", rest
	case "quad", "qquad":
		return " ", rest
	}
	if sign, ok := text.Sign(word); ok {
		return sign + space, rest
	}
	if sign, ok := signs()[word]; ok {
		return sign + space, rest
	}
	if strings.HasPrefix(rest, "{") { // \mathcal{O}, \text{max}, and any other
		return argument(rest, depth+1)
	}
	return word, rest
}

// group puts brackets around what has several parts.
func group(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return "(" + s + ")"
	}
	return s
}

// signs are commands of formulas that package text leaves to formulas.
func signs() map[string]string {
	return map[string]string{
		"times": "×", "cdot": "·", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "sim": "∼", "infty": "∞",
		"to": "→", "rightarrow": "→", "leftarrow": "←", "in": "∈", "subset": "⊂", "cup": "∪", "cap": "∩", "sum": "∑", "prod": "∏", "int": "∫",
		"partial": "∂", "nabla": "∇", "forall": "∀", "exists": "∃", "ell": "ℓ", "log": "log", "exp": "exp", "circ": "∘", "ast": "*", "star": "⋆",
		"ldots": "…", "dots": "…", "cdots": "…", "langle": "⟨", "rangle": "⟩", "mid": "|", "propto": "∝", "otimes": "⊗", "oplus": "⊕", "dagger": "†",
	}
}

// raised writes an exponent or an index: with the signs for that, where all of it has
// some.
func raised(s string, up bool) string {
	from, to, mark := "0123456789+-=()aeoxhklmnpst", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜ", "_"
	if up {
		from, to, mark = "0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "^"
	}
	marks := []rune(to)
	var out strings.Builder
	for _, r := range s {
		at := strings.IndexRune(from, r)
		if at < 0 || r >= 0x80 {
			if utf8.RuneCountInString(s) == 1 {
				return mark + s
			}
			return mark + "(" + s + ")"
		}
		out.WriteRune(marks[at])
	}
	return out.String()
}
