package model

import "fmt"

// BERT writes the inference graph of a BERT encoder (Devlin et al. 2019) as an
// ONNX file: embeddings, layers, pooling ("mean" or "cls") and L2
// normalisation, with the operators that ONNX Runtime has fused kernels for
// (EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu).
// Inputs are InputIDs and InputMask, int64 [batch][tokens]; the output is
// OutputEmbedding, float32 [batch][hidden_size]. The same input gives the same
// bytes.
func BERT(c Config, t *Tensors, pooling string) ([]byte, error) {
	b := &bertBuilder{config: c, tensors: t}
	return b.build(pooling)
}

// build writes the graph: in int8 if there is a calibration, of ordinary operators
// if it is to be plain. Metadata is added to the file's.
func (b *bertBuilder) build(pooling string, metadata ...[2]string) ([]byte, error) {
	c := b.config
	if err := c.validate(); err != nil {
		return nil, err
	}
	layer, embeddings := b.layer, b.embeddings
	switch {
	case b.plain:
		layer, embeddings = b.plainLayer, b.plainEmbeddings
	case b.calibration != nil:
		layer = b.quantLayer
	}
	if b.tensors.Has("bert.embeddings.word_embeddings.weight") {
		b.prefix = "bert."
	}
	b.input(InputIDs, typeInt64, "batch", "tokens")
	if b.calibration == nil {
		b.input(InputMask, typeInt64, "batch", "tokens")
		if b.plain {
			b.mask = b.plainMask()
		} else {
			b.mask = b.standard("Cast", "mask32", []string{InputMask}, intAttr("to", int64(typeInt32)))
		}
	}
	x := embeddings()
	for i := range c.NumHiddenLayers {
		x = layer(i, x)
	}
	if err := b.pool(x, pooling); err != nil {
		return nil, err
	}
	b.output(OutputEmbedding, typeFloat, "batch", int(c.HiddenSize))
	if b.err != nil {
		return nil, b.err
	}
	return b.model("bert", append([][2]string{{"akin.pooling", pooling}}, metadata...)), nil
}

// bertBuilder keeps the first error of reading a tensor, so that the graph
// reads like the network.
type bertBuilder struct {
	graph
	config  Config
	tensors *Tensors
	prefix  string
	mask    string // the input mask as int32, or as what it adds to scores; "" where every token counts
	err     error
	plain   bool            // ordinary operators alone
	added   map[string]bool // constants that several layers share

	// Of the int8 graph only.
	calibration *Tensors
}

func (b *bertBuilder) weights(name string, shape ...int64) []float32 {
	if b.err != nil {
		return nil
	}
	data, err := b.tensors.Float32(b.prefix+name, shape...)
	if err != nil {
		b.err = err
	}
	return data
}

// param adds a tensor of the file as an initializer under its own name.
func (b *bertBuilder) param(name string, shape ...int64) string {
	return b.floats(name, b.weights(name, shape...), shape...)
}

// dense adds the weight of a linear layer, which the file holds as [out][in],
// as the [in][out] matrix that MatMul wants.
func (b *bertBuilder) dense(name string, in, out int64) string {
	return b.floats(name, transpose(b.weights(name+".weight", out, in), out, in), in, out)
}

func (b *bertBuilder) embeddings() string {
	c := b.config
	positions := b.positions()
	b.standard("Cast", "ids32", []string{InputIDs}, intAttr("to", int64(typeInt32)))
	inputs := []string{
		"ids32", "",
		b.param("embeddings.word_embeddings.weight", c.VocabSize, c.HiddenSize),
		b.floats("embeddings.positions_and_type", positions, c.MaxPositionEmbeddings, c.HiddenSize), "",
		b.param("embeddings.LayerNorm.weight", c.HiddenSize),
		b.param("embeddings.LayerNorm.bias", c.HiddenSize),
		b.mask,
	}
	return b.op(microsoft, "EmbedLayerNormalization", inputs, []string{"embedded", "mask_lengths"}, floatAttr("epsilon", c.LayerNormEps))
}

// positions gives the embeddings of positions. Every token is of type 0 in a single
// text: its embedding is folded in, which saves an input.
func (b *bertBuilder) positions() []float32 {
	c := b.config
	positions := b.weights("embeddings.position_embeddings.weight", c.MaxPositionEmbeddings, c.HiddenSize)
	types := b.weights("embeddings.token_type_embeddings.weight", c.TypeVocabSize, c.HiddenSize)
	if b.err == nil {
		for i := range positions {
			positions[i] += types[i%int(c.HiddenSize)]
		}
	}
	return positions
}

