package engine

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"akin/internal/paper"
	"akin/internal/rank"
)

// GroupBy is what results are grouped by.
type GroupBy int

// What results can be grouped by.
const (
	NoGroups GroupBy = iota
	ByVenue
	ByYear
	// ByCluster groups papers that are about the same (rank.Clusters).
	ByCluster
)

const (
	// clustered is how many of the first results make the clusters; the others
	// join the nearest one.
	clustered = 200
	// labelTerms is how many words name a cluster.
	labelTerms = 3
)

// Group is results that have something in common.
type Group struct {
	// Key tells groups of one answer apart.
	Key string
	// Label is for people.
	Label string
	// Count is how many results of the list it has, with those that the size of
	// a group leaves out.
	Count int
	// Best is the highest score of its results.
	Best float64
}

// grouping says which group each hit of a list is in.
type grouping struct {
	of    []int // parallel to the hits
	names []Group
}

// group puts the hits of a list into groups, and leaves out of each what is more
// than the size of a group.
func (a *asking) group(ctx context.Context, d *draft) (err error) {
	if len(d.hits) == 0 {
		return nil
	}
	var g grouping
	switch d.query.options.GroupBy {
	case ByVenue:
		g, err = a.byVenue(ctx, d.hits)
	case ByYear:
		g, err = a.byYear(ctx, d.hits)
	case ByCluster:
		g, err = a.byCluster(ctx, d.hits)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	place := make(map[int]int32) // of groups, in the order of their first results
	var kept []rank.Hit
	groups := d.answer.Groups
	for i, h := range d.hits {
		at, ok := place[g.of[i]]
		if !ok {
			at = int32(len(groups))
			place[g.of[i]] = at
			groups = append(groups, g.names[g.of[i]])
			groups[at].Best = h.Score
		}
		group := &groups[at]
		group.Best = math.Max(group.Best, h.Score)
		if group.Count++; group.Count <= d.query.options.GroupSize {
			kept, d.groupOf = append(kept, h), append(d.groupOf, at)
		}
	}
	d.answer.Groups = groups
	d.tally.ungrouped = len(d.hits) - len(kept)
	d.hits = kept
	return nil
}

// byValue groups by a text that papers have, and names the group of those that
// have none.
func byValue(values []string, none string) grouping {
	g := grouping{of: make([]int, len(values))}
	at := make(map[string]int)
	for i, v := range values {
		n, ok := at[v]
		if !ok {
			n = len(g.names)
			at[v] = n
			g.names = append(g.names, Group{Key: v, Label: v})
			if v == "" {
				g.names[n].Label = none
			}
		}
		g.of[i] = n
	}
	return g
}

func (a *asking) byVenue(ctx context.Context, hits []rank.Hit) (grouping, error) {
	venues, err := a.attributes().Venues(ctx, refsOf(hits))
	return byValue(venues, "no venue"), err
}

func (a *asking) byYear(ctx context.Context, hits []rank.Hit) (grouping, error) {
	dates, err := a.attributes().Dates(ctx, refsOf(hits))
	years := make([]string, len(dates))
	for i, d := range dates {
		if d.Year != 0 {
			years[i] = strconv.Itoa(d.Year)
		}
	}
	return byValue(years, "no year"), err
}

// byCluster groups by what papers are about. Papers that were deleted since they
// were found are a group of their own.
func (a *asking) byCluster(ctx context.Context, hits []rank.Hit) (grouping, error) {
	refs := refsOf(hits)
	vectors, err := a.view.Vectors(ctx, refs)
	if err != nil {
		return grouping{}, err
	}
	first := slices.DeleteFunc(slices.Clone(vectors[:min(clustered, len(vectors))]), func(v []float32) bool { return v == nil })
	centroids := rank.Clusters(first, rank.ClusterCount(len(first)))
	g := grouping{of: make([]int, len(hits)), names: make([]Group, len(centroids)+1)}
	g.names[len(centroids)].Label = "deleted"
	// Keys number the clusters in the order of their best results.
	next := 0
	for i, v := range vectors {
		at := len(centroids)
		if v != nil && len(centroids) > 0 {
			at = rank.Nearest(v, centroids)
		}
		if g.of[i] = at; g.names[at].Key == "" {
			next++
			g.names[at].Key = strconv.Itoa(next)
		}
	}
	n := min(clustered, len(hits))
	return g, a.label(ctx, refs[:n], g.of[:n], g.names[:len(centroids)])
}

// label names clusters by their most characteristic words; where the catalog tells
// no words, by their keys.
func (a *asking) label(ctx context.Context, refs []paper.Ref, of []int, clusters []Group) error {
	c, ok := a.terms()
	if !ok {
		for i := range clusters {
			clusters[i].Label = clusters[i].Key
		}
		return nil
	}
	terms, err := c.Terms(ctx, refs)
	if err != nil {
		return err
	}
	for i, ids := range rank.Characteristic(terms, of, len(clusters)+1, labelTerms)[:len(clusters)] {
		words, err := c.TermNames(ctx, ids)
		if err != nil {
			return err
		}
		clusters[i].Label = strings.Join(words, ", ")
	}
	return nil
}
