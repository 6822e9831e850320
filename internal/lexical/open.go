package lexical

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// manifest is what a saved index consists of.
type manifest struct {
	stamp    string
	terms    savedFile
	segments []savedSegment
}

// savedFile is a file beside the manifest, and the checksum that it ends with.
type savedFile struct {
	name string
	sum  uint32
}

type savedSegment struct {
	savedFile
	// gaps lead from each dead paper's local number to the next.
	gaps []uint64
}

// ReadStamp reads the stamp of an index that Save wrote, and checks no more than
// the manifest that it is in. Its errors are those of Open.
func ReadStamp(dir string) (string, error) {
	m, err := readManifest(dir)
	if err != nil {
		return "", err
	}
	return m.stamp, nil
}

func readManifest(dir string) (*manifest, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, corruptf(filepath.Base(dir), "is not a directory")
	}
	raw, err := readFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return nil, err
	}
	return decodeManifest(raw)
}

// Open reads an index that Save wrote, and gives its stamp. What is damaged, or
// was made by another analysis, is refused with an error of kind DataLoss; a
// directory without an index with one that is fs.ErrNotExist. Close the index
// to end its merges.
func Open(dir string, options Options) (x *Index, stamp string, err error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, "", err
	}
	options = options.withDefaults()
	if err := options.check(); err != nil {
		return nil, "", err
	}
	x = blank(options)
	raw, err := readNamed(dir, m.terms)
	if err != nil {
		return nil, "", err
	}
	if x.lexicon, err = decodeLexicon(m.terms.name, raw); err != nil {
		return nil, "", err
	}
	for _, s := range m.segments {
		if raw, err = readNamed(dir, s.savedFile); err != nil {
			return nil, "", err
		}
		if err := x.attach(s, raw, filepath.Join(dir, s.name)); err != nil {
			return nil, "", err
		}
	}
	x.merger.start(x)
	return x, m.stamp, nil
}

// readNamed reads a file that the manifest names, which must be there, and be the
// one that was saved: another index's file may be whole in itself.
func readNamed(dir string, file savedFile) ([]byte, error) {
	raw, err := readFile(filepath.Join(dir, file.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corruptf(file.name, "is missing")
	}
	if err == nil && checksumOf(raw) != file.sum {
		return nil, corruptf(file.name, "is not the one that was saved: it ends with checksum %08x, not %08x", checksumOf(raw), file.sum)
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
	m.stamp = d.string(maxStampBytes)
	if made := d.string(1 << 10); d.err == nil && made != fingerprint() {
		d.failf("was made by %q; this program has %q", made, fingerprint())
	}
	m.terms = d.file("terms-")
	n := d.uvarint("segments", maxSegments)
	for i := uint64(0); i < n && d.err == nil; i++ {
		s := savedSegment{savedFile: d.file("segment-")}
		dead := d.uvarint("dead papers", uint64(len(d.raw)))
		for j := uint64(0); j < dead && d.err == nil; j++ {
			s.gaps = append(s.gaps, d.uvarint("as a gap", 1<<32))
		}
		m.segments = append(m.segments, s)
	}
	return m, d.done()
}

// file reads the name of a file beside the manifest, and its checksum.
func (d *decoder) file(prefix string) savedFile {
	name := d.string(maxNameBytes)
	if d.err == nil && (!strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".lex") || filepath.Base(name) != name) {
		d.failf("names a file %q, which no index has", name)
	}
	f := savedFile{name: name}
	if b := d.bytes(4); b != nil {
		f.sum = binary.LittleEndian.Uint32(b)
	}
	return f
}

// attach adds a saved segment and counts its live papers.
func (x *Index) attach(saved savedSegment, raw []byte, path string) error {
	seg, err := decodeSegment(saved.name, raw, x.lexicon.len())
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
	seg.leave(path, len(raw))
	x.segments = append(x.segments, s)
	x.saved[seg] = saved.savedFile
	return nil
}
