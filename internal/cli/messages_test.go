package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// prose are the words that follow the name akin where it is no command.
var prose = strings.Fields("a from alone asks calibrates dies does promises and answers build builds built can creates data first for has is itself keeps knows makes needs on or opened reads relinks scores searches seal sends serves shows signs sorts supports takes that to waits wins writes")

// foreign are flags of pip, which fetches the model.
var foreign = strings.Fields("dest disable-pip-version-check hash implementation no-cache-dir no-deps no-input only-binary platform python-version quiet require-hashes")

// TestMessagesNameWhatThereIs: what the program, its documents and its API say can be
// run, or read, is there. All string literals, comments of the API and documents are
// searched for `akin COMMAND`, `--flag` and docs/PAGE.md.
func TestMessagesNameWhatThereIs(t *testing.T) {
	var cmds commands
	k, err := newParser(&cmds, &environment{out: newScreen(io.Discard), errOut: newScreen(io.Discard)}, nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	known := commandsOf(k.Model.Node)
	root := filepath.Join("..", "..")
	for where, texts := range textsOf(t, root) {
		for _, text := range texts {
			for line := range strings.Lines(text) {
				for _, fault := range faultsOf(known, line, strings.HasSuffix(where, ".go")) {
					t.Errorf("%s: %s\n\t%.200s", where, fault, strings.TrimSpace(line))
				}
				for _, page := range page.FindAllString(line, -1) {
					if _, err := os.Stat(filepath.Join(root, page)); err != nil {
						t.Errorf("%s names %s, which is not there", where, page)
					}
				}
			}
		}
	}
}

// The collector itself finds what it should, and lets prose pass.
func TestMessagesAreChecked(t *testing.T) {
	var cmds commands
	k, err := newParser(&cmds, &environment{out: newScreen(io.Discard), errOut: newScreen(io.Discard)}, nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	known := commandsOf(k.Model.Node)
	for line, want := range map[string]int{
		"run `akin serve --data DIR`":             0,
		"run `akin repair --data DIR`":            1,
		"run akin list --sideways":                1,
		"akin model verify --home X":              0,
		"akin model heal":                         1,
		"start it with --insecure-everything":     1,
		"another akin has the data directory":     0,
		"bin/akin search --server X \"a --flag\"": 1,
	} {
		if got := faultsOf(known, line, true); len(got) != want {
			t.Errorf("%q: %q, want %d faults", line, got, want)
		}
	}
}

var (
	command = regexp.MustCompile(`\bakin ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)`)
	flag    = regexp.MustCompile(`(?:^|[\s"'` + "`" + `(\[=/])--([a-z][a-z0-9-]*)`)
	page    = regexp.MustCompile(`\bdocs/[a-zA-Z0-9/_.-]+\.md\b`)
)

// commandsOf gives the flags of every command, by its path; "" has all.
func commandsOf(node *kong.Node) map[string][]string {
	all := map[string][]string{"": {"help"}}
	var walk func(node *kong.Node, path string, flags []string)
	walk = func(node *kong.Node, path string, flags []string) {
		flags = slices.Clone(flags)
		for _, f := range node.Flags {
			flags = append(flags, f.Name)
			if f.Tag.Negatable != "" {
				flags = append(flags, "no-"+f.Name)
			}
		}
		all[""] = append(all[""], flags...)
		if path != "" {
			all[path] = flags
		}
		for _, child := range node.Children {
			walk(child, strings.TrimSpace(path+" "+child.Name), flags)
		}
	}
	walk(node, "", []string{"help"})
	return all
}

// faultsOf gives what a line says that there is not. Flags without a command before
// them are akin's in its own messages; documents also name those of other programs.
func faultsOf(known map[string][]string, line string, own bool) (faults []string) {
	type place struct {
		at    int
		flags []string
	}
	var places []place
	for _, m := range command.FindAllStringSubmatchIndex(line, -1) {
		first, second, _ := strings.Cut(line[m[2]:m[3]], " ")
		of, ok := known[first]
		isGroup := func(path string) bool { return strings.HasPrefix(path, first+" ") }
		if ok && second != "" && slices.ContainsFunc(slices.Collect(maps.Keys(known)), isGroup) {
			first += " " + second
			of, ok = known[first]
		}
		switch {
		case ok:
			places = append(places, place{m[0], of})
		case !slices.Contains(prose, first):
			faults = append(faults, "there is no command akin "+first)
		}
	}
	for _, m := range flag.FindAllStringSubmatchIndex(line, -1) {
		name := line[m[2]:m[3]]
		var of []string
		if own {
			of = known[""]
		}
		for _, p := range places { // the last command before it, unless a quotation ended between
			if p.at < m[2] && !strings.Contains(line[p.at:m[2]], "`") {
				of = p.flags
			}
		}
		if of != nil && !strings.HasSuffix(name, "-") && !slices.Contains(of, name) && !slices.Contains(foreign, name) {
			faults = append(faults, "there is no flag --"+name)
		}
	}
	return faults
}

// textsOf gives what people may read: string literals of the program, and documents.
func textsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin"):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		case strings.HasSuffix(name, ".pb.go") || strings.HasSuffix(name, ".pb.gw.go") || strings.HasSuffix(name, "_test.go"):
			return nil
		case strings.HasSuffix(name, ".go"):
			all[path] = literals(t, path)
		case strings.HasSuffix(name, ".md") && !strings.HasSuffix(path, "benchmarks.md") && filepath.Base(filepath.Dir(path)) != "adr", strings.HasSuffix(name, ".proto"):
			// Benchmarks and decisions name other programs, and what once was.
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all[path] = []string{string(raw)}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d files were found", len(all))
	}
	return all
}

func literals(t *testing.T, path string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatalf("%s: %s: %v", path, lit.Value, err)
			}
			texts = append(texts, text)
		}
		return true
	})
	return texts
}
