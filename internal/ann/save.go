package ann

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"akin/internal/pending"
)

// disk is where graphs are saved: tests put one in its place that fails.
type disk interface {
	// Create begins a file that will be path when it is whole.
	Create(path string) (diskFile, error)
}

// diskFile is a file that is written. Either Commit or Abandon ends it; after a Commit
// that failed, Abandon removes what is left.
type diskFile interface {
	io.Writer
	io.WriterAt
	// Commit puts the file in the place of the one that has its name, durably.
	Commit() error
	Abandon() error
}

// Save writes the graph to a file, which OpenGraph reads: to a pending one beside it
// first, synced, and then renamed, so that a file that is there stays whole until the
// new one is. Writers wait meanwhile, readers don't. To save less, call Repair before.
//
// The stamp, of at most 1,024 bytes, says what the graph was made from. It is under
// the checksum of the file's header, and given back; what it means is the caller's
// affair.
func (g *Graph) Save(path, stamp string) error { return g.saveTo(osDisk{}, path, stamp) }

func (g *Graph) saveTo(d disk, path, stamp string) error {
	if err := checkHost(); err != nil {
		return err
	}
	if len(stamp) > mostStamp {
		return invalid(ErrOptions, "stamp", "has %d bytes; it may have %d", len(stamp), mostStamp)
	}
	g.writer.Lock()
	defer g.writer.Unlock()
	f, err := d.Create(path)
	if err == nil {
		if err = g.write(f, stamp); err == nil {
			err = f.Commit()
		}
		if err != nil {
			err = errors.Join(err, f.Abandon())
		}
	}
	if err != nil {
		return fmt.Errorf("save the graph: %w", err)
	}
	return nil
}

// write writes the sections and then the header, which has their sums.
func (g *Graph) write(f diskFile, stamp string) error {
	h := header{
		stamp: stamp, options: g.options, dimension: g.dimension, slots: len(g.rows.state), entry: g.entry,
		sharers: g.rows.shared,
	}
	for _, level := range g.links.levels {
		h.blocks += int(level)
	}
	if _, err := f.Write(make([]byte, filePage)); err != nil {
		return err
	}
	for section, write := range g.sections() {
		s := sectionWriter{file: f}
		if err := write(&s); err != nil {
			return err
		}
		if want := h.lengths()[section]; s.n != want {
			return fmt.Errorf("section %s has %d bytes, not %d", sectionNames[section], s.n, want)
		}
		h.sums[section] = s.sum
		if pad := -s.n & (filePage - 1); pad > 0 {
			if _, err := f.Write(make([]byte, pad)); err != nil {
				return err
			}
		}
	}
	_, err := f.WriteAt(h.encode(), 0)
	return err
}

// sectionWriter counts and sums what it writes.
type sectionWriter struct {
	file diskFile
	n    int64
	sum  uint32
}

func (s *sectionWriter) write(parts ...[]byte) error {
	for _, b := range parts {
		if _, err := s.file.Write(b); err != nil {
			return err
		}
		s.n += int64(len(b))
		s.sum = crc32.Update(s.sum, castagnoli, b)
	}
	return nil
}

// sections returns what writes each section.
func (g *Graph) sections() [sections]func(*sectionWriter) error {
	r, l := &g.rows, &g.links
	plain := func(parts ...[]byte) func(*sectionWriter) error {
		return func(s *sectionWriter) error { return s.write(parts...) }
	}
	return [sections]func(*sectionWriter) error{
		sectionVectors:  plain(bytesOf(r.mapped), bytesOf(r.vectors), r.residuals), // one of them is empty
		sectionCodes:    plain(bytesOf(r.codes)),
		sectionScales:   plain(bytesOf(r.scales)),
		sectionOrdinals: plain(bytesOf(r.ordinals)),
		sectionState:    g.writeState,
		sectionLevels:   plain(l.levels),
		sectionBase:     plain(bytesOf(l.base)),
		sectionUpper:    g.writeUpper,
		sectionSharers:  g.writeSharers,
	}
}

// writeState writes condemned slots as dead: the sweep begins anew.
func (g *Graph) writeState(s *sectionWriter) error {
	states := make([]slotState, len(g.rows.state))
	copy(states, g.rows.state)
	for _, slot := range g.sweep.condemned {
		states[slot] = slotDead
	}
	return s.write(bytesOf(states))
}

// writeUpper writes the blocks of higher layers in the order of slots, without
// gaps, so that the levels say where each is.
func (g *Graph) writeUpper(s *sectionWriter) error {
	var buffer []byte
	for slot, level := range g.links.levels {
		for layer := 1; layer <= int(level); layer++ {
			buffer = append(buffer, bytesOf(g.links.block(uint32(slot), layer))...)
		}
		if len(buffer) >= 1<<16 || slot == len(g.links.levels)-1 {
			if err := s.write(buffer); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	return nil
}

// writeSharers writes pairs of slot and ordinal, in the order of slots.
func (g *Graph) writeSharers(s *sectionWriter) error {
	if g.rows.shared == 0 {
		return nil
	}
	pairs := make([]uint32, 0, 2*g.rows.shared)
	for slot := range uint32(len(g.rows.state)) {
		for _, ordinal := range g.rows.sharers[slot] {
			pairs = append(pairs, slot, ordinal)
		}
	}
	return s.write(bytesOf(pairs))
}

// RemoveUnfinished removes what saves to a path have left that were cut short: a next
// save would as well. What is being saved now, by any process, stays.
func RemoveUnfinished(path string) error {
	old := os.Remove(path + ".tmp") // as it was called before files were pending
	if errors.Is(old, fs.ErrNotExist) {
		old = nil
	}
	return errors.Join(old, pending.Sweep(path))
}

// osDisk is the operating system's file system.
type osDisk struct{}

func (osDisk) Create(path string) (diskFile, error) { return pending.Create(path, 0o644) }
