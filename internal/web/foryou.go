package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	akinv1 "akin/proto/akin/v1"
)

const (
	// ratings is how many papers a newcomer is asked about.
	ratings = 9
	// ownPapers is how many papers of a name are offered.
	ownPapers = 100
	// venueChoices is how many venues are offered.
	venueChoices = 100
	// classicYears is how old a classic is at least.
	classicYears = 5
)

// forYou is the body of the page of recommendations.
type forYou struct {
	Library   string
	Libraries []choice
	Fresh     []choice
	Spread    []choice
	Days      []choice
	Venue     string
	Hits      []hit
	Next      string
	Limits    []limit
	How       string
	// Start says that there is nothing to go by yet: how to begin.
	Start bool
	// Rating says that papers to rate are shown: Rate, after Rated marks, RateURL is where
	// there are others, ListURL what is recommended by the marks.
	Rating           bool
	Rated            int
	RateURL, ListURL string
	Name             string
	Own              []hit
	Rate             []hit
	// Venues are the most frequent ones, to choose from.
	Venues []string
	// Kept are the other choices, as the form of the venue sends them.
	Kept []field
	// now is when the page was asked for.
	now time.Time
}

func (b *forYou) papers() []*hit {
	return slices.Concat(pointers(b.Hits), pointers(b.Rate), pointers(b.Own))
}

func (b *forYou) library() string { return b.Library }

// back is where forms lead back to: who rates goes on with rating.
func (b *forYou) back() string {
	switch {
	case b.Name != "":
		return withValue(b.ListURL, "name", b.Name)
	case b.Rating:
		return b.RateURL
	}
	return b.ListURL
}

// recommend answers with what the collection has near a library that the library
// lacks: what is liked, dismissed or read does not come back.
func (s *Site) recommend(r *http.Request) (*answer, error) {
	v := r.URL.Query()
	b := &forYou{
		Library: clip(v.Get("library"), maxValue), Name: clip(strings.TrimSpace(visible(v.Get("name"))), maxValue), Venue: clip(v.Get("venue"), maxValue),
		Rating: v.Get("rate") == "1", now: time.Now(),
	}
	if b.Library == "" {
		b.Library = mainLibrary
	}
	b.ListURL = forYouURL(v, "page", "")
	b.RateURL = withValue(b.ListURL, "rate", "1")
	a := &answer{page: "foryou", frame: frame{Title: "For you", Canonical: "/for-you", Nav: "foryou", NoIndex: true, Body: b}}
	switch {
	case b.Name != "":
		b.Start = true
		return a, s.ownPapers(r.Context(), b)
	case b.Rating:
		return a, s.rate(r.Context(), b)
	}
	resp, err := s.client.Libraries.GetMissed(r.Context(), b.request(v))
	if withoutLikes(err) {
		b.Start, b.Rating = true, true
		return a, s.rate(r.Context(), b)
	}
	if err != nil {
		return nil, err
	}
	return a, s.fillForYou(r, b, v, resp)
}

// fillForYou shows what is recommended.
func (s *Site) fillForYou(r *http.Request, b *forYou, v url.Values, resp *akinv1.GetMissedResponse) error {
	b.choices(v)
	liked, err := s.titlesOf(r.Context(), resp.GetResults())
	if err != nil {
		return err
	}
	for _, result := range resp.GetResults() {
		h := s.resultHit(result, false)
		h.Why, h.Words = nil, nil
		for _, d := range result.GetDrivenBy() {
			if d.GetLiked() && d.GetContribution() > 0 && len(h.Because) < 2 {
				h.Because = append(h.Because, link{liked[d.GetPaperId()], paperURL(d.GetPaperId())})
			}
		}
		b.Hits = append(b.Hits, h)
	}
	if next := resp.GetNextPageToken(); next != "" {
		b.Next = forYouURL(v, "page", next)
	}
	f := &found{results: resp.GetResults(), plan: resp.GetPlan(), empty: resp.GetEmptyReason(), limits: resp.GetLimitedBy(), timing: resp.GetTiming()}
	b.How, b.Limits = howText(f), b.limits(f, v)
	if counts, err := s.values(r.Context(), "venue", "", venueChoices); err == nil { // it is only an offer
		for _, c := range counts {
			b.Venues = append(b.Venues, clip(visible(c.GetValue()), maxValue))
		}
	}
	return s.otherLibraries(r, b, v)
}

// limits are what kept papers out of a short list, each with the list without it.
func (b *forYou) limits(f *found, v url.Values) []limit {
	out := query{}.limits(f)
	for i := range out {
		if out[i].reason != akinv1.LimitationReason_LIMITATION_REASON_FILTER {
			continue
		}
		for _, c := range []struct{ name, label string }{{"days", "Of all time"}, {"venue", "Of any venue"}, {"age", "Of any age"}} {
			if v.Get(c.name) != "" && (c.name != "age" || v.Get(c.name) == "classic") {
				out[i].Lifts = append(out[i].Lifts, link{c.label, forYouURL(v, c.name, "")})
			}
		}
	}
	return out
}

