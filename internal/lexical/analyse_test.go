package lexical

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func terms(text string) string {
	var all []string
	for _, t := range Analyse(text) {
		all = append(all, t.Term)
	}
	return strings.Join(all, " ")
}

func TestAnalyse(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"stems and stop words", "The networks are learning", "network learn"},
		{"accents", "Erdős–Rényi Gödel São Łukasiewicz Straße", "erdosrenyi erdo renyi godel sao lukasiewicz strass"},
		{"decomposed accents", "Go\u0308del", "godel"},
		{"ligatures and wide letters", "eﬃcient ＢＭ２５", "effici bm25"},
		{"possessive", "Alzheimer's Alzheimer’s don't", "alzheim alzheim dont"},
		{"compound", "pre-training", "pretrain pre train"},
		{"compound of three", "end-to-end", "endtoend end end"},
		{"phrase with hyphens", "state-of-the-art", "state art"},
		{"hanging hyphen", "pre- and post-war -x", "pre postwar post war x"},
		{"dash between numbers", "1990-2000", "1990 2000"},
		{"soft hyphen", "net\u00adwork", "network"},
		{"numbers", "3.14 1,000 GPT-4.5", "3.14 1000 gpt4.5 gpt 4.5"},
		{"missing space", "model.Next", "modelnext model next"},
		{"abbreviation", "U.S.A.", "usa"},
		{"underscore", "max_length", "maxlength max length"},
		{"slash", "TCP/IP", "tcp ip"},
		{"Greek", "TNFα and α-synuclein μ", "tnfalpha alphasynuclein alpha synuclein mu"},
		{"Greek words stay", "λόγος", "λογοσ"},
		{"Cyrillic", "Теорема Ёлка", "теорема елка"},
		{"Chinese", "信息检索", "信息 息检 检索"},
		{"one character", "猫", "猫"},
		{"Japanese beside Latin", "BERTモデル", "bert モデ デル"},
		{"Korean", "정보 검색기", "정보 검색 색기"},
		{"Korean beside Latin", "GPT모델을", "gpt 모델 델을"},
		{"Thai", "วิจัย", "วิจั จัย"},
		{"Lao", "ວິໄຈ", "ວິໄ ໄຈ"},
		{"Khmer", "ស្រាវ", "ស្រា រាវ"},
		{"Myanmar", "သုတေ", "သုတေ"},
		{"Thai digits are a number", "ปี ๒๕๖๐", "ปี ๒๕๖๐"},
		{"a long vowel", "データ", "デー ータ"},
		{"signs of names", "C++ C# F# C c++11 J#, (C++). A* D*-Lite .NET", "c++ c# f# c c++11 c++ 11 j# c++ a* d*lite d* lite .net"},
		{"signs of longer names", "PointNet++ k-means++ 3++", "pointnet++ pointnet kmeans++ k means++ mean 3"},
		{"signs that are none", "a*b*c x.net p**2 #5 a#b model.NET C* * + ++ # 2# 5*", "b c xnet x net p* 2 5 b modelnet model net c* 2 5"},
		{"signs of formulas", `$C^*$-algebra $C^{*}$ C^\ast, C\# C{++}`, "c*algebra c* algebra c* c* c# c++"},
		{"sharp", "C♯", "c#"},
		{"trade marks", "Whegs™ robots, Kinect®, a Lego™brick", "wheg robot kinect lego brick"},
		{"raised", "10⁶ H₂O L²", "10 6 h2o l2"},
		{"elision", "L'évaluation d’un modèle qu'il jusqu'à", "evalu levalu un dun model il quil jusqua"},
		{"apostrophes that are none", "O'Brien rock'n'roll aujourd'hui", "obrien rocknrol aujourdhui"},
		{"Arabic vowel marks", "مُدُن", "مدن"},
		{"Hebrew points", "שְׁגִיאֹת", "שגיאת"},
		{"Korean, taken apart", "\u110c\u1165\u11bc\u1107\u1169", "정보"},
		{"Arabic", "شبكات عصبية", "شبكات عصبيه"},
		{"TeX style", `\textit{deep} \emph{learning}`, "deep learn"},
		{"TeX braces", `{B}{ERT} and {T}5`, "bert t5"},
		{"TeX Greek", `$\alpha$-divergence \Gamma \alpha\beta`, "alphadiverg alpha diverg gamma alpha beta"},
		{"TeX math", `$k$-means in $\mathcal{O}(n \log n)$`, "kmean k mean o n n"},
		{"TeX subscript", `$H_2O$ \ell_1 $x^{2}$`, "h2o h 2o l1 x 2"},
		{"TeX accents", `Erd\H{o}s G\"odel Poincar\'{e} Fran\c{c}ois \L{}ukasz \o re`, "erdo godel poincar francoi lukasz ore"},
		{"TeX letters", `\DJ or\dj e, \ng, \textalpha-synuclein, \LaTeX`, "dord ŋ alphasynuclein alpha synuclein latex"},
		{"TeX citation", `as \cite{smith2020} shows\footnotemark{} \url{http://x.y}`, "show"},
		{"TeX escapes", `5\% of R\&D \\ next`, "5 r d next"},
		{"a lone backslash", `a\`, ""},
		{"control characters", "a\x00b\x07", "b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := terms(tc.text); got != tc.want {
				t.Errorf("%q:\n got %s\nwant %s", tc.text, got, tc.want)
			}
		})
	}
}

func TestAnalyseGivesPlaces(t *testing.T) {
	text := `The {B}ERT model of Erd\H{o}s: pre-training $\alpha$ Gödel's naïve 信息检索`
	want := []string{
		"{B}ERT", "model", `Erd\H{o}s`, "pre-training", "pre", "training", `\alpha`, "Gödel's", "naïve", "信息", "息检", "检索",
	}
	positions := []int{1, 2, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12}
	got := Analyse(text)
	if len(got) != len(want) {
		t.Fatalf("%d terms, want %d: %v", len(got), len(want), got)
	}
	for i, tok := range got {
		surface := text[tok.Start:tok.End]
		// The opening brace stands before the word, where it does no harm.
		if strings.Trim(surface, "{}") != strings.Trim(want[i], "{}") && surface != want[i] && surface != strings.TrimPrefix(want[i], "{") {
			t.Errorf("term %q stands at %q, want %q", tok.Term, surface, want[i])
		}
		if tok.Position != positions[i] {
			t.Errorf("term %q has position %d, want %d", tok.Term, tok.Position, positions[i])
		}
	}
}

