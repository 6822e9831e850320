package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// codePointDigests is testdata/tokens/codepoints.json.
type codePointDigests struct {
	Block   int
	Options map[string]struct {
		bertFlags
		Blocks []string
	}
}

// bertFlags is bertOptions as tokenizer.json spells them.
type bertFlags struct {
	CleanText    bool  `json:"clean_text"`
	ChineseChars bool  `json:"handle_chinese_chars"`
	StripAccents *bool `json:"strip_accents"`
	Lowercase    bool  `json:"lowercase"`
}

func (f bertFlags) options() bertOptions {
	o := bertOptions{cleanText: f.CleanText, chineseChars: f.ChineseChars, stripAccents: f.Lowercase, lowercase: f.Lowercase}
	if f.StripAccents != nil {
		o.stripAccents = *f.StripAccents
	}
	return o
}

// contexts is the texts in which testdata/reference/unicode_tables.py tries a code point.
func contexts(c rune) [3]string {
	s := string(c)
	return [3]string{
		"a" + s + "b",
		"a\u0323" + s + "\u0301\u302e" + s + "\U0001d165" + s,
		s + s,
	}
}

// TestEveryCodePoint compares what normalisation and splitting make of each
// Unicode scalar value, under several options, with what the reference made.
func TestEveryCodePoint(t *testing.T) {
	if raceDetector {
		t.Skip("There is nothing concurrent here, and the race detector makes it take minutes.")
	}
	data, err := os.ReadFile(filepath.Join(repoRoot, "testdata", "tokens", "codepoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want codePointDigests
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for name, set := range want.Options {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := newCharTable(set.options())
			for block, digest := range set.Blocks {
				start := rune(block * want.Block)
				if got := blockDigest(table, start, start+rune(want.Block)); got != digest {
					t.Errorf("U+%04X..U+%04X: words differ from the reference", start, start+rune(want.Block)-1)
				}
			}
			if covered := len(set.Blocks) * want.Block; covered != utf8.MaxRune+1 {
				t.Errorf("covered %#x code points", covered)
			}
		})
	}
}

func blockDigest(table *charTable, lo, hi rune) string {
	h := sha256.New()
	for c := lo; c < hi; c++ {
		if !utf8.ValidRune(c) {
			continue
		}
		for _, text := range contexts(c) {
			h.Write([]byte(strings.Join(wordsOf(table, text), "\x00") + "\x00\n"))
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// TestCombiningClass checks the look-up against the table itself.
func TestCombiningClass(t *testing.T) {
	classes := make(map[rune]rune)
	each(combiningClasses, func(c, class rune) { classes[c] = class })
	for c := rune(0); c <= utf8.MaxRune; c++ {
		if got := combiningClass(c); got != classes[c] {
			t.Fatalf("combiningClass(%U) = %d, want %d", c, got, classes[c])
		}
	}
}

// TestTablesAreSorted checks what binary search depends on.
func TestTablesAreSorted(t *testing.T) {
	last := rune(-1)
	for _, v := range combiningClasses {
		if v.lo <= last || v.hi < v.lo || (v.hi-v.lo)%v.stride != 0 {
			t.Errorf("combiningClasses: %U..%U is out of order", v.lo, v.hi)
		}
		last = v.hi
	}
}

func TestPreTokenizer(t *testing.T) {
	uncased := newCharTable(bertOptions{true, true, true, true})
	for _, tc := range []struct{ name, text, want string }{
		{"accents", "São Poincaré Gödel İstanbul", "sao|poincare|godel|istanbul"},
		{"decomposed accents", "Sa\u0303o e\u0301", "sao|e"},
		{"punctuation", "it's (a) b.", "it|'|s|(|a|)|b|."},
		{"punctuation with an overlay", "a\u2260b", "a|=|b"},
		{"chinese", "深x度", "深|x|度"},
		{"chinese left out by the reference", "\U0002b820a", "\U0002b820a"},
		{"compatibility ideograph", "a\uf900b", "a|\u8c48|b"},
		{"hangul", "한", "\u1112\u1161\u11ab"},
		{"controls vanish inside a word", "a\x00b\u200dc\u00add", "abcd"},
		{"white space", "\ta\u3000b\u00a0\n", "a|b"},
		{"only what vanishes", "\u0301\u200b\x00", ""},
		{"marks that stay are ordered", "\U0001d157\U0001d16d\U0001d165", "\U0001d157\U0001d165\U0001d16d"},
		{"a mark that goes bounds the order", "\u302e\u0d41\U0001d165\u302e", "\u302e\U0001d165\u302e"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := strings.Join(wordsOf(uncased, tc.text), "|"); got != tc.want {
				t.Errorf("words of %q are %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

// TestDecodeRune has the examples of The Unicode Standard, table 3-8, and what
// Python makes of them.
func TestDecodeRune(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82A", "????????A"},
		{"\xed\xa0\x80\xed\xbf\xbf\xed\xafA", "????????A"},
		{"\xf4\x91\x92\x93\xffA\x80\xbfB", "?????A??B"},
		{"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA", "????A"},
		{"\xe2\x82", "?"},
		{"\xf0\x9f\x98", "?"},
		{"a\xf0\x9f\x98\x80b", "a\U0001f600b"},
		{"\xfe\xff", "??"},
		{"\xc3\x28", "?("},
		{"\xef\xbf\xbd", "?"},
	} {
		var got []rune
		for at := 0; at < len(tc.in); {
			r, size := decodeRune(tc.in[at:])
			got = append(got, r)
			at += size
		}
		if want := strings.ReplaceAll(tc.want, "?", "\uFFFD"); string(got) != want {
			t.Errorf("%q decodes to %q, want %q", tc.in, string(got), want)
		}
	}
}
