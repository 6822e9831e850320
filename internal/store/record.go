package store

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"akin/internal/kv"
	"akin/internal/paper"
)

// What is stored of a paper. The numbers are the keys of the CBOR maps; they
// are never used for something else, and what is empty is left out, so that
// nil and empty lists are the same. A change of these structs needs a new
// version of the value, and for storedPaper a new domain of ContentDigest.

type storedPaper struct {
	ID          string             `cbor:"1,keyasint,omitempty"`
	Title       string             `cbor:"2,keyasint,omitempty"`
	Abstract    string             `cbor:"3,keyasint,omitempty"`
	Authors     []storedAuthor     `cbor:"4,keyasint,omitempty"`
	Categories  []string           `cbor:"5,keyasint,omitempty"`
	Venue       string             `cbor:"6,keyasint,omitempty"`
	PublishDate uint32             `cbor:"7,keyasint,omitempty"`
	ListedDates []uint32           `cbor:"8,keyasint,omitempty"`
	DOI         string             `cbor:"9,keyasint,omitempty"`
	ArxivID     string             `cbor:"10,keyasint,omitempty"`
	URLs        []string           `cbor:"11,keyasint,omitempty"`
	Language    string             `cbor:"12,keyasint,omitempty"`
	Signals     map[string]float64 `cbor:"13,keyasint,omitempty"`
	Metadata    map[string]string  `cbor:"14,keyasint,omitempty"`
}

type storedAuthor struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	ORCID string
}

type storedRecord struct {
	Paper storedPaper `cbor:"1,keyasint"`
	storedRest
}

// storedRest is a record but for its paper.
type storedRest struct {
	Revision   uint64       `cbor:"2,keyasint"`
	Created    int64        `cbor:"3,keyasint"` // nanoseconds since 1970, UTC
	Updated    int64        `cbor:"4,keyasint"` // nanoseconds since 1970, UTC
	Embed      storedDigest `cbor:"5,keyasint"`
	Content    storedDigest `cbor:"6,keyasint"`
	TokenCount int64        `cbor:"7,keyasint,omitempty"`
	Truncated  bool         `cbor:"8,keyasint,omitempty"`
	// Trail is only there from version 2 of the value on.
	Trail *storedTrail `cbor:"9,keyasint,omitempty"`
}

// storedTrail is what is remembered beside what the paper says.
type storedTrail struct {
	Signals map[string][]storedSighting `cbor:"1,keyasint,omitempty"`
	Listed  []uint32                    `cbor:"2,keyasint,omitempty"`
}

type storedSighting struct {
	_      struct{} `cbor:",toarray"`
	Minute int64    // since 1970, UTC
	Value  float64
}

// Versions of the value of a record. The first is that of records without a trail,
// now as before there were any.
const (
	plainRecord   = kv.FirstVersion
	trailedRecord = 2
)

// storedDigest is a byte string of exactly 32 bytes.
type storedDigest []byte

// packDate makes one number of a valid date: 20211216, 20211200, 20210000, or
// 317 for 17 March of an unknown year.
func packDate(d paper.Date) uint32 {
	return uint32(d.Year)*10_000 + uint32(d.Month)*100 + uint32(d.Day)
}

func unpackDate(n uint32) paper.Date {
	return paper.Date{Year: int(n / 10_000), Month: int(n / 100 % 100), Day: int(n % 100)}
}

func packPaper(p *paper.Paper) storedPaper {
	s := storedPaper{
		ID: p.ID, Title: p.Title, Abstract: p.Abstract,
		Categories: p.Categories, Venue: p.Venue, PublishDate: packDate(p.PublishDate),
		DOI: p.DOI, ArxivID: p.ArxivID, URLs: p.URLs, Language: p.Language,
		Signals: p.Signals, Metadata: p.Metadata,
	}
	for _, a := range p.Authors {
		s.Authors = append(s.Authors, storedAuthor{Name: a.Name, ORCID: a.ORCID})
	}
	for _, d := range p.ListedDates {
		s.ListedDates = append(s.ListedDates, packDate(d))
	}
	return s
}

func (s *storedPaper) unpack() paper.Paper {
	p := paper.Paper{
		ID: s.ID, Title: s.Title, Abstract: s.Abstract,
		Categories: s.Categories, Venue: s.Venue, PublishDate: unpackDate(s.PublishDate),
		DOI: s.DOI, ArxivID: s.ArxivID, URLs: s.URLs, Language: s.Language,
		Signals: s.Signals, Metadata: s.Metadata,
	}
	for _, a := range s.Authors {
		p.Authors = append(p.Authors, paper.Author{Name: a.Name, ORCID: a.ORCID})
	}
	for _, n := range s.ListedDates {
		p.ListedDates = append(p.ListedDates, unpackDate(n))
	}
	return p
}

