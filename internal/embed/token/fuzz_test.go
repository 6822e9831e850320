package token

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkEncoding checks what holds for every text.
func checkEncoding(tb reporter, tok *Tokenizer, text string, limit int) {
	tb.Helper()
	whole := mustEncode(tb, tok, text, Options{WithOffsets: true, WithPieces: true})
	before, after := tok.SpecialTokens()
	specials := append(slices.Clone(before), after...)
	unknown := tok.encoder.(*bert).pieces.unknown
	inside := whole.IDs[len(before) : len(whole.IDs)-len(after)]
	for _, id := range inside {
		if id < 0 || id >= int64(tok.VocabSize()) {
			tb.Fatalf("%q: id %d is not in the vocabulary", text, id)
		}
		if id != unknown && slices.Contains(specials, id) {
			tb.Fatalf("%q: special id %d from text", text, id)
		}
	}
	if !slices.Equal(whole.IDs[:len(before)], before) || !slices.Equal(whole.IDs[len(before)+len(inside):], after) {
		tb.Fatalf("%q: a special token is missing in %v", text, whole.IDs)
	}
	if whole.Truncated || whole.Tokens != len(whole.IDs) {
		tb.Fatalf("%q: %d of %d tokens", text, len(whole.IDs), whole.Tokens)
	}
	checkOffsets(tb, text, whole)
	if !utf8.ValidString(text) {
		if again := mustEncode(tb, tok, replaceInvalid(text), Options{}); !slices.Equal(again.IDs, whole.IDs) {
			tb.Fatalf("%q: repaired it gives %v instead of %v", text, again.IDs, whole.IDs)
		}
	}
	checkCut(tb, tok, text, limit, whole)
}

// checkCut checks that a limit changes nothing but the length.
func checkCut(tb reporter, tok *Tokenizer, text string, limit int, whole Encoding) {
	tb.Helper()
	before, after := tok.SpecialTokens()
	limit = max(limit, len(before)+len(after))
	room := min(limit-len(before)-len(after), len(whole.IDs)-len(before)-len(after))
	wantIDs := slices.Concat(whole.IDs[:len(before)+room], after)
	for _, countAll := range []bool{false, true} {
		cut := mustEncode(tb, tok, text, Options{MaxTokens: limit, CountAll: countAll, WithOffsets: true})
		if !slices.Equal(cut.IDs, wantIDs) || cut.Truncated != (len(wantIDs) < len(whole.IDs)) {
			tb.Fatalf("%q cut at %d: %v of %v, truncated %t", text, limit, cut.IDs, whole.IDs, cut.Truncated)
		}
		if !slices.Equal(cut.Offsets[:len(before)+room], whole.Offsets[:len(before)+room]) {
			tb.Fatalf("%q cut at %d: offsets %v of %v", text, limit, cut.Offsets, whole.Offsets)
		}
		if countAll && cut.Tokens != whole.Tokens {
			tb.Fatalf("%q cut at %d: counted %d of %d", text, limit, cut.Tokens, whole.Tokens)
		}
	}
}

func replaceInvalid(text string) string {
	return string(alignedText(text).text)
}

// unclean is small with clean_text off, under which more reaches WordPiece.
var unclean = strings.Replace(small, `"clean_text": true`, `"clean_text": false`, 1)

func FuzzEncode(f *testing.F) {
	for _, c := range hardCases(f) {
		if len(c.Text) < 200 {
			f.Add(c.Text, 8)
		}
	}
	for _, s := range []string{"\xff", "\xe4\xb8", "\xed\xa0\x80", "a\xf0\x9f\x98b", "\xc0\x80", "\xf4\x90\x80\x80", "[S\xffEP]", "\u302e\xff\u302f"} {
		f.Add(s, 3)
	}
	toks := []*Tokenizer{loadJSON(f, small), loadJSON(f, unclean)}
	if t, err := loadModel(); err == nil {
		toks = append(toks, t)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		for _, tok := range toks {
			checkEncoding(t, tok, text, limit)
		}
	})
}

// FuzzSugarme looks for texts on which sugarme takes the process down, which
// the guard cannot prevent.
func FuzzSugarme(f *testing.F) {
	for _, c := range hardCases(f) {
		if len(c.Text) < 100 {
			f.Add(c.Text)
		}
	}
	f.Add("a \xff</s>")
	var toks []*Tokenizer
	for _, name := range []string{"bpe", "precompiled", "unigram", "wordlevel", "wordpiece"} {
		toks = append(toks, loadJSON(f, definitionJSON(f, name)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			e, err := tok.Encode(text, Options{MaxTokens: 32, WithOffsets: true})
			if err != nil {
				continue
			}
			for _, id := range e.IDs {
				if id < 0 || id >= int64(tok.VocabSize()) {
					t.Fatalf("%q: id %d is not in the vocabulary", text, id)
				}
			}
			last := 0
			for i, o := range e.Offsets[:len(e.Offsets)-min(1, len(e.Offsets))] {
				if i > 0 && o[0] < last || o[1] < o[0] || o[1] > len(text) {
					t.Fatalf("%q: offset %d is %v in %d bytes", text, i, o, len(text))
				}
				last = o[0]
			}
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(unclean))
	for _, name := range []string{"bpe", "precompiled", "unigram", "wordlevel", "wordpiece"} {
		f.Add([]byte(definitionJSON(f, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Load(data)
		if (err == nil) != (tok != nil) {
			t.Fatalf("tokenizer %v, error %v", tok, err)
		}
		if err == nil {
			tok.Encode("A [SEP] São \u4e2d", Options{WithOffsets: true, WithPieces: true})
		}
	})
}

// texts draws strings of the code points that are treated in special ways, of
// pieces of the vocabulary, and of bytes that are not UTF-8.
func texts() *rapid.Generator[string] {
	pools := specialPools()
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 30).Draw(t, "parts") {
			switch pool := rapid.IntRange(0, len(pools)+1).Draw(t, "pool"); pool {
			case len(pools):
				b.WriteString(rapid.SampledFrom([]string{"papers", "São", "[SEP]", "[CLS]", "##s", "unaffable"}).Draw(t, "piece"))
			case len(pools) + 1:
				b.WriteByte(byte(rapid.IntRange(0x80, 0xFF).Draw(t, "byte")))
			default:
				b.WriteRune(rapid.SampledFrom(pools[pool]).Draw(t, "rune"))
			}
		}
		return b.String()
	})
}

func TestEncodeProperties(t *testing.T) {
	toks := []*Tokenizer{loadJSON(t, small), loadJSON(t, unclean)}
	if tok, err := loadModel(); err == nil {
		toks = append(toks, tok)
	}
	gen := texts()
	rapid.Check(t, func(rt *rapid.T) {
		text, limit := gen.Draw(rt, "text"), rapid.IntRange(2, 40).Draw(rt, "limit")
		for _, tok := range toks {
			checkEncoding(rt, tok, text, limit)
		}
	})
}

// TestConcatenation checks that words do not influence each other.
func TestConcatenation(t *testing.T) {
	tok := loadJSON(t, small)
	gen := texts()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := gen.Draw(rt, "a"), gen.Draw(rt, "b")
		inner := func(s string) []int64 {
			ids := mustEncode(rt, tok, s, Options{}).IDs
			return ids[1 : len(ids)-1]
		}
		if got := inner(a + " " + b); !slices.Equal(got, slices.Concat(inner(a), inner(b))) {
			rt.Fatalf("%q and %q: %v", a, b, got)
		}
	})
}
