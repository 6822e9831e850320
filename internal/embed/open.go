package embed

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/semaphore"

	"akin/internal/embed/token"
	"akin/internal/model"
	"akin/internal/paper"
)

// Config says how an Embedder runs. The zero value of each field means its
// default.
type Config struct {
	// Runtime runs the model. Open needs it, Describe does not.
	Runtime Runtime
	// Matrix runs graphs of precision bf16 on the matrix units of the CPU; nil where
	// there are none: then such a model is computed in float32, by Runtime.
	Matrix Runtime
	// ModelDir holds the model's files. Required.
	ModelDir string
	// Manifest describes the model. Required.
	Manifest *model.Manifest
	// Precision is model.Float32, the default, model.BFloat16 or model.Int8, which
	// take less time for slightly other vectors. Each is a space of its own.
	Precision string
	// Threads is how many cores to use; default: all.
	Threads int
	// QueueTokens bounds the tokens that wait or run in each class; default
	// 65,536. A single larger request is taken when nothing else waits.
	QueueTokens int
	// Log says what nobody is told of otherwise; default: nowhere.
	Log *slog.Logger
}

// Open verifies and loads the model. The error says which file is wrong and
// what to do.
func Open(config Config) (_ *Embedder, err error) {
	if config.Threads <= 0 {
		config.Threads = runtime.GOMAXPROCS(0)
	}
	if config.QueueTokens <= 0 {
		config.QueueTokens = 65_536
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	e := &Embedder{manifest: config.Manifest, limit: int64(config.QueueTokens)}
	for class := range e.places {
		e.places[class] = semaphore.NewWeighted(e.limit)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeModel())
		}
	}()
	if config.Runtime == nil {
		return nil, errors.New("open model: no runtime was handed in")
	}
	source, err := e.prepare(config)
	if err != nil {
		return nil, err
	}
	runtime := config.Runtime
	if e.computed = model.Float32; source.graph == model.BFloat16GraphFile {
		runtime, e.computed = config.Matrix, model.BFloat16
	} else if config.Precision == model.Int8 {
		e.computed = model.Int8
	}
	if e.graph, err = runtime.Load(filepath.Join(config.ModelDir, source.graph)); err != nil {
		return nil, err
	}
	if d := e.graph.Output().Dimension; d != 0 && d != config.Manifest.Dimension {
		return nil, fmt.Errorf("the graph in %s gives %d dimensions, the manifest of %s says %d",
			config.ModelDir, d, config.Manifest.Name, config.Manifest.Dimension)
	}
	if err := e.start(config, source); err != nil {
		return nil, err
	}
	return e, nil
}

// Description is what can be said of a model without loading it.
type Description struct {
	Space paper.Space
	// ExactTokens is what the Embedder of the same name would say.
	ExactTokens bool
}

// Describe verifies the model's files and says what vectors it would make,
// without a runtime and the memory that it takes.
func Describe(config Config) (Description, error) {
	e := &Embedder{manifest: config.Manifest}
	if _, err := e.prepare(config); err != nil {
		return Description{}, err
	}
	return Description{Space: e.space, ExactTokens: e.ExactTokens()}, nil
}

// prepare verifies the files and finds the space.
func (e *Embedder) prepare(config Config) (source, error) {
	s, err := e.verify(config.ModelDir, config.Precision, config.Matrix != nil)
	if err != nil {
		return source{}, err
	}
	if err := e.loadTokenizer(config.ModelDir); err != nil {
		return source{}, err
	}
	e.space = spaceOf(config.Manifest, s, e.tokenizer.Digest())
	return s, nil
}

// source is the graph that is run and what its vectors depend on.
type source struct {
	graph     string // file name
	weights   string // SHA-256
	precision string
}

