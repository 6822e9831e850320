package token

import "unicode/utf8"

// runeRange is an inclusive range of code points.
type runeRange struct{ lo, hi rune }

// runeValues gives one value to every stride-th code point of a range.
type runeValues struct{ lo, hi, stride, value rune }

// runeString gives a code point a string.
type runeString struct {
	r rune
	s string
}

// The syllables of Hangul decompose by arithmetic (The Unicode Standard,
// section 3.12), not by table.
const (
	hangulBase  = 0xAC00
	hangulCount = 11172
	leadBase    = 0x1100
	vowelBase   = 0x1161
	tailBase    = 0x11A7
	vowelCount  = 21
	tailCount   = 28
)

// action is what normalisation and splitting together do with one code point:
// a kind in the upper bits and a code point, or for several the place of a
// sequence, in the lower ones.
type action uint32

const (
	payloadBits = 24
	payloadMask = 1<<payloadBits - 1
	lengthBits  = 4 // of a sequence, in the low bits of its payload
)

const (
	keep     action = iota << payloadBits // it is part of a word as it is; must be 0
	letter                                // the payload is part of a word
	mark                                  // like letter, but it may have to be reordered
	boundary                              // it vanishes, but marks do not move past it
	drop                                  // it vanishes
	space                                 // it ends a word
	alone                                 // the payload is a word by itself
	several                               // the payload is a sequence of the above
)

func (a action) kind() action { return a &^ payloadMask }
func (a action) rune() rune   { return rune(a & payloadMask) }

// charTable holds the action of every code point for one set of options. It
// folds the reference's normalizer and pre-tokenizer (clean, space out Chinese,
// decompose, strip accents, lower-case, split at white space, split off
// punctuation) into one step. That is possible because each of these but the
// ordering of marks looks at one character at a time.
type charTable struct {
	ascii  [utf8.RuneSelf]byte // what an ASCII character adds to a word; 0: look it up
	pages  [(utf8.MaxRune + 1) >> 8]uint16
	blocks []action // 256 for each distinct page
	parts  []action // the sequences
}

// action looks up a code point.
func (t *charTable) action(r rune) action {
	return t.blocks[int(t.pages[r>>8])<<8|int(r&0xFF)]
}

// sequence returns the actions that a several stands for.
func (t *charTable) sequence(a action) []action {
	at := int(a&payloadMask) >> lengthBits
	return t.parts[at : at+int(a&(1<<lengthBits-1))]
}

// The properties that a tableBuilder collects for each code point.
const (
	isRemoved = 1 << iota
	isWhite
	isPunct
	isChinese
	isNonspacing
	isOther // there is something in one of the maps
)

// tableBuilder unfolds the generated tables to make a charTable.
type tableBuilder struct {
	opts    bertOptions
	props   []uint8 // by code point
	classes map[rune]uint8
	lower   map[rune]string
	nfd     map[rune]string
	table   *charTable
}

// newCharTable compiles the generated tables for a set of options.
func newCharTable(opts bertOptions) *charTable {
	b := &tableBuilder{
		opts:    opts,
		props:   make([]uint8, utf8.MaxRune+1),
		classes: make(map[rune]uint8, 1024),
		lower:   make(map[rune]string, 2048),
		nfd:     make(map[rune]string, 4096),
		table:   &charTable{},
	}
	b.collect()
	b.fillPages()
	for c := range b.table.ascii {
		switch a := b.table.action(rune(c)); a.kind() {
		case keep:
			b.table.ascii[c] = byte(c)
		case letter: // a lower-cased ASCII letter is ASCII
			b.table.ascii[c] = byte(a.rune())
		}
	}
	return b.table
}

// collect unfolds the ranges.
func (b *tableBuilder) collect() {
	for _, set := range []struct {
		ranges []runeRange
		prop   uint8
	}{
		{removedByClean, isRemoved},
		{whiteSpace, isWhite},
		{punctuation, isPunct},
		{chineseChars, isChinese},
		{nonspacingMarks, isNonspacing},
		{[]runeRange{{hangulBase, hangulBase + hangulCount - 1}}, isOther},
	} {
		for _, r := range set.ranges {
			for c := r.lo; c <= r.hi; c++ {
				b.props[c] |= set.prop
			}
		}
	}
	each(combiningClasses, func(c, class rune) { b.classes[c] = uint8(class); b.props[c] |= isOther })
	each(lowerDeltas, func(c, delta rune) { b.lower[c] = string(c + delta); b.props[c] |= isOther })
	for _, l := range lowerStrings {
		b.lower[l.r] = l.s
		b.props[l.r] |= isOther
	}
	for _, d := range decompositions {
		b.nfd[d.r] = d.s
		b.props[d.r] |= isOther
	}
}

