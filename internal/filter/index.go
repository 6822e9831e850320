package filter

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/paper"
)

// Limits of what an index keeps of metadata and signals, whose names and values
// are the callers'. Beyond them it answers with supersets.
const (
	// MaxKeys is how many names of metadata and signals are kept, all together.
	MaxKeys = 1024
	// MaxKeyValues is how many distinct values of one metadata name are kept.
	MaxKeyValues = 1024
	// MaxKeyValueBytes is the longest value of metadata that is kept.
	MaxKeyValueBytes = 64
)

// Index keeps the attributes of papers by ordinal and compiles filters to
// bitmaps. The zero Index is not ready; use NewIndex. All methods may be called
// from any goroutine.
type Index struct {
	known known

	mu sync.RWMutex // guards all below
	// live has the ordinals of all papers.
	live *roaring.Bitmap
	// frozen is live at the newest version, and never changes; nil before it is
	// asked for.
	frozen atomic.Pointer[roaring.Bitmap]
	// attributes are the fields that are kept or whose presence is, by name, and
	// each name of metadata and signals, by "metadata." or "signals." and name.
	attributes map[string]*attribute
	fixed      []*attribute // those of fields without a key
	keyed      []*attribute // the others; nil where one was dropped
	// terms are the values of attributes; unused ones are nil.
	terms []*term
	// owners are the attributes of terms, parallel to them; not of unused ones.
	owners []*attribute
	free   []uint32 // unused places of terms
	// rows say what each paper has: terms, and attributes as keyedMark plus the
	// place in keyed, so that an update can take the old ones away.
	rows    column[[]uint32]
	dates   column[uint32] // packDate
	created column[int64]  // in microseconds
	updated column[int64]
	// version counts the changes, and stamps say by which a paper changed last.
	version uint64
	stamps  stamps
	// overflowed is set for good once a name went beyond MaxKeys: a name that is
	// not in attributes may be in records all the same.
	overflowed bool
}

// keyedMark tells attributes from terms in a row.
const keyedMark = 1 << 31

// attribute is one field, or one name of metadata or signals.
type attribute struct {
	field   *field
	name    string
	place   uint32          // in keyed
	present *roaring.Bitmap // the ordinals that have any value
	// ids finds the term of a value in the form that field.same gives it. It is nil where
	// values are not kept: only presence is known.
	ids *dictionary
	// names finds values by their words, of fields that have many values and are
	// looked for by a word of them.
	names   *names
	numbers column[float64] // of signals
}

type term struct {
	attribute *attribute
	value     string // as it was first seen
	papers    posting
}

// NewIndex makes an empty index.
func NewIndex() *Index {
	x := &Index{known: allFields(), live: roaring.New(), attributes: make(map[string]*attribute)}
	for _, name := range x.known.names {
		f := x.known.byName[name]
		if f.keyed || f.kind == kindTime || f.name == "date" {
			continue
		}
		a := &attribute{field: f, name: f.name, present: roaring.New()}
		if f.kept {
			a.ids = newDictionary()
		}
		if f.kept && f.words {
			a.names = newNames(f.name == "venue")
		}
		x.attributes[f.name] = a
		x.fixed = append(x.fixed, a)
	}
	return x
}

// Len is how many papers the index has.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(x.live.GetCardinality())
}

// Upsert makes the index know a paper by what r says; what it knew of the
// ordinal before is gone. It keeps no reference to r.
func (x *Index) Upsert(ordinal uint32, r *paper.Record) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stamp(ordinal)
	x.remove(ordinal)
	x.live.Add(ordinal)
	if d := r.PublishDate; !d.IsZero() {
		x.dates.set(ordinal, packDate(d))
	}
	if !r.CreateTime.IsZero() {
		x.created.set(ordinal, r.CreateTime.UnixMicro())
	}
	if !r.UpdateTime.IsZero() {
		x.updated.set(ordinal, r.UpdateTime.UnixMicro())
	}
	var row []uint32
	for _, a := range x.fixed {
		row = x.addValues(row, a, ordinal, texts(r, a.field, ""))
	}
	for key, value := range r.Metadata {
		if a := x.keyedAttribute("metadata", key); a != nil {
			row = x.addValues(append(row, keyedMark|a.place), a, ordinal, []string{value})
		}
	}
	for key, value := range r.Signals {
		if a := x.keyedAttribute("signals", key); a != nil {
			row = append(row, keyedMark|a.place)
			a.present.Add(ordinal)
			a.numbers.set(ordinal, value)
		}
	}
	// The row is set before attributes are narrowed: that edits rows.
	x.rows.set(ordinal, slices.Clip(row))
	x.narrow(row)
}

