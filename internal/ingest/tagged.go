package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"akin/internal/paper"
	"akin/internal/text"
)

// tagged reads references of lines with a tag each. A line without one goes on
// with the value before it.
type tagged struct {
	file    string
	lines   *lines
	dialect tagDialect
}

// tagDialect is what the formats of lines with tags differ in.
type tagDialect struct {
	// tag reads a line, within a record of which the beginning was seen; ""
	// says that it has no tag.
	tag func(line []byte, rec *tagRecord) (name string, value []byte)
	// begin and end are the tags that begin and end a record; end may be "".
	begin, end string
	// blank says that an empty line ends a record.
	blank bool
	// late are tags that may stand right after the end of a record.
	late []string
	// around are tags of the file and not of a record.
	around []string
	// outside says that a line between records is no loss.
	outside func(line string) bool
	row     func(rec *tagRecord) (Row, error)
}

// tagRecord is one reference as it stands in the file.
type tagRecord struct {
	line int
	raw  []byte
	tags []tagValue
	// spaced says that the tags of this record are not spaced as usual.
	spaced bool
	left   unread
}

// tagValue has the lines of the value with line ends between them.
type tagValue struct {
	name  string
	value []byte
}

func (r *tagged) next(ctx context.Context) (Row, error) {
	rec, reason, err := r.gather(ctx)
	if err != nil {
		return Row{}, err
	}
	if reason == "" {
		if err = checkUTF8(rec.raw); err == nil {
			var row Row
			if row, err = r.dialect.row(rec); err == nil {
				row.Source = Source{File: r.file, Line: rec.line}
				return row, nil
			}
		}
		reason = err.Error()
	}
	return Row{}, &RejectedError{Rejected{File: r.file, Line: rec.line, Reason: reason, Raw: rec.raw}}
}

// gather collects the lines of one record, and says why it is none.
func (r *tagged) gather(ctx context.Context) (rec *tagRecord, reason string, _ error) {
	rec = &tagRecord{}
	for {
		l, err := r.lines.next(ctx)
		if errors.Is(err, io.EOF) && rec.line != 0 {
			return rec, r.cut(rec), nil
		}
		if err != nil {
			return nil, "", err
		}
		if l.blank() {
			if rec.line != 0 && r.dialect.blank {
				return rec, "", nil
			}
			continue
		}
		name, value := r.dialect.tag(l.text, rec)
		switch {
		case rec.line == 0 && (name == "" || slices.Contains(r.dialect.around, name)):
			if r.dialect.outside(string(bytes.TrimSpace(l.text))) || name != "" {
				continue
			}
			rec.line, rec.raw = l.num, bytes.Clone(l.text)
			return rec, "this line stands outside of a reference: it has no tag, and none stands before it", nil
		case name != "" && rec.begun() && name == r.dialect.begin:
			r.lines.unread()
			if r.dialect.end != "" {
				rec.unfinished(r.dialect.end)
			}
			return rec, "", nil
		case l.tooLong() || len(rec.raw)+len(l.text) > r.lines.max:
			rec.line, rec.raw = cmp.Or(rec.line, l.num), append(rec.raw[:min(len(rec.raw), keptOfLong)], l.text[:min(len(l.text), keptOfLong)]...)
			return rec, fmt.Sprintf("the reference is longer than the limit of %d bytes; only its beginning is kept here", MaxLineBytes), nil
		}
		rec.add(l, name, value)
		if name != "" && name == r.dialect.end {
			return rec, "", r.after(ctx, rec)
		}
	}
}

// after takes what some programs write behind the end of a record: tags right
// after it, none of which begins another.
func (r *tagged) after(ctx context.Context, rec *tagRecord) error {
	for {
		l, err := r.lines.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, value := r.dialect.tag(l.text, rec)
		if l.tooLong() || !slices.Contains(r.dialect.late, name) && name != r.dialect.end {
			r.lines.unread()
			return nil
		}
		rec.add(l, name, value)
	}
}

// begun says that a record has more than what may stand before its first tag.
func (rec *tagRecord) begun() bool {
	for _, t := range rec.tags {
		switch t.name {
		case "ID", "N1", "UR", "LA", "DB", "DP", "M1", "KW":
		default:
			return true
		}
	}
	return false
}

// unfinished says that the end of a record is missing. What is there is read.
func (rec *tagRecord) unfinished(end string) {
	rec.left = append(rec.left, Unread{Field: end, Text: "it is missing, and so may be what should stand before it"})
}

