package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"akin/internal/paper"
)

// Reasons of this package's errors, besides those of package paper.
const (
	// ReasonTokenInvalid: a token was not signed here for what it is used for.
	ReasonTokenInvalid = "TOKEN_INVALID"
	// ReasonTokenExpired: it was, and its time is over.
	ReasonTokenExpired = "TOKEN_EXPIRED"
	// ReasonSecretMissing: something is encrypted with a secret that the file has not.
	ReasonSecretMissing = "SECRET_MISSING"
)

const (
	// version begins whatever is encrypted or signed.
	version = 1
	// idBytes is how long the id of a secret is.
	idBytes = 4
	// headBytes is the version and the id of the secret.
	headBytes = 1 + idBytes
	// expiryBytes is when a token's time is over, in minutes since 1970; 0 is never.
	expiryBytes = 4
	// tagBytes is how much of the HMAC-SHA-256 a token has.
	tagBytes = 16
	// keyBytes is for AES-256 and HMAC-SHA-256.
	keyBytes = 32
	// MaxPayload is how many bytes a token carries at most.
	MaxPayload = 512
)

// Seal encrypts and signs.
type Seal struct {
	path string
	now  func() time.Time
	// ring has the secrets, the newest first; never empty.
	ring *atomic.Pointer[[]secret]
}

// WithClock gives the same Seal with another clock, by which tokens expire.
func (s *Seal) WithClock(now func() time.Time) *Seal {
	return &Seal{path: s.path, now: now, ring: s.ring}
}

// Path is where the secret file is.
func (s *Seal) Path() string { return s.path }

// secrets are those there are, the newest first.
func (s *Seal) secrets() []secret { return *s.ring.Load() }

// find gives a secret by its id; nil if there is none.
func (s *Seal) find(id []byte) *secret {
	all := s.secrets()
	for i := range all {
		if bytes.Equal(all[i].id[:], id) {
			return &all[i]
		}
	}
	return nil
}

// key is the key of a purpose and a use.
func (k *secret) key(use, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.value[:], nil, "akin seal v1 "+use+"\x00"+purpose, keyBytes)
	if err != nil { // only a length above 8160 bytes is refused
		panic(fmt.Sprintf("seal: derive a key: %v", err)) //nolint:forbidigo // cannot happen to constants
	}
	return key
}

// cipher is AES-256-GCM, which draws its nonces itself.
func (k *secret) cipher(purpose string) cipher.AEAD {
	block, err := aes.NewCipher(k.key("encrypt", purpose))
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err)) //nolint:forbidigo // cannot happen to keys of this length
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Sprintf("seal: %v", err)) //nolint:forbidigo // cannot happen to AES
	}
	return gcm
}

// head begins what a secret made.
func (k *secret) head() []byte { return append([]byte{version}, k.id[:]...) }

// Encrypt encrypts with the newest secret; the same text becomes another one each time.
func (s *Seal) Encrypt(purpose string, plain []byte) []byte {
	k := &s.secrets()[0]
	head := k.head()
	return k.cipher(purpose).Seal(bytes.Clone(head), nil, plain, head) //nolint:gosec // it draws its nonces itself, and takes none
}

// Decrypt gives what was encrypted for the same purpose, with any of the secrets.
func (s *Seal) Decrypt(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < headBytes || sealed[0] != version {
		return nil, damaged(errors.New("it is not of a form that this version reads"))
	}
	k := s.find(sealed[1:headBytes])
	if k == nil {
		return nil, s.missing(sealed[1:headBytes])
	}
	plain, err := k.cipher(purpose).Open(nil, nil, sealed[headBytes:], sealed[:headBytes])
	if err != nil {
		return nil, damaged(err)
	}
	return plain, nil
}

// Current says whether the newest secret encrypted it: what an older one did can be
// encrypted anew.
func (s *Seal) Current(sealed []byte) bool {
	return len(sealed) >= headBytes && bytes.Equal(sealed[1:headBytes], s.secrets()[0].id[:])
}

