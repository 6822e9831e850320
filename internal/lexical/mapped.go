package lexical

import (
	"errors"
	"os"
	"runtime"

	"github.com/edsrzf/mmap-go"
)

// leastMapped is from how many bytes on the records and postings of a segment stay in its
// file: of less, nothing is spared.
const leastMapped = 64 << 10

// leave makes records and postings of a segment those that its file has, which is mapped: memory
// that the system takes back when it needs it, and reads again. They are what was read and checked
// before, as files are only ever replaced; but a disk that fails from then on ends the process,
// as it does with the vectors of a graph. What cannot be mapped stays in memory.
//
// The mapping goes with the segment. Nothing outside this package ever sees what is in it,
// and exported methods that read it keep their View, and with it the segment, until they
// return.
func (s *segment) leave(path string, size int) {
	behind := len(s.records) + checksumLen
	if len(s.postings)+len(s.records) < leastMapped {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		return
	}
	raw, err := mmap.MapRegion(f, size, mmap.RDONLY, 0, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return
	}
	from := size - behind - len(s.postings)
	s.postings = raw[from : size-behind : size-behind]
	s.records = raw[size-behind : size-checksumLen : size-checksumLen]
	runtime.AddCleanup(s, func(raw mmap.MMap) {
		raw.Unmap() //nolint:errcheck // nobody is left to tell
	}, raw)
}
