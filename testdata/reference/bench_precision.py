#!/usr/bin/env python3
"""Compares the precisions of akin on abstracts: CPU time, also by the number of tokens,
cosine to float32, and how many of the ten nearest neighbours among them stay the same.

    python bench_precision.py --worker bin/benchworker --home .akin --papers abstracts.jsonl.gz

CPU times are medians over rounds, one precision after the other in each, of one text
after the other on one core. bf16 is left out where the CPU has no matrix units.
"""

import argparse
import gzip
import json
import os
import statistics
import tempfile

import numpy as np

from bench_embed import Contender, matrix_units, spread


def papers(path, count):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
        texts = (p["title"] + ". " + p["abstract"] for p in map(json.loads, f) if p.get("title") and p.get("abstract"))
        return [text for _, text in zip(range(count), texts)]


# The lengths that are timed: a query, and abstracts up to what the model takes.
LENGTHS = 32, 64, 128, 256


def cut(model, texts, each):
    """For each of LENGTHS, the beginnings of texts that have so many tokens, with the two
    that stand for beginning and end."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokens = tokenizer.encode_batch(texts, add_special_tokens=False)
    out = {}
    for length in LENGTHS:
        long = [(text, t.offsets[length - 3][1]) for text, t in zip(texts, tokens) if len(t.ids) >= length - 2]
        out[length] = [text[:end] for text, end in long[:each]]
    return out


def neighbours(vectors, k=10):
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    # In order of index where products are equal, so that a tie is no difference.
    return [set(row) for row in np.argsort(-products, axis=1, kind="stable")[:, :k].tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", required=True)
    parser.add_argument("--home", default=".akin")
    parser.add_argument("--papers", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timed", type=int, default=24, help="texts of a round, half as many of each length")
    args = parser.parse_args()
    texts = papers(args.papers, args.count)
    lengths = cut(os.path.join(args.home, "models", "all-minilm-l6-v2"), texts, max(args.timed // 2, 1))
    everything = texts + [text for some in lengths.values() for text in some]
    at = {}  # the numbers of the texts of a length
    for length, some in lengths.items():
        begin = len(texts) + sum(len(x) for n, x in lengths.items() if n < length)
        at[length] = range(begin, begin + len(some))
    precisions = ["float32", "int8"] + (["bf16"] if matrix_units() else [])
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "texts.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(t) + "\n" for t in everything)
        workers = {p: Contender(p, [args.worker, "-home", args.home, "-texts", path, "-precision", p, "-threads", "1"]) for p in precisions}
        vectors = {p: np.array(w.ask("vectors", len(everything))[2][: len(texts)], np.float32) for p, w in workers.items()}
        times = {p: [] for p in precisions}
        by_length = {(p, n): [] for p in precisions for n in at}
        for turn in range(args.rounds):
            for p, w in workers.items():
                some = [(turn * args.timed + i) % len(texts) for i in range(args.timed)]
                times[p].append(sum(w.ask("one %d" % i)[1] for i in some) / len(some))
            for length, some in at.items():  # in turn, so that what else runs hits all alike
                for p, w in workers.items():
                    by_length[p, length].append(sum(w.ask("one %d" % i)[1] for i in some) / len(some))
        for w in workers.values():
            w.process.kill()
    report(precisions, vectors, times, len(texts))
    report_lengths(precisions, by_length)


def report(precisions, vectors, times, count):
    exact = vectors["float32"]
    near = neighbours(exact)
    print("%d abstracts; this CPU has %smatrix units\n" % (count, "" if matrix_units() else "no "))
    print("| precision | ms of CPU a text | of float32 | cosine mean / least | top-10 overlap |")
    print("|---|---|---|---|---|")
    for p in precisions:
        cosines = (exact * vectors[p]).sum(axis=1)
        kept = statistics.mean(len(a & b) for a, b in zip(near, neighbours(vectors[p]))) * 10
        share = [x / y for x, y in zip(times[p], times["float32"])]
        print("| %s | %.1f | %s | %.5f / %.5f | %.1f %% |" % (
            p, 1000 * statistics.median(times[p]), spread(share), cosines.mean(), cosines.min(), kept))


def report_lengths(precisions, times):
    print("\n| tokens | " + " | ".join("%s, ms of CPU" % p for p in precisions) + " | " + " | ".join("float32 ÷ %s" % p for p in precisions[1:]) + " |")
    print("|---" * (2 * len(precisions)) + "|")
    for length in LENGTHS:
        gains = [spread([x / y for x, y in zip(times["float32", length], times[p, length])]) for p in precisions[1:]]
        print("| %d | %s | %s |" % (length, " | ".join("%.1f" % (1000 * statistics.median(times[p, length])) for p in precisions), " | ".join(gains)))


if __name__ == "__main__":
    main()
