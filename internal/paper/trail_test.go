package paper

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// written is what a store keeps of a paper that is written over another at a time.
func written(old *Record, p Paper, now time.Time) *Record {
	r := &Record{Paper: p, CreateTime: now, UpdateTime: now, Trail: NextTrail(old, &p, now)}
	if old != nil {
		r.CreateTime = old.CreateTime
		r.ListedDates = MergeListedDates(old.ListedDates, p.ListedDates)
	}
	return r
}

func TestNearestPast(t *testing.T) {
	for _, test := range []struct{ date, now, want string }{
		{"--03-17", "2026-03-20 10:00", "2026-03-17"},
		{"--03-17", "2026-03-17 00:00", "2026-03-17"},
		{"--03-17", "2026-03-16 12:00", "2026-03-17"}, // it is the 17th in the east
		{"--03-17", "2026-03-15 23:59", "2025-03-17"},
		{"--12-31", "2026-01-01 09:00", "2025-12-31"},
		{"--01-01", "2025-12-31 12:00", "2026-01-01"},
		{"--02-29", "2026-05-01 00:00", "2024-02-29"},
		{"--02-29", "2103-05-01 00:00", "2096-02-29"},
	} {
		d, err := ParseDate(test.date)
		if got := NearestPast(d, at(test.now)); err != nil || got.String() != test.want {
			t.Errorf("%s at %s is %v, not %s", test.date, test.now, got, test.want)
		}
	}
}

func TestDay(t *testing.T) {
	created := at("2026-04-02 10:00")
	for _, test := range []struct {
		published Date
		listed    []Date
		want      string
	}{
		{Date{}, nil, "2026-04-02"},
		{Date{2021, 12, 16}, nil, "2021-12-16"},
		{Date{2021, 0, 0}, nil, "2021"},
		{Date{2021, 12, 16}, []Date{{2022, 1, 3}, {2022, 2, 1}}, "2022-02-01"},
		{Date{2027, 12, 16}, []Date{{2022, 1, 3}}, "2022-01-03"},
		{Date{2021, 12, 16}, []Date{{0, 3, 17}}, "2026-03-17"},
		{Date{}, []Date{{0, 5, 17}}, "2025-05-17"},
		{Date{}, []Date{{0, 3, 17}, {2021, 3, 17}}, "2021-03-17"}, // one day, of which one page says the year
		{Date{}, []Date{{0, 3, 18}, {2021, 3, 17}}, "2026-03-18"},
	} {
		p := Paper{PublishDate: test.published, ListedDates: test.listed}
		for _, r := range []*Record{written(nil, p, created), {Paper: p, CreateTime: created}} {
			if got := r.Day(); got.String() != test.want {
				t.Errorf("published %v, listed %v (trail %v): %v, not %s", test.published, test.listed, r.Trail, got, test.want)
			}
		}
	}
}

// A page that is imported again a year later still means the year that it meant.
func TestListingsKeepTheirYear(t *testing.T) {
	p := Paper{ListedDates: []Date{{0, 3, 17}}}
	first := written(nil, p, at("2026-03-20 10:00"))
	p.Venue = "changed"
	again := written(first, p, at("2027-06-01 10:00"))
	if got := again.Day().String(); got != "2026-03-17" {
		t.Errorf("the day became %s", got)
	}
	p.ListedDates = []Date{{0, 5, 30}}
	if got := written(again, p, at("2027-06-01 10:00")).Day().String(); got != "2027-05-30" {
		t.Errorf("listed again, the day is %s", got)
	}
	if len(first.Trail.Listed) != 1 {
		t.Errorf("the older trail became %v", first.Trail)
	}
}

