package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

const (
	// listSize is how many papers a page of a list has.
	listSize = 40
	// sample is how many papers are looked at where a list is chosen from.
	sample = 1_000
	// spanDays is more than the days of a year, with those that are months or the year.
	spanDays = 400
	// byDay is the order of the API that has the newest day first.
	byDay = "day desc"
)

// listing is the body of the pages that list papers by day, or by what is trending.
type listing struct {
	Heading string
	Tabs    []tab
	// Signals are the signals that a trending list can go by.
	Signals []choice
	Days    []dayGroup
	// Older and Newer are the days beside the one that is shown; nil if there are none.
	Older, Newer *link
	// More is the next page, First the first if this is another.
	More, First string
	// Total is how many papers there are, Of how many of the day.
	Total, Of int
	Empty     bool
	// Published leads to what was published on a day on which nothing was listed.
	Published *link
	// Note says what the list is instead of what was asked for.
	Note string
}

// tab is one of the lists that are beside each other. Before is what its label goes on
// from, for those who do not see the one before.
type tab struct {
	Before, Label, URL string
	Current            bool
}

// dayGroup are the papers of one day, month or year, as far as their day is known, or of
// one part of a list.
type dayGroup struct {
	Day, Label, URL string
	Hits            []hit
	// Count is how many papers the day has, on all pages; 0 if that is not said.
	Count int
}

// home lists the newest papers by day.
func (s *Site) home(r *http.Request) (*answer, error) {
	token := r.URL.Query().Get("page")
	resp, err := s.client.Papers.ListPapers(r.Context(), &akinv1.ListPapersRequest{
		OrderBy: byDay, PageSize: listSize, PageToken: token, ReadMask: listMask(),
	})
	if err != nil {
		return nil, err
	}
	total := int(resp.GetTotalSize())
	l := &listing{Heading: "New papers", Tabs: tabs("", ""), Total: total, Empty: total == 0}
	for _, p := range resp.GetPapers() {
		day := dayOf(p)
		if n := len(l.Days); n == 0 || l.Days[n-1].Day != day {
			l.Days = append(l.Days, dayGroup{Day: day, Label: dayLabel(day), URL: dayURL(day)})
		}
		g := &l.Days[len(l.Days)-1]
		g.Hits = append(g.Hits, s.hitOf(p, nil))
	}
	if err := s.countDays(r.Context(), l.Days); err != nil {
		return nil, err
	}
	if next := resp.GetNextPageToken(); next != "" {
		l.More = withValue("/", "page", next)
	}
	if token != "" {
		l.First = "/"
	}
	return &answer{page: "listing", frame: frame{
		Title: "New papers", Canonical: withValue("/", "page", token), Nav: "new", Alternates: s.alternates("New papers", "/"), Body: l,
	}}, nil
}

// countDays says how many papers days have that follow each other, the newest first.
func (s *Site) countDays(ctx context.Context, days []dayGroup) error {
	if len(days) == 0 {
		return nil
	}
	found, err := s.daysFrom(ctx, days[0].Day, len(days))
	if err != nil {
		return err
	}
	counts := make(map[string]int, len(days))
	for _, d := range found.GetDays() {
		counts[dateValue(d.GetDay())] = int(d.GetCount())
	}
	for i := range days {
		days[i].Count = counts[days[i].Day]
	}
	return nil
}

// daysFrom gives the days that have papers, the newest first, from one on; "" is the
// newest.
func (s *Site) daysFrom(ctx context.Context, day string, most int) (*akinv1.ListDaysResponse, error) {
	return s.client.Papers.ListDays(ctx, &akinv1.ListDaysRequest{FromDay: day, PageSize: int32(most)})
}

// listMask names what lists show.
func listMask() *fieldmaskpb.FieldMask {
	return mask("id", "title", "abstract", "authors", "categories", "venue", "publish_date", "listed_dates", "day", "language", "urls")
}

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

// bounds are the first day of a day, month or year and the first one after it.
func bounds(day string) (from, until time.Time, ok bool) {
	for _, unit := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if from, err := time.Parse(unit.layout, day); err == nil && from.Year() > 0 {
			return from, from.AddDate(unit.years, unit.months, unit.days), true
		}
	}
	return from, until, false
}

// dayLabel writes a day, month or year for people.
func dayLabel(day string) string {
	from, _, ok := bounds(day)
	if !ok {
		return "Without a date"
	}
	switch len(day) {
	case len("2006"):
		return day
	case len("2006-01"):
		return from.Format("January 2006")
	}
	return from.Format("Monday, 2 January 2006")
}

func dayURL(day string) string {
	if day == "" {
		return ""
	}
	return "/day/" + day
}

