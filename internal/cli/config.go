package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"akin/internal/app"
	"akin/internal/paper"
	"akin/internal/settings"
)

// setting is one of akin serve, with what it is now.
type setting struct {
	flag *kong.Flag
	// text is its value, and from where that comes: a flag, NAME of a variable, or
	// PATH:LINE; "" is the default.
	text, from string
}

// live says that a running server takes another value.
func (s setting) live() bool { return s.flag.Tag.Has("live") }

// serverFlags gives the flags that are settings: those of akin serve, and those of all
// commands.
func serverFlags(parser *kong.Kong) []*kong.Flag {
	var all []*kong.Flag
	for _, node := range parser.Model.Children {
		if node.Name == "serve" {
			all = append(all, node.Flags...)
		}
	}
	all = append(all, parser.Model.Flags...)
	return slices.DeleteFunc(all, func(f *kong.Flag) bool {
		return f.Hidden || f.Name == "help" || f.Name == "version" || f.Name == "config" ||
			f.Group != nil && f.Group.Key == "Server:" // of clients
	})
}

// known describes the settings to whoever reads a file of them.
func known(flags []*kong.Flag) []settings.Setting {
	all := make([]settings.Setting, len(flags))
	for i, f := range flags {
		all[i] = settings.Setting{
			Name: f.Name, Kind: kindOf(f), Sep: separator(f.Tag.Sep), MapSep: separator(f.Tag.MapSep), Secret: f.Tag.Get("secret"),
			Check: func(text string) error { return checkValue(f, text) },
		}
		if all[i].Kind == settings.Table { // sources are the only one there is
			all[i].Columns, all[i].Row = app.SourceColumns(), sourceRow
		}
	}
	return all
}

func separator(r rune) string {
	if r <= 0 {
		return ""
	}
	return string(r)
}

func kindOf(f *kong.Flag) settings.Kind {
	t := f.Target.Type()
	if t == reflect.TypeFor[sourceList]() {
		return settings.Table
	}
	if t == reflect.TypeFor[time.Duration]() || strings.HasSuffix(t.String(), "slog.Level") {
		return settings.Text
	}
	switch t.Kind() {
	case reflect.Bool:
		return settings.Truth
	case reflect.Int, reflect.Int64, reflect.Float64, reflect.Int32, reflect.Uint:
		return settings.Number
	case reflect.Slice:
		return settings.List
	case reflect.Map:
		return settings.Map
	default:
		return settings.Text
	}
}

// checkValue says what is wrong with a value of a flag, as its parser would.
func checkValue(f *kong.Flag, text string) error {
	scan := kong.ScanFromTokens(kong.Token{Value: text, Type: kong.FlagValueToken})
	if err := f.Mapper.Decode(&kong.DecodeContext{Value: f.Value, Scan: scan}, reflect.New(f.Target.Type()).Elem()); err != nil {
		return fmt.Errorf("is %q: %w", text, err)
	}
	if f.Enum != "" && !slices.Contains(f.EnumSlice(), text) {
		return fmt.Errorf("is %q; write one of %s", text, strings.Join(slices.DeleteFunc(f.EnumSlice(), func(s string) bool { return s == "" }), ", "))
	}
	return nil
}

// configPath is the configuration file that a command line, or the environment, names.
func configPath(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if path, ok := strings.CutPrefix(arg, "--config="); ok {
			return path
		}
		if arg == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	if len(args) > 2 && args[0] == "config" && args[1] == "check" {
		for _, arg := range args[2:] {
			if !strings.HasPrefix(arg, "-") {
				return arg
			}
		}
	}
	return os.Getenv("AKIN_CONFIG")
}

