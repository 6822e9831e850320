package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"akin/internal/paper"
)

// jsonArray divides a file that is one JSON array into its elements, each of up
// to max bytes. encoding/json can stream an array too, but gives up on all that
// follows one bad element and reads one of any length into memory.
type jsonArray struct {
	file  string
	lines *lines // whose number is that of the line that is being read
	src   *bufio.Reader
	max   int
	open  bool
	done  bool
	buf   []byte
}

func newJSONArray(in input) *jsonArray {
	in.lines.num = 1
	return &jsonArray{file: in.name, lines: in.lines, src: in.lines.src, max: in.lines.max}
}

// next gives the next element, with the number of its first line.
func (a *jsonArray) next(ctx context.Context) (line, error) {
	if a.done {
		return line{}, io.EOF
	}
	if err := ctx.Err(); err != nil {
		return line{}, err
	}
	c, err := a.skipSpace()
	for err == nil {
		switch {
		case !a.open && c == '[':
			a.open = true
		case !a.open:
			return line{}, a.syntax("an opening bracket", c)
		case c == ',': // lenient: a comma too many loses nothing
		case c == ']':
			return line{}, a.end()
		default:
			return a.element(ctx, c)
		}
		c, err = a.skipSpace()
	}
	if errors.Is(err, io.EOF) {
		return line{}, a.fault("the file ends before the closing bracket of its array: it was cut off after line %d", a.lines.num)
	}
	return line{}, err
}

// skipSpace reads past white space and gives the next byte.
func (a *jsonArray) skipSpace() (byte, error) {
	for {
		c, err := a.src.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case c == '\n':
			a.lines.num++
		case c == 0xEF && !a.open: // a byte order mark
			if rest, _ := a.src.Peek(2); string(rest) == byteOrderMark[1:] {
				_, err := a.src.Discard(2)
				if err != nil {
					return 0, err
				}
				continue
			}
			return c, nil
		case c != ' ' && c != '\t' && c != '\r':
			return c, nil
		}
	}
}

// end reads what follows the array, which must be nothing.
func (a *jsonArray) end() error {
	c, err := a.skipSpace()
	if err != nil {
		a.done = true
		return err
	}
	return a.syntax("the end of the file after its array", c)
}

// element gathers one element that begins with the byte c.
func (a *jsonArray) element(ctx context.Context, c byte) (line, error) {
	l := line{num: a.lines.num, ended: true, what: "element"}
	a.buf = a.buf[:0]
	for state := (jsonNesting{}); state.quoted || state.depth > 0 || c != ',' && c != ']'; {
		if l.size++; len(a.buf) < a.max {
			a.buf = append(a.buf, c)
		}
		if c == '\n' {
			a.lines.num++
		}
		if l.size%(1<<20) == 0 && ctx.Err() != nil {
			return line{}, ctx.Err()
		}
		state.take(c)
		var err error
		if c, err = a.src.ReadByte(); errors.Is(err, io.EOF) {
			a.done, l.ended = true, false
			break
		} else if err != nil {
			return line{}, err
		}
	}
	if l.ended {
		if err := a.src.UnreadByte(); err != nil {
			return line{}, err
		}
	}
	l.text = bytes.TrimRight(a.buf, " \t\r\n")
	if l.size > int64(a.max) {
		l.text = l.text[:min(len(l.text), keptOfLong)]
	} else {
		l.size = int64(len(l.text))
	}
	return l, nil
}

// jsonNesting says what the next byte is in.
type jsonNesting struct {
	depth           int
	quoted, escaped bool
}

func (s *jsonNesting) take(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.quoted:
		s.escaped, s.quoted = c == '\\', c != '"'
	case c == '"':
		s.quoted = true
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
	}
}

func (a *jsonArray) syntax(want string, c byte) error {
	return a.fault("line %d: %s must stand here, not %q; what follows was not read", a.lines.num, want, c)
}

func (a *jsonArray) fault(format string, args ...any) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: a.file + ": " + fmt.Sprintf(format, args...),
	}
}
