// Command benchworker embeds a file of texts again and again for make
// bench-embed, which runs it side by side with its peers. It reads the paths of
// library and model from its flags, one JSON string a line from -texts, and then
// a command a line from standard input: "run BATCH" embeds all texts in requests
// of BATCH texts (0: all at once), "one N" embeds text N alone, "vectors" prints
// all vectors, a JSON list a line. Each run answers with wall and CPU seconds.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"akin/internal/embed"
	"akin/internal/embed/onnx"
	"akin/internal/model"
	"akin/models"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "benchworker:", err)
		os.Exit(1)
	}
}

func run() error {
	home := flag.String("home", ".akin", "directory with models and library")
	path := flag.String("texts", "", "file of JSON strings")
	threads := flag.Int("threads", 0, "cores to use; 0 for all")
	dir := flag.String("model-dir", "", "directory of the model, if not the default")
	precision := flag.String("precision", model.Float32, "float32, int8, or bf16, which needs matrix units and make setup-bf16")
	flag.Parse()
	m, err := model.Load(models.Files, model.DefaultName)
	if err != nil {
		return err
	}
	r, err := model.LoadRuntime(models.Files)
	if err != nil {
		return err
	}
	host, err := r.Host()
	if err != nil {
		return err
	}
	if *dir == "" {
		*dir = filepath.Join(*home, "models", m.DirName())
	}
	texts, err := read(*path)
	if err != nil {
		return err
	}
	config := embed.Config{
		Runtime:  onnx.Runtime{Library: filepath.Join(*home, "lib", host.Library.Name)},
		ModelDir: *dir, Manifest: m, Precision: *precision, Threads: *threads, QueueTokens: 1 << 24,
	}
	if *precision == model.BFloat16 {
		if config.Matrix, err = matrix(host, filepath.Join(*home, "lib")); err != nil {
			return err
		}
	}
	e, err := embed.Open(config)
	if err != nil {
		return err
	}
	return errors.Join(serve(e, texts), e.Close())
}

// matrix is what runs bf16; nothing else is measured under that name.
func matrix(host model.Platform, lib string) (embed.Runtime, error) {
	if host.Matrix == nil || !onnx.MatrixUnits() {
		return nil, errors.New("this machine has no matrix units for bf16")
	}
	if err := host.Matrix.Verify(lib, model.Digest); err != nil {
		return nil, fmt.Errorf("%w; run make setup-bf16", err)
	}
	return onnx.Matrix{Library: filepath.Join(lib, host.Library.Name), Plugin: host.Matrix.Plugin(lib)}, nil
}

func read(path string) (texts []string, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range slices.Values(splitLines(raw)) {
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func splitLines(raw []byte) (lines [][]byte) {
	start := 0
	for i, b := range raw {
		if b == '\n' {
			lines = append(lines, raw[start:i])
			start = i + 1
		}
	}
	return lines
}

func serve(e *embed.Embedder, texts []string) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var n int
		begin, cpu := time.Now(), cpuSeconds()
		var err error
		switch line := in.Text(); {
		case line == "vectors":
			err = vectors(e, texts)
		case scan(line, "run %d", &n):
			err = embedAll(e, texts, n)
		case scan(line, "one %d", &n):
			_, _, err = e.Embed(context.Background(), texts[n:n+1], embed.Options{Role: embed.Query})
		default:
			err = fmt.Errorf("unknown command %q", line)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%.6f %.6f\n", time.Since(begin).Seconds(), cpuSeconds()-cpu)
	}
	return in.Err()
}

func scan(line, format string, into *int) bool {
	_, err := fmt.Sscanf(line, format, into)
	return err == nil
}

func embedAll(e *embed.Embedder, texts []string, batch int) error {
	if batch == 0 {
		batch = len(texts)
	}
	for part := range slices.Chunk(texts, batch) {
		if _, _, err := e.Embed(context.Background(), part, embed.Options{Class: embed.Bulk}); err != nil {
			return err
		}
	}
	return nil
}

func vectors(e *embed.Embedder, texts []string) error {
	got, _, err := e.Embed(context.Background(), texts, embed.Options{Class: embed.Bulk})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for _, g := range got {
		if err := json.NewEncoder(out).Encode(g.Vector); err != nil {
			return err
		}
	}
	return out.Flush()
}

// cpuSeconds is the user and system time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
