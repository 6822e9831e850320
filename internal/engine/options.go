package engine

import (
	"math"

	"akin/internal/catalog"
	"akin/internal/paper"
)

// The half-life of recency, in days.
const (
	DefaultHalfLifeDays = 365
	// MaxHalfLifeDays is that of likes as well.
	MaxHalfLifeDays = 36_500
)

// MaxEvidence is how many results a page with evidence may have: each one's
// sentences are embedded when somebody asks for them.
const MaxEvidence = 20

// The limits of groups.
const (
	DefaultGroupSize = 3
	MaxGroupSize     = 100
)

// MaxRerank is how many of the first results can be ordered anew by sentences.
const MaxRerank = 100

// check says what is wrong with the options, and fills in defaults. Evidence comes
// after the page size has its default.
func (o *ResultOptions) check() error {
	switch {
	case o.PageSize < 0:
		return paper.InvalidField("page_size", "is %d; it must not be negative (0 means %d, at most %d)", o.PageSize, DefaultPageSize, MaxPageSize)
	case o.PageSize == 0:
		o.PageSize = DefaultPageSize
	case o.PageSize > MaxPageSize:
		o.PageSize = MaxPageSize
	}
	if math.IsNaN(o.Diversity) || o.Diversity < 0 || o.Diversity > 1 {
		return paper.InvalidField("diversity", "is %v; it must be between 0, which is off, and 1", o.Diversity)
	}
	if err := checkDay(o.AsOf); err != nil {
		return err
	}
	if s := o.MinScore; s != nil && (math.IsNaN(*s) || *s < -1 || *s > 1) {
		return paper.InvalidField("min_score", "is %v; it is a cosine, between -1 and 1", *s)
	}
	if o.Evidence && o.PageSize > MaxEvidence {
		return paper.InvalidField("page_size", "is %d; with evidence the limit is %d; ask for smaller pages, or leave evidence out", o.PageSize, MaxEvidence)
	}
	if r := o.Recency; math.IsNaN(r) || r < 0 || r > 1 {
		return paper.InvalidField("recency", "is %v; it must be between 0, which is off, and 1", r)
	}
	if d := o.HalfLifeDays; math.IsNaN(d) || d < 0 || d > MaxHalfLifeDays {
		return paper.InvalidField("recency_half_life_days", "is %v; it must be above 0 and at most %d (0 means %d)", d, MaxHalfLifeDays, DefaultHalfLifeDays)
	}
	if o.GroupSize < 0 || o.GroupSize > MaxGroupSize {
		return paper.InvalidField("group_size", "is %d; it must be 1 to %d (0 means %d)", o.GroupSize, MaxGroupSize, DefaultGroupSize)
	}
	if o.GroupSize == 0 {
		o.GroupSize = DefaultGroupSize
	}
	return nil
}

// restriction says which papers count.
func (o *ResultOptions) restriction() catalog.Restriction {
	return catalog.Restriction{Filter: o.Filter, AsOf: o.AsOf}
}

// checkDay refuses what is no day; "" is none.
func checkDay(asOf string) error {
	if d, err := paper.ParseDate(asOf); asOf != "" && (err != nil || d.Day == 0 || d.Year == 0 || d.String() != asOf) {
		return paper.InvalidField("as_of", "is %.40q; write a day as YYYY-MM-DD", asOf)
	}
	return nil
}

// checkRanking says what is wrong with how a search, or more like this, is ranked,
// and with its options.
func checkRanking(mode Mode, rerank int, o *ResultOptions) error {
	if o.MinScore != nil && mode == Lexical {
		return paper.InvalidField("min_score", "is a cosine, which a lexical query does not have; leave it out, or use another mode")
	}
	if rerank < 0 || rerank > MaxRerank {
		return paper.InvalidField("rerank", "is %d; it must be between 0, which is off, and %d; ask for fewer", rerank, MaxRerank)
	}
	return o.check()
}
