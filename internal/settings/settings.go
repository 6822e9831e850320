// Package settings reads a configuration file: YAML, one flat map from the names of
// settings, which are those of the flags, to their values. It reports everything that
// is wrong at once, each with its place.
//
// It knows no setting itself: whoever reads says which there are. Its functions are
// pure but for reading the file, and safe for concurrent use. No fault repeats the
// value of what may be a secret.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxBytes bounds a configuration file, so that a wrong path does not read a disk.
const maxBytes = 1 << 20

// Kind says how a setting is written.
type Kind int

// The kinds.
const (
	Text Kind = iota
	Truth
	Number
	List
	Map
	// Table is a list of maps: rows of named columns.
	Table
)

// String names the kind, as messages have it.
func (k Kind) String() string {
	switch k {
	case Truth:
		return "true or false"
	case Number:
		return "a number"
	case List:
		return "a list"
	case Map:
		return "a map"
	case Table:
		return "a list of maps"
	}
	return "a text"
}

// Setting is one that a file may have.
type Setting struct {
	Name string
	Kind Kind
	// Sep divides the items of a list, MapSep those of a map, in a Value's text.
	Sep, MapSep string
	// Secret is the name of the setting whose value the file that this one names has,
	// which must not stand in a configuration file; "" for most.
	Secret string
	// Check says what is wrong with a value; nil takes all.
	Check func(text string) error
	// Columns are those that a row of a Table may have, and Row says what is wrong with a
	// row; nil takes all.
	Columns []string
	Row     func(values map[string]string) []RowFault
}

// RowFault is what is wrong with a column of a row; "" is the row as a whole.
type RowFault struct{ Column, Message string }

// Value is what a file says of a setting.
type Value struct {
	// Text is the value as a flag would have it.
	Text string
	Line int
}

// File is a configuration file that was read.
type File struct {
	Path   string
	Values map[string]Value
}

// Place says where the file sets a setting, as PATH:LINE; "" if it does not. A nil file
// sets nothing.
func (f *File) Place(name string) string {
	if f == nil {
		return ""
	}
	v, ok := f.Values[name]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%d", f.Path, v.Line)
}

// Fault is one thing that is wrong with a configuration.
type Fault struct { //nolint:errname // one of several, by the name of what it is
	// Place is PATH:LINE, or the name of a variable of the environment.
	Place   string
	Message string
}

// Error gives place and message.
func (f Fault) Error() string { return f.Place + ": " + f.Message }

// Read reads a file of settings. What is right of it is in the File, also if there are
// faults.
func Read(path string, known []Setting) (*File, []Fault) {
	f := &File{Path: path, Values: make(map[string]Value)}
	raw, err := read(path)
	if err != nil {
		return f, []Fault{{path, err.Error()}}
	}
	r := &reader{file: f, known: known, lines: make(map[string]int)}
	r.document(raw)
	return f, r.faults
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	case len(raw) > maxBytes:
		return nil, fmt.Errorf("is more than %d bytes long, which no configuration is", maxBytes)
	}
	return raw, nil
}

// reader collects values and faults.
type reader struct {
	file   *File
	known  []Setting
	lines  map[string]int // of the first mention
	faults []Fault
}

