package lexical

import (
	"encoding/binary"
	"math/bits"
)

// recordTerms reads the terms of records, whole records at a time and without positions,
// which takes a fraction of the time that tokens takes. It reuses its memory.
type recordTerms struct {
	// ids are the terms of the fields that were read, in their order, each as often as it
	// is there; the first titles of them are of the title. Valid until the next read.
	ids    []uint32
	titles int
}

// The first bit of each byte, which says that a number goes on, of eight bytes at a time.
const goesOn = 0x8080808080808080

// read reads the fields of a record up to the last one given. What ends in the midst of a
// number ends it; of longer numbers than there are it takes the first bits.
func (y *recordTerms) read(raw []byte, last field) {
	t := readUntil(raw, last)
	raw = t.raw
	total := 0
	for f := fieldTitle; f <= last; f++ {
		total += int(min(t.counts[f], uint64(len(raw)-total))) // each has a byte at least
	}
	// Eight bytes may have as many numbers behind the last.
	if need := total + 8; cap(y.ids) < need {
		y.ids = make([]uint32, need+need/2)
	}
	out := y.ids[:cap(y.ids)]
	n, skip, at := 0, uint64(0), 0
	for n < total {
		var eight, ends uint64
		switch left := len(raw) - at; {
		case left >= 8:
			eight = binary.LittleEndian.Uint64(raw[at:])
			ends = ^eight & goesOn
		case left > 0:
			var b [8]byte
			copy(b[:], raw[at:])
			eight = binary.LittleEndian.Uint64(b[:])
			ends = ^eight & goesOn & (1<<(8*left) - 1)
		}
		if ends == 0 {
			total = n
			break
		}
		from := 0
		for ; ends != 0; ends &= ends - 1 {
			to := bits.TrailingZeros64(ends) + 1
			number := eight << (64 - to) >> (64 - to + from)
			from = to
			number = number&0x7f | number>>1&0x3f80 | number>>2&0x1fc000 | number>>3&0xfe00000 | number>>4&0x7f0000000
			// A number that ends in 3 has the step of its position behind it, which is no term.
			// Which have one is as good as random, so there is no branch on that.
			out[n] = uint32(number >> 2)
			n += int(1 ^ skip)
			skip = (number&3 + 1) >> 2 & (skip ^ 1)
		}
		at += from / 8
	}
	y.ids = out[:total]
	y.titles = int(min(t.counts[fieldTitle], uint64(total)))
}
