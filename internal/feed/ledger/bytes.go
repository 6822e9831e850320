package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"akin/internal/feed"
	"akin/internal/kv"
	"akin/internal/paper"
)

// The first byte of a key says what it is. Numbers are big endian.
const (
	prefixFeed  = 0x23 // owner, name -> feed
	prefixItem  = 0x24 // feed's id, cursor -> item
	prefixSeen  = 0x25 // feed's id, paper id -> cursor
	prefixState = 0x26 // what of, whose -> how far it is
)

// What a key of prefixState is of.
const (
	stateCounter     = 0 // -> the id of the next feed
	stateFollowing   = 1 // collection -> how far it was matched
	stateProgress    = 2 // feed's id -> what it has sent
	stateCalibration = 3 // feed's id -> what it is matched by
)

func counterKey() []byte { return []byte{prefixState, stateCounter} }

func followingKey(collection string) []byte {
	return append([]byte{prefixState, stateFollowing}, collection...)
}

func stateKey(what byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixState, what}, id)
}

// ownerKey is the prefix of an owner's feeds: the owner's length comes first, so that no
// owner's keys are among another's.
func ownerKey(owner string) []byte {
	key := binary.BigEndian.AppendUint16([]byte{prefixFeed}, uint16(len(owner)))
	return append(key, owner...)
}

func feedKey(owner, name string) []byte { return append(ownerKey(owner), name...) }

func itemsKey(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{prefixItem}, id) }

func itemKey(id uint32, cursor uint64) []byte {
	return binary.BigEndian.AppendUint64(itemsKey(id), cursor)
}

func seenKey(id uint32, paperID string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{prefixSeen}, id), paperID...)
}

const (
	idHead   = 1 + 4
	itemSize = idHead + 8
)

// namesOf takes the key of a feed apart.
func namesOf(key []byte) (owner, name string, ok bool) {
	const head = 1 + 2
	if len(key) < head {
		return "", "", false
	}
	n := int(binary.BigEndian.Uint16(key[1:]))
	if len(key) <= head+n {
		return "", "", false
	}
	return string(key[head : head+n]), string(key[head+n:]), true
}

type storedFeed struct {
	ID          uint32   `cbor:"1,keyasint"`
	DisplayName string   `cbor:"2,keyasint,omitempty"`
	Collection  string   `cbor:"3,keyasint"`
	Text        string   `cbor:"4,keyasint,omitempty"`
	PaperID     string   `cbor:"5,keyasint,omitempty"`
	Library     string   `cbor:"6,keyasint,omitempty"`
	Authors     []string `cbor:"7,keyasint,omitempty"`
	Mode        uint8    `cbor:"8,keyasint,omitempty"`
	Filter      string   `cbor:"9,keyasint,omitempty"`
	Breadth     uint8    `cbor:"10,keyasint,omitempty"`
	MaxPerDay   int64    `cbor:"11,keyasint"`
	Since       uint64   `cbor:"12,keyasint,omitempty"`
	Created     int64    `cbor:"13,keyasint"` // nanoseconds since 1970, UTC; so are all times
	Updated     int64    `cbor:"14,keyasint"`
}

type storedItem struct {
	_          struct{} `cbor:",toarray"`
	PaperID    string
	Sequence   uint64
	Score      float64
	Cosine     float64
	Percentile float64
	Time       int64
	Reasons    []storedReason
}

type storedReason struct {
	_     struct{} `cbor:",toarray"`
	Kind  uint8
	Name  string
	Share float64
}

type storedProgress struct {
	_        struct{} `cbor:",toarray"`
	Last     uint64
	Items    int64
	Day      int64
	DayItems int64
	Limited  int64
}

