package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"akin/internal/embed"
	"akin/internal/embed/onnx"
	"akin/internal/model"
	"akin/internal/paper"
	"akin/models"
)

// Auto is the precision that a data directory has; in a new one bf16 where the CPU
// has matrix units and akin setup was run there, else float32.
const Auto = "auto"

// The settings of Config.MatrixUnits.
const (
	UnitsAuto = "auto"
	UnitsOff  = "off"
)

// Precisions are the settings of Config.Precision, the default first.
func Precisions() []string { return []string{Auto, model.Float32, model.BFloat16, model.Int8} }

// precisionOf gives the configuration's name of a space's precision.
func precisionOf(space paper.Space) string {
	for _, name := range []string{model.Int8, model.BFloat16} {
		if strings.HasPrefix(space.Precision, name) {
			return name
		}
	}
	return model.Float32
}

// units is what can run graphs of precision bf16 here, or why nothing can.
type units struct {
	runtime embed.Runtime // nil if nothing
	why     string
	// missing says that akin setup would help.
	missing bool
}

// wantsUnits says whether this machine gains from what runs graphs of precision
// bf16, and why or why not.
func (c Config) wantsUnits() (wants bool, why string) {
	switch {
	case c.MatrixUnits == UnitsOff:
		return false, "matrix units are switched off (--matrix-units off)"
	case !onnx.MatrixUnits() && !c.assumeUnits:
		return false, "this CPU has no matrix units for bf16 (amx_bf16), or its system does not let programs use them"
	case !onnx.MayCompile():
		return false, "this process may not run code that it makes, which OpenVINO does (MemoryDenyWriteExecute in a systemd unit)"
	default:
		return true, "this CPU has matrix units for bf16 (amx_bf16)"
	}
}

// units finds what runs the graph of precision bf16 of a model.
func (c Config) units(at resolved) units {
	wants, why := c.wantsUnits()
	switch {
	case at.manifest.Ready(at.dir):
		return units{why: fmt.Sprintf("model %s comes as a ready graph", at.manifest.Name)}
	case c.Units != nil && c.MatrixUnits != UnitsOff:
		return units{runtime: c.Units, why: "as handed in"}
	case !wants:
		return units{why: why}
	case at.matrix == nil:
		return units{why: "no plugin is pinned for this system"}
	}
	libraries := filepath.Join(c.Home, libraryFolder)
	weights, _ := at.manifest.Weights()
	_, err := model.VerifyBFloat16Graph(at.dir, weights.SHA256, model.RememberedDigest)
	// A library that was cut short would end the process when it is loaded.
	if err = errors.Join(at.matrix.Verify(libraries, model.RememberedDigest), err); err != nil {
		return units{why: fmt.Sprintf("%s, but what uses them is not there or not whole, which `akin setup` mends: %v", why, err), missing: true}
	}
	return units{runtime: onnx.Matrix{Library: at.library, Plugin: at.matrix.Plugin(libraries)}, why: why}
}

// embedConfig says how the model is run: what auto means where there are no vectors
// yet, and on what.
func (c Config) embedConfig(at resolved) (embed.Config, units) {
	config := embed.Config{
		Runtime: onnx.Runtime{Library: at.library}, ModelDir: at.dir, Manifest: at.manifest, Precision: c.Precision,
		Threads: c.Threads, QueueTokens: c.QueueTokens,
	}
	var u units
	if c.Precision == Auto || c.Precision == model.BFloat16 {
		u = c.units(at) // hashes files, unless it knows them
	}
	if c.Precision == Auto {
		config.Precision = model.Float32
		if u.runtime != nil {
			config.Precision = model.BFloat16
		}
	}
	if config.Precision == model.BFloat16 {
		config.Matrix = u.runtime
	}
	return config, u
}

// openSaying opens the model, and says what its vectors are computed in where that is
// not what their space is named after, or could be faster.
func (a *App) openSaying(at resolved) (*embed.Embedder, func() error, error) {
	config, u := a.config.embedConfig(at)
	config.Log = a.log
	e, done, err := a.config.OpenModel(config)
	switch {
	case err != nil:
	case config.Matrix != nil:
		a.log.Info("vectors are computed in bf16", "why", u.why)
	case config.Precision == model.BFloat16:
		a.log.Warn(fmt.Sprintf("vectors of precision bf16 are computed in float32: %s; they are as comparable, "+
			"within a cosine of .9999, and take about three times the CPU time", u.why))
	case u.missing:
		a.log.Info("new vectors are of float32, which takes about three times the CPU time of bf16", "why", u.why)
	}
	return e, done, err
}

// SpaceOf gives the space of the configured model in a precision, without loading
// it.
func SpaceOf(config Config, precision string) (paper.Space, error) {
	config, err := config.withDefaults()
	if err != nil {
		return paper.Space{}, err
	}
	at, err := config.resolve()
	if err != nil {
		return paper.Space{}, err
	}
	// Units make no difference to the space, and float32's graph is always there.
	config.Precision, config.MatrixUnits = precision, UnitsOff
	c, _ := config.embedConfig(at)
	about, err := embed.Describe(c)
	return about.Space, err
}

// matrixOf gives the plugin that is pinned for this system; nil if there is none.
func matrixOf() (*model.Matrix, error) {
	library, err := model.LoadRuntime(models.Files)
	if err != nil {
		return nil, err
	}
	host, err := library.Host()
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a library of the user's own serves systems that none is pinned for
	}
	return host.Matrix, nil
}
