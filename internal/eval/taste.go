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

// LabelsFile is what makes a directory a data set for recommendations. Its lines
// have one of two forms, separated by tabs: set, paper and 1 or 0, liked or not;
// or set, paper, year and train or test, where those to train with are given and
// the others should be found.
const LabelsFile = "labels.tsv"

// TasteOptions say how sets of liked papers become queries.
type TasteOptions struct {
	// Sets are the sets to use; none means all. The corpus is made of their
	// papers alone.
	Sets []string
	// Given is how many likes of a set are given, the others being what should
	// be found: a number, or a share such as "80%". "5+1" makes tastes of several
	// interests: of that many likes of each of two sets, or topics.
	Given string
	// Splits is how often each set is divided, in another way each time; 0 is 4.
	Splits int
	// Seed makes other divisions, and another sample.
	Seed uint64
	// Sample is how many sets to take, by chance, of those that are to be used; 0
	// takes all. Of tastes of several interests it is how many to make; 0 makes 40.
	Sample int
	// Source are the papers. Sets that Only leaves with nothing to give or to find
	// are dropped.
	Source
}

// HasTaste says whether a directory is a data set for recommendations.
func HasTaste(dir string) bool { return has(dir, LabelsFile) || has(dir, TopicsFile) }

func has(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// OpenTaste reads a directory with labels.tsv and corpus.jsonl (or .gz). Where
// the labels say what is given, each set is a query and the corpus are all
// papers; otherwise each division of a set's likes is one, and the corpus are
// the papers of the sets. A directory with topics.txt in place of labels makes
// tastes of several interests from any corpus.
func OpenTaste(dir string, opt TasteOptions) (*Dataset, error) {
	d := &Dataset{Name: filepath.Base(filepath.Clean(dir)), Qrels: Qrels{}}
	if !has(dir, LabelsFile) {
		return d, d.openTopics(dir, opt)
	}
	labels := &labels{}
	err := errors.Join(
		opt.open(dir, &d.Papers),
		open(dir, LabelsFile, readLabels, &labels),
	)
	if err == nil {
		err = d.taste(labels, opt)
	}
	if err != nil {
		return nil, fmt.Errorf("open dataset %s: %w", filepath.Base(filepath.Clean(dir)), err)
	}
	return d, nil
}

// openTopics reads topics, and makes tastes of several of them.
func (d *Dataset) openTopics(dir string, opt TasteOptions) error {
	var phrases []string
	likes, err := interests(opt.Given)
	if err == nil && likes == nil {
		err = paper.InvalidField("given", "is %q; with %s, write how many likes there are of each interest, such as 5+1", opt.Given, TopicsFile)
	}
	if err == nil {
		err = errors.Join(opt.open(dir, &d.Papers), open(dir, TopicsFile, readTopics, &phrases))
	}
	if err == nil {
		err = d.sessions(topicsOf(phrases, d.Papers), likes, opt)
	}
	if err != nil {
		return fmt.Errorf("open dataset %s: %w", d.Name, err)
	}
	return nil
}

// taste makes queries of the labels.
func (d *Dataset) taste(l *labels, opt TasteOptions) error {
	if opt.Only != nil {
		l.keep(opt.Only)
	}
	likes, err := interests(opt.Given)
	if err != nil {
		return err
	}
	chosen := opt
	if likes != nil {
		chosen.Sample = 0 // it is of sessions, not of sets
	}
	sets, err := chosen.choose(l)
	if err != nil {
		return err
	}
	switch {
	case likes != nil:
		return d.interested(l, sets, likes, opt)
	case l.divided:
		return d.divided(l, sets)
	}
	d.Name += ", " + opt.Given + " given"
	return d.divide(l, sets, opt)
}

// choose gives the sets to use, sorted.
func (o TasteOptions) choose(l *labels) ([]string, error) {
	all := slices.Sorted(maps.Keys(l.sets))
	sets := slices.Clone(o.Sets)
	if len(sets) == 0 {
		sets = all
	}
	for _, set := range sets {
		if l.sets[set] == nil {
			known := strings.Join(all[:min(len(all), 20)], ", ")
			if len(all) > 20 {
				known += fmt.Sprintf(" and %d more", len(all)-20)
			}
			return nil, paper.InvalidField("sets", "names %q; there are %s", set, known)
		}
	}
	if o.Sample < 0 {
		return nil, paper.InvalidField("sample", "is %d; give a number of sets, or 0 for all", o.Sample)
	}
	if o.Sample > 0 && o.Sample < len(sets) {
		rand.New(rand.NewPCG(o.Seed, streamSample)).Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		sets = sets[:o.Sample]
	}
	slices.Sort(sets)
	return slices.Compact(sets), nil
}

// divided makes a query of each set: some papers are given, the others should be
// found.
func (d *Dataset) divided(l *labels, sets []string) error {
	corpus := make(map[string]bool, len(d.Papers))
	for i := range d.Papers {
		corpus[d.Papers[i].ID] = true
	}
	for _, set := range sets {
		q := Query{ID: set}
		d.Qrels[set] = map[string]int{}
		for _, x := range l.sets[set] {
			if !corpus[x.paper] {
				return paper.Invalidf("set %q has paper %q, which the corpus lacks", set, x.paper)
			}
			if x.given {
				q.Likes = append(q.Likes, x.paper)
			} else {
				d.Qrels[set][x.paper] = 1
			}
		}
		slices.Sort(q.Likes)
		d.Queries = append(d.Queries, q)
	}
	return nil
}

// interested makes tastes of several sets.
func (d *Dataset) interested(l *labels, sets []string, likes []int, opt TasteOptions) error {
	d.onlyOf(l, sets)
	return d.sessions(l.topics(sets), likes, opt)
}

// onlyOf leaves out the papers of no set.
func (d *Dataset) onlyOf(l *labels, sets []string) {
	corpus := map[string]bool{}
	for _, set := range sets {
		for _, x := range l.sets[set] {
			corpus[x.paper] = true
		}
	}
	d.Papers = slices.DeleteFunc(d.Papers, func(p paper.Paper) bool { return !corpus[p.ID] })
}

func (d *Dataset) divide(l *labels, sets []string, opt TasteOptions) error {
	for _, set := range sets {
		var likes []string
		for _, x := range l.sets[set] {
			if x.liked {
				likes = append(likes, x.paper)
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
	d.onlyOf(l, sets)
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
