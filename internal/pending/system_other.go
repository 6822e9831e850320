//go:build !linux

package pending

import (
	"errors"
	"os"
)

// nameless is for systems that can make files without a name.
func nameless(string) *os.File { return nil }

// reserve is for systems that can allocate without writing.
func reserve(*os.File, int64) error { return errors.ErrUnsupported }
