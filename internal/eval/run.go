package eval

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"akin/internal/paper"
)

// Scored is a paper of a list, with the score that places it. Scores of
// different lists need not be comparable.
type Scored struct {
	ID    string
	Score float64
}

// Run holds a system's lists by query id. A query that was asked and found
// nothing has an entry with an empty list.
type Run map[string][]Scored

// Sort orders a list as trec_eval ranks it: score descending, ties by id in
// descending byte order. Scores are compared as float32, the precision that
// trec_eval keeps; what differs only beyond it is a tie. (akin's own answers
// break ties by ascending id: that order is not neutral either, and here the
// reference's must win, or values would differ from everybody else's.)
func Sort(list []Scored) {
	slices.SortFunc(list, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(float32(b.Score), float32(a.Score)), cmp.Compare(b.ID, a.ID))
	})
}

// checked says whether a list can be ranked: finite scores, ids that are not
// empty, and each id once.
func checked(list []Scored) error {
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		switch {
		case s.ID == "":
			return paper.Invalidf("the paper at place %d has no id", i+1)
		case math.IsNaN(s.Score) || math.IsInf(s.Score, 0):
			return paper.Invalidf("the score of paper %q is %v; it must be a finite number", s.ID, s.Score)
		case seen[s.ID]:
			return paper.Invalidf("paper %q is in the list twice", s.ID)
		}
		seen[s.ID] = true
	}
	return nil
}

// WriteRun writes TREC's format: a line "query Q0 paper rank score tag" for
// each paper, queries in the order of their ids, papers in the order of Sort,
// ranks from 1. Scores keep all their digits. Ids and tag must not be empty or
// contain white space. A query with an empty list leaves no trace: score what
// was read back with Options.Complete.
func WriteRun(w io.Writer, run Run, tag string) error {
	if err := word("tag", tag); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for _, query := range slices.Sorted(maps.Keys(run)) {
		if err := writeList(out, query, run[query], tag); err != nil {
			return fmt.Errorf("write the run of query %q: %w", query, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the run: %w", err)
	}
	return nil
}

func writeList(out *bufio.Writer, query string, list []Scored, tag string) error {
	if err := word("query id", query); err != nil {
		return err
	}
	if err := checked(list); err != nil {
		return err
	}
	list = slices.Clone(list)
	Sort(list)
	for i, s := range list {
		if err := word("paper id", s.ID); err != nil {
			return err
		}
		score := strconv.FormatFloat(s.Score, 'g', -1, 64)
		if _, err := fmt.Fprintf(out, "%s Q0 %s %d %s %s\n", query, s.ID, i+1, score, tag); err != nil {
			return err
		}
	}
	return nil
}

// word refuses what a format of fields between white space cannot carry.
func word(what, s string) error {
	if s == "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return paper.Invalidf("%s %q is empty or contains white space, which the TREC format cannot hold", what, s)
	}
	return nil
}

// ReadRun reads TREC's format, plain or gzip: six fields between white space.
// Lists come back in the order of Sort; the second field, the rank and the tag
// are ignored, as trec_eval ignores them. The name is for errors.
func ReadRun(r io.Reader, name string) (Run, error) {
	type pair struct{ query, id string }
	run, seen := Run{}, map[pair]int{}
	err := eachLine(r, name, func(number int, line []byte) error {
		fields := strings.Fields(string(line))
		if len(fields) != 6 {
			return paper.Invalidf("has %d fields; wanted are six: query Q0 paper rank score tag", len(fields))
		}
		key := pair{fields[0], fields[2]}
		score, err := strconv.ParseFloat(fields[4], 64)
		if err != nil || math.IsNaN(score) || math.IsInf(score, 0) {
			return paper.Invalidf("score %q is not a finite number", fields[4])
		}
		if before, ok := seen[key]; ok {
			return paper.Invalidf("query %q has paper %q already, in line %d", key.query, key.id, before)
		}
		seen[key] = number
		run[key.query] = append(run[key.query], Scored{ID: key.id, Score: score})
		return nil
	})
	for _, list := range run {
		Sort(list)
	}
	return run, err
}
