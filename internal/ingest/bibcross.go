package ingest

import (
	"slices"
	"strings"
)

// Bounds of what entries wait for, and with.
const (
	maxWaiting = 32 << 20 // bytes of entries that wait
	maxParents = 16 << 20 // bytes of fields that may be taken from entries
)

// crossrefs keeps entries back until the ones that they take fields from were
// read, which BibTeX wants to stand below them: the queue holds what waits and
// all that follows it, in the order of the file.
type crossrefs struct {
	queue   []*bibRecord
	size    int                   // bytes of queue
	parents map[string][]bibField // by key in lower case
	kept    int                   // bytes of parents
	over    bool                  // the file has no more
}

func newCrossrefs() crossrefs { return crossrefs{parents: map[string][]bibField{}} }

// add takes the next entry of the file.
func (c *crossrefs) add(e *bibRecord) {
	if key := strings.ToLower(e.key); key != "" && e.fault == nil {
		c.keep(key, e)
	}
	if e.kind == "xdata" {
		return // holds fields for others, and is no record
	}
	c.queue = append(c.queue, e)
	c.size += len(e.raw)
}

// keep keeps what others may take from an entry.
func (c *crossrefs) keep(key string, e *bibRecord) {
	fields := e.fields
	switch {
	case e.kind == "xdata":
	case e.kind == "article" || e.kind == "inproceedings" || e.kind == "incollection" || e.kind == "misc" || c.parents[key] != nil:
		return
	default:
		fields = slices.DeleteFunc(slices.Clone(fields), func(f bibField) bool { return !inherited(f.name) && f.name != "crossref" })
	}
	for _, f := range fields {
		c.kept += len(f.value)
	}
	if c.kept <= maxParents {
		c.parents[key] = fields
	}
}

// ready says that the first entry needs to wait no longer.
func (c *crossrefs) ready() bool {
	if len(c.queue) == 0 {
		return c.over
	}
	return c.over || c.size > maxWaiting || c.allRead(c.queue[0])
}

// allRead says that all that an entry takes fields from was read.
func (c *crossrefs) allRead(e *bibRecord) bool {
	for _, key := range e.refersTo() {
		if c.parents[key] == nil {
			return false
		}
	}
	return true
}

func (c *crossrefs) finish() { c.over = true }

// take gives the first entry with the fields of others, or nil.
func (c *crossrefs) take() *bibRecord {
	if len(c.queue) == 0 {
		return nil
	}
	e := c.queue[0]
	c.queue[0] = nil
	c.queue = c.queue[1:]
	c.size -= len(e.raw)
	for _, key := range e.refersTo() {
		parent := c.parents[key]
		if parent == nil {
			e.left = append(e.left, Unread{Field: "crossref", Text: shorten(key+" (no entry has this key, or it stands too far away)", unreadText)})
			continue
		}
		e.inherit(parent, c.parents)
	}
	return e
}

// refersTo gives the keys of the entries that this one takes fields from.
func (e *bibRecord) refersTo() (keys []string) {
	for _, f := range e.fields {
		if f.name == "crossref" || f.name == "xdata" {
			for _, key := range split(f.value, ",") {
				keys = append(keys, strings.ToLower(key))
			}
		}
	}
	return keys
}

// inherit takes the fields that an entry has not itself, of the parent and of
// the one that that refers to. What is the title of a volume is the title of the
// book to a paper in it.
func (e *bibRecord) inherit(parent []bibField, parents map[string][]bibField) {
	for range 2 {
		have := map[string]bool{}
		for _, f := range e.fields {
			have[f.name] = strings.TrimSpace(f.value) != "" || have[f.name]
		}
		next := ""
		named := slices.ContainsFunc(parent, func(f bibField) bool { return f.name == "booktitle" && f.value != "" })
		for _, f := range parent {
			name := f.name
			switch {
			case name == "crossref":
				next = strings.ToLower(f.value)
				continue
			case name == "title" && have["title"] && named:
				continue
			case name == "title" && have["title"]:
				name = "booktitle"
			case name == "subtitle" && have["title"]:
				name = "booksubtitle"
			case (name == "year" || name == "date") && (have["year"] || have["date"]):
				continue
			}
			if !have[name] {
				e.fields = append(e.fields, bibField{name, f.value})
			}
		}
		if parent = parents[next]; parent == nil {
			return
		}
	}
}

// inherited says that papers of a volume take the field from it.
func inherited(name string) bool {
	switch name {
	case "title", "subtitle", "booktitle", "booksubtitle", "year", "date", "month", "publisher", "editor", "series", "volume", "journal", "journaltitle",
		"address", "location", "organization", "school", "institution", "isbn", "issn", "language", "langid", "eventtitle", "eventdate", "venue":
		return true
	}
	return false
}
