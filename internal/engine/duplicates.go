package engine

import (
	"context"
	"math"
	"slices"
	"time"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// groupPapers is the most papers of a group that are sent together.
const groupPapers = 1_000

// compareRetry is when to ask again while another comparison runs: one at a time,
// as each takes memory for every paper.
const compareRetry = 5 * time.Second

// DefaultMinSimilarity is the cosine that similar texts must have to count as one,
// unless a request says otherwise.
const DefaultMinSimilarity = 0.95

// FindDuplicates asks for the papers of a collection that count as one.
type FindDuplicates struct {
	Collection string
	// Filter is an AIP-160 filter; "" compares all papers.
	Filter string
	// MinSimilarity is the cosine that similar texts must have, from 0 to 1; nil
	// is DefaultMinSimilarity.
	MinSimilarity *float64
}

// FoundDuplicates are some groups, or a report of progress.
type FoundDuplicates struct {
	// Sequence is the last change that the comparison has seen, Total how many
	// papers it compares; both are always the same.
	Sequence uint64
	Total    uint32
	// Compared is how many papers have been compared with all others.
	Compared int
	// Group has the first paper and those that count as one with it; nil where
	// there is only progress.
	Group []catalog.Duplicate
}

// FindDuplicates compares papers as they are at one sequence and calls send: at
// once, with each group as it is found, in order of the id of its first paper,
// now and then with the progress, and in the end. A group of more than 1,000
// papers is sent in installments that begin with the same first paper. It takes one core
// at most. Its first error ends it.
func (e *Engine) FindDuplicates(ctx context.Context, q FindDuplicates, send func(FoundDuplicates) error) error {
	least := DefaultMinSimilarity
	if q.MinSimilarity != nil {
		least = *q.MinSimilarity
	}
	if math.IsNaN(least) || least < 0 || least > 1 {
		return paper.InvalidField("min_similarity", "is %v; it is a cosine, between 0 and 1; leave it out for %v", least, DefaultMinSimilarity)
	}
	a, err := e.ask(ctx, q.Collection)
	if err != nil {
		return err
	}
	defer a.close()
	comparer, err := a.duplicates()
	if err != nil {
		return err
	}
	select {
	case e.comparing <- struct{}{}:
		defer func() { <-e.comparing }()
	default:
		return &paper.Error{
			Kind: paper.Exhausted, Reason: paper.ReasonQueueFull, RetryAfter: compareRetry,
			Message: "papers are being compared for another caller; try again later",
		}
	}
	papers, groups, err := comparer.Duplicates(ctx, q.Filter, least)
	if err != nil {
		return err
	}
	found := FoundDuplicates{Sequence: a.info.Sequence, Total: papers}
	if err := send(found); err != nil {
		return err
	}
	for group, err := range groups {
		if err != nil {
			return err
		}
		found.Compared = group.Compared
		if group.Papers != nil {
			if group.Papers = papersOf(group.Papers); len(group.Papers) < 2 {
				continue
			}
		}
		for _, found.Group = range installments(group.Papers) {
			if err := send(found); err != nil {
				return err
			}
		}
	}
	return nil
}

// papersOf leaves what is a paper of a group that begins with one: a preface is like
// those of other volumes, and yet no version of them.
func papersOf(group []catalog.Duplicate) []catalog.Duplicate {
	isNone := func(d catalog.Duplicate) bool { return d.Record != nil && d.Record.Kind() != paper.IsPaper }
	if isNone(group[0]) {
		return nil
	}
	return slices.DeleteFunc(group, isNone)
}

// installments cuts a group, at least into one, each with its first paper.
func installments(group []catalog.Duplicate) [][]catalog.Duplicate {
	if len(group) <= groupPapers {
		return [][]catalog.Duplicate{group}
	}
	var out [][]catalog.Duplicate
	first, rest := group[0], group[1:]
	for len(rest) > 0 {
		n := min(len(rest), groupPapers-1)
		out = append(out, append([]catalog.Duplicate{first}, rest[:n]...))
		rest = rest[n:]
	}
	return out
}
