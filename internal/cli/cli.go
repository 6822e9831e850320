// Package cli is akin's command line. Every command that works on data speaks
// gRPC through package client: to a server that runs (--server), or to the same
// server started within the process over a data directory (--data).
//
// exitCodes has the exit codes.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"akin/internal/app"
	"akin/internal/client"
	"akin/internal/ingest"
	"akin/internal/job"
	"akin/internal/paper"
	"akin/internal/settings"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNotFound    = 4
	exitUnavailable = 5
	exitInterrupted = 130 // as shells have it for SIGINT
)

// exitCodes says what each code means, as the help, the manual page and
// docs/cli.md have it.
func exitCodes() []struct {
	code  int
	means string
} {
	return []struct {
		code  int
		means string
	}{
		{exitOK, "all done"},
		{exitFailed, "failed"},
		{exitUsage, "the command line, or what it asks for, is wrong"},
		{exitPartial, "done, but some rows were quarantined"},
		{exitNotFound, "something that was named is not there"},
		{exitUnavailable, "the server cannot be reached"},
		{exitInterrupted, "interrupted"},
	}
}

func exitCodeSentence() string {
	var parts []string
	for _, c := range exitCodes() {
		parts = append(parts, fmt.Sprintf("%d %s", c.code, c.means))
	}
	return "Exit codes: " + strings.Join(parts, "; ") + "."
}

// errPartial is what a command returns when it did all but some bad rows.
var errPartial = errors.New("some rows were quarantined")

// defaultServer is tried when neither --data nor --server is given.
const defaultServer = "127.0.0.1:7411"

type commands struct {
	Serve      serveCommand      `cmd:"" help:"Serve a data directory over gRPC and HTTP."`
	Import     importCommand     `cmd:"" help:"Import files of papers."`
	Export     exportCommand     `cmd:"" help:"Write papers, and vectors, to files."`
	Harvest    harvestCommand    `cmd:"" help:"Fetch records from repositories, for akin import."`
	Search     searchCommand     `cmd:"" help:"Find papers for a free text."`
	Similar    similarCommand    `cmd:"" help:"Find papers like one, or like a title and abstract."`
	Novelty    noveltyCommand    `cmd:"" help:"Say how far papers are from what came before them."`
	Recommend  recommendCommand  `cmd:"" help:"Find papers like some and unlike others."`
	Digest     digestCommand     `cmd:"" help:"Have papers sent by mail."`
	Library    libraryCommand    `cmd:"" help:"Keep libraries of papers that you like, dislike or have read."`
	Feed       feedCommand       `cmd:"" help:"Keep feeds: standing queries that new papers are matched against."`
	Source     sourceCommand     `cmd:"" help:"Look after the sources that a server fetches papers from."`
	Duplicates duplicatesCommand `cmd:"" help:"List papers that are versions of one work, or have nearly the same text."`
	Get        getCommand        `cmd:"" help:"Show papers."`
	List       listCommand       `cmd:"" help:"List papers by id, by day, or by what is trending."`
	Days       daysCommand       `cmd:"" help:"List the days that papers have, with how many of them."`
	Count      countCommand      `cmd:"" help:"Count papers by venue, year, category, author or language."`
	Delete     deleteCommand     `cmd:"" help:"Erase papers."`
	Info       infoCommand       `cmd:"" help:"Show version, model, limits and size."`
	Embed      embedCommand      `cmd:"" help:"Turn files of papers into files of vectors."`
	Eval       evalCommand       `cmd:"" help:"Measure retrieval quality on a data set with judgements."`
	Tokenize   tokenizeCommand   `cmd:"" help:"Show the token ids of texts."`
	Model      modelCommand      `cmd:"" help:"List, verify, describe and build models."`
	Verify     verifyCommand     `cmd:"" help:"Compare the store and all indexes with each other."`
	Key        keyCommand        `cmd:"" help:"Create, list, revoke and rotate the keys that a server asks for."`
	Snapshot   snapshotCommand   `cmd:"" help:"Create, list, verify and restore copies of the store."`
	Reembed    reembedCommand    `cmd:"" help:"Embed a data directory anew, into the space of another model."`
	Catalog    catalogCommand    `cmd:"" help:"Look after the servers over one cluster."`
	Config     configCommand     `cmd:"" help:"Show, check and explain the configuration."`
	Doctor     doctorCommand     `cmd:"" help:"Look for what keeps a server from running well, and say what to do."`
	Setup      setupCommand      `cmd:"" help:"Fetch the model and ONNX Runtime (beside harvest, and servers with sources, the only command that reaches for the network by itself)."`
	Help       helpCommand       `cmd:"" help:"Explain a command."`
	Completion completionCommand `cmd:"" help:"Print a script that completes command lines in a shell."`
	Man        manCommand        `cmd:"" help:"Print the manual page."`
	Version    versionCommand    `cmd:"" help:"Print the version, with its commit and day."`
	Complete   completeCommand   `cmd:"" hidden:""`

	modelFlags
	securityFlags
	logFlags
	ConfigFile  string           `name:"config" help:"File of settings of akin serve, in YAML; model and log settings in it are for every command." type:"path" env:"AKIN_CONFIG" placeholder:"FILE"`
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version, with its commit and day."`
}

