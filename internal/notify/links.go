package notify

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"akin/internal/library"
)

// actWithin is how long the links in a mail that mark papers are good.
const actWithin = 90 * 24 * time.Hour

// Paths of the pages that mails lead to; the token is their value t.
const (
	PathConfirm     = "/mail/confirm"
	PathUnsubscribe = "/mail/unsubscribe"
	PathAct         = "/mail/mark"
)

func (s *Digests) link(path, token string) string {
	return s.set.PublicURL + path + "?t=" + url.QueryEscape(token)
}

func (s *Digests) confirmLink(d *Digest, now time.Time) string {
	payload := binary.BigEndian.AppendUint32(nil, d.ID)
	payload = binary.BigEndian.AppendUint32(payload, d.Recipient)
	return s.link(PathConfirm, s.Seal.SignUntil(purposeConfirm, payload, now.Add(ConfirmWithin)))
}

// unsubscribeLink is good for ever: who cannot leave complains.
func (s *Digests) unsubscribeLink(d *Digest) string {
	payload := binary.BigEndian.AppendUint32(nil, d.ID)
	payload = binary.BigEndian.AppendUint32(payload, d.Recipient)
	return s.link(PathUnsubscribe, s.Seal.Sign(purposeUnsubscribe, payload))
}

// readPair reads the payload of a token that names a digest and its recipient.
func (s *Digests) readPair(purpose, token string) (digest, recipient uint32, err error) {
	payload, err := s.Seal.Verify(purpose, token)
	if err != nil {
		return 0, 0, err
	}
	if len(payload) != 8 {
		return 0, 0, fmt.Errorf("a token of %s has %d bytes", purpose, len(payload))
	}
	return binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:]), nil
}

// action is what a link in a mail does: it gives a paper a mark.
type action struct {
	digest uint32
	mark   library.Mark
	// undo says that the mark is put back to what it was.
	undo    bool
	paperID string
}

func (s *Digests) actToken(a action, now time.Time) string {
	payload := binary.BigEndian.AppendUint32(nil, a.digest)
	flags := byte(a.mark)
	if a.undo {
		flags |= 0x80
	}
	payload = append(append(payload, flags), a.paperID...)
	return s.Seal.SignUntil(purposeAct, payload, now.Add(actWithin))
}

func (s *Digests) actLink(a action, now time.Time) string { return s.link(PathAct, s.actToken(a, now)) }

func (s *Digests) readAction(token string) (a action, err error) {
	payload, err := s.Seal.Verify(purposeAct, token)
	if err != nil {
		return a, err
	}
	if len(payload) < 6 {
		return a, fmt.Errorf("a token of %s has %d bytes", purposeAct, len(payload))
	}
	a = action{
		digest: binary.BigEndian.Uint32(payload), mark: library.Mark(payload[4] & 0x7f), undo: payload[4]&0x80 != 0, paperID: string(payload[5:]),
	}
	return a, nil
}

// messageBytes is how much of a keyed digest the id of a mail has.
const messageBytes = 10

// messageID is the id of a mail: the same for each attempt, and nothing that others can
// make up.
func (s *Digests) messageID(digest uint32, key IssueKey) string {
	return fmt.Sprintf("%s.%s@%s", messageName(digest, key), hex.EncodeToString(s.Seal.Digest(purposeMessage, []byte(messageName(digest, key)))[:messageBytes]), s.set.Domain)
}

func messageName(digest uint32, key IssueKey) string {
	return fmt.Sprintf("d%d.%d.%s", digest, key.Kind, strings.ReplaceAll(key.Day.String(), "-", ""))
}

// messagePattern finds ids of mails, also as a part of an address.
var messagePattern = regexp.MustCompile(`\bd([0-9]{1,10})\.([12])\.([0-9]{8})\.([0-9a-f]{20})\b`)

// readMessageID says which issue the first genuine id in a text names.
func (s *Digests) readMessageID(text string) (digest uint32, key IssueKey, ok bool) {
	for _, m := range messagePattern.FindAllStringSubmatch(text, 20) {
		id, err := strconv.ParseUint(m[1], 10, 32)
		date, dateErr := time.Parse("20060102", m[3])
		if err != nil || dateErr != nil {
			continue
		}
		key = IssueKey{Kind: Kind(m[2][0] - '0'), Day: DayOf(date)}
		name := messageName(uint32(id), key)
		for _, sum := range s.Seal.Digests(purposeMessage, []byte(name)) {
			if hex.EncodeToString(sum[:messageBytes]) == m[4] {
				return uint32(id), key, true
			}
		}
	}
	return 0, key, false
}
