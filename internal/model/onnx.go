package model

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A writer of the part of the ONNX format (onnx.proto3, IR version 8) that the
// BERT graph needs. Field numbers are those of the format's definition.
const (
	onnxIRVersion = 8
	onnxOpset     = 17 // LayerNormalization is in it
	microsoft     = "com.microsoft"

	typeFloat int32 = 1
	typeUint8 int32 = 2
	typeInt8  int32 = 3
	typeInt32 int32 = 6
	typeInt64 int32 = 7

	attrFloat int64 = 1
	attrInt   int64 = 2
	attrInts  int64 = 7
)

// graph collects nodes and initializers in protobuf form.
type graph struct {
	nodes, initializers, inputs, outputs []byte
	count                                int // of nodes, for their names
}

type attr struct {
	name string
	kind int64
	f    float32
	ints []int64
}

func intAttr(name string, i int64) attr      { return attr{name: name, kind: attrInt, ints: []int64{i}} }
func intsAttr(name string, is ...int64) attr { return attr{name: name, kind: attrInts, ints: is} }
func floatAttr(name string, f float64) attr  { return attr{name: name, kind: attrFloat, f: float32(f)} }

func appendString(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func appendBytes(b []byte, n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func appendInt(b []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
}

func (a attr) proto() []byte {
	b := appendString(nil, 1, a.name)
	switch a.kind {
	case attrFloat:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(a.f))
	case attrInt:
		b = appendInt(b, 3, a.ints[0])
	case attrInts:
		for _, i := range a.ints {
			b = appendInt(b, 8, i)
		}
	}
	return appendInt(b, 20, a.kind)
}

// op adds a node and gives the name of its first output. An empty input name
// is an optional input left out.
func (g *graph) op(domain, kind string, inputs, outputs []string, attrs ...attr) string {
	var b []byte
	for _, in := range inputs {
		b = appendString(b, 1, in)
	}
	for _, out := range outputs {
		b = appendString(b, 2, out)
	}
	b = appendString(b, 3, outputs[0]+"_"+kind)
	b = appendString(b, 4, kind)
	for _, a := range attrs {
		b = appendBytes(b, 5, a.proto())
	}
	if domain != "" {
		b = appendString(b, 7, domain)
	}
	g.nodes = appendBytes(g.nodes, 1, b)
	g.count++
	return outputs[0]
}

// standard adds a node of the standard domain with one output.
func (g *graph) standard(kind, output string, inputs []string, attrs ...attr) string {
	return g.op("", kind, inputs, []string{output}, attrs...)
}

// fused adds a node of ONNX Runtime's own domain with one output.
func (g *graph) fused(kind, output string, inputs []string, attrs ...attr) string {
	return g.op(microsoft, kind, inputs, []string{output}, attrs...)
}

// floats adds a float32 initializer, row-major.
func (g *graph) floats(name string, data []float32, dims ...int64) string {
	raw := make([]byte, 4*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return g.tensor(name, typeFloat, raw, dims)
}

// int64s adds a one-dimensional int64 initializer.
func (g *graph) int64s(name string, data ...int64) string {
	raw := make([]byte, 8*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
	}
	return g.tensor(name, typeInt64, raw, []int64{int64(len(data))})
}

func (g *graph) tensor(name string, dtype int32, raw []byte, dims []int64) string {
	var b []byte
	for _, d := range dims {
		b = appendInt(b, 1, d)
	}
	b = appendInt(b, 2, int64(dtype))
	b = appendString(b, 8, name)
	b = appendBytes(b, 9, raw)
	g.initializers = appendBytes(g.initializers, 5, b)
	return name
}

// value describes an input or output; a dimension is a number or a name.
func value(name string, dtype int32, dims ...any) []byte {
	var shape []byte
	for _, d := range dims {
		var dim []byte
		switch d := d.(type) {
		case int:
			dim = appendInt(nil, 1, int64(d))
		case string:
			dim = appendString(nil, 2, d)
		}
		shape = appendBytes(shape, 1, dim)
	}
	tensor := appendBytes(appendInt(nil, 1, int64(dtype)), 2, shape)
	return appendBytes(appendString(nil, 1, name), 2, appendBytes(nil, 1, tensor))
}

func (g *graph) input(name string, dtype int32, dims ...any) {
	g.inputs = appendBytes(g.inputs, 11, value(name, dtype, dims...))
}

func (g *graph) output(name string, dtype int32, dims ...any) {
	g.outputs = appendBytes(g.outputs, 12, value(name, dtype, dims...))
}

// model gives the whole file. Metadata is written in the order given, so that
// the same graph is the same bytes.
func (g *graph) model(name string, metadata [][2]string) []byte {
	body := make([]byte, 0, len(g.nodes)+len(g.initializers)+len(g.inputs)+len(g.outputs)+64)
	body = append(body, g.nodes...)
	body = appendString(body, 2, name)
	body = append(body, g.initializers...)
	body = append(body, g.inputs...)
	body = append(body, g.outputs...)

	b := make([]byte, 0, len(body)+1024)
	b = appendInt(b, 1, onnxIRVersion)
	b = appendString(b, 2, "akin")
	b = appendBytes(b, 7, body)
	for _, set := range []struct {
		domain  string
		version int64
	}{{"", onnxOpset}, {microsoft, 1}} {
		b = appendBytes(b, 8, appendInt(appendString(nil, 1, set.domain), 2, set.version))
	}
	for _, kv := range metadata {
		b = appendBytes(b, 14, appendString(appendString(nil, 1, kv[0]), 2, kv[1]))
	}
	return b
}