// helpCommand is COMMAND --help; run turns it into that.
type helpCommand struct {
	Command []string `arg:"" optional:"" help:"Command."`
}

// modelFlags say which model runs and where it is.
type modelFlags struct {
	Home        string `help:"Directory with models and library (default: found beside the executable)." type:"path" env:"AKIN_HOME" placeholder:"DIR" group:"Model:"`
	ModelName   string `name:"model" help:"Model to embed with (default: what the data directory has)." env:"AKIN_MODEL" placeholder:"NAME" group:"Model:"`
	ModelDir    string `help:"Directory with the model's files." type:"path" env:"AKIN_MODEL_DIR" placeholder:"DIR" group:"Model:"`
	OnnxRuntime string `name:"onnxruntime" help:"ONNX Runtime's shared library." type:"path" env:"AKIN_ONNXRUNTIME" placeholder:"FILE" group:"Model:"`
	Precision   string `help:"auto, float32, bf16 (a third of the time on CPUs with matrix units, in float32 elsewhere) or int8 (half the time). Each is a space of its own; auto is what the data directory has, and in a new one bf16 where that is fast, or float32." enum:",auto,float32,bf16,int8" default:"" env:"AKIN_PRECISION" placeholder:"NAME" group:"Model:"`
	MatrixUnits string `help:"auto, or off: compute bf16 as a CPU without matrix units does." enum:",auto,off" default:"" env:"AKIN_MATRIX_UNITS" placeholder:"NAME" group:"Model:"`
	Threads     int    `help:"Cores to embed with (default: all)." env:"AKIN_THREADS" placeholder:"N" group:"Model:"`
}

func (f modelFlags) config() app.Config {
	return app.Config{
		Following: followingOf(os.Getenv),
		Access:    app.Access{Dir: os.Getenv("AKIN_ACCESS_DIR"), Audit: os.Getenv("AKIN_AUDIT_LOG")},
		Version:   Version, Home: f.Home, Model: f.ModelName, ModelDir: f.ModelDir, Library: f.OnnxRuntime, Precision: f.Precision, MatrixUnits: f.MatrixUnits,
		Threads: f.Threads,
	}
}

// target says where a data command works.
type target struct {
	Data   string `help:"Work on this data directory; no server needed." type:"path" placeholder:"DIR" xor:"target"`
	Server string `help:"Talk to a server (default ${server}), or to several in turn: HOST:PORT,HOST:PORT. Without either flag, AKIN_DATA or AKIN_SERVER say where." placeholder:"HOST:PORT" xor:"target"`
	Index  string `help:"Index of --data: graph, graph-lvq, exact or coder." enum:"${indexes}" default:"${index}" env:"AKIN_INDEX"`
}

// fromEnvironment takes what the environment says where no flag does.
func (t *target) fromEnvironment() {
	if t.Data == "" && t.Server == "" {
		t.Data, t.Server = os.Getenv("AKIN_DATA"), os.Getenv("AKIN_SERVER")
	}
}

