"""Measures akin's lexical index beside its peers, over the same papers.

Each engine is a process of its own that builds its index once; then all answer
the same queries in turn, in small batches, so that what else the machine does
hits them alike. Prints a Markdown table. Every engine uses one thread for a query.
"""

import argparse
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

BATCH = 10


def papers_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def resident_mb():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1e3
    return 0


def size_mb(folder):
    return sum(os.path.getsize(os.path.join(root, name)) for root, _, names in os.walk(folder) for name in names) / 1e6


class Tantivy:
    """English stems, title and abstract as two fields, the title boosted."""

    def __init__(self, papers, folder):
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("ordinal", stored=True)
        for field in ("title", "abstract"):
            schema.add_text_field(field, tokenizer_name="en_stem")
        self.index = tantivy.Index(schema.build(), path=folder)
        writer = self.index.writer(heap_size=256_000_000, num_threads=1)
        for i, paper in enumerate(papers):
            writer.add_document(tantivy.Document(ordinal=i, title=paper["title"], abstract=paper["abstract"]))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()

    def search(self, text, k):
        words = " ".join(w for w in re.findall(r"\w+", text) if w not in ("AND", "OR", "NOT", "IN", "TO"))
        query = self.index.parse_query(words, ["title", "abstract"], field_boosts={"title": 3.0})
        return len(self.searcher.search(query, k, count=False).hits)


class BM25S:
    """bm25s as it comes: scores are computed when the index is built."""

    def __init__(self, papers, folder):
        import bm25s

        self.bm25s = bm25s
        tokens = bm25s.tokenize([p["title"] + " " + p["abstract"] for p in papers], stopwords="en", show_progress=False)
        self.index = bm25s.BM25()
        self.index.index(tokens, show_progress=False)
        self.index.save(folder)

    def search(self, text, k):
        tokens = self.bm25s.tokenize([text], stopwords="en", show_progress=False)
        found, _ = self.index.retrieve(tokens, k=k, show_progress=False, n_threads=0)
        return found.shape[1]


def work(name, path, folder):
    papers = papers_of(path)
    start = time.perf_counter()
    engine = {"tantivy": Tantivy, "bm25s": BM25S}[name](papers, folder)
    built = time.perf_counter() - start
    del papers
    print(json.dumps({"build_s": built, "disk_mb": size_mb(folder), "rss_mb": resident_mb()}), flush=True)
    for line in sys.stdin:
        batch = json.loads(line)
        times = []
        for text in batch["texts"]:
            start = time.perf_counter()
            engine.search(text, batch["k"])
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"ms": times}), flush=True)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--papers", required=True)
    args.add_argument("--worker", help="the benchbleve program")
    args.add_argument("--queries", type=int, default=200)
    args.add_argument("--k", type=int, default=100)
    args.add_argument("--engine", help=argparse.SUPPRESS)
    args.add_argument("--dir", help=argparse.SUPPRESS)
    args = args.parse_args()
    if args.engine:
        return work(args.engine, args.papers, args.dir)
    papers = papers_of(args.papers)
    chosen = random.Random(1).sample([p for p in papers if len(p["abstract"].split()) >= 150], args.queries)
    kinds = {
        "title": [p["title"] for p in chosen],
        "150 words": [" ".join(p["abstract"].split()[:150]) for p in chosen],
    }
    with tempfile.TemporaryDirectory() as scratch:
        measure(args, kinds, scratch, len(papers))


def measure(args, kinds, scratch, count):
    commands = {
        "akin": [args.worker, "-engine", "akin", "-papers", args.papers, "-dir"],
        "bleve 2.5.7": [args.worker, "-engine", "bleve", "-papers", args.papers, "-dir"],
        "tantivy 0.27.0": [sys.executable, __file__, "--engine", "tantivy", "--papers", args.papers, "--dir"],
        "bm25s 0.3.16": [sys.executable, __file__, "--engine", "bm25s", "--papers", args.papers, "--dir"],
    }
    workers, facts, times = {}, {}, {}
    for i, (name, command) in enumerate(commands.items()):
        folder = os.path.join(scratch, str(i))
        os.mkdir(folder)
        workers[name] = subprocess.Popen(command + [folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "GOMAXPROCS": "2"})
        facts[name] = json.loads(workers[name].stdout.readline())
        print(name, facts[name], file=sys.stderr, flush=True)
    for kind, texts in kinds.items():
        for at in range(0, len(texts), BATCH):
            for name, worker in workers.items():
                worker.stdin.write(json.dumps({"texts": texts[at:at + BATCH], "k": args.k}) + "\n")
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                if at > 0:  # the first batch warms up
                    times.setdefault((name, kind), []).extend(answer["ms"])
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    report(args, facts, times, list(kinds), count)


def report(args, facts, times, kinds, count):
    print(f"{count} papers, the best {args.k}, {args.queries - BATCH} queries of each kind, one at a time.\n")
    heads = [f"{kind}: p50 / p95 / p99, ms" for kind in kinds]
    print("| | build, s | files, MB | resident, MB | " + " | ".join(heads) + " |")
    print("|---" * (4 + len(kinds)) + "|")
    for name, fact in facts.items():
        cells = [" / ".join(f"{percentile(times[name, kind], p):.2f}" for p in (.5, .95, .99)) for kind in kinds]
        print(f"| {name} | {fact['build_s']:.1f} | {fact['disk_mb']:.0f} | {fact['rss_mb']:.0f} | " + " | ".join(cells) + " |")
    for kind in kinds:
        base = statistics.median(times["akin", kind])
        ratios = ", ".join(f"{name} {statistics.median(times[name, kind]) / base:.1f}" for name in facts if name != "akin")
        print(f"\nTimes of the median relative to akin, {kind}: {ratios}.")


if __name__ == "__main__":
    main()
