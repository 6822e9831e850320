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

// elements divides a file that is one JSON array into its elements, each of up
// to max bytes. encoding/json can stream an array too, but gives up on all that
// follows one bad element and reads one of any length into memory.
type elements struct {
	file  string
	lines *lines // whose number is that of the line that is being read
	src   *bufio.Reader
	max   int
	open  bool
	done  bool
	buf   []byte
}

func newElements(in input) *elements {
	in.lines.num = 1
	return &elements{file: in.name, lines: in.lines, src: in.lines.src, max: in.lines.max}
}

// next gives the next element, with the number of its first line.
func (e *elements) next(ctx context.Context) (line, error) {
	if e.done {
		return line{}, io.EOF
	}
	if err := ctx.Err(); err != nil {
		return line{}, err
	}
	c, err := e.skip()
	for err == nil {
		switch {
		case !e.open && c == '[':
			e.open = true
		case !e.open:
			return line{}, e.syntax("an opening bracket", c)
		case c == ',': // lenient: a comma too many loses nothing
		case c == ']':
			return line{}, e.end()
		default:
			return e.element(ctx, c)
		}
		c, err = e.skip()
	}
	if errors.Is(err, io.EOF) {
		return line{}, e.fault("the file ends before the closing bracket of its array: it was cut off after line %d", e.lines.num)
	}
	return line{}, err
}

// skip gives the next byte that is not white space.
func (e *elements) skip() (byte, error) {
	for {
		c, err := e.src.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case c == '\n':
			e.lines.num++
		case c == 0xEF && !e.open: // a byte order mark
			if rest, _ := e.src.Peek(2); string(rest) == byteOrderMark[1:] {
				_, err := e.src.Discard(2)
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
func (e *elements) end() error {
	c, err := e.skip()
	if err != nil {
		e.done = true
		return err
	}
	return e.syntax("the end of the file after its array", c)
}

// element gathers one element that begins with the byte c.
func (e *elements) element(ctx context.Context, c byte) (line, error) {
	l := line{num: e.lines.num, ended: true, what: "element"}
	e.buf = e.buf[:0]
	for state := (elementState{}); state.quoted || state.depth > 0 || c != ',' && c != ']'; {
		if l.size++; len(e.buf) < e.max {
			e.buf = append(e.buf, c)
		}
		if c == '\n' {
			e.lines.num++
		}
		if l.size%(1<<20) == 0 && ctx.Err() != nil {
			return line{}, ctx.Err()
		}
		state.take(c)
		var err error
		if c, err = e.src.ReadByte(); errors.Is(err, io.EOF) {
			e.done, l.ended = true, false
			break
		} else if err != nil {
			return line{}, err
		}
	}
	if l.ended {
		if err := e.src.UnreadByte(); err != nil {
			return line{}, err
		}
	}
	l.text = bytes.TrimRight(e.buf, " \t\r\n")
	if l.size > int64(e.max) {
		l.text = l.text[:min(len(l.text), keptOfLong)]
	} else {
		l.size = int64(len(l.text))
	}
	return l, nil
}

// elementState says what the next byte is in.
type elementState struct {
	depth           int
	quoted, escaped bool
}

func (s *elementState) take(c byte) {
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

func (e *elements) syntax(want string, c byte) error {
	return e.fault("line %d: %s must stand here, not %q; what follows was not read", e.lines.num, want, c)
}

func (e *elements) fault(format string, args ...any) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: e.file + ": " + fmt.Sprintf(format, args...),
	}
}
