package lexical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// edits is the optimal string alignment distance, written down as it is defined.
func edits(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			default:
				cost := 1
				if a[i-1] == b[j-1] {
					cost = 0
				}
				d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], d[i-2][j-2]+1)
				}
			}
		}
	}
	return d[len(a)][len(b)]
}

// The walk of a sorted list finds what comparing each word finds.
func TestAccepted(t *testing.T) {
	s, err := newSpeller()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i := range 4000 { // of few letters, so that many are near each other
		w := ""
		for n := i; n > 0; n /= 3 {
			w += string("abc"[n%3])
		}
		words = append(words, w, "prefix"+w)
	}
	words = append(words, "", "é", "éab", "zebra")
	slices.Sort(words)
	words = slices.Compact(words)
	var kept texts
	for _, w := range words {
		kept.add([]byte(w))
	}
	sorted := wordList{&kept, &wordOrder{n: kept.len()}, 0, kept.len()}
	for _, asked := range []string{"abca", "abcabca", "abcabcab", "prefixab", "prefxiabca", "zzzzzzzz", "zbera"} {
		dfa, err := s.dfa(asked)
		if err != nil {
			t.Fatal(err)
		}
		most := 1
		if len(asked) >= leastFar {
			most = 2
		}
		var want []string
		for _, w := range words {
			if !strings.Contains(w, "é") && edits(asked, w) <= most {
				want = append(want, w)
			}
		}
		got, err := accepted(t.Context(), dfa, sorted)
		got = slices.DeleteFunc(got, func(w string) bool { return strings.Contains(w, "é") })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("near %s: %v %v, want %v", asked, got, err, want)
		}
	}
}

// Words that no paper has are told with those near them, whether sorted or fresh, and
// those of deleted papers are none.
func TestRare(t *testing.T) {
	x, err := New(Options{SegmentPapers: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for i := range uint32(1500) {
		title := fmt.Sprintf("retrieval of documents own%d", i)
		if i%2 == 0 {
			title += " manipulators"
		}
		if err := x.Upsert(i, title, strings.Repeat("q", int(i%7)+1)+"unique"+string(rune('a'+i%26)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Upsert(2000, "ephemeral", "", nil); err != nil {
		t.Fatal(err)
	}
	told := func(text string) string {
		rare, known, err := x.View().Rare(t.Context(), text, 0)
		if err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprint(known)
		for _, r := range rare {
			out += " " + text[r.Start:r.End]
			for _, n := range r.Near {
				out += fmt.Sprintf(">%s.%d.%d", n.Word, n.Edits, n.Papers)
			}
		}
		return out
	}
	for text, want := range map[string]string{
		"retrieval of documents":          "2",
		"Retreival of documnets":          "0 Retreival>retrieval.1.1500 documnets>documents.1.1500",
		"manipultaor retrieval":           "1 manipultaor>manipulators.2.750",
		"ephemerla":                       "0 ephemerla>ephemeral.1.1",
		"own3x C++ 12345 дом retr":        "0 own3x C++ 12345 дом retr",
		"":                                "0",
		strings.Repeat("retreival ", 100): "0",
		strings.Repeat("q", 3000):         "0 " + strings.Repeat("q", 3000),
	} {
		if got := told(text); got != want {
			t.Errorf("%.40q: %.200s, want %.200s", text, got, want)
		}
	}
	if _, err := x.Delete(2000); err != nil {
		t.Fatal(err)
	}
	if got, want := told("ephemerla"), "0 ephemerla"; got != want {
		t.Errorf("after a deletion: %s", got)
	}
}
