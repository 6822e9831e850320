#!/usr/bin/env python3
"""Reads what akin embed wrote with the programs that people use, and checks that
all files hold the same rows. Then writes papers with pandas, for akin to read.

    python read_vectors.py DIR
"""

import json
import os
import sys

import faiss
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from faiss.contrib.vecs_io import fvecs_read

folder = sys.argv[1]


def path(name):
    return os.path.join(folder, name)


vectors = np.load(path("embeddings.npy"))
ids = open(path("ids.txt"), encoding="utf-8").read().split("\n")[:-1]
assert vectors.dtype == np.float32 and vectors.flags["C_CONTIGUOUS"], vectors.dtype
assert len(vectors) == len(ids), (len(vectors), len(ids))

half = np.load(path("half/embeddings.npy"))
assert half.dtype == np.float16 and np.array_equal(half, vectors.astype(np.float16))

table = pq.read_table(path("embeddings.parquet"))
schema = pq.read_schema(path("embeddings.parquet"))
assert table["id"].to_pylist() == ids
assert np.array_equal(np.array(table["embedding"].to_pylist(), np.float32), vectors)
assert str(schema.field("embedding").type) in ("list<element: float>", "list<element: float not null>"), schema.field("embedding")
assert schema.metadata[b"akin.space_fingerprint"] == b"f00d"

frame = pd.read_parquet(path("embeddings.parquet"))
assert list(frame["id"]) == ids and np.array_equal(np.stack(list(frame["embedding"])), vectors)
lines = pd.read_json(path("embeddings.jsonl"), lines=True, dtype={"id": str})
assert list(lines["id"]) == ids and list(lines["title"]) == list(frame["title"])
assert np.array_equal(np.array(list(lines["embedding"]), np.float32), vectors)

fvecs = fvecs_read(path("embeddings.fvecs"))
assert np.array_equal(fvecs, vectors)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(np.ascontiguousarray(fvecs))
_, nearest = index.search(vectors, 1)
assert (nearest[:, 0] == np.arange(len(vectors))).all()

back = frame[["id", "title", "abstract", "venue", "date"]].copy()
back["authors"] = [[a["name"] for a in row] for row in frame["authors"]]
back["citations"] = range(len(back))
back.to_parquet(path("pandas.parquet"))
back.drop(columns="authors").to_csv(path("pandas.csv"), index=False)
print(json.dumps({"rows": len(ids)}))
