#!/usr/bin/env python3
"""Replays the captured scoring cases through enforce_tool: input forms and signatures, without a server.

  run_enforce_cases.py --tool build/dev/tests/enforce_tool [--cases FILE] [--models DIR] [--only ID|GROUP|RULE]

Cases about HTTP (methods, paths, transfers) need a server and are left out: their number is printed, too.
Last line: "N passed, N failed".  Exit status 1 on any failure.  Standard library only.
"""
import argparse
import base64
import collections
import json
import os
import re
import struct
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "invocations")
sys.path.insert(0, HERE)
import run_cases  # noqa: E402  (the runner compares; this file only brings the answers)

NO_HEADER = 0xFFFFFFFF


class Tool:
    """One enforce_tool process with one model's signature."""

    def __init__(self, path, model_dir):
        self.process = subprocess.Popen([path, model_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def score(self, content_type, body):
        send = self.process.stdin
        if content_type is None:
            send.write(struct.pack("<I", NO_HEADER))
        else:
            send.write(struct.pack("<I", len(content_type)) + content_type)
        send.write(struct.pack("<I", len(body)) + body)
        send.flush()
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise RuntimeError("enforce_tool ended with status %s" % self.process.wait())
        answer = self.process.stdout.read(struct.unpack("<I", head)[0])
        status, _, text = answer.partition(b"\n")
        return int(status), text

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def body_of(case):
    if "body_b64" in case:
        return base64.b64decode(case["body_b64"])
    return case.get("body", "").encode("utf-8", "surrogatepass")


def is_scoring(case):
    return (case["method"] == "POST" and case["path"].rstrip("/").split("?")[0] == "/invocations"
            and case["group"] != "http" and not case.get("transfer"))


def content_type_of(case):
    for name, value in case["headers"].items():
        if name.lower() == "content-type":
            return value.strip().encode()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--cases", action="append")
    parser.add_argument("--models", default=os.path.join(HERE, "models"))
    parser.add_argument("--only", action="append")
    parser.add_argument("--show", type=int, default=20)
    args = parser.parse_args()
    files = args.cases or [os.path.join(HERE, "cases.jsonl")]
    cases = [json.loads(line) for name in files for line in open(name, encoding="utf-8") if line.strip()]
    if args.only:
        cases = [c for c in cases if set(args.only) & {c["group"], c["id"], c["why"]}]
    skipped = [c for c in cases if not is_scoring(c)]
    by_model = collections.OrderedDict()
    for case in cases:
        if is_scoring(case):
            by_model.setdefault(case["model"], []).append(case)
    passed = failed = 0
    for model, todo in by_model.items():
        tool = Tool(args.tool, os.path.join(args.models, model))
        for case in todo:
            status, text = tool.score(content_type_of(case), body_of(case))
            problem = run_cases.check(case, status, {"content-type": "application/json"}, text)
            if problem is None and re.search(rb"Unexpected error", text):
                problem = "the message makes clients retry"
            if problem is None and len(text) > 3000 and status != 200:
                problem = "the message has %d bytes" % len(text)
            passed += problem is None
            failed += problem is not None
            if problem and failed <= args.show:
                print("FAIL %s [%s, model %s]\n  %s\n  %s\n  %s" % (
                    case["id"], case["why"], model, body_of(case)[:300], problem, text[:300]))
        if tool.close() != 0:
            failed += 1
            print("FAIL %s: enforce_tool ended badly" % model)
    print("%d need a server and are left out" % len(skipped))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
