package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"akin/internal/rank"
)

// A list is kept for ten minutes since it was last read, and then its memory is
// free.
func TestPinnedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPins()
		first, ok := p.add(&pinned{hits: make([]rank.Hit, 10, 1000)}, false)
		second, also := p.add(&pinned{hits: make([]rank.Hit, 1000)}, false)
		if !ok || !also || p.size < 1010*48 || p.size > 60_000 {
			t.Fatalf("%v, %v, %d bytes", ok, also, p.size)
		}
		for range 3 {
			time.Sleep(pageTTL - time.Second)
			if _, ok := p.get(first); !ok {
				t.Fatal("a list that is read is not kept")
			}
		}
		if _, ok := p.get(second); ok {
			t.Error("a list that is not read is kept")
		}
		time.Sleep(pageTTL)
		if _, ok := p.get(first); ok || p.size != 0 || len(p.byName)+p.order.Len() != 0 {
			t.Errorf("in the end: %v, %d bytes", ok, p.size)
		}
	})
}

// Half of the budget is for lists of which more was read than the first page.
func TestPinnedBudget(t *testing.T) {
	p := newPins()
	for p.size < p.budget/2 {
		if _, ok := p.add(&pinned{hits: make([]rank.Hit, 1000)}, false); !ok {
			break
		}
	}
	if _, ok := p.add(&pinned{hits: make([]rank.Hit, 1000)}, false); ok || p.size < p.budget/2-100_000 {
		t.Errorf("%v: %d bytes of %d", ok, p.size, p.budget)
	}
	if _, ok := p.add(&pinned{hits: make([]rank.Hit, 1000)}, true); !ok {
		t.Error("there is no room for a list that is read")
	}
}
