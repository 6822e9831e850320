package layout

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// nameWords is of how many words, or pairs of words, a name is made.
	nameWords = 3
	// leastTitles is how many titles of a cluster a word of its name is in.
	leastTitles = 2
	// maxNameBytes bounds a name.
	maxNameBytes = 160
	// shareCut is how much less a word counts in a name for each name that has it.
	shareCut = 0.4
)

// nameClusters names clusters by words of their titles, and pairs of words, that are
// frequent in the cluster and rare in the others (c-TF-IDF, with how much of the word
// is the cluster's own as its weight).
func nameClusters(titles []string, own []uint8, k int) []string {
	sizes := make([]float64, k)
	counts := make([]map[string]int, k)
	for c := range counts {
		counts[c] = make(map[string]int)
	}
	for i, title := range titles {
		c := own[i]
		sizes[c]++
		for term := range termsOf(title) {
			counts[c][term]++
		}
	}
	shares := make(map[string]float64) // the sum of the clusters' shares of a word
	for c := range counts {
		for _, term := range slices.Sorted(maps.Keys(counts[c])) {
			shares[term] += float64(counts[c][term]) / sizes[c]
		}
	}
	names, used := make([]string, k), make(map[string]int)
	for c := range names {
		names[c] = nameOf(counts[c], sizes[c], shares, used)
	}
	return names
}

// candidate is a word, or a pair, that a cluster may be named by.
type candidate struct {
	term  string
	score float64
}

// nameOf names a cluster, and counts its words as used.
func nameOf(counts map[string]int, size float64, shares map[string]float64, used map[string]int) string {
	var found []candidate
	for term, count := range counts {
		if count < leastTitles {
			continue
		}
		share := float64(count) / size
		score := share * (share / shares[term]) // how frequent, and how much its own
		if strings.Contains(term, " ") {
			score *= 1.5 // pairs say more
		}
		for range used[term] {
			score *= shareCut
		}
		found = append(found, candidate{term, score})
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.term, b.term)) })
	var chosen []string
	for _, x := range found {
		if len(chosen) == nameWords {
			break
		}
		if !repeats(chosen, x.term) {
			chosen = append(chosen, x.term)
			used[x.term]++
		}
	}
	name := strings.Join(chosen, ", ")
	for len(name) > maxNameBytes {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

// repeats says that a term says again what a chosen one says.
func repeats(chosen []string, term string) bool {
	for _, c := range chosen {
		for _, a := range strings.Fields(c) {
			for _, b := range strings.Fields(term) {
				if a == b || strings.TrimSuffix(a, "s") == strings.TrimSuffix(b, "s") {
					return true
				}
			}
		}
	}
	return false
}

// termsOf gives the words of a title, and pairs of words that stand side by side.
func termsOf(title string) map[string]struct{} {
	out := make(map[string]struct{})
	before := ""
	for _, word := range strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && !unicode.IsMark(r)
	}) {
		word = strings.Trim(word, "-")
		if !tells(word) {
			before = ""
			continue
		}
		out[word] = struct{}{}
		if before != "" {
			out[before+" "+word] = struct{}{}
		}
		before = word
	}
	return out
}

// tells says that a word can tell clusters apart.
func tells(word string) bool {
	if len(word) < 3 || len(word) > 40 || strings.Contains(stopWords, " "+word+" ") {
		return false
	}
	return strings.ContainsFunc(word, unicode.IsLetter)
}

// stopWords are English words that titles have whatever they are about.
const stopWords = " a about above across after against all also among an and any are as at be because been before being below between beyond both but by can " +
	"could do does done down during each either every few for from further had has have having here how however if in into is it its itself just less " +
	"like make makes making may more most much must need needs new no nor not now of off on once one only onto or other our out over own per rather same " +
	"should since so some still such than that the their them then there these they this those three through to too toward towards two under until up upon use " +
	"used using very via was way we well were what when where whether which while who whose why will with within without would yet you your " +
	"approach approaches based case method methods paper study towards novel improving improved improve efficient effective " +
	"beyond analysis evaluating evaluation exploring understanding enhancing enabling " +
	"der die das und von für mit des dem den ein eine zur zum les des une dans pour sur avec del los las una con por para como "
