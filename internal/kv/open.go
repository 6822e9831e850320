package kv

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/gofrs/flock"

	"akin/internal/paper"
)

// What is in a data directory.
const (
	formatFile    = "FORMAT"
	formatTmpFile = "FORMAT.tmp"
	lockFile      = "LOCK.akin"
	storeDir      = "store"
	storeTmpDir   = "store.tmp"

	formatMagic   = "akin-data"
	formatVersion = 2
)

// storedFormat is the mark inside Pebble, which says whose it is even if the
// FORMAT file is lost.
type storedFormat struct {
	Magic   string `cbor:"1,keyasint"`
	Version uint32 `cbor:"2,keyasint"`
}

// Open opens the data directory dir and takes it for this process. The errors
// have these kinds: FailedPrecondition with paper.ReasonDataLocked if another
// process has it; NotFound if there is no data and Options.Create is false;
// FailedPrecondition with ReasonForeignDirectory if it holds something else;
// Unsupported if a newer akin wrote it; DataLoss if it is damaged.
func Open(dir string, o Options) (*DB, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := directory{fs: o.FS, path: dir}
	if o.FS == nil {
		d.fs = vfs.Default
		if d.path, err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("kv: data directory %q: %w", dir, err)
		}
	}
	// Looked at before the lock file is made, so that a directory of somebody
	// else's is not touched; and again behind the lock.
	if _, err := d.look(o.Create); err != nil {
		return nil, err
	}
	if err := d.create(); err != nil {
		return nil, err
	}
	unlock, err := d.lock(o.FS == nil)
	if err != nil {
		return nil, err
	}
	db, err := open(d, o)
	if err != nil {
		return nil, errors.Join(err, unlock.Close())
	}
	db.unlock = unlock
	return db, nil
}

// open is Open behind the lock.
func open(d directory, o Options) (*DB, error) {
	have, err := d.look(o.Create)
	if err != nil {
		return nil, err
	}
	if have == nothing {
		if err := d.createStore(o); err != nil {
			return nil, err
		}
	}
	db := &DB{
		dir: d.path, log: o.Logger,
		fence:  newFence(o.Logger),
		writer: make(chan struct{}, 1),
		live:   map[*view]struct{}{},
	}
	if db.pebble, err = pebble.Open(d.join(storeDir), pebbleOptions(d, o, db.fence)); err != nil {
		return nil, db.fence.causeOf(d.openError(err))
	}
	history, err := d.load(db.pebble, have)
	db.fence.serve()
	// Asked after serve, so that what was dropped until then is known.
	if err = db.fence.causeOf(err); err != nil {
		db.fence.release()
		return nil, errors.Join(err, db.pebble.Close())
	}
	db.publish(history)
	return db, nil
}

// createStore makes the Pebble directory under another name, marks it, and
// renames it. What has the right name was thus made completely; what has the
// other name was cut short, and nothing in it was ever acknowledged.
func (d directory) createStore(o Options) error {
	tmp := d.join(storeTmpDir)
	if err := d.fs.RemoveAll(tmp); err != nil {
		return fmt.Errorf("kv: remove %s: %w", tmp, err)
	}
	f := newFence(o.Logger)
	po := pebbleOptions(d, o, f)
	po.ErrorIfNotExists, po.ErrorIfExists = false, true
	db, err := pebble.Open(tmp, po)
	if err == nil {
		_, err = writeFirst(db, newHistory())
		err = errors.Join(err, db.Close())
	}
	if err := f.causeOf(err); err != nil {
		return fmt.Errorf("kv: create %s: %w", tmp, err)
	}
	if err := d.fs.Rename(tmp, d.join(storeDir)); err != nil {
		return fmt.Errorf("kv: rename %s: %w", tmp, err)
	}
	if err := syncDir(d.fs, d.path); err != nil {
		return fmt.Errorf("kv: sync %s: %w", d.path, err)
	}
	return nil
}

// writeFirst writes the format mark and the first commit of a history.
func writeFirst(db *pebble.DB, h History) (History, error) {
	batch := db.NewBatch()
	after, err := record(batch, h, true)
	if err := errors.Join(err, set(batch, formatKey(), storedFormat{Magic: formatMagic, Version: formatVersion})); err != nil {
		return h, err
	}
	return after, batch.Commit(pebble.Sync)
}

