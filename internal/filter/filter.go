package filter

import (
	"akin/internal/paper"
	"akin/internal/text/unify"
)

// Filter is a predicate over papers. The nil Filter and the zero Filter keep
// every paper.
type Filter struct {
	text string
	root *node
}

// node is a part of a predicate. Negations stand at the leaves alone.
type node struct {
	op      nodeOp
	kids    []*node
	leaf    *leaf
	negated bool
}

type nodeOp int

const (
	nodeLeaf nodeOp = iota
	nodeAnd
	nodeOr
)

// Parse reads filter text. Text that is empty, or white space, keeps every
// paper. An error is a *paper.Error of kind Invalid that names the field
// "filter" and the column, which Metadata["column"] repeats for programs.
func Parse(text string) (*Filter, error) {
	s, err := read(text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return &Filter{}, nil
	}
	root, err := checker{allFields()}.check(s, false)
	if err != nil {
		return nil, err
	}
	return &Filter{text: text, root: root}, nil
}

// String gives the text that the filter was read from.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.text
}

// All says that the filter keeps every paper.
func (f *Filter) All() bool { return f == nil || f.root == nil }

// Match says whether the filter keeps a record.
func (f *Filter) Match(r *paper.Record) bool {
	return f.All() || f.root.match(&subject{Record: r})
}

// subject is a record that is decided, with its texts as words are compared: they
// are made once, however many words are looked for in them.
type subject struct {
	*paper.Record
	title, abstract *string
}

// plain gives the text of a field of text that is read word by word, or false.
func (s *subject) plain(f *field) (text string, ok bool) {
	kept, of := &s.title, s.Title
	switch f.name {
	case "title":
	case "abstract":
		kept, of = &s.abstract, s.Abstract
	default:
		return "", false
	}
	if *kept == nil {
		text := unify.Plain(of)
		*kept = &text
	}
	return **kept, true
}

func (n *node) match(r *subject) bool {
	switch n.op {
	case nodeAnd:
		for _, kid := range n.kids {
			if !kid.match(r) {
				return false
			}
		}
		return true
	case nodeOr:
		for _, kid := range n.kids {
			if kid.match(r) {
				return true
			}
		}
		return false
	}
	return n.leaf.match(r) != n.negated
}
