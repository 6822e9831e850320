// Package onnx runs embedding graphs with ONNX Runtime. It is the only package
// that knows onnxruntime_go, and with it cgo.
//
// ONNX Runtime is one per process: the first Load decides which library file is
// used. A Session may be run from several goroutines at once; with one thread a
// session works on the goroutine that calls Run, so callers choose how many
// cores they use by how many calls they make.
package onnx

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// library mirrors the state of ONNX Runtime itself, which is global to the
// process: there can be only one, and it is released with the last user.
var library struct { //nolint:gochecknoglobals // the C library is a process-wide singleton
	sync.Mutex
	path  string
	users int
}

// Load opens ONNX Runtime's shared library, or joins its users if it is open.
// Call the returned release exactly once, after closing all sessions.
func Load(path string) (release func() error, err error) {
	library.Lock()
	defer library.Unlock()
	if library.users > 0 {
		if path != library.path {
			return nil, fmt.Errorf("load ONNX Runtime from %s: this process already uses %s", path, library.path)
		}
		library.users++
		return releaseLibrary, nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("load ONNX Runtime: %w; run `akin setup`, or name the library with --onnxruntime", err)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return nil, fmt.Errorf("load ONNX Runtime from %s: %w; akin needs version 1.24 or newer: run `akin setup`, or name another library with --onnxruntime", path, err)
	}
	library.path, library.users = path, 1
	return releaseLibrary, nil
}

func releaseLibrary() error {
	library.Lock()
	defer library.Unlock()
	library.users--
	if library.users > 0 {
		return nil
	}
	if err := ort.DestroyEnvironment(); err != nil {
		return fmt.Errorf("release ONNX Runtime: %w", err)
	}
	return nil
}

// Version gives the version of the library that is loaded, for example
// "1.24.4".
func Version() string { return ort.GetVersion() }

// Config says how a session runs.
type Config struct {
	// Threads is how many cores one Run uses; 0 means 1.
	Threads int
}

// Graph is what a graph file takes and gives, read once for all sessions.
type Graph struct {
	path   string
	inputs []string
	output string
	dim    int
	pooled bool
}

// Session is a graph loaded for running.
type Session struct {
	graph   *Graph
	session *ort.DynamicAdvancedSession
}

// inputNames are the inputs that a BERT-like graph may have, in any order.
const (
	inputIDs   = "input_ids"
	inputMask  = "attention_mask"
	inputTypes = "token_type_ids"
)

// Inspect reads what a graph file takes and gives. It has inputs input_ids
// and, if it wants them, attention_mask and token_type_ids, int64
// [batch][tokens]; and an output, float32, [batch][dim] if the graph pools, else
// [batch][tokens][dim].
func Inspect(path string) (*Graph, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("open graph %s: %w", path, err)
	}
	defer options.Destroy() //nolint:errcheck // only frees
	// Nothing is run here, so nothing need be optimised.
	if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll); err != nil {
		return nil, fmt.Errorf("open graph %s: %w", path, err)
	}
	ins, outs, err := ort.GetInputOutputInfoWithOptions(path, options)
	if err != nil {
		return nil, fmt.Errorf("open graph %s: %w", path, err)
	}
	g := &Graph{path: path}
	if err := g.match(ins, outs); err != nil {
		return nil, fmt.Errorf("open graph %s: %w", path, err)
	}
	return g, nil
}

// Open loads the graph for running.
func (g *Graph) Open(config Config) (*Session, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("open graph %s: %w", g.path, err)
	}
	defer options.Destroy() //nolint:errcheck // only frees
	if err := errors.Join(
		options.SetIntraOpNumThreads(max(1, config.Threads)),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		// Idle threads that spin would take cores from the other sessions.
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	); err != nil {
		return nil, fmt.Errorf("open graph %s: %w", g.path, err)
	}
	session, err := ort.NewDynamicAdvancedSession(g.path, g.inputs, []string{g.output}, options)
	if err != nil {
		return nil, fmt.Errorf("open graph %s: %w", g.path, err)
	}
	return &Session{graph: g, session: session}, nil
}

