package sentence_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"akin/internal/sentence"
)

// Borders are written as |.
func TestSplit(t *testing.T) {
	for name, text := range map[string]string{
		"plain":               "We train a model.| It works!| Does it?| Yes.",
		"no mark at the end":  "One sentence.| And a rest",
		"latin abbreviations": "Some models, e.g. BERT, work (cf. Fig. 3).| Others, i.e. RNNs vs. CNNs, do not.",
		"et al":               "Smith et al. (2019) show it.| As in Vaswani et al.| The rest follows.",
		"et al, next":         "It follows Vaswani et al. Transformers are not new.",
		"et al, end":          "It follows Vaswani et al.| We go on.",
		"initials":            "A proof by A. B. Smith and J.-P. Serre is given.| It is short.",
		"initial at the end":  "Patients lack vitamin C.| We give it.",
		"country":             "Data of the U.S. Army are used.| They are old.",
		"decimals":            "It gains 3.5 points (p < .05), from 85.1 to 88.6.| This is 2.1% more.",
		"version":             "We use Python 3.11.| The code is open.",
		"formula":             "Let $x_1. y!$ be given.| Then $f(x) = 0.5$ holds.| It ends in $a = b.$| Next.",
		"money":               "They raised $5 million.| We raised $6 million.| It was enough.",
		"display":             `We have \[ a. B \] and \(c. D\) here.| Next.`,
		"citation after stop": "It works well.[1, 2]| Others disagree.",
		"citation, space":     "It works well. [3]| Others disagree.",
		"citation before":     "It works well [1, 2].| Others disagree [3-5].| Good.",
		"quotes":              "He said \"it works.\"| (It did.)| Fine.",
		"wrapped lines":       "This is a line that\nwraps twice\r\nand ends.| The next\nis here.",
		"paragraphs":          "A heading\n\n|The text.| More.",
		"bullets":             "We have:\n|- one thing\n|- another\n|* a third.",
		"inline bullets":      "We have |• one thing |• another.",
		"numbered":            "We give: 1. A model.| 2. A proof.\n|3. Data.",
		"cjk":                 "我们提出一种方法。|它很好！|真的吗？|是的。",
		"japanese":            "モデルを提案する。| 結果は良い。",
		"accents":             "Élan vital est mort.| Ça va.| Über alles.",
		"exclamation":         "We use Yahoo! news and n! is large.| Good.",
		"ellipsis":            "It goes on ... and on.| Then it stops...| Now.",
		"lone marks":          "It works. ... !|",
		"glued":               "It is new.|We show it (n = 17).|A third, in 2019.|S100A9 mice.| See e.g.Smith or U.S.A now.",
		"names with stops":    "See org.Apache.Lucene or N.Y. Times.| Good.",
		"spaced stops":        "the flow is laminar .| the layer is thin .| an end .",
		"empty":               "",
		"space":               " \n\t ",
	} {
		t.Run(name, func(t *testing.T) {
			var want, have []string
			for part := range strings.SplitSeq(text, "|") {
				if part = strings.TrimSpace(part); part != "" {
					want = append(want, part)
				}
			}
			text = strings.ReplaceAll(text, "|", "")
			for _, s := range sentence.Split(text) {
				have = append(have, s.Of(text))
			}
			if !slices.Equal(have, want) {
				t.Errorf("got  %q\nwant %q", have, want)
			}
		})
	}
}

func TestLongTexts(t *testing.T) {
	many := strings.Repeat("A cat sat. ", 200)
	if n := len(sentence.Split(many)); n != sentence.Most {
		t.Errorf("%d sentences, want %d", n, sentence.Most)
	}
	for name, long := range map[string]string{
		"words": strings.Repeat("word ", 700), "one word": strings.Repeat("x", 3001), "wide": strings.Repeat("語", 1100),
	} {
		check(t, long)
		if n := len(sentence.Split(long)); n != 4 {
			t.Errorf("%s: %d pieces, want 4", name, n)
		}
	}
}

// No text of 64 KiB takes long, whatever it is made of: with the square of its
// length it would be half a minute and more.
func TestAdversarialTexts(t *testing.T) {
	for _, unit := range []string{"a.)", "a. 1 ", "$", "$a ", "\\(", "1. ", ".", ". ", "[1]", "x.[1,", "\n", " •", "A.", "a. \u0301", "1 ", ")", "。", "a.\u00ad", " ", "\u00a0", "\u3000", "”", "\u0301", "1", "1 )"} {
		for _, before := range []string{"a. ", "This is good."} {
			begin := time.Now()
			check(t, before+strings.Repeat(unit, (64<<10)/len(unit)))
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("%q after %q takes %v", unit, before, took)
			}
		}
	}
}

// check holds Split to what it promises of every text.
func check(t *testing.T, text string) {
	t.Helper()
	spans, at := sentence.Split(text), 0
	if len(spans) > sentence.Most {
		t.Fatalf("%d sentences of %q", len(spans), text)
	}
	for _, s := range spans {
		if s.Start < at || s.End <= s.Start || s.End > len(text) || s.End-s.Start > sentence.MaxBytes {
			t.Fatalf("span %v after %d of %d bytes %q", s, at, len(text), text)
		}
		if utf8.ValidString(text) && !utf8.ValidString(s.Of(text)) {
			t.Fatalf("span %v cuts a character of %q", s, text)
		}
		if strings.TrimFunc(text[at:s.Start], unicode.IsSpace) != "" {
			t.Fatalf("%q is in no sentence of %q", text[at:s.Start], text)
		}
		if strings.TrimSpace(s.Of(text)) != s.Of(text) {
			t.Fatalf("space around %q", s.Of(text))
		}
		at = s.End
	}
	if len(spans) < sentence.Most && strings.TrimSpace(text[at:]) != "" {
		t.Fatalf("%q is in no sentence of %q", text[at:], text)
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", "A. B. Smith et al. [1, 2].", "$a.$ $$b!$$ \\(c\\)", "x.[1]", "•  • a", "\n1. a\r\n\r\n2) b", "語。語！",
		"\xff.\xfe A", "$\xff$", strings.Repeat("語", 400), strings.Repeat("é ", 600) + ".", "a\u2028b\u0085c", "...", ".",
	} {
		f.Add(seed)
	}
	f.Fuzz(check)
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("We follow Smith et al. (2019), i.e. $x = 0.5$, and gain 3.5 points [1, 2]. It is new. ", 12)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		sentence.Split(text)
	}
}
