#!/usr/bin/env python3
"""Asks a real MLflow server what error_cases.py asks, and writes errors.jsonl: what tests/system/registry_hostile_test.py
compares with.

  record_errors.py --url http://127.0.0.1:5000

The server must be a fresh one: MLflow 3.17.2, `mlflow server --backend-store-uri sqlite:///FILE --artifacts-destination DIR`.
"""
import argparse
import collections
import json
import pathlib

import error_cases

ERRORS = pathlib.Path(__file__).resolve().parent / "errors.jsonl"
MESSAGE_MAX = 400


def load():
    return {row["id"]: row for row in map(json.loads, ERRORS.read_text("utf-8").splitlines())}


def clipped(found):
    """Long messages repeat what was sent."""
    return {**found, "message": found["message"][:MESSAGE_MAX]} if "message" in found else found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True)
    world = error_cases.World(parser.parse_args().url)
    counts = collections.Counter()
    with open(ERRORS, "w", encoding="utf-8") as out:
        for case in error_cases.cases():
            found = world.ask(case)
            counts[found["status"]] += 1
            out.write(json.dumps({"id": case["id"], **clipped(found)}) + "\n")
    print("%d cases: %s" % (sum(counts.values()), dict(counts)))


if __name__ == "__main__":
    main()
