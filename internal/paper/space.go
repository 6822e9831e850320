package paper

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// String gives lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero says that the digest was never computed.
func (d Digest) IsZero() bool { return d == Digest{} }

// EmbedDigest covers what is embedded of a paper. The two parts are kept
// apart by their lengths, so that moving a word between them changes it.
func EmbedDigest(title, abstract string) Digest {
	h := sha256.New()
	fmt.Fprintf(h, "akin.embed.v1\n%d\n%s\n%d\n%s", len(title), title, len(abstract), abstract)
	return Digest(h.Sum(nil))
}

// Space is an embedding space: everything that makes two vectors comparable.
// Vectors of two spaces are never mixed.
type Space struct {
	// Model is the model's name, for example "all-MiniLM-L6-v2".
	Model string `json:"model"`
	// ModelDigest and TokenizerDigest are SHA-256 in hex, of the source
	// weights and of the tokenizer's definition.
	ModelDigest     string `json:"model_digest"`
	TokenizerDigest string `json:"tokenizer_digest"`
	// Pooling is "mean" or "cls".
	Pooling string `json:"pooling"`
	// Template is how title and abstract become one text.
	Template string `json:"template"`
	// QueryPrefix and DocumentPrefix are put before texts of the two roles.
	QueryPrefix    string `json:"query_prefix"`
	DocumentPrefix string `json:"document_prefix"`
	// MaxTokens is the most tokens of a text that are embedded, [CLS] and
	// [SEP] included.
	MaxTokens int `json:"max_tokens"`
	// Dimension is the length of a vector.
	Dimension int `json:"dimension"`
	// Precision is how the weights are stored and computed, for example
	// "float32".
	Precision string `json:"precision"`
}

// Fingerprint is a SHA-256 over all fields, in hex. Two spaces with the same
// fingerprint give comparable vectors.
func (s Space) Fingerprint() string {
	b, err := json.Marshal(s)
	if err != nil { // a struct of strings and ints always marshals
		panic(fmt.Sprintf("paper: marshal space: %v", err)) //nolint:forbidigo // cannot happen
	}
	sum := sha256.Sum256(append([]byte("akin.space.v1\n"), b...))
	return hex.EncodeToString(sum[:])
}

// SpaceMismatch is the error for vectors of another space.
func SpaceMismatch(have, want Space) *Error {
	return &Error{
		Kind: FailedPrecondition, Reason: ReasonSpaceMismatch,
		Message: fmt.Sprintf("the data holds vectors of space %.12s (%s), this program embeds into space %.12s (%s); vectors of two spaces cannot be compared: use the model that the data was made with, or embed the papers anew with `akin reembed --data DIR`",
			have.Fingerprint(), have.Model, want.Fingerprint(), want.Model),
		Metadata: map[string]string{"have": have.Fingerprint(), "want": want.Fingerprint()},
	}
}
