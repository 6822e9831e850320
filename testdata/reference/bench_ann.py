#!/usr/bin/env python3
"""Measures akin's nearest-neighbour index beside its peers, interleaved in one run.

Each contender is a process that holds its index and answers the same queries
whenever it is told to, one thread, so that what the machine does meanwhile hits
all alike. After the curves come filtered queries, and the same queries after a
fifth of the vectors was deleted. Prints Markdown (medians over the rounds, with
the spread) and, with --svg, draws the curves of the first set.

    python bench_ann.py --worker bin/annworker --vectors abstracts.f16.npy
    python bench_ann.py --worker bin/annworker --vectors abstracts.f16.npy --sample 20000
    python bench_ann.py --worker bin/annworker --synthetic 100000

Peers that are not installed are left out, and the table says so.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

K = 10
QUERIES = 1000
EFS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256)
# What it takes among so many more for the same recall.
LARGE, LARGE_EFS = 500_000, (40, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
PROBES = (4, 8, 16, 32, 64, 128)
KEPT = (50, 10, 1)  # percent, by filters
DELETED = 0.2
CODER_MOST = 20_000  # vectors; its recall falls further beyond


# ---- the contenders, each in a process of its own -------------------------


def rss():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


class Hnswlib:
    settings, setting = EFS, 64

    def build(self, x, threads):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=x.shape[1])
        self.index.init_index(len(x), M=16, ef_construction=200)
        self.index.add_items(x, num_threads=threads)

    def search(self, q, ef):
        self.index.set_ef(max(ef, K))
        return self.index.knn_query(q, k=K, num_threads=1)[0]

    def delete(self, ids):
        for i in ids:
            self.index.mark_deleted(i)


class Usearch:
    settings, setting = EFS, 64

    def build(self, x, threads):
        from usearch.index import Index

        self.index = Index(ndim=x.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200)
        self.index.add(np.arange(len(x)), x, threads=threads)

    def search(self, q, ef):
        self.index.expansion_search = ef
        return self.index.search(q, K, threads=1).keys

    def delete(self, ids):
        self.index.remove(ids.astype(np.uint64), threads=1)


class Faiss:
    settings, setting = PROBES, 64

    def build(self, x, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        lists = 512 if len(x) < 200_000 else 2048
        self.index = faiss.index_factory(x.shape[1], "IVF%d,Flat" % lists, faiss.METRIC_INNER_PRODUCT)
        self.index.train(x)
        self.index.add(x)

    def search(self, q, ef):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index.nprobe = ef
        return self.index.search(q, K)[1]

    def keep(self, ids, size):
        import faiss

        mask = np.zeros(size, bool)
        mask[ids] = True
        self.bitmap = np.packbits(mask, bitorder="little")
        self.selector = faiss.IDSelectorBitmap(self.bitmap)

    def filtered(self, q, ef):
        import faiss

        faiss.omp_set_num_threads(1)
        return self.index.search(q, K, params=faiss.SearchParametersIVF(sel=self.selector, nprobe=ef))[1]

    def delete(self, ids):
        import faiss

        self.index.remove_ids(faiss.IDSelectorBatch(ids.astype(np.int64)))


class FaissFastScan:
    """Products of 4 bits, compared in registers, and float32 for what they find."""

    settings, setting = PROBES, 64

    def build(self, x, threads):
        import faiss

        faiss.omp_set_num_threads(threads)
        lists = 512 if len(x) < 200_000 else 2048
        self.index = faiss.index_factory(x.shape[1], "IVF%d,PQ%dx4fs,RFlat" % (lists, x.shape[1] // 2), faiss.METRIC_INNER_PRODUCT)
        self.index.train(x)
        self.index.add(x)

    def search(self, q, ef):
        import faiss

        faiss.omp_set_num_threads(1)
        inner = faiss.SearchParametersIVF(nprobe=ef)
        return self.index.search(q, K, params=faiss.IndexRefineSearchParameters(k_factor=8, base_index_params=inner))[1]


class SVS:
    """Intel's Scalable Vector Search: Vamana over LVQ4x8, without float32. Its LVQ refuses
    the machines of other makers, where it is left out."""

    settings, setting = EFS, 64

    def __init__(self):
        self.build(np.eye(64, dtype=np.float32), 1)  # ends the process where it is refused

    def build(self, x, threads):
        import svs

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.fvecs")
            svs.write_vecs(x, path)
            loader = svs.LVQLoader(svs.VectorDataLoader(path, svs.DataType.float32, dims=x.shape[1]), primary=4, residual=8)
            params = svs.VamanaBuildParameters(alpha=0.95, graph_max_degree=32, window_size=200)
            self.index = svs.Vamana.build(params, loader, svs.DistanceType.MIP, num_threads=threads)
        self.index.num_threads = 1

    def search(self, q, ef):
        self.index.search_window_size = ef
        return self.index.search(q, K)[0]


PEERS = {"hnswlib": Hnswlib, "usearch": Usearch, "faiss": Faiss, "faiss-fastscan": FaissFastScan, "svs": SVS}


def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def recall(found, truth):
    return sum(len(set(map(int, a)) & set(map(int, b))) for a, b in zip(found, truth)) / truth.size


def serve(peer, folder):
    """Answers the commands that internal/ann/benchworker has, as far as the peer can."""
    load = lambda name: np.fromfile(os.path.join(folder, name), np.uint32)
    d = int(load("dimension")[0])
    x, q = load("base").view(np.float32).reshape(-1, d), load("queries").view(np.float32).reshape(-1, d)
    truths = lambda name: load(name).reshape(-1, K)
    contender, memory, against = PEERS[peer](), 0, truths("truth")
    print("ready", flush=True)
    for line in sys.stdin:
        command, *args = line.split()
        if command == "filter":
            contender.keep(load("kept-" + args[0]), len(x))
        value, found, before = 0.0, None, rss()
        begin, spent = time.perf_counter(), cpu()
        if command == "build":
            contender.build(x, int(args[0]))
        elif command == "search":
            found = contender.search(q, int(args[0]))
        elif command == "filter":
            found = contender.filtered(q, int(args[1]))
        elif command == "delete":
            contender.delete(load("deleted"))
        wall, spent = time.perf_counter() - begin, cpu() - spent
        if command == "build":
            memory = memory or (rss() - before) / len(x)  # what is freed is not given back
        elif command == "delete":
            against = truths("truth-left")
        elif command == "memory":
            value = memory
        elif found is not None:
            value = recall(found, truths("truth-" + args[0]) if command == "filter" else against)
        print("%.6f %.6f %.6f" % (wall, spent, value), flush=True)


# ---- the driver ------------------------------------------------------------


class Contender:
    def __init__(self, name, command, peer, greets):
        self.name, self.settings, self.setting = name, peer.settings, peer.setting
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "GOMAXPROCS": "2"})
        self.ready = not greets or any(line.strip() == "ready" for line in self.process.stdout)  # libraries greet, too

    def ask(self, what):
        """Gives wall seconds, CPU seconds and a value."""
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return tuple(map(float, self.process.stdout.readline().split()))


def real(path, sample):
    """The vectors but for the queries: all, or so many that are spread evenly."""
    x = np.load(path).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    order = np.random.default_rng(7).permutation(len(x))
    chosen = np.sort(order[:QUERIES])
    mask = np.ones(len(x), bool)
    mask[chosen] = False
    base = x[mask]
    if sample:
        base = base[np.arange(sample) * len(base) // sample]
    return base, x[chosen]


def synthetic(n, d=384, clusters=200, rank=60):
    """Unit vectors in clusters of low rank, as embeddings of texts lie."""
    g = np.random.default_rng(11)
    centres = g.standard_normal((clusters, d), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    bases = g.standard_normal((clusters, rank, d), dtype=np.float32) / np.sqrt(d)
    out = np.empty((n + QUERIES, d), np.float32)
    of = g.integers(clusters, size=n + QUERIES)
    for c in range(clusters):
        at = np.flatnonzero(of == c)
        out[at] = centres[c] + g.standard_normal((len(at), rank), dtype=np.float32) @ bases[c] * 0.15
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out[:n], out[n:]


def truth(x, q, ids=None):
    """The K nearest of each query, among the vectors of ids."""
    if ids is not None:
        return ids[truth(x[ids], q)]
    best = np.empty((len(q), K), np.uint32)
    for at in range(0, len(q), 100):
        scores = q[at : at + 100] @ x.T
        best[at : at + 100] = np.argpartition(-scores, K, axis=1)[:, :K]
    return best


def write(folder, x, q):
    """Writes what all contenders read."""
    g = np.random.default_rng(13)
    order = g.permutation(len(x)).astype(np.uint32)
    deleted, left = order[: int(DELETED * len(x))], np.sort(order[int(DELETED * len(x)) :])
    data = {"dimension": np.array([x.shape[1]], np.uint32), "base": x, "queries": q, "truth": truth(x, q)}
    data |= {"deleted": deleted, "truth-left": truth(x, q, left)}
    for percent in KEPT:
        kept = np.sort(g.permutation(len(x)).astype(np.uint32)[: len(x) * percent // 100])
        data |= {"kept-%d" % percent: kept, "truth-%d" % percent: truth(x, q, kept)}
    for name, values in data.items():
        values.tofile(os.path.join(folder, name))


def spread(values, form="%.0f"):
    return (form + " (" + form + "–" + form + ")") % (statistics.median(values), min(values), max(values))


def contenders(args, folder, x):
    worker = [args.worker, "-dimension", str(x.shape[1]), "-folder", folder]
    yield Contender("akin", worker + (["-profile", args.profile] if args.profile else []), Hnswlib, False)
    if "akin-plain" in args.only:
        yield Contender("akin, float32 alone", worker + ["-plain"], Hnswlib, False)
    if "akin-lvq" in args.only:
        yield Contender("akin, LVQ", worker + ["-lvq"], Hnswlib, False)
    if "coder" in args.only and len(x) <= CODER_MOST:
        yield Contender("coder/hnsw", worker + ["-coder"], Hnswlib, False)
    for peer in PEERS:
        if peer not in args.only.split(","):
            continue
        c = Contender(peer, [sys.executable, os.path.abspath(__file__), "--peer", peer, "--folder", folder], PEERS[peer], True)
        if c.ready:
            yield c
        else:
            print("%s could not be started and is left out.\n" % peer)


def measure(args, title, x, q):
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        write(folder, x, q)
        all_ = list(contenders(args, folder, x))
        for c in all_:
            if len(x) >= LARGE and c.settings is EFS:
                c.settings = LARGE_EFS
        print("### %s: %d vectors of %d dimensions, %d queries\n" % (title, len(x), x.shape[1], len(q)))
        builds(args, all_, len(x))
        curves = searches(args, all_, len(q))
        report(curves)
        files(all_[0])
        filters(args, all_)
        deletes(args, all_, int(DELETED * len(x)))
        if args.svg:
            draw(args.svg, title, curves)
            args.svg = None
        for c in all_:
            c.process.stdin.close()
            c.process.wait()


def builds(args, all_, n):
    print("| M = 16, efConstruction = 200 | vectors per CPU-second | 2 threads, × 1 in wall time | bytes per vector |")
    print("|---|---|---|---|")
    rates = {c.name: [] for c in all_}
    double = {c.name: [] for c in all_}
    for _ in range(args.builds):
        for c in all_:
            one = c.ask("build 1")
            rates[c.name].append(n / one[1])
            if args.threads:
                double[c.name].append(one[0] / c.ask("build 2")[0])
    for c in all_:
        print("| %s | %s | %s | %.0f |" % (c.name, spread(rates[c.name]), spread(double[c.name], "%.2f") if args.threads else "", c.ask("memory")[2]))
    print(flush=True)


def searches(args, all_, n):
    """Gives, by contender and setting, recall and the rates of all rounds."""
    curves = {c.name: {s: [0, []] for s in c.settings} for c in all_}
    for _ in range(args.rounds):
        for at in range(len(EFS)):
            for c in all_:
                if at < len(c.settings):
                    s = c.settings[at]
                    _, spent, recall = c.ask("search %d" % s)
                    curves[c.name][s][0] = recall
                    curves[c.name][s][1].append(n / spent)
    return curves


def report(curves):
    print("| efSearch (nprobe) | " + " | ".join("%s: recall@10 | queries per CPU-second" % c for c in curves) + " |")
    print("|---|" + "---|---|" * len(curves))
    rows = max(len(s) for s in curves.values())
    for at in range(rows):
        cells = []
        for settings in curves.values():
            if at < len(settings):
                recall, rates = list(settings.values())[at]
                cells.append("%.4f | %s" % (recall, spread(rates)))
            else:
                cells.append(" | ")
        labels = [str(list(s)[at]) for s in curves.values() if at < len(s)]
        print("| %s | %s |" % (" ".join(dict.fromkeys(labels)), " | ".join(cells)))
    print("\n| at recall@10 | " + " | ".join(curves) + " | akin is faster by |")
    print("|---|" + "---|" * (len(curves) + 1))
    for target in (0.90, 0.95, 0.98, 0.99, 0.995):
        at = {c: interpolate(s, target) for c, s in curves.items()}
        others = ", ".join("%.2f× (%s)" % (at["akin"] / v, c) for c, v in at.items() if c != "akin" and v and at["akin"])
        print("| %.3f | %s | %s |" % (target, " | ".join("%.0f" % v if v else "–" for v in at.values()), others))
    print(flush=True)


def interpolate(settings, target):
    """The median rate at a recall, log-linear between the settings beside it."""
    points = sorted((recall, statistics.median(rates)) for recall, rates in settings.values())
    for (r0, q0), (r1, q1) in zip(points, points[1:]):
        if r0 <= target <= r1 and r1 > r0:
            part = (target - r0) / (r1 - r0)
            return q0 ** (1 - part) * q1**part
    return None


def files(akin):
    """Saves and opens akin's graph, and searches with the vectors left in the file."""
    saved, mapped = akin.ask("save"), akin.ask("open")
    small, walked = akin.ask("memory")[2], akin.ask("search 64")
    walked = akin.ask("search 64")
    read = akin.ask("read")
    print("| akin's file | seconds | bytes per vector | queries per CPU-second, efSearch 64 |")
    print("|---|---|---|---|")
    print("| save | %.2f | | |" % saved[0])
    print("| open, vectors mapped | %.3f | %.0f | %.0f |" % (mapped[0], small, QUERIES / walked[1]))
    print("| open, all in memory | %.3f | %.0f | %.0f |\n" % (read[0], akin.ask("memory")[2], QUERIES / akin.ask("search 64")[1]), flush=True)


