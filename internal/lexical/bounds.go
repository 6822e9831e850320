package lexical

import "akin/internal/paper"

// What a typed query may ask for. The words that are looked for cost no more than
// all postings once, however many they are; what stands in quotation marks or
// behind a hyphen is compared with papers one by one, and each prefix goes
// through the vocabulary.
const (
	// MaxQuotations is how many phrases and exclusions a query may have.
	MaxQuotations = 256
	// MaxQuotedWords is how many words they may have together.
	MaxQuotedWords = 1024
	// MaxPrefixes is how many prefixes a query may have.
	MaxPrefixes = 32
	// MaxComparisons is how often phrases and exclusions of several words may have
	// to be compared with a paper: each with as many as have its rarest word.
	MaxComparisons = 8 << 20
)

// field is the field that faults of a query's text are told of.
const queryField = "query"

// checkClauses holds a query to the limits that do not depend on papers. ends are
// where the words of each clause end.
func checkClauses(clauses []clause, words []queryWord, ends []int) error {
	quotations, quoted, prefixes, from := 0, 0, 0, 0
	for i, c := range clauses {
		switch c.kind {
		case clausePhrase, clauseNot:
			quotations++
			for _, w := range words[from:ends[i]] {
				if !w.beside() {
					quoted++
				}
			}
			if _, open := opened(c.text); open {
				prefixes++
			}
		case clausePrefix:
			prefixes++
		case clauseWords, clauseMark:
		}
		from = ends[i]
	}
	switch {
	case quotations > MaxQuotations:
		return paper.InvalidField(queryField, "has %d phrases and exclusions; the limit is %d; write what need not stand together, or may be there, without quotation marks and hyphens", quotations, MaxQuotations)
	case quoted > MaxQuotedWords:
		return paper.InvalidField(queryField, "has %d words in phrases and exclusions; the limit is %d; write them without quotation marks, or give the text as a paper's to look for more like it", quoted, MaxQuotedWords)
	case prefixes > MaxPrefixes:
		return paper.InvalidField(queryField, "has %d words that end in *; the limit is %d; write some of them out", prefixes, MaxPrefixes)
	}
	return nil
}

// checkWork holds a query to the limit that depends on papers.
func (v *View) checkWork(p *plan) error {
	comparisons := uint64(0)
	for _, list := range [][]phrase{p.must, p.mustNot} {
		for _, ph := range list {
			if !ph.single() {
				comparisons += v.rarest(ph)
			}
		}
	}
	if comparisons > MaxComparisons {
		return paper.InvalidField(queryField, "has phrases and exclusions of frequent words, for which %d papers would have to be compared; the limit is %d; give fewer of them, or rarer words", comparisons, MaxComparisons)
	}
	return nil
}

// rarest bounds how many papers have all words of a phrase.
func (v *View) rarest(ph phrase) uint64 {
	least := uint64(v.papers)
	for _, s := range ph {
		if s.stop {
			continue
		}
		n := uint64(0)
		for _, id := range s.ids {
			n += uint64(v.df.at(id))
		}
		least = min(least, n)
	}
	return least
}

// CheckText says beforehand what a typed query has too much of, whatever papers
// there are.
func CheckText(text string) error {
	clauses := parse(text, ModeSearch)
	s := &searcher{}
	ends := make([]int, len(clauses))
	for i, c := range clauses {
		if c.kind != clauseWords {
			s.gather(c)
		}
		ends[i] = len(s.words)
	}
	return checkClauses(clauses, s.words, ends)
}
