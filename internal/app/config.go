package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"akin/internal/admit"
	"akin/internal/catalog/local"
	"akin/internal/embed"
	"akin/internal/model"
	"akin/internal/rpc"
	"akin/internal/telemetry"
)

// Config says what to run. The zero value of a field means its default.
type Config struct {
	// Version is what the server says of itself.
	Version string
	// Data is the data directory; empty makes a server that only embeds.
	Data string
	// Snapshots is where snapshots of the store are kept; empty means the directory
	// snapshots of the data directory.
	Snapshots string
	// Create makes the data directory if it is missing.
	Create bool
	// ReadOnlyOnDamage serves what can be read of a damaged data directory,
	// for reading only, instead of refusing it.
	ReadOnlyOnDamage bool
	// Index names the kind of index; see Indexes, of which the first is the default.
	Index string

	// GRPCAddr and HTTPAddr are host:port to listen on; port 0 picks one.
	// Empty means not to listen.
	GRPCAddr, HTTPAddr string
	// InsecurePublic allows addresses that others than this machine may reach.
	InsecurePublic bool
	// HTTPHosts are names, beside the loopback ones, that HTTP requests may
	// give as their Host.
	HTTPHosts []string
	// HTTPOrigins are the origins whose pages browsers may let read what HTTP
	// answers; none by default.
	HTTPOrigins []string

	// PublicURL is the address under which readers reach the page and its links, without
	// a slash at its end; empty is none. Its host may be the Host of HTTP requests.
	PublicURL string
	// SecretFile is where the secrets are that encrypt addresses and sign links; empty
	// means beside the keys.
	SecretFile string

	// Cluster says which cluster keeps the papers, instead of the data directory.
	Cluster Cluster

	// Mail says how digests are sent; by default they are not.
	Mail Mail

	// Access says who may call from outside.
	Access Access
	// Following says what libraries may follow.
	Following Following

	// Home holds models and library; found through Locate if empty.
	Home string
	// Model is the model's name; default model.DefaultName.
	Model string
	// ModelDir and Library override where the model and ONNX Runtime are.
	ModelDir, Library string
	// Precision is one of Precisions, the first by default.
	Precision string
	// MatrixUnits is "auto", the default, or "off": as if the CPU had none.
	MatrixUnits string
	// Units runs graphs of precision bf16; by default OpenVINO's plugin, where the
	// CPU has matrix units.
	Units embed.Runtime
	// OpenModel opens what embeds; by default a model of the server's own.
	OpenModel ModelOpener
	// LazyModel opens the model when something is embedded for the first time,
	// where the data directory says what its vectors are.
	LazyModel bool
	// Threads is how many cores embedding uses; default all.
	Threads int
	// QueueTokens bounds the embedding queue; see embed.Config.
	QueueTokens int

	// Sources says where papers are fetched from, on a schedule.
	Sources SourceSettings

	// Admission says how many calls work at once and how long others wait.
	Admission admit.Config
	// Timeouts bound calls from other processes, by kind; see
	// rpc.DefaultTimeouts for those that are not given.
	Timeouts map[string]time.Duration

	// AdminAddr is host:port for metrics, health and profiles; empty means none. Others
	// than this machine may only reach it if AdminPublic says so.
	AdminAddr   string
	AdminPublic bool
	// Telemetry says what is measured, and who is told.
	Telemetry telemetry.Config
	// Secrets are the files that settings name which others should not read.
	Secrets []string
	// Changes are configurations to go on with, of which what can change without a
	// restart is applied; nil for none. Only Run reads them.
	Changes <-chan Change

	// named says that the model, its place or its precision were given.
	named bool
	// assumeUnits is for tests: as if the CPU had matrix units.
	assumeUnits bool
	// grace is how long calls may take to end when the server stops.
	grace time.Duration
}

// ModelOpener opens a model, and gives what to call when it is not needed any more.
// A process that runs several servers may share one between them.
type ModelOpener func(embed.Config) (e *embed.Embedder, done func() error, err error)

