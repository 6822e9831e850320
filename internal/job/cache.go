package job

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/gofrs/flock"

	"akin/internal/paper"
	whole "akin/internal/pending"
	"akin/internal/vecfile"
)

// The files of a cache; docs/format/cache.md describes them.
const (
	cacheFormat  = "akin.cache.v1"
	headFile     = "cache.json"
	keysFile     = "keys"
	vectorsFile  = "vectors"
	lockFile     = "lock"
	keyBytes     = 32
	truncatedBit = 1 << 31
)

// castagnoli is the polynomial of the checksums.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// cacheHead says what the vectors of a cache are.
type cacheHead struct {
	Format      string `json:"format"`
	Fingerprint string `json:"space_fingerprint"`
	Dimension   int    `json:"dimension"`
}

// Vector is an embedding and what is known of its text.
type Vector struct {
	Values    []float32 // [dim], unit length
	Tokens    int
	Truncated bool
}

// Cache keeps the vectors of texts of one embedding space under the digests of
// the texts, in files that are only ever appended to. Its methods may be called
// from several goroutines.
type Cache struct {
	dir  string
	dim  int
	lock *flock.Flock

	mu      sync.Mutex // guards all below
	keys    *os.File
	vectors *os.File
	records uint64
	table   *table
	raw     []byte // one vector, encoded
}

// OpenCache opens the cache of a space in a directory, made if it is missing.
// Caches of several spaces can lie in one directory, each in a folder of its
// own. What a crash left unfinished at the end is cut off.
func OpenCache(dir, fingerprint string, dimension int) (_ *Cache, err error) {
	dir = filepath.Join(dir, fmt.Sprintf("%.16s", fingerprint))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	c := &Cache{dir: dir, dim: dimension, lock: flock.New(filepath.Join(dir, lockFile)), raw: make([]byte, 4*dimension)}
	held, err := c.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	if !held {
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonDataLocked,
			Message: fmt.Sprintf("another process is using the cache in %s; wait for it, or name another directory", dir),
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.closeFiles())
		}
	}()
	if err := whole.SweepFolder(dir); err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	if err := c.head(cacheHead{cacheFormat, fingerprint, dimension}); err != nil {
		return nil, err
	}
	for name, f := range map[string]**os.File{keysFile: &c.keys, vectorsFile: &c.vectors} {
		if *f, err = os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
			return nil, fmt.Errorf("open the cache: %w", err)
		}
	}
	if err := c.cut(); err != nil {
		return nil, err
	}
	c.table, err = c.index()
	return c, err
}

// HasCache says whether a directory has a cache of a space.
func HasCache(dir, fingerprint string) bool {
	_, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%.16s", fingerprint), headFile))
	return err == nil
}

