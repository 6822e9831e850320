package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manCommand prints the manual page.
type manCommand struct{}

// Help says how to read it.
func (manCommand) Help() string {
	return "Example:\n  akin man | man -l -"
}

// Run prints the page, in the language of man(7).
func (manCommand) Run(e *environment, parsed *kong.Context) error {
	w := e.out
	fmt.Fprintf(w, ".TH AKIN 1 %q %q\n.SH NAME\nakin \\- answers which papers are akin to this one\n", Date, "akin "+Version)
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B akin\n.I COMMAND\n[\\fIFLAGS\\fR]\n.SH DESCRIPTION\n%s\n", roff(parsed.Model.Help))
	fmt.Fprint(w, ".SH COMMANDS\n")
	for _, node := range parsed.Model.Children {
		manNode(w, node)
	}
	fmt.Fprint(w, ".SH FLAGS OF ALL COMMANDS\n")
	manFlags(w, parsed.Model.Flags)
	fmt.Fprint(w, ".SH EXIT STATUS\n")
	for _, code := range exitCodes() {
		fmt.Fprintf(w, ".TP\n.B %d\n%s\n", code.code, roff(code.means))
	}
	return nil
}

func manNode(w io.Writer, node *kong.Node) {
	if node.Hidden || node.Type != kong.CommandNode {
		return
	}
	fmt.Fprintf(w, ".SS %s\n%s\n", roff(node.FullPath()), roff(node.Help))
	for _, p := range node.Positional {
		fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(p.Summary()), roff(p.Help))
	}
	manFlags(w, node.Flags)
	if node.Detail != "" {
		fmt.Fprintf(w, ".PP\n.nf\n%s\n.fi\n", roff(node.Detail))
	}
	for _, child := range node.Children {
		manNode(w, child)
	}
}

func manFlags(w io.Writer, flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(f.String()), roff(f.Help))
	}
}

// roff escapes text: a backslash and a hyphen are characters, and no line begins
// a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
