package web

import (
	"context"
	"net/http"
	"time"

	longrunningpb "cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	akinv1 "akin/proto/akin/v1"
)

// state is the body of the page of the server's state.
type state struct {
	Papers   int
	Newest   string
	DayURL   string
	Years    *chart
	Top      []facet
	Derived  []derived
	Building bool // whether something is
	// Sources are what brings papers, for those who may see them.
	Sources []sourceRow
	Facts   []fact
	Model   []fact
	Limits  []fact
}

// sourceRow is how a source is, in words.
type sourceRow struct{ Name, Last, Next, Problem string }

// sources are what brings papers, for those who may see them.
func (s *Site) sources(ctx context.Context) (out []sourceRow) {
	resp, err := s.client.Sources.ListSources(ctx, &akinv1.ListSourcesRequest{})
	if err != nil {
		return nil
	}
	for _, one := range resp.GetSources() {
		at := one.GetState()
		row := sourceRow{Name: visible(one.GetName()), Last: sentence(visible(at.GetLast())), Next: sentence(visible(at.GetNext()))}
		if at.GetProblem() != "" {
			row.Problem = sentence(visible(at.GetProblem()))
		}
		out = append(out, row)
	}
	return out
}

// derived is something that is made of the papers, and how far it is.
type derived struct {
	Name, Said string
	// Percent is how much of what is being made is done; -1 where nothing is.
	Percent int
}

// status says what the server is and has.
func (s *Site) status(r *http.Request) (*answer, error) {
	info, err := s.client.Info.GetServerInfo(r.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil {
		return nil, err
	}
	b := &state{Papers: int(info.GetPaperCount()), Model: modelFacts(info.GetSpace()), Limits: limitFacts(info.GetLimits())}
	b.Facts = []fact{
		{Name: "Version", Value: info.GetVersion()},
		{Name: "Answers since", Value: momentText(info.GetStartTime())},
		{Name: "Last change of a paper", Value: momentText(info.GetWriteTime())},
		{Name: "Changes so far", Value: count(int(info.GetSequence()))},
	}
	for _, d := range info.GetDerived() {
		b.Derived = append(b.Derived, derivedOf(d, info))
	}
	b.Derived = append(b.Derived, s.running(r.Context())...)
	b.Sources = s.sources(r.Context())
	for _, d := range b.Derived {
		b.Building = b.Building || d.Percent >= 0
	}
	if b.Papers > 0 {
		if err := s.fillState(r, b); err != nil {
			return nil, err
		}
	}
	return &answer{page: "status", frame: frame{Title: "Status", Canonical: "/status", Nav: "status", NoIndex: true, Body: b}}, nil
}

func modelFacts(space *akinv1.Space) []fact {
	return []fact{
		{Name: "Model", Value: space.GetModel()},
		{Name: "Dimensions", Value: count(int(space.GetDimension()))},
		{Name: "Reads at most", Value: count(int(space.GetMaxTokens())) + " tokens"},
		{Name: "Precision", Value: space.GetPrecision()},
		{Name: "Space", Value: clip(space.GetFingerprint(), 16), Code: true},
	}
}

func limitFacts(limits *akinv1.Limits) []fact {
	return []fact{
		{Name: "Query", Value: count(int(limits.GetMaxQueryBytes())) + " bytes"},
		{Name: "Abstract", Value: count(int(limits.GetMaxAbstractBytes())) + " bytes"},
		{Name: "Results of one list", Value: count(int(limits.GetMaxResults()))},
	}
}

// momentText writes a moment for people; "" for none.
func momentText(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Format("2 January 2006, 15:04 UTC")
}

// derivedOf says how far something is that is made of the papers.
func derivedOf(d *akinv1.Derived, info *akinv1.GetServerInfoResponse) derived {
	out := derived{Name: visible(d.GetName()), Percent: -1}
	switch d.GetName() {
	case "vectors":
		out.Name, out.Said = "Search by meaning", "compares every paper with the query"
		if d.GetAnswers() == "graph" {
			out.Said = "walks a graph of the papers"
		}
	case "words":
		out.Name, out.Said = "Search by words", "has the words of every paper"
	case "map":
		out.Name, out.Said = "Map", "shows the papers as they are"
	}
	switch d.GetState() {
	case akinv1.DerivedState_DERIVED_STATE_NONE:
		out.Said = "is made when somebody opens it"
	case akinv1.DerivedState_DERIVED_STATE_BEHIND:
		out.Said = "has all but the last " + changesText(int(info.GetSequence()-d.GetSequence())) + ", and follows"
	case akinv1.DerivedState_DERIVED_STATE_BUILDING:
		out.Percent = percent(d.GetDone())
		if out.Said += "; a graph is being built, which will be quicker"; d.GetName() == "map" {
			out.Said = "is being made: " + mapStep(d.GetStep())
		}
	case akinv1.DerivedState_DERIVED_STATE_READY, akinv1.DerivedState_DERIVED_STATE_UNSPECIFIED:
	}
	return out
}

func changesText(n int) string {
	if n == 1 {
		return "change"
	}
	return count(n) + " changes"
}

// running are the operations under way, for those who may see them.
func (s *Site) running(ctx context.Context) (out []derived) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	resp, err := s.client.Operations.ListOperations(ctx, &longrunningpb.ListOperationsRequest{PageSize: 100})
	if err != nil {
		return nil
	}
	names := map[string]string{"CreateSnapshot": "Snapshot", "Verify": "Verification"}
	for _, o := range resp.GetOperations() {
		var p akinv1.OperationProgress
		if o.GetDone() || o.GetMetadata().UnmarshalTo(&p) != nil {
			continue
		}
		d := derived{Name: names[p.GetMethod()], Said: "is at the step " + visible(p.GetStep())}
		if d.Name == "" {
			d.Name = visible(p.GetMethod())
		}
		if p.GetTotal() > 0 {
			d.Percent = percent(min(1, float64(p.GetDone())/float64(p.GetTotal())))
		}
		out = append(out, d)
	}
	return out
}

// fillState adds what the papers say: the newest day, years and subjects.
func (s *Site) fillState(r *http.Request, b *state) error {
	days, err := s.daysFrom(r.Context(), "", 1)
	if err != nil {
		return err
	}
	if len(days.GetDays()) > 0 {
		day := dateValue(days.GetDays()[0].GetDay())
		b.Newest, b.DayURL = dayLabel(day), dayURL(day)
	}
	for _, f := range s.facetsOf(r.Context(), readQuery(nil)) {
		if f.Name == "year" {
			b.Years = f.Bars
			continue
		}
		b.Top = append(b.Top, f)
	}
	return nil
}

// help lists the keys and what can be typed.
func (s *Site) help(*http.Request) (*answer, error) {
	return &answer{page: "help", frame: frame{Title: "Help", Canonical: "/help", Nav: "help"}}, nil
}
