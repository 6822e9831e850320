package telemetry

import (
	"crypto/rand"
	"encoding/hex"
)

// RequestIDKey is the metadata, and the HTTP header, of a request's id: taken from
// requests that bring one, and given with every answer.
const RequestIDKey = "x-request-id"

// maxRequestID is how many bytes an id of a caller's own may have.
const maxRequestID = 128

// RequestID gives the id of a request: the caller's, if it is one that can stand in a
// log, or else a new one of 32 hex digits.
func RequestID(said string) string {
	if saneRequestID(said) {
		return said
	}
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// saneRequestID says whether an id of a caller's is short and without anything that a
// log, a header or a shell reads otherwise.
func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@':
		default:
			return false
		}
	}
	return true
}
