package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"akin/internal/ingest"
	"akin/internal/paper"
)

const (
	// settle is how long a file must have been as it is to be whole.
	settle = 10 * time.Second
	// mostFiles is how many files of a folder are looked at.
	mostFiles = 100_000
	// batchRows is how many rows of a file are imported before the next are read.
	batchRows = 2_048
)

// folderDriver imports files that are put into a folder: one file a step.
type folderDriver struct{}

func (folderDriver) begin(*job) {}

// step imports the files that are new and whole, with a checkpoint behind each.
func (d folderDriver) step(ctx context.Context, j *job) (done bool, err error) {
	files, err := d.list(j)
	if err != nil {
		return false, err
	}
	for _, f := range files {
		todo, err := d.todo(ctx, j, f)
		if err != nil {
			return false, err
		}
		if todo == "" {
			continue
		}
		if err := d.take(ctx, j, f, todo); err != nil {
			return false, err
		}
		if err := j.save(ctx); err != nil {
			return false, err
		}
	}
	if len(files) == 0 {
		j.state.Run.Quiet = "the folder has no files that are whole"
	}
	d.forget(j, files)
	return true, nil
}

// idle says that there is nothing to import, which is not worth a run.
func (d folderDriver) idle(ctx context.Context, j *job) (bool, error) {
	files, err := d.list(j)
	if err != nil {
		return false, err
	}
	for _, f := range files {
		if todo, err := d.todo(ctx, j, f); err != nil || todo != "" {
			return false, err
		}
	}
	return true, nil
}

// found is a file that is whole.
type found struct {
	path string // below the folder
	size int64
	time time.Time
}

// list gives the files that are whole, in order of their names. What is written to, has
// the name of something unfinished, or is no file, is left alone.
func (folderDriver) list(j *job) (files []found, err error) {
	root := j.config.Path
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entryName(entry)
		switch {
		case err != nil && path == root:
			return err
		case err != nil: // a folder that cannot be read, or is gone by now
			j.note("%s cannot be read: %v", path, err)
			return nil
		case path != root && unfinished(name):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		case len(files) == mostFiles:
			return filepath.SkipAll
		}
		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // it is gone by now
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files = append(files, found{below, info.Size(), info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, lasting(err, "the folder %s cannot be read: %v", root, systemError(err))
	}
	if len(files) == mostFiles {
		j.note("the folder has more than %d files; the others are not looked at", mostFiles)
	}
	return j.r.settled(files, j.m.now()), nil
}

func entryName(entry fs.DirEntry) string {
	if entry == nil {
		return ""
	}
	return entry.Name()
}

func systemError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// unfinished says that a name is of something that is being written, or hidden.
func unfinished(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasSuffix(name, "~") {
		return true
	}
	written := []string{".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", ".pending"}
	return slices.Contains(written, strings.ToLower(filepath.Ext(name)))
}

// look is how a file was when it was first seen so.
type look struct {
	size  int64
	time  time.Time
	since time.Time
}

// settled gives the files that have been as they are for a while: by what was seen, or
// by the time of their last change.
func (r *runner) settled(files []found, now time.Time) (whole []found) {
	seen := make(map[string]look, len(files))
	for _, f := range files {
		l, ok := r.looks[f.path]
		if !ok || l.size != f.size || !l.time.Equal(f.time) || l.since.After(now) {
			l = look{f.size, f.time, now}
		}
		seen[f.path] = l
		age := now.Sub(f.time)
		if now.Sub(l.since) >= settle || age >= settle {
			whole = append(whole, f)
		}
	}
	r.looks = seen
	return whole
}

// todo gives the digest of a file whose content was not imported yet; "" if there is
// nothing to do.
func (d folderDriver) todo(ctx context.Context, j *job, f found) (digest string, err error) {
	var before File
	known, err := j.m.get(ctx, KeptFile, j.config.Name, f.path, &before)
	if err != nil || known && before.Size == f.size && before.Time.Equal(f.time) {
		return "", err
	}
	digest, err = digestFile(ctx, filepath.Join(j.config.Path, f.path))
	if err != nil {
		if ctx.Err() == nil { // it is gone, or not for us: the next look sees
			j.note("%s cannot be read: %v", f.path, systemError(err))
			return "", nil
		}
		return "", err
	}
	if f.size == 0 {
		return "", nil // nothing is in it yet
	}
	imported, err := j.m.get(ctx, KeptImported, j.config.Name, digest, new(Imported))
	if err != nil || !imported {
		return digest, err
	}
	d.done(j, f, digest)
	return "", j.save(ctx)
}

// done notes that a file needs not be looked at again until it changes.
func (folderDriver) done(j *job, f found, digest string) {
	j.also = append(j.also, func(b Writer) error {
		return b.Put(KeptFile, j.config.Name, f.path, File{Size: f.size, Time: f.time.UTC(), Digest: digest})
	})
}

func digestFile(ctx context.Context, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		n, err := file.Read(buf)
		h.Write(buf[:n])
		switch {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(h.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
	}
}

// take imports a file. What is wrong with it is kept, and it is done with all the same:
// the others come next.
func (d folderDriver) take(ctx context.Context, j *job, f found, digest string) error {
	path := filepath.Join(j.config.Path, f.path)
	before := j.state.Run.Counts
	got := &delivery{place: path}
	for row, err := range ingest.Papers(ctx, []string{path}, ingest.Options{Format: j.config.Format}) {
		var bad *ingest.RejectedError
		switch {
		case errors.As(err, &bad):
			got.add(row, bad)
		case paper.Canceled(err):
			return err
		case err != nil:
			r := ingest.Rejection(err)
			r.File = path
			got.bad = append(got.bad, r)
		default:
			got.add(row, nil)
		}
		if len(got.rows)+len(got.bad) >= batchRows {
			if err := j.deliver(ctx, got); err != nil {
				return err
			}
			got = &delivery{place: path}
		}
	}
	if err := j.deliver(ctx, got); err != nil {
		return err
	}
	after := j.state.Run.Counts
	counts := Counts{
		New: after.New - before.New, Changed: after.Changed - before.Changed, Known: after.Known - before.Known,
		Removed: after.Removed - before.Removed, Refused: after.Refused - before.Refused,
	}
	if again, err := os.Stat(path); err != nil || again.Size() != f.size || !again.ModTime().Equal(f.time) {
		j.note("%s changed while it was read, and is read again", f.path)
		return nil
	}
	d.done(j, f, digest)
	j.also = append(j.also, func(b Writer) error {
		return b.Put(KeptImported, j.config.Name, digest, Imported{Path: f.path, Time: j.m.now().UTC(), Counts: counts})
	})
	return nil
}

// forget lets go of files that are gone.
func (folderDriver) forget(j *job, files []found) {
	there := make(map[string]bool, len(files))
	for path := range j.r.looks {
		there[path] = true
	}
	for _, f := range files {
		there[f.path] = true
	}
	j.also = append(j.also, func(b Writer) error {
		var gone []string
		err := b.Each(KeptFile, j.config.Name, func(path string, _ func(any) error) error {
			if !there[path] {
				gone = append(gone, path)
			}
			return nil
		})
		for _, path := range gone {
			err = errors.Join(err, b.Remove(KeptFile, j.config.Name, path))
		}
		if err != nil {
			return fmt.Errorf("forget files that are gone: %w", err)
		}
		return nil
	})
}
