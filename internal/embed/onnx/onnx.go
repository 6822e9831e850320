// Package onnx runs embedding graphs with ONNX Runtime. It is the only package
// that knows onnxruntime_go, and with it cgo.
//
// ONNX Runtime is one per process: the first graph that is loaded decides which
// library file is used, until the last is closed. A session may be run from
// several goroutines at once; with one thread it works on the goroutine that
// calls Run, so callers choose how many cores they use by how many calls they
// make.
package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"akin/internal/embed"
)

// Runtime is ONNX Runtime, as an [embed.Runtime].
type Runtime struct {
	// Library is the path of its shared library. Required.
	Library string
}

// Load implements [embed.Runtime]. A graph has the inputs input_ids and, if it
// wants them, attention_mask and token_type_ids, int64 [batch][tokens]; and an
// output, float32, [batch][dim] if it pools, else [batch][tokens][dim]. The error
// says what to do.
func (r Runtime) Load(path string) (embed.Graph, error) {
	if err := acquire(r.Library); err != nil {
		return nil, err
	}
	g := &graph{path: path}
	if err := g.inspect(); err != nil {
		return nil, errors.Join(fmt.Errorf("open graph %s: %w; run `akin setup` to build it anew", path, err), release())
	}
	return g, nil
}

// library mirrors the state of ONNX Runtime itself, which is global to the
// process: there can be only one, and it is released with the last user.
var library struct { //nolint:gochecknoglobals // the C library is a process-wide singleton
	sync.Mutex
	path  string
	users int
}

// acquire opens ONNX Runtime's shared library, or joins its users if it is open.
func acquire(path string) error {
	library.Lock()
	defer library.Unlock()
	if library.users > 0 {
		if path != library.path {
			return fmt.Errorf("load ONNX Runtime from %s: this process already uses %s", path, library.path)
		}
		library.users++
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("load ONNX Runtime: %w; run `akin setup`, or name the library with --onnxruntime", err)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("load ONNX Runtime from %s: %w; akin needs version 1.24 or newer: run `akin setup`, or name another library with --onnxruntime",
			path, err)
	}
	library.path, library.users = path, 1
	return nil
}

// release takes back one acquire.
func release() error {
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

// graph is what a graph file takes and gives, read once for all sessions.
type graph struct {
	path   string
	file   string // path, without links
	slim   *slim
	inputs []string
	output string
	shape  embed.Output
	matrix *Matrix // runs it, if not ONNX Runtime itself
}

// session is a graph loaded for running.
type session struct {
	graph *graph
	ort   *ort.DynamicAdvancedSession
}

// inputNames are the inputs that a BERT-like graph may have, in any order.
const (
	inputIDs   = "input_ids"
	inputMask  = "attention_mask"
	inputTypes = "token_type_ids"
)

// inspect reads what the file takes and gives.
func (g *graph) inspect() (err error) {
	// ONNX Runtime finds tensors that it maps below their real folder alone.
	if g.file, err = filepath.EvalSymlinks(g.path); err != nil {
		return err
	}
	if g.slim, err = readSlim(g.file); err != nil {
		return err
	}
	if g.slim.shaped {
		return g.match(g.slim.ins, g.slim.outs)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy() //nolint:errcheck // only frees
	// Nothing is run here, so nothing need be optimised.
	if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll); err != nil {
		return err
	}
	ins, outs, err := ort.GetInputOutputInfoWithOptions(g.path, options)
	if err != nil {
		return err
	}
	return g.match(ins, outs)
}

// Output implements [embed.Graph].
func (g *graph) Output() embed.Output { return g.shape }

// Open implements [embed.Graph].
func (g *graph) Open(threads int) (embed.Session, error) {
	s, err := g.open(threads)
	if err != nil {
		return nil, fmt.Errorf("open graph %s: %w", g.path, err)
	}
	return &session{graph: g, ort: s}, nil
}

func (g *graph) open(threads int) (*ort.DynamicAdvancedSession, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy() //nolint:errcheck // only frees
	if err := errors.Join(
		options.SetIntraOpNumThreads(max(1, threads)),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		// Idle threads that spin would take cores from the other sessions.
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
		// Where the tensors are that the slim graph leaves in the file.
		options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", filepath.Dir(g.file)),
	); err != nil {
		return nil, err
	}
	defer trim() // what reading the file took
	if g.matrix == nil {
		return ort.NewDynamicAdvancedSessionWithONNXData(g.slim.model, g.inputs, []string{g.output}, options)
	}
	defer keepSignalStack()()
	if err := g.matrix.addTo(options, max(1, threads)); err != nil {
		return nil, err
	}
	// OpenVINO keeps weights of its own, so that none are left in the file.
	return ort.NewDynamicAdvancedSession(g.path, g.inputs, []string{g.output}, options)
}

// Close implements [embed.Graph]: it lets go of the library.
func (g *graph) Close() error { return release() }

func (g *graph) match(ins, outs []ort.InputOutputInfo) error {
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
	g.output = out.Name
	g.shape.Pooled = len(out.Dimensions) == 2
	// A dimension that the file leaves open is negative.
	g.shape.Dimension = int(max(0, out.Dimensions[len(out.Dimensions)-1]))
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

// Close implements [embed.Session].
func (s *session) Close() error {
	if s.graph.matrix != nil {
		defer keepSignalStack()()
	}
	if err := s.ort.Destroy(); err != nil {
		return fmt.Errorf("close graph: %w", err)
	}
	trim()
	return nil
}

// Run implements [embed.Session].
func (s *session) Run(ids []int64, batch, tokens int) (out []float32, dim int, err error) {
	if batch < 1 || tokens < 1 || len(ids) != batch*tokens {
		return nil, 0, fmt.Errorf("run graph: %d ids are not %d texts of %d tokens", len(ids), batch, tokens)
	}
	mask := slices.Repeat([]int64{1}, len(ids))
	if s.graph.matrix != nil {
		defer keepSignalStack()()
		ids, mask, tokens = padded(ids, batch, tokens)
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
			data = mask
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
	if err := s.ort.Run(values, results); err != nil {
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
