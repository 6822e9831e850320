package cli

import (
	"fmt"
	"os"
	"time"

	"akin/internal/ingest"
	"akin/internal/job"
)

// jobDisplay shows how far a job is: one line with rate, tokens a second and time
// left on a terminal, a plain line now and then elsewhere. It belongs to one
// goroutine at a time.
type jobDisplay struct {
	env   *environment
	meter ingest.Meter
	bytes int64 // of all files
	begin time.Time
	shown time.Time
	last  job.Progress
}

func (e *environment) newJobDisplay(files []string) *jobDisplay {
	d := &jobDisplay{env: e, begin: time.Now(), shown: time.Now()}
	for _, path := range files {
		if info, err := os.Stat(path); err == nil {
			d.bytes += info.Size()
		}
	}
	if e.progressOnTerm {
		e.statusLine(d.line())
	}
	return d
}

// show is called with what was done so far.
func (d *jobDisplay) show(p job.Progress) {
	d.last = p
	if d.env.progressOnTerm {
		if time.Since(d.shown) >= drawEvery {
			d.shown = time.Now()
			d.env.statusLine(d.line())
		}
		return
	}
	if time.Since(d.shown) >= logEvery {
		d.shown = time.Now()
		fmt.Fprintln(d.env.errOut, d.line())
	}
}

// share is how much of the job is done, from 0 to 1: the rows that have their
// vectors, of those that there will be if the rest of the input is like what
// was read.
func (d *jobDisplay) share() float64 {
	read := float64(d.meter.Read())
	if d.bytes == 0 || read == 0 || d.last.Read == 0 {
		return 0
	}
	total := float64(d.last.Read) * max(1, float64(d.bytes)/read)
	return min(1, float64(d.last.Settled)/total)
}

func (d *jobDisplay) line() string {
	seconds := max(time.Since(d.begin).Seconds(), 1e-3)
	text := fmt.Sprintf("%d papers done, %d embedded, %.1f papers/s, %.0f tokens/s", d.last.Settled, d.last.Embedded,
		float64(d.last.Embedded)/seconds, float64(d.last.Tokens)/seconds)
	return text + leftOf(d.share(), seconds)
}

func (d *jobDisplay) finish() {
	if d.env.progressOnTerm {
		d.env.statusLine(d.line())
		fmt.Fprintln(d.env.errOut)
	}
}

// estimate says how long the job would take.
func (c embedCommand) estimate(e *environment, config job.Config) error {
	plan, err := job.Plan(e.ctx, config)
	if err != nil {
		return err
	}
	if c.JSON {
		return e.printJSON(plan)
	}
	fmt.Fprintf(e.out, "%s; %d rows cannot be used; %d texts are not in the cache", plural(plan.Rows, "paper"), plan.Rejected, plan.Missing)
	if plan.Missing > 0 {
		left := time.Duration(plan.Seconds * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(e.out, ": about %s at %.1f papers/s, as a sample of them took", left, plan.PerSecond)
	}
	fmt.Fprintln(e.out)
	return nil
}
