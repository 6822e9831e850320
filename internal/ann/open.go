package ann

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sync/errgroup"
)

// OpenOptions say how to open a file of a graph. What shaped the graph is in the
// file.
type OpenOptions struct {
	// InMemory reads the float32 vectors into memory, and checks their checksum.
	// Otherwise they stay in the file, which is mapped: a search reads of them
	// what it needs to compare in full. Writing to the graph never changes the
	// file.
	InMemory bool
	// EfSearch and AlwaysWalk are as in [Options]; an EfSearch of 0 is the file's.
	EfSearch   int
	AlwaysWalk bool
}

// ReadStamp reads the stamp of a file that [Graph.Save] wrote, and checks no more
// than the header that it is in. Its errors are those of [OpenGraph].
func ReadStamp(path string) (stamp string, err error) {
	f, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h, err := readHeader(f)
	if err != nil {
		return "", corrupt(path, err)
	}
	return h.stamp, nil
}

// OpenGraph reads a file that [Graph.Save] wrote, and gives its stamp. Before it answers it has checked
// the checksum of everything but mapped vectors (see [Graph.Verify]), and that all
// links lead to nodes and the spanning tree is one, so that nothing in the file can
// make the graph fail later. A file that is not right is an error of kind DataLoss
// that says why; one that is not there wraps [os.ErrNotExist].
//
// While the vectors are mapped, the file must not be written to; Save replaces it,
// which does no harm. Call Close when the graph is not needed any more.
func OpenGraph(path string, o OpenOptions) (*Graph, string, error) {
	if err := checkHost(); err != nil {
		return nil, "", err
	}
	f, err := openFile(path)
	if err != nil {
		return nil, "", err
	}
	r := fileReader{file: f}
	g, err := r.read(o)
	if err != nil {
		return nil, "", errors.Join(corrupt(path, err), f.Close())
	}
	if g.source == nil { // nothing is mapped
		err = f.Close()
	}
	return g, r.header.stamp, err
}

// Close gives up the file. The graph must not be used afterwards, except that
// searches under way are waited for; it is empty then.
func (g *Graph) Close() error {
	g.writer.Lock()
	defer g.writer.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reset()
	if g.file == nil {
		return nil
	}
	file, source := g.file, g.source
	g.file, g.source = nil, nil
	return errors.Join(file.Unmap(), source.Close())
}

// verifyChunk is how much of a file is read at a time.
const verifyChunk = 1 << 20

// Verify reads the vectors of an opened graph from its file once more, and says
// whether they are what was saved: an error of kind DataLoss if not. It takes as
// long as reading the file, holds up neither searches nor changes, and says
// nothing about what was changed in memory since. It ends early with ctx's error,
// or with one that wraps [os.ErrClosed] when the graph is closed.
func (g *Graph) Verify(ctx context.Context) error {
	g.mu.RLock()
	source := g.source
	g.mu.RUnlock()
	if source == nil {
		return nil
	}
	buffer, sum := make([]byte, min(verifyChunk, g.vectorBytes)), uint32(0)
	for done := int64(0); done < g.vectorBytes; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buffer[:min(int64(len(buffer)), g.vectorBytes-done)]
		// Not through the mapping, which changes of the graph are written to, and
		// which ends the process where the disk cannot be read.
		if _, err := source.ReadAt(part, filePage+done); err != nil {
			if errors.Is(err, os.ErrClosed) {
				return fmt.Errorf("verify the graph: %w", err)
			}
			return corrupt(source.Name(), damagef("its vectors cannot be read: %v", err))
		}
		sum = crc32.Update(sum, castagnoli, part)
		done += int64(len(part))
	}
	if sum != g.vectorSum {
		return corrupt(source.Name(), damagef("the checksum of its vectors is wrong"))
	}
	return nil
}

// openFile opens a regular file; to open a pipe would wait for ever.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the graph: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, corrupt(path, damagef("it is not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the graph: %w", err)
	}
	return f, nil
}

// readHeader reads the first page.
func readHeader(f *os.File) (*header, error) {
	page := make([]byte, filePage)
	if _, err := io.ReadFull(f, page); err != nil {
		return nil, damagef("it is shorter than a header")
	}
	return decodeHeader(page)
}

