#!/usr/bin/env python3
"""Measures what the int8 graph needs to know of a BERT model's activations.

For the input of every linear layer, over a sample of texts, one text at a
time: ".input_peak", per channel the mean over texts of the largest magnitude,
and ".input_mean", per channel the mean over tokens. They are written as a
safetensors file of float16, with the digest of the weights.

    python calibrate.py --model .akin/models/all-minilm-l6-v2 \
        --texts testdata/sample/papers.jsonl \
        --out models/all-minilm-l6-v2.calibration.safetensors

The network is bert_reference.py's, in float64.
"""

import argparse
import hashlib
import json
import os
import struct

import numpy as np

import bert_reference as reference


class Recorder(reference.Bert):
    """Bert that notes the inputs of its linear layers."""

    def __init__(self, directory):
        super().__init__(directory)
        self.peaks, self.sums, self.tokens = {}, {}, {}

    def linear(self, x, name):
        # Query, key and value share their input and one entry.
        entry = name
        for part in (".query", ".key", ".value"):
            entry = entry.removesuffix(part)
        if not name.endswith((".key", ".value")):
            rows = x.reshape(-1, x.shape[-1])
            self.peaks.setdefault(entry, []).append(np.abs(rows).max(0))
            self.sums[entry] = self.sums.get(entry, 0) + rows.sum(0)
            self.tokens[entry] = self.tokens.get(entry, 0) + len(rows)
        return super().linear(x, name)

    def measured(self):
        tensors = {}
        for name in sorted(self.peaks):
            tensors[name + ".input_mean"] = self.sums[name] / self.tokens[name]
            tensors[name + ".input_peak"] = np.mean(self.peaks[name], 0)
        return {name: v.astype("<f2") for name, v in tensors.items()}


def write(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, v in tensors.items():
        header[name] = {"dtype": "F16", "shape": list(v.shape), "data_offsets": [offset, offset + v.nbytes]}
        offset += v.nbytes
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(raw)) + raw)
        for v in tensors.values():
            f.write(v.tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True, help="papers as JSON lines with title and abstract")
    parser.add_argument("--out", required=True)
    parser.add_argument("--max-tokens", type=int, default=256)
    args = parser.parse_args()
    tokenizer = reference.Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.enable_truncation(args.max_tokens)
    with open(os.path.join(args.model, "model.safetensors"), "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    bert = Recorder(args.model)
    with open(args.texts, encoding="utf-8") as f:
        for paper in map(json.loads, f):
            bert.embed(tokenizer.encode("%(title)s. %(abstract)s" % paper).ids)
    write(args.out, bert.measured(), {"weights_sha256": digest})


if __name__ == "__main__":
    main()
