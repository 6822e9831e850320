package kv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence stands between Pebble and the disk. Pebble has no way back from a
// write that fails in its log or manifest: it calls Logger.Fatalf, which is
// expected to end the process, or panics with its mutexes in disorder, and a
// commit whose Fatalf returned reports success; a flush that fails is tried
// again at once and for ever, also by Open. A server must not die of a full
// disk, nor hang, and must not take that success for one.
//
// So Pebble never learns of a failed write. The first one shuts the fence for
// good: from then on nothing that matters reaches the disk, and Pebble is told
// that all is well. The directory stays as a power cut at that instant would
// have left it, which is a state that the next opening recovers from; the database
// asks the fence after every commit, and after opening, and acknowledges
// nothing once it is shut.
//
// Writes to tables (the sorted files that flushes and compactions make) are
// different in that Pebble will read them back. While the database serves, they
// wait behind a shut fence until Close, so that readers keep the tables there
// are; during opening and closing, when nobody reads, they, too, are dropped.
//
// A fence is safe for concurrent use.
type fence struct {
	log  *slog.Logger
	shut chan struct{} // closed by the first failure

	mu    sync.Mutex // guards the fields below
	cause error      // of the first failure
	// drain is closed while table writes are dropped. It is made by serve and
	// closed by release.
	drain   chan struct{}
	serving bool
}

func newFence(log *slog.Logger) *fence {
	f := &fence{log: log, shut: make(chan struct{}), drain: make(chan struct{})}
	close(f.drain)
	return f
}

// serve makes table writes wait from now on, should the fence shut.
func (f *fence) serve() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drain = make(chan struct{})
	f.serving = true
}

// release lets table writes that wait be dropped; the database is closing.
func (f *fence) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving {
		f.serving = false
		close(f.drain)
	}
}

// fail shuts the fence. Only the first cause is kept.
func (f *fence) fail(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cause != nil {
		return
	}
	f.cause = cause
	close(f.shut)
	f.log.Error("kv: a write failed; the data directory is read-only until it is opened again", "err", cause)
}

// dropping says that writes to tables are dropped.
func (f *fence) dropping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause != nil && !f.serving
}

// err is the cause of the shutting, or nil.
func (f *fence) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause
}

// causeOf is err, unless the fence is shut: then it is a read-only error, even
// where err is nil, since Pebble may have been told of a success.
func (f *fence) causeOf(err error) error {
	if cause := f.err(); cause != nil {
		return readOnlyError(cause)
	}
	return err
}

// write runs a write to the named file. dropped says that it did not happen
// and that Pebble is to believe it did.
func (f *fence) write(name string, op func() error) (dropped bool) {
	select {
	case <-f.shut:
	default:
		err := op()
		if err == nil {
			return false
		}
		f.fail(fmt.Errorf("write %s: %w", name, err))
	}
	if isTable(name) {
		f.mu.Lock()
		drain := f.drain
		f.mu.Unlock()
		<-drain
	}
	return true
}

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// fenceFS is the file system that Pebble writes through. What only reads is
// inherited. What is outside of the directory, a checkpoint, is not fenced: its
// errors are Pebble's to return.
type fenceFS struct {
	vfs.FS
	fence *fence
	dir   string
	// marker hears of what is synced and removed; nil while a directory is made.
	marker *marker
}

func (fs fenceFS) outside(name string) bool {
	return name != fs.dir && fs.PathDir(name) != fs.dir && !fs.inArchive(name)
}

// tracked says which log or manifest a file is that the mark is to know of.
func (fs fenceFS) tracked(name string) (markedFile, bool) {
	f, ok := parseMarked(fs.PathBase(name))
	return f, ok && fs.marker != nil && fs.PathDir(name) == fs.dir
}

// file runs an operation that opens a file for writing.
func (fs fenceFS) file(name string, open func() (vfs.File, error)) (vfs.File, error) {
	var inner vfs.File
	dropped := fs.fence.write(name, func() (err error) {
		inner, err = open()
		return err
	})
	if dropped {
		inner = nowhere{vfs.NewMemFile(nil)}
	}
	file := &fenceFile{File: inner, fence: fs.fence, name: name}
	if f, ok := fs.tracked(name); ok {
		file.marker, file.marked = fs.marker, f
	}
	return file, nil
}

func (fs fenceFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.outside(name) {
		return fs.FS.Create(name, category)
	}
	return fs.file(name, func() (vfs.File, error) {
		if strings.HasPrefix(fs.PathBase(name), "marker.") {
			return fs.createMarker(name, category)
		}
		return fs.FS.Create(name, category)
	})
}

