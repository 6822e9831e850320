package model

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"
)

const (
	// maxConfig is how large the configuration of a model may be, and maxTokenizer its
	// tokenizer.
	maxConfig    = 1 << 20
	maxTokenizer = 256 << 20
)

// openRegular opens a file of a model directory. Others than regular files, such as a
// pipe that nobody writes to or a device without an end, are refused and not waited for:
// a directory may come from anywhere.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readRegular reads a file of at most so many bytes.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(min(info.Size(), most)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(f, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%s has more than %d bytes, the most that are read", path, most)
	}
	return b.Bytes(), err
}

// ReadTokenizer reads the tokenizer of a model directory.
func ReadTokenizer(dir string) ([]byte, error) {
	return readRegular(dir+string(os.PathSeparator)+TokenizerFile, maxTokenizer)
}
