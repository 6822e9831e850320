// Command benchbleve answers queries with akin's lexical index or with bleve's,
// for make bench-lexical, which measures them side by side. It is a module of
// its own, so that bleve's dependencies stay out of akin's.
//
// It reads requests from standard input, one JSON object a line: first the name
// of a gzipped file of papers as JSON lines, then batches of queries. It answers
// each with a line of measurements.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// abstract is a paper of the file.
type abstract struct{ ID, Title, Abstract string }

// engine is one of those that are compared.
type engine interface {
	add(papers []abstract) error
	finish(dir string) error
	search(ctx context.Context, text string, k int) (int, error)
}

func main() {
	name := flag.String("engine", "akin", "akin or bleve")
	papers := flag.String("papers", "", "gzipped JSON lines of id, title and abstract")
	dir := flag.String("dir", "", "where files are written")
	flag.Parse()
	if err := run(*name, *papers, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "benchbleve:", err)
		os.Exit(1)
	}
}

func run(name, file, dir string) error {
	papers, err := read(file)
	if err != nil {
		return err
	}
	var e engine
	if name == "bleve" {
		e, err = openBleve(dir)
	} else {
		e, err = openAkin()
	}
	if err != nil {
		return err
	}
	start := time.Now()
	if err := e.add(papers); err != nil {
		return err
	}
	built := time.Since(start)
	if err := e.finish(dir); err != nil {
		return err
	}
	papers = nil
	debug.FreeOSMemory()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]any{"build_s": built.Seconds(), "disk_mb": size(dir), "rss_mb": resident()}); err != nil {
		return err
	}
	return serve(e, out)
}

// serve answers batches until standard input ends.
func serve(e engine, out *json.Encoder) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var batch struct {
			Texts []string
			K     int
		}
		if err := json.Unmarshal(lines.Bytes(), &batch); err != nil {
			return err
		}
		times := make([]float64, len(batch.Texts))
		for i, text := range batch.Texts {
			start := time.Now()
			if _, err := e.search(context.Background(), text, batch.K); err != nil {
				return err
			}
			times[i] = float64(time.Since(start)) / 1e6
		}
		if err := out.Encode(map[string]any{"ms": times}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func read(name string) ([]abstract, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var all []abstract
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a abstract
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, lines.Err()
}

// size gives the bytes of a directory's files, in MB.
func size(dir string) float64 {
	total := int64(0)
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			total += info.Size()
		}
		return nil
	})
	return float64(total) / 1e6
}

// resident gives the process's resident memory, in MB.
func resident() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1e3
		}
	}
	return 0
}
