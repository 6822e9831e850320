package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"akin/internal/kv"
	"akin/internal/paper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errPlace = errors.New("the place does not answer")

// memory is a place that fails as told: before it has done what it was asked to, after, or
// before while it does so later.
type memory struct {
	mu      sync.Mutex
	objects map[string]object
	fail    func(op, name string) failure
	late    []func()
}

type failure int

const (
	none failure = iota
	before
	after
	later
	again // it is done, and done once more later, as where an answer was late and another node was asked
)

func newMemory() *memory { return &memory{objects: map[string]object{}} }

func (m *memory) do(op, name string, f func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	how := none
	if m.fail != nil {
		how = m.fail(op, name)
	}
	switch how {
	case none, after:
		f()
	case again:
		f()
		m.late = append(m.late, f)
		return nil
	case later:
		m.late = append(m.late, f)
	case before:
	}
	if how != none {
		return errPlace
	}
	return nil
}

func (m *memory) Get(_ context.Context, name string) (data []byte, err error) {
	err = m.do("get", name, func() { data = m.objects[name].data })
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (m *memory) Put(_ context.Context, name, sort string, number uint64, data []byte) error {
	o := object{name, sort, number, bytes.Clone(data)}
	return m.do("put", name, func() { m.objects[name] = o })
}

func (m *memory) Forget(_ context.Context, sort string, below uint64) error {
	return m.do("forget", sort, func() {
		maps.DeleteFunc(m.objects, func(_ string, o object) bool { return o.sort == sort && o.number < below })
	})
}

// land does what came late.
func (m *memory) land() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.late {
		f()
	}
	m.late = nil
}

func (m *memory) count(sort string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.objects {
		if o.sort == sort {
			n++
		}
	}
	return n
}

func (m *memory) setFail(f func(op, name string) failure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = f
}

var lower, upper = []byte{0x20}, []byte{0x30}

