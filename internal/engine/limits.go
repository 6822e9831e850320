package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	catalog "akin/internal/catalog/local"
	"akin/internal/rank"
)

// LimitReason says what kept papers out of an answer.
type LimitReason int

// The reasons, in the order in which they apply.
const (
	LimitCollection LimitReason = iota + 1 // there are not more papers
	LimitFilter
	LimitAsOf
	LimitWords     // papers without any word of the query
	LimitPhrase    // papers without a phrase of the query
	LimitExclusion // papers with what the query excludes
	LimitExamples  // the query's own papers
	LimitMinScore
	LimitVersions // of better results, or of the query's own papers
	LimitGroupSize
	LimitChanged // papers of the page that were deleted or changed since the list was made
)

// Limit is one thing that kept papers out of an answer that is short.
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
	// BestRefused is the best cosine below MinScore.
	BestRefused float64
	// Detail says it in a sentence.
	Detail string
}

// losses is what a list lost on its way, for the reasons why it is short.
type losses struct {
	// dropped are the query's own papers that were no candidates any more, own
	// those that were.
	dropped, own, below, versions, grouped int
	bestRefused                            float64
}

// count notes what cut will leave out of the hits.
func (n *losses) count(q *query, hits []rank.Hit) {
	own := make(map[string]bool, len(q.leaveOut))
	for _, id := range q.leaveOut {
		own[id] = true
	}
	for _, h := range hits {
		switch {
		case own[h.ID]:
			n.own++
		case q.options.MinScore != nil && below(h.Semantic, *q.options.MinScore):
			if n.below == 0 || h.Semantic > n.bestRefused {
				n.bestRefused = h.Semantic
			}
			n.below++
		}
	}
}

// limits says why a list is shorter than a page; nil where it is not.
func (e *asking) limits(ctx context.Context, q *query, list *pinned, changed int) ([]Limit, error) {
	if len(list.hits) >= q.options.PageSize {
		return changedLimit(nil, list, changed), nil
	}
	sifted, err := e.catalog.Sift(ctx, q.collection, catalog.Sift{
		Filter: q.options.Filter, AsOf: q.options.AsOf, Words: list.words, AnyWord: q.mode == Lexical && list.words.Text != "",
	})
	if err != nil {
		return nil, err
	}
	var out []Limit
	if sifted.Papers < q.options.PageSize {
		out = append(out, Limit{
			Reason: LimitCollection, Field: "collection", Value: q.collection, Kept: sifted.Papers,
			Detail: fmt.Sprintf("The collection holds %s.", papers(sifted.Papers)),
		})
	}
	out = append(out, q.filterLimits(&sifted)...)
	if q.asksNothing {
		return append(out, Limit{
			Reason: LimitWords, Field: q.wordsField, Value: q.excluded, Removed: sifted.AsOf,
			Detail: "The query only says what to leave out: there is nothing to look for; add words without a - before them.",
		}), nil
	}
	out = append(out, q.wordLimits(&sifted)...)
	return changedLimit(append(out, q.listLimits(list)...), list, changed), nil
}

// changedLimit adds that papers changed since the list was made, if they did.
func changedLimit(limits []Limit, list *pinned, changed int) []Limit {
	if changed == 0 {
		return limits
	}
	return append(limits, Limit{
		Reason: LimitChanged, Field: "page_token", Removed: changed, Kept: len(list.hits) - changed,
		Detail: fmt.Sprintf("As they were deleted or changed since the list was made, %s left out; ask for the first page again for a new list.", are(changed)),
	})
}

// filterLimits are those that a paper's attributes decide.
func (q *query) filterLimits(s *catalog.Sifted) (out []Limit) {
	if s.Filtered < s.Papers {
		l := Limit{
			Reason: LimitFilter, Field: "filter", Value: q.options.Filter, Removed: s.Papers - s.Filtered, Kept: s.Filtered,
			Detail: fmt.Sprintf("The filter keeps %s of %s", some(s.Filtered), papers(s.Papers)),
		}
		for _, p := range s.Parts {
			if p.Kept >= 0 && (l.Part == "" || p.Kept < l.PartKept) {
				l.Part, l.PartKept = p.Text, p.Kept
			}
		}
		if l.Part != "" {
			l.Detail += fmt.Sprintf("; `%s` keeps %s", clip(l.Part), some(l.PartKept))
		}
		l.Detail += "."
		out = append(out, l)
	}
	if s.AsOf < s.Filtered {
		l := Limit{
			Reason: LimitAsOf, Field: "as_of", Value: q.options.AsOf, Removed: s.Filtered - s.AsOf, Kept: s.AsOf,
			Detail: fmt.Sprintf("By %s, %s of %s had appeared", q.options.AsOf, some(s.AsOf), papers(s.Filtered)),
		}
		if s.Undated > 0 {
			l.Detail += fmt.Sprintf("; %s no date", have(s.Undated))
		}
		l.Detail += "."
		out = append(out, l)
	}
	return out
}

