package lexical

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"akin/internal/pending"
)

// manifestFile names the other files, and is written last.
const manifestFile = "manifest.lex"

// Save writes the index into a directory, with a stamp that Open gives back,
// such as the sequence number of the last change that the index contains.
// Segments that the directory has already are not written again. A crash leaves
// the state before or after. The caller sees to it that the directory is one
// process's, and that changes do not overtake the stamp; searches and changes go
// on while files are written.
func (x *Index) Save(dir string, stamp uint64) error {
	x.saving.Lock()
	defer x.saving.Unlock()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	if err := pending.SweepFolder(dir); err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	x.write.Lock()
	x.seal()
	terms := x.lexicon.encode()
	x.mu.RLock()
	segments := slices.Clone(x.segments)
	x.mu.RUnlock()
	x.write.Unlock()
	names := make([]string, 0, len(segments)+1)
	name, err := saveFile(dir, "terms-", terms)
	if err != nil {
		return err
	}
	names = append(names, name)
	for i := range segments {
		name := x.saved[segments[i].segment]
		if _, err := os.Stat(filepath.Join(dir, name)); name == "" || err != nil {
			if name, err = saveFile(dir, "segment-", segments[i].encode()); err != nil {
				return err
			}
		}
		names = append(names, name)
	}
	if err := pending.WriteFile(filepath.Join(dir, manifestFile), encodeManifest(stamp, names, segments), 0o644); err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	x.saved = map[*segment]string{}
	for i, s := range segments {
		x.saved[s.segment] = names[i+1]
	}
	return removeOthers(dir, names)
}

// saveFile writes a file under a name made of its contents, unless it is there.
func saveFile(dir, prefix string, raw []byte) (string, error) {
	digest := sha256.Sum256(raw)
	name := prefix + hex.EncodeToString(digest[:8]) + ".lex"
	if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Size() == int64(len(raw)) {
		return name, nil
	}
	if err := pending.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
		return "", fmt.Errorf("save the lexical index: %w", err)
	}
	return name, nil
}

// removeOthers removes files of the index that the manifest does not name.
func removeOthers(dir string, names []string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.lex"))
	if err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	for _, path := range files {
		base := filepath.Base(path)
		ours := strings.HasPrefix(base, "terms-") || strings.HasPrefix(base, "segment-")
		if ours && !slices.Contains(names, base) {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("save the lexical index: %w", err)
			}
		}
	}
	return nil
}

// encodeManifest gives the file that names the others and lists dead papers.
func encodeManifest(stamp uint64, names []string, segments []sealed) []byte {
	raw := binary.LittleEndian.AppendUint64(make([]byte, headLen), stamp)
	raw = appendString(raw, fingerprint())
	raw = appendString(raw, names[0])
	raw = binary.AppendUvarint(raw, uint64(len(segments)))
	for i, s := range segments {
		raw = appendString(raw, names[i+1])
		raw = binary.AppendUvarint(raw, uint64(s.dead.n))
		next := uint32(0)
		for local := range uint32(s.len()) {
			if s.dead.has(local) {
				raw = binary.AppendUvarint(raw, uint64(local-next))
				next = local + 1
			}
		}
	}
	return frame(kindManifest, raw)
}