// Indexes are the kinds of index by their names, the default first.
func Indexes() (names []string) {
	for _, kind := range local.IndexKinds() {
		names = append(names, string(kind))
	}
	return names
}

// withDefaults fills in what is empty and reports all faults at once.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Index == "" {
		c.Index = Indexes()[0]
	}
	if !slices.Contains(Indexes(), c.Index) {
		errs = append(errs, Fault{"index", fmt.Sprintf("%q is not one of %v", c.Index, Indexes())})
	}
	if c.Precision == "" {
		c.Precision = Auto
	}
	c.named = c.Model != "" || c.ModelDir != "" || c.Precision != Auto
	if c.Model == "" {
		c.Model = model.DefaultName
	}
	if c.OpenModel == nil {
		c.OpenModel = ownModel
	}
	if !slices.Contains(Precisions(), c.Precision) {
		errs = append(errs, Fault{"precision", fmt.Sprintf("%q is not one of %v", c.Precision, Precisions())})
	}
	if c.MatrixUnits == "" {
		c.MatrixUnits = UnitsAuto
	}
	if c.MatrixUnits != UnitsAuto && c.MatrixUnits != UnitsOff {
		errs = append(errs, Fault{"matrix-units", fmt.Sprintf("%q is neither %s nor %s", c.MatrixUnits, UnitsAuto, UnitsOff)})
	}
	if c.Threads < 0 || c.Threads > 1024 {
		errs = append(errs, Fault{"threads", fmt.Sprintf("%d is not between 0 (all cores) and 1024", c.Threads)})
	}
	if c.QueueTokens < 0 {
		errs = append(errs, fmt.Errorf("queue tokens %d must not be negative", c.QueueTokens))
	}
	if c.Admission.MaxWait < 0 {
		errs = append(errs, Fault{"max-wait", fmt.Sprintf("is %v; it must be above 0 (0 means %v)", c.Admission.MaxWait, admit.DefaultMaxWait)})
	}
	var err error
	if c.Timeouts, err = rpc.CompleteTimeouts(c.Timeouts); err != nil {
		errs = append(errs, timeoutFaults(err)...)
	}
	errs = append(errs, c.clustering()...)
	errs = append(errs, c.observing()...)
	errs = append(errs, c.Following.faults()...)
	errs = append(errs, c.Access.Check())
	errs = append(errs, sourceFaults(c.Sources)...)
	if c.PublicURL != "" {
		if c.PublicURL, err = checkPublicURL(c.PublicURL); err != nil {
			errs = append(errs, Fault{"public-url", err.Error()})
		}
	}
	errs = append(errs, c.mailing()...)
	if c.Home == "" {
		c.Home = Locate()
	}
	if c.grace == 0 {
		c.grace = defaultGrace
	}
	return c, errors.Join(errs...)
}

// Paths of a home directory.
const (
	modelsFolder  = "models"
	libraryFolder = "lib"
	homeFolder    = ".akin"
)

// Locate finds the home directory, which holds models and library: the
// environment's AKIN_HOME, or .akin beside the executable or one folder above
// it (bin/akin), or else the user's data directory. It gives the first that
// exists, and if none does, the one that Setup should make.
func Locate() string {
	if home := os.Getenv("AKIN_HOME"); home != "" {
		return home
	}
	var candidates []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		candidates = append(candidates, filepath.Join(dir, homeFolder), filepath.Join(filepath.Dir(dir), homeFolder))
	}
	shared := os.Getenv("XDG_DATA_HOME")
	if user, err := os.UserHomeDir(); shared == "" && err == nil {
		shared = filepath.Join(user, ".local", "share")
	}
	candidates = append(candidates, filepath.Join(shared, "akin"))
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, modelsFolder)); err == nil {
			return dir
		}
	}
	return candidates[len(candidates)-1]
}
