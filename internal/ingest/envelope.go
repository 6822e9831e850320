package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// What APIs put around a paper: {"status": "ok", "message": {…}} of Crossref, {"_source": {…}}
// of a search engine, {"data": {…}} of Zotero, {"metadata": {…}} of repositories.

// errNoPaper says that an object is about something else than a paper, which is passed over.
var errNoPaper = errors.New("no paper")

// envelopes are the keys of objects that hold the object about a paper.
func envelopes() []string {
	return []string{
		"message", "_source", "data", "metadata", "attributes", "bibjson", "paper", "article", "document", "record", "work", "item", "entry", "fields", "publication",
	}
}

// maxEnvelopes is how deep envelopes may lie within each other.
const maxEnvelopes = 3

// open takes the fields of a paper out of an object that holds it under one of the keys of
// envelopes, and has no title or abstract itself. What stands beside it and is no object of
// its own is kept, unless the paper has the same name.
func (c *columns) open(values []member) (opened []member, ok bool) {
	if about(c, values) {
		return nil, false
	}
	for _, key := range envelopes() {
		at := slices.IndexFunc(values, func(v member) bool { return v.key == key && isObject(v.value) })
		if at < 0 {
			continue
		}
		inner, err := members(values[at].value)
		if err != nil || !about(c, inner) && !holdsPaper(c, inner, maxEnvelopes) {
			continue
		}
		named := identified(c, inner)
		for i, v := range values {
			if named && (v.key == "id" || v.key == "_id") {
				v.key = "record_id" // the paper has an identifier that is the same everywhere
			}
			twice := slices.ContainsFunc(inner, func(m member) bool { return normal(m.key) == normal(v.key) })
			if i != at && !twice && !isObject(v.value) && !isArray(v.value) {
				inner = append(inner, v)
			}
		}
		return inner, true
	}
	return nil, false
}

// identified says that one of some fields is an identifier of arXiv or a DOI.
func identified(c *columns, values []member) bool {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.key
	}
	for i, fields := range c.assign(names) {
		if texts, _ := looseTexts(values[i].value); len(texts) > 0 && (slices.Contains(fields, "doi") || slices.Contains(fields, "arxiv_id")) {
			return true
		}
	}
	return false
}

// about says that one of some fields is a title or an abstract.
func about(c *columns, values []member) bool {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.key
	}
	for _, fields := range c.assign(names) {
		if slices.Contains(fields, "title") || slices.Contains(fields, "abstract") {
			return true
		}
	}
	return false
}

// holdsPaper says that an envelope holds another one with a paper.
func holdsPaper(c *columns, values []member, depth int) bool {
	for _, v := range values {
		if depth == 0 || !slices.Contains(envelopes(), v.key) || !isObject(v.value) {
			continue
		}
		inner, err := members(v.value)
		if err == nil && (about(c, inner) || holdsPaper(c, inner, depth-1)) {
			return true
		}
	}
	return false
}

// isNoPaper says that what programs keep beside papers is one of these: a note, a file.
func isNoPaper(values []member) bool {
	for _, v := range values {
		if v.key == "data" && isObject(v.value) { // as Zotero's API has it
			inner, err := members(v.value)
			return err == nil && isNoPaper(inner)
		}
		if v.key == "itemType" && isString(v.value) {
			kind, err := asString("", v.value)
			return err == nil && slices.Contains([]string{"attachment", "note", "annotation"}, kind)
		}
	}
	return false
}

// enveloped says that an object, of which the end may be missing, holds one about a paper in
// an envelope.
func enveloped(text []byte, opt Options, depth int) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return false
		}
		if at := skipSpace(text, int(dec.InputOffset())); slices.Contains(envelopes(), name) && at < len(text) && text[at] == ':' {
			if at = skipSpace(text, at+1); at < len(text) && text[at] == '{' {
				if telling(jsonHead(text[at:]), opt) || depth > 0 && enveloped(text[at:], opt, depth-1) {
					return true
				}
			}
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false
		}
	}
}

// listsPapers says that an object that has a title is that of a list of papers: nothing else
// in it is about one paper.
func listsPapers(keys map[string]string, opt Options) bool {
	lists := []string{"items", "papers", "results", "records", "entries", "articles", "works", "documents", "publications"}
	if !slices.ContainsFunc(lists, func(name string) bool { return holds(keys, name) }) {
		return false
	}
	names := make([]string, 0, len(keys))
	for key := range keys {
		names = append(names, key)
	}
	slices.Sort(names)
	for _, fields := range newColumns(opt.Map).assign(names) {
		for _, field := range fields {
			if slices.Contains([]string{"authors", "venue", "publish_date", "date", "year", "doi", "arxiv_id"}, field) {
				return false
			}
		}
	}
	return true
}

// keyedPapers says that a text begins with an object whose values are objects about papers,
// each under its id: {"2020.acl-main.1": {"title": …}, …}.
func keyedPapers(text []byte, opt Options) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	if _, err := dec.Token(); err != nil {
		return false
	}
	at := skipSpace(text, int(dec.InputOffset()))
	if at == len(text) || text[at] != ':' {
		return false
	}
	at = skipSpace(text, at+1)
	return at < len(text) && text[at] == '{' && telling(jsonHead(text[at:]), opt)
}

// keyed gives an object the key that it stands under as its id, unless it has one.
func keyed(key string, object []byte) []byte {
	if holds(jsonHead(object), "id") {
		return object
	}
	rest := bytes.TrimLeft(object[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] == '}' {
		return object
	}
	return slices.Concat([]byte(`{"id":`), toJSON(strings.TrimSpace(key)), []byte{','}, rest)
}
