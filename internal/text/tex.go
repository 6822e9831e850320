package text

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep arguments of commands are nested in arguments.
const maxDepth = 16

// maxArgument is the longest argument of a command that is not known.
const maxArgument = 2 << 10

// untex takes commands of TeX out of a text. Where the text is not known to be
// whole TeX, only what is surely a command counts.
func untex(s string, whole bool) string {
	if !whole && !strings.Contains(s, `\`) {
		return s
	}
	t := tex{in: s, whole: whole, ties: whole}
	if !whole {
		// A text with commands is TeX in its quotes and ties too.
		probe := tex{in: s}
		probe.all()
		t.ties = probe.found
	}
	t.all()
	return string(t.out)
}

type tex struct {
	in    string
	at    int
	depth int
	// whole says that the text is TeX throughout; ties, that quotes and ties
	// are those of TeX.
	whole, ties bool
	// math says that this is the content of \ensuremath.
	math bool
	// found says that there was a command.
	found bool
	// quoted says that quotes were opened.
	quoted bool
	out    []byte
	// marks is how many marks are open that one letter has, one in another.
	marks int
	// next are places where signs were found, so that they are searched once.
	next map[string]int
}

// find gives how far from the current place the next sign is, or -1.
func (t *tex) find(sign string) int {
	at, known := t.next[sign]
	if !known || at >= 0 && at < t.at {
		if at = strings.Index(t.in[t.at:], sign); at >= 0 {
			at += t.at
		}
		if t.next == nil {
			t.next = map[string]int{}
		}
		t.next[sign] = at
	}
	if at < 0 {
		return -1
	}
	return at - t.at
}

func (t *tex) put(s string) { t.out = append(t.out, s...) }

func (t *tex) all() {
	for t.at < len(t.in) {
		t.step()
	}
}

// step takes one character, group or command.
func (t *tex) step() {
	rest := t.in[t.at:]
	if t.ties && t.ligature(rest) {
		return
	}
	switch rest[0] {
	case '$':
		n := t.formula(rest)
		t.put(rest[:n])
		t.at += n
	case '\\':
		t.command()
	case '{':
		if !t.whole && !t.markup(rest) {
			t.put("{")
			t.at++
			return
		}
		t.group()
	case '}':
		if !t.whole {
			t.put("}")
		}
		t.at++
	default:
		n := strings.IndexAny(rest[1:], "\\{}$~-`'!?") + 1
		if n == 0 {
			n = len(rest)
		}
		t.put(rest[:n])
		t.at += n
	}
}

// markup says that a group of a text that is not whole TeX is one of TeX: it
// begins with a command, as {\'e} and {\it in situ} do.
func (t *tex) markup(rest string) bool {
	if len(rest) < 3 || rest[1] != '\\' {
		return false
	}
	probe := tex{in: rest, at: 1, depth: t.depth}
	name := probe.name()
	if _, ok := symbol(name); ok || style(name) || declaration(name) {
		return true
	}
	return accent(name) != 0
}

// group takes the content of a group.
func (t *tex) group() {
	end := braceEnd(t.in, t.at)
	inner := strings.TrimSuffix(t.in[t.at+1:end], "}")
	t.at = end
	t.put(t.nested(inner))
}

