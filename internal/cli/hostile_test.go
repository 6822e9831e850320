package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"akin/internal/cli"
)

// hostile is text that a terminal would obey, or would not show.
const hostile = "\x1b[31mred\x1b[0m \x1b]0;owned\a \u009b2J \u202egpj \u2066\u200b\u2028line\rover\u0085next"

// obeyed finds what a terminal would obey in text for people.
func obeyed(text string) string {
	i := strings.IndexFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar)
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%+q", text[i:min(len(text), i+20)])
}

// What others wrote reaches a terminal visibly, whatever the command. Every
// command is here, or says why it needs not be.
func TestNothingIsObeyed(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	rows, id := hostileRows(t)
	input := at("in\x1b[31m\u202e.jsonl")
	if err := os.WriteFile(input, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	data := at("data\x1b[31m")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="badArgument">%s</error></OAI-PMH>`, "\u009b2J \u202e evil")
	}))
	defer server.Close()
	examples := at("likes\u202e.tsv")
	os.WriteFile(examples, []byte(hostile+"\t-1\n"), 0o600)
	on := func(args ...string) []string { return append(args, "--data", data) }
	commands := [][]string{
		on("import", input, "--quarantine", at("q\x1b.jsonl")),
		on("import", at("none\x1b[2J")),
		{"import", "--server", "127.0.0.1:1", input, "--quarantine", input},
		on("list"), on("list", "--ids"), on("list", "--filter", hostile), on("list", "--page-token", hostile),
		on("get", id), on("get", hostile), on("count", "venue"), on("count", "author"), on("count", hostile),
		on("search", "--mode", "lexical", "--explain", "graph"), on("search", "--explain", "--evidence", "graph "+hostile), on("search", "--group-by", "venue", "graph"),
		on("search", "--mode", "lexical", "--filter", "venue = \""+hostile, "graph"),
		on("similar", id), on("similar", hostile), on("similar", "--title", hostile, "--abstract", "@"+at("none\x1b")),
		on("recommend", "--like", id, "--evidence"), on("recommend", "--like", hostile), on("recommend", "--like-file", examples),
		on("novelty", id), on("novelty", hostile), on("duplicates"), on("duplicates", "--filter", hostile), on("info"),
		on("export", "--out", at("out\x1b[31m"), "--vectors"), on("export", "--out", input),
		{"embed", input, "--out", at("vectors\x1b[31m")},
		{"embed", input, "--out", at("vectors\x1b[31m"), "--dry-run"},
		on("import", "--vectors", at("vectors\x1b[31m"), examples, "--quarantine", at("q2.jsonl")),
		{"eval", at("none\x1b")},
		{"eval", dir, "--metrics", hostile},
		{"tokenize", hostile},
		{"tokenize", "--detail", hostile},
		{"harvest", "oai", server.URL, "--out", at("harvest\x1b[31m"), "--from", "2026-01-01", "--every", "0s"},
		{"harvest", "oai", hostile, "--out", at("h")},
		{"model", "info", hostile},
		{"model", "verify", hostile},
		{"model", "build", dir},
		{"model", "list"},
		on("reembed", "--model-dir", at("none\x1b")), on("serve", "--grpc-addr", hostile),
		{"setup", "--model-dir", at("none\x1b")},
		on("verify"),
		{"verify", "--data", at("none\x1b[31m")},
		on("snapshot", "create", hostile), on("snapshot", "create"), on("snapshot", "list"),
		on("snapshot", "verify", hostile),
		{"snapshot", "restore", hostile, "--data", at("back\x1b[31m")},
		on("delete", hostile), on("delete", "--allow-missing", hostile), on("delete", id),
		on("key", "create", hostile), on("key", "create", "k", "--owner", hostile, "--collections", hostile), on("key", "list"),
		on("key", "revoke", hostile), on("key", "rotate", hostile), on("key", "create", "k", "--out", at("none\x1b/k")),
		on("library", "like", id), on("library", "like", hostile), on("library", "add", id, "--note", hostile, "--tag", "a"),
		on("library", "show"), on("library", "show", "--text", hostile), on("library", "show", hostile), on("library", "list"),
		on("library", "create", hostile), on("library", "create", "l", "--display-name", hostile), on("library", "import", input, "--format", "ids"),
		on("library", "export", "--format", "ris"), on("library", "export", "--out", at("none\x1b/l")), on("library", "missed"),
		on("feed", "create", hostile, "--text", "x"), on("feed", "create", "f", "--text", hostile, "--display-name", hostile),
		on("feed", "create", "p", "--author", hostile, "--filter", hostile), on("feed", "create", "g", "--text", "x", "--mode", hostile),
		on("feed", "list"), on("feed", "show", "f"), on("feed", "show", hostile), on("feed", "edit", "f", "--breadth", hostile), on("feed", "edit", "f"),
		on("feed", "preview", "f"), on("feed", "preview", "--author", "A", "--days", "7"), on("feed", "items", "f"), on("feed", "items", hostile),
		on("feed", "watch", hostile), on("feed", "delete", hostile), on("feed", "delete", "f"),
		on("library", "suggest"), on("library", "suggest", hostile), on("library", "suggest", "-n", "101"),
		on("library", "bind", hostile, "--zotero-user", "1"), on("library", "bind", "f", "--file", at("none\x1b.bib")), on("library", "bind", "f", "--zotero-group", hostile),
		on("feed", "address"), on("feed", "address", hostile), on("feed", "address", hostile, "--replace"),
		on("library", "binding"), on("library", "binding", hostile), on("library", "binding", "f", "--unmatched"), on("library", "sync", hostile), on("library", "unbind", hostile),
		on("days"), on("days", "--from", hostile), on("list", "--order", "trending", "--signal", hostile),
		on("digest", "list"), on("digest", "create", hostile), on("digest", "show", hostile), on("digest", "bounce", input),
		on("source", "list"), on("source", "status"), on("source", "status", hostile), on("source", "show", hostile), on("source", "run", hostile),
		on("source", "add", hostile, "--kind", "feed", "--url", hostile), on("source", "add", "s", "--kind", "feed", "--url", "http://"+"x/\x1b[31m"),
		on("source", "remove", hostile), on("source", "pause", hostile), on("source", "resume", hostile),
		{"migrate-catalog", "--from", at("none\x1b[31m"), "--to", at("filled\x1b[31m")},
		{"migrate-catalog", "--from", hostile, "--to", "weaviate://" + hostile},
		{"migrate-catalog", "--to", at("data\x1b"), "--abandon"},
		{"catalog", "writer", "--catalog-writer-file", input},
		{"catalog", "writer", "--catalog-writer-file", at("none\x1b")},
		{"catalog", "take-over", "--catalog-writer-file", at("writer\x1b"), "--writer", hostile},
		{"catalog", "take-over", "--catalog-writer-file", at("writer\x1b"), "--writer", "b"},
		{"catalog", "keep", "--data", at("none\x1b"), "--catalog", hostile, "--catalog-writer-file", at("writer\x1b")},
		{"catalog", "keep", "--data", at("none\x1b"), "--catalog", "weaviate://a:1", "--catalog-writer-file", at("writer\x1b")},
		{"serve", "--catalog", hostile},
		{"serve", "--catalog", "weaviate://a:1", "--catalog-ca", at("none\x1b"), "--grpc-addr", "127.0.0.1:0", "--http-addr", ""},
		{"config", "check", input},
		{"config", "check", at("none\x1b")},
		{"config", "print", "--config", input},
		{"config", "example"},
		on("doctor"), on("doctor", "--config", input), on("doctor", "--grpc-addr", hostile),
		{"version"},
		{"--version"},
		{"help"},
		{"help", "search"},
		{"help", hostile},
		{"man"},
		{"completion", "bash"},
		{"completion", hostile},
		{"complete", "--", hostile},
		{hostile},
		{"search", "--" + hostile},
		{},
	}
	tried := make(map[string]bool)
	for _, args := range commands {
		code, out, errOut := run(t, "", args...)
		if len(args) > 0 {
			tried[args[0]] = true
		}
		for name, text := range map[string]string{"standard output": out, "standard error": errOut} {
			if what := obeyed(text); what != "" {
				t.Errorf("akin %q (exit code %d) lets %s reach %s: %q", args, code, what, name, text)
			}
		}
	}
	for _, name := range cli.CommandNames() {
		if !tried[name] {
			t.Errorf("akin %s is not tried with hostile text", name)
		}
	}
}

// hostileRows are papers whose every field is hostile, and the id of one.
func hostileRows(t *testing.T) (rows, id string) {
	t.Helper()
	id = "evil" + strings.ReplaceAll(hostile, "\r", "")
	var b strings.Builder
	for i, paper := range []map[string]any{
		{
			"id": id, "title": "Graph " + hostile, "abstract": "A graph. " + hostile + " More.", "authors": []string{hostile}, "venue": hostile,
			"categories": []string{"cs.CL"}, "date": "2020-01-01",
		},
		{"id": "b", "title": "Graph " + hostile, "abstract": "A graph. " + hostile + " More.", "authors": []string{hostile}, "date": "2021"},
		{"id": "c", "title": hostile + " graph", "date": "2019"},
		{"id": "d", "title": "x", "date": hostile},
		{"id": hostile + strings.Repeat("x", 5000), "title": "an id that is too long"},
	} {
		raw, err := json.Marshal(paper)
		if err != nil {
			t.Fatal(i, err)
		}
		b.Write(append(raw, '\n'))
	}
	return b.String() + "{\"id\": \"\x1b[31m" + hostile + "\n", id
}

// With --json, and in files, text is what it was.
func TestJSONKeepsText(t *testing.T) {
	dir := t.TempDir()
	data, input := filepath.Join(dir, "data"), filepath.Join(dir, "in.jsonl")
	const title = "Graph \u202egpj\u200b" // an import takes controls out
	raw, err := json.Marshal(map[string]string{"id": "a", "title": title})
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(input, raw, 0o600)
	mustRun(t, "import", "--data", data, input)
	var paper struct{ Title string }
	if out := mustRun(t, "get", "--data", data, "--json", "a"); json.Unmarshal([]byte(out), &paper) != nil || paper.Title != title {
		t.Errorf("%+q", out)
	}
	mustRun(t, "export", "--data", data, "--out", filepath.Join(dir, "out"))
	if exported, _ := os.ReadFile(filepath.Join(dir, "out", "papers.jsonl")); !slices.Contains(strings.Split(string(exported), `"`), title) {
		t.Errorf("%+q", exported)
	}
}
