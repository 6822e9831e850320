package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"akin/internal/catalog"
	"akin/internal/paper"
	"akin/internal/rank"
)

// Each capability of a view is asked for in one of the functions below, and so is
// what takes its place where it is missing (the contract says what that is). The
// answer notes what it lacked where it would have been another.

// refuse is the error for what cannot be done without a capability.
func refuse(what string, c catalog.Capability) error {
	return unsupported(fmt.Sprintf("this server's catalog cannot %s: it lacks the capability %q", what, c))
}

// writable says why the catalog takes no changes, where it knows before.
func (e *Engine) writable(ctx context.Context) error {
	if c, ok := e.catalog.(catalog.Gated); ok {
		return c.Writable(ctx)
	}
	return nil
}

// statistics notes where scores of words compare only roughly.
func (a *asking) statistics(words catalog.Words) {
	if c, ok := a.view.(catalog.Partial); ok && words.Text != "" && c.PartialStatistics() {
		a.lack(catalog.CapStatistics)
	}
}

// prepare lets the catalog do a part of the work of changes before they are applied,
// where it can.
func (e *Engine) prepare(ctx context.Context, collection string, changes []*catalog.Mutation) error {
	if c, ok := e.catalog.(catalog.Preparer); ok && len(changes) > 0 {
		return c.Prepare(ctx, collection, changes)
	}
	return nil
}

// attributes tells dates and venues; without the capability, from the papers
// themselves.
func (a *asking) attributes() catalog.Attributes {
	if c, ok := a.view.(catalog.Attributes); ok {
		return c
	}
	return readAttributes{a.view}
}

// terms tells the words of papers by weight, where the catalog can.
func (a *asking) terms() (catalog.Terms, bool) {
	c, ok := a.view.(catalog.Terms)
	if !ok {
		a.lack(catalog.CapTerms)
	}
	return c, ok
}

// sampler draws papers, where the catalog can.
func (a *asking) sampler() (catalog.Sampler, bool) {
	c, ok := a.view.(catalog.Sampler)
	if !ok {
		a.lack(catalog.CapSampler)
	}
	return c, ok
}

// versions tells which papers count as one; without the capability, none do.
func (a *asking) versions() catalog.Versions {
	if c, ok := a.view.(catalog.Versions); ok {
		return c
	}
	a.lack(catalog.CapVersions)
	return noVersions{}
}

// namer tells which papers names mean; without the capability, a name is an id.
func (a *asking) namer() catalog.Namer {
	if c, ok := a.view.(catalog.Namer); ok {
		return c
	}
	return idNamer{a.view}
}

// syntax reads typed queries; without the capability, they are words alone.
func (a *asking) syntax() catalog.Syntax {
	if c, ok := a.view.(catalog.Syntax); ok {
		return c
	}
	a.lack(catalog.CapSyntax)
	return plainSyntax{}
}

// matcher tells which words papers and queries share; without the capability, none.
func (a *asking) matcher() catalog.Matcher {
	if c, ok := a.view.(catalog.Matcher); ok {
		return c
	}
	a.lack(catalog.CapMatcher)
	return noMatcher{}
}

// funnel tells how many papers conditions leave, where the catalog can.
func (a *asking) funnel() (catalog.Funnel, bool) {
	c, ok := a.view.(catalog.Funnel)
	if !ok {
		a.lack(catalog.CapFunnel)
	}
	return c, ok
}

// rechecker reads the papers of a list that was made at a sequence number; without
// the capability, what is there counts, whatever became of it.
func (a *asking) rechecker(madeAt uint64) catalog.Rechecker {
	if c, ok := a.view.(catalog.Rechecker); ok {
		return c
	}
	if madeAt != a.info.Sequence {
		a.lack(catalog.CapRechecker)
	}
	return getRechecker{a.view}
}

// mentions tells which names stand in a query; without the capability, it is words
// alone.
func (a *asking) mentions() (catalog.Mentions, bool) {
	c, ok := a.view.(catalog.Mentions)
	if !ok {
		a.lack(catalog.CapMentions)
	}
	return c, ok
}

// spelling tells which words papers hardly have; without the capability, none is
// corrected.
func (a *asking) spelling() (catalog.Spelling, bool) {
	c, ok := a.view.(catalog.Spelling)
	if !ok {
		a.lack(catalog.CapSpelling)
	}
	return c, ok
}

// counter counts values, or is refused.
func (a *asking) counter() (catalog.Counter, error) {
	if c, ok := a.view.(catalog.Counter); ok {
		return c, nil
	}
	return nil, refuse("count papers by the values of a field", catalog.CapCounter)
}

// indexes tells what the collection is found by; without the capability, nothing.
func (a *asking) indexes() []catalog.IndexState {
	if c, ok := a.view.(catalog.Indexes); ok {
		return c.Indexes()
	}
	return nil
}

// days lists papers by day; without the capability, by reading all of them.
func (a *asking) days() catalog.Days {
	if c, ok := a.view.(catalog.Days); ok {
		return c
	}
	return readDays{a.view}
}

// duplicates compares papers, or is refused.
func (a *asking) duplicates() (catalog.Duplicates, error) {
	if c, ok := a.view.(catalog.Duplicates); ok {
		return c, nil
	}
	return nil, refuse("compare all papers with each other", catalog.CapDuplicates)
}

// verifier compares the catalog with itself, or is refused.
func (e *Engine) verifier() (catalog.Verifier, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	if c, ok := e.catalog.(catalog.Verifier); ok {
		return c, nil
	}
	return nil, refuse("verify what it has (of a cluster, use what the cluster has for that)", catalog.CapVerifier)
}

