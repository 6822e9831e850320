package engine

import (
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
// another language, or most of whose words are unknown.
func (a *asking) correct(ctx context.Context, text string) (corrected string, out []Correction, err error) {
	speller, ok := a.spelling()
	if !ok || foreign(text) {
		return text, nil, nil
	}
	rare, known, err := speller.Rare(ctx, text, mostMistyped)
	if err != nil || len(rare) == 0 {
		return text, nil, err
	}
	all := len(rare) + known
	rare = slices.DeleteFunc(rare, func(r catalog.RareWord) bool { return r.Papers > 0 && !slip(text[r.Start:r.End], r) })
	known = all - len(rare)
	rare = slices.DeleteFunc(rare, func(r catalog.RareWord) bool { return !correctable(text, r) })
	if len(rare) == 0 {
		return text, nil, nil
	}
	if rare, err = a.withoutNamed(ctx, text, rare); err != nil {
		return text, nil, err
	}
	if 3*(len(rare)+known) < 2*all {
		return text, nil, nil
	}
	corrected, out = applied(text, rare)
	return corrected, out, nil
}

// correctable says whether a word may be mistyped.
func correctable(text string, r catalog.RareWord) bool {
	j := judge{text: text}
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
func (a *asking) withoutNamed(ctx context.Context, text string, rare []catalog.RareWord) ([]catalog.RareWord, error) {
	teller, ok := a.mentions()
	if !ok {
		return rare, nil
	}
	names, err := teller.Mentions(ctx, text)
	return slices.DeleteFunc(rare, func(r catalog.RareWord) bool {
		return slices.ContainsFunc(names, func(m catalog.Mention) bool { return m.Start < r.End && r.Start < m.End })
	}), err
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
func applied(text string, rare []catalog.RareWord) (string, []Correction) {
	var b strings.Builder
	var out []Correction
	at := 0
	for _, r := range rare {
		n := best(text[r.Start:r.End], r.Near)
		if n == nil || r.Start < at {
			continue
		}
		b.WriteString(text[at:r.Start])
		b.WriteString(n.Word)
		at = r.End
		out = append(out, Correction{From: text[r.Start:r.End], To: n.Word, Papers: n.Papers})
	}
	b.WriteString(text[at:])
	return b.String(), out
}
