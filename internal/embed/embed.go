// Package embed turns text into vectors: it puts title and abstract together,
// tokenises, queues, runs the model on every core, pools and normalises.
//
// One Embedder serves the whole process. All methods are safe for concurrent
// use. Every route shares one queue with two classes: interactive work starts
// at once on all cores, bulk work fills the cores that are left and yields.
// Texts are only ever run together with texts of the same number of tokens, so
// nothing is padded, and the same text gives the same vector, bit for bit,
// whatever else is in the queue.
package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"akin/internal/embed/onnx"
	"akin/internal/embed/token"
	"akin/internal/model"
	"akin/internal/paper"
)

// Role says what a text is; a model may want another prefix for each.
type Role int

// The roles.
const (
	Document Role = iota
	Query
)

// Class says who waits for the work.
type Class int

// The classes. Interactive work is refused when the queue is full; bulk work
// waits for a place.
const (
	Interactive Class = iota
	Bulk
)

// Config says how an Embedder runs. The zero value of each field means its
// default.
type Config struct {
	// Library is the path of ONNX Runtime's shared library. Required.
	Library string
	// ModelDir holds the model's files. Required.
	ModelDir string
	// Manifest describes the model. Required.
	Manifest *model.Manifest
	// Precision is model.Float32, the default, or model.Int8: half the time for
	// slightly other vectors, which are a space of their own.
	Precision string
	// Threads is how many cores to use; default: all.
	Threads int
	// QueueTokens bounds the tokens that wait or run in each class; default
	// 65,536. A single larger request is taken when nothing else waits.
	QueueTokens int
}

// Options say what to do with the texts of one call.
type Options struct {
	Role  Role
	Class Class
	// RefuseLong makes a text of too many tokens an error of reason
	// TEXT_TOO_LONG instead of embedding its first tokens.
	RefuseLong bool
	// Raw leaves out the role's prefix.
	Raw bool
}

// Embedding is the vector of one text.
type Embedding struct {
	// Vector is float32 [dim], unit length.
	Vector []float32
	// Tokens were embedded, [CLS] and [SEP] included.
	Tokens int
	// Truncated says that the text had more.
	Truncated bool
}

// Timing says where the time of a call went.
type Timing struct {
	// Queue is the longest wait of a text, Tokenize the time for all texts,
	// Inference the longest run that a text was part of.
	Queue, Tokenize, Inference time.Duration
}

