package cli

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a job is: a bar with rate and time left on a terminal,
// plain lines elsewhere. It belongs to one goroutine at a time.
type progress struct {
	env  *environment
	bar  *progressbar.ProgressBar
	last string
}

// newProgress makes a progress display; total counts the work, and is only
// called for a bar; nil is for work that is not known yet.
func (e *environment) newProgress(what string, total func() (int, error)) *progress {
	p := &progress{env: e}
	if !e.progressOnTerm || !e.outIsTerminal {
		return p
	}
	n := -1 // a spinner
	if total != nil {
		if counted, err := total(); err == nil && counted > 0 {
			n = counted
		}
	}
	p.bar = progressbar.NewOptions(n,
		progressbar.OptionSetWriter(e.display),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("papers"),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionSetRenderBlankState(true),
	)
	return p
}

// set shows that done papers are done; line is what to print off a terminal.
func (p *progress) set(done int, line string) {
	if p.bar != nil {
		p.bar.Set(done) //nolint:errcheck // a display
		return
	}
	if line != p.last {
		p.last = line
		fmt.Fprintln(p.env.out, line)
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Exit() //nolint:errcheck // a display
		fmt.Fprintln(p.env.errOut)
	}
}
