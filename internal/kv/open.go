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
//
// A directory that takes no writes, because its disk is full or it is mounted
// read-only, is opened for reading; DB.Writable says so.
func Open(dir string, o Options) (*DB, error) {
	d, o, unlock, err := take(dir, o)
	if err != nil {
		return nil, err
	}
	db, err := open(d, o)
	if err != nil {
		return nil, errors.Join(err, unlock.Close())
	}
	db.unlock = unlock
	db.watch(o.CheckAfter)
	return db, nil
}

// take finds the directory and locks it.
func take(dir string, o Options) (d directory, _ Options, unlock io.Closer, err error) {
	if o, err = o.withDefaults(); err != nil {
		return d, o, nil, err
	}
	d = directory{fs: o.FS, path: dir}
	if o.FS == nil {
		d.fs = vfs.Default
		if d.path, err = filepath.Abs(dir); err != nil {
			return d, o, nil, fmt.Errorf("kv: data directory %q: %w", dir, err)
		}
	}
	// Looked at before the lock file is made, so that a directory of somebody
	// else's is not touched; and again behind the lock.
	if _, err := d.look(o.Create); err != nil {
		return d, o, nil, err
	}
	if err := d.create(); err != nil {
		return d, o, nil, err
	}
	unlock, err = d.lock(o.FS == nil)
	return d, o, unlock, err
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
	m, found, err := d.inspect(o, have)
	if err != nil {
		return nil, err
	}
	var db *DB
	if found == nil {
		if db, found, err = d.openWritable(o, have, m); refusesWrites(err) {
			o.Logger.Warn("kv: the data directory cannot be written; it is opened for reading only", "err", err)
			return d.openReadOnly(o, have, nil, unwritableError(err))
		}
	}
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return db, nil
	}
	loss := d.loss(o, have, found)
	if o.ReadOnlyOnDamage {
		o.Logger.Error("kv: the store is damaged; it is opened for reading only", "err", loss.err(d))
		db, err := d.openReadOnly(o, have, found, loss.err(d))
		if err == nil {
			db.damage = loss.err(d)
		}
		return db, err
	}
	return nil, loss.err(d)
}

// inspect reads the mark and looks whether what it names is there. A directory
// of format 1 has no mark; it gets an empty one.
func (d directory) inspect(o Options, have contents) (*mark, *fault, error) {
	m, err := readMark(d.fs, d.join(storeDir))
	switch {
	case err == nil && m.commit == 0:
		// A directory of format 1 whose upgrade was cut short.
		return m, nil, nil
	case err == nil:
		found, err := checkTail(d.fs, d.join(storeDir), m)
		return m, found, err
	case !errors.Is(err, os.ErrNotExist):
		return nil, &fault{file: storeDir + "/" + markFile, why: "cannot be read: " + firstLine(err)}, nil
	case !d.hasManifest():
		return nil, nil, d.lost()
	case have == older:
		return &mark{}, nil, nil
	case have == unmarked && d.versionOf(o) == 1:
		return &mark{}, nil, nil
	}
	return nil, &fault{file: storeDir + "/" + markFile, why: "is missing"}, nil
}

// hasManifest says that there is a Pebble database.
func (d directory) hasManifest() bool {
	desc, err := pebble.Peek(d.join(storeDir), d.fs)
	return err == nil && desc.Exists
}

// versionOf reads the version from the mark inside Pebble, of a directory that
// lost its FORMAT; 0 if it cannot be read.
func (d directory) versionOf(o Options) uint32 {
	db, err := pebble.Open(d.join(storeDir), readOnlyOptions(d, o, nil))
	if err != nil {
		return 0
	}
	var format storedFormat
	_, err = get(db, formatKey(), &format)
	if err := errors.Join(err, db.Close()); err != nil {
		return 0
	}
	return format.Version
}

func (d directory) newDB(o Options) *DB {
	return &DB{
		dir: d.path, fs: d.fs, log: o.Logger,
		fence:  newFence(o.Logger),
		writer: make(chan struct{}, 1),
		live:   map[*view]struct{}{},
	}
}

// openWritable opens Pebble for writing. A fault is one that only what Pebble
// recovered tells.
func (d directory) openWritable(o Options, have contents, m *mark) (_ *DB, found *fault, err error) {
	db := d.newDB(o)
	o.corrupt = db.cameUpon
	if m.serial == 0 {
		if err := createMark(d.fs, d.join(storeDir), m); err != nil {
			return nil, nil, fmt.Errorf("kv: write %s: %w", d.join(storeDir, markFile), err)
		}
	}
	if db.marker, err = openMarker(d.fs, d.join(storeDir), m, db.fence); err != nil {
		return nil, nil, fmt.Errorf("kv: write %s: %w", d.join(storeDir, markFile), err)
	}
	if db.pebble, err = pebble.Open(d.join(storeDir), pebbleOptions(d, o, db.fence, db.marker)); err != nil {
		if shut := db.fence.causeOf(nil); shut == nil && isOpenDamage(err) {
			found, err = openFault(err, m), nil
		}
		err = db.fence.causeOf(d.openError(err))
		return nil, found, errors.Join(err, db.marker.close(false))
	}
	history, err := d.load(db.pebble, have)
	if err == nil {
		if found = m.missing(history); found == nil {
			db.marker.acknowledge(history.identity, history.commit)
		}
	}
	db.fence.serve()
	// Asked after serve, so that what was dropped until then is known.
	if err = db.fence.causeOf(err); err != nil || found != nil {
		db.fence.release()
		return nil, found, errors.Join(err, db.pebble.Close(), db.marker.close(false))
	}
	db.publish(history)
	return db, nil, nil
}

