package rank

import (
	"cmp"
	"iter"
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
func Trends(papers iter.Seq[Signalled], w Window, most int) []Trending {
	var rises rises
	spreads := make(map[string]*spread)
	for p := range papers {
		for k := range p.Signals {
			s := &p.Signals[k]
			if w.Signal != "" && s.Name != w.Signal {
				continue
			}
			gain, decayed := w.gain(p.Dated, s.Seen)
			if decayed <= 0 {
				continue
			}
			of := spreads[s.Name]
			if of == nil {
				of = new(spread)
				spreads[s.Name] = of
			}
			weight := math.Log1p(decayed)
			of.squares += weight * weight
			of.count++
			rises.add(rise{Trending{p.Ref, p.Day, Trend{s.Name, gain, weight}}, of})
		}
	}
	best := best{most: max(0, most)}
	var top Trending
	for _, some := range rises {
		for i := range some {
			now := some[i].Trending
			now.Score = w.score(&some[i])
			switch { // the signals of a paper stand together
			case now.ID != top.ID:
				best.add(top)
				top = now
			case now.Score > top.Score:
				top = now
			}
		}
	}
	best.add(top)
	best.cut()
	return best.trending
}

// rise is how a signal of a paper rose. Its score is the logarithm of the decayed gain
// until it is measured.
type rise struct {
	Trending
	of *spread
}

// rises are in parts, so that nothing is moved when there are many.
type rises [][]rise

func (r *rises) add(one rise) {
	const part = 512
	n := len(*r)
	if n == 0 || len((*r)[n-1]) == part {
		*r = append(*r, make([]rise, 0, part))
		n++
	}
	(*r)[n-1] = append((*r)[n-1], one)
}

// spread is what is usual of a signal.
type spread struct{ squares, count float64 }

// score measures a rise, if any signal counts, by what is usual of its own. What
// differs by arithmetic alone is a tie.
func (w Window) score(r *rise) float64 {
	score := r.Score
	if w.Signal == "" {
		score /= max(leastSpread, math.Sqrt(r.of.squares/r.of.count))
	}
	return math.Round(score*1e6) / 1e6
}

// best keeps what stands first.
type best struct {
	most     int
	trending []Trending
	least    float64 // below it nothing stands among the first
}

func (b *best) add(t Trending) {
	if t.Score == 0 || t.Score < b.least {
		return
	}
	if b.trending = append(b.trending, t); len(b.trending) >= 2*b.most+64 {
		b.cut()
	}
}

func (b *best) cut() {
	slices.SortFunc(b.trending, func(x, y Trending) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), y.Day.Compare(x.Day), cmp.Compare(x.ID, y.ID))
	})
	b.trending = b.trending[:min(b.most, len(b.trending))]
	if n := len(b.trending); n == b.most && n > 0 {
		b.least = b.trending[n-1].Score
	}
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
