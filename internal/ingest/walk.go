package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"akin/internal/paper"
)

// Walk gives the files that paths stand for, each once, in the order of paths.
// A folder stands for all files below it, sorted by name, without hidden files
// and folders. Symbolic links to files are followed, below a folder those to
// folders are not: they may lead in circles. A path that is named itself may
// be hidden, a link, or a pipe; "-" is standard input. A path that does not exist is
// an error.
func Walk(paths []string) ([]string, error) {
	w := walk{seen: map[string]bool{}}
	for _, path := range paths {
		if path == standardInput {
			w.addOnce(path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, pathError(path, err)
		}
		if !info.IsDir() {
			w.add(path)
			continue
		}
		if err := w.folder(path); err != nil {
			return nil, err
		}
	}
	return w.files, nil
}

// Rereadable says that files, as Walk gives them, can be read more than once: none
// is standard input or a pipe.
func Rereadable(files []string) bool {
	return !slices.ContainsFunc(files, func(path string) bool {
		info, err := os.Stat(path)
		return path == standardInput || err == nil && !info.Mode().IsRegular()
	})
}

type walk struct {
	files []string
	seen  map[string]bool
}

func (w *walk) add(path string) {
	if path = filepath.Clean(path); path == standardInput {
		path = "." + string(filepath.Separator) + path // a file of this name
	}
	w.addOnce(path)
}

func (w *walk) addOnce(path string) {
	if !w.seen[path] {
		w.seen[path] = true
		w.files = append(w.files, path)
	}
}

func (w *walk) folder(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return pathError(dir, err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
		case entry.IsDir():
			if err := w.folder(path); err != nil {
				return err
			}
		default:
			info, err := os.Stat(path)
			if err != nil {
				return pathError(path, err)
			}
			if info.Mode().IsRegular() {
				w.add(path)
			}
		}
	}
	return nil
}

// pathError says what is wrong with a path.
func pathError(path string, err error) error {
	var e *paper.Error
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e = &paper.Error{
			Kind: paper.NotFound, ResourceType: "file", ResourceName: path,
			Message: fmt.Sprintf("%s: there is no such file or folder", path),
		}
	case errors.Is(err, fs.ErrPermission):
		e = &paper.Error{
			Kind:    paper.FailedPrecondition,
			Message: fmt.Sprintf("%s: may not be read; check its permissions", path),
		}
	default:
		return fmt.Errorf("look at %s: %w", path, err)
	}
	e.Cause = err
	return e
}