// isDate says that a day is a whole date, and no month or year.
func isDate(day string) bool {
	_, _, ok := bounds(day)
	return ok && len(day) == len(time.DateOnly)
}

// day lists the papers of one day, month or year.
func (s *Site) day(r *http.Request) (*answer, error) {
	day := strings.TrimPrefix(r.URL.Path, "/day/")
	_, until, ok := bounds(day)
	if !ok {
		return nil, refused(http.StatusNotFound, "That is no day", "Write it as /day/2026-05-17, or /day/2026-05 or /day/2026 for a month or a year.")
	}
	last := until.AddDate(0, 0, -1).Format(time.DateOnly)
	found, err := s.daysFrom(r.Context(), last, spanDays)
	if err != nil {
		return nil, err
	}
	l := &listing{Heading: dayLabel(day), Tabs: dayTabs(day)}
	if newer := dateValue(found.GetNewer()); newer != "" {
		l.Newer = dayLink(newer, day)
	}
	var within []*akinv1.DayCount
	for _, d := range found.GetDays() {
		value := dateValue(d.GetDay())
		if !strings.HasPrefix(value, day) {
			l.Older = dayLink(value, day)
			break
		}
		within = append(within, d)
		l.Of += int(d.GetCount())
	}
	v := r.URL.Query()
	from, token := v.Get("from"), v.Get("page")
	if err := s.fillDays(r.Context(), l, day, within, from, token); err != nil {
		return nil, err
	}
	canonical := withValue(withValue(dayURL(day), "from", from), "page", token)
	if canonical != dayURL(day) {
		l.First = dayURL(day)
	}
	return &answer{page: "listing", frame: frame{Title: "Papers of " + dayLabel(day), Canonical: canonical, Nav: "new", Body: l}}, nil
}

// dayTabs are the lists beside that of a day.
func dayTabs(day string) []tab {
	if !isDate(day) {
		return nil
	}
	return tabs(day, "")
}

// dayLink leads to a day that has papers, or to its month or year beside one.
func dayLink(day, beside string) *link {
	day = day[:min(len(day), len(beside))]
	return &link{dayLabel(day), dayURL(day)}
}

// fillDays reads a page of the papers of some days, the newest first. The page begins
// with the day from, behind the paper that a token of the API names.
func (s *Site) fillDays(ctx context.Context, l *listing, day string, days []*akinv1.DayCount, from, token string) error {
	shown := 0
	for _, d := range days {
		value := dateValue(d.GetDay())
		if from != "" && value > from { // as texts, days are in the order of the list
			continue
		}
		if shown >= listSize {
			l.More = withValue(dayURL(day), "from", value)
			break
		}
		req := &akinv1.ListPapersRequest{OrderBy: byDay, Day: value, PageSize: int32(listSize - shown), ReadMask: listMask()}
		if value == from || from == "" {
			req.PageToken, token = token, ""
		}
		resp, err := s.client.Papers.ListPapers(ctx, req)
		if err != nil {
			return err
		}
		g := groupOf(day, d)
		for _, p := range resp.GetPapers() {
			g.Hits = append(g.Hits, s.hitOf(p, nil))
		}
		shown += len(g.Hits)
		l.Days = append(l.Days, g)
		if next := resp.GetNextPageToken(); next != "" {
			l.More = withValue(withValue(dayURL(day), "from", value), "page", next)
			break
		}
	}
	if len(l.Days) == 0 {
		return s.nothingListed(ctx, l, day)
	}
	return nil
}

// nothingListed says that nothing stands under a day, and what was published then but
// listed later.
func (s *Site) nothingListed(ctx context.Context, l *listing, day string) error {
	l.Days = []dayGroup{{}}
	n, err := s.kept(ctx, publishedOn(day))
	if n > 0 {
		l.Published = &link{papersText(n) + " published then, listed later", publishedURL(day)}
	}
	return err
}

// publishedOn is the filter of the papers that were published on a day, in a month or a
// year.
func publishedOn(day string) string { return "date = " + day }

func publishedURL(day string) string { return query{Filter: publishedOn(day)}.URL() }

// groupOf heads the papers of a day in the list of a day, a month or a year.
func groupOf(of string, d *akinv1.DayCount) dayGroup {
	value := dateValue(d.GetDay())
	g := dayGroup{Day: value}
	switch {
	case value == of && isDate(of): // the page says it
	case value == of:
		g.Label, g.Count = dayLabel(of)+", day not known", int(d.GetCount())
	default:
		g.Label, g.URL, g.Count = dayLabel(value), dayURL(value), int(d.GetCount())
	}
	return g
}
