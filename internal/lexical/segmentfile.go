package lexical

import "encoding/binary"

// encode gives the file of a segment.
func (s *segment) encode() []byte {
	size := headLen + 24 + 10*s.len() + 4 + 8*len(s.terms) + len(s.postings) + len(s.records) + checksumLen
	raw := make([]byte, headLen, size)
	for _, n := range []int{s.len(), len(s.terms), len(s.postings), len(s.records)} {
		raw = binary.AppendUvarint(raw, uint64(n))
	}
	for _, numbers := range [][]uint32{s.ordinals, s.offsets, s.terms, s.starts} {
		for _, n := range numbers {
			raw = binary.LittleEndian.AppendUint32(raw, n)
		}
	}
	for _, n := range s.lengths {
		raw = binary.LittleEndian.AppendUint16(raw, n)
	}
	raw = append(raw, s.postings...)
	raw = append(raw, s.records...)
	return frame(kindSegment, raw)
}

// decodeSegment reads the file of a segment and checks all of it, so that
// searches need not: whatever the bytes, a segment that is returned can be
// searched. terms is how many terms the lexicon has.
func decodeSegment(name string, raw []byte, terms int) (*segment, error) {
	body, err := unframe(name, kindSegment, raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{name: name, raw: body}
	papers := int(d.uvarint("papers", uint64(len(body))))
	present := int(d.uvarint("terms", uint64(terms)))
	postings := int(d.uvarint("bytes of postings", uint64(len(body))))
	records := int(d.uvarint("bytes of records", uint64(len(body))))
	s := &segment{name: name}
	s.ordinals = d.uint32s(papers)
	s.offsets = d.uint32s(papers + 1)
	s.terms = d.uint32s(present)
	s.starts = d.uint32s(present)
	s.lengths = d.uint16s(papers)
	s.postings = d.bytes(postings)
	s.records = d.bytes(records)
	if err := d.done(); err != nil {
		return nil, err
	}
	if err := s.checkDocs(uint32(terms)); err != nil {
		return nil, err
	}
	return s, s.checkPostings(uint32(terms))
}

// checkDocs checks ordinals, offsets and records.
func (s *segment) checkDocs(terms uint32) error {
	if s.offsets[0] != 0 || int(s.offsets[s.len()]) != len(s.records) {
		return corruptf(s.name, "has records that do not fill their place")
	}
	for i := range s.ordinals {
		if i > 0 && s.ordinals[i] <= s.ordinals[i-1] {
			return corruptf(s.name, "has ordinals that are not in order")
		}
		if s.offsets[i+1] < s.offsets[i] || int(s.offsets[i+1]) > len(s.records) {
			return corruptf(s.name, "has records that are not in order")
		}
	}
	for i := range s.ordinals {
		if !soundRecord(s.record(uint32(i)), terms) {
			return corruptf(s.name, "has a damaged record of paper %d", s.ordinals[i])
		}
	}
	return nil
}

// soundRecord says whether all tokens of a record are there, of known terms, and
// nothing else. A start asks it of every paper.
func soundRecord(raw []byte, terms uint32) bool {
	var counts [fields]uint64
	for f := range counts {
		n, size := binary.Uvarint(raw)
		if size <= 0 || n > uint64(len(raw)) {
			return false
		}
		counts[f], raw = n, raw[size:]
	}
	for f, n := range counts {
		below := uint64(terms)
		if field(f) >= fieldTitleStops { // numbers of stop words
			below = 1 << 32
		}
		var ok bool
		if raw, ok = soundTokens(raw, n, below); !ok {
			return false
		}
	}
	return len(raw) == 0
}

// soundTokens goes over n tokens, whose terms must be below a number, and gives what is
// behind them. It is tokens.next for those who only look.
func soundTokens(raw []byte, n, below uint64) (rest []byte, ok bool) {
	at := 0
	for range n {
		if at >= len(raw) {
			return nil, false
		}
		v := uint64(raw[at])
		switch { // most numbers have one to three bytes
		case v < 0x80:
			at++
		case at+2 < len(raw) && raw[at+1] < 0x80:
			v = v&0x7f | uint64(raw[at+1])<<7
			at += 2
		case at+2 < len(raw) && raw[at+2] < 0x80:
			v = v&0x7f | uint64(raw[at+1]&0x7f)<<7 | uint64(raw[at+2])<<14
			at += 3
		default:
			full, size := binary.Uvarint(raw[at:])
			if size <= 0 {
				return nil, false
			}
			v = full
			at += size
		}
		if uint64(uint32(v>>2)) >= below {
			return nil, false
		}
		if v&3 != 3 {
			continue
		}
		_, size := binary.Uvarint(raw[at:]) // how far the position moves
		if size <= 0 {
			return nil, false
		}
		at += size
	}
	return raw[at:], true
}

// checkPostings checks that every term's postings can be read.
func (s *segment) checkPostings(terms uint32) error {
	end := len(s.postings) - packSlack
	if end < 0 {
		return corruptf(s.name, "has no room behind its postings")
	}
	for i, id := range s.terms {
		to := end
		if i+1 < len(s.terms) {
			to = int(s.starts[i+1])
		}
		from := int(s.starts[i])
		if id >= terms || i > 0 && id <= s.terms[i-1] || from >= to || to > end || i == 0 && from != 0 {
			return corruptf(s.name, "has terms or postings that are not in order")
		}
		c := postingsCheck{raw: s.postings[from:to], behind: s.postings[from:], lengths: s.lengths}
		if !c.sound() {
			return corruptf(s.name, "has damaged postings of term %d", id)
		}
	}
	return nil
}

// postingsCheck checks the postings of one term: raw, with what is behind them.
type postingsCheck struct {
	raw, behind []byte
	lengths     []uint16
	next        uint64 // the smallest document that can follow
}

func (c *postingsCheck) sound() bool {
	count, n := binary.Uvarint(c.raw)
	if n <= 0 || count == 0 || count > uint64(len(c.lengths)) {
		return false
	}
	full := int(count) / blockLen
	if full*headerLen > len(c.raw)-n {
		return false
	}
	l := list{headers: c.raw[n:][:full*headerLen], data: c.behind[n+full*headerLen:]}
	size := len(c.raw) - n - full*headerLen
	at := 0
	for b := range full {
		h := l.header(b)
		w, wt := int(h[8]), int(h[9])
		if int(binary.LittleEndian.Uint32(h[4:])) != at || w > 32 || wt > 16 || h[10] < 1 || h[10] > maxImpacts {
			return false
		}
		at += packedLen(w) + packedLen(wt)
		if at > size || !c.block(&l, b) {
			return false
		}
	}
	return c.tail(l.data[at:size], int(count)%blockLen)
}

// block checks a packed block, whose data is there.
func (c *postingsCheck) block(l *list, b int) bool {
	var gaps, tfs [blockLen]uint32
	h := l.header(b)
	data := l.data[binary.LittleEndian.Uint32(h[4:]):]
	unpack(data, int(h[8]), &gaps)
	unpack(data[packedLen(int(h[8])):], int(h[9]), &tfs)
	for i, gap := range gaps {
		doc := c.next + uint64(gap)
		if doc >= uint64(len(c.lengths)) || tfs[i] >= 1<<16-1 || !bounded(h, tfs[i]+1, c.lengths[doc]) {
			return false
		}
		c.next = doc + 1
	}
	return uint64(l.last(b))+1 == c.next
}

// bounded says whether an impact of a header bounds a posting.
func bounded(h []byte, tf uint32, length uint16) bool {
	for i := range int(h[10]) {
		if uint32(binary.LittleEndian.Uint16(h[12+4*i:])) >= tf && binary.LittleEndian.Uint16(h[14+4*i:]) <= length {
			return true
		}
	}
	return false
}

// tail checks the n postings behind the blocks.
func (c *postingsCheck) tail(raw []byte, n int) bool {
	d := decoder{raw: raw}
	for range n {
		gap := d.uvarint("", 1<<33)
		if gap&1 == 0 && (d.uvarint("", 1<<16-1) == 0 || d.err != nil) {
			return false
		}
		c.next += gap>>1 + 1
		if d.err != nil || c.next > uint64(len(c.lengths)) {
			return false
		}
	}
	return d.done() == nil
}
