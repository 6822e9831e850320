package rank_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"akin/internal/paper"
	"akin/internal/rank"
)

const (
	minutesADay = 24 * 60
	now         = int64(20_000) * minutesADay
	week        = 7 * minutesADay
)

func dayOf(minute int64) paper.Date { return paper.DateOf(time.Unix(minute*60, 0)) }

// signalled is a paper of long ago with a signal of which values were seen, some days
// before now.
func signalled(id, name string, seen ...paper.Sighting) rank.Signalled {
	for i := range seen {
		seen[i].Minute = now - seen[i].Minute*minutesADay
	}
	return rank.Signalled{
		Ref: paper.Ref{ID: id}, Day: dayOf(now - 1000*minutesADay), Signals: []paper.SignalTrail{{Name: name, Seen: seen}},
	}
}

func trendIDs(trends []rank.Trending) (ids []string) {
	for _, t := range trends {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestTrends(t *testing.T) {
	papers := []rank.Signalled{
		signalled("great", "votes", paper.Sighting{Minute: 30, Value: 1000}, paper.Sighting{Minute: 1, Value: 1005}),
		signalled("rising", "votes", paper.Sighting{Minute: 30, Value: 3}, paper.Sighting{Minute: 2, Value: 60}),
		signalled("earlier", "votes", paper.Sighting{Minute: 30, Value: 3}, paper.Sighting{Minute: 6, Value: 60}),
		signalled("before", "votes", paper.Sighting{Minute: 30, Value: 3}, paper.Sighting{Minute: 8, Value: 600}),
		signalled("falling", "votes", paper.Sighting{Minute: 30, Value: 30}, paper.Sighting{Minute: 1, Value: 2}),
		signalled("back", "votes", paper.Sighting{Minute: 3, Value: 30}, paper.Sighting{Minute: 2, Value: 90}, paper.Sighting{Minute: 1, Value: 30}),
		signalled("first seen", "votes", paper.Sighting{Minute: 1, Value: 5000}),
		signalled("stars", "stars", paper.Sighting{Minute: 30, Value: 3}, paper.Sighting{Minute: 1, Value: 2000}),
	}
	w := rank.Window{End: now, Length: week, Signal: "votes"}
	got := rank.Trends(slices.Values(papers), w, 10)
	if ids := trendIDs(got); !slices.Equal(ids, []string{"rising", "earlier", "great"}) {
		t.Errorf("%v", got)
	}
	if got[0].Signal != "votes" || got[0].Gain != 57 || math.Abs(got[0].Score-math.Log1p(57*math.Exp2(-2/3.5))) > 1e-6 {
		t.Errorf("%+v", got[0])
	}
	if got := rank.Trends(slices.Values(papers), w, 1); len(got) != 1 {
		t.Errorf("of one: %v", got)
	}
	w.Length = 1.5 * minutesADay
	if ids := trendIDs(rank.Trends(slices.Values(papers), w, 10)); !slices.Equal(ids, []string{"great"}) {
		t.Errorf("within a day and a half: %v", ids)
	}
	w.End -= 5 * minutesADay // what was seen later is not known then
	if got := rank.Trends(slices.Values(papers), w, 10); len(got) != 1 || got[0].ID != "earlier" {
		t.Errorf("five days ago: %v", got)
	}
}

// A value that nobody saw grow counts as much as falls into the window if it grew
// evenly since the paper's day: what is new trends by all of it, a classic hardly.
func TestFirstSightings(t *testing.T) {
	of := func(age int64, value float64) rank.Signalled {
		s := signalled("x", "votes", paper.Sighting{Minute: 0, Value: value})
		s.Dated = dayOf(now - age*minutesADay)
		return s
	}
	gain := func(s rank.Signalled, end int64) float64 {
		got := rank.Trends(slices.Values([]rank.Signalled{s}), rank.Window{End: end, Length: week, Signal: "votes"}, 1)
		if len(got) == 0 {
			return 0
		}
		return got[0].Gain
	}
	for _, test := range []struct{ got, want float64 }{
		{gain(of(3, 60), now), 60},
		{gain(of(0, 60), now), 60},
		{gain(of(70, 700), now), 70},
		{gain(of(3, 60), now-minutesADay), 40}, // as far as it had grown a day ago
		{gain(of(3, 60), now-5*minutesADay), 0},
		{gain(of(3, -60), now), 0},
		{gain(of(-3, 60), now), 60}, // of a day to come
	} {
		if math.Abs(test.got-test.want) > 1e-6 {
			t.Errorf("gain %v, not %v", test.got, test.want)
		}
	}
}

// Any signal: each counts by what is usual of it.
func TestTrendsOfAnySignal(t *testing.T) {
	var papers []rank.Signalled
	for i, gain := range []float64{10, 20, 30} {
		papers = append(papers, signalled("v"+string(rune('0'+i)), "votes", paper.Sighting{Minute: 20, Value: 1}, paper.Sighting{Minute: 1, Value: 1 + gain}))
		papers = append(papers, signalled("s"+string(rune('0'+i)), "stars", paper.Sighting{Minute: 20, Value: 1}, paper.Sighting{Minute: 1, Value: 1 + 1000*gain}))
	}
	papers = append(papers, signalled("ratio", "ratio", paper.Sighting{Minute: 20, Value: .1}, paper.Sighting{Minute: 1, Value: .2}))
	got := rank.Trends(slices.Values(papers), rank.Window{End: now, Length: week}, 10)
	if ids := trendIDs(got); ids[0] != "v2" || ids[len(ids)-1] != "ratio" {
		t.Errorf("%v", got)
	}
	both := papers[0]
	both.ID, both.Signals = "both", append([]paper.SignalTrail{{Name: "stars", Seen: []paper.Sighting{{Minute: 5, Value: 1}, {Minute: now - 9, Value: 9e9}}}}, both.Signals...)
	if got := rank.Trends(slices.Values(append(papers, both)), rank.Window{End: now, Length: week}, 10); got[0].ID != "both" || got[0].Signal != "stars" || len(got) != 8 {
		t.Errorf("%v", got)
	}
}

func TestTiesOfTrends(t *testing.T) {
	var papers []rank.Signalled
	for _, id := range []string{"b", "c", "a"} {
		papers = append(papers, signalled(id, "votes", paper.Sighting{Minute: 20, Value: 1}, paper.Sighting{Minute: 1, Value: 9}))
	}
	papers[1].Day = dayOf(now)
	if ids := trendIDs(rank.Trends(slices.Values(papers), rank.Window{End: now, Length: week}, 10)); !slices.Equal(ids, []string{"c", "a", "b"}) {
		t.Errorf("%v", ids)
	}
}

func drawSignalled(t *rapid.T) []rank.Signalled {
	value := rapid.OneOf(rapid.Float64Range(-10, 1000), rapid.SampledFrom([]float64{0, 1, math.MaxFloat64, -math.MaxFloat64}))
	var papers []rank.Signalled
	for i := range rapid.IntRange(1, 12).Draw(t, "papers") {
		s := rank.Signalled{Ref: paper.Ref{ID: string(rune('a' + i))}, Day: dayOf(now - rapid.Int64Range(0, 60).Draw(t, "age")*minutesADay)}
		if rapid.Bool().Draw(t, "dated") {
			s.Dated = s.Day
		}
		for _, name := range []string{"stars", "votes"}[:rapid.IntRange(0, 2).Draw(t, "signals")] {
			times := rapid.SliceOfNDistinct(rapid.Int64Range(0, 30*minutesADay), 1, 4, rapid.ID).Draw(t, "times")
			slices.Sort(times)
			trail := paper.SignalTrail{Name: name}
			for _, at := range times {
				trail.Seen = append(trail.Seen, paper.Sighting{Minute: now - 25*minutesADay + at, Value: value.Draw(t, "value")})
			}
			s.Signals = append(s.Signals, trail)
		}
		papers = append(papers, s)
	}
	return papers
}

func TestPropertiesOfTrends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		papers := drawSignalled(t)
		w := rank.Window{End: now, Length: rapid.SampledFrom([]int64{minutesADay, week, 30 * minutesADay}).Draw(t, "window"), Signal: rapid.SampledFrom([]string{"", "votes"}).Draw(t, "signal")}
		got := rank.Trends(slices.Values(papers), w, 100)
		seen := make(map[string]bool)
		for i, p := range got {
			if seen[p.ID] || p.Score <= 0 || math.IsInf(p.Score, 0) || math.IsNaN(p.Score) || math.IsInf(p.Gain, 0) || i > 0 && p.Score > got[i-1].Score {
				t.Fatalf("%+v in %+v", p, got)
			}
			seen[p.ID] = true
		}
		shuffled := slices.Clone(papers)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := rank.Trends(slices.Values(shuffled), w, 100); !slices.EqualFunc(got, again, func(a, b rank.Trending) bool {
			return a.ID == b.ID && math.Abs(a.Score-b.Score) <= 2e-6
		}) {
			t.Fatalf("%v, and in another order %v", got, again)
		}
		// A paper that rises more stands no lower. Where any signal counts this is so of
		// signals that rose before: a first little gain changes what is usual of a signal,
		// and with that how others' gains of it compare to gains of other signals.
		i := rapid.IntRange(0, len(papers)-1).Draw(t, "riser")
		if len(papers[i].Signals) == 0 {
			return
		}
		riser, trail := papers[i].ID, papers[i].Signals[len(papers[i].Signals)-1]
		if n := len(trail.Seen); trail.Seen[n-1].Minute > now || n == 1 && papers[i].Dated.Year == 0 {
			return
		}
		alone := rank.Trends(slices.Values(papers), rank.Window{End: w.End, Length: w.Length, Signal: trail.Name}, 100)
		if w.Signal == "" && scoresOf(alone)[riser] == 0 {
			return
		}
		trail.Seen[len(trail.Seen)-1].Value += rapid.Float64Range(0, 100).Draw(t, "more")
		before, after := scoresOf(got), scoresOf(rank.Trends(slices.Values(papers), w, 100))
		for _, p := range papers {
			if before[p.ID] <= before[riser] && after[p.ID] > after[riser]+2e-6 {
				t.Fatalf("%s rose more, and %s passed it: %v, then %v", riser, p.ID, before, after)
			}
		}
	})
}

func scoresOf(trends []rank.Trending) map[string]float64 {
	scores := make(map[string]float64)
	for _, t := range trends {
		scores[t.ID] = t.Score
	}
	return scores
}
