package source

import (
	"fmt"
	"strings"
	"time"
)

// Status is a source, its state, and what that means in words.
type Status struct {
	Config Config
	// Fixed says that the source is of the configuration, which alone can change it.
	Fixed bool
	State State
	// Working says that a run is at work now.
	Working bool
	// Held is why the source does nothing although it is due; "" if nothing holds it.
	Held string
}

// at writes a time for people.
func at(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// countSentence says what became of records.
func countSentence(c Counts) string {
	if c.All() == 0 {
		return "nothing"
	}
	var parts []string
	for _, part := range []struct {
		n    uint64
		what string
	}{{c.New, "new"}, {c.Changed, "changed"}, {c.Known, "known"}, {c.Removed, "taken back"}, {c.Refused, "refused"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(parts, ", ")
}

// runSentence says what a run that ended well brought.
func runSentence(r *Run) string {
	switch {
	case r.Counts.New+r.Counts.Changed+r.Counts.Removed > 0:
		return countSentence(r.Counts)
	case r.Counts.Refused > 0:
		return "nothing new: " + countSentence(r.Counts)
	case r.Quiet != "":
		return "nothing new: " + r.Quiet
	case r.Counts.Known > 0:
		return fmt.Sprintf("nothing new: all %d were known", r.Counts.Known)
	}
	return "nothing new: the source has nothing that changed"
}

// LastSentence says what the last run brought.
func (s *Status) LastSentence() string {
	last := s.State.Last
	switch {
	case last == nil && s.State.Run == nil:
		return "it has not run yet"
	case last == nil:
		return "its first run has not ended yet"
	case last.Outcome == Failed:
		return fmt.Sprintf("the last run, of %s, failed: %s", at(last.End), last.Message)
	}
	return fmt.Sprintf("the last run, of %s, brought %s", at(last.End), last.Message)
}

// NextSentence says what comes next, and why.
func (s *Status) NextSentence(now time.Time) string {
	next := "at once"
	if s.State.Next.After(now) {
		next = "at " + at(s.State.Next)
	}
	switch {
	case s.Working:
		return fmt.Sprintf("it is at work since %s: %s so far", at(s.State.Run.started(now)), countSentence(s.State.Run.counts()))
	case !s.State.Paused.IsZero():
		return fmt.Sprintf("it is paused since %s: nothing comes until it is resumed", at(s.State.Paused))
	case s.Held != "":
		return "it waits until papers can be changed again: " + s.Held
	case s.State.Why == LeftAlone && s.State.Next.After(now):
		return fmt.Sprintf("it goes on %s, for the source asked to be left alone until then: %s", next, s.State.Error)
	case s.State.Why == BackingOff && s.State.Next.After(now):
		return fmt.Sprintf("it is tried again %s, after %s: %s", next, times(s.State.Failures, "failure"), s.State.Error)
	case s.State.Run != nil:
		return "it goes on " + next + " with the run that was interrupted"
	}
	return fmt.Sprintf("the next run is %s, every %s", next, every(s.Config.Every))
}

func (r *Run) started(now time.Time) time.Time {
	if r == nil {
		return now
	}
	return r.Start
}

func (r *Run) counts() Counts {
	if r == nil {
		return Counts{}
	}
	return r.Counts
}

// ProblemSentence says what is wrong; "" if nothing is.
func (s *Status) ProblemSentence() string {
	var parts []string
	if s.State.Error != "" && (s.State.Failures > 0 || s.State.Why == LeftAlone) {
		since := ""
		if !s.State.Failing.IsZero() && s.State.Failures > 1 {
			since = fmt.Sprintf(" (%s since %s)", times(s.State.Failures, "failure"), at(s.State.Failing))
		}
		parts = append(parts, s.State.Error+since)
	}
	if !s.State.Stale.IsZero() {
		last := "ever"
		if !s.State.Delivered.IsZero() {
			last = "since " + at(s.State.Delivered)
		}
		parts = append(parts, fmt.Sprintf("it answers, but has brought nothing new %s, in the last %s: it may repeat an old batch",
			last, times(s.State.KnownRuns, "run")))
	}
	if s.State.Last != nil {
		parts = append(parts, s.State.Last.Notes...)
	}
	return strings.Join(parts, "; ")
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// every writes a span without what is zero.
func every(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Delivery is when a source of a collection last brought something.
type Delivery struct {
	Source string
	// Time is when a new paper last came; zero if none ever did.
	Time time.Time
	// Sentence says that, and why nothing came since, if so.
	Sentence string
}

// delivery is what a status says of deliveries.
func (s *Status) delivery(now time.Time) Delivery {
	d := Delivery{Source: s.Config.Name, Time: s.State.Delivered}
	d.Sentence = fmt.Sprintf("%s has not delivered a paper yet", s.Config.Name)
	if !d.Time.IsZero() {
		d.Sentence = fmt.Sprintf("%s last delivered on %s", s.Config.Name, at(d.Time))
	}
	switch {
	case !s.State.Paused.IsZero(), s.Held != "":
		d.Sentence += "; " + s.NextSentence(now)
	case s.State.Failures > 0 || s.State.Why == LeftAlone && s.State.Next.After(now):
		d.Sentence += fmt.Sprintf("; since then: %s", s.State.Error)
	case !s.State.Stale.IsZero():
		d.Sentence += "; it answers, but may repeat an old batch"
	case s.State.Last != nil && s.State.Last.Outcome == Quiet:
		d.Sentence += fmt.Sprintf("; it was asked on %s: %s", at(s.State.Last.End), s.State.Last.Message)
	}
	return d
}

// Through is the last day of which everything was fetched, of all parts of the source;
// none of feeds and folders, and before the first run has ended.
func (s *Status) Through() (day Day) {
	if s.Config.Kind == Listing {
		return s.State.Cursor.Listing.Through
	}
	if s.Config.Kind != OAI {
		return 0
	}
	for i, set := range s.Config.sets() {
		if through := s.State.Cursor.OAI[set].Through; i == 0 || through < day {
			day = through
		}
	}
	return day
}
