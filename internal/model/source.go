package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"akin/internal/pending"
)

// Where the files of a model can come from, beside a folder.
const (
	// FromRegistry unpacks the pinned package of the manifest with Python's pip.
	FromRegistry = "registry"
	// FromHub asks the hub that publishes the model (Manifest.Source) for each file,
	// in the form of its addresses: SOURCE/resolve/main/FILE.
	FromHub = "hub"
)

const (
	// headerTimeout is how long the hub may take to begin with a file, and stallTimeout
	// how long a file may bring nothing.
	headerTimeout = 30 * time.Second
	stallTimeout  = time.Minute
	// mostSaid is how much of an answer that is no file is shown.
	mostSaid = 200
)

// fromHub fetches the files of a model that are missing or damaged from its hub. A file
// takes its name once it has its pinned digest. Redirects are followed, as hubs keep
// large files elsewhere, but never from https to http.
func (f Fetcher) fromHub(ctx context.Context, m *Manifest, dir string) (fetched bool, err error) {
	base, err := url.Parse(m.Source)
	if err != nil {
		return false, fmt.Errorf("manifest %s: source: %w", m.Name, err)
	}
	if f.Hub != "" {
		hub, err := url.Parse(f.Hub)
		if err != nil || hub.Host == "" || hub.Scheme != "http" && hub.Scheme != "https" {
			return false, fmt.Errorf("the hub %q is no address; write one as https://HOST", f.Hub)
		}
		base = hub.JoinPath(base.Path)
	}
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ResponseHeaderTimeout: headerTimeout},
		CheckRedirect: redirectSafely,
	}
	defer client.CloseIdleConnections()
	return f.each(m, dir, func(file File) error {
		at := base.JoinPath("resolve", "main", file.Name).String()
		return fetchFile(ctx, client, at, dir, file)
	})
}

func redirectSafely(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("more than 10 redirects")
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("it redirects from https to %s", req.URL.Scheme)
	}
	return nil
}

// each brings every file that is not as pinned.
func (f Fetcher) each(m *Manifest, dir string, bring func(File) error) (fetched bool, err error) {
	if len(m.Files) == 0 {
		return false, fmt.Errorf("the manifest of %s pins no files", m.Name)
	}
	for _, file := range m.Files {
		switch err := file.Verify(dir); {
		case err == nil:
			continue
		case !errors.Is(err, os.ErrNotExist):
			f.logf("%v", err)
		}
		f.logf("fetching %s of %s", file.Name, m.Name)
		if err := bring(file); err != nil {
			return fetched, fmt.Errorf("fetch %s of %s: %w", file.Name, m.Name, err)
		}
		fetched = true
	}
	return fetched, nil
}

func fetchFile(ctx context.Context, client *http.Client, at, dir string, file File) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w; `akin setup --from DIR` takes the files from a folder", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, mostSaid))
		return fmt.Errorf("%s answers %s: %q", at, resp.Status, said)
	}
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("nothing came for %s", stallTimeout)) })
	defer stalled.Stop()
	err = file.take(dir, &alive{from: resp.Body, timer: stalled})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// alive puts off a timer whenever something comes.
type alive struct {
	from  io.Reader
	timer *time.Timer
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
	a.timer.Reset(stallTimeout)
	return n, err
}

// take writes a pinned file: under its name only when it has its digest.
func (f File) take(dir string, from io.Reader) error {
	if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
		return fmt.Errorf("the name %q leaves the directory", f.Name)
	}
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dst, err := pending.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer dst.Abandon() //nolint:errcheck // after the replacement there is nothing to clean up
	// One byte more than there should be is enough to see that it is another file.
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(from, f.Size+1))
	sum := hex.EncodeToString(h.Sum(nil))
	switch {
	case err != nil:
		return err
	case size > f.Size:
		return fmt.Errorf("it has more than the %d bytes that it should have", f.Size)
	case size < f.Size:
		return fmt.Errorf("it has %d bytes and should have %d", size, f.Size)
	case sum != f.SHA256:
		return fmt.Errorf("its SHA-256 is %s and should be %s", sum, f.SHA256)
	}
	return dst.Commit()
}

// CheckFrom says what is wrong with where files come from, if that is a folder.
func (f Fetcher) CheckFrom() error {
	if f.From == "" || f.From == FromRegistry || f.From == FromHub {
		return nil
	}
	info, err := os.Stat(f.From)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("files are to come from %q, which is neither %s nor %s, nor a folder that is there", f.From, FromRegistry, FromHub)
	case err != nil:
		return fmt.Errorf("files are to come from %q: %w", f.From, err)
	case !info.IsDir():
		return fmt.Errorf("files are to come from %q, which is no folder; name the folder that it is in", f.From)
	}
	return nil
}

