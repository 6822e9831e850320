package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	akinv1 "akin/proto/akin/v1"
)

const (
	// homeSize is how many papers the first page has, about: whole days of it.
	homeSize = 40
	// daySize is how many papers a page of a day has.
	daySize = 50
	// dayShown is how many papers of one day the first page shows.
	dayShown = 25
	// sample is how many papers are looked at to find the newest.
	sample = 1_000
)

// listing is the body of the pages that list papers by day.
type listing struct {
	Heading string
	Days    []dayGroup
	// Older and Newer are the days beside the one that is shown; empty if there are none.
	Older, Newer *link
	// More is the next page of a day.
	More string
	// Total is how many papers there are, Of how many of the day.
	Total, Of int
	Empty     bool
}

// dayGroup are the papers of one day, month or year, as far as their dates are known.
type dayGroup struct {
	Day, Label, URL string
	Hits            []hit
	// More is how many more there are.
	More int
	// papers are those to show, of which only ids and dates may be known.
	papers []*akinv1.Paper
}

// fillDay reads the papers of a day.
func (s *Site) fillDay(ctx context.Context, g *dayGroup) error {
	papers, err := s.whole(ctx, g.papers)
	for _, p := range papers {
		g.Hits = append(g.Hits, s.hitOf(p, nil))
	}
	return err
}

// home lists the newest papers by day.
func (s *Site) home(r *http.Request) (*answer, error) {
	papers, total, err := s.newest(r.Context())
	if err != nil {
		return nil, err
	}
	l := &listing{Heading: "New papers", Total: total, Empty: total == 0}
	shown, of := 0, make(map[string]int)
	for _, p := range papers {
		day := dayOf(p)
		if n := len(l.Days); n == 0 || l.Days[n-1].Day != day {
			if shown >= homeSize {
				break
			}
			l.Days = append(l.Days, dayGroup{Day: day, Label: dayLabel(day), URL: dayURL(day)})
		}
		g := &l.Days[len(l.Days)-1]
		if of[day]++; of[day] > dayShown {
			g.More++
			continue
		}
		g.papers = append(g.papers, p)
		shown++
	}
	for i := range l.Days {
		if err := s.fillDay(r.Context(), &l.Days[i]); err != nil {
			return nil, err
		}
	}
	if n := len(l.Days); n > 0 && l.Days[n-1].URL != "" {
		if l.Older, err = s.beside(r.Context(), l.Days[n-1].Day, false); err != nil {
			return nil, err
		}
	}
	return &answer{page: "listing", frame: frame{Title: "New papers", Canonical: "/", Nav: "new", Body: l}}, nil
}

// newest gives ids and dates of the newest papers, the newest first, and how many papers
// there are.
// Undated ones are only given if there are no others.
func (s *Site) newest(ctx context.Context) ([]*akinv1.Paper, int, error) {
	last, total, err := s.lastDay(ctx)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	filter := ""
	for _, days := range []int{0, 2, 7, 31, 366, 3660} {
		if last.IsZero() {
			break
		}
		within := since(last.AddDate(0, 0, -days))
		n, err := s.kept(ctx, within)
		if err != nil {
			return nil, 0, err
		}
		if n > sample && filter != "" {
			break // more than can be ordered: what was found before is enough
		}
		if filter = within; n >= homeSize {
			break
		}
		if days == 3660 {
			filter = "" // all of them
		}
	}
	papers, _, err := s.gather(ctx, filter, dated())
	return papers, total, err
}

// listMask names what lists show.
func listMask() *fieldmaskpb.FieldMask {
	return mask("id", "title", "abstract", "authors", "categories", "venue", "publish_date", "listed_dates", "language", "urls")
}

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

// on is the filter of the papers that a day, month or year lists: those listed then,
// and those published then that were never listed.
func on(day string) string {
	return "listed_date = " + day + " OR (date = " + day + " NOT listed_date:*)"
}

// since is the filter of the papers from a day on.
func since(day time.Time) string {
	d := day.Format(time.DateOnly)
	return "listed_date >= " + d + " OR (date >= " + d + " NOT listed_date:*)"
}

// span is the filter of the papers from one day to before another.
func span(from, until time.Time) string {
	a, b := from.Format(time.DateOnly), until.Format(time.DateOnly)
	return "(listed_date >= " + a + " AND listed_date < " + b + ") OR (date >= " + a + " AND date < " + b + " NOT listed_date:*)"
}

