package ingest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	byteOrderMark = "\uFEFF"
	// keptOfLong is how much is kept of a line that is too long.
	keptOfLong = 4 << 10
)

// line is one line of a file.
type line struct {
	// text has no line end (LF or CRLF) and no byte order mark. It is valid
	// until the next line is read.
	text []byte
	num  int // counts from 1
	// size is the length of the line; above the limit, text holds only its
	// beginning.
	size int64
	// ended says that a line end follows: only a last line has none.
	ended bool
	// what the text is, if it is no line.
	what string
	// key is what an object of JSON stands under, if that is its id.
	key string
}

// name says what the text is.
func (l line) name() string { return cmp.Or(l.what, "line") }

// article puts the indefinite article before a word.
func article(word string) string {
	if strings.ContainsRune("aeio", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

func (l line) blank() bool { return len(bytes.TrimSpace(l.text)) == 0 && !l.tooLong() }

func (l line) tooLong() bool { return l.size > int64(len(l.text)) }

// rejected makes the error for a row that is this text.
func (l line) rejected(file, reason string) *RejectedError {
	if l.tooLong() {
		reason = fmt.Sprintf("the %s is %d bytes long; the limit is %d; only its beginning is kept here", l.name(), l.size, MaxLineBytes)
	}
	return &RejectedError{Rejected{File: file, Line: l.num, Reason: reason, Raw: bytes.Clone(l.text)}}
}

// lines reads lines of up to max bytes in memory that does not grow beyond
// that.
type lines struct {
	src  *bufio.Reader
	max  int
	num  int // of the last line that was read
	buf  []byte
	last line
	back bool // give last once more
}

// unread makes next give the last line once more.
func (l *lines) unread() { l.back = true }

// next gives the next line, io.EOF after the last, or the error of the source.
func (l *lines) next(ctx context.Context) (line, error) {
	if l.back {
		l.back = false
		return l.last, nil
	}
	l.buf = l.buf[:0]
	size := 0
	for {
		if err := ctx.Err(); err != nil {
			return line{}, err
		}
		chunk, err := l.src.ReadSlice('\n')
		size += len(chunk)
		// Two bytes more than the limit, for the line end.
		l.buf = append(l.buf, chunk[:min(len(chunk), max(0, l.max+2-len(l.buf)))]...)
		switch {
		case err == nil:
			return l.finish(size, true), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case !errors.Is(err, io.EOF):
			return line{}, err
		case size == 0:
			return line{}, io.EOF
		default:
			return l.finish(size, false), nil
		}
	}
}

// finish makes the line of what was gathered.
func (l *lines) finish(size int, ended bool) line {
	l.num++
	text := l.buf
	complete := size == len(text)
	if ended {
		size--
		if complete {
			text = text[:size]
		}
	}
	if complete {
		text = bytes.TrimSuffix(text, []byte("\r"))
		text = bytes.TrimPrefix(text, []byte(byteOrderMark)) // on any line: files get concatenated
		size = len(text)
	}
	if size > l.max {
		text = text[:min(len(text), keptOfLong, l.max)]
	}
	l.last = line{text: text, num: l.num, size: int64(size), ended: ended}
	return l.last
}
