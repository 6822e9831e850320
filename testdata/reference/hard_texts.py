#!/usr/bin/env python3
"""Texts that tokenizers trip over, written for akin: one JSON string a line.

    python testdata/reference/hard_texts.py | python testdata/reference/token_reference.py --max-tokens 256 --cases \\
        > testdata/tokens/hard.jsonl
"""

import json
import unicodedata

TITLES = """
São Paulo air quality and the Poincaré recurrence of its seasons
Gödel, Escher, Bach: a computational rereading
İstanbul'da deprem riski: Bayesçi bir yaklaşım
Erdős–Rényi graphs beyond the connectivity threshold
Über die Natur der Schrödinger-Gleichung in gekrümmten Räumen
Étude de l'écoulement de Poiseuille à très bas Reynolds
Łukasiewicz logic meets Gdańsk: many-valued reasoning at scale
Ångström-resolution cryo-EM of the Sørensen complex
Ćwiczenia z uczenia maszynowego dla źdźbła pszenicy
Muller, Müller and Mueller: record linkage across spellings
Señal y ruido: ¿qué mide la entropía de Shannon?
Kähler–Einstein metrics on Calabi–Yau three-folds
Lévy flights, Hölder exponents and Itō calculus
The Møller–Plesset series revisited
Nguyễn Văn Thiệu's law in Vietnamese word segmentation
Tiếng Việt: phân đoạn từ bằng mạng nơ-ron
Þingvellir rift kinematics from GPS (Ísland, 1999–2021)
Œuvres complètes d'Évariste Galois, æsthetics of proof
Straße, STRASSE, Straẞe: case folding in practice
Ďábelské ódy: příliš žluťoučký kůň úpěl
Čech complexes and Štefan problems
ΣΊΣΥΦΟΣ and the final sigma: Σ σ ς
Ελληνική επεξεργασία φυσικής γλώσσας με μετασχηματιστές
Ἀριστοτέλης ἐν τῷ περὶ ψυχῆς: polytonic Greek
Исследование ёжиков в тумане: нейросетевой подход
Українська мова: їжак, ґанок, єдність
Ћирилица и латиница: српски језик у рачунару
Ծննդավայր — Armenian morphology without tears
ქართული ენა: a Georgian treebank
ႠႡႢ asomtavruli and ᲐᲑᲒ mtavruli capitals
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ: Cherokee syllabary OCR
भारतीय भाषाओं के लिए शब्द एम्बेडिंग
বাংলা ভাষায় স্বয়ংক্রিয় সারসংক্ষেপ
தமிழ் இயல்மொழி ஆய்வு
తెలుగు వాక్య నిర్మాణం
ಕನ್ನಡದಲ್ಲಿ ಹೆಸರಿಸಿದ ಅಸ್ತಿತ್ವ
മലയാളം മോർഫോളജി
ภาษาไทยไม่มีช่องว่างระหว่างคำ
ພາສາລາວ: tone marks ກ່ ກ້ ກ໊ ກ໋
မြန်မာဘာသာစကား segmentation
ភាសាខ្មែរ word breaking
བོད་ཡིག tsheg-delimited syllables
ᠮᠣᠩᠭᠣᠯ vertical script
深度学习在自然语言处理中的应用
深度學習與自然語言處理：繁體中文
日本語の形態素解析とカタカナのゲーム
한국어 형태소 분석과 띄어쓰기
北京Beijing大学University混合text
漢字かな交じり文 and romaji rōmaji
שָׁלוֹם עוֹלָם: niqqud in Hebrew
العربيّة مُشَكَّلَة بالحَرَكات
فارسی می‌خواهم with ZWNJ
اردو میں متن کی درجہ بندی
ܠܫܢܐ ܣܘܪܝܝܐ Syriac corpora
አማርኛ የተፈጥሮ ቋንቋ ሂደት
ⵜⴰⵎⴰⵣⵉⵖⵜ Tifinagh OCR
ꓡꓲꓢꓴ Lisu letters ꓐꓑꓒ
A survey of BERT-based re-ranking (2019–2023)
Attention Is All You Need
GPT-4V(ision) vs. LLaVA-1.5: who sees better?
COVID-19, SARS-CoV-2 and mRNA-1273: a meta-analysis
p53, BRCA1/2 & HER2+ tumours: what's next?
C++20, C#, F#, and .NET: a developer's view
3D-aware NeRF@home: ~10x faster & 50% smaller
AlphaGo, AlphaZero, MuZero... and beyond?!
What's in a name? O'Brien, D'Angelo, l'Hôpital, ’t Hooft
“Smart quotes” and ‘single ones’, „low“ and «guillemets»
Self‑supervised (non-breaking hyphen) vs self-supervised vs self–supervised vs self—supervised
co­operate with soft hyphens in it­self
e.g., i.e., etc.: cf. Fig. 3(b), Eq. (12), Sec. 4.1.2
""".strip("\n").split("\n")

