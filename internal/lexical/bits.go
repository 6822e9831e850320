package lexical

import (
	"encoding/binary"
	"math/bits"
)

// blockLen is how many postings a block has.
const blockLen = 128

// packSlack is how many bytes may be read behind packed numbers.
const packSlack = 8

// width is how many bits the greatest of the numbers needs.
func width(numbers []uint32) int {
	var all uint32
	for _, n := range numbers {
		all |= n
	}
	return bits.Len32(all)
}

// pack appends numbers of w bits each, little endian, to whole bytes.
func pack(out []byte, numbers []uint32, w int) []byte {
	var held uint64
	have := 0
	for _, n := range numbers {
		held |= uint64(n) << have
		have += w
		for have >= 8 {
			out = append(out, byte(held))
			held >>= 8
			have -= 8
		}
	}
	if have > 0 {
		out = append(out, byte(held))
	}
	return out
}

// packedLen is how many bytes a block of numbers takes.
func packedLen(w int) int { return blockLen * w / 8 }

// mostFour is how wide numbers are of which four are in one word, wherever it begins.
const mostFour = 14

// unpack reads a block of numbers of w bits, at most 32. There must be
// packSlack more bytes behind them.
func unpack(in []byte, w int, out *[blockLen]uint32) {
	if w == 0 {
		clear(out[:])
		return
	}
	mask := uint64(1)<<w - 1
	if w > mostFour {
		for i, at := 0, 0; i < blockLen; i, at = i+1, at+w {
			out[i] = uint32(binary.LittleEndian.Uint64(in[at>>3:]) >> (at & 7) & mask)
		}
		return
	}
	// Four narrow numbers are in one word.
	for i, at := 0, 0; i < blockLen; i, at = i+4, at+4*w {
		held := binary.LittleEndian.Uint64(in[at>>3:]) >> (at & 7)
		out[i] = uint32(held & mask)
		out[i+1] = uint32(held >> w & mask)
		out[i+2] = uint32(held >> (2 * w) & mask)
		out[i+3] = uint32(held >> (3 * w) & mask)
	}
}

// pageBits is how many documents a page of a bitset has.
const pageBits = 4096

type page [pageBits / 64]uint64

// bitset is a set of local documents that never changes: with makes another
// one, which shares all pages but one. The zero value is empty.
type bitset struct {
	pages []*page
	n     int
}

func (b bitset) has(doc uint32) bool {
	p := int(doc / pageBits)
	return p < len(b.pages) && b.pages[p] != nil && b.pages[p][doc%pageBits/64]&(1<<(doc%64)) != 0
}

func (b bitset) with(doc uint32) bitset {
	if b.has(doc) {
		return b
	}
	p := int(doc / pageBits)
	pages := make([]*page, max(len(b.pages), p+1))
	copy(pages, b.pages)
	fresh := page{}
	if pages[p] != nil {
		fresh = *pages[p]
	}
	fresh[doc%pageBits/64] |= 1 << (doc % 64)
	pages[p] = &fresh
	return bitset{pages, b.n + 1}
}
