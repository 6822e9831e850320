package layout

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// docs/format/map.md describes the bytes.

const (
	magic   = "akinmap\n"
	version = 1
	// MaxPapers is how many papers a map has at most.
	MaxPapers   = 150_000
	pointBytes  = 8 + 8 + 2 + 2 + 1
	headerBytes = len(magic) + 4 + 4 + 4 + 4 + 4
)

// ErrBadMap is what Decode's errors wrap.
var ErrBadMap = errors.New("not a map that this akin reads")

// Encode gives a map's bytes. Whoever keeps them adds a checksum.
func (m *Map) Encode() []byte {
	b := append(make([]byte, 0, headerBytes+len(m.Keys)*pointBytes+64*len(m.Groups)), magic...)
	for _, x := range []uint32{version, uint32(len(m.Keys)), uint32(len(m.Groups)), m.Built, m.Changed} {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	for _, g := range m.Groups {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(g.Name)))
		b = append(b, g.Name...)
		b = appendPoint(b, g.Label)
		b = binary.LittleEndian.AppendUint32(b, g.Papers)
	}
	for i, k := range m.Keys {
		b = binary.LittleEndian.AppendUint64(b, k.ID)
		b = binary.LittleEndian.AppendUint64(b, k.Text)
		b = appendPoint(b, m.Points[i])
		b = append(b, m.Clusters[i])
	}
	return b
}

func appendPoint(b []byte, p Point) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, p.X), p.Y)
}

// Decode reads a map's bytes. Its errors wrap ErrBadMap.
func Decode(b []byte) (*Map, error) {
	if len(b) < headerBytes || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrBadMap)
	}
	r := reader{left: b[len(magic):]}
	if v := r.uint32(); v != version {
		return nil, fmt.Errorf("%w: it is of version %d, not %d", ErrBadMap, v, version)
	}
	papers, groups := r.uint32(), r.uint32()
	m := &Map{Built: r.uint32(), Changed: r.uint32()}
	if papers > MaxPapers || groups > MaxClusters {
		return nil, fmt.Errorf("%w: it says that it has %d papers and %d clusters; at most %d and %d are possible", ErrBadMap, papers, groups, MaxPapers, MaxClusters)
	}
	for range groups {
		name := string(r.take(int(r.uint16())))
		m.Groups = append(m.Groups, Group{Name: name, Label: r.point(), Papers: r.uint32()})
	}
	if uint64(len(r.left)) != uint64(papers)*pointBytes || r.short {
		return nil, fmt.Errorf("%w: it has %d bytes for %d papers, which take %d", ErrBadMap, len(r.left), papers, papers*pointBytes)
	}
	m.Keys, m.Points, m.Clusters = make([]Key, papers), make([]Point, papers), make([]uint8, papers)
	for i := range m.Keys {
		m.Keys[i] = Key{ID: r.uint64(), Text: r.uint64()}
		m.Points[i] = r.point()
		if m.Clusters[i] = r.take(1)[0]; uint32(m.Clusters[i]) >= groups {
			return nil, fmt.Errorf("%w: paper %d is in cluster %d of %d", ErrBadMap, i, m.Clusters[i], groups)
		}
	}
	return m, nil
}

// reader reads numbers; beyond the end they are 0.
type reader struct {
	left  []byte
	short bool // it was read beyond the end
}

func (r *reader) take(n int) []byte {
	if n > len(r.left) {
		r.left, r.short = nil, true
		return make([]byte, min(n, math.MaxUint16))
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}

func (r *reader) uint16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *reader) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) point() Point   { return Point{r.uint16(), r.uint16()} }
