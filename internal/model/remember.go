package model

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"akin/internal/pending"
)

// Digester gives the SHA-256 of a file, in lower-case hex.
type Digester func(path string) (string, error)

// memoryFile remembers, beside the files of a model, what they were found to be.
const memoryFile = ".verified.json"

// settled is how long a file must have been left alone before it is remembered:
// a change within the clock's grain of the file system would not show.
const settled = 5 * time.Second

// seen is a file as it was when it was hashed.
type seen struct {
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"mtime_ns"`
	Changed  int64  `json:"ctime_ns"`
}

// remembered is a file's line in the memory.
type remembered struct {
	seen
	SHA256 string `json:"sha256"`
}

// RememberedDigest is [Digest] for a file that was hashed before and has not
// been touched since: the same device, inode, size, and times of content and of
// inode, the last of which no program can set. Any difference hashes the file
// again. Whoever can write into the file's folder can make it believe otherwise,
// as they could replace the files' verifier; `akin model verify` hashes always.
func RememberedDigest(path string) (string, error) {
	before, err := look(path)
	if err != nil {
		return "", err
	}
	memory, all := filepath.Join(filepath.Dir(path), memoryFile), make(map[string]remembered)
	if raw, err := os.ReadFile(memory); err == nil && json.Unmarshal(raw, &all) != nil {
		all = make(map[string]remembered)
	}
	name := filepath.Base(path)
	if m, ok := all[name]; ok && m.seen == before && len(m.SHA256) == 64 {
		return m.SHA256, nil
	}
	begin := time.Now()
	sum, err := Digest(path)
	if err != nil {
		return "", err
	}
	after, err := look(path)
	if err != nil {
		return "", err
	}
	if after != before || begin.Sub(time.Unix(0, max(before.Modified, before.Changed))) < settled {
		return sum, nil // it may be changing
	}
	all[name] = remembered{seen: before, SHA256: sum}
	// A folder that cannot be written to only costs time.
	_ = writeMemory(filepath.Dir(path), all)
	return sum, nil
}

func writeMemory(dir string, all map[string]remembered) error {
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("remember digests: %w", err)
	}
	return pending.WriteFile(filepath.Join(dir, memoryFile), append(raw, '\n'), 0o644)
}

// look takes down what would show a change of a file.
func look(path string) (seen, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return seen{}, fmt.Errorf("look at %s: %w", path, err)
	}
	modified, changed := times(&s)
	device := uint64(s.Dev) //nolint:unconvert,nolintlint // its type differs between systems
	return seen{Device: device, Inode: s.Ino, Size: s.Size, Modified: modified.Nano(), Changed: changed.Nano()}, nil
}
