package web

import (
	"strconv"
	"strings"

	akinv1 "akin/proto/akin/v1"
)

// understood tells what was understood of a query, each with the lists that undo it, or
// that go further; otherwise in the words of the interpretation's detail.
func (q query) understood(i *akinv1.Interpretation) (out []limit) {
	if far := map[akinv1.Nearness]string{
		akinv1.Nearness_NEARNESS_NO_WORDS:      "The query has no words that papers could be told apart by; these results are arbitrary. Name a subject, or a whole title.",
		akinv1.Nearness_NEARNESS_UNKNOWN_WORDS: "No paper has most of these words, and none is near in meaning; the query may be in a language that the model does not know. These are the least far.",
		akinv1.Nearness_NEARNESS_FAR:           "Nothing in the collection is near this: the nearest paper is no nearer than usual papers are to each other. These are the least far.",
	}[i.GetNearness()]; far != "" {
		out = append(out, limit{Detail: far})
	}
	text := map[akinv1.OperatorUse]string{
		akinv1.OperatorUse_OPERATOR_USE_RAISED:          "The query is long, so its signs are no operators: a phrase in quotation marks only raises the papers that have it, and everything else is words.",
		akinv1.OperatorUse_OPERATOR_USE_PHRASES_DROPPED: "No paper has all that the query puts in quotation marks; these are the nearest without that.",
	}[i.GetOperators()]
	if text != "" {
		out = append(out, limit{Detail: text, Lifts: []link{{"Insist on it", q.with(func(q *query) { q.Syntax = "on" })}}})
	}
	verbatim := q.with(func(q *query) { q.Verbatim = true })
	if text := correctedText(i.GetCorrections()); text != "" {
		out = append(out, limit{Detail: text, Lifts: []link{{"Search for what was typed", verbatim}}})
	}
	out = append(out, q.negated(i.GetNegations(), verbatim)...)
	return append(out, q.named(i.GetNames(), verbatim)...)
}

// negated tells what was understood as not meant, with the list without it.
func (q query) negated(negations []*akinv1.Negation, verbatim string) (out []limit) {
	var last, maybe []string
	for _, n := range negations {
		for _, thing := range n.GetExcludes() {
			if n.GetHonoured() {
				last = append(last, "“"+visible(clip(thing, 120))+"”")
			}
		}
		if !n.GetHonoured() {
			maybe = append(maybe, "“"+visible(clip(n.GetText(), 120))+"”")
		}
	}
	if len(last)+len(maybe) == 0 {
		return nil
	}
	leaveOut := link{"Leave them out", q.with(func(q *query) { q.Text = negations[0].GetQuery() })}
	if len(last) > 0 {
		out = append(out, limit{
			Detail: "Last: papers about " + strings.Join(last, ", ") + ".",
			Lifts:  []link{leaveOut, {"Search for what was typed", verbatim}},
		})
	}
	if len(maybe) > 0 {
		leaveOut.Label = "Leave such papers out"
		out = append(out, limit{Detail: "If " + strings.Join(maybe, ", ") + " says what you do not want:", Lifts: []link{leaveOut}})
	}
	return out
}

// correctedText tells what was read otherwise than it is typed.
func correctedText(corrections []*akinv1.Correction) string {
	said := make([]string, len(corrections))
	for i, c := range corrections {
		said[i] = "“" + visible(c.GetFrom()) + "” was read as “" + visible(c.GetTo()) + "”"
	}
	if len(said) == 0 {
		return ""
	}
	return "No paper has what was mistyped, or hardly any: " + listed(said) + "."
}

// listed joins things in English.
func listed(things []string) string {
	if n := len(things); n > 1 {
		return strings.Join(things[:n-1], ", ") + " and " + things[n-1]
	}
	return things[0]
}

// named tells which names were understood: those that raise can restrict, or be words.
func (q query) named(names []*akinv1.Name, verbatim string) (out []limit) {
	var raised, only, not, filters []string
	for _, n := range names {
		said := nameText(n)
		if n.GetExcludes() {
			not = append(not, said)
			continue
		}
		if n.GetRestricts() {
			only = append(only, said)
			continue
		}
		raised, filters = append(raised, said), append(filters, "("+n.GetFilter()+")")
	}
	if len(only) > 0 {
		out = append(out, limit{Detail: "Only papers of " + listed(only) + " are found."})
	}
	if len(not) > 0 {
		out = append(out, limit{Detail: "Without " + strings.Join(not, ", ") + "."})
	}
	if len(raised) == 0 {
		return out
	}
	further := q.with(func(q *query) {
		if q.Filter != "" {
			filters = append(filters, "("+q.Filter+")")
		}
		q.Filter = strings.Join(filters, " AND ")
	})
	return append(out, limit{
		Detail: "Papers of " + listed(raised) + " are raised.",
		Lifts:  []link{{"Only these", further}, {"These are words, no names", verbatim}},
	})
}

// nameText says what a name is of.
func nameText(n *akinv1.Name) string {
	value := n.GetText()
	if len(n.GetValues()) > 0 {
		value = n.GetValues()[0]
	}
	value = visible(clip(value, 120))
	if more := len(n.GetValues()) - 1; more > 0 {
		value += " and " + strconv.Itoa(more) + " more"
	}
	switch n.GetField() {
	case akinv1.NameField_NAME_FIELD_AUTHOR:
		return "the author " + value
	case akinv1.NameField_NAME_FIELD_VENUE:
		return "the venue " + value
	case akinv1.NameField_NAME_FIELD_YEAR:
		return "the year " + value
	case akinv1.NameField_NAME_FIELD_UNSPECIFIED:
	}
	return value
}