// missing compares what was recovered with what was acknowledged.
func (m *mark) missing(h History) *fault {
	switch {
	case m.commit == 0: // nothing was
		return nil
	case m.identity != h.identity:
		return &fault{file: storeDir + "/" + markFile, why: fmt.Sprintf("belongs to store %.8s…, not to this one, %.8s…", m.identity, h.identity)}
	case m.commit > h.commit:
		return &fault{file: storeDir, why: "has files of an earlier time than the high-water mark", mark: m}
	}
	return nil
}

// openReadOnly opens what can be read and writes nothing. why is what writers
// are told.
func (d directory) openReadOnly(o Options, have contents, found *fault, why error) (*DB, error) {
	db := d.newDB(o)
	db.denied, o.corrupt = why, db.cameUpon
	var err error
	if db.pebble, err = pebble.Open(d.join(storeDir), readOnlyOptions(d, o, found)); err != nil {
		if found != nil {
			err = fmt.Errorf("%w; it cannot be opened for reading either: %w", why, err)
		} else {
			err = d.openError(err)
		}
		return nil, err
	}
	_, history, err := d.identify(db.pebble, have)
	if err != nil {
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
	po := pebbleOptions(d, o, f, nil)
	po.FS = fenceFS{FS: d.fs, fence: f, dir: tmp}
	po.ErrorIfNotExists, po.ErrorIfExists = false, true
	var history History
	db, err := pebble.Open(tmp, po)
	if err == nil {
		history, err = writeFirst(db, newHistory())
		err = errors.Join(err, db.Close())
	}
	if err = f.causeOf(err); err == nil {
		err = markClosed(d.fs, tmp, history)
	}
	if err != nil {
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

// markClosed makes the mark of a Pebble directory that is closed.
func markClosed(fs vfs.FS, dir string, h History) error {
	files, err := cleanFiles(fs, dir)
	if err != nil {
		return err
	}
	return createMark(fs, dir, &mark{identity: h.identity, commit: h.commit, clean: true, files: files})
}

// writeFirst writes the format mark and the first commit of a history.
func writeFirst(db *pebble.DB, h History) (History, error) {
	batch := db.NewBatch()
	after, err := extend(batch, h, true)
	if err := errors.Join(err, set(batch, formatKey(), storedFormat{Magic: formatMagic, Version: formatVersion})); err != nil {
		return h, err
	}
	return after, batch.Commit(pebble.Sync)
}

// identify checks whose database it is and reads its history, which is empty
// for one of format 1.
func (d directory) identify(r reader, have contents) (version uint32, history History, err error) {
	var format storedFormat
	found, err := get(r, formatKey(), &format)
	switch {
	case err != nil:
		return 0, history, err
	case !found && have != unmarked:
		return 0, history, damagedKey(formatKey(), errMissing)
	case !found, format.Magic != formatMagic:
		return 0, history, d.foreign()
	case format.Version > formatVersion:
		return 0, history, d.newer(uint64(format.Version))
	}
	history, err = loadHistory(r)
	if err == nil && format.Version == formatVersion && history.commit == 0 {
		err = damagedKey(commitKey(), errMissing)
	}
	return format.Version, history, err
}

// load is identify for writing: a database of format 1 gets a history, and a
// FORMAT file that is not there (yet) is put back.
func (d directory) load(db *pebble.DB, have contents) (history History, err error) {
	version, history, err := d.identify(db, have)
	if err == nil && version < formatVersion {
		history, err = writeFirst(db, newHistory())
	}
	if err == nil && have != marked {
		err = d.writeFormat()
	}
	return history, err
}

// readOnlyOptions are those to open Pebble with where nothing may be written.
func readOnlyOptions(d directory, o Options, found *fault) *pebble.Options {
	po := pebbleOptions(d, o, newFence(o.Logger), nil)
	fs := salvageFS{FS: d.fs}
	if found != nil {
		fs.log = found.log
	}
	po.FS, po.ReadOnly = fs, true
	// A table that is missing is found out when it is read.
	po.DisableConsistencyCheck = found != nil
	return po
}

func pebbleOptions(d directory, o Options, f *fence, k *marker) *pebble.Options {
	log := pebbleLog{log: o.Logger, fence: f}
	po := &pebble.Options{
		FS:               fenceFS{FS: d.fs, fence: f, dir: d.join(storeDir), marker: k},
		ErrorIfNotExists: true,
		// Pinned, so that a newer Pebble does not raise it unasked. This one
		// has checksums in the footers of tables, and logs whose torn end can
		// be told from damage.
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: 4,
		MaxOpenFiles:                o.files,
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
				o.corrupt(damagedTable(filepath.Base(info.Path), info.Details))
			},
		},
	}
	if o.FS != nil {
		// Looks for room for compactions when one ends or is wanted, and not ten times a
		// second beside: tests with a clock of their own go through months of it.
		po.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	}
	for i := range po.Levels {
		// Most ids of an import are new; the filter answers for them without
		// reading a table.
		po.Levels[i].FilterPolicy = filterPolicy()
	}
	return po
}

// directory is the path of a data directory on a file system.
type directory struct {
	fs   vfs.FS
	path string
}

func (d directory) join(names ...string) string {
	return d.fs.PathJoin(append([]string{d.path}, names...)...)
}

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
	derived, others := false, false
	for _, name := range names {
		switch {
		case name == indexesDir, name == snapshotsDir:
			derived = true
		case name == storeDir && d.looksLikePebble(name):
			// The FORMAT file is lost, or was about to be written.
			have = unmarked
		case name == storeTmpDir && d.looksLikePebble(name):
		case name == accessDir: // keys may be there before the first paper is
		case name == lockFile, name == formatTmpFile, name == lostDir, name == oldStoreDir, name == "lost+found": // the last: a mount point
		default: // of the program around the store, if that is akin's
			others = true
		}
	}
	switch {
	case have == nothing && derived, others && !d.hasMark():
		return nothing, d.foreign()
	case have == nothing && !create:
		return nothing, d.noData()
	}
	return have, nil
}

