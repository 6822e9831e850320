package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/text/unicode/norm"

	"akin/internal/unpack"
)

// docs/format/attributes.md describes these bytes. Numbers are varints, unless said
// otherwise; who keeps them puts a checksum around.

// Layout says by which rules an index was made that AppendBinary wrote; another
// program's may fold text otherwise. Raise its number with every change of what the
// index keeps of a record.
func Layout() string {
	return fmt.Sprintf("attributes 1, unicode %s, normalisation %s", unicode.Version, norm.Version)
}

// errSaved says that bytes are no index.
var errSaved = errors.New("the attributes in it are not what an akin writes")

// AppendBinary appends the index as it is, without the values that no paper has.
func (x *Index) AppendBinary(b []byte) ([]byte, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var err error
	if b, err = appendBitmap(b, x.live); err != nil {
		return nil, err
	}
	b = append(b, boolByte(x.overflowed))
	all := slices.Concat(x.fixed, x.keyed)
	places := make(map[*attribute]uint64, len(all))
	b = binary.AppendUvarint(b, uint64(len(x.fixed)))
	b = binary.AppendUvarint(b, uint64(len(x.keyed)))
	for i, a := range all {
		if a == nil {
			b = unpack.AppendText(b, "")
			continue
		}
		places[a] = uint64(i)
		b = unpack.AppendText(b, a.name)
		b = append(b, boolByte(a.ids != nil))
		if b, err = appendBitmap(b, a.present); err != nil {
			return nil, err
		}
		b = appendColumn(b, &a.numbers, math.Float64bits)
	}
	b = binary.AppendUvarint(b, uint64(len(x.terms)))
	for _, t := range x.terms {
		if t == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, 1+places[t.attribute])
		b = unpack.AppendText(b, t.value)
	}
	for _, a := range all {
		if a != nil {
			b = a.ids.appendTo(b)
			b = a.names.appendTo(b)
		}
	}
	b = x.appendRows(b)
	b = appendColumn(b, &x.dates, func(v uint32) uint64 { return uint64(v) })
	b = appendColumn(b, &x.created, func(v int64) uint64 { return uint64(v) })
	return appendColumn(b, &x.updated, func(v int64) uint64 { return uint64(v) }), nil
}

func boolByte(is bool) byte {
	if is {
		return 1
	}
	return 0
}

func appendBitmap(b []byte, of *roaring.Bitmap) ([]byte, error) {
	raw, err := of.ToBytes()
	if err != nil {
		return nil, fmt.Errorf("write a bitmap: %w", err)
	}
	return append(binary.AppendUvarint(b, uint64(len(raw))), raw...), nil
}

// appendColumn appends the pages of a column: where each is, and how many values it has;
// then their places, and the values, of 2 and 8 bytes.
func appendColumn[T any](b []byte, c *column[T], bits func(T) uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(c.pages)))
	for _, p := range c.pages {
		b = binary.AppendUvarint(b, uint64(p.high))
		b = binary.AppendUvarint(b, uint64(len(p.lows)))
		for _, low := range p.lows {
			b = binary.LittleEndian.AppendUint16(b, low)
		}
		for _, v := range p.values {
			b = binary.LittleEndian.AppendUint64(b, bits(v))
		}
	}
	return b
}

// appendTo appends the table as it is.
func (d *dictionary) appendTo(b []byte) []byte {
	if d == nil {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(d.slots)))
	for _, s := range d.slots {
		b = binary.LittleEndian.AppendUint32(b, s.hash)
		b = binary.LittleEndian.AppendUint32(b, s.ref)
	}
	return b
}

func (n *names) appendTo(b []byte) []byte {
	if n == nil {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(n.words)))
	for i, word := range n.words {
		b = unpack.AppendText(b, word)
		b = binary.AppendUvarint(b, uint64(len(n.terms[i])))
		for _, id := range n.terms[i] {
			b = binary.AppendUvarint(b, uint64(id))
		}
	}
	return n.of.appendTo(b)
}

// appendRows appends what each paper has.
func (x *Index) appendRows(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(x.rows.len()))
	next := uint32(0)
	for _, p := range x.rows.pages {
		for i, low := range p.lows {
			ordinal := p.high<<pageBits | uint32(low)
			b = binary.AppendUvarint(b, uint64(ordinal-next))
			next = ordinal
			b = binary.AppendUvarint(b, uint64(len(p.values[i])))
			for _, id := range p.values[i] {
				// The mark goes below, so that numbers stay short.
				b = binary.AppendUvarint(b, uint64(id&^keyedMark)<<1|uint64(id>>31))
			}
		}
	}
	return b
}