func (r *reader) fault(line int, format string, args ...any) {
	r.faults = append(r.faults, Fault{fmt.Sprintf("%s:%d", r.file.Path, max(1, line)), fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (r *reader) document(raw []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return // nothing but comments
	}
	if err != nil {
		message, line := err.Error(), 1
		if at := yamlLine.FindStringSubmatch(message); at != nil {
			line, _ = strconv.Atoi(at[1]) // 0 becomes 1
			message = message[len(at[0]):]
		}
		r.fault(line, "is not YAML: %s", message)
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.fault(1, "has more than one YAML document; write one")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return
	}
	if root.Kind != yaml.MappingNode {
		r.fault(root.Line, "is not a map of settings; write NAME: VALUE, one a line")
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		r.entry(root.Content[i], root.Content[i+1])
	}
}

func (r *reader) entry(key, value *yaml.Node) {
	name := key.Value
	if first, again := r.lines[name]; again {
		r.fault(key.Line, "%s is set a second time; line %d sets it, too", name, first)
		return
	}
	r.lines[name] = key.Line
	at := slices.IndexFunc(r.known, func(s Setting) bool { return s.Name == name })
	if at < 0 {
		r.unknown(key)
		return
	}
	s := r.known[at]
	for depth := 0; value.Kind == yaml.AliasNode && depth < 8; depth++ {
		value = value.Alias
	}
	if s.Kind == Table {
		r.table(s, key, value)
		return
	}
	text, err := s.text(value)
	if err == nil && s.Check != nil {
		err = s.Check(text)
	}
	if err != nil {
		r.fault(value.Line, "%s %v", name, err)
		return
	}
	r.file.Values[name] = Value{Text: text, Line: key.Line}
}

var secretName = regexp.MustCompile(`(?i)passw|secret|token|credential|api-?key|private`)

// unknown reports a name that is none, and what may be meant.
func (r *reader) unknown(key *yaml.Node) {
	name := key.Value
	for _, s := range r.known {
		if s.Secret == name {
			r.fault(key.Line, "%s is a secret, which does not belong into a configuration file: put it into a file that only its owner can read and name that with %s, or give it in the environment as %s",
				name, s.Name, Variable(name))
			return
		}
	}
	if secretName.MatchString(name) {
		r.fault(key.Line, "%q is no setting, and secrets are not taken from a configuration file: settings whose names end in -file name files that have them", name)
		return
	}
	if near := nearest(name, r.known); near != "" {
		r.fault(key.Line, "%q is no setting; is %s meant?", name, near)
		return
	}
	r.fault(key.Line, "%q is no setting; `akin config example` shows all", name)
}

// Variable is the environment's name of a setting.
func Variable(name string) string {
	return "AKIN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// text gives a value as a flag has it.
func (s Setting) text(n *yaml.Node) (string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return "", fmt.Errorf("has no value; write %s, or leave it out", s.Kind)
	case s.Kind == List && n.Kind == yaml.SequenceNode:
		return s.list(n)
	case s.Kind == Map && n.Kind == yaml.MappingNode:
		return s.pairs(n)
	case s.Kind == List && n.Kind == yaml.ScalarNode:
		return escape(n.Value, s.Sep), nil // a list of one
	case n.Kind != yaml.ScalarNode || s.Kind == Map:
		return "", fmt.Errorf("is %s; write %s", shapeOf(n), s.Kind)
	case s.Kind == Truth && n.Tag != "!!bool":
		return "", fmt.Errorf("is %q; write true or false", n.Value)
	case s.Kind == Number && n.Tag != "!!int" && n.Tag != "!!float":
		return "", fmt.Errorf("is %q; write a number", n.Value)
	}
	return n.Value, nil
}

// table reads a list of maps. Its text is JSON: an array of objects of texts, in which
// the items of a list are divided by commas.
func (r *reader) table(s Setting, key, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "%s is %s; write a list of maps: a dash before the first line of each", s.Name, shapeOf(n))
		return
	}
	good, rows := true, make([]map[string]string, 0, len(n.Content))
	for _, item := range n.Content {
		for depth := 0; item.Kind == yaml.AliasNode && depth < 8; depth++ {
			item = item.Alias
		}
		row, ok := r.row(s, item)
		rows, good = append(rows, row), good && ok
	}
	if !good {
		return
	}
	text, err := json.Marshal(rows)
	if err != nil {
		r.fault(n.Line, "%s cannot be read: %v", s.Name, err)
		return
	}
	r.file.Values[s.Name] = Value{Text: string(text), Line: key.Line}
}

// row reads one row of a table, and says whether it is good.
func (r *reader) row(s Setting, n *yaml.Node) (values map[string]string, good bool) {
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, "%s has %s in its list; write a map: NAME: VALUE, one a line", s.Name, shapeOf(n))
		return nil, false
	}
	good, values = true, make(map[string]string)
	lines := make(map[string]int)
	fault := func(line int, format string, args ...any) {
		good = false
		r.fault(line, s.Name+": "+format, args...)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		if first, again := lines[name]; again {
			fault(key.Line, "%s is set a second time; line %d sets it, too", name, first)
			continue
		}
		lines[name] = key.Line
		if !slices.Contains(s.Columns, name) {
			meant := "there are " + strings.Join(s.Columns, ", ")
			if near := Nearest(name, s.Columns); near != "" {
				meant = "is " + near + " meant?"
			}
			fault(key.Line, "%q is none of its settings; %s", name, meant)
			continue
		}
		text, err := Setting{Name: name, Kind: cellKind(value), Sep: ","}.text(value)
		if err != nil {
			fault(value.Line, "%s %v", name, err)
			continue
		}
		values[name] = text
	}
	if s.Row == nil || !good {
		return values, good
	}
	for _, f := range s.Row(values) {
		line := lines[f.Column]
		if line == 0 {
			line = n.Line
		}
		fault(line, "%s", strings.TrimSpace(f.Column+" "+f.Message))
	}
	return values, good
}

// cellKind is how a cell of a table is written: as a list, or as a single value.
func cellKind(n *yaml.Node) Kind {
	if n.Kind == yaml.SequenceNode {
		return List
	}
	return Text
}

func (s Setting) list(n *yaml.Node) (string, error) {
	var items []string
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return "", fmt.Errorf("has %s in its list; write texts", shapeOf(item))
		}
		items = append(items, escape(item.Value, s.Sep))
	}
	return strings.Join(items, s.Sep), nil
}

func (s Setting) pairs(n *yaml.Node) (string, error) {
	var items []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode || n.Content[i+1].Kind != yaml.ScalarNode {
			return "", fmt.Errorf("has %s in its map; write NAME: VALUE", shapeOf(n.Content[i+1]))
		}
		items = append(items, escape(n.Content[i].Value+"="+n.Content[i+1].Value, s.MapSep))
	}
	return strings.Join(items, s.MapSep), nil
}

func escape(item, sep string) string {
	if sep == "" {
		return item
	}
	return strings.ReplaceAll(item, sep, `\`+sep)
}

func shapeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	return "a single value"
}

// nearest gives the setting that a name is probably a misspelling of, or "".
func nearest(name string, known []Setting) (best string) {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	least := max(1, len(name)/4) + 1
	for _, s := range known {
		if d := distance(name, s.Name); d < least {
			best, least = s.Name, d
		}
	}
	return best
}

// Nearest gives the name among some that another is probably a misspelling of, or "".
func Nearest(name string, known []string) string {
	all := make([]Setting, len(known))
	for i, k := range known {
		all[i].Name = k
	}
	return nearest(name, all)
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
