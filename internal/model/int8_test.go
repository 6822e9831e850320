package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"akin/models"
)

// calibrationOf is a calibration for the tiny BERT of bertDir.
func calibrationOf(t testing.TB, weights string, hidden int64) []byte {
	t.Helper()
	header, offset := map[string]any{"__metadata__": map[string]string{calibrationWeights: weights}}, int64(0)
	var data []byte
	for name, n := range map[string]int64{
		"attention.self": hidden, "attention.output.dense": hidden, "intermediate.dense": hidden, "output.dense": 2 * hidden,
	} {
		for _, kind := range []string{calibrationPeak, calibrationMean} {
			header["encoder.layer.0."+name+kind] = map[string]any{"dtype": "F16", "shape": []int64{n}, "data_offsets": []int64{offset, offset + 2*n}}
			for i := range n {
				data = binary.LittleEndian.AppendUint16(data, 0x3c00+uint16(i)) // a little over 1
			}
			offset += 2 * n
		}
	}
	raw, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(raw))), raw...), data...)
}

func TestEnsureInt8Graph(t *testing.T) {
	for _, prefix := range []string{"", "bert."} {
		dir := bertDir(t, prefix)
		weights := digest([]byte(mustRead(t, filepath.Join(dir, WeightsFile))))
		calibration := calibrationOf(t, weights, 8)
		if _, err := EnsureGraph(dir, "mean"); err != nil {
			t.Fatal(err)
		}
		plain := mustRead(t, filepath.Join(dir, GraphFile))
		if built, err := EnsureInt8Graph(dir, "mean", calibration); !built || err != nil {
			t.Fatalf("first: %v, %v", built, err)
		}
		if built, err := EnsureInt8Graph(dir, "mean", calibration); built || err != nil {
			t.Errorf("again: built = %v, %v", built, err)
		}
		if b, err := VerifyInt8Graph(dir, weights, Digest); err != nil || b.Precision != Int8 {
			t.Errorf("verify: %+v, %v", b, err)
		}
		if _, err := VerifyInt8Graph(dir, strings.Repeat("0", 64), Digest); err == nil {
			t.Error("a graph of other weights passes")
		}
		first := mustRead(t, filepath.Join(dir, Int8GraphFile))
		if built, err := EnsureInt8Graph(dir, "cls", calibration); !built || err != nil {
			t.Errorf("another pooling: built = %v, %v", built, err)
		}
		if _, err := EnsureInt8Graph(dir, "mean", calibration); err != nil || mustRead(t, filepath.Join(dir, Int8GraphFile)) != first {
			t.Errorf("the same weights gave another graph (%v)", err)
		}
		// The two graphs live side by side.
		if built, err := EnsureGraph(dir, "mean"); built || err != nil || mustRead(t, filepath.Join(dir, GraphFile)) != plain {
			t.Errorf("float32 after int8: built = %v, %v", built, err)
		}
		if err := os.Truncate(filepath.Join(dir, Int8GraphFile), 99); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyInt8Graph(dir, weights, Digest); err == nil {
			t.Error("a damaged graph passes")
		}
	}
}

func TestCalibrationErrors(t *testing.T) {
	dir := bertDir(t, "")
	weights := digest([]byte(mustRead(t, filepath.Join(dir, WeightsFile))))
	for name, tc := range map[string]struct {
		calibration []byte
		want        string
	}{
		"of other weights": {calibrationOf(t, strings.Repeat("0", 64), 8), "measured with weights"},
		"of other sizes":   {calibrationOf(t, weights, 4), "shape"},
		"cut short":        {calibrationOf(t, weights, 8)[:5], "header"},
		"empty":            {nil, "header"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := EnsureInt8Graph(dir, "mean", tc.calibration)
			if err == nil || !strings.Contains(err.Error(), "calibration") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want it to mention the calibration and %q", err, tc.want)
			}
		})
	}
	if _, err := ReadCalibration(fstest.MapFS{}, &Manifest{Name: "m"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no calibration: %v, want fs.ErrNotExist", err)
	}
}

// The default model has a calibration for the weights that its manifest pins.
func TestCalibrationOfTheDefaultModel(t *testing.T) {
	m, err := Load(models.Files, DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := ReadCalibration(models.Files, m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := readTensors(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	weights, _ := m.File(WeightsFile)
	if c.metadata[calibrationWeights] != weights.SHA256 {
		t.Errorf("measured with weights %s, the manifest pins %s", c.metadata[calibrationWeights], weights.SHA256)
	}
	if got, err := c.Float32("encoder.layer.5.output.dense.input_peak", 1536); err != nil || largest(got) <= 0 {
		t.Errorf("peaks of the last layer: %v", err)
	}
}

// Quantising and smoothing change a product by rounding only: x/s times the
// rounded weights, plus the corrected bias, is near x times the weights.
func TestQuantizedProduct(t *testing.T) {
	const in, out = 16, 3
	w, x, peak := make([]float32, in*out), make([]float32, in), make([]float32, in)
	for i := range w {
		w[i] = float32(math.Sin(float64(7*i + 1)))
	}
	for i := range x {
		x[i] = float32(math.Cos(float64(i)))
	}
	x[3] = 40 // an outlier channel
	for i := range x {
		peak[i] = float32(math.Abs(float64(x[i])))
	}
	want := make([]float64, out)
	for i, v := range w {
		want[i%out] += float64(v) * float64(x[i/out])
	}
	mean := append([]float32(nil), x...)
	inverse := smooth(w, peak, mean)
	q := quantize(w, out)
	bias := q.corrected(w, mean, make([]float32, out))
	got := make([]float64, out)
	for i, b := range q.bytes {
		if v := int8(b); v < -weightMax || v > weightMax {
			t.Fatalf("weight %d needs more than 7 bits", v)
		}
		got[i%out] += float64(int8(b)) * float64(q.scales[i%out]) * float64(x[i/out]*inverse[i/out])
	}
	for j := range out {
		// x is its own mean, so that the correction takes out all of the error.
		if d := math.Abs(got[j] + float64(bias[j]) - want[j]); d > 1e-4*math.Abs(want[j])+1e-4 {
			t.Errorf("column %d: %v + %v, want %v", j, got[j], bias[j], want[j])
		}
		if math.Abs(float64(bias[j])) > 1 {
			t.Errorf("column %d: rounding costs %v", j, bias[j])
		}
	}
	// Nothing to divide by.
	zero := quantize(make([]float32, 6), 3)
	if inverse := smooth(make([]float32, 6), make([]float32, 2), make([]float32, 2)); inverse[0] != 1 || zero.scales[0] != 1 || zero.bytes[5] != 0 {
		t.Errorf("zeros: %v, %+v", inverse, zero)
	}
}
