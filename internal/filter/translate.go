package filter

import (
	"math"
	"slices"

	"akin/internal/paper"
)

// Comparison is one condition of a filter, for those who ask another engine for what
// keeps it. One of Present, Exact, Words, Days, Times and Numbers says what it asks;
// where none does, Match alone can decide it.
type Comparison struct {
	// Field is its name, and Key the part of a map that is meant.
	Field, Key string
	Negated    bool
	// Column is where in the text it stands, from 1.
	Column int
	// Present asks that there is a value.
	Present bool
	// Exact is the one value that is asked for, as Values gives it; nil asks otherwise.
	Exact *string
	// Words are looked for one right after the other, as Words gives them; Open says
	// that the last may go on.
	Words []string
	Open  bool
	// Days (PackedDate), Times (microseconds) and Numbers are ranges, both ends included;
	// nil asks otherwise.
	Days    *[2]uint32
	Times   *[2]int64
	Numbers *[2]float64
}

// Translate makes of a filter what another engine understands. Negations stand at the
// comparisons alone. The zero value stands for a filter that keeps all.
func Translate[T any](f *Filter, and, or func([]T) T, compare func(Comparison) (T, error)) (T, error) {
	if f.All() {
		var all T
		return all, nil
	}
	return translate(f.root, and, or, compare)
}

func translate[T any](n *node, and, or func([]T) T, compare func(Comparison) (T, error)) (T, error) {
	if n.op == nodeLeaf {
		return compare(n.comparison())
	}
	kids := make([]T, len(n.kids))
	for i, kid := range n.kids {
		k, err := translate(kid, and, or, compare)
		if err != nil {
			return k, err
		}
		kids[i] = k
	}
	if n.op == nodeOr {
		return or(kids), nil
	}
	return and(kids), nil
}

func (n *node) comparison() Comparison {
	l := n.leaf
	c := Comparison{Field: l.field.name, Key: l.key, Negated: n.negated, Column: l.column}
	switch {
	case l.any:
		c.Present = true
	case l.field.kind == kindDate && l.field.name == "date":
		c.Days = &[2]uint32{l.days.lo, l.days.hi}
	case l.field.kind == kindTime:
		c.Times = &[2]int64{l.times.lo, l.times.hi}
	case l.field.kind == kindNumber:
		c.Numbers = &[2]float64{l.numbers.lo, l.numbers.hi}
	case l.direct:
		c.Exact = &l.exact
	case l.phrase != nil && l.inWords:
		c.Words, c.Open = l.phrase.words, l.phrase.open
	}
	return c
}

// Fault makes the error for a comparison that somebody cannot answer, as Parse makes it
// for what it cannot read.
func (c Comparison) Fault(format string, args ...any) error {
	return faultAt(c.Column, format, args...)
}

// PackedDate orders dates as numbers; 0 is no date.
func PackedDate(d paper.Date) uint32 { return packDate(d) }

// Value is what a record has of a field, in the form in which values are equal.
type Value struct{ Field, Key, Value string }

// Values gives what a record has of all fields of text, and of those that are compared
// as text. Of signals it gives the names alone.
func Values(r *paper.Record) []Value {
	var out []Value
	for _, f := range fields() {
		keys := []string{""}
		switch f.name {
		case "metadata":
			keys = keys[:0]
			for key := range r.Metadata {
				keys = append(keys, key)
			}
		case "signals":
			for key, v := range r.Signals {
				if !math.IsNaN(v) {
					out = append(out, Value{Field: f.name, Key: key})
				}
			}
			continue
		}
		slices.Sort(keys)
		for _, key := range keys {
			for _, text := range texts(r, f, key) {
				out = append(out, Value{Field: f.name, Key: key, Value: f.same(text)})
			}
		}
	}
	return out
}

// WordFields are the fields whose words can be looked for, the parts of maps aside, with
// the texts that a record has of them.
func WordFields(r *paper.Record) map[string][]string {
	out := make(map[string][]string)
	for _, f := range fields() {
		if f.words && !f.keyed {
			out[f.name] = texts(r, f, "")
		}
	}
	return out
}

// Words gives the words of a text as they are compared.
func Words(text string) []string { return wordsOf(text) }