// createMarker makes a file whose name points to another, such as
// "marker.manifest.000002.MANIFEST-000006". Pebble creates the manifest and
// the marker, removes the old marker, and only then syncs the directory: a
// power cut in between may keep any of the three and lose the others, after
// which the database cannot be opened (the crash test found it). So what the
// marker points to is made to last before there is a marker, and the marker
// before the old one goes.
func (fs fenceFS) createMarker(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	dir := fs.PathDir(name)
	if err := syncDir(fs.FS, dir); err != nil {
		return nil, err
	}
	file, err := fs.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	if err := syncDir(fs.FS, dir); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (fs fenceFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if fs.outside(name) {
		return fs.FS.OpenReadWrite(name, category, opts...)
	}
	return fs.file(name, func() (vfs.File, error) { return fs.FS.OpenReadWrite(name, category, opts...) })
}

func (fs fenceFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(newname, func() (vfs.File, error) { return fs.FS.ReuseForWrite(oldname, newname, category) })
}

// OpenDir only reads, but a directory is opened to be synced.
func (fs fenceFS) OpenDir(name string) (vfs.File, error) {
	dir, err := fs.FS.OpenDir(name)
	if err != nil || fs.outside(name) {
		return dir, err
	}
	return &fenceFile{File: dir, fence: fs.fence, name: name}, nil
}

func (fs fenceFS) Link(oldname, newname string) error {
	if fs.outside(newname) {
		return fs.FS.Link(oldname, newname)
	}
	fs.fence.write(newname, func() error { return fs.FS.Link(oldname, newname) })
	return nil
}

// Rename renames, but removes what Pebble's archive cleaner wants to archive;
// see pebbleOptions.
func (fs fenceFS) Rename(oldname, newname string) error {
	if fs.inArchive(newname) {
		return fs.Remove(oldname)
	}
	if fs.outside(newname) {
		return fs.FS.Rename(oldname, newname)
	}
	fs.fence.write(newname, func() error { return fs.FS.Rename(oldname, newname) })
	return nil
}

// MkdirAll is for Open, which can return its error; the archive is never made.
func (fs fenceFS) MkdirAll(dir string, perm os.FileMode) error {
	if fs.PathBase(dir) == archiveDir {
		return nil
	}
	return fs.FS.MkdirAll(dir, perm)
}

// archiveDir is where Pebble's archive cleaner moves obsolete files.
const archiveDir = "archive"

func (fs fenceFS) inArchive(name string) bool {
	return fs.PathBase(fs.PathDir(name)) == archiveDir
}

// Remove fails harmlessly: what stays is removed by the next opening. Behind a
// shut fence, nothing is removed, since the manifest still counts on it.
func (fs fenceFS) Remove(name string) error {
	if fs.outside(name) {
		return fs.FS.Remove(name)
	}
	if f, ok := fs.tracked(name); ok {
		fs.marker.forget(f)
	}
	return fs.remove(func() error { return fs.FS.Remove(name) })
}

func (fs fenceFS) RemoveAll(name string) error {
	if fs.outside(name) {
		return fs.FS.RemoveAll(name)
	}
	return fs.remove(func() error { return fs.FS.RemoveAll(name) })
}

func (fs fenceFS) remove(op func() error) error {
	select {
	case <-fs.fence.shut:
		return nil
	default:
		return op()
	}
}

func (fs fenceFS) Unwrap() vfs.FS { return fs.FS }

// fenceFile is a file opened for writing, or a directory opened for syncing.
type fenceFile struct {
	vfs.File
	fence *fence
	name  string
	// marker is set for a file that the mark is to know of.
	marker  *marker
	marked  markedFile
	written int64 // by the one goroutine that writes
}

func (f *fenceFile) Write(p []byte) (int, error) {
	// A write is whole or an error, as io.Writer demands.
	f.fence.write(f.name, func() error { _, err := f.File.Write(p); return err })
	f.written += int64(len(p))
	return len(p), nil
}

func (f *fenceFile) WriteAt(p []byte, offset int64) (int, error) {
	// A write is whole or an error, as io.Writer demands.
	f.fence.write(f.name, func() error { _, err := f.File.WriteAt(p, offset); return err })
	return len(p), nil
}

func (f *fenceFile) Sync() error {
	return f.sync(f.File.Sync)
}

func (f *fenceFile) SyncData() error {
	return f.sync(f.File.SyncData)
}

func (f *fenceFile) sync(op func() error) error {
	if dropped := f.fence.write(f.name, op); !dropped && f.marker != nil {
		f.marker.sync(f.marked, f.written)
	}
	return nil
}

func (f *fenceFile) SyncTo(length int64) (full bool, err error) {
	dropped := f.fence.write(f.name, func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full && !dropped, nil
}

// Close always closes, so that no descriptor leaks.
func (f *fenceFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.fence.fail(fmt.Errorf("close %s: %w", f.name, err))
	}
	return nil
}

// nowhere is a file whose writes are dropped before they get to it: only its
// Stat and Close are used.
type nowhere struct{ vfs.File }

func (nowhere) Close() error { return nil }

// pebbleLog passes Pebble's messages on to a slog.Logger.
type pebbleLog struct {
	log   *slog.Logger
	fence *fence
}

func (l pebbleLog) Infof(format string, args ...any)  { l.at(slog.LevelDebug, format, args) }
func (l pebbleLog) Errorf(format string, args ...any) { l.at(slog.LevelWarn, format, args) }

// Fatalf is called where Pebble found its own state impossible. It is meant to
// end the process; instead, nothing more is written.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.fence.fail(fmt.Errorf("pebble: "+format, args...))
}

func (l pebbleLog) at(level slog.Level, format string, args []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "pebble: "+fmt.Sprintf(format, args...))
	}
}
