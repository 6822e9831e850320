package catalogtest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"akin/internal/catalog"
)

// Rare implements catalog.Spelling, by comparing each word with each.
func (v *view) Rare(ctx context.Context, text string, papers int) (rare []catalog.RareWord, known int, err error) {
	if err := v.before(ctx, "Rare"); err != nil {
		return nil, 0, err
	}
	counts := make(map[string]int)
	for _, e := range v.entries {
		for w := range e.words.counts {
			counts[w]++
		}
	}
	words := split(text)
	if len(words) > 32 {
		return nil, 0, nil
	}
	at := 0
	for _, w := range words {
		start := strings.Index(strings.ToLower(text[at:]), w)
		if start < 0 || at+start+len(w) > len(text) { // its lower case has another length
			continue
		}
		start += at
		at = start + len(w)
		if counts[w] > papers {
			known++
			continue
		}
		rare = append(rare, catalog.RareWord{Start: start, End: at, Papers: counts[w], Near: near(w, counts)})
	}
	return rare, known, nil
}

// near gives the words that are at most one edit away, or two from long ones.
func near(word string, counts map[string]int) (out []catalog.NearWord) {
	most := 0
	switch n := len(word); {
	case n >= 8:
		most = 2
	case n >= 4:
		most = 1
	}
	if strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) }) {
		most = 0
	}
	for w, n := range counts {
		if d := distance(word, w); d > 0 && d <= most && n > counts[word] {
			out = append(out, catalog.NearWord{Word: w, Edits: d, Papers: n})
		}
	}
	slices.SortFunc(out, func(a, b catalog.NearWord) int {
		return cmp.Or(cmp.Compare(a.Edits, b.Edits), cmp.Compare(b.Papers, a.Papers), strings.Compare(a.Word, b.Word))
	})
	return out[:min(len(out), 4)]
}

// distance counts edits: a letter more, less, or another, or two that change places.
func distance(a, b string) int {
	var before, last, now []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := 1; i <= len(a); i++ {
		now = []int{i}
		for j := 1; j <= len(b); j++ {
			other := 1
			if a[i-1] == b[j-1] {
				other = 0
			}
			d := min(last[j]+1, now[j-1]+1, last[j-1]+other)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			now = append(now, d)
		}
		before, last = last, now
	}
	return last[len(b)]
}

// spelling tells rare words with those near them.
func spelling(s *suite, of func() catalog.Spelling) {
	s.apply(library()...)
	rare, known, err := of().Rare(s.Context(), "Survey of measuremnets, wintr", 0)
	if err != nil {
		s.Fatal(err)
	}
	for i := range rare {
		rare[i].Near = slices.DeleteFunc(rare[i].Near, func(n catalog.NearWord) bool { return n.Papers < 2 })
	}
	rare = slices.DeleteFunc(rare, func(r catalog.RareWord) bool { return r.End-r.Start < 4 }) // catalogs differ in stop words
	half := (len(words()) + 1) / 2
	s.same("rare", rare, []catalog.RareWord{
		{Start: 10, End: 22, Near: []catalog.NearWord{{Word: "measurements", Edits: 1, Papers: len(words())}}},
		{Start: 24, End: 29, Near: []catalog.NearWord{{Word: "winter", Edits: 1, Papers: half}}},
	})
	s.same("known", known, 1)
	rare, known, err = of().Rare(s.Context(), strings.Repeat("survey wintr ", 20), 0)
	s.same("of a long text", []any{rare, known, err}, []any{[]catalog.RareWord(nil), 0, nil})
}
