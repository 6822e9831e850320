package rpc

import (
	"fmt"
	"strconv"
	"strings"

	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

func toLimits(a *engine.Answer) []*akinv1.Limitation {
	var out []*akinv1.Limitation
	for i := range a.Limits {
		l := &a.Limits[i]
		out = append(out, &akinv1.Limitation{
			Reason: limitReasons[l.Reason], Field: l.Field, Value: l.Value, RemovedCount: int32(l.Removed), KeptCount: int32(l.Kept),
			Part: l.Part, PartKeptCount: int32(l.PartKept), BestRefusedScore: l.BestRefused, Detail: detail(l),
		})
	}
	return out
}

// detail says a limit in a sentence, for people.
func detail(l *engine.Limit) string {
	before := l.Kept + l.Removed
	switch l.Reason {
	case engine.LimitCollection:
		return fmt.Sprintf("The collection holds %s.", papers(l.Kept))
	case engine.LimitFilter:
		s := fmt.Sprintf("The filter keeps %s of %s", some(l.Kept), papers(before))
		if l.Part != "" {
			s += fmt.Sprintf("; `%s` keeps %s", clip(l.Part), some(l.PartKept))
		}
		return s + "."
	case engine.LimitAsOf:
		s := fmt.Sprintf("By %s, %s of %s had appeared", l.Value, some(l.Kept), papers(before))
		if l.Undated > 0 {
			s += fmt.Sprintf("; %s no date", have(l.Undated))
		}
		return s + "."
	case engine.LimitUnasked:
		return "The query only says what to leave out: there is nothing to look for; add words without a - before them."
	case engine.LimitWords:
		s := fmt.Sprintf("Of %s, %s a word of the query", papers(before), have(l.Kept))
		if len(l.Unknown) > 0 {
			s += "; no paper of the collection has " + clip(strings.Join(l.Unknown, ", "))
		}
		return s + "."
	case engine.LimitPhrase:
		return fmt.Sprintf("Of %s, %s the phrase %q.", papers(before), have(l.Kept), clip(l.Value))
	case engine.LimitExclusion:
		return fmt.Sprintf("Of %s, %s %q, which the query excludes.", papers(before), have(l.Removed), clip(l.Value))
	case engine.LimitExamples:
		return fmt.Sprintf("The query's own %s left out.", are(l.Removed))
	case engine.LimitMinScore:
		return fmt.Sprintf("Of %s, %s a cosine below %s; the best of them has %.4f.", candidates(before), have(l.Removed), l.Value, l.BestRefused)
	case engine.LimitVersions:
		return fmt.Sprintf("As versions of other papers, %s left out.", are(l.Removed))
	case engine.LimitGroupSize:
		return fmt.Sprintf("With %s a group, %s of %s left out.", l.Value, thousands(l.Removed), thousands(before))
	case engine.LimitChanged:
		return fmt.Sprintf("As they were deleted or changed since the list was made, %s left out; ask for the first page again for a new list.", are(l.Removed))
	case engine.LimitEnd:
	}
	return ""
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

var limitReasons = map[engine.LimitReason]akinv1.LimitationReason{ //nolint:gochecknoglobals // a constant table
	engine.LimitCollection: akinv1.LimitationReason_LIMITATION_REASON_COLLECTION,
	engine.LimitFilter:     akinv1.LimitationReason_LIMITATION_REASON_FILTER,
	engine.LimitAsOf:       akinv1.LimitationReason_LIMITATION_REASON_AS_OF,
	engine.LimitUnasked:    akinv1.LimitationReason_LIMITATION_REASON_WORDS,
	engine.LimitWords:      akinv1.LimitationReason_LIMITATION_REASON_WORDS,
	engine.LimitPhrase:     akinv1.LimitationReason_LIMITATION_REASON_PHRASE,
	engine.LimitExclusion:  akinv1.LimitationReason_LIMITATION_REASON_EXCLUSION,
	engine.LimitExamples:   akinv1.LimitationReason_LIMITATION_REASON_EXAMPLES,
	engine.LimitMinScore:   akinv1.LimitationReason_LIMITATION_REASON_MIN_SCORE,
	engine.LimitGroupSize:  akinv1.LimitationReason_LIMITATION_REASON_GROUP_SIZE,
	engine.LimitVersions:   akinv1.LimitationReason_LIMITATION_REASON_VERSIONS,
	engine.LimitChanged:    akinv1.LimitationReason_LIMITATION_REASON_CHANGED,
}

// emptyReasons are the reasons that leave a page without papers.
var emptyReasons = map[engine.LimitReason]akinv1.EmptyReason{ //nolint:gochecknoglobals // a constant table
	engine.LimitCollection: akinv1.EmptyReason_EMPTY_REASON_COLLECTION_EMPTY,
	engine.LimitFilter:     akinv1.EmptyReason_EMPTY_REASON_FILTER,
	engine.LimitAsOf:       akinv1.EmptyReason_EMPTY_REASON_AS_OF,
	engine.LimitWords:      akinv1.EmptyReason_EMPTY_REASON_NO_MATCH,
	engine.LimitExamples:   akinv1.EmptyReason_EMPTY_REASON_ONLY_EXAMPLES,
	engine.LimitMinScore:   akinv1.EmptyReason_EMPTY_REASON_MIN_SCORE,
	engine.LimitVersions:   akinv1.EmptyReason_EMPTY_REASON_ONLY_EXAMPLES,
	engine.LimitChanged:    akinv1.EmptyReason_EMPTY_REASON_DELETED,
	engine.LimitEnd:        akinv1.EmptyReason_EMPTY_REASON_PAST_END,
}
