package cli

import (
	"fmt"
	"strings"

	akinv1 "akin/proto/akin/v1"
)

// shapeFlags shape the list of a query's results.
type shapeFlags struct {
	Recency             float64 `help:"How much newer papers come first: 0 (not at all) to 1 (by date alone)." placeholder:"X"`
	RecencyHalfLifeDays float64 `help:"Age in days at which a paper counts half for --recency (0: 365)." placeholder:"DAYS"`
	GroupBy             string  `help:"Group the results by venue, year or cluster." enum:"none,venue,year,cluster" default:"none"`
	GroupSize           int32   `help:"Results a group (0: 3, at most 100)." placeholder:"N"`
}

func (f shapeFlags) groupBy() akinv1.GroupBy {
	switch f.GroupBy {
	case "venue":
		return akinv1.GroupBy_GROUP_BY_VENUE
	case "year":
		return akinv1.GroupBy_GROUP_BY_YEAR
	case "cluster":
		return akinv1.GroupBy_GROUP_BY_CLUSTER
	default:
		return akinv1.GroupBy_GROUP_BY_UNSPECIFIED
	}
}

// response is what the answers of the three queries share.
type response interface {
	GetResults() []*akinv1.Result
	GetNextPageToken() string
	GetEmptyReason() akinv1.EmptyReason
	GetGroups() []*akinv1.Group
	GetLimitedBy() []*akinv1.Limitation
}

// answer prints a page of results and, if there are few, why. score names what
// they are ordered by.
func (e *environment) answer(resp response, score string) {
	if resp.GetEmptyReason() == akinv1.EmptyReason_EMPTY_REASON_COLLECTION_EMPTY {
		e.groups(resp, score) // that says what to do
		return
	}
	if len(resp.GetResults()) == 0 && len(resp.GetLimitedBy()) > 0 {
		fmt.Fprintln(e.errOut, "No results.")
	} else {
		e.groups(resp, score)
	}
	if r, ok := resp.(interface{ GetLacking() []string }); ok {
		e.lacking(r.GetLacking())
	}
	for _, l := range resp.GetLimitedBy() {
		fmt.Fprintln(e.errOut, oneLine(l.GetDetail()))
	}
}

// groups prints the results, each group of them under a heading.
func (e *environment) groups(resp response, score string) {
	if len(resp.GetGroups()) == 0 || len(resp.GetResults()) == 0 {
		e.results(resp.GetResults(), score, resp.GetNextPageToken(), resp.GetEmptyReason())
		return
	}
	groups := resp.GetGroups()
	members := make(map[string][]*akinv1.Result)
	for _, r := range resp.GetResults() {
		members[r.GetGroup()] = append(members[r.GetGroup()], r)
	}
	last := -1
	for i, g := range groups {
		if len(members[g.GetKey()]) > 0 {
			last = i
		}
	}
	for i, g := range groups {
		here := members[g.GetKey()]
		if len(here) == 0 {
			continue
		}
		fmt.Fprintf(e.out, "%s (%d)\n", oneLine(g.GetLabel()), g.GetCount())
		next := ""
		if i == last {
			next = resp.GetNextPageToken()
		}
		e.results(here, score, next, resp.GetEmptyReason())
	}
}

// lacking says what the server's catalog cannot do that would have made another answer.
func (e *environment) lacking(all []string) {
	if len(all) == 0 {
		return
	}
	means := map[string]string{
		"statistics": "scores of words compare only roughly", "versions": "versions of one work stand beside each other", "terms": "words of papers do not count",
		"sampler": "there is nothing to compare with", "spelling": "no word is corrected", "mentions": "no name is understood as one",
		"matcher": "matched words are not named", "funnel": "short lists are explained less", "syntax": "the query is words alone",
		"rechecker": "papers that changed since are not looked at again",
	}
	var parts []string
	for _, name := range all {
		if text := means[name]; text != "" {
			name += " (" + text + ")"
		}
		parts = append(parts, oneLine(name))
	}
	fmt.Fprintf(e.errOut, "The server's catalog lacks %s.\n", strings.Join(parts, ", "))
}
