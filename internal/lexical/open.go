package lexical

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// manifest is what a saved index consists of.
type manifest struct {
	stamp    uint64
	terms    string
	segments []savedSegment
}

type savedSegment struct {
	name string
	// gaps lead from each dead paper's local number to the next.
	gaps []uint64
}

// Open reads an index that Save wrote, and gives its stamp. What is damaged, or
// was made by another analysis, is refused with an error of kind DataLoss; a
// directory without an index with one that is fs.ErrNotExist. Close the index
// to end its merges.
func Open(dir string, options Options) (x *Index, stamp uint64, err error) {
	raw, err := readFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, 0, err
	}
	m, err := decodeManifest(raw)
	if err != nil {
		return nil, 0, err
	}
	options = options.withDefaults()
	if err := options.check(); err != nil {
		return nil, 0, err
	}
	x = blank(options)
	if raw, err = readNamed(dir, m.terms); err != nil {
		return nil, 0, err
	}
	if x.lexicon, err = decodeLexicon(m.terms, raw); err != nil {
		return nil, 0, err
	}
	for _, s := range m.segments {
		if raw, err = readNamed(dir, s.name); err != nil {
			return nil, 0, err
		}
		if err := x.attach(s, raw); err != nil {
			return nil, 0, err
		}
	}
	x.merger.start(x)
	return x, m.stamp, nil
}

// readNamed reads a file that the manifest names, which must be there.
func readNamed(dir, name string) ([]byte, error) {
	raw, err := readFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corruptf(name, "is missing")
	}
	return raw, err
}

// decodeManifest reads the manifest.
func decodeManifest(raw []byte) (*manifest, error) {
	body, err := unframe(manifestFile, kindManifest, raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{name: manifestFile, raw: body}
	m := &manifest{}
	if b := d.bytes(8); b != nil {
		m.stamp = binary.LittleEndian.Uint64(b)
	}
	if made := d.string(1 << 10); d.err == nil && made != fingerprint() {
		d.failf("was made by %q; this program has %q", made, fingerprint())
	}
	m.terms = d.file("terms-")
	n := d.uvarint("segments", maxSegments)
	for i := uint64(0); i < n && d.err == nil; i++ {
		s := savedSegment{name: d.file("segment-")}
		dead := d.uvarint("dead papers", uint64(len(d.raw)))
		for j := uint64(0); j < dead && d.err == nil; j++ {
			s.gaps = append(s.gaps, d.uvarint("as a gap", 1<<32))
		}
		m.segments = append(m.segments, s)
	}
	return m, d.done()
}

// file reads the name of a file beside the manifest.
func (d *decoder) file(prefix string) string {
	name := d.string(maxNameBytes)
	if d.err == nil && (!strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".lex") || filepath.Base(name) != name) {
		d.failf("names a file %q, which no index has", name)
	}
	return name
}

// attach adds a saved segment and counts its live papers.
func (x *Index) attach(saved savedSegment, raw []byte) error {
	seg, err := decodeSegment(saved.name, raw, len(x.lexicon.terms))
	if err != nil {
		return err
	}
	s := sealed{segment: seg}
	next := uint64(0)
	for _, gap := range saved.gaps {
		if next += gap; next >= uint64(seg.len()) {
			return corruptf(manifestFile, "lists a dead paper that %s lacks", saved.name)
		}
		s.dead = s.dead.with(uint32(next))
		next++
	}
	for local, ordinal := range seg.ordinals {
		if s.dead.has(uint32(local)) {
			continue
		}
		if d, _, _ := x.locate(ordinal); d != nil {
			return corruptf(manifestFile, "has paper %d in two segments", ordinal)
		}
		x.papers++
		x.length += uint64(seg.lengths[local])
	}
	for i, id := range seg.terms {
		n, _ := binary.Uvarint(seg.postings[seg.starts[i]:])
		x.lexicon.df.add(id, uint32(n))
	}
	for local := range uint32(seg.len()) {
		if s.dead.has(local) {
			counts, _ := x.counter.tally(seg.record(local))
			for _, c := range counts {
				x.lexicon.df.sub(c.id, 1)
			}
		}
	}
	x.segments = append(x.segments, s)
	x.saved[seg] = saved.name
	return nil
}
