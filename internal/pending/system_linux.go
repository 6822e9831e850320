package pending

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// nameless makes a file that never has a name, which a kill could leave, where
// the file system can; otherwise it is nil.
func nameless(dir string) *os.File {
	fd, err := unix.Open(dir, unix.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir, "scratch file"))
}

// reserve allocates room; it fails where the file system cannot.
func reserve(f *os.File, size int64) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for { // tmpfs gives up on a signal, such as those of Go's scheduler
			if failed = unix.Fallocate(int(fd), 0, 0, size); !errors.Is(failed, unix.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, failed)
}
