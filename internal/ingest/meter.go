package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// Meter counts the bytes of files as they are read, before decompression, so
// that a display can tell how far a job is without reading everything twice. The
// zero value is ready; all methods may be called from any goroutine.
type Meter struct{ read atomic.Int64 }

// Read is how many bytes were read so far.
func (m *Meter) Read() int64 { return m.read.Load() }

// watch counts what is read from src. Without a meter it is src.
func (m *Meter) watch(src io.Reader) io.Reader {
	if m == nil {
		return src
	}
	return &metered{src, m}
}

type metered struct {
	src   io.Reader
	meter *Meter
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	r.meter.read.Add(int64(n))
	return n, err
}

// Streams digests what can be read only once, as it is read: standard input and
// pipes. The zero value is ready; all methods may be called from any goroutine.
type Streams struct {
	mu   sync.Mutex // guards sums
	sums map[string]hash.Hash
}

// watch digests what is read from src. Without streams it is src.
func (s *Streams) watch(path string, src io.Reader) io.Reader {
	if s == nil {
		return src
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sums == nil {
		s.sums = map[string]hash.Hash{}
	}
	if s.sums[path] == nil {
		s.sums[path] = sha256.New()
	}
	return io.TeeReader(src, s.sums[path])
}

// Sum gives the SHA-256 of what was read of a stream, in hex; ok is false for a path
// that is none.
func (s *Streams) Sum(path string) (sum string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.sums[path]
	if h == nil {
		return "", false
	}
	return hex.EncodeToString(h.Sum(nil)), true
}
