package access

import (
	"os"
	"syscall"
)

// stampOf tells what version of a file is at a path; zero for none.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	s := stamp{size: info.Size(), changed: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = int64(sys.Ino)
	}
	return s
}
