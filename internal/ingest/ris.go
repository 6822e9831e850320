package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"akin/internal/paper"
)

// risLine is a tag with what follows: "AU  - Holt, Mira". Some programs write
// one space before the hyphen, and "ER  -" without one after it.
var risLine = regexp.MustCompile(`^([A-Z][A-Z0-9]) {1,2}-(?: (.*)|)$`)

// looksLikeRIS says that the first line that is not blank is a tag TY.
func looksLikeRIS(h head) bool {
	for line := range h.eachLine {
		if line != "" {
			tag := risLine.FindStringSubmatch(line)
			return tag != nil && tag[1] == "TY"
		}
	}
	return false
}

// ris reads references in RIS: from a tag TY to a tag ER. A line without a tag
// goes on with the value before it.
type ris struct {
	file  string
	lines *lines
}

func newRIS(in input) rows { return &ris{file: in.name, lines: in.lines} }

// risRecord is one reference as it stands in the file.
type risRecord struct {
	line int
	raw  []byte
	tags []risTag
}

type risTag struct {
	name  string
	value []byte
}

func (r *ris) next(ctx context.Context) (Row, error) {
	rec, reason, err := r.gather(ctx)
	if err != nil {
		return Row{}, err
	}
	if reason == "" {
		var row Row
		if row, err = rec.row(); err == nil {
			row.Source = Source{File: r.file, Line: rec.line}
			return row, nil
		}
		reason = err.Error()
	}
	return Row{}, &RejectedError{Rejected{File: r.file, Line: rec.line, Reason: reason, Raw: rec.raw}}
}

// gather collects the lines of one record, and says why it is none.
func (r *ris) gather(ctx context.Context) (rec risRecord, reason string, _ error) {
	for {
		l, err := r.lines.next(ctx)
		if errors.Is(err, io.EOF) && rec.line != 0 {
			return rec, "the file ends in the middle of this reference: its ER is missing", nil
		}
		if err != nil {
			return rec, "", err
		}
		if l.blank() {
			continue
		}
		tag := risLine.FindSubmatch(bytes.TrimRight(l.text, " \t"))
		begins := tag != nil && string(tag[1]) == "TY"
		if rec.line == 0 && !begins {
			rec.line, rec.raw = l.num, bytes.Clone(l.text)
			return rec, "this line stands outside of a reference, which begins with TY and ends with ER", nil
		}
		if rec.line != 0 && begins {
			r.lines.unread()
			return rec, "the next reference begins before this one ends: its ER is missing", nil
		}
		if l.tooLong() || len(rec.raw)+len(l.text) > r.lines.max {
			rec.line, rec.raw = cmp.Or(rec.line, l.num), append(rec.raw[:min(len(rec.raw), keptOfLong)], l.text[:min(len(l.text), keptOfLong)]...)
			return rec, fmt.Sprintf("the reference is longer than the limit of %d bytes; only its beginning is kept here", MaxLineBytes), nil
		}
		rec.add(l, tag)
		if tag != nil && string(tag[1]) == "ER" {
			return rec, "", nil
		}
	}
}

// add takes one line.
func (rec *risRecord) add(l line, tag [][]byte) {
	if rec.line == 0 {
		rec.line = l.num
	} else {
		rec.raw = append(rec.raw, '\n')
	}
	rec.raw = append(rec.raw, l.text...)
	if tag == nil {
		last := &rec.tags[len(rec.tags)-1]
		last.value = append(append(last.value, ' '), l.text...)
		return
	}
	rec.tags = append(rec.tags, risTag{string(tag[1]), bytes.Clone(tag[2])})
}

// risValues are the values of each tag that were not taken yet.
type risValues struct {
	names  []string // in the order of the file
	values map[string][]string
}

func (rec *risRecord) values() *risValues {
	v := &risValues{values: map[string][]string{}}
	for _, t := range rec.tags {
		if text := collapse(string(t.value)); text != "" {
			if v.values[t.name] == nil {
				v.names = append(v.names, t.name)
			}
			v.values[t.name] = append(v.values[t.name], text)
		}
	}
	return v
}

// take takes the first value of the first of the tags that has one.
func (v *risValues) take(names ...string) string {
	for _, name := range names {
		if all := v.values[name]; len(all) > 0 {
			v.values[name] = all[1:]
			return all[0]
		}
	}
	return ""
}

// takeAll takes all values of the tags.
func (v *risValues) takeAll(names ...string) (all []string) {
	for _, name := range names {
		all = append(all, v.values[name]...)
		v.values[name] = nil
	}
	return all
}

// row makes a paper of the tags. Where several tags mean the same, the first
// of a list here counts, and the others are notes.
func (rec *risRecord) row() (Row, error) {
	if err := checkUTF8(rec.raw); err != nil {
		return Row{}, err
	}
	v := rec.values()
	p := paper.Paper{
		Title: v.take("TI", "T1", "CT", "BT"), Abstract: v.take("AB", "N2"), Venue: v.take("JO", "JF", "T2", "JA", "J2"),
		DOI: bareDOI(v.take("DO")), Categories: v.takeAll("KW"),
	}
	for _, name := range v.takeAll("AU", "A1") {
		p.Authors = append(p.Authors, named(fullNameOf(name))...)
	}
	setDate(&p, v.take("DA", "PY", "Y1"))
	for _, year := range v.takeAll("PY", "Y1", "DA") {
		if d, ok := looseDate(year); ok && !covers(p.PublishDate, d) {
			note(&p, "year", year)
		}
	}
	link(&p, v.takeAll("UR", "L1", "L2", "LK")...)
	setLanguage(&p, v.take("LA"))
	// RIS has no tag for an identifier of arXiv.
	for _, text := range slices.Concat(p.URLs, v.values["AN"], v.values["M1"], v.values["C1"]) {
		if id, _, ok := parseArxivID(text); ok && p.ArxivID == "" {
			p.ArxivID = id
		}
	}
	identify(&p)
	note(&p, "type", v.take("TY"))
	for _, name := range v.names {
		note(&p, name, strings.Join(v.values[name], "; "))
	}
	return completed(p)
}
