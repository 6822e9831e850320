#!/usr/bin/env python3
"""Measures akin's embedding beside its peers, interleaved in one run.

Each contender is a process that loads its model once and then embeds the same
texts whenever it is told to, so that what the machine does meanwhile hits all
alike. Prints Markdown: medians over the rounds, with the spread.

    python bench_embed.py --worker bin/benchworker --home .akin --texts DIR

Peers that are not installed are left out, and the table says so.
"""

import argparse
import contextlib
import glob
import json
import os
import resource
import statistics
import subprocess
import sys
import time

CORES = os.cpu_count() or 1


# ---- the contenders, each in a process of its own -------------------------


def serve(embed, texts):
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "vectors":
            for v in embed(texts, 8):
                print(json.dumps([float(x) for x in v]))
        before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        if line.startswith("run"):
            embed(texts, int(line.split()[1]))
        wall = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print("%.6f %.6f" % (wall, cpu), flush=True)


def encoder_peer(model, texts, forward, sort):
    """A peer that only has the encoder: forward takes ids and mask, padded to the
    longest text of the batch, and gives last_hidden_state."""
    import numpy as np
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def embed(texts, batch):
        order = list(range(len(texts)))
        if sort:
            order.sort(key=lambda i: len(texts[i]), reverse=True)
        out = [None] * len(texts)
        for at in range(0, len(order), batch):
            part = order[at : at + batch]
            enc = tokenizer.encode_batch([texts[i] for i in part])
            mask = np.array([e.attention_mask for e in enc], np.int64)
            hidden = forward(np.array([e.ids for e in enc], np.int64), mask)
            pooled = (hidden * mask[:, :, None]).sum(1)
            pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
            for i, v in zip(part, pooled):
                out[i] = v
        return out

    serve(embed, texts)


def onnx_peer(model, texts, sort):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = CORES
    session = ort.InferenceSession(os.path.join(model, "plain.onnx"), options, providers=["CPUExecutionProvider"])
    encoder_peer(model, texts, lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0], sort)


def openvino_peer(model, texts, hint="f32", path="plain.onnx"):
    import openvino

    # Where the CPU has bfloat16 it would be the default, which is another precision.
    config = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": CORES, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(os.path.join(model, path), "CPU", config)
    encoder_peer(model, texts, lambda ids, mask: compiled({"input_ids": ids, "attention_mask": mask})[0], True)


def openvino_int8_peer(model, texts):
    """Quantised after training by NNCF, over the project's own sample papers; what is
    not int8 is bf16 where there are matrix units, as OpenVINO has it by default."""
    name = "openvino-int8.xml"
    if not os.path.exists(os.path.join(model, name)):
        with contextlib.redirect_stdout(sys.stderr):  # NNCF shows how far it is
            quantize(model, os.path.join(model, name))
    openvino_peer(model, texts, "bf16" if matrix_units() else "f32", name)


