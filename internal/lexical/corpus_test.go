package lexical

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// abstract is one of the real abstracts.
type abstract struct{ ID, Title, Abstract string }

// shared gives a path below the data that lies beside the repository, or skips.
func shared(tb testing.TB, path string) string {
	tb.Helper()
	path = filepath.Join("..", "..", "..", "shared", "data", path)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		tb.Skip("the shared data folder is not beside this repository, so there are no real papers to search")
	}
	return path
}

// abstracts reads the real abstracts, at most limit if that is not 0.
func abstracts(tb testing.TB, limit int) []abstract {
	tb.Helper()
	file, err := os.Open(shared(tb, "abstracts/abstracts.jsonl.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	var all []abstract
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && (limit == 0 || len(all) < limit) {
		var a abstract
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			tb.Fatal(err)
		}
		all = append(all, a)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}

// fill makes an index of papers under the ordinals 0, 1, 2 and so on.
func fill(tb testing.TB, papers []abstract, options Options) *Index {
	tb.Helper()
	x, err := New(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = x.Close() })
	for i, p := range papers {
		if err := x.Upsert(uint32(i), p.Title, p.Abstract, []string{p.ID}); err != nil {
			tb.Fatal(err)
		}
	}
	return x
}
