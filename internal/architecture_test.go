// Package internal_test holds the checks that concern all rooms at once.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which of akin's own packages each room may import, beside the
// packages below itself (but for those of contracts). Arrows point one way: see
// ARCHITECTURE.md.
var rooms = map[string][]string{
	"cmd/akin":                          {"internal/cli"},
	"internal/cli":                      {"internal/paper", "internal/app", "internal/client", "internal/ingest", "internal/job", "internal/vecfile", "internal/harvest", "internal/eval", "internal/rpc/wire", "proto/akin/v1", "internal/pending", "internal/settings"},
	"internal/app":                      {"internal/atlas", "internal/paper", "internal/rpc", "internal/engine", "internal/catalog", "internal/catalog/local", "internal/catalog/move", "internal/catalog/weaviate", "internal/mandate", "internal/embed", "internal/embed/onnx", "internal/store", "internal/model", "models", "internal/pending", "internal/kv", "internal/admit", "internal/web", "internal/access", "internal/telemetry", "internal/vec", "internal/library", "internal/library/shelf", "internal/librarian", "internal/feed", "internal/feed/ledger", "internal/courier", "internal/source", "internal/source/logbook", "internal/seal", "internal/notify", "internal/notify/outbox", "internal/notify/post", "internal/notify/sentfile", "internal/follow", "internal/follow/register", "internal/source/zotero", "internal/share", "internal/home"},
	"internal/rpc":                      {"internal/atlas", "internal/engine", "internal/catalog", "internal/rank", "internal/embed", "internal/paper", "proto/akin/v1", "internal/operation", "internal/admit", "internal/access", "internal/telemetry", "internal/library", "internal/librarian", "internal/cite", "internal/feed", "internal/courier", "internal/source", "internal/notify", "internal/follow", "internal/source/zotero", "internal/share"},
	"internal/access":                   {"internal/paper", "internal/pending", "internal/pending/alone"},
	"internal/admit":                    {"internal/paper"},
	"internal/telemetry":                {}, // figures come as plain structs
	"internal/settings":                 {},
	"internal/rpc/arrival":              {},
	"internal/rpc/wire":                 {"internal/paper", "proto/akin/v1"},
	"internal/rpc/openapi":              {}, // a command of make gen: joins the OpenAPI files
	"internal/web/formula":              {},
	"internal/web":                      {"internal/client", "proto/akin/v1", "internal/text", "internal/text/unify", "internal/cite", "internal/rpc/wire", "internal/syndicate"},
	"internal/client":                   {"internal/rpc/wire", "proto/akin/v1"},
	"internal/engine":                   {"internal/catalog", "internal/embed", "internal/rank", "internal/sentence", "internal/paper", "internal/paper/titleid"},
	"internal/catalog":                  {"internal/paper", "internal/rank"},
	"internal/catalog/local":            {"internal/pending", "internal/catalog", "internal/store", "internal/kv", "internal/ann", "internal/filter", "internal/lexical", "internal/dedup", "internal/rank", "internal/splitmix", "internal/unpack", "internal/vec", "internal/paper"},
	"internal/catalog/move":             {"internal/catalog", "internal/paper"},
	"internal/catalog/weaviate":         {"internal/catalog", "internal/filter", "internal/lexical", "internal/rank", "internal/vec", "internal/paper"},
	"internal/dedup":                    {"internal/paper", "internal/splitmix", "internal/text/unify"},
	"internal/operation":                {"internal/paper"},
	"internal/mandate":                  {"internal/paper", "internal/pending", "internal/pending/alone"},
	"internal/home":                     {"internal/kv", "internal/paper"},
	"internal/rank":                     {"internal/paper", "internal/vec"},
	"internal/feed":                     {"internal/paper"},
	"internal/seal":                     {"internal/paper", "internal/pending", "internal/pending/alone"},
	"internal/notify":                   {"internal/engine", "internal/feed", "internal/library", "internal/paper", "internal/seal", "internal/text/unify"},
	"internal/notify/letter":            {"internal/text"},
	"internal/notify/outbox":            {"internal/notify", "internal/feed", "internal/kv", "internal/paper"},
	"internal/notify/post":              {"internal/notify"},
	"internal/notify/sentfile":          {"internal/pending"},
	"internal/feed/ledger":              {"internal/feed", "internal/kv", "internal/paper"},
	"internal/feed/match":               {"internal/feed", "internal/catalog", "internal/filter", "internal/vec", "internal/splitmix", "internal/text/unify", "internal/paper"},
	"internal/courier":                  {"internal/feed", "internal/feed/match", "internal/engine", "internal/catalog", "internal/library", "internal/rank", "internal/paper"},
	"internal/library":                  {"internal/paper"},
	"internal/library/shelf":            {"internal/library", "internal/kv", "internal/paper"},
	"internal/librarian":                {"internal/library", "internal/engine", "internal/ingest", "internal/cite", "internal/paper", "internal/paper/titleid"},
	"internal/source":                   {"internal/engine", "internal/catalog", "internal/ingest", "internal/harvest", "internal/paper", "internal/paper/titleid", "internal/source/rest", "internal/source/hop"},
	"internal/source/rest":              {},
	"internal/source/hop":               {},
	"internal/source/logbook":           {"internal/source", "internal/kv", "internal/paper"},
	"internal/cite":                     {"internal/paper"},
	"internal/kv":                       {"internal/paper"},
	"internal/store":                    {"internal/kv", "internal/paper"},
	"internal/ann":                      {"internal/paper", "internal/pending", "internal/splitmix", "internal/vec"},
	"internal/layout":                   {"internal/splitmix", "internal/vec"},
	"internal/atlas":                    {"internal/catalog", "internal/layout", "internal/paper", "internal/splitmix"},
	"internal/unpack":                   {}, // the bytes of files that can be made anew
	"internal/splitmix":                 {}, // draws that are the same everywhere
	"internal/filter":                   {"internal/paper", "internal/text/unify", "internal/unpack"},
	"internal/lexical":                  {"internal/paper", "internal/pending", "internal/text", "internal/text/unify"},
	"internal/text":                     {}, // cleaning, for whoever reads files
	"internal/text/unify":               {},
	"internal/sentence":                 {},
	"internal/ingest":                   {"internal/paper", "internal/paper/titleid", "internal/pending", "internal/text"},
	"internal/vecfile":                  {"internal/paper", "internal/pending"},
	"internal/harvest":                  {"internal/ingest", "internal/paper", "internal/pending", "internal/source/hop"},
	"internal/job":                      {"internal/ingest", "internal/vecfile", "internal/paper", "internal/pending"},
	"internal/embed":                    {"internal/model", "internal/paper"},
	"internal/embed/onnx":               {"internal/embed", "internal/model/fields"},
	"internal/embed/token":              {},
	"internal/model":                    {"internal/pending"},
	"internal/model/fields":             {},
	"internal/pending":                  {}, // files that are whole or absent: whoever writes one
	"internal/pending/alone":            {}, // one process at a time
	"internal/vec":                      {},
	"internal/vec/asm":                  {}, // a module of its own: generates the kernels
	"internal/paper":                    {},
	"internal/paper/titleid":            {},
	"models":                            {},
	"proto/akin/v1":                     {},
	"internal/eval":                     {"internal/paper"},
	"internal/syndicate":                {"internal/paper"},
	"internal/share":                    {"internal/kv", "internal/paper", "internal/seal"},
	"internal/source/zotero":            {"internal/paper", "internal/source/rest"},
	"internal/follow":                   {"internal/catalog", "internal/librarian", "internal/library", "internal/paper", "internal/source/zotero", "internal/text"},
	"internal/follow/register":          {"internal/follow", "internal/kv", "internal/librarian", "internal/library", "internal/library/shelf", "internal/paper", "internal/source/zotero"},
	"internal/source/zotero/zoterotest": {},
	// For tests and benchmarks only.
	"internal/follow/followtest":   {"internal/follow", "internal/librarian", "internal/library", "internal/library/librarytest", "internal/source/zotero"},
	"internal/crashtest":           {},
	"internal/monthtest":           {},
	"internal/rpc/rpctest":         {"internal/atlas", "internal/rpc", "internal/engine", "internal/catalog", "internal/catalog/local", "internal/store", "internal/embed", "internal/vec", "internal/admit", "internal/client", "internal/paper", "internal/library", "internal/library/shelf", "internal/librarian", "internal/feed/ledger", "internal/courier", "internal/source", "internal/source/logbook", "internal/follow", "internal/follow/register", "internal/source/zotero", "internal/share", "internal/seal"},
	"internal/feed/feedtest":       {"internal/feed"},
	"internal/library/librarytest": {"internal/library"},
	"internal/source/sourcetest":   {"internal/source"},
	"internal/embed/embedtest":     {"internal/embed", "internal/model", "models", "internal/embed/onnx"},
	"internal/embed/benchworker":   {"internal/embed", "internal/model", "models", "internal/embed/onnx"},
	"internal/job/benchworker":     {"internal/job", "internal/ingest", "internal/vecfile"},
	"internal/ann/benchworker":     {"internal/ann"},
	"internal/ann/anntest":         {"internal/ann", "internal/vec", "internal/paper"},
	"internal/lexical/benchbleve":  {"internal/lexical"},
	"internal/catalog/catalogtest": {"internal/catalog", "internal/filter", "internal/dedup", "internal/rank", "internal/paper"},
}

