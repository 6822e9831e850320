package eval

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// labels are what a file of labels says of the papers of each set.
type labels struct {
	sets map[string][]label
	// divided says that the file tells which likes are given.
	divided bool
}

type label struct {
	paper string
	liked bool
	given bool
}

// keep forgets all other papers, and the sets of a divided file that are left
// with nothing to give or to find.
func (l *labels) keep(only map[string]bool) {
	for set, list := range l.sets {
		list = slices.DeleteFunc(list, func(x label) bool { return !only[x.paper] })
		l.sets[set] = list
		n := given(list)
		if len(list) == 0 || l.divided && (n == 0 || n == len(list)) {
			delete(l.sets, set)
		}
	}
}

// given counts the papers that are given.
func given(list []label) (n int) {
	for _, x := range list {
		if x.given {
			n++
		}
	}
	return n
}

// readLabels reads lines of set, paper and 1 or 0, or of set, paper, year and
// train or test, plain or gzip; the first line decides which. A set of the
// second form has papers of both kinds. The name is for errors.
func readLabels(r io.Reader, name string) (*labels, error) {
	l := &labels{sets: map[string][]label{}}
	type pair struct{ set, paper string }
	seen, columns := map[pair]int{}, 0
	err := eachLine(r, name, func(number int, line []byte) error {
		fields := strings.Split(string(line), "\t")
		if columns == 0 {
			columns = len(fields)
			l.divided = columns == 4
		}
		if len(fields) != columns || columns != 3 && columns != 4 {
			return paper.Invalidf("has %d fields; wanted are set, paper and 1 or 0, or set, paper, year and train or test, separated by tabs, the same in all lines", len(fields))
		}
		key := pair{fields[0], fields[1]}
		if key.set == "" || key.paper == "" {
			return paper.Invalidf("the set or the paper is empty")
		}
		if before, ok := seen[key]; ok {
			return paper.Invalidf("set %q has paper %q already, in line %d", key.set, key.paper, before)
		}
		seen[key] = number
		x, err := parseLabel(fields[1:])
		l.sets[key.set] = append(l.sets[key.set], x)
		return err
	})
	if err == nil && l.divided {
		err = l.checkDivided(name)
	}
	return l, err
}

// parseLabel reads a line from its second field on.
func parseLabel(fields []string) (label, error) {
	x := label{paper: fields[0], liked: true}
	if len(fields) == 2 {
		grade, err := strconv.ParseInt(fields[1], 10, 32)
		if err != nil {
			return x, paper.Invalidf("label %q is not a whole number; write 1 for a liked paper and 0 for another", fields[1])
		}
		x.liked = grade > 0
		return x, nil
	}
	if _, err := strconv.ParseUint(fields[1], 10, 16); err != nil {
		return x, paper.Invalidf("year %q is not a year", fields[1])
	}
	switch fields[2] {
	case "train":
		x.given = true
	case "test":
	default:
		return x, paper.Invalidf("the last field is %q; write train for a paper that is given and test for one to find", fields[2])
	}
	return x, nil
}

func (l *labels) checkDivided(name string) error {
	for _, set := range slices.Sorted(maps.Keys(l.sets)) {
		list, given := l.sets[set], given(l.sets[set])
		if given == 0 || given == len(list) {
			return paper.Invalidf("%s: set %q has %d papers to train with and %d to test with; each needs at least one", name, set, given, len(list)-given)
		}
	}
	return nil
}
