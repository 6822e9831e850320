package cli

import "github.com/alecthomas/kong"

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
