package kv

import (
	"fmt"
	"syscall"

	"akin/internal/paper"
)

const (
	// minFiles is how many files a process must be allowed to have open: the
	// least cache of tables that Pebble makes, its logs, the model, and some
	// connections. Below that, Pebble fails in the midst of opening.
	minFiles = 128
	// minPebbleFiles gives Pebble's cache of open tables its least size.
	minPebbleFiles = 74
	maxPebbleFiles = 1000
)

// fileLimit is how many files this process may have open. Go has raised the
// soft limit to the hard one when the program started.
func fileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxPebbleFiles * 2 // not known; most systems allow more
	}
	return limit.Cur
}

// pebbleFiles is how many files Pebble may have open when the process may have
// so many: half, so that the other half is left to connections.
func pebbleFiles(limit uint64) (int, error) {
	if limit < minFiles {
		return 0, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonFileLimit,
			Message: fmt.Sprintf("this process may have %d files open at once, and needs %d; raise the limit, for example with ulimit -n 1024, "+
				"or with LimitNOFILE=1024 in a systemd unit", limit, minFiles),
			Metadata: map[string]string{"limit": fmt.Sprint(limit), "needed": fmt.Sprint(minFiles)},
		}
	}
	return int(max(minPebbleFiles, min(maxPebbleFiles, limit/2))), nil
}
