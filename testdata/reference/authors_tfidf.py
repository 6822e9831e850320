"""Recommends by tf-idf alone, as a baseline for akin on the authors' data set.

Writes two TREC runs, PREFIX.mean and PREFIX.top3: candidates are all papers of
the corpus but an author's own training papers, ranked by the mean of their
cosines with those (mean), or of the three greatest (top3). `akin eval --score`
scores them. With --ids only those papers are used, of corpus and labels alike,
as `akin eval --vectors` does. Needs numpy, scipy and scikit-learn.
"""

import argparse
import collections
import gzip
import json

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer


def read_labels(path, only):
    authors = collections.defaultdict(lambda: ([], []))
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            author, paper, _, part = line.rstrip("\n").split("\t")
            if only is None or paper in only:
                authors[author][part == "test"].append(paper)
    return {a: train for a, (train, test) in sorted(authors.items()) if train and test}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="papers, JSON Lines, gzip")
    parser.add_argument("--labels", required=True)
    parser.add_argument("--ids", help="the papers to use, one id a line")
    parser.add_argument("--out", required=True, help="prefix of the runs")
    parser.add_argument("--depth", type=int, default=100)
    args = parser.parse_args()

    only = None
    if args.ids:
        with open(args.ids, encoding="utf-8") as lines:
            only = set(lines.read().split())
    ids, texts = [], []
    with gzip.open(args.corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            paper = json.loads(line)
            if only is None or paper["id"] in only:
                ids.append(paper["id"])
                texts.append(paper["title"] + ". " + paper["abstract"])
    row = {paper: i for i, paper in enumerate(ids)}
    matrix = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2, dtype=np.float32).fit_transform(texts)
    transposed = matrix.T.tocsr()
    authors = read_labels(args.labels, only)
    print(f"{len(ids)} papers, {matrix.shape[1]} terms, {len(authors)} authors")

    with open(args.out + ".mean", "w", encoding="utf-8") as mean, open(args.out + ".top3", "w", encoding="utf-8") as top3:
        for author, likes in authors.items():
            rows = [row[paper] for paper in likes]
            scores = (matrix[rows] @ transposed).toarray()  # likes x papers
            best = np.partition(scores, -min(3, len(rows)), axis=0)[-min(3, len(rows)):]
            for out, value, tag in ((mean, scores.mean(axis=0), "tfidf-mean"), (top3, best.mean(axis=0), "tfidf-top3")):
                value[rows] = -1
                order = np.argpartition(-value, args.depth)[: args.depth]
                for rank, i in enumerate(order[np.argsort(-value[order], kind="stable")], 1):
                    out.write(f"{author} Q0 {ids[i]} {rank} {value[i]:.6g} {tag}\n")


if __name__ == "__main__":
    main()