// withoutLikes says that an error means that there is nothing to go by.
func withoutLikes(err error) bool {
	st := status.Convert(err)
	if st.Code() == codes.NotFound {
		return true
	}
	return slices.ContainsFunc(st.Details(), func(d any) bool {
		info, ok := d.(*errdetails.ErrorInfo)
		return ok && info.GetReason() == "LIBRARY_WITHOUT_LIKES"
	})
}

// request is what the address asks for.
func (b *forYou) request(v url.Values) *akinv1.GetMissedRequest {
	req := &akinv1.GetMissedRequest{Library: b.Library, PageSize: pageSize, PageToken: clip(v.Get("page"), 4*maxValue), ReadMask: listMask()}
	req.Recency = map[string]float64{"recent": 0.5, "some": 0.2}[v.Get("age")]
	req.Diversity = map[string]float64{"diverse": 0.7, "some": 0.3}[v.Get("spread")]
	if days, err := strconv.ParseInt(v.Get("days"), 10, 32); err == nil && days > 0 && days <= 36_500 {
		req.NewerThanDays = int32(days)
	}
	var filter []string
	if b.Venue != "" {
		filter = append(filter, "venue = "+quote("venue", b.Venue))
	}
	if v.Get("age") == "classic" {
		filter = append(filter, "date < "+quote("date", b.now.UTC().AddDate(-classicYears, 0, 0).Format(time.DateOnly)))
	}
	req.Filter = strings.Join(filter, " AND ")
	return req
}

// forYouURL is the address with one value changed.
func forYouURL(v url.Values, name, value string) string {
	out := url.Values{}
	for _, key := range []string{"library", "age", "spread", "days", "venue"} {
		if held := v.Get(key); held != "" {
			out.Set(key, clip(held, maxValue))
		}
	}
	if out.Set(name, value); value == "" {
		out.Del(name)
	}
	if len(out) == 0 {
		return "/for-you"
	}
	return "/for-you?" + out.Encode()
}

func (b *forYou) choices(v url.Values) {
	for _, name := range []string{"library", "age", "spread", "days"} {
		if value := clip(v.Get(name), maxValue); value != "" {
			b.Kept = append(b.Kept, field{name, value})
		}
	}
	of := func(name string, pairs ...[2]string) (out []choice) {
		for _, p := range pairs {
			out = append(out, choice{p[0], forYouURL(v, name, p[1]), v.Get(name) == p[1]})
		}
		return out
	}
	b.Fresh = of("age", [2]string{"Recent", "recent"}, [2]string{"Newer", "some"}, [2]string{"Of any age", ""}, [2]string{"Classic", "classic"})
	b.Spread = of("spread", [2]string{"Focused", ""}, [2]string{"Wider", "some"}, [2]string{"Diverse", "diverse"})
	b.Days = of("days", [2]string{"All time", ""}, [2]string{"Week", "7"}, [2]string{"Month", "31"}, [2]string{"Year", "366"})
}

func (s *Site) otherLibraries(r *http.Request, b *forYou, v url.Values) error {
	all := new(shelf)
	if err := s.listLibraries(r, all); err != nil {
		return err
	}
	for _, l := range all.Libraries {
		b.Libraries = append(b.Libraries, choice{l.Label, forYouURL(v, "library", l.Name), l.Name == b.Library})
	}
	return nil
}

// titlesOf gives the titles of what results are due to.
func (s *Site) titlesOf(ctx context.Context, results []*akinv1.Result) (map[string]string, error) {
	var ids []string
	for _, r := range results {
		for _, d := range r.GetDrivenBy() {
			if d.GetLiked() && !slices.Contains(ids, d.GetPaperId()) && len(ids) < maxMarked {
				ids = append(ids, d.GetPaperId())
			}
		}
	}
	of := make(map[string]string)
	if len(ids) == 0 {
		return of, nil
	}
	resp, err := s.client.Papers.BatchGetPapers(ctx, &akinv1.BatchGetPapersRequest{Ids: ids, ReadMask: mask("id", "title")})
	if err != nil {
		return nil, err
	}
	for _, p := range resp.GetPapers() {
		of[p.GetId()] = clip(plainTitle(p), 120)
	}
	return of, nil
}

// ownPapers offers the papers of a name, the newest first.
func (s *Site) ownPapers(ctx context.Context, b *forYou) error {
	resp, err := s.client.Papers.ListPapers(ctx, &akinv1.ListPapersRequest{
		OrderBy: byDay, PageSize: ownPapers, Filter: "author:" + quote("author", b.Name), ReadMask: listMask(),
	})
	if err != nil {
		return err
	}
	for _, p := range resp.GetPapers() {
		b.Own = append(b.Own, s.hitOf(p, nil))
	}
	return nil
}

// rate offers papers to rate: those that the server learns most from.
func (s *Site) rate(ctx context.Context, b *forYou) error {
	resp, err := s.client.Libraries.SuggestRatings(ctx, &akinv1.SuggestRatingsRequest{Library: b.Library, Count: ratings, ReadMask: listMask()})
	if err != nil {
		return err
	}
	b.Rated = int(resp.GetRatedCount())
	for _, suggestion := range resp.GetSuggestions() {
		b.Rate = append(b.Rate, s.hitOf(suggestion.GetPaper(), nil))
	}
	return nil
}
