package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"akin/internal/pending"
)

// What others have derived from a collection is kept in files beside the indexes.
// docs/format/kept.md describes the bytes.

const (
	keptMagic   = "akinkept"
	keptVersion = 1
	// keptHeader is up to the stamp, maxKeptStamp and maxKeptData bound what follows.
	keptHeader   = len(keptMagic) + 4 + 4 + 8
	maxKeptStamp = 1024
	maxKeptData  = 64 << 20
	keptSum      = 4
)

// keptTable is of the checksum's polynomial.
func keptTable() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// keptPath is where what has a name is kept; "" keeps nothing.
func (c *collection) keptPath(name string) string {
	if c.config.Dir == "" {
		return ""
	}
	return filepath.Join(c.config.Dir, c.name+"."+name)
}

// Stamp implements catalog.Derived.
func (v *view) Stamp() (string, error) { return originOf(v.snapshot).stamp() }

// Keep implements catalog.Derived.
func (v *view) Keep(name, stamp string, data []byte) error {
	path := v.collection.keptPath(name)
	if path == "" || v.collection.readOnly() {
		return nil
	}
	if len(stamp) > maxKeptStamp || len(data) > maxKeptData {
		return fmt.Errorf("keep %s: %d bytes with a stamp of %d; at most %d and %d are kept", name, len(data), len(stamp), maxKeptData, maxKeptStamp)
	}
	b := append(make([]byte, 0, keptHeader+len(stamp)+len(data)+keptSum), keptMagic...)
	b = binary.LittleEndian.AppendUint32(b, keptVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(stamp)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = append(append(b, stamp...), data...)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, keptTable()))
	if err := os.MkdirAll(v.collection.config.Dir, 0o755); err != nil {
		return err
	}
	return pending.WriteFile(path, b, 0o644)
}

// Kept implements catalog.Derived.
func (v *view) Kept(name string) ([]byte, uint64) {
	path := v.collection.keptPath(name)
	if path == "" {
		return nil, 0
	}
	data, from, err := v.readKept(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, 0
	case err != nil:
		v.collection.refuse(path, err)
		return nil, 0
	}
	return data, from.sequence
}

// readKept reads a file, if it is whole and of the view's past.
func (v *view) readKept(path string) ([]byte, origin, error) {
	b, err := readBounded(path, keptHeader+maxKeptStamp+maxKeptData+keptSum)
	if err != nil {
		return nil, origin{}, err
	}
	if len(b) < keptHeader+keptSum || string(b[:len(keptMagic)]) != keptMagic {
		return nil, origin{}, errors.New("it does not begin as a file of akin's")
	}
	body, sum := b[:len(b)-keptSum], binary.LittleEndian.Uint32(b[len(b)-keptSum:])
	if crc32.Checksum(body, keptTable()) != sum {
		return nil, origin{}, errors.New("its checksum is not that of its bytes")
	}
	rest := body[len(keptMagic):]
	if got := binary.LittleEndian.Uint32(rest); got != keptVersion {
		return nil, origin{}, fmt.Errorf("it is of version %d; this akin reads %d", got, keptVersion)
	}
	stamp, data := uint64(binary.LittleEndian.Uint32(rest[4:])), binary.LittleEndian.Uint64(rest[8:])
	rest = rest[16:]
	if stamp > maxKeptStamp || data > maxKeptData || stamp+data != uint64(len(rest)) {
		return nil, origin{}, fmt.Errorf("it has %d bytes and says %d and %d", len(rest), stamp, data)
	}
	from, err := v.collection.trace(v.snapshot, string(rest[:stamp]))
	return rest[stamp:], from, err
}

// readBounded reads a file of at most so many bytes. What is no file is not waited for.
func readBounded(path string, most int) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(make([]byte, 0, min(info.Size(), int64(most))+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, int64(most)+1))
	if err = errors.Join(err, f.Close()); err == nil && b.Len() > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return b.Bytes(), err
}
