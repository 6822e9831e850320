package eval

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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

// OpenDataset reads a directory that holds corpus.jsonl, queries.jsonl and
// qrels.tsv, each plain or with ".gz" at the end of its name. The directory's
// name becomes the dataset's. corpus names a corpus elsewhere, or is empty.
//
// A paper is no answer to itself: judgements of a query paper are dropped
// (CSFCube has one). A query with a facet ranks only its judged papers, as
// CSFCube prescribes: they become its Candidates.
func OpenDataset(dir, corpus string) (*Dataset, error) {
	d := &Dataset{Name: filepath.Base(filepath.Clean(dir))}
	err := errors.Join(
		openCorpus(dir, corpus, &d.Papers),
		open(dir, "queries.jsonl", ReadQueries, &d.Queries),
		open(dir, "qrels.tsv", ReadQrels, &d.Qrels),
	)
	if err == nil {
		err = d.resolve()
	}
	if err != nil {
		return nil, fmt.Errorf("open dataset %s: %w", d.Name, err)
	}
	return d, nil
}

// openCorpus reads the corpus of a directory, or another file's.
func openCorpus(dir, path string, into *[]paper.Paper) error {
	if path == "" {
		return open(dir, "corpus.jsonl", ReadCorpus, into)
	}
	dir, name := filepath.Split(path)
	return open(dir, name, ReadCorpus, into)
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