MATH = r"""
Let $f\colon \mathbb{R}^n \to \mathbb{R}$ be $C^\infty$
\begin{equation}\label{eq:1} E = mc^2 \end{equation}
$\mathcal{O}(n \log n)$ versus $\tilde{O}(\sqrt{n})$
$$\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}$$
\textit{in vitro} and \emph{in vivo} $\pm 0.5\%$
Schr\"odinger, Erd\H{o}s, Poincar\'e, \v{C}ech, \L{}ojasiewicz, na\"{\i}ve
$\|x\|_2 \le \epsilon \implies |f(x)| < \delta$
\cite{vaswani2017attention,devlin-etal-2019-bert} and \ref{tab:results}
$10^{-3}$~m/s, $25\,^{\circ}\mathrm{C}$, $H_2O$, $\mathrm{Ca}^{2+}$
∀x∈ℝ ∃y≠x: ‖x−y‖ ≤ ε ∧ x⊂Y ∪ Z ∖ ∅
≠ ≮ ≯ ≰ ≱ ∉ ∌ ∤ ∦ ≁ ≄ ≇ ≉ ⊄ ⊅ ⊈ ⊬ ⊭
x ≠ y, x≠y, x ≮ y
∑_{i=1}^{∞} 1/i² = π²/6 ≈ 1.6449
∂u/∂t = ∇²u + λ|u|ᵖ⁻¹u
α β γ δ ε ζ η θ ι κ λ μ ν ξ ο π ρ σ τ υ φ χ ψ ω
Α Β Γ Δ Ε Ζ Η Θ Ι Κ Λ Μ Ν Ξ Ο Π Ρ Σ Τ Υ Φ Χ Ψ Ω
Ω Å K µ ℵ ℏ ℓ ℘ ℜ ℑ ™ № ℃ ℉
𝐀𝐁𝐂 𝑎𝑏𝑐 𝒜ℬ𝒞 𝔸𝔹ℂ 𝔄𝔅ℭ 𝖠𝖡𝖢 𝙰𝙱𝙲 𝟎𝟏𝟐
⁰¹²³⁴⁵⁶⁷⁸⁹ ₀₁₂₃₄₅₆₇₈₉ ½ ⅓ ¾ ⅞ ⅒
① ② ③ ⒜ ⒝ Ⓐ Ⓑ ⅰ ⅱ Ⅳ Ⅻ
√2 ∛3 ∜4 ∞ ± ∓ × ÷ · ∙ ∘ ∗ ⊗ ⊕
⟨ψ|φ⟩ ⟦x⟧ ⌈x⌉ ⌊x⌋ ‖v‖ |a|
f(x)=x²+2x−1; g∘f: A→B, a↦b, A⇒B ⇔ ¬B⇒¬A
10 μm, 10 µm, 5 Å, 5 Å, 300 K, 300 K, 10 kΩ, 10 kΩ
1e-5 1E+10 0x1F 0b101 1_000_000 1,000,000.00 1.000.000,00 1 000 000
p<0.05 p < .001 n=42 r=-.73 95%CI[1.2;3.4] χ²(1)=4.2
R² =0.99±0.01;H₀:μ₁=μ₂
-40°C…+85°C, 37,5 °C, 98.6℉
$100 €100 £100 ¥100 ₹100 ₽100 ₿1 ¢5 ₩1000 ₺50 ₴20 ₸9
#hashtag @mention C# A* $var_name {key: "value"} <tag attr='x'/> a&b;c
`code` ~tilde~ ^caret^ |pipe| \backslash\ /slash/ =eq= +plus+
""".strip("\n").split("\n")

