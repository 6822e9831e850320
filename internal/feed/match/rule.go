package match

import (
	"cmp"
	"slices"

	"akin/internal/catalog"
	"akin/internal/feed"
	"akin/internal/filter"
	"akin/internal/paper"
	"akin/internal/vec"
)

// BM25's constants, as searches have them.
const (
	k1 = 1.5
	b  = 0.75
)

// Paper is a paper as feeds look at it.
type Paper struct {
	// Ref names it, Sequence is its change, and Fields are the parts that changed.
	paper.Ref
	Sequence uint64
	Fields   paper.Fields
	// Vector is float32 [dim], unit length; nil for a paper that has none.
	Vector []float32
	Counts catalog.Counted
	// Record may be nil as long as nobody asks for authors or a filter; read gets it then.
	Record *paper.Record
}

// Rule is a feed as papers are held against it. What it says never changes.
type Rule struct {
	Feed        feed.Feed
	Calibration *feed.Calibration

	filter *filter.Filter
	// reads are the parts of a paper of which one must have changed.
	reads paper.Fields
	names []name
	// most is more than the words of any paper count.
	most float64

	// inBasis is the vector in a basis, set by the one goroutine that has the set.
	basis   *Basis
	inBasis *turned
}

// Compile makes a rule. The filter of a feed that is kept always parses; that of one which
// does not is an error.
func Compile(f feed.Feed, c *feed.Calibration) (*Rule, error) {
	keep, err := filter.Parse(f.Filter)
	if err != nil {
		return nil, err
	}
	r := &Rule{Feed: f, Calibration: c, filter: keep, reads: paper.FieldText | keep.Reads()}
	for _, t := range c.Terms {
		r.most += t.Weight
	}
	if len(f.Query.Authors) > 0 {
		r.reads = paper.FieldAuthors | keep.Reads()
		for _, text := range f.Query.Authors {
			if n := readName(text); n.family != "" {
				r.names = append(r.names, n)
			}
		}
	}
	return r, nil
}

// Hit is a paper that a feed matches.
type Hit struct {
	Rule *Rule
	// Paper is its position in the batch.
	Paper           int
	Score           float64
	Cosine, Lexical float64
	// Author is the feed's name of the author that brought it; "" for other feeds.
	Author string
}

// terms says which numbers the names of terms have.
type terms map[string]uint32

// lexical is what the words of a paper count for the rule, added up in the order of the
// rule's terms. known are their numbers by their names.
func (r *Rule) lexical(p *Paper, known terms) float64 {
	sum := 0.0
	for _, t := range r.Calibration.Terms {
		id, ok := known[t.Name]
		if !ok {
			continue
		}
		at, found := slices.BinarySearchFunc(p.Counts.Terms, id, func(c catalog.TermCount, id uint32) int { return cmp.Compare(c.ID, id) })
		if found {
			sum += r.counts(t.Weight, p.Counts.Terms[at].Count, p)
		}
	}
	return sum
}

// counts is what a word counts that a paper has some times.
func (r *Rule) counts(weight float64, count uint32, p *Paper) float64 {
	return float64(weight * saturated(count, p.Counts.Length, r.Calibration.AverageLength))
}

// saturated is how much a term counts that a paper has some times: never 1.
func saturated(count, length uint32, average float64) float64 {
	tf := float64(count)
	return tf / (tf + k1*(1-b+b*float64(length)/max(average, 1)))
}

// decides holds a paper, whose words count lexical, against the rule. read gives its
// record.
func (r *Rule) decides(p *Paper, lexical float64, read func() *paper.Record) (h Hit, ok bool) {
	if !r.open(p) {
		return h, false
	}
	if len(r.Feed.Query.Authors) > 0 {
		return r.byAuthor(read())
	}
	c := r.Calibration
	if c.Semantic != 0 {
		if len(p.Vector) != len(c.Vector) {
			return h, false
		}
		h.Cosine = float64(vec.Dot(c.Vector, p.Vector))
	}
	if c.Lexical != 0 {
		h.Lexical = lexical
	}
	h.Score = float64(c.Semantic*h.Cosine) + float64(c.Lexical*h.Lexical) + c.Offset
	if h.Score < c.Threshold || c.Semantic == 0 && h.Lexical == 0 {
		return h, false
	}
	h.Rule = r
	return h, r.keeps(read)
}

// open says whether the rule looks at a paper at all.
func (r *Rule) open(p *Paper) bool {
	return r.Calibration.Waits == feed.WaitsForNothing && p.Sequence > r.Feed.Since && p.Fields&r.reads != 0 && p.ID != r.Feed.Query.PaperID
}

func (r *Rule) keeps(read func() *paper.Record) bool {
	if r.filter.All() {
		return true
	}
	record := read()
	return record != nil && r.filter.Match(record)
}

// byAuthor looks for the first of the paper's authors that is one of the feed's.
func (r *Rule) byAuthor(record *paper.Record) (h Hit, ok bool) {
	if record == nil || !r.filter.Match(record) {
		return h, false
	}
	for i := range record.Authors {
		n := readName(record.Authors[i].Name)
		for j := range r.names {
			if r.names[j].same(&n) {
				return Hit{Rule: r, Score: 1, Author: r.names[j].shown}, true
			}
		}
	}
	return h, false
}

// Match is what matching means: it says whether one paper, whose record is there, matches.
// known are the numbers of the rule's terms by their names.
func (r *Rule) Match(p *Paper, known map[string]uint32) (Hit, bool) {
	return r.decides(p, r.lexical(p, known), func() *paper.Record { return p.Record })
}
