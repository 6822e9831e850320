package seal

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/pending/alone"
)

const (
	// FileName is what the secret file is called where nobody says otherwise.
	FileName   = "secrets.json"
	fileFormat = "akin.secrets.v1"
	lockSuffix = ".lock"
	// maxSecrets bounds how many secrets a file has.
	maxSecrets = 64
	maxBytes   = 64 << 10
	// secretBytes is how long a secret is.
	secretBytes = 32
)

// secret is one of a file.
type secret struct {
	id    [idBytes]byte
	value [secretBytes]byte
}

// content is the file as it is written, the newest secret last.
type content struct {
	Format  string   `json:"format"`
	Secrets []stored `json:"secrets"`
}

type stored struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Secret  string    `json:"secret"`
}

// Open reads a secret file, which is made if it is not there. A file that others than
// its owner may read, or that is damaged, is refused and left as it is.
func Open(path string) (*Seal, error) {
	s := &Seal{path: path, now: time.Now, ring: new(atomic.Pointer[[]secret])}
	err := s.Reload()
	if errors.Is(err, fs.ErrNotExist) {
		if err = change(path, func(all []stored) ([]stored, error) {
			if len(all) > 0 { // another process made it meanwhile
				return all, nil
			}
			return append(all, newSecret(time.Now())), nil
		}); err == nil {
			err = s.Reload()
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpenExisting is Open of a file that is not made: what it says of one that is not there
// wraps fs.ErrNotExist.
func OpenExisting(path string) (*Seal, error) {
	s := &Seal{path: path, now: time.Now, ring: new(atomic.Pointer[[]secret])}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the file again. If that fails, the secrets stay what they were.
func (s *Seal) Reload() error {
	all, err := read(s.path)
	if err != nil {
		return err
	}
	ring := make([]secret, len(all))
	for i := range all {
		if ring[len(all)-1-i], err = all[i].open(); err != nil {
			return refused(s.path, err)
		}
	}
	s.ring.Store(&ring)
	return nil
}

// Rotate adds a new secret, which encrypts and signs from when the file is read again;
// the others go on to decrypt and verify. It gives the id of the new one.
func Rotate(path string, now time.Time) (id string, err error) {
	err = change(path, func(all []stored) ([]stored, error) {
		if len(all) >= maxSecrets {
			return nil, refused(path, fmt.Errorf("it has %d secrets, the most there may be; forget the oldest first", len(all)))
		}
		made := newSecret(now)
		for slices.ContainsFunc(all, func(s stored) bool { return s.ID == made.ID }) {
			made = newSecret(now)
		}
		id = made.ID
		return append(all, made), nil
	})
	return id, err
}

// Forget takes the secrets away that were made before a time, but never the newest:
// links that they signed are none any more, and what they encrypted must have been
// encrypted anew. It gives how many went.
func Forget(path string, before time.Time) (gone int, err error) {
	err = change(path, func(all []stored) ([]stored, error) {
		if len(all) == 0 {
			return nil, refused(path, fs.ErrNotExist)
		}
		newest := all[len(all)-1]
		kept := slices.DeleteFunc(slices.Clone(all[:len(all)-1]), func(s stored) bool { return s.Created.Before(before) })
		gone = len(all) - 1 - len(kept)
		return append(kept, newest), nil
	})
	return gone, err
}

func newSecret(now time.Time) stored {
	var id [idBytes]byte
	var value [secretBytes]byte
	rand.Read(id[:])
	rand.Read(value[:])
	return stored{ID: hex.EncodeToString(id[:]), Created: now.UTC().Truncate(time.Second), Secret: base64.StdEncoding.EncodeToString(value[:])}
}

func (s *stored) open() (k secret, err error) {
	id, err := hex.DecodeString(s.ID)
	if err != nil || len(id) != idBytes {
		return k, fmt.Errorf("its id is not %d hex digits", 2*idBytes)
	}
	value, err := base64.StdEncoding.DecodeString(s.Secret)
	if err != nil || len(value) != secretBytes {
		return k, fmt.Errorf("it is not the base64 of %d bytes", secretBytes) // never with what it is
	}
	copy(k.id[:], id)
	copy(k.value[:], value)
	return k, nil
}

// read gives what a file has.
func read(path string) ([]stored, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, refused(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, refused(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, refused(path, errors.New("it is no regular file"))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, refused(path, fmt.Errorf("others may read or write it (mode %#o); if nobody did: chmod 600 %s, otherwise rotate the secret as well", mode, path))
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, refused(path, err)
	}
	return decode(path, raw)
}

func decode(path string, raw []byte) ([]stored, error) {
	if len(raw) > maxBytes {
		return nil, refused(path, fmt.Errorf("it is larger than %d bytes", maxBytes))
	}
	var c content
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, refused(path, errors.New("it is not whole JSON")) // the decoder's words may quote it
	}
	if c.Format != fileFormat {
		return nil, refused(path, fmt.Errorf("its format is not %s", fileFormat))
	}
	seen := map[string]bool{}
	for i := range c.Secrets {
		if seen[c.Secrets[i].ID] {
			return nil, refused(path, fmt.Errorf("two of its secrets have the id %.8q", c.Secrets[i].ID))
		}
		seen[c.Secrets[i].ID] = true
		if _, err := c.Secrets[i].open(); err != nil {
			return nil, refused(path, fmt.Errorf("secret %d of it: %w", i+1, err))
		}
	}
	if n := len(c.Secrets); n == 0 || n > maxSecrets {
		return nil, refused(path, fmt.Errorf("it has %d secrets; a file has 1 to %d", n, maxSecrets))
	}
	return c.Secrets, nil
}

func refused(path string, cause error) error {
	if path == "" {
		return paper.Invalidf("there is no place for the secret file: name the data directory, or --secret-file")
	}
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: "SECRET_FILE", Cause: cause,
		Message: fmt.Sprintf("the secret file %s cannot be used: %v", path, cause),
	}
}

// change edits a file, alone of all processes; one that is not there has no secrets.
func change(path string, edit func([]stored) ([]stored, error)) error {
	if path == "" {
		return refused(path, nil)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("folder of the secret file: %w", err)
	}
	return alone.Do(path+lockSuffix, 0o600, func() error { return changeAlone(path, edit) })
}

func changeAlone(path string, edit func([]stored) ([]stored, error)) error {
	all, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if all, err = edit(all); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(content{fileFormat, all}, "", "  ")
	if err != nil {
		return fmt.Errorf("write the secret file: %w", err)
	}
	if err := pending.WriteFile(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
