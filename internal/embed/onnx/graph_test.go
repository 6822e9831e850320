package onnx_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Element types of ONNX.
const (
	elemFloat = 1
	elemInt32 = 6
	elemInt64 = 7
)

// port is an input or output of a graph. Its first dimensions are open, the last
// is dim, or open if that is 0.
type port struct {
	name string
	elem uint64
	rank int
	dim  int64
}

// message builds a protobuf message.
type message []byte

func (m message) bytes(field protowire.Number, b []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

func (m message) text(field protowire.Number, s string) message { return m.bytes(field, []byte(s)) }

func (m message) number(field protowire.Number, n uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), n)
}

func (p port) proto() message {
	var shape message
	for i := range p.rank {
		dim := message{}.text(2, p.name+string(rune('0'+i)))
		if i == p.rank-1 && p.dim > 0 {
			dim = message{}.number(1, uint64(p.dim))
		}
		shape = shape.bytes(1, dim)
	}
	tensor := message{}.number(1, p.elem).bytes(2, shape)
	return message{}.text(1, p.name).bytes(2, message{}.bytes(1, tensor))
}

func node(kind, output string, inputs ...string) message {
	var m message
	for _, in := range inputs {
		m = m.text(1, in)
	}
	return m.text(2, output).text(4, kind)
}

// table is a float32 tensor [rows][2].
func table(name string, rows ...[2]float32) message {
	var raw []byte
	for _, row := range rows {
		for _, x := range row {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
	}
	return message{}.number(1, uint64(len(rows))).number(1, 2).number(2, elemFloat).text(8, name).bytes(9, raw)
}

// writeGraph writes a graph of a few nodes. Each of its outputs is the same: for
// an output of three dimensions, a token's row of a table of four, plus what only
// a mask of zeros or a type other than 0 would add; for one of two, its largest
// numbers over the tokens; for one of one, over the texts too.
func writeGraph(t *testing.T, inputs, outputs []port) string {
	t.Helper()
	graph := message{}.
		bytes(1, node("Gather", "rows", "table", "input_ids")).
		bytes(5, table("table", [2]float32{1, 2}, [2]float32{3, 4}, [2]float32{5, 6}, [2]float32{7, 8})).
		text(2, "test")
	sum := "rows"
	for _, in := range inputs {
		graph = graph.bytes(11, in.proto())
		switch in.name {
		case "attention_mask":
			graph = graph.bytes(5, table("masked", [2]float32{100, 100}, [2]float32{}))
			graph = graph.bytes(1, node("Gather", "mask_rows", "masked", in.name)).bytes(1, node("Add", "with_mask", sum, "mask_rows"))
			sum = "with_mask"
		case "token_type_ids":
			graph = graph.bytes(5, table("types", [2]float32{}, [2]float32{1000, 1000}))
			graph = graph.bytes(1, node("Gather", "type_rows", "types", in.name)).bytes(1, node("Add", "with_types", sum, "type_rows"))
			sum = "with_types"
		}
	}
	for _, out := range outputs {
		graph = graph.bytes(12, out.proto())
		if out.rank == 3 {
			graph = graph.bytes(1, node("Identity", out.name, sum))
			continue
		}
		axes := []uint64{1}
		if out.rank == 1 {
			axes = []uint64{0, 1}
		}
		reduce := node("ReduceMax", out.name, sum)
		attribute := message{}.text(1, "axes").number(20, 7)
		for _, axis := range axes {
			attribute = attribute.number(8, axis)
		}
		keep := message{}.text(1, "keepdims").number(3, 0).number(20, 2)
		graph = graph.bytes(1, reduce.bytes(5, attribute).bytes(5, keep))
	}
	model := message{}.number(1, 8).bytes(7, graph).bytes(8, message{}.text(1, "").number(2, 13))
	path := filepath.Join(t.TempDir(), "graph.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