MARKUP = """
https://arxiv.org/abs/1810.04805v2
http://example.com/path?query=a%20b&x=1#frag
doi:10.1145/3292500.3330701
https://doi.org/10.1000/182(2019)3:4<55::AID-ABC1>3.0.CO;2-D
user.name+tag@sub.example.co.uk
ftp://ftp.example.org/~user/file.tar.gz
file:///C:/Users/Ünï/Désktop/paper%20final(2).pdf
//server/share/dir
www.例え.jp
https://xn--r8jz45g.xn--zckzah/
<b>bold</b> &amp; &lt;escaped&gt; &#233; &nbsp;
<jats:p>We study <jats:italic>E. coli</jats:italic>.</jats:p>
[link](https://example.com) **bold** _italic_ ~~strike~~
| a | b |\n|---|---|\n| 1 | 2 |
{"id": 1, "text": "hello\\nworld"}
SELECT * FROM papers WHERE title LIKE '%BERT%'; DROP TABLE papers;--
../../etc/passwd
C:\\Windows\\System32\\drivers\\etc\\hosts
if (x != y) { return f(x) && !g(y) || h[z]; }
def f(x: int) -> str: return f"{x!r:>{10}}"
a::b->c.d()?.e ?? f ?: g
10.1016/j.cell.2020.02.052 | PMID: 32142651 | PMC7102627
arXiv:2301.00001v3 [cs.CL] 1 Jan 2023
ISBN 978-3-16-148410-0, ISSN 2049-3630
192.168.0.1:8080 and [2001:db8::ff00:42:8329]
2023-01-31T23:59:59.999+05:30
Mon, 31 Jan 2023 23:59:59 GMT
+1 (555) 123-4567 ext. 89
a@b @c d@ @@ #1 ##2 ###3
""".strip("\n").split("\n")

SPECIALS = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[unused0]", "[unused99]", "<s>", "</s>", "<unk>", "<mask>", "<pad>", "<|endoftext|>", "##ing", "##"]
SPECIAL_SHAPES = ["{}", "{}{}", "a{}b", "a {} b", "{} start", "end {}", "({})", "x{}", "{}x", "THE {} TOKEN"]

