package cli

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lmittmann/tint"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain, naïve 日本語 𝔘 👍":            "plain, naïve 日本語 𝔘 👍",
		"a\tb\nc":                         "a\tb\nc",
		"\x1b[31mred\x1b[0m":              `\x1b[31mred\x1b[0m`,
		"\x1b]0;title\x07":                `\x1b]0;title\x07`,
		"over\rwritten\b\x7f\x00":         `over\x0dwritten\x08\x7f\x00`,
		"csi \u009b31m osc \u009d\u009c":  `csi \u009b31m osc \u009d\u009c`,
		"\u202egpj.exe\u2066\u200e\u061c": `\u202egpj.exe\u2066\u200e\u061c`,
		"zero\u200bwidth\ufeff\u2060":     `zero\u200bwidth\ufeff\u2060`,
		"line\u2028para\u2029next\u0085":  `line\u2028para\u2029next\u0085`,
		"tag\U000e0041":                   `tag\U000e0041`,
		"bad \xff\xc3(":                   `bad \xff\xc3(`,
		"cut \xe2\x82":                    `cut \xe2\x82`,
		"می\u200cخواهم":                   "می\u200cخواهم", // spelling needs the joiner
		"👩‍🔬":                             "👩‍🔬",
		"pay\u200dpal \u200c":             `pay\u200dpal \u200c`,
	} {
		if got := visible(text); got != want {
			t.Errorf("%+q is shown as %+q, want %+q", text, got, want)
		}
	}
}

// FuzzScreen: whatever is written, in whatever pieces, nothing of it is obeyed,
// and as JSON it stays the same text.
func FuzzScreen(f *testing.F) {
	f.Add([]byte("a\x1b[2J\u009b \u202e\xff日"), uint(1))
	f.Add([]byte("می\u200cخواهم\U000e0041\xe2\x82"), uint(3))
	f.Fuzz(func(t *testing.T, text []byte, piece uint) {
		var b bytes.Buffer
		s := &screen{w: &b}
		for rest := text; len(rest) > 0; {
			n := min(len(rest), int(piece%7)+1)
			if got, err := s.Write(rest[:n]); got != n || err != nil {
				t.Fatal(got, err)
			}
			rest = rest[n:]
		}
		s.flush()
		if !utf8.Valid(b.Bytes()) {
			t.Fatalf("%q is not UTF-8", b.Bytes())
		}
		for _, r := range b.String() {
			if obeyed(r) && !strings.ContainsRune("\n\t\u200c\u200d", r) {
				t.Fatalf("%+q of %+q is obeyed", r, text)
			}
		}
		if !utf8.Valid(text) {
			return
		}
		raw, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if _, err := (&screen{w: &b, json: true}).Write(raw); err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back != string(text) {
			t.Fatalf("%+q came back as %+q from %+q: %v", text, back, &b, err)
		}
		if i := bytes.IndexFunc(b.Bytes(), obeyed); i >= 0 {
			t.Fatalf("%+q is obeyed", b.Bytes()[i:])
		}
	})
}

type stringer struct{}

func (stringer) String() string { return "\x1b[2J" }

// The log says what others wrote without doing it.
func TestLogIsVisible(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(tint.NewTextHandler(&b, &tint.Options{NoColor: true, ReplaceAttr: visibleAttr}))
	log.Warn("message \x1b[31m\u202e\nforged", "key\x1b", "value\u009b", "any", stringer{}, "group", slog.GroupValue(slog.Any("error", error(forged{}))))
	if strings.Count(b.String(), "\n") != 1 || strings.ContainsFunc(strings.TrimSpace(b.String()), obeyed) {
		t.Errorf("logged %+q", &b)
	}
	for _, want := range []string{`\x1b[31m`, `\u202e`, `\u009b`, "group.error"} {
		if !strings.Contains(strings.ReplaceAll(b.String(), `\\`, `\`), want) {
			t.Errorf("%s is not in %+q", want, &b)
		}
	}
}

type forged struct{}

func (forged) Error() string { return "\x1b]0;title\x07" }
