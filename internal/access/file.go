package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/pending/alone"
)

// Names within the folder of keys.
const (
	keysFile   = "keys.json"
	keysLock   = "keys.lock"
	auditFile  = "audit.jsonl"
	keysFormat = "akin.keys.v1"
)

const (
	// maxKeysBytes is how large the file of keys may be.
	maxKeysBytes = 32 << 20
	// MaxKeys is how many keys may be good at once.
	MaxKeys = 10_000
	// keptRevoked is how many revoked keys are remembered, for akin key list.
	keptRevoked = 1_000
)

// Key is what is kept of a key: all but the secret.
type Key struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Owner       string    `json:"owner"`
	Scopes      Scope     `json:"scopes"`
	Collections []string  `json:"collections,omitempty"` // empty means all
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires,omitzero"` // zero is never
	Revoked     time.Time `json:"revoked,omitzero"` // zero is not
	Rotated     time.Time `json:"rotated,omitzero"` // zero is not
	Quota
	// Digest is SHA-256 of the token.
	Digest digest `json:"sha256"`
	// Previous is the token before the last rotation, for as long as it is still good.
	Previous *previous `json:"previous,omitempty"`
}

type previous struct {
	Digest  digest    `json:"sha256"`
	Expires time.Time `json:"expires"`
}

// Good says whether the key can be used at a time.
func (k *Key) Good(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// State is "good", "revoked" or "expired".
func (k *Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Good(now):
		return "expired"
	}
	return "good"
}

// content is the file as it is written.
type content struct {
	Format string `json:"format"`
	// SHA256 is of the list of keys, without white space.
	SHA256 string          `json:"sha256"`
	Keys   json.RawMessage `json:"keys"`
}

// File is the file of keys in a folder. Copies of one are one.
type File struct {
	dir string
	// turn is whose of this process it is to change the file: those wait in order, and
	// however long it takes, for other processes alone ten seconds are enough.
	turn *sync.Mutex
}

// In names the file of keys of a folder; neither need be there. Without a folder there
// are no keys.
func In(dir string) File { return File{dir, new(sync.Mutex)} }

// Path is where the file is.
func (f File) Path() string { return filepath.Join(f.dir, keysFile) }

// AuditPath is where actions are recorded, if nothing else is said.
func (f File) AuditPath() string { return filepath.Join(f.dir, auditFile) }

// stamp tells what version of the file is there.
func (f File) stamp() stamp {
	if f.dir == "" {
		return stamp{}
	}
	return stampOf(f.Path())
}

// stamp tells versions of a file apart without reading them; zero is no file.
type stamp struct {
	inode, size int64
	changed     time.Time
}

// read gives the keys, and whether there is a file.
func (f File) read() (keys []Key, there bool, err error) {
	if f.dir == "" {
		return nil, false, nil
	}
	file, err := os.Open(f.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, f.damaged(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, true, f.damaged(err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, true, f.damaged(fmt.Errorf("others may write it (mode %#o), and so make keys; look at what it holds, then: chmod 600 %s", info.Mode().Perm(), f.Path()))
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxKeysBytes+1))
	if err != nil {
		return nil, true, f.damaged(err)
	}
	if keys, err = decode(raw); err != nil {
		return nil, true, f.damaged(err)
	}
	return keys, true, nil
}

func (f File) damaged(cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("the file of keys %s cannot be used: %v; put a copy of it back, or remove it and make new keys", f.Path(), cause),
	}
}

// decode reads a file, and refuses what is not whole.
func decode(raw []byte) (keys []Key, err error) {
	if len(raw) > maxKeysBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxKeysBytes)
	}
	var c content
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("it is not whole: %w", err)
	}
	if c.Format != keysFormat {
		return nil, fmt.Errorf("its format is %.40q; this version reads %s", c.Format, keysFormat)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, c.Keys); err != nil {
		return nil, fmt.Errorf("it is not whole: %w", err)
	}
	if sum := sha256.Sum256(compact.Bytes()); hex.EncodeToString(sum[:]) != c.SHA256 {
		return nil, errors.New("its keys do not match its digest: it was changed by something else than akin key")
	}
	decoder := json.NewDecoder(&compact)
	decoder.DisallowUnknownFields() // what is not understood may restrict
	if err := decoder.Decode(&keys); err != nil {
		return nil, fmt.Errorf("its keys cannot be read: %w", err)
	}
	for i := range keys {
		if k := &keys[i]; len(k.ID) != idLength || k.Scopes == 0 || k.Digest == (digest{}) {
			return nil, fmt.Errorf("key %d has no id, scope or digest", i+1)
		}
	}
	return keys, nil
}

func encode(keys []Key) ([]byte, error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("write keys: %w", err)
	}
	sum := sha256.Sum256(list)
	raw, err := json.MarshalIndent(content{keysFormat, hex.EncodeToString(sum[:]), list}, "", "  ")
	return append(raw, '\n'), err
}

// change lets a function change the keys, alone of all processes.
func (f File) change(edit func(keys []Key) ([]Key, error)) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("folder of keys: %w", err)
	}
	f.turn.Lock()
	defer f.turn.Unlock()
	return alone.Do(filepath.Join(f.dir, keysLock), 0o600, func() error { return f.changeAlone(edit) })
}

func (f File) changeAlone(edit func(keys []Key) ([]Key, error)) error {
	keys, _, err := f.read()
	if err != nil {
		return err
	}
	if keys, err = edit(keys); err != nil {
		return err
	}
	raw, err := encode(keys)
	if err != nil {
		return err
	}
	if len(raw) > maxKeysBytes {
		return paper.Invalidf("the keys would take %d bytes; the limit is %d: revoke some", len(raw), maxKeysBytes)
	}
	if err := pending.WriteFile(f.Path(), raw, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", f.Path(), err)
	}
	return nil
}
