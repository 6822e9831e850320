package rpc

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"akin/internal/engine"
	akinv1 "akin/proto/akin/v1"
)

var syntaxes = map[akinv1.Syntax]engine.Syntax{ //nolint:gochecknoglobals // a constant table
	akinv1.Syntax_SYNTAX_UNSPECIFIED: engine.SyntaxAuto,
	akinv1.Syntax_SYNTAX_AUTO:        engine.SyntaxAuto,
	akinv1.Syntax_SYNTAX_ON:          engine.SyntaxOn,
	akinv1.Syntax_SYNTAX_OFF:         engine.SyntaxOff,
}

var namesOf = map[engine.NameField]akinv1.NameField{ //nolint:gochecknoglobals // a constant table
	engine.NamesAuthor: akinv1.NameField_NAME_FIELD_AUTHOR,
	engine.NamesVenue:  akinv1.NameField_NAME_FIELD_VENUE,
	engine.NamesYear:   akinv1.NameField_NAME_FIELD_YEAR,
}

// toInterpretation says what was understood of a query; nil if it is words alone.
func toInterpretation(a *engine.Answer) *akinv1.Interpretation {
	out := &akinv1.Interpretation{}
	out.Operators, out.Detail = operatorsOf(a)
	for _, n := range a.Names {
		out.Names = append(out.Names, &akinv1.Name{
			Field: namesOf[n.Field], Text: n.Text, Values: n.Values, Papers: int32(min(n.Papers, math.MaxInt32)),
			Filter: n.Filter, Restricts: n.Restricts, Excludes: n.Excludes,
		})
	}
	for _, c := range a.Corrections {
		out.Corrections = append(out.Corrections, &akinv1.Correction{From: c.From, To: c.To, Papers: int32(min(c.Papers, math.MaxInt32))})
	}
	for _, n := range a.Negations {
		out.Negations = append(out.Negations, &akinv1.Negation{
			Text: n.Text, Excludes: n.Excludes, Papers: int32(min(n.Papers, math.MaxInt32)), Query: n.Query, Honoured: n.Honoured,
		})
	}
	var far string
	out.Nearness, far = nearnessOf(a.Nearness)
	sentences := append([]string{far, out.GetDetail()}, correctionSentences(a.Corrections)...)
	sentences = append(sentences, negationSentences(a.Negations)...)
	sentences = append(sentences, nameSentences(a.Names)...)
	out.Detail = strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
	if proto.Size(out) == 0 {
		return nil
	}
	return out
}

// nearnessOf says that nothing is near a query.
func nearnessOf(n engine.Nearness) (akinv1.Nearness, string) {
	switch n {
	case engine.NoWords:
		return akinv1.Nearness_NEARNESS_NO_WORDS,
			"The query has no words that papers could be told apart by; these results are arbitrary. Name a subject, or a whole title."
	case engine.UnknownWords:
		return akinv1.Nearness_NEARNESS_UNKNOWN_WORDS,
			"No paper has most of these words, and none is near in meaning; the query may be in a language that the model does not know. These are the least far."
	case engine.NothingNear:
		return akinv1.Nearness_NEARNESS_FAR,
			"Nothing in the collection is near this: the nearest paper is no nearer than usual papers are to each other. These are the least far."
	case engine.NearEnough:
	}
	return akinv1.Nearness_NEARNESS_UNSPECIFIED, ""
}

// correctionSentences tells what was corrected, and how to undo that.
func correctionSentences(corrections []engine.Correction) []string {
	if len(corrections) == 0 {
		return nil
	}
	said := make([]string, len(corrections))
	for i, c := range corrections {
		said[i] = fmt.Sprintf("%q was read as %q", c.From, c.To)
	}
	return []string{"No paper has what was mistyped, or hardly any: " + listed(said) + ". With verbatim the query is taken as it is typed."}
}

// negationSentences tells what was understood as not meant, and how to go further, or to
// undo that.
func negationSentences(negations []engine.Negation) []string {
	var last, maybe []string
	for _, n := range negations {
		if n.Honoured {
			last = append(last, n.Excludes...)
		} else {
			maybe = append(maybe, fmt.Sprintf("%q", n.Text))
		}
	}
	var out []string
	if len(last) > 0 {
		out = append(out, fmt.Sprintf("What is about %s comes last; the query %q leaves it out. With verbatim these are words like others.",
			listed(last), clip(negations[0].Query)))
	}
	if len(maybe) > 0 {
		out = append(out, fmt.Sprintf("If %s says what to leave out, ask for %q.", listed(maybe), clip(negations[0].Query)))
	}
	return out
}

// nameSentences tells what was understood as names, and how to undo that.
func nameSentences(names []engine.Name) []string {
	var raised, only, not []string
	for _, n := range names {
		said := fmt.Sprintf("%s %s", map[engine.NameField]string{
			engine.NamesAuthor: "the author", engine.NamesVenue: "the venue", engine.NamesYear: "the year",
		}[n.Field], n.Values[0])
		if more := len(n.Values) - 1; more > 0 {
			said = fmt.Sprintf("%s and %d more", said, more)
		}
		switch {
		case n.Excludes:
			not = append(not, said)
		case n.Restricts:
			only = append(only, said)
		default:
			raised = append(raised, said)
		}
	}
	var out []string
	if len(only) > 0 {
		out = append(out, "Only papers of "+listed(only)+" are found.")
	}
	if len(not) > 0 {
		out = append(out, "Papers of "+listed(not)+" are left out.")
	}
	if len(raised) > 0 {
		out = append(out, "Papers of "+listed(raised)+" are raised. With verbatim these are words like others.")
	}
	return out
}

// listed joins things in English.
func listed(things []string) string {
	if n := len(things); n > 1 {
		return strings.Join(things[:n-1], ", ") + " and " + things[n-1]
	}
	return things[0]
}

// operatorsOf says what became of the operators of a query.
func operatorsOf(a *engine.Answer) (akinv1.OperatorUse, string) {
	switch a.Operators {
	case engine.OperatorsCounted:
		return akinv1.OperatorUse_OPERATOR_USE_COUNTED, ""
	case engine.OperatorsIgnored:
		return akinv1.OperatorUse_OPERATOR_USE_IGNORED, ""
	case engine.OperatorsRaised:
		return akinv1.OperatorUse_OPERATOR_USE_RAISED,
			"The query is long, so its signs are no operators: a phrase in quotation marks only raises the papers that have it, " +
				"and everything else is words. With syntax ON they count."
	case engine.PhrasesDropped:
		return akinv1.OperatorUse_OPERATOR_USE_PHRASES_DROPPED,
			"No paper has all that the query puts in quotation marks; these are the nearest without that. With syntax ON it must be there."
	case engine.NoOperators:
	}
	return akinv1.OperatorUse_OPERATOR_USE_UNSPECIFIED, ""
}
