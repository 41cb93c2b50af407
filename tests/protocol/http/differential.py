#!/usr/bin/env python3
"""Our request parser beside llhttp (PyPI httptools): mutated raw cases, and whatever ours accepts llhttp must see with
the same method, target and body, in the same order. Where two parsers see other borders in the same bytes, a request
can be smuggled past one of them. Being stricter than llhttp is right; being laxer is counted and shown.

  differential.py --borders build/dev/tests/http_borders [--count 100000] [--seed 1]

Exit status 0: no difference; 1: some; 77: httptools is missing, nothing was compared."""
import argparse
import base64
import collections
import json
import pathlib
import random
import struct
import subprocess
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
TOKENS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b";", b"=", b'"', b"0", b"1", b"5", b"a", b"-", b"+",
          b"0x", b"\r\n\r\n", b"0\r\n\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"chunked", b"identity",
          b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:", b"Connection: close\r\n", b"Host: t\r\n",
          b"Connection: keep-alive\r\n", b"HTTP/1.0", b"HTTP/1.1", b"GET /ping HTTP/1.1\r\nHost: t\r\n\r\n", b"\x0b",
          b"\xff", b"X: y\r\n", b" folded\r\n", b"5\r\nabcde\r\n", b";a=b", b"%00", b"..", b"POST", b"\\", b"Expect: x\r\n"]


class Messages:
    """What llhttp sees; complete messages only."""

    def __init__(self):
        self.complete, self.url, self.body, self.parser = [], b"", b"", None

    def on_message_begin(self):
        self.url, self.body = b"", b""

    def on_url(self, url):
        self.url += url

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        self.complete.append((self.parser.get_method(), self.url, self.body))


def llhttp(text):
    messages = Messages()
    messages.parser = httptools.HttpRequestParser(messages)
    refused = None
    try:
        messages.parser.feed_data(text)
    except httptools.HttpParserUpgrade:
        refused = "upgrade"
    except httptools.HttpParserError as error:
        refused = type(error).__name__ + ": " + str(error)
    return messages.complete, refused


def ours(borders, texts):
    sent = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    said = subprocess.run([borders], input=sent, capture_output=True, check=True).stdout.decode()
    for line in said.splitlines():
        *requests, last = line.split(";")
        yield [tuple(bytes.fromhex(part) for part in (request.split(" "))) for request in requests], last


def seeds():
    for name in ("cases.jsonl", "cases_own.jsonl"):
        if not (HERE / name).exists():
            continue
        for line in (HERE / name).read_text().splitlines():
            case = json.loads(line)
            raw = b"".join(zlib.decompress(base64.b64decode(s["raw_z"])) if "raw_z" in s
                           else base64.b64decode(s.get("raw", "")) for s in case.get("steps") or [case])
            if 0 < len(raw) < 3000:
                yield raw


def mutate(rng, text, others):
    text = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        at, how = rng.randrange(len(text) + 1), rng.randrange(6)
        if how == 0:
            text[at:at] = rng.choice(TOKENS)
        elif how == 1:
            del text[at:at + rng.choice((1, 1, 2, 4, 10))]
        elif how == 2 and at < len(text):
            text[at] = rng.randrange(256)
        elif how == 3:
            text[at:at + rng.choice((1, 2))] = rng.choice(TOKENS)
        elif how == 4:
            end = at + rng.randrange(40)
            text[at:at] = text[at:end]
        else:
            other = rng.choice(others)
            cut = rng.randrange(len(other))
            text = text[:at] + other[cut:]
    return bytes(text) or b"G"


def main():
    global httptools
    try:
        import httptools
    except ImportError:
        print("skipped: PyPI httptools is missing (pip install -r tests/requirements.txt)")
        return 77
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--borders", required=True)
    options.add_argument("--count", type=int, default=20000)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    rng, others = random.Random(options.seed), list(seeds())
    counts, different, lax = collections.Counter(), [], collections.defaultdict(list)

    todo = options.count
    while todo > 0:
        texts = [mutate(rng, rng.choice(others), others) for _ in range(min(todo, 5000))]
        todo -= len(texts)
        for text, (requests, last) in zip(texts, ours(options.borders, texts), strict=True):
            seen, refused = llhttp(text)
            same = min(len(seen), len(requests))
            counts["inputs"] += 1
            counts["requests accepted"] += len(requests)
            if refused == "upgrade" and len(requests) == len(seen) and requests[-1][:2] == seen[-1][:2]:
                # Its body is the other protocol's for llhttp. That ours runs nothing behind it is what counts.
                counts["upgrades"] += 1
            elif seen[:same] != requests[:same]:
                different.append((text, requests, seen))
            elif len(requests) > len(seen) and refused is None:
                different.append((text, requests, seen))
            elif len(requests) > len(seen):
                lax[refused].append(text)
            elif len(seen) > len(requests):
                counts["stricter than llhttp"] += 1
    print(dict(counts))
    for reason, texts in sorted(lax.items(), key=lambda item: -len(item[1])):
        print("laxer than llhttp, %d times, %s: %r" % (len(texts), reason, min(texts, key=len)[:300]))
    for text, requests, seen in different[:5]:
        print("DIFFERENT\n  text %r\n  ours %r\n  llhttp %r" % (text, requests, seen))
    print("%d inputs with other borders" % len(different))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
