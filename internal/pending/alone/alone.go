// Package alone lets one process at a time change a file.
//
// # Duty
//
// What several commands and a server may change, such as the file of keys, is read, changed
// and written back under a lock of the system, which a process that dies lets go.
//
// # Concurrency
//
// Do may be called from several goroutines and processes.
package alone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/gofrs/flock"
)

const (
	// wait is how long [Do] waits for another process.
	wait = 10 * time.Second
	// again is how often it looks meanwhile.
	again = 50 * time.Millisecond
)

// ErrHeld is what [Do] fails with when another process does not let go.
var ErrHeld = errors.New("another process has held its lock for ten seconds")

// Do runs do while no other call with this lock file runs, in any process of this
// machine: what reads a file, changes it and writes it back. It waits for ten seconds, then
// its error wraps [ErrHeld]: a process that was halted must not halt others. The lock file
// is made with permissions perm if it is not there, and stays. The error is otherwise that
// of the lock file, or that of do.
func Do(lockFile string, perm fs.FileMode, do func() error) (err error) {
	lock := flock.New(lockFile, flock.SetPermissions(perm))
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	held, err := lock.TryLockContext(ctx, again)
	switch {
	case errors.Is(err, context.DeadlineExceeded), err == nil && !held:
		return errors.Join(fmt.Errorf("lock %s: %w", lockFile, ErrHeld), lock.Close())
	case err != nil:
		return fmt.Errorf("lock %s: %w", lockFile, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}
