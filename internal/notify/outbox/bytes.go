package outbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"akin/internal/feed"
	"akin/internal/kv"
	"akin/internal/notify"
	"akin/internal/paper"
)

// The first byte of a key says what it is; numbers are big endian.
const (
	prefixBook  = 0x29 // kind, ...: digests and recipients
	prefixIssue = 0x2a // digest's id, kind of issue, day -> issue
	prefixSent  = 0x2b // recipient's id, paper id -> when it was sent
)

// The second byte of prefixBook.
const (
	kindDigest    = 1 // digest's id -> digest
	kindName      = 2 // owner, name -> digest's id
	kindRecipient = 3 // recipient's id -> recipient
	kindKnown     = 4 // keyed digest of an address -> recipient's id
	kindCounter   = 5 // -> the next ids
	kindTrouble   = 6 // -> what keeps mail from being sent
)

// dayBias makes days before 1970 sort before the others.
const dayBias = 1 << 31

// issueHead is how long the key of an issue is.
const issueHead = 1 + 4 + 1 + 4

func counterKey() []byte { return []byte{prefixBook, kindCounter} }
func troubleKey() []byte { return []byte{prefixBook, kindTrouble} }

func digestKey(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixBook, kindDigest}, id)
}

// ownerKey is the prefix of the names of an owner: the owner's length comes first, so
// that no owner's keys are among another's.
func ownerKey(owner string) []byte {
	key := binary.BigEndian.AppendUint16([]byte{prefixBook, kindName}, uint16(len(owner)))
	return append(key, owner...)
}

func nameKey(owner, name string) []byte { return append(ownerKey(owner), name...) }

func recipientKey(id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixBook, kindRecipient}, id)
}

func knownKey(digest []byte) []byte { return append([]byte{prefixBook, kindKnown}, digest...) }

func issuesKey(digest uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixIssue}, digest)
}

func issueKey(digest uint32, at notify.IssueKey) []byte {
	key := append(issuesKey(digest), byte(at.Kind))
	return binary.BigEndian.AppendUint32(key, uint32(int64(at.Day)+dayBias))
}

func sentsKey(recipient uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixSent}, recipient)
}

func sentKey(recipient uint32, paperID string) []byte {
	return append(sentsKey(recipient), paperID...)
}

type storedID struct {
	ID uint32 `cbor:"1,keyasint"`
}

type storedCounters struct {
	Digest    uint64 `cbor:"1,keyasint"`
	Recipient uint64 `cbor:"2,keyasint"`
}

type storedSent struct {
	At int64 `cbor:"1,keyasint"` // nanoseconds since 1970, UTC; so are all times, 0 is none
}

type storedTrouble struct {
	Count int64  `cbor:"1,keyasint"`
	Since int64  `cbor:"2,keyasint"`
	Until int64  `cbor:"3,keyasint"`
	Words string `cbor:"4,keyasint,omitempty"`
}

type storedDigest struct {
	Owner       string            `cbor:"1,keyasint,omitempty"`
	Name        string            `cbor:"2,keyasint,omitempty"`
	DisplayName string            `cbor:"3,keyasint,omitempty"`
	Recipient   uint32            `cbor:"4,keyasint"`
	Collection  string            `cbor:"5,keyasint"`
	Feeds       []string          `cbor:"6,keyasint,omitempty"`
	Listing     uint8             `cbor:"7,keyasint,omitempty"`
	Every       uint8             `cbor:"8,keyasint"`
	Weekday     uint8             `cbor:"9,keyasint,omitempty"`
	Minute      uint16            `cbor:"10,keyasint,omitempty"`
	Zone        string            `cbor:"11,keyasint,omitempty"`
	Quiet       uint8             `cbor:"12,keyasint,omitempty"`
	Authors     []string          `cbor:"13,keyasint,omitempty"`
	MaxItems    uint8             `cbor:"14,keyasint,omitempty"`
	Library     string            `cbor:"15,keyasint,omitempty"`
	State       uint8             `cbor:"16,keyasint"`
	Created     int64             `cbor:"17,keyasint"`
	Updated     int64             `cbor:"18,keyasint"`
	Confirmed   int64             `cbor:"19,keyasint,omitempty"`
	Start       int64             `cbor:"20,keyasint,omitempty"`
	Handled     int32             `cbor:"21,keyasint,omitempty"`
	Kind        uint8             `cbor:"22,keyasint,omitempty"` // of the issue that is not over; 0 is none
	Day         int32             `cbor:"23,keyasint,omitempty"`
	Cursors     map[string]uint64 `cbor:"24,keyasint,omitempty"`
}