// cut says what to make of a record at the end of the file: one whose last line
// is whole is read.
func (r *tagged) cut(rec *tagRecord) (reason string) {
	if r.dialect.end == "" {
		return ""
	}
	if !r.lines.last.ended {
		return fmt.Sprintf("the file ends in the middle of this reference: its %s is missing", r.dialect.end)
	}
	rec.unfinished(r.dialect.end)
	return ""
}

// add takes one line.
func (rec *tagRecord) add(l line, name string, value []byte) {
	if rec.line == 0 {
		rec.line = l.num
	} else {
		rec.raw = append(rec.raw, '\n')
	}
	rec.raw = append(rec.raw, l.text...)
	if name == "" {
		last := &rec.tags[len(rec.tags)-1]
		last.value = append(append(last.value, '\n'), l.text...)
		return
	}
	rec.tags = append(rec.tags, tagValue{name, bytes.Clone(value)})
}

// tagValues are the values of each tag that were not taken yet.
type tagValues struct {
	names  []string // in the order of the file
	values map[string][]string
}

// values gives the values by tag; those of the tags of lists are divided at line
// ends.
func (rec *tagRecord) values(lists ...string) *tagValues {
	v := &tagValues{values: map[string][]string{}}
	for _, t := range rec.tags {
		all := []string{string(t.value)}
		for _, list := range lists {
			if t.name == list {
				all = strings.Split(all[0], "\n")
			}
		}
		for _, s := range all {
			if s = collapse(s); s == "" {
				continue
			}
			if v.values[t.name] == nil {
				v.names = append(v.names, t.name)
			}
			v.values[t.name] = append(v.values[t.name], s)
		}
	}
	return v
}

// take takes the first value of the first of the tags that has one.
func (v *tagValues) take(names ...string) string {
	for _, name := range names {
		if all := v.values[name]; len(all) > 0 {
			v.values[name] = all[1:]
			return all[0]
		}
	}
	return ""
}

// takeAll takes all values of the tags.
func (v *tagValues) takeAll(names ...string) (all []string) {
	for _, name := range names {
		all = append(all, v.values[name]...)
		v.values[name] = nil
	}
	return all
}

// joined takes all values of the first of the tags that has one, as one text.
func (v *tagValues) joined(names ...string) string {
	for _, name := range names {
		if len(v.values[name]) > 0 {
			return strings.Join(v.takeAll(name), " ")
		}
	}
	return ""
}

// notes keeps what was not taken.
func (v *tagValues) notes(p *paper.Paper) {
	for _, name := range v.names {
		note(p, name, strings.Join(v.values[name], "; "))
	}
}

// personsOf gives the authors of names written "Last, First", of which one value
// may have several, between semicolons.
func personsOf(names ...string) (all []paper.Author) {
	for _, value := range names {
		for _, name := range split(text.Clean(value), ";") {
			switch strings.ToLower(strings.Trim(name, ". ")) {
			case "others", "et al", "and others", "anonymous":
				continue
			}
			for _, others := range []string{"and others", "et al.", "et al"} {
				name = strings.TrimSuffix(name, " "+others)
			}
			all = append(all, named(fullNameOf(strings.TrimRight(name, ", ")))...)
		}
	}
	return all
}

// someDate takes the first of several dates that can be read, completed with the
// year of another where it has none ("MAY 12"). Those that say something else
// are notes.
func someDate(p *paper.Paper, left *unread, dates ...string) {
	year := 0
	for _, text := range dates {
		if d, ok := looseDate(text); ok && year == 0 {
			year = d.Year
		}
	}
	for i, text := range dates {
		d, how := readDate(text)
		if d.Year == 0 && how == dateUnread && year != 0 {
			d, how = readDate(fmt.Sprintf("%04d %s", year, text))
			if d.Month == 0 {
				d = paper.Date{}
			}
		}
		switch {
		case d.Year == 0 && how == dateUnread:
			if i == len(dates)-1 && year == 0 {
				left.leave(p, "date", "publish_date", text)
			} else {
				note(p, "date", text)
			}
		case d.Year == 0:
		case p.PublishDate.IsZero():
			p.PublishDate = d
			if how == dateInPart {
				note(p, "date", text)
			}
		case covers(d, p.PublishDate) && how == dateRead:
			p.PublishDate = d // the same, more exactly
		case !covers(p.PublishDate, d):
			note(p, "year", text)
		}
	}
}

// arxivOfNotes finds an identifier of arXiv in fields that are not made for one.
func arxivOfNotes(p *paper.Paper, texts ...string) {
	for _, text := range texts {
		if p.ArxivID != "" {
			return
		}
		if !ofAnother.MatchString(text) {
			p.ArxivID, _ = paper.FindArxivID(text)
		}
	}
}
