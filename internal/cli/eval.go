package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"akin/internal/eval"
	"akin/internal/paper"
	"akin/internal/pending"
	"akin/internal/vecfile"
)

type evalCommand struct {
	Dataset []string `arg:"" help:"Directories with corpus.jsonl, queries.jsonl (text, or paper_id) and qrels.tsv, or corpus.jsonl and labels.tsv, each also as .gz." type:"existingdir"`
	target
	Metrics  []string `help:"Metrics, such as nDCG@10, nDCG%20, R@100, MAP, MRR@10, P@10, Rprec." default:"nDCG@10,R@100,MAP,MRR"`
	RunFile  string   `name:"run" help:"Write the rankings as a TREC run." type:"path" placeholder:"FILE"`
	Score    []string `help:"Score this TREC run and ask no server; repeat the flag to compare runs with the first." type:"existingfile" placeholder:"FILE" sep:"none"`
	Baseline string   `help:"Compare with this TREC run, query by query." type:"existingfile" placeholder:"FILE"`
	PerQuery bool     `help:"Print a line for each query, as tab-separated values."`
	Sets     []string `help:"For likes: the sets to use (default: all)." placeholder:"NAME,…"`
	Sample   int      `help:"For likes: use this many of the sets, picked by chance (0: all)." placeholder:"N"`
	Given    string   `help:"For likes: how many are given, a number or a share." default:"80%"`
	Splits   int      `help:"For likes: how often each set is divided." default:"4"`
	Seed     uint64   `help:"For likes: divide and pick them in another way."`
	Corpus   string   `help:"The papers, where they are not in the directory." type:"existingfile" placeholder:"FILE"`
	Vectors  string   `help:"Ready vectors of the corpus, a .npy file with ids.txt beside it; papers without one are left out." type:"existingfile" placeholder:"FILE"`
	Strategy string   `help:"For likes: how examples become a ranking." enum:"hybrid,svm,top-mean,best-score,mean-vector" default:"hybrid"`
	modeFlags
	rerankFlag
	Resamples int  `help:"Bootstrap resamples for the 95 % intervals, and permutations of a comparison." default:"10000"`
	JSON      bool `name:"json" help:"Print the reports, and comparisons, as JSON, one a line."`
}

// Help shows examples.
func (evalCommand) Help() string {
	return `Examples:
  akin eval testdata/eval/mini
  akin eval --data /tmp/eval --metrics nDCG@10,R@100 --run hybrid.trec scifact
  akin eval --data /tmp/eval --mode lexical --baseline hybrid.trec scifact
  akin eval --score hybrid.trec --score lexical.trec --per-query scifact

Imports each data set's papers (into --data or a directory that is removed
afterwards), asks its queries through the API with exact search, and scores the
rankings as trec_eval does. Queries with a text are searches, queries with a
paper_id ask for similar papers; where a query's judged papers are its pool, only
those are ranked.

A directory with labels.tsv in place of queries is a test of recommendations.
With lines of set, paper and 1 or 0, some of each set's likes are given, and the
others should be found. With lines of set, paper, year and train or test, the
papers to train with are given.

--score reads rankings from files instead: lines of query, Q0, paper, rank, score
and tag. Of several the first is the baseline. A comparison has, for each metric,
the mean difference, its 95 % paired bootstrap interval, the two-sided p-value of
a paired permutation test, and how many queries got better, worse, or neither.`
}

// Run evaluates.
func (c evalCommand) Run(e *environment) error {
	options := eval.Options{Resamples: c.Resamples, Parallel: 2 * runtime.GOMAXPROCS(0), Complete: true}
	for _, name := range c.Metrics {
		m, err := eval.ParseMetric(name)
		if err != nil {
			return err
		}
		options.Metrics = append(options.Metrics, m)
	}
	switch {
	case len(c.Dataset) > 1 && (c.RunFile != "" || c.Baseline != "" || len(c.Score) > 0):
		return errors.New("--run, --score and --baseline are about one data set; name one")
	case c.RunFile != "" && len(c.Score) > 0:
		return errors.New("--run writes the rankings of a server, --score reads those of a file; leave one out")
	}
	for i, dir := range c.Dataset {
		if err := c.measure(e, dir, options, i == 0); err != nil {
			return fmt.Errorf("evaluate %s: %w", dir, err)
		}
	}
	return nil
}

// measure evaluates one data set, or scores runs of it, and prints what came out.
func (c evalCommand) measure(e *environment, dir string, options eval.Options, first bool) error {
	set, vectors, err := c.open(e, dir)
	if err != nil {
		return err
	}
	var baseline *eval.Report
	if c.Baseline != "" { // read early: a fault in it shall not cost an evaluation
		if baseline, err = scoreFile(c.Baseline, set, options); err != nil {
			return err
		}
	}
	var reports []*eval.Report
	for _, path := range c.Score {
		report, err := scoreFile(path, set, options)
		if err != nil {
			return err
		}
		if n := len(report.Missing); n > 0 {
			fmt.Fprintf(e.errOut, "%s lacks %d of %d queries, for example %s; they count 0\n", path, n, report.Queries, oneLine(report.Missing[0]))
		}
		reports = append(reports, report)
	}
	if len(c.Score) == 0 {
		report, seconds, err := c.evaluate(e, set, vectors, options)
		if err != nil {
			return err
		}
		report.System = "akin"
		if err := c.writeRun(report); err != nil {
			return err
		}
		defer fmt.Fprintf(e.errOut, "%d queries, %.1f ms a query\n", report.Queries, 1000*seconds/float64(max(1, report.Queries)))
		reports = append(reports, report)
	}
	return c.show(e, baseline, reports, options, first)
}

