// Package pending writes files that are whole or absent.
//
// # Duty
//
// A file is written under a name of its own beside the one it will have, synced,
// and renamed when it is whole, so that a reader, a crash or a full disk never
// meets half of it. What a killed process left under such a name is recognised
// and removed by the next one: by [Create] and [Sweep] for one file, by
// [SweepFolder] for all of a folder.
//
// Nothing else is removed. A pending file is recognised by its whole name
// (".NAME.akin-" + 16 hex digits + ".pending") and by its lock: its writer holds
// one until the file has its final name, and the system lets it go when the
// writer dies, however it dies. A file whose lock is held, or cannot be asked
// for, stays.
//
// # Concurrency
//
// A File belongs to one goroutine at a time. The functions may be called from
// several, and from several processes.
//
// # Caveats
//
// A file that cannot be locked, as on some network file systems, is written all
// the same, but nobody removes what a crash leaves of it.
package pending

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

const (
	marker = ".akin-"
	suffix = ".pending"
	// randomBytes makes names differ.
	randomBytes = 8
	// attempts bounds how often a file is made anew because another process
	// removed it before it was locked.
	attempts = 100
)

// pattern is the name of a pending file; the first group is the final name.
var pattern = regexp.MustCompile(`^\.(.+)\.akin-[0-9a-f]{16}\.pending$`)

// File is a file that has not got its name yet. Either Commit or Abandon ends
// it.
type File struct {
	*os.File
	path string
	done bool
}

// Create begins a file that will be path, with the permissions of mode before
// the umask. What a killed process left of the same file is removed first.
func Create(path string, mode fs.FileMode) (*File, error) {
	if err := Sweep(path); err != nil {
		return nil, err
	}
	for range attempts {
		f, err := create(path, mode)
		if err != nil || f != nil {
			return f, err
		}
	}
	return nil, fmt.Errorf("make a temporary file for %s: another process removes it each time", path)
}

// create makes and locks a file; it is nil if another process took it for one
// that was left before it was locked.
func create(path string, mode fs.FileMode) (*File, error) {
	var random [randomBytes]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("name a temporary file: %w", err)
	}
	dir, base := filepath.Split(path)
	name := dir + "." + base + marker + hex.EncodeToString(random[:]) + suffix
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if _, err := lock(f); errors.Is(err, unix.EWOULDBLOCK) {
		return nil, f.Close() // another process is about to remove it
	} // any other failure: see the caveats
	made, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if there, err := os.Lstat(name); err != nil || !os.SameFile(made, there) {
		return nil, f.Close()
	}
	return &File{File: f, path: path}, nil
}

// Path is the name that the file will have.
func (f *File) Path() string { return f.path }

// Commit syncs the file and gives it its name, in place of any file that has
// it, and makes that survive a power cut. If it fails, what had the name before
// still has it, and nothing else is left.
func (f *File) Commit() error {
	if f.done {
		return fs.ErrClosed
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Abandon())
	}
	// The lock goes with the file, so the name comes before closing.
	if err := os.Rename(f.Name(), f.path); err != nil {
		return errors.Join(err, f.Abandon())
	}
	f.done = true
	return errors.Join(f.Close(), SyncFolder(filepath.Dir(f.path)))
}

// Abandon removes the file. After Commit, or again, it does nothing.
func (f *File) Abandon() error {
	if f.done {
		return nil
	}
	f.done = true
	err := os.Remove(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// WriteFile writes a whole file, or nothing.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	f, err := Create(path, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Abandon())
	}
	return f.Commit()
}

// Sweep removes what killed processes left of one file.
func Sweep(path string) error {
	base := filepath.Base(path)
	return sweep(filepath.Dir(path), func(final string) bool { return final == base })
}

// SweepFolder removes what killed processes left of any file of a folder, which
// need not be there.
func SweepFolder(dir string) error { return sweep(dir, func(string) bool { return true }) }

func sweep(dir string, want func(final string) bool) error {
	// Only names: a folder of anybody's may hold very many files.
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // whoever creates a file there will be told
	}
	if err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("look for unfinished files: %w", err)
	}
	var errs []error
	for _, name := range names {
		if m := pattern.FindStringSubmatch(name); m != nil && want(m[1]) {
			errs = append(errs, removeDead(filepath.Join(dir, name)))
		}
	}
	return errors.Join(errs...)
}

// removeDead removes a pending file whose writer is gone.
func removeDead(path string) error {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil // it is gone, or is none of ours
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil // somebody else's
	}
	defer f.Close()
	if held, err := lock(f); !held || err != nil {
		return nil // its writer lives, or nobody can tell
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an interrupted run left: %w", err)
	}
	return nil
}

// Scratch makes a file that has no name, in a folder or, if that is "", in the
// system's for temporary files: it is gone when it is closed, or when the
// process ends.
func Scratch(dir string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if f := nameless(dir); f != nil {
		return f, nil
	}
	f, err := os.CreateTemp(dir, ".akin-scratch-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Allocate gives an empty file a size and the room on its disk for all of it, so
// that writing into it, also through a mapping, finds the disk full now or never.
func Allocate(f *os.File, size int64) error {
	err := reserve(f, size)
	if err == nil || IsFull(err) {
		return err
	}
	// The file system cannot reserve: write it.
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return f.Sync() // some file systems only then know whether there is room
}

// IsFull says that an error is that of a disk, or of a quota, without room.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// lock takes the file's lock if nobody holds it.
func lock(f *os.File) (held bool, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
	if err := errors.Join(err, failed); err != nil {
		return false, err
	}
	return true, nil
}

// SyncFolder makes the names in a folder survive a power cut.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}
