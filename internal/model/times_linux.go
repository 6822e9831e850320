package model

import "golang.org/x/sys/unix"

// times gives when a file's content and its inode last changed.
func times(s *unix.Stat_t) (modified, changed unix.Timespec) { return s.Mtim, s.Ctim }
