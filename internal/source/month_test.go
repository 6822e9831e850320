package source_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"akin/internal/kv"
	"akin/internal/source"
	"akin/internal/source/logbook"
)

// onDisk is a book on a disk that power cuts can be made of.
type onDisk struct {
	t  *testing.T
	fs *vfs.MemFS
	db *kv.DB
}

func (d *onDisk) open() source.Book {
	d.t.Helper()
	if d.fs == nil {
		d.fs = vfs.NewCrashableMem()
	}
	db, err := kv.Open("d", kv.Options{Create: true, FS: d.fs})
	if err != nil {
		d.t.Fatal(err)
	}
	d.db = db
	return logbook.New(db, nil)
}

// cut is a power cut: what comes after it is on what had reached the disk.
func (d *onDisk) cut() { d.fs = d.fs.CrashClone(vfs.CrashCloneCfg{}) }

func (d *onDisk) close() {
	if err := d.db.Close(); err != nil {
		d.t.Error(err)
	}
}

// lockedSource draws for several sites at once.
type lockedSource struct {
	mu sync.Mutex
	of rand.Source
}

func (s *lockedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of.Uint64()
}

// weather is what a month does to a repository and a feed.
type weather struct {
	random *rand.Rand
	repo   *repository
	today  []string // ids that were announced today
	n      int
	puts   map[string]int // how often the repository had something new of a paper
}

// day brings new records, late ones and changed ones; none on a weekend.
func (w *weather) day() {
	w.today = nil
	if d := time.Now().Weekday(); d == time.Saturday || d == time.Sunday {
		return
	}
	for range 3 + w.random.IntN(12) {
		id := fmt.Sprintf("2601.%05d", w.n)
		w.n++
		w.put(id)
		w.today = append(w.today, id)
	}
	for range w.random.IntN(4) { // an old record changes, and is new in the lists
		if w.n > 0 {
			w.put(fmt.Sprintf("2601.%05d", w.random.IntN(w.n)))
		}
	}
}

func (w *weather) put(id string) {
	w.repo.put(id, time.Now())
	w.puts["arXiv:"+id]++
}

// answer is how a request goes: mostly well.
func (w *weather) answer(rw http.ResponseWriter) bool {
	switch w.random.IntN(30) {
	case 0:
		rw.Header().Set("Retry-After", fmt.Sprint(w.random.IntN(4000)))
		rw.WriteHeader(http.StatusTooManyRequests)
	case 1:
		rw.WriteHeader(http.StatusBadGateway)
	case 2:
		fmt.Fprint(rw, "<html>Maintenance</html>")
	case 3:
		fmt.Fprint(rw, `<OAI-PMH><ListRecords><record><header><identifier>oai:arXiv.org:26`)
	case 4:
		fmt.Fprint(rw, `<OAI-PMH><error code="badResumptionToken">expired</error></OAI-PMH>`)
	default:
		return false
	}
	return true
}

// A month of outages, refusals, expired tokens, records that move, and restarts: at the
// end every paper is there, none was written without need, and no site was asked
// impolitely.
func TestMonth(t *testing.T) {
	for seed := range uint64(2) {
		inBubble(t, func(t *testing.T) { month(t, seed, 30, nil) })
	}
}

// The same over a disk, with power cuts; for some days, since each write takes its time.
func TestPowerCuts(t *testing.T) {
	inBubble(t, func(t *testing.T) { month(t, 7, 4, &onDisk{t: t}) })
}

func month(t *testing.T, seed uint64, days int, disk *onDisk) {
	w := &weather{random: rand.New(&lockedSource{of: rand.NewPCG(seed, 1)}), repo: newRepository(), puts: make(map[string]int)}
	w.repo.noSize = seed%2 == 1
	w.repo.before = func(rw http.ResponseWriter, _ *http.Request) bool { return w.answer(rw) }
	lane := plainLane()
	lane.Every = 4 * time.Hour
	r := newRig(t, ledger(), lane)
	r.net.handle("oai.example", w.repo.ServeHTTP)
	r.net.handle("rss.example", func(rw http.ResponseWriter, _ *http.Request) {
		if w.answer(rw) {
			return
		}
		var entries []string
		for _, id := range w.today {
			entries = append(entries, entry(id, "v1", "Paper "+id, "About it."))
		}
		fmt.Fprint(rw, announced(entries...))
	})
	if disk != nil {
		r.book = disk.open()
	}
	r.open(true)
	for day := range days {
		r.net.sync()
		w.day()
		r.net.sync()
		r.net.setDown(day > 3 && w.random.IntN(6) == 0) // a whole day
		for range 4 {
			time.Sleep(time.Duration(w.random.Int64N(int64(12 * time.Hour))))
			if w.random.IntN(3) > 0 {
				continue
			}
			if disk != nil {
				disk.cut() // what is written from here on is lost
			}
			r.close()
			time.Sleep(time.Duration(w.random.Int64N(int64(3 * time.Hour))))
			if disk != nil {
				disk.close()
				r.book = disk.open()
			}
			r.open(true)
		}
		time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)))
	}
	r.net.setDown(false)
	w.repo.mu.Lock()
	w.repo.before = nil
	w.repo.mu.Unlock()
	time.Sleep(2 * 24 * time.Hour)
	r.close()
	if disk != nil {
		disk.close()
	}
	w.check(t, r, seed)
}

func (w *weather) check(t *testing.T, r *rig, seed uint64) {
	t.Helper()
	wantIDs(t, r, slices.Collect(maps.Keys(w.puts)))
	if r.net.most > 2 { // there are two sites
		t.Errorf("seed %d: %d requests at once", seed, r.net.most)
	}
	for id, n := range r.papers.writes { // once more: the feed brought it first
		if n > w.puts[id]+1 {
			t.Errorf("seed %d: %s was written %d times; the repository had something new of it %d times", seed, id, n, w.puts[id])
		}
	}
}
