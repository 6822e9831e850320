package store

import (
	"crypto/sha256"
	"fmt"

	"akin/internal/kv"
	"akin/internal/paper"
)

// Prepared is a paper that was found valid, with what the store makes of it that depends
// on nothing else. It never changes.
type Prepared struct {
	paper          paper.Paper // nobody else's
	embed, content paper.Digest
	encoded        []byte // as in a record
}

// Prepare does, of the work of an upsert, what needs no turn of the writer: checks,
// digests and encoding. It gives nil for a paper that is not valid, of which Apply says
// what is wrong. It is safe for concurrent use.
func Prepare(p *paper.Paper) *Prepared {
	if p.Validate() != nil {
		return nil
	}
	made := prepare(p)
	made.paper = p.Clone()
	return made
}

// prepare is Prepare of a valid paper, which stays the caller's.
func prepare(p *paper.Paper) *Prepared {
	encoded := encodePaper(p)
	return &Prepared{paper: *p, embed: paper.EmbedDigest(p.Title, p.Abstract), content: contentDigest(encoded), encoded: encoded}
}

// of says whether this was prepared of just this paper.
func (p *Prepared) of(q *paper.Paper) bool {
	return p != nil && p.paper.ID == q.ID && paper.ChangedFields(&p.paper, q) == paper.FieldUpdateTime
}

// encodePaper is the deterministic CBOR of a valid paper.
func encodePaper(p *paper.Paper) []byte {
	b, err := kv.Encode(packPaper(p))
	if err != nil { // strings, numbers, lists and maps of them always encode
		panic(fmt.Sprintf("store: encode paper: %v", err)) //nolint:forbidigo // cannot happen to a valid paper
	}
	return b
}

// contentDigest is ContentDigest of what encodePaper gave.
func contentDigest(encoded []byte) paper.Digest {
	h := sha256.New()
	h.Write([]byte(contentDomain))
	h.Write(encoded)
	return paper.Digest(h.Sum(nil))
}