// environment is what a command runs in.
type environment struct {
	ctx context.Context //nolint:containedctx // the life of one command
	in  io.Reader
	// out and errOut take all text for people, data what machines read: JSON.
	out, errOut *screen
	data        io.Writer
	// display is the terminal behind errOut, for bars that move its cursor and
	// show nothing but the program's own words.
	display io.Writer
	log     *slog.Logger
	config  app.Config
	// openModel is how models are opened, if not as usual; tests share one.
	openModel app.ModelOpener
	// security says how a server is talked to.
	security securityFlags
	// args is the command line; settings and file are what it and the configuration
	// file say.
	args     []string
	settings []setting
	file     *settings.File
	// variables are the names of those of the environment that some command reads.
	variables []string
	// level is what is logged, which can change.
	level   slog.LevelVar
	closers []func() error

	outIsTerminal  bool
	progressOnTerm bool
}

// connect gives a client for the target.
func (e *environment) connect(t target, create bool) (*client.Client, error) {
	t.fromEnvironment()
	if t.Data != "" {
		config := e.config
		config.Data, config.Create, config.Index, config.LazyModel = t.Data, create, t.Index, true
		c, err := e.start(config)
		var locked *paper.Error
		if errors.As(err, &locked) && locked.Reason == paper.ReasonDataLocked {
			return e.running(t.Data, err)
		}
		return c, err
	}
	address := t.Server
	if address == "" {
		address = defaultServer
	}
	security, err := e.security.read()
	if err != nil {
		return nil, err
	}
	c, err := client.DialSecure(address, security)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, c.Close)
	return c, nil
}

// running gives a client for the server that holds a data directory, or the error
// that it is locked, if no server does.
func (e *environment) running(data string, locked error) (*client.Client, error) {
	dial, err := app.Running(e.ctx, data)
	if err != nil {
		e.log.Debug("the data directory is locked, and no server there answers", "error", err)
		return nil, locked
	}
	e.log.Info("a server runs over the data directory; it is asked", "directory", data)
	c, err := client.DialWith(dial)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, c.Close)
	return c, nil
}

// start runs the server within the process.
func (e *environment) start(config app.Config) (*client.Client, error) {
	a, err := app.Open(e.ctx, config, e.log)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, a.Close)
	return client.New(a.Conn()), nil
}

func (e *environment) close() error {
	var errs []error
	for i := len(e.closers) - 1; i >= 0; i-- {
		errs = append(errs, e.closers[i]())
	}
	e.closers = nil
	return errors.Join(errs...)
}

// Main runs a command line and gives the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	defer context.AfterFunc(ctx, stop)()
	return Run(ctx, args, in, out, errOut)
}

// Run is Main with a context that ends the command.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	return newEnvironment(ctx, in, out, errOut).main(args)
}

func newEnvironment(ctx context.Context, in io.Reader, out, errOut io.Writer) *environment {
	return &environment{
		ctx: ctx, in: in, out: newScreen(out), errOut: newScreen(errOut), data: newDataScreen(out), display: errOut,
		outIsTerminal: isTerminal(out), progressOnTerm: isTerminal(errOut),
	}
}

// main is run, with everything told at its end.
func (e *environment) main(args []string) int {
	defer e.out.flush()
	defer e.errOut.flush()
	return e.run(args)
}

// run runs a command line.
func (e *environment) run(args []string) int {
	var cmds commands
	exit := -1
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	parser, err := newParser(&cmds, e, args, func(code int) { exit = code })
	if err != nil {
		fmt.Fprintln(e.errOut, "akin:", err)
		return exitFailed
	}
	e.args = args
	faults := e.readSettings(parser)
	parsed, parseErr := parse(parser, queryWords(parser, args))
	if exit >= 0 {
		return exit // help was asked for
	}
	if err := withFaults(faults, parseErr); err != nil && (parseErr != nil || !checksSettings(args)) {
		fmt.Fprintf(e.errOut, "akin: %v\nTry `akin --help`, or `akin COMMAND --help` for examples.\n", err)
		return exitUsage
	}
	e.config, e.security, e.log = cmds.config(), cmds.securityFlags, e.logger(cmds.logFlags)
	e.config.OpenModel = e.openModel
	e.settings, e.variables = settingsOf(parser, parsed, e.file), variablesOf(parser.Model.Node)
	err = e.finish(parsed)
	if errors.Is(err, job.ErrInterrupted) {
		return exitInterrupted // the job said how to go on
	}
	if err != nil && e.ctx.Err() != nil {
		fmt.Fprintln(e.errOut, "akin: interrupted; what was acknowledged is durable, and the same command goes on from there")
		return exitInterrupted
	}
	if err != nil && !errors.Is(err, errPartial) {
		// Lines after the first are indented, so that no text of others can
		// pretend to be a message of ours.
		fmt.Fprintln(e.errOut, "akin:", strings.ReplaceAll(explain(err, parsed)+whatIsKept(err, parsed), "\n", "\n  "))
	}
	return exitCode(err)
}

