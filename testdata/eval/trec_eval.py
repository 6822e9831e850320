"""Runs trec_eval, through pytrec_eval, for TestPythonTrecEval.

Standard input is JSON: a list of {"qrels", "run", "measures", "level"}.
Standard output is JSON: for each, the values by query and measure.
"""

import json
import sys

import pytrec_eval

answers = []
for case in json.load(sys.stdin):
    evaluator = pytrec_eval.RelevanceEvaluator(
        case["qrels"], set(case["measures"]), relevance_level=case["level"]
    )
    answers.append(evaluator.evaluate(case["run"]))
json.dump(answers, sys.stdout)