func openDB(t *testing.T, fs vfs.FS) *kv.DB {
	t.Helper()
	db, err := kv.Open("/data", kv.Options{Create: true, CacheBytes: 1 << 20, MemTableBytes: 64 << 10, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// server is a writer: a database, and its home.
type server struct {
	*testing.T
	fs    vfs.FS
	db    *kv.DB
	home  *Home
	found Found
	anew  atomic.Int32 // times that it was asked to open anew, by commits and by bases
}

func config(place Place, db *kv.DB, epoch uint64) Config {
	return Config{Place: place, DB: db, Lower: lower, Upper: upper, Epoch: epoch, partBytes: 64, baseRecords: 10, baseBytes: 4 << 10}
}

func start(t *testing.T, place Place, fs vfs.FS, epoch uint64) (*server, error) {
	t.Helper()
	s := &server{T: t, fs: fs, db: openDB(t, fs)}
	c := config(place, s.db, epoch)
	c.Anew = func() { s.anew.Add(1) }
	var err error
	if s.home, s.found, err = Open(t.Context(), c); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

func mustStart(t *testing.T, place Place, fs vfs.FS, epoch uint64) *server {
	t.Helper()
	s, err := start(t, place, fs, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) stop() {
	s.Helper()
	if err := errors.Join(s.home.Close(), s.db.Close()); err != nil {
		s.Error(err)
	}
}

// change is what a commit does: "" deletes.
type change map[string]string

func (s *server) commit(c change) error {
	end, err := s.db.Begin(context.Background())
	if err != nil {
		return err
	}
	defer end()
	batch := s.db.NewBatch()
	for key, value := range c {
		k := []byte("\x20" + key)
		if value == "" {
			err = errors.Join(err, batch.Delete(k))
		} else {
			err = errors.Join(err, batch.Set(k, kv.Seal(k, []byte(value))))
		}
	}
	if err != nil {
		return err
	}
	snap, err := s.db.Commit(batch)
	if err == nil {
		snap.Close()
	}
	return err
}

func (c change) on(state map[string]string) map[string]string {
	state = maps.Clone(state)
	for key, value := range c {
		if state[key] = value; value == "" {
			delete(state, key)
		}
	}
	return state
}

func all(t *testing.T, db *kv.DB) map[string]string {
	t.Helper()
	snap := db.Snapshot()
	defer snap.Close()
	out := map[string]string{}
	err := snap.Scan(t.Context(), lower, upper, func(key, value []byte) error {
		payload, err := kv.Unseal(key, value)
		out[string(key[1:])] = string(payload)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Everything that was acknowledged is there for the next writer, whose directory is empty,
// or old; bases come and the log goes.
func TestTakeover(t *testing.T) {
	place := newMemory()
	old := vfs.NewMem()
	a := mustStart(t, place, old, 1)
	want := map[string]string{}
	do := func(s *server, c change) {
		t.Helper()
		if err := s.commit(c); err != nil {
			t.Fatal(err)
		}
		want = c.on(want)
	}
	do(a, change{"a": "1", "b": strings.Repeat("long", 100)})
	do(a, change{"a": "", "c": "3"})
	a.stop()
	b := mustStart(t, place, vfs.NewMem(), 2)
	if got := all(t, b.db); !maps.Equal(got, want) || b.found.Number != 2 {
		t.Fatalf("%v, want %v; %+v", got, want, b.found)
	}
	for i := range 50 {
		do(b, change{fmt.Sprint("k", i%7): fmt.Sprint(i)})
	}
	if err := b.home.makeBase(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(b, change{"last": "1"})
	if n := place.count(sortLog); n != 1 {
		t.Errorf("%d records are there behind the base", n)
	}
	b.stop()
	for name, fs := range map[string]vfs.FS{"empty": vfs.NewMem(), "the first one's": old, "its own": b.fs} {
		epoch := uint64(3 + place.count(sortHead)*10)
		place.mu.Lock()
		c := claim{}
		if err := unpack(claimName, place.objects[claimName].data, &c); err != nil {
			t.Fatal(err)
		}
		place.mu.Unlock()
		epoch = max(epoch, c.Epoch+3)
		s := mustStart(t, place, fs, epoch)
		if got := all(t, s.db); !maps.Equal(got, want) || s.found.Restored != (name != "its own") {
			t.Errorf("%s: %v, want %v; %+v", name, got, want, s.found)
		}
		s.stop()
	}
}

// A directory that was there before its place goes there; another one does not.
func TestAdopt(t *testing.T) {
	fs := vfs.NewMem()
	s := &server{T: t, db: openDB(t, fs)}
	if err := s.commit(change{"a": "1", "b": strings.Repeat("x", 200)}); err != nil {
		t.Fatal(err)
	}
	want := all(t, s.db)
	s.db.Close()
	place := newMemory()
	a := mustStart(t, place, fs, 1)
	if !a.found.Adopted {
		t.Errorf("%+v", a.found)
	}
	a.stop()
	b := mustStart(t, place, vfs.NewMem(), 2)
	if got := all(t, b.db); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	b.stop()
	other := vfs.NewMem()
	s = &server{T: t, db: openDB(t, other)}
	if err := s.commit(change{"z": "1"}); err != nil {
		t.Fatal(err)
	}
	s.db.Close()
	_, err := start(t, place, other, 3)
	var e *paper.Error
	if !errors.As(err, &e) || e.Reason != ReasonOther {
		t.Errorf("%v", err)
	}
	// What the directory has can be given to the place.
	db := openDB(t, other)
	found, done, err := Fill(t.Context(), config(place, db, 4), "", true)
	if err != nil || !done || found.Bytes == 0 {
		t.Fatalf("%+v, %t, %v", found, done, err)
	}
	db.Close()
	c := mustStart(t, place, other, 5)
	if err := c.commit(change{"y": "2"}); err != nil {
		t.Fatal(err)
	}
	c.stop()
	d := mustStart(t, place, vfs.NewMem(), 6)
	if got := all(t, d.db); !maps.Equal(got, map[string]string{"z": "1", "y": "2"}) {
		t.Errorf("%v", got)
	}
	d.stop()
}

// A place that has less than a directory, or another past, is not gone on with.
func TestLost(t *testing.T) {
	place := newMemory()
	fs := vfs.NewMem()
	a := mustStart(t, place, fs, 1)
	for i := range 4 {
		if err := a.commit(change{"k": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	a.stop()
	kept := maps.Clone(place.objects)
	for name, harm := range map[string]func(){
		"the last record is gone":   func() { delete(place.objects, logName(1, 4, 0)) },
		"one in the middle is gone": func() { delete(place.objects, logName(1, 2, 0)); delete(place.objects, logName(1, 1, 0)) },
		"one is another's": func() {
			o := place.objects[logName(1, 3, 0)]
			place.objects[logName(1, 4, 0)] = o
		},
		"one is damaged": func() {
			o := place.objects[logName(1, 4, 0)]
			o.data = bytes.Clone(o.data)
			o.data[len(o.data)/2] ^= 1
			place.objects[logName(1, 4, 0)] = o
		},
	} {
		place.objects = maps.Clone(kept)
		harm()
		for where, fs := range map[string]vfs.FS{"": vfs.NewMem(), "its own": fs} {
			if where == "" && strings.Contains(name, "last") || where != "" && strings.Contains(name, "middle") {
				continue // nobody can know
			}
			if s, err := start(t, place, fs, 2); err == nil {
				t.Errorf("%s, directory %q: no error", name, where)
				s.stop()
			}
			delete(place.objects, claimName)
			place.objects[claimName] = kept[claimName]
		}
	}
}

// What a directory has can be given to a place whatever is damaged there.
func TestFillOverDamage(t *testing.T) {
	place := newMemory()
	fs := vfs.NewMem()
	a := mustStart(t, place, fs, 1)
	for i := range 14 {
		if err := a.commit(change{fmt.Sprint("k", i): fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	want := all(t, a.db)
	a.stop()
	kept := maps.Clone(place.objects)
	for name := range kept {
		if name == claimName {
			continue
		}
		place.objects = maps.Clone(kept)
		o := place.objects[name]
		o.data = bytes.Clone(o.data)
		o.data[len(o.data)-1] ^= 1
		place.objects[name] = o
		db := openDB(t, fs)
		if _, done, err := Fill(t.Context(), config(place, db, 2), "", true); err != nil || !done {
			t.Errorf("%s: %t, %v", name, done, err)
		}
		db.Close()
		b := mustStart(t, place, vfs.NewMem(), 3)
		if got := all(t, b.db); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		b.stop()
	}
}

// Fill and Restore copy once, and leave what is there.
func TestFillAndRestore(t *testing.T) {
	place := newMemory()
	from := &server{T: t, db: openDB(t, vfs.NewMem())}
	defer from.db.Close()
	if err := from.commit(change{"a": "1", "b": strings.Repeat("x", 200)}); err != nil {
		t.Fatal(err)
	}
	want := all(t, from.db)
	for epoch := range uint64(2) { // the second run is one after a kill
		if found, done, err := Fill(t.Context(), config(place, from.db, epoch+1), "a directory", false); err != nil || !done || found.Bytes == 0 {
			t.Fatalf("%+v, %t, %v", found, done, err)
		}
	}
	if source, err := Source(t.Context(), place); source != "a directory" || err != nil {
		t.Errorf("%q, %v", source, err)
	}
	if _, done, err := Fill(t.Context(), config(place, from.db, 3), "another", false); err != nil || done {
		t.Errorf("over another: %t, %v", done, err)
	}
	a := mustStart(t, place, vfs.NewMem(), 4)
	if got := all(t, a.db); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := a.commit(change{"c": "3"}); err != nil {
		t.Fatal(err)
	}
	want = all(t, a.db)
	a.stop()
	if _, done, err := Fill(t.Context(), config(place, from.db, 5), "a directory", false); err != nil || done {
		t.Errorf("over what has grown: %t, %v", done, err)
	}
	to := &server{T: t, db: openDB(t, vfs.NewMem())}
	defer to.db.Close()
	for range 2 {
		if found, done, err := Restore(t.Context(), config(place, to.db, 0)); err != nil || !done && found.Bytes == 0 && !maps.Equal(all(t, to.db), want) {
			t.Errorf("%+v, %t, %v", found, done, err)
		}
	}
	if got := all(t, to.db); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, done, err := Restore(t.Context(), config(newMemory(), to.db, 0)); err != nil || done {
		t.Errorf("of nothing: %t, %v", done, err)
	}
}

// A head that comes late does not take the place of a later one, whose base is another.
func TestLateHead(t *testing.T) {
	place := newMemory()
	a := mustStart(t, place, vfs.NewMem(), 1)
	do := func(key string) {
		t.Helper()
		if err := a.commit(change{key: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	do("a")
	place.setFail(func(_, name string) failure {
		if strings.HasPrefix(name, sortHead) {
			return later
		}
		return none
	})
	if err := a.home.makeBase(t.Context()); !errors.Is(err, errPlace) {
		t.Fatal(err)
	}
	place.setFail(nil)
	do("b")
	for range 2 { // the head that failed, and one of what is there now
		if err := a.home.makeBase(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	place.land()
	do("c")
	a.stop()
	b := mustStart(t, place, vfs.NewMem(), 2)
	if got := all(t, b.db); len(got) != 3 {
		t.Errorf("%v", got)
	}
	b.stop()
}

// A claim that comes late once more does not make its writer the writer again, and the one
// that took over goes on.
func TestLateClaim(t *testing.T) {
	place := newMemory()
	place.setFail(func(_, name string) failure {
		if name == claimName {
			return again
		}
		return none
	})
	a := mustStart(t, place, vfs.NewMem(), 1)
	place.setFail(nil)
	if err := a.commit(change{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	b := mustStart(t, place, vfs.NewMem(), 2)
	place.land()
	var e *paper.Error
	if err := a.commit(change{"lost": "1"}); !errors.As(err, &e) || e.Reason != ReasonReplaced {
		t.Errorf("the first one: %v", err)
	}
	if err := b.commit(change{"b": "1"}); err != nil {
		t.Errorf("the second one: %v", err)
	}
	a.stop()
	b.stop()
	c := mustStart(t, place, vfs.NewMem(), 3)
	if got := all(t, c.db); got["a"] != "1" || got["b"] != "1" {
		t.Errorf("%v", got)
	}
	c.stop()
}

// slowReader is a place whose claim one process has read before another one came.
type slowReader struct {
	*memory
	read bool
}

func (s *slowReader) Get(ctx context.Context, name string) ([]byte, error) {
	if name == claimName && !s.read {
		s.read = true
		return nil, nil
	}
	return s.memory.Get(ctx, name)
}

// Of two processes that were given the same epoch, by two writer files, none overwrites
// what the other one wrote, and none is told that it wrote once it is not the only one.
func TestTwins(t *testing.T) {
	place := newMemory()
	a := mustStart(t, place, vfs.NewMem(), 1)
	if err := a.commit(change{"a": "1"}); err != nil {
		t.Fatal(err)
	}
	for name, its := range map[string]Place{"in turn": place, "at once": &slowReader{memory: place}} {
		_, err := start(t, its, vfs.NewMem(), 1)
		var e *paper.Error
		if !errors.As(err, &e) || e.Reason != ReasonReplaced {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.commit(change{"lost": "1"}); err == nil {
		t.Error("the first one wrote, and could not know that it was alone")
	}
	a.stop()
	b := mustStart(t, place, vfs.NewMem(), 2)
	if got := all(t, b.db); got["a"] != "1" {
		t.Errorf("%v", got)
	}
	b.stop()
}

// world is many writers over one place, of which the last one is alive, and others may be
// halted and go on later.
type world struct {
	*testing.T
	random *rand.Rand
	place  *memory
	epoch  uint64
	now    *server
	halted []*server
	idle   []vfs.FS // of servers that were stopped
	// state is what was acknowledged, maybe what a commit in doubt would make of it.
	state map[string]string
	maybe change
	acked int
}

func (w *world) change() change {
	c := change{}
	for range 1 + w.random.IntN(3) {
		value := ""
		if w.random.IntN(4) > 0 {
			value = fmt.Sprint(w.random.IntN(1000), strings.Repeat("x", w.random.IntN(3)*w.random.IntN(100)))
		}
		c[fmt.Sprint("k", w.random.IntN(12))] = value
	}
	return c
}

// trouble makes the place fail sometimes.
func (w *world) trouble(rate int) {
	random := rand.New(rand.NewPCG(w.random.Uint64(), 1))
	w.place.setFail(func(op, _ string) failure {
		if random.IntN(100) >= rate {
			return none
		}
		if op == "get" {
			return before
		}
		return []failure{before, after, later, again}[random.IntN(4)]
	})
}

func (w *world) commit() {
	c, before := w.change(), w.now.home.Number()
	err := w.now.commit(c)
	switch {
	case err == nil:
		if w.maybe != nil { // it was settled first
			w.state = w.maybe.on(w.state)
		}
		w.state, w.maybe = c.on(w.state), nil
		w.acked++
	case w.maybe == nil:
		w.maybe = c
	case w.now.home.Number() > before: // that was settled, and this is the next doubt
		w.state, w.maybe = w.maybe.on(w.state), c
	}
}

// takeOver starts another writer, while the one before is stopped, halted, or goes on.
func (w *world) takeOver() {
	if w.now != nil {
		if w.random.IntN(2) == 0 {
			w.now.stop()
			w.idle = append(w.idle, w.now.fs)
		} else {
			w.halted = append(w.halted, w.now)
		}
	}
	w.now = nil
	for tries := 0; w.now == nil; tries++ {
		var fs vfs.FS = vfs.NewMem()
		if n := len(w.idle); n > 0 && w.random.IntN(2) == 0 {
			i := w.random.IntN(n)
			fs = w.idle[i]
			w.idle = slices.Delete(w.idle, i, i+1)
		}
		w.epoch += 1 + uint64(w.random.IntN(3))
		s, err := start(w.T, w.place, fs, w.epoch)
		if err != nil {
			if !errors.Is(err, errPlace) {
				w.Fatalf("epoch %d: %v", w.epoch, err)
			}
			if w.idle = append(w.idle, fs); tries > 3 {
				w.place.setFail(nil)
			}
			continue
		}
		w.now = s
	}
	got := all(w.T, w.now.db)
	switch {
	case maps.Equal(got, w.state):
	case w.maybe != nil && maps.Equal(got, w.maybe.on(w.state)):
	default:
		w.Fatalf("after %d commits, epoch %d has %v;\nwant %v\nor that with %v", w.acked, w.epoch, got, w.state, w.maybe)
	}
	w.state, w.maybe = got, nil
}

// However the place fails, whatever comes late, and whoever goes on after another one took
// over: what was acknowledged is there, in order, and what was not is there whole or not
// at all.
func TestAnything(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	for seed := range uint64(rounds) {
		w := &world{T: t, random: rand.New(rand.NewPCG(seed, 20)), place: newMemory(), state: map[string]string{}}
		w.takeOver()
		for range 120 {
			switch dice := w.random.IntN(40); {
			case dice < 30:
				w.commit()
			case dice < 33:
				w.place.land()
			case dice < 35:
				w.trouble(w.random.IntN(40))
			case dice < 36:
				w.place.setFail(nil)
			case dice < 38 && len(w.halted) > 0: // it goes on, and must not be told that it wrote
				s := w.halted[w.random.IntN(len(w.halted))]
				if err := s.commit(w.change()); err == nil {
					t.Fatalf("seed %d: a writer of epoch %d that was replaced by %d got a change acknowledged", seed, s.home.config.Epoch, w.epoch)
				}
				if err := s.home.makeBase(t.Context()); err == nil && w.random.IntN(2) == 0 {
					w.place.land()
				}
			default:
				w.takeOver()
			}
			if t.Failed() {
				return
			}
		}
		w.place.setFail(nil)
		w.place.land()
		w.takeOver()
		for _, s := range append(w.halted, w.now) {
			s.stop()
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
