#!/usr/bin/env python3
"""Ask the reference tokenizer what it does with every Unicode code point.

Go, CPython and the Rust crates below Hugging Face `tokenizers` carry Unicode
tables of different ages (8.0 for categories, 13.0 for decomposition, 16.0 or
later for lower-casing, as of tokenizers 0.23). Token ids must not depend on
which Go compiled akin, so internal/embed/token has tables of its own, measured
here by calling the reference on all 1,112,064 scalar values. Nothing in the
output comes from a Unicode data file.

    python testdata/reference/unicode_tables.py tables  > internal/embed/token/unicode_tables.go
    python testdata/reference/unicode_tables.py digests > testdata/tokens/codepoints.json

`digests` writes SHA-256 digests of the words that the reference makes of every
code point in a few contexts, for several normaliser options, so that `go test`
can check the whole of Unicode without Python.

Needs: pip install tokenizers
"""

import hashlib
import json
import subprocess
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)

# One code point for each canonical combining class that the Unicode standard
# assigns; the order between two of them is what reveals the class of a third.
CLASS_SAMPLES = {
    1: 0x0334, 7: 0x093C, 8: 0x3099, 9: 0x094D, 10: 0x05B0, 11: 0x05B1,
    12: 0x05B2, 13: 0x05B3, 14: 0x05B4, 15: 0x05B5, 16: 0x05B6, 17: 0x05B7,
    18: 0x05B8, 19: 0x05B9, 20: 0x05BB, 21: 0x05BC, 22: 0x05BD, 23: 0x05BF,
    24: 0x05C1, 25: 0x05C2, 26: 0xFB1E, 27: 0x064B, 28: 0x064C, 29: 0x064D,
    30: 0x064E, 31: 0x064F, 32: 0x0650, 33: 0x0651, 34: 0x0652, 35: 0x0670,
    36: 0x0711, 84: 0x0C55, 91: 0x0C56, 103: 0x0E38, 107: 0x0E48,
    118: 0x0EB8, 122: 0x0EC8, 129: 0x0F71, 130: 0x0F72, 132: 0x0F74,
    202: 0x0321, 214: 0x1DCE, 216: 0x031B, 218: 0x302A, 220: 0x0316,
    222: 0x059A, 224: 0x302E, 226: 0x1D16D, 228: 0x302B, 230: 0x0300,
    232: 0x0315, 233: 0x035C, 234: 0x035D, 240: 0x0345,
}


def bert(**options):
    """A BertNormalizer with everything off except what is named."""
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **options})


def swaps(nfd, first, second):
    """Whether canonical ordering puts second before first."""
    moved = "a" + chr(second) + chr(first)
    return first != second and nfd.normalize_str("a" + chr(first) + chr(second)) == moved


def combining_classes(nfd, decompositions):
    """The canonical combining class that the reference gives each code point.

    A mark x of class k moves behind y exactly when 0 < class(y) < k. Everything
    that moves against neither the lowest nor the highest class is class 0.
    """
    low, high = CLASS_SAMPLES[1], CLASS_SAMPLES[240]
    classes = {}
    for c in SCALARS:
        if c in decompositions:
            continue
        if not (swaps(nfd, c, low) or swaps(nfd, high, c)):
            continue
        exact = [k for k, s in CLASS_SAMPLES.items() if not swaps(nfd, c, s) and not swaps(nfd, s, c)]
        if len(exact) != 1:
            sys.exit(f"U+{c:04X} orders like classes {exact}: CLASS_SAMPLES needs another sample")
        classes[c] = exact[0]
    for k, s in CLASS_SAMPLES.items():
        if classes.get(s) != k:
            sys.exit(f"sample U+{s:04X} for class {k} came out as {classes.get(s)}")
    return classes


