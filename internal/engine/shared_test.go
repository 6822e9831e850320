package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"akin/internal/catalog"
	"akin/internal/catalog/catalogtest"
	"akin/internal/engine"
)

// shelf is a catalog that keeps lists, as a cluster does.
type shelf struct {
	catalog.Catalog

	mu    sync.Mutex // guards what follows
	lists map[string]kept
	fails bool
}

type kept struct {
	data  []byte
	until time.Time
}

var errShelf = errors.New("the shelf is out of order")

func (s *shelf) KeepList(_ context.Context, name string, data []byte, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails {
		return errShelf
	}
	s.lists[name] = kept{slices.Clone(data), until}
	return nil
}

func (s *shelf) List(_ context.Context, name string) ([]byte, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails {
		return nil, time.Time{}, errShelf
	}
	k := s.lists[name]
	return k.data, k.until, nil
}

// two are servers over one catalog.
func two(t *testing.T) (*shelf, *engine.Engine, *engine.Engine) {
	t.Helper()
	s := &shelf{Catalog: catalogtest.NewMemory(bag{}.Space(), catalogtest.Options{}), lists: make(map[string]kept)}
	a, b := engine.New(engine.OneModel{Model: bag{}}, s, nil), engine.New(engine.OneModel{Model: bag{}}, s, nil)
	upsert(t, a, corpus(30)...)
	return s, a, b
}

// A token leads on at any server, to the same list, and each may turn a page.
func TestSharedLists(t *testing.T) {
	s, a, b := two(t)
	whole := pages(t, a, "")
	first, err := searched(t, a, manyResults, "")
	if err != nil || len(first.NextPageToken) > 2048 {
		t.Fatalf("%d bytes of token, %v", len(first.NextPageToken), err)
	}
	upsert(t, b, corpus(40)...) // a list is of its moment
	second, err := searched(t, b, manyResults, first.NextPageToken)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range append(first.Results, second.Results...) {
		got = append(got, r.Record.ID)
	}
	if got = append(got, pages(t, a, second.NextPageToken)...); !slices.Equal(got, whole) {
		t.Errorf("by turns %v\nwant     %v", got, whole)
	}
	if first.Sequence != second.Sequence || second.Results[0].Rank != 8 || second.Results[0].Score == 0 {
		t.Errorf("%d then %d, %+v", first.Sequence, second.Sequence, second.Results[0])
	}
	_, err = searched(t, b, "word3", first.NextPageToken)
	expired(t, err, "of another request")
	_, err = searched(t, b, manyResults, "0123.7")
	expired(t, err, "unknown")
	for name := range s.lists { // what another version wrote, or nobody
		s.lists[name] = kept{[]byte("{}"), time.Now().Add(time.Minute)}
	}
	_, err = searched(t, engine.New(engine.OneModel{Model: bag{}}, s, nil), manyResults, first.NextPageToken)
	expired(t, err, "unknown")
}

// What the catalog cannot keep is found again, by any server, or refused if it changed.
func TestListsTheCatalogCannotKeep(t *testing.T) {
	s, a, b := two(t)
	s.fails = true
	first, err := searched(t, a, manyResults, "")
	if err != nil {
		t.Fatal(err)
	}
	if lists, _ := engine.Pinned(a); lists != 0 {
		t.Errorf("%d lists are kept by one server alone", lists)
	}
	second, err := searched(t, b, manyResults, first.NextPageToken)
	if err != nil || second.Results[0].Rank != 8 {
		t.Fatalf("%+v, %v", second, err)
	}
	upsert(t, a, corpus(40)...)
	_, err = searched(t, b, manyResults, first.NextPageToken)
	expired(t, err, "changed")
}

// A list that is read stays, where other servers find it.
func TestSharedListsStay(t *testing.T) {
	s, a, b := two(t)
	first, err := searched(t, a, manyResults, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range s.lists {
		k.until = time.Now().Add(time.Minute)
		s.lists[name] = k
	}
	if _, err := searched(t, b, manyResults, first.NextPageToken); err != nil {
		t.Fatal(err)
	}
	for name, k := range s.lists {
		if left := time.Until(k.until); left < engine.PageTTL/2 {
			t.Errorf("%s stays for %v", name, left)
		}
	}
}
