package ingest

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds what a zstd or xz stream can make the decoder allocate. It
// allows `zstd --long`, whose window is 128 MiB, and `xz -9`.
const maxWindow = 128 << 20

// codec is how a file is compressed.
type codec string

const (
	codecNone  codec = ""
	codecGzip  codec = "gzip"
	codecZstd  codec = "zstd"
	codecBzip2 codec = "bzip2"
	codecXZ    codec = "xz"
)

// detectCodec looks at the magic bytes.
func detectCodec(src *bufio.Reader) codec {
	magic, _ := src.Peek(10) // a file shorter than this has no magic
	switch {
	case bytes.HasPrefix(magic, []byte{0x1F, 0x8B}):
		return codecGzip
	case bytes.HasPrefix(magic, []byte{0x28, 0xB5, 0x2F, 0xFD}):
		return codecZstd
	case len(magic) >= 4 && magic[0]&0xF0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2A, 0x4D, 0x18}):
		return codecZstd // a skippable frame, with which pzstd and seekable files begin
	case bytes.HasPrefix(magic, []byte("\xFD7zXZ\x00")):
		return codecXZ
	case len(magic) >= 10 && bytes.HasPrefix(magic, []byte("BZh")) && magic[3] >= '1' && magic[3] <= '9' &&
		(string(magic[4:10]) == "1AY&SY" || string(magic[4:10]) == "\x17\x72\x45\x38\x50\x90"):
		return codecBzip2
	default:
		return codecNone
	}
}

// open decompresses all members or frames of src.
func (c codec) open(src *bufio.Reader) (io.ReadCloser, error) {
	switch c {
	case codecGzip:
		d, err := gzip.NewReader(src)
		// Its Close frees nothing and only repeats the error of the last Read.
		return io.NopCloser(d), err
	case codecBzip2:
		return io.NopCloser(bzip2.NewReader(src)), nil
	case codecXZ:
		return openXZ(src)
	}
	// One decoder goroutine at most, and none that outlives Close.
	d, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// openXZ decompresses xz, unless its dictionary is larger than any preset's.
func openXZ(src *bufio.Reader) (io.ReadCloser, error) {
	// The stream's header has 12 bytes. That of the block gives its own size, flags,
	// sizes that may be missing, and for LZMA2 (0x21) one byte for the dictionary.
	head, err := src.Peek(12 + 32)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if at := bytes.Index(head[min(12, len(head)):], []byte{0x21, 0x01}); at >= 0 && 12+at+2 < len(head) {
		if bits := head[12+at+2]; (2|uint64(bits&1))<<(bits/2+11) > maxWindow {
			return nil, errors.New("its dictionary is larger than 128 MiB")
		}
	}
	d, err := xz.NewReader(src)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(d), nil
}
