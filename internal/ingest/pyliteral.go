package ingest

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLiteralDepth bounds how deep a literal of Python is nested.
const maxLiteralDepth = 32

// pythonJSON gives as JSON what Python prints of a list, tuple, set or dict of
// plain values, which is how data frames write them into cells of CSV: ['a',
// "b's"]. Arrays of NumPy, which have no commas, are read as well.
func pythonJSON(text string) (value []byte, ok bool) {
	p := pyLiteral{text: text}
	p.space()
	v, ok := p.value(0)
	p.space()
	if !ok || p.at != len(p.text) {
		return nil, false
	}
	raw, err := json.Marshal(v)
	return raw, err == nil
}

// pyLiteral reads one literal.
type pyLiteral struct {
	text string
	at   int
}

func (p *pyLiteral) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// accept takes one byte if it stands here.
func (p *pyLiteral) accept(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *pyLiteral) value(depth int) (any, bool) {
	if p.at == len(p.text) || depth > maxLiteralDepth {
		return nil, false
	}
	switch c := p.text[p.at]; c {
	case '[':
		return p.list(']', depth)
	case '(':
		return p.list(')', depth)
	case '{':
		return p.dict(depth)
	case '\'', '"':
		return p.str()
	default:
		return p.word()
	}
}

func (p *pyLiteral) list(closing byte, depth int) (any, bool) {
	p.at++
	all := []any{}
	for {
		p.space()
		if p.accept(closing) {
			return all, true
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		all = append(all, v)
		p.space()
		p.accept(',')
	}
}

func (p *pyLiteral) dict(depth int) (any, bool) {
	p.at++
	all, set := map[string]any{}, []any{}
	for {
		p.space()
		if p.accept('}') {
			if len(set) > 0 {
				return set, len(all) == 0
			}
			return all, true
		}
		key, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		p.space()
		if p.accept(':') {
			p.space()
			name, isText := key.(string)
			v, ok := p.value(depth + 1)
			if !ok || !isText {
				return nil, false
			}
			all[name] = v
		} else {
			set = append(set, key)
		}
		p.space()
		p.accept(',')
	}
}

// str reads a string in either quotes.
func (p *pyLiteral) str() (any, bool) {
	quote := p.text[p.at]
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == quote:
			return b.String(), true
		case c != '\\':
			b.WriteByte(c)
		case !p.escape(&b):
			return nil, false
		}
	}
	return nil, false
}

// escape reads what follows a backslash.
func (p *pyLiteral) escape(b *strings.Builder) bool {
	if p.at == len(p.text) {
		return false
	}
	c := p.text[p.at]
	p.at++
	var digits int
	switch c {
	case 'n', 't', 'r', 'f', 'v', 'a', 'b':
		b.WriteByte(' ')
		return true
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case '\\', '\'', '"':
		b.WriteByte(c)
		return true
	default: // not an escape: Python keeps the backslash
		b.WriteByte('\\')
		b.WriteByte(c)
		return true
	}
	if p.at+digits > len(p.text) {
		return false
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+digits], 16, 32)
	p.at += digits
	if err != nil || n > utf8.MaxRune {
		return false
	}
	b.WriteRune(rune(n))
	return true
}

// word reads None, True, False, nan or a number.
func (p *pyLiteral) word() (any, bool) {
	begin := p.at
	for p.at < len(p.text) && strings.IndexByte(",:]}) \t\r\n", p.text[p.at]) < 0 {
		p.at++
	}
	switch word := p.text[begin:p.at]; word {
	case "None", "nan", "null":
		return nil, true
	case "True", "true":
		return true, true
	case "False", "false":
		return false, true
	default:
		return json.Number(word), word != "" && isNumber([]byte(word)) && json.Valid([]byte(word))
	}
}
