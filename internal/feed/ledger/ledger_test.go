package ledger_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/feed"
	"akin/internal/feed/feedtest"
	"akin/internal/feed/ledger"
	"akin/internal/kv"
	"akin/internal/store"
)

func openStore(t *testing.T, dir string, create bool) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{Create: create, Beside: []store.Beside{{Prefixes: ledger.Prefixes(), Verify: ledger.Verify}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	feedtest.Run(t, func(t *testing.T) feed.Ledger {
		s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
		return ledger.New(s.DB(), s.Moved)
	})
}

// made makes a feed with an item.
func made(t *testing.T, f *feed.Feeds) feed.Feed {
	t.Helper()
	one := feed.Feed{Name: "f", Query: feed.Query{Text: "x"}}
	if err := one.Complete("feed"); err != nil {
		t.Fatal(err)
	}
	one, err := f.Create(t.Context(), "o", one, &feed.Calibration{Version: 1, Vector: []float32{1}})
	if err != nil {
		t.Fatal(err)
	}
	found(t, f, one, "before")
	return one
}

func found(t *testing.T, f *feed.Feeds, one feed.Feed, id string) {
	t.Helper()
	_, err := f.Record(t.Context(), one.Collection, feed.Following{Cursor: 1}, []feed.Found{{
		FeedID: one.ID, Owner: one.Owner, Name: one.Name, Item: feed.Item{PaperID: id, Score: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// What a snapshot has is what was acknowledged before it, and verification finds nothing
// wrong with it.
func TestSnapshotsHaveFeeds(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "d"), true)
	f := feed.New(ledger.New(s.DB(), s.Moved), nil)
	one := made(t, f)
	if _, err := s.Checkpoint(t.Context(), filepath.Join(dir, "copy"), "test"); err != nil {
		t.Fatal(err)
	}
	found(t, f, one, "after")
	if _, err := store.Restore(t.Context(), filepath.Join(dir, "copy"), filepath.Join(dir, "restored"), false); err != nil {
		t.Fatal(err)
	}
	back := openStore(t, filepath.Join(dir, "restored"), false)
	if _, items, err := feed.New(ledger.New(back.DB(), back.Moved), nil).Items(t.Context(), "o", "f", 0, false, 9); err != nil || len(items) != 1 || items[0].PaperID != "before" {
		t.Errorf("items %v, error %v", items, err)
	}
	if report, err := back.Verify(t.Context()); err != nil || len(report.Faults) > 0 {
		t.Errorf("%v, %v", report, err)
	}
}

// Verification finds what is not as it was written.
func TestVerifyFindsDamage(t *testing.T) {
	itemKey := append([]byte{0x24}, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
	for name, c := range map[string]struct {
		damage func(b *kv.Batch) error
		want   string
	}{
		"a changed item":         {func(b *kv.Batch) error { return b.Set(itemKey, []byte("x")) }, "item of a feed"},
		"a missing item":         {func(b *kv.Batch) error { return b.Delete(itemKey) }, "counts 1 items, has 0"},
		"a feed that is gone":    {func(b *kv.Batch) error { return b.Delete(append([]byte{0x23, 0, 1}, "of"...)) }, "no feed with id 1"},
		"no counter":             {func(b *kv.Batch) error { return b.Delete([]byte{0x26, 0}) }, "the next one would be 0"},
		"an unknown state":       {func(b *kv.Batch) error { return b.Set([]byte{0x26, 9}, nil) }, "sort 9"},
		"a paper that is no key": {func(b *kv.Batch) error { return b.Delete(append([]byte{0x25, 0, 0, 0, 1}, "before"...)) }, "known under the cursor 0"},
		"a broken calibration":   {func(b *kv.Batch) error { return b.Set([]byte{0x26, 3, 0, 0, 0, 1}, []byte("x")) }, "state of feeds"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, filepath.Join(t.TempDir(), "d"), true)
			made(t, feed.New(ledger.New(s.DB(), s.Moved), nil))
			end, err := s.DB().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b := s.DB().NewBatch()
			if err := c.damage(b); err != nil {
				t.Fatal(err)
			}
			after, err := s.DB().Commit(b)
			if err != nil {
				t.Fatal(err)
			}
			s.Moved(after)
			end()
			report, err := s.Verify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, f := range report.Faults {
				all = append(all, f.Error())
			}
			if !strings.Contains(strings.Join(all, "\n"), c.want) {
				t.Errorf("faults %q, want %q", all, c.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := feed.New(feedtest.NewMemory(), func() time.Time { return now })
	one := feed.Feed{Name: "f", Query: feed.Query{Text: "x"}, MaxPerDay: 2}
	if err := one.Complete("feed"); err != nil {
		t.Fatal(err)
	}
	one, err := f.Create(t.Context(), "o", one, &feed.Calibration{})
	if err != nil {
		t.Fatal(err)
	}
	record := func(ids ...string) feed.Recorded {
		t.Helper()
		var all []feed.Found
		for _, id := range ids {
			all = append(all, feed.Found{FeedID: one.ID, Owner: "o", Name: "f", Item: feed.Item{PaperID: id}})
		}
		out, err := f.Record(t.Context(), "papers", feed.Following{Cursor: 1}, all)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := record("a", "a", "b", "c"); len(got.Items) != 2 || got.Items[1].Item.PaperID != "b" || got.Items[1].Item.Cursor != 2 || len(got.Full) != 1 {
		t.Errorf("%+v", got)
	}
	if got := record("d"); len(got.Items) != 0 {
		t.Errorf("beyond the limit of the day: %+v", got)
	}
	// What is remembered of a feed is not older than what is kept of it.
	if one, err = f.Update(t.Context(), one, func(x feed.Feed) feed.Feed { x.MaxPerDay = 3; return x }(one), nil); err != nil {
		t.Fatal(err)
	}
	if got := record("x", "y"); len(got.Items) != 1 || got.Items[0].Item.PaperID != "x" || got.Items[0].Item.Cursor != 3 || len(got.Full) != 1 {
		t.Errorf("with a wider limit: %+v", got)
	}
	now = now.Add(24 * time.Hour)
	if got := record("a", "e"); len(got.Items) != 1 || got.Items[0].Item.PaperID != "e" || got.Items[0].Item.Cursor != 4 || len(got.Full) != 0 {
		t.Errorf("the next day: %+v", got)
	}
	if err := f.Delete(t.Context(), "o", "f"); err != nil {
		t.Fatal(err)
	}
	if got := record("z"); len(got.Items) != 0 {
		t.Errorf("of a feed that is gone: %+v", got)
	}
}
