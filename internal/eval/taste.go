package eval

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
)

// LabelsFile is what makes a directory a data set for recommendations: lines of
// set, paper and 1 or 0, liked or not, separated by tabs.
const LabelsFile = "labels.tsv"

// TasteOptions say how sets of liked papers become queries.
type TasteOptions struct {
	// Sets are the sets to use; none means all. The corpus is made of their
	// papers alone.
	Sets []string
	// Given is how many likes of a set are given, the others being what should
	// be found: a number, or a share such as "80%".
	Given string
	// Splits is how often each set is divided, in another way each time; 0 is 4.
	Splits int
	// Seed makes other divisions.
	Seed uint64
}

// HasTaste says whether a directory is a data set for recommendations.
func HasTaste(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, LabelsFile))
	return err == nil
}

// OpenTaste reads a directory that holds corpus.jsonl (or .gz) and labels.tsv.
// Each division of a set's likes is a query.
func OpenTaste(dir string, opt TasteOptions) (*Dataset, error) {
	d := &Dataset{Name: filepath.Base(filepath.Clean(dir)) + ", " + opt.Given + " given", Qrels: Qrels{}}
	labels := Qrels{}
	err := errors.Join(
		open(dir, "corpus.jsonl", ReadCorpus, &d.Papers),
		open(dir, LabelsFile, ReadQrels, &labels),
	)
	if err == nil {
		err = d.divide(labels, opt)
	}
	if err != nil {
		return nil, fmt.Errorf("open dataset %s: %w", filepath.Base(filepath.Clean(dir)), err)
	}
	return d, nil
}

func (d *Dataset) divide(labels Qrels, opt TasteOptions) error {
	sets := opt.Sets
	if len(sets) == 0 {
		sets = slices.Sorted(maps.Keys(labels))
	}
	corpus := map[string]bool{}
	for _, set := range sets {
		if labels[set] == nil {
			return paper.InvalidField("sets", "names %q; there are %s", set, strings.Join(slices.Sorted(maps.Keys(labels)), ", "))
		}
		var likes []string
		for id, grade := range labels[set] {
			corpus[id] = true
			if grade > 0 {
				likes = append(likes, id)
			}
		}
		slices.Sort(likes)
		given, err := opt.given(set, len(likes))
		if err != nil {
			return err
		}
		for split := range max(opt.Splits, 1) {
			d.split(fmt.Sprintf("%s/%d", set, split+1), slices.Clone(likes), given, opt.Seed)
		}
	}
	d.Papers = slices.DeleteFunc(d.Papers, func(p paper.Paper) bool { return !corpus[p.ID] })
	return nil
}

// split makes one query.
func (d *Dataset) split(name string, likes []string, given int, seed uint64) {
	h := fnv.New64a() // so that each set is divided in its own way
	h.Write([]byte(name))
	rand.New(rand.NewPCG(seed, h.Sum64())).Shuffle(len(likes), func(i, j int) { likes[i], likes[j] = likes[j], likes[i] })
	q := Query{ID: name, Likes: slices.Sorted(slices.Values(likes[:given]))}
	d.Queries = append(d.Queries, q)
	d.Qrels[name] = map[string]int{}
	for _, id := range likes[given:] {
		d.Qrels[name][id] = 1
	}
}

// given is how many of n likes are given: at least one, and not all.
func (o TasteOptions) given(set string, n int) (int, error) {
	text, share := strings.CutSuffix(o.Given, "%")
	x, err := strconv.Atoi(text)
	if err != nil || x < 1 || share && x > 99 {
		return 0, paper.InvalidField("given", "is %q; write a number of likes, such as 5, or a share of them, such as 80%%", o.Given)
	}
	if share {
		x = (n*x + 50) / 100
	}
	if n < 2 {
		return 0, paper.InvalidField("sets", "has %q, which has %d likes; at least 2 are needed", set, n)
	}
	return min(max(x, 1), n-1), nil
}
