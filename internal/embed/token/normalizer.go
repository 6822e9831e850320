package token

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The normalizers of tokenizers that sugarme serves are ours as well, because
// sugarme's own end the process (log.Fatal) on some texts, panic on others, and
// decompose where NFC composes; docs/adr/0004-tokenizer.md has figures. Unlike the
// BERT path they use Go's Unicode tables: such tokenizers promise no exact ids.

// normalizers are applied one after the other.
type normalizers []normalizer

// normalizer rewrites a text.
type normalizer func(aligned) aligned

// aligned is a text of which each byte knows where it comes from.
type aligned struct {
	text []byte
	from []span
}

// alignedText is a text before it is normalised. What is not UTF-8 becomes U+FFFD.
func alignedText(text string) aligned {
	a := aligned{text: make([]byte, 0, len(text)), from: make([]span, 0, len(text))}
	for at := 0; at < len(text); {
		r, size := decodeRune(text[at:])
		a.add(string(r), span{at, at + size})
		at += size
	}
	return a
}

func (a *aligned) add(s string, from span) {
	a.text = append(a.text, s...)
	for range len(s) {
		a.from = append(a.from, from)
	}
}

// origin translates a range of the text to where it comes from.
func (a *aligned) origin(start, end int) span {
	start, end = max(start, 0), min(end, len(a.text))
	if start >= end {
		if start < len(a.from) {
			return span{a.from[start].start, a.from[start].start}
		}
		return span{}
	}
	return span{a.from[start].start, a.from[end-1].end}
}

// eachRune applies f to each character.
func eachRune(f func(r rune) string) normalizer {
	return func(in aligned) aligned {
		var out aligned
		for at := 0; at < len(in.text); {
			r, size := utf8.DecodeRune(in.text[at:])
			out.add(f(r), in.origin(at, at+size))
			at += size
		}
		return out
	}
}

// unicodeForm applies a Unicode normalization form.
func unicodeForm(f norm.Form) normalizer {
	return func(in aligned) aligned {
		var out aligned
		var it norm.Iter
		it.Init(f, in.text)
		for at := 0; !it.Done(); at = it.Pos() {
			segment := string(it.Next())
			out.add(segment, in.origin(at, it.Pos()))
		}
		return out
	}
}

// lowercase is Rust's char::to_lowercase: simple, but for one character.
func lowercase(r rune) string {
	if r == '\u0130' {
		return "i\u0307"
	}
	return string(unicode.ToLower(r))
}

// stripAccent deletes combining marks.
func stripAccent(r rune) string {
	if unicode.Is(unicode.M, r) {
		return ""
	}
	return string(r)
}

// strip deletes white space at the ends.
func strip(left, right bool) normalizer {
	return func(in aligned) aligned {
		start, end := 0, len(in.text)
		for left && start < end {
			r, size := utf8.DecodeRune(in.text[start:])
			if !unicode.IsSpace(r) {
				break
			}
			start += size
		}
		for right && start < end {
			r, size := utf8.DecodeLastRune(in.text[:end])
			if !unicode.IsSpace(r) {
				break
			}
			end -= size
		}
		return aligned{in.text[start:end], in.from[start:end]}
	}
}

// prepend puts a string in front of a text that is not empty.
func prepend(prefix string) normalizer {
	return func(in aligned) aligned {
		if len(in.text) == 0 {
			return in
		}
		var out aligned
		out.add(prefix, in.origin(0, 0))
		return aligned{append(out.text, in.text...), append(out.from, in.from...)}
	}
}

// replace puts another string for one, which is not empty, by another.
func replace(old, new string) normalizer {
	return func(in aligned) aligned {
		var out aligned
		text := string(in.text)
		for at := 0; at < len(text); {
			n := strings.Index(text[at:], old)
			if n < 0 {
				n = len(text) - at
			}
			out.text = append(out.text, text[at:at+n]...)
			out.from = append(out.from, in.from[at:at+n]...)
			if at += n; at < len(text) {
				out.add(new, in.origin(at, at+len(old)))
				at += len(old)
			}
		}
		return out
	}
}

// parseNormalizers reads a normalizer, which may be a sequence of them. It returns,
// besides ours, what is left for sugarme: a Precompiled normalizer at the end, or nothing.
func parseNormalizers(raw json.RawMessage) (normalizers, json.RawMessage, error) {
	kind, err := kindOf(raw)
	if err != nil || kind == "" {
		return nil, nil, err
	}
	var n struct {
		Pattern          map[string]string
		Content, Prepend string
		StripLeft        bool `json:"strip_left"`
		StripRight       bool `json:"strip_right"`
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, nil, fmt.Errorf("%w: normalizer: %w", ErrInvalid, err)
	}
	switch kind {
	case "Sequence":
		return parseNormalizerSequence(raw)
	case "Precompiled":
		return nil, raw, nil
	case "NFC":
		return normalizers{unicodeForm(norm.NFC)}, nil, nil
	case "NFD":
		return normalizers{unicodeForm(norm.NFD)}, nil, nil
	case "NFKC":
		return normalizers{unicodeForm(norm.NFKC)}, nil, nil
	case "NFKD":
		return normalizers{unicodeForm(norm.NFKD)}, nil, nil
	case "Lowercase":
		return normalizers{eachRune(lowercase)}, nil, nil
	case "StripAccents":
		return normalizers{eachRune(stripAccent)}, nil, nil
	case "Strip":
		return normalizers{strip(n.StripLeft, n.StripRight)}, nil, nil
	case "Prepend":
		return normalizers{prepend(n.Prepend)}, nil, nil
	case "Replace":
		if n.Pattern["String"] == "" {
			return nil, nil, fmt.Errorf("%w: a Replace normalizer without a literal pattern", ErrUnsupported)
		}
		return normalizers{replace(n.Pattern["String"], n.Content)}, nil, nil
	}
	return nil, nil, fmt.Errorf("%w: normalizer of type %q with this model and pre_tokenizer", ErrUnsupported, kind)
}

func parseNormalizerSequence(raw json.RawMessage) (normalizers, json.RawMessage, error) {
	parts, err := sequenceOf(raw, "normalizers")
	if err != nil {
		return nil, nil, err
	}
	var list normalizers
	var rest json.RawMessage
	for _, part := range parts {
		more, left, err := parseNormalizers(part)
		if err != nil {
			return nil, nil, err
		}
		if rest != nil {
			return nil, nil, fmt.Errorf("%w: a Precompiled normalizer that is not the last", ErrUnsupported)
		}
		list, rest = append(list, more...), left
	}
	return list, rest, nil
}
