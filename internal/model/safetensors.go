package model

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
)

// maxSafetensorsHeader is the format's own limit of its JSON header.
const maxSafetensorsHeader = 100 << 20

// Tensors are the named weights of a file, by default of safetensors: a little-endian uint64 with the length
// of a JSON header, the header (name -> dtype, shape, offsets), and the raw
// tensors, little-endian and row-major.
type Tensors struct {
	file   io.ReaderAt
	close  func() error
	start  int64 // of the raw data
	size   int64 // of the raw data
	header map[string]tensorInfo
	// metadata is the header's free text.
	metadata map[string]string
}

type tensorInfo struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	// turned is how many columns a matrix has that are stored one after the other; 0
	// where rows are.
	turned int64
	// data are the numbers, where they are in memory.
	data []byte
}

// OpenTensors reads the header. Close the result.
func OpenTensors(path string) (_ *Tensors, err error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("open safetensors: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open safetensors: %w", err)
	}
	t, err := readTensors(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("open safetensors %s: %w", path, err)
	}
	t.close = f.Close
	return t, nil
}

// readTensors reads the header of size bytes of a safetensors file.
func readTensors(file io.ReaderAt, size int64) (*Tensors, error) {
	var prefix [8]byte
	if _, err := file.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("read header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxSafetensorsHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("header of %d bytes does not fit (file %d bytes, limit %d)", n, size, maxSafetensorsHeader)
	}
	raw := make([]byte, n)
	if _, err := file.ReadAt(raw, 8); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	t := &Tensors{file: file, start: 8 + int64(n), size: size - 8 - int64(n)}
	if err := t.parse(raw); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Tensors) parse(raw []byte) error {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	t.header = make(map[string]tensorInfo, len(entries))
	for name, entry := range entries {
		if name == "__metadata__" {
			if err := json.Unmarshal(entry, &t.metadata); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		var info tensorInfo
		if err := json.Unmarshal(entry, &info); err != nil {
			return fmt.Errorf("header of tensor %q: %w", name, err)
		}
		if err := info.check(t.size); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		t.header[name] = info
	}
	return nil
}

// check says whether shape, type and offsets agree with each other and with
// the number of raw bytes.
func (i tensorInfo) check(size int64) error {
	var width int64
	switch i.DType {
	case "F32", "I32", "U32":
		width = 4
	case "F16", "BF16", "I16", "U16":
		width = 2
	case "I64", "U64", "F64":
		width = 8
	case "I8", "U8", "BOOL":
		width = 1
	default:
		return fmt.Errorf("dtype %q is not known", i.DType)
	}
	n := width
	for _, d := range i.Shape {
		if d < 0 || d > 0 && n > size/d {
			return fmt.Errorf("shape %v needs more than the %d bytes of the file", i.Shape, size)
		}
		n *= d
	}
	if i.Offsets[0] < 0 || i.Offsets[1] > size || i.Offsets[1]-i.Offsets[0] != n {
		return fmt.Errorf("offsets %v do not hold the %d bytes of shape %v", i.Offsets, n, i.Shape)
	}
	return nil
}

// Close closes the file.
func (t *Tensors) Close() error {
	if t.close == nil { // bytes in memory
		return nil
	}
	return t.close()
}

// Names gives the tensors' names in ascending order.
func (t *Tensors) Names() []string {
	names := make([]string, 0, len(t.header))
	for name := range t.header {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has says whether there is a tensor of that name.
func (t *Tensors) Has(name string) bool {
	_, ok := t.header[name]
	return ok
}

// Float32 reads a tensor of floating-point numbers (F32, F16 or BF16) of the
// given shape, row-major.
func (t *Tensors) Float32(name string, shape ...int64) ([]float32, error) {
	info, ok := t.header[name]
	if !ok {
		return nil, fmt.Errorf("tensor %q is not in the file", name)
	}
	if fmt.Sprint(info.Shape) != fmt.Sprint(shape) {
		return nil, fmt.Errorf("tensor %q has shape %v; the configuration says %v", name, info.Shape, shape)
	}
	raw := info.data
	if raw == nil {
		raw = make([]byte, info.Offsets[1]-info.Offsets[0])
		if _, err := t.file.ReadAt(raw, t.start+info.Offsets[0]); err != nil {
			return nil, fmt.Errorf("read tensor %q: %w", name, err)
		}
	}
	out, err := widen(raw, info.DType)
	if err != nil {
		return nil, fmt.Errorf("tensor %q has %w", name, err)
	}
	if info.turned > 0 {
		return transpose(out, info.turned, int64(len(out))/info.turned), nil
	}
	return out, nil
}

// widen reads little-endian numbers of a type.
func widen(raw []byte, dtype string) ([]float32, error) {
	switch dtype {
	case "F32":
		out := make([]float32, len(raw)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return out, nil
	case "F16", "BF16":
		out := make([]float32, len(raw)/2)
		for i := range out {
			bits := binary.LittleEndian.Uint16(raw[2*i:])
			if dtype == "BF16" {
				out[i] = math.Float32frombits(uint32(bits) << 16)
			} else {
				out[i] = float16(bits)
			}
		}
		return out, nil
	default:
		return nil, fmt.Errorf("dtype %s; F32, F16 or BF16 is needed", dtype)
	}
}

// float16 widens an IEEE 754 binary16.
func float16(bits uint16) float32 {
	sign := uint32(bits>>15) << 31
	exp := uint32(bits>>10) & 0x1f
	frac := uint32(bits) & 0x3ff
	switch exp {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	default:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
}
