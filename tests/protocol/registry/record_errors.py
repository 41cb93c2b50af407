#!/usr/bin/env python3
"""Asks a real MLflow server what error_cases.py asks, and writes errors.jsonl: what tests/system/registry_hostile_test.py
compares with. A line is an answer and the cases that got it.

  record_errors.py --url http://127.0.0.1:5000 [--new]

With --new, those cases are asked that have no answer yet, and answers without a case go.
The server must be a fresh one: MLflow 3.17.2, `mlflow server --backend-store-uri sqlite:///FILE --artifacts-destination DIR`.
"""
import argparse
import collections
import json
import pathlib
import re

import error_cases
import error_world

ERRORS = pathlib.Path(__file__).resolve().parent / "errors.jsonl"
MESSAGE_MAX = 240  # long ones repeat what was sent


def load():
    """{case's id: {"status", "error_code", "message"}}"""
    found = {}
    for line in ERRORS.read_text("utf-8").splitlines():
        answer = json.loads(line)
        for case in answer.pop("cases"):
            found[case] = answer
    return found


def sorted_sets(text):
    """Python shows sets in any order."""
    return re.sub(r"\{('[^{}:]*')\}", lambda found: "{%s}" % ", ".join(sorted(found[1].split(", "))), text)


def clipped(answer):
    return {**answer, "message": sorted_sets(answer["message"])[:MESSAGE_MAX]} if "message" in answer else answer


def save(answers):
    groups = collections.defaultdict(list)
    for case, answer in answers.items():
        groups[json.dumps(clipped(answer))].append(case)
    with open(ERRORS, "w", encoding="utf-8") as out:
        for answer, cases in groups.items():
            out.write(json.dumps({**json.loads(answer), "cases": cases}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--new", action="store_true")
    args = parser.parse_args()
    world, known = error_world.World(args.url), load() if args.new else {}
    answers = {case["id"]: known.get(case["id"]) or world.ask(case) for case in error_cases.cases()}
    save(answers)
    print("%d cases: %s" % (len(answers), dict(collections.Counter(answer["status"] for answer in answers.values()))))


if __name__ == "__main__":
    main()
