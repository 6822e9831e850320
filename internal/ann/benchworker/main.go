// Command benchworker answers commands of make bench-ann, which runs it side by
// side with other libraries. It reads float32 vectors and uint32 ordinals from
// files of rows in a folder, and then a command a line from standard input:
//
//	build WORKERS    a new index from all vectors; 0: one by one
//	search EF        every query once, for 10 neighbours; EF 0 scans
//	filter NAME EF   the same among those of the file kept-NAME, by the plan that
//	                 the graph chooses
//	delete           those of the file deleted
//	memory           bytes per vector, by the graph's own count
//	save, open, read to and from a file; open maps the vectors
//
// It answers each with wall seconds, CPU seconds and a value: the recall of a
// search by the files truth, truth-NAME and, after delete, truth-left; the bytes
// of memory; otherwise 0.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"akin/internal/ann"
)

const neighbors = 10

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "benchworker:", err)
		os.Exit(1)
	}
}

// worker holds what commands work on.
type worker struct {
	options       ann.Options
	coder         bool // coder/hnsw in place of a graph
	folder        string
	base, queries *matrix
	truth         []uint32 // neighbors of each query
	ordinals      []uint32
	vectors       [][]float32
	index         ann.Index  // graph, or a coder
	graph         *ann.Graph // nil with coder
	chooses       *ann.Graph // the same graph, which does not always walk
	exact         *ann.Exact
	bytes         int64 // of the coder
	kept          string
	keep          *roaring.Bitmap // of kept
	keepTruth     []uint32
}

func run() (err error) {
	var w worker
	dimension := flag.Int("dimension", 384, "of the vectors")
	flag.StringVar(&w.folder, "folder", "", "where the files are")
	flag.IntVar(&w.options.M, "m", 16, "links")
	flag.IntVar(&w.options.EfConstruction, "ef-construction", 200, "candidates")
	flag.BoolVar(&w.options.Plain, "plain", false, "float32 alone")
	flag.BoolVar(&w.options.LVQ, "lvq", false, "codes in two levels, no float32")
	flag.BoolVar(&w.coder, "coder", false, "coder/hnsw in place of the graph")
	profile := flag.String("profile", "", "file for a CPU profile")
	flag.Parse()
	if w.base, err = w.read("base", *dimension); err != nil {
		return err
	}
	if w.queries, err = w.read("queries", *dimension); err != nil {
		return err
	}
	if w.truth, err = w.words("truth"); err != nil {
		return err
	}
	for i := range w.base.rows() {
		w.ordinals, w.vectors = append(w.ordinals, uint32(i)), append(w.vectors, w.base.row(i))
	}
	w.options.AlwaysWalk = true
	w.options.Capacity = w.base.rows()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return w.serve()
}

func (w *worker) serve() error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		runtime.GC() // what the last command left
		begin, cpu := time.Now(), cpuSeconds()
		value, err := w.do(in.Text())
		if err != nil {
			return fmt.Errorf("%s: %w", in.Text(), err)
		}
		fmt.Fprintf(os.Stdout, "%.6f %.6f %.6f\n", time.Since(begin).Seconds(), cpuSeconds()-cpu, value)
	}
	return in.Err()
}

func (w *worker) do(line string) (value float64, err error) {
	var n int
	var name string
	switch {
	case scan(line, "build %d", &n):
		return 0, w.build(n)
	case scan(line, "search %d", &n):
		return w.search(n)
	case scan(line, "filter %s %d", &name, &n):
		return w.filter(name, n)
	case line == "memory":
		if w.graph != nil {
			w.bytes = w.graph.Stats().Bytes
		}
		return float64(w.bytes) / float64(w.index.Len()), nil
	case line == "delete":
		return 0, w.delete()
	case w.graph == nil:
		return 0, errors.New("coder/hnsw has no file")
	case line == "save":
		return 0, w.graph.Save(w.path("graph"), "bench")
	case line == "open", line == "read":
		return 0, w.open(line == "read")
	}
	return 0, errors.New("unknown command")
}

func (w *worker) path(name string) string { return filepath.Join(w.folder, name) }

func scan(line, format string, into ...any) bool {
	_, err := fmt.Sscanf(line, format, into...)
	return err == nil
}

