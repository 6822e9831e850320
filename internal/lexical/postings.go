package lexical

import (
	"encoding/binary"
	"slices"
)

// impact is a frequency and a length. A block keeps those of its postings that
// no other beats in both, so that its greatest contribution can be computed
// whatever the average length has become (Ding and Suel, Faster top-k document
// retrieval using block-max indexes, 2011; impacts as in Lucene).
type impact struct{ tf, length uint16 }

// maxImpacts is how many impacts a block keeps; more are rounded up.
const maxImpacts = 4

// headerLen is the size of a block's header: last document, place of its data,
// widths of documents and frequencies, number of impacts, 0, impacts.
const headerLen = 12 + 4*maxImpacts

// frontier gives the impacts of postings.
func frontier(impacts []impact) []impact {
	slices.SortFunc(impacts, func(a, b impact) int {
		if a.tf != b.tf {
			return int(b.tf) - int(a.tf)
		}
		return int(a.length) - int(b.length)
	})
	kept := impacts[:0]
	for _, p := range impacts {
		if len(kept) == 0 || p.length < kept[len(kept)-1].length {
			kept = append(kept, p)
		}
	}
	if len(kept) > maxImpacts {
		kept[maxImpacts-1].length = kept[len(kept)-1].length
		kept = kept[:maxImpacts]
	}
	return kept
}

// appendPostings encodes the postings of a term: their number, the headers of
// the full blocks, their data, and the rest as varints.
func appendPostings(out []byte, docs, tfs []uint32, lengths []uint16) []byte {
	out = binary.AppendUvarint(out, uint64(len(docs)))
	full := len(docs) / blockLen
	head := len(out)
	out = append(out, make([]byte, full*headerLen)...)
	data := len(out)
	var gaps, less [blockLen]uint32
	impacts := make([]impact, blockLen)
	next := uint32(0) // the smallest document that can follow
	for b := range full {
		part, partTFs := docs[b*blockLen:(b+1)*blockLen], tfs[b*blockLen:(b+1)*blockLen]
		for i, doc := range part {
			gaps[i], less[i] = doc-next, partTFs[i]-1
			impacts[i] = impact{uint16(partTFs[i]), lengths[doc]}
			next = doc + 1
		}
		best := frontier(impacts[:blockLen])
		h := out[head+b*headerLen:][:headerLen]
		binary.LittleEndian.PutUint32(h, next-1)
		binary.LittleEndian.PutUint32(h[4:], uint32(len(out)-data))
		h[8], h[9], h[10] = byte(width(gaps[:])), byte(width(less[:])), byte(len(best))
		for i, p := range best {
			binary.LittleEndian.PutUint16(h[12+4*i:], p.tf)
			binary.LittleEndian.PutUint16(h[14+4*i:], p.length)
		}
		w, wt := int(h[8]), int(h[9])
		out = pack(out, gaps[:], w)
		out = pack(out, less[:], wt)
	}
	for i := full * blockLen; i < len(docs); i++ {
		gap := uint64(docs[i] - next)
		next = docs[i] + 1
		if tfs[i] == 1 {
			out = binary.AppendUvarint(out, gap<<1|1)
			continue
		}
		out = binary.AppendUvarint(out, gap<<1)
		out = binary.AppendUvarint(out, uint64(tfs[i]))
	}
	return out
}

// list is the postings of one term in one segment: packed blocks, and behind them
// postings that are not packed. Of a sealed segment these are fewer than a block; of
// the one that still grows, all are.
type list struct {
	count int
	// headers has the headers of the blocks, and data what follows them.
	headers, data []byte
	// docs and tfs are the postings behind the blocks, impacts what bounds
	// them; nil where they bound themselves.
	docs, tfs []uint32
	impacts   []impact
}

// blocks is how many blocks of packed postings the list has.
func (l *list) blocks() int { return len(l.headers) / headerLen }

func (l *list) header(b int) []byte { return l.headers[b*headerLen:][:headerLen] }

// last gives the greatest document of a packed block.
func (l *list) last(b int) uint32 { return binary.LittleEndian.Uint32(l.header(b)) }

