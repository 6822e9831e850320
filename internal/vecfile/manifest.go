package vecfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"akin/internal/paper"
	whole "akin/internal/pending"
)

// ManifestFile is the name of the manifest beside the vectors.
const ManifestFile = "manifest.json"

// manifestFormat is what Manifest.Format must say.
const manifestFormat = "akin.embeddings.v2"

// SpaceKey is the key of a Parquet file's metadata under which the space's
// fingerprint stands, and DimensionKey that of the vectors' dimension.
const (
	SpaceKey     = "akin.space_fingerprint"
	DimensionKey = "akin.dimension"
)

// Input is a file that was read.
type Input struct {
	// Name is the file's name without its folder, SHA256 that of its bytes,
	// empty for a pipe.
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Manifest says what vectors are made of. It is written after all other files:
// with it, they are whole.
type Manifest struct {
	Format  string `json:"format"`
	Program string `json:"program"`
	// Space is the embedding space, as the API describes it.
	Space       json.RawMessage `json:"space"`
	Fingerprint string          `json:"space_fingerprint"`
	Dimension   int             `json:"dimension"`
	// Shard is which part of the input this is, such as "1/4"; empty for all.
	Shard  string  `json:"shard,omitempty"`
	Inputs []Input `json:"inputs"`
	// InputSHA256 digests id and text of every row, in order.
	InputSHA256 string `json:"input_sha256"`
	Rows        int    `json:"rows"`
	Truncated   int    `json:"truncated"`
	Deleted     int    `json:"deleted,omitempty"`
	Quarantined int    `json:"quarantined"`
	// Unread are values of rows that could not be read and were left out.
	Unread int `json:"unread,omitempty"`
	// Files are the SHA-256 of what was written, by name.
	Files map[string]string `json:"files_sha256"`
}

// Wrote notes the files that a set committed.
func (m *Manifest) Wrote(files []Committed) {
	m.Files = make(map[string]string, len(files))
	for _, f := range files {
		m.Files[f.Name] = f.SHA256
	}
}

// Write writes the manifest into a directory, unless it is there already.
func (m *Manifest) Write(dir string) error {
	m.Format = manifestFormat
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	raw = append(raw, '\n')
	path := filepath.Join(dir, ManifestFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(raw) {
		return nil
	}
	if err := whole.WriteFile(path, raw, 0o644); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

// ReadManifest reads the manifest of a directory.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestFile)
	raw, err := readSmall(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: err,
			Message: fmt.Sprintf("%s is not a directory that `akin embed` has finished writing: it has no %s", dir, ManifestFile),
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(raw, m); err != nil || m.Format != manifestFormat || m.Dimension < 1 {
		return nil, &paper.Error{
			Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: err,
			Message: fmt.Sprintf("%s is not a manifest of format %s (it says %q); embed the papers with this program", path, manifestFormat, m.Format),
		}
	}
	return m, nil
}

// maxManifest is the most that a manifest may have in bytes.
const maxManifest = 64 << 20

func readSmall(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(raw) > maxManifest {
		err = fmt.Errorf("%s has more than %d bytes", path, maxManifest)
	}
	return raw, err
}
