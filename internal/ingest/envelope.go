package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// What APIs put around a paper: {"status": "ok", "message": {…}} of Crossref, {"_source": {…}}
// of a search engine, {"data": {…}} of Zotero, {"metadata": {…}} of repositories.

// noPaperError says that an object is about something else than a paper: its kind. Where
// objects are read it is passed over.
type noPaperError string

// Error gives the kind.
func (e noPaperError) Error() string {
	return fmt.Sprintf("its itemType is %q, and it has no abstract: it is kept beside papers, but is none", string(e))
}

// envelopes are the keys of objects that hold the object about a paper.
func envelopes() []string {
	return []string{
		"message", "_source", "data", "metadata", "attributes", "bibjson", "paper", "article", "document", "record", "work", "item", "entry", "fields", "publication",
		"bib",
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
		return c.beside(slices.Delete(slices.Clone(values), at, at+1), inner), true
	}
	return nil, false
}

// beside adds to the fields of a paper what stands around its envelope: values that are no
// objects or lists, and those that are in fields which the paper has not. Links are those of
// the envelope.
func (c *columns) beside(outer, inner []member) []member {
	named, names, held := identified(c, inner), map[string]bool{}, map[string]bool{}
	for i, fields := range c.assignMembers(inner) {
		names[normal(inner[i].key)] = true
		for _, field := range fields {
			held[field] = true
		}
	}
	fields := c.assignMembers(outer)
	for i, v := range outer {
		if named && (v.key == "id" || v.key == "_id") {
			v.key = "record_id" // the paper has an identifier that is the same everywhere
		}
		if names[normal(v.key)] {
			continue
		}
		kept := !isObject(v.value) && !isArray(v.value) || normal(v.key) == "external_ids"
		for _, field := range fields[i] {
			kept = kept || !held[field] && field != "id" && field != "url" && field != "urls"
		}
		if kept {
			inner = append(inner, v)
		}
	}
	return inner
}

// assignMembers is assign for the fields of an object.
func (c *columns) assignMembers(values []member) [][]string {
	return c.assign(keysOf(values))
}

func keysOf(values []member) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.key
	}
	return names
}

// identified says that one of some fields is an identifier of arXiv or a DOI.
func identified(c *columns, values []member) bool {
	for i, fields := range c.assignMembers(values) {
		if texts, _ := looseTexts(values[i].value); len(texts) > 0 && (slices.Contains(fields, "doi") || slices.Contains(fields, "arxiv_id")) {
			return true
		}
	}
	return false
}

// about says that one of some fields is a title or an abstract.
func about(c *columns, values []member) bool {
	for _, fields := range c.assignMembers(values) {
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

// noPaper gives a noPaperError for what programs keep beside papers, a note or a file. With
// an abstract it is a paper all the same.
func noPaper(c *columns, values []member, depth int) error {
	for _, v := range values {
		if v.key == "data" && isObject(v.value) && depth > 0 { // as Zotero's API has it
			if inner, err := members(v.value); err == nil {
				return noPaper(c, inner, depth-1)
			}
			return nil
		}
		if v.key == "itemType" && isString(v.value) {
			kind, err := asString("", v.value)
			if err == nil && slices.Contains([]string{"attachment", "note", "annotation"}, kind) && !abstracted(c, values) {
				return noPaperError(kind)
			}
			return nil
		}
	}
	return nil
}

// abstracted says that one of some fields is an abstract that is not empty.
func abstracted(c *columns, values []member) bool {
	for i, fields := range c.assignMembers(values) {
		if texts, _ := looseTexts(values[i].value); len(texts) > 0 && slices.Contains(fields, "abstract") {
			return true
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
	for i, fields := range newColumns(opt.Map).assign(names) {
		for _, field := range fields {
			switch field {
			case "authors", "venue", "publish_date", "date", "year", "doi", "arxiv_id":
				return false
			case "abstract": // but a list may have a description, or a summary
				if opt.Map[field] == names[i] || strings.Contains(normal(names[i]), field) {
					return false
				}
			}
		}
	}
	return true
}

// keyedPapers says that a text begins with an object whose values are objects about papers,
// each under its id: {"2020.acl-main.1": {"title": …}, …}. Where the next object has a key of
// the first, or one value alone among others is an object, the key is no id.
func keyedPapers(text []byte, opt Options) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	papers, others := 0, 0
	for {
		key, err := dec.Token()
		if _, ok := key.(string); err != nil || !ok {
			break
		}
		at := skipSpace(text, int(dec.InputOffset()))
		if at == len(text) || text[at] != ':' {
			break
		}
		if at = skipSpace(text, at+1); at == len(text) {
			break
		}
		switch {
		case papers == 0 && (text[at] != '{' || !telling(jsonHead(text[at:]), opt)):
			return false
		case text[at] == '{':
			papers++
		default:
			others++
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			break
		}
	}
	return papers > 0 && (papers > 1 || others == 0) && !sameAgain(text)
}

// sameAgain says that an object is followed by another one that has a key of it.
func sameAgain(text []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	if dec.Decode(&first) != nil {
		return false
	}
	keys := jsonHead(first)
	for key := range jsonHead(bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n,\x1e")) {
		if holds(keys, key) {
			return true
		}
	}
	return false
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