// load checks whose database it is, reads what Open must know, and puts back a
// FORMAT file that is not there (yet). A database of format 1 gets a history.
func (d directory) load(db *pebble.DB, have contents) (history History, err error) {
	var format storedFormat
	found, err := get(db, formatKey(), &format)
	switch {
	case err != nil:
		return history, err
	case !found && have != unmarked:
		return history, damagedKey(formatKey(), errMissing)
	case !found, format.Magic != formatMagic:
		return history, d.foreign()
	case format.Version > formatVersion:
		return history, d.newer(uint64(format.Version))
	}
	if history, err = loadHistory(db); err != nil {
		return history, err
	}
	switch {
	case format.Version == formatVersion && history.commit == 0:
		return history, damagedKey(commitKey(), errMissing)
	case format.Version < formatVersion:
		if history, err = writeFirst(db, newHistory()); err != nil {
			return history, err
		}
	}
	if have != marked {
		err = d.writeFormat()
	}
	return history, err
}

func pebbleOptions(d directory, o Options, f *fence) *pebble.Options {
	log := pebbleLog{log: o.Logger, fence: f}
	po := &pebble.Options{
		FS:               fenceFS{FS: d.fs, fence: f},
		ErrorIfNotExists: true,
		// Pinned, so that a newer Pebble does not raise it unasked. This one
		// has checksums in the footers of tables, and logs whose torn end can
		// be told from damage.
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		Logger:                      log,
		// The archive cleaner is the one for which Pebble does not keep old
		// logs to write over, which would leave the text of deleted papers on
		// disk; fenceFS removes the files instead of archiving them.
		Cleaner: pebble.ArchiveCleaner{},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log.Errorf("background error: %v", err) },
			// The default ends the process; whoever reads the damaged place
			// gets the error in any case.
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				o.Logger.Error("kv: a file is damaged", "path", info.Path, "err", info.Details)
			},
		},
	}
	for i := range po.Levels {
		// Most ids of an import are new; the filter answers for them without
		// reading a table.
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return po
}

// directory is the path of a data directory on a file system.
type directory struct {
	fs   vfs.FS
	path string
}

func (d directory) join(name string) string { return d.fs.PathJoin(d.path, name) }

// contents is what a directory that is ours, or may become ours, holds.
type contents int

const (
	nothing  contents = iota // to be created
	unmarked                 // a store, but no FORMAT file
	older                    // a FORMAT file of an earlier version
	marked                   // a FORMAT file
)

// look says what the directory holds, or returns why it cannot be used. It
// writes nothing.
func (d directory) look(create bool) (contents, error) {
	names, err := d.fs.List(d.path)
	switch {
	case errors.Is(err, os.ErrNotExist) && create:
		return nothing, nil
	case errors.Is(err, os.ErrNotExist):
		return nothing, d.noData()
	case err != nil:
		return nothing, fmt.Errorf("kv: data directory %s: %w", d.path, err)
	case slices.Contains(names, formatFile):
		return d.readFormat()
	}
	have := nothing
	for _, name := range names {
		switch {
		case name == storeDir && d.looksLikePebble(name):
			// The FORMAT file is lost, or was about to be written.
			have = unmarked
		case name == storeTmpDir && d.looksLikePebble(name):
		case name == lockFile, name == formatTmpFile, name == "lost+found": // the last: a mount point
		default:
			return nothing, d.foreign()
		}
	}
	if have == nothing && !create {
		return nothing, d.noData()
	}
	return have, nil
}

// looksLikePebble keeps Pebble from making its files among somebody else's.
func (d directory) looksLikePebble(sub string) bool {
	names, err := d.fs.List(d.join(sub))
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		for _, prefix := range []string{"LOCK", "MANIFEST-", "OPTIONS-", "marker.", "temporary."} {
			if strings.HasPrefix(name, prefix) {
				return false
			}
		}
		for _, suffix := range []string{".log", ".sst", ".blob", ".dbtmp"} {
			if strings.HasSuffix(name, suffix) {
				return false
			}
		}
		return true
	})
}

// readFormat refuses a directory that this version cannot read. The file is
// one line: magic, version, and the CRC-32C of both in hex.
func (d directory) readFormat() (contents, error) {
	text, err := d.readSmall(formatFile)
	if err != nil {
		return nothing, err
	}
	var magic, sum string
	var version uint64
	n, _ := fmt.Sscanf(text, "%s %d %s", &magic, &version, &sum)
	switch {
	case magic != formatMagic || n < 2:
		return nothing, d.foreign()
	case version > formatVersion: // before the sum, which that version may compute otherwise
		return nothing, d.newer(version)
	case text != formatLine(version) || version == 0:
		return nothing, Damaged("file "+d.join(formatFile), nil, errors.New("checksum does not match"))
	case version < formatVersion:
		return older, nil
	}
	return marked, nil
}

