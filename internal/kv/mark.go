package kv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markFile lies among Pebble's files, so that a copy of them is whole.
const markFile = "MARK.akin"

// The mark has two slots, which are written in turn: one that a power cut tore
// leaves the other.
const (
	markSlotBytes  = 16 << 10
	markSlots      = 2
	markMagic      = "akinmark"
	markVersion    = 1
	markHeadBytes  = len(markMagic) + 2 + 2 + 4 + 8 + 16 + 8 + 4
	markEntryBytes = 1 + 8 + 8
	// markMaxFiles is how many files one slot can name; Pebble keeps a handful.
	markMaxFiles = (markSlotBytes - markHeadBytes - checksumBytes) / markEntryBytes

	markClean = 1 << 0 // flag: the database was closed properly
)

// mark is the high-water mark of a database: what was acknowledged, kept
// outside of Pebble's log, so that a log that lost its end cannot pass for a
// whole one.
type mark struct {
	serial   uint64 // counts the writings of the mark
	identity Identity
	commit   uint64 // the last that was acknowledged
	clean    bool
	files    []markedFile // sorted
}

// markedFile is a log or manifest that must be there, and how many bytes of it
// were synced.
type markedFile struct {
	kind   fileKind
	number uint64
	size   int64
}

type fileKind uint8

const (
	logFile      fileKind = 1
	manifestFile fileKind = 2
)

const (
	logSuffix      = ".log"
	manifestPrefix = "MANIFEST-"
)

