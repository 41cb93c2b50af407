#!/usr/bin/env python3
"""Our filter parser beside MLflow's own on random filters: the same clauses, or refused by both.

  search_differential.py --tool build/dev/tests/search_tool [--count 20000] [--seed 1]

Left out on purpose: clauses without AND between them, of which sqlparse makes other things at every turn, and strings side
by side in a list, which Python joins.

Last line: "N compared, N differ".  Exit status 1 where any differ.  Needs mlflow.
"""
import argparse
import json
import random
import subprocess
import sys

from mlflow.exceptions import MlflowException
from mlflow.utils import search_utils

PARSERS = [search_utils.SearchExperimentsUtils, search_utils.SearchUtils, None, search_utils.SearchModelUtils,
           search_utils.SearchModelVersionUtils]
KEYS = {
    0: ["name", "experiment_id", "creation_time", "last_update_time", "tags.a", "tag.`b c`", 'tags."d.e"', "attribute.name",
        "foo", "metrics.x"],
    1: ["metrics.rmse", "metric.`a b`", "params.lr", "param.x", "parameters.y", "tags.a", "tag.mlflow.user", "tags.`b c`",
        'tags."d"', "attributes.status", "attr.run_id", "run.user_id", "start_time", "end_time", "created", "run_name",
        "`run name`", "run_id", "artifact_uri", "datasets.name", "dataset.digest", "dataset.context", "dataset.foo", "foo",
        "foo.bar"],
    3: ["name", "tags.a", "tag.`b c`", "tags.`mlflow.prompt.is_prompt`", "foo", "params.x", "last_updated_timestamp"],
    4: ["name", "version_number", "run_id", "source_path", "tags.a", "tag.`b c`", "foo", "creation_timestamp", "attribute.name"],
}
OPERATORS = ["=", "!=", ">", ">=", "<", "<=", "LIKE", "ilike", "IN", "not in", "IS NULL", "is not null", "=", "="]
VALUES = ["'x'", '"y"', "'%a_'", "'it''s'", "1", "-2", "3.5", "1e3", "'12'", "z", "`q`", "''"]
LISTS = ["('a')", "('a', 'b')", "('a','b','c')", "()", "(1, 2)", "('1')", "('1', '2')"]
JOINS = [" AND ", " and ", " AND ", " And ", " OR ", "  AND  ", "\nAND\n"]
NUMERIC = ("metric", "creation_time", "last_update_time", "start_time", "end_time", "created", "version_number")


def fitting(generator, entity):
    """A clause that is fine more often than not."""
    key = generator.choice(KEYS[entity])
    if key.startswith(NUMERIC):
        return "%s %s %s" % (key, generator.choice(OPERATORS[:6]), generator.choice(["1", "-2", "3.5", "12"]))
    return "%s %s %s" % (key, generator.choice(["=", "!=", "LIKE", "ilike"]), generator.choice(VALUES[:4]))


def clause(generator, entity):
    if generator.random() < 0.6:
        return fitting(generator, entity)
    operator = generator.choice(OPERATORS)
    if operator.upper().startswith("IS"):
        value = ""
    elif operator.upper().endswith("IN"):
        value = generator.choice(LISTS)
    else:
        value = generator.choice(VALUES + (LISTS if generator.random() < 0.05 else []))
    space = generator.choice([" ", " ", "  "])
    return generator.choice(KEYS[entity]) + space + operator + space + value


def theirs(entity, text):
    """The clauses as the tool shows them; None where MLflow refuses, now or when it makes the SQL."""
    parser = PARSERS[entity]
    try:
        parsed = parser.parse_search_filter(text)
    except (MlflowException, ValueError):  # the latter are 500s of the real server
        return None
    clauses = []
    for found in parsed:
        operator, value, key = found["comparator"].upper(), found["value"], found["key"]
        if not allowed(entity, parser, found["type"], key, operator, value):
            return None
        if found["type"] == "metric":
            value = float(value)
        if entity in (0, 4) and found["type"] == "attribute" and key in parser.NUMERIC_ATTRIBUTES:
            try:
                value = int(value) if not isinstance(value, float) else None
            except (TypeError, ValueError):
                value = None
            if value is None:
                return None
        clauses.append([found["type"], key, operator, list(value) if isinstance(value, tuple) else value])
    return clauses


def allowed(entity, parser, kind, key, operator, value):
    """What the stores check when they make SQL of a clause."""
    numeric = {"=", "!=", "<", "<=", ">", ">="}
    text = {"=", "!=", "LIKE", "ILIKE"}
    listed = {"IN", "NOT IN"}
    if isinstance(value, tuple) != (operator in listed):
        return False
    if kind == "metric" or (kind == "attribute" and key in parser.NUMERIC_ATTRIBUTES):
        return operator in numeric
    if kind in ("tag", "parameter"):
        return operator in text | ({"IS NULL", "IS NOT NULL"} if entity < 2 else set())
    if entity == 0 and key == "experiment_id":
        ids = value if isinstance(value, tuple) else (value,)
        return operator in {"=", "!="} | listed and all(i.isdigit() for i in ids)
    if entity == 0:
        return operator in text
    return operator in text | listed


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tool", required=True)
    options.add_argument("--count", type=int, default=20000)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    generator = random.Random(args.seed)
    asked = []
    for _ in range(args.count):
        entity = generator.choice([0, 1, 1, 3, 4])
        text = clause(generator, entity)
        for _ in range(generator.choice([0, 0, 1, 2])):
            text += generator.choice(JOINS) + clause(generator, entity)
        asked.append({"entity": entity, "filter": text})
    done = subprocess.run([args.tool], input="".join(json.dumps(a) + "\n" for a in asked), capture_output=True, text=True,
                          timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(answers) != len(asked):
        sys.exit("the tool ended with %d after %d answers: %s" % (done.returncode, len(answers), done.stderr))
    differ = refused = 0
    for ask, answer in zip(asked, answers):
        want = theirs(ask["entity"], ask["filter"])
        refused += want is None
        if answer.get("clauses") != want:
            differ += 1
            if differ <= 20:
                print("%s\n  mlflow: %s\n  ours:   %s" % (ask, want, answer))
    print("%d compared, %d of them refused by both" % (len(asked), refused))
    print("%d compared, %d differ" % (len(asked), differ))
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
