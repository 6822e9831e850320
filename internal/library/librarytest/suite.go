package librarytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"akin/internal/library"
)

// Run tests that shelves keep what package library promises of them. open gives empty
// ones.
func Run(t *testing.T, open func(t *testing.T) library.Shelves) {
	for name, test := range map[string]func(*testing.T, library.Shelves){
		"libraries": testLibraries, "entries": testEntries, "failed writes": testFailedWrites, "reads before writes": testReadsBefore,
		"ids": testIDs, "concurrent": testConcurrent, "ended": testEnded,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func write(t *testing.T, s library.Shelves, fn func(library.Writer)) {
	t.Helper()
	if err := s.Write(t.Context(), func(w library.Writer) error { fn(w); return nil }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s library.Shelves, fn func(library.Reader)) {
	t.Helper()
	if err := s.Read(t.Context(), func(r library.Reader) error { fn(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// at is a time without what a round trip may lose.
func at(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC) }

func put(t *testing.T, w library.Writer, owner, name string) *library.Library {
	t.Helper()
	l := &library.Library{Owner: owner, Name: name, Collection: "papers", CreateTime: at(1), UpdateTime: at(2)}
	must(t, w.PutLibrary(l))
	return l
}

// names lists libraries as owner/name.
func names(t *testing.T, r library.Reader, owner string) (all []string) {
	t.Helper()
	found, err := r.Libraries(owner)
	must(t, err)
	for _, l := range found {
		all = append(all, l.Owner+"/"+l.Name)
	}
	return all
}

func testLibraries(t *testing.T, s library.Shelves) {
	whole := library.Library{
		Owner: "ann", Name: "b", DisplayName: "Bücher", Description: "two\nlines", Collection: "papers",
		CreateTime: at(1), UpdateTime: at(2), DeleteTime: at(3), Counts: library.Counts{Entries: 5, Liked: 1, Disliked: 2, Read: 3, Bytes: 400},
	}
	write(t, s, func(w library.Writer) {
		must(t, w.PutLibrary(&whole))
		put(t, w, "ann", "a")
		put(t, w, "an", "nb") // no prefix of an owner's name is that owner
		put(t, w, "annb", "a")
	})
	read(t, s, func(r library.Reader) {
		if got := names(t, r, "ann"); !slices.Equal(got, []string{"ann/a", "ann/b"}) {
			t.Errorf("ann has %v", got)
		}
		if got := names(t, r, "nobody"); got != nil {
			t.Errorf("nobody has %v", got)
		}
		if got := names(t, r, ""); len(got) != 4 {
			t.Errorf("all are %v", got)
		}
		got, found, err := r.Library("ann", "b")
		if err != nil || !found || got != whole {
			t.Errorf("%+v, %v, %v; want %+v", got, found, err, whole)
		}
		if _, found, err := r.Library("an", "a"); found || err != nil {
			t.Errorf("another owner's: %v, %v", found, err)
		}
	})
	write(t, s, func(w library.Writer) { must(t, w.RemoveLibrary("ann", "b")) })
	read(t, s, func(r library.Reader) {
		if got := names(t, r, ""); len(got) != 3 {
			t.Errorf("left are %v", got)
		}
	})
}

// entries lists the ids of the papers of a library.
func entries(t *testing.T, r library.Reader, id uint32) (all []string) {
	t.Helper()
	for e, err := range r.Entries(id) {
		must(t, err)
		all = append(all, e.PaperID)
	}
	return all
}

func testEntries(t *testing.T, s library.Shelves) {
	whole := library.Entry{
		PaperID: "arXiv:1/ü \u2028x", Mark: library.Disliked, MarkTime: at(1), ReadTime: at(2), Note: "n\nn", Tags: []string{"a", "b"}, Weight: 2.5,
		CreateTime: at(3), UpdateTime: at(4),
	}
	var one, two *library.Library
	write(t, s, func(w library.Writer) {
		one, two = put(t, w, "o", "one"), put(t, w, "o", "two")
		must(t, w.PutEntry(one.ID, &whole))
		for _, id := range []string{"c", "a", "b"} {
			must(t, w.PutEntry(two.ID, &library.Entry{PaperID: id, CreateTime: at(1), UpdateTime: at(1)}))
		}
	})
	read(t, s, func(r library.Reader) {
		got, found, err := r.Entry(one.ID, whole.PaperID)
		if err != nil || !found || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", whole) {
			t.Errorf("%+v, %v, %v; want %+v", got, found, err, whole)
		}
		if _, found, _ := r.Entry(two.ID, whole.PaperID); found {
			t.Error("an entry of one library is in another")
		}
		if got := entries(t, r, two.ID); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("entries are %v", got)
		}
		for _, err := range r.Entries(two.ID) { // which may be given up
			must(t, err)
			break
		}
	})
	write(t, s, func(w library.Writer) {
		must(t, w.RemoveEntry(two.ID, "b"))
		must(t, w.RemoveEntry(two.ID, "never"))
		must(t, w.Clear(one.ID))
		must(t, w.PutEntry(one.ID, &library.Entry{PaperID: "after", CreateTime: at(1), UpdateTime: at(1)}))
	})
	read(t, s, func(r library.Reader) {
		if got := entries(t, r, two.ID); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("left are %v", got)
		}
		if got := entries(t, r, one.ID); !slices.Equal(got, []string{"after"}) {
			t.Errorf("after clearing: %v", got)
		}
	})
}

func testFailedWrites(t *testing.T, s library.Shelves) {
	sentinel := errors.New("no")
	err := s.Write(t.Context(), func(w library.Writer) error {
		l := put(t, w, "o", "x")
		must(t, w.PutEntry(l.ID, &library.Entry{PaperID: "p"}))
		return sentinel
	})
	if !errors.Is(err, sentinel) {
		t.Errorf("error %v", err)
	}
	read(t, s, func(r library.Reader) {
		if got := names(t, r, ""); got != nil {
			t.Errorf("there is %v", got)
		}
	})
	if err := s.Read(t.Context(), func(library.Reader) error { return sentinel }); !errors.Is(err, sentinel) {
		t.Errorf("error of a read: %v", err)
	}
	write(t, s, func(library.Writer) {}) // nothing
}

func testReadsBefore(t *testing.T, s library.Shelves) {
	write(t, s, func(w library.Writer) {
		l := put(t, w, "o", "x")
		must(t, w.PutEntry(l.ID, &library.Entry{PaperID: "p"}))
		if _, found, err := w.Library("o", "x"); found || err != nil {
			t.Errorf("a write sees what it wrote: %v", err)
		}
		if _, found, err := w.Entry(l.ID, "p"); found || err != nil {
			t.Errorf("a write sees what it wrote: %v", err)
		}
	})
}

func testIDs(t *testing.T, s library.Shelves) {
	var first, second, third *library.Library
	write(t, s, func(w library.Writer) { first, second = put(t, w, "o", "1"), put(t, w, "o", "2") })
	write(t, s, func(w library.Writer) { must(t, w.RemoveLibrary("o", "2")) })
	write(t, s, func(w library.Writer) {
		third = put(t, w, "o", "2")
		must(t, w.PutLibrary(first)) // has one
	})
	if first.ID == 0 || second.ID == first.ID || third.ID == second.ID || third.ID == first.ID {
		t.Errorf("ids %d, %d, %d", first.ID, second.ID, third.ID)
	}
}

func testConcurrent(t *testing.T, s library.Shelves) {
	var l *library.Library
	write(t, s, func(w library.Writer) { l = put(t, w, "o", "x") })
	var wait sync.WaitGroup
	const writers, each = 4, 5
	for n := range writers {
		wait.Go(func() {
			for i := range each {
				must(t, s.Write(t.Context(), func(w library.Writer) error {
					now, _, err := w.Library("o", "x")
					now.Counts.Entries++
					return errors.Join(err, w.PutLibrary(&now), w.PutEntry(l.ID, &library.Entry{PaperID: fmt.Sprintf("%d-%d", n, i)}))
				}))
				must(t, s.Read(t.Context(), func(r library.Reader) error {
					now, _, err := r.Library("o", "x")
					if found := len(entries(t, r, l.ID)); found != now.Counts.Entries {
						return fmt.Errorf("%d entries are counted, and there are %d", now.Counts.Entries, found)
					}
					return err
				}))
			}
		})
	}
	wait.Wait()
	read(t, s, func(r library.Reader) {
		if got := len(entries(t, r, l.ID)); got != writers*each {
			t.Errorf("%d entries, want %d", got, writers*each)
		}
	})
}

func testEnded(t *testing.T, s library.Shelves) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, func(w library.Writer) error { put(t, w, "o", "x"); return nil }); err == nil {
		t.Error("a call that was given up writes")
	}
}