type storedIssue struct {
	Planned   int64             `cbor:"1,keyasint"`
	Progress  uint8             `cbor:"2,keyasint"`
	Attempts  int64             `cbor:"3,keyasint,omitempty"`
	Resent    bool              `cbor:"4,keyasint,omitempty"`
	NextTry   int64             `cbor:"5,keyasint,omitempty"`
	End       int64             `cbor:"6,keyasint,omitempty"`
	MessageID string            `cbor:"7,keyasint,omitempty"`
	Picks     []storedPick      `cbor:"8,keyasint,omitempty"`
	More      int64             `cbor:"9,keyasint,omitempty"`
	LeftSent  int64             `cbor:"10,keyasint,omitempty"`
	LeftRead  int64             `cbor:"11,keyasint,omitempty"`
	LeftDis   int64             `cbor:"12,keyasint,omitempty"`
	LeftGone  int64             `cbor:"13,keyasint,omitempty"`
	Cursors   map[string]uint64 `cbor:"14,keyasint,omitempty"`
	Code      int64             `cbor:"15,keyasint,omitempty"`
	Words     string            `cbor:"16,keyasint,omitempty"`
	Bounced   bool              `cbor:"17,keyasint,omitempty"`
}

type storedPick struct {
	PaperID string         `cbor:"1,keyasint"`
	Feed    string         `cbor:"2,keyasint,omitempty"`
	Reasons []storedReason `cbor:"3,keyasint,omitempty"`
	Author  string         `cbor:"4,keyasint,omitempty"`
}

type storedReason struct {
	Kind  uint8   `cbor:"1,keyasint"`
	Name  string  `cbor:"2,keyasint,omitempty"`
	Share float64 `cbor:"3,keyasint,omitempty"`
}

type storedRecipient struct {
	Sealed        []byte   `cbor:"1,keyasint"`
	Digest        []byte   `cbor:"2,keyasint"`
	Owners        []string `cbor:"3,keyasint,omitempty"`
	Score         float64  `cbor:"4,keyasint,omitempty"`
	LastRefusal   int64    `cbor:"5,keyasint,omitempty"`
	RefusalWord   string   `cbor:"6,keyasint,omitempty"`
	Confirmations []int64  `cbor:"7,keyasint,omitempty"`
	Created       int64    `cbor:"8,keyasint"`
	Idle          int64    `cbor:"9,keyasint,omitempty"`
}

func packDigest(d *notify.Digest) storedDigest {
	s := storedDigest{
		Owner: d.Owner, Name: d.Name, DisplayName: d.DisplayName, Recipient: d.Recipient, Collection: d.Collection, Feeds: d.Feeds, Listing: uint8(d.Listing),
		Every: uint8(d.Every), Weekday: uint8(d.Weekday), Minute: uint16(d.Minute), Zone: d.Zone, Quiet: uint8(d.Quiet), Authors: d.Authors,
		MaxItems: uint8(d.MaxItems), Library: d.Library, State: uint8(d.State), Created: kv.Nanos(d.CreateTime), Updated: kv.Nanos(d.UpdateTime),
		Confirmed: kv.Nanos(d.ConfirmTime), Start: kv.Nanos(d.StartTime), Handled: int32(d.Handled), Cursors: d.Cursors,
	}
	if d.Current != nil {
		s.Kind, s.Day = uint8(d.Current.Kind), int32(d.Current.Day)
	}
	return s
}

func decodeDigest(key, value []byte) (notify.Digest, error) {
	var s storedDigest
	if len(key) != 2+4 {
		return notify.Digest{}, damaged(key, kv.ErrKeyShape)
	}
	if err := unseal(key, value, &s); err != nil {
		return notify.Digest{}, err
	}
	d := notify.Digest{
		ID: binary.BigEndian.Uint32(key[2:]), Owner: s.Owner, Name: s.Name, DisplayName: s.DisplayName, Recipient: s.Recipient, Collection: s.Collection,
		Feeds: s.Feeds, Listing: notify.Listing(s.Listing),
		Schedule: notify.Schedule{Every: notify.Every(s.Every), Weekday: time.Weekday(s.Weekday), Minute: int(s.Minute), Zone: s.Zone},
		Quiet:    notify.Quiet(s.Quiet), Authors: s.Authors, MaxItems: int(s.MaxItems), Library: s.Library, State: notify.State(s.State),
		CreateTime: kv.TimeOf(s.Created), UpdateTime: kv.TimeOf(s.Updated), ConfirmTime: kv.TimeOf(s.Confirmed), StartTime: kv.TimeOf(s.Start),
		Handled: notify.Day(s.Handled), Cursors: s.Cursors,
	}
	if s.Kind != 0 {
		d.Current = &notify.IssueKey{Kind: notify.Kind(s.Kind), Day: notify.Day(s.Day)}
	}
	return d, nil
}

