package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"google.golang.org/grpc/metadata"

	akinv1 "akin/proto/akin/v1"
)

const (
	// facetValues is how many values of a field are shown.
	facetValues = 8
	// maxBars is how many years the chart has at most.
	maxBars = 40
	// facetAge is how old counts may be: those who type ask for the same ones again and
	// again.
	facetAge = 5 * time.Second
	// facetEntries bounds how many lists of counts are kept.
	facetEntries = 256
)

// facet is a field that a list can be narrowed by.
type facet struct {
	Name, Label string
	Values      []facetValue
	Bars        *chart // of years; nil for other fields
	Open        bool
}

type facetValue struct {
	Value, Label    string // as the papers have it, and as it is shown
	Count           int
	Take, Not, Drop string // addresses
	Taken, Excluded bool
}

// chart is a bar for each year.
type chart struct {
	Bars        []bar
	Width       int
	First, Last int
	Most        int
}

// bar is one, in units of the picture.
type bar struct {
	X, Y, Height int
	Year, Count  int
}

// Sizes of the chart, in its own units.
const barHeight, barStep = 40, 8

type facetKey struct{ who, field, filter string }

type facetEntry struct {
	at     time.Time
	counts []*akinv1.ValueCount
}

// facetCache keeps counts for a moment. They are kept for each caller apart, who may
// not see the same papers.
type facetCache struct {
	known *lru.Cache[facetKey, facetEntry]
}

func newFacetCache() (*facetCache, error) {
	known, err := lru.New[facetKey, facetEntry](facetEntries)
	return &facetCache{known}, err
}

// values counts the values of a field.
func (s *Site) values(ctx context.Context, field, filter string, limit int32) ([]*akinv1.ValueCount, error) {
	key := facetKey{field: field + strconv.Itoa(int(limit)), filter: filter}
	if md, ok := metadata.FromOutgoingContext(ctx); ok && len(md.Get("authorization")) > 0 {
		key.who = md.Get("authorization")[0]
	}
	if e, ok := s.facets.known.Get(key); ok && time.Since(e.at) < facetAge {
		return e.counts, nil
	}
	resp, err := s.client.Papers.CountValues(ctx, &akinv1.CountValuesRequest{Field: field, Filter: filter, Limit: limit})
	if err != nil {
		return nil, err
	}
	s.facets.known.Add(key, facetEntry{time.Now(), resp.GetCounts()})
	return resp.GetCounts(), nil
}

// facetsOf counts the values of all fields under the query's conditions. A field whose
// values cannot be counted is left out: the list is worth more than its facets.
func (s *Site) facetsOf(ctx context.Context, q query) []facet {
	found := make([]facet, len(facetFields))
	var wg sync.WaitGroup
	for i, f := range facetFields {
		wg.Go(func() {
			limit := int32(facetValues)
			if f.name == "year" {
				limit = 1_000
			}
			counts, err := s.values(ctx, f.name, q.filter(f.name), limit)
			if err != nil {
				return
			}
			found[i] = facet{Name: f.name, Label: f.label, Values: q.facetValues(f.name, counts)}
			found[i].Open = f.name == "category" || f.name == "year" || len(q.Take[f.name])+len(q.Not[f.name]) > 0
			if f.name == "year" {
				found[i].Bars = yearsChart(counts)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(found, func(f facet) bool { return len(f.Values) == 0 })
}

// facetValues are the values to show of a field: those that are chosen, and then the
// most frequent, years the newest first.
func (q query) facetValues(field string, counts []*akinv1.ValueCount) (out []facetValue) {
	add := func(value string, n int) {
		if slices.ContainsFunc(out, func(v facetValue) bool { return v.Value == value }) {
			return
		}
		v := facetValue{Value: value, Label: visible(clip(value, maxValue)), Count: n}
		v.Taken, v.Excluded = slices.Contains(q.Take[field], value), slices.Contains(q.Not[field], value)
		v.Drop = q.with(func(q *query) {
			q.Take[field], q.Not[field] = without(q.Take[field], value), without(q.Not[field], value)
		})
		v.Take = q.with(func(q *query) {
			q.Take[field], q.Not[field] = append(q.Take[field], value), without(q.Not[field], value)
		})
		v.Not = q.with(func(q *query) {
			q.Not[field], q.Take[field] = append(q.Not[field], value), without(q.Take[field], value)
		})
		out = append(out, v)
	}
	of := func(value string) int {
		for _, c := range counts {
			if c.GetValue() == value {
				return int(c.GetCount())
			}
		}
		return 0
	}
	for _, value := range append(slices.Clone(q.Take[field]), q.Not[field]...) {
		add(value, of(value))
	}
	if field == "year" {
		counts = slices.Clone(counts)
		slices.SortFunc(counts, func(a, b *akinv1.ValueCount) int { return cmp.Compare(yearOf(b), yearOf(a)) })
	}
	for _, c := range counts {
		if len(out) >= facetValues {
			break
		}
		add(c.GetValue(), int(c.GetCount()))
	}
	return out
}

func yearOf(c *akinv1.ValueCount) int {
	year, err := strconv.Atoi(c.GetValue())
	if err != nil {
		return 0
	}
	return year
}

// yearsChart draws how many papers there are of each year, of the newest maxBars.
func yearsChart(counts []*akinv1.ValueCount) *chart {
	of := make(map[int]int)
	c := &chart{}
	for _, v := range counts {
		if year := yearOf(v); year > 0 {
			of[year] = int(v.GetCount())
			c.Last = max(c.Last, year)
		}
	}
	if len(of) < 3 {
		return nil
	}
	c.First = c.Last
	for year := range of {
		if year > c.Last-maxBars {
			c.First = min(c.First, year)
		}
	}
	for year := c.First; year <= c.Last; year++ {
		c.Most = max(c.Most, of[year])
	}
	for year := c.First; year <= c.Last; year++ {
		b := bar{X: (year - c.First) * barStep, Year: year, Count: of[year]}
		if b.Count > 0 {
			b.Height = max(1, b.Count*barHeight/c.Most)
		}
		b.Y = barHeight - b.Height
		c.Bars = append(c.Bars, b)
	}
	c.Width = len(c.Bars) * barStep
	return c
}
