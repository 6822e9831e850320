package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"akin/internal/eval"
	"akin/internal/pending"
	"akin/internal/vecfile"
)

type evalCommand struct {
	Dataset []string `arg:"" help:"Directories with corpus.jsonl, queries.jsonl (text, or paper_id) and qrels.tsv, or corpus.jsonl and labels.tsv, each also as .gz." type:"existingdir"`
	target
	Metrics  []string `help:"Metrics, such as nDCG@10, nDCG%20, R@100, MAP, MRR@10, P@10, Rprec." default:"nDCG@10,R@100,MAP,MRR"`
	RunFile  string   `name:"run" help:"Write the rankings as a TREC run." type:"path" placeholder:"FILE"`
	Runs     string   `help:"Write the rankings of each data set into this directory, a TREC run of its name each." type:"path" placeholder:"DIR"`
	Against  string   `help:"Compare each data set with the run of its name in this directory, by the first metric." type:"existingdir" placeholder:"DIR"`
	Queries  int      `help:"Ask only this many of the queries of each data set, picked by chance (0: all)." placeholder:"N"`
	Depth    int      `help:"How many papers to ask for each query." default:"1000"`
	Score    []string `help:"Score this TREC run and ask no server; repeat the flag to compare runs with the first." type:"existingfile" placeholder:"FILE" sep:"none"`
	Baseline string   `help:"Compare with this TREC run, query by query." type:"existingfile" placeholder:"FILE"`
	PerQuery bool     `help:"Print a line for each query, as tab-separated values."`
	Sets     []string `help:"For likes: the sets to use (default: all)." placeholder:"NAME,…"`
	Sample   int      `help:"For likes: use this many of the sets, picked by chance (0: all); of tastes of several interests, make this many (0: 40)." placeholder:"N"`
	Given    string   `help:"For likes: how many are given, a number or a share; 5+1 makes tastes of several interests." default:"80%"`
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
  akin eval --data /tmp/eval --corpus abstracts.jsonl.gz --vectors abstracts.npy \
    --metrics MRR,R@10 --queries 100 --runs before known-item/*

Imports each data set's papers (into --data or a directory that is removed
afterwards), asks its queries through the API with exact search, and scores the
rankings as trec_eval does. Queries with a text are searches, queries with a
paper_id ask for similar papers; where a query's judged papers are its pool, only
those are ranked.

A directory with labels.tsv in place of queries is a test of recommendations.
With lines of set, paper and 1 or 0, some of each set's likes are given, and the
others should be found. With lines of set, paper, year and train or test, the
papers to train with are given. With --given 5+1 a taste has 5 likes of one set and
1 of another, and a paper of each should be found: I@20 is the share of tastes with
a paper of every interest in the first 20. A directory with topics.txt, a phrase a
line, makes such tastes of any corpus.

Several data sets over one --corpus share a server, whose papers are imported once;
--data keeps them. --runs writes a run for each set, --against compares with them
and prints one line a set.

--score reads rankings from files instead: lines of query, Q0, paper, rank, score
and tag. Of several the first is the baseline. A comparison has, for each metric,
the mean difference, its 95 % paired bootstrap interval, the two-sided p-value of
a paired permutation test, and how many queries got better, worse, or neither.`
}

// Run evaluates.
func (c evalCommand) Run(e *environment) (err error) {
	options := eval.Options{Resamples: c.Resamples, Parallel: 2 * runtime.GOMAXPROCS(0), Complete: true, Depth: c.Depth}
	for _, name := range c.Metrics {
		m, err := eval.ParseMetric(name)
		if err != nil {
			return err
		}
		options.Metrics = append(options.Metrics, m)
	}
	if err := c.check(); err != nil {
		return err
	}
	b := &evalBench{evalCommand: c, options: options}
	if c.Against != "" {
		b.summary = &eval.Summary{}
	}
	defer func() { err = errors.Join(err, b.close(e)) }()
	if err := b.read(e); err != nil {
		return err
	}
	for i, dir := range c.Dataset {
		if err := b.measure(e, dir, i == 0); err != nil {
			return fmt.Errorf("evaluate %s: %w", dir, err)
		}
	}
	if b.summary != nil && !c.JSON {
		fmt.Fprint(e.out, "\n", b.summary.Markdown())
	}
	return nil
}

func (c evalCommand) check() error {
	switch {
	case len(c.Dataset) > 1 && (c.RunFile != "" || c.Baseline != "" || len(c.Score) > 0):
		return errors.New("--run, --score and --baseline are about one data set; name one, or use --runs and --against")
	case (c.RunFile != "" || c.Runs != "") && len(c.Score) > 0:
		return errors.New("--run and --runs write the rankings of a server, --score reads those of a file; leave one out")
	case c.RunFile != "" && c.Runs != "":
		return errors.New("--run names a file and --runs a directory; leave one out")
	case c.Baseline != "" && c.Against != "":
		return errors.New("--baseline names a run and --against a directory of them; leave one out")
	}
	return nil
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
	path := c.RunFile
	if c.Runs != "" {
		if err := os.MkdirAll(c.Runs, 0o755); err != nil {
			return fmt.Errorf("write run: %w", err)
		}
		path = filepath.Join(c.Runs, runName(report.Dataset))
	}
	if path == "" {
		return nil
	}
	f, err := pending.Create(path, 0o644)
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
