package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"akin/internal/pending"
)

// Names of the files of a model directory.
const (
	WeightsFile = "model.safetensors"
	// ExportFile is a plain ONNX export of the model, where hubs put one. Its weights
	// are taken where WeightsFile is missing.
	ExportFile    = "onnx/model.onnx"
	ConfigFile    = "config.json"
	TokenizerFile = "tokenizer.json"
	PoolingFile   = "1_Pooling/config.json"
	GraphFile     = "model.onnx"
	// BuildFile records what GraphFile was built from.
	BuildFile = "model.onnx.json"
	// Int8GraphFile is the graph of precision int8, beside the other.
	Int8GraphFile = "model.int8.onnx"
	// BFloat16GraphFile is the graph of precision bf16, beside the others.
	BFloat16GraphFile = "model.bf16.onnx"
)

// The precisions of a graph.
const (
	Float32  = "float32"
	Int8     = "int8"
	BFloat16 = "bf16"
)

// Names of the graph's inputs (int64 [batch][tokens]) and of its output
// (float32 [batch][dimension], unit length).
const (
	InputIDs        = "input_ids"
	InputMask       = "attention_mask"
	OutputEmbedding = "sentence_embedding"
)

// builderVersion changes when Build writes other bytes for the same input, so
// that older graphs are built anew. It is not part of the embedding space.
const builderVersion = 1

// int8BuilderVersion is the same for graphs of precision int8. There, other
// bytes can mean slightly other vectors.
const int8BuilderVersion = 1

// bfloat16BuilderVersion is the same for graphs of precision bf16.
const bfloat16BuilderVersion = 1

// Build is the record of a built graph.
type Build struct {
	Builder       int    `json:"builder"`
	WeightsSHA256 string `json:"weights_sha256"`
	ConfigSHA256  string `json:"config_sha256"`
	Pooling       string `json:"pooling"`
	GraphSHA256   string `json:"graph_sha256"`
	GraphSize     int64  `json:"graph_size"`
	// Precision is empty for float32.
	Precision         string `json:"precision,omitempty"`
	CalibrationSHA256 string `json:"calibration_sha256,omitempty"`
}

// Config is what the graph needs of a BERT config.json.
type Config struct {
	ModelType             string  `json:"model_type"`
	HiddenSize            int64   `json:"hidden_size"`
	IntermediateSize      int64   `json:"intermediate_size"`
	NumAttentionHeads     int64   `json:"num_attention_heads"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	MaxPositionEmbeddings int64   `json:"max_position_embeddings"`
	VocabSize             int64   `json:"vocab_size"`
	TypeVocabSize         int64   `json:"type_vocab_size"`
	LayerNormEps          float64 `json:"layer_norm_eps"`
	HiddenAct             string  `json:"hidden_act"`
	PositionEmbeddingType string  `json:"position_embedding_type"`
}

// ReadConfig reads and checks a config.json.
func ReadConfig(path string) (Config, error) {
	var c Config
	b, err := readRegular(path, maxConfig)
	if err != nil {
		return c, fmt.Errorf("read model configuration: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("model configuration %s: %w", path, err)
	}
	if err := c.validate(); err != nil {
		return c, fmt.Errorf("model configuration %s: %w", path, err)
	}
	return c, nil
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.ModelType != "bert" {
		bad("model_type %q is not supported; akin builds graphs of type bert, and uses any other model as a ready %s", c.ModelType, GraphFile)
	}
	for name, n := range map[string]int64{
		"hidden_size": c.HiddenSize, "intermediate_size": c.IntermediateSize, "num_attention_heads": c.NumAttentionHeads,
		"num_hidden_layers": int64(c.NumHiddenLayers), "max_position_embeddings": c.MaxPositionEmbeddings,
		"vocab_size": c.VocabSize, "type_vocab_size": c.TypeVocabSize,
	} {
		if n < 1 || n > 1<<20 {
			bad("%s is %d; it must be between 1 and %d", name, n, 1<<20)
		}
	}
	if c.NumAttentionHeads > 0 && c.HiddenSize%c.NumAttentionHeads != 0 {
		bad("hidden_size %d is not a multiple of num_attention_heads %d", c.HiddenSize, c.NumAttentionHeads)
	}
	if c.LayerNormEps <= 0 {
		bad("layer_norm_eps is %v; it must be above 0", c.LayerNormEps)
	}
	if _, ok := activations[c.HiddenAct]; !ok {
		bad("hidden_act %q is not supported (gelu, gelu_new and gelu_fast are)", c.HiddenAct)
	}
	if c.PositionEmbeddingType != "" && c.PositionEmbeddingType != "absolute" {
		bad("position_embedding_type %q is not supported (absolute is)", c.PositionEmbeddingType)
	}
	return errors.Join(errs...)
}

// activations maps hidden_act to the fused operator that adds a bias and
// applies it: the exact error function, or its tanh approximation.
var activations = map[string]string{"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_fast": "FastGelu"} //nolint:gochecknoglobals // a constant table

// ReadPooling reads a sentence-transformers pooling configuration; fallback is
// the answer where there is none.
func ReadPooling(dir, fallback string) (string, error) {
	b, err := readRegular(filepath.Join(dir, filepath.FromSlash(PoolingFile)), maxConfig)
	if errors.Is(err, os.ErrNotExist) {
		return fallback, nil
	}
	if err != nil {
		return "", fmt.Errorf("read pooling configuration: %w", err)
	}
	var c struct {
		CLS  bool `json:"pooling_mode_cls_token"`
		Mean bool `json:"pooling_mode_mean_tokens"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", fmt.Errorf("pooling configuration: %w", err)
	}
	switch {
	case c.Mean && !c.CLS:
		return "mean", nil
	case c.CLS && !c.Mean:
		return "cls", nil
	default:
		return "", fmt.Errorf("pooling configuration in %s asks for neither mean nor cls alone; akin supports these two", dir)
	}
}

