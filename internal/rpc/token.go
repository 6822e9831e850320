package rpc

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"akin/internal/paper"
)

// A token of a list that is not kept holds the place to go on from, with a checksum
// that ties it to what shapes the list, so that a token of something else is
// noticed.
func pageToken(place, of string) string {
	b := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(of+"\x00"+place)))
	return base64.RawURLEncoding.EncodeToString(append(b, place...))
}

func readPageToken(token, of string) (place string, err error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil && len(b) > 4 && pageToken(string(b[4:]), of) == token {
		return string(b[4:]), nil
	}
	return "", &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonPageTokenExpired, Message: "page token cannot be used",
		Violations: []paper.Violation{{Field: "page_token", Description: "is not one that this list gave; ask for the first page again"}},
	}
}

// readPlace reads a token whose place is a position below n; none is 0.
func readPlace(token, of string, n int) (int, error) {
	place, err := readPageToken(token, of)
	if err != nil || place == "" {
		return 0, err
	}
	at, err := strconv.Atoi(place)
	if err != nil || at < 0 || at >= n {
		return 0, paper.InvalidField("page_token", "leads nowhere; ask for the first page again")
	}
	return at, nil
}
