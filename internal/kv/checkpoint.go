package kv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

const (
	manifestName = "manifest.json"
	// maxManifest is the most bytes of a manifest.json that are read.
	maxManifest = 16 << 20
	// pendingSuffix is that of a directory that is not whole yet.
	pendingSuffix = ".pending"
	oldStoreDir   = "store.old"
	indexesDir    = "indexes" // derived; see package catalog
	snapshotsDir  = "snapshots"
	accessDir     = "access" // keys, of no store; see package access
)

// FormatVersion is the version of data directories that this program writes.
const FormatVersion = formatVersion

// CopiedFile is a file of a checkpoint.
type CopiedFile struct {
	// Name has a slash between folders and is below the checkpoint.
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Checkpoint copies the database, as of an acknowledged commit, into the new
// directory dst; reads and writes go on meanwhile. Files that do not change any
// more are linked where the file system can. read gets the state that was
// copied; manifest gets the files and returns what manifest.json is to say,
// whose fields must be those of a copy, see VerifyCheckpoint. dst is there
// whole or not at all.
func (db *DB) Checkpoint(ctx context.Context, dst string, read func(*Snapshot) error, manifest func([]CopiedFile) any) error {
	if err := db.inflight.enter(); err != nil {
		return err
	}
	defer db.inflight.leave()
	if err := db.Writable(); err != nil {
		return fmt.Errorf("a snapshot is made of a store that can be written: %w", err)
	}
	dst, err := absolute(db.fs, dst)
	if err != nil {
		return err
	}
	if _, err := db.fs.Stat(dst); !errors.Is(err, os.ErrNotExist) {
		return existing(dst, err)
	}
	pending := directory{fs: db.fs, path: dst + pendingSuffix}
	if err = db.checkpoint(ctx, pending, read, manifest); err == nil {
		err = db.fs.Rename(pending.path, dst)
	}
	if err == nil {
		err = syncDir(db.fs, db.fs.PathDir(dst))
	}
	if err != nil {
		return fmt.Errorf("copy the store to %s: %w", dst, errors.Join(err, db.fs.RemoveAll(pending.path)))
	}
	return nil
}

func (db *DB) checkpoint(ctx context.Context, d directory, read func(*Snapshot) error, manifest func([]CopiedFile) any) error {
	if err := d.fs.RemoveAll(d.path); err != nil {
		return err
	}
	if err := d.create(); err != nil {
		return err
	}
	if err := db.pebble.Checkpoint(d.join(storeDir)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o, err := Options{Logger: db.log, CacheBytes: 8 << 20, FS: d.fs}.withDefaults()
	if err != nil {
		return err
	}
	if err := d.settle(o, read); err != nil {
		return err
	}
	if err := d.writeFormat(); err != nil {
		return err
	}
	files, err := d.digests(ctx)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(manifest(files), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	return d.writeFile(manifestName, append(b, '\n'))
}

// settle opens what Pebble copied, whose logs were written to meanwhile, lets
// read look at it, and closes and marks it. So the copy is of one state, and is
// known to open.
func (d directory) settle(o Options, read func(*Snapshot) error) error {
	db := d.newDB(o)
	po := pebbleOptions(d, o, db.fence, nil)
	po.DisableAutomaticCompactions = true
	var err error
	if db.pebble, err = pebble.Open(d.join(storeDir), po); err != nil {
		return db.fence.causeOf(d.openError(err))
	}
	_, history, err := d.identify(db.pebble, marked)
	if err == nil {
		db.publish(history)
		err = read(db.Snapshot())
	}
	err = errors.Join(err, db.closePebble())
	if err = db.fence.causeOf(err); err != nil {
		return err
	}
	return markClosed(d.fs, d.join(storeDir), history)
}

// digests lists the files of a checkpoint, and sums them up.
func (d directory) digests(ctx context.Context) ([]CopiedFile, error) {
	names, err := d.fs.List(d.join(storeDir))
	if err != nil {
		return nil, err
	}
	files := []CopiedFile{{Name: formatFile}}
	for _, name := range names {
		if name != "LOCK" { // Pebble's, empty
			files = append(files, CopiedFile{Name: storeDir + "/" + name})
		}
	}
	slices.SortFunc(files, func(f, g CopiedFile) int { return strings.Compare(f.Name, g.Name) })
	for i := range files {
		if files[i].Size, files[i].SHA256, err = d.digest(ctx, files[i].Name, io.Discard); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// digest reads a file of the directory, copies it to w, and sums it up.
func (d directory) digest(ctx context.Context, name string, w io.Writer) (size int64, sum string, err error) {
	f, err := d.fs.Open(d.join(strings.Split(name, "/")...), vfs.SequentialReadsOption)
	if err != nil {
		return 0, "", err
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(h, w), ending{ctx: ctx, r: f})
	return size, hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// ending is a reader that ends with its context.
type ending struct {
	ctx context.Context //nolint:containedctx // io.Reader has no room for it
	r   io.Reader
}

func (e ending) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.r.Read(p)
}

// writeFile makes a small file of the directory, whole or not at all.
func (d directory) writeFile(name string, b []byte) error {
	tmp := d.join(name + ".tmp")
	f, err := d.fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := d.fs.Rename(tmp, d.join(name)); err != nil {
		return err
	}
	return syncDir(d.fs, d.path)
}

func absolute(fs FS, dir string) (string, error) {
	if fs != vfs.Default {
		return dir, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("directory %q: %w", dir, err)
	}
	return abs, nil
}

func existing(dir string, cause error) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
		Message: fmt.Sprintf("%s is there already; name a directory that is not", dir), Cause: cause,
	}
}