// verify checks the graph and gives the digest of the weights behind it: the
// source weights of a graph that akin built, else the ready file itself. Precision
// bf16 has a graph of its own where there are matrix units; elsewhere that of
// float32 stands for it, whose vectors are as near to those of bf16 as those are to
// it.
func (e *Embedder) verify(dir, precision string, matrix bool) (source, error) {
	remedy := func(err error) error {
		return fmt.Errorf("model %s in %s cannot be used: %w; run `akin setup` to fetch and build it anew, or `akin model build DIR` for a model of your own",
			e.manifest.Name, dir, err)
	}
	file, pinned := e.manifest.File(model.GraphFile)
	switch {
	case e.manifest.Ready(dir) && (precision == model.Int8 || precision == model.BFloat16):
		return source{}, fmt.Errorf("model %s comes as a ready graph, which is used as it is; leave out the precision", e.manifest.Name)
	case e.manifest.Ready(dir):
		var err error
		if pinned {
			err = file.VerifyWith(dir, model.RememberedDigest)
		} else {
			file.SHA256, err = model.RememberedDigest(filepath.Join(dir, model.GraphFile))
		}
		if err != nil {
			return source{}, remedy(err)
		}
		return source{graph: model.GraphFile, weights: file.SHA256, precision: model.Float32}, nil
	}
	file, _ = e.manifest.Weights()
	if precision == model.Int8 {
		build, err := model.VerifyInt8Graph(dir, file.SHA256, model.RememberedDigest)
		if err != nil {
			return source{}, remedy(err)
		}
		// Another calibration rounds differently: its vectors are another space.
		return source{model.Int8GraphFile, build.WeightsSHA256, fmt.Sprintf("%s-%.8s", model.Int8, build.CalibrationSHA256)}, nil
	}
	name, check := model.GraphFile, model.VerifyGraph
	if precision == model.BFloat16 && matrix {
		name, check = model.BFloat16GraphFile, model.VerifyBFloat16Graph
	}
	build, err := check(dir, file.SHA256, model.RememberedDigest)
	if err != nil {
		return source{}, remedy(err)
	}
	return source{name, build.WeightsSHA256, cmp.Or(precision, model.Float32)}, nil
}

func (e *Embedder) loadTokenizer(dir string) error {
	if file, ok := e.manifest.File(model.TokenizerFile); ok {
		if err := file.VerifyWith(dir, model.RememberedDigest); err != nil {
			return fmt.Errorf("model %s in %s cannot be used: %w; run `akin setup` to fetch it anew", e.manifest.Name, dir, err)
		}
	}
	raw, err := model.ReadTokenizer(dir)
	if err != nil {
		return fmt.Errorf("load tokenizer: %w", err)
	}
	if e.tokenizer, err = token.Load(raw); err != nil {
		return fmt.Errorf("load tokenizer: %w", err)
	}
	config, err := model.ReadConfig(filepath.Join(dir, model.ConfigFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil // a ready graph need not bring its configuration
	}
	if err != nil {
		return err
	}
	if size := e.tokenizer.VocabSize(); int64(size) > config.VocabSize {
		return fmt.Errorf("the tokenizer in %s has %d tokens, the model's vocabulary %d: they do not belong together; run `akin setup`", dir, size, config.VocabSize)
	}
	if int64(e.manifest.MaxTokens) > config.MaxPositionEmbeddings {
		return fmt.Errorf("max_tokens %d of %s is above the model's %d positions", e.manifest.MaxTokens, e.manifest.Name, config.MaxPositionEmbeddings)
	}
	return nil
}

// start opens the sessions: one that uses all cores for a lone query, and, when it is
// needed, one of a single thread that as many workers as there are cores share. Where
// one session has a stream a core, it is both, and its workers are twice as many, so
// that no core waits for its next text.
func (e *Embedder) start(config Config, verified source) error {
	threads, workers := config.Threads, config.Threads
	lone, err := e.graph.Open(threads)
	if err != nil {
		return err
	}
	e.sessions = append(e.sessions, lone)
	shared := lone
	switch streams := e.graph.Output().Streams; {
	case streams:
		workers = 2 * threads
	case threads > 1:
		shared = &lateSession{
			open: func() (Session, error) { return e.openAgain(config, verified, 1) }, instead: lone, log: config.Log,
		}
		e.sessions = append(e.sessions, shared)
	}
	pool := pooler{pooled: e.graph.Output().Pooled, pooling: e.manifest.Pooling, dim: e.manifest.Dimension}
	e.queue = newQueue(threads, workers, runner{lone, pool}, runner{shared, pool})
	return nil
}

func spaceOf(m *model.Manifest, s source, tokenizer string) paper.Space {
	return paper.Space{
		Model: m.Name, ModelDigest: s.weights, TokenizerDigest: tokenizer, Pooling: m.Pooling,
		Template: m.Template, QueryPrefix: m.QueryPrefix, DocumentPrefix: m.DocumentPrefix,
		MaxTokens: m.MaxTokens, Dimension: m.Dimension, Precision: s.precision,
	}
}