// readSettings reads the configuration file, if there is one, and has the parser take
// what it says where neither flags nor the environment do. It reports what is wrong
// with the file and with the environment.
func (e *environment) readSettings(parser *kong.Kong) (faults []error) {
	flags := serverFlags(parser)
	if len(e.args) == 0 || !usesSettings(e.args[0]) {
		return nil
	}
	for _, f := range flags {
		if e.args[0] != "serve" && e.args[0] != "doctor" && e.args[0] != "config" {
			break // others look at their own flags
		}
		for _, name := range f.Envs {
			if text, ok := os.LookupEnv(name); ok {
				if err := checkValue(f, text); err != nil {
					faults = append(faults, settings.Fault{Place: name, Message: err.Error()})
				}
			}
		}
	}
	path := configPath(e.args)
	if path == "" {
		return faults
	}
	file, wrong := settings.Read(path, known(flags))
	for _, f := range wrong {
		faults = append(faults, f)
	}
	e.file = file
	if err := kong.Resolvers(kong.ResolverFunc(resolver(file))).Apply(parser); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// usesSettings says whether a command looks at the configuration file.
func usesSettings(command string) bool {
	return !slices.Contains([]string{"help", "version", "completion", "complete", "man", "--help", "-h", "--version"}, command)
}

// resolver gives what a file says of flags that are settings.
func resolver(file *settings.File) func(*kong.Context, *kong.Path, *kong.Flag) (any, error) {
	return func(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
		if parent.Command != nil && !takesSettings(parent.Command) {
			return nil, nil // none, and no error
		}
		for _, name := range flag.Envs {
			if _, ok := os.LookupEnv(name); ok {
				return nil, nil // the environment goes before
			}
		}
		v, ok := file.Values[flag.Name]
		if ok && (v.Text != "" || flag.Tag.Type != "path") { // an empty path is none, not the working directory
			return v.Text, nil
		}
		return nil, nil
	}
}

// takesSettings says whether the flags of a command are those of akin serve.
func takesSettings(node *kong.Node) bool {
	return node.Name == "serve" || node.Name == "doctor" || node.Name == "print" && node.Parent != nil && node.Parent.Name == "config"
}

// withFaults joins what is wrong with settings and with the command line.
func withFaults(faults []error, err error) error {
	if len(faults) == 0 {
		return err
	}
	if err != nil && !strings.Contains(err.Error(), "missing flags") && !strings.Contains(err.Error(), "from envar") {
		faults = append(faults, err) // it may be about what was said already
	}
	message := "a setting is wrong: " + faults[0].Error()
	if len(faults) > 1 {
		text := make([]string, len(faults))
		for i, f := range faults {
			text[i] = "\n" + f.Error()
		}
		message = fmt.Sprintf("%d settings are wrong:%s", len(faults), strings.Join(text, ""))
	}
	return &paper.Error{Kind: paper.Invalid, Reason: paper.ReasonInvalidField, Message: message}
}

// settingsOf gives all settings as they are after a command line was parsed. Those
// that the command does not have are what akin serve would see.
func settingsOf(parser *kong.Kong, parsed *kong.Context, file *settings.File) []setting {
	given := make(map[string]*kong.Flag)
	for _, p := range parsed.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = p.Flag
		}
	}
	own := make(map[string]*kong.Flag)
	for _, f := range parsed.Flags() {
		own[f.Name] = f
	}
	var all []setting
	for _, f := range serverFlags(parser) {
		s := setting{flag: f, text: f.Default}
		if mine := own[f.Name]; mine != nil {
			s.text = textOf(mine.Target)
		}
		env := slices.IndexFunc(f.Envs, func(name string) bool { _, ok := os.LookupEnv(name); return ok })
		switch {
		case given[f.Name] != nil:
			s.from = "--" + f.Name
		case env >= 0:
			s.from = f.Envs[env]
		default:
			s.from = file.Place(f.Name)
		}
		all = append(all, s)
	}
	return all
}

