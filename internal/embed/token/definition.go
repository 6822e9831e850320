package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// maxID bounds the ids that a definition may state. It is far above any real
// vocabulary and keeps arithmetic on ids safe on every platform.
const maxID = 1<<30 - 1

// definition is a tokenizer.json after validation.
type definition struct {
	added        []addedToken
	normalizer   json.RawMessage
	preTokenizer json.RawMessage
	model        modelHead
	modelJSON    map[string]json.RawMessage
	vocab        map[string]int // nil for Unigram
	post         postProcessor
	normalizers  normalizers  // what goes before sugarme's
	bert         *bertOptions // nil unless the tokenizer is of the BERT family
}

// addedToken is an entry of added_tokens.
type addedToken struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// modelHead is what this package itself needs of a model's settings; sugarme
// reads the rest.
type modelHead struct {
	Type     string          `json:"type"`
	UnkToken *string         `json:"unk_token"`
	UnkID    *int64          `json:"unk_id"`
	Prefix   *string         `json:"continuing_subword_prefix"`
	MaxChars *int            `json:"max_input_chars_per_word"`
	Vocab    json.RawMessage `json:"vocab"`
}

// bertOptions is the settings of a BertNormalizer, with strip_accents
// resolved: when it is null, accents go when case goes.
type bertOptions struct {
	cleanText, chineseChars, stripAccents, lowercase bool
}