// contracts are rooms that what satisfies them stands below: they import none of it.
var contracts = []string{"internal/catalog"}

// never says what a room must not come to through any of its imports, beside its own
// row: own rooms, and libraries.
var never = map[string][]string{
	"internal/engine": {
		"akin/internal/catalog/", "akin/internal/store", "akin/internal/kv", "akin/internal/ann", "akin/internal/lexical", "akin/internal/filter",
		"akin/internal/dedup", "akin/internal/rpc", "akin/proto/", "github.com/cockroachdb/pebble", "github.com/RoaringBitmap/roaring", "google.golang.org/grpc",
		"akin/internal/embed/onnx", "github.com/yalue/onnxruntime_go",
	},
	"internal/catalog": {"github.com/", "google.golang.org/"},
}

// libraries are all that a room may come to through any of its imports. Who adds one
// looks at what it imports itself (go list -deps): nothing that the room must never
// come to.
var libraries = map[string][]string{
	"internal/engine": {
		"github.com/hashicorp/golang-lru", "github.com/rivo/uniseg", "github.com/sugarme/tokenizer",
		"golang.org/x/sync", "golang.org/x/sys", "golang.org/x/text", "google.golang.org/protobuf/encoding/protowire",
	},
}

// only says which room alone may import a library.
var only = map[string]string{
	"github.com/yalue/onnxruntime_go": "internal/embed/onnx",
	"github.com/sugarme/tokenizer":    "internal/embed/token",
	"github.com/cockroachdb/pebble":   "internal/kv",
	"github.com/coder/hnsw":           "internal/ann",
	"github.com/weaviate":             "internal/catalog/weaviate",
	"github.com/alecthomas/kong":      "internal/cli",
	"github.com/coreos/go-oidc":       "internal/access",
	"go.einride.tech/aip":             "internal/filter",
	"github.com/prometheus":           "internal/telemetry",
	"go.opentelemetry.io":             "internal/telemetry",
	"go.yaml.in/yaml":                 "internal/settings",
	"github.com/rivo/uniseg":          "internal/sentence",
	"github.com/wyatt915/treeblood":   "internal/web/formula",
	"github.com/blevesearch/segment":  "internal/lexical",
	"github.com/blevesearch/snowball": "internal/lexical",
	"github.com/blevesearch/bleve":    "internal/lexical/benchbleve",
	"github.com/wneessen/go-mail":     "internal/notify/post",
	"code.dny.dev/ssrf":               "internal/source",
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
			below := strings.HasPrefix(own, room+"/") && !slices.Contains(contracts, room)
			if isOwn && !slices.Contains(allowed, own) && !below {
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

func TestNeverReached(t *testing.T) {
	all := imports(t)
	for room, forbidden := range never {
		reached := map[string]string{room: room} // by what path
		for next := []string{room}; len(next) > 0; next = next[1:] {
			for _, imported := range all[next[0]] {
				path := reached[next[0]] + " → " + imported
				for _, prefix := range forbidden {
					if strings.HasPrefix(imported, prefix) {
						t.Errorf("%s must not come to %s: %s", room, prefix, path)
					}
				}
				own, isOwn := strings.CutPrefix(imported, "akin/")
				isLibrary := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
				if isLibrary && libraries[room] != nil && !slices.ContainsFunc(libraries[room], func(l string) bool { return strings.HasPrefix(imported, l) }) {
					t.Errorf("%s comes to a library that nobody has looked at: %s", room, path)
				}
				if _, known := reached[own]; isOwn && !known {
					reached[own] = path
					next = append(next, own)
				}
			}
		}
	}
}

// Packages whose tests make test runs without the race detector have nothing that meets:
// no goroutine, and nothing that goroutines would share. One of them starts what others
// test with it.
func TestNothingMeetsInPlainPackages(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(strings.ReplaceAll(string(makefile), "\\\n", " "), "\nPLAIN := ")
	list, _, _ = strings.Cut(list, "\n")
	if !found || len(strings.Fields(list)) < 10 {
		t.Fatalf("PLAIN is %q", list)
	}
	for name := range strings.FieldsSeq(list) {
		if name == "monthtest" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(name), "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no files: %v", name, err)
		}
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				if slices.Contains([]string{`"sync"`, `"sync/atomic"`, `"golang.org/x/sync/errgroup"`}, i.Path.Value) && !strings.HasSuffix(path, "_test.go") {
					t.Errorf("%s imports %s: take %s out of PLAIN in the Makefile", path, i.Path.Value, name)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s starts a goroutine: take %s out of PLAIN in the Makefile", path, name)
				}
				return true
			})
		}
	}
}
