package filter

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
)

// fieldName is the request field that errors of this package name.
const fieldName = "filter"

// faultAt makes the error for a fault at a column; column 0 means the whole
// text. The column is in the sentence for people and in the metadata for
// programs.
func faultAt(column int, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if column == 0 {
		return paper.InvalidField(fieldName, "%s", what)
	}
	e := paper.InvalidField(fieldName, "at column %d: %s", column, what)
	e.Metadata = map[string]string{"column": strconv.Itoa(column)}
	return e
}

// clip quotes what the sender wrote, shortened, so that a message stays one.
func clip(s string) string {
	const most = 40
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return strconv.Quote(s)
}

// nearest finds the candidate that a misspelt word most likely means, or "".
func nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if utf8.RuneCountInString(word) > 32 {
		return "" // no field is that long
	}
	allowed := 1 + min(utf8.RuneCountInString(word)/5, 1)
	best := slices.MinFunc(candidates, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(word, a), distance(word, b)), cmp.Compare(a, b))
	})
	if distance(word, best) > allowed {
		return ""
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions, and swaps of two neighbours.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, row := make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		next := make([]int, len(t)+1)
		next[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(t)]
}