// layer adds one encoder layer over x and gives the name of its output.
func (b *bertBuilder) layer(i int, x string) string {
	c := b.config
	p := fmt.Sprintf("encoder.layer.%d.", i)
	out := func(name string) string { return fmt.Sprintf("l%d_%s", i, name) }

	context := b.fused("Attention", out("context"), []string{x, b.packedQKV(p), b.packedBias(p), b.mask},
		intAttr("num_heads", c.NumAttentionHeads))
	projected := b.standard("MatMul", out("projected"), []string{context, b.dense(p+"attention.output.dense", c.HiddenSize, c.HiddenSize)})
	attended := b.skipNorm(out("attended"), projected, x, p+"attention.output")
	wide := b.standard("MatMul", out("wide"), []string{attended, b.dense(p+"intermediate.dense", c.HiddenSize, c.IntermediateSize)})
	active := b.fused(activations[c.HiddenAct], out("active"), []string{wide, b.param(p+"intermediate.dense.bias", c.IntermediateSize)})
	narrow := b.standard("MatMul", out("narrow"), []string{active, b.dense(p+"output.dense", c.IntermediateSize, c.HiddenSize)})
	return b.skipNorm(out("output"), narrow, attended, p+"output")
}

// skipNorm adds x + bias to skip and normalises (layer norm after the
// residual, as BERT has it).
func (b *bertBuilder) skipNorm(output, x, skip, name string) string {
	return b.skipNormBias(output, x, skip, name, "")
}

// skipNormBias is skipNorm with the name of a bias that was added already, or
// "" for the one of the file.
func (b *bertBuilder) skipNormBias(output, x, skip, name, bias string) string {
	h := b.config.HiddenSize
	weight, shift := b.param(name+".LayerNorm.weight", h), b.param(name+".LayerNorm.bias", h)
	if bias == "" {
		bias = b.param(name+".dense.bias", h)
	}
	return b.fused("SkipLayerNormalization", output, []string{x, skip, weight, shift, bias}, floatAttr("epsilon", b.config.LayerNormEps))
}

// packedQKV gives the [hidden][3*hidden] matrix of query, key and value.
func (b *bertBuilder) packedQKV(p string) string {
	h := b.config.HiddenSize
	return b.floats(p+"attention.self.qkv", b.qkvWeights(p), h, 3*h)
}

func (b *bertBuilder) packedBias(p string) string {
	return b.floats(p+"attention.self.qkv.bias", b.qkvBias(p), 3*b.config.HiddenSize)
}

func (b *bertBuilder) qkvWeights(p string) []float32 {
	h := b.config.HiddenSize
	packed := make([]float32, 3*h*h)
	for part, name := range []string{"query", "key", "value"} {
		w := b.weights(p+"attention.self."+name+".weight", h, h)
		if b.err != nil {
			return nil
		}
		for out := range h {
			for in := range h {
				packed[in*3*h+int64(part)*h+out] = w[out*h+in]
			}
		}
	}
	return packed
}

func (b *bertBuilder) qkvBias(p string) []float32 {
	var packed []float32
	for _, name := range []string{"query", "key", "value"} {
		packed = append(packed, b.weights(p+"attention.self."+name+".bias", b.config.HiddenSize)...)
	}
	return packed
}

// pool adds pooling and L2 normalisation over x, [batch][tokens][hidden].
func (b *bertBuilder) pool(x, pooling string) error {
	switch {
	case pooling == "mean" && b.plain:
		b.plainMean(x)
	case pooling == "mean":
		// The masked sum as a batched [1][tokens] x [tokens][hidden] product;
		// dividing by the count cancels under L2 normalisation.
		counts := InputMask
		if b.mask == "" {
			// Every token counts. A sum by ReduceMean instead would depend, in
			// its last bit, on the number of texts.
			counts = b.standard("Equal", "every_token", []string{InputIDs, InputIDs})
		}
		b.standard("Cast", "mask_float", []string{counts}, intAttr("to", int64(typeFloat)))
		axis := b.int64s("axis_1", 1)
		b.standard("Unsqueeze", "mask_row", []string{"mask_float", axis})
		b.standard("MatMul", "pooled_row", []string{"mask_row", x})
		b.standard("Squeeze", "pooled", []string{"pooled_row", axis})
	case pooling == "cls":
		b.tensor("first", typeInt64, make([]byte, 8), nil)
		b.standard("Gather", "pooled", []string{x, "first"}, intAttr("axis", 1))
	default:
		return fmt.Errorf("pooling %q is neither mean nor cls", pooling)
	}
	b.standard("ReduceL2", "norm", []string{"pooled"}, intsAttr("axes", -1), intAttr("keepdims", 1))
	b.standard("Max", "norm_or_tiny", []string{"norm", b.floats("tiny", []float32{1e-12}, 1)})
	b.standard("Div", OutputEmbedding, []string{"pooled", "norm_or_tiny"})
	return nil
}

// transpose turns a row-major [rows][cols] matrix into [cols][rows].
func transpose(w []float32, rows, cols int64) []float32 {
	out := make([]float32, len(w)) // empty after an error
	for i, v := range w {
		r, c := int64(i)/cols, int64(i)%cols
		out[c*rows+r] = v
	}
	return out
}
