#!/usr/bin/env python3
"""Measures the batch job: akin embed from a file of papers to files of vectors,
beside the bare embedding rate and beside sentence-transformers over the same
file, interleaved in one run. Prints Markdown.

    python bench_job.py --akin bin/akin --worker bin/benchworker --home .akin --papers abstracts.jsonl.gz
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

CORES = os.cpu_count() or 1


def peer(model, papers, out):
    """What a data engineer would write: read, encode, save."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(CORES)
    word = models.Transformer(model, max_seq_length=256)
    st = SentenceTransformer(modules=[word, models.Pooling(word.get_word_embedding_dimension()), models.Normalize()], device="cpu")
    rows = [json.loads(line) for line in open(papers, encoding="utf-8")]
    vectors = st.encode([r["title"] + ". " + r["abstract"] for r in rows], batch_size=32, show_progress_bar=False)
    np.save(os.path.join(out, "peer.npy"), vectors)


def run(command):
    """Wall and CPU seconds and peak memory in MiB of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("%s failed with status %d" % (command[0], status))
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def spread(values, digits=2):
    return "%.*f (%.*f–%.*f)" % (digits, statistics.median(values), digits, min(values), digits, max(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--akin")
    parser.add_argument("--worker")
    parser.add_argument("--home", default=".akin")
    parser.add_argument("--papers", required=True)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    args = parser.parse_args()
    model = os.path.join(args.home, "models", "all-minilm-l6-v2")
    if args.peer:
        peer(model, args.papers, args.peer)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(args, folder)


def measure(args, folder):
    papers, texts = os.path.join(folder, "papers.jsonl"), os.path.join(folder, "texts.jsonl")
    with gzip.open(args.papers, "rt", encoding="utf-8") as src, open(papers, "w") as p, open(texts, "w") as t:
        kept = 0
        for line in src:
            row = json.loads(line)
            if not row.get("abstract"):
                continue
            p.write(json.dumps({k: row[k] for k in ("id", "title", "abstract")}) + "\n")
            t.write(json.dumps(row["title"] + ". " + row["abstract"]) + "\n")
            kept += 1
            if kept == args.count:
                break
    worker = subprocess.Popen([args.worker, "-home", args.home, "-texts", texts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def bare():
        worker.stdin.write("run 0\n")
        worker.stdin.flush()
        return tuple(map(float, worker.stdout.readline().split())) + (0,)

    out = os.path.join(folder, "out")

    def job():
        shutil.rmtree(out, ignore_errors=True)
        return run([args.akin, "embed", papers, "--out", out, "--home", args.home, "--write", "npy,parquet"])

    def again():
        return run([args.akin, "embed", papers, "--out", out, "--home", args.home, "--write", "npy,parquet"])

    def sentence_transformers():
        return run([sys.executable, os.path.abspath(__file__), "--papers", papers, "--home", args.home, "--peer", folder])

    contenders = {"bare embedding (no reading, no writing, model loaded)": bare, "akin embed": job, "akin embed again, nothing new": again, "sentence-transformers script": sentence_transformers}
    times = {name: [] for name in contenders}
    for _ in range(args.rounds):
        for name, f in contenders.items():
            times[name].append(f())
    print("%d papers, %d rounds, interleaved; %d cores; medians, with the least and the most. Whole processes, start included.\n" % (kept, args.rounds, CORES))
    print("| | papers/s | CPU seconds | CPU of the bare rate ÷ its own | peak memory, MiB |")
    print("|---|---|---|---|---|")
    base = times["bare embedding (no reading, no writing, model loaded)"]
    for name, t in times.items():
        share = spread([b[1] / x[1] for b, x in zip(base, t)])
        memory = "%.0f" % max(x[2] for x in t) if t[0][2] else ""
        print("| %s | %s | %s | %s | %s |" % (name, spread([kept / x[0] for x in t], 1), spread([x[1] for x in t], 1), share if "again" not in name else "", memory))
    worker.kill()


if __name__ == "__main__":
    main()