// Holds says whether the index knows a paper by just what r says, as Upsert would
// make it know it.
func (x *Index) Holds(ordinal uint32, r *paper.Record) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.live.Contains(ordinal) || !x.holdsTimes(ordinal, r) {
		return false
	}
	want := 0
	for _, a := range x.fixed {
		n, ok := x.holdsValues(a, ordinal, texts(r, a.field, ""))
		if !ok {
			return false
		}
		want += n
	}
	for key, value := range r.Metadata {
		a := x.attributes["metadata."+key]
		if a == nil && x.overflowed {
			continue
		}
		n, ok := x.holdsValues(a, ordinal, []string{value})
		if !ok {
			return false
		}
		want += n + 1
	}
	for key, value := range r.Signals {
		a := x.attributes["signals."+key]
		if a == nil && x.overflowed {
			continue
		}
		if a == nil || !a.present.Contains(ordinal) {
			return false
		}
		if n, ok := a.numbers.get(ordinal); !ok || n != value {
			return false
		}
		want++
	}
	row, _ := x.rows.get(ordinal)
	return len(row) == want
}

func (x *Index) holdsTimes(ordinal uint32, r *paper.Record) bool {
	date, ok := x.dates.get(ordinal)
	if ok == r.PublishDate.IsZero() || ok && date != packDate(r.PublishDate) {
		return false
	}
	created, ok := x.created.get(ordinal)
	if ok == r.CreateTime.IsZero() || ok && created != r.CreateTime.UnixMicro() {
		return false
	}
	updated, ok := x.updated.get(ordinal)
	return ok != r.UpdateTime.IsZero() && (!ok || updated == r.UpdateTime.UnixMicro())
}

// holdsValues says whether a paper has these values of an attribute, and how many
// different ones that are in its row.
func (x *Index) holdsValues(a *attribute, ordinal uint32, values []string) (n int, ok bool) {
	if a == nil || a.present.Contains(ordinal) != (len(values) > 0) {
		return 0, false
	}
	if a.ids == nil {
		return 0, true
	}
	seen := make(map[uint32]bool, len(values))
	for _, value := range values {
		id, known := x.find(a, a.field.same(value))
		if !known || !x.terms[id].papers.has(ordinal) {
			return 0, false
		}
		seen[id] = true
	}
	return len(seen), true
}

// Delete makes the index forget a paper; an ordinal that it does not know is no
// fault.
func (x *Index) Delete(ordinal uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stamp(ordinal)
	x.remove(ordinal)
}

func (x *Index) remove(ordinal uint32) {
	if !x.live.CheckedRemove(ordinal) {
		return
	}
	x.dates.remove(ordinal)
	x.created.remove(ordinal)
	x.updated.remove(ordinal)
	for _, a := range x.fixed {
		a.present.Remove(ordinal)
	}
	row, _ := x.rows.get(ordinal)
	x.rows.remove(ordinal)
	for _, id := range row {
		if id&keyedMark == 0 {
			x.removeTerm(id, ordinal)
		}
	}
	for _, id := range row {
		if id&keyedMark != 0 {
			x.removeKeyed(x.keyed[id&^keyedMark], ordinal)
		}
	}
}

func (x *Index) removeTerm(id, ordinal uint32) {
	t := x.terms[id]
	if t.papers.remove(ordinal); t.papers.count() == 0 {
		t.attribute.ids.remove(hashText(t.attribute.field.same(t.value)), id)
		t.attribute.names.remove(id, t.value)
		x.terms[id] = nil
		x.free = append(x.free, id)
	}
}

