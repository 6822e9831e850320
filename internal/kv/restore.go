package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// copied is what this package reads of a manifest.json.
type copied struct {
	Format int          `json:"format"`
	Files  []CopiedFile `json:"files"`
}

// VerifyCheckpoint reads a checkpoint, compares every file with its digest, and
// returns what its manifest.json says: at least {"format": version of the data
// directory, "files": [CopiedFile]}. A difference is an error of kind DataLoss
// that names the file. fs is nil for that of the operating system.
func VerifyCheckpoint(ctx context.Context, dir string, fs FS) (manifest []byte, err error) {
	d, err := checkpointDir(dir, fs)
	if err != nil {
		return nil, err
	}
	manifest, c, err := d.manifest()
	if err != nil {
		return nil, err
	}
	for _, f := range c.Files {
		if err := d.checkCopied(ctx, f, io.Discard); err != nil {
			return nil, err
		}
	}
	return manifest, nil
}

func checkpointDir(dir string, fs FS) (d directory, err error) {
	if fs == nil {
		fs = vfs.Default
	}
	dir, err = absolute(fs, dir)
	return directory{fs: fs, path: dir}, err
}

// manifest reads and checks the manifest of a checkpoint.
func (d directory) manifest() (b []byte, c copied, err error) {
	at := d.join(manifestName)
	if err := d.regular(manifestName); errors.Is(err, os.ErrNotExist) {
		return nil, c, &paper.Error{
			Kind: paper.NotFound, Reason: ReasonNoData, ResourceType: "snapshot", ResourceName: d.path,
			Message: fmt.Sprintf("there is no snapshot in %s: it has no %s", d.path, manifestName),
		}
	} else if err != nil {
		return nil, c, err
	}
	f, err := d.fs.Open(at)
	if err != nil {
		return nil, c, fmt.Errorf("open %s: %w", at, err)
	}
	b, err = io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, c, fmt.Errorf("read %s: %w", at, err)
	}
	if err := json.Unmarshal(b, &c); err != nil || len(b) > maxManifest || len(c.Files) == 0 {
		return nil, c, d.harmedCopy(manifestName, "is not that of a snapshot", err)
	}
	if c.Format > formatVersion {
		return nil, c, d.newer(uint64(c.Format))
	}
	seen := map[string]bool{}
	for _, f := range c.Files {
		folder, name := path.Split(f.Name)
		if folder != "" && folder != storeDir+"/" || path.Clean(f.Name) != f.Name || name == ".." || name == "." ||
			strings.ContainsAny(name, "\\\x00") || seen[f.Name] || f.Size < 0 {
			return nil, c, d.harmedCopy(manifestName, fmt.Sprintf("names a file %q, which no snapshot has", f.Name), nil)
		}
		seen[f.Name] = true
	}
	if !seen[formatFile] || !seen[storeDir+"/"+markFile] {
		return nil, c, d.harmedCopy(manifestName, "does not name all files that a snapshot has", nil)
	}
	return b, c, nil
}

// regular is an error unless the name is that of a regular file. A link is not
// followed: it would lead out of the checkpoint.
func (d directory) regular(name string) error {
	at := d.join(strings.Split(name, "/")...)
	var info os.FileInfo
	var err error
	if d.fs == vfs.Default {
		info, err = os.Lstat(at)
	} else {
		info, err = d.fs.Stat(at)
	}
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return d.harmedCopy(name, "is not a regular file", nil)
	}
	return nil
}

// checkCopied compares a file with what the manifest says, and copies it to w.
func (d directory) checkCopied(ctx context.Context, f CopiedFile, w io.Writer) error {
	err := d.regular(f.Name)
	if errors.Is(err, os.ErrNotExist) {
		return d.harmedCopy(f.Name, "is missing", nil)
	}
	if err != nil {
		return err
	}
	size, sum, err := d.digest(ctx, f.Name, w)
	switch {
	case err != nil:
		return fmt.Errorf("copy %s: %w", d.join(f.Name), err)
	case size != f.Size:
		return d.harmedCopy(f.Name, fmt.Sprintf("has %d bytes; the manifest says %d", size, f.Size), nil)
	case sum != f.SHA256:
		return d.harmedCopy(f.Name, fmt.Sprintf("has the SHA-256 %s; the manifest says %s", sum, f.SHA256), nil)
	}
	return nil
}

