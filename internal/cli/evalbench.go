package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"akin/internal/client"
	"akin/internal/eval"
	"akin/internal/paper"
)

// evalBench measures data sets one after the other. What they share is read, started
// and imported once: the corpus, its vectors, and the server that has them.
type evalBench struct {
	evalCommand
	options eval.Options
	// papers are those of --corpus, nil without; vectors those of --vectors, and only
	// has their ids.
	papers  []paper.Paper
	vectors map[string][]float32
	only    map[string]bool
	// client asks the server that has the papers of loaded; scratch is its data
	// directory, if that is to be removed.
	client  *client.Client
	loaded  []paper.Paper
	scratch string
	// summary has a line for each data set, if there are earlier runs.
	summary *eval.Summary
}

// read reads what data sets share.
func (b *evalBench) read(e *environment) (err error) {
	if b.Vectors != "" {
		if b.vectors, err = readVectors(b.Vectors); err != nil {
			return err
		}
		b.only = make(map[string]bool, len(b.vectors))
		for id := range b.vectors {
			b.only[id] = true
		}
	}
	if b.Corpus == "" {
		return nil
	}
	if b.papers, err = eval.OpenCorpus(b.Corpus, b.only); err != nil {
		return err
	}
	if b.only != nil {
		fmt.Fprintf(e.errOut, "%d papers have a vector\n", len(b.papers))
	}
	return nil
}

// measure evaluates one data set, or scores runs of it, and prints what came out.
func (b *evalBench) measure(e *environment, dir string, first bool) error {
	set, err := b.open(dir)
	if err != nil {
		return err
	}
	baseline, err := b.baseline(e, set) // read early: a fault in it shall not cost an evaluation
	if err != nil {
		return err
	}
	reports, err := b.scoreFiles(e, set)
	if err != nil {
		return err
	}
	if len(b.Score) == 0 {
		report, seconds, err := b.evaluate(e, set)
		if err != nil {
			return err
		}
		report.System = "akin"
		if err := b.writeRun(report); err != nil {
			return err
		}
		defer fmt.Fprintf(e.errOut, "%d queries, %.1f ms a query\n", report.Queries, 1000*seconds/float64(max(1, report.Queries)))
		reports = append(reports, report)
	}
	if b.summary != nil {
		return b.summarise(e, baseline, reports[0], first)
	}
	return b.show(e, baseline, reports, b.options, first)
}

// summarise prints a report, and keeps the line that compares it with the earlier run.
func (b *evalBench) summarise(e *environment, baseline, report *eval.Report, first bool) error {
	if err := b.showReport(e, report, first); err != nil {
		return err
	}
	line, err := b.summary.Add(baseline, report, b.options)
	if err == nil && b.JSON {
		err = printLine(e, line)
	}
	return err
}

// baseline reads the run to compare with; nil if there is none.
func (b *evalBench) baseline(e *environment, set *eval.Dataset) (*eval.Report, error) {
	path := b.Baseline
	if b.Against != "" {
		path = filepath.Join(b.Against, runName(set.Name))
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // no earlier run is no error
		}
	}
	if path == "" {
		return nil, nil //nolint:nilnil // nothing to compare with is no error
	}
	report, err := scoreFile(path, set, b.options)
	if err == nil {
		warnMissing(e, path, report)
	}
	return report, err
}

func (b *evalBench) scoreFiles(e *environment, set *eval.Dataset) (reports []*eval.Report, err error) {
	for _, path := range b.Score {
		report, err := scoreFile(path, set, b.options)
		if err != nil {
			return nil, err
		}
		warnMissing(e, path, report)
		reports = append(reports, report)
	}
	return reports, nil
}

func warnMissing(e *environment, path string, report *eval.Report) {
	if n := len(report.Missing); n > 0 {
		fmt.Fprintf(e.errOut, "%s lacks %d of %d queries, for example %s; they count 0\n", path, n, report.Queries, oneLine(report.Missing[0]))
	}
}

// open reads a data set.
func (b *evalBench) open(dir string) (set *eval.Dataset, err error) {
	from := eval.Source{Papers: b.papers, Only: b.only}
	if eval.HasTaste(dir) {
		set, err = eval.OpenTaste(dir, eval.TasteOptions{
			Sets: b.Sets, Given: b.Given, Splits: b.Splits, Seed: b.Seed, Sample: b.Sample, Source: from,
		})
	} else {
		set, err = eval.OpenDataset(dir, from)
	}
	if err == nil {
		err = set.Limit(b.Queries, b.Seed)
	}
	return set, err
}

// evaluate runs one data set and says how long its queries took.
func (b *evalBench) evaluate(e *environment, set *eval.Dataset) (_ *eval.Report, seconds float64, err error) {
	s := &evalSearcher{
		set: set, vectors: b.vectors, strategy: strategy(b.Strategy), mode: b.mode(), fusion: b.fusion(), rerank: b.Rerank,
	}
	if err := b.serve(e, s); err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	report, err := eval.Evaluate(e.ctx, set, s, b.options)
	return report, time.Since(begin).Seconds(), err
}

// serve sees to it that a server has the papers of a data set. One that is already
// there, of the same corpus, is asked again. A server that nobody named has the papers
// of one corpus alone.
func (b *evalBench) serve(e *environment, s *evalSearcher) error {
	named := b.Data != "" || b.Server != ""
	if b.client != nil && !named && !samePapers(b.loaded, s.set.Papers) {
		if err := b.close(e); err != nil {
			return err
		}
	}
	if b.client == nil {
		at := b.target
		if !named {
			var err error
			if b.scratch, err = os.MkdirTemp("", "akin-eval-"); err != nil {
				return fmt.Errorf("make a data directory: %w", err)
			}
			at.Data = b.scratch + "/data"
		}
		var err error
		if b.client, err = e.connect(at, true); err != nil {
			return err
		}
	}
	s.client = b.client
	if samePapers(b.loaded, s.set.Papers) {
		return nil
	}
	b.loaded = s.set.Papers
	return s.load(e)
}

// close stops the server, and removes what it kept if nobody named a place for it.
func (b *evalBench) close(e *environment) error {
	var err error
	if b.client != nil {
		err = e.close()
	}
	if b.scratch != "" {
		err = errors.Join(err, os.RemoveAll(b.scratch))
	}
	b.client, b.loaded, b.scratch = nil, nil, ""
	return err
}

// samePapers says whether two lists are of the same papers in the same order.
func samePapers(a, b []paper.Paper) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID || a[i].Title != b[i].Title || a[i].Abstract != b[i].Abstract {
			return false
		}
	}
	return true
}

// runName is the name of a data set's run in a directory of runs.
func runName(dataset string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '+' {
			return r
		}
		return '-'
	}, strings.ToLower(dataset))
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	return strings.Trim(name, "-") + ".trec"
}