// removeKeyed forgets a name of metadata or signals with its last paper.
func (x *Index) removeKeyed(a *attribute, ordinal uint32) {
	a.present.Remove(ordinal)
	a.numbers.remove(ordinal)
	if a.present.IsEmpty() {
		delete(x.attributes, a.name)
		x.keyed[a.place] = nil
	}
}

// addValues notes that a paper has these values, and returns the row with their
// terms.
func (x *Index) addValues(row []uint32, a *attribute, ordinal uint32, values []string) []uint32 {
	if len(values) > 0 {
		a.present.Add(ordinal)
	}
	if a.ids == nil {
		return row
	}
	for _, value := range values {
		folded := a.field.same(value)
		id, ok := x.find(a, folded)
		if !ok {
			id = x.newTerm(a, value, folded)
		}
		if x.terms[id].papers.add(ordinal) { // a value may be listed twice
			row = append(row, id)
		}
	}
	return row
}

// find finds the term of a value of an attribute, which is in the form that field.same
// gives it.
func (x *Index) find(a *attribute, folded string) (id uint32, ok bool) {
	return a.ids.find(hashText(folded), func(id uint32) bool {
		value := x.terms[id].value
		return value == folded || a.field.same(value) == folded
	})
}

// newTerm copies the value, so that the index does not hold on to the memory of
// whole records.
func (x *Index) newTerm(a *attribute, value, folded string) uint32 {
	t := &term{attribute: a, value: strings.Clone(value)}
	var id uint32
	if n := len(x.free); n > 0 {
		id, x.free = x.free[n-1], x.free[:n-1]
		x.terms[id], x.owners[id] = t, a
	} else {
		id = uint32(len(x.terms))
		x.terms, x.owners = append(x.terms, t), append(x.owners, a)
	}
	a.ids.add(hashText(folded), id)
	a.names.add(id, t.value)
	return id
}

// keyedAttribute finds or makes the attribute of a name; nil if there are too
// many.
func (x *Index) keyedAttribute(of, key string) *attribute {
	name := of + "." + key
	if a := x.attributes[name]; a != nil {
		return a
	}
	if x.overflowed {
		return nil
	}
	place := slices.Index(x.keyed, nil)
	if place < 0 {
		place = len(x.keyed)
	}
	if place == MaxKeys {
		x.overflowed = true
		return nil
	}
	a := &attribute{field: x.known.byName[of], name: name, place: uint32(place), present: roaring.New()}
	if of == "metadata" {
		a.ids = newDictionary()
	}
	if place == len(x.keyed) {
		x.keyed = append(x.keyed, nil)
	}
	x.keyed[place] = a
	x.attributes[name] = a
	return a
}

// narrow keeps no more than the presence of the metadata in a row whose values
// became too many or too long.
func (x *Index) narrow(row []uint32) {
	for _, id := range row {
		if id&keyedMark != 0 {
			if a := x.keyed[id&^keyedMark]; a.ids != nil && (a.ids.len() > MaxKeyValues || x.longest(a, row) > MaxKeyValueBytes) {
				x.forgetValues(a)
			}
		}
	}
}

// longest is the length of the longest value that a row has of an attribute.
func (x *Index) longest(a *attribute, row []uint32) int {
	n := 0
	for _, id := range row {
		if id&keyedMark == 0 && x.terms[id] != nil && x.terms[id].attribute == a {
			n = max(n, len(x.terms[id].value))
		}
	}
	return n
}

func (x *Index) forgetValues(a *attribute) {
	for id := range a.ids.all() {
		papers := x.terms[id].papers.in(x.live)
		for it := papers.Iterator(); it.HasNext(); {
			ordinal := it.Next()
			row, _ := x.rows.get(ordinal)
			x.rows.set(ordinal, slices.DeleteFunc(slices.Clone(row), func(other uint32) bool { return other == id }))
		}
		x.terms[id] = nil
		x.free = append(x.free, id)
	}
	a.ids = nil
}
