package catalogtest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"akin/internal/catalog"
	"akin/internal/paper"
)

func TestMemory(t *testing.T) {
	Run(t, func(t *testing.T, space paper.Space) catalog.Catalog {
		m := NewMemory(space, Options{})
		return m
	})
}

// A catalog that has the core alone keeps its contract too.
func TestBare(t *testing.T) {
	Run(t, func(t *testing.T, space paper.Space) catalog.Catalog { return NewMemory(space, Options{}).Bare() })
}

func all() []catalog.Capability {
	return []catalog.Capability{
		catalog.CapAttributes, catalog.CapCounter, catalog.CapDays, catalog.CapDerived,
		catalog.CapDuplicates, catalog.CapFunnel, catalog.CapIndexes, catalog.CapMatcher, catalog.CapMentions, catalog.CapNamer,
		catalog.CapRechecker, catalog.CapSampler, catalog.CapSpelling, catalog.CapSyntax, catalog.CapTerms, catalog.CapVersions,
	}
}

// What is left out is not there, and nothing else is missing.
func TestWithout(t *testing.T) {
	m := NewMemory(Space(), Options{})
	has := func(c catalog.Catalog) []catalog.Capability {
		v, err := c.View(t.Context(), paper.DefaultCollection)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		return capabilitiesOf(v)
	}
	if got := has(m); !slices.Equal(got, all()) {
		t.Errorf("the catalog has %v", got)
	}
	if got := has(m.Bare()); len(got) != 0 || is[catalog.Verifier](m.Bare()) || is[catalog.Snapshots](m.Bare()) {
		t.Errorf("the bare one has %v", got)
	}
	for _, c := range all() {
		want := slices.DeleteFunc(all(), func(other catalog.Capability) bool { return other == c })
		if got := has(m.Without(c)); !slices.Equal(got, want) || !is[catalog.Verifier](m.Without(c)) || !is[catalog.Snapshots](m.Without(c)) {
			t.Errorf("without %s: %v", c, got)
		}
	}
	for _, c := range []catalog.Capability{catalog.CapVerifier, catalog.CapSnapshots} {
		w := m.Without(c)
		if is[catalog.Verifier](w) == (c == catalog.CapVerifier) || is[catalog.Snapshots](w) == (c == catalog.CapSnapshots) || !slices.Equal(has(w), all()) {
			t.Errorf("without %s: %T", c, w)
		}
	}
	if _, err := m.Without("nothing").View(t.Context(), paper.DefaultCollection); err == nil {
		t.Error("a capability that there is not can be left out")
	}
}

func TestBefore(t *testing.T) {
	fault := errors.New("fault")
	var calls []string
	m := NewMemory(Space(), Options{Strategy: catalog.GraphWalk, Before: func(_ context.Context, call string) error {
		if calls = append(calls, call); call == "Nearest" && len(calls) > 2 {
			return fault
		}
		return nil
	}})
	v, err := m.View(t.Context(), paper.DefaultCollection)
	if err != nil {
		t.Fatal(err)
	}
	found, err := v.Nearest(t.Context(), catalog.Nearest{})
	if err != nil || found.Strategy != catalog.GraphWalk {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := v.Nearest(t.Context(), catalog.Nearest{}); !errors.Is(err, fault) || !slices.Equal(calls, []string{"View", "Nearest", "Nearest"}) {
		t.Errorf("%v after %v", err, calls)
	}
	if n := m.OpenViews(); n != 1 {
		t.Errorf("%d views are open", n)
	}
	v.Close()
	v.Close()
	if _, err := v.Get(t.Context(), nil); !errors.Is(err, errClosed) || m.OpenViews() != 0 {
		t.Errorf("after Close: %v, %d open", err, m.OpenViews())
	}
}