def quantize(model, path):
    import nncf
    import numpy as np
    import openvino
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    sample = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sample", "papers.jsonl")
    with open(sample, encoding="utf-8") as f:
        papers = [json.loads(line) for line in f]

    def inputs(paper):
        ids = tokenizer.encode(paper["title"] + ". " + paper["abstract"]).ids
        return {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64)}

    plain = openvino.Core().read_model(os.path.join(model, "plain.onnx"))
    quantized = nncf.quantize(plain, nncf.Dataset(papers, inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(papers))
    openvino.save_model(quantized, path, compress_to_fp16=False)


def matrix_units():
    """Whether this CPU multiplies bfloat16 on matrix units."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return "amx_bf16" in f.read().split()
    except OSError:
        return False


def ctranslate2_peer(model, texts):
    import ctranslate2
    import numpy as np

    built = os.path.join(model, "ctranslate2")
    if not os.path.exists(os.path.join(built, "model.bin")):
        ctranslate2.converters.TransformersConverter(model).convert(built, force=True)
    encoder = ctranslate2.Encoder(built, compute_type="float32", inter_threads=1, intra_threads=CORES)

    def forward(ids, mask):
        lengths = ctranslate2.StorageView.from_array(mask.sum(1).astype(np.int32))
        ids = ctranslate2.StorageView.from_array(ids.astype(np.int32))
        return np.array(encoder.forward_batch(ids, lengths).last_hidden_state)

    encoder_peer(model, texts, forward, True)


def torch_peer(model, texts, bf16=False):
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(CORES)
    word = models.Transformer(model, max_seq_length=256)
    pool = models.Pooling(word.get_word_embedding_dimension())
    st = SentenceTransformer(modules=[word, pool, models.Normalize()], device="cpu")

    def embed(texts, batch):
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            return st.encode(texts, batch_size=batch, show_progress_bar=False)

    serve(embed, texts)


def gemm_peak(_model, _texts):
    import numpy as np

    a, b = (np.random.default_rng(0).random((1536, 1536), dtype=np.float32) for _ in range(2))

    def embed(_texts, _batch):
        for _ in range(24):
            a @ b

    serve(embed, [])


PEERS = {
    "gemm": gemm_peak,
    "onnx": lambda m, t: onnx_peer(m, t, False),
    "onnx-sorted": lambda m, t: onnx_peer(m, t, True),
    "openvino-sorted": openvino_peer,
    "openvino-bf16-sorted": lambda m, t: openvino_peer(m, t, "bf16"),
    "openvino-int8-sorted": openvino_int8_peer,
    "ctranslate2-sorted": ctranslate2_peer,
    "sentence-transformers": torch_peer,
    "sentence-transformers-bf16": lambda m, t: torch_peer(m, t, True),
}

BATCHES = (
    ("sentence-transformers", 32),
    ("sentence-transformers-bf16", 32),
    ("onnx", 8),
    ("onnx", 32),
    ("onnx-sorted", 32),
    ("openvino-sorted", 32),
    ("openvino-bf16-sorted", 32),
    ("openvino-int8-sorted", 32),
    ("ctranslate2-sorted", 32),
    ("gemm", 1),
)


# ---- the driver ------------------------------------------------------------


class Contender:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ready = "benchworker" in command[0] or self.process.stdout.readline().strip() == "ready"

    def ask(self, what, lines=0):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        out = [json.loads(self.process.stdout.readline()) for _ in range(lines)]
        wall, cpu = map(float, self.process.stdout.readline().split())
        return (wall, cpu, out)


def listings(folder):
    """Title and abstract of each distinct paper of the listings, as akin reads them."""
    texts = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.txt"))):
        paragraphs = [p.strip() for p in open(path, encoding="utf-8").read().split("\n\n") if p.strip()]
        for title, abstract in zip(paragraphs, paragraphs[1:]):
            if len(title) < 250 and len(abstract) > 400:
                texts[title] = title + ". " + " ".join(abstract.split())
    return list(texts.values())


def mixed(texts):
    """The same texts cut to lengths that go from 16 to 256 tokens, shuffled by a fixed rule."""
    out = []
    for i, text in enumerate(texts):
        words = text.split()
        out.append(" ".join(words[: 10 + (i * 67) % 170]))
    return out


def spread(values):
    return "%.2f (%.2f–%.2f)" % (statistics.median(values), min(values), max(values))


def plain_graph(model):
    """A graph of ordinary operators, as exporters write it, built once."""
    path = os.path.join(model, "plain.onnx")
    if not os.path.exists(path):
        import plain_bert

        plain_bert.build(model, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker")
    parser.add_argument("--home", default=".akin")
    parser.add_argument("--texts", required=True, help="folder of listings, or a file of JSON strings for a peer")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer")
    args = parser.parse_args()
    model = os.path.join(args.home, "models", "all-minilm-l6-v2")
    if args.peer:
        PEERS[args.peer](model, [json.loads(line) for line in open(args.texts, encoding="utf-8")])
        return
    plain_graph(model)
    print("%d rounds, interleaved; %d cores; medians, with the least and the most.\n" % (args.rounds, CORES))
    for title, texts in (("Abstracts of 256 tokens", listings(args.texts)), ("Mixed lengths, 16 to 256 tokens", mixed(listings(args.texts)))):
        measure(args, model, title, texts)


def measure(args, model, title, texts):
    path = os.path.join(args.home, "bench-texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(t) + "\n" for t in texts)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    lengths = [len(e.ids) for e in tokenizer.encode_batch(texts)]
    tokens = sum(lengths)
    contenders = [(Contender("akin", [args.worker, "-home", args.home, "-texts", path]), "run 0")]
    int8 = [args.worker, "-home", args.home, "-texts", path, "-precision", "int8"]
    contenders.append((Contender("akin, int8 (opt-in)", int8), "run 0"))
    if matrix_units():
        contenders.append((Contender("akin, bf16", int8[:-1] + ["bf16"]), "run 0"))
    else:
        print("This CPU has no matrix units: bf16 is left out, of akin and of its peers.\n")
    for peer, batch in BATCHES:
        if "bf16" in peer and not matrix_units():
            continue
        command = [sys.executable, os.path.abspath(__file__), "--peer", peer, "--texts", path, "--home", args.home]
        c = Contender(peer if peer == "gemm" else "%s, batches of %d" % (peer, batch), command)
        if c.ready:
            contenders.append((c, "run %d" % batch))
        else:
            print("%s could not be started and is left out.\n" % peer)
    for c, run in contenders:
        c.ask(run)  # warm
    times = {c.name: [] for c, _ in contenders}
    for _ in range(args.rounds):
        for c, run in contenders:
            times[c.name].append(c.ask(run)[:2])
    report(title, texts, lengths, tokens, contenders, times)
    for c, _ in contenders:
        c.process.kill()


def report(title, texts, lengths, tokens, contenders, times):
    print("### %s: %d texts, %d tokens\n" % (title, len(texts), tokens))
    print("| | abstracts/s | tokens/s | ms of CPU per abstract | akin is faster by (CPU) | GFLOP/s per CPU-second | cosine to akin, least |")
    print("|---|---|---|---|---|---|---|")
    akin = times["akin"]
    flop = sum(flops(n) for n in lengths)
    reference = contenders[0][0].ask("vectors", len(texts))[2]
    for c, _ in contenders:
        t = times[c.name]
        wall, cpu = statistics.median(w for w, _ in t), statistics.median(x for _, x in t)
        if c.name == "gemm":
            print("| measured GEMM peak (numpy, 1536³) | | | | | %s | |" % spread([24 * 2 * 1536**3 / x / 1e9 for _, x in t]))
            continue
        ratio = spread([x / a for (_, x), (_, a) in zip(t, akin)])
        cosine = ""
        if c.name != "akin":
            vectors = c.ask("vectors", len(texts))[2]
            cosine = "%.6f" % min(sum(x * y for x, y in zip(a, b)) for a, b in zip(reference, vectors))
        print("| %s | %.1f | %.0f | %.1f | %s | %s | %s |" % (
            c.name, len(texts) / wall, tokens / wall, 1000 * cpu / len(texts), ratio if c.name != "akin" else "1",
            spread([flop / x / 1e9 for _, x in t]), cosine))
    print()


def flops(n, hidden=384, wide=1536, layers=6):
    """Multiply-adds of the encoder for a text of n tokens, times two."""
    return layers * (2 * n * hidden * (4 * hidden + 2 * wide) + 4 * n * n * hidden)


if __name__ == "__main__":
    main()