// Embedder embeds. Make it with Open, and Close it.
type Embedder struct {
	space     paper.Space
	manifest  *model.Manifest
	tokenizer *token.Tokenizer
	release   func() error
	sessions  []*onnx.Session
	queue     *queue
	// places counts tokens in flight, by class.
	places [2]*semaphore.Weighted
	limit  int64
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
	e := &Embedder{manifest: config.Manifest, limit: int64(config.QueueTokens)}
	for class := range e.places {
		e.places[class] = semaphore.NewWeighted(e.limit)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeSessions())
		}
	}()
	source, err := e.prepare(config)
	if err != nil {
		return nil, err
	}
	if e.release, err = onnx.Load(config.Library); err != nil {
		return nil, err
	}
	graph, err := onnx.Inspect(filepath.Join(config.ModelDir, source.graph))
	if err != nil {
		return nil, fmt.Errorf("%w; run `akin setup` to build it anew", err)
	}
	if d := graph.Dimension(); d != 0 && d != config.Manifest.Dimension {
		return nil, fmt.Errorf("the graph in %s gives %d dimensions, the manifest of %s says %d", config.ModelDir, d, config.Manifest.Name, config.Manifest.Dimension)
	}
	if err := e.start(graph, config.Threads); err != nil {
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
// without ONNX Runtime and the memory that it takes.
func Describe(config Config) (Description, error) {
	e := &Embedder{manifest: config.Manifest}
	if _, err := e.prepare(config); err != nil {
		return Description{}, err
	}
	return Description{Space: e.space, ExactTokens: e.ExactTokens()}, nil
}

// prepare verifies the files and finds the space.
func (e *Embedder) prepare(config Config) (source, error) {
	s, err := e.verify(config.ModelDir, config.Precision)
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
// source weights of a graph that akin built, else the ready file itself.
func (e *Embedder) verify(dir, precision string) (source, error) {
	remedy := func(err error) error {
		return fmt.Errorf("model %s in %s cannot be used: %w; run `akin setup` to fetch and build it anew, or `akin model build DIR` for a model of your own", e.manifest.Name, dir, err)
	}
	file, pinned := e.manifest.File(model.GraphFile)
	switch {
	case e.manifest.Ready(dir) && precision == model.Int8:
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
	file, _ = e.manifest.File(model.WeightsFile)
	if precision == model.Int8 {
		build, err := model.VerifyInt8Graph(dir, file.SHA256, model.RememberedDigest)
		if err != nil {
			return source{}, remedy(err)
		}
		// Another calibration rounds differently: its vectors are another space.
		return source{model.Int8GraphFile, build.WeightsSHA256, fmt.Sprintf("%s-%.8s", model.Int8, build.CalibrationSHA256)}, nil
	}
	build, err := model.VerifyGraph(dir, file.SHA256, model.RememberedDigest)
	if err != nil {
		return source{}, remedy(err)
	}
	return source{model.GraphFile, build.WeightsSHA256, model.Float32}, nil
}

func (e *Embedder) loadTokenizer(dir string) error {
	if file, ok := e.manifest.File(model.TokenizerFile); ok {
		if err := file.VerifyWith(dir, model.RememberedDigest); err != nil {
			return fmt.Errorf("model %s in %s cannot be used: %w; run `akin setup` to fetch it anew", e.manifest.Name, dir, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, model.TokenizerFile))
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

// start opens the two sessions: one that uses all cores for a lone query, and
// one of a single thread that as many workers as there are cores share.
func (e *Embedder) start(graph *onnx.Graph, threads int) error {
	for _, n := range []int{threads, 1} {
		s, err := graph.Open(onnx.Config{Threads: n})
		if err != nil {
			return err
		}
		e.sessions = append(e.sessions, s)
		if n == 1 && threads == 1 {
			break
		}
	}
	pool := pooler{pooled: graph.Pooled(), pooling: e.manifest.Pooling, dim: e.manifest.Dimension}
	e.queue = newQueue(threads, runner{e.sessions[0], pool}, runner{e.sessions[len(e.sessions)-1], pool})
	return nil
}

func spaceOf(m *model.Manifest, s source, tokenizer string) paper.Space {
	return paper.Space{
		Model: m.Name, ModelDigest: s.weights, TokenizerDigest: tokenizer, Pooling: m.Pooling,
		Template: m.Template, QueryPrefix: m.QueryPrefix, DocumentPrefix: m.DocumentPrefix,
		MaxTokens: m.MaxTokens, Dimension: m.Dimension, Precision: s.precision,
	}
}

// Space gives the space that vectors belong to.
func (e *Embedder) Space() paper.Space { return e.space }

// License gives the model's SPDX licence expression, Source its hub address.
func (e *Embedder) License() string { return e.manifest.License }

// Source gives the address where the model is published.
func (e *Embedder) Source() string { return e.manifest.Source }

// ExactTokens says whether texts get the token ids that the model was trained
// with, for certain: see [token.Tokenizer.Exact].
func (e *Embedder) ExactTokens() bool { return e.tokenizer.Exact() }

// Text puts title and abstract together as the space's template says.
func (e *Embedder) Text(title, abstract string) string {
	return Join(e.manifest.Template, title, abstract)
}

// Join puts title and abstract together as a template says. Where one of them is
// empty, the other stands alone.
func Join(template, title, abstract string) string {
	switch {
	case title == "":
		return abstract
	case abstract == "":
		return title
	}
	return strings.NewReplacer("{title}", title, "{abstract}", abstract).Replace(template)
}

// Tokens are the tokens of a text, [CLS] and [SEP] included. Pieces and Offsets
// (byte offsets into the text as it was given) are there if they were asked
// for.
type Tokens struct {
	IDs       []int64
	Truncated bool
	Pieces    []string
	Offsets   [][2]int
}

// Tokenize gives the tokens of a text, cut after maxTokens if that is not 0. It
// is a pure function of the text and does not wait in the queue.
func (e *Embedder) Tokenize(text string, maxTokens int, detail bool) (Tokens, error) {
	enc, err := e.tokenizer.Encode(text, token.Options{MaxTokens: maxTokens, WithPieces: detail, WithOffsets: detail})
	return Tokens{IDs: enc.IDs, Truncated: enc.Truncated, Pieces: enc.Pieces, Offsets: enc.Offsets}, err
}

// CheckLength is the error of reason TEXT_TOO_LONG for a text that Embed with
// these options would cut, or nil.
func (e *Embedder) CheckLength(field, text string, opt Options) error {
	text = e.prefix(opt) + text
	enc, err := e.tokenizer.Encode(text, token.Options{MaxTokens: e.space.MaxTokens, CountAll: true})
	if err != nil || !enc.Truncated {
		return err
	}
	return e.tooLong(field, enc.Tokens)
}

// prefix is what the space puts before a text of the role.
func (e *Embedder) prefix(opt Options) string {
	switch {
	case opt.Raw:
		return ""
	case opt.Role == Query:
		return e.manifest.QueryPrefix
	default:
		return e.manifest.DocumentPrefix
	}
}

// Embed embeds texts, in their order. It returns early with ctx's error when
// the caller gives up; texts that did not start by then cost nothing.
func (e *Embedder) Embed(ctx context.Context, texts []string, opt Options) ([]Embedding, Timing, error) {
	var timing Timing
	if len(texts) == 0 {
		return nil, timing, nil
	}
	begin := time.Now()
	jobs, tokens, err := e.tokenize(ctx, texts, opt)
	timing.Tokenize = time.Since(begin)
	if err != nil {
		return nil, timing, err
	}
	weight := min(tokens, e.limit)
	if err := e.admit(ctx, opt.Class, weight); err != nil {
		return nil, timing, err
	}
	defer e.places[opt.Class].Release(weight)
	if err := e.queue.run(ctx, opt.Class, jobs); err != nil {
		return nil, timing, err
	}
	out := make([]Embedding, len(jobs))
	for i, j := range jobs {
		out[i] = Embedding{Vector: j.vector, Tokens: len(j.ids), Truncated: j.truncated}
		timing.Queue = max(timing.Queue, j.waited)
		timing.Inference = max(timing.Inference, j.ran)
	}
	return out, timing, nil
}

func (e *Embedder) tokenize(ctx context.Context, texts []string, opt Options) (jobs []*job, tokens int64, err error) {
	prefix := e.prefix(opt)
	jobs = make([]*job, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		enc, err := e.tokenizer.Encode(prefix+text, token.Options{MaxTokens: e.space.MaxTokens, CountAll: opt.RefuseLong})
		if err != nil {
			return nil, 0, fmt.Errorf("tokenise text %d: %w", i, err)
		}
		if enc.Truncated && opt.RefuseLong {
			return nil, 0, e.tooLong(fmt.Sprintf("inputs[%d]", i), enc.Tokens)
		}
		jobs[i] = &job{ids: enc.IDs, truncated: enc.Truncated}
		tokens += int64(len(enc.IDs))
	}
	return jobs, tokens, nil
}

func (e *Embedder) tooLong(field string, n int) error {
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonTextTooLong, Message: "text is too long",
		Violations: []paper.Violation{{
			Field:       field,
			Description: fmt.Sprintf("has %d tokens; the limit is %d; shorten it, or allow truncation", n, e.space.MaxTokens),
		}},
		Metadata: map[string]string{"tokens": fmt.Sprint(n), "limit": fmt.Sprint(e.space.MaxTokens)},
	}
}

func (e *Embedder) admit(ctx context.Context, class Class, weight int64) error {
	if class == Bulk {
		return e.places[Bulk].Acquire(ctx, weight)
	}
	if e.places[Interactive].TryAcquire(weight) {
		return nil
	}
	return &paper.Error{
		Kind: paper.Exhausted, Reason: paper.ReasonQueueFull,
		Message:    fmt.Sprintf("the embedding queue is full (limit %d tokens); try again later", e.limit),
		RetryAfter: e.queue.drainTime(e.limit),
		Metadata:   map[string]string{"limit_tokens": fmt.Sprint(e.limit)},
	}
}

// Close waits for what is running, refuses what still waits, and frees the
// model.
func (e *Embedder) Close() error {
	if e.queue != nil {
		e.queue.close()
	}
	return e.closeSessions()
}

func (e *Embedder) closeSessions() error {
	var errs []error
	for _, s := range e.sessions {
		errs = append(errs, s.Close())
	}
	e.sessions = nil
	if e.release != nil {
		errs = append(errs, e.release())
		e.release = nil
	}
	return errors.Join(errs...)
}

// pooler makes one unit vector a text of what a graph gives.
type pooler struct {
	pooled  bool
	pooling string
	dim     int
}

// vectors splits out ([batch][dim], or [batch][tokens][dim]) into unit vectors.
func (p pooler) vectors(out []float32, batch, tokens int) [][]float32 {
	vectors := make([][]float32, batch)
	for i := range vectors {
		if p.pooled {
			vectors[i] = out[i*p.dim : (i+1)*p.dim : (i+1)*p.dim]
		} else {
			vectors[i] = p.pool(out[i*tokens*p.dim:(i+1)*tokens*p.dim], tokens)
		}
		normalize(vectors[i])
	}
	return vectors
}

// pool reduces [tokens][dim] to [dim]. The sum stands for the mean, which
// differs by a factor that normalising takes out.
func (p pooler) pool(hidden []float32, tokens int) []float32 {
	v := append([]float32(nil), hidden[:p.dim]...)
	if p.pooling == "mean" {
		for t := 1; t < tokens; t++ {
			for d, x := range hidden[t*p.dim : (t+1)*p.dim] {
				v[d] += x
			}
		}
	}
	return v
}

// normalize scales v to unit length, summing in float64.
func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}