def filters(args, all_):
    """Filters that keep a share at random, the same for all queries. hnswlib asks a
    function of Python about every candidate, which would measure Python, and usearch
    has no filters in Python: they are left out."""
    akin, faiss = all_[0], [c for c in all_ if c.name == "faiss"]
    ways = [("akin, its plan", akin, 128), ("akin, scan of what is kept", akin, 0)] + [("faiss, nprobe %d" % probes, c, probes) for c in faiss for probes in (64, 256)]
    print("| kept at random | " + " | ".join("%s: recall@10 | queries per CPU-second" % name for name, _, _ in ways) + " |")
    print("|---|" + "---|---|" * len(ways))
    for percent in KEPT:
        rates, recalls = [[] for _ in ways], [0] * len(ways)
        for turn in range(args.rounds):
            for at in range(len(ways))[:: -1 if turn % 2 else 1]:
                _, c, setting = ways[at]
                _, spent, recalls[at] = c.ask("filter %d %d" % (percent, setting))
                rates[at].append(QUERIES / spent)
        print("| %d %% | %s |" % (percent, " | ".join("%.4f | %s" % (r, spread(s)) for r, s in zip(recalls, rates))))
    print(flush=True)


def deletes(args, all_, n):
    """Deletes a fifth at random and searches for what is left."""
    all_ = [c for c in all_ if c.name not in ("coder/hnsw", "akin, float32 alone", "akin, LVQ", "faiss-fastscan", "svs")]
    print("| %d deleted | deletes per CPU-second | recall@10 before | after | queries per CPU-second before | after |" % n)
    print("|---|---|---|---|---|---|")
    before, after, deleted = {}, {}, {}
    for rates in (before, after):
        for _ in range(args.rounds):
            for c in all_:
                _, spent, recall = c.ask("search %d" % c.setting)
                rates.setdefault(c.name, [recall, []])[1].append(QUERIES / spent)
        if rates is before:
            deleted = {c.name: n / c.ask("delete")[1] for c in all_}
    for c in all_:
        (r0, q0), (r1, q1) = before[c.name], after[c.name]
        name = "%s, %s %d" % (c.name, "nprobe" if c.name == "faiss" else "efSearch", c.setting)
        print("| %s | %.0f | %.4f | %.4f | %s | %s |" % (name, deleted[c.name], r0, r1, spread(q0), spread(q1)))
    print(flush=True)


