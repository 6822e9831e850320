package lexical

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"akin/internal/paper"
)

// Files have a header, a body and a checksum; docs/format/lexical.md describes
// them. All numbers are little endian.
const (
	magic         = "akin.lex"
	formatVersion = 2
	headLen       = 24
	checksumLen   = 4

	kindManifest = 'M'
	kindSegment  = 'S'
	kindTerms    = 'T'
)

// Limits of what is read.
const (
	maxFileBytes = 8 << 30
	maxSegments  = 1 << 16
	maxTerms     = 1 << 28
	maxTermBytes = 1 << 10
	maxNameBytes = 64
	// maxStampBytes is the longest stamp.
	maxStampBytes = 1 << 10
)

// fingerprint changes whenever the same text may become other terms: the index
// is then built anew. Raise its number with every change of the analysis.
func fingerprint() string {
	return fmt.Sprintf("analysis 5, title %d, unicode %s, normalisation %s", titleWeight, unicode.Version, norm.Version)
}

// corruptf says that a file cannot be used.
func corruptf(name, format string, args ...any) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message: fmt.Sprintf("lexical index file %s %s; it is derived data: delete it and the index is built again", name, fmt.Sprintf(format, args...)),
	}
}

func castagnoli(raw []byte) uint32 { return crc32.Checksum(raw, crc32.MakeTable(crc32.Castagnoli)) }

// frame puts header and checksum around a body, which begins at headLen of raw.
func frame(kind byte, raw []byte) []byte {
	copy(raw, magic)
	binary.LittleEndian.PutUint32(raw[8:], formatVersion)
	binary.LittleEndian.PutUint32(raw[12:], uint32(kind))
	binary.LittleEndian.PutUint64(raw[16:], uint64(len(raw)-headLen))
	return binary.LittleEndian.AppendUint32(raw, castagnoli(raw))
}

// unframe checks header and checksum, and gives the body.
func unframe(name string, kind byte, raw []byte) ([]byte, error) {
	switch {
	case len(raw) < headLen+checksumLen:
		return nil, corruptf(name, "has %d bytes, too few for a header", len(raw))
	case string(raw[:8]) != magic:
		return nil, corruptf(name, "does not begin with %q", magic)
	case binary.LittleEndian.Uint32(raw[8:]) != formatVersion:
		return nil, corruptf(name, "has version %d; this program reads version %d", binary.LittleEndian.Uint32(raw[8:]), formatVersion)
	case binary.LittleEndian.Uint32(raw[12:]) != uint32(kind):
		return nil, corruptf(name, "is of kind %q; %q was expected", rune(binary.LittleEndian.Uint32(raw[12:])), kind)
	case binary.LittleEndian.Uint64(raw[16:]) != uint64(len(raw)-headLen-checksumLen):
		return nil, corruptf(name, "says that its body has %d bytes, but has %d", binary.LittleEndian.Uint64(raw[16:]), len(raw)-headLen-checksumLen)
	}
	end := len(raw) - checksumLen
	if sum := castagnoli(raw[:end]); sum != binary.LittleEndian.Uint32(raw[end:]) {
		return nil, corruptf(name, "is damaged: its checksum is %08x, not %08x", sum, binary.LittleEndian.Uint32(raw[end:]))
	}
	return raw[headLen:end], nil
}

// readFile reads a whole file of limited size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the lexical index: %w", err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for ever
		return nil, corruptf(info.Name(), "is not a regular file")
	}
	if info.Size() > maxFileBytes {
		return nil, corruptf(info.Name(), "has %d bytes; the limit is %d", info.Size(), int64(maxFileBytes))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the lexical index: %w", err)
	}
	return raw, nil
}

// checksumOf is the checksum that a whole file ends with.
func checksumOf(raw []byte) uint32 {
	if len(raw) < checksumLen {
		return 0
	}
	return binary.LittleEndian.Uint32(raw[len(raw)-checksumLen:])
}

// decoder reads a body. Its first error stays, and all reads after it give
// zeros.
type decoder struct {
	name string
	raw  []byte
	err  error
}

func (d *decoder) failf(format string, args ...any) {
	if d.err == nil {
		d.err = corruptf(d.name, format, args...)
	}
	d.raw = nil
}

// bytes gives the next n bytes.
func (d *decoder) bytes(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.raw) {
		d.failf("ends too soon")
		return nil
	}
	b := d.raw[:n:n]
	d.raw = d.raw[n:]
	return b
}

// uvarint reads a number of at most limit; what is what it counts.
func (d *decoder) uvarint(what string, limit uint64) uint64 {
	n, size := binary.Uvarint(d.raw)
	if size <= 0 {
		d.failf("ends too soon")
		return 0
	}
	d.raw = d.raw[size:]
	if n > limit {
		d.failf("has %d %s; at most %d are possible", n, what, limit)
		return 0
	}
	return n
}

func (d *decoder) uint32s(n int) []uint32 {
	raw := d.bytes(4 * n)
	out := make([]uint32, len(raw)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return out
}

func (d *decoder) uint16s(n int) []uint16 {
	raw := d.bytes(2 * n)
	out := make([]uint16, len(raw)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return out
}

// string reads a length and as many bytes.
func (d *decoder) string(limit uint64) string {
	return string(d.bytes(int(d.uvarint("bytes in a name", limit))))
}

// part is string of a term or word, as a part of the body.
func (d *decoder) part() []byte {
	return d.bytes(int(d.uvarint("bytes in a name", maxTermBytes)))
}

// done says that nothing may be left.
func (d *decoder) done() error {
	if d.err == nil && len(d.raw) > 0 {
		d.failf("has %d bytes too many", len(d.raw))
	}
	return d.err
}

func appendString(out []byte, s string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(s))), s...)
}
