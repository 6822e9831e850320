package letter

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		`An $O(n^2)$ algorithm`:                     "An O(n²) algorithm",
		`Search for $\alpha_1$ and $x_{i+1}$`:       "Search for α₁ and x_(i+1)",
		`$\mathcal{O}(\sqrt{n \log n})$ regret`:     "O(√(n log n)) regret",
		`From $\frac{1}{2}$ to $\frac{a+b}{c}$`:     "From 1/2 to (a+b)/c",
		`Costs from $5 to $10 a month`:              "Costs from $5 to $10 a month",
		`$$E = mc^2$$`:                              "E = mc²",
		`plain`:                                     "plain",
		"two\r\nBcc: someone@example.org":           "two Bcc: someone@example.org",
		"a\u202egnp.exe":                            "agnp.exe",
		"<b>bold</b> &amp; <script>x</script>":      "bold & x",
		`unclosed $\frac{a`:                         `unclosed $`,
		`$\left\{ x \in X \right\}$`:                "{ x ∈ X }",
		`H$_2$O and 10$^{-3}$`:                      "H₂O and 10⁻³",
		strings.Repeat("{", 10) + "$" + "x^{" + "$": "",
	} {
		got := Readable(in)
		if want == "" || strings.HasPrefix(in, "unclosed") || strings.HasPrefix(in, "<b>") {
			if !utf8.ValidString(got) {
				t.Errorf("%q: %q", in, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add(`$\frac{a}{b}^{c_{d}}$ \$ x`)
	f.Fuzz(func(t *testing.T, s string) {
		if got := Readable(s); !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00\u202e") {
			t.Errorf("%q: %q", s, got)
		}
	})
}

// sample has what papers can do to a mail.
func sample(n int) Letter {
	l := Letter{
		Title: "Trending\r\nBcc: x@example.org", Date: "Monday, 30 November 2026", Opening: "What came.",
		Footer: "You get this because you asked for it.", Unsubscribe: "https://papers.example.org/mail/unsubscribe?t=AB_c",
		More: &Link{"and 4 more on the page", "https://papers.example.org/trending"},
	}
	for i := range n {
		l.Items = append(l.Items, Item{
			Title: fmt.Sprintf("Paper %d: <script>alert(1)</script> $O(n^2)$", i), URL: "https://papers.example.org/paper/a",
			Authors: strings.Split(strings.Repeat("Ada Lovelace,", 12)+"Zoë", ","), Date: "2026-11-29", Venue: "Journal of <Tests>",
			Links: []Link{{"arXiv", "https://arxiv.org/abs/1"}, {"bad", "javascript:alert(1)"}}, Sentence: strings.Repeat("We show that it works. ", 100),
			Why: "because you liked “X”", Like: "https://papers.example.org/mail/mark?t=a", Dismiss: "https://papers.example.org/mail/mark?t=b",
		})
	}
	return l
}

// A mail is small enough, and nothing that a paper says is markup.
func TestWrite(t *testing.T) {
	w, err := Write(sample(26))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.HTML) > MaxBytes || w.Items != 26 {
		t.Errorf("%d bytes for %d papers", len(w.HTML), w.Items)
	}
	if strings.Contains(w.HTML, "<script") || strings.Contains(w.HTML, `"javascript:`) || strings.Contains(w.HTML, "background") || strings.Contains(w.HTML, ";color") {
		t.Error("the HTML has what it must not have")
	}
	if _, err := html.Parse(strings.NewReader(w.HTML)); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"O(n²)", "https://papers.example.org/mail/unsubscribe?t=AB_c", "… 5 more …", "Zoë", "Paper 25"} {
		if !strings.Contains(w.HTML, want) || !strings.Contains(w.Text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for n, line := range strings.Split(w.Text, "\n") {
		if utf8.RuneCountInString(line) > width && !strings.Contains(line, "https://") || strings.Contains(line, "\r") || strings.HasPrefix(line, "Bcc:") {
			t.Errorf("line %d: %q", n, line)
		}
	}
}

// Papers that there is no room for are left out, and the mail stays within its limit.
func TestTooLarge(t *testing.T) {
	l := sample(26)
	for i := range l.Items {
		for k := range 60 {
			l.Items[i].Links = append(l.Items[i].Links, Link{"x", fmt.Sprintf("https://example.org/%d/%s", k, strings.Repeat("a", 100))})
		}
	}
	w, err := Write(l)
	if err != nil || len(w.HTML) > MaxBytes || w.Items == 26 || w.Items == 0 {
		t.Errorf("%d bytes for %d papers, %v", len(w.HTML), w.Items, err)
	}
}
