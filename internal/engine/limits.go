package engine

import (
	"context"
	"strconv"
	"strings"

	"akin/internal/catalog"
)

// LimitReason says what kept papers out of an answer.
type LimitReason int

// The reasons, in the order in which they apply.
const (
	LimitCollection LimitReason = iota + 1 // there are not more papers
	LimitFilter
	LimitAsOf
	LimitUnasked   // the query only says what to leave out
	LimitWords     // papers without any word of the query
	LimitPhrase    // papers without a phrase of the query
	LimitExclusion // papers with what the query excludes
	LimitExamples  // the query's own papers
	LimitMinScore
	LimitVersions // of better results, or of the query's own papers
	LimitGroupSize
	LimitChanged // papers of the page that were deleted or changed since the list was made
	LimitEnd     // the page token leads behind the last paper; it is no Limit, only why a page is empty
)

// Limit is one thing that kept papers out of an answer that is short. What it says
// is for programs; sentences are made where people are spoken to.
type Limit struct {
	Reason LimitReason
	// Field and Value are the request's; the value of LimitWords are the words
	// that no paper has.
	Field, Value string
	// Removed is how many papers it kept out of those that were left before it,
	// and Kept how many it left.
	Removed, Kept int
	// Part is the part of a filter that keeps fewest papers, and PartKept how
	// many those are; "" where the filter has no parts.
	Part     string
	PartKept int
	// Undated is how many papers LimitAsOf removed as they have no date.
	Undated int
	// Unknown are the words that no paper has, of LimitWords.
	Unknown []string
	// BestRefused is the best cosine below MinScore.
	BestRefused float64
}

// whyEmpty says what left a list without papers; 0 where it has some. It is the
// last stage that had papers to take out.
func (d *draft) whyEmpty(papers uint32) LimitReason {
	left := d.answer.Candidates - d.tally.own
	switch {
	case len(d.hits) > 0:
		return 0
	case papers == 0:
		return LimitCollection
	case d.kept == 0 && d.query.options.Filter == "":
		return LimitAsOf
	case d.kept == 0:
		return LimitFilter
	case left == 0 && d.tally.ownBefore+d.tally.own > 0:
		return LimitExamples
	case left == 0:
		return LimitWords
	case left == d.tally.belowScore:
		return LimitMinScore
	}
	return LimitVersions
}

// limits says why a list is shorter than a page; nil where it is not.
func (a *asking) limits(ctx context.Context, q *query, list *pinned, changed int) ([]Limit, error) {
	var out []Limit
	if len(list.hits) < q.options.PageSize {
		conditions, err := a.conditionLimits(ctx, q, list)
		if err != nil {
			return nil, err
		}
		out = append(conditions, q.listLimits(list)...)
	}
	if changed > 0 {
		out = append(out, Limit{Reason: LimitChanged, Field: "page_token", Removed: changed, Kept: len(list.hits) - changed})
	}
	return out, nil
}

// conditionLimits are those that the conditions of a query make, before anything is
// ranked. Without the capability there are none.
func (a *asking) conditionLimits(ctx context.Context, q *query, list *pinned) (out []Limit, err error) {
	funnel, ok := a.funnel()
	if !ok {
		return nil, nil
	}
	left, err := funnel.Funnel(ctx, catalog.Conditions{
		Restriction: q.options.restriction(), Words: list.words, AnyWord: q.mode == Lexical && list.words.Text != "",
	})
	if err != nil {
		return nil, err
	}
	if left.Papers < q.options.PageSize {
		out = append(out, Limit{Reason: LimitCollection, Field: "collection", Value: q.collection, Kept: left.Papers})
	}
	out = append(out, q.filterLimits(&left)...)
	if q.asksNothing {
		return append(out, Limit{Reason: LimitUnasked, Field: q.wordsField, Value: q.excluded, Removed: left.AsOf}), nil
	}
	return append(out, q.wordLimits(&left)...), nil
}

// filterLimits are those that a paper's attributes decide.
func (q *query) filterLimits(left *catalog.Remaining) (out []Limit) {
	if left.Filtered < left.Papers {
		l := Limit{Reason: LimitFilter, Field: "filter", Value: q.options.Filter, Removed: left.Papers - left.Filtered, Kept: left.Filtered}
		for _, p := range left.Parts {
			if p.Kept >= 0 && (l.Part == "" || p.Kept < l.PartKept) {
				l.Part, l.PartKept = p.Text, p.Kept
			}
		}
		out = append(out, l)
	}
	if left.AsOf < left.Filtered {
		out = append(out, Limit{
			Reason: LimitAsOf, Field: "as_of", Value: q.options.AsOf,
			Removed: left.Filtered - left.AsOf, Kept: left.AsOf, Undated: left.Undated,
		})
	}
	return out
}

// wordLimits are those that the words of the query make.
func (q *query) wordLimits(left *catalog.Remaining) (out []Limit) {
	before := left.AsOf
	for _, step := range left.Words {
		l := Limit{Field: q.wordsField, Value: step.Text, Removed: before - step.Left, Kept: step.Left}
		switch step.Kind {
		case catalog.StepPhrase:
			l.Reason = LimitPhrase
		case catalog.StepExclusion:
			l.Reason = LimitExclusion
		case catalog.StepWords:
			l.Reason, l.Value, l.Unknown = LimitWords, strings.Join(step.Unknown, " "), step.Unknown
		}
		if before = step.Left; l.Removed > 0 {
			out = append(out, l)
		}
	}
	return out
}

// listLimits are those that the list of candidates met.
func (q *query) listLimits(list *pinned) (out []Limit) {
	tally, left := list.tally, list.answer.Candidates-list.tally.own
	if own := tally.ownBefore + tally.own; own > 0 {
		out = append(out, Limit{Reason: LimitExamples, Field: q.ownField, Removed: own, Kept: left})
	}
	if tally.belowScore > 0 {
		out = append(out, Limit{
			Reason: LimitMinScore, Field: "min_score", Value: number(*q.options.MinScore),
			Removed: tally.belowScore, Kept: left - tally.belowScore, BestRefused: tally.bestRefused,
		})
	}
	if tally.versions > 0 {
		out = append(out, Limit{
			Reason: LimitVersions, Field: "collapse_versions", Value: "true",
			Removed: tally.versions, Kept: len(list.hits) + tally.ungrouped,
		})
	}
	if tally.ungrouped > 0 {
		out = append(out, Limit{
			Reason: LimitGroupSize, Field: "group_size", Value: strconv.Itoa(q.options.GroupSize),
			Removed: tally.ungrouped, Kept: len(list.hits),
		})
	}
	return out
}
