package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"

	"akin/internal/model/fields"
)

// A graph file is mostly weights. ONNX Runtime that is handed the file copies all of
// them, for each session anew. What it is handed here is the file without its large
// tensors, each of which says where in the file it is: these it maps, so that sessions
// share their pages, and a table of which a text needs a few rows is never read whole.

const (
	// leastMapped is how many bytes a tensor has at least that stays in the file.
	leastMapped = 64 << 10
	// mostInline bounds what a file has beside such tensors.
	mostInline = 1 << 30
	// mostDims bounds the dimensions of a value.
	mostDims = 64
)

// Fields of ONNX's messages that are read here.
const (
	modelGraph                                                           = 7
	graphInitializer, graphInput, graphOutput                            = 5, 11, 12
	tensorName, tensorRaw, tensorExternal, tensorPlace                   = 8, 9, 13, 14
	placeExternal                                                        = 1
	valueName, valueType, typeTensor, elemType, shapeOf                  = 1, 2, 1, 1, 2
	dimOf, dimValue                                                      = 1, 1
	entryKey, entryValue                                protowire.Number = 1, 2
)

// slim is a graph file without its large tensors.
type slim struct {
	model     []byte
	ins, outs []ort.InputOutputInfo
	// shaped says that the file says the shapes of all its outputs.
	shaped bool
}

// readSlim reads a graph file but for its large tensors.
func readSlim(path string) (*slim, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &slimmer{file: f, location: filepath.Base(path), named: make(map[string]bool)}
	r.slim.shaped = true
	if r.slim.model, err = r.message(0, info.Size(), r.modelField); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !r.graph {
		return nil, fmt.Errorf("read %s: it has no graph", path)
	}
	r.slim.ins = slicesWithout(r.slim.ins, r.named)
	return &r.slim, nil
}

// slicesWithout leaves out what old files list among the inputs: the initializers.
func slicesWithout(ins []ort.InputOutputInfo, named map[string]bool) []ort.InputOutputInfo {
	var kept []ort.InputOutputInfo
	for _, in := range ins {
		if !named[in.Name] {
			kept = append(kept, in)
		}
	}
	return kept
}

// slimmer reads one file.
type slimmer struct {
	file     io.ReaderAt
	location string
	graph    bool
	inline   int64
	named    map[string]bool // initializers
	slim     slim
}

// field is one field of a message in the file: its bytes with the tag are from begin to
// end, its content, if it has a length, from content to end.
type field struct {
	number              protowire.Number
	kind                protowire.Type
	begin, content, end int64
}

// next reads the tag, and the length, of the field at a place.
func (r *slimmer) next(at, end int64) (field, error) {
	var head [2 * binary.MaxVarintLen64]byte
	n, err := r.file.ReadAt(head[:min(int64(len(head)), end-at)], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return field{}, err
	}
	b := head[:n]
	f := field{begin: at}
	var used int
	if f.number, f.kind, used = protowire.ConsumeTag(b); used < 0 {
		return field{}, fields.ErrWire
	}
	b, f.content = b[used:], at+int64(used)
	switch f.kind {
	case protowire.BytesType:
		length, n := protowire.ConsumeVarint(b)
		if n < 0 || length > uint64(end-f.content-int64(n)) {
			return field{}, fields.ErrWire
		}
		f.content += int64(n)
		f.end = f.content + int64(length)
	default:
		n := protowire.ConsumeFieldValue(f.number, f.kind, b)
		if n < 0 {
			return field{}, fields.ErrWire
		}
		f.end = f.content + int64(n)
	}
	return f, nil
}

// bytes reads a part of the file.
func (r *slimmer) bytes(from, to int64) ([]byte, error) {
	if r.inline += to - from; r.inline > mostInline {
		return nil, fmt.Errorf("it has more than %d bytes beside its large tensors", mostInline)
	}
	b := make([]byte, to-from)
	_, err := r.file.ReadAt(b, from)
	return b, err
}

