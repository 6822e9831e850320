package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"akin/internal/paper"
)

// A file is not to blame for what the machine lacks.
func TestReasonsOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		why  error
		want bool
	}{
		{&paper.Error{Kind: paper.DataLoss, Cause: fmt.Errorf("it cannot be mapped: %w", syscall.ENOMEM)}, true},
		{errors.Join(&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, errors.New("close")), true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, true},
		{&paper.Error{Kind: paper.DataLoss, Cause: errors.New("its checksum is wrong")}, false},
		{os.ErrNotExist, false},
		{syscall.EIO, false}, // the disk's
	} {
		if got := ofTheMachine(c.why); got != c.want {
			t.Errorf("%v: %v", c.why, got)
		}
	}
}