// ReadIndex reads what AppendBinary wrote in the same Layout. It keeps no reference to b.
func ReadIndex(b []byte) (*Index, error) {
	x := NewIndex()
	r := &savedReader{unpack.Reader{Rest: b}}
	r.bitmap(x.live)
	x.overflowed = r.flag()
	all := r.attributes(x)
	r.terms(x, all)
	for _, a := range all {
		if a != nil && a.ids != nil {
			r.dictionary(a.ids, func(id uint32) bool {
				return int(id) < len(x.terms) && x.terms[id] != nil && x.terms[id].attribute == a
			})
		}
		if a != nil {
			r.names(a.names, len(x.terms))
		}
	}
	r.rows(x)
	readColumn(r, &x.dates, func(v uint64) uint32 { return uint32(v) })
	readColumn(r, &x.created, func(v uint64) int64 { return int64(v) })
	readColumn(r, &x.updated, func(v uint64) int64 { return int64(v) })
	if r.Failed || len(r.Rest) != 0 {
		return nil, errSaved
	}
	return x, nil
}

// arenaPiece is how many numbers the pieces have at least that rows are kept in.
const arenaPiece = 64 << 10

// savedReader reads the parts of an index.
type savedReader struct{ unpack.Reader }

func (r *savedReader) flag() bool {
	b := r.Bytes(1)
	return !r.Failed && b[0] != 0
}

func (r *savedReader) bitmap(into *roaring.Bitmap) {
	if raw := r.Counted(); !r.Failed {
		if err := into.UnmarshalBinary(raw); err != nil || !into.IsEmpty() && into.Validate() != nil {
			r.Fail()
		}
	}
}

// attributes reads the fields and names that the index has.
func (r *savedReader) attributes(x *Index) []*attribute {
	if r.Below(len(x.fixed)+1) != len(x.fixed) {
		r.Fail()
	}
	keyed := r.Below(MaxKeys + 1)
	var all []*attribute
	for i := 0; i < len(x.fixed)+keyed && !r.Failed; i++ {
		a := r.attribute(x, i)
		if all = append(all, a); i >= len(x.fixed) {
			if x.keyed = append(x.keyed, a); a != nil {
				a.place = uint32(i - len(x.fixed))
				x.attributes[a.name] = a
			}
		}
	}
	return all
}

func (r *savedReader) attribute(x *Index, i int) *attribute {
	name := string(r.Counted())
	var a *attribute
	if i < len(x.fixed) {
		if a = x.fixed[i]; a.name != name {
			r.Fail()
		}
	} else {
		if name == "" {
			return nil
		}
		of, _, ok := strings.Cut(name, ".")
		if f := x.known.byName[of]; !ok || f == nil || !f.keyed || x.attributes[name] != nil {
			r.Fail()
			return nil
		}
		a = &attribute{field: x.known.byName[of], name: name, present: roaring.New(), ids: newDictionary()}
	}
	if !r.flag() {
		a.ids = nil
	} else if a.ids == nil {
		r.Fail()
	}
	r.bitmap(a.present)
	readColumn(r, &a.numbers, math.Float64frombits)
	return a
}

// terms reads the values.
func (r *savedReader) terms(x *Index, all []*attribute) {
	n := r.Count(1)
	slab, values := make([]term, n), unpack.Texts{}
	x.terms, x.owners = make([]*term, n), make([]*attribute, n)
	for i := range slab {
		of := r.Below(len(all) + 1)
		if of == 0 {
			x.free = append(x.free, uint32(i))
			continue
		}
		t := &slab[i]
		if t.attribute = all[of-1]; t.attribute == nil || t.attribute.ids == nil {
			r.Fail()
			return
		}
		t.value = values.Keep(r.Counted())
		x.terms[i], x.owners[i] = t, t.attribute
	}
}

// dictionary reads a table of numbers that may be in it.
func (r *savedReader) dictionary(d *dictionary, may func(number uint32) bool) {
	const slotBytes = 8
	n := r.Count(slotBytes)
	if n&(n-1) != 0 {
		r.Fail()
	}
	raw := r.Bytes(n * slotBytes)
	if r.Failed {
		return
	}
	d.slots = make([]dictionarySlot, n)
	for i := range d.slots {
		s := dictionarySlot{binary.LittleEndian.Uint32(raw[i*slotBytes:]), binary.LittleEndian.Uint32(raw[i*slotBytes+4:])}
		if s.ref >= refFirst {
			if !may(s.ref - refFirst) {
				r.Fail()
				return
			}
			d.n++
		}
		if s.ref != refEmpty {
			d.used++
		}
		d.slots[i] = s
	}
	if n > 0 && d.used >= n { // a search would not end
		r.Fail()
	}
}