// fileReader reads one file.
type fileReader struct {
	file   *os.File
	header *header
	at     [sections]int64
}

func (r *fileReader) read(o OpenOptions) (*Graph, error) {
	h, err := readHeader(r.file)
	if err != nil {
		return nil, err
	}
	r.header = h
	var end int64
	r.at, end = h.offsets()
	if info, err := r.file.Stat(); err != nil || info.Size() != end {
		return nil, damagef("it should be %d bytes long", end)
	}
	options := h.options
	options.AlwaysWalk = o.AlwaysWalk
	if o.EfSearch != 0 {
		options.EfSearch = o.EfSearch
	}
	g, err := NewGraph(h.dimension, options)
	if err != nil {
		return nil, err
	}
	var codes errgroup.Group // the greater part of the file, which no check needs
	codes.Go(func() (err error) {
		g.rows.codes, err = section[int8](r, sectionCodes)
		return err
	})
	err = r.tables(g)
	if err == nil {
		err = g.adopt(h)
	}
	if err := firstOf(codes.Wait(), err); err != nil {
		return nil, err
	}
	return g, r.vectors(g, o.InMemory)
}

// section reads a section into new memory with some room to grow.
func section[T float32 | uint32 | int8 | uint8 | slotState](r *fileReader, number int) ([]T, error) {
	n := int(r.header.lengths()[number]) / int(unsafe.Sizeof(*new(T)))
	s := make([]T, n, n+n/32)
	if _, err := r.file.ReadAt(bytesOf(s), r.at[number]); err != nil {
		return nil, damagef("its section of %s cannot be read: %v", sectionNames[number], err)
	}
	if checksum(bytesOf(s)) != r.header.sums[number] {
		return nil, damagef("the checksum of its %s is wrong", sectionNames[number])
	}
	return s, nil
}

