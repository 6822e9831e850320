"""Write the same references with rispy, bibtexparser and pybtex.

    bibliographies.py DIR

DIR gets rispy.ris, bibtexparser.bib, pybtex.bib, and expected.json: what a
reader must find in each. pybtex writes what is not ASCII as TeX.
"""
import json
import pathlib
import random
import sys

import bibtexparser
import pybtex.database
import rispy
from bibtexparser.bibdatabase import BibDatabase
from bibtexparser.bwriter import BibTexWriter
from pybtex.database.output.bibtex import Writer

WORDS = (
    "tide gauge sparse wavelet Ångström café naïve Gödel pi-calculus sea-ice CO2 (small) alpha-stable 3-D über Łódź señal "
    "don't 50 x=y graph; neural: why? data, models model's E. coli / yeast [sic] +1 'quoted' end."
).split()
FIRST = "Mira Jön Ana-María Kōji Łukasz Zoë J. R. Søren Ñuño Ștefan Anh".split()
LAST = ["Holt", "van den Berg", "de la Cruz", "Sjöström", "O'Neil", "García-Márquez", "Šíma", "Müller", "St. John"]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def references(count):
    chance = random.Random(20)
    text = lambda low, high: " ".join(chance.choice(WORDS) for _ in range(chance.randint(low, high)))
    for i in range(count):
        yield {
            "key": f"ref{i}",
            "title": f"Reference {i}: " + text(2, 12),
            "abstract": text(0, 80),
            "authors": [[chance.choice(LAST), chance.choice(FIRST)] for _ in range(chance.randint(1, 6))],
            "journal": "Journal of " + chance.choice(["Tides", "Säle & Søer", "Ice"]),
            "year": chance.randint(1900, 2026),
            "doi": f"10.1234/ref_{i}(a)" if chance.random() < 0.7 else "",
            "keywords": [f"word {j}" for j in range(chance.randint(0, 4))],
        }


def write_ris(path, all):
    entries = []
    for r in all:
        entry = {
            "type_of_reference": "JOUR", "title": r["title"], "authors": [f"{last}, {first}" for last, first in r["authors"]],
            "journal_name": r["journal"], "year": str(r["year"]),
        }
        for ours, theirs in (("abstract", "abstract"), ("doi", "doi"), ("keywords", "keywords")):
            if r[ours]:
                entry[theirs] = r[ours]
        entries.append(entry)
    path.write_text(rispy.dumps(entries), encoding="utf-8")


def fields(r, escape):
    pairs = {"title": r["title"], "abstract": r["abstract"], "journal": r["journal"], "year": str(r["year"]), "doi": r["doi"], "keywords": "; ".join(r["keywords"])}
    return {k: escape(v) if k not in ("doi", "year") else v for k, v in pairs.items() if v}


def write_bibtexparser(path, all):
    database = BibDatabase()
    for r in all:
        names = " and ".join(f"{last}, {first}" for last, first in r["authors"])
        database.entries.append({"ENTRYTYPE": "article", "ID": r["key"], "author": names, **fields(r, lambda s: s.replace("&", r"\&"))})
    path.write_text(BibTexWriter().write(database), encoding="utf-8")


def write_pybtex(path, all):
    entries = {}
    for r in all:
        persons = {"author": [pybtex.database.Person(first=first, last="{%s}" % last if last == "St. John" else last) for last, first in r["authors"]]}
        entries[r["key"]] = pybtex.database.Entry("article", fields(r, lambda s: s), persons)
    Writer(encoding="ascii").write_file(pybtex.database.BibliographyData(entries), str(path))


def main():
    folder = pathlib.Path(sys.argv[1])
    all = list(references(300))
    (folder / "expected.json").write_text(json.dumps(all, ensure_ascii=False), encoding="utf-8")
    write_ris(folder / "rispy.ris", all)
    write_bibtexparser(folder / "bibtexparser.bib", all)
    write_pybtex(folder / "pybtex.bib", all)


if __name__ == "__main__":
    main()