// contentDomain keeps the digest apart from digests of other things, and from
// those of a later encoding.
const contentDomain = "akin.content.v1\n"

// ContentDigest covers the whole of a valid paper: SHA-256 over
// "akin.content.v1\n" and the deterministic CBOR that is stored. Nil and empty
// lists and maps are the same. Two papers have the same digest exactly if
// upserting one over the other changes nothing. It is safe for concurrent use
// as long as nobody writes to p.
func ContentDigest(p *paper.Paper) paper.Digest { return contentDigest(encodePaper(p)) }

func packTrail(t *paper.Trail) *storedTrail {
	if t == nil || len(t.Signals) == 0 && len(t.Listed) == 0 {
		return nil
	}
	s := new(storedTrail)
	for _, signal := range t.Signals {
		if s.Signals == nil {
			s.Signals = make(map[string][]storedSighting, len(t.Signals))
		}
		for _, seen := range signal.Seen {
			s.Signals[signal.Name] = append(s.Signals[signal.Name], storedSighting{Minute: seen.Minute, Value: seen.Value})
		}
	}
	for _, d := range t.Listed {
		s.Listed = append(s.Listed, packDate(d))
	}
	return s
}

// unpack gives nil for a trail of nothing. Signals are in order of name.
func (s *storedTrail) unpack() *paper.Trail {
	if s == nil {
		return nil
	}
	var t paper.Trail
	for _, name := range slices.Sorted(maps.Keys(s.Signals)) {
		signal := paper.SignalTrail{Name: name, Seen: make([]paper.Sighting, len(s.Signals[name]))}
		for i, seen := range s.Signals[name] {
			signal.Seen[i] = paper.Sighting{Minute: seen.Minute, Value: seen.Value}
		}
		if len(signal.Seen) > 0 {
			t.Signals = append(t.Signals, signal)
		}
	}
	for _, n := range s.Listed {
		t.Listed = append(t.Listed, unpackDate(n))
	}
	if len(t.Signals) == 0 && len(t.Listed) == 0 {
		return nil
	}
	return &t
}

// sealRecord is the value of a record under its key, and how long its payload is. encoded
// is what encodePaper gives of its paper.
func sealRecord(key []byte, r *paper.Record, encoded []byte) (value []byte, bytes int, err error) {
	payload, err := encodeRecord(r, encoded)
	if err != nil {
		return nil, 0, fmt.Errorf("store: encode record: %w", err)
	}
	version := byte(plainRecord)
	if packTrail(r.Trail) != nil {
		version = trailedRecord
	}
	return kv.SealVersion(key, version, payload), len(payload), nil
}

// encodeRecord is the payload of a record; its ordinal is in the key. It is the CBOR of a
// storedRecord, whose first entry, the paper, is put before the others as it is encoded
// already.
func encodeRecord(r *paper.Record, encoded []byte) ([]byte, error) {
	rest, err := kv.Encode(storedRest{
		Revision:   r.Revision,
		Created:    r.CreateTime.UnixNano(),
		Updated:    r.UpdateTime.UnixNano(),
		Embed:      r.EmbedDigest[:],
		Content:    r.ContentDigest[:],
		TokenCount: int64(r.TokenCount),
		Truncated:  r.Truncated,
		Trail:      packTrail(r.Trail),
	})
	if err != nil {
		return nil, err
	}
	// A map of fewer than 24 entries begins with a byte that says how many there are, and
	// 1 is a byte of its own (RFC 8949, section 3).
	const paperKey = 1
	payload := make([]byte, 0, 1+len(encoded)+len(rest))
	payload = append(append(payload, rest[0]+1, paperKey), encoded...)
	return append(payload, rest[1:]...), nil
}

// decodeRecord reads what encodeRecord wrote. The record shares no memory
// with payload.
func decodeRecord(payload []byte, ordinal uint32) (*paper.Record, error) {
	var s storedRecord
	if err := kv.Decode(payload, &s); err != nil {
		return nil, err
	}
	if len(s.Embed) != sha256.Size || len(s.Content) != sha256.Size {
		return nil, fmt.Errorf("digests have %d and %d bytes instead of %d", len(s.Embed), len(s.Content), sha256.Size)
	}
	return &paper.Record{
		Paper:         s.Paper.unpack(),
		Ordinal:       ordinal,
		Revision:      s.Revision,
		CreateTime:    time.Unix(0, s.Created).UTC(),
		UpdateTime:    time.Unix(0, s.Updated).UTC(),
		EmbedDigest:   paper.Digest(s.Embed),
		ContentDigest: paper.Digest(s.Content),
		TokenCount:    int(s.TokenCount),
		Truncated:     s.Truncated,
		Trail:         s.Trail.unpack(),
	}, nil
}
