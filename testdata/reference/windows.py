#!/usr/bin/env python3
"""Scores a text policy that akin does not have: windows, averaged.

Title and abstract are cut at spaces into as few windows as fit, of about equal
length; a paper's vector is the mean of their vectors, weighted by their tokens
and normalised. The vectors are akin's (`akin embed`), rankings are scored by
pytrec_eval as `akin eval` does: 95 % bootstrap intervals, and the paired
interval of the difference to the first size.

    make build
    python testdata/reference/windows.py --sizes 0,256,128 DATASET…

A size is the most tokens of a window, [CLS] and [SEP] included; 0 is akin's own
policy, the text cut where the model's max_tokens says. Needs what
testdata/reference/requirements.txt has.
"""

import argparse
import gzip
import json
import math
import os
import resource
import subprocess
import tempfile

import numpy as np
import pytrec_eval

DEPTH = 1000  # ranks that are scored, as in akin eval
CHUNK = 256  # texts for one call of akin embed: more than the embedding queue has tokens for is refused


def lines(folder, name):
    path = os.path.join(folder, name)
    with (open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz")) as f:
        return f.read().decode().split("\n")


class Akin:
    """The program, for tokens and for vectors; it notes the CPU time of the latter."""

    def __init__(self, args):
        self.command, self.flags = args.akin, ["--home", args.home]
        if args.model_dir:
            self.flags += ["--model-dir", args.model_dir]

    def offsets(self, texts):
        """Where the tokens of each text start and end, in bytes; specials left out."""
        made = subprocess.run(
            [self.command, "tokenize", "--json", "--detail", "--max-tokens", "0"] + self.flags,
            input="".join(json.dumps(t) + "\n" for t in texts), stdout=subprocess.PIPE, check=True, text=True)
        return [json.loads(line)["offsets"][1:-1] for line in made.stdout.splitlines()]

    def vectors(self, texts):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        made = np.concatenate([self.embed(texts[at : at + CHUNK]) for at in range(0, len(texts), CHUNK)])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return made

    def embed(self, texts):
        with tempfile.TemporaryDirectory() as folder:
            path, out = os.path.join(folder, "texts.jsonl"), os.path.join(folder, "out")
            with open(path, "w", encoding="utf-8") as f:
                # Where there is no title, the template is left out.
                f.writelines(json.dumps({"id": str(i), "abstract": t}) + "\n" for i, t in enumerate(texts))
            subprocess.run([self.command, "embed", path, "--out", out] + self.flags, capture_output=True, check=True)
            with open(os.path.join(out, "ids.txt"), encoding="utf-8") as f:
                assert f.read().split() == [str(i) for i in range(len(texts))]
            return np.load(os.path.join(out, "embeddings.npy"))


def cut(text, offsets, size):
    """The windows of a text and the number of tokens in each."""
    if size == 0 or len(offsets) <= size - 2:
        return [(text, len(offsets))]
    raw, words = text.encode(), []
    for start, end in offsets:
        if words and words[-1][1] == start:  # no space between them
            words[-1][1:] = end, words[-1][2] + 1
        else:
            words.append([start, end, 1])
    least = math.ceil(len(offsets) / (size - 2))
    for count in range(least, max(least, len(words)) + 1):
        windows, at = [[] for _ in range(count)], 0
        for word in words:
            windows[at * count // len(offsets)].append(word)
            at += word[2]
        windows = [w for w in windows if w]
        if all(sum(n for _, _, n in w) <= size - 2 for w in windows):
            break
    return [(raw[w[0][0] : w[-1][1]].decode(), sum(n for _, _, n in w)) for w in windows]


class Dataset:
    def __init__(self, folder):
        self.name = os.path.basename(os.path.normpath(folder))
        papers = [json.loads(line) for line in lines(folder, "corpus.jsonl") if line]
        self.texts = {p["id"]: ". ".join(t for t in (p["title"].strip(), p["abstract"].strip()) if t) for p in papers}
        self.texts = {i: t for i, t in self.texts.items() if t}
        self.queries = {q["id"]: q for q in map(json.loads, filter(None, lines(folder, "queries.jsonl")))}
        self.qrels = {}
        for line in filter(None, lines(folder, "qrels.tsv")):
            query, paper, grade = line.split("\t")
            if self.queries[query].get("paper_id") != paper:  # no answer to itself
                self.qrels.setdefault(query, {})[paper] = int(grade)
        self.qrels = {q: judged for q, judged in self.qrels.items() if max(judged.values()) > 0}
        if all("facet" in self.queries[q] for q in self.qrels):  # only what was judged is ranked
            ranked = {i for q in self.qrels for i in [self.queries[q]["paper_id"], *self.qrels[q]]}
            self.texts = {i: t for i, t in self.texts.items() if i in ranked}

    def run(self, papers, queries):
        """Rankings: of the judged papers where the query has a facet, else of all."""
        ids, rankings = list(papers), {}
        matrix = np.array([papers[i] for i in ids])
        for q in self.qrels:
            query = self.queries[q]
            if "facet" in query:
                pool = [i for i in self.qrels[q] if i in papers]
                rankings[q] = {i: float(papers[i] @ papers[query["paper_id"]]) for i in pool}
            else:
                scores = matrix @ (queries[query["text"]] if "text" in query else papers[query["paper_id"]])
                best = np.argsort(-scores, kind="stable")[: DEPTH + 1]
                rankings[q] = {ids[i]: float(scores[i]) for i in best if ids[i] != query.get("paper_id")}
        return rankings

    def score(self, rankings):
        """Per metric, a value for each query."""
        cuts = {q: max(1, len(judged) // 5) for q, judged in self.qrels.items()}
        wanted = {"map", "recip_rank", "recall.100", "ndcg_cut." + ",".join(map(str, sorted({10, *cuts.values()})))}
        values = pytrec_eval.RelevanceEvaluator(self.qrels, wanted).evaluate(rankings)
        metrics = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "MAP": "map", "MRR": "recip_rank"}
        made = {name: np.array([values[q][key] for q in self.qrels]) for name, key in metrics.items()}
        if all("facet" in self.queries[q] for q in self.qrels):
            made["nDCG%20"] = np.array([values[q]["ndcg_cut_%d" % cuts[q]] for q in self.qrels])
        return made


def interval(values):
    random = np.random.default_rng(1)
    means = [values[random.integers(len(values), size=len(values))].mean() for _ in range(10000)]
    return "[%.3f, %.3f]" % tuple(np.percentile(means, [2.5, 97.5]))


def measure(akin, data, sizes, queries, offsets):
    windows = {size: {i: cut(t, offsets[i], size) for i, t in data.texts.items()} for size in sizes}
    # What several sizes have in common is embedded once.
    texts = list({t: None for size in sizes for parts in windows[size].values() for t, _ in parts})
    at = {t: i for i, t in enumerate(texts)}
    made = akin.vectors(texts)
    print("%s: %d papers, %d texts, %.0f s of CPU" % (data.name, len(data.texts), len(texts), akin.seconds), flush=True)
    first = None
    for size in sizes:
        papers = {}
        for i, parts in windows[size].items():
            v = sum(n * made[at[t]].astype(np.float64) for t, n in parts)
            papers[i] = v / np.linalg.norm(v)
        values = data.score(data.run(papers, queries))
        first = first or values
        for name, v in values.items():
            change = "" if v is first[name] else "  change %+.4f %s" % ((v - first[name]).mean(), interval(v - first[name]))
            print("  %3d tokens, %d texts  %-8s %.4f %s%s" % (
                size, sum(map(len, windows[size].values())), name, v.mean(), interval(v), change), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--akin", default="bin/akin")
    parser.add_argument("--home", default=".akin")
    parser.add_argument("--model-dir", help="as akin has it: where akin.json names another max_tokens")
    parser.add_argument("--sizes", default="0,256")
    parser.add_argument("datasets", nargs="+")
    args = parser.parse_args()
    akin, sizes = Akin(args), [int(n) for n in args.sizes.split(",")]
    for folder in args.datasets:
        data = Dataset(folder)
        texts = list({q["text"]: None for q in data.queries.values() if "text" in q})
        queries = dict(zip(texts, akin.vectors(texts).astype(np.float64))) if texts else {}
        offsets = dict(zip(data.texts, akin.offsets(data.texts.values())))
        measure(akin, data, sizes, queries, offsets)


if __name__ == "__main__":
    main()
