package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"akin/internal/app"
	"akin/internal/settings"
)

type doctorCommand struct {
	serveFlags
	JSON bool `name:"json" help:"Print JSON, an object a line."`
}

// Help says what is looked at.
func (doctorCommand) Help() string {
	return `Looks at what a server with the same flags, environment and configuration file would
meet: the CPU and the kernels in use, the digests of model and library, memory and disk
beside the collection, limits, ports, clock, settings, and who can read what. It changes
nothing. It exits with 1 if something would keep the server from doing its work.

Examples:
  akin doctor --data papers
  akin doctor --config akin.yaml --json`
}

// errSick is what doctor returns when it found a failure.
var errSick = errors.New("something above needs to be done before a server can do its work")

// Run looks.
func (c *doctorCommand) Run(e *environment) error {
	config, err := c.serverConfig(e)
	var found []app.Finding
	if err != nil {
		for _, f := range app.FaultsOf(err) {
			found = append(found, app.Finding{Topic: "configuration", State: app.FindingFailure, Found: e.placeOf(f.Setting) + " " + f.Message, Do: "correct it"})
		}
	}
	config.Create = false
	found = append(found, app.Examine(e.ctx, config)...)
	for _, v := range e.strangers() {
		found = append(found, app.Finding{
			Topic: "environment", State: app.FindingWarning, Found: v.name + " is no setting of akin, and is ignored", Do: "is " + v.meant + " meant?",
		})
	}
	sick := slices.ContainsFunc(found, func(f app.Finding) bool { return f.State == app.FindingFailure })
	for _, f := range found {
		if c.JSON {
			if err := e.printJSON(f); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.out, "%-4s  %-20s  %s\n", f.State, f.Topic, f.Found)
		if f.Do != "" {
			fmt.Fprintf(e.out, "%-28s-> %s\n", "", f.Do)
		}
	}
	if sick {
		return errSick
	}
	return nil
}

// stranger is a variable that looks like a setting and is none.
type stranger struct{ name, meant string }

// strangers gives the variables of the environment that are probably misspelt.
func (e *environment) strangers() (all []stranger) {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "AKIN_") || slices.Contains(e.variables, name) {
			continue
		}
		if meant := settings.Nearest(strings.ToLower(name), lowered(e.variables)); meant != "" {
			all = append(all, stranger{name, strings.ToUpper(strings.ReplaceAll(meant, "-", "_"))})
		}
	}
	return all
}

func lowered(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	}
	return out
}

// variablesOf gives the variables that the flags of a command and of those below it
// read.
func variablesOf(node *kong.Node) []string {
	all := []string{"AKIN_DATA", "AKIN_SERVER"} // see target
	for _, f := range node.Flags {
		all = append(all, f.Envs...)
		if name := f.Tag.Get("secret"); name != "" {
			all = append(all, settings.Variable(name))
		}
	}
	for _, child := range node.Children {
		all = append(all, variablesOf(child)...)
	}
	return all
}