type storedCalibration struct {
	Version       int64        `cbor:"1,keyasint"`
	Space         string       `cbor:"2,keyasint,omitempty"`
	Sequence      uint64       `cbor:"3,keyasint,omitempty"`
	Papers        uint32       `cbor:"4,keyasint,omitempty"`
	Background    int64        `cbor:"5,keyasint,omitempty"`
	Made          int64        `cbor:"6,keyasint"`
	LibraryTime   int64        `cbor:"7,keyasint,omitempty"` // 0 is none
	Vector        []byte       `cbor:"8,keyasint,omitempty"` // float32, little endian
	Terms         []storedTerm `cbor:"9,keyasint,omitempty"`
	AverageLength float64      `cbor:"10,keyasint,omitempty"`
	Semantic      float64      `cbor:"11,keyasint,omitempty"`
	Lexical       float64      `cbor:"12,keyasint,omitempty"`
	Offset        float64      `cbor:"13,keyasint,omitempty"`
	Threshold     float64      `cbor:"14,keyasint,omitempty"`
	Best          []byte       `cbor:"15,keyasint,omitempty"` // float32, little endian
	Waits         uint8        `cbor:"16,keyasint,omitempty"`
}

type storedTerm struct {
	_      struct{} `cbor:",toarray"`
	Name   string
	Weight float64
}

type storedFollowing struct {
	Cursor  uint64 `cbor:"1,keyasint"`
	Time    int64  `cbor:"2,keyasint"`
	GapFrom uint64 `cbor:"3,keyasint,omitempty"`
	GapTo   uint64 `cbor:"4,keyasint,omitempty"`
	GapTime int64  `cbor:"5,keyasint,omitempty"`
}

func packFeed(f *feed.Feed) storedFeed {
	return storedFeed{
		ID: f.ID, DisplayName: f.DisplayName, Collection: f.Collection,
		Text: f.Query.Text, PaperID: f.Query.PaperID, Library: f.Query.Library, Authors: f.Query.Authors,
		Mode: uint8(f.Mode), Filter: f.Filter, Breadth: uint8(f.Breadth), MaxPerDay: int64(f.MaxPerDay), Since: f.Since,
		Created: kv.Nanos(f.CreateTime), Updated: kv.Nanos(f.UpdateTime),
	}
}

func decodeFeed(key, value []byte) (feed.Feed, error) {
	owner, name, ok := namesOf(key)
	if !ok {
		return feed.Feed{}, damaged(key, kv.ErrKeyShape)
	}
	var s storedFeed
	if err := unseal(key, value, &s); err != nil {
		return feed.Feed{}, err
	}
	return feed.Feed{
		ID: s.ID, Owner: owner, Name: name, DisplayName: s.DisplayName, Collection: s.Collection,
		Query: feed.Query{Text: s.Text, PaperID: s.PaperID, Library: s.Library, Authors: s.Authors},
		Mode:  feed.Mode(s.Mode), Filter: s.Filter, Breadth: feed.Breadth(s.Breadth), MaxPerDay: int(s.MaxPerDay), Since: s.Since,
		CreateTime: kv.TimeOf(s.Created), UpdateTime: kv.TimeOf(s.Updated),
	}, nil
}

func packItem(it *feed.Item) storedItem {
	s := storedItem{
		PaperID: it.PaperID, Sequence: it.Sequence, Score: it.Score, Cosine: it.Cosine, Percentile: it.Percentile, Time: kv.Nanos(it.Time),
	}
	for _, r := range it.Reasons {
		s.Reasons = append(s.Reasons, storedReason{Kind: uint8(r.Kind), Name: r.Name, Share: r.Share})
	}
	return s
}

func decodeItem(key, value []byte) (feed.Item, error) {
	if len(key) != itemSize {
		return feed.Item{}, damaged(key, kv.ErrKeyShape)
	}
	var s storedItem
	if err := unseal(key, value, &s); err != nil {
		return feed.Item{}, err
	}
	it := feed.Item{
		Cursor: binary.BigEndian.Uint64(key[idHead:]), PaperID: s.PaperID, Sequence: s.Sequence,
		Score: s.Score, Cosine: s.Cosine, Percentile: s.Percentile, Time: kv.TimeOf(s.Time),
	}
	for _, r := range s.Reasons {
		it.Reasons = append(it.Reasons, feed.Reason{Kind: feed.ReasonKind(r.Kind), Name: r.Name, Share: r.Share})
	}
	return it, nil
}