// message reads the fields of a message and gives what becomes of it: each field as
// edit gives it.
func (r *slimmer) message(from, to int64, edit func(field) ([]byte, error)) ([]byte, error) {
	var out []byte
	for at := from; at < to; {
		f, err := r.next(at, to)
		if err != nil {
			return nil, err
		}
		b, err := edit(f)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
		at = f.end
	}
	return out, nil
}

func wrap(number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

func (r *slimmer) modelField(f field) ([]byte, error) {
	if f.number != modelGraph || f.kind != protowire.BytesType {
		return r.bytes(f.begin, f.end)
	}
	r.graph = true
	body, err := r.message(f.content, f.end, r.graphField)
	return wrap(modelGraph, body), err
}

func (r *slimmer) graphField(f field) ([]byte, error) {
	if f.kind == protowire.BytesType {
		switch f.number {
		case graphInitializer:
			body, err := r.initializer(f)
			return wrap(graphInitializer, body), err
		case graphInput, graphOutput:
			return r.port(f)
		}
	}
	return r.bytes(f.begin, f.end)
}

// initializer reads a tensor, and leaves its numbers where they are if they are many.
func (r *slimmer) initializer(f field) ([]byte, error) {
	return r.message(f.content, f.end, func(f field) ([]byte, error) {
		if f.number == tensorRaw && f.kind == protowire.BytesType && f.end-f.content >= leastMapped {
			return r.elsewhere(f), nil
		}
		b, err := r.bytes(f.begin, f.end)
		if f.number == tensorName && f.kind == protowire.BytesType {
			r.named[string(b[f.content-f.begin:])] = true
		}
		return b, err
	})
}

// elsewhere says that the numbers of a tensor are where they are in the file.
func (r *slimmer) elsewhere(f field) []byte {
	var out []byte
	for _, entry := range [][2]string{
		{"location", r.location},
		{"offset", strconv.FormatInt(f.content, 10)},
		{"length", strconv.FormatInt(f.end-f.content, 10)},
	} {
		b := protowire.AppendString(protowire.AppendTag(nil, entryKey, protowire.BytesType), entry[0])
		b = protowire.AppendString(protowire.AppendTag(b, entryValue, protowire.BytesType), entry[1])
		out = append(out, wrap(tensorExternal, b)...)
	}
	return protowire.AppendVarint(protowire.AppendTag(out, tensorPlace, protowire.VarintType), placeExternal)
}

// port reads an input or output.
func (r *slimmer) port(f field) ([]byte, error) {
	whole, err := r.bytes(f.begin, f.end)
	if err != nil {
		return nil, err
	}
	info := ort.InputOutputInfo{OrtValueType: ort.ONNXTypeTensor}
	shape, ok := []byte(nil), false
	err = fields.Each(whole[f.content-f.begin:], func(n protowire.Number, b []byte, _ uint64) error {
		switch n {
		case valueName:
			info.Name = string(b)
		case valueType:
			return fields.Each(b, func(n protowire.Number, tensor []byte, _ uint64) error {
				if n != typeTensor {
					return nil
				}
				return fields.Each(tensor, func(n protowire.Number, b []byte, v uint64) error {
					switch n {
					case elemType:
						info.DataType = ort.TensorElementDataType(v)
					case shapeOf:
						shape, ok = b, true
					}
					return nil
				})
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if info.Dimensions, err = dimensions(shape); err != nil {
		return nil, err
	}
	if f.number == graphInput {
		r.slim.ins = append(r.slim.ins, info)
	} else {
		r.slim.outs = append(r.slim.outs, info)
		r.slim.shaped = r.slim.shaped && ok
	}
	return whole, nil
}

// dimensions reads a shape; a dimension that the file leaves open is -1.
func dimensions(shape []byte) (ort.Shape, error) {
	dims := ort.Shape{}
	err := fields.Each(shape, func(n protowire.Number, b []byte, _ uint64) error {
		if n != dimOf {
			return nil
		}
		if len(dims) == mostDims {
			return fields.ErrWire
		}
		dims = append(dims, -1)
		return fields.Each(b, func(n protowire.Number, _ []byte, v uint64) error {
			if n == dimValue {
				dims[len(dims)-1] = int64(v)
			}
			return nil
		})
	})
	return dims, err
}
