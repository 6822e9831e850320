package catalogtest

import (
	"context"
	"fmt"

	"akin/internal/catalog"
)

// Bare gives the same papers by a catalog that has nothing but what catalogs must have.
func (m *Memory) Bare() catalog.Catalog { return bare{m} }

type bare struct{ memory *Memory }

func (b bare) View(ctx context.Context, collection string) (catalog.View, error) {
	v, err := b.memory.View(ctx, collection)
	if err != nil {
		return nil, err
	}
	return struct{ catalog.View }{v}, nil
}

func (b bare) Apply(ctx context.Context, collection string, changes []catalog.Mutation) ([]catalog.Outcome, uint64, error) {
	return b.memory.Apply(ctx, collection, changes)
}

// Without gives the same papers by a catalog that lacks one capability, and has all
// others.
func (m *Memory) Without(c catalog.Capability) catalog.Catalog {
	switch c {
	case catalog.CapVerifier:
		return struct {
			*Memory
			catalog.Verifier
		}{Memory: m}
	case catalog.CapSnapshots:
		return struct {
			*Memory
			catalog.Snapshots
		}{Memory: m}
	}
	return without{m, c}
}

type without struct {
	*Memory
	lacks catalog.Capability
}

func (w without) View(ctx context.Context, collection string) (catalog.View, error) {
	v, err := w.view(ctx, collection)
	if err != nil {
		return nil, err
	}
	return v.without(w.lacks)
}

// without hides the methods of a capability. A type that embeds two others has no
// method that both have: the capability that is embedded, and nil, takes its methods
// from the view.
func (v *view) without(c catalog.Capability) (catalog.View, error) {
	switch c {
	case catalog.CapAttributes:
		return withoutAttributes{view: v}, nil
	case catalog.CapTerms:
		return withoutTerms{view: v}, nil
	case catalog.CapSampler:
		return withoutSampler{view: v}, nil
	case catalog.CapVersions:
		return withoutVersions{view: v}, nil
	case catalog.CapNamer:
		return withoutNamer{view: v}, nil
	case catalog.CapSyntax:
		return withoutSyntax{view: v}, nil
	case catalog.CapMatcher:
		return withoutMatcher{view: v}, nil
	case catalog.CapFunnel:
		return withoutFunnel{view: v}, nil
	case catalog.CapRechecker:
		return withoutRechecker{view: v}, nil
	case catalog.CapCounter:
		return withoutCounter{view: v}, nil
	case catalog.CapDuplicates:
		return withoutDuplicates{view: v}, nil
	case catalog.CapDays:
		return withoutDays{view: v}, nil
	case catalog.CapDerived:
		return withoutDerived{view: v}, nil
	case catalog.CapIndexes:
		return withoutIndexes{view: v}, nil
	case catalog.CapMentions:
		return withoutMentions{view: v}, nil
	case catalog.CapSpelling:
		return withoutSpelling{view: v}, nil
	}
	return nil, fmt.Errorf("catalogtest: %q is no capability of views", c)
}

type (
	withoutAttributes struct {
		*view
		catalog.Attributes
	}
	withoutTerms struct {
		*view
		catalog.Terms
	}
	withoutSampler struct {
		*view
		catalog.Sampler
	}
	withoutVersions struct {
		*view
		catalog.Versions
	}
	withoutNamer struct {
		*view
		catalog.Namer
	}
	withoutSyntax struct {
		*view
		catalog.Syntax
	}
	withoutMatcher struct {
		*view
		catalog.Matcher
	}
	withoutFunnel struct {
		*view
		catalog.Funnel
	}
	withoutRechecker struct {
		*view
		catalog.Rechecker
	}
	withoutCounter struct {
		*view
		catalog.Counter
	}
	withoutDuplicates struct {
		*view
		catalog.Duplicates
	}
	withoutDays struct {
		*view
		catalog.Days
	}
	withoutDerived struct {
		*view
		catalog.Derived
	}
	withoutIndexes struct {
		*view
		catalog.Indexes
	}
	withoutMentions struct {
		*view
		catalog.Mentions
	}
	withoutSpelling struct {
		*view
		catalog.Spelling
	}
)
