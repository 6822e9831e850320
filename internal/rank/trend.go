package rank

import (
	"cmp"
	"math"
	"slices"

	"akin/internal/paper"
)

// Signalled is a paper with how its signals went.
type Signalled struct {
	paper.Ref
	// Day is what it stands under in listings.
	Day paper.Date
	// Dated is the day that sources say, zero if they say none.
	Dated paper.Date
	// Signals are in order of name. Nobody changes them.
	Signals []paper.SignalTrail
}

// SignalledOf is what a record says of its signals.
func SignalledOf(r *paper.Record) Signalled {
	return Signalled{Ref: r.Ref(), Day: r.Day(), Dated: r.Dated(), Signals: r.Sightings()}
}

// Trend is how a signal of a paper rose within a window.
type Trend struct {
	Signal string
	// Gain is by how much, Score what orders papers.
	Gain, Score float64
}

// Trending is a paper that trends.
type Trending struct {
	paper.Ref
	Day paper.Date
	Trend
}

// Window says what trends are about. Times are in minutes, as those of sightings.
type Window struct {
	End, Length int64
	// Signal is the one that counts; "" is any.
	Signal string
}

// mostGain bounds what is added up, so that sums stay finite.
const mostGain = 1e300

// leastSpread is the least that gains of a signal are measured by: those of a gain of
// one. Without it, a signal that hardly ever moves would lift what moved a little.
const leastSpread = math.Ln2

// Trends gives the papers whose signals rose within a window, those first that rose
// most; equal ones are the newest first, then in order of id. docs/trending.md has
// the formula. The order of the papers given does not matter.
func Trends(papers []Signalled, w Window, most int) []Trending {
	type rise struct {
		paper        int
		signal       string
		gain, weight float64 // weight is the logarithm of the decayed gain
	}
	var rises []rise
	squares, counts := map[string]float64{}, map[string]float64{}
	for i := range papers {
		for _, s := range papers[i].Signals {
			if w.Signal != "" && s.Name != w.Signal {
				continue
			}
			gain, decayed := w.gain(papers[i].Dated, s.Seen)
			if decayed <= 0 {
				continue
			}
			r := rise{i, s.Name, gain, math.Log1p(decayed)}
			rises = append(rises, r)
			squares[s.Name] += r.weight * r.weight
			counts[s.Name]++
		}
	}
	var out []Trending
	for _, r := range rises {
		score := r.weight
		if w.Signal == "" {
			score /= max(leastSpread, math.Sqrt(squares[r.signal]/counts[r.signal]))
		}
		// What differs by arithmetic alone is a tie.
		if score = math.Round(score*1e6) / 1e6; score == 0 {
			continue
		}
		t := Trending{papers[r.paper].Ref, papers[r.paper].Day, Trend{r.signal, r.gain, score}}
		if n := len(out); n > 0 && out[n-1].ID == t.ID { // its signals stand together
			if t.Score > out[n-1].Score {
				out[n-1] = t
			}
			continue
		}
		out = append(out, t)
	}
	slices.SortFunc(out, compareTrending)
	return out[:min(most, len(out))]
}

func compareTrending(a, b Trending) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), b.Day.Compare(a.Day), cmp.Compare(a.ID, b.ID))
}

// gain gives how much a signal rose within the window, and the same with each rise
// counting half as much after each half-life, which is half the window.
func (w Window) gain(dated paper.Date, seen []paper.Sighting) (gain, decayed float64) {
	end, length := float64(w.End), float64(w.Length)
	begin, halfLife := end-length, length/2
	add := func(rise, at float64) {
		if at > begin && at <= end {
			gain += rise
			decayed += rise * Decay(end-at, halfLife)
		}
	}
	for i, s := range seen {
		at := float64(s.Minute)
		value := min(max(s.Value, -mostGain), mostGain)
		if i > 0 {
			add(value-min(max(seen[i-1].Value, -mostGain), mostGain), at)
			continue
		}
		if value <= 0 || dated.Year == 0 {
			continue
		}
		since := float64(dated.Start().Unix()) / 60
		if since >= at {
			add(value, at)
			continue
		}
		// Nobody saw it grow: it grew evenly since the paper's day.
		if from, to := max(since, begin), min(at, end); to > from {
			rate := value / (at - since)
			gain += rate * (to - from)
			decayed += rate * halfLife / math.Ln2 * (Decay(end-to, halfLife) - Decay(end-from, halfLife))
		}
	}
	return gain, decayed
}
