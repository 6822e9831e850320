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

// The limits of groups.
const (
	DefaultGroupSize = 3
	MaxGroupSize     = 100
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

// checkGroups says what is wrong with the options of groups.
func (o *ResultOptions) checkGroups() error {
	if o.GroupSize < 0 || o.GroupSize > MaxGroupSize {
		return paper.InvalidField("group_size", "is %d; it must be 1 to %d (0 means %d)", o.GroupSize, MaxGroupSize, DefaultGroupSize)
	}
	if o.GroupSize == 0 {
		o.GroupSize = DefaultGroupSize
	}
	return nil
}

// grouping says which group each hit of a list is in.
type grouping struct {
	of    []int // parallel to the hits
	names []Group
}

// group puts the hits of a list into groups, and leaves out of each what is more
// than the size of a group.
func (e *asking) group(ctx context.Context, q *query, list *pinned) (err error) {
	if len(list.hits) == 0 {
		return nil
	}
	var g grouping
	switch q.options.GroupBy {
	case ByVenue:
		g, err = e.byVenue(ctx, q, list.hits)
	case ByYear:
		g, err = e.byYear(ctx, q, list.hits)
	case ByCluster:
		g, err = e.byCluster(ctx, q, list.hits)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	place := make(map[int]int32) // of groups, in the order of their first results
	var kept []rank.Hit
	a := &list.answer
	for i, h := range list.hits {
		at, ok := place[g.of[i]]
		if !ok {
			at = int32(len(a.Groups))
			place[g.of[i]] = at
			a.Groups = append(a.Groups, g.names[g.of[i]])
			a.Groups[at].Best = h.Score
		}
		group := &a.Groups[at]
		group.Best = math.Max(group.Best, h.Score)
		if group.Count++; group.Count <= q.options.GroupSize {
			kept, list.groupOf = append(kept, h), append(list.groupOf, at)
		}
	}
	list.lost.grouped = len(list.hits) - len(kept)
	list.hits = kept
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

func ordinalsOf(hits []rank.Hit) []uint32 {
	out := make([]uint32, len(hits))
	for i, h := range hits {
		out[i] = h.Ordinal
	}
	return out
}

func (e *asking) byVenue(ctx context.Context, q *query, hits []rank.Hit) (grouping, error) {
	venues, err := e.catalog.Venues(ctx, q.collection, ordinalsOf(hits))
	return byValue(venues, "no venue"), err
}

func (e *asking) byYear(ctx context.Context, q *query, hits []rank.Hit) (grouping, error) {
	dates, err := e.catalog.Dates(ctx, q.collection, ordinalsOf(hits))
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
func (e *asking) byCluster(ctx context.Context, q *query, hits []rank.Hit) (grouping, error) {
	ordinals := ordinalsOf(hits)
	vectors, err := e.catalog.VectorsAt(ctx, q.collection, ordinals)
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
	return g, e.label(ctx, q.collection, ordinals[:n], g.of[:n], g.names[:len(centroids)])
}

// label names clusters by their most characteristic words.
func (e *asking) label(ctx context.Context, collection string, ordinals []uint32, of []int, clusters []Group) error {
	terms, err := e.catalog.TermsAt(ctx, collection, ordinals)
	if err != nil {
		return err
	}
	for c, ids := range rank.Characteristic(terms, of, len(clusters)+1, labelTerms)[:len(clusters)] {
		words, err := e.catalog.TermNames(ctx, collection, ids)
		if err != nil {
			return err
		}
		clusters[c].Label = strings.Join(words, ", ")
	}
	return nil
}