func (r *savedReader) names(n *names, terms int) {
	if n == nil {
		return
	}
	count := r.Count(2)
	n.words, n.terms = make([]string, count), make([][]uint32, count)
	var words unpack.Texts
	var arena []uint32
	for i := range n.words {
		n.words[i] = words.Keep(r.Counted())
		some := r.Count(1)
		if len(arena) < some {
			arena = make([]uint32, max(some, arenaPiece))
		}
		n.terms[i], arena = arena[:some:some], arena[some:]
		for j := range n.terms[i] {
			n.terms[i][j] = uint32(r.Below(terms))
		}
		if n.words[i] == "" {
			n.free = append(n.free, uint32(i))
		}
		if r.Failed {
			return
		}
	}
	r.dictionary(&n.of, func(at uint32) bool { return int(at) < count && n.words[at] != "" })
}

// rows reads what each paper has, and makes the postings of it.
func (r *savedReader) rows(x *Index) {
	n := r.Count(2)
	counts := make([]uint32, len(x.terms))
	ordinal := uint64(0)
	var arena []uint32
	for i := 0; i < n; i++ {
		gap := r.Number()
		if ordinal += gap; ordinal > math.MaxUint32 || i > 0 && gap == 0 {
			r.Fail()
		}
		some := r.Count(1)
		if len(arena) < some {
			arena = make([]uint32, max(some, arenaPiece))
		}
		row := arena[:some:some]
		arena = arena[some:]
		for j := range row {
			row[j] = r.inRow(x, counts)
		}
		if r.Failed {
			return
		}
		x.rows.push(uint32(ordinal), row)
	}
	x.post(counts)
}

// inRow reads what stands in a row.
func (r *savedReader) inRow(x *Index, counts []uint32) uint32 {
	v := r.Number()
	id := v >> 1
	if v&1 != 0 {
		if id >= uint64(len(x.keyed)) || x.keyed[id] == nil {
			r.Fail()
			return 0
		}
		return keyedMark | uint32(id)
	}
	if id >= uint64(len(x.terms)) || x.terms[id] == nil {
		r.Fail()
		return 0
	}
	counts[id]++
	return uint32(id)
}

// post makes the postings of terms from the rows, which have so many of each.
func (x *Index) post(counts []uint32) {
	var total uint32
	for _, n := range counts {
		total += n
	}
	arena := make([]uint32, total)
	for id, t := range x.terms {
		if t != nil {
			t.papers.few, arena = arena[:0:counts[id]], arena[counts[id]:]
		}
	}
	for _, p := range x.rows.pages {
		for i, low := range p.lows {
			for _, id := range p.values[i] {
				if id&keyedMark == 0 {
					papers := &x.terms[id].papers
					papers.few = append(papers.few, p.high<<pageBits|uint32(low))
				}
			}
		}
	}
	for _, t := range x.terms {
		if t != nil && len(t.papers.few) > mostListed {
			t.papers.many, t.papers.few = roaring.BitmapOf(t.papers.few...), nil
		}
	}
}

// readColumn reads a column into an empty one.
func readColumn[T any](r *savedReader, c *column[T], value func(uint64) T) {
	const valueBytes = 2 + 8
	n := r.Count(2)
	for range n {
		high, some := r.Number(), r.Count(valueBytes)
		lows, values := r.Bytes(2*some), r.Bytes(8*some)
		last := len(c.pages) - 1
		if r.Failed || some == 0 || high > math.MaxUint32>>pageBits || last >= 0 && uint32(high) <= c.pages[last].high {
			r.Fail()
			return
		}
		p := &page[T]{high: uint32(high), lows: make([]uint16, some), values: make([]T, some)}
		for i := range p.lows {
			p.lows[i] = binary.LittleEndian.Uint16(lows[2*i:])
			p.values[i] = value(binary.LittleEndian.Uint64(values[8*i:]))
			if p.lows[i]>>pageBits != 0 || i > 0 && p.lows[i] <= p.lows[i-1] {
				r.Fail()
				return
			}
		}
		c.pages = append(c.pages, p)
	}
}