// snapshots keeps copies of the catalog, or is refused.
func (e *Engine) snapshots() (catalog.Snapshots, error) {
	if err := e.needCatalog(); err != nil {
		return nil, err
	}
	if c, ok := e.catalog.(catalog.Snapshots); ok {
		return c, nil
	}
	return nil, refuse("keep snapshots (of a cluster, use its own backups)", catalog.CapSnapshots)
}

// readAttributes is catalog.Attributes by reading the papers.
type readAttributes struct{ papers catalog.Papers }

func (r readAttributes) Dates(ctx context.Context, refs []paper.Ref) ([]paper.Date, error) {
	out := make([]paper.Date, len(refs))
	return out, r.each(ctx, refs, func(i int, p *paper.Record) { out[i] = p.PublishDate })
}

// Venues gives those that differ in case in the spelling of the first of the refs.
func (r readAttributes) Venues(ctx context.Context, refs []paper.Ref) ([]string, error) {
	out := make([]string, len(refs))
	spelling := make(map[string]string)
	return out, r.each(ctx, refs, func(i int, p *paper.Record) {
		folded := strings.ToLower(p.Venue)
		if _, ok := spelling[folded]; !ok {
			spelling[folded] = p.Venue
		}
		out[i] = spelling[folded]
	})
}

func (r readAttributes) each(ctx context.Context, refs []paper.Ref, visit func(int, *paper.Record)) error {
	records, err := r.papers.Get(ctx, refs)
	for i, p := range records {
		if p != nil {
			visit(i, p)
		}
	}
	return err
}

// noVersions is catalog.Versions of papers that all count for themselves.
type noVersions struct{}

func (noVersions) Collapse(_ context.Context, hits []rank.Hit, _ []string) ([]rank.Hit, map[string][]catalog.Collapsed, error) {
	return hits, nil, nil
}

func (noVersions) SameTexts(_ context.Context, _ []catalog.Text, refs []paper.Ref) ([]bool, error) {
	return make([]bool, len(refs)), nil
}

// idNamer is catalog.Namer of names that are ids.
type idNamer struct{ papers catalog.Papers }

func (n idNamer) Identify(ctx context.Context, names []string) ([]string, error) {
	records, err := n.papers.Get(ctx, catalog.Refs(names...))
	out := make([]string, len(names))
	for i, r := range records {
		if r != nil {
			out[i] = r.ID
		}
	}
	return out, err
}

// plainSyntax is catalog.Syntax of queries that are words alone.
type plainSyntax struct{}

func (plainSyntax) Parse(text string) (catalog.TypedQuery, error) {
	return catalog.TypedQuery{Asked: text}, nil
}

func (plainSyntax) Operators(string) (some, long bool) { return false, false }

// noMatcher is catalog.Matcher of a catalog that cannot tell words: it names none,
// and forbids no paper.
type noMatcher struct{}

func (noMatcher) Matches(_ context.Context, _ catalog.Words, refs []paper.Ref) ([][]catalog.WordMatch, error) {
	return make([][]catalog.WordMatch, len(refs)), nil
}

func (noMatcher) Allows(_ context.Context, _ catalog.Words, refs []paper.Ref) ([]bool, error) {
	out := make([]bool, len(refs))
	for i := range out {
		out[i] = true
	}
	return out, nil
}

func (noMatcher) Shared(string, string) []string { return nil }

// getRechecker is catalog.Rechecker that reads papers as they are.
type getRechecker struct{ papers catalog.Papers }

func (r getRechecker) Still(ctx context.Context, _ catalog.MadeBy, refs []paper.Ref) ([]*paper.Record, error) {
	return r.papers.Get(ctx, refs)
}

// readDays is catalog.Days by reading all papers.
type readDays struct{ papers catalog.Papers }

func (r readDays) Newest(ctx context.Context, from catalog.Newest) iter.Seq2[catalog.OfDay, error] {
	return func(yield func(catalog.OfDay, error) bool) {
		var all []catalog.OfDay
		for p, err := range r.papers.List(ctx, catalog.Listing{Filter: from.Filter}) {
			if err != nil {
				yield(catalog.OfDay{}, err)
				return
			}
			if day := p.Day(); from.Comes(day, p.ID) {
				all = append(all, catalog.OfDay{Ref: p.Ref(), Day: day})
			}
		}
		// Papers come in order of id, which those of one day keep.
		slices.SortStableFunc(all, func(a, b catalog.OfDay) int { return b.Day.Compare(a.Day) })
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (r readDays) CountDays(ctx context.Context, filter string) ([]catalog.DayCount, error) {
	var out []catalog.DayCount
	for p, err := range r.Newest(ctx, catalog.Newest{Filter: filter}) {
		if err != nil {
			return nil, err
		}
		if n := len(out); n == 0 || out[n-1].Day != p.Day {
			out = append(out, catalog.DayCount{Day: p.Day})
		}
		out[len(out)-1].Papers++
	}
	return out, nil
}

func (r readDays) Signalled(ctx context.Context, filter string) iter.Seq2[rank.Signalled, error] {
	return func(yield func(rank.Signalled, error) bool) {
		for p, err := range r.papers.List(ctx, catalog.Listing{Filter: filter}) {
			if err != nil {
				yield(rank.Signalled{}, err)
				return
			}
			if s := rank.SignalledOf(p); len(s.Signals) > 0 && !yield(s, nil) {
				return
			}
		}
	}
}
