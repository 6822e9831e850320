package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/pending"
	"akin/internal/rpc/wire"
	"akin/internal/vecfile"
	akinv1 "akin/proto/akin/v1"
)

// inputFlags say what to read.
type inputFlags struct {
	Year       int               `help:"Year of listings, whose dates lack it (default: each means the nearest past day)." placeholder:"YYYY"`
	Format     string            `help:"Format of all files, instead of guessing it from each one's content: ${formats}." placeholder:"NAME"`
	Map        map[string]string `help:"Column that holds a field, in JSON, CSV, TSV, Excel, Parquet and Arrow. May be repeated." mapsep:"none" placeholder:"FIELD=COLUMN"`
	Delimiter  string            `help:"What stands between the cells of CSV, instead of guessing it: one character, or tab." placeholder:"CHAR"`
	Encoding   string            `help:"Encoding of text, instead of guessing it, such as windows-1252 or utf-16." placeholder:"NAME"`
	Columns    []string          `help:"Names of the columns of CSV and TSV files that do not name them in their first line." placeholder:"NAME,…"`
	Quarantine string            `help:"Where rows that cannot be used go." type:"path" placeholder:"FILE"`
}

func (f inputFlags) options() ingest.Options {
	return ingest.Options{Year: f.Year, Format: f.Format, Map: f.Map, Delimiter: delimiter(f.Delimiter), Encoding: f.Encoding, Columns: f.Columns}
}

// reading is options for reading, with the standard input that "-" stands for.
func (f inputFlags) reading(e *environment) ingest.Options {
	opt := f.options()
	opt.Stdin = e.in
	return opt
}

// delimiter reads the flag; what is no single character is one that is refused.
func delimiter(text string) rune {
	switch runes := []rune(text); {
	case text == "":
		return 0
	case text == "tab" || text == `\t`:
		return '\t'
	case len(runes) == 1:
		return runes[0]
	default:
		return utf8.RuneError
	}
}

type importCommand struct {
	Paths []string `arg:"" help:"Files and folders; - is standard input."`
	target
	inputFlags
	Vectors       string `help:"Take the vectors that akin embed made of these files, instead of embedding; or those that another program made with the same model: a .npy file with ids beside it, or Parquet with the columns id and embedding." type:"path" placeholder:"PATH"`
	VectorIDs     string `name:"vector-ids" help:"File with the id of each row of a .npy file, one a line (default: ids.txt beside it)." type:"path" placeholder:"FILE"`
	DeleteMissing bool   `help:"Afterwards, erase the papers of the collection that the files do not have."`
	Yes           bool   `help:"Erase without asking."`
}

// Help shows examples.
func (importCommand) Help() string {
	return `Examples:
  akin import --data papers listings/ more.jsonl.gz
  akin import --server localhost:7411 --year 2026 today.txt
  akin import --data papers --vectors vectors snapshot.json.gz

Reads JSON, CSV, TSV, Excel, Parquet and Arrow; what arXiv, OAI-PMH repositories,
Hugging Face, Semantic Scholar, OpenAlex and Crossref publish; what reference
managers export; and plain-text listings: also compressed with gzip, zstd, xz or
bzip2, in zip and tar archives, and from standard input (-). The format is guessed
from the content. Papers that a source marks as deleted are deleted.

Papers that are there already and did not change cost next to nothing, so an
import that was interrupted is run again; when a server goes away during one and
comes back, it goes on by itself. Rows that cannot be used go to a quarantine
file (./akin-quarantine.jsonl unless --quarantine says otherwise), and the exit
code is 3. Off a terminal, progress is lines "acknowledged N sequence S": the
first N papers read are durable.`
}

// Run imports.
func (c importCommand) Run(e *environment) (err error) {
	path := cmp.Or(c.Quarantine, "akin-quarantine.jsonl")
	if err := c.check(c.Paths, path); err != nil {
		return err
	}
	if c.DeleteMissing && !c.Yes && (!e.progressOnTerm || !isTerminal(e.in)) {
		return errors.New("--delete-missing asks before it erases, and this is no terminal; add --yes to erase without asking")
	}
	vectors, err := c.openVectors(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vectors.close()) }()
	cl, err := e.connect(c.target, true)
	if err != nil {
		return err
	}
	if err := vectors.verify(e, cl, ingest.Papers(e.ctx, c.Paths, c.options())); err != nil {
		return err
	}
	quarantine, err := newQuarantine(path)
	if err != nil {
		return err
	}
	im := &importer{
		env: e, quarantine: quarantine, vectors: vectors, sources: make(map[uint64]*ingest.Row),
		progress: e.newProgress("importing"),
	}
	// The input is read once, since it may be a pipe: how far it is read says how
	// much is left.
	options := c.reading(e)
	options.Meter, options.Notes = new(ingest.Meter), &im.notes
	if files, err := ingest.Walk(c.Paths); err == nil {
		im.progress.of(files, options.Meter)
	}
	if c.DeleteMissing {
		im.seen = make(idSet)
	}
	err = im.run(cl, ingest.Papers(e.ctx, c.Paths, options))
	im.progress.finish()
	err = errors.Join(err, im.quarantine.Close())
	im.summary()
	if err == nil && im.index == 0 {
		fmt.Fprintf(e.errOut, "no papers were found in %s\n", strings.Join(c.Paths, ", "))
	}
	if err == nil && c.DeleteMissing {
		err = c.deleteMissing(e, cl, im)
	}
	if err == nil && im.quarantine.Count() > 0 {
		return errPartial
	}
	return err
}