func packIssue(i *notify.Issue) storedIssue {
	s := storedIssue{
		Planned: kv.Nanos(i.Planned), Progress: uint8(i.Progress), Attempts: int64(i.Attempts), Resent: i.Resent,
		NextTry: kv.Nanos(i.NextTry), End: kv.Nanos(i.EndTime),
		MessageID: i.MessageID, More: int64(i.More), LeftSent: int64(i.Left.Sent), LeftRead: int64(i.Left.Read), LeftDis: int64(i.Left.Dismissed),
		LeftGone: int64(i.Left.Gone), Cursors: i.Cursors, Code: int64(i.Code), Words: i.Words, Bounced: i.Bounced,
	}
	for _, p := range i.Picks {
		one := storedPick{PaperID: p.PaperID, Feed: p.Feed, Author: p.Author}
		for _, r := range p.Reasons {
			one.Reasons = append(one.Reasons, storedReason{uint8(r.Kind), r.Name, r.Share})
		}
		s.Picks = append(s.Picks, one)
	}
	return s
}

func decodeIssue(key, value []byte) (notify.Issue, error) {
	var s storedIssue
	if len(key) != issueHead {
		return notify.Issue{}, damaged(key, kv.ErrKeyShape)
	}
	if err := unseal(key, value, &s); err != nil {
		return notify.Issue{}, err
	}
	i := notify.Issue{
		Digest:   binary.BigEndian.Uint32(key[1:]),
		IssueKey: notify.IssueKey{Kind: notify.Kind(key[5]), Day: notify.Day(int64(binary.BigEndian.Uint32(key[6:])) - dayBias)},
		Planned:  kv.TimeOf(s.Planned), Progress: notify.Progress(s.Progress), Attempts: int(s.Attempts), Resent: s.Resent, NextTry: kv.TimeOf(s.NextTry),
		EndTime: kv.TimeOf(s.End), MessageID: s.MessageID, More: int(s.More),
		Left:    notify.Left{Sent: int(s.LeftSent), Read: int(s.LeftRead), Dismissed: int(s.LeftDis), Gone: int(s.LeftGone)},
		Cursors: s.Cursors, Code: int(s.Code), Words: s.Words, Bounced: s.Bounced,
	}
	for _, p := range s.Picks {
		one := notify.Pick{PaperID: p.PaperID, Feed: p.Feed, Author: p.Author}
		for _, r := range p.Reasons {
			one.Reasons = append(one.Reasons, feed.Reason{Kind: feed.ReasonKind(r.Kind), Name: r.Name, Share: r.Share})
		}
		i.Picks = append(i.Picks, one)
	}
	return i, nil
}

func packRecipient(r *notify.Recipient) storedRecipient {
	s := storedRecipient{
		Sealed: r.Sealed, Digest: r.Digest, Owners: r.Owners, Score: r.Score, LastRefusal: kv.Nanos(r.LastRefusal), RefusalWord: r.RefusalWord,
		Created: kv.Nanos(r.CreateTime), Idle: kv.Nanos(r.IdleSince),
	}
	for _, t := range r.Confirmations {
		s.Confirmations = append(s.Confirmations, kv.Nanos(t))
	}
	return s
}

func decodeRecipient(key, value []byte) (notify.Recipient, error) {
	var s storedRecipient
	if len(key) != 2+4 {
		return notify.Recipient{}, damaged(key, kv.ErrKeyShape)
	}
	if err := unseal(key, value, &s); err != nil {
		return notify.Recipient{}, err
	}
	r := notify.Recipient{
		ID: binary.BigEndian.Uint32(key[2:]), Sealed: s.Sealed, Digest: s.Digest, Owners: s.Owners, Score: s.Score, LastRefusal: kv.TimeOf(s.LastRefusal),
		RefusalWord: s.RefusalWord, CreateTime: kv.TimeOf(s.Created), IdleSince: kv.TimeOf(s.Idle),
	}
	for _, n := range s.Confirmations {
		r.Confirmations = append(r.Confirmations, kv.TimeOf(n))
	}
	return r, nil
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
	what := "value of digests"
	switch {
	case key[0] == prefixIssue:
		what = "issue of a digest"
	case key[0] == prefixSent:
		what = "note of what was sent"
	case len(key) > 1 && key[1] == kindDigest:
		what = "digest"
	case len(key) > 1 && key[1] == kindRecipient:
		what = "reader of digests"
	}
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: fmt.Sprintf("the stored %s is damaged: %v; run akin verify to see what else is, then restore a snapshot with akin snapshot restore", what, cause),
	}
}
