package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/paper"
)

// lostDir is where AcceptLoss keeps the logs that it cuts or takes away.
const lostDir = "lost"

// AcceptLoss makes a directory that is refused as damaged usable again, where
// what is left of it is a state that there was: the damaged log is cut where it
// can no longer be read, logs behind it are taken away, and the mark is made
// anew, so that what is missing is not asked for again. The logs are kept as
// they were in the folder lost of the data directory, until somebody removes
// them. A new epoch begins. It is an error of kind FailedPrecondition if
// nothing is missing, and of DataLoss if the damage is such that nothing sound
// is left. It can be run again after it was cut short.
func AcceptLoss(dir string, o Options) (Loss, error) {
	o.Create, o.ReadOnlyOnDamage = false, false
	d, o, unlock, err := take(dir, o)
	if err != nil {
		return Loss{}, err
	}
	loss, err := d.acceptLoss(o)
	return loss, errors.Join(err, unlock.Close())
}

func (d directory) acceptLoss(o Options) (Loss, error) {
	have, err := d.look(false)
	if err != nil {
		return Loss{}, err
	}
	m, found, err := d.inspect(o, have)
	if err != nil {
		return Loss{}, err
	}
	if found == nil {
		var db *DB
		if db, found, err = d.openWritable(o, have, m); err != nil {
			return Loss{}, err
		}
		if found == nil {
			return Loss{}, errors.Join(&paper.Error{
				Kind: paper.FailedPrecondition, Reason: paper.ReasonUnsupported,
				Message: fmt.Sprintf("nothing is missing in %s: all that was acknowledged is there, so that there is no loss to accept", d.path),
			}, db.closePebble())
		}
	}
	loss := d.loss(o, have, found)
	if !loss.Readable || !found.acceptable() {
		return loss, fmt.Errorf("what is left cannot be trusted to be a state that there was: %w", loss.err(d))
	}
	if err := d.cut(found.log); err != nil {
		return loss, err
	}
	if err := createMark(d.fs, d.join(storeDir), &mark{}); err != nil {
		return loss, fmt.Errorf("kv: write %s: %w", d.join(storeDir, markFile), err)
	}
	db, found, err := d.openWritable(o, have, &mark{serial: markSlots})
	if err != nil {
		return loss, err
	}
	if found != nil {
		return loss, d.loss(o, have, found).err(d)
	}
	return loss, errors.Join(db.begin(), db.closePebble())
}

// acceptable says that a prefix of what was acknowledged is left: of damage to
// a log, and to the mark alone.
func (f *fault) acceptable() bool {
	return f.log.kind == logFile || f.file == storeDir+"/"+markFile
}

// begin begins an epoch with a commit of nothing else, but that another place (see
// Witness) has more than what is left here.
func (db *DB) begin() error {
	end, err := db.Begin(context.Background())
	if err != nil {
		return err
	}
	defer end()
	batch := db.NewBatch()
	if err := batch.RemoveNote(); err != nil {
		return err
	}
	snap, err := db.Commit(batch)
	if err != nil {
		return err
	}
	snap.Close()
	return nil
}

// cut keeps the beginning of a log and takes away those behind it, the last
// first: the damaged one is found again should this be cut short.
func (d directory) cut(log markedFile) error {
	if log.kind != logFile {
		return nil
	}
	names, err := d.fs.List(d.join(storeDir))
	if err != nil {
		return fmt.Errorf("kv: list %s: %w", d.join(storeDir), err)
	}
	if err := d.fs.MkdirAll(d.join(lostDir), 0o755); err != nil {
		return fmt.Errorf("kv: create %s: %w", d.join(lostDir), err)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		f, ok := parseMarked(name)
		if !ok || f.kind != logFile || f.number < log.number {
			continue
		}
		if err := d.setAside(name, f.number == log.number, log.size); err != nil {
			return fmt.Errorf("kv: set %s aside: %w", d.join(storeDir, name), err)
		}
	}
	return syncDir(d.fs, d.join(storeDir))
}

// setAside copies a log to the folder lost, and removes it or keeps its first
// bytes.
func (d directory) setAside(name string, keep bool, size int64) error {
	from, to := d.join(storeDir, name), d.join(lostDir, name)
	info, err := d.fs.Stat(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := d.fs.Stat(to); errors.Is(err, os.ErrNotExist) && !info.IsDir() {
		if err := copyFile(d.fs, from, to, info.Size()); err != nil {
			return err
		}
		if err := syncDir(d.fs, d.join(lostDir)); err != nil {
			return err
		}
	}
	if !keep {
		return d.fs.RemoveAll(from)
	}
	tmp := d.join(storeDir, "temporary."+name)
	if err := copyFile(d.fs, from, tmp, size); err != nil {
		return err
	}
	return d.fs.Rename(tmp, from)
}

// copyFile copies the first bytes of a file and syncs the copy.
func copyFile(fs vfs.FS, from, to string, size int64) error {
	r, err := fs.Open(from, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	w, err := fs.Create(to, vfs.WriteCategoryUnspecified)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	_, err = io.Copy(w, io.NewSectionReader(r, 0, size))
	return errors.Join(err, w.Sync(), w.Close(), r.Close())
}
