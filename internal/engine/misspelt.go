package engine

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"akin/internal/catalog"
)

const (
	// mostMisspelt is how many words of a query are looked at as misspelt names, and
	// mostMeant how many names one may stand for.
	mostMisspelt, mostMeant = 3, 4
	// leastTorn is how many letters a word has at least that was torn in two.
	leastTorn = 6
)

// misspeltNames finds words of a query that hardly any paper has, and that are the name of
// an author but for a letter. Beside another word of the same name it is that name; alone,
// it is a surname where a year, "by" or "et al." stands beside it, it has a capital, is in
// no name, and near no word of papers.
// Names are the mentions in the query; a nil teller knows none.
func misspeltNames(ctx context.Context, teller catalog.Mentions, names []catalog.Mention, text string, rare []catalog.RareWord) (out []fix, err error) {
	if teller == nil {
		return nil, nil
	}
	rare = slices.DeleteFunc(slices.Clone(rare), func(r catalog.RareWord) bool { return !mayBeName(text, r) })
	for _, r := range rare[:min(len(rare), mostMisspelt)] {
		named := slices.ContainsFunc(names, func(m catalog.Mention) bool { return covers(m, r.Start, r.End) })
		whole := slices.ContainsFunc(names, func(m catalog.Mention) bool { return covers(m, r.Start, r.End) && len(m.Words) > 1 })
		if whole {
			continue
		}
		j := judge{text: text, found: names}
		m := &catalog.Mention{Start: r.Start, End: r.End}
		cued := j.by(m) || j.etAl(m) || j.besideYear(m)
		f, ok, err := meantName(ctx, teller, text, r, named, cued)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	return out, nil
}

// mayBeName says whether a word may be a misspelt name: nothing but letters, and no
// abbreviation.
func mayBeName(text string, r catalog.RareWord) bool {
	written := text[r.Start:r.End]
	if strings.HasPrefix(text[r.End:], "*") || strings.ContainsFunc(written, func(c rune) bool { return !unicode.IsLetter(c) }) {
		return false
	}
	return strings.ContainsFunc(written, unicode.IsLower)
}

// covers says whether a mention names an author with the word at a place.
func covers(m catalog.Mention, start, end int) bool {
	return m.Field == catalog.MentionAuthor && m.Start <= start && end <= m.End
}

// meantName finds the name that a word most likely stands for. Named says that it is a word
// of names as it is, which may be another surname by mistake, but no given name; cued that
// signs beside it speak for a name.
func meantName(ctx context.Context, teller catalog.Mentions, text string, r catalog.RareWord, named, cued bool) (alone fix, ok bool, err error) {
	typed := text[r.Start:r.End]
	near, err := teller.NearNames(ctx, typed)
	if err != nil {
		return fix{}, false, err
	}
	noWord := r.Papers == 0 && best(typed, r.Near) == nil
	for _, n := range near[:min(len(near), mostMeant)] {
		word := likeWritten(n.Word, typed)
		names, err := teller.Mentions(ctx, text[:r.Start]+word+text[r.End:])
		if err != nil {
			return fix{}, false, err
		}
		for _, m := range names {
			switch {
			case !covers(m, r.Start, r.Start+len(word)):
			case named && (m.Start == r.Start || m.End != r.Start+len(word)):
			case spelled(m) > 1 || len(m.Words) > 1 && noWord:
				return fix{r.Start, r.End, word, m.Papers}, true, nil
			case len(m.Words) == 1 && cued && noWord && capitalised(typed) && !ok && 2*m.Last >= m.Papers:
				alone, ok = fix{r.Start, r.End, word, m.Papers}, true
			}
		}
	}
	return alone, ok, nil
}

// spelled is how many words of a mention are more than initials.
func spelled(m catalog.Mention) (n int) {
	for _, w := range m.Words {
		if !oneLetter(w) {
			n++
		}
	}
	return n
}

// likeWritten gives a word a capital where another has one.
func likeWritten(word, written string) string {
	if r, _ := utf8.DecodeRuneInString(written); unicode.IsUpper(r) {
		first, size := utf8.DecodeRuneInString(word)
		return string(unicode.ToUpper(first)) + word[size:]
	}
	return word
}

// torn finds words that a space tore in two, of which no paper has one: "lang uages".
func (a *asking) torn(ctx context.Context, text string, rare []catalog.RareWord) (out []fix, err error) {
	if len(rare) == 0 {
		return nil, nil
	}
	funnel, ok := a.funnel()
	if !ok {
		return nil, nil
	}
	for _, r := range rare[:min(len(rare), mostMisspelt)] {
		if len(out) > 0 && out[len(out)-1].end > r.Start {
			continue
		}
		for _, at := range [][2]int{{wordBefore(text, r.Start), r.End}, {r.Start, wordBehind(text, r.End)}} {
			word := strings.ReplaceAll(text[at[0]:at[1]], " ", "")
			if at == [2]int{r.Start, r.End} || len(word) < leastTorn || strings.ContainsFunc(word, notSmall) {
				continue
			}
			papers, err := papersWith(ctx, funnel, word)
			if err != nil {
				return nil, err
			}
			if papers >= max(leastCorrected, slipShare*r.Papers) {
				out = append(out, fix{at[0], at[1], word, papers})
				break
			}
		}
	}
	return out, nil
}

// notSmall says whether a letter is none of those that words in English are made of, in
// either case.
func notSmall(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// wordBefore gives where the word begins that one space parts from a place; that place
// where there is none.
func wordBefore(text string, at int) int {
	if at < 2 || text[at-1] != ' ' || text[at-2] == ' ' {
		return at
	}
	return strings.LastIndexByte(text[:at-1], ' ') + 1
}

// wordBehind gives where the word ends that one space parts from a place; that place where
// there is none.
func wordBehind(text string, at int) int {
	if at+1 >= len(text) || text[at] != ' ' || text[at+1] == ' ' {
		return at
	}
	if n := strings.IndexByte(text[at+1:], ' '); n >= 0 {
		return at + 1 + n
	}
	return len(text)
}
