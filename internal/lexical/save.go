package lexical

import (
	"bytes"
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

	"akin/internal/paper"
	"akin/internal/pending"
)

// manifestFile names the other files, and is written last.
const manifestFile = "manifest.lex"

// Save writes the index into a directory, with a stamp of at most 1,024 bytes that
// Open gives back: what the index was made from. What it means is the caller's
// affair.
// Segments that the directory has already are not written again. A crash leaves
// the state before or after. The caller sees to it that the directory is one
// process's, and that changes do not overtake the stamp; searches and changes go
// on while files are written.
func (x *Index) Save(dir string, stamp string) error {
	if len(stamp) > maxStampBytes {
		return paper.InvalidField("stamp", "has %d bytes; it may have %d", len(stamp), maxStampBytes)
	}
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
	files := make([]savedFile, 0, len(segments)+1)
	file, err := saveFile(dir, "terms-", terms)
	if err != nil {
		return err
	}
	files = append(files, file)
	for i := range segments {
		file := x.saved[segments[i].segment]
		if _, err := os.Stat(filepath.Join(dir, file.name)); file.name == "" || err != nil {
			if file, err = saveFile(dir, "segment-", segments[i].encode()); err != nil {
				return err
			}
		}
		files = append(files, file)
	}
	if err := pending.WriteFile(filepath.Join(dir, manifestFile), encodeManifest(stamp, files, segments), 0o644); err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	x.saved = map[*segment]savedFile{}
	for i, s := range segments {
		x.saved[s.segment] = files[i+1]
	}
	return removeOthers(dir, files)
}

// saveFile writes a file under a name made of its contents, unless it is there.
func saveFile(dir, prefix string, raw []byte) (savedFile, error) {
	digest := sha256.Sum256(raw)
	file := savedFile{name: prefix + hex.EncodeToString(digest[:8]) + ".lex", sum: checksumOf(raw)}
	path := filepath.Join(dir, file.name)
	if have, err := readFile(path); err == nil && bytes.Equal(have, raw) { // not only as long
		return file, nil
	}
	if err := pending.WriteFile(path, raw, 0o644); err != nil {
		return savedFile{}, fmt.Errorf("save the lexical index: %w", err)
	}
	return file, nil
}

// removeOthers removes files of the index that are not kept, and what a save that
// was cut short has left.
func removeOthers(dir string, keep []savedFile) error {
	if err := pending.SweepFolder(dir); err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("save the lexical index: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !ours(name) || slices.ContainsFunc(keep, func(f savedFile) bool { return f.name == name }) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("save the lexical index: %w", err)
		}
	}
	return nil
}

// ours says whether a file that is not the manifest is one of the index's.
func ours(name string) bool {
	return strings.HasSuffix(name, ".lex") && (strings.HasPrefix(name, "terms-") || strings.HasPrefix(name, "segment-"))
}

// encodeManifest gives the file that names the others, the terms first, and lists
// dead papers.
func encodeManifest(stamp string, files []savedFile, segments []sealed) []byte {
	raw := appendString(make([]byte, headLen), stamp)
	raw = appendString(raw, fingerprint())
	raw = files[0].append(raw)
	raw = binary.AppendUvarint(raw, uint64(len(segments)))
	for i, s := range segments {
		raw = files[i+1].append(raw)
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

func (f savedFile) append(raw []byte) []byte {
	return binary.LittleEndian.AppendUint32(appendString(raw, f.name), f.sum)
}
