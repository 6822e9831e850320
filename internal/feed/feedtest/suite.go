package feedtest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"akin/internal/feed"
)

// Run tests that a ledger keeps what package feed promises of it. open gives an empty one.
func Run(t *testing.T, open func(t *testing.T) feed.Ledger) {
	for name, test := range map[string]func(*testing.T, feed.Ledger){
		"feeds": testFeeds, "items": testItems, "states": testStates, "failed writes": testFailedWrites, "reads before writes": testReadsBefore,
		"ids": testIDs, "clear": testClear,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func write(t *testing.T, l feed.Ledger, fn func(feed.Writer)) {
	t.Helper()
	if err := l.Write(t.Context(), func(w feed.Writer) error { fn(w); return nil }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, l feed.Ledger, fn func(feed.Reader)) {
	t.Helper()
	if err := l.Read(t.Context(), func(r feed.Reader) error { fn(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

// at is a time without what a round trip may lose.
func at(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC) }

func put(t *testing.T, w feed.Writer, owner, name string) *feed.Feed {
	t.Helper()
	f := &feed.Feed{Owner: owner, Name: name, Collection: "papers", Query: feed.Query{Text: "x"}, MaxPerDay: 1, CreateTime: at(1), UpdateTime: at(2)}
	must(t, w.PutFeed(f))
	return f
}

func names(t *testing.T, r feed.Reader, owner string) (all []string) {
	t.Helper()
	found, err := r.Feeds(owner)
	must(t, err)
	for _, f := range found {
		all = append(all, f.Owner+"/"+f.Name)
	}
	return all
}

func testFeeds(t *testing.T, l feed.Ledger) {
	whole := feed.Feed{
		Owner: "ann", Name: "b", DisplayName: "Bücher", Collection: "papers", Query: feed.Query{Authors: []string{"Ä B", "C"}},
		Mode: feed.Lexical, Filter: "year > 2000", Breadth: feed.Broad, MaxPerDay: 7, Since: 1 << 40, CreateTime: at(1), UpdateTime: at(2),
	}
	write(t, l, func(w feed.Writer) {
		must(t, w.PutFeed(&whole))
		put(t, w, "ann", "a")
		put(t, w, "an", "nb") // no prefix of an owner's name is that owner
		put(t, w, "annb", "a")
	})
	read(t, l, func(r feed.Reader) {
		same(t, "ann's", names(t, r, "ann"), []string{"ann/a", "ann/b"})
		same(t, "nobody's", names(t, r, "nobody"), []string(nil))
		same(t, "all", len(names(t, r, "")), 4)
		n, err := r.Count()
		must(t, err)
		same(t, "count", n, 4)
		got, found, err := r.Feed("ann", "b")
		if err != nil || !found {
			t.Errorf("%v, %v", found, err)
		}
		same(t, "a feed", got, whole)
		if _, found, err := r.Feed("an", "a"); found || err != nil {
			t.Errorf("another owner's: %v, %v", found, err)
		}
	})
	write(t, l, func(w feed.Writer) { must(t, w.RemoveFeed("ann", "b")) })
	read(t, l, func(r feed.Reader) { same(t, "left", len(names(t, r, "")), 3) })
}

// cursors lists those of items.
func cursors(t *testing.T, r feed.Reader, id uint32, cursor uint64, newest bool, limit int) (all []uint64) {
	t.Helper()
	for it, err := range r.Items(id, cursor, newest) {
		must(t, err)
		if len(all) == limit {
			break
		}
		all = append(all, it.Cursor)
	}
	return all
}

func testItems(t *testing.T, l feed.Ledger) {
	const many = 700
	whole := feed.Item{
		Cursor: 3, PaperID: "arXiv:1/ü \u2028x", Sequence: 1 << 40, Score: -1.5, Cosine: .25, Percentile: 99.95,
		Reasons: []feed.Reason{{Kind: feed.ByLike, Name: "l", Share: .5}, {Kind: feed.ByAuthor, Name: "Ä", Share: .5}}, Time: at(3),
	}
	var one, two *feed.Feed
	write(t, l, func(w feed.Writer) {
		one, two = put(t, w, "o", "one"), put(t, w, "o", "two")
		must(t, w.PutItem(one.ID, &whole))
		must(t, w.PutProgress(one.ID, &feed.Progress{Last: 3, Items: 1}))
		for n := range uint64(many) {
			must(t, w.PutItem(two.ID, &feed.Item{Cursor: n + 1, PaperID: fmt.Sprintf("p%d", n), Time: at(1)}))
		}
		must(t, w.PutProgress(two.ID, &feed.Progress{Last: many, Items: many}))
	})
	read(t, l, func(r feed.Reader) {
		for it, err := range r.Items(one.ID, 0, false) {
			must(t, err)
			same(t, "an item", it, whole)
		}
		cursor, found, err := r.Seen(one.ID, whole.PaperID)
		if cursor != 3 || !found || err != nil {
			t.Errorf("seen: %d, %v, %v", cursor, found, err)
		}
		if _, found, _ := r.Seen(two.ID, whole.PaperID); found {
			t.Error("a paper of one feed is another's")
		}
		same(t, "the first", cursors(t, r, two.ID, 0, false, 3), []uint64{1, 2, 3})
		same(t, "behind 698", cursors(t, r, two.ID, 698, false, 9), []uint64{699, 700})
		same(t, "behind the last", cursors(t, r, two.ID, 1<<64-1, false, 9), []uint64(nil))
		same(t, "the newest", cursors(t, r, two.ID, 0, true, 3), []uint64{700, 699, 698})
		same(t, "before 3", cursors(t, r, two.ID, 3, true, 9), []uint64{2, 1})
		same(t, "before 1", cursors(t, r, two.ID, 1, true, 9), []uint64(nil))
		all := cursors(t, r, two.ID, 0, true, many)
		slices.Reverse(all)
		same(t, "all, backwards", all, cursors(t, r, two.ID, 0, false, many))
	})
	write(t, l, func(w feed.Writer) { must(t, w.RemoveItem(one.ID, &whole)) })
	read(t, l, func(r feed.Reader) {
		if _, found, _ := r.Seen(one.ID, whole.PaperID); found || cursors(t, r, one.ID, 0, false, 1) != nil {
			t.Error("an item that was removed is there")
		}
	})
}

func testStates(t *testing.T, l feed.Ledger) {
	progress := feed.Progress{Last: 9, Items: 3, Day: 20_000, DayItems: 2, LimitTime: at(5)}
	calibration := feed.Calibration{
		Version: 1, Space: "s", Sequence: 7, Papers: 8, Background: 6, Made: at(1), LibraryTime: at(2), Vector: []float32{1, -.5},
		Terms: []feed.Term{{Name: "wörd", Weight: .5}}, AverageLength: 3.5, Semantic: 1, Lexical: 2, Offset: -3, Threshold: 4,
		Best: []float32{5, 4}, Waits: feed.WaitsForLikes,
	}
	following := feed.Following{Cursor: 5, Time: at(1), GapFrom: 2, GapTo: 4, GapTime: at(9)}
	read(t, l, func(r feed.Reader) {
		p, err := r.Progress(1)
		same(t, "no progress", p, feed.Progress{})
		_, found, err2 := r.Calibration(1)
		_, found2, err3 := r.Following("papers")
		if err := errors.Join(err, err2, err3); err != nil || found || found2 {
			t.Errorf("%v, %v, %v", found, found2, err)
		}
	})
	write(t, l, func(w feed.Writer) {
		f := put(t, w, "o", "x")
		must(t, errors.Join(w.PutProgress(f.ID, &progress), w.PutCalibration(f.ID, &calibration), w.PutFollowing("papers", &following)))
	})
	read(t, l, func(r feed.Reader) {
		p, err := r.Progress(1)
		same(t, "progress", p, progress)
		c, found, err2 := r.Calibration(1)
		same(t, "calibration", c, calibration)
		f, found2, err3 := r.Following("papers")
		same(t, "following", f, following)
		if err := errors.Join(err, err2, err3); err != nil || !found || !found2 {
			t.Errorf("%v, %v, %v", found, found2, err)
		}
	})
	write(t, l, func(w feed.Writer) { must(t, w.PutFollowing("papers", nil)) })
	read(t, l, func(r feed.Reader) {
		if _, found, _ := r.Following("papers"); found {
			t.Error("what was forgotten is there")
		}
	})
}

func testFailedWrites(t *testing.T, l feed.Ledger) {
	sentinel := errors.New("no")
	err := l.Write(t.Context(), func(w feed.Writer) error {
		f := put(t, w, "o", "x")
		must(t, w.PutItem(f.ID, &feed.Item{Cursor: 1, PaperID: "p"}))
		return sentinel
	})
	if !errors.Is(err, sentinel) {
		t.Errorf("error %v", err)
	}
	read(t, l, func(r feed.Reader) { same(t, "after a failed write", names(t, r, ""), []string(nil)) })
	if err := l.Read(t.Context(), func(feed.Reader) error { return sentinel }); !errors.Is(err, sentinel) {
		t.Errorf("error of a read: %v", err)
	}
	write(t, l, func(feed.Writer) {}) // nothing
}

func testReadsBefore(t *testing.T, l feed.Ledger) {
	write(t, l, func(w feed.Writer) {
		f := put(t, w, "o", "x")
		must(t, w.PutItem(f.ID, &feed.Item{Cursor: 1, PaperID: "p"}))
		if _, found, err := w.Feed("o", "x"); found || err != nil {
			t.Errorf("a write sees what it wrote: %v", err)
		}
		if _, found, err := w.Seen(f.ID, "p"); found || err != nil {
			t.Errorf("a write sees what it wrote: %v", err)
		}
	})
}

func testIDs(t *testing.T, l feed.Ledger) {
	var first, second, third *feed.Feed
	write(t, l, func(w feed.Writer) { first, second = put(t, w, "o", "1"), put(t, w, "o", "2") })
	write(t, l, func(w feed.Writer) { must(t, w.RemoveFeed("o", "2")) })
	write(t, l, func(w feed.Writer) {
		third = put(t, w, "o", "2")
		must(t, w.PutFeed(first)) // has one
	})
	if first.ID == 0 || second.ID == first.ID || third.ID == second.ID || third.ID == first.ID {
		t.Errorf("ids %d, %d, %d", first.ID, second.ID, third.ID)
	}
}

func testClear(t *testing.T, l feed.Ledger) {
	var one, two *feed.Feed
	write(t, l, func(w feed.Writer) {
		one, two = put(t, w, "o", "one"), put(t, w, "o", "two")
		for _, f := range []*feed.Feed{one, two} {
			must(t, w.PutItem(f.ID, &feed.Item{Cursor: 1, PaperID: "p"}))
			must(t, w.PutProgress(f.ID, &feed.Progress{Last: 1, Items: 1}))
			must(t, w.PutCalibration(f.ID, &feed.Calibration{Version: 1}))
		}
	})
	write(t, l, func(w feed.Writer) { must(t, w.Clear(one.ID)) })
	read(t, l, func(r feed.Reader) {
		for _, f := range []*feed.Feed{one, two} {
			p, _ := r.Progress(f.ID)
			_, calibrated, _ := r.Calibration(f.ID)
			_, seen, _ := r.Seen(f.ID, "p")
			if kept := f == two; (p.Last != 0) != kept || calibrated != kept || seen != kept || (cursors(t, r, f.ID, 0, false, 1) != nil) != kept {
				t.Errorf("%s: %+v, %v, %v", f.Name, p, calibrated, seen)
			}
		}
	})
}
