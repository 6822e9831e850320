package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// say runs a command line that needs no data and no model.
func say(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestCandidates(t *testing.T) {
	var cmds commands
	parser, err := newParser(&cmds, &environment{out: newScreen(io.Discard), errOut: newScreen(io.Discard)}, nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string][]string{
		"se":                       {"search", "serve", "setup"},
		"search --mod":             {"--mode", "--model", "--model-dir"},
		"search --mode ":           {"hybrid", "lexical", "semantic"},
		"search --mode=l":          {"--mode=lexical"},
		"search graph --mode h":    {"hybrid"},
		"search --no-co":           {"--no-collapse-versions"},
		"search --filter s":        nil,
		"search -n ":               nil,
		"harvest ":                 {"oai"},
		"harvest oai --pre":        {"--precision", "--prefix"},
		"model b":                  {"build"},
		"completion ":              {"bash", "fish", "zsh"},
		"nonsense --mo":            {"--model", "--model-dir"},
		"import pape":              nil,
		"--log-format ":            {"json", "text"},
		"--log-format json recom":  {"recommend"},
		"recommend --strategy top": {"top-mean"},
		"compl":                    {"completion"}, // not the hidden one
	} {
		if got := candidates(parser.Model.Node, strings.Split(line, " ")); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if code, out, errOut := say(t, "complete", "--", "search", "--mod"); code != 0 || errOut != "" || out != "--mode\n--model\n--model-dir\n" {
		t.Errorf("exit code %d, %q %s", code, out, errOut)
	}
	if code, out, _ := say(t, "complete"); code != 0 || !strings.Contains(out, "search\n") || strings.Contains(out, "complete\n") {
		t.Errorf("no words: exit code %d, %q", code, out)
	}
}

func TestQueryWords(t *testing.T) {
	for line, want := range map[string]string{
		"search graph -neural":                      "search graph !-neural",
		"search -neural graph --data x":             "search !-neural graph --data x",
		"search -n 5 graph":                         "search -n 5 graph",
		"search -n5 graph":                          "search -n5 graph",
		"search -nets graph":                        "search !-nets graph",
		"search graph --min-score -0.5":             "search graph --min-score -0.5",
		"search graph --min-score=-0.5 -deep":       "search graph --min-score=-0.5 !-deep",
		"search --json -deep graph":                 "search --json !-deep graph",
		"search --no-collapse-versions -deep graph": "search --no-collapse-versions !-deep graph",
		"search --data -x graph":                    "search --data -x graph",
		"search -":                                  "search -",
		"search -h":                                 "search -h",
		"search graph -- -deep --learning":          "search graph -- -deep --learning",
		"similar -x":                                "similar -x",
		"":                                          "",
	} {
		var cmds commands
		parser, err := newParser(&cmds, &environment{out: newScreen(new(bytes.Buffer)), errOut: newScreen(new(bytes.Buffer))}, strings.Fields(line), func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.Join(queryWords(parser, strings.Fields(line)), " "), excluded, "!")
		if got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

// A command line about one command is parsed as if by the parser of all.
func TestConcerned(t *testing.T) {
	t.Setenv("AKIN_CONFIG", "")
	parser := func(args ...string) *kong.Kong {
		var cmds commands
		k, err := newParser(&cmds, &environment{out: newScreen(io.Discard), errOut: newScreen(io.Discard)}, args, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for _, all := range [][]string{nil, {"--log-format", "json", "list"}, {"nonsense"}, {"man"}, {"complete"}, {"doctor"}} {
		if got := parser(all...).Model.Children; len(got) < len(CommandNames()) {
			t.Errorf("%q: %d commands", all, len(got))
		}
	}
	for line, want := range map[string]string{
		"search graph": "search", "search --config x graph": "serve search", "serve --grpc-addr x": "serve", "config example": "serve config", "list man": "list",
	} {
		var got []string
		for _, n := range parser(strings.Fields(line)...).Model.Children {
			got = append(got, n.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %s", line, got, want)
		}
	}
	describe := func(n *kong.Node) (out []string) {
		kong.Visit(n, func(node kong.Visitable, next kong.Next) error {
			if v, ok := node.(*kong.Flag); ok {
				out = append(out, fmt.Sprint(v.Name, v.Default, v.Enum, v.Envs, v.Help, v.PlaceHolder))
			}
			return next(nil)
		})
		return out
	}
	for _, n := range parser().Model.Children {
		if slices.Contains([]string{"serve", "search", "library", "harvest"}, n.Name) && !slices.Equal(describe(parser(n.Name).Model.Children[0]), describe(n)) {
			t.Errorf("%s has other flags if it is alone", n.Name)
		}
	}
}

// What the program says of itself is complete.
func TestSelfDescription(t *testing.T) {
	_, help, _ := say(t, "--help")
	code, man, _ := say(t, "man")
	if code != 0 || strings.Count(man, "\n.SS ") < len(CommandNames()) {
		t.Errorf("man: exit code %d, %d sections", code, strings.Count(man, "\n.SS "))
	}
	for _, name := range CommandNames() {
		if !strings.Contains(help, "\n  "+name+" ") && !strings.Contains(help, "\n  "+name+"\n") {
			t.Errorf("%s is not in the help", name)
		}
		if !strings.Contains(man, "\n.SS akin "+strings.ReplaceAll(name, "-", `\-`)+"\n") {
			t.Errorf("%s is not in the manual", name)
		}
		code, out, _ := say(t, "help", name)
		if code != 0 || !strings.HasPrefix(out, "Usage: akin "+name) {
			t.Errorf("help %s: exit code %d, %.80q", name, code, out)
		}
	}
	_, version, _ := say(t, "version")
	if code, out, _ := say(t, "--version"); code != 0 || out != version || !strings.HasPrefix(out, "akin "+Version) {
		t.Errorf("--version: exit code %d, %q, and version %q", code, out, version)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, _ := say(t, "completion", shell); code != 0 || !strings.Contains(out, "akin complete --") {
			t.Errorf("completion %s: exit code %d, %q", shell, code, out)
		}
	}
	for _, c := range exitCodes() {
		if !strings.Contains(strings.Join(strings.Fields(help), " "), c.means) {
			t.Errorf("the help does not say that %d means %q", c.code, c.means)
		}
	}
}