func TestSightings(t *testing.T) {
	r := written(nil, Paper{Signals: map[string]float64{"votes": 3, "stars": 1}}, at("2026-03-01 10:00"))
	r = written(r, Paper{Signals: map[string]float64{"votes": 3, "stars": 2}}, at("2026-03-02 10:00"))
	before := fmt.Sprint(r.Trail.Signals)
	last := written(r, Paper{Signals: map[string]float64{"votes": 7}}, at("2026-03-03 10:00"))
	day := at("2026-03-01 10:00").Unix() / 60
	want := []SignalTrail{
		{"stars", []Sighting{{day, 1}, {day + 24*60, 2}}}, // left out: what was seen stays
		{"votes", []Sighting{{day, 3}, {day + 48*60, 7}}},
	}
	if !reflect.DeepEqual(last.Trail.Signals, want) {
		t.Errorf("got %v, want %v", last.Trail.Signals, want)
	}
	if now := fmt.Sprint(r.Trail.Signals); now != before {
		t.Errorf("an older trail changed from %s to %s", before, now)
	}
	// In one minute the later value counts, and clocks may go back.
	for _, now := range []time.Time{at("2026-03-03 10:00").Add(20 * time.Second), at("2026-01-01 00:00")} {
		got := written(last, Paper{Signals: map[string]float64{"votes": 9}}, now).Trail.Signals[1].Seen
		if !reflect.DeepEqual(got, []Sighting{{day, 3}, {day + 48*60, 9}}) {
			t.Errorf("at %v: %v", now, got)
		}
	}
	if NextTrail(nil, &Paper{PublishDate: Date{2021, 1, 1}, ListedDates: []Date{{2021, 1, 1}}}, at("2026-01-01 00:00")) != nil {
		t.Error("there is a trail of nothing")
	}
}

// A record from before there were trails is one sighting of each of its signals.
func TestSightingsOfOldRecords(t *testing.T) {
	old := &Record{Paper: Paper{Signals: map[string]float64{"votes": 3}}, UpdateTime: at("2026-03-01 10:00")}
	r := written(old, Paper{Signals: map[string]float64{"votes": 5}}, at("2026-03-02 10:00"))
	day := at("2026-03-01 10:00").Unix() / 60
	if want := []SignalTrail{{"votes", []Sighting{{day, 3}, {day + 24*60, 5}}}}; !reflect.DeepEqual(r.Trail.Signals, want) {
		t.Errorf("got %v, want %v", r.Trail.Signals, want)
	}
}

// However often a signal changes, the trail stays small; it keeps its first and last
// sighting, and more of the last week than of the years before.
func TestTrailsStaySmall(t *testing.T) {
	var r *Record
	start := at("2020-01-01 00:00")
	for i := range 2000 {
		signals := map[string]float64{"votes": float64(i), fmt.Sprintf("name%04d", i): 1}
		r = written(r, Paper{Signals: signals}, start.AddDate(0, 0, i))
	}
	if n := len(r.Trail.Signals); n > 2+maxGoneSignals {
		t.Errorf("%d signals are remembered", n)
	}
	seen := r.Trail.Signals[len(r.Trail.Signals)-1].Seen
	if n := len(seen); n != MaxSightings || seen[0].Value != 0 || seen[n-1].Value != 1999 {
		t.Errorf("%d sightings, %v to %v", len(seen), seen[0], seen[len(seen)-1])
	}
	days := func(within int64) (n int) {
		for _, s := range seen {
			if s.Minute > seen[len(seen)-1].Minute-within*24*60 {
				n++
			}
		}
		return n
	}
	if days(7) < 5 || days(30) < 10 || days(30) > 40 {
		t.Errorf("%d sightings of the last week and %d of the last month: %v", days(7), days(30), seen)
	}
	many := make(map[string]float64)
	for i := range MaxListItems {
		many[fmt.Sprint(i)] = 0
	}
	for i := range 20 {
		for name := range many {
			many[name] = float64(i)
		}
		r = written(r, Paper{Signals: many}, start.AddDate(0, 0, 3000+i))
	}
	total := 0
	for _, s := range r.Trail.Signals {
		total += len(s.Seen)
	}
	if total > MaxTrailSightings+(1+maxGoneSignals)*MaxSightings {
		t.Errorf("%d sightings are remembered", total)
	}
}
