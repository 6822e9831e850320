package follow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"akin/internal/paper"
)

// Files reads the files that the configuration allows, by owner: those below some
// directories, and no others, whatever a path or a link says.
type Files map[string][]string

// read is a file as it was at one moment.
type content struct {
	bytes  []byte
	digest string
	// changed is when the file was last written, as its system says.
	changed time.Time
}

// allowed finds the directory that a path is below.
func (f Files) allowed(owner, path string) (dir, rest string, err error) {
	for _, dir := range f[owner] {
		rest, err := filepath.Rel(dir, path)
		if err == nil && filepath.IsLocal(rest) && rest != "." {
			return dir, rest, nil
		}
	}
	message := fmt.Sprintf("%q is in no directory that %q may follow files of", path, owner)
	if len(f[owner]) == 0 {
		message += ": the configuration names none; give it with --library-files"
	} else {
		message += "; those are " + strings.Join(f[owner], ", ")
	}
	return "", "", &paper.Error{Kind: paper.Denied, Reason: ReasonFileForbidden, Message: message}
}

// open opens a file. The path cannot lead out of its directory, not through links
// either, and what is not a file is not opened: that of a pipe would wait.
func (f Files) open(owner, path string) (*os.File, error) {
	dir, rest, err := f.allowed(owner, path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer root.Close() //nolint:errcheck // nothing was written
	info, err := root.Stat(rest)
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case !info.Mode().IsRegular():
		return nil, unreadable(path, errors.New("it is not a file"))
	case info.Size() > MaxFileBytes:
		return nil, unreadable(path, fmt.Errorf("it has %d bytes; the limit is %d", info.Size(), MaxFileBytes))
	}
	file, err := root.OpenFile(rest, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return file, nil
}

// read reads a file whole. steady says that it was not written meanwhile.
func (f Files) read(owner, path string) (c content, steady bool, err error) {
	file, err := f.open(owner, path)
	if err != nil {
		return c, false, err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil || !before.Mode().IsRegular() {
		return c, false, unreadable(path, errors.Join(err, errors.New("it is not a file any more")))
	}
	if c.bytes, err = io.ReadAll(io.LimitReader(file, MaxFileBytes+1)); err != nil {
		return c, false, unreadable(path, err)
	}
	if len(c.bytes) > MaxFileBytes {
		return c, false, unreadable(path, fmt.Errorf("it has more than %d bytes", MaxFileBytes))
	}
	after, err := file.Stat()
	if err != nil {
		return c, false, unreadable(path, err)
	}
	sum := sha256.Sum256(c.bytes)
	c.digest, c.changed = hex.EncodeToString(sum[:]), after.ModTime()
	return c, before.ModTime().Equal(after.ModTime()) && after.Size() == int64(len(c.bytes)), nil
}

// unreadable is the error of a file. Of what the system says, the path is left out that
// it may have made of links.
func unreadable(path string, cause error) error {
	var at *fs.PathError
	why := cause
	if errors.As(cause, &at) {
		why = at.Err
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonFile, Cause: cause,
		Message: fmt.Sprintf("the file %q cannot be read: %v; the library stays as it is until it can", path, why),
	}
}

func unfinished(path, why string) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonUnfinished,
		Message: fmt.Sprintf("the file %q %s; the library stays as it is until that changes", path, why),
	}
}

// Keys gives the keys of owners, from the files that the configuration names: they are
// read each time, so that a new one is taken at once.
type Keys map[string]string

// maxKey bounds a file with a key.
const maxKey = 4 << 10

// Of gives the key of an owner; "" if there is none.
func (k Keys) Of(owner string) (string, error) {
	path := k[owner]
	if path == "" {
		return "", nil
	}
	fail := func(why string) error {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonKey,
			Message: fmt.Sprintf("the key for Zotero of %q cannot be read from its file: %s; look at --zotero-key-file", owner, why),
		}
	}
	file, err := os.Open(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return "", fail(err.Error())
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKey))
	if err != nil {
		return "", fail("it cannot be read")
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fail("it is to have the key and nothing else")
	}
	return key, nil
}