COMBINING = [
    "e\u0301", "E\u0301", "e\u0301\u0323", "e\u0323\u0301", "\u1eb9\u0301", "\u00e9\u0323", "a\u0308\u0304", "a\u0304\u0308",
    "\u0301", "\u0301\u0302\u0303", " \u0301 ", "a \u0301b", "\u0301a", "n\u0303 vs \u00f1", "o\u0328\u0304", "\u01ed",
    "q\u0307\u0323", "q\u0323\u0307", "s\u0323\u0307", "\u1e69", "\u1e9b\u0323", "d\u0307\u0323", "\u0344", "\u0340\u0341\u0343",
    "\u212b", "\u2126", "\u212a", "\u2000\u2001", "a\u2001b", "\u037e", "a\u037eb", "\u1fef", "\u1ffd", "\u0387", "\u2329\u232a",
    "\u0f73\u0f75\u0f81", "\u0f40\u0f71\u0f72", "\u0f40\u0f72\u0f71", "\u0958\u0959", "\u0915\u093c", "\u09dc", "\u0a33", "\u0b94", "\u0bca",
    "\u0cca\u0ccb", "\u0dda\u0ddd", "\u1025\u102e", "\u1026", "\u1b06", "\u30ac\u30d1", "\u30ab\u3099", "\u30cf\u309a", "\u3099", "\u302a\u302b",
    "\u302e\u302f", "\u302f\u302e", "\u302e\u0301\u302f", "\ub4dc\u302e", "\u1112\u1161\u11ab", "\ud55c", "\uac00\u11a8", "\uac01", "\ud7a3",
    "\U0001d15e", "\U0001d15f\U0001d160", "\U0001d157\U0001d165\U0001d16d", "\U0001d157\U0001d16d\U0001d165", "\U0001d1bb\U0001d1c0",
    "\U0001d158\U0001d165\U0001d16e\U0001d16d\u0301", "\U000110ab", "\U0001109a", "\U00011131\U00011127", "\U000114bb", "\U000115ba", "\U00011938",
    "\ufb1d\ufb1f\ufb2a", "\u05e9\u05c1\u05b8", "\u05e9\u05b8\u05c1", "\ufb4c\ufb4d\ufb4e", "\u0622\u0623\u0624\u0625\u0626", "\u0627\u0653", "\u06c0\u06c2\u06d3",
    "\u064b\u0651", "\u0651\u064b", "\u0628\u0650\u0651", "\u0b4b\u0b48", "a\u034fb", "a\u0301\u034f\u0323", "\u034f", "a\u20dd", "a\u20e3", "1\ufe0f\u20e3",
    "\u0488\u0489", "\u1ab0\u1abe", "\u1dc0\u1dff", "\ufe20a\ufe21", "z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034d" * 3,
    "\ufa0e\ufa0f\ufa10", "\uf900\uf901", "\ufad9", "\U0002f800\U0002fa1d", "\U0002b820\U0002b91f\U0002b920", "\U00020000\U0002a6df\U0002a6e0",
    "\u0130\u0131Ii", "\u0130", "\u01c4\u01c5\u01c6", "\u1e9e\u00df", "\ufb00\ufb03\ufb06", "\u0149", "\u01f0", "\u1f88\u1f80", "\u1fbc\u1fb3", "\u1fd3\u0390",
    "\u03a3\u03c3\u03c2", "\u0345\u0399\u03b9", "\u2160\u2170", "\u24b6\u24d0", "\u10a0\u2d00\u1c90", "\u13a0\uab70\uab7f", "\u1c89\ua7cb\ua7da\ua7dc",
    "\U00010400\U00010428", "\U000104b0", "\U00010c80", "\U000118a0", "\U00016e40", "\U0001e900", "\U00010d50\U00010d65", "\U00016ea0", "\ua7ce\ua7d2\ua7d4",
]

EMOJI = [
    "😀", "😀😃😄", "I ❤️ NLP", "I ❤ NLP", "👩‍🔬👨‍🏫", "👨‍👩‍👧‍👦 family", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇫🇷🇩🇪🇯🇵", "👍🏽👍🏿", "☕️ + 🐛 = paper",
    "🧬🦠💉", "1️⃣2️⃣#️⃣*️⃣", "™️©️®️", "🤷🏻‍♀️", "🙂‍↔️", "🫠🫡🪿", "a😀b", "😀a", "🤖learning", "🎓🎉!!!", "✅ ❌ ⚠️ → ★☆", "♠♥♦♣♔♚", "☃☂☀☁", "▲▼◆■●", "─│┌┐└┘█▓▒░", "⠓⠑⠇⠇⠕", "𝄞♪♫♭♯", "🀄🃏🂡", "꧁༺ text ༻꧂",
]

WHITESPACE = (
    ["", " ", "  ", "\t", "\n", "\r", "\r\n", "\n\n\n", " \t\n\r ", "a b", "a  b", " a", "a ", "\ta\tb\t", "a\r\nb", "line one\nline two\n\nline four"]
    + [f"left{chr(c)}right" for c in [0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0xA0, 0x1680, 0x180E, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x202F, 0x205F, 0x2060, 0x2061, 0x2062, 0x2063, 0x2066, 0x2069, 0x206A, 0x3000, 0x3164, 0x115F, 0x2800, 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC]]
    + ["\ufeffBOM at the start", "nbsp\u00a0\u00a0twice", "thin\u2009space 5\u202fkm", "\u3000全角　空白\u3000", "\u200b", "\u200b\u200b", "\u00a0", "a\u200b b", "a \u200b b"]
)

