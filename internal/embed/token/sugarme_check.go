package token

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// fitToSugarme changes a definition into one that sugarme reads as it is meant, or
// refuses it. It refuses what sugarme would silently misread, and says in plain
// words what sugarme would panic about. It takes normalization away from sugarme,
// and rewrites what sugarme gets wrong but can do, such as a literal Split pattern,
// which it takes for a regular expression.
//
// Each of these checks was tried without on v0.3.1-0.20260526112818-6e0a30924ef2,
// and is needed still: docs/adr/0004-tokenizer.md says what happens.
func fitToSugarme(def *definition) error {
	if def.model.Type == "WordPiece" && def.bert == nil && *def.model.Prefix != "##" {
		return fmt.Errorf("%w: a WordPiece model with prefix %q outside of the BERT family", ErrUnsupported, *def.model.Prefix)
	}
	if def.model.Type == "BPE" {
		if err := checkBPE(def); err != nil {
			return err
		}
	}
	if def.bert != nil {
		return nil
	}
	var err error
	if def.normalizers, def.normalizer, err = parseNormalizers(def.normalizer); err != nil {
		return err
	}
	if def.preTokenizer, err = checkPreTokenizer(def.preTokenizer); err != nil {
		return err
	}
	if kind, _ := kindOf(def.preTokenizer); kind == "Metaspace" && def.normalizer == nil {
		// sugarme replaces spaces one by one, which is quadratic. It finds
		// none left.
		def.normalizers = append(def.normalizers, replace(" ", metaspaceOf(def.preTokenizer)))
	}
	return nil
}

// checkBPE refuses options that sugarme ignores, and merges that it would skip
// or panic on.
func checkBPE(def *definition) error {
	var m struct {
		ByteFallback bool   `json:"byte_fallback"`
		IgnoreMerges bool   `json:"ignore_merges"`
		FuseUnk      bool   `json:"fuse_unk"`
		Prefix       string `json:"continuing_subword_prefix"`
		Suffix       string `json:"end_of_word_suffix"`
		Vocab        map[string]int64
		Merges       []json.RawMessage
	}
	raw, err := json.Marshal(def.modelJSON)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return fmt.Errorf("%w: model: %w", ErrInvalid, err)
	}
	if m.ByteFallback || m.IgnoreMerges || m.FuseUnk || m.Prefix != "" || m.Suffix != "" {
		return fmt.Errorf("%w: a BPE model with byte_fallback, ignore_merges, fuse_unk, a prefix or a suffix", ErrUnsupported)
	}
	for i, raw := range m.Merges {
		parts, err := mergeOf(raw)
		if err != nil {
			return fmt.Errorf("%w: merge %d: %w", ErrInvalid, i, err)
		}
		for _, piece := range []string{parts[0], parts[1], parts[0] + parts[1]} {
			if _, ok := m.Vocab[piece]; !ok {
				return fmt.Errorf("%w: merge %d needs %q, which is not in the vocabulary", ErrInvalid, i, piece)
			}
		}
	}
	return nil
}

// mergeOf reads a merge, which is "a b" or ["a", "b"].
func mergeOf(raw json.RawMessage) ([]string, error) {
	var parts []string
	if json.Unmarshal(raw, &parts) != nil {
		var line string
		if err := json.Unmarshal(raw, &line); err != nil {
			return nil, err
		}
		parts = strings.Split(line, " ")
	}
	if len(parts) != 2 {
		return nil, fmt.Errorf("%d parts instead of 2", len(parts))
	}
	return parts, nil
}

// checkPreTokenizer checks a pre_tokenizer, and those inside of it, and returns
// what sugarme should be given in its place.
func checkPreTokenizer(raw json.RawMessage) (json.RawMessage, error) {
	kind, err := kindOf(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	var c struct {
		Pattern  map[string]string
		UseRegex *bool `json:"use_regex"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("%w: pre_tokenizer: %w", ErrInvalid, err)
	}
	switch kind {
	case "Sequence":
		parts, err := sequenceOf(raw, "pretokenizers")
		if err != nil {
			return nil, err
		}
		for i := range parts {
			if parts[i], err = checkPreTokenizer(parts[i]); err != nil {
				return nil, err
			}
		}
		return withField(raw, "pretokenizers", parts)
	case "Split":
		return checkSplit(raw, c.Pattern)
	case "ByteLevel":
		if c.UseRegex != nil && !*c.UseRegex {
			return nil, fmt.Errorf("%w: a ByteLevel pre_tokenizer without its regular expression", ErrUnsupported)
		}
		return raw, nil
	case "BertPreTokenizer", "Metaspace", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "UnicodeScripts":
		return raw, nil
	}
	return nil, fmt.Errorf("%w: pre_tokenizer of type %q", ErrUnsupported, kind)
}

// metaspaceOf is the character that a Metaspace pre_tokenizer puts for a space.
func metaspaceOf(raw json.RawMessage) string {
	var m struct{ Replacement string }
	if json.Unmarshal(raw, &m) != nil || m.Replacement == "" {
		return "\u2581"
	}
	return m.Replacement
}

func checkSplit(raw json.RawMessage, pattern map[string]string) (json.RawMessage, error) {
	expr, ok := pattern["Regex"]
	if literal, isLiteral := pattern["String"]; isLiteral {
		expr, ok = regexp.QuoteMeta(literal), true
	}
	if !ok {
		return nil, fmt.Errorf("%w: a Split pre_tokenizer without a pattern", ErrInvalid)
	}
	if _, err := regexp.Compile(expr); err != nil {
		return nil, fmt.Errorf("%w: a Split pre_tokenizer with a pattern that Go cannot run: %w", ErrUnsupported, err)
	}
	return withField(raw, "pattern", map[string]string{"Regex": expr})
}

// withField replaces one field of a JSON object.
func withField(raw json.RawMessage, name string, value any) (json.RawMessage, error) {
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	fields[name] = value
	return json.Marshal(fields)
}