// EnsureGraph builds the graph of a model directory unless the one there was
// built from the same files by the same builder and is whole. It reports
// whether it built.
func EnsureGraph(dir, pooling string) (built bool, err error) {
	want, err := expectedBuild(dir, pooling)
	if err != nil {
		return false, err
	}
	return ensure(dir, want, nil)
}

// EnsureInt8Graph is EnsureGraph for the graph of precision int8, Int8GraphFile.
// ReadCalibration gives the calibration; it must have been measured with the
// weights in dir.
func EnsureInt8Graph(dir, pooling string, calibration []byte) (built bool, err error) {
	want, err := expectedBuild(dir, pooling)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(calibration)
	want.Builder, want.Precision, want.CalibrationSHA256 = int8BuilderVersion, Int8, hex.EncodeToString(sum[:])
	return ensure(dir, want, calibration)
}

// EnsureBFloat16Graph is EnsureGraph for the graph of precision bf16,
// BFloat16GraphFile.
func EnsureBFloat16Graph(dir, pooling string) (built bool, err error) {
	want, err := expectedBuild(dir, pooling)
	if err != nil {
		return false, err
	}
	want.Builder, want.Precision = bfloat16BuilderVersion, BFloat16
	return ensure(dir, want, nil)
}

func ensure(dir string, want Build, calibration []byte) (built bool, err error) {
	if have, err := readBuild(dir, want.file()); err == nil && have.sameSource(want) && have.verify(dir, Digest) == nil {
		return false, nil
	}
	return true, buildGraph(dir, want, calibration)
}

