// Command benchworker answers commands of make bench-ann, which runs it side by
// side with other libraries. It reads float32 vectors from files of rows, and then
// a command a line from standard input:
//
//	build WORKERS    a new graph from all vectors; 0: one by one
//	search EF        every query once, for 10 neighbours; EF 0 scans
//	memory           bytes per vector, by the index's own count
//	save, open, read to and from the file of -file; open maps the vectors
//
// It answers each with wall seconds, CPU seconds and a value: the recall of a
// search, the bytes of memory, otherwise 0.
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
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"

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
	base, queries *matrix
	truth         []uint32 // neighbors of each query
	ordinals      []uint32
	vectors       [][]float32
	graph         *ann.Graph
	exact         *ann.Exact
	file          string
}

func run() (err error) {
	var w worker
	dimension := flag.Int("dimension", 384, "of the vectors")
	base, queries, truth := flag.String("base", "", "file of vectors"), flag.String("queries", "", "file of vectors"), flag.String("truth", "", "file of uint32 ordinals, 10 of each query")
	flag.StringVar(&w.file, "file", "", "where to save")
	flag.IntVar(&w.options.M, "m", 16, "links")
	flag.IntVar(&w.options.EfConstruction, "ef-construction", 200, "candidates")
	flag.BoolVar(&w.options.Plain, "plain", false, "float32 alone")
	profile := flag.String("profile", "", "file for a CPU profile")
	flag.Parse()
	if w.base, err = read(*base, *dimension); err != nil {
		return err
	}
	if w.queries, err = read(*queries, *dimension); err != nil {
		return err
	}
	if w.truth, err = words(*truth); err != nil {
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
	switch {
	case scan(line, "build %d", &n):
		return 0, w.build(n)
	case scan(line, "search %d", &n):
		return w.search(n)
	case line == "memory":
		return float64(w.graph.Stats().Bytes) / float64(w.graph.Len()), nil
	case line == "save":
		return 0, w.graph.Save(w.file, ann.Stamp{Space: "bench"})
	case line == "open", line == "read":
		return 0, w.open(line == "read")
	}
	return 0, errors.New("unknown command")
}

func scan(line, format string, into *int) bool {
	_, err := fmt.Sscanf(line, format, into)
	return err == nil
}

func (w *worker) build(workers int) (err error) {
	if w.graph, err = ann.NewGraph(w.base.dimension, w.options); err != nil {
		return err
	}
	if workers > 0 {
		return w.graph.UpsertMany(context.Background(), w.ordinals, w.vectors, workers)
	}
	for i, v := range w.vectors {
		if err := w.graph.Upsert(uint32(i), v); err != nil {
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
	w.graph, _, err = ann.OpenGraph(w.file, ann.OpenOptions{InMemory: inMemory, AlwaysWalk: true})
	return err
}

// search runs all queries and gives the recall.
func (w *worker) search(ef int) (float64, error) {
	var index ann.Searcher = w.graph
	if ef == 0 {
		if err := w.fillExact(); err != nil {
			return 0, err
		}
		index = w.exact
	}
	room := make([]ann.Neighbor, neighbors)
	hits := 0
	for i := range w.queries.rows() {
		r, err := index.Search(context.Background(), ann.Query{Vector: w.queries.row(i), K: neighbors, EfSearch: ef, Room: room})
		if err != nil {
			return 0, err
		}
		for _, n := range r.Neighbors {
			for _, want := range w.truth[i*neighbors : (i+1)*neighbors] {
				if n.Ordinal == want {
					hits++
				}
			}
		}
	}
	return float64(hits) / float64(neighbors*w.queries.rows()), nil
}

func (w *worker) fillExact() (err error) {
	if w.exact != nil {
		return nil
	}
	if w.exact, err = ann.NewExact(w.base.dimension); err != nil {
		return err
	}
	for i := range w.base.rows() {
		if err := w.exact.Upsert(uint32(i), w.base.row(i)); err != nil {
			return err
		}
	}
	return nil
}

// matrix is vectors in row order.
type matrix struct {
	dimension int
	values    []float32
}

func (m *matrix) rows() int { return len(m.values) / m.dimension }

func (m *matrix) row(i int) []float32 { return m.values[i*m.dimension : (i+1)*m.dimension] }

func read(path string, dimension int) (*matrix, error) {
	all, err := words(path)
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
func words(path string) ([]uint32, error) {
	raw, err := os.ReadFile(path)
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
