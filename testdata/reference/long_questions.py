"""Makes long questions with words in quotation marks out of a set of queries.

Of every paper or question with judgements it takes the texts that ask for it (of
SciTLDR the two first summaries of a paper, of SciFact a claim), puts them into one
question, and two runs of one or two of its words into quotation marks. Writes two
data sets without a corpus, OUT/NAME-quoted and OUT/NAME-plain, the second without the
marks: what the marks cost is the difference. The same input gives the same questions.
"""

import argparse
import collections
import gzip
import json
import os
import random
import re


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def quoted(text, chance):
    """Puts marks around two runs of one or two words that are no little ones."""
    words = text.split()
    fit = [i for i, w in enumerate(words[:-1]) if len(w) > 4 and w.isalpha()]
    chance.shuffle(fit)
    taken = set()
    for i in fit:
        last = i + 1 if words[i + 1].isalpha() and len(words[i + 1]) > 4 and chance.random() < 0.5 else i
        if {i - 1, i, last, last + 1} & taken:
            continue
        words[i] = '"' + words[i]
        words[last] += '"'
        taken |= {i, last}
        if sum(w.startswith('"') for w in words) == 2:
            break
    return " ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", required=True, help="a directory with queries.jsonl.gz and qrels.tsv")
    parser.add_argument("--out", required=True, help="directory to write into")
    parser.add_argument("--queries", type=int, default=300)
    args = parser.parse_args()

    name = os.path.basename(os.path.normpath(args.set))
    texts = collections.OrderedDict()
    for query in read(os.path.join(args.set, "queries.jsonl.gz")):
        texts.setdefault(query["id"].split("#")[0], []).append(query)
    with open(os.path.join(args.set, "qrels.tsv"), encoding="utf-8") as lines:
        judged = [line.rstrip("\n").split("\t") for line in lines]
    # A claim is short, and stands alone; of summaries there are several.
    texts = {key: some[:2] for key, some in texts.items() if len(some) > 1 or "#" not in some[0]["id"]}
    chance = random.Random(1)
    chosen = sorted(chance.sample(sorted(texts), min(args.queries, len(texts))))
    for kind in ("quoted", "plain"):
        os.makedirs(os.path.join(args.out, f"{name}-{kind}"), exist_ok=True)
    with open(os.path.join(args.out, f"{name}-quoted", "queries.jsonl"), "w", encoding="utf-8") as marked, \
            open(os.path.join(args.out, f"{name}-plain", "queries.jsonl"), "w", encoding="utf-8") as plain:
        for key in chosen:
            asked = " ".join(q["text"].replace('"', "").rstrip(". ") + "." for q in texts[key])
            asked = re.sub(r"\s+", " ", asked)
            behind = " Has this been shown, or has the contrary?" if len(texts[key]) == 1 else ""
            marked.write(json.dumps({"id": key, "text": quoted(asked, chance) + behind}) + "\n")
            plain.write(json.dumps({"id": key, "text": asked + behind}) + "\n")
    for kind in ("quoted", "plain"):
        with open(os.path.join(args.out, f"{name}-{kind}", "qrels.tsv"), "w", encoding="utf-8") as out:
            for key in chosen:
                ids = {q["id"] for q in texts[key]}
                for paper, grade in sorted({(p, g) for query, p, g in judged if query in ids}):
                    out.write(f"{key}\t{paper}\t{grade}\n")
    print(f"{name}: {len(chosen)} questions")


if __name__ == "__main__":
    main()