// first gives the smallest document that can follow block b-1.
func (l *list) first(b int) uint32 {
	if b == 0 {
		return 0
	}
	return l.last(b-1) + 1
}

// readDocs unpacks the documents of a block.
func (l *list) readDocs(b int, docs *[blockLen]uint32) {
	h := l.header(b)
	in, w := l.data[binary.LittleEndian.Uint32(h[4:]):], int(h[8])
	next := l.first(b)
	if w == 0 || w > mostFour {
		unpack(in, w, docs)
		for i := range docs {
			next += docs[i]
			docs[i] = next
			next++
		}
		return
	}
	// unpack of narrow numbers, which are most, added up at once.
	mask := uint32(1)<<w - 1
	for i, at := 0, 0; i < blockLen; i, at = i+4, at+4*w {
		held := binary.LittleEndian.Uint64(in[at>>3:]) >> (at & 7)
		first := next + uint32(held)&mask
		second := first + 1 + uint32(held>>w)&mask
		third := second + 1 + uint32(held>>(2*w))&mask
		fourth := third + 1 + uint32(held>>(3*w))&mask
		docs[i], docs[i+1], docs[i+2], docs[i+3] = first, second, third, fourth
		next = fourth + 1
	}
}

// readTFs unpacks the frequencies of a block.
func (l *list) readTFs(b int, tfs *[blockLen]uint32) {
	h := l.header(b)
	unpack(l.data[int(binary.LittleEndian.Uint32(h[4:]))+packedLen(int(h[8])):], int(h[9]), tfs)
	for i := range tfs {
		tfs[i]++
	}
}

// listRoom is memory for the postings of many lists that are not packed.
type listRoom struct{ numbers []uint32 }

// roomFor is how many numbers a room grows by.
const roomFor = 4096

// take gives memory for n postings.
func (r *listRoom) take(n int) (docs, tfs []uint32) {
	if len(r.numbers) < 2*n {
		r.numbers = make([]uint32, roomFor)
	}
	docs, tfs = r.numbers[:n:n], r.numbers[n:2*n:2*n]
	r.numbers = r.numbers[2*n:]
	return docs, tfs
}

// openList finds the parts of encoded postings. Postings are checked when a
// segment is opened; here they are trusted.
func openList(raw []byte, room *listRoom) list {
	count, n := binary.Uvarint(raw)
	raw = raw[n:]
	l := list{count: int(count)}
	full := int(count) / blockLen
	l.headers, l.data = raw[:full*headerLen], raw[full*headerLen:]
	rest := int(count) % blockLen
	if rest == 0 {
		return l
	}
	tail, next := l.behind(full)
	l.docs, l.tfs = room.take(rest)
	at := 0
	for i := range l.docs {
		// As cutPosting, without looking for the end of numbers that mostly have one byte.
		gap, tf := uint64(tail[at]), uint64(1)
		if at++; gap >= 0x80 {
			gap, n = binary.Uvarint(tail[at-1:])
			at += n - 1
		}
		if gap&1 == 0 {
			tf = uint64(tail[at])
			if at++; tf >= 0x80 {
				tf, n = binary.Uvarint(tail[at-1:])
				at += n - 1
			}
		}
		doc := next + uint32(gap>>1)
		l.docs[i], l.tfs[i] = doc, uint32(tf)
		next = doc + 1
	}
	return l
}

// behind gives the postings behind the packed blocks, and the smallest document that can
// be the first of them.
func (l *list) behind(full int) (tail []byte, next uint32) {
	if full == 0 {
		return l.data, 0
	}
	h := l.header(full - 1)
	return l.data[int(binary.LittleEndian.Uint32(h[4:]))+packedLen(int(h[8]))+packedLen(int(h[9])):], l.first(full)
}

// cutPosting reads a posting behind the packed blocks, of next or a later document.
func cutPosting(tail []byte, next uint32) (doc, tf uint32, rest []byte) {
	gap, n := binary.Uvarint(tail)
	tail = tail[n:]
	times := uint64(1)
	if gap&1 == 0 {
		times, n = binary.Uvarint(tail)
		tail = tail[n:]
	}
	return next + uint32(gap>>1), uint32(times), tail
}
