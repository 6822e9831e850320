package weaviate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"akin/internal/catalog/weaviate"
	"akin/internal/home"
	"akin/internal/kv"
	"akin/internal/paper"
)

// besideServer is a writer of what is kept beside papers: a directory, and its home in the
// cluster.
type besideServer struct {
	*testing.T
	db    *kv.DB
	home  *home.Home
	found home.Found
}

func startBeside(t *testing.T, place home.Place, dir string, epoch uint64) (*besideServer, error) {
	t.Helper()
	db, err := kv.Open(dir, kv.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &besideServer{T: t, db: db}
	s.home, s.found, err = home.Open(t.Context(), home.Config{Place: place, DB: db, Lower: []byte{0x20}, Upper: []byte{0x30}, Epoch: epoch})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func mustBeside(t *testing.T, place home.Place, dir string, epoch uint64) *besideServer {
	t.Helper()
	s, err := startBeside(t, place, dir, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *besideServer) stop() {
	s.Helper()
	if err := errors.Join(s.home.Close(), s.db.Close()); err != nil {
		s.Error(err)
	}
}

// commit sets keys.
func (s *besideServer) commit(c map[string]string) error {
	end, err := s.db.Begin(context.Background())
	if err != nil {
		return err
	}
	defer end()
	batch := s.db.NewBatch()
	for key, value := range c {
		k := []byte("\x20" + key)
		if err := batch.Set(k, kv.Seal(k, []byte(value))); err != nil {
			return err
		}
	}
	snap, err := s.db.Commit(batch)
	if err == nil {
		snap.Close()
	}
	return err
}

func (s *besideServer) all() map[string]string {
	s.Helper()
	snap := s.db.Snapshot()
	defer snap.Close()
	out := map[string]string{}
	err := snap.Scan(s.Context(), []byte{0x20}, []byte{0x30}, func(key, value []byte) error {
		payload, err := kv.Unseal(key, value)
		out[string(key[1:])] = string(payload)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func openBeside(t *testing.T, change func(*weaviate.Config)) *weaviate.Beside {
	t.Helper()
	c := open(t, recallSpace(), change)
	b, err := c.Beside(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		dropAtLast(t, b.Drop)
	})
	return b
}

// A library of 100,000 entries, and more than a thousand changes behind the base, are what
// a server that takes over begins with.
func TestBesideMany(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	place := openBeside(t, func(c *weaviate.Config) { c.Try = 30 * time.Second })
	a := mustBeside(t, place, t.TempDir(), 1)
	want := map[string]string{}
	began := time.Now()
	const entries, each = 100_000, 500
	for from := 0; from < entries; from += each {
		c := map[string]string{}
		for i := from; i < from+each; i++ {
			c[fmt.Sprintf("entry/%06d", i)] = fmt.Sprint("a note on paper ", i, strings.Repeat(" x", 60))
		}
		if err := a.commit(c); err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, c)
	}
	t.Logf("%d entries in %d commits took %v", entries, entries/each, time.Since(began).Round(time.Millisecond))
	// One change is larger than what an object of the cluster may be.
	large := map[string]string{"large": strings.Repeat("0123456789abcdef", 1<<20)}
	if err := a.commit(large); err != nil {
		t.Fatal(err)
	}
	maps.Copy(want, large)
	began = time.Now()
	const more = 1500
	for i := range more {
		c := map[string]string{fmt.Sprintf("entry/%06d", i): fmt.Sprint("changed ", i)}
		if err := a.commit(c); err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, c)
	}
	t.Logf("%d changes took %v each", more, (time.Since(began) / more).Round(10*time.Microsecond))
	a.stop()
	began = time.Now()
	b := mustBeside(t, place, t.TempDir(), 2)
	t.Logf("a server with an empty directory began after %v: %+v", time.Since(began).Round(time.Millisecond), b.found)
	if got := b.all(); !maps.Equal(got, want) {
		t.Errorf("it has %d entries, want %d", len(got), len(want))
	}
	b.stop()
}

// Without a quorum nothing is acknowledged; what was asked for is there whole afterwards,
// or not at all, and what was acknowledged is there.
func TestBesideWithoutQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("kills nodes for a minute")
	}
	place := openBeside(t, func(c *weaviate.Config) { c.Timeout, c.Try = 6*time.Second, 3*time.Second })
	dir := t.TempDir()
	a := mustBeside(t, place, filepath.Join(dir, "a"), 1)
	want := map[string]string{}
	put := func(s *besideServer, c map[string]string) {
		t.Helper()
		began := time.Now()
		var err error
		for err = s.commit(c); err != nil && time.Since(began) < 3*time.Minute; err = s.commit(c) {
			time.Sleep(time.Second)
		}
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, c)
	}
	for i := range 20 {
		put(a, map[string]string{fmt.Sprint("k", i): "1"})
	}
	down := func(i string) {
		control(t, "kill", i)
		t.Cleanup(func() { control(t, "start", i) })
	}
	down("1")
	put(a, map[string]string{"with two nodes": "1"})
	down("2")
	doubt := map[string]string{"x": "1", "y": strings.Repeat("y", 2<<20), "z": "1"}
	for range 2 {
		if err := a.commit(doubt); err == nil {
			t.Error("one node of three acknowledged a change")
		}
	}
	if got := a.all(); got["x"] != "" || got["y"] != "" {
		t.Error("what was not acknowledged is seen")
	}
	control(t, "start", "1")
	put(a, map[string]string{"with two nodes again": "1"})
	got := a.all()
	for _, key := range []string{"x", "y", "z"} { // the change in doubt was made first
		if got[key] != doubt[key] {
			t.Errorf("%s has %d bytes, want %d", key, len(got[key]), len(doubt[key]))
		}
	}
	maps.Copy(want, doubt)
	a.stop()
	control(t, "start", "2")
	control(t, "kill", "0")
	t.Cleanup(func() { control(t, "start", "0") })
	var b *besideServer
	var err error
	for epoch := uint64(2); epoch < 60 && b == nil; epoch++ { // until the nodes know of each other
		if b, err = startBeside(t, place, filepath.Join(dir, fmt.Sprint("b", epoch)), epoch); err != nil {
			var e *paper.Error
			if !errors.As(err, &e) || e.Kind != paper.Unavailable {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
	}
	if b == nil {
		t.Fatal(err)
	}
	if got := b.all(); !maps.Equal(got, want) {
		t.Errorf("the next writer has %d entries, want %d", len(got), len(want))
	}
	put(b, map[string]string{"after": "1"})
	b.stop()
}

// A writer that was halted gets nothing acknowledged once another one came, although no
// file says who writes; its directory, and an older copy of it, join what the other wrote.
func TestBesideHalted(t *testing.T) {
	place := openBeside(t, nil)
	dir := t.TempDir()
	a := mustBeside(t, place, filepath.Join(dir, "a"), 1)
	if err := a.commit(map[string]string{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	b := mustBeside(t, place, filepath.Join(dir, "b"), 2)
	for i := range 30 {
		if err := b.commit(map[string]string{fmt.Sprint("b", i): "1"}); err != nil {
			t.Fatal(err)
		}
		if err := a.commit(map[string]string{"lost": "1"}); err == nil {
			t.Fatal("the first writer goes on")
		}
	}
	want := b.all()
	a.stop()
	b.stop()
	again := mustBeside(t, place, filepath.Join(dir, "a"), 3)
	if got := again.all(); !maps.Equal(got, want) || again.found.Restored {
		t.Errorf("%v, want %v; %+v", got, want, again.found)
	}
	again.stop()
}