// patience is how long a command may take to end once it was told to: longer
// than any wait of its parts. What it waits for then is none of ours to end, such
// as a pipe that nobody writes to, or a disk that does not answer.
const patience = 15 * time.Second

// finish runs the command until it is done, or until it was told to end and does
// not; what was acknowledged is durable in any case. A server ends by itself.
func (e *environment) finish(parsed *kong.Context) error {
	done := make(chan error, 1)
	go func() { done <- errors.Join(parsed.Run(e), e.close()) }()
	if parsed.Command() == "serve" {
		return <-done
	}
	told := make(chan struct{})
	defer context.AfterFunc(e.ctx, func() { time.AfterFunc(patience, func() { close(told) }) })()
	select {
	case err := <-done:
		return err
	case <-told:
		return e.ctx.Err()
	}
}

// newParser makes the parser of a command line; exited gets the exit code when
// help was asked for.
func newParser(cmds *commands, e *environment, args []string, exited func(code int)) (*kong.Kong, error) {
	return kong.New(cmds,
		kong.Name("akin"),
		kong.Description("akin answers: which papers are akin to this one?\n\n"+exitCodeSentence()),
		kong.Vars{
			"server": defaultServer, "model": app.DefaultModel, "version": versionText(), "formats": strings.Join(ingest.Formats(), ", "),
			"index": app.Indexes()[0], "indexes": strings.Join(app.Indexes(), ","),
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(e.out, e.errOut),
		kong.Exit(func(code int) { exited(code); panic(exitNow{}) }), //nolint:forbidigo // kong only knows how to exit; parse catches it
		kong.UsageOnError(),
		kong.PostBuild(func(k *kong.Kong) error {
			k.Model.Children = concerned(k.Model.Children, args)
			return nil
		}),
	)
}

// concerned gives the commands that a command line can be about: the one that it begins
// with, and serve where settings are read; otherwise all. What kong does for each flag of
// a command takes longer than many commands themselves.
func concerned(all []*kong.Node, args []string) []*kong.Node {
	if len(args) == 0 || slices.Contains([]string{"complete", "man", "doctor"}, args[0]) ||
		!slices.ContainsFunc(all, func(n *kong.Node) bool { return n.Name == args[0] }) {
		return all
	}
	settings := args[0] == "config" || configPath(args) != ""
	return slices.DeleteFunc(all, func(n *kong.Node) bool {
		return n.Name != args[0] && (n.Name != "serve" || !settings)
	})
}

// logFlags say what is logged, and how.
type logFlags struct {
	LogLevel  slog.Level `help:"What to log: debug, info, warn or error." default:"warn" env:"AKIN_LOG_LEVEL" placeholder:"LEVEL" live:""`
	LogFormat string     `help:"How to log: text, or json, an object a line." enum:"text,json" default:"text" env:"AKIN_LOG_FORMAT"`
}

// logger makes what writes the log to standard error.
func (e *environment) logger(f logFlags) *slog.Logger {
	e.level.Set(f.LogLevel)
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(&screen{w: e.display, json: true}, &slog.HandlerOptions{Level: &e.level}))
	}
	return slog.New(tint.NewTextHandler(e.display, &tint.Options{Level: &e.level, NoColor: !e.errOut.color, ReplaceAttr: visibleAttr}))
}

type exitNow struct{}

// parse calls the parser, whose exit (after --help) ends up here as a panic.
func parse(parser *kong.Kong, args []string) (parsed *kong.Context, err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(exitNow); !ok {
				panic(p) //nolint:forbidigo // not ours
			}
		}
	}()
	return parser.Parse(args)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printJSON prints a value as one line of JSON.
func (e *environment) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = fmt.Fprintln(e.data, string(b))
	return err
}
