package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	"akin/internal/eval"
	"akin/internal/rpc/wire"
	akinv1 "akin/proto/akin/v1"
)

type evalCommand struct {
	Dataset []string `arg:"" help:"Directories with corpus.jsonl, queries.jsonl (text, or paper_id) and qrels.tsv, each also as .gz." type:"existingdir"`
	target
	Metrics  []string `help:"Metrics, such as nDCG@10, nDCG%20, R@100, MAP, MRR@10, P@10, Rprec." default:"nDCG@10,R@100,MAP,MRR"`
	RunFile  string   `name:"run" help:"Write the rankings as a TREC run." type:"path" placeholder:"FILE"`
	Sets     []string `help:"For likes: the sets to use (default: all)." placeholder:"NAME,…"`
	Given    string   `help:"For likes: how many are given, a number or a share." default:"80%"`
	Splits   int      `help:"For likes: how often each set is divided." default:"4"`
	Seed     uint64   `help:"For likes: divide them in another way."`
	Strategy string   `help:"For likes: how examples become a ranking." enum:"hybrid,top-mean,best-score,mean-vector" default:"hybrid"`
	modeFlags
	rerankFlag
	Resamples int  `help:"Bootstrap resamples for the 95 % intervals." default:"10000"`
	JSON      bool `name:"json" help:"Print the reports as JSON."`
}

// Help shows examples.
func (evalCommand) Help() string {
	return `Examples:
  akin eval testdata/eval/mini
  akin eval --data /tmp/eval --metrics nDCG@10,R@100 --run out.trec scifact

Imports each data set's papers (into --data or a directory that is removed
afterwards), asks its queries through the API with exact search, and scores the
rankings as trec_eval does. Queries with a text are searches, queries with a
paper_id ask for similar papers; where a query's judged papers are its pool, only
those are ranked. A directory with labels.tsv (set, paper, 1 or 0) in place of
queries is a test of recommendations: some of each set's likes are given, the
others should be found.`
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
	if c.RunFile != "" && len(c.Dataset) > 1 {
		return errors.New("--run takes the rankings of one data set; name one")
	}
	for i, dir := range c.Dataset {
		report, seconds, err := c.evaluate(e, dir, options)
		if err != nil {
			return fmt.Errorf("evaluate %s: %w", dir, err)
		}
		if err := c.show(e, report, seconds, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func (c evalCommand) show(e *environment, report *eval.Report, seconds float64, first bool) error {
	if c.RunFile != "" {
		f, err := renameio.NewPendingFile(c.RunFile, renameio.WithPermissions(0o644))
		if err != nil {
			return fmt.Errorf("write run: %w", err)
		}
		defer f.Cleanup() //nolint:errcheck // only removes what is unfinished
		if err := errors.Join(eval.WriteRun(f, report.Run, "akin"), f.CloseAtomicallyReplace()); err != nil {
			return fmt.Errorf("write run: %w", err)
		}
	}
	if c.JSON {
		b, err := json.Marshal(report)
		if err != nil {
			return fmt.Errorf("print report: %w", err)
		}
		fmt.Fprintln(e.out, string(b))
		return nil
	}
	if first {
		fmt.Fprint(e.out, report.MarkdownHeader())
	}
	fmt.Fprint(e.out, report.MarkdownRow("akin"))
	fmt.Fprintf(e.errOut, "%d queries, %.1f ms a query\n", report.Queries, 1000*seconds/float64(max(1, report.Queries)))
	return nil
}

// evaluate runs one data set and says how long its queries took.
func (c evalCommand) evaluate(e *environment, dir string, options eval.Options) (_ *eval.Report, seconds float64, err error) {
	set, err := c.open(dir)
	if err != nil {
		return nil, 0, err
	}
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
	s := &evalSearcher{client: cl, set: set, strategy: strategy(c.Strategy), mode: c.mode(), fusion: c.fusion(), rerank: c.Rerank}
	if err := s.load(e); err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	report, err := eval.Evaluate(e.ctx, set, s, options)
	return report, time.Since(begin).Seconds(), err
}

func (c evalCommand) open(dir string) (*eval.Dataset, error) {
	if eval.HasTaste(dir) {
		return eval.OpenTaste(dir, eval.TasteOptions{Sets: c.Sets, Given: c.Given, Splits: c.Splits, Seed: c.Seed})
	}
	return eval.OpenDataset(dir)
}

// evalSearcher answers the queries of a data set through the API.
type evalSearcher struct {
	client *client.Client
	set    *eval.Dataset

	strategy akinv1.RecommendStrategy
	mode     akinv1.Mode
	fusion   akinv1.Fusion
	rerank   int32
	// collapse is whether versions become one result: never, since each was
	// judged on its own.
	collapse bool
}

// load imports the papers of a data set. Papers that have no text cannot be
// found, as they could not by a user; it says how many.
func (s *evalSearcher) load(e *environment) error {
	papers := s.set.Papers
	p := e.newProgress("importing", func() (int, error) { return len(papers), nil })
	i, refused := 0, 0
	err := s.client.Import(e.ctx, func(context.Context) (*akinv1.ImportPapersRequest, error) {
		if i == len(papers) {
			return nil, io.EOF
		}
		i++
		return &akinv1.ImportPapersRequest{Paper: wire.ToPaper(&papers[i-1])}, nil
	}, func(resp *akinv1.ImportPapersResponse) error {
		for _, o := range resp.GetOutcomes() {
			if o.GetError() != nil {
				refused++
			}
		}
		if p.bar != nil {
			p.set(int(resp.GetAcknowledgedCount()), "")
		}
		return nil
	})
	p.finish()
	if refused > 0 {
		fmt.Fprintf(e.errOut, "%d of %d papers have no text and cannot be found\n", refused, len(papers))
	}
	return err
}

// Search implements eval.Searcher.
func (s *evalSearcher) Search(ctx context.Context, q eval.Query, k int) ([]eval.Scored, error) {
	switch {
	case q.Text != "":
		resp, err := s.client.Search.Search(ctx, &akinv1.SearchRequest{Query: q.Text, PageSize: int32(k), Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank, ReadMask: onlyIDs(), CollapseVersions: &s.collapse})
		return scored(resp.GetResults()), err
	case len(q.Likes) > 0:
		req := &akinv1.RecommendRequest{PageSize: int32(k), Exact: true, Strategy: s.strategy, ReadMask: onlyIDs(), CollapseVersions: &s.collapse}
		for _, id := range q.Likes {
			req.Positive = append(req.Positive, &akinv1.Example{Example: &akinv1.Example_PaperId{PaperId: id}})
		}
		resp, err := s.client.Search.Recommend(ctx, req)
		return scored(resp.GetResults()), err
	case len(q.Candidates) > 0:
		return s.pool(ctx, q)
	default:
		resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
			PaperIds: []string{q.PaperID}, PageSize: int32(k), Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank, ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		})
		return scored(resp.GetResults()), err
	}
}

func onlyIDs() *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: []string{"id"}} }