// wordLimits are those that the words of the query make.
func (q *query) wordLimits(s *catalog.Sifted) (out []Limit) {
	before := s.AsOf
	for _, step := range s.Words {
		l := Limit{Field: q.wordsField, Value: step.Text, Removed: before - step.Left, Kept: step.Left}
		switch step.Kind {
		case catalog.StepPhrase:
			l.Reason = LimitPhrase
			l.Detail = fmt.Sprintf("Of %s, %s the phrase %q.", papers(before), have(step.Left), clip(step.Text))
		case catalog.StepExclusion:
			l.Reason = LimitExclusion
			l.Detail = fmt.Sprintf("Of %s, %s %q, which the query excludes.", papers(before), have(l.Removed), clip(step.Text))
		case catalog.StepWords:
			l.Reason = LimitWords
			l.Value = strings.Join(step.Unknown, " ")
			l.Detail = fmt.Sprintf("Of %s, %s a word of the query", papers(before), have(step.Left))
			if len(step.Unknown) > 0 {
				l.Detail += "; no paper of the collection has " + clip(strings.Join(step.Unknown, ", "))
			}
			l.Detail += "."
		}
		if before = step.Left; l.Removed > 0 {
			out = append(out, l)
		}
	}
	return out
}

// listLimits are those that the list of candidates met.
func (q *query) listLimits(list *pinned) (out []Limit) {
	lost, left := list.lost, list.answer.Candidates-list.lost.own
	if own := lost.dropped + lost.own; own > 0 {
		out = append(out, Limit{
			Reason: LimitExamples, Field: q.ownField, Removed: own, Kept: left,
			Detail: fmt.Sprintf("The query's own %s left out.", are(own)),
		})
	}
	if lost.below > 0 {
		minimum := number(*q.options.MinScore)
		out = append(out, Limit{
			Reason: LimitMinScore, Field: "min_score", Value: minimum, Removed: lost.below, Kept: left - lost.below, BestRefused: lost.bestRefused,
			Detail: fmt.Sprintf("Of %s, %s a cosine below %s; the best of them has %.4f.", candidates(left), have(lost.below), minimum, lost.bestRefused),
		})
	}
	if lost.versions > 0 {
		out = append(out, Limit{
			Reason: LimitVersions, Field: "collapse_versions", Value: "true", Removed: lost.versions, Kept: len(list.hits) + lost.grouped,
			Detail: fmt.Sprintf("As versions of other papers, %s left out.", are(lost.versions)),
		})
	}
	if lost.grouped > 0 {
		size := strconv.Itoa(q.options.GroupSize)
		out = append(out, Limit{
			Reason: LimitGroupSize, Field: "group_size", Value: size, Removed: lost.grouped, Kept: len(list.hits),
			Detail: fmt.Sprintf("With %s a group, %s of %s left out.", size, thousands(lost.grouped), thousands(len(list.hits)+lost.grouped)),
		})
	}
	return out
}

// clip keeps what a sentence quotes short.
func clip(s string) string {
	const most = 200
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// The numbers of sentences.

func papers(n int) string {
	switch n {
	case 0:
		return "no papers"
	case 1:
		return "1 paper"
	}
	return thousands(n) + " papers"
}

func candidates(n int) string {
	if n == 1 {
		return "1 candidate"
	}
	return thousands(n) + " candidates"
}

func some(n int) string {
	if n == 0 {
		return "none"
	}
	return thousands(n)
}

func have(n int) string {
	switch n {
	case 0:
		return "none has"
	case 1:
		return "1 has"
	}
	return thousands(n) + " have"
}

func are(n int) string {
	if n == 1 {
		return "paper is"
	}
	return thousands(n) + " papers are"
}

// thousands writes a number with a comma after each three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
