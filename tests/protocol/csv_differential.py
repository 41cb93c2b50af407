#!/usr/bin/env python3
"""Our CSV reader beside Python's csv module on random text: the same rows, or refused for a reason Python can tell.

  csv_differential.py --tool build/dev/tests/enforce_tool [--count 20000] [--seed 1]

Last line: "N compared, N left out, N differ".  Exit status 1 where any differ.  Standard library only.
"""
import argparse
import csv
import io
import json
import os
import random
import sys
import tempfile

from run_enforce_cases import Tool

COLUMNS = ["c0", "c1", "c2"]
PIECES = ["a", "b", " ", '"', '""', ",", "\n", "\r", "\r\n", "é", "\t", 'x"y', '"q"', "1", '"a,b"', '"\n"']


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def expected(text, width):
    """Status and rows, or None where Python does not keep what decides: whether a blank cell was quoted."""
    rows = rows_of(text)[1:]
    if rows_of(text + "\nend")[-1] != ["end"]:
        return 400, None  # the end is inside quotes
    is_blank = [len(row) == 0 or (len(row) == 1 and row[0].strip(" \t") == "") for row in rows]
    if any(is_blank) and '"' in text:
        return None
    rows = [row for row, blank in zip(rows, is_blank) if not blank]
    if any(len(row) > width for row in rows):
        return 400, None
    filled = [row + [""] * (width - len(row)) for row in rows]
    return 200, [{name: cell or None for name, cell in zip(COLUMNS, row)} for row in filled]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    generator = random.Random(args.seed)
    compared = skipped = differ = 0
    with tempfile.TemporaryDirectory() as model:
        columns = [{"type": "string", "name": name, "required": False} for name in COLUMNS]
        with open(os.path.join(model, "MLmodel"), "w", encoding="utf-8") as file:
            file.write("signature:\n  inputs: '%s'\n" % json.dumps(columns))
        tool = Tool(args.tool, model)
        for _ in range(args.count):
            width = generator.randint(1, len(COLUMNS))
            text = ",".join(COLUMNS[:width]) + "\n"
            text += "".join(generator.choice(PIECES) for _ in range(generator.randint(0, 14)))
            want = expected(text, width)
            if want is None:
                skipped += 1
                continue
            status, answer = tool.score(b"text/csv", text.encode())
            got = (status, json.loads(answer)["predictions"] if status == 200 else None)
            compared += 1
            if got != want:
                differ += 1
                print("DIFFERS %r\n  Python %r\n  ours   %r" % (text, want, got))
        if tool.close() != 0:
            differ += 1
    print("%d compared, %d left out, %d differ" % (compared, skipped, differ))
    return 1 if differ or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
