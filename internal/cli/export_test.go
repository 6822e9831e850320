package cli

import (
	"context"
	"io"

	"github.com/alecthomas/kong"

	"akin/internal/app"
)

// RunWith is Run with models that are opened in another way.
func RunWith(ctx context.Context, open app.ModelOpener, args []string, in io.Reader, out, errOut io.Writer) int {
	e := newEnvironment(ctx, in, out, errOut)
	e.openModel = open
	return e.main(args)
}

// CommandNames gives the names of all commands, in the order of the help.
func CommandNames() (names []string) {
	var cmds commands
	parser, err := kong.New(&cmds, kong.Vars{"server": "", "model": "", "formats": "", "version": "", "index": "graph", "indexes": "graph"})
	if err != nil {
		return nil
	}
	for _, node := range parser.Model.Children {
		if node.Type == kong.CommandNode && !node.Hidden {
			names = append(names, node.Name)
		}
	}
	return names
}
