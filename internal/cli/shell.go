package cli

import (
	"fmt"
	"sort"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints what makes a shell complete akin's command lines. The
// scripts ask the program itself, so that they need not change with it.
type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Help says where the scripts go.
func (completionCommand) Help() string {
	return `Examples:
  source <(akin completion bash)     # or in ~/.bashrc
  akin completion zsh > "${fpath[1]}/_akin"
  akin completion fish > ~/.config/fish/completions/akin.fish`
}

// Run prints a script.
func (c completionCommand) Run(e *environment) error {
	_, err := fmt.Fprint(e.out, map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell])
	return err
}

const (
	bashScript = `_akin() {
	local IFS=$'\n'
	COMPREPLY=($(akin complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _akin akin
`
	zshScript = `#compdef akin
_akin() {
	local -a found
	found=("${(@f)$(akin complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "${found[1]}" ]]; then
		compadd -- "${found[@]}"
	else
		_files
	fi
}
compdef _akin akin
`
	fishScript = `complete -c akin -a '(akin complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`
)

// completeCommand prints what the last of some words may become, one a line;
// nothing where files may stand.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run prints candidates.
func (c completeCommand) Run(e *environment, parsed *kong.Context) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, candidate := range candidates(parsed.Model.Node, words) {
		fmt.Fprintln(e.out, candidate)
	}
	return nil
}

// candidates are what the last word may become.
func candidates(node *kong.Node, words []string) (found []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	var flag *kong.Flag // that waits for its value
	for _, word := range words[:len(words)-1] {
		if flag != nil {
			flag = nil
			continue
		}
		if strings.HasPrefix(word, "-") {
			flag = waiting(node, word)
			continue
		}
		for _, child := range node.Children {
			if child.Name == word {
				node = child
			}
		}
	}
	var all []string
	switch name, value, given := strings.Cut(last, "="); {
	case flag != nil:
		all = values(flag.Value)
	case given && strings.HasPrefix(name, "--"):
		if f := flagOf(node, name); f != nil {
			for _, v := range values(f.Value) {
				all = append(all, name+"="+v)
			}
		}
		_ = value
	case strings.HasPrefix(last, "-"):
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				all = append(all, "--"+f.Name)
				if f.Tag.Negatable != "" {
					all = append(all, "--no-"+f.Name)
				}
			}
		}
	default:
		for _, child := range node.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				all = append(all, child.Name)
			}
		}
		for _, p := range node.Positional {
			all = append(all, values(p)...)
		}
	}
	for _, candidate := range all {
		if strings.HasPrefix(candidate, last) {
			found = append(found, candidate)
		}
	}
	sort.Strings(found)
	return found
}

// waiting gives the flag of a word that takes the word after it, or nil.
func waiting(node *kong.Node, word string) *kong.Flag {
	if f := flagOf(node, word); f != nil && !f.IsBool() && !f.IsCounter() {
		return f
	}
	return nil
}

// flagOf finds a flag by --name or -n.
func flagOf(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// values are those of an enumeration.
func values(v *kong.Value) (all []string) {
	for _, value := range v.EnumSlice() {
		if value != "" {
			all = append(all, value)
		}
	}
	return all
}