func scored(results []*akinv1.Result) []eval.Scored {
	out := make([]eval.Scored, len(results))
	for i, r := range results {
		out[i] = eval.Scored{ID: r.GetPaper().GetId(), Score: r.GetScore()}
	}
	return out
}

// mostPool is how many ids a filter can name.
const mostPool = 255

// pool ranks only the papers that were judged for a query: by a filter, or, where
// they are too many for one, by leaving the others out of a long list.
func (s *evalSearcher) pool(ctx context.Context, q eval.Query) ([]eval.Scored, error) {
	if len(q.Candidates) > mostPool {
		resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
			PaperIds: []string{q.PaperID}, PageSize: 1000, Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank, ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		})
		return eval.Condense(scored(resp.GetResults()), q.Candidates), err
	}
	var ids strings.Builder
	for i, id := range q.Candidates {
		if i > 0 {
			ids.WriteString(" OR ")
		}
		ids.WriteString(strconv.Quote(id))
	}
	resp, err := s.client.Search.Similar(ctx, &akinv1.SimilarRequest{
		PaperIds: []string{q.PaperID}, PageSize: 1000, Exact: true, Mode: s.mode, Fusion: s.fusion, Rerank: s.rerank, ReadMask: onlyIDs(), CollapseVersions: &s.collapse,
		Filter: "id = (" + ids.String() + ")",
	})
	return scored(resp.GetResults()), err
}