func (w *worker) build(workers int) (err error) {
	if w.coder {
		return w.buildCoder()
	}
	if w.graph, err = ann.NewGraph(w.base.dimension, w.options); err != nil {
		return err
	}
	w.index = w.graph
	if workers > 0 {
		return w.graph.UpsertMany(context.Background(), w.ordinals, w.vectors, workers)
	}
	return fill(w.graph, w.vectors)
}

// buildCoder counts the bytes by what is on the heap before and after.
func (w *worker) buildCoder() error {
	w.index = nil
	before := heap()
	coder, err := ann.NewCoder(w.base.dimension, 1)
	if err != nil {
		return err
	}
	if err := fill(coder, w.vectors); err != nil {
		return err
	}
	w.index, w.bytes = coder, heap()-before
	return nil
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func fill(index ann.Index, vectors [][]float32) error {
	for i, v := range vectors {
		if err := index.Upsert(uint32(i), v); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) open(inMemory bool) error {
	if err := w.graph.Close(); err != nil {
		return err
	}
	var err error
	w.graph, _, err = ann.OpenGraph(w.path("graph"), ann.OpenOptions{InMemory: inMemory, AlwaysWalk: true})
	w.index = w.graph
	return err
}

// search runs all queries and gives the recall.
func (w *worker) search(ef int) (recall float64, err error) {
	var index ann.Searcher = w.index
	if ef == 0 {
		if w.exact == nil {
			if w.exact, err = ann.NewExact(w.base.dimension); err != nil {
				return 0, err
			}
			if err := fill(w.exact, w.vectors); err != nil {
				return 0, err
			}
		}
		index = w.exact
	}
	return w.ask(index, ann.Query{EfSearch: ef}, w.truth)
}

// filter is search among some, in the graph as it was saved.
func (w *worker) filter(name string, ef int) (recall float64, err error) {
	if name != w.kept {
		ordinals, err := w.words("kept-" + name)
		if err != nil {
			return 0, err
		}
		if w.keepTruth, err = w.words("truth-" + name); err != nil {
			return 0, err
		}
		w.kept, w.keep = name, roaring.BitmapOf(ordinals...)
	}
	if w.chooses == nil {
		if w.chooses, _, err = ann.OpenGraph(w.path("graph"), ann.OpenOptions{InMemory: true}); err != nil {
			return 0, err
		}
	}
	return w.ask(w.chooses, ann.Query{EfSearch: ef, Exact: ef == 0, Keep: w.keep}, w.keepTruth)
}

func (w *worker) ask(index ann.Searcher, like ann.Query, truth []uint32) (recall float64, err error) {
	like.K, like.Room = neighbors, make([]ann.Neighbor, neighbors)
	hits := 0
	for i := range w.queries.rows() {
		like.Vector = w.queries.row(i)
		r, err := index.Search(context.Background(), like)
		if err != nil {
			return 0, err
		}
		for _, n := range r.Neighbors {
			for _, want := range truth[i*neighbors : (i+1)*neighbors] {
				if n.Ordinal == want {
					hits++
				}
			}
		}
	}
	return float64(hits) / float64(neighbors*w.queries.rows()), nil
}

func (w *worker) delete() error {
	ordinals, err := w.words("deleted")
	if err != nil {
		return err
	}
	for _, ordinal := range ordinals {
		if _, err := w.index.Delete(ordinal); err != nil {
			return err
		}
	}
	w.truth, err = w.words("truth-left")
	return err
}

// matrix is vectors in row order.
type matrix struct {
	dimension int
	values    []float32
}

func (m *matrix) rows() int { return len(m.values) / m.dimension }

func (m *matrix) row(i int) []float32 { return m.values[i*m.dimension : (i+1)*m.dimension] }

func (w *worker) read(name string, dimension int) (*matrix, error) {
	all, err := w.words(name)
	if err != nil {
		return nil, err
	}
	m := &matrix{dimension, make([]float32, len(all))}
	for i, bits := range all {
		m.values[i] = math.Float32frombits(bits)
	}
	return m, nil
}

// words reads a file of little-endian uint32.
func (w *worker) words(name string) ([]uint32, error) {
	raw, err := os.ReadFile(w.path(name))
	if err != nil {
		return nil, err
	}
	out := make([]uint32, len(raw)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return out, nil
}

// cpuSeconds is the user and system time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
