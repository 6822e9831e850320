package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	akinv1 "akin/proto/akin/v1"
)

// shortSignals is how many signals a trending list offers to go by.
const shortSignals = 6

// trendWindow is how far back a trending list looks.
type trendWindow struct {
	// name is what addresses say, heading and short are of a list that ends now.
	name, heading, short string
	// pastHeading, before a day, and pastShort are of a list that ends with a day.
	pastHeading, pastShort string
	// within says in which time a paper gained what it did.
	within string
	window akinv1.TrendingWindow
}

//nolint:gochecknoglobals // a table that nothing writes to
var trendWindows = []trendWindow{
	{"day", "Trending today", "today", "Trending on", "that day", "in 24 hours", akinv1.TrendingWindow_TRENDING_WINDOW_DAY},
	{"week", "Trending this week", "this week", "Trending in the week to", "that week", "in 7 days", akinv1.TrendingWindow_TRENDING_WINDOW_WEEK},
	{"month", "Trending this month", "this month", "Trending in the month to", "that month", "in 30 days", akinv1.TrendingWindow_TRENDING_WINDOW_MONTH},
}

// windowNamed is the window of a name; what is none is a week.
func windowNamed(name string) trendWindow {
	if i := slices.IndexFunc(trendWindows, func(w trendWindow) bool { return w.name == name }); i >= 0 {
		return trendWindows[i]
	}
	return trendWindows[1]
}

// trendsOf is which trending list is asked for.
type trendsOf struct {
	window trendWindow
	// day is that with which the window ends; "" is now.
	day, signal string
}

// URL is the address of the list.
func (o trendsOf) URL() string {
	v := url.Values{"window": {o.window.name}}
	if o.day != "" {
		v.Set("day", o.day)
	}
	if o.signal != "" {
		v.Set("signal", o.signal)
	}
	return "/trending?" + v.Encode()
}

func (o trendsOf) heading() string {
	if o.day == "" {
		return o.window.heading
	}
	return o.window.pastHeading + " " + dayLabel(o.day)
}

// tabs are the lists beside each other: by day, and by what is trending now or was with
// a day. current is the name of a window, or "" for the list by day.
func tabs(day, current string) []tab {
	out := []tab{{Label: "Newest", URL: "/", Current: current == ""}}
	if day != "" {
		out[0].Label, out[0].URL = "Listed", dayURL(day)
	}
	for i, w := range trendWindows {
		t := tab{Before: "Trending", Label: w.short, URL: trendsOf{window: w, day: day}.URL(), Current: current == w.name}
		if day != "" {
			t.Label = w.pastShort
		}
		if i == 0 {
			t.Before, t.Label = "", "Trending "+t.Label
		}
		out = append(out, t)
	}
	return out
}

// trending lists what is trending first. The API is asked for all of the list, and its
// pages are parts of that: so each has an address that lasts.
func (s *Site) trending(r *http.Request) (*answer, error) {
	v := r.URL.Query()
	of := trendsOf{windowNamed(v.Get("window")), v.Get("day"), v.Get("signal")}
	if of.day != "" && !isDate(of.day) {
		return nil, refused(http.StatusNotFound, "That is no day", "Write it as /trending?day=2026-05-17, or leave it out for what is trending now.")
	}
	resp, err := s.client.Papers.ListPapers(r.Context(), &akinv1.ListPapersRequest{
		OrderBy: "trending", Window: of.window.window, Day: of.day, Signal: of.signal, PageSize: sample, ReadMask: mask("id"),
	})
	if err != nil {
		return nil, err
	}
	total := int(resp.GetTotalSize())
	l := &listing{Heading: of.heading(), Tabs: tabs(of.day, of.window.name), Total: total, Empty: total == 0, Signals: of.signals(resp.GetTrends())}
	if trends := resp.GetTrends(); len(trends) > 0 && trends[0].GetSignal() == "" {
		l.Note = of.nothing()
	}
	page, err := strconv.Atoi(v.Get("page"))
	if err != nil || page < 2 || page > (len(resp.GetPapers())+listSize-1)/listSize {
		page = 1
	}
	if err := s.fillTrends(r.Context(), l, of, resp, (page-1)*listSize); err != nil {
		return nil, err
	}
	canonical := of.URL()
	if page > 1 {
		l.First, canonical = canonical, withValue(canonical, "page", strconv.Itoa(page))
	}
	if page*listSize < len(resp.GetPapers()) {
		l.More = withValue(of.URL(), "page", strconv.Itoa(page+1))
	}
	if err := s.besideTrends(r.Context(), l, of); err != nil {
		return nil, err
	}
	return &answer{page: "listing", frame: frame{
		Title: l.Heading, Canonical: canonical, Nav: "new", Alternates: s.alternates(l.Heading, of.URL()), Body: l,
	}}, nil
}

