package cli

import (
	"errors"
	"fmt"

	"akin/internal/app"
)

type moveCommand struct {
	From string `help:"Data directory, which no server may be using, or weaviate://HOST:PORT,…" placeholder:"DIR|URL"`
	To   string `help:"Empty data directory, or cluster without papers; or what an earlier run left." required:"" placeholder:"DIR|URL"`
	clusterConnection
	Samples int  `help:"Papers whose neighbours are compared at the end (default: 50)." placeholder:"N"`
	Abandon bool `help:"Remove what a run that did not end has left at --to."`
	JSON    bool `name:"json" help:"Print what was done as JSON."`
}

// Validate says what is missing.
func (c *moveCommand) Validate() error {
	if c.Samples < 0 || c.Samples > 10_000 {
		return fmt.Errorf("--samples is %d; it must be from 1 to 10000 (0 means 50)", c.Samples)
	}
	if (c.From == "") == c.Abandon {
		return nil
	}
	if c.Abandon {
		return errors.New("--abandon removes what is at --to, and copies nothing; leave out --from")
	}
	return errors.New("missing flags: --from=DIR|URL")
}

// Help says what happens.
func (moveCommand) Help() string {
	return `Copies papers with their vectors from a data directory to a cluster of Weaviate, or
back, or from one of either to another: nothing is embedded. The source is left as it
is. Then both are compared: by count, by a digest of everything that papers say and of
their vectors, and by the neighbours of some papers, exactly.

It may end at any moment, by kill -9 or a power cut: the same command goes on from
there. Until it has found both the same, akin serves what it fills to nobody.

Papers keep ids, texts, vectors and token counts. Revisions, times of creation and the
history of signals begin anew. Libraries, feeds, digests and sources come along between
a directory and a cluster, where the target has none. Keys and secrets are files, and
stay where they are.

Examples:
  akin migrate-catalog --from papers --to weaviate://10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080
  akin migrate-catalog --from weaviate://10.0.0.1:8080 --to back --catalog-key-file key --catalog-tls
  akin migrate-catalog --to back --abandon`
}

// Run migrates.
func (c moveCommand) Run(e *environment) error {
	m := app.Migration{From: c.From, To: c.To, Samples: c.Samples}
	var err error
	if m.Cluster, _, err = c.connection(); err != nil {
		return err
	}
	if c.Abandon {
		papers, err := app.AbandonMigration(e.ctx, m)
		if err == nil {
			fmt.Fprintf(e.out, "removed: %s\n", plural(int(papers), "paper"))
		}
		return err
	}
	p := e.newProgress("migrating")
	m.Progress = func(step string, done, total uint64) {
		p.total, p.what = int(total), map[string]string{"copy": "copying", "compare": "comparing"}[step]
		line := ""
		if !c.JSON {
			line = fmt.Sprintf("%s: %d of %d", step, done, total)
		}
		p.set(int(done), line)
	}
	done, err := app.Migrate(e.ctx, e.config, m, e.log)
	p.finish()
	if err != nil {
		return e.placed(err)
	}
	if done.Done && !c.JSON {
		fmt.Fprintln(e.out, "nothing to do: all was migrated from there, and found the same")
		return nil
	}
	if c.JSON {
		return e.printJSON(map[string]any{
			"done_before": done.Done, "papers": done.Copied.Papers, "written": done.Written, "removed": done.Removed, "digest": done.Digests[1].String(),
			"compared_neighbours_of": done.Sampled, "same_neighbours": done.Overlap, "not_copied": done.Beside, "beside_bytes": done.BesideBytes,
		})
	}
	e.migrated(&done)
	return nil
}

func (e *environment) migrated(done *app.Migrated) {
	fmt.Fprintf(e.out, "%s, of which %d were written now and %d removed\n", plural(done.Copied.Papers, "paper"), done.Written, done.Removed)
	fmt.Fprintf(e.out, "both have the digest %x, and %.1f %% of the neighbours of %s are the same\n",
		done.Digests[1][:8], 100*done.Overlap, plural(done.Sampled, "paper"))
	if done.BesideBytes > 0 {
		fmt.Fprintf(e.out, "copied beside papers: libraries, feeds, digests and sources (%d bytes)\n", done.BesideBytes)
	}
	for _, what := range done.Beside {
		fmt.Fprintf(e.out, "not copied: %s\n", oneLine(what))
	}
}
