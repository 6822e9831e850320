package unify_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"akin/internal/text/unify"
)

func TestPlain(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"ASCII", "Graph NETWORKS", "graph networks"},
		{"accents, composed", "Poincaré Erdős Łódź Søren Straße", "poincare erdos lodz soren strasse"},
		{"accents, decomposed", "Poincare\u0301 Erdo\u030bs", "poincare erdos"},
		{"accents of two marks", "Việt Vie\u0323\u0302t", "viet viet"},
		{"compatible", "eﬃcient ＢＭ２５ 𝔸𝔹 ℝ", "efficient bm25 ab r"},
		{"invisible", "sup\u00adport vec\u200btor \u200djoin\u2060ed\ufeff a\u034fb", "support vector joined ab"},
		{"trade marks", "Whegs™robots Kinect® A©B Ⓡ", "whegs robots kinect  a b  "},
		{"raised after a digit", "10⁶ 10⁻³ H₂O L² 10¹²", "10^6 10^-3 h2o l2 10^12"},
		{"Arabic vowel marks", "مُدُن ذَكِيَّة", "مدن ذكيه"},
		{"Arabic letters", "أحمد إلى آخر كتـــاب", "احمد الي اخر كتاب"},
		{"Persian keyboard", "کتابی", "كتابي"},
		{"Hebrew points", "שְׁגִיאֹת בֵּית־סֵפֶר", "שגיאת בית-ספר"},
		{"Hebrew ligatures", "שׁלום", "שלום"},
		{"Hindi keeps its marks", "हिन्दी क़", "हिन्दी क़"},
		{"Korean, taken apart", norm.NFD.String("정보"), "정보"},
		{"Japanese, taken apart", norm.NFD.String("データ"), "データ"},
		{"half-width", "ﾃﾞｰﾀ", "データ"},
		{"Greek", "ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"},
		{"sharp", "C♯", "c#"},
		{"a line break of old terminals", "a\u0085b", "a b"},
		{"not UTF-8", "a\xffb", "ab"},
	} {
		if got := unify.Plain(tc.in); got != tc.want {
			t.Errorf("%s: %q becomes %+q, want %+q", tc.name, tc.in, got, tc.want)
		}
	}
}

func TestCanonAndFold(t *testing.T) {
	for _, tc := range []struct{ in, canon, fold string }{
		{"Zürich", "Zürich", "zürich"},
		{"Zu\u0308rich", "Zürich", "zürich"},
		{"sup\u00adport", "support", "support"},
		{"cs.CL", "cs.CL", "cs.cl"},
		{"ﬁ", "ﬁ", "ﬁ"},
		{"ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"\ufeffid", "id", "id"},
	} {
		if got := unify.Canon(tc.in); got != tc.canon {
			t.Errorf("Canon(%q) is %+q, want %+q", tc.in, got, tc.canon)
		}
		if got := unify.Fold(tc.in); got != tc.fold {
			t.Errorf("Fold(%q) is %+q, want %+q", tc.in, got, tc.fold)
		}
	}
}

// FuzzUnify holds that texts that are canonically equivalent become the same, and
// that doing it twice changes nothing.
func FuzzUnify(f *testing.F) {
	for _, s := range []string{"Zu\u0308rich", "מֶלֶךְ", "정보", "데이터", "ﷺ", "e\u0301\u0323", "İi\u0307", "10⁶", "\u3099か\u3099"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		for name, form := range map[string]func(string) string{"Canon": unify.Canon, "Fold": unify.Fold} {
			once := form(s)
			if got := form(norm.NFD.String(s)); got != once {
				t.Errorf("%s of the decomposed %+q is %+q, of the text as it is %+q", name, s, got, once)
			}
			if twice := form(once); twice != once {
				t.Errorf("%s of %+q is %+q, and of that %+q", name, s, once, twice)
			}
		}
		if got := unify.Plain(norm.NFC.String(s)); got != unify.Plain(norm.NFD.String(s)) {
			t.Errorf("Plain of the composed %+q is %+q, of the decomposed %+q", s, got, unify.Plain(norm.NFD.String(s)))
		}
		if !utf8.ValidString(unify.Plain(s)) {
			t.Errorf("Plain of %+q is not UTF-8", s)
		}
	})
}
