package model

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"akin/internal/model/fields"
)

// maxExport is how large a protobuf may be.
const maxExport = 2 << 30

// Numbers of fields of the ONNX format (onnx.proto3).
const (
	modelGraph       = 7
	graphNode        = 1
	graphInitializer = 5
	nodeInput        = 1
	nodeOutput       = 2
	nodeOperator     = 4
	nodeAttribute    = 5
	attributeTensor  = 5
	tensorDims       = 1
	tensorType       = 2
	tensorFloats     = 4
	tensorName       = 8
	tensorRaw        = 9
	tensorExternal   = 13
	wordEmbeddings   = "embeddings.word_embeddings.weight"
	weightSuffix     = ".weight"
	biasSuffix       = ".bias"
	maxTensorRank    = 8
	maxNodeInputs    = 64
	operatorMatMul   = "MatMul"
	operatorAdd      = "Add"
	operatorIdentity = "Identity"
	operatorConstant = "Constant"
)

// OpenExport reads the weights of a plain ONNX export of an encoder, under the names
// that they have in safetensors. Close the result.
//
// Exporters keep the names of most weights. Matrices of linear layers are turned, so
// that they can be multiplied by, and lose theirs: they are those that are multiplied
// by right before the bias of their layer is added.
func OpenExport(path string) (*Tensors, error) {
	b, err := readRegular(path, maxExport)
	if err != nil {
		return nil, fmt.Errorf("open ONNX export: %w", err)
	}
	t, err := readExport(b)
	if err != nil {
		return nil, fmt.Errorf("open ONNX export %s: %w", path, err)
	}
	return t, nil
}

// export is a graph as far as weights are found in it.
type export struct {
	tensors map[string]tensorInfo
	// products are, by output, the operands of products; alias is what identities stand
	// for.
	products map[string][]string
	alias    map[string]string
	// sums are the operands of additions.
	sums [][]string
}

func readExport(b []byte) (*Tensors, error) {
	x := &export{tensors: make(map[string]tensorInfo), products: make(map[string][]string), alias: make(map[string]string)}
	graphs := 0
	err := fields.Each(b, func(n protowire.Number, v []byte, _ uint64) error {
		if n != modelGraph {
			return nil
		}
		graphs++
		return x.readGraph(v)
	})
	if err == nil && graphs != 1 {
		err = fmt.Errorf("it has %d graphs; an ONNX model has one", graphs)
	}
	if err == nil {
		err = x.nameProducts()
	}
	if err != nil {
		return nil, err
	}
	return x.inEncoder()
}

func (x *export) readGraph(b []byte) error {
	return fields.Each(b, func(n protowire.Number, v []byte, _ uint64) error {
		switch n {
		case graphInitializer:
			return x.readTensor("", v)
		case graphNode:
			return x.readNode(v)
		}
		return nil
	})
}

// readNode notes products, sums, names that stand for others, and constants.
func (x *export) readNode(b []byte) error {
	var in, out []string
	var operator string
	var constant []byte
	err := fields.Each(b, func(n protowire.Number, v []byte, _ uint64) error {
		switch n {
		case nodeInput:
			in = append(in, string(v))
		case nodeOutput:
			out = append(out, string(v))
		case nodeOperator:
			operator = string(v)
		case nodeAttribute:
			constant = v
		}
		if len(in)+len(out) > maxNodeInputs*2 {
			return errors.New("a node has more inputs and outputs than any operator of an encoder")
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		return err
	}
	switch {
	case operator == operatorMatMul && len(in) == 2:
		x.products[out[0]] = in
	case operator == operatorAdd && len(in) == 2:
		x.sums = append(x.sums, in)
	case operator == operatorIdentity && len(in) == 1:
		x.alias[out[0]] = in[0]
	case operator == operatorConstant && constant != nil:
		return fields.Each(constant, func(n protowire.Number, v []byte, _ uint64) error {
			if n == attributeTensor && v != nil {
				return x.readTensor(out[0], v)
			}
			return nil
		})
	}
	return nil
}

// readTensor notes where the numbers of a tensor are; what is no weight is passed over.
func (x *export) readTensor(name string, b []byte) error {
	info := tensorInfo{Shape: []int64{}}
	var data []byte
	var external bool
	var kind uint64
	err := fields.Each(b, func(n protowire.Number, v []byte, number uint64) error {
		switch n {
		case tensorDims:
			if v == nil {
				info.Shape = append(info.Shape, int64(number))
			}
			for len(v) > 0 { // packed
				d, size := protowire.ConsumeVarint(v)
				if size < 0 || len(info.Shape) > maxTensorRank {
					return errors.New("a tensor's shape cannot be read")
				}
				info.Shape, v = append(info.Shape, int64(d)), v[size:]
			}
		case tensorType:
			kind = number
		case tensorName:
			name = string(v)
		case tensorRaw, tensorFloats:
			data = v
		case tensorExternal:
			external = true
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case external:
		return fmt.Errorf("the numbers of %q are in another file; export the model into one", name)
	case len(info.Shape) > maxTensorRank:
		return fmt.Errorf("tensor %q has %d dimensions", name, len(info.Shape))
	}
	info.DType = map[uint64]string{1: "F32", 10: "F16", 16: "BF16", 2: "U8", 3: "I8"}[kind]
	if info.DType == "" || data == nil || name == "" {
		return nil
	}
	info.data, info.Offsets = data, [2]int64{0, int64(len(data))}
	if err := info.check(int64(len(data))); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	x.tensors[name] = info
	return nil
}

// nameProducts gives the matrices of linear layers the name of their bias.
func (x *export) nameProducts() error {
	for out, in := range x.alias {
		if info, ok := x.tensors[in]; ok {
			x.tensors[out] = info
		}
	}
	for _, sum := range x.sums {
		for i, bias := range sum {
			layer, ok := strings.CutSuffix(bias, biasSuffix)
			factors := x.products[sum[1-i]]
			if _, known := x.tensors[bias]; !ok || !known || len(factors) != 2 {
				continue
			}
			if _, named := x.tensors[layer+weightSuffix]; named {
				continue // and not turned
			}
			matrix, ok := x.tensors[factors[1]]
			if !ok || len(matrix.Shape) != 2 {
				return fmt.Errorf("%s is added to a product that is not by a matrix of the file: its weights cannot be told", bias)
			}
			matrix.turned = matrix.Shape[0]
			matrix.Shape = []int64{matrix.Shape[1], matrix.Shape[0]}
			x.tensors[layer+weightSuffix] = matrix
		}
	}
	return nil
}

// inEncoder gives what is of the encoder, under names as of the encoder alone.
func (x *export) inEncoder() (*Tensors, error) {
	var prefixes []string
	for name := range x.tensors {
		if prefix, ok := strings.CutSuffix(name, wordEmbeddings); ok {
			prefixes = append(prefixes, prefix)
		}
	}
	if len(prefixes) != 1 {
		return nil, fmt.Errorf("it has %d tensors called …%s; akin reads exports of one BERT encoder, in float32 and not optimised", len(prefixes), wordEmbeddings)
	}
	t := &Tensors{header: make(map[string]tensorInfo)}
	for name, info := range x.tensors {
		if name, ok := strings.CutPrefix(name, prefixes[0]); ok {
			t.header[name] = info
		}
	}
	return t, nil
}
