package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"akin/internal/paper"
)

// nested finds the objects of a file of JSON that are not one a line: the
// elements of an array within an object, or whole objects one after the other.
// What lies around them is passed over, whatever its size, so that memory is
// bounded by max bytes an object.
type nested struct {
	file  string
	lines *lines // whose number is that of the line that is being read
	src   *bufio.Reader
	max   int
	// path leads from the outermost object to the array; nil for objects that
	// stand alone, and empty for those that the outermost object has under keys.
	path  []string
	stack []container
	buf   []byte
	found int
}

// maxStack is how deep JSON may be nested around what is read, as deep as encoding/json
// takes it.
const maxStack = 10_000

// container is an object or an array that reading is in.
type container struct {
	array bool
	key   string // of the value that is read, in an object
	value bool   // a key was read, and its value comes
}

func newNested(in input, path []string) *nested {
	in.lines.num = 1
	return &nested{file: in.name, lines: in.lines, src: in.lines.src, max: in.lines.max, path: path}
}

// next gives the next object, with the number of its first line.
func (n *nested) next(ctx context.Context) (line, error) {
	for {
		if err := ctx.Err(); err != nil {
			return line{}, err
		}
		c, err := n.byte()
		if errors.Is(err, io.EOF) && len(n.stack) > 0 {
			return line{}, n.fault("the file ends in the middle of its JSON: it was cut off after line %d", n.lines.num)
		}
		if err != nil {
			return line{}, err
		}
		switch {
		case c == '{' && n.here():
			l, err := n.object(ctx, c)
			if n.path != nil && len(n.path) == 0 && len(n.stack) > 0 {
				l.key = n.top().key
			}
			return l, err
		case c == '{', c == '[':
			if len(n.stack) == maxStack {
				return line{}, n.fault("line %d: its JSON is nested more than %d deep; what follows was not read", n.lines.num, maxStack)
			}
			n.stack = append(n.stack, container{array: c == '['})
		case c == '}', c == ']':
			if len(n.stack) == 0 || n.top().array != (c == ']') {
				return line{}, n.fault("line %d: %q stands where none can; what follows was not read", n.lines.num, c)
			}
			n.stack = n.stack[:len(n.stack)-1]
		case c == '"' && len(n.stack) > 0:
			if err := n.text(ctx); err != nil {
				return line{}, err
			}
		case c == ',' && len(n.stack) > 0:
			n.top().value = false
		case len(n.stack) == 0 && strings.IndexByte(" \t\r\n,\x1e"+byteOrderMark, c) < 0:
			return line{}, n.fault("line %d: an object must stand here, not %q; what follows was not read", n.lines.num, c)
		}
	}
}

func (n *nested) top() *container { return &n.stack[len(n.stack)-1] }

// here says that an object that begins is one to give.
func (n *nested) here() bool {
	if n.path == nil {
		return len(n.stack) == 0
	}
	if len(n.path) == 0 {
		return len(n.stack) == 1 && !n.top().array
	}
	if len(n.stack) != len(n.path)+1 || !n.top().array {
		return false
	}
	for i, key := range n.path {
		if n.stack[i].array || n.stack[i].key != key {
			return false
		}
	}
	return true
}

// byte gives the next byte and counts lines.
func (n *nested) byte() (byte, error) {
	c, err := n.src.ReadByte()
	if c == '\n' && err == nil {
		n.lines.num++
	}
	return c, err
}

// text reads a string whose quote was read: the key of a value, or a value.
func (n *nested) text(ctx context.Context) error {
	var raw []byte
	escaped := false
	for size := 1; ; size++ {
		c, err := n.byte()
		if errors.Is(err, io.EOF) {
			return n.fault("the file ends in the middle of its JSON: it was cut off after line %d", n.lines.num)
		}
		if err != nil {
			return err
		}
		if size%(1<<20) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if c == '"' && !escaped {
			break
		}
		escaped = c == '\\' && !escaped
		if len(raw) < keptOfLong {
			raw = append(raw, c)
		}
	}
	if len(n.stack) > 0 && !n.top().array && !n.top().value {
		key, err := asString("", slices.Concat([]byte{'"'}, raw, []byte{'"'}))
		if err != nil {
			key = string(raw)
		}
		n.top().key, n.top().value = key, true
	}
	return nil
}

// object gathers one object whose brace was read.
func (n *nested) object(ctx context.Context, c byte) (line, error) {
	l := line{num: n.lines.num, ended: true, what: "object"}
	n.buf = n.buf[:0]
	n.found++
	for state := (jsonNesting{}); ; {
		if l.size++; len(n.buf) < n.max {
			n.buf = append(n.buf, c)
		}
		if l.size%(1<<20) == 0 && ctx.Err() != nil {
			return line{}, ctx.Err()
		}
		if state.take(c); state.depth == 0 {
			break
		}
		var err error
		if c, err = n.byte(); errors.Is(err, io.EOF) {
			l.ended, n.stack = false, nil
			break
		} else if err != nil {
			return line{}, err
		}
	}
	l.text = n.buf
	if l.size > int64(n.max) {
		l.text = l.text[:min(len(l.text), keptOfLong)]
	}
	return l, nil
}

func (n *nested) fault(format string, args ...any) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: n.file + ": " + fmt.Sprintf(format, args...),
	}
}
