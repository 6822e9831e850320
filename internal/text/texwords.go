package text

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// accent gives the combining character of a command that puts a mark on the
// next letter, or 0.
func accent(command string) (mark rune) {
	switch command {
	case "`":
		return 0x300
	case "'":
		return 0x301
	case "^":
		return 0x302
	case "~":
		return 0x303
	case "=":
		return 0x304
	case "u":
		return 0x306
	case ".":
		return 0x307
	case `"`:
		return 0x308
	case "r":
		return 0x30A
	case "H":
		return 0x30B
	case "v":
		return 0x30C
	case "G":
		return 0x30F
	case "d":
		return 0x323
	case "textcommabelow":
		return 0x326
	case "c", "cedilla":
		return 0x327
	case "k", "ogonek":
		return 0x328
	case "b":
		return 0x331
	case "t":
		return 0x361
	}
	return 0
}

// spacing gives the sign that an accent without a letter is.
func spacing(command string) string {
	if strings.Contains("^~`'\"", command) {
		return command
	}
	return ""
}

// compose puts a mark on a letter.
func compose(letter, mark rune) string { return norm.NFC.String(string(letter) + string(mark)) }

// symbol gives the text that a command stands for.
func symbol(command string) (text string, ok bool) {
	switch command {
	case "&":
		return string(heldAmpersand), true
	case "%", "$", "#", "_", "{", "}":
		return command, true
	case " ", "\n", "\t", `\`, ",", ";", ":", ">":
		return " ", true
	case "-", "/", "!", "@":
		return "", true
	case "textless", "lt":
		return string(heldLess), true
	case "textgreater", "gt":
		return string(heldGreater), true
	case "textbackslash", "backslash":
		return string(heldBackslash), true
	case "textasciigrave":
		return "`", true
	}
	if spaced(command) {
		return " ", true
	}
	text, ok = symbols[command]
	return text, ok
}

// symbols are the commands that stand for characters of Unicode, in text and
// in formulas: pairs of a name and what it is.
//
//nolint:gochecknoglobals // a table that nothing writes to
var symbols = pairs(`
ss ß SS ẞ o ø O Ø l ł L Ł ae æ AE Æ oe œ OE Œ aa å AA Å dh ð DH Ð th þ TH Þ dj đ DJ Đ ng ŋ NG Ŋ i ı j ȷ ij ĳ IJ Ĳ imath ı jmath ȷ
TeX TeX LaTeX LaTeX LaTeXe LaTeX2e BibTeX BibTeX
textendash – textemdash — textasciitilde ~ textasciicircum ^ textunderscore _ textbar | textdollar $ textbraceleft { textbraceright }
textquoteleft ‘ textquoteright ’ textquotedblleft “ textquotedblright ” textquotesingle ' textquotedbl " textasciiacute ´
quotedblbase „ quotesinglbase ‚ guillemotleft « guillemotright » guilsinglleft ‹ guilsinglright › glqq „ grqq “ flqq « frqq » lq ‘ rq ’
textexclamdown ¡ textquestiondown ¿ textbullet • textperiodcentered · textellipsis … ldots … dots … dotsc … cdots ⋯
textregistered ® texttrademark ™ textcopyright © copyright © textservicemark ℠ textsection § S § P ¶ textparagraph ¶ dag † ddag ‡ textdagger † textdaggerdbl ‡
textdegree ° degree ° celsius °C textcelsius ℃ textohm Ω textmu µ micro µ textonehalf ½ textonequarter ¼ textthreequarters ¾
textonesuperior ¹ texttwosuperior ² textthreesuperior ³ textordfeminine ª textordmasculine º textnumero № textperthousand ‰ perthousand ‰
pounds £ textsterling £ texteuro € euro € EUR € textyen ¥ yen ¥ textcent ¢
textcurrency ¤ textinterrobang ‽ textpm ± texttimes × textdiv ÷ textminus − textlangle ⟨ textrangle ⟩
textleftarrow ← textrightarrow → textuparrow ↑ textdownarrow ↓ textsurd √ textlnot ¬
alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ
iota ι kappa κ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ
sigma σ varsigma ς tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
textalpha α textbeta β textgamma γ textdelta δ textepsilon ε textzeta ζ texteta η texttheta θ textiota ι textkappa κ textlambda λ textnu ν textxi ξ textpi π
textrho ρ textsigma σ texttau τ textupsilon υ textphi φ textchi χ textpsi ψ
textomega ω textGamma Γ textDelta Δ textTheta Θ textLambda Λ textOmega Ω textmugreek μ
upalpha α upbeta β upgamma γ updelta δ upmu μ uplambda λ
times × div ÷ pm ± mp ∓ cdot · ast ∗ star ⋆ circ ∘ bullet • le ≤ leq ≤ leqslant ≤
ge ≥ geq ≥ geqslant ≥ ll ≪ gg ≫ neq ≠ ne ≠ equiv ≡ approx ≈ sim ~ simeq ≃ cong ≅ propto ∝
lesssim ≲ gtrsim ≳ infty ∞ partial ∂ nabla ∇ sum ∑ prod ∏ int ∫ sqrt √ surd √
in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ cup ∪ cap ∩ emptyset ∅ varnothing ∅
forall ∀ exists ∃ neg ¬ lnot ¬ land ∧ wedge ∧ lor ∨ vee ∨ oplus ⊕ otimes ⊗ odot ⊙
perp ⊥ parallel ∥ mid | vert | Vert ‖ angle ∠ prime ′ ell ℓ hbar ℏ Re ℜ Im ℑ aleph ℵ
rightarrow → to → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔
longrightarrow ⟶ mapsto ↦ uparrow ↑ downarrow ↓ langle ⟨ rangle ⟩ lbrace { rbrace }
checkmark ✓ square □ triangle △ dagger † ddagger ‡ male ♂ female ♀ sun ☉ Sun ☉ odotsun ☉ slash /
`)