// Has fails unless what was encrypted with a secret can still be read.
func (s *Seal) Has(sealed []byte) error {
	if len(sealed) >= headBytes && s.find(sealed[1:headBytes]) == nil {
		return s.missing(sealed[1:headBytes])
	}
	return nil
}

func damaged(cause error) error {
	return &paper.Error{
		Kind: paper.DataLoss, Reason: paper.ReasonCorrupt, Cause: cause,
		Message: "what is kept encrypted cannot be read: it was changed, or is of another purpose; run akin verify",
	}
}

func (s *Seal) missing(id []byte) error {
	return &paper.Error{
		Kind: paper.FailedPrecondition, Reason: ReasonSecretMissing, Metadata: map[string]string{"secret": fmt.Sprintf("%x", id)},
		Message: fmt.Sprintf("something is encrypted with secret %x, which %s does not have; put back the secret file that had it", id, s.path),
	}
}

// Digest is a keyed digest of a text, by which it is found again without being kept: of
// the newest secret.
func (s *Seal) Digest(purpose string, text []byte) []byte {
	return s.secrets()[0].mac("digest", purpose, text)
}

// Digests are the digests of a text by all secrets, the newest first: what was kept
// before a rotation is under one of the others.
func (s *Seal) Digests(purpose string, text []byte) (all [][]byte) {
	for i := range s.secrets() {
		all = append(all, s.secrets()[i].mac("digest", purpose, text))
	}
	return all
}

func (k *secret) mac(use, purpose string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.key(use, purpose))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Sign makes a token that carries a payload of at most MaxPayload bytes, fit for a URL,
// and good for ever.
func (s *Seal) Sign(purpose string, payload []byte) string {
	return s.SignUntil(purpose, payload, time.Time{})
}

// SignUntil is Sign of a token that is good until a time, counted in minutes; the zero
// time is for ever.
func (s *Seal) SignUntil(purpose string, payload []byte, until time.Time) string {
	k := &s.secrets()[0]
	body := binary.BigEndian.AppendUint32(k.head(), minutes(until))
	body = append(body, payload...)
	return tokenText().EncodeToString(append(body, k.mac("sign", purpose, body)[:tagBytes]...))
}

// minutes is the minute that a time is in, the last one included.
func minutes(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(max(1, min(math.MaxUint32, (t.Unix()+59)/60)))
}

// tokenText writes tokens: strictly, so that there is one form of each.
func tokenText() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// Verify gives the payload of a token that was signed here for the same purpose, and
// whose time is not over.
func (s *Seal) Verify(purpose, token string) ([]byte, error) {
	const least = headBytes + expiryBytes + tagBytes
	if len(token) > tokenText().EncodedLen(least+MaxPayload) || strings.ContainsAny(token, "\r\n") { // which decoding skips
		return nil, invalidToken()
	}
	raw, err := tokenText().DecodeString(token)
	if err != nil || len(raw) < least || raw[0] != version {
		return nil, invalidToken()
	}
	k := s.find(raw[1:headBytes])
	if k == nil {
		return nil, invalidToken()
	}
	body, tag := raw[:len(raw)-tagBytes], raw[len(raw)-tagBytes:]
	if !hmac.Equal(tag, k.mac("sign", purpose, body)[:tagBytes]) {
		return nil, invalidToken()
	}
	if until := binary.BigEndian.Uint32(body[headBytes:]); until != 0 && s.now().Unix() > int64(until)*60 {
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: ReasonTokenExpired,
			Message: fmt.Sprintf("the link was good until %s; ask for a new one", time.Unix(int64(until)*60, 0).UTC().Format("2006-01-02 15:04 MST")),
		}
	}
	return body[headBytes+expiryBytes:], nil
}

func invalidToken() error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: ReasonTokenInvalid,
		Message: "the link is not whole, or is none of this server; copy all of it from the mail, or ask for a new one",
	}
}
