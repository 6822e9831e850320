package token

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// The kinds of error that this package gives; test for them with [errors.Is].
var (
	// ErrInvalid says that a tokenizer.json is malformed or contradicts itself.
	ErrInvalid = errors.New("invalid tokenizer definition")
	// ErrUnsupported says that a tokenizer.json asks for something that akin
	// cannot reproduce.
	ErrUnsupported = errors.New("unsupported tokenizer definition")
	// ErrOptions says that the options of an Encode call make no sense.
	ErrOptions = errors.New("invalid encoding options")
	// ErrSugarme says that sugarme/tokenizer failed on a text. It is never
	// returned by an exact tokenizer.
	ErrSugarme = errors.New("tokenizer library failed")
)

// Options says how to encode one text. The zero value encodes the whole text
// and returns ids only.
type Options struct {
	// MaxTokens is the largest number of ids to return, special tokens
	// included. 0 means no limit. A limit that does not even leave room for
	// the special tokens is an error.
	MaxTokens int
	// WithOffsets asks for Encoding.Offsets.
	WithOffsets bool
	// WithPieces asks for Encoding.Pieces.
	WithPieces bool
	// CountAll asks for Encoding.Tokens even when the text is cut, at the
	// price of reading all of it.
	CountAll bool
}

// Encoding is a text in the model's own alphabet.
type Encoding struct {
	// IDs are the token ids, special tokens included.
	IDs []int64
	// Tokens is the number of ids that the whole text has, special tokens
	// included. It is 0 when that is not known: the text was cut, and
	// Options.CountAll was not set.
	Tokens int
	// Truncated says that IDs leaves out the end of the text.
	Truncated bool
	// Offsets holds, for each id, where its text starts and ends, in bytes of
	// the text as it was given. It is {0, 0} for special tokens. Starts never
	// decrease. Nil unless asked for.
	Offsets [][2]int
	// Pieces holds the vocabulary entry of each id, such as "##ing" or
	// "[CLS]". Nil unless asked for.
	Pieces []string
}

// Tokenizer encodes texts for one model. Make one with [Load].
type Tokenizer struct {
	encoder encoder
	exact   bool
	post    postProcessor
	names   map[int64]string
	size    int
	digest  string
}

// encoder is the part of a tokenizer that differs between families: all but the
// special tokens around a text.
type encoder interface {
	encode(text string, ask request) (Encoding, error)
}

// request is what an Encode call wants of an encoder.
type request struct {
	post     postProcessor
	cut      int // keep at most so many ids, not counting special tokens; negative means all
	countAll bool
	offsets  bool
}

// encoding makes the result of what an encoder found out: the ids and offsets
// that it keeps, how many there would be of the whole text (or of the part
// that was read), and whether it left some out. The slices are copied.
func (r request) encoding(ids []int64, offsets [][2]int, total int, cut bool) Encoding {
	e := Encoding{IDs: r.post.ids(ids), Truncated: cut}
	if !cut || r.countAll {
		e.Tokens = total + r.post.len()
	}
	if r.offsets {
		e.Offsets = r.post.offsets(offsets)
	}
	return e
}

// Load reads a tokenizer.json. Its padding and truncation settings are
// ignored: every call to Encode states its own limit.
func Load(tokenizerJSON []byte) (*Tokenizer, error) {
	def, err := parse(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	sum := sha256.Sum256(tokenizerJSON)
	t := &Tokenizer{post: def.post, digest: hex.EncodeToString(sum[:])}
	vocab, err := t.chooseEncoder(def)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	t.names = names(def, vocab)
	for id := range t.names {
		t.size = max(t.size, int(id)+1)
	}
	return t, nil
}

// chooseEncoder takes our own implementation where there is one and sugarme's
// otherwise. It returns the model's vocabulary.
func (t *Tokenizer) chooseEncoder(def *definition) (map[string]int, error) {
	if def.bert != nil {
		t.encoder, t.exact = newBERT(def, def.vocab), true
		return def.vocab, nil
	}
	fallback, err := newSugarme(def)
	if err != nil {
		return nil, err
	}
	t.encoder = fallback
	return fallback.tokenizer.GetModel().GetVocab(), nil
}

// names maps every id to its vocabulary entry.
func names(def *definition, vocab map[string]int) map[int64]string {
	byID := make(map[int64]string, len(vocab)+len(def.added))
	for piece, id := range vocab {
		// Two pieces with one id are legal; the choice must not depend on the
		// order of a map.
		if old, ok := byID[int64(id)]; !ok || piece < old {
			byID[int64(id)] = piece
		}
	}
	for _, s := range slices.Concat(def.post.before, def.post.after) {
		if _, ok := byID[s.id]; !ok {
			byID[s.id] = s.piece
		}
	}
	for _, a := range def.added {
		byID[a.ID] = a.Content
	}
	return byID
}

// Encode turns text into token ids. Any string is accepted, UTF-8 or not. An
// exact tokenizer fails only for options that make no sense ([ErrOptions]);
// others can also fail on a text ([ErrSugarme]).
func (t *Tokenizer) Encode(text string, opts Options) (Encoding, error) {
	ask := request{post: t.post, cut: -1, countAll: opts.CountAll, offsets: opts.WithOffsets}
	if opts.MaxTokens != 0 {
		ask.cut = opts.MaxTokens - t.post.len()
		if ask.cut < 0 {
			return Encoding{}, fmt.Errorf("encode: %w: at most %d tokens, but the special tokens alone are %d",
				ErrOptions, opts.MaxTokens, t.post.len())
		}
	}
	e, err := t.encoder.encode(text, ask)
	if err != nil {
		return Encoding{}, fmt.Errorf("encode: %w", err)
	}
	if opts.WithPieces {
		e.Pieces = make([]string, len(e.IDs))
		for i, id := range e.IDs {
			e.Pieces[i] = t.names[id]
		}
	}
	return e, nil
}

// VocabSize is one more than the highest id that Encode can return: the
// number of rows that a model's embedding matrix needs at least.
func (t *Tokenizer) VocabSize() int { return t.size }

// Digest is the SHA-256 of the tokenizer.json that was loaded, in hexadecimal.
func (t *Tokenizer) Digest() string { return t.digest }

// Exact says whether ids are those of the reference implementation. When it is
// false, github.com/sugarme/tokenizer makes them, and they may differ.
func (t *Tokenizer) Exact() bool { return t.exact }

// SpecialTokens returns the ids of the special tokens that go before and after every
// text, for callers that cut a long text into windows of their own.
func (t *Tokenizer) SpecialTokens() (before, after []int64) {
	return idsOf(t.post.before), idsOf(t.post.after)
}
