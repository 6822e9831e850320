package eval

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"akin/internal/paper"
)

// Searcher answers queries. Search returns at most k papers, in any order: the
// scores decide, ties as Sort says. If the query names candidates, only they
// are ranked (Condense helps); the query paper is never among the answers.
// With Options.Parallel above 1, Search is called concurrently.
type Searcher interface {
	Search(ctx context.Context, query Query, k int) ([]Scored, error)
}

// Condense keeps the papers of a list that are candidates, for a searcher that
// can only rank the whole corpus (Sakai, Alternatives to bpref, 2007). It is
// fair only if the list is deep enough to hold all candidates.
func Condense(list []Scored, candidates []string) []Scored {
	wanted := make(map[string]bool, len(candidates))
	for _, id := range candidates {
		wanted[id] = true
	}
	kept := make([]Scored, 0, min(len(list), len(wanted)))
	for _, s := range list {
		if wanted[s.ID] {
			kept = append(kept, s)
		}
	}
	return kept
}

// Evaluate asks the searcher every judged query of the dataset and scores the
// answers; all judged queries with a relevant paper count, whether or not
// anything was found. It stops at the first error: a failing search, or an
// answer that breaks Searcher's contract.
func Evaluate(ctx context.Context, d *Dataset, s Searcher, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	lists := make([][]Scored, len(d.Queries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.Parallel)
	for i, query := range d.Queries {
		if len(d.Qrels[query.ID]) == 0 {
			continue
		}
		group.Go(func() (err error) {
			if err = ctx.Err(); err == nil {
				lists[i], err = ask(ctx, s, query, o.Depth)
			}
			if err != nil {
				return fmt.Errorf("evaluate query %q of %s: %w", query.ID, d.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	run := make(Run, len(lists))
	for i, query := range d.Queries {
		run[query.ID] = lists[i]
	}
	report, err := Score(run, d.Qrels, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", d.Name, err)
	}
	report.Dataset = d.Name
	return report, nil
}

// ask searches, and holds the searcher to its contract.
func ask(ctx context.Context, s Searcher, query Query, depth int) ([]Scored, error) {
	k := depth
	if query.Candidates != nil {
		k = len(query.Candidates)
	}
	list, err := s.Search(ctx, query, k)
	if err != nil {
		return nil, err
	}
	if len(list) > k {
		return nil, paper.Invalidf("the searcher returned %d papers; asked for were %d", len(list), k)
	}
	if err := checked(list); err != nil {
		return nil, err
	}
	if query.PaperID != "" && slices.ContainsFunc(list, func(s Scored) bool { return s.ID == query.PaperID }) {
		return nil, paper.Invalidf("the searcher returned the query paper %q", query.PaperID)
	}
	if query.Candidates != nil && len(Condense(list, query.Candidates)) != len(list) {
		return nil, paper.Invalidf("the searcher returned papers that are no candidates: see Condense")
	}
	return list, nil
}
