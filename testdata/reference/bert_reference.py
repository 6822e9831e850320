#!/usr/bin/env python3
"""Sentence embeddings by a plain BERT in numpy, in float64, to compare with.

Reads JSON strings from standard input, one a line, and prints a JSON list of
numbers for each: the unit vector. It is written from the definition of BERT
(Devlin et al. 2019) with the weights as published, shares no code with akin,
and uses neither ONNX nor fused operators.

    echo '"a text"' | python bert_reference.py --model DIR --max-tokens 256

DIR holds model.safetensors, config.json and tokenizer.json.
"""

import argparse
import json
import math
import os
import struct
import sys

import numpy as np
from tokenizers import Tokenizer


def load(path):
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(n))
        data = f.read()
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] != "F32":
            continue
        begin, end = info["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], np.float32).reshape(info["shape"]).astype(np.float64)
    return tensors


erf = np.vectorize(math.erf)


def gelu(x):
    # math.erf is exact to the last bit; slow, which a reference may be.
    return 0.5 * x * (1.0 + erf(x / math.sqrt(2.0)))


def norm(x, weight, bias, eps):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * weight + bias


class Bert:
    def __init__(self, directory):
        self.w = load(os.path.join(directory, "model.safetensors"))
        with open(os.path.join(directory, "config.json")) as f:
            self.c = json.load(f)

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def layer_norm(self, x, name):
        return norm(x, self.w[name + ".weight"], self.w[name + ".bias"], self.c["layer_norm_eps"])

    def embed(self, ids):
        w, e = self.w, "embeddings."
        x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: len(ids)]
        x = self.layer_norm(x + w[e + "token_type_embeddings.weight"][0], e + "LayerNorm")
        for i in range(self.c["num_hidden_layers"]):
            x = self.layer(x, "encoder.layer.%d." % i)
        v = x.mean(0)
        return v / np.linalg.norm(v)

    def layer(self, x, p):
        heads = self.c["num_attention_heads"]
        size = x.shape[1] // heads
        q, k, v = (
            self.linear(x, p + "attention.self." + n).reshape(len(x), heads, size).transpose(1, 0, 2)
            for n in ("query", "key", "value")
        )
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(size)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        context = (scores @ v).transpose(1, 0, 2).reshape(x.shape)
        x = self.layer_norm(x + self.linear(context, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        wide = gelu(self.linear(x, p + "intermediate.dense"))
        return self.layer_norm(x + self.linear(wide, p + "output.dense"), p + "output.LayerNorm")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--max-tokens", type=int, default=256)
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.enable_truncation(args.max_tokens)
    bert = Bert(args.model)
    for line in sys.stdin:
        print(json.dumps([float(x) for x in bert.embed(tokenizer.encode(json.loads(line)).ids)]), flush=True)


if __name__ == "__main__":
    main()