def measure():
    """All the sets and maps that the tables are made of."""
    clean, cjk, accents = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
    lower, nfd, split = normalizers.Lowercase(), normalizers.NFD(), pre_tokenizers.BertPreTokenizer()
    m = dict(removed=set(), blanked=set(), white=set(), punct=set(), cjk=set(), mn=set(), nfd={}, lower={})
    for c in SCALARS:
        s = chr(c)
        x = clean.normalize_str(s)
        if x == "":
            m["removed"].add(c)
        elif x != s:
            assert x == " ", hex(c)
            m["blanked"].add(c)
        x = cjk.normalize_str(s)
        if x != s:
            assert x == f" {s} ", hex(c)
            m["cjk"].add(c)
        d = nfd.normalize_str(s)
        if d != s:
            m["nfd"][c] = d
        elif accents.normalize_str(s) == "":
            m["mn"].add(c)
        x = lower.normalize_str(s)
        if x != s:
            m["lower"][c] = x
        words = [w for w, _ in split.pre_tokenize_str(f"a{s}a")]
        if words == ["a", "a"]:
            m["white"].add(c)
        elif words == ["a", s, "a"]:
            m["punct"].add(c)
        else:
            assert words == [f"a{s}a"], hex(c)
    check(m, accents)
    m["ccc"] = combining_classes(nfd, m["nfd"])
    return m