// tables reads everything but the vectors and their codes.
func (r *fileReader) tables(g *Graph) (err error) {
	read := func(err2 error) { err = firstOf(err, err2) }
	var err2 error
	g.rows.scales, err2 = section[float32](r, sectionScales)
	read(err2)
	g.rows.ordinals, err2 = section[uint32](r, sectionOrdinals)
	read(err2)
	g.rows.state, err2 = section[slotState](r, sectionState)
	read(err2)
	g.links.levels, err2 = section[uint8](r, sectionLevels)
	read(err2)
	g.links.base, err2 = section[uint32](r, sectionBase)
	read(err2)
	g.links.upper, err2 = section[uint32](r, sectionUpper)
	read(err2)
	if err != nil {
		return err
	}
	pairs, err := section[uint32](r, sectionSharers)
	if err != nil {
		return err
	}
	return g.adoptSharers(pairs)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// vectors maps or reads the vectors.
func (r *fileReader) vectors(g *Graph, inMemory bool) (err error) {
	if r.header.options.LVQ {
		g.rows.residuals, err = section[uint8](r, sectionVectors)
		return err
	}
	if inMemory || r.header.slots == 0 {
		g.rows.vectors, err = section[float32](r, sectionVectors)
		return err
	}
	// Private: what is written to reused slots stays in this process.
	file, err := mmap.MapRegion(r.file, int(r.at[sectionCodes]), mmap.COPY, 0, 0)
	if err != nil {
		return fmt.Errorf("it cannot be mapped: %w", err) // which says nothing of the file
	}
	n := int(r.header.lengths()[sectionVectors]) / 4
	g.file, g.source = file, r.file
	g.vectorSum, g.vectorBytes = r.header.sums[sectionVectors], r.header.lengths()[sectionVectors]
	g.rows.mapped = unsafe.Slice((*float32)(unsafe.Pointer(&file[filePage])), n) //nolint:gosec // the length was checked, the page is aligned
	return nil
}

// adopt makes what is not in the file from what is, and checks both.
func (g *Graph) adopt(h *header) error {
	g.entry = h.entry
	if err := g.adoptSlots(); err != nil {
		return err
	}
	if err := g.adoptBlocks(h.blocks); err != nil {
		return err
	}
	for slot, state := range g.rows.state {
		if state == slotFree {
			if g.links.base[slot*(1+2*g.links.m)] != 0 || g.links.levels[slot] != 0 {
				return damagef("node %d is free and has links", slot)
			}
			continue
		}
		for level := 0; level <= int(g.links.levels[slot]); level++ {
			if err := g.adoptLinks(uint32(slot), level); err != nil {
				return err
			}
		}
	}
	if err := g.checkTree(); err != nil {
		return damage(err.Error())
	}
	if len(g.dead) > tombstoneBound(g.rows.live()) {
		g.beginSweep(0)
	}
	return nil
}

// adoptSlots lists the slots by state and maps the ordinals.
func (g *Graph) adoptSlots() error {
	highest := uint8(0)
	for slot, state := range g.rows.state {
		switch state {
		case slotFree:
			g.free = append(g.free, uint32(slot))
		case slotDead:
			g.dead = append(g.dead, uint32(slot))
		case slotLive:
			highest = max(highest, g.links.levels[slot])
			if !g.mapOrdinal(g.rows.ordinals[slot], uint32(slot)) {
				return damagef("ordinal %d is there twice", g.rows.ordinals[slot])
			}
		default:
			return damagef("node %d is in state %d", slot, state)
		}
		if g.rows.coded && !(g.rows.scales[slot] >= 0 && g.rows.scales[slot] <= 1) {
			return damagef("node %d has scale %v", slot, g.rows.scales[slot])
		}
	}
	slices.Reverse(g.free) // the lowest is used first
	if g.rows.live() == 0 {
		if g.entry != noSlot {
			return damagef("it has an entry point and no nodes")
		}
		return nil
	}
	if int(g.entry) >= len(g.rows.state) || g.rows.state[g.entry] != slotLive || g.links.levels[g.entry] != highest {
		return damagef("its entry point is not a node of the highest layer")
	}
	return nil
}

// mapOrdinal puts an ordinal in a slot and says whether it was nowhere.
func (g *Graph) mapOrdinal(ordinal, slot uint32) bool {
	if _, ok := g.rows.slots.get(ordinal); ok {
		return false
	}
	g.rows.slots.set(ordinal, slot)
	return true
}

// adoptSharers lists the ordinals beside the first ones.
func (g *Graph) adoptSharers(pairs []uint32) error {
	for i := 0; i < len(pairs); i += 2 {
		slot, ordinal := pairs[i], pairs[i+1]
		if int(slot) >= len(g.rows.state) || g.rows.state[slot] != slotLive || !g.mapOrdinal(ordinal, slot) {
			return damagef("ordinal %d shares node %d", ordinal, slot)
		}
		g.rows.sharers[slot] = append(g.rows.sharers[slot], ordinal)
		g.rows.shared++
	}
	return nil
}

// adoptBlocks finds the blocks of higher layers, which are in the order of slots.
func (g *Graph) adoptBlocks(blocks int) error {
	g.links.upperAt = make([]uint32, len(g.rows.state), cap(g.rows.state))
	next := 0
	for slot, level := range g.links.levels {
		if level > maxLevel {
			return damagef("node %d is in layer %d", slot, level)
		}
		if level > 0 {
			g.links.upperAt[slot] = uint32(next)
			next += int(level)
		}
	}
	if next != blocks || next > math.MaxInt32 {
		return damagef("it has %d blocks of higher layers and needs %d", blocks, next)
	}
	return nil
}

// adoptLinks makes sure that the links of a slot in a layer lead where a search
// can go.
func (g *Graph) adoptLinks(slot uint32, level int) error {
	block := g.links.block(slot, level)
	count, tree := int(block[0]&0xffff), int(block[0]>>16)
	if count > len(block)-1 || tree > count || tree > g.treeCapacity() || level > 0 && tree > 0 {
		return damagef("node %d counts %d links, %d of them tree edges, in layer %d", slot, count, tree, level)
	}
	for _, to := range block[1 : 1+count] {
		if int(to) >= len(g.rows.state) || to == slot || g.rows.state[to] == slotFree || int(g.links.levels[to]) < level {
			return damagef("node %d links to %d in layer %d", slot, to, level)
		}
	}
	return nil
}