CONTROLS = (
    [f"ctl{chr(c)}x" for c in list(range(0x00, 0x09)) + list(range(0x0E, 0x20)) + [0x7F] + list(range(0x80, 0xA0, 3)) + [0xAD]]
    + ["\x00", "\x00\x00\x00", "a\x00b\x00c", "\x00start", "end\x00", "a \x00 b", "\x1b[31mred\x1b[0m", "bell\a\b\f\v", "\ufffd", "a\ufffdb", "\ufffd\ufffd", "a \ufffd b", "\ufffe\uffff", "\ufdd0\ufdef", "a\ufffeb"]
    + ["\ue000\uf8ff", "a\ue000b", "\U000f0000", "\U0010fffd", "\U0010ffff", "\U000e0001\U000e0020\U000e007f", "\ufe00\ufe0f", "\U000e0100", "x\u0378y", "x\u0560y", "x\u08b5y", "x\u1c80y", "x\ua7f5y", "x\U0001f6d7y", "x\U00011fffy", "x\U000323afy"]
    + ["\\ud800", "\\udfff", "\\uD83D\\uDE00", "&#xD800;", "U+D800 U+DFFF", "\\xed\\xa0\\x80", "Ã©tude Ã  lâ€™UniversitÃ©", "caf\u00c3\u00a9", "ï»¿mojibake BOM", "â€œquotedâ€\u009d", "soft\u00adhyphen\u00adhere", "word\u2060joiner", "inv\u2063isible", "l\u200em\u200f", "rlo \u202eabc\u202c def"]
)

