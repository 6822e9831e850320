#!/usr/bin/env python3
"""Token ids by the reference implementation, Hugging Face `tokenizers`.

Reads JSON strings from standard input, one a line, and prints one JSON object
a line: {"ids": [...]}. Special tokens written out in a text stay text
(encode_special_tokens), padding is off, and the only truncation is --max-tokens.

    echo '"A São Paulo study"' | python testdata/reference/token_reference.py --max-tokens 256

--offsets adds "offsets": [[start, end], ...] in bytes of the text as UTF-8.
--cases prints the text too, which is how testdata/tokens/hard.jsonl is made:

    python testdata/reference/hard_texts.py | python testdata/reference/token_reference.py --max-tokens 256 --cases \\
        > testdata/tokens/hard.jsonl

--bert CLEAN,CHINESE,STRIP,LOWER prints {"words": [...]} instead: what a
BertNormalizer with these options (each 0, 1, or - for null) and a
BertPreTokenizer make of a text. It needs no tokenizer.json.

Needs: pip install tokenizers
"""

import argparse
import itertools
import json
import os
import sys

from tokenizers import Tokenizer, normalizers, pre_tokenizers

DEFAULT = os.path.join(os.path.dirname(__file__), "..", "..", ".akin", "models", "all-minilm-l6-v2", "tokenizer.json")


def texts(lines):
    for line in lines:
        text = json.loads(line)
        # JSON can hold half a surrogate pair; as in Go it becomes U+FFFD.
        yield text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def batches(items, size):
    it = iter(items)
    while batch := list(itertools.islice(it, size)):
        yield batch


def load(path, max_tokens):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if max_tokens:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def byte_offsets(text, offsets):
    """Offsets in characters, as Python wants them, to offsets in bytes."""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[at[a], at[b]] for a, b in offsets]


def emit(obj):
    sys.stdout.write(json.dumps(obj, ensure_ascii=True, separators=(",", ":")) + "\n")


def encode(args):
    tokenizer = load(args.tokenizer, args.max_tokens)
    for batch in batches(texts(sys.stdin), 256):
        for text, e in zip(batch, tokenizer.encode_batch(batch)):
            out = {"text": text} if args.cases else {}
            out["ids"] = e.ids
            if args.offsets:
                out["offsets"] = byte_offsets(text, e.offsets)
            emit(out)


def words(args):
    flags = [{"0": False, "1": True, "-": None}[x] for x in args.bert.split(",")]
    normalizer = normalizers.BertNormalizer(
        clean_text=flags[0], handle_chinese_chars=flags[1], strip_accents=flags[2], lowercase=flags[3]
    )
    split = pre_tokenizers.BertPreTokenizer()
    for text in texts(sys.stdin):
        emit({"words": [w for w, _ in split.pre_tokenize_str(normalizer.normalize_str(text))]})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", default=DEFAULT, help="path of tokenizer.json")
    parser.add_argument("--max-tokens", type=int, default=0, help="cut after so many tokens, special ones included; 0: never")
    parser.add_argument("--offsets", action="store_true")
    parser.add_argument("--cases", action="store_true")
    parser.add_argument("--bert", metavar="FLAGS")
    args = parser.parse_args()
    words(args) if args.bert else encode(args)


main()