// nothing says that no signal rose, and what is shown instead.
func (o trendsOf) nothing() string {
	what, when := "No signal", o.window.within
	if o.signal != "" {
		what = "No paper's “" + signalName(o.signal) + "”"
	}
	if o.day != "" {
		when += " to the end of " + dayLabel(o.day)
	}
	return what + " rose " + when + ". These are the newest papers instead."
}

// signalName writes the name of a signal for people.
func signalName(name string) string {
	return strings.ReplaceAll(visible(clip(name, 100)), "_", " ")
}

// signals offers the signals that a list can go by, if there is a choice.
func (o trendsOf) signals(trends []*akinv1.Trend) []choice {
	var names []string
	if o.signal != "" {
		names = []string{o.signal}
	}
	for _, t := range trends {
		if name := t.GetSignal(); name != "" && len(names) < shortSignals && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) < 2 && o.signal == "" {
		return nil
	}
	slices.Sort(names)
	out := []choice{{Label: "Any signal", URL: trendsOf{o.window, o.day, ""}.URL(), Current: o.signal == ""}}
	for _, name := range names {
		out = append(out, choice{Label: signalName(name), URL: trendsOf{o.window, o.day, name}.URL(), Current: o.signal == name})
	}
	return out
}

// fillTrends reads a page of the list: what is trending, and the newest behind it.
func (s *Site) fillTrends(ctx context.Context, l *listing, of trendsOf, list *akinv1.ListPapersResponse, from int) error {
	until := min(from+listSize, len(list.GetPapers()))
	trends := make(map[string]*akinv1.Trend)
	for i, p := range list.GetPapers()[from:until] {
		trends[p.GetId()] = list.GetTrends()[from+i]
	}
	papers, err := s.whole(ctx, list.GetPapers()[from:until])
	if err != nil {
		return err
	}
	for _, p := range papers {
		t, h := trends[p.GetId()], s.hitOf(p, nil)
		part := "risen"
		if t.GetSignal() == "" {
			part = "newest"
		} else {
			h.Why = append(h.Why, of.why(t))
		}
		if n := len(l.Days); n == 0 || l.Days[n-1].Day != part {
			l.Days = append(l.Days, dayGroup{Day: part})
			if part == "newest" && l.Note == "" {
				l.Days[n].Label = "The newest of the others"
			}
		}
		g := &l.Days[len(l.Days)-1]
		g.Hits = append(g.Hits, h)
	}
	return nil
}

// why says what a paper gained.
func (o trendsOf) why(t *akinv1.Trend) string {
	return "+" + gainText(t.GetGain()) + " " + signalName(t.GetSignal()) + " " + o.window.within
}

// gainText writes a gain, which is above zero, as exactly as it means something.
func gainText(gain float64) string {
	switch {
	case gain >= 1e15 || math.IsNaN(gain):
		return strconv.FormatFloat(gain, 'g', 3, 64)
	case gain >= 9.95:
		return count(int(math.Round(gain)))
	case gain < .05:
		return "less than 0.1"
	}
	return strings.TrimSuffix(strconv.FormatFloat(gain, 'f', 1, 64), ".0")
}

// besideTrends finds the days before and after that with which the window ends, and for
// a list of now the newest day.
func (s *Site) besideTrends(ctx context.Context, l *listing, of trendsOf) error {
	const look = 16 // beyond the months and years between two days
	found, err := s.daysFrom(ctx, of.day, look)
	if err != nil {
		return err
	}
	to := func(day string) *link { return &link{dayLabel(day), trendsOf{of.window, day, of.signal}.URL()} }
	for _, d := range found.GetDays() {
		if day := dateValue(d.GetDay()); isDate(day) && day != of.day {
			l.Older = to(day)
			break
		}
	}
	for range look {
		newer := dateValue(found.GetNewer())
		if newer == "" || of.day == "" {
			break
		}
		if isDate(newer) {
			l.Newer = to(newer)
			break
		}
		if found, err = s.daysFrom(ctx, newer, 1); err != nil {
			return err
		}
	}
	return nil
}