HYPHENS = [f"state{c}of{c}the{c}art" for c in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d_~/\\.,:;+*\u00b7\u2022\u2027\u30fb\u00ad\u058a\u05be\u1400\u1806\u2e17\u2e1a\u2e3a\u2e3b\u301c\u3030\u30a0\ufe58\U00010ead"]

PUNCT = [
    "!!!", "???", "?!?!", "...", "…", "....................", "-----", "=====", "*****", "#####", "~~~~~", "_____", "-- --- ----", "(((())))", "[[[]]]", "{{{}}}", "<<<>>>", "\"\"\"", "'''", "```", ",,,", ";;;", ":::", "///", "\\\\\\", "|||", "&&&", "%%%", "$$$", "@@@", "^^^", "+++", "`'\"", ".,;:!?", "a.b.c.d", "a,b,c,d", "(a)", "[a]", "{a}", "<a>", "\"a\"", "'a'", "a's", "a's'", "rock'n'roll", "it’s", "don't can't won't", "U.S.A.", "Ph.D.", "e.g.", "1.", "1)", "(1)", "[1]", "[1,2]", "[1-3]", "1/2", "50%", "#1", "&c", "a&b", "a+b", "a=b", "a<b", "a>b", "a^b", "a_b", "a`b", "a~b", "a|b", "a\\b", "a@b", "¡¿", "§1 ¶2 †3 ‡4", "‰ ‱ ′ ″ ‴", "‹a› «b»", "“a” ‘b’ „c‟ ‚d‛", "、。〃〈〉《》「」『』【】〔〕", "！＂＃＄％＆＇（）＊＋，－．／：；＜＝＞？＠", "׃׀־", "؟،؛٪٬٭", "।॥॰", "๏๚๛", "᠀᠁᠂", "⁅⁆⁇⁈⁉⁊⁋⁌⁍⁎⁏⁐⁑⁓⁔⁕⁖⁗", "⸀⸁⸂⹀⹁⹂⹃⹄⹅⹊⹍⹏", "፠፡።፣፤፥፦፧፨", "꡴꡵꡶꡷", "𐄀𐄁𐄂", "𑙠𑙡", "𞥞𞥟", "᙭᙮", "࠰࠱࠲", "꣼", "𑇉", "𑃀𑃁", "࿐࿑࿒࿓࿔࿙࿚", "〽", "゠・", "﹇﹈﹉﹊﹋﹌﹍﹎﹏",
]

LONG = [
    "a" * 99, "a" * 100, "a" * 101, "a" * 5000, "é" * 100, "é" * 101, "e\u0301" * 100, "e\u0301" * 101, "中" * 101, "中" * 300, "가" * 34, "가" * 33, "각" * 33, "각" * 34, "!" * 300, "ab" * 50, "ab" * 51,
    "antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine", "Lopadotemachoselachogaleokranioleipsanodrimhypotrimmatosilphiokarabomelitokatakechymenokichlepikossyphophattoperisteralektryonoptekephalliokigklopeleiolagoiosiraiobaphetraganopterygon",
    "deoxyribonucleic" * 8, "1234567890" * 20, "x" * 100 + "-" + "y" * 101, "word " * 300, "w " * 254, "w " * 255, "w " * 256, "w! " * 200, "São " * 260, "unaffable " * 90, "ffi" * 40, "\u0301" * 500, "a" + "\u0301" * 500 + "b", "\U0001d157" + "\U0001d165\U0001d16d" * 40, "\u302f\u302e" * 60, "\u200d" * 500, " " * 1000 + "x", "x" + " " * 1000, "\n".join("row %d, col é" % i for i in range(120)), "😀" * 200, "[SEP]" * 80, "ﷺ" * 30, "ก้" * 80, "क्षि" * 60, "A" * 100 + " " + "B" * 101, "\u0130" * 100, "\u0130" * 101, "≠" * 130, "ΐ" * 100, "ΐ" * 101, "\uac01" * 120,
]

NUMBERS = ["0", "-1", "3.14159265358979323846", "1e10", "1,234,567.89", "1.234.567,89", "٣٫١٤", "१२३४५", "０１２３４５", "一二三四五", "Ⅷ", "²³", "1st 2nd 3rd 4th", "10k 5M 2B", "1990s '90s", "24/7", "50-50", "3x3", "2×2", "1:2", "v1.2.3-rc.4+build.5", "0xDEADBEEF", "#FF00AA", "1/3≈0.333…", "9⁹", "10−3", "10-3", "±0.5", "~100", "≥10", "<5", "100%", "$9.99", "€1.234,56", "12:34:56", "2024-02-30", "555-1234", "1 234 567", "1'234'567", "½ cup", "0.1+0.2≠0.3"]

NAMES = ["São", "Poincaré", "Gödel", "İstanbul", "Erdős", "Łódź", "Đặng", "Çelik", "Åse", "Ñandú", "Žižek", "Ørsted", "Ğül", "Ŝako", "Ħal", "Ţepeş", "Țepeș", "Ÿ", "Ǆ", "ẞ"]
NAME_SHAPES = ["{}", "On the {}-type inequality", "{0}{0}", "the {}'s theorem", "({})", "UPPER: {}"]
FORMS = ["NFC", "NFD"]


def names():
    for name in NAMES:
        for shape in NAME_SHAPES:
            text = shape.format(name)
            for form in FORMS:
                yield unicodedata.normalize(form, text.upper() if shape.startswith("UPPER") else text)


def specials():
    for s in SPECIALS:
        for shape in SPECIAL_SHAPES:
            yield shape.format(s, s)
        yield s.lower()
        yield s[:-1]


def every():
    yield from TITLES
    yield from (unicodedata.normalize("NFD", t) for t in TITLES)
    yield from (t.upper() for t in TITLES)
    yield from MATH
    yield from MARKUP
    yield from specials()
    yield from COMBINING
    yield from (f"before {c}after" for c in COMBINING)
    yield from EMOJI
    yield from WHITESPACE
    yield from CONTROLS
    yield from HYPHENS
    yield from PUNCT
    yield from LONG
    yield from NUMBERS
    yield from names()


def main():
    for text in dict.fromkeys(every()):
        print(json.dumps(text))


main()
