package model

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
)

// The int8 graph multiplies in integers with weights of 7 bits, one scale a
// column, and activations of 8 bits, one scale a token. Weights keep to 7 bits
// because on x86 without VNNI the products u8 x s8 are summed in pairs in 16
// bits, with saturation: 2*255*63 fits, 2*255*127 does not.
const (
	weightMax = 63
	// Activations are symmetric around activationZero in unsigned 8 bits.
	activationZero = 128
	activationMax  = 127
)

// A calibration file is a safetensors file with, for every linear layer of the
// model, two tensors over its input channels, measured over a sample of texts:
// the mean over texts of the largest magnitude, and the mean over tokens. Its
// metadata says which weights it was measured with.
const (
	calibrationFile    = ".calibration.safetensors"
	calibrationPeak    = ".input_peak"
	calibrationMean    = ".input_mean"
	calibrationWeights = "weights_sha256"
)

// ReadCalibration reads the calibration file of a model from beside its
// manifest. The error is fs.ErrNotExist where there is none: then the model
// has no int8 graph.
func ReadCalibration(manifests fs.FS, m *Manifest) ([]byte, error) {
	b, err := fs.ReadFile(manifests, path.Clean(m.DirName()+calibrationFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model %s has no calibration, which int8 needs; use float32: %w", m.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	return b, nil
}

// BERTInt8 writes the graph of BERT with the linear layers in int8; the rest
// is float32. The output is that of BERT's graph; the only input is InputIDs:
// texts of one length, without padding, since attention has a faster kernel
// where there is nothing to mask. Every token is quantised by itself, so a
// text's vector does not depend on the texts beside it. Calibration is a
// calibration file. The same input gives the same bytes.
//
// Activations are smoothed: what makes a channel large is moved from the
// activations into the weights (Xiao et al. 2022, SmoothQuant). What rounding
// the weights adds on average is taken out of the biases (Nagel et al. 2019,
// Data-Free Quantization Through Weight Equalization and Bias Correction).
func BERTInt8(c Config, t *Tensors, pooling string, calibration *Tensors) ([]byte, error) {
	b := &bertBuilder{config: c, tensors: t, calibration: calibration}
	return b.build(pooling, [2]string{"akin.precision", Int8})
}

// quantLayer is layer in int8.
func (b *bertBuilder) quantLayer(i int, x string) string {
	c := b.config
	p := fmt.Sprintf("encoder.layer.%d.", i)
	out := func(name string) string { return fmt.Sprintf("l%d_%s", i, name) }

	context := b.quantAttention(p, x, out)
	projected, bias := b.quantDense(out("projected"), context, p+"attention.output.dense", c.HiddenSize, c.HiddenSize)
	attended := b.skipNormBias(out("attended"), projected, x, p+"attention.output", bias)
	wide, bias := b.quantDense(out("wide"), attended, p+"intermediate.dense", c.HiddenSize, c.IntermediateSize)
	active := b.fused(activations[c.HiddenAct], out("active"), []string{wide, bias})
	narrow, bias := b.quantDense(out("narrow"), active, p+"output.dense", c.IntermediateSize, c.HiddenSize)
	return b.skipNormBias(out("output"), narrow, attended, p+"output", bias)
}

// quantAttention multiplies for query, key and value in one int8 product;
// attention itself is float32.
func (b *bertBuilder) quantAttention(p, x string, out func(string) string) string {
	h := b.config.HiddenSize
	qkv, bias := b.quantProduct(out("qkv"), x, p+"attention.self", b.qkvWeights(p), b.qkvBias(p), h, 3*h)
	parts := []string{out("query"), out("key"), out("value")}
	b.op("", "Split", []string{qkv}, parts, intAttr("axis", -1))
	return b.fused("MultiHeadAttention", out("context"), append(parts, bias), intAttr("num_heads", b.config.NumAttentionHeads))
}

// quantDense is dense with the product: it gives the names of the product and
// of the bias that is still to be added.
func (b *bertBuilder) quantDense(output, x, name string, in, out int64) (product, bias string) {
	w := transpose(b.weights(name+".weight", out, in), out, in)
	return b.quantProduct(output, x, name, w, b.weights(name+".bias", out), in, out)
}

// quantProduct adds the product of x and w ([in][out], row-major), and the
// corrected bias as an initializer.
func (b *bertBuilder) quantProduct(output, x, name string, w, bias []float32, in, out int64) (product, biasName string) {
	peak, mean := b.measured(name+calibrationPeak, in), b.measured(name+calibrationMean, in)
	if b.err != nil {
		return output, name + ".bias"
	}
	inverse := smooth(w, peak, mean)
	q := quantize(w, int(out))
	bias = q.corrected(w, mean, bias)

	smoothed := b.standard("Mul", output+"_smoothed", []string{x, b.floats(name+".inverse_smoothing", inverse, in)})
	scale := b.tokenScale(output, smoothed)
	unit := b.standard("Div", output+"_unit", []string{smoothed, scale})
	step := b.constant("activation_step", 1.0/activationMax)
	zero := b.once("activation_zero", func() { b.tensor("activation_zero", typeUint8, []byte{activationZero}, nil) })
	rounded := b.standard("QuantizeLinear", output+"_rounded", []string{unit, step, zero})
	b.fused("MatMulIntegerToFloat", output+"_unscaled", []string{
		rounded, b.tensor(name+".weight", typeInt8, q.bytes, []int64{in, out}),
		step, b.floats(name+".weight_scale", q.scales, out), zero,
	})
	b.standard("Mul", output, []string{output + "_unscaled", scale})
	return output, b.floats(name+".bias", bias, out)
}

// tokenScale gives the largest magnitude of every token, [batch][tokens][1].
func (b *bertBuilder) tokenScale(output, x string) string {
	b.standard("Abs", output+"_abs", []string{x})
	b.standard("ReduceMax", output+"_peak", []string{output + "_abs"}, intsAttr("axes", -1), intAttr("keepdims", 1))
	return b.standard("Max", output+"_scale", []string{output + "_peak", b.constant("tiny_scale", 1e-12)})
}

// constant adds a scalar once and gives its name.
func (b *bertBuilder) constant(name string, v float32) string {
	return b.once(name, func() { b.floats(name, []float32{v}) })
}

func (b *bertBuilder) once(name string, add func()) string {
	if b.added == nil {
		b.added = make(map[string]bool)
	}
	if !b.added[name] {
		b.added[name] = true
		add()
	}
	return name
}

// measured reads a tensor of the calibration.
func (b *bertBuilder) measured(name string, n int64) []float32 {
	if b.err != nil {
		return nil
	}
	data, err := b.calibration.Float32(name, n)
	if err != nil {
		b.err = fmt.Errorf("calibration: %w", err)
	}
	return data
}

// smooth scales the rows of w by s and mean by 1/s, and gives 1/s, which the
// activations are to be multiplied by. As in SmoothQuant with its migration
// strength at one half, s = sqrt(peak of the channel / peak of the row); the
// peak of a channel counts as at least a hundredth of the largest, since a
// channel that was still over the sample need not stay so.
func smooth(w, peak, mean []float32) (inverse []float32) {
	inverse = make([]float32, len(peak))
	out := len(w) / len(peak)
	floor := float64(largest(peak)) / 100
	for i := range peak {
		row := w[i*out : (i+1)*out]
		s := float32(1)
		if p, r := max(float64(peak[i]), floor), float64(largest(row)); p > 0 && r > 0 {
			s = float32(math.Sqrt(p / r))
		}
		inverse[i] = 1 / s
		mean[i] *= inverse[i]
		for j := range row {
			row[j] *= s
		}
	}
	return inverse
}

func largest(v []float32) float32 {
	m := float32(0)
	for _, x := range v {
		m = max(m, float32(math.Abs(float64(x))))
	}
	return m
}

// quantized is a matrix [in][out] as bytes of int8, one scale a column.
type quantized struct {
	bytes  []byte
	scales []float32 // [out]
}

// quantize rounds every column of w to 7 bits, so that its largest magnitude
// is the largest number.
func quantize(w []float32, out int) quantized {
	q := quantized{bytes: make([]byte, len(w)), scales: make([]float32, out)}
	for i, v := range w {
		q.scales[i%out] = max(q.scales[i%out], float32(math.Abs(float64(v))))
	}
	for j, peak := range q.scales {
		if q.scales[j] = peak / weightMax; q.scales[j] == 0 {
			q.scales[j] = 1
		}
	}
	for i, v := range w {
		steps := math.RoundToEven(float64(v) / float64(q.scales[i%out]))
		q.bytes[i] = byte(int8(min(max(steps, -weightMax), weightMax)))
	}
	return q
}

// corrected adds to a bias what rounding w takes from the product on average:
// mean x (w - rounded w).
func (q quantized) corrected(w, mean, bias []float32) []float32 {
	out := len(bias)
	sums := make([]float64, out)
	for i, m := range mean {
		for j := range out {
			// The conversions keep products from fusing with sums, which some
			// CPUs would do: the same input gives the same bytes.
			lost := float64(w[i*out+j]) - float64(float64(int8(q.bytes[i*out+j]))*float64(q.scales[j]))
			sums[j] += float64(float64(m) * lost)
		}
	}
	for j := range bias {
		bias[j] += float32(sums[j])
	}
	return bias
}