func packProgress(p *feed.Progress) storedProgress {
	return storedProgress{Last: p.Last, Items: int64(p.Items), Day: int64(p.Day), DayItems: int64(p.DayItems), Limited: kv.Nanos(p.LimitTime)}
}

func decodeProgress(key, value []byte) (feed.Progress, error) {
	var s storedProgress
	if err := unseal(key, value, &s); err != nil {
		return feed.Progress{}, err
	}
	return feed.Progress{Last: s.Last, Items: int(s.Items), Day: int(s.Day), DayItems: int(s.DayItems), LimitTime: kv.TimeOf(s.Limited)}, nil
}

func packCalibration(c *feed.Calibration) storedCalibration {
	s := storedCalibration{
		Version: int64(c.Version), Space: c.Space, Sequence: c.Sequence, Papers: c.Papers, Background: int64(c.Background),
		Made: kv.Nanos(c.Made), LibraryTime: kv.Nanos(c.LibraryTime), Vector: packFloats(c.Vector), AverageLength: c.AverageLength,
		Semantic: c.Semantic, Lexical: c.Lexical, Offset: c.Offset, Threshold: c.Threshold, Best: packFloats(c.Best), Waits: uint8(c.Waits),
	}
	for _, t := range c.Terms {
		s.Terms = append(s.Terms, storedTerm{Name: t.Name, Weight: t.Weight})
	}
	return s
}

func decodeCalibration(key, value []byte) (c feed.Calibration, err error) {
	var s storedCalibration
	if err := unseal(key, value, &s); err != nil {
		return c, err
	}
	c = feed.Calibration{
		Version: int(s.Version), Space: s.Space, Sequence: s.Sequence, Papers: s.Papers, Background: int(s.Background),
		Made: kv.TimeOf(s.Made), LibraryTime: kv.TimeOf(s.LibraryTime), AverageLength: s.AverageLength,
		Semantic: s.Semantic, Lexical: s.Lexical, Offset: s.Offset, Threshold: s.Threshold, Waits: feed.Wait(s.Waits),
	}
	if len(s.Vector)%4 != 0 || len(s.Best)%4 != 0 {
		return c, damaged(key, errors.New("its vectors have no whole numbers"))
	}
	c.Vector, c.Best = floats(s.Vector), floats(s.Best)
	for _, t := range s.Terms {
		c.Terms = append(c.Terms, feed.Term{Name: t.Name, Weight: t.Weight})
	}
	return c, nil
}

func packFloats(v []float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func floats(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func packFollowing(f *feed.Following) storedFollowing {
	return storedFollowing{Cursor: f.Cursor, Time: kv.Nanos(f.Time), GapFrom: f.GapFrom, GapTo: f.GapTo, GapTime: kv.Nanos(f.GapTime)}
}

func decodeFollowing(key, value []byte) (feed.Following, error) {
	var s storedFollowing
	if err := unseal(key, value, &s); err != nil {
		return feed.Following{}, err
	}
	return feed.Following{Cursor: s.Cursor, Time: kv.TimeOf(s.Time), GapFrom: s.GapFrom, GapTo: s.GapTo, GapTime: kv.TimeOf(s.GapTime)}, nil
}

// unseal reads what SetCBOR put.
func unseal(key, value []byte, v any) error {
	if err := kv.UnsealCBOR(key, value, v); err != nil {
		return damaged(key, err)
	}
	return nil
}

// damaged is the error for a stored value that cannot be what was written.
func damaged(key []byte, cause error) error {
	what, metadata := "state of feeds", map[string]string{}
	switch key[0] {
	case prefixFeed:
		owner, name, _ := namesOf(key)
		what, metadata["feed"] = fmt.Sprintf("description of feed %q of %q", name, owner), name
	case prefixItem:
		what = "item of a feed"
	case prefixSeen:
		what = "list of what a feed has sent"
		if len(key) > idHead {
			metadata["id"] = string(key[idHead:])
		}
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Metadata: metadata, Cause: cause,
		Message: fmt.Sprintf("the stored %s is damaged: %v; run akin verify to see what else is, then delete the feed and make it anew, "+
			"or restore a snapshot with akin snapshot restore", what, cause),
	}
}