// head checks or writes the file that says what the cache holds.
func (c *Cache) head(want cacheHead) error {
	path := filepath.Join(c.dir, headFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		raw, err := json.Marshal(want)
		if err != nil {
			return fmt.Errorf("make the cache: %w", err)
		}
		if err := whole.WriteFile(path, append(raw, '\n'), 0o644); err != nil {
			return fmt.Errorf("make the cache: %w", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the cache: %w", err)
	}
	var have cacheHead
	if err := json.Unmarshal(raw, &have); err != nil || have != want {
		return &paper.Error{
			Kind: paper.FailedPrecondition, Reason: paper.ReasonCorrupt,
			Message: fmt.Sprintf("%s is not a cache of this program and space: its %s says %.200q; remove the directory, or name another one", c.dir, headFile, raw),
		}
	}
	return nil
}

// cut leaves only records that are whole in both files.
func (c *Cache) cut() error {
	n := uint64(math.MaxUint64)
	sizes := []struct {
		f    *os.File
		each int64
	}{{c.keys, keyBytes}, {c.vectors, int64(4 * c.dim)}}
	for _, s := range sizes {
		info, err := s.f.Stat()
		if err != nil {
			return fmt.Errorf("open the cache: %w", err)
		}
		n = min(n, uint64(info.Size()/s.each))
	}
	for _, s := range sizes {
		if err := s.f.Truncate(int64(n) * s.each); err != nil {
			return fmt.Errorf("cut the end of the cache: %w", err)
		}
	}
	c.records = min(n, maxRecords)
	return nil
}

// index makes the table of all records, with room for more.
func (c *Cache) index() (*table, error) {
	t, err := newTable(c.dir, c.records)
	if err != nil {
		return nil, err
	}
	keys := bufio.NewReaderSize(io.NewSectionReader(c.keys, 0, int64(c.records)*keyBytes), 1<<20)
	var rec [keyBytes]byte
	for i := range c.records {
		if _, err := io.ReadFull(keys, rec[:]); err != nil {
			return nil, errors.Join(fmt.Errorf("read the cache's keys: %w", err), t.close())
		}
		if k, ok := readKey(rec[:]); ok {
			t.add(k, i)
		}
	}
	return t, nil
}

// readKey checks a record of the keys file. One that a power cut left as zeros
// or halves has another checksum, and counts as not there.
func readKey(rec []byte) (k key, ok bool) {
	copy(k[:], rec)
	return k, binary.LittleEndian.Uint32(rec[24:]) == castagnoli(rec[:24])
}

// keyOf is the key of a paper's text.
func keyOf(p *paper.Paper) key {
	d := paper.EmbedDigest(p.Title, p.Abstract)
	return key(d[:len(key{})])
}

// get gives the vector under a key, if it is there and sound.
func (c *Cache) get(k key) (v Vector, found bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for record := range c.table.candidates(k) {
		var rec [keyBytes]byte
		if _, err := c.keys.ReadAt(rec[:], int64(record)*keyBytes); err != nil {
			return Vector{}, false, fmt.Errorf("read the cache: %w", err)
		}
		if have, ok := readKey(rec[:]); !ok || have != k {
			continue
		}
		if _, err := c.vectors.ReadAt(c.raw, int64(record)*int64(len(c.raw))); err != nil {
			return Vector{}, false, fmt.Errorf("read the cache: %w", err)
		}
		if castagnoli(c.raw) != binary.LittleEndian.Uint32(rec[20:]) {
			continue
		}
		tokens := binary.LittleEndian.Uint32(rec[16:])
		return Vector{vecfile.ReadVector(c.raw), int(tokens &^ truncatedBit), tokens&truncatedBit != 0}, true, nil
	}
	return Vector{}, false, nil
}

// put appends a vector.
func (c *Cache) put(k key, v Vector) error {
	if len(v.Values) != c.dim {
		return fmt.Errorf("the embedder gave %d dimensions, the cache holds %d", len(v.Values), c.dim)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = vecfile.AppendVector(c.raw[:0], v.Values)
	tokens := uint32(v.Tokens)
	if v.Truncated {
		tokens |= truncatedBit
	}
	var rec [keyBytes]byte
	copy(rec[:], k[:])
	binary.LittleEndian.PutUint32(rec[16:], tokens)
	binary.LittleEndian.PutUint32(rec[20:], castagnoli(c.raw))
	binary.LittleEndian.PutUint32(rec[24:], castagnoli(rec[:24]))
	// The vector first: a key is only good with what it names.
	if _, err := c.vectors.WriteAt(c.raw, int64(c.records)*int64(len(c.raw))); err != nil {
		return fmt.Errorf("write to the cache: %w", err)
	}
	if _, err := c.keys.WriteAt(rec[:], int64(c.records)*keyBytes); err != nil {
		return fmt.Errorf("write to the cache: %w", err)
	}
	c.records++
	if c.table.full() {
		bigger, err := c.index()
		if err != nil {
			return err
		}
		old := c.table
		c.table = bigger
		return old.close()
	}
	c.table.add(k, c.records-1)
	return nil
}

// Len is how many vectors there are.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.records)
}

// Sync makes what was put survive a power cut.
func (c *Cache) Sync() error {
	if err := errors.Join(c.vectors.Sync(), c.keys.Sync()); err != nil {
		return fmt.Errorf("sync the cache: %w", err)
	}
	return nil
}

// Close syncs and closes the cache.
func (c *Cache) Close() error { return errors.Join(c.Sync(), c.closeFiles()) }

func (c *Cache) closeFiles() error {
	var errs []error
	if c.table != nil {
		errs = append(errs, c.table.close())
	}
	for _, f := range []*os.File{c.keys, c.vectors} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, c.lock.Unlock())...)
}

// Remove removes the cache's files. Nothing but Close may follow.
func (c *Cache) Remove() error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove the cache: %w", err)
	}
	// The directory above goes too, unless something else is in it.
	if err := os.Remove(filepath.Dir(c.dir)); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("remove the cache: %w", err)
	}
	return nil
}
