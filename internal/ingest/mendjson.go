package ingest

import (
	"encoding/json"
	"slices"
	"strings"
)

// mendJSON gives valid JSON of text that is JSON but for the numbers that it
// does not have: NaN, Infinity and -Infinity, which Python and pandas write,
// become null; for control characters within texts, which become spaces; and for
// backslashes before what they do not escape, which stand for themselves, as in TeX. Where
// there are such, those of TeX before b, f, n, r, t and u do so too. ok is false if that is
// not enough.
func mendJSON(text []byte) (mended []byte, ok bool) {
	quoted, tex, math := false, lacksEscape(text), mathMode{}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			if i++; !escapes(text[i:]) || tex && texCommand(text[i:], text[i-2], math.in()) {
				mended = append(mended, '\\')
			}
			math.take(text[i], true)
			mended = append(mended, '\\')
			c = max(text[i], ' ')
		case quoted && c < ' ':
			c = ' '
		case quoted:
			math.take(c, false)
			quoted = c != '"'
		case c == '"':
			quoted, math = true, mathMode{}
		default:
			if word := noNumber(text[i:]); word > 0 {
				mended = append(mended, "null"...)
				i += word - 1
				continue
			}
		}
		mended = append(mended, c)
	}
	return mended, json.Valid(mended)
}

// escapes says that JSON has an escape of a backslash before text.
func escapes(text []byte) bool {
	if text[0] != 'u' {
		return strings.IndexByte(`"\/bfnrt`, text[0]) >= 0
	}
	const digits = 4
	return len(text) > digits && !slices.ContainsFunc(text[1:1+digits], func(c byte) bool {
		return strings.IndexByte("0123456789abcdefABCDEF", c) < 0
	})
}

// lacksEscape says that a text has an escape that JSON has not.
func lacksEscape(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if i++; !escapes(text[i:]) {
			return true
		}
	}
	return false
}

// mathMode follows where a text is within formulas: between dollars, or \( and \), or \[ and \].
type mathMode struct {
	dollar, bracket bool
	// backslash says that a backslash stands before what comes next, as JSON writes it, twice.
	backslash bool
}

func (m *mathMode) in() bool { return m.dollar || m.bracket }

// take goes on by a character, which an escape may end.
func (m *mathMode) take(c byte, escaped bool) {
	before := m.backslash || escaped
	m.backslash = escaped && !m.backslash && c == '\\'
	switch {
	case c == '$' && !before:
		m.dollar = !m.dollar
	case before && (c == '(' || c == '['):
		m.bracket = true
	case before && (c == ')' || c == ']'):
		m.bracket = false
	}
}

// texCommand says that a backslash before text, which is an escape of JSON too, is that of a
// command of TeX. What would be left of some behind a line end or a tab is a word ("u", "an",
// "exists"): these are of TeX only in a formula, or next to what belongs to one.
func texCommand(text []byte, before byte, formula bool) bool {
	name := commandName(text)
	switch {
	case len(name) < 2 || name[1] < 'a':
		return false
	case name[0] == 'b': // nobody writes a backspace before a letter
		return true
	case slices.Contains(texWords(), name):
		return formula || strings.IndexByte("${_^=", before) >= 0 || texFollows(text[len(name):])
	default:
		return slices.Contains(texCommands(), name)
	}
}

// texFollows says that a text goes on, but for a few spaces, as a formula does.
func texFollows(text []byte) bool {
	const spaces = 4
	at := 0
	for at < min(len(text), spaces) && text[at] == ' ' {
		at++
	}
	text = text[at:]
	switch {
	case len(text) == 0:
		return false
	case text[0] != '\\':
		return strings.IndexByte("${}_^=", text[0]) >= 0
	default:
		name := commandName(text[1:])
		return name != "" && (!escapes(text[1:]) || len(name) > 1 && name[0] == 'b' || slices.Contains(texCommands(), name))
	}
}

// commandName is the name of a command of TeX behind its backslash.
func commandName(text []byte) string {
	end := slices.IndexFunc(text, func(c byte) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') })
	if end < 0 {
		end = len(text)
	}
	return string(text[:end])
}

// texWords are commands of TeX whose ends are words, or beginnings of them.
func texWords() []string {
	return []string{"ne", "neq", "nexists", "ni", "not", "nu", "near", "neg", "tan", "to", "top", "tt", "rank"}
}

// texCommands are the other commands of TeX whose names begin as escapes of JSON do, but for
// those with a b.
func texCommands() []string {
	return []string{
		"fbox", "flat", "floor", "flushleft", "flushright", "footnote", "footnotemark", "footnotesize", "forall", "frac", "frak", "framebox", "frown",
		"nabla", "natural", "ncong", "nearrow", "newcommand", "newline", "ngeq", "nleftarrow", "nleq", "nmid", "nobreak", "noindent", "nolimits",
		"nolinebreak", "nonumber", "norm", "normalfont", "normalsize", "notag", "notin", "nparallel", "nprec", "nrightarrow", "nsim", "nsubseteq", "nsucc",
		"nsupseteq", "ntriangleleft", "ntriangleright", "nwarrow",
		"raggedright", "raise", "raisebox", "rangle", "rbrace", "rbrack", "rceil", "ref", "relax", "renewcommand", "restriction", "rfloor", "rgroup", "rho",
		"rhd", "right", "rightarrow", "rightarrowtail", "rightharpoondown", "rightharpoonup", "rightleftarrows", "rightleftharpoons", "rightrightarrows",
		"rightsquigarrow", "risingdotseq", "rm", "rmfamily", "root", "rtimes", "rule", "rvert", "rVert",
		"tag", "tanh", "tau", "tbinom", "tensor", "text", "textbf", "textbullet", "textcolor", "textdegree", "textgreater", "textit", "textless", "textmd",
		"textmu", "textnormal", "textquotesingle", "textregistered", "textrm", "textsc", "textsf", "textsl", "textstyle", "textsubscript", "textsuperscript",
		"texttrademark", "texttt", "textup", "textwidth", "tfrac", "thanks", "therefore", "theta", "thick", "thickapprox", "thicksim", "thickspace",
		"thinspace", "tilde", "times", "tiny", "triangle", "triangledown", "triangleleft", "trianglelefteq", "triangleq", "triangleright", "trianglerighteq",
		"ttfamily", "twoheadleftarrow", "twoheadrightarrow", "tr",
	}
}
