package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/catalog"
)

// Correction is a word of a query that was read as another.
type Correction struct {
	// From is what the query has, To what was looked for, Papers how many papers have
	// that. No paper has From, or hardly any.
	From, To string
	Papers   int
}

const (
	// leastCorrected is how many papers at least have a word that another is corrected
	// to.
	leastCorrected = 5
	// sameBeginning is how many times as much a word counts that begins as the other
	// does: people rarely mistype a first letter.
	sameBeginning = 8
	// mostMistyped is how many papers may have a word that is a slip all the same, as
	// authors make them too; then slipShare times as many have what it is corrected to,
	// and it has leastSlip letters, of which one is missing, is too much, or has changed
	// places with the next.
	mostMistyped = 5
	slipShare    = 200
	leastSlip    = 8
)

// correct reads words that no paper has, or hardly any, as words that many have, a letter
// or two away.
// Names of the collection are no such words, nor is what stands in capitals, nor a text of
// another language; and where most words are unknown, none is but names.
// Open says that hardly any paper has the last word: people look while they type.
func (a *asking) correct(ctx context.Context, text string) (corrected string, out []Correction, open bool, err error) {
	speller, ok := a.spelling()
	if !ok || foreign(text) {
		return text, nil, false, nil
	}
	rare, known, err := speller.Rare(ctx, text, mostMistyped)
	if err != nil || len(rare) == 0 {
		return text, nil, false, err
	}
	last := rare[len(rare)-1]
	open = last.End == len(text) && last.End-last.Start >= leastOpen
	var names []catalog.Mention
	teller, ok := a.mentions()
	if ok {
		if names, err = teller.Mentions(ctx, text); err != nil {
			return text, nil, false, err
		}
	}
	fixes, err := misspeltNames(ctx, teller, names, text, rare)
	if err != nil {
		return text, nil, false, err
	}
	joined, err := a.torn(ctx, text, withoutNamed(withoutFixed(rare, fixes), names))
	if err != nil {
		return text, nil, false, err
	}
	fixes = append(fixes, joined...)
	all := len(rare) + known
	rare = withoutFixed(rare, fixes)
	rare = slices.DeleteFunc(rare, func(r catalog.RareWord) bool { return r.Papers > 0 && !slip(text[r.Start:r.End], r) })
	known = all - len(rare)
	rare = slices.DeleteFunc(rare, func(r catalog.RareWord) bool { return !correctable(text, r, known) })
	rare = withoutNamed(rare, names)
	if 3*(len(rare)+known) < 2*all {
		rare = nil
	}
	corrected, out = applied(text, append(fixes, fixesOf(text, rare)...))
	return corrected, out, open, nil
}

// fix is what is put in the place of a part of a query, Papers what has it.
type fix struct {
	start, end int
	to         string
	papers     int
}

// withoutFixed leaves out the words that others stand in the place of.
func withoutFixed(rare []catalog.RareWord, fixes []fix) []catalog.RareWord {
	return slices.DeleteFunc(slices.Clone(rare), func(r catalog.RareWord) bool {
		return slices.ContainsFunc(fixes, func(f fix) bool { return f.start < r.End && r.Start < f.end })
	})
}

// fixesOf gives what words most likely stand for.
func fixesOf(text string, rare []catalog.RareWord) (out []fix) {
	for _, r := range rare {
		if n := best(text[r.Start:r.End], r.Near); n != nil {
			out = append(out, fix{r.Start, r.End, n.Word, n.Papers})
		}
	}
	return out
}

// leastAlone is how many letters a word has at least that is corrected where the collection
// knows no other of the query.
const leastAlone = 5

// correctable says whether a word may be mistyped, of a query of which some others are
// known.
func correctable(text string, r catalog.RareWord, known int) bool {
	j := judge{text: text}
	if known == 0 && r.End-r.Start < leastAlone {
		return false // asdf
	}
	behind := strings.HasPrefix(text[r.End:], "*")
	return best(text[r.Start:r.End], r.Near) != nil && !j.abbreviation(text[r.Start:r.End]) && !behind
}

// slip says whether a word that some papers have is mistyped in them too.
func slip(written string, r catalog.RareWord) bool {
	n := best(written, r.Near)
	if n == nil || n.Edits > 1 || n.Papers < slipShare*r.Papers {
		return false
	}
	word := strings.ToLower(written)
	if len(word) < leastSlip || word[0] != n.Word[0] {
		return false
	}
	if len(word) != len(n.Word) {
		return true
	}
	sorted := func(w string) []byte { b := []byte(w); slices.Sort(b); return b }
	return slices.Equal(sorted(word), sorted(n.Word))
}

// withoutNamed leaves out the words that are in the name of an author or a venue.
func withoutNamed(rare []catalog.RareWord, names []catalog.Mention) []catalog.RareWord {
	return slices.DeleteFunc(slices.Clone(rare), func(r catalog.RareWord) bool {
		return slices.ContainsFunc(names, func(m catalog.Mention) bool { return m.Start < r.End && r.Start < m.End })
	})
}

// best gives the word that another most likely stands for; nil for none.
func best(word string, near []catalog.NearWord) (chosen *catalog.NearWord) {
	weight := func(n *catalog.NearWord) int {
		first, _ := utf8.DecodeRuneInString(strings.ToLower(word))
		if strings.HasPrefix(n.Word, string(first)) {
			return n.Papers * sameBeginning
		}
		return n.Papers
	}
	for i := range near {
		n := &near[i]
		if n.Papers < leastCorrected || chosen != nil && n.Edits > chosen.Edits {
			continue
		}
		if chosen == nil || weight(n) > weight(chosen) {
			chosen = n
		}
	}
	return chosen
}

// applied puts the words that others stand for in their place.
func applied(text string, fixes []fix) (string, []Correction) {
	slices.SortFunc(fixes, func(a, b fix) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	var out []Correction
	at := 0
	for _, f := range fixes {
		if f.start < at {
			continue
		}
		b.WriteString(text[at:f.start])
		b.WriteString(f.to)
		at = f.end
		out = append(out, Correction{From: text[f.start:f.end], To: f.to, Papers: f.papers})
	}
	b.WriteString(text[at:])
	return b.String(), out
}
