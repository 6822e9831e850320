// Package internal_test holds the checks that concern all rooms at once.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which of akin's own packages each room may import, beside the
// packages below itself. Arrows point one way: see ARCHITECTURE.md.
var rooms = map[string][]string{
	"cmd/akin":               {"internal/cli"},
	"internal/cli":           {"internal/paper", "internal/app", "internal/client", "internal/ingest", "internal/job", "internal/vecfile", "internal/harvest", "internal/eval", "internal/rpc/wire", "proto/akin/v1", "internal/pending", "internal/settings"},
	"internal/app":           {"internal/paper", "internal/rpc", "internal/engine", "internal/catalog", "internal/catalog/local", "internal/embed", "internal/embed/onnx", "internal/store", "internal/model", "models", "internal/pending", "internal/kv", "internal/admit", "internal/telemetry", "internal/vec"},
	"internal/rpc":           {"internal/engine", "internal/catalog", "internal/catalog/local", "internal/dedup", "internal/rank", "internal/embed", "internal/paper", "proto/akin/v1", "internal/operation", "internal/admit", "internal/telemetry"},
	"internal/admit":         {"internal/paper"},
	"internal/telemetry":     {}, // figures come as plain structs
	"internal/settings":      {},
	"internal/rpc/wire":      {"internal/paper", "proto/akin/v1"},
	"internal/rpc/openapi":   {}, // a command of make gen: joins the OpenAPI files
	"internal/client":        {"internal/rpc/wire", "proto/akin/v1"},
	"internal/engine":        {"internal/catalog", "internal/catalog/local", "internal/dedup", "internal/embed", "internal/rank", "internal/sentence", "internal/paper", "internal/paper/titleid"},
	"internal/catalog":       {"internal/paper", "internal/rank"},
	"internal/catalog/local": {"internal/catalog", "internal/store", "internal/kv", "internal/ann", "internal/filter", "internal/lexical", "internal/dedup", "internal/rank", "internal/vec", "internal/paper"},
	"internal/dedup":         {"internal/paper"},
	"internal/operation":     {"internal/paper"},
	"internal/rank":          {"internal/paper", "internal/vec"},
	"internal/kv":            {"internal/paper"},
	"internal/store":         {"internal/kv", "internal/paper"},
	"internal/ann":           {"internal/paper", "internal/vec"},
	"internal/filter":        {"internal/paper", "internal/text/unify"},
	"internal/lexical":       {"internal/paper", "internal/pending", "internal/text/unify"},
	"internal/text":          {}, // cleaning, for whoever reads files
	"internal/text/unify":    {},
	"internal/sentence":      {},
	"internal/ingest":        {"internal/paper", "internal/paper/titleid", "internal/pending", "internal/text"},
	"internal/vecfile":       {"internal/paper", "internal/pending"},
	"internal/harvest":       {"internal/ingest", "internal/paper", "internal/pending"},
	"internal/job":           {"internal/ingest", "internal/vecfile", "internal/paper", "internal/pending"},
	"internal/embed":         {"internal/model", "internal/paper"},
	"internal/embed/onnx":    {"internal/embed"},
	"internal/embed/token":   {},
	"internal/model":         {"internal/pending"},
	"internal/pending":       {}, // files that are whole or absent: whoever writes one
	"internal/vec":           {},
	"internal/vec/asm":       {}, // a module of its own: generates the kernels
	"internal/paper":         {},
	"internal/paper/titleid": {},
	"models":                 {},
	"proto/akin/v1":          {},
	"internal/eval":          {"internal/paper"},
	// For tests and benchmarks only.
	"internal/embed/embedtest":     {"internal/embed", "internal/model", "models", "internal/embed/onnx"},
	"internal/embed/benchworker":   {"internal/embed", "internal/model", "models", "internal/embed/onnx"},
	"internal/job/benchworker":     {"internal/job", "internal/ingest", "internal/vecfile"},
	"internal/ann/benchworker":     {"internal/ann"},
	"internal/ann/anntest":         {"internal/ann", "internal/vec", "internal/paper"},
	"internal/lexical/benchbleve":  {"internal/lexical"},
	"internal/catalog/catalogtest": {"internal/catalog", "internal/filter", "internal/dedup", "internal/rank", "internal/paper"},
}

// only says which room alone may import a library.
var only = map[string]string{
	"github.com/yalue/onnxruntime_go": "internal/embed/onnx",
	"github.com/sugarme/tokenizer":    "internal/embed/token",
	"github.com/cockroachdb/pebble":   "internal/kv",
	"github.com/coder/hnsw":           "internal/ann",
	"github.com/alecthomas/kong":      "internal/cli",
	"go.einride.tech/aip":             "internal/filter",
	"github.com/prometheus":           "internal/telemetry",
	"go.opentelemetry.io":             "internal/telemetry",
	"go.yaml.in/yaml":                 "internal/settings",
	"github.com/rivo/uniseg":          "internal/sentence",
	"github.com/blevesearch/segment":  "internal/lexical",
	"github.com/blevesearch/snowball": "internal/lexical",
	"github.com/blevesearch/bleve":    "internal/lexical/benchbleve",
}

// imports gives what the files of each package import, tests left out. It reads
// the files itself, so that go test knows when its cached result is stale.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != ".." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), ".."+string(filepath.Separator)))
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all[room] = append(all[room], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportsPointOneWay(t *testing.T) {
	for room, imported := range imports(t) {
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("%s is a room that the table does not know: give it a duty in ARCHITECTURE.md and a row here", room)
			continue
		}
		for _, imported := range imported {
			own, isOwn := strings.CutPrefix(imported, "akin/")
			if isOwn && !slices.Contains(allowed, own) && !strings.HasPrefix(own, room+"/") {
				t.Errorf("%s imports %s: arrows only point to %v", room, own, allowed)
			}
			for library, keeper := range only {
				if strings.HasPrefix(imported, library) && room != keeper {
					t.Errorf("%s imports %s, which only %s may", room, imported, keeper)
				}
			}
			if room == "internal/paper" && strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
				t.Errorf("internal/paper imports %s: it uses the standard library alone", imported)
			}
		}
	}
}
