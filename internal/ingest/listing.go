package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"akin/internal/paper"
)

// looksLikeListing says that there is a date line near the beginning. Text in
// another format has no line that is a date and nothing else.
func looksLikeListing(h head) bool { return !h.binary() && hasHeading(h) }

func hasHeading(h head) bool {
	for line := range h.eachLine {
		if _, ok := parseHeading(line); ok {
			return true
		}
	}
	return false
}

// hasHeader says that there are only short lines before the first date line. A
// long one is an abstract: then the page's header was lost, and what comes
// before the date line are papers of an unknown day, not to be passed over.
func hasHeader(h head) bool {
	for line := range h.eachLine {
		if _, ok := parseHeading(line); ok {
			return true
		}
		if len(line) > maxTitle {
			return false
		}
	}
	return false
}

// listing reads the plain-text listing of a feed page. Its grammar, in which a
// paragraph is a run of lines without a blank line:
//
//	file    = [ header ] { day }
//	header  = short lines before the first date line
//	day     = [ date line ] { paper }
//	paper   = title abstract { further paragraph of the abstract }
//
// Titles and abstracts alternate, and that order decides wherever it can. The
// shape of a paragraph (see shapeOf), and of the one after it, decides where
// the order is broken: a title whose abstract is missing, a further paragraph.
// So one fault costs the paper that it is in, not the rest of the file.
type listing struct {
	file       string
	paragraphs paragraphs
	// header says that the date line that ends the header is still to come.
	header bool

	year  int // of the last heading; 0 if unknown
	month int // of the last heading; 0 before the first
	date  paper.Date

	// title and body are the paper that is being gathered.
	title *paragraph
	body  []*paragraph
	size  int // bytes of the abstract

	// ahead is the paragraph after the current one, once it was looked at.
	ahead    *paragraph
	aheadErr error

	out  []outcome // rows that are ready
	done bool
}

// outcome is a row or a rejected one.
type outcome struct {
	row      Row
	rejected *RejectedError
}

func newListing(in input) rows {
	return &listing{file: in.name, paragraphs: paragraphs{lines: in.lines}, header: hasHeader(in.head), year: in.opt.Year}
}

func (l *listing) next(ctx context.Context) (Row, error) {
	for len(l.out) == 0 {
		if l.done {
			return Row{}, io.EOF
		}
		if err := l.step(ctx); err != nil {
			return Row{}, err
		}
	}
	o := l.out[0]
	l.out = l.out[1:]
	if o.rejected != nil {
		return Row{}, o.rejected
	}
	return o.row, nil
}

// step takes one paragraph.
func (l *listing) step(ctx context.Context) error {
	if l.header {
		if err := l.skipHeader(ctx); err != nil {
			return err
		}
	}
	p, err := l.take(ctx)
	switch {
	case errors.Is(err, io.EOF):
		l.flush(true)
		l.done = true
	case err != nil:
		return err
	case p.shape == heading:
		l.flush(false)
		l.date = l.dated(p.date)
	case p.shape == oversize:
		l.flush(false)
		l.reject(p.line, p.raw, "the line is %d bytes long; the limit is %d; only its beginning is kept here", p.size, MaxLineBytes)
	case l.title == nil:
		l.begin(p)
	case len(l.body) == 0:
		l.afterTitle(ctx, p)
	default:
		l.afterAbstract(ctx, p)
	}
	return nil
}

// skipHeader passes over the lines before the first date line.
func (l *listing) skipHeader(ctx context.Context) error {
	for {
		line, err := l.paragraphs.lines.next(ctx)
		if err != nil {
			return err
		}
		if _, ok := parseHeading(string(line.text)); ok && !line.tooLong() {
			l.paragraphs.lines.unread()
			l.header = false
			return nil
		}
	}
}

// take gives the next paragraph.
func (l *listing) take(ctx context.Context) (*paragraph, error) {
	if l.ahead != nil || l.aheadErr != nil {
		p, err := l.ahead, l.aheadErr
		l.ahead, l.aheadErr = nil, nil
		return p, err
	}
	return l.paragraphs.next(ctx)
}

// following is the shape of the paragraph after the current one.
func (l *listing) following(ctx context.Context) shape {
	if l.ahead == nil && l.aheadErr == nil {
		l.ahead, l.aheadErr = l.paragraphs.next(ctx)
	}
	if l.aheadErr != nil {
		return nothing
	}
	return l.ahead.shape
}

// begin takes the first paragraph of a day, or after a faulty row.
func (l *listing) begin(p *paragraph) {
	if p.shape == prose {
		l.reject(p.line, p.raw, "this paragraph has no title before it")
		return
	}
	l.title = p
}

