package ingest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// jsonKind is how a file of JSON holds its objects.
type jsonKind int

const (
	noJSON    jsonKind = iota
	onLines            // one object a line
	inArray            // in one array
	inWrapper          // in an array within an object, as APIs answer
	spread             // one after the other, over any number of lines
	inObject           // each under its key in one object
)

// jsonShape is what the beginning of a file of JSON tells.
type jsonShape struct {
	kind jsonKind
	// keys are those of the first object, with their values as far as those are
	// texts.
	keys map[string]string
	// path leads to the array of a wrapped file.
	path []string
	// empty says that the array has no elements.
	empty bool
}

// sniffJSON looks at the beginning of a file.
func sniffJSON(h head) jsonShape {
	text := h.text
	i := skipSpace(text, 0)
	if i == len(text) {
		return jsonShape{}
	}
	switch text[i] {
	case '[':
		i = skipSpace(text, i+1)
		switch {
		case i < len(text) && text[i] == '{':
			return jsonShape{kind: inArray, keys: jsonHead(text[i:])}
		case i < len(text) && text[i] == ']':
			return jsonShape{kind: inArray, empty: true}
		}
	case '{':
		return sniffObject(text[i:], h)
	}
	return jsonShape{}
}

// sniffObject looks at a text that begins with an object.
func sniffObject(text []byte, h head) jsonShape {
	keys := jsonHead(text)
	if keys == nil {
		return jsonShape{}
	}
	if !telling(keys, h.opt) || listsPapers(keys, h.opt) {
		if path, first, empty := findPapers(text, h.opt); path != nil {
			return jsonShape{kind: inWrapper, path: path, keys: first, empty: empty}
		}
	}
	if !telling(keys, h.opt) && !enveloped(text, h.opt, maxEnvelopes) && keyedPapers(text, h.opt) {
		return jsonShape{kind: inObject, keys: map[string]string{}}
	}
	line, _, ended := bytes.Cut(text, []byte("\n"))
	if ended && !validLoosely(line) && firstIsWhole(text, h.whole) {
		return jsonShape{kind: spread, keys: keys}
	}
	if next := skipSpace(text, 1); next >= len(line) || text[next] != '"' && text[next] != '}' {
		return jsonShape{} // braces in some other text
	}
	return jsonShape{kind: onLines, keys: keys}
}

func validLoosely(text []byte) bool {
	if json.Valid(text) {
		return true
	}
	_, ok := mendJSON(text)
	return ok
}

// firstIsWhole says that the text begins with a value of JSON, of which the end
// may be beyond the head.
func firstIsWhole(text []byte, whole bool) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	var value json.RawMessage
	if dec.Decode(&value) == nil {
		return true
	}
	if whole {
		return false
	}
	dec = json.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := dec.Token(); err != nil {
			return dec.InputOffset() > int64(len(text))-keptOfLong
		}
	}
}

// telling says that an object is about a paper.
func telling(keys map[string]string, opt Options) bool {
	names := make([]string, 0, len(keys))
	for key := range keys {
		names = append(names, key)
	}
	slices.Sort(names)
	if holds(keys, "paper") || holds(keys, "corpusid") || holds(keys, "paperId") {
		return true
	}
	for _, fields := range newColumns(opt.Map).assign(names) {
		if slices.Contains(fields, "title") || slices.Contains(fields, "abstract") {
			return true
		}
	}
	return false
}

// maxWrapping is how deep an array of papers may lie within an object.
const maxWrapping = 6

// findPapers finds the first array of objects about papers within an object of
// which the end may be missing. Without one, it gives an empty array of a name
// that such arrays have.
func findPapers(text []byte, opt Options) (path []string, keys map[string]string, empty bool) {
	f := finder{text: text, dec: json.NewDecoder(bytes.NewReader(text)), opt: opt}
	if t, err := f.dec.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, false
	}
	f.object(nil)
	if f.path == nil && f.none != nil {
		return f.none, nil, true
	}
	return f.path, f.keys, false
}

type finder struct {
	text []byte
	dec  *json.Decoder
	opt  Options
	path []string
	keys map[string]string
	none []string // to an array without elements
}

// object looks through an object whose brace was read, and says whether to go
// on.
func (f *finder) object(path []string) bool {
	for {
		key, err := f.dec.Token()
		name, ok := key.(string)
		if err != nil {
			return false
		}
		if !ok {
			return true // the closing brace
		}
		if !f.value(append(slices.Clone(path), name)) {
			return false
		}
	}
}

// value looks through one value.
func (f *finder) value(path []string) bool {
	t, err := f.dec.Token()
	switch {
	case err != nil:
		return false
	case t == json.Delim('{') && len(path) < maxWrapping:
		return f.object(path)
	case t == json.Delim('['):
		return f.array(path)
	case t == json.Delim('{'):
		return f.skip()
	}
	return true
}

func (f *finder) array(path []string) bool {
	at := skipSpace(f.text, int(f.dec.InputOffset()))
	if at < len(f.text) && f.text[at] == '{' {
		if keys := jsonHead(f.text[at:]); telling(keys, f.opt) || enveloped(f.text[at:], f.opt, maxEnvelopes) {
			f.path, f.keys = path, keys
			return false
		}
	}
	if at < len(f.text) && f.text[at] == ']' && f.none == nil {
		switch strings.ToLower(path[len(path)-1]) {
		case "items", "results", "result", "data", "collection", "papers", "works", "records", "articles", "documents", "docs", "hits", "entries":
			f.none = path
		}
	}
	return f.skip()
}

// skip reads to the end of the array or object that was opened.
func (f *finder) skip() bool {
	for depth := 1; depth > 0; {
		t, err := f.dec.Token()
		if err != nil {
			return false
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return true
}
