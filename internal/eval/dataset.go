package eval

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"akin/internal/paper"
)

// Dataset is a test collection: papers, queries, and which papers answer them.
type Dataset struct {
	// Name heads reports, for example "cranfield".
	Name    string
	Papers  []paper.Paper
	Queries []Query
	Qrels   Qrels
}

// Source says where the papers of a data set come from.
type Source struct {
	// Corpus is the file of the papers; empty is corpus.jsonl in the directory.
	Corpus string
	// Papers are the papers themselves, read before, for several data sets over one
	// corpus; they are not changed. They go before Corpus.
	Papers []paper.Paper
	// Only are the papers to use, of the corpus and of the judgements; nil means all.
	// Queries that are left without a relevant paper, or whose own paper is left out,
	// are dropped.
	Only map[string]bool
}

// OpenDataset reads a directory that holds corpus.jsonl, queries.jsonl and
// qrels.tsv, each plain or with ".gz" at the end of its name. The directory's
// name becomes the dataset's.
//
// A paper is no answer to itself: judgements of a query paper are dropped
// (CSFCube has one). A query with a facet ranks only its judged papers, as
// CSFCube prescribes: they become its Candidates.
func OpenDataset(dir string, from Source) (*Dataset, error) {
	d := &Dataset{Name: filepath.Base(filepath.Clean(dir))}
	err := errors.Join(
		from.open(dir, &d.Papers),
		open(dir, "queries.jsonl", ReadQueries, &d.Queries),
		open(dir, "qrels.tsv", ReadQrels, &d.Qrels),
	)
	if err == nil {
		d.keep(from.Only)
		err = d.resolve()
	}
	if err != nil {
		return nil, fmt.Errorf("open dataset %s: %w", d.Name, err)
	}
	return d, nil
}

// OpenCorpus reads a file of papers, plain or gzip: those of only, or all if it is
// nil. See ReadCorpus.
func OpenCorpus(path string, only map[string]bool) ([]paper.Paper, error) {
	var papers []paper.Paper
	err := Source{Corpus: path, Only: only}.open("", &papers)
	return papers, err
}

// open gives the papers of a data set's directory, or those from elsewhere.
func (s Source) open(dir string, into *[]paper.Paper) error {
	switch {
	case s.Papers != nil:
		*into = slices.Clone(s.Papers)
	case s.Corpus != "":
		dir, name := filepath.Split(s.Corpus)
		if err := open(dir, name, ReadCorpus, into); err != nil {
			return err
		}
	default:
		if err := open(dir, "corpus.jsonl", ReadCorpus, into); err != nil {
			return err
		}
	}
	if s.Only != nil {
		*into = slices.DeleteFunc(*into, func(p paper.Paper) bool { return !s.Only[p.ID] })
	}
	return nil
}

// keep forgets judgements of all other papers, and queries that are left with
// nothing to find.
func (d *Dataset) keep(only map[string]bool) {
	if only == nil {
		return
	}
	for _, judged := range d.Qrels {
		maps.DeleteFunc(judged, func(id string, _ int) bool { return !only[id] })
	}
	d.Queries = slices.DeleteFunc(d.Queries, func(q Query) bool {
		drop := q.PaperID != "" && !only[q.PaperID] || !anyRelevant(d.Qrels[q.ID])
		if drop {
			delete(d.Qrels, q.ID)
		}
		return drop
	})
}

func anyRelevant(judged map[string]int) bool {
	for _, grade := range judged {
		if grade > 0 {
			return true
		}
	}
	return false
}

// Limit keeps n of the queries, picked by chance, in their order; 0 keeps all.
func (d *Dataset) Limit(n int, seed uint64) error {
	if n < 0 {
		return paper.InvalidField("queries", "is %d; give a number of queries, or 0 for all", n)
	}
	if n == 0 || n >= len(d.Queries) {
		return nil
	}
	picked := rand.New(rand.NewPCG(seed, streamQueries)).Perm(len(d.Queries))[:n]
	slices.Sort(picked)
	queries, qrels := make([]Query, n), make(Qrels, n)
	for at, i := range picked {
		queries[at] = d.Queries[i]
		if judged, ok := d.Qrels[queries[at].ID]; ok {
			qrels[queries[at].ID] = judged
		}
	}
	d.Queries, d.Qrels = queries, qrels
	return nil
}

// open reads a file of dir, under its name or compressed, into the target.
func open[T any](dir, name string, read func(io.Reader, string) (T, error), into *T) error {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		path += ".gz"
		f, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("%s, plain or gzip: %w", name, err)
	}
	defer f.Close()
	*into, err = read(f, path)
	return err
}

// resolve checks that ids refer to something, drops judgements of query papers
// on themselves, and sets the candidates of facets.
func (d *Dataset) resolve() error {
	papers := make(map[string]bool, len(d.Papers))
	for _, p := range d.Papers {
		papers[p.ID] = true
	}
	queries := make(map[string]bool, len(d.Queries))
	for i := range d.Queries {
		q := &d.Queries[i]
		queries[q.ID] = true
		if q.PaperID != "" && !papers[q.PaperID] {
			return paper.Invalidf("query %q asks for paper %q, which the corpus lacks", q.ID, q.PaperID)
		}
		delete(d.Qrels[q.ID], q.PaperID)
		if q.Facet != "" {
			q.Candidates = slices.Sorted(maps.Keys(d.Qrels[q.ID]))
		}
	}
	for _, query := range slices.Sorted(maps.Keys(d.Qrels)) {
		if !queries[query] {
			return paper.Invalidf("the judgements have query %q, which the queries lack", query)
		}
		for _, id := range slices.Sorted(maps.Keys(d.Qrels[query])) {
			if !papers[id] {
				return paper.Invalidf("query %q judges paper %q, which the corpus lacks", query, id)
			}
		}
	}
	return nil
}
