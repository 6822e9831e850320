"""Writes BERT as an ONNX graph of ordinary operators, the way exporters do, for
the peers that make bench-embed compares with: last_hidden_state, no pooling."""

import json
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from bert_reference import load


class Graph:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def const(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def build(model, path):
    weights = {name: value.astype(np.float32) for name, value in load(os.path.join(model, "model.safetensors")).items()}
    with open(os.path.join(model, "config.json")) as f:
        config = json.load(f)
    g = Graph()
    x = embeddings(g, weights, config)
    for i in range(config["num_hidden_layers"]):
        x = layer(g, weights, config, "encoder.layer.%d." % i, x)
    g.op("Identity", [x], "last_hidden_state")
    dims = ["batch", "tokens"]
    graph = helper.make_graph(
        g.nodes,
        "bert",
        [helper.make_tensor_value_info(n, T.INT64, dims) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", T.FLOAT, dims + [config["hidden_size"]])],
        g.initializers,
    )
    out = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    out.ir_version = 8
    onnx.save(out, path)


def embeddings(g, w, c):
    g.const("one", np.array([1], np.int64))
    g.const("two", np.array([2], np.int64))
    g.const("zero", np.array([0], np.int64))
    g.op("Shape", ["input_ids"], "shape")
    g.op("Slice", ["shape", "one", "two"], "length")
    words = g.op("Gather", [g.const("words", w["embeddings.word_embeddings.weight"]), "input_ids"], "word")
    positions = w["embeddings.position_embeddings.weight"] + w["embeddings.token_type_embeddings.weight"][0]
    position = g.op("Slice", [g.const("positions", positions), "zero", "length"], "position")
    g.op("Cast", ["attention_mask"], "mask", to=T.FLOAT)
    g.op("Sub", [g.const("1f", np.array(1, np.float32)), "mask"], "hidden_mask")
    g.op("Mul", ["hidden_mask", g.const("low", np.array(-10000, np.float32))], "mask_2d")
    g.op("Unsqueeze", ["mask_2d", g.const("axes", np.array([1, 2], np.int64))], "mask_4d")
    heads, size = c["num_attention_heads"], c["hidden_size"] // c["num_attention_heads"]
    g.const("split", np.array([0, 0, heads, size], np.int64))
    g.const("join", np.array([0, 0, c["hidden_size"]], np.int64))
    g.const("scale", np.array(size**-0.5, np.float32))
    g.const("root2", np.array(2**0.5, np.float32))
    g.const("half", np.array(0.5, np.float32))
    return norm(g, w, c, "embeddings.LayerNorm", g.op("Add", [words, position], "embedded"))


def norm(g, w, c, name, x):
    parts = [g.const(name + "." + n, w[name + "." + n]) for n in ("weight", "bias")]
    return g.op("LayerNormalization", [x] + parts, name + ".out", epsilon=c["layer_norm_eps"], axis=-1)


def linear(g, w, name, x):
    y = g.op("MatMul", [x, g.const(name + ".w", w[name + ".weight"].T)], name + ".mm")
    return g.op("Add", [y, g.const(name + ".b", w[name + ".bias"])], name + ".out")


def layer(g, w, c, p, x):
    def part(name, perm):
        y = g.op("Reshape", [linear(g, w, p + "attention.self." + name, x), "split"], p + name + ".split")
        return g.op("Transpose", [y], p + name, perm=perm)

    q, k, v = part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1]), part("value", [0, 2, 1, 3])
    s = g.op("Mul", [g.op("MatMul", [q, k], p + "s"), "scale"], p + "scaled")
    a = g.op("Softmax", [g.op("Add", [s, "mask_4d"], p + "masked")], p + "a", axis=-1)
    t = g.op("Transpose", [g.op("MatMul", [a, v], p + "c")], p + "t", perm=[0, 2, 1, 3])
    context = g.op("Reshape", [t, "join"], p + "context")
    y = g.op("Add", [linear(g, w, p + "attention.output.dense", context), x], p + "r1")
    y = norm(g, w, c, p + "attention.output.LayerNorm", y)
    wide = linear(g, w, p + "intermediate.dense", y)
    e = g.op("Erf", [g.op("Div", [wide, "root2"], p + "e0")], p + "e1")
    u = g.op("Mul", [wide, g.op("Add", [e, "1f"], p + "e2")], p + "e3")
    active = g.op("Mul", [u, "half"], p + "gelu")
    z = g.op("Add", [linear(g, w, p + "output.dense", active), y], p + "r2")
    return norm(g, w, c, p + "output.LayerNorm", z)