COLOURS = ("#0b6", "#c33", "#36c", "#a70", "#666", "#909", "#088", "#b58", "#480")


def draw(path, title, curves):
    """Recall across, queries per CPU-second up, logarithmic."""
    width, height, left, bottom = 720, 440, 70, 50
    rates = [statistics.median(r) for s in curves.values() for recall, r in s.values() if recall >= 0.85]
    low, high = np.log10(min(rates)) - 0.05, np.log10(max(rates)) + 0.05
    across = lambda recall: left + (recall - 0.85) / 0.15 * (width - left - 20)
    up = lambda rate: height - bottom - (np.log10(rate) - low) / (high - low) * (height - bottom - 40)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (width, height)]
    out.append('<rect width="%d" height="%d" fill="#fff"/><text x="%d" y="22" font-size="14">%s: recall@10 and queries per CPU-second, one thread</text>' % (width, height, left, title))
    for recall in (0.85, 0.9, 0.95, 0.98, 0.99, 1):
        out.append('<path d="M%.1f 40V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (across(recall), height - bottom, across(recall), height - bottom + 18, recall))
    for rate in (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000):
        if low <= np.log10(rate) <= high:
            out.append('<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d</text>' % (left, up(rate), width - 20, left - 6, up(rate) + 4, rate))
    for at, (name, settings) in enumerate(curves.items()):
        points = [(across(recall), up(statistics.median(r))) for recall, r in settings.values() if recall >= 0.85]
        colour = COLOURS[at % len(COLOURS)]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (colour, " ".join("%.1f,%.1f" % p for p in points)))
        out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (left + 12, 60 + 16 * at, colour, name))
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out + ["</svg>", ""]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker")
    parser.add_argument("--vectors", help="npy file of real vectors")
    parser.add_argument("--sample", type=int, action="append", help="how many of the real vectors; 0 is all, which is the default; may be repeated")
    parser.add_argument("--synthetic", type=int, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--builds", type=int, default=1)
    parser.add_argument("--threads", action="store_true", help="build with two threads as well")
    parser.add_argument("--only", default="hnswlib,usearch,faiss,faiss-fastscan,svs,akin-plain,akin-lvq,coder")
    parser.add_argument("--svg")
    parser.add_argument("--scratch", help="folder for temporary files")
    parser.add_argument("--profile", help="write akin's CPU profile here")
    parser.add_argument("--peer")
    parser.add_argument("--folder")
    args = parser.parse_args()
    if args.peer:
        serve(args.peer, args.folder)
        return
    print("%d rounds, interleaved, one thread; medians, with the least and the most.\n" % args.rounds)
    if args.vectors:
        for sample in args.sample or [0]:
            measure(args, "Real abstracts", *real(args.vectors, sample))
    for n in args.synthetic:
        measure(args, "Synthetic", *synthetic(n))


if __name__ == "__main__":
    main()