// textOf gives a value as a configuration file has it.
func textOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = quoted(fmt.Sprint(v.Index(i).Interface()))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		var items []string
		for _, key := range v.MapKeys() {
			items = append(items, fmt.Sprintf("%v: %v", key.Interface(), v.MapIndex(key).Interface()))
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	case reflect.String:
		return quoted(v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// quoted writes a text so that YAML reads it as one.
func quoted(s string) string { return fmt.Sprintf("%q", s) }

// placed adds to faults of settings where each was set.
func (e *environment) placed(err error) error {
	var faults []error
	for _, f := range app.FaultsOf(err) {
		faults = append(faults, errors.New(e.placeOf(f.Setting)+" "+f.Message))
	}
	if len(faults) == 0 {
		return err
	}
	return withFaults(faults, nil)
}

// placeOf says where a setting was set, and its name.
func (e *environment) placeOf(name string) string {
	for _, s := range e.settings {
		if s.flag.Name != name {
			continue
		}
		switch {
		case s.from == "" || strings.HasPrefix(s.from, "--"):
			return "--" + name
		case strings.HasPrefix(s.from, "AKIN_"):
			return s.from + ": " + name
		}
		return s.from + ": " + name
	}
	return "--" + name
}

type configCommand struct {
	Print     configPrintCommand     `cmd:"" help:"Show the settings that akin serve would have, and where each comes from."`
	Check     configCheckCommand     `cmd:"" help:"Say all that is wrong with a file of settings."`
	Example   configExampleCommand   `cmd:"" help:"Print a file of all settings, with their defaults, to begin with."`
	Reference configReferenceCommand `cmd:"" hidden:"" help:"Print docs/configuration.md."`
}

type configPrintCommand struct {
	serveFlags
	JSON bool `name:"json" help:"Print JSON, an object a line."`
}

// Help says what goes before what.
func (configPrintCommand) Help() string {
	return `A flag goes before the environment, the environment before the file, and the file
before the default. What is printed is a file of settings itself.

Examples:
  akin config print --config akin.yaml
  AKIN_SLOW_QUERY=1s akin config print`
}

// Run prints settings.
func (c configPrintCommand) Run(e *environment) error {
	for _, s := range e.settings {
		if c.JSON {
			if err := e.printJSON(map[string]string{"name": s.flag.Name, "value": s.text, "from": cmp.Or(s.from, "default")}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.out, "%-42s # %s\n", s.flag.Name+": "+s.text, cmp.Or(s.from, "default"))
	}
	for _, s := range e.settings {
		name := s.flag.Tag.Get("secret")
		if _, ok := os.LookupEnv(settings.Variable(name)); name != "" && ok && !c.JSON {
			fmt.Fprintf(e.out, "# %s is in %s, and not shown\n", name, settings.Variable(name))
		}
	}
	return nil
}

type configCheckCommand struct {
	File string `arg:"" help:"File of settings."`
}

// Run checks a file, with the environment as it is.
func (c configCheckCommand) Run(e *environment) error {
	args := []string{"serve", "--config", c.File}
	missing := e.file.Values["data"].Text == "" && os.Getenv("AKIN_DATA") == ""
	if missing {
		args = append(args, "--data", ".") // whoever serves says where
	}
	values := len(e.file.Values)
	if change := e.reread(args); change.Err != nil {
		return change.Err
	}
	fmt.Fprintf(e.out, "%s: all %d settings in it are fine\n", c.File, values)
	if missing {
		fmt.Fprintln(e.out, "akin serve needs --data beside it, or AKIN_DATA")
	}
	return nil
}

// checksSettings says that what is wrong with settings is what a command line asks for,
// and no failure of it.
func checksSettings(args []string) bool {
	return len(args) > 1 && args[0] == "config" && args[1] == "check"
}

type configExampleCommand struct{}

// Run prints an example.
func (configExampleCommand) Run(e *environment) error {
	fmt.Fprint(e.out, `# Settings of akin serve. What stands here goes before the defaults, the environment
# before it, and flags before both. Settings marked "live" change when the server gets
# SIGHUP, or when this file changes; the others need a restart.
# Secrets do not belong here: name files that have them.
`)
	for _, s := range e.settings {
		f := s.flag
		live := ""
		if s.live() {
			live = " (live)"
		}
		fmt.Fprintf(e.out, "\n%s\n# Environment: %s%s\n", comment(f.Help), strings.Join(f.Envs, ", "), live)
		if kindOf(f) == settings.Table {
			fmt.Fprint(e.out, sourcesExample)
		}
		fmt.Fprintf(e.out, "#%s: %s\n", f.Name, defaultOf(f))
	}
	return nil
}

// comment breaks a text into lines of comments.
func comment(text string) string {
	var out strings.Builder
	width := 0
	for _, word := range strings.Fields(text) {
		if width == 0 || width+1+len(word) > 86 {
			if width > 0 {
				out.WriteString("\n")
			}
			out.WriteString("#")
			width = 1
		}
		out.WriteString(" " + word)
		width += 1 + len(word)
	}
	return out.String()
}

// defaultOf gives the default as a file would have it.
func defaultOf(f *kong.Flag) string {
	switch kind := kindOf(f); {
	case kind == settings.List, kind == settings.Table:
		return "[]"
	case kind == settings.Map:
		return "{}"
	case kind == settings.Truth && f.Default == "":
		return "false"
	case kind == settings.Number && f.Default == "":
		return "0"
	case kind == settings.Text:
		return quoted(f.Default)
	}
	return f.Default
}

type configReferenceCommand struct{}

// Run prints the reference.
func (configReferenceCommand) Run(e *environment) error {
	_, err := fmt.Fprint(e.out, reference(e.settings))
	return err
}

// reference is docs/configuration.md.
func reference(all []setting) string {
	var out bytes.Buffer
	fmt.Fprint(&out, referenceHead)
	fmt.Fprint(&out, "| setting | default | environment | live | meaning |\n|---|---|---|---|---|\n")
	for _, s := range all {
		live := ""
		if s.live() {
			live = "yes"
		}
		value := defaultOf(s.flag)
		if value == `""` {
			value = ""
		} else {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | `%s` | %s | %s |\n", s.flag.Name, value, strings.Join(s.flag.Envs, "`, `"), live, strings.ReplaceAll(s.flag.Help, "|", `\|`))
	}
	return out.String()
}

const referenceHead = `# Configuration

This page is made from the program's flags (` + "`make gen-docs`" + `); a test fails when it is not current.

` + "`akin serve`" + ` takes its settings from flags, from the environment, and from one file. Names are the same everywhere: the flag ` + "`--slow-query`" + ` is ` + "`slow-query`" + ` in the file and ` + "`AKIN_SLOW_QUERY`" + ` in the environment. A flag goes before the environment, the environment before the file, and the file before the default.

` + "```yaml" + `
# akin.yaml
data: /var/lib/akin
slow-query: 250ms
timeout: {query: 30s, bulk: 20m}
http-host: [papers.example.org]
` + "```" + `

- ` + "`akin serve --config akin.yaml`" + `, or ` + "`AKIN_CONFIG`" + `, names the file. Model and log settings in it are for all commands.
- ` + "`akin config example`" + ` prints a file of all settings to begin with, ` + "`akin config check FILE`" + ` says all that is wrong with one, each with its line, and ` + "`akin config print`" + ` shows what akin serve would run with and where each value comes from.
- Names that are none, values of another type, values that a setting does not take, and
  settings that are there twice are errors, all reported at once. Nothing is ignored.
- Paths are relative to the working directory.
- **Secrets** are never flags, and are refused in the file. They are in files of their own, which settings that end in ` + "`-file`" + ` name, or in the environment under the name without that ending, such as ` + "`AKIN_OTLP_HEADERS`" + `.
- **Reloading**: SIGHUP, and a change of the file (looked for every two seconds), have the file read anew. Settings marked live change at once, and no call is interrupted; of the others, the log says that they need a restart. A file that is wrong changes nothing: the log says what is wrong, and the metric ` + "`akin_config_last_reload_successful`" + ` is 0 until it is right. Files that settings name are read anew as well, where they can be.

`