func TestLongWordsAreCut(t *testing.T) {
	got := Analyse(strings.Repeat("é", 100) + " " + strings.Repeat("語", 3) + " " + strings.Repeat("ж", 100))
	for _, tok := range got {
		if len(tok.Term) > maxWordBytes || !utf8.ValidString(tok.Term) {
			t.Errorf("%q has %d bytes", tok.Term, len(tok.Term))
		}
	}
}

func TestIdentifiers(t *testing.T) {
	x := newIdentifiers()
	for _, tc := range []struct{ text, want string }{
		{"2112.09118", "arxiv:2112.09118"},
		{"arXiv:2112.09118v2", "arxiv:2112.09118"},
		{"see https://arxiv.org/abs/2112.09118v1.", "arxiv:2112.09118"},
		{"https://arxiv.org/pdf/hep-th/9901001v3", "arxiv:hep-th/9901001"},
		{"math.GT/0309136 and 0704.0001", "arxiv:0704.0001 arxiv:math/0309136"},
		{"doi:10.1145/3397271.3401075", "doi:10.1145/3397271.3401075"},
		{"(https://doi.org/10.1000/ABC-1).", "doi:10.1000/abc-1"},
		{"10.48550/arXiv.2112.09118", "doi:10.48550/arxiv.2112.09118 arxiv:2112.09118"},
		{"pi is 3.14159 and 2199.12345", ""},
		{"1204.5678 of 12.11.2020", "arxiv:1204.5678"},
		{"nothing", ""},
	} {
		if got := strings.Join(x.find(tc.text), " "); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
}

func FuzzAnalyse(f *testing.F) {
	for _, s := range []string{"pre-training", `\textit{a}$\alpha$`, "信息检索 모델", "a\\", "{", `\"`, "U.S.", "x_y.z:w'", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, tok := range Analyse(text) {
			if tok.Term == "" || tok.Start < 0 || tok.End < tok.Start || tok.End > len(text) || tok.Position < last {
				t.Fatalf("%q: %+v after position %d", text, tok, last)
			}
			last = tok.Position
		}
	})
}
