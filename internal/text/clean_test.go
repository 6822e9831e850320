package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestClean has the cases of every source: what goes, and what stays.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		// HTML.
		"The &lt;i&gt;Apis&lt;/i&gt; genome &amp; its <sub>2</sub> copies": "The Apis genome & its 2 copies",
		"<p>We&nbsp;read H<sub>2</sub>O.</p><p>Then more.</p>":             "We read H2O. Then more.",

		"one<br/>two<br>three": "one two three",

		`<span class="nocase">Nature</span> of <b>bold</b>ness`:        "Nature of boldness",
		"10<sup>6</sup> cells, 10<SUP>-3</SUP> m, in 2019<sup>4</sup>": "10^6 cells, 10^-3 m, in 20194",
		"<sup>13</sup>C and Ca<sup>2+</sup>, x<sup>2</sup>":            "13C and Ca2+, x2",
		"a &amp;amp; b &amp;lt; c &#38;lt; d &#x3C; e":                 "a & b < c < d < e",
		"caf&eacute; &#8211; &#x1D6FC; &hellip; &rsquo;":               "café – 𝛼 … ’",
		"<!-- hidden -->seen <![CDATA[a < b]]>":                        "seen a < b",
		"x<script>alert(1)</script>y<style>p{}</style>z":               "x y z",
		`<a href="http://x.example/?a=1&amp;b=2">link</a>`:             "link",
		"<P ALIGN=CENTER>loud</P>":                                     "loud",
		"It was <i>cut off":                                            "It was <i>cut off",
		"<p>It was cut off":                                            "It was cut off",
		"closed</i> only":                                              "closed only",
		// JATS and MathML.
		"<jats:title>Abstract</jats:title><jats:p>We put beads.</jats:p>":                                                                                                                                                           "We put beads.",
		"<jats:sec><jats:title>Background</jats:title><jats:p>A.</jats:p></jats:sec><jats:sec><jats:title>Methods</jats:title><jats:p>B.</jats:p></jats:sec>":                                                                       "Background A. Methods B.",
		"<jats:italic>E. coli</jats:italic> K<jats:sub>12</jats:sub>":                                                                                                                                                               "E. coli K12",
		"<mml:math><mml:msup><mml:mn>10</mml:mn><mml:mrow><mml:mo>-</mml:mo><mml:mn>6</mml:mn></mml:mrow></mml:msup></mml:math> m":                                                                                                  "10^-6 m",
		"<mml:math><mml:mfrac><mml:mi>a</mml:mi><mml:msub><mml:mi>b</mml:mi><mml:mn>1</mml:mn></mml:msub></mml:mfrac></mml:math>":                                                                                                   "a/b_1",
		`at <jats:inline-formula><jats:alternatives><jats:tex-math>\documentclass{minimal}\begin{document}$$x^2$$\end{document}</jats:tex-math><mml:math><mml:mi>x</mml:mi></mml:math></jats:alternatives></jats:inline-formula> m`: "at $x^2$ m",
		"<h4>ABSTRACT</h4> We see.": "We see.",
		// Signs of prose stay.
		"p < 0.05 and n>3, a<b and c>d":       "p < 0.05 and n>3, a<b and c>d",
		"if p<i and q>j then x<y":             "if p<i and q>j then x<y",
		"<0.001 or >5 <-> <= =>":              "<0.001 or >5 <-> <= =>",
		"R&D at AT&T; ?a=1&copy=2&x":          "R&D at AT&T; ?a=1&copy=2&x",
		"vector<int> and List<String>":        "vector<int> and List<String>",
		"mail <someone@papers.example> today": "mail <someone@papers.example> today",
		"set {a, b} ~5 -- x --data `code`":    "set {a, b} ~5 -- x --data `code`",
		`C:\temp\users\new and \d{3}\w+\b`:    `C:\temp\users\new and \d{3}\w+\b`,
		`costs $5 and $6, \$7`:                "costs $5 and $6, $7",
		"&unknown; &; &#; &#x; & a":           "&unknown; &; &#; &#x; & a",
		// Formulas stay.
		`we show $\alpha_{1} < \textbf{x}$ here`: `we show $\alpha_{1} < \textbf{x}$ here`,
		`$$\frac{a}{b}$$ and \(x^2\) and \[y\]`:  `$$\frac{a}{b}$$ and \(x^2\) and \[y\]`,
		`$x &lt; y$`:                             `$x < y$`,
		// TeX in any source.
		`G\"odel, Poincar\'{e}, Erd\H{o}s, Fran\c cois, {\'E}t{\'e}, na{\"\i}ve, \v{S}koda, {\L}\'od\'z, Stra{\ss}e, \AA ngstr{\"o}m`: "Gödel, Poincaré, Erdős, François, Été, naïve, Škoda, Łódź, Straße, Ångström",
		`\textsuperscript{13}C and 10\textsuperscript{6}`:                          "13C and 10^6",
		`p {\textless} 0.05, \textgreater{} 3`:                                     "p < 0.05, > 3",
		`50\% of A\&B, \#1, a\_b`:                                                  "50% of A&B, #1, a_b",
		`{\it in situ} and {\em now}, \emph{so} \textbf{it} is`:                    "in situ and now, so it is",
		`see \href{https://x.example/a_b}{the page} or \url{https://x.example/~a}`: "see the page or https://x.example/~a",
		`shown~\citep[see][p.~3]{holt,aske}. As \citet{moe} says \cite{a}.`:        "shown. As says.",
		`an \ensuremath{\alpha} of \ensuremath{x^2}`:                               "an α of $x^2$",
		`at 100\,GeV, 5\,\mu m`:                                                    "at 100 GeV, 5 μm",
		"the ``quoted'' \\emph{word}, Fig.~3 --- and 3--4":                         "the “quoted” word, Fig. 3 — and 3–4",
		`\mycommand{kept} and \textcolor{red}{this}`:                               "kept and this",
		`10{\^{}}6 and 10\^{}3, {\~{}}5`:                                           "10^6 and 10^3, ~5",
		`\LaTeX\ and \TeX{} books`:                                                 "LaTeX and TeX books",
		// White space; signs that are not printed, which are no markup.
		" a\n b\t\u00a0c\x0bd\uFDD0 ": "a b c d", "a\u009bb\u200b": "a\u009bb\u200b", "a&#27;b": "ab",
		"": "",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%s\n got %q\nwant %q", text, got, want)
		}
	}
}

