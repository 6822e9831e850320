package ingest

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd stream can make the decoder allocate. It allows
// `zstd --long`, whose window is 128 MiB.
const maxWindow = 128 << 20

// codec is how a file is compressed.
type codec string

const (
	codecNone codec = ""
	codecGzip codec = "gzip"
	codecZstd codec = "zstd"
)

// detectCodec looks at the magic bytes.
func detectCodec(src *bufio.Reader) codec {
	magic, _ := src.Peek(4) // a file shorter than this has no magic
	switch {
	case bytes.HasPrefix(magic, []byte{0x1F, 0x8B}):
		return codecGzip
	case bytes.Equal(magic, []byte{0x28, 0xB5, 0x2F, 0xFD}):
		return codecZstd
	case len(magic) == 4 && magic[0]&0xF0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2A, 0x4D, 0x18}):
		return codecZstd // a skippable frame, with which pzstd and seekable files begin
	default:
		return codecNone
	}
}

// open decompresses all members or frames of src.
func (c codec) open(src io.Reader) (io.ReadCloser, error) {
	if c == codecGzip {
		d, err := gzip.NewReader(src)
		// Its Close frees nothing and only repeats the error of the last Read.
		return io.NopCloser(d), err
	}
	// One decoder goroutine at most, and none that outlives Close.
	d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