func pairs(table string) map[string]string {
	words := strings.Fields(table)
	all := make(map[string]string, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		all[words[i]] = words[i+1]
	}
	return all
}

// style are commands that change how their argument looks.
func style(command string) bool {
	switch command {
	case "emph", "textit", "textbf", "texttt", "textsc", "textrm", "textsf", "textsl", "textup", "textmd", "textnormal", "textin",
		"textsuperscript", "textsubscript", "sp", "sb", "underline", "uline", "sout", "st", "hl", "enquote", "text", "mbox", "hbox", "fbox", "makebox",
		"mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathbb", "mathfrak", "mathscr", "mathnormal", "boldsymbol", "bm", "operatorname",
		"MakeUppercase", "MakeLowercase", "MakeTextLowercase", "MakeTextUppercase", "uppercase", "lowercase", "NoCaseChange", "bibinfo",
		"ce", "num", "si", "unit", "ang", "textquote", "mkbibquote", "mkbibemph", "textlatin", "textgreek", "overline", "centerline", "title",
		"abstract", "section", "paragraph", "subsection", "item", "cyrchar":
		return true
	}
	return false
}

// declaration are commands that change how what follows looks, or lay it out.
func declaration(command string) bool {
	switch command {
	case "it", "bf", "em", "tt", "sc", "rm", "sf", "sl", "itshape", "bfseries", "ttfamily", "scshape", "rmfamily", "sffamily", "slshape", "upshape",
		"normalfont", "mdseries", "tiny", "small", "footnotesize", "scriptsize", "normalsize", "large", "Large", "LARGE", "huge", "Huge", "centering", "noindent",
		"indent", "relax", "protect", "xspace", "ignorespaces", "unskip", "leavevmode", "nobreak", "sloppy", "boldmath", "unboldmath", "limits", "nolimits",
		"displaystyle", "textstyle", "left", "right", "break", "linebreak", "pagebreak", "allowbreak", "nolinebreak", "raggedright", "maketitle":
		return true
	}
	return false
}

// spaced says that a command is a space or ends a line.
func spaced(command string) bool {
	switch command {
	case "quad", "qquad", "newline", "par", "thinspace", "enspace", "space", "nobreakspace", "medskip", "bigskip", "smallskip", "hfill",
		"vfill", "newpage", "clearpage", "and", "linefeed":
		return true
	}
	return false
}

// dropped are commands whose arguments are keys of a bibliography or places in
// the document.
func dropped(command string) bool {
	switch command {
	case "ref", "eqref", "pageref", "autoref", "cref", "Cref", "footnotemark", "nocite", "bibitem", "citeauthor", "citeyear", "citeyearpar",
		"citenum", "citealp", "citealt":
		return true
	}
	return strings.HasPrefix(command, "cite") || strings.HasSuffix(command, "cite") || strings.HasSuffix(command, "cites")
}
