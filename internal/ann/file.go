package ann

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"unsafe"

	"akin/internal/paper"
	"akin/internal/vec"
)

// The file of a graph, as docs/format/graph.md describes it: a header of one page,
// and sections that begin at pages, so that they can be mapped. Numbers are little
// endian.
const (
	fileMagic   = "AKINGRPH"
	fileVersion = 2
	lvqVersion  = 3 // of a graph without vectors
	filePage    = 4096
	mostStamp   = 1024 // bytes
)

// The sections, in their order.
const (
	sectionVectors = iota
	sectionCodes
	sectionScales
	sectionOrdinals
	sectionState
	sectionLevels
	sectionBase
	sectionUpper
	sectionSharers
	sections
)

var sectionNames = [sections]string{ //nolint:gochecknoglobals // a constant
	"vectors", "codes", "scales", "ordinals", "states", "levels", "links", "links of higher layers", "sharers",
}

// header is the first page of a file.
type header struct {
	stamp     string
	options   Options
	dimension int
	slots     int
	entry     uint32
	blocks    int // of higher layers
	sharers   int // pairs of slot and ordinal
	sums      [sections]uint32
}

// lengths returns the sections' lengths in bytes, which the counts decide.
func (h *header) lengths() (n [sections]int64) {
	slots, d, m := int64(h.slots), int64(h.dimension), int64(h.options.M)
	n = [sections]int64{
		sectionVectors: 4 * d * slots, sectionOrdinals: 4 * slots, sectionState: slots, sectionLevels: slots,
		sectionBase: 4 * (1 + 2*m) * slots, sectionUpper: 4 * (1 + m) * int64(h.blocks), sectionSharers: 8 * int64(h.sharers),
	}
	if h.options.LVQ {
		n[sectionVectors] = int64(vec.ResidualBytes(h.dimension)) * slots
	}
	if !h.options.Plain {
		n[sectionCodes], n[sectionScales] = d*slots, 4*slots
	}
	return n
}

// offsets returns where the sections begin, and where the file ends.
func (h *header) offsets() (at [sections]int64, end int64) {
	end = filePage
	for i, n := range h.lengths() {
		at[i] = end
		end += (n + filePage - 1) / filePage * filePage
	}
	return at, end
}

const (
	flagPlain = 1
	flagLVQ   = 2
)

// encode returns the first page. Its last four bytes are its checksum.
func (h *header) encode() []byte {
	b := make([]byte, 0, filePage)
	le := binary.LittleEndian
	b = append(b, fileMagic...)
	version, flags := uint32(fileVersion), uint32(0)
	if h.options.Plain {
		flags = flagPlain
	}
	if h.options.LVQ {
		version, flags = lvqVersion, flagLVQ
	}
	b = le.AppendUint32(b, version)
	for _, n := range []uint32{
		flags, uint32(h.dimension), uint32(h.options.M), uint32(h.options.EfConstruction), uint32(h.options.EfSearch),
		uint32(h.slots), h.entry, uint32(h.blocks), uint32(h.sharers),
	} {
		b = le.AppendUint32(b, n)
	}
	b = le.AppendUint64(b, h.options.Seed)
	for _, sum := range h.sums {
		b = le.AppendUint32(b, sum)
	}
	b = le.AppendUint16(b, uint16(len(h.stamp)))
	b = append(b, h.stamp...)
	b = append(b, make([]byte, filePage-4-len(b))...)
	return le.AppendUint32(b, checksum(b))
}

// damage is what is wrong with a file, for people.
type damage string

func (d damage) Error() string { return string(d) }

func damagef(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// decodeHeader reads a first page and checks that its counts are within bounds.
func decodeHeader(page []byte) (*header, error) {
	le := binary.LittleEndian
	if string(page[:8]) != fileMagic {
		return nil, damagef("it does not begin as a graph does")
	}
	version := le.Uint32(page[8:])
	if version != fileVersion && version != lvqVersion {
		return nil, damagef("it has format version %d; this akin reads versions %d and %d", version, fileVersion, lvqVersion)
	}
	if got, want := checksum(page[:filePage-4]), le.Uint32(page[filePage-4:]); got != want {
		return nil, damagef("the checksum of its header is wrong")
	}
	word := func(i int) uint32 { return le.Uint32(page[12+4*i:]) }
	const after = 12 + 9*4
	h := &header{
		options: Options{
			Plain: word(0)&flagPlain != 0, LVQ: version == lvqVersion, M: int(word(2)), EfConstruction: int(word(3)), EfSearch: int(word(4)),
			Seed: le.Uint64(page[after:]),
		},
		dimension: int(word(1)), slots: int(word(5)), entry: word(6), blocks: int(word(7)), sharers: int(word(8)),
	}
	at := after + 8
	for i := range h.sums {
		h.sums[i] = le.Uint32(page[at+4*i:])
	}
	at += 4 * sections
	n := int(le.Uint16(page[at:]))
	if n > mostStamp || version == fileVersion && word(0)&^flagPlain != 0 || version == lvqVersion && word(0) != flagLVQ {
		return nil, damagef("its header says what no akin writes")
	}
	h.stamp = string(page[at+2 : at+2+n])
	return h, h.check()
}

// check bounds the counts, so that nothing below can overflow.
func (h *header) check() error {
	if err := checkDimension(h.dimension); err != nil {
		return damagef("its vectors have %d dimensions", h.dimension)
	}
	if err := h.options.check(); err != nil {
		return damagef("its options are not valid: %v", err)
	}
	switch {
	case h.slots > mostSlots:
		return damagef("it counts %d nodes", h.slots)
	case h.blocks > h.slots*maxLevel:
		return damagef("it counts %d blocks of higher layers for %d nodes", h.blocks, h.slots)
	case h.sharers > math.MaxInt32:
		return damagef("it counts %d sharers", h.sharers)
	}
	return nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a constant

// bytesOf returns the memory of a slice.
func bytesOf[T float32 | uint32 | int8 | uint8 | slotState](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T)))) //nolint:gosec // the same memory, and its length
}

// checkHost refuses machines whose numbers are not as in the file.
func checkHost() error {
	if one := []uint32{1}; bytesOf(one)[0] != 1 {
		return &paper.Error{
			Kind: paper.Unsupported, Reason: paper.ReasonUnsupported,
			Message: "files of graphs are for little-endian machines; without one, the graph is built at every start",
		}
	}
	return nil
}

// corrupt is the error for a file that cannot be used.
func corrupt(path string, cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("the graph file %s cannot be used: %v; build the graph again from the store", path, cause),
	}
}