// fromFolder copies the files of a model that are missing or damaged: from a folder
// that holds them, or their packages, or the home of another akin.
func (f Fetcher) fromFolder(m *Manifest, from, dir string) (fetched bool, err error) {
	return f.each(m, dir, func(file File) error {
		return f.bring(file, dir, m.Packages, filepath.Join(from, "models", m.DirName()), from)
	})
}

// Library copies the library of ONNX Runtime into dir, if it is not there as pinned,
// from a folder that holds it or its package, or the home of another akin.
func (f Fetcher) Library(file File, pkg Package, dir string) (fetched bool, err error) {
	if file.Verify(dir) == nil {
		return false, nil
	}
	f.logf("copying %s", file.Name)
	if err := f.bring(file, dir, []Package{pkg}, filepath.Join(f.From, "lib"), f.From); err != nil {
		return false, fmt.Errorf("copy %s: %w", file.Name, err)
	}
	return true, nil
}

// bring copies a file from the first of some folders that has it as pinned, or else
// unpacks it from that of its packages that lies in the folder where files come from,
// under whatever name.
func (f Fetcher) bring(file File, dir string, packages []Package, folders ...string) error {
	paths := make([]string, len(folders))
	for i, folder := range folders {
		paths[i] = filepath.Join(folder, filepath.FromSlash(file.Name))
	}
	err := copyFirst(file, dir, paths)
	if err == nil || copyFirst(file, dir, f.unpacked(file, packages)) == nil {
		return nil
	}
	var named []string
	for _, pkg := range packages {
		for _, member := range pkg.Files {
			if member.Name != file.Name {
				continue
			}
			archive, ok := archiveIn(f.From, pkg.SHA256)
			if ok {
				f.logf("from %s", archive)
				return unpack(archive, dir, []PackageFile{member}, []File{file})
			}
			named = append(named, pkg.Name+" "+pkg.Version)
		}
	}
	if len(named) == 0 {
		return fmt.Errorf("%w; put the file there", err)
	}
	return fmt.Errorf("%w; put the file there, or the package that has it: %s", err, strings.Join(named, ", "))
}

// unpacked are other places of a file in the folder where files come from: beside the
// others, and where its packages have it.
func (f Fetcher) unpacked(file File, packages []Package) []string {
	paths := []string{filepath.Join(f.From, path.Base(file.Name))}
	for _, pkg := range packages {
		for _, member := range pkg.Files {
			if member.Name == file.Name {
				paths = append(paths, filepath.Join(f.From, filepath.FromSlash(member.Path)))
			}
		}
	}
	return paths
}

// mostArchives is how many packages of a folder are looked at.
const mostArchives = 256

// archiveIn finds the package of a digest in a folder: what pip or Maven downloaded.
func archiveIn(folder, sha256 string) (path string, ok bool) {
	for _, pattern := range []string{"*.jar", "*.whl"} {
		paths, err := filepath.Glob(filepath.Join(escaped(folder), pattern))
		if err != nil {
			continue
		}
		for _, at := range paths[:min(len(paths), mostArchives)] {
			if sum, err := Digest(at); err == nil && sum == sha256 {
				return at, true
			}
		}
	}
	return "", false
}

// escaped takes their meaning from the signs of filepath.Glob.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// Matrix makes sure that the plugin's files are beside ONNX Runtime's library, as
// pinned: from where models come from, or, where that is the hub, from the registry.
func (f Fetcher) Matrix(ctx context.Context, m *Matrix, libraries string) (fetched bool, err error) {
	dir := filepath.Join(libraries, m.Folder)
	if f.From == "" || f.From == FromRegistry || f.From == FromHub {
		return f.Ensure(ctx, dir, m.Package, m.Files)
	}
	for _, file := range m.Files {
		if file.Verify(dir) == nil {
			continue
		}
		f.logf("copying %s", file.Name)
		if err := f.bring(file, dir, []Package{m.Package}, filepath.Join(f.From, "lib", m.Folder), filepath.Join(f.From, m.Folder), f.From); err != nil {
			return fetched, fmt.Errorf("copy %s: %w", file.Name, err)
		}
		fetched = true
	}
	return fetched, nil
}

// copyFirst copies a file from the first of some paths that has it as pinned.
func copyFirst(file File, dir string, paths []string) (err error) {
	for _, path := range paths {
		src, openErr := openRegular(path)
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		copyErr := file.take(dir, src)
		src.Close()
		if copyErr == nil {
			return nil
		}
		err = errors.Join(err, fmt.Errorf("%s: %w", path, copyErr))
	}
	return err
}
