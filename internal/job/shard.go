package job

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/fnv"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// Shard is one part of Of of the input, counted from 1; the zero value is all
// of it. A row's shard follows from its id alone, so that papers stay in their
// shards, and their vectors in the shards' caches, while a corpus grows.
type Shard struct{ Part, Of int }

// ParseShard reads "2/8"; "" is all.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	part, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(part)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 1 || n < i || n > 1_000_000 {
		return Shard{}, paper.InvalidField("shard", "is %q; write I/N, the I-th of N parts, such as 1/4", text)
	}
	return Shard{i, n}, nil
}

// String is what ParseShard reads.
func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Part, s.Of)
}

func (s Shard) has(text string) bool {
	if s.Of <= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(text))
	// FNV's low bits alone follow the last bytes of the text too closely.
	x := h.Sum64()
	x ^= x >> 32
	return int(x%uint64(s.Of)) == s.Part-1
}

// Has says whether the paper with the id is in the shard.
func (s Shard) Has(id string) bool { return s.has(id) }

// InputDigest digests id and text of rows in their order: what the vectors of a
// run depend on.
type InputDigest struct{ h hash.Hash }

// NewInputDigest begins a digest.
func NewInputDigest() *InputDigest { return &InputDigest{sha256.New()} }

// Add adds a row.
func (d *InputDigest) Add(p *paper.Paper) {
	var sizes [24]byte
	for i, part := range []string{p.ID, p.Title, p.Abstract} {
		binary.LittleEndian.PutUint64(sizes[8*i:], uint64(len(part)))
	}
	d.h.Write(sizes[:])
	for _, part := range []string{p.ID, p.Title, p.Abstract} {
		d.h.Write([]byte(part))
	}
}

// String gives the digest in hex.
func (d *InputDigest) String() string { return hex.EncodeToString(d.h.Sum(nil)) }
