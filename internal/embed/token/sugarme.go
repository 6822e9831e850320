package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/pretrained"
)

// sugarme is the encoder of every tokenizer that this package has no implementation
// of its own for: github.com/sugarme/tokenizer behind a guard. sugarme is configured
// with no special tokens, no post-processor, no padding and no truncation, and
// with no normalizer that we have ourselves. So special tokens in a text are
// not recognised; putting special tokens around a text and cutting it is ours.
//
// No lock is needed: encoding changes nothing in sugarme but the caches of its
// models, which have locks of their own.
type sugarme struct {
	tokenizer   *tokenizer.Tokenizer
	normalizers normalizers
	forbidden   map[int]bool // ids that no text may produce
	unknown     *int64
}

// newSugarme loads a definition with sugarme. Of a BERT tokenizer only the
// model is loaded.
func newSugarme(def *definition) (*sugarme, error) {
	if err := fitToSugarme(def); err != nil {
		return nil, err
	}
	config, err := sugarmeConfig(def)
	if err != nil {
		return nil, err
	}
	tk, err := loadSugarme(config)
	if err != nil {
		return nil, err
	}
	lib := &sugarme{tokenizer: tk, normalizers: def.normalizers, forbidden: make(map[int]bool), unknown: def.model.UnkID}
	for _, a := range def.added {
		if a.Special {
			lib.forbidden[int(a.ID)] = true
		} else if id, ok := tk.TokenToId(a.Content); def.bert == nil && (!ok || int64(id) != a.ID) {
			return nil, fmt.Errorf("%w: added token %q has id %d, but sugarme would give it %d", ErrUnsupported, a.Content, a.ID, id)
		}
	}
	for _, s := range slices.Concat(def.post.before, def.post.after) {
		lib.forbidden[int(s.id)] = true
	}
	if lib.unknown != nil {
		delete(lib.forbidden, int(*lib.unknown))
	}
	return lib, nil
}

// sugarmeConfig writes the tokenizer.json that sugarme gets to see.
func sugarmeConfig(def *definition) ([]byte, error) {
	var err error
	if def.modelJSON["type"], err = json.Marshal(def.model.Type); err != nil {
		return nil, err
	}
	// Dropout is for training; it would make ids random.
	delete(def.modelJSON, "dropout")
	config := map[string]any{"version": "1.0", "model": def.modelJSON}
	if def.bert == nil {
		var ordinary []addedToken
		for _, a := range def.added {
			if !a.Special {
				ordinary = append(ordinary, a)
			}
		}
		config["added_tokens"] = ordinary
		config["normalizer"] = def.normalizer
		config["pre_tokenizer"] = def.preTokenizer
	}
	data, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return data, nil
}

// loadSugarme is sugarme's loader with its panics turned into errors.
func loadSugarme(config []byte) (tk *tokenizer.Tokenizer, err error) {
	defer func() {
		if r := recover(); r != nil {
			tk, err = nil, fmt.Errorf("%w: the library panics: %s", ErrInvalid, brief(r))
		}
	}()
	tk, err = pretrained.FromReader(bytes.NewReader(config))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, brief(err))
	}
	return tk, nil
}

// brief keeps what sugarme says from flooding a log: it likes to print whole
// configurations.
func brief(v any) string {
	s := strings.ToValidUTF8(fmt.Sprint(v), "\uFFFD")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + " ..."
	}
	return strings.TrimSpace(s)
}

// encode implements encoder. For a cut text it reads a beginning that is long
// enough, because sugarme has no way to stop early.
func (l *sugarme) encode(text string, ask request) (Encoding, error) {
	window := len(text)
	if ask.cut >= 0 && !ask.countAll {
		window = bytesPerToken * (ask.cut + marginTokens)
	}
	for {
		end := cutPoint(text, window)
		ids, offsets, err := l.encodeAll(text[:end])
		if err != nil {
			return Encoding{}, err
		}
		switch {
		case end < len(text) && len(ids) < ask.cut+marginTokens:
			window *= 2
		case ask.cut >= 0 && len(ids) > ask.cut:
			return ask.encoding(ids[:ask.cut], offsets[:ask.cut], len(ids), true), nil
		default:
			return ask.encoding(ids, offsets, len(ids), false), nil
		}
	}
}

// bytesPerToken is a guess for the first attempt. Prose has 4 to 5.
const bytesPerToken = 8

// marginTokens is how many tokens must lie between the cut and the end of what
// was read, so that the missing rest cannot change the tokens that are kept.
const marginTokens = 32

// cutPoint is a place in text at or before size, in front of white space if
// there is some near.
func cutPoint(text string, size int) int {
	if size >= len(text) {
		return len(text)
	}
	if at := strings.LastIndexAny(text[size/2:size], " \t\n\r"); at >= 0 {
		return size/2 + at
	}
	for back := 0; back < utf8.UTFMax-1 && !utf8.RuneStart(text[size]); back++ {
		size--
	}
	return size
}

// encodeAll encodes a whole text, without special tokens around it.
func (l *sugarme) encodeAll(text string) ([]int64, [][2]int, error) {
	in := alignedText(text)
	for _, normalize := range l.normalizers {
		in = normalize(in)
	}
	if len(in.text) == 0 {
		return nil, nil, nil
	}
	enc, err := l.call(string(in.text))
	if err != nil {
		return nil, nil, err
	}
	ids := make([]int64, 0, len(enc.Ids))
	offsets := make([][2]int, 0, len(enc.Ids))
	last := 0
	for i, id := range enc.Ids {
		if l.forbidden[id] {
			if l.unknown == nil {
				continue
			}
			id = int(*l.unknown)
		}
		// sugarme loses track of offsets now and then. They are for showing
		// only, so put them in range instead of failing.
		from := in.origin(enc.Offsets[i][0], enc.Offsets[i][1])
		last = max(last, from.start)
		ids, offsets = append(ids, int64(id)), append(offsets, [2]int{last, max(last, from.end)})
	}
	return ids, offsets, nil
}

// call is sugarme's EncodeSingle with its panics turned into errors.
func (l *sugarme) call(text string) (enc *tokenizer.Encoding, err error) {
	defer func() {
		if r := recover(); r != nil {
			enc, err = nil, fmt.Errorf("%w: panic: %s", ErrSugarme, brief(r))
		}
	}()
	enc, err = l.tokenizer.EncodeSingle(text, false)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSugarme, brief(err))
	}
	if enc == nil || len(enc.Ids) != len(enc.Offsets) {
		return nil, fmt.Errorf("%w: ids and offsets do not belong together", ErrSugarme)
	}
	for i, id := range enc.Ids {
		if id < 0 || id > maxID || len(enc.Offsets[i]) != 2 {
			return nil, fmt.Errorf("%w: bad token %d", ErrSugarme, id)
		}
	}
	return enc, nil
}