// TestCleanTeX has what only whole TeX means.
func TestCleanTeX(t *testing.T) {
	for text, want := range map[string]string{
		`{\"o}`: "ö", `\"{o}`: "ö", `\'{e}`: "é", `\'e`: "é", `\'{\i}`: "í", `\'\i`: "í", "\\`a": "à", `\^{o}`: "ô", `\~n`: "ñ",
		`\ss`: "ß", `Stra\ss e`: "Straße", `{\o}`: "ø", `\AA ngstr\"om`: "Ångström", `\c{c}`: "ç", `\c c`: "ç", `\k{a}`: "ą", `\v{s}`: "š", `\r{u}`: "ů", `\.z`: "ż", `\={a}`: "ā", `\u{g}`: "ğ", `\d{s}`: "ṣ",
		`{\'{\i}}`: "í", `na\"\i ve`: "naïve", `na\"\i{}ve`: "naïve", `Garc\'\i a`: "García", `\v \i x`: "ǐx", `{\v s}`: "š", `\"{\i}`: "ï", `{\"{\i}}`: "ï", `\'{\'e}`: "é\u0301", `\H o`: "ő", `\t{oo}`: "o͡o", `\textcommabelow{s}`: "ș",
		`a -- b --- c`: "a – b — c", "``so''": "“so”", `Tom~\& Co.`: "Tom & Co.", `50\% \#1 a\_b \$5 \{x\}`: "50% #1 a_b $5 {x}",
		`$x_{1} \alpha$ and \beta`: `$x_{1} \alpha$ and β`, `cost $5 {B}`: "cost $5 B", `\$5 and \$6`: "$5 and $6",
		`\textbf{bold} {Case}`: "bold Case", `\TeX{} book`: "TeX book", "plain": "plain", `a\\b`: "a b",
		`10{\^{}}6 10\^{}3 {\~{}}5 \textasciicircum2`: "10^6 10^3 ~5 ^2",
		"{\\textless}p{\\textgreater}, x {\\{}y{\\}}, {\\textbackslash}, {\\textendash}, {\\alpha}, {\\c{c}}, {\\l}, {\\textperiodcentered}": `<p>, x {y}, \, –, α, ç, ł, ·`,
		`The \CSTUG{} group and \Planck data`: "The CSTUG group and Planck data",
		`{{Double braced Title: a Study}}`:    "Double braced Title: a Study",
		`A {\&}amp; B \&lt; C \&amp; D`:       "A & B < C & D",
		`&lt;i&gt;Apis&lt;/i&gt; {G}enome`:    "Apis Genome",
		`\emph{a \textbf{b} c}`:               "a b c", `\footnote{why}`: "(why)", `x\thanks{Paid by us}`: "x",
		`\foreignlanguage{german}{Stra{\ss}e}`: "Straße", `\SI{3}{\micro m}`: "3 µm", `\noopsort{a}Zed`: "Zed",
		`\begin{itemize}\item one\end{itemize}`: `one`,
		`\`:                                     `\`, `\'`: "'", `{`: "", `}`: "", `$`: "$", `\"`: `"`, `\v{}`: "",
		`?` + "`" + `Qu\'e?`: "¿Qué?",
	} {
		if got := CleanTeX(text); got != want {
			t.Errorf("%s\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestBareTeX(t *testing.T) {
	for text, want := range map[string]string{
		`10.1002/(SICI)17:15{\textless}1661::AID{\textgreater}3.0.CO;2-2`: "10.1002/(SICI)17:15<1661::AID>3.0.CO;2-2",
		`10.1000/ab\_c`: "10.1000/ab_c", `http://a.example/x\%20y\_z`: "http://a.example/x%20y_z", "https://a.example/~me/x--y": "https://a.example/~me/x--y",
		`\url{https://a.example/{\~{}}me}`: "https://a.example/~me", `10.1000/a&lt;b`: "10.1000/a<b",
	} {
		if got := BareTeX(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// marked draws texts of pieces of markup.
func marked(t *rapid.T) string {
	piece := rapid.SampledFrom([]string{
		"<", ">", "i", "</i>", "<i>", "<b>", "</b>", "<p>", "</p>", "<br>", "<sup>", "</sup>", "<x y='z'>", "<!--", "-->", "<![CDATA[", "]]>", "<jats:p>", "</jats:title>", "<title>",
		"Abstract", "&", "&amp;", "amp;", "lt;", "&lt;", "&gt;", "&nbsp;", "&#60;", "&#x26;", ";", "\\", "\\emph", "\\textbf{", "{", "}", "{}", "\\'", "\\'{e}", "\\^{}", "\\v", "\\c c",
		"\\cite{k}", "\\alpha", "\\foo", "\\foobar{", "\\textless", "\\textbackslash", "\\&", "\\%", "\\,", "\\(", "\\)", "$", "$$", "\\$", "~", "--", "---", "``", "''", " ", "10", "x", "é", "\u0301",
		"\\ensuremath{", "\\href{a}{", "[", "]", "\\begin{", "\\end{equation}", "<mml:msup>", "</mml:msup>", "<mml:mi>", "</mml:mi>", "/", "?", "`", "\\ ", "\uFDD0", "\x01",
	})
	return strings.Join(rapid.SliceOfN(piece, 0, 24).Draw(t, "pieces"), "")
}

// TestCleanTwice: what was cleaned stays as it is, and is text.
func TestCleanTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := marked(t)
		once := Clean(in)
		if twice := Clean(once); twice != once {
			t.Fatalf("%q became %q and then %q", in, once, twice)
		}
		for _, got := range []string{once, CleanTeX(in)} {
			if !utf8.ValidString(got) || got != Collapse(got) || strings.ContainsAny(got, "\uFDD0\uFDD1\uFDD2\uFDD3") {
				t.Fatalf("%q became %q", in, got)
			}
		}
	})
}

func FuzzClean(f *testing.F) {
	f.Add(`G\"odel <i>&amp;lt;b&gt;</i> $x$ {\it y} \cite{z} <![CDATA[`)
	f.Fuzz(func(t *testing.T, in string) {
		once := Clean(in)
		if utf8.ValidString(in) && (!utf8.ValidString(once) || Clean(once) != once) {
			t.Fatalf("%q became %q and then %q", in, once, Clean(once))
		}
		CleanTeX(in)
		BareTeX(in)
	})
}

// TestHostile: a text of markup that is never closed is read in time that
// grows with its length.
func TestHostile(t *testing.T) {
	for _, piece := range []string{"<", "<i", "<!--", "<![CDATA[", "<b>", "&amp;", "&", `\`, `\ab{`, `\ab[`, `\(`, `\'{`, "{", `{\it `, "$", "$$", "``", `\emph{`, `\begin{a`, `\cite[`, `\cite{a}`, "<sup>1", "<title>", "<mml:msup>"} {
		text := `\emph{x}` + strings.Repeat(piece, (64<<10)/len(piece))
		Clean(text)
		CleanTeX(text)
	}
}
