package weaviate

import (
	"context"
	"fmt"
	"slices"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"akin/internal/catalog"
	"akin/internal/lexical"
	"akin/internal/paper"
)

// Parse implements catalog.Syntax.
func (v *view) Parse(text string) (catalog.TypedQuery, error) {
	if err := lexical.CheckText(text); err != nil {
		return catalog.TypedQuery{}, err
	}
	asked, excluded := lexical.Split(text)
	return catalog.TypedQuery{Asked: asked, Excluded: excluded, Loose: lexical.Loosened(text)}, nil
}

// Operators implements catalog.Syntax.
func (v *view) Operators(text string) (some, long bool) { return lexical.Operators(text) }

// The facets of what papers are named by beside their ids.
const (
	facetArxiv = "arxiv key"
	facetDOI   = "doi key"
)

// namesOf are the facets that a paper is named by.
func namesOf(p *paper.Paper) (facets []string) {
	for _, text := range []string{p.ID, p.ArxivID, p.DOI} {
		facets = append(facets, named(text)...)
	}
	return facets
}

func named(text string) (facets []string) {
	if key := paper.ArxivKey(text); key != "" {
		facets = append(facets, facet(facetArxiv, "", key))
	}
	if key := paper.DOIKey(text); key != "" {
		facets = append(facets, facet(facetDOI, "", key))
	}
	return facets
}

// Identify implements catalog.Namer.
func (v *view) Identify(ctx context.Context, names []string) ([]string, error) {
	var asked []string
	for _, name := range names {
		if paper.ValidateID(name) == nil {
			asked = append(asked, name)
		}
	}
	there, err := v.named(ctx, asked, false)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(names))
	err = each(ctx, len(names), func(ctx context.Context, i int) (err error) {
		if out[i] = names[i]; there[names[i]] == nil {
			out[i], err = v.identify(ctx, names[i])
		}
		return err
	})
	return out, err
}

// mostNamed is how many papers one name may mean.
const mostNamed = 256

// identify finds what a name means that is nobody's id: the paper of the version that it
// names, or the first in order of id.
func (v *view) identify(ctx context.Context, name string) (id string, err error) {
	facets := named(name)
	if len(facets) == 0 {
		return "", nil
	}
	var records []*paper.Record
	err = v.moment(ctx, func(ids moved, was map[string]*version) error {
		results, err := v.c.search(ctx, &pb.SearchRequest{
			Filters: ids.without(anyOf(propFacets, facets)), Limit: mostNamed, Properties: properties(propID, propKey, propRecord),
			Metadata: &pb.MetadataRequest{Uuid: true}, SortBy: []*pb.SortBy{{Ascending: true, Path: []string{propKey}}},
		})
		records = records[:0]
		for _, r := range ids.drop(results) {
			found, err := versionOf(r)
			if err != nil {
				return err
			}
			records = append(records, found.Record.record())
		}
		for _, old := range was {
			r := old.Record.record()
			if slices.ContainsFunc(namesOf(&r.Paper), func(f string) bool { return slices.Contains(facets, f) }) {
				records = append(records, r)
			}
		}
		return err
	})
	_, wanted, _ := paper.ParseArxivID(name)
	exact := false
	for _, r := range records {
		same := wanted != "" && (arxivVersion(r.ArxivID) == wanted || arxivVersion(r.ID) == wanted)
		if id == "" || same && !exact || same == exact && r.ID < id {
			id, exact = r.ID, same
		}
	}
	return id, err
}

func arxivVersion(id string) string {
	_, version, _ := paper.ParseArxivID(id)
	return version
}

// Changed implements catalog.Changes. The log says all changes since the first.
func (v *view) Changed(ctx context.Context, after uint64, limit int) (out []catalog.LogEntry, err error) {
	if after > v.head.Sequence {
		return nil, &paper.Error{
			Kind: paper.FailedPrecondition, Reason: catalog.ReasonChangesAhead,
			Message: fmt.Sprintf("changes after %d are asked for, and the collection is at %d; begin anew", after, v.head.Sequence),
		}
	}
	from, err := v.groupAfter(ctx, after)
	for n := from; err == nil && n <= v.head.Group && len(out) < limit; n++ {
		var g *group
		if g, _, err = v.c.logged(ctx, &v.head, n); err != nil || g.Void {
			continue
		}
		for _, e := range g.Entries {
			if e.Sequence > after && len(out) < limit {
				out = append(out, catalog.LogEntry{Sequence: e.Sequence, Ref: paper.Ref{ID: e.ID}, Deleted: e.Deleted, Fields: e.Fields})
			}
		}
	}
	return out, err
}

// groupAfter finds the first group that has a change after a sequence number.
func (v *view) groupAfter(ctx context.Context, after uint64) (uint64, error) {
	lo, hi := uint64(1), v.head.Group+1
	for lo < hi {
		middle := lo + (hi-lo)/2
		_, sequence, err := v.c.logged(ctx, &v.head, middle)
		if err != nil {
			return 0, err
		}
		if sequence <= after {
			lo = middle + 1
		} else {
			hi = middle
		}
	}
	return lo, nil
}

// CreatedSince implements catalog.Changes.
func (v *view) CreatedSince(ctx context.Context, since time.Time, limit int) (refs []paper.Ref, err error) {
	limit = min(max(limit, 0), mostHits)
	if limit == 0 {
		return nil, nil
	}
	err = v.moment(ctx, func(ids moved, was map[string]*version) error {
		results, err := v.c.search(ctx, &pb.SearchRequest{
			Filters: ids.without(times(propCreated, [2]int64{since.UnixMicro(), 1 << 53})), Limit: uint32(limit),
			// The lists of shards are merged by what is asked for alone.
			Properties: properties(propID, propRecord, propOrdinal), Metadata: &pb.MetadataRequest{Uuid: true},
			SortBy: []*pb.SortBy{{Path: []string{propOrdinal}}},
		})
		if err != nil {
			return err
		}
		var found []*version
		for _, r := range ids.drop(results) {
			x, err := versionOf(r)
			if err != nil {
				return err
			}
			found = append(found, x)
		}
		for _, old := range was {
			if old.Record.Created >= since.UnixNano() {
				found = append(found, old)
			}
		}
		slices.SortFunc(found, func(a, b *version) int { return int(b.Record.Ordinal) - int(a.Record.Ordinal) })
		refs = nil
		for _, x := range found[:min(limit, len(found))] {
			refs = append(refs, paper.Ref{ID: x.Record.Paper.ID})
		}
		return nil
	})
	return refs, err
}