// hasMark says that a store of akin's is in the directory, whatever became of FORMAT.
func (d directory) hasMark() bool {
	_, err := d.fs.Stat(d.join(storeDir, markFile))
	return err == nil && d.looksLikePebble(storeDir)
}

// looksLikePebble keeps Pebble from making its files among somebody else's.
func (d directory) looksLikePebble(sub string) bool {
	names, err := d.fs.List(d.join(sub))
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		for _, prefix := range []string{"LOCK", "MANIFEST-", "OPTIONS-", "marker.", "temporary.", markFile} {
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
	case (magic != formatMagic || n < 2) && d.hasMark():
		return nothing, &paper.Error{
			Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
			Message: fmt.Sprintf("the file %s is damaged, and the store beside it may be whole: move the file away, and it is written anew from what the store says", d.join(formatFile)),
		}
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
	if err := d.writeFile(formatFile, []byte(formatLine(formatVersion))); err != nil {
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
	path := d.join(lockFile)
	l := flock.New(path)
	ok, err := l.TryLock()
	if refusesWrites(err) {
		// The file cannot be made, but perhaps it is there; and if it is not,
		// nobody who could write has the directory open.
		if _, statErr := d.fs.Stat(path); errors.Is(statErr, os.ErrNotExist) {
			return io.NopCloser(nil), nil
		}
		l = flock.New(path, flock.SetFlag(os.O_RDONLY))
		ok, err = l.TryLock()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("kv: lock %s: %w", path, err)
	case !ok:
		return nil, d.locked(nil)
	}
	return l, nil
}

// isOpenDamage says that pebble.Open failed for what the files hold: a table
// that is missing or has another size, or a file that makes no sense. Errors of
// the system have its number.
func isOpenDamage(err error) bool {
	var number syscall.Errno
	return pebble.IsCorruptionError(err) || errors.Is(err, os.ErrNotExist) ||
		!errors.Is(err, pebble.ErrDBDoesNotExist) && !errors.As(err, &number)
}

// openFault is the fault of such a failure. Pebble's words for a table are
// "L6: 000014: …".
func openFault(err error, m *mark) *fault {
	f := &fault{file: storeDir, why: "cannot be opened: " + firstLine(err), mark: m}
	var level, number int
	if n, _ := fmt.Sscanf(err.Error(), "L%d: %d:", &level, &number); n == 2 {
		f.file = fmt.Sprintf("%s/%06d.sst", storeDir, number)
		f.why = "is missing or has another length: " + firstLine(err)
	}
	return f
}

// openError classifies what pebble.Open returned.
func (d directory) openError(err error) error {
	switch {
	case err == nil:
		return nil
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
	message := fmt.Sprintf("the data directory %s has lost files of its %s subdirectory; restore a snapshot with akin snapshot restore, or remove what is left and import anew", d.path, storeDir)
	if _, err := d.fs.Stat(d.join(oldStoreDir)); err == nil {
		message = fmt.Sprintf("restoring a snapshot into the data directory %s was cut short; run it again, or rename its subdirectory %s to %s to have what was there before", d.path, oldStoreDir, storeDir)
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt,
		Message:  message,
		Metadata: map[string]string{"directory": d.path},
	}
}