func (d directory) harmedCopy(name, why string, cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  fmt.Sprintf("the snapshot %s is damaged: the file %s %s; use another snapshot", d.path, name, why),
		Metadata: map[string]string{"directory": d.path, "file": name},
		Cause:    cause,
	}
}

// Restore copies a checkpoint into a data directory, verifying each file, and
// returns its manifest. The directory must hold nothing, or with replace only
// what is akin's: that goes once the copy is whole and in place, with what was
// derived from it. Nobody may have the directory open. If it is cut short
// before that, what was there is still there, under its own name or, for an
// instant, as store.old.
func Restore(ctx context.Context, checkpoint, dataDir string, replace bool, fs FS) (manifest []byte, err error) {
	from, err := checkpointDir(checkpoint, fs)
	if err != nil {
		return nil, err
	}
	manifest, c, err := from.manifest()
	if err != nil {
		return nil, err
	}
	d, _, unlock, err := take(dataDir, Options{Create: true, FS: fs})
	if err != nil && replace && d.fs != nil {
		// What cannot be read can be replaced all the same, unless it is
		// somebody else's or in use.
		d, unlock, err = d.takeDamaged(err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock.Close()) }()
	if err := d.vacant(replace); err != nil {
		return nil, err
	}
	if err := d.copyFrom(ctx, from, c); err != nil {
		return nil, fmt.Errorf("restore %s into %s: %w", from.path, d.path, err)
	}
	if err := d.exchange(); err != nil {
		return nil, fmt.Errorf("restore %s into %s: %w", from.path, d.path, err)
	}
	return manifest, nil
}

// takeDamaged locks a directory whose FORMAT is damaged or newer.
func (d directory) takeDamaged(cause error) (directory, io.Closer, error) {
	if kind := paper.KindOf(cause); kind != paper.DataLoss && kind != paper.Unsupported {
		return d, nil, cause
	}
	unlock, err := d.lock(d.fs == vfs.Default)
	return d, unlock, err
}

// vacant is an error if there is a store, unless it may be replaced.
func (d directory) vacant(replace bool) error {
	names, err := d.fs.List(d.path)
	if err != nil {
		return fmt.Errorf("kv: list %s: %w", d.path, err)
	}
	for _, name := range names {
		if !replace && (name == storeDir || name == formatFile || name == oldStoreDir) {
			return &paper.Error{
				Kind: paper.FailedPrecondition, Reason: ReasonNotEmpty,
				Message:  fmt.Sprintf("the data directory %s has a store already; restore into a new directory, or say that it is to be replaced", d.path),
				Metadata: map[string]string{"directory": d.path},
			}
		}
	}
	return nil
}

// copyFrom copies the files of a checkpoint to store.tmp. Copies, not links: a
// store must not share files with what is to outlive it.
func (d directory) copyFrom(ctx context.Context, from directory, c copied) error {
	tmp := d.join(storeTmpDir)
	if err := errors.Join(d.fs.RemoveAll(tmp), d.fs.MkdirAll(tmp, 0o755)); err != nil {
		return err
	}
	for _, f := range c.Files {
		folder, name := path.Split(f.Name)
		if folder == "" {
			if err := from.checkCopied(ctx, f, io.Discard); err != nil {
				return err
			}
			continue // FORMAT, which exchange writes
		}
		w, err := d.fs.Create(d.join(storeTmpDir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		err = from.checkCopied(ctx, f, w)
		if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
			return errors.Join(err, d.fs.RemoveAll(tmp))
		}
	}
	return syncDir(d.fs, tmp)
}

// exchange puts store.tmp in the place of what is there.
func (d directory) exchange() error {
	if _, err := d.fs.Stat(d.join(storeDir)); err == nil {
		if err := errors.Join(d.fs.RemoveAll(d.join(oldStoreDir)), d.fs.Rename(d.join(storeDir), d.join(oldStoreDir))); err != nil {
			return err
		}
	}
	if err := errors.Join(d.fs.Rename(d.join(storeTmpDir), d.join(storeDir)), syncDir(d.fs, d.path), d.writeFormat()); err != nil {
		return err
	}
	return errors.Join(d.fs.RemoveAll(d.join(oldStoreDir)), d.fs.RemoveAll(d.join(indexesDir)))
}
