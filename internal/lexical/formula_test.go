package lexical

import (
	"strings"
	"testing"

	"akin/internal/text"
)

// Letters and numbers of formulas are told from words.
func TestFormulas(t *testing.T) {
	for _, tc := range []struct{ text, words, formulas string }{
		{"Hepatitis C and vitamin D in 20 patients", "hepat c vitamin d 20 patient", ""},
		{"We sort $n$ keys in $O(n \\log n)$ time", "sort key time", "n o n n"},
		{"We sort n keys in O(n log n) time for n = 12", "sort n key log time", "o n n n 12"},
		{"$x^2 + y_1 \\le 3z$ holds for \\(\\alpha\\) and $\\lambda_2$-regular graphs", "3z hold lambda2regular regular graph", "x 2 y1 alpha lambda 2"},
		{"It costs $5 or $10 a month", "cost 10 month", "5"},
		{"$k$-means and $H_2O$ in C++ with A*", "kmean mean h2o 2o c++ a*", "k h"},
		{"p < 0.05, x ∈ S, 3 × 4", "", "p 0.05 x s 3 4"},
		{"SU(2) and BERT (2018)", "su 2 bert 2018", ""},
	} {
		var words, formulas []string
		for _, tok := range Analyse(tc.text) {
			if tok.Formula {
				formulas = append(formulas, tok.Term)
			} else {
				words = append(words, tok.Term)
			}
		}
		if w, f := strings.Join(words, " "), strings.Join(formulas, " "); w != tc.words || f != tc.formulas {
			t.Errorf("%s\n words    %s\n want     %s\n formulas %s\n want     %s", tc.text, w, tc.words, f, tc.formulas)
		}
	}
}

// Names keep their signs, however they are written and cleaned.
func TestNamesKeepTheirSigns(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"RRT* (PRM*), BIT*. RRT*-Connect", "rrt* rrt prm* prm bit* bit rrt*connect rrt* rrt connect"},
		{`RRT$^*$ RRT$^{*}$ RRT$^{\ast}$ RRT\(^*\) $\text{RRT}^*$`, strings.TrimSpace(strings.Repeat("rrt* rrt ", 5))},
		{"RRT∗ A∗ A⋆ A＊ C＋＋ C＃", "rrt* rrt a* a* a* c++ c#"},
		{"RRT<sup>*</sup> and A<sup>∗</sup>", "rrt* rrt a*"},
		{"*RRT* **BERT** word* Bert* rrt*", "rrt bert word bert rrt"},
		{"ASP.NET in .NET, F#, C/C++, C++/CLI and C++-based", "aspnet asp net .net f# c c++ c++ cli c++based c++ base"},
		{"PointNet++ R-CNN k-means++ CNN*s", "pointnet++ pointnet rcnn r cnn kmeans++ k means++ mean cnn s"},
	} {
		if got := terms(text.Clean(tc.text)); got != tc.want {
			t.Errorf("%s (%s):\n got %s\nwant %s", tc.text, text.Clean(tc.text), got, tc.want)
		}
	}
}