func (g *Graph) match(ins, outs []ort.InputOutputInfo) error {
	for _, in := range ins {
		if !slices.Contains([]string{inputIDs, inputMask, inputTypes}, in.Name) {
			return fmt.Errorf("input %q is not one of %s, %s, %s", in.Name, inputIDs, inputMask, inputTypes)
		}
		if in.DataType != ort.TensorElementDataTypeInt64 {
			return fmt.Errorf("input %q has type %s; int64 is needed", in.Name, in.DataType)
		}
		g.inputs = append(g.inputs, in.Name)
	}
	i := chooseOutput(outs)
	if i < 0 {
		return fmt.Errorf("none of its %d outputs is float32 of [batch][tokens][dim] or [batch][dim]", len(outs))
	}
	out := outs[i]
	g.output, g.pooled, g.dim = out.Name, len(out.Dimensions) == 2, int(out.Dimensions[len(out.Dimensions)-1])
	return nil
}

// chooseOutput finds the output to use: one of the usual names, or else the
// first of three dimensions (a vector a token), or else of two (a vector a
// text). -1 if there is none.
func chooseOutput(outs []ort.InputOutputInfo) int {
	usable := func(o ort.InputOutputInfo, dimensions ...int) bool {
		return o.DataType == ort.TensorElementDataTypeFloat && slices.Contains(dimensions, len(o.Dimensions))
	}
	for _, name := range []string{"sentence_embedding", "last_hidden_state", "token_embeddings"} {
		if i := slices.IndexFunc(outs, func(o ort.InputOutputInfo) bool { return o.Name == name && usable(o, 2, 3) }); i >= 0 {
			return i
		}
	}
	if i := slices.IndexFunc(outs, func(o ort.InputOutputInfo) bool { return usable(o, 3) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(outs, func(o ort.InputOutputInfo) bool { return usable(o, 2) })
}

// Pooled says whether Run gives one vector a text rather than one a token.
func (g *Graph) Pooled() bool { return g.pooled }

// Dimension gives the length of a vector, or 0 if the graph does not say it.
func (g *Graph) Dimension() int { return max(0, g.dim) }

// Close frees the graph. No Run may be going on.
func (s *Session) Close() error {
	if err := s.session.Destroy(); err != nil {
		return fmt.Errorf("close graph: %w", err)
	}
	trim()
	return nil
}

// Run runs a group of texts of one length: ids is int64 [batch][tokens]
// without padding. It gives float32 [batch][dim] if the graph pools, else
// [batch][tokens][dim], and the dimension.
func (s *Session) Run(ids []int64, batch, tokens int) (out []float32, dim int, err error) {
	if batch < 1 || tokens < 1 || len(ids) != batch*tokens {
		return nil, 0, fmt.Errorf("run graph: %d ids are not %d texts of %d tokens", len(ids), batch, tokens)
	}
	shape := ort.NewShape(int64(batch), int64(tokens))
	var values []ort.Value
	defer func() {
		for _, v := range values {
			err = errors.Join(err, v.Destroy())
		}
	}()
	for _, name := range s.graph.inputs {
		data := ids
		switch name {
		case inputMask:
			data = slices.Repeat([]int64{1}, len(ids))
		case inputTypes:
			data = make([]int64, len(ids))
		}
		tensor, err := ort.NewTensor(shape, data)
		if err != nil {
			return nil, 0, fmt.Errorf("run graph: %w", err)
		}
		values = append(values, tensor)
	}
	results := []ort.Value{nil}
	if err := s.session.Run(values, results); err != nil {
		return nil, 0, fmt.Errorf("run graph: %w", err)
	}
	values = append(values, results[0])
	tensor, ok := results[0].(*ort.Tensor[float32])
	if !ok {
		return nil, 0, fmt.Errorf("run graph: output %s is not float32", s.graph.output)
	}
	dims := tensor.GetShape()
	dim = int(dims[len(dims)-1])
	// The tensor's memory is freed with it: copy.
	return slices.Clone(tensor.GetData()), dim, nil
}
