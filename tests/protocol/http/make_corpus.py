#!/usr/bin/env python3
"""Writes the raw cases into tests/fuzz/corpus/http, one file each: a byte that says where tests/fuzz/http.c cuts, then
the bytes of all steps. What is over 8 KiB is cut there: it repeats itself."""
import base64
import hashlib
import json
import pathlib
import zlib

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parents[1] / "fuzz" / "corpus" / "http"


def blob(step):
    if "raw_z" in step:
        return zlib.decompress(base64.b64decode(step["raw_z"]))
    return base64.b64decode(step.get("raw", ""))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name in ("cases.jsonl", "cases_own.jsonl"):
        if not (HERE / name).exists():
            continue
        for line in (HERE / name).read_text().splitlines():
            case = json.loads(line)
            steps = case.get("steps") or [case]
            text = b"".join(blob(step) * min(step.get("count", 1), 8) for step in steps)
            text = text.replace(b"/__get__", b"/ping").replace(b"/__post__", b"/invocations")
            if text:
                cut = hashlib.sha256(case["id"].encode()).digest()[:1]
                (CORPUS / case["id"]).write_bytes(cut + text[:8192])


if __name__ == "__main__":
    main()
