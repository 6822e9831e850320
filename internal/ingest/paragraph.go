package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/paper"
)

// maxTitle is the longest paragraph, in bytes, that can be a title, and the
// longest line that can be part of a paragraph of several lines. The longest
// titles on arXiv are below it; few abstracts are that short.
const maxTitle = 300

// shape is what a paragraph of a listing looks like on its own.
type shape int

const (
	nothing   shape = iota // no paragraph: the end of the file
	heading                // a date line
	titleLike              // short, without a full stop at the end
	sentence               // short, with a full stop at the end
	prose                  // long, or with a web address: never a title
	oversize               // a line beyond the limit, only its beginning kept
)

// paragraph is a run of lines without a blank line.
type paragraph struct {
	shape shape
	text  string // white space collapsed
	raw   []byte // as in the file, without the last line end
	line  int    // where it begins
	size  int64  // bytes of an oversize line
	ended bool   // a line end follows
	date  paper.Date
}

// paragraphs divides the lines of a listing. Furniture of the page is passed
// over.
type paragraphs struct {
	lines *lines
}

// next gives the next paragraph, io.EOF after the last.
func (p *paragraphs) next(ctx context.Context) (*paragraph, error) {
	for {
		par, err := p.gather(ctx)
		if err != nil {
			return nil, err
		}
		if par.shape == heading || par.shape == oversize {
			return par, nil
		}
		if furniture(par.raw) {
			continue
		}
		par.text = collapse(string(par.raw))
		par.shape = shapeOf(par.text)
		return par, nil
	}
}

// gather collects the lines of one paragraph. A date line before any other and
// a line that is longer than a title (so nothing wrapped it) are paragraphs of
// their own, for pages whose blank lines were lost.
func (p *paragraphs) gather(ctx context.Context) (*paragraph, error) {
	var par *paragraph
	for {
		l, err := p.lines.next(ctx)
		switch {
		case errors.Is(err, io.EOF) && par != nil:
			return par, nil
		case err != nil:
			return nil, err
		case l.blank() && par != nil:
			return par, nil
		case l.blank():
			continue
		}
		alone := l.tooLong() || len(l.text) > maxTitle
		if par != nil && (alone || len(par.raw)+len(l.text) > p.lines.max) {
			p.lines.unread()
			return par, nil
		}
		if par == nil {
			par = &paragraph{line: l.num}
			if date, ok := parseHeading(string(l.text)); ok {
				par.shape, par.date, alone = heading, date, true
			}
		} else {
			par.raw = append(par.raw, '\n')
		}
		par.raw = append(par.raw, l.text...)
		par.ended = l.ended
		if l.tooLong() {
			par.shape, par.size = oversize, l.size
		}
		if alone {
			return par, nil
		}
	}
}

// shapeOf judges a paragraph by its own text.
func shapeOf(text string) shape {
	switch {
	case len(text) > maxTitle, hasAddress(text):
		return prose
	case strings.HasSuffix(withoutClosers(text), ".") || strings.HasSuffix(withoutClosers(text), "。"):
		return sentence
	default:
		return titleLike
	}
}

// hasAddress says that text holds a web address, which titles don't.
func hasAddress(text string) bool {
	return strings.Contains(text, "://") || strings.Contains(text, "www.") || strings.Contains(text, "github.com/")
}

// withoutClosers takes away what may stand after a full stop: brackets, quotes
// and marks of LaTeX and Markdown.
func withoutClosers(text string) string {
	return strings.TrimRight(text, " )]}\"'”’»*_$")
}

// endsWhole says that text ends as a whole abstract does: with the end of a
// sentence, or with a web address, after which a full stop is often left out.
func endsWhole(text string) bool {
	text = withoutClosers(text)
	last := text[strings.LastIndexByte(text, ' ')+1:]
	if hasAddress(last) {
		return true
	}
	switch strings.TrimLeft(last, "([{\"'“‘«") {
	case "e.g.", "i.e.", "cf.", "vs.":
		return false // no sentence ends so
	}
	r, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".!?…。！？", r)
}

// reads says that a short text without a full stop reads like a sentence: of
// many words, few with a capital.
func reads(text string) bool {
	words := strings.Fields(text)
	capitals := 0
	for _, w := range words {
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsUpper(r) {
			capitals++
		}
	}
	return len(words) >= 8 && capitals*3 < len(words)
}

// furniture says that each line of a paragraph is a known part of the feed
// page around the papers.
func furniture(raw []byte) bool {
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(line) > 50 || !furnitureLine(strings.ToLower(collapse(string(line)))) {
			return false
		}
	}
	return true
}

func furnitureLine(line string) bool {
	switch line {
	case "new", "trending papers", "daily papers", "get trending papers in your email inbox!", "subscribe",
		"byak and the research community", "by ak and the research community",
		"previous", "next", "load more", "company", "tos", "privacy", "about", "careers",
		"website", "models", "datasets", "spaces", "pricing", "docs", "system theme":
		return true
	}
	return strings.HasPrefix(line, "© ")
}
