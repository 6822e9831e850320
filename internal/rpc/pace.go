package rpc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"akin/internal/paper"
)

// Pace is how slow an HTTP client may be, and how much the server holds for all of
// them. The zero value of a field means its default.
type Pace struct {
	// Grace is how long a body may take, and one byte more for each 1/BytesPerSecond.
	Grace          time.Duration
	BytesPerSecond int
	// Write is how long a client may take nothing of an answer.
	Write time.Duration
	// Bodies is how many bytes of bodies, and of what their values take in memory, are
	// held at once, over all requests.
	Bodies int64
}

func (p Pace) withDefaults() Pace {
	if p.Grace <= 0 {
		p.Grace = 10 * time.Second
	}
	if p.BytesPerSecond <= 0 {
		p.BytesPerSecond = 16 << 10
	}
	if p.Write <= 0 {
		p.Write = 30 * time.Second
	}
	if p.Bodies <= 0 {
		p.Bodies = 256 << 20
	}
	return p
}

const (
	// readChunk is how much of a body is read at a time, writeChunk of an answer
	// written.
	readChunk, writeChunk = 32 << 10, 64 << 10
	// busyRetry is when to come back if there is no room for a body.
	busyRetry = time.Second
)

// refusal is an answer instead of a call.
type refusal struct {
	status          int
	code            codes.Code
	reason, message string
	retry           time.Duration
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(r.retry.Seconds())))
	}
	refuse(w, r.status, r.code, r.reason, r.message)
}

// bodies reads bodies, whole and not too slowly. It is safe for concurrent use.
type bodies struct {
	pace Pace
	held atomic.Int64
}

// read reads a body before any work is done for it. release lets go of its bytes.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (release func(), refused *refusal) {
	control := http.NewResponseController(w)
	begin := time.Now()
	var body bytes.Buffer
	release = func() { b.held.Add(-int64(body.Len())) }
	for source, chunk := http.MaxBytesReader(w, r.Body, MaxMessageBytes), make([]byte, readChunk); ; {
		patience := b.pace.Grace + time.Duration(float64(body.Len())/float64(b.pace.BytesPerSecond)*float64(time.Second))
		// A writer without deadlines is a test's.
		control.SetReadDeadline(begin.Add(patience)) //nolint:errcheck // see above
		n, err := source.Read(chunk)
		if !b.hold(int64(n)) {
			release()
			return nil, b.full()
		}
		body.Write(chunk[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			release()
			return nil, b.failed(err, body.Len(), patience)
		}
	}
	control.SetReadDeadline(time.Time{}) //nolint:errcheck // see above
	weight := weighJSON(body.Bytes())
	if weight > maxRequestMemory {
		release()
		return nil, &refusal{http.StatusBadRequest, codes.InvalidArgument, paper.ReasonRequestTooHeavy, tooHeavy().Error(), 0}
	}
	if !b.hold(weight) {
		release()
		return nil, b.full()
	}
	r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	held := int64(body.Len()) + weight // reading empties the buffer
	return func() { b.held.Add(-held) }, nil
}

// hold takes room for some bytes, if there is as much.
func (b *bodies) hold(n int64) bool {
	if b.held.Add(n) <= b.pace.Bodies {
		return true
	}
	b.held.Add(-n)
	return false
}

// full refuses a body for which there is no room.
func (b *bodies) full() *refusal {
	return &refusal{
		http.StatusTooManyRequests, codes.ResourceExhausted, paper.ReasonQueueFull,
		fmt.Sprintf("the server holds %d bytes of requests, its limit; try again later", b.pace.Bodies), busyRetry,
	}
}

// failed says why a body could not be read.
func (b *bodies) failed(err error, n int, patience time.Duration) *refusal {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &refusal{
			http.StatusRequestEntityTooLarge, codes.InvalidArgument, "BODY_TOO_LARGE",
			fmt.Sprintf("the body has more than %d bytes, the limit; send it in several requests", MaxMessageBytes), 0,
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{
			http.StatusRequestTimeout, codes.DeadlineExceeded, "BODY_TOO_SLOW",
			fmt.Sprintf("after %v, %d bytes of the body were here; the limit is %v and one second more for each %d bytes; send it faster, or in several requests",
				patience.Round(time.Millisecond), n, b.pace.Grace, b.pace.BytesPerSecond), 0,
		}
	}
	return &refusal{
		http.StatusBadRequest, codes.InvalidArgument, "BAD_BODY",
		fmt.Sprintf("the body ended after %d bytes: it is cut short, or not what its header says; send it again", n), 0,
	}
}

// pacedWriter cuts off a client that takes nothing of its answer.
type pacedWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
}

func newPacedWriter(w http.ResponseWriter, patience time.Duration) *pacedWriter {
	return &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), patience: patience}
}

// extend gives the client time for what comes.
func (p *pacedWriter) extend() {
	p.control.SetWriteDeadline(time.Now().Add(p.patience)) //nolint:errcheck // a writer without deadlines is a test's
}

// Write implements http.ResponseWriter, a part at a time.
func (p *pacedWriter) Write(b []byte) (written int, err error) {
	for {
		p.extend()
		n, err := p.ResponseWriter.Write(b[:min(len(b), writeChunk)])
		written += n
		if b = b[n:]; err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// Flush implements http.Flusher.
func (p *pacedWriter) Flush() {
	p.extend()
	p.control.Flush() //nolint:errcheck // the client is gone
}

// Unwrap is for http.ResponseController.
func (p *pacedWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
