package token

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// definitionJSON reads one of the small tokenizers of other families.
func definitionJSON(tb testing.TB, name string) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(repoRoot, "testdata", "tokens", "definitions", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// TestSugarme has texts on which sugarme and the reference agree, and what the
// guard makes of those on which they must not: special tokens in the text.
func TestSugarme(t *testing.T) {
	for _, tc := range []struct {
		definition, text string
		want             []int64
	}{
		{"bpe", "", []int64{0, 2}},
		{"bpe", "a paper", []int64{0, 68, 264, 2}},
		{"bpe", "papers", []int64{0, 263, 86, 2}},
		{"bpe", "</s>", []int64{0, 31, 18, 86, 33, 2}},
		{"bpe", "é中\x00", []int64{0, 131, 106, 164, 120, 259, 192, 2}},
		{"bpe", "a\xff", []int64{0, 68, 175, 127, 125, 2}},
		{"unigram", "a paper", []int64{0, 6, 4, 1}},
		{"unigram", "papers", []int64{0, 4, 5, 1}},
		{"unigram", "paper</s>", []int64{0, 4, 2, 1}}, // the reference lets 1 through
		{"precompiled", "A PaPers", []int64{0, 6, 3, 2, 7, 2, 9, 10, 5, 1}},
		{"precompiled", "\ufb01 a\ufb01", []int64{0, 3, 14, 15, 6, 14, 15, 1}},
		// Of these, sugarme v0.3.0 gave up: their end has fewer characters than the text.
		{"precompiled", "a pape\u0301", []int64{0, 6, 3, 8, 7, 8, 16, 1}},
		{"precompiled", "e\u0301e\u0301", []int64{0, 3, 16, 16, 1}},
		{"wordlevel", "a paper", []int64{3, 2}},
		{"wordlevel", "A [SEP] paper", []int64{3, 0, 2}},
		{"wordlevel", "a covid-19 paper", []int64{3, 4, 2}},
		{"wordpiece", "São PAPERS", []int64{5, 6, 2, 3, 1}},
		{"wordpiece", "a [SEP] paper", []int64{5, 4, 7, 0, 8, 2, 1}},
	} {
		tok := loadJSON(t, definitionJSON(t, tc.definition))
		if tok.Exact() {
			t.Errorf("%s claims to be exact", tc.definition)
		}
		e := mustEncode(t, tok, tc.text, Options{WithOffsets: true, WithPieces: true})
		if !slices.Equal(e.IDs, tc.want) || e.Truncated || e.Tokens != len(tc.want) {
			t.Errorf("%s: ids of %q are %v, want %v", tc.definition, tc.text, e.IDs, tc.want)
		}
		checkOffsets(t, tc.text, e)
	}
}

// TestSugarmeForbidden checks that no text makes a special token, whatever
// sugarme does with it.
func TestSugarmeForbidden(t *testing.T) {
	for _, name := range []string{"bpe", "unigram", "wordlevel", "wordpiece"} {
		tok := loadJSON(t, definitionJSON(t, name))
		guarded := tok.encoder.(*sugarme)
		before, after := tok.SpecialTokens()
		for _, text := range []string{"<s>", "</s>", "<unk>", "<pad>", "[SEP]", "[UNK]", "a </s> a", "</s></s>", "\u2581</s>", "[sep]"} {
			e := mustEncode(t, tok, text, Options{})
			for _, id := range e.IDs[len(before) : len(e.IDs)-len(after)] {
				if guarded.forbidden[int(id)] {
					t.Errorf("%s: %q makes special token %d: %v", name, text, id, e.IDs)
				}
			}
		}
	}
}

func TestSugarmeMaxTokens(t *testing.T) {
	for _, name := range []string{"bpe", "unigram", "wordlevel", "wordpiece"} {
		tok := loadJSON(t, definitionJSON(t, name))
		text := strings.Repeat("a paper ", 2000)
		whole := mustEncode(t, tok, text, Options{})
		before, after := tok.SpecialTokens()
		for _, limit := range []int{2, 3, 10, 256, 5000} {
			want := whole.IDs
			if len(want) > limit {
				want = slices.Concat(want[:limit-len(after)], after)
			}
			for _, countAll := range []bool{false, true} {
				e := mustEncode(t, tok, text, Options{MaxTokens: limit, CountAll: countAll, WithOffsets: true})
				if !slices.Equal(e.IDs, want) || e.Truncated != (len(want) < len(whole.IDs)) {
					t.Errorf("%s at %d: %d ids, truncated %t", name, limit, len(e.IDs), e.Truncated)
				}
				if countAll && e.Tokens != whole.Tokens {
					t.Errorf("%s at %d: counted %d, want %d", name, limit, e.Tokens, whole.Tokens)
				}
			}
		}
		if _, err := tok.Encode(text, Options{MaxTokens: len(before) + len(after) - 1}); len(before) > 0 && !errors.Is(err, ErrOptions) {
			t.Errorf("%s: a limit below the special tokens gives %v", name, err)
		}
	}
}

// TestSugarmeHugeText checks that a cut text is not read to its end.
func TestSugarmeHugeText(t *testing.T) {
	for _, name := range []string{"bpe", "unigram", "wordlevel", "wordpiece"} {
		tok := loadJSON(t, definitionJSON(t, name))
		start := time.Now()
		e := mustEncode(t, tok, strings.Repeat("a paper ", 2<<20), Options{MaxTokens: 256})
		if took := time.Since(start); len(e.IDs) != 256 || !e.Truncated || took > time.Minute {
			t.Errorf("%s: %d ids in %v", name, len(e.IDs), took)
		}
	}
}

// TestSugarmeSurvives feeds the hard texts to sugarme. Errors are fine, a
// crash or a wrong kind of error is not.
func TestSugarmeSurvives(t *testing.T) {
	for _, name := range []string{"bpe", "unigram", "wordlevel", "wordpiece"} {
		tok := loadJSON(t, definitionJSON(t, name))
		failed := 0
		for _, c := range hardCases(t) {
			if len(c.Text) > 600 {
				continue
			}
			for _, text := range []string{c.Text, c.Text + "\xff\xe4\xb8", strings.ToUpper(c.Text)} {
				e, err := tok.Encode(text, Options{MaxTokens: 64, WithOffsets: true, WithPieces: true})
				if err != nil {
					failed++
					if !errors.Is(err, ErrSugarme) {
						t.Errorf("%s: %.80q: %v", name, text, err)
					}
					continue
				}
				for _, id := range e.IDs {
					if id < 0 || id >= int64(tok.VocabSize()) {
						t.Errorf("%s: %.80q: id %d", name, text, id)
					}
				}
				if before, _ := tok.SpecialTokens(); len(before) > 0 {
					checkOffsets(t, text, e)
				}
			}
		}
		if failed > 0 {
			t.Errorf("%s: sugarme failed on %d texts, which it did not", name, failed)
		}
	}
}

// TestSugarmeConcurrentUse is for the race detector.
func TestSugarmeConcurrentUse(t *testing.T) {
	for _, name := range []string{"bpe", "unigram", "wordlevel", "wordpiece"} {
		tok := loadJSON(t, definitionJSON(t, name))
		texts := []string{"a paper", "papers of a kind", "São covid-19", "</s> [SEP]"}
		var want [][]int64
		for _, text := range texts {
			want = append(want, mustEncode(t, tok, text, Options{}).IDs)
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 100 {
					k := (i + g) % len(texts)
					e, err := tok.Encode(texts[k], Options{WithOffsets: true})
					if err != nil || !slices.Equal(e.IDs, want[k]) {
						t.Errorf("%s: %q: %v, %v", name, texts[k], e.IDs, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// TestSugarmeRefusals has definitions that sugarme would misread or panic on.
func TestSugarmeRefusals(t *testing.T) {
	for _, tc := range []struct {
		name, definition, old, new string
		want                       error
	}{
		{"byte fallback", "bpe", `"byte_fallback": false`, `"byte_fallback": true`, ErrUnsupported},
		{"fused unknown tokens", "bpe", `"fuse_unk": false`, `"fuse_unk": true`, ErrUnsupported},
		{"odd fuse_unk", "bpe", `"fuse_unk": false`, `"fuse_unk": 3`, ErrInvalid},
		{"merge of unknown pieces", "bpe", `"p a"`, `"zz yy"`, ErrInvalid},
		{"odd merges", "bpe", `"merges": [`, `"merges": [[1], `, ErrInvalid},
		{"ByteLevel without splitting", "bpe", `"use_regex": true}, "post`, `"use_regex": false}, "post`, ErrUnsupported},
		{"unknown id out of range", "unigram", `"unk_id": 2`, `"unk_id": 200`, ErrInvalid},
		{"unigram vocabulary", "unigram", `"vocab": [`, `"vocab": [[1], `, ErrInvalid},
		{"unknown scheme", "unigram", `"prepend_scheme": "always"`, `"prepend_scheme": "sometimes"`, ErrInvalid},
		{"Nmt", "unigram", `"NFKC"`, `"Nmt"`, ErrUnsupported},
		{"Replace by expression", "unigram", `"type": "NFKC"`, `"type": "Replace", "pattern": {"Regex": "a+"}, "content": ""`, ErrUnsupported},
		{"odd Replace", "unigram", `"type": "NFKC"`, `"type": "Replace", "pattern": 7`, ErrInvalid},
		{"Precompiled in the middle", "unigram", `"normalizer": {`, `"normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""}, {"type": "NFKC"}]}, "x": {`, ErrUnsupported},
		{"BertNormalizer elsewhere", "unigram", `"NFKC"`, `"BertNormalizer"`, ErrUnsupported},
		{"odd charsmap", "unigram", `"type": "NFKC"`, `"type": "Precompiled", "precompiled_charsmap": "!"`, ErrInvalid},
		{"expression that Go lacks", "wordlevel", `"type": "WhitespaceSplit"`, `"type": "Split", "pattern": {"Regex": "\\s+(?!\\S)"}, "behavior": "Removed", "invert": false`, ErrUnsupported},
		{"Split without a pattern", "wordlevel", `"type": "WhitespaceSplit"`, `"type": "Split", "behavior": "Removed", "invert": false`, ErrInvalid},
		{"Split without behaviour", "wordlevel", `"type": "WhitespaceSplit"`, `"type": "Split", "pattern": {"String": " "}`, ErrInvalid},
		{"unknown pre_tokenizer", "wordlevel", `"WhitespaceSplit"`, `"Surprise"`, ErrUnsupported},
		{"id of an added token", "wordlevel", `"id": 4`, `"id": 40`, ErrUnsupported},
		{"sequence without a list", "wordpiece", `"normalizers"`, `"normalisers"`, ErrInvalid},
		{"prefix", "wordpiece", `"continuing_subword_prefix": "##"`, `"continuing_subword_prefix": "@@"`, ErrUnsupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			json := definitionJSON(t, tc.definition)
			if strings.Count(json, tc.old) != 1 {
				t.Fatalf("%q is there %d times", tc.old, strings.Count(json, tc.old))
			}
			if _, err := Load([]byte(strings.Replace(json, tc.old, tc.new, 1))); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// TestSugarmeCorrections checks what the guard straightens out for sugarme.
func TestSugarmeCorrections(t *testing.T) {
	split := strings.Replace(definitionJSON(t, "wordlevel"), `"type": "WhitespaceSplit"`,
		`"type": "Split", "pattern": {"String": "."}, "behavior": "Removed", "invert": false`, 1)
	if e := mustEncode(t, loadJSON(t, split), "a.paper.a", Options{}); !slices.Equal(e.IDs, []int64{3, 2, 3}) {
		t.Errorf("a literal Split pattern is taken for an expression: %v", e.IDs)
	}
	random := strings.Replace(definitionJSON(t, "bpe"), `"dropout": null`, `"dropout": 0.9`, 1)
	tok := loadJSON(t, random)
	for range 20 {
		if e := mustEncode(t, tok, "a paper", Options{}); !slices.Equal(e.IDs, []int64{0, 68, 264, 2}) {
			t.Fatalf("dropout is on: %v", e.IDs)
		}
	}
}

func TestAlignedText(t *testing.T) {
	text := "a\xff\u00e9\xe4\xb8z\xef\xbf\xbd\xf0\x9f\x98!"
	got := alignedText(text)
	if want := "a\uFFFD\u00e9\uFFFDz\uFFFD\uFFFD!"; string(got.text) != want {
		t.Fatalf("repaired to %q, want %q", got.text, want)
	}
	for _, part := range []string{"a", "\u00e9", "z", "!"} {
		at := strings.Index(string(got.text), part)
		if from := got.origin(at, at+len(part)); text[from.start:from.end] != part {
			t.Errorf("%q is said to be at %v", part, from)
		}
	}
}

// TestNormalizers checks normalizers and where their output comes from.
func TestNormalizers(t *testing.T) {
	for _, tc := range []struct{ normalizer, text, want string }{
		{`{"type": "NFC"}`, "e\u0301x", "\u00e9x"},
		{`{"type": "NFD"}`, "\u00e9x", "e\u0301x"},
		{`{"type": "NFKC"}`, "\ufb01x", "fix"},
		{`{"type": "NFKD"}`, "\uff21x", "Ax"},
		{`{"type": "Lowercase"}`, "\u0130\u00c9X", "i\u0307\u00e9x"},
		{`{"type": "StripAccents"}`, "e\u0301x", "ex"},
		{`{"type": "Strip", "strip_left": true, "strip_right": false}`, " \u00a0x ", "x "},
		{`{"type": "Strip", "strip_left": true, "strip_right": true}`, " \n ", ""},
		{`{"type": "Prepend", "prepend": "\u2581"}`, "x", "\u2581x"},
		{`{"type": "Prepend", "prepend": "\u2581"}`, "", ""},
		{`{"type": "Replace", "pattern": {"String": "aa"}, "content": "b"}`, "aaax", "bax"},
		{`{"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]}`, "\u00c9X", "ex"},
		{`null`, "\u00c9X", "\u00c9X"},
	} {
		list, rest, err := parseNormalizers([]byte(tc.normalizer))
		if err != nil || rest != nil {
			t.Fatalf("%s: %v, %s", tc.normalizer, err, rest)
		}
		got := alignedText(tc.text)
		for _, normalize := range list {
			got = normalize(got)
		}
		if string(got.text) != tc.want || len(got.from) != len(got.text) {
			t.Errorf("%s of %q is %q, want %q", tc.normalizer, tc.text, got.text, tc.want)
		}
		if n := len(got.text); n > 0 && got.text[n-1] == 'x' {
			if from := got.origin(n-1, n); !strings.EqualFold(tc.text[from.start:from.end], "x") {
				t.Errorf("%s of %q: the last letter is said to come from %v", tc.normalizer, tc.text, from)
			}
		}
	}
}

func TestCutPoint(t *testing.T) {
	for _, tc := range []struct {
		text       string
		size, want int
	}{
		{"abc", 5, 3},
		{"abc", 3, 3},
		{"ab cd ef", 7, 5},
		{"abcdefgh", 4, 4},
		{"ééé", 3, 2},
		{"\x80\x80\x80\x80\x80\x80\x80\x80", 6, 3},
		{"中中", 1, 0},
	} {
		if got := cutPoint(tc.text, tc.size); got != tc.want {
			t.Errorf("cutPoint(%q, %d) = %d, want %d", tc.text, tc.size, got, tc.want)
		}
	}
}