// firstDay and endOfDays are between what is looked at: years have four digits.
func firstDay() time.Time  { return time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC) }
func endOfDays() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// any says whether a filter keeps a paper.
func (s *Site) any(ctx context.Context, filter string) (bool, error) {
	n, err := s.kept(ctx, filter)
	return n > 0, err
}

// lastDay finds the last day that has papers: zero if no paper has a date.
func (s *Site) lastDay(ctx context.Context) (time.Time, int, error) {
	total, err := s.kept(ctx, "")
	if err != nil || total == 0 {
		return time.Time{}, 0, err
	}
	found, err := s.any(ctx, since(firstDay()))
	if err != nil || !found {
		return time.Time{}, total, err
	}
	day, err := s.lastIn(ctx, firstDay(), endOfDays(), func(from, _ time.Time) string { return since(from) })
	return day, total, err
}

// lastIn finds the last day in a span that has papers, which it has, by halving.
func (s *Site) lastIn(ctx context.Context, from, until time.Time, filter func(from, until time.Time) string) (time.Time, error) {
	low, high := 0, daysBetween(from, until) // a paper is at low or later, none at high or later
	for high-low > 1 {
		mid := (low + high) / 2
		found, err := s.any(ctx, filter(from.AddDate(0, 0, mid), until))
		if err != nil {
			return time.Time{}, err
		}
		if found {
			low = mid
		} else {
			high = mid
		}
	}
	return from.AddDate(0, 0, low), nil
}

// firstIn finds the first day in a span that has papers, which it has.
func (s *Site) firstIn(ctx context.Context, from, until time.Time) (time.Time, error) {
	low, high := 0, daysBetween(from, until) // none before low, one before high
	for high-low > 1 {
		mid := (low + high) / 2
		found, err := s.any(ctx, span(from, from.AddDate(0, 0, mid)))
		if err != nil {
			return time.Time{}, err
		}
		if found {
			high = mid
		} else {
			low = mid
		}
	}
	return from.AddDate(0, 0, low), nil
}

// daysBetween counts the days of a span, which may be longer than a Duration holds.
func daysBetween(from, until time.Time) int {
	const day = 24 * 60 * 60
	return int((until.Unix() - from.Unix()) / day)
}

// beside finds the day, month or year with papers that is next to one, and as long.
func (s *Site) beside(ctx context.Context, day string, newer bool) (*link, error) {
	from, until, ok := bounds(day)
	if !ok {
		return nil, nil //nolint:nilnil // a paper without a date has no neighbours
	}
	filter := span(firstDay(), from)
	if newer {
		filter = since(until)
	}
	found, err := s.any(ctx, filter)
	if err != nil || !found {
		return nil, err
	}
	var at time.Time
	if newer {
		at, err = s.firstIn(ctx, until, endOfDays())
	} else {
		at, err = s.lastIn(ctx, firstDay(), from, span)
	}
	if err != nil {
		return nil, err
	}
	value := at.Format(time.DateOnly)[:len(day)]
	return &link{dayLabel(value), dayURL(value)}, nil
}

// bounds are the first day of a day, month or year and the first one after it.
func bounds(day string) (from, until time.Time, ok bool) {
	for _, unit := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if from, err := time.Parse(unit.layout, day); err == nil && from.Year() >= 1000 {
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

// day lists the papers of one day, month or year.
func (s *Site) day(r *http.Request) (*answer, error) {
	day := strings.TrimPrefix(r.URL.Path, "/day/")
	if _, _, ok := bounds(day); !ok {
		return nil, refused(http.StatusNotFound, "That is no day", "Write it as /day/2026-05-17, or /day/2026-05 or /day/2026 for a month or a year.")
	}
	papers, n, err := s.gather(r.Context(), on(day), dated())
	if err != nil {
		return nil, err
	}
	from, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || from < 0 || from > len(papers) {
		from = 0
	}
	until := min(from+daySize, len(papers))
	l := &listing{Heading: dayLabel(day), Of: n}
	g := dayGroup{Day: day, papers: papers[from:until]}
	if err := s.fillDay(r.Context(), &g); err != nil {
		return nil, err
	}
	l.Days = []dayGroup{g}
	if l.Older, err = s.beside(r.Context(), day, false); err != nil {
		return nil, err
	}
	if l.Newer, err = s.beside(r.Context(), day, true); err != nil {
		return nil, err
	}
	if until < len(papers) {
		l.More = dayURL(day) + "?page=" + strconv.Itoa(until)
	}
	return &answer{page: "listing", frame: frame{Title: "Papers of " + dayLabel(day), Canonical: dayURL(day), Nav: "new", Body: l}}, nil
}
