package cli

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"akin/internal/ingest"
)

const (
	// drawEvery is how often the line on a terminal changes at most.
	drawEvery = 100 * time.Millisecond
	// logEvery is how often a job that does not run on a terminal says how far it is.
	logEvery = 10 * time.Second
)

// progress shows how far a job is: one line with rate and time left on a
// terminal, whatever its width, and plain lines elsewhere. It belongs to one
// goroutine at a time.
type progress struct {
	env   *environment
	what  string
	meter *ingest.Meter // of what was read, if files are
	bytes int64         // of all files
	total int           // 0 if it is not known
	done  int
	begin time.Time
	drawn time.Time
	last  string
}

// newProgress begins a display. It shows its first line at once.
func (e *environment) newProgress(what string) *progress {
	p := &progress{env: e, what: what, begin: time.Now()}
	if p.live() {
		p.draw()
	}
	return p
}

// live says whether there is a terminal to draw on.
func (p *progress) live() bool { return p.env.progressOnTerm && p.env.outIsTerminal }

// of files says how much there is to read, for the time that is left. Pipes have
// no size; with one, nobody knows.
func (p *progress) of(files []string, meter *ingest.Meter) {
	p.meter = meter
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			p.bytes = 0
			return
		}
		p.bytes += info.Size()
	}
}

// set shows that done papers are done; line is what to print off a terminal.
func (p *progress) set(done int, line string) {
	p.done = done
	if p.live() {
		if time.Since(p.drawn) >= drawEvery {
			p.draw()
		}
		return
	}
	if line != "" && line != p.last {
		p.last = line
		fmt.Fprintln(p.env.out, line)
	}
}

// share is how much is done, from 0 (or unknown) to 1.
func (p *progress) share() float64 {
	switch {
	case p.total > 0:
		return min(1, float64(p.done)/float64(p.total))
	case p.bytes > 0 && p.meter != nil:
		return min(1, float64(p.meter.Read())/float64(p.bytes))
	default:
		return 0
	}
}

func (p *progress) draw() {
	p.drawn = time.Now()
	seconds := max(time.Since(p.begin).Seconds(), 1e-3)
	text := p.what
	if p.done > 0 {
		text += fmt.Sprintf(" %d papers, %.0f papers/s", p.done, float64(p.done)/seconds)
	}
	p.env.statusLine(text + leftOf(p.share(), seconds))
}

// leftOf says what part of the work is done and how long the rest will take.
func leftOf(share, seconds float64) string {
	if share <= 0 {
		return ""
	}
	left := time.Duration(seconds * (1/share - 1) * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf(", %.0f %%, %s left", 100*share, left)
}

func (p *progress) finish() {
	if p.live() {
		p.draw()
		fmt.Fprintln(p.env.errOut)
	}
}

// statusLine writes over the line of the display, cut to the terminal's width,
// so that it stays one line.
func (e *environment) statusLine(text string) {
	e.errOut.status(shorten(visible(oneLine(text)), e.errWidth()-1))
}

// shorten cuts a text to a number of characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:max(0, most-1)])) + "…"
}