def check(m, accents):
    """The assumptions that let the Go code compute instead of store."""
    for c, d in m["nfd"].items():
        assert accents.normalize_str(chr(c)) == "".join(x for x in d if ord(x) not in m["mn"]), hex(c)
    assert m["blanked"] | {0x20} == (m["white"] - m["removed"]) | {0x9, 0xA, 0xD}
    for c in HANGUL:
        i = c - 0xAC00
        jamo = [0x1100 + i // 588, 0x1161 + i % 588 // 28] + ([0x11A7 + i % 28] if i % 28 else [])
        assert m["nfd"][c] == "".join(map(chr, jamo)), hex(c)


def ranges(points):
    """Runs of consecutive code points as (low, high)."""
    out = []
    for c in sorted(points):
        if out and c == out[-1][1] + 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def strided(pairs):
    """(code point, value) pairs as (low, high, stride, value) runs with one value."""
    out = []
    for c, v in sorted(pairs):
        if out and out[-1][3] == v:
            lo, hi, stride, _ = out[-1]
            if lo == hi and c - hi <= 2:
                out[-1][1:3] = [c, c - hi]
                continue
            if lo != hi and c == hi + stride:
                out[-1][1] = c
                continue
        out.append([c, c, 1, v])
    return out


def rows(items, per_line):
    lines = []
    for i in range(0, len(items), per_line):
        lines.append("\t" + ", ".join(items[i : i + per_line]) + ",")
    return "\n".join(lines)


def go_range_table(name, doc, points):
    items = ["{0x%04X, 0x%04X}" % (a, b) for a, b in ranges(points)]
    return f"// {name} {doc}\nvar {name} = []runeRange{{\n{rows(items, 6)}\n}}\n"


def go_source(m):
    multi = {c: l for c, l in m["lower"].items() if len(l) > 1}
    assert all(len(l) > 0 for l in m["lower"].values())
    deltas = [(c, ord(l) - c) for c, l in m["lower"].items() if len(l) == 1]
    hangul = set(HANGUL)
    full = [(c, d) for c, d in sorted(m["nfd"].items()) if c not in hangul]
    esc = lambda s: "".join("\\u%04x" % ord(x) if ord(x) < 0x10000 else "\\U%08x" % ord(x) for x in s)
    out = [
        f"""// Code generated by testdata/reference/unicode_tables.py; DO NOT EDIT.

package token

// These tables are what Hugging Face tokenizers {tokenizers.__version__} does, found by calling it on
// all {len(SCALARS)} Unicode scalar values. They replace the tables of package unicode
// on purpose: a newer Go must not change the ids of an existing embedding space.
"""
    ]
    out.append(go_range_table("removedByClean", "is what clean_text deletes: NUL, U+FFFD, and the control, format and private-use categories of Unicode 8.", m["removed"]))
    out.append(go_range_table("whiteSpace", "is what splits words: the White_Space property.", m["white"]))
    out.append(go_range_table("punctuation", "is what becomes a word of its own: ASCII symbols and the P categories of Unicode 8.", m["punct"]))
    out.append(go_range_table("chineseChars", "is what handle_chinese_chars puts spaces around. U+2B820..U+2B91F are not in it: the reference has a slip there.", m["cjk"]))
    out.append(go_range_table("nonspacingMarks", "is what strip_accents deletes after canonical decomposition: category Mn of Unicode 8.", m["mn"]))
    items = ["{0x%04X, 0x%04X, %d, %d}" % tuple(r) for r in strided([(c, k) for c, k in m["ccc"].items()])]
    out.append(f"// combiningClasses holds every non-zero canonical combining class: low, high, stride, class.\nvar combiningClasses = []runeValues{{\n{rows(items, 5)}\n}}\n")
    items = ["{0x%04X, 0x%04X, %d, %d}" % tuple(r) for r in strided(deltas)]
    out.append(f"// lowerDeltas holds the lower-casings to one character: low, high, stride, difference.\nvar lowerDeltas = []runeValues{{\n{rows(items, 5)}\n}}\n")
    items = ['{0x%04X, "%s"}' % (c, esc(l)) for c, l in sorted(multi.items())]
    out.append(f"// lowerStrings holds the lower-casings to several characters.\nvar lowerStrings = []runeString{{\n{rows(items, 4)}\n}}\n")
    items = ['{0x%04X, "%s"}' % (c, esc(d)) for c, d in full]
    out.append(f"// decompositions holds the full canonical decompositions, without the Hangul syllables, which are computed.\nvar decompositions = []runeString{{\n{rows(items, 4)}\n}}\n")
    text = "\n".join(out)
    return subprocess.run(["gofmt"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()


# name -> clean_text, handle_chinese_chars, strip_accents, lowercase
DIGEST_OPTIONS = {
    "uncased": (True, True, None, True),
    "cased": (True, True, None, False),
    "lower-keep-accents": (True, True, False, True),
    "strip-keep-case": (True, True, True, False),
    "unclean": (False, True, None, True),
    "unclean-no-cjk": (False, False, True, True),
    "plain": (False, False, False, False),
}
BLOCK = 0x4000


def contexts(c):
    """The texts in which a code point is tried; the Go test builds the same."""
    s = chr(c)
    return [f"a{s}b", f"a\u0323{s}\u0301\u302e{s}\U0001d165{s}", f"{s}{s}"]


def digests():
    split = pre_tokenizers.BertPreTokenizer()
    out = {}
    for name, (clean, cjk, strip, lower) in DIGEST_OPTIONS.items():
        norm = normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=cjk, strip_accents=strip, lowercase=lower)
        blocks = []
        for start in range(0, 0x110000, BLOCK):
            h = hashlib.sha256()
            for c in range(start, start + BLOCK):
                if 0xD800 <= c < 0xE000:
                    continue
                for text in contexts(c):
                    words = [w for w, _ in split.pre_tokenize_str(norm.normalize_str(text))]
                    h.update("\x00".join(words).encode() + b"\x00\n")
            blocks.append(h.hexdigest()[:16])
        out[name] = {"clean_text": clean, "handle_chinese_chars": cjk, "strip_accents": strip, "lowercase": lower, "blocks": blocks}
    return {"made_by": f"testdata/reference/unicode_tables.py digests, tokenizers {tokenizers.__version__}", "block": BLOCK, "options": out}


def main():
    if sys.argv[1:] == ["tables"]:
        sys.stdout.write(go_source(measure()))
    elif sys.argv[1:] == ["digests"]:
        json.dump(digests(), sys.stdout, indent=1)
        print()
    else:
        sys.exit(__doc__)


main()
