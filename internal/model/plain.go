package model

import (
	"fmt"
	"math"
)

// PadTo is what lengths are padded to a multiple of before a graph of precision
// bf16 is run: whatever runs it prepares itself, and takes memory, for every
// length that it meets.
const PadTo = 16

// maskedScore is added to the attention scores of padding: its exponential is 0,
// so that padding does not count, whatever is in it.
const maskedScore = -10_000

// BERTPlain writes the graph of BERT from ordinary operators alone, for runtimes
// that fuse for themselves; it is the graph of precision bf16, whose weights are
// float32 in the file and rounded by what runs it. Inputs and output are those
// of BERT's graph; here texts may be padded, with tokens of any id, to lengths
// that are multiples of [PadTo]: what the mask leaves out does not count. The
// same input gives the same bytes.
func BERTPlain(c Config, t *Tensors, pooling string) ([]byte, error) {
	b := &bertBuilder{config: c, tensors: t, plain: true}
	return b.build(pooling, [2]string{"akin.precision", BFloat16})
}

// plainMask adds what padding adds to the scores: [batch][1][1][tokens].
func (b *bertBuilder) plainMask() string {
	b.standard("Cast", "mask_float", []string{InputMask}, intAttr("to", int64(typeFloat)))
	b.standard("Sub", "padding", []string{b.constant("one", 1), "mask_float"})
	b.standard("Mul", "padding_scores", []string{"padding", b.constant("masked_score", maskedScore)})
	return b.standard("Unsqueeze", "mask_scores", []string{"padding_scores", b.int64s("axes_1_2", 1, 2)})
}

func (b *bertBuilder) plainEmbeddings() string {
	c := b.config
	positions := b.positions()
	rows := (c.MaxPositionEmbeddings + PadTo - 1) / PadTo * PadTo
	if b.err == nil { // padding has positions beyond the last of a text
		positions = append(positions, make([]float32, (rows-c.MaxPositionEmbeddings)*c.HiddenSize)...)
	}
	b.standard("Shape", "shape", []string{InputIDs})
	b.standard("Slice", "length", []string{"shape", b.int64s("index_1", 1), b.int64s("index_2", 2)})
	b.standard("Slice", "place", []string{b.floats("embeddings.positions_and_type", positions, rows, c.HiddenSize), b.int64s("index_0", 0), "length"})
	b.standard("Gather", "words", []string{b.param("embeddings.word_embeddings.weight", c.VocabSize, c.HiddenSize), InputIDs})
	b.standard("Add", "placed", []string{"words", "place"})
	return b.plainNorm("embedded", "placed", "embeddings.LayerNorm")
}

// plainLayer is layer in ordinary operators.
func (b *bertBuilder) plainLayer(i int, x string) string {
	c := b.config
	p := fmt.Sprintf("encoder.layer.%d.", i)
	out := func(name string) string { return fmt.Sprintf("l%d_%s", i, name) }

	context := b.plainAttention(p, x, out)
	projected := b.linear(out("projected"), context, p+"attention.output.dense", c.HiddenSize, c.HiddenSize)
	b.standard("Add", out("attention_sum"), []string{projected, x})
	attended := b.plainNorm(out("attended"), out("attention_sum"), p+"attention.output.LayerNorm")
	wide := b.linear(out("wide"), attended, p+"intermediate.dense", c.HiddenSize, c.IntermediateSize)
	narrow := b.linear(out("narrow"), b.gelu(out, wide), p+"output.dense", c.IntermediateSize, c.HiddenSize)
	b.standard("Add", out("output_sum"), []string{narrow, attended})
	return b.plainNorm(out("output"), out("output_sum"), p+"output.LayerNorm")
}

// plainAttention is softmax(QK'/sqrt(d) + mask)V, a head at a time.
func (b *bertBuilder) plainAttention(p, x string, out func(string) string) string {
	h, heads := b.config.HiddenSize, b.config.NumAttentionHeads
	split := b.once("split_heads", func() { b.int64s("split_heads", 0, 0, heads, h/heads) })
	join := b.once("join_heads", func() { b.int64s("join_heads", 0, 0, h) })
	part := func(name string, perm ...int64) string {
		y := b.linear(out(name), x, p+"attention.self."+name, h, h)
		b.standard("Reshape", out(name+"_heads"), []string{y, split})
		return b.standard("Transpose", out(name+"_turned"), []string{out(name + "_heads")}, intsAttr("perm", perm...))
	}
	q, k, v := part("query", 0, 2, 1, 3), part("key", 0, 2, 3, 1), part("value", 0, 2, 1, 3)
	b.standard("MatMul", out("products"), []string{q, k})
	scale := b.constant("score_scale", float32(1/math.Sqrt(float64(h/heads))))
	b.standard("Mul", out("scaled"), []string{out("products"), scale})
	b.standard("Add", out("scores"), []string{out("scaled"), b.mask})
	b.standard("Softmax", out("attention"), []string{out("scores")}, intAttr("axis", -1))
	b.standard("MatMul", out("gathered"), []string{out("attention"), v})
	b.standard("Transpose", out("gathered_turned"), []string{out("gathered")}, intsAttr("perm", 0, 2, 1, 3))
	return b.standard("Reshape", out("context"), []string{out("gathered_turned"), join})
}

// linear multiplies by a weight and adds its bias.
func (b *bertBuilder) linear(output, x, name string, in, out int64) string {
	b.standard("MatMul", output+"_product", []string{x, b.dense(name, in, out)})
	return b.standard("Add", output, []string{output + "_product", b.param(name+".bias", out)})
}

func (b *bertBuilder) plainNorm(output, x, name string) string {
	h := b.config.HiddenSize
	return b.standard("LayerNormalization", output, []string{x, b.param(name+".weight", h), b.param(name+".bias", h)},
		intAttr("axis", -1), floatAttr("epsilon", b.config.LayerNormEps))
}

// gelu adds the activation over x: x/2 (1 + erf(x/sqrt 2)), or its approximation
// by tanh (Hendrycks and Gimpel 2016).
func (b *bertBuilder) gelu(out func(string) string, x string) string {
	if activations[b.config.HiddenAct] == "FastGelu" {
		b.standard("Mul", out("square"), []string{x, x})
		b.standard("Mul", out("cube"), []string{out("square"), x})
		b.standard("Mul", out("cube_part"), []string{out("cube"), b.constant("gelu_cube", 0.044715)})
		b.standard("Add", out("inner"), []string{x, out("cube_part")})
		b.standard("Mul", out("angle"), []string{out("inner"), b.constant("gelu_scale", float32(math.Sqrt(2/math.Pi)))})
		b.standard("Tanh", out("curve"), []string{out("angle")})
	} else {
		b.standard("Div", out("angle"), []string{x, b.constant("sqrt_2", math.Sqrt2)})
		b.standard("Erf", out("curve"), []string{out("angle")})
	}
	b.standard("Add", out("gate"), []string{out("curve"), b.constant("one", 1)})
	b.standard("Mul", out("gated"), []string{x, out("gate")})
	return b.standard("Mul", out("active"), []string{out("gated"), b.constant("half", 0.5)})
}

// plainMean sums what the mask leaves; dividing by the count cancels under L2
// normalisation. The sum is no product of matrices, which would round what it
// sums.
func (b *bertBuilder) plainMean(x string) {
	b.standard("Unsqueeze", "mask_column", []string{"mask_float", b.int64s("axis_2", 2)})
	b.standard("Mul", "counted", []string{x, "mask_column"})
	b.standard("ReduceSum", "pooled", []string{"counted", b.int64s("axis_1", 1)}, intAttr("keepdims", 0))
}
