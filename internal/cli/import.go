package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

// inputFlags say what to read.
type inputFlags struct {
	Year       int    `help:"Year of listings, whose dates lack it." placeholder:"YYYY"`
	Format     string `help:"Format of all files, instead of guessing it from each one's content." placeholder:"NAME"`
	Quarantine string `help:"Where rows that cannot be used go." type:"path" placeholder:"FILE"`
}

func (f inputFlags) options() ingest.Options { return ingest.Options{Year: f.Year, Format: f.Format} }

type importCommand struct {
	Paths []string `arg:"" help:"Files and folders."`
	target
	inputFlags
}

// Help shows examples.
func (importCommand) Help() string {
	return `Examples:
  akin import --data papers listings/ more.jsonl.gz
  akin import --server localhost:7411 --year 2026 today.txt

Reads JSON Lines and plain-text paper listings, also compressed with gzip or
zstd; the format is guessed from the content. Papers that are there already and
did not change cost next to nothing. Rows that cannot be used go to a quarantine
file (./akin-quarantine.jsonl unless --quarantine says otherwise), and the exit
code is 3. Off a terminal, progress is lines "acknowledged N sequence S": the
first N papers read are durable.`
}

// Run imports.
func (c importCommand) Run(e *environment) (err error) {
	cl, err := e.connect(c.target, true)
	if err != nil {
		return err
	}
	path := c.Quarantine
	if path == "" {
		path = "akin-quarantine.jsonl"
	}
	im := &importer{
		env: e, quarantine: ingest.NewQuarantine(path), sources: make(map[uint64]*sent),
		progress: e.newProgress("importing", func() (int, error) { return countRows(e.ctx, c.Paths, c.options()) }),
	}
	err = im.run(cl, ingest.Papers(e.ctx, c.Paths, c.options()))
	im.progress.finish()
	err = errors.Join(err, im.quarantine.Close())
	im.summary()
	if err == nil && im.quarantine.Count() > 0 {
		return errPartial
	}
	return err
}

// sent is a paper that is not acknowledged yet.
type sent struct {
	source ingest.Source
	paper  *akinv1.Paper
}

// importer moves papers from files to the server.
type importer struct {
	env        *environment
	quarantine *ingest.Quarantine
	progress   *progress

	mu      sync.Mutex // guards sources, between the sending and receiving side
	sources map[uint64]*sent
	index   uint64 // of the next paper; the sending side's

	// What follows belongs to the receiving side.
	durable                      uint64
	sequence                     uint64
	created, updated, same, long int
}

func (im *importer) run(cl *client.Client, rows iter.Seq2[ingest.Row, error]) error {
	pull, stop := iter.Pull2(rows)
	defer stop()
	return cl.Import(im.env.ctx, func(context.Context) (*akinv1.ImportPapersRequest, error) { return im.next(pull) }, im.acknowledge)
}

func (im *importer) next(pull func() (ingest.Row, error, bool)) (*akinv1.ImportPapersRequest, error) {
	for {
		row, err, ok := pull()
		if !ok {
			return nil, io.EOF
		}
		if err != nil {
			if err := reject(im.quarantine, err); err != nil {
				return nil, err
			}
			continue
		}
		p := wire.ToPaper(&row.Paper)
		im.mu.Lock()
		im.sources[im.index] = &sent{source: row.Source, paper: p}
		im.mu.Unlock()
		req := &akinv1.ImportPapersRequest{Paper: p, Index: im.index}
		im.index++
		return req, nil
	}
}

// reject quarantines a bad row or a file that cannot be read; any other error
// ends the command.
func reject(q *ingest.Quarantine, err error) error {
	var bad *ingest.RejectedError
	if errors.As(err, &bad) {
		return q.Add(bad.Rejected)
	}
	return err
}

// acknowledge notes what became durable.
func (im *importer) acknowledge(resp *akinv1.ImportPapersResponse) error {
	for _, o := range resp.GetOutcomes() {
		im.mu.Lock()
		s := im.sources[o.GetIndex()]
		delete(im.sources, o.GetIndex())
		im.mu.Unlock()
		if o.GetError() != nil {
			raw, err := json.Marshal(s.paper)
			if err != nil {
				raw = []byte(s.paper.GetId())
			}
			if err := im.quarantine.Add(ingest.Rejected{
				File: s.source.File, Line: s.source.Line, Reason: o.GetError().GetMessage(), Raw: raw,
			}); err != nil {
				return err
			}
			continue
		}
		im.durable++
		switch o.GetChange() {
		case akinv1.Change_CHANGE_CREATED:
			im.created++
		case akinv1.Change_CHANGE_UPDATED:
			im.updated++
		default:
			im.same++
		}
		if o.GetTruncated() {
			im.long++
		}
	}
	im.sequence = resp.GetSequence()
	im.progress.set(int(im.durable), fmt.Sprintf("acknowledged %d sequence %d", im.durable, im.sequence))
	return nil
}

func (im *importer) summary() {
	fmt.Fprintf(im.env.out, "%d papers: %d new, %d changed, %d unchanged", im.durable, im.created, im.updated, im.same)
	if im.long > 0 {
		fmt.Fprintf(im.env.out, "; %d longer than the model reads, cut", im.long)
	}
	if n := im.quarantine.Count(); n > 0 {
		fmt.Fprintf(im.env.out, "; %d rows quarantined in %s", n, im.quarantine.Path())
	}
	fmt.Fprintln(im.env.out)
}

// countRows counts what there is to do, for the time that is left.
func countRows(ctx context.Context, paths []string, opt ingest.Options) (n int, err error) {
	for _, err := range ingest.Papers(ctx, paths, opt) {
		if err == nil {
			n++
		} else if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return n, nil
}
