package cli

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// screen is where all text for people goes. Whatever reaches it was written by
// others: titles, ids, names of files, what a server says. Of characters that a
// terminal would obey or not show (controls, escape sequences, C1, bidirectional
// and other format characters, bytes that are no UTF-8) it writes an escape in
// their place, such as \x1b or \u202e, so that they are seen and do nothing. Line
// ends and tabs pass. What the program itself wants of a terminal it asks for by
// style and status.
//
// Its methods may be called from several goroutines.
type screen struct {
	w io.Writer
	// json writes the escapes of JSON, in which the text stays the same text.
	json bool
	// color allows styles.
	color bool

	mu    sync.Mutex // guards what follows
	carry []byte     // the beginning of a character whose end was not written yet
	last  rune       // the character before
}

// newScreen makes a screen over a writer.
func newScreen(w io.Writer) *screen {
	return &screen{w: w, color: isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// newDataScreen makes the writer for machines: bytes as they are, but on a
// terminal, where JSON has escapes of its own for what the terminal would obey.
func newDataScreen(w io.Writer) io.Writer {
	if !isTerminal(w) {
		return w
	}
	return &screen{w: w, json: true}
}

// Write writes text.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := append(s.carry, p...)
	s.carry = nil
	var b bytes.Buffer
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			s.carry = bytes.Clone(text)
			break
		}
		r, n := utf8.DecodeRune(text)
		next, _ := utf8.DecodeRune(text[n:])
		s.put(&b, r, n, text[0], next)
		text = text[n:]
	}
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// put writes one character, or an escape in its place.
func (s *screen) put(b *bytes.Buffer, r rune, n int, first byte, next rune) {
	before := s.last
	s.last = r
	switch {
	case r == utf8.RuneError && n == 1:
		fmt.Fprintf(b, `\x%02x`, first)
	case r == '\n' || r == '\t' || !obeyed(r):
		b.WriteRune(r)
	case (r == 0x200c || r == 0x200d) && !s.json && joins(before) && joins(next):
		b.WriteRune(r) // spelling, as in Persian, or one picture of several
	case r < 0x80 && !s.json:
		fmt.Fprintf(b, `\x%02x`, r)
	case r <= 0xffff:
		fmt.Fprintf(b, `\u%04x`, r)
	case s.json:
		fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// obeyed says that a terminal does something else with a character than show it.
func obeyed(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// joins says that a character may stand beside a joiner.
func joins(r rune) bool {
	return r >= 0x80 && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r))
}

// flush writes what was left of a character that never ended.
func (s *screen) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.carry {
		fmt.Fprintf(s.w, `\x%02x`, c)
	}
	s.carry = nil
}

// A style is how text looks, by its SGR parameter (ECMA-48, 8.3.117).
type style string

const (
	plain style = "0"
	bold  style = "1"
	dim   style = "2"
)

// style sets how what follows looks, where the terminal has colour.
func (s *screen) style(as style) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.color {
		fmt.Fprintf(s.w, "\x1b[%sm", as)
	}
}

// status writes over the line that the cursor is in.
func (s *screen) status(line string) {
	shown := visible(oneLine(line))
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, "\r%s\x1b[K", shown)
}

// visible gives text as a screen writes it.
func visible(text string) string {
	var b bytes.Buffer
	s := &screen{w: &b}
	s.Write([]byte(text)) //nolint:errcheck // a buffer takes everything
	s.flush()
	return b.String()
}

// oneLine makes one line of a text.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\t', '\v', '\f', 0x85, 0x2028, 0x2029:
			return ' '
		}
		return r
	}, s)
}

// visibleAttr makes what is logged safe for a terminal, in the place where a
// handler lets every attribute be replaced.
func visibleAttr(_ []string, a slog.Attr) slog.Attr {
	a.Key = visible(oneLine(a.Key))
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(visible(oneLine(v.String())))
	case slog.KindAny:
		switch v.Any().(type) {
		case slog.Level, *slog.Source:
		default:
			a.Value = slog.StringValue(visible(oneLine(fmt.Sprint(v.Any()))))
		}
	default: // numbers and times
	}
	return a
}
