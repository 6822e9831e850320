package cli

import (
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// excluded marks a word of a query that begins with a hyphen, so that it is not
// taken for a flag. No argument of a process has this character.
const excluded = "\x00"

// shortFlag is how the flags of one letter may stand: alone, or with a number.
var shortFlag = regexp.MustCompile(`^-(h|n[0-9]*|n=[0-9]+)$`)

// queryWords marks, in the command line of a search, the words that a query
// excludes: akin search neural -graph, or -"a phrase". What follows a flag that
// takes a value is its value.
func queryWords(parser *kong.Kong, args []string) []string {
	if len(args) == 0 || args[0] != "search" {
		return args
	}
	var search *kong.Node
	for _, node := range parser.Model.Children {
		if node.Name == "search" {
			search = node
		}
	}
	out := []string{args[0]}
	var flag *kong.Flag // that waits for its value
	for i, arg := range args[1:] {
		switch {
		case arg == "--":
			return append(out, args[i+1:]...)
		case flag != nil:
			flag = nil
		case strings.HasPrefix(arg, "--") || shortFlag.MatchString(arg):
			flag = waiting(search, arg)
		case len(arg) > 1 && arg[0] == '-':
			arg = excluded + arg
		}
		out = append(out, arg)
	}
	return out
}
