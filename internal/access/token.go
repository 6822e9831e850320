package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
)

// A token is akin_ID_SECRET: the id of its key, which is no secret, and 256 random
// bits followed by a CRC-32 of all before it, in digits and letters. The prefix and
// the checksum let programs that look for leaked secrets recognise it, and a mistyped
// one be noticed.
const (
	// TokenPrefix begins every token.
	TokenPrefix = "akin_"

	idLength       = 8 // of 40 random bits
	idBytes        = 5
	secretBytes    = 32
	secretLength   = 43 // of 256 bits to base 62
	checksumLength = 6  // of 32 bits to base 62
	tokenLength    = len(TokenPrefix) + idLength + 1 + secretLength + checksumLength
)

// digest is what is kept of a token.
type digest [sha256.Size]byte

// MarshalText writes it in hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads it.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("a digest has %d characters, not %d", hex.EncodedLen(len(d)), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// newID makes the id of a key.
func newID() string {
	var b [idBytes]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// newToken makes a token for a key.
func newToken(id string) (token string, d digest) {
	var secret [secretBytes]byte
	rand.Read(secret[:])
	body := TokenPrefix + id + "_" + base62(secret[:], secretLength)
	token = body + checksum(body)
	return token, sha256.Sum256([]byte(token))
}

func base62(b []byte, length int) string {
	digits := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", length-len(digits)) + digits
}

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	return base62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, checksumLength)
}

// parseToken gives the key's id and the digest of a token that has the form of one.
func parseToken(token string) (id string, d digest, ok bool) {
	if len(token) != tokenLength || !strings.HasPrefix(token, TokenPrefix) {
		return "", d, false
	}
	body := token[:tokenLength-checksumLength]
	id = body[len(TokenPrefix) : len(TokenPrefix)+idLength]
	if body[len(TokenPrefix)+idLength] != '_' || checksum(body) != token[len(body):] {
		return "", d, false
	}
	return id, sha256.Sum256([]byte(token)), true
}

// CheckToken says what is wrong with the form of a token, for those who send one,
// without repeating it.
func CheckToken(token string) error {
	if _, _, ok := parseToken(token); strings.HasPrefix(token, TokenPrefix) && !ok {
		return errors.New("it begins like a key of akin, but its checksum does not match: it is cut off, or mistyped")
	}
	return nil
}