// afterTitle takes the paragraph after a title: its abstract, unless it looks
// like a title that has an abstract of its own.
func (l *listing) afterTitle(ctx context.Context, p *paragraph) {
	if p.shape == titleLike {
		switch next := l.following(ctx); {
		case next == sentence && l.title.shape == sentence:
			// Titles end with a full stop here; the next paragraph is one.
		case next == sentence || next == prose:
			l.restart(p)
			return
		case next == nothing && !p.ended:
			// Cut off; flush finds that out.
		case !reads(p.text):
			l.restart(p)
			return
		}
	}
	l.extend(p)
}

// afterAbstract takes the paragraph after an abstract: the next title, or a
// further paragraph of the abstract. A short one that ends with a full stop is
// a title if the title before did so too, or if something that can be its
// abstract follows.
func (l *listing) afterAbstract(ctx context.Context, p *paragraph) {
	if p.shape == sentence && l.title.shape != sentence {
		next := l.following(ctx)
		if next != sentence && next != prose {
			l.extend(p)
			return
		}
	}
	if p.shape == prose {
		l.extend(p)
		return
	}
	l.restart(p)
}

// restart finishes the paper and begins another with p.
func (l *listing) restart(p *paragraph) {
	l.flush(false)
	l.begin(p)
}

// extend adds a paragraph to the abstract. A file of paragraphs without titles
// must not be gathered whole, so an abstract that is too long ends at once.
func (l *listing) extend(p *paragraph) {
	l.body = append(l.body, p)
	l.size += len(p.text) + 1
	if len(l.body) > 1 && l.size > paper.MaxAbstractBytes+1 {
		l.rejectPaper("the abstract is longer than %d bytes, the limit", paper.MaxAbstractBytes)
	}
}

// flush finishes the paper that is being gathered; last says that the file
// ends here.
func (l *listing) flush(last bool) {
	if l.title == nil {
		return
	}
	if len(l.body) == 0 {
		reason := "this title has no abstract"
		if last && !l.title.ended {
			reason = "the file ends in the middle of or after this title, before its abstract"
		}
		l.rejectPaper("%s", reason)
		return
	}
	end := l.body[len(l.body)-1]
	// A page that was saved whole may well lack the last line end, so that
	// alone proves nothing; nor does a missing full stop, for some abstracts
	// have none. Both together are rare but for a file that was cut off.
	if last && !end.ended && !endsWhole(end.text) {
		l.rejectPaper("the file ends in the middle of this abstract; if it is whole, put a line end after it")
		return
	}
	p := l.paper()
	row, err := completed(p)
	if err != nil {
		l.rejectPaper("%v", err)
		return
	}
	row.Source = Source{File: l.file, Line: l.title.line}
	l.out = append(l.out, outcome{row: row})
	l.clear()
}

// paper makes the paper of what was gathered.
func (l *listing) paper() paper.Paper {
	var abstract []string
	for _, b := range l.body {
		abstract = append(abstract, b.text)
	}
	p := paper.Paper{Title: l.title.text, Abstract: strings.Join(abstract, " ")}
	if !l.date.IsZero() {
		p.ListedDates = []paper.Date{l.date}
	}
	return p
}

func (l *listing) clear() {
	l.title, l.body, l.size = nil, nil, 0
}

// rejectPaper rejects the paper that is being gathered.
func (l *listing) rejectPaper(reason string, args ...any) {
	raw := [][]byte{l.title.raw}
	for _, b := range l.body {
		raw = append(raw, b.raw)
	}
	l.reject(l.title.line, bytes.Join(raw, []byte("\n\n")), reason, args...)
	l.clear()
}

func (l *listing) reject(line int, raw []byte, reason string, args ...any) {
	l.out = append(l.out, outcome{rejected: &RejectedError{Rejected{
		File: l.file, Line: line, Reason: fmt.Sprintf(reason, args...), Raw: raw,
	}}})
}

// dated gives a heading its year. Headings stand in order of time, one way or
// the other, so a leap of more than half a year between two is a turn of the
// year.
func (l *listing) dated(d paper.Date) paper.Date {
	switch leap := d.Month - l.month; {
	case d.Year != 0:
	case l.year == 0:
	case l.month != 0 && leap > 6:
		d.Year = l.year - 1
	case l.month != 0 && leap < -6:
		d.Year = l.year + 1
	default:
		d.Year = l.year
	}
	l.year, l.month = d.Year, d.Month
	return d
}