// parseMarked takes the name of a log or a manifest apart; ok is false for others.
func parseMarked(name string) (f markedFile, ok bool) {
	digits, isLog := strings.CutSuffix(name, logSuffix)
	f.kind = logFile
	if !isLog {
		if digits, ok = strings.CutPrefix(name, manifestPrefix); !ok {
			return f, false
		}
		f.kind = manifestFile
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	f.number = n
	return f, err == nil
}

func (f markedFile) name() string {
	if f.kind == logFile {
		return fmt.Sprintf("%06d%s", f.number, logSuffix)
	}
	return fmt.Sprintf("%s%06d", manifestPrefix, f.number)
}

func (f markedFile) compare(g markedFile) int {
	return cmp.Or(cmp.Compare(f.kind, g.kind), cmp.Compare(f.number, g.number))
}

// encode makes the bytes of a slot. Should there be more files than fit, the
// oldest are left out: Pebble is done with them.
func (m *mark) encode() []byte {
	files := m.files
	if over := len(files) - markMaxFiles; over > 0 {
		files = slices.Clone(files)
		slices.SortFunc(files, func(f, g markedFile) int { return cmp.Compare(f.number, g.number) })
		files = files[over:]
		slices.SortFunc(files, markedFile.compare)
	}
	var flags uint16
	if m.clean {
		flags = markClean
	}
	le := binary.LittleEndian
	b := append(make([]byte, 0, markHeadBytes+len(files)*markEntryBytes+checksumBytes), markMagic...)
	b = le.AppendUint16(b, markVersion)
	b = le.AppendUint16(b, flags)
	b = le.AppendUint32(b, uint32(len(files)))
	b = le.AppendUint64(b, m.serial)
	b = append(b, m.identity[:]...)
	b = le.AppendUint64(b, m.commit)
	b = le.AppendUint32(b, 0)
	for _, f := range files {
		b = append(b, byte(f.kind))
		b = le.AppendUint64(b, f.number)
		b = le.AppendUint64(b, uint64(f.size))
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeMark reads a slot.
func decodeMark(b []byte) (*mark, error) {
	le := binary.LittleEndian
	if len(b) < markHeadBytes+checksumBytes || !bytes.HasPrefix(b, []byte(markMagic)) {
		return nil, errors.New("it does not begin like a mark")
	}
	rest := b[len(markMagic):]
	version, flags, count := le.Uint16(rest), le.Uint16(rest[2:]), int(le.Uint32(rest[4:]))
	if version != markVersion {
		return nil, fmt.Errorf("it has version %d, known is %d", version, markVersion)
	}
	end := markHeadBytes + count*markEntryBytes
	if count > markMaxFiles || len(b) < end+checksumBytes {
		return nil, fmt.Errorf("it names %d files, more than fit", count)
	}
	if have, want := crc32.Checksum(b[:end], castagnoli), le.Uint32(b[end:]); have != want {
		return nil, fmt.Errorf("checksum is %08x, stored is %08x", have, want)
	}
	m := &mark{serial: le.Uint64(rest[8:]), commit: le.Uint64(rest[32:]), clean: flags&markClean != 0}
	copy(m.identity[:], rest[16:])
	for at := markHeadBytes; at < end; at += markEntryBytes {
		m.files = append(m.files, markedFile{
			kind: fileKind(b[at]), number: le.Uint64(b[at+1:]), size: int64(le.Uint64(b[at+9:])),
		})
	}
	return m, nil
}

// readMark reads the newer of the slots of the mark in a Pebble directory. The
// error is os.ErrNotExist if there is no mark.
func readMark(fs vfs.FS, dir string) (*mark, error) {
	f, err := fs.Open(fs.PathJoin(dir, markFile))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, markSlots*markSlotBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var newest *mark
	var errs []error
	for i := range markSlots {
		m, err := decodeMark(b[min(i*markSlotBytes, len(b)):min((i+1)*markSlotBytes, len(b))])
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("slot %d: %w", i, err))
		case newest == nil || m.serial > newest.serial:
			newest = m
		}
	}
	if newest == nil {
		return nil, errors.Join(errs...)
	}
	return newest, nil
}

// createMark makes the file of a mark with both slots the same, whole or not at
// all.
func createMark(fs vfs.FS, dir string, m *mark) error {
	tmp := fs.PathJoin(dir, markFile+".tmp")
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	b := make([]byte, markSlots*markSlotBytes)
	for i := range markSlots {
		m.serial++
		copy(b[i*markSlotBytes:], m.encode())
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, fs.PathJoin(dir, markFile)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// cleanFiles lists the logs and manifests of a closed Pebble directory.
func cleanFiles(fs vfs.FS, dir string) ([]markedFile, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	var files []markedFile
	for _, name := range names {
		f, ok := parseMarked(name)
		if !ok {
			continue
		}
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if errors.Is(err, os.ErrNotExist) { // Pebble removed what it is done with
			continue
		}
		if err != nil {
			return nil, err
		}
		f.size = info.Size()
		files = append(files, f)
	}
	slices.SortFunc(files, markedFile.compare)
	return files, nil
}

// marker keeps the mark of an open database. The fence tells it what Pebble
// synced and removes. It is safe for concurrent use.
type marker struct {
	fs    vfs.FS
	dir   string
	fence *fence

	mu     sync.Mutex // guards the fields below
	file   vfs.File   // nil until open, and after close
	now    mark
	synced map[markedFile]int64 // by kind and number, with size 0
}

// openMarker takes up a mark. It says at once that the database is open, so
// that what Pebble changes from now on is not held against it.
func openMarker(fs vfs.FS, dir string, m *mark, f *fence) (*marker, error) {
	k := &marker{fs: fs, dir: dir, fence: f, now: *m, synced: map[markedFile]int64{}}
	for _, f := range m.files {
		k.synced[markedFile{kind: f.kind, number: f.number}] = f.size
	}
	var err error
	if k.file, err = fs.OpenReadWrite(fs.PathJoin(dir, markFile), vfs.WriteCategoryUnspecified); err != nil {
		return nil, err
	}
	k.now.clean = false
	if err := k.write(); err != nil {
		return nil, errors.Join(err, k.file.Close())
	}
	return k, nil
}

// write puts the mark into the older slot and syncs it. The caller holds mu.
func (k *marker) write() error {
	if k.file == nil {
		return nil
	}
	k.now.serial++
	k.now.files = k.now.files[:0]
	for f, size := range k.synced {
		f.size = size
		k.now.files = append(k.now.files, f)
	}
	slices.SortFunc(k.now.files, markedFile.compare)
	_, err := k.file.WriteAt(k.now.encode(), int64(k.now.serial%markSlots)*markSlotBytes)
	if err == nil {
		err = k.file.SyncData()
	}
	return err
}

// update changes the mark and writes it. A mark that cannot be written shuts
// the fence; behind a shut fence nothing is written.
func (k *marker) update(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	k.fence.write(markFile, k.write)
}

// acknowledge raises the mark to a commit.
func (k *marker) acknowledge(identity Identity, commit uint64) {
	k.update(func() { k.now.identity, k.now.commit = identity, commit })
}

// sync notes that a file is on disk up to a size. What a manifest says is acted
// on at once, by removing logs, and is therefore marked at once; a log is
// marked when its commit is acknowledged.
func (k *marker) sync(f markedFile, size int64) {
	k.mu.Lock()
	_, known := k.synced[f]
	if f.kind == logFile {
		k.synced[f] = size
	}
	k.mu.Unlock()
	if f.kind == logFile {
		return
	}
	if !known {
		// Pebble syncs the directory only later; until then, a power cut may
		// take the name of a new manifest away.
		k.fence.write(k.dir, func() error { return syncDir(k.fs, k.dir) })
	}
	k.update(func() { k.synced[f] = size })
}

// forget notes that Pebble removes a file, before it does.
func (k *marker) forget(f markedFile) {
	k.update(func() { delete(k.synced, f) })
}

// close writes the mark for the last time, after Pebble was closed. Both slots
// get it, so that neither stands for an earlier state.
func (k *marker) close(clean bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == nil {
		return nil
	}
	var err error
	if clean {
		var files []markedFile
		if files, err = cleanFiles(k.fs, k.dir); err == nil {
			clear(k.synced)
			for _, f := range files {
				k.synced[markedFile{kind: f.kind, number: f.number}] = f.size
			}
			k.now.clean = true
			if err = k.write(); err == nil {
				err = k.write()
			}
		}
	}
	err = errors.Join(err, k.file.Close())
	k.file = nil
	return err
}