// scoreFile scores a run of a file.
func scoreFile(path string, set *eval.Dataset, options eval.Options) (*eval.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a run: %w", err)
	}
	defer f.Close()
	run, err := eval.ReadRun(f, path)
	if err != nil {
		return nil, fmt.Errorf("read a run: %w", err)
	}
	report, err := eval.Score(run, set.Qrels, options)
	if err != nil {
		return nil, fmt.Errorf("score %s: %w", path, err)
	}
	report.Dataset, report.System = set.Name, path
	return report, nil
}

func (c evalCommand) writeRun(report *eval.Report) error {
	if c.RunFile == "" {
		return nil
	}
	f, err := pending.Create(c.RunFile, 0o644)
	if err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	defer f.Abandon() //nolint:errcheck // only removes what is unfinished
	if err := errors.Join(eval.WriteRun(f, report.Run, "akin"), f.Commit()); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// comparison is what --json prints of one.
type comparison struct {
	Baseline    string            `json:"baseline"`
	System      string            `json:"system"`
	Comparisons []eval.Comparison `json:"comparisons"`
}

// show prints reports, and how they differ from a baseline or from the first.
func (c evalCommand) show(e *environment, baseline *eval.Report, reports []*eval.Report, options eval.Options, first bool) error {
	for i, report := range reports {
		if err := c.showReport(e, report, first && i == 0); err != nil {
			return err
		}
	}
	if baseline == nil {
		baseline, reports = reports[0], reports[1:]
	}
	for _, report := range reports {
		differences, err := eval.CompareAll(baseline, report, options)
		if err != nil {
			return err
		}
		if !c.JSON {
			fmt.Fprint(e.out, "\n", eval.MarkdownComparison(baseline.System, report.System, differences))
			continue
		}
		if err := printLine(e, comparison{baseline.System, report.System, differences}); err != nil {
			return err
		}
	}
	return nil
}

func (c evalCommand) showReport(e *environment, report *eval.Report, first bool) error {
	switch {
	case c.JSON:
		return printLine(e, report)
	case c.PerQuery:
		return report.WritePerQuery(e.out, first)
	case first:
		fmt.Fprint(e.out, report.MarkdownHeader())
	}
	fmt.Fprint(e.out, report.MarkdownRow())
	return nil
}

func printLine(e *environment, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	fmt.Fprintln(e.data, string(b))
	return nil
}

// evaluate runs one data set and says how long its queries took.
func (c evalCommand) evaluate(
	e *environment, set *eval.Dataset, vectors map[string][]float32, options eval.Options,
) (_ *eval.Report, seconds float64, err error) {
	at := c.target
	if at.Data == "" && at.Server == "" {
		if at.Data, err = os.MkdirTemp("", "akin-eval-"); err != nil {
			return nil, 0, fmt.Errorf("make a data directory: %w", err)
		}
		defer os.RemoveAll(at.Data)
		at.Data += "/data"
	}
	cl, err := e.connect(at, true)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	s := &evalSearcher{client: cl, set: set, vectors: vectors, strategy: strategy(c.Strategy), mode: c.mode(), fusion: c.fusion(), rerank: c.Rerank}
	if err := s.load(e); err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	report, err := eval.Evaluate(e.ctx, set, s, options)
	return report, time.Since(begin).Seconds(), err
}

// open reads a data set, and the vectors of its papers if they are ready.
func (c evalCommand) open(e *environment, dir string) (_ *eval.Dataset, vectors map[string][]float32, err error) {
	var only map[string]bool
	if c.Vectors != "" {
		if vectors, err = readVectors(c.Vectors); err != nil {
			return nil, nil, err
		}
		only = make(map[string]bool, len(vectors))
		for id := range vectors {
			only[id] = true
		}
	}
	if !eval.HasTaste(dir) {
		set, err := eval.OpenDataset(dir, c.Corpus)
		if err == nil && only != nil {
			set.Papers = slices.DeleteFunc(set.Papers, func(p paper.Paper) bool { return !only[p.ID] })
			fmt.Fprintf(e.errOut, "%d papers have a vector\n", len(set.Papers))
		}
		return set, vectors, err
	}
	set, err := eval.OpenTaste(dir, eval.TasteOptions{
		Sets: c.Sets, Given: c.Given, Splits: c.Splits, Seed: c.Seed, Sample: c.Sample, Corpus: c.Corpus, Only: only,
	})
	if err == nil && only != nil {
		fmt.Fprintf(e.errOut, "%d papers have a vector\n", len(set.Papers))
	}
	return set, vectors, err
}

// readVectors reads a .npy file and the ids beside it.
func readVectors(path string) (_ map[string][]float32, err error) {
	file, err := vecfile.OpenNPY(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	vectors := make(map[string][]float32, file.Manifest.Rows)
	for {
		id, vector, err := file.Next()
		if errors.Is(err, io.EOF) {
			return vectors, nil
		}
		if err != nil {
			return nil, err
		}
		vectors[id] = vector
	}
}