func each(table []runeValues, f func(c, value rune)) {
	for _, v := range table {
		for c := v.lo; c <= v.hi; c += v.stride {
			f(c, v.value)
		}
	}
}

// fillPages computes the action of each code point and lets equal pages share
// one block. Block 0 is for pages about which the tables say nothing.
func (b *tableBuilder) fillPages() {
	seen := map[[256]action]uint16{{}: 0}
	b.table.blocks = make([]action, 256)
	for page := range b.table.pages {
		var block [256]action
		for i := range block {
			if c := page<<8 | i; b.props[c] != 0 {
				block[i] = b.actionOf(rune(c))
			}
		}
		index, ok := seen[block]
		if !ok {
			index = uint16(len(b.table.blocks) >> 8)
			seen[block] = index
			b.table.blocks = append(b.table.blocks, block[:]...)
		}
		b.table.pages[page] = index
	}
}

// actionOf runs one code point through the reference's normalizer and pre-tokenizer.
func (b *tableBuilder) actionOf(r rune) action {
	if b.opts.cleanText && b.props[r]&isRemoved != 0 {
		return drop
	}
	var seq []action
	for _, d := range b.decompose(r) {
		class := b.classes[d]
		if b.opts.stripAccents && b.props[d]&isNonspacing != 0 {
			if class == 0 {
				seq = append(seq, boundary)
			}
			continue
		}
		for _, l := range b.lowered(d) {
			seq = append(seq, b.placed(l, class))
		}
	}
	if b.opts.chineseChars && b.props[r]&isChinese != 0 {
		if len(seq) == 1 && seq[0].kind() == letter {
			return alone | action(seq[0].rune())
		}
		seq = append(append([]action{space}, seq...), space)
	}
	return b.pack(r, seq)
}

// decompose applies canonical decomposition, which the reference does only to
// strip accents.
func (b *tableBuilder) decompose(r rune) string {
	if !b.opts.stripAccents {
		return string(r)
	}
	if i := r - hangulBase; i >= 0 && i < hangulCount {
		s := string([]rune{leadBase + i/(vowelCount*tailCount), vowelBase + i%(vowelCount*tailCount)/tailCount})
		if tail := i % tailCount; tail != 0 {
			s += string(tailBase + tail)
		}
		return s
	}
	if s, ok := b.nfd[r]; ok {
		return s
	}
	return string(r)
}

func (b *tableBuilder) lowered(r rune) string {
	if s, ok := b.lower[r]; ok && b.opts.lowercase {
		return s
	}
	return string(r)
}

// placed says where a normalised character goes when the text is split. Marks
// are put into canonical order only as a part of stripping accents.
func (b *tableBuilder) placed(r rune, class uint8) action {
	switch {
	case b.props[r]&isWhite != 0:
		return space
	case b.props[r]&isPunct != 0:
		return alone | action(r)
	case b.opts.stripAccents && class != 0:
		return mark | action(r)
	}
	return letter | action(r)
}

// pack makes one action of what a code point became.
func (b *tableBuilder) pack(r rune, seq []action) action {
	switch {
	case len(seq) == 0:
		return drop
	case len(seq) == 1 && seq[0] == letter|action(r):
		return keep
	case len(seq) == 1:
		return seq[0]
	}
	at := len(b.table.parts)
	b.table.parts = append(b.table.parts, seq...)
	return several | action(at<<lengthBits) | action(len(seq))
}

// combiningClass looks up the canonical combining class of a mark.
func combiningClass(r rune) rune {
	lo, hi := 0, len(combiningClasses)
	for lo < hi {
		mid := (lo + hi) / 2
		v := combiningClasses[mid]
		switch {
		case r < v.lo:
			hi = mid
		case r > v.hi:
			lo = mid + 1
		case (r-v.lo)%v.stride == 0:
			return v.value
		default:
			return 0
		}
	}
	return 0
}