// importer moves papers from files to the server.
type importer struct {
	env        *environment
	quarantine *ingest.Quarantine
	progress   *progress
	notes      ingest.Notes
	vectors    *pairedVectors // nil if the server embeds
	seen       idSet          // nil if nobody asks

	mu      sync.Mutex // guards sources, the rows that are not acknowledged
	sources map[uint64]*ingest.Row
	index   uint64 // of the next paper; the sending side's

	// What follows belongs to the receiving side.
	durable                               uint64
	sequence                              uint64
	created, updated, same, deleted, long int
	withdrawn                             int // rows that delete
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
		req := &akinv1.ImportPapersRequest{Paper: wire.ToPaper(&row.Paper), Index: im.index, Delete: row.Deleted}
		if !row.Deleted {
			if skip, err := im.vectors.attach(req, row.Cleaned); err != nil || skip {
				if err != nil {
					return nil, err
				}
				continue
			}
			im.seen.add(row.Paper.ID)
		}
		im.mu.Lock()
		im.sources[im.index] = &row
		im.mu.Unlock()
		im.index++
		return req, nil
	}
}

// reject quarantines a bad row, or a file that cannot be read (on); the rest is
// still read. Only an interruption ends the command.
func reject(q *ingest.Quarantine, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return q.Add(ingest.Rejection(err))
}

// check finds what is wrong with the inputs before anything is made. A file that
// stands where the quarantine goes must be one of an earlier run.
func (f inputFlags) check(paths []string, quarantine string) error {
	files, err := ingest.Walk(paths)
	if err != nil {
		return err
	}
	if delimiter(f.Delimiter) == utf8.RuneError {
		return fmt.Errorf("--delimiter is %q; it must be one ASCII character, or tab", f.Delimiter)
	}
	if err := f.options().Validate(); err != nil {
		return err
	}
	old, err := os.Open(quarantine)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the quarantine file: %w", err)
	}
	defer old.Close()
	var row struct{ File, Reason, Row *string }
	if json.NewDecoder(old).Decode(&row) != nil || row.File == nil || row.Reason == nil || row.Row == nil || slices.Contains(files, quarantine) {
		return fmt.Errorf("%s exists and is not a quarantine file of an earlier run; move it, or name another file with --quarantine", quarantine)
	}
	return nil
}

// newQuarantine makes a quarantine, without what an earlier run left there.
func newQuarantine(path string) (*ingest.Quarantine, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove the quarantine file of an earlier run: %w", err)
	}
	if err := pending.Sweep(path); err != nil {
		return nil, err
	}
	return ingest.NewQuarantine(path), nil
}

// acknowledge notes what became durable.
func (im *importer) acknowledge(resp *akinv1.ImportPapersResponse) error {
	for _, o := range resp.GetOutcomes() {
		im.mu.Lock()
		s := im.sources[o.GetIndex()]
		delete(im.sources, o.GetIndex())
		im.mu.Unlock()
		if o.GetError() != nil {
			raw, err := vecfile.MarshalPaper(&s.Paper)
			if err != nil {
				raw = []byte(s.Paper.ID)
			}
			if err := im.quarantine.Add(ingest.Rejected{
				File: s.Source.File, Line: s.Source.Line, Reason: o.GetError().GetMessage(), Raw: raw,
			}); err != nil {
				return err
			}
			continue
		}
		im.durable++
		if s.Deleted {
			im.withdrawn++
		}
		switch o.GetChange() {
		case akinv1.Change_CHANGE_CREATED:
			im.created++
		case akinv1.Change_CHANGE_UPDATED:
			im.updated++
		case akinv1.Change_CHANGE_DELETED:
			im.deleted++
		default:
			if !s.Deleted {
				im.same++
			}
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
	fmt.Fprintf(im.env.out, "%s: %d new, %d changed, %d unchanged", plural(int(im.durable)-im.withdrawn, "paper"), im.created, im.updated, im.same)
	if im.deleted > 0 {
		fmt.Fprintf(im.env.out, "; %d deleted", im.deleted)
	}
	if im.long > 0 {
		fmt.Fprintf(im.env.out, "; %d longer than the model reads, cut", im.long)
	}
	if n := im.quarantine.Count(); n > 0 {
		fmt.Fprintf(im.env.out, "; %s quarantined in %s", plural(n, "row"), im.quarantine.Path())
	}
	fmt.Fprintln(im.env.out)
	if im.vectors != nil && im.vectors.foreign != nil {
		im.vectors.foreign.summary(im.env.errOut)
	}
	im.env.quarantined(im.quarantine)
	im.env.sayNotes(&im.notes)
}

// reasonLength is how many characters of a reason are shown; the file has all.
const reasonLength = 300

// quarantined says why the first rows were not taken.
func (e *environment) quarantined(q *ingest.Quarantine) {
	shown := q.Examples()
	for _, r := range shown {
		at := r.File
		if r.Line > 0 {
			at += fmt.Sprintf(":%d", r.Line)
		}
		fmt.Fprintf(e.errOut, "  %s: %s\n", oneLine(at), shorten(oneLine(strings.TrimPrefix(r.Reason, r.File+": ")), reasonLength))
	}
	if more := q.Count() - len(shown); more > 0 {
		fmt.Fprintf(e.errOut, "  and %d more, with their rows, in %s\n", more, oneLine(q.Path()))
	}
}

// sayNotes says what could not be read of rows that were read.
func (e *environment) sayNotes(notes *ingest.Notes) {
	for _, line := range notes.Lines() {
		fmt.Fprintln(e.errOut, oneLine(line))
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
