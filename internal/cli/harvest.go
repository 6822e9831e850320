package cli

import (
	"fmt"
	"time"

	"akin/internal/harvest"
)

type harvestCommand struct {
	OAI harvestOAICommand `cmd:"" name:"oai" help:"Fetch the records of an OAI-PMH repository, such as arXiv's."`
}

type harvestOAICommand struct {
	URL    string        `arg:"" help:"Address of the repository."`
	Out    string        `help:"Directory for the answers and the state; made if it is missing." type:"path" required:"" placeholder:"DIR"`
	Set    string        `help:"Part of the repository, such as cs (default: all)." placeholder:"NAME"`
	Prefix string        `help:"Metadata format: arXiv, arXivRaw or oai_dc." default:"arXiv"`
	From   string        `help:"First day of the records' datestamps (default: where the harvest before ended, or the repository's first)." placeholder:"YYYY-MM-DD"`
	Until  string        `help:"Last day (default: today)." placeholder:"YYYY-MM-DD"`
	Days   int           `help:"Days to ask for at a time." default:"7"`
	Every  time.Duration `help:"Time between two questions." default:"3s"`
}

// Help shows examples.
func (harvestOAICommand) Help() string {
	return `Examples:
  akin harvest oai https://oaipmh.arxiv.org/oai --set cs --from 2026-11-01 --out arxiv
  akin import --data papers arxiv

Keeps every answer as a file that akin import reads, deletions included. Run
again, it goes on where it was interrupted, or fetches what is new since. When
the repository says to come back later, it does.`
}

// Run fetches.
func (c harvestOAICommand) Run(e *environment) error {
	shown := false
	done, err := harvest.Run(e.ctx, harvest.Config{
		BaseURL: c.URL, Dir: c.Out, Set: c.Set, Prefix: c.Prefix, From: c.From, Until: c.Until, Days: c.Days, Interval: c.Every,
		Agent: "akin/" + Version,
		Progress: func(p harvest.Progress) {
			shown = true
			line := fmt.Sprintf("%s to %s: %d records so far, %d of them deletions", p.First, p.Last, p.Records, p.Deleted)
			if e.progressOnTerm {
				e.statusLine(line)
				return
			}
			fmt.Fprintln(e.errOut, line)
		},
	})
	if shown && e.progressOnTerm {
		fmt.Fprintln(e.errOut)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s fetched into %s, %d of them deletions\n", plural(done.Records, "record"), c.Out, done.Deleted)
	if done.Broken > 0 {
		fmt.Fprintf(e.errOut, "%s could not be read whole, and akin import will quarantine what it must, for example %s\n", plural(done.Broken, "page"), oneLine(done.LastBroken))
		return errPartial
	}
	return nil
}
