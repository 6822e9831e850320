package web

import (
	"net/http"

	akinv1 "akin/proto/akin/v1"
)

// state is the body of the page of the server's state.
type state struct {
	Papers  int
	Newest  string
	DayURL  string
	Years   *chart
	Top     []facet
	Facts   []fact
	Model   []fact
	Limits  []fact
	Without string
}

// status says what the server is and has.
func (s *Site) status(r *http.Request) (*answer, error) {
	info, err := s.client.Info.GetServerInfo(r.Context(), &akinv1.GetServerInfoRequest{})
	if err != nil {
		return nil, err
	}
	b := &state{Papers: int(info.GetPaperCount())}
	index := map[string]string{
		"graph": "HNSW graph; exact scan while there are few papers", "exact": "exact scan", "coder": "coder/hnsw, for comparison",
	}[info.GetIndex()]
	b.Facts = []fact{
		{Name: "Version", Value: info.GetVersion()},
		{Name: "Index", Value: index},
		{Name: "Changes so far", Value: count(int(info.GetSequence()))},
	}
	space := info.GetSpace()
	b.Model = []fact{
		{Name: "Model", Value: space.GetModel()},
		{Name: "Dimensions", Value: count(int(space.GetDimension()))},
		{Name: "Reads at most", Value: count(int(space.GetMaxTokens())) + " tokens"},
		{Name: "Precision", Value: space.GetPrecision()},
		{Name: "Space", Value: clip(space.GetFingerprint(), 16), Code: true},
	}
	limits := info.GetLimits()
	b.Limits = []fact{
		{Name: "Query", Value: count(int(limits.GetMaxQueryBytes())) + " bytes"},
		{Name: "Abstract", Value: count(int(limits.GetMaxAbstractBytes())) + " bytes"},
		{Name: "Results of one list", Value: count(int(limits.GetMaxResults()))},
	}
	if b.Papers > 0 {
		if err := s.fillState(r, b); err != nil {
			return nil, err
		}
	}
	return &answer{page: "status", frame: frame{Title: "Status", Canonical: "/status", Nav: "status", NoIndex: true, Body: b}}, nil
}

// fillState adds what the papers say: the newest day, years and subjects.
func (s *Site) fillState(r *http.Request, b *state) error {
	papers, _, err := s.newest(r.Context())
	if err != nil {
		return err
	}
	if len(papers) > 0 {
		if day := dayOf(papers[0]); day != "" {
			b.Newest, b.DayURL = dayLabel(day), dayURL(day)
		}
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
