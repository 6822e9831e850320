#!/usr/bin/env python3
"""Compares the precisions of akin on abstracts: CPU time, cosine to float32, and how
many of the ten nearest neighbours among them stay the same.

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
    parser.add_argument("--timed", type=int, default=24, help="texts of a round")
    args = parser.parse_args()
    texts = papers(args.papers, args.count)
    precisions = ["float32", "int8"] + (["bf16"] if matrix_units() else [])
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "texts.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(t) + "\n" for t in texts)
        workers = {p: Contender(p, [args.worker, "-home", args.home, "-texts", path, "-precision", p, "-threads", "1"]) for p in precisions}
        vectors = {p: np.array(w.ask("vectors", len(texts))[2], np.float32) for p, w in workers.items()}
        times = {p: [] for p in precisions}
        for turn in range(args.rounds):
            for p, w in workers.items():
                some = [(turn * args.timed + i) % len(texts) for i in range(args.timed)]
                times[p].append(sum(w.ask("one %d" % i)[1] for i in some) / len(some))
        for w in workers.values():
            w.process.kill()
    report(precisions, vectors, times, len(texts))


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


if __name__ == "__main__":
    main()