// parse validates a tokenizer.json as far as this package depends on it.
// sugarme asserts types as it goes and exits the process in places, so that
// what it is going to touch is checked here first.
func parse(data []byte) (*definition, error) {
	var file struct {
		AddedTokens   []addedToken    `json:"added_tokens"`
		Normalizer    json.RawMessage `json:"normalizer"`
		PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
		PostProcessor json.RawMessage `json:"post_processor"`
		Model         json.RawMessage `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	def := &definition{added: file.AddedTokens}
	for _, a := range def.added {
		if a.Content == "" {
			return nil, fmt.Errorf("%w: an added token is empty", ErrInvalid)
		}
		if err := checkID(a.Content, a.ID); err != nil {
			return nil, err
		}
	}
	var err error
	if def.post, err = parsePostProcessor(file.PostProcessor); err != nil {
		return nil, err
	}
	if err := def.parseModel(file.Model); err != nil {
		return nil, err
	}
	if def.normalizer, err = unwrap(file.Normalizer, "normalizers"); err != nil {
		return nil, err
	}
	if def.preTokenizer, err = unwrap(file.PreTokenizer, "pretokenizers"); err != nil {
		return nil, err
	}
	return def, def.parseFamily()
}

// parseFamily decides whether this is a BERT tokenizer and reads its options.
func (d *definition) parseFamily() error {
	normalizer, err := kindOf(d.normalizer)
	if err != nil {
		return err
	}
	preTokenizer, err := kindOf(d.preTokenizer)
	if err != nil {
		return err
	}
	if d.model.Type != "WordPiece" || normalizer != "BertNormalizer" || preTokenizer != "BertPreTokenizer" {
		return nil
	}
	for _, a := range d.added {
		if !a.Special {
			return fmt.Errorf("%w: added token %q is not special; only special tokens are supported with WordPiece", ErrUnsupported, a.Content)
		}
	}
	opts, err := parseBertNormalizer(d.normalizer)
	d.bert = &opts
	return err
}

// parseModel reads a model's head and checks its vocabulary.
func (d *definition) parseModel(raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &d.model); err != nil {
		return fmt.Errorf("%w: model: %w", ErrInvalid, err)
	}
	if err := json.Unmarshal(raw, &d.modelJSON); err != nil || d.modelJSON == nil {
		return fmt.Errorf("%w: model is not an object", ErrInvalid)
	}
	if d.model.Type == "" {
		d.model.Type = d.guessType()
	}
	switch d.model.Type {
	case "WordPiece", "BPE", "WordLevel":
		var vocab map[string]int64
		if err := json.Unmarshal(d.model.Vocab, &vocab); err != nil || len(vocab) == 0 {
			return fmt.Errorf("%w: model has no vocabulary of strings and ids", ErrInvalid)
		}
		if err := d.checkVocab(vocab); err != nil {
			return err
		}
		d.vocab = make(map[string]int, len(vocab))
		for piece, id := range vocab {
			d.vocab[piece] = int(id) // checkID has seen it
		}
		return nil
	case "Unigram":
		return d.checkUnigram()
	}
	return fmt.Errorf("%w: model of type %q", ErrUnsupported, d.model.Type)
}

// guessType tells the type of a model that does not state it, as files from
// before tokenizers 0.8 do, from settings that only one type has.
func (d *definition) guessType() string {
	if _, ok := d.modelJSON["merges"]; ok {
		return "BPE"
	}
	if d.model.MaxChars != nil {
		return "WordPiece"
	}
	if bytes.HasPrefix(bytes.TrimSpace(d.model.Vocab), []byte("[")) {
		return "Unigram"
	}
	return "WordLevel"
}

func (d *definition) checkVocab(vocab map[string]int64) error {
	for piece, id := range vocab {
		if err := checkID(piece, id); err != nil {
			return err
		}
	}
	if d.model.UnkToken != nil {
		id, ok := vocab[*d.model.UnkToken]
		if !ok {
			return fmt.Errorf("%w: unknown token %q is not in the vocabulary", ErrInvalid, *d.model.UnkToken)
		}
		d.model.UnkID = &id
	}
	if d.model.Type != "WordPiece" {
		return nil
	}
	if d.model.UnkToken == nil || d.model.Prefix == nil || d.model.MaxChars == nil {
		return fmt.Errorf("%w: a WordPiece model needs unk_token, continuing_subword_prefix and max_input_chars_per_word", ErrInvalid)
	}
	if *d.model.MaxChars < 0 {
		return fmt.Errorf("%w: max_input_chars_per_word is %d", ErrInvalid, *d.model.MaxChars)
	}
	return nil
}

func (d *definition) checkUnigram() error {
	var vocab [][]json.RawMessage
	if err := json.Unmarshal(d.model.Vocab, &vocab); err != nil || len(vocab) == 0 {
		return fmt.Errorf("%w: model has no vocabulary of strings and scores", ErrInvalid)
	}
	for i, entry := range vocab {
		var piece string
		var score float64
		if len(entry) != 2 || json.Unmarshal(entry[0], &piece) != nil || json.Unmarshal(entry[1], &score) != nil {
			return fmt.Errorf("%w: vocabulary entry %d is not a string and a score", ErrInvalid, i)
		}
	}
	if id := d.model.UnkID; id != nil && (*id < 0 || *id >= int64(len(vocab))) {
		return fmt.Errorf("%w: unk_id %d is not in the vocabulary", ErrInvalid, *id)
	}
	return nil
}

// specials is the set of special tokens, as they would be written in a text.
func (d *definition) specials() map[string]bool {
	set := make(map[string]bool)
	for _, a := range d.added {
		if a.Special {
			set[a.Content] = true
		}
	}
	for _, s := range slices.Concat(d.post.before, d.post.after) {
		set[s.piece] = true
	}
	return set
}

func parseBertNormalizer(raw json.RawMessage) (bertOptions, error) {
	var n struct {
		CleanText    *bool `json:"clean_text"`
		ChineseChars *bool `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    *bool `json:"lowercase"`
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return bertOptions{}, fmt.Errorf("%w: normalizer: %w", ErrInvalid, err)
	}
	if n.CleanText == nil || n.ChineseChars == nil || n.Lowercase == nil {
		return bertOptions{}, fmt.Errorf("%w: a BertNormalizer needs clean_text, handle_chinese_chars and lowercase", ErrInvalid)
	}
	o := bertOptions{cleanText: *n.CleanText, chineseChars: *n.ChineseChars, lowercase: *n.Lowercase}
	o.stripAccents = o.lowercase
	if n.StripAccents != nil {
		o.stripAccents = *n.StripAccents
	}
	return o, nil
}

// kindOf reads the type of a component; it is "" for one that is absent.
func kindOf(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var c struct{ Type string }
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if c.Type == "" {
		return "", fmt.Errorf("%w: a component has no type", ErrInvalid)
	}
	return c.Type, nil
}

// unwrap replaces a Sequence of one component by that component.
func unwrap(raw json.RawMessage, list string) (json.RawMessage, error) {
	kind, err := kindOf(raw)
	if err != nil || kind != "Sequence" {
		return raw, err
	}
	parts, err := sequenceOf(raw, list)
	if err != nil || len(parts) != 1 {
		return raw, err
	}
	return unwrap(parts[0], list)
}

// sequenceOf reads the components of a Sequence.
func sequenceOf(raw json.RawMessage, list string) ([]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := json.Unmarshal(fields[list], &parts); err != nil {
		return nil, fmt.Errorf("%w: a Sequence has no list of %s", ErrInvalid, list)
	}
	return parts, nil
}

func checkID(piece string, id int64) error {
	if id < 0 || id > maxID {
		return fmt.Errorf("%w: id %d of token %q is out of range", ErrInvalid, id, piece)
	}
	return nil
}
