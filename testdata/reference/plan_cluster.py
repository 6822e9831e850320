#!/usr/bin/env python3
"""What a corpus takes: memory, disk, machines and money on one machine and on a cluster.

The constants were measured; see docs/scaling.md for how, and give others by flags to plan
with them. Sizes grow in a straight line with the papers of a node, which --check compares
with measured points: --check 20000:3:1:234:95 is a cluster of 20,000 papers, 3 nodes and
1 replica whose nodes take 234 MiB of memory and 95 MiB of disk.

No dependencies. Prices are parameters: they are assumptions, not offers.
"""

import argparse
import math


def flags():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--papers", type=float, nargs="+", default=[1e6, 1e7, 1e8, 1e9])
    p.add_argument("--dimensions", type=int, default=384)
    # One machine: make bench-serve.
    p.add_argument("--one-base", type=float, default=203, help="MiB of a server without papers")
    p.add_argument("--one-memory", type=float, default=2.9, help="kB of memory a paper, graph")
    p.add_argument("--one-lvq", type=float, default=0.73, help="kB of it that a vector takes with graph-lvq, instead of 2.2")
    p.add_argument("--one-disk", type=float, default=5.2, help="kB of disk a paper")
    # A node of a cluster: make bench-cluster.
    p.add_argument("--node-base", type=float, default=134, help="MiB of memory of a node")
    p.add_argument("--node-memory", type=float, default=14.1, help="kB of memory a paper that the node holds")
    p.add_argument("--node-disk-base", type=float, default=7, help="MiB of disk of a node")
    p.add_argument("--node-disk", type=float, default=13.7, help="kB of disk a paper that the node holds")
    p.add_argument("--insert-cpu", type=float, default=2.4, help="CPU-ms to write a paper once, of all nodes")
    p.add_argument("--query-cpu", type=float, default=8, help="CPU-ms of a query at --query-papers, of all nodes")
    p.add_argument("--query-papers", type=float, default=62518)
    # The plan.
    p.add_argument("--replicas", type=int, default=3)
    p.add_argument("--shard", type=float, default=1e7, help="papers of a shard")
    p.add_argument("--machine-memory", type=float, default=256, help="GiB of a machine")
    p.add_argument("--machine-cores", type=int, default=32)
    p.add_argument("--machine-disk", type=float, default=7000, help="GB of a machine's disks")
    p.add_argument("--fill", type=float, default=0.7, help="part of memory and disk that is used")
    p.add_argument("--machine-price", type=float, default=400, help="a month, in whatever currency")
    p.add_argument("--queries", type=float, default=50, help="a second, that the cluster must answer")
    p.add_argument("--check", action="append", default=[], metavar="PAPERS:NODES:REPLICAS:MIB:DISK_MIB")
    return p.parse_args()


QUANTISATIONS = {"float32": 4.0, "8 bits": 1.0, "1 bit": 0.125}  # bytes a number in memory


def node(f, papers, quantised="float32"):
    """GiB of memory and GB of disk of a node that holds so many papers."""
    bytes_a_number = QUANTISATIONS[quantised]
    kept = f.node_memory * 1e3 - f.dimensions * (4.0 - bytes_a_number)
    memory = f.node_base / 1024 + papers * max(kept, 0) / 2**30
    # The float32 vectors stay on disk, where the first candidates are compared again.
    disk = (f.node_disk_base * 2**20 + papers * (f.node_disk * 1e3 + (0 if quantised == "float32" else f.dimensions * bytes_a_number))) / 1e9
    return memory, disk


def machines(f, papers, quantised):
    """The least number of machines that memory, disk and queries allow."""
    least = f.replicas
    copies = papers * f.replicas
    n = least
    while True:
        memory, disk = node(f, copies / n, quantised)
        if memory <= f.machine_memory * f.fill and disk <= f.machine_disk * f.fill:
            break
        n = math.ceil(n * 1.05) if n > 40 else n + 1
    cores = f.queries * query_cpu(f, papers) / 1e3 / f.fill
    return max(n, math.ceil(cores / f.machine_cores))


def query_cpu(f, papers):
    """A walk grows with the logarithm of the papers of a shard, and is made in each."""
    shards = max(3, math.ceil(papers / f.shard))
    one = f.query_cpu / 3 / math.log(f.query_papers / 3)
    return shards * one * math.log(max(papers / shards, 2))


def main():
    f = flags()
    for text in f.check:
        papers, nodes, replicas, mib, disk = map(float, text.split(":"))
        memory, gb = node(f, papers * replicas / nodes)
        print(f"check {papers:,.0f} papers on {nodes:.0f} nodes: memory {memory * 1024:.0f} MiB, measured {mib:.0f} ({memory * 1024 / mib - 1:+.0%}); "
              f"disk {gb * 1e9 / 2**20:.0f} MiB, measured {disk:.0f} ({gb * 1e9 / 2**20 / disk - 1:+.0%})")
    print("\n| papers | one machine, graph | graph-lvq | its disk |")
    print("|---|---|---|---|")
    for n in f.papers:
        memory = f.one_base / 1024 + n * f.one_memory * 1e3 / 2**30
        lvq = memory - n * (2.2 - f.one_lvq) * 1e3 / 2**30
        print(f"| {n:,.0f} | {memory:,.1f} GiB | {lvq:,.1f} GiB | {n * f.one_disk * 1e3 / 1e9:,.0f} GB |")
    print(f"\n| papers | shards | vectors | memory of all nodes | disk of all nodes | machines | CPU-ms a query | filled in, days | a month, at {f.machine_price:g} a machine |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in f.papers:
        for q in QUANTISATIONS:
            m = machines(f, n, q)
            memory, disk = node(f, n * f.replicas / m, q)
            shards = max(3, math.ceil(n / f.shard))
            days = n * f.replicas * f.insert_cpu / 1e3 / (m * f.machine_cores * f.fill) / 86400
            print(f"| {n:,.0f} | {shards} | {q} | {memory * m:,.0f} GiB | {disk * m:,.0f} GB | {m} | {query_cpu(f, n):,.0f} | {days:,.2f} | {m * f.machine_price:,.0f} |")


if __name__ == "__main__":
    main()
