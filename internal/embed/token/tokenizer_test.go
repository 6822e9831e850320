package token

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// small is a BERT tokenizer with a vocabulary that fits on a page.
const small = `{
 "version": "1.0",
 "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0},
 "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
 "added_tokens": [
  {"id": 0, "special": true, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
  {"id": 1, "special": true, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
  {"id": 2, "special": true, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false},
  {"id": 3, "special": true, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}
 ],
 "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
 "pre_tokenizer": {"type": "BertPreTokenizer"},
 "post_processor": {"type": "TemplateProcessing",
  "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
  "pair": [],
  "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
 "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
 "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
  "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "sao": 4, "##s": 5, "pa": 6, "##per": 7, "[": 8, "]": 9, "sep": 10, "São": 11, "a": 12, "##a": 13, "中": 14, ".": 15, "é": 16, "\ufffd": 17, "##\ufffd": 18}}
}`

func loadJSON(tb testing.TB, json string) *Tokenizer {
	tb.Helper()
	t, err := Load([]byte(json))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// replaced is small with one part replaced by another.
func replaced(tb testing.TB, old, new string) string {
	tb.Helper()
	if strings.Count(small, old) != 1 {
		tb.Fatalf("%q is there %d times", old, strings.Count(small, old))
	}
	return strings.Replace(small, old, new, 1)
}

func TestEncode(t *testing.T) {
	tok := loadJSON(t, small)
	if !tok.Exact() {
		t.Error("a BERT tokenizer is not exact")
	}
	text := "São papers. [SEP]中"
	e := mustEncode(t, tok, text, Options{WithOffsets: true, WithPieces: true})
	wantPieces := []string{"[CLS]", "sao", "pa", "##per", "##s", ".", "[", "sep", "]", "中", "[SEP]"}
	wantText := []string{"", "São", "pa", "per", "s", ".", "[", "SEP", "]", "中", ""}
	if !slices.Equal(e.Pieces, wantPieces) {
		t.Errorf("pieces %q, want %q", e.Pieces, wantPieces)
	}
	for i, o := range e.Offsets {
		if text[o[0]:o[1]] != wantText[i] {
			t.Errorf("offsets of %q are those of %q", e.Pieces[i], text[o[0]:o[1]])
		}
	}
	if e.Tokens != 11 || e.Truncated {
		t.Errorf("Tokens = %d, Truncated = %t", e.Tokens, e.Truncated)
	}
	if e.Offsets[10] != [2]int{} {
		t.Errorf("the last special token has offsets %v", e.Offsets[10])
	}
	plain := mustEncode(t, tok, text, Options{})
	if plain.Offsets != nil || plain.Pieces != nil {
		t.Error("offsets or pieces that were not asked for")
	}
}

func TestMaxTokens(t *testing.T) {
	tok := loadJSON(t, small)
	const text = "a " + "a papers a" // 6 tokens and 2 special ones
	for _, tc := range []struct {
		limit     int
		countAll  bool
		ids       []int64
		tokens    int
		truncated bool
	}{
		{0, false, []int64{2, 12, 12, 6, 7, 5, 12, 3}, 8, false},
		{9, false, []int64{2, 12, 12, 6, 7, 5, 12, 3}, 8, false},
		{8, false, []int64{2, 12, 12, 6, 7, 5, 12, 3}, 8, false},
		{7, false, []int64{2, 12, 12, 6, 7, 5, 3}, 0, true},
		{7, true, []int64{2, 12, 12, 6, 7, 5, 3}, 8, true},
		{5, true, []int64{2, 12, 12, 6, 3}, 8, true}, // within a word
		{5, false, []int64{2, 12, 12, 6, 3}, 0, true},
		{3, true, []int64{2, 12, 3}, 8, true},
		{2, true, []int64{2, 3}, 8, true},
		{2, false, []int64{2, 3}, 0, true},
	} {
		e := mustEncode(t, tok, text, Options{MaxTokens: tc.limit, CountAll: tc.countAll, WithOffsets: true, WithPieces: true})
		if !slices.Equal(e.IDs, tc.ids) || e.Tokens != tc.tokens || e.Truncated != tc.truncated {
			t.Errorf("MaxTokens %d, CountAll %t: %v, %d tokens, truncated %t", tc.limit, tc.countAll, e.IDs, e.Tokens, e.Truncated)
		}
		if len(e.Offsets) != len(e.IDs) || len(e.Pieces) != len(e.IDs) {
			t.Errorf("MaxTokens %d: %d ids, %d offsets, %d pieces", tc.limit, len(e.IDs), len(e.Offsets), len(e.Pieces))
		}
	}
	for _, limit := range []int{1, -1, -1 << 62} {
		if _, err := tok.Encode(text, Options{MaxTokens: limit}); !errors.Is(err, ErrOptions) {
			t.Errorf("MaxTokens %d: error %v, want ErrOptions", limit, err)
		}
	}
	if e := mustEncode(t, tok, "", Options{MaxTokens: 2}); e.Truncated || e.Tokens != 2 {
		t.Errorf("an empty text is truncated: %+v", e)
	}
}

// TestInvalidUTF8 has what the reference gives for the text that Python's
// bytes.decode("utf-8", "replace") gives, with clean_text on, which deletes
// U+FFFD, and off, which does not.
func TestInvalidUTF8(t *testing.T) {
	clean := loadJSON(t, small)
	unclean := loadJSON(t, replaced(t, `"clean_text": true`, `"clean_text": false`))
	for _, tc := range []struct {
		text           string
		clean, unclean []int64
	}{
		{"\xff", nil, []int64{17}},
		{"a\xffa", []int64{12, 13}, []int64{12, 18, 13}},
		{"\xff\xff\xff", nil, []int64{17, 18, 18}},
		{"\xe4\xb8", nil, []int64{17}},
		{"\xe4\xb8 \xe4", nil, []int64{17, 17}},
		{"\xe4\xb8\xad\xe4", []int64{14}, []int64{14, 17}},
		{"\xed\xa0\x80", nil, []int64{17, 18, 18}},
		{"\xc0\x80", nil, []int64{17, 18}},
		{"\xf0\x9f\x98", nil, []int64{17}},
		{"\xf4\x90\x80\x80", nil, []int64{17, 18, 18, 18}},
		{"pa\xfeper", []int64{6, 7}, []int64{6, 18, 7}},
		{"s\xc3\xa3o\xc3", []int64{4}, []int64{4, 18}},
		{"\x80.\x80", []int64{15}, []int64{17, 15, 17}},
		{"\xef\xbf\xbd", nil, []int64{17}},
		{"a\x00\xff\x00a", []int64{12, 13}, []int64{1}},
	} {
		for _, way := range []struct {
			name string
			tok  *Tokenizer
			want []int64
		}{{"clean", clean, tc.clean}, {"unclean", unclean, tc.unclean}} {
			e := mustEncode(t, way.tok, tc.text, Options{WithOffsets: true})
			want := slices.Concat([]int64{2}, way.want, []int64{3})
			if !slices.Equal(e.IDs, want) {
				t.Errorf("%s: ids of %q are %v, want %v", way.name, tc.text, e.IDs, want)
			}
			checkOffsets(t, tc.text, e)
		}
	}
	e := mustEncode(t, unclean, "\xff\xe4\xb8.\xffa", Options{WithOffsets: true})
	if want := [][2]int{{0, 0}, {0, 1}, {1, 3}, {3, 4}, {4, 5}, {5, 6}, {0, 0}}; !slices.Equal(e.Offsets, want) {
		t.Errorf("offsets %v, want %v", e.Offsets, want)
	}
}

// checkOffsets checks what holds for the offsets of any text.
func checkOffsets(tb reporter, text string, e Encoding) {
	tb.Helper()
	if len(e.Offsets) != len(e.IDs) {
		tb.Fatalf("%d offsets for %d ids", len(e.Offsets), len(e.IDs))
	}
	last := 0
	for i := 1; i < len(e.Offsets)-1; i++ {
		o := e.Offsets[i]
		if o[0] < last || o[1] < o[0] || o[1] > len(text) {
			tb.Fatalf("offset %d is %v after %d in %d bytes", i, o, last, len(text))
		}
		last = o[0]
	}
}

// TestSpecialTokensStayText tries to smuggle special tokens in.
func TestSpecialTokensStayText(t *testing.T) {
	tok := loadJSON(t, small)
	for _, text := range []string{"[SEP]", "[CLS][SEP]", "a[SEP]a", "[sep]", "[S\x00EP]", "[S\u200bEP]", "[SE\u0301P]", "［SEP］", "[PAD] [UNK] [MASK]", " [SEP] "} {
		e := mustEncode(t, tok, text, Options{})
		for _, id := range e.IDs[1 : len(e.IDs)-1] {
			if id != 1 && id < 4 {
				t.Errorf("%q makes special token %d: %v", text, id, e.IDs)
			}
		}
	}
	// The reference would give 10 for "sep" here; see the package's caveats.
	plainWord := loadJSON(t, replaced(t, `"content": "[PAD]"`, `"content": "sep"`))
	if e := mustEncode(t, plainWord, "sep", Options{}); !slices.Equal(e.IDs, []int64{2, 1, 3}) {
		t.Errorf("a special token that is a word: %v", e.IDs)
	}
}

func TestModelOptions(t *testing.T) {
	for _, tc := range []struct {
		name, old, new, text string
		want                 []int64
	}{
		{"cased", `"lowercase": true`, `"lowercase": false`, "São sao a", []int64{2, 11, 4, 12, 3}},
		{"accents stripped, case kept", `"strip_accents": null, "lowercase": true`, `"strip_accents": true, "lowercase": false`, "São é sáo", []int64{2, 1, 1, 4, 3}},
		{"accents kept", `"strip_accents": null`, `"strip_accents": false`, "É", []int64{2, 16, 3}},
		{"no spaces around Chinese", `"handle_chinese_chars": true`, `"handle_chinese_chars": false`, "中中", []int64{2, 1, 3}},
		{"another prefix", `"continuing_subword_prefix": "##"`, `"continuing_subword_prefix": "[U"`, "pas", []int64{2, 1, 3}},
		{"no prefix", `"continuing_subword_prefix": "##"`, `"continuing_subword_prefix": ""`, "paa", []int64{2, 6, 12, 3}},
		{"short words only", `"max_input_chars_per_word": 100`, `"max_input_chars_per_word": 2`, "pa sao aa", []int64{2, 6, 1, 12, 13, 3}},
		{"no words", `"max_input_chars_per_word": 100`, `"max_input_chars_per_word": 0`, "pa .", []int64{2, 1, 1, 3}},
		{"no type", `"type": "WordPiece", "unk_token"`, `"unk_token"`, "papers", []int64{2, 6, 7, 5, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok := loadJSON(t, replaced(t, tc.old, tc.new))
			e := mustEncode(t, tok, tc.text, Options{WithOffsets: true})
			if !slices.Equal(e.IDs, tc.want) {
				t.Errorf("ids %v, want %v", e.IDs, tc.want)
			}
			checkOffsets(t, tc.text, e)
		})
	}
}

func TestPostProcessors(t *testing.T) {
	cut := strings.Index(small, `{"type": "TemplateProcessing"`)
	end := strings.Index(small, ` "decoder"`)
	for _, tc := range []struct {
		name, processor string
		want            []int64
		err             error
	}{
		{"none", `null`, []int64{12}, nil},
		{"BertProcessing", `{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}`, []int64{2, 12, 3}, nil},
		{"RobertaProcessing", `{"type": "RobertaProcessing", "sep": ["</s>", 9], "cls": ["<s>", 8], "trim_offsets": true, "add_prefix_space": false}`, []int64{8, 12, 9}, nil},
		{"ByteLevel", `{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false}`, []int64{12}, nil},
		{"Sequence", `{"type": "Sequence", "processors": [{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}, {"type": "BertProcessing", "sep": ["s", 5], "cls": ["c", 6]}]}`, []int64{6, 2, 12, 3, 5}, nil},
		{"two tokens in front", `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"x": {"id": "x", "ids": [2, 3], "tokens": ["[CLS]", "[SEP]"]}}}`, []int64{2, 3, 12}, nil},
		{"no text", `{"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}`, nil, ErrUnsupported},
		{"text twice", `{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}}`, nil, ErrUnsupported},
		{"pair text", `{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}], "special_tokens": {}}`, nil, ErrUnsupported},
		{"undefined", `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}}`, nil, ErrInvalid},
		{"neither", `{"type": "TemplateProcessing", "single": [{}], "special_tokens": {}}`, nil, ErrInvalid},
		{"no sep", `{"type": "BertProcessing", "cls": ["[CLS]", 2]}`, nil, ErrInvalid},
		{"odd sep", `{"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": [3]}`, nil, ErrInvalid},
		{"negative id", `{"type": "BertProcessing", "cls": ["[CLS]", -2], "sep": ["[SEP]", 3]}`, nil, ErrInvalid},
		{"unknown", `{"type": "Surprise"}`, nil, ErrUnsupported},
		{"no object", `7`, nil, ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok, err := Load([]byte(small[:cut] + tc.processor + ",\n" + small[end:]))
			if tc.err != nil {
				if !errors.Is(err, tc.err) {
					t.Fatalf("error %v, want %v", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			e := mustEncode(t, tok, "a", Options{WithOffsets: true, WithPieces: true})
			if !slices.Equal(e.IDs, tc.want) {
				t.Errorf("ids %v, want %v", e.IDs, tc.want)
			}
			before, after := tok.SpecialTokens()
			if got := slices.Concat(before, []int64{12}, after); !slices.Equal(got, tc.want) {
				t.Errorf("SpecialTokens gives %v", got)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	for _, tc := range []struct {
		name, json string
		want       error
	}{
		{"empty", ``, ErrInvalid},
		{"no JSON", `hello`, ErrInvalid},
		{"null", `null`, ErrInvalid},
		{"array", `[]`, ErrInvalid},
		{"no model", `{}`, ErrInvalid},
		{"cut off", small[:len(small)/2], ErrInvalid},
		{"unknown model", replaced(t, `"type": "WordPiece", "unk_token"`, `"type": "Magic", "unk_token"`), ErrUnsupported},
		{"unknown token missing", replaced(t, `"unk_token": "[UNK]"`, `"unk_token": "[NOPE]"`), ErrInvalid},
		{"no unknown token", replaced(t, `"unk_token": "[UNK]", `, ``), ErrInvalid},
		{"no prefix", replaced(t, `"continuing_subword_prefix": "##", `, ``), ErrInvalid},
		{"no longest word", replaced(t, `"max_input_chars_per_word": 100,`, ``), ErrInvalid},
		{"negative longest word", replaced(t, `"max_input_chars_per_word": 100`, `"max_input_chars_per_word": -1`), ErrInvalid},
		{"fractional id", replaced(t, `"sao": 4`, `"sao": 4.5`), ErrInvalid},
		{"huge id", replaced(t, `"sao": 4`, `"sao": 99999999999`), ErrInvalid},
		{"negative id", replaced(t, `"sao": 4`, `"sao": -4`), ErrInvalid},
		{"text id", replaced(t, `"sao": 4`, `"sao": "4"`), ErrInvalid},
		{"empty vocabulary", `{"model": {"type": "WordPiece", "vocab": {}}}`, ErrInvalid},
		{"no clean_text", replaced(t, `"clean_text": true, `, ``), ErrInvalid},
		{"odd clean_text", replaced(t, `"clean_text": true`, `"clean_text": "yes"`), ErrInvalid},
		{"empty added token", replaced(t, `"content": "[PAD]"`, `"content": ""`), ErrInvalid},
		{"added token's id", replaced(t, `{"id": 0, "special"`, `{"id": -1, "special"`), ErrInvalid},
		{"added token that is not special", replaced(t, `{"id": 0, "special": true`, `{"id": 0, "special": false`), ErrUnsupported},
		{"component without type", replaced(t, `{"type": "BertPreTokenizer"}`, `{}`), ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok, err := Load([]byte(tc.json))
			if !errors.Is(err, tc.want) || tok != nil {
				t.Errorf("Load gives %v and error %v, want %v", tok, err, tc.want)
			}
		})
	}
}

func TestSingleSequenceIsUnwrapped(t *testing.T) {
	json := replaced(t, `{"type": "BertPreTokenizer"}`, `{"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}]}`)
	if !loadJSON(t, json).Exact() {
		t.Error("a Sequence of one pre-tokenizer is not recognised")
	}
}

func TestFacts(t *testing.T) {
	tok := model(t)
	if !tok.Exact() || tok.VocabSize() != 30522 {
		t.Errorf("Exact %t, VocabSize %d", tok.Exact(), tok.VocabSize())
	}
	if len(tok.Digest()) != 64 {
		t.Errorf("digest %q", tok.Digest())
	}
	before, after := tok.SpecialTokens()
	if !slices.Equal(before, []int64{101}) || !slices.Equal(after, []int64{102}) {
		t.Errorf("special tokens %v %v", before, after)
	}
	before[0] = 7 // must be a copy
	if again, _ := tok.SpecialTokens(); again[0] != 101 {
		t.Error("SpecialTokens hands out its own slice")
	}
}

// TestHugeTexts checks that the cost of a cut text is that of its beginning.
func TestHugeTexts(t *testing.T) {
	tok := loadJSON(t, small)
	size := 16 << 20
	if raceDetector {
		size = 1 << 20
	}
	for _, tc := range []struct {
		name, text string
		want       int
		truncated  bool
	}{
		{"words", strings.Repeat("paper ", size/6), 256, true},
		{"one word", strings.Repeat("a", size), 3, false},
		{"one word in capitals with accents", strings.Repeat("É", size/2), 3, false},
		{"white space", strings.Repeat(" ", size), 2, false},
		{"NUL", strings.Repeat("\x00", size), 2, false},
		{"combining marks", strings.Repeat("\u0301", size/2), 2, false},
		{"marks that stay", strings.Repeat("\u302f\u302e", size/6), 3, false},
		{"not UTF-8", strings.Repeat("\xff", size), 2, false},
		{"punctuation", strings.Repeat(".", size), 256, true},
		{"Chinese", strings.Repeat("中", size/3), 256, true},
		{"words, then white space", strings.Repeat("a ", 254) + strings.Repeat(" ", size), 256, false},
		{"a word too many at the end", strings.Repeat("a ", 254) + strings.Repeat(" ", size) + "a", 256, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			e := mustEncode(t, tok, tc.text, Options{MaxTokens: 256, WithOffsets: true})
			if len(e.IDs) != tc.want || e.Truncated != tc.truncated {
				t.Errorf("%d ids, truncated %t; want %d, %t", len(e.IDs), e.Truncated, tc.want, tc.truncated)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			checkOffsets(t, tc.text, e)
		})
	}
	all := mustEncode(t, tok, strings.Repeat("papers ", 1<<20), Options{MaxTokens: 256, CountAll: true})
	if all.Tokens != 3<<20+2 || len(all.IDs) != 256 || !all.Truncated {
		t.Errorf("counted %d tokens, returned %d", all.Tokens, len(all.IDs))
	}
}

func TestAllocations(t *testing.T) {
	tok := loadJSON(t, small)
	text := strings.Repeat("São papers. ", 30)
	mustEncode(t, tok, text, Options{}) // fill the pool
	if n := testing.AllocsPerRun(100, func() { mustEncode(t, tok, text, Options{MaxTokens: 64}) }); n > 2 && !raceDetector {
		t.Errorf("%v allocations for one text", n)
	}
}

// TestConcurrentUse is for the race detector, and checks that goroutines do
// not get each other's tokens.
func TestConcurrentUse(t *testing.T) {
	tok := loadJSON(t, small)
	texts := []string{"papers", "São a [SEP]", "", "中中中", strings.Repeat("a ", 500), "\xff\u302e\u302f"}
	want := make([]Encoding, len(texts))
	for i, text := range texts {
		want[i] = mustEncode(t, tok, text, Options{MaxTokens: 100, WithOffsets: true})
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				k := (i + g) % len(texts)
				e, err := tok.Encode(texts[k], Options{MaxTokens: 100, WithOffsets: true})
				if err != nil || !slices.Equal(e.IDs, want[k].IDs) || !slices.Equal(e.Offsets, want[k].Offsets) {
					t.Errorf("%.40q: %v, %v", texts[k], e.IDs, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestResultsAreOwned checks that an Encoding does not share memory with the
// next one.
func TestResultsAreOwned(t *testing.T) {
	tok := loadJSON(t, small)
	first := mustEncode(t, tok, "papers", Options{WithOffsets: true})
	keep := slices.Clone(first.IDs)
	for range 10 {
		mustEncode(t, tok, "a . a . a", Options{WithOffsets: true})
	}
	if !slices.Equal(first.IDs, keep) {
		t.Error("a later call changed the ids of an earlier one")
	}
}

// TestLoadKeepsInput checks that Load does not write to its argument.
func TestLoadKeepsInput(t *testing.T) {
	data := []byte(small)
	keep := bytes.Clone(data)
	if _, err := Load(data); err != nil || !bytes.Equal(data, keep) {
		t.Errorf("Load changed its input, error %v", err)
	}
}

// Words that were split lately have the pieces that they had: ids without offsets, which
// remember, are those with offsets, which do not; also of words that push each other out.
func TestKnownWords(t *testing.T) {
	tok := model(t)
	random := rand.New(rand.NewPCG(4, 4))
	var words []string
	for range 6000 {
		var w strings.Builder
		for range 1 + random.IntN(12) {
			w.WriteRune([]rune("abcdefgàé中Ω1-")[random.IntN(13)])
		}
		words = append(words, w.String())
	}
	words = append(words, strings.Repeat("a", longestKnown), strings.Repeat("a", longestKnown+1), strings.Repeat("b", 120))
	for range 40 {
		var text strings.Builder
		for range 400 {
			text.WriteString(words[min(random.IntN(len(words)), random.IntN(len(words)))] + " ")
		}
		plain := mustEncode(t, tok, text.String(), Options{})
		spans := mustEncode(t, tok, text.String(), Options{WithOffsets: true})
		if !slices.Equal(plain.IDs, spans.IDs) {
			t.Fatalf("%q has other tokens once its words are known", text.String())
		}
	}
}
