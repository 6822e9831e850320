package unify_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"akin/internal/text/unify"
)

func words(text string) []string {
	var all []string
	for from, to := unify.NextWord(text, 0); from < len(text); from, to = unify.NextWord(text, to) {
		all = append(all, text[from:to])
	}
	return all
}

// All scripts in which spaces don't show the words are treated alike: letter by
// letter, each with its marks.
func TestWords(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"none", " -- ", ""},
		{"spaces and signs", "graph-based, 3.14 max_length", "graph based 3 14 max length"},
		{"names with signs", "C++ C# c++11 J#, 3# a#b C+", "C++ C# c++ 11 J# 3 a b C"},
		{"accents and marks stay with their word", "Gödel हिन्दी", "Gödel हिन्दी"},
		{"Chinese", "信息 3检", "信 息 3 检"},
		{"Japanese", "データか゚々", "デ ー タ か゚ 々"},
		{"Korean", "정보를 GPT는", "정 보 를 GPT 는"},
		{"Thai", "วิจัย", "วิ จั ย"},
		{"Lao", "ວິໄຈ", "ວິ ໄ ຈ"},
		{"Khmer", "ស្រាវ", "ស្ រា វ"},
		{"Myanmar", "သုတေ", "သု တေ"},
		{"digits are a number", "ปี๒๕๖๐", "ปี ๒๕๖๐"},
		{"zero as Chinese writes it", "二〇", "二 〇"},
		{"not UTF-8", "a\xffb", "a b"},
	} {
		if got := strings.Join(words(tc.text), " "); got != tc.want {
			t.Errorf("%s: the words of %q are %q, want %q", tc.name, tc.text, got, tc.want)
		}
	}
}

// Words that stand in a text stand in any text around it that begins and ends with
// spaces, whatever the text is.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"C++", "정보 데ータ", "a\xff", "ก\u0e34", "\u3099", "x#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := words(s)
		for _, w := range found {
			if w == "" || !utf8.ValidString(w) {
				t.Fatalf("%q has the word %q", s, w)
			}
		}
		if around := words(" " + s + " "); !slices.Equal(around, found) {
			t.Errorf("%q has the words %q, between spaces %q", s, found, around)
		}
	})
}