// weightsIn gives the path of the file that has a model's weights.
func weightsIn(dir string) string {
	path, export := filepath.Join(dir, WeightsFile), filepath.Join(dir, filepath.FromSlash(ExportFile))
	if !exists(path) && exists(export) {
		return export
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openWeights opens the weights of a model directory.
func openWeights(dir string) (*Tensors, error) {
	if path := weightsIn(dir); path != filepath.Join(dir, WeightsFile) {
		return OpenExport(path)
	}
	return OpenTensors(filepath.Join(dir, WeightsFile))
}

func expectedBuild(dir, pooling string) (Build, error) {
	weights, err := Digest(weightsIn(dir))
	if err != nil {
		return Build{}, fmt.Errorf("build graph: %w", err)
	}
	config, err := Digest(filepath.Join(dir, ConfigFile))
	if err != nil {
		return Build{}, fmt.Errorf("build graph: %w", err)
	}
	return Build{Builder: builderVersion, WeightsSHA256: weights, ConfigSHA256: config, Pooling: pooling}, nil
}

func (b Build) sameSource(want Build) bool {
	b.GraphSHA256, b.GraphSize = "", 0
	return b == want
}

// file gives the name of the graph that b is the record of.
func (b Build) file() string {
	switch b.Precision {
	case Int8:
		return Int8GraphFile
	case BFloat16:
		return BFloat16GraphFile
	default:
		return GraphFile
	}
}

func (b Build) verify(dir string, digest Digester) error {
	return File{Name: b.file(), Size: b.GraphSize, SHA256: b.GraphSHA256}.VerifyWith(dir, digest)
}

// ReadBuild reads the record beside a built graph.
func ReadBuild(dir string) (Build, error) { return readBuild(dir, GraphFile) }

// readBuild reads the record of a graph file, which is called like it with
// .json after it.
func readBuild(dir, graph string) (Build, error) {
	var b Build
	raw, err := readRegular(filepath.Join(dir, graph+".json"), maxConfig)
	if err != nil {
		return b, fmt.Errorf("read build record: %w", err)
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, fmt.Errorf("build record %s.json: %w", graph, err)
	}
	if b.file() != graph {
		return b, fmt.Errorf("build record %s.json is of precision %q", graph, b.Precision)
	}
	return b, nil
}

// VerifyGraph checks a built graph against its record and the record against
// the digest of the source weights ("" to skip), so that nothing but what was
// built from verified weights is loaded. It gives the record.
func VerifyGraph(dir, weightsSHA256 string, digest Digester) (Build, error) {
	return verifyGraph(dir, GraphFile, builderVersion, weightsSHA256, digest)
}

// VerifyInt8Graph is VerifyGraph for the graph of precision int8.
func VerifyInt8Graph(dir, weightsSHA256 string, digest Digester) (Build, error) {
	return verifyGraph(dir, Int8GraphFile, int8BuilderVersion, weightsSHA256, digest)
}

// VerifyBFloat16Graph is VerifyGraph for the graph of precision bf16.
func VerifyBFloat16Graph(dir, weightsSHA256 string, digest Digester) (Build, error) {
	return verifyGraph(dir, BFloat16GraphFile, bfloat16BuilderVersion, weightsSHA256, digest)
}

func verifyGraph(dir, graph string, version int, weightsSHA256 string, digest Digester) (Build, error) {
	b, err := readBuild(dir, graph)
	if err != nil {
		return b, err
	}
	if weightsSHA256 != "" && b.WeightsSHA256 != weightsSHA256 {
		return b, fmt.Errorf("graph in %s was built from weights %s, not from the model's %s", dir, b.WeightsSHA256, weightsSHA256)
	}
	if b.Builder != version {
		return b, fmt.Errorf("graph in %s was built by version %d of the builder; this is version %d", dir, b.Builder, version)
	}
	return b, b.verify(dir, digest)
}

func buildGraph(dir string, record Build, calibration []byte) error {
	config, err := ReadConfig(filepath.Join(dir, ConfigFile))
	if err != nil {
		return err
	}
	tensors, err := openWeights(dir)
	if err != nil {
		return err
	}
	defer tensors.Close()
	onnx, err := writeGraph(config, tensors, record, calibration)
	if err != nil {
		return fmt.Errorf("build graph: %w", err)
	}
	sum := sha256.Sum256(onnx)
	record.GraphSHA256, record.GraphSize = hex.EncodeToString(sum[:]), int64(len(onnx))
	raw, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fmt.Errorf("build graph: %w", err)
	}
	if err := pending.WriteFile(filepath.Join(dir, record.file()), onnx, 0o644); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	// The record comes last: a graph without a matching record is built anew.
	if err := pending.WriteFile(filepath.Join(dir, record.file()+".json"), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write build record: %w", err)
	}
	return nil
}

func writeGraph(c Config, t *Tensors, record Build, calibration []byte) ([]byte, error) {
	switch record.Precision {
	case Int8:
	case BFloat16:
		return BERTPlain(c, t, record.Pooling)
	default:
		return BERT(c, t, record.Pooling)
	}
	measured, err := readTensors(bytes.NewReader(calibration), int64(len(calibration)))
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	if with := measured.metadata[calibrationWeights]; with != record.WeightsSHA256 {
		return nil, fmt.Errorf("the calibration was measured with weights %s, these are %s; use float32", with, record.WeightsSHA256)
	}
	return BERTInt8(c, t, record.Pooling, measured)
}
