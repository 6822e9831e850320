// Command benchworker measures for make bench-job what the batch job does beside
// embedding: it writes a file of -rows papers, runs the job over it with an
// embedder that costs nothing, and prints rows a second and the most memory
// that it ever held.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/vecfile"
)

const dimension = 384

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "benchworker:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	rows := flag.Int("rows", 1_000_000, "papers")
	formats := flag.String("write", "npy", "formats to write")
	dir := flag.String("dir", "", "scratch directory; it needs some 5 kB a row")
	flag.Parse()
	input := filepath.Join(*dir, "papers.jsonl")
	if err := generate(input, *rows); err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "| %s | rows/s | peak memory, MiB |\n|---|---|---|\n", *formats)
	for _, pass := range []string{"everything new", "everything cached"} {
		begin := time.Now()
		if err := embed(*dir, input, strings.Split(*formats, ",")); err != nil {
			return err
		}
		peak, err := peakMemory()
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "| %s | %.0f | %d |\n", pass, float64(*rows)/time.Since(begin).Seconds(), peak)
	}
	return nil
}

// generate writes papers with abstracts of the usual length.
func generate(path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 5000)
	for i := range words {
		words[i] = fmt.Sprintf("w%x", r.Uint32()>>(8+r.IntN(16)))
	}
	for i := range rows {
		fmt.Fprintf(w, `{"id":"p%09d","title":"Paper number %d on %s","authors":["A. Person","B. Person"],"year":%d,"abstract":"`, i, i, words[i%len(words)], 1990+i%36)
		for range 100 + r.IntN(120) {
			fmt.Fprint(w, words[r.IntN(len(words))], " ")
		}
		fmt.Fprintln(w, "\"}")
	}
	return errors.Join(w.Flush(), f.Close())
}

func embed(dir, input string, formats []string) (err error) {
	cache, err := job.OpenCache(filepath.Join(dir, "cache"), "0123456789abcdef", dimension)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	out, err := vecfile.Create(vecfile.Options{Dir: dir, Name: "embeddings", Formats: formats, Dimension: dimension})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Abandon()) }()
	q := ingest.NewQuarantine(filepath.Join(dir, "quarantine.jsonl"))
	if _, err := job.Run(context.Background(), job.Config{
		Inputs: []string{input}, Cache: cache, Embedder: free{}, Output: out, Quarantine: q,
	}); err != nil {
		return err
	}
	_, err = out.Commit()
	return errors.Join(err, q.Close())
}

// free embeds at no cost.
type free struct{}

// Embed implements job.Embedder.
func (free) Embed(ctx context.Context, next func(context.Context) (job.Text, error), got func(job.Answer) error) error {
	r := rand.New(rand.NewPCG(3, 4))
	for {
		_, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		v := make([]float32, dimension)
		for i := range v {
			v[i] = r.Float32() - 0.5
		}
		if err := got(job.Answer{Vector: job.Vector{Values: v, Tokens: 200}}); err != nil {
			return err
		}
	}
}

// peakMemory is the most that this process had resident, in MiB. Pages of files
// that are mapped count, though the system can take them back.
func peakMemory() (int, error) {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(string(raw), "VmHWM:")
	var kib int
	if _, err := fmt.Sscan(after, &kib); !found || err != nil {
		return 0, errors.New("no VmHWM in /proc/self/status")
	}
	return kib >> 10, nil
}