func formatLine(version uint64) string {
	line := fmt.Sprintf("%s %d", formatMagic, version)
	return fmt.Sprintf("%s %08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// readSmall reads at most 4 kB of a file of the directory.
func (d directory) readSmall(name string) (string, error) {
	f, err := d.fs.Open(d.join(name))
	if err != nil {
		return "", fmt.Errorf("kv: open %s: %w", d.join(name), err)
	}
	b, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("kv: read %s: %w", d.join(name), err)
	}
	return string(b), nil
}

// writeFormat makes the FORMAT file, whole or not at all.
func (d directory) writeFormat() error {
	write := func() error {
		f, err := d.fs.Create(d.join(formatTmpFile), vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		_, err = f.Write([]byte(formatLine(formatVersion)))
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		if err := d.fs.Rename(d.join(formatTmpFile), d.join(formatFile)); err != nil {
			return err
		}
		return syncDir(d.fs, d.path)
	}
	if err := write(); err != nil {
		return fmt.Errorf("kv: write %s: %w", d.join(formatFile), err)
	}
	return nil
}

// create makes the directory and syncs those that it is the first entry of, so
// that a power cut does not take it away again. Pebble does so for its own.
func (d directory) create() error {
	var parents []string
	for p := d.path; ; {
		_, err := d.fs.Stat(p)
		if err == nil {
			break
		}
		parent := d.fs.PathDir(p)
		if !errors.Is(err, os.ErrNotExist) || parent == p {
			break // MkdirAll says why
		}
		parents = append(parents, parent)
		p = parent
	}
	if len(parents) == 0 {
		return nil
	}
	if err := d.fs.MkdirAll(d.path, 0o755); err != nil {
		return fmt.Errorf("kv: create data directory %s: %w", d.path, err)
	}
	for _, parent := range parents {
		if err := syncDir(d.fs, parent); err != nil {
			return fmt.Errorf("kv: create data directory %s: %w", d.path, err)
		}
	}
	return nil
}

func syncDir(fs vfs.FS, path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// lock takes the directory for this process. flock(2) belongs to the open file
// rather than to the process, unlike the fcntl locks that Pebble takes, so that
// it also keeps out a second Open in the same process.
func (d directory) lock(onDisk bool) (io.Closer, error) {
	if !onDisk { // a file system of tests; Pebble's own lock will do
		return io.NopCloser(nil), nil
	}
	l := flock.New(d.join(lockFile))
	switch ok, err := l.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("kv: lock %s: %w; the data directory must be writable", d.join(lockFile), err)
	case !ok:
		return nil, d.locked(nil)
	}
	return l, nil
}

// openError classifies what pebble.Open returned.
func (d directory) openError(err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return d.locked(err)
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return d.lost()
	}
	return pebbleError("open "+d.join(storeDir), err)
}

func (d directory) locked(cause error) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: paper.ReasonDataLocked,
		Message:  fmt.Sprintf("another akin has the data directory %s open; stop it, or talk to it with --server instead of --data", d.path),
		Metadata: map[string]string{"directory": d.path},
		Cause:    cause,
	}
}

func (d directory) noData() error {
	return &paper.Error{
		Kind: paper.NotFound, Reason: ReasonNoData,
		ResourceType: "data directory", ResourceName: d.path,
		Message: fmt.Sprintf("there is no akin data in %s; check the path, or import papers to create it", d.path),
	}
}

func (d directory) foreign() error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonForeignDirectory,
		Message:  fmt.Sprintf("%s holds something that is not akin's; give an empty or a new directory", d.path),
		Metadata: map[string]string{"directory": d.path},
	}
}

func (d directory) newer(version uint64) error {
	return &paper.Error{
		Kind: paper.Unsupported, Reason: paper.ReasonUnsupported,
		Message:  fmt.Sprintf("the data directory %s has format %d, this akin knows formats up to %d; use a newer akin", d.path, version, formatVersion),
		Metadata: map[string]string{"directory": d.path, "format": fmt.Sprint(version), "known": fmt.Sprint(formatVersion)},
	}
}

// lost: the directory had data once, but the database has no manifest now.
func (d directory) lost() error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  fmt.Sprintf("the data directory %s has lost files of its %s subdirectory; restore a snapshot, or remove what is left and import anew", d.path, storeDir),
		Metadata: map[string]string{"directory": d.path},
	}
}