// nested gives the text of an argument.
func (t *tex) nested(s string) string {
	if t.depth >= maxDepth {
		return strings.NewReplacer("{", "", "}", "", `\`, "").Replace(s)
	}
	n := tex{in: s, depth: t.depth + 1, whole: t.whole, ties: t.ties, math: t.math}
	n.all()
	t.found = t.found || n.found
	return string(n.out)
}

// ligature takes dashes, quotes and ties.
func (t *tex) ligature(rest string) bool {
	for _, l := range []struct{ from, to string }{
		{"---", "—"}, {"--", "–"}, {"``", "“"}, {"''", "”"}, {"?`", "¿"}, {"!`", "¡"}, {"`", "‘"}, {"~", " "},
	} {
		if !strings.HasPrefix(rest, l.from) {
			continue
		}
		if !t.whole && !t.certain(l.from, rest[len(l.from):]) {
			return false
		}
		t.quoted = t.quoted || l.to == "“"
		t.put(l.to)
		t.at += len(l.from)
		return true
	}
	return false
}

// certain says that a sign in a text which is not whole TeX is one of TeX: a
// tie joins (Fig.~3), a dash is no option (--data), quotes have a counterpart.
func (t *tex) certain(sign, after string) bool {
	before := byte(' ')
	if t.at > 0 {
		before = t.in[t.at-1]
	}
	next := byte(' ')
	if after != "" {
		next = after[0]
	}
	switch sign {
	case "~":
		return before != ' ' && next != ' ' && before != '/' && before != '(' && before != '~' && next != '~'
	case "--", "---":
		return before != '-' && next != '-' && (before == ' ') == (next == ' ')
	case "``":
		return t.find("''") > 0
	case "''":
		return t.quoted
	}
	return false
}

// formula gives the length of the formula that begins with a dollar, or 1 where
// the dollar is one of money.
func (t *tex) formula(rest string) int {
	if strings.HasPrefix(rest, "$$") {
		if n := strings.Index(rest[2:], "$$"); n > 0 {
			return n + 4
		}
		return 2
	}
	for end := 1; end < len(rest); end++ {
		switch rest[end] {
		case '\\':
			end++
		case '$':
			if t.whole || end > 1 && rest[1] != ' ' && rest[end-1] != ' ' && (end+1 == len(rest) || rest[end+1] < '0' || rest[end+1] > '9') {
				return end + 1
			}
			return 1
		}
	}
	return 1
}

// name reads a command after its backslash: letters, or one other character.
func (t *tex) name() string {
	start := t.at + 1
	end := start
	for end < len(t.in) && letter(t.in[end]) {
		end++
	}
	if end == start {
		_, size := utf8.DecodeRuneInString(t.in[start:])
		end = start + size
	}
	t.at = end
	return t.in[start:end]
}

func (t *tex) command() {
	start := t.at
	name := t.name()
	switch text, ok := symbol(name); {
	case t.passage(start, name):
	case accent(name) != 0 && t.accented(accent(name), name):
		t.found = true
	case ok && (t.whole || sure(name, t.in[:start], t.in[t.at:])):
		t.found = t.found || len(name) > 1
		t.put(text)
		t.endName(name)
	case t.structure(name):
		t.found = true
	case name != "" && (t.whole || len(name) > 2):
		t.unknown(start, name)
	default:
		t.put(t.in[start:t.at])
	}
}

// sure says that a command of one sign is one, in a text that is not whole TeX:
// 50\% is, and so is a\,b, but not a backslash before a blank.
func sure(name, before, after string) bool {
	if letter(name[0]) {
		return len(name) > 1 || before == "" || !letter(before[len(before)-1]) || strings.Contains("oOlLij", name)
	}
	switch name {
	case "%", "&", "$", "#", "_":
		return true
	case ",", ";", " ", "-", "/", "!":
		return before != "" && after != "" && ending(before[len(before)-1]) && after[0] != ' ' && after[0] != '\\'
	}
	return false
}

// ending says that a space or break can follow: of a word, not of a bracket.
func ending(c byte) bool {
	return letter(c) || '0' <= c && c <= '9' || strings.IndexByte(".,:;?!)}]%$", c) >= 0 || c >= utf8.RuneSelf
}

// endName takes the white space or empty group that only ends a command.
func (t *tex) endName(name string) {
	if strings.HasPrefix(t.in[t.at:], "{}") {
		t.at += 2
	} else if letter(name[0]) {
		t.space()
	}
}

// passage copies formulas between \( and \), and environments: they stay.
func (t *tex) passage(start int, name string) bool {
	var end string
	switch name {
	case "(":
		end = `\)`
	case "[":
		end = `\]`
	default:
		return false
	}
	n := t.find(end)
	if n < 0 {
		return false
	}
	t.at += n + len(end)
	t.put(t.in[start:t.at])
	return true
}

// structure takes commands with arguments.
func (t *tex) structure(name string) bool {
	switch {
	case dropped(name):
		t.out = bytes.TrimRight(t.out, " ~")
		for t.option() || t.skipGroup() {
		}
		return true
	case style(name):
		t.option()
		t.raised(name)
	case declaration(name):
		t.space()
	default:
		return t.special(name)
	}
	return true
}

// raised puts out the argument of a command of form, as HTML's raised numbers.
func (t *tex) raised(name string) {
	t.space()
	argument := t.nested(t.argument())
	if (name == "textsuperscript" || name == "sp") && power(string(t.out[max(0, len(t.out)-8):]), argument) {
		t.put("^")
	}
	t.put(argument)
}

// special takes commands with arguments of which not all are text.
func (t *tex) special(name string) bool {
	switch name {
	case "href", "textcolor", "colorbox", "foreignlanguage", "texorpdfstring", "hyperref", "raisebox", "parbox":
		t.option()
		t.argument()
		t.space()
		t.put(t.nested(t.argument()))
	case "color", "hspace", "vspace", "hskip", "vskip", "thanks", "label", "selectlanguage", "fontsize", "pagestyle", "vphantom", "phantom",
		"hphantom", "noopsort":
		t.option()
		t.skipGroup()
	case "url", "nolinkurl", "path":
		t.space()
		t.put(BareTeX(t.argument()))
	case "ensuremath":
		t.space()
		t.ensureMath(t.argument())
	case "footnote":
		t.put(" (" + t.nested(t.argument()) + ")")
	case "SI", "qty":
		t.option()
		t.put(t.nested(t.argument()))
		t.space()
		t.put(" " + t.nested(t.argument()))
	case "begin", "end":
		t.environment(name)
	default:
		return false
	}
	return true
}

// environment takes lists and the like apart; formulas stay.
func (t *tex) environment(command string) {
	start := t.at - len(command) - 1
	name := strings.TrimSuffix(strings.TrimSpace(t.argument()), "*")
	switch name {
	case "equation", "align", "eqnarray", "displaymath", "math", "gather", "multline":
		if n := t.find(`\end{` + name); n >= 0 && command == "begin" {
			t.at += n
			t.at += max(0, strings.IndexByte(t.in[t.at:], '}')+1)
		}
		t.put(t.in[start:t.at])
	default:
		t.put(" ")
	}
}

// ensureMath writes an argument as text where that says all, else as a formula.
func (t *tex) ensureMath(argument string) {
	n := tex{in: argument, depth: min(t.depth+1, maxDepth), whole: true, math: true}
	n.all()
	if text := string(n.out); !strings.ContainsAny(text, `\^_`) {
		t.put(text)
		return
	}
	t.put("$" + argument + "$")
}

// unknown leaves the arguments of a command, which are text; of one without, its
// name in whole TeX (a program's own macro, such as \Planck), and elsewhere all.
func (t *tex) unknown(start int, name string) {
	after := t.in[t.at:]
	switch {
	case t.math || !letter(name[0]):
		t.put(t.in[start:t.at])
		return
	case after == "" || after[0] != '{' && after[0] != '[' || !t.hasGroup():
		if t.whole && len(name) > 1 {
			t.put(name)
			return
		}
		t.put(t.in[start:t.at])
		return
	}
	t.found = true
	t.option()
	var arguments []string
	for t.at < len(t.in) && t.in[t.at] == '{' {
		if text := t.nested(t.argument()); text != "" {
			arguments = append(arguments, text)
		}
	}
	if len(arguments) == 0 {
		arguments = []string{name}
	}
	t.put(strings.Join(arguments, " "))
}

// hasGroup says that a group that is closed comes next, maybe after an option.
func (t *tex) hasGroup() bool {
	at := t.at
	if t.in[at] == '[' {
		n := t.find("]")
		if n < 0 {
			return false
		}
		at += n + 1
	}
	near := t.in[:min(len(t.in), at+maxArgument)]
	if at >= len(near) || near[at] != '{' {
		return false
	}
	end := braceEnd(near, at)
	return end <= len(near) && near[end-1] == '}' && end > at+1
}

func (t *tex) space() {
	for t.at < len(t.in) && strings.IndexByte(" \t\n", t.in[t.at]) >= 0 {
		t.at++
	}
}

// option takes an argument in brackets, and a star.
func (t *tex) option() bool {
	rest := t.in[t.at:]
	if strings.HasPrefix(rest, "*") {
		t.at++
		rest = rest[1:]
	}
	if !strings.HasPrefix(rest, "[") {
		return false
	}
	n := t.find("]")
	if n < 0 {
		return false
	}
	t.at += n + 1
	return true
}

func (t *tex) skipGroup() bool {
	if !strings.HasPrefix(t.in[t.at:], "{") {
		return false
	}
	t.at = braceEnd(t.in, t.at)
	return true
}

// maxMarks is how many marks one letter may have.
const maxMarks = 4

// accented puts a mark on the first letter of the argument.
func (t *tex) accented(mark rune, name string) bool {
	start := t.at
	if !letter(name[0]) || t.whole {
		t.space()
	} else if rest := t.in[t.at:]; !strings.HasPrefix(rest, "{") {
		// \c c and \v{s} are accents; \b, \t and \d{3} are of something else.
		if len(rest) < 2 || rest[0] != ' ' || !letter(rest[1]) && rest[1] != '\\' || start > 3 && t.in[start-3] == ':' {
			return false
		}
		t.space()
	}
	argument := t.argument()
	if !t.whole && !accentable(argument, t.in[:t.at]) {
		t.at = start
		return false
	}
	text := t.nested(argument)
	first, size := utf8.DecodeRuneInString(text)
	switch {
	case size == 0 || !unicode.IsLetter(first):
		t.put(spacing(name)) // the sign itself: 10{\^{}}6
		t.put(text)
		return true
	case first == 'ı' && mark < 0x320:
		first = 'i' // the mark takes the place of the dot
	case first == 'ȷ' && mark < 0x320:
		first = 'j'
	}
	t.put(compose(first, mark))
	t.put(text[size:])
	return true
}

// accentable says that an argument in a text that is not whole TeX begins with a
// letter, or is {}.
func accentable(argument, before string) bool {
	argument = strings.TrimLeft(argument, "{ ")
	if argument == "" {
		return strings.HasSuffix(before, "{}")
	}
	first, _ := utf8.DecodeRuneInString(argument)
	return unicode.IsLetter(first) || first == '\\' && len(argument) > 1
}

// argument takes a group, a command or one character.
func (t *tex) argument() string {
	if t.at == len(t.in) {
		return ""
	}
	start := t.at
	switch t.in[t.at] {
	case '{':
		t.at = braceEnd(t.in, t.at)
		return strings.TrimSuffix(t.in[start+1:t.at], "}")
	case '\\':
		command := t.in[start : start+1+len(t.name())]
		if len(command) > 1 {
			t.endName(command[1:]) // \"\i ve is one word
		}
		if len(command) > 1 && accent(command[1:]) != 0 && t.marks < maxMarks { // \~\^e has two marks
			t.marks++
			t.argument()
			t.marks--
			return t.in[start:t.at]
		}
		return command
	default:
		_, size := utf8.DecodeRuneInString(t.in[t.at:])
		t.at += size
	}
	return t.in[start:t.at]
}

// braceEnd is the index after the brace that closes the one at i, or the end
// of the text. A brace after a backslash is a sign.
func braceEnd(s string, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
