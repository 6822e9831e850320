package ingest

import (
	"io"
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
