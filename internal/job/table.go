package job

import (
	"encoding/binary"
	"fmt"

	"github.com/edsrzf/mmap-go"

	whole "akin/internal/pending"
)

// key is the beginning of a text's digest: enough to tell texts apart.
type key [16]byte

// A slot of the table holds the number of a record, plus one, in its lower 40
// bits and a part of the key in the others, so that nearly every look at
// something that is not there ends without reading the record. 0 is empty.
const (
	slotBytes  = 8
	recordBits = 40
	recordMask = 1<<recordBits - 1
	maxRecords = recordMask - 1
	leastSlots = 1 << 16
)

// table finds records by key: a hash table with linear probing (Knuth, TAOCP 3,
// 6.4) in a scratch file that is mapped into memory. It is derived from the
// records and made anew whenever a cache is opened.
type table struct {
	dir     string
	slots   mmap.MMap
	mask    uint64
	records uint64
}

func newTable(dir string, records uint64) (*table, error) {
	size := uint64(leastSlots)
	for size*3 < records*5 { // at most 60 % full, so that it can grow a while
		size *= 2
	}
	f, err := whole.Scratch(dir)
	if err != nil {
		return nil, fmt.Errorf("make the cache's table: %w", err)
	}
	// The mapping keeps the file until it goes, whatever happens to us.
	defer f.Close()
	// A page that the disk has no room for when it is written to would end the
	// process: it must be there before.
	if err := whole.Allocate(f, int64(size*slotBytes)); err != nil {
		return nil, fmt.Errorf("make the cache's table of %d bytes in %s: %w", size*slotBytes, dir, err)
	}
	slots, err := mmap.MapRegion(f, int(size*slotBytes), mmap.RDWR, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("map the cache's table: %w", err)
	}
	return &table{dir: dir, slots: slots, mask: size - 1}, nil
}

func (t *table) close() error { return t.slots.Unmap() }

// full says that the table should be made anew, larger, before the next add.
func (t *table) full() bool { return t.records*5 >= (t.mask+1)*4 }

func (t *table) slot(i uint64) []byte { return t.slots[i*slotBytes : i*slotBytes+slotBytes] }

func tagOf(k key) uint64 { return uint64(binary.LittleEndian.Uint32(k[8:])) << recordBits }

// add puts a record under a key.
func (t *table) add(k key, record uint64) {
	i := binary.LittleEndian.Uint64(k[:]) & t.mask
	for binary.LittleEndian.Uint64(t.slot(i)) != 0 {
		i = (i + 1) & t.mask
	}
	binary.LittleEndian.PutUint64(t.slot(i), tagOf(k)|(record+1))
	t.records++
}

// candidates yields the records that may have the key.
func (t *table) candidates(k key) func(yield func(record uint64) bool) {
	return func(yield func(uint64) bool) {
		for i := binary.LittleEndian.Uint64(k[:]) & t.mask; ; i = (i + 1) & t.mask {
			s := binary.LittleEndian.Uint64(t.slot(i))
			if s == 0 {
				return
			}
			if s&^uint64(recordMask) == tagOf(k) && !yield(s&recordMask-1) {
				return
			}
		}
	}
}
