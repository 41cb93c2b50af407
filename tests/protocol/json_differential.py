#!/usr/bin/env python3
"""json_differential.py TOOL [COUNT] [SEED]: the cases of json_cases.txt, and random and broken documents, through json_tool
and through Python's json.

Python is the oracle, made as strict as docs/protocol/RULES.md V2: integers within int64, doubles within range, no lone
surrogates, at most 128 open arrays and objects. Accepted documents must come back byte by byte as Python writes them (the
shortest doubles included); refused ones must name line and column.
"""
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import urllib.parse

DEPTH_MAX = 128
POSITION = re.compile(r"at line [1-9][0-9]*, column [1-9][0-9]*$|^empty text instead of JSON$")


class Refused(Exception):
    pass


def strict_int(text):
    value = int(text) if len(text) <= 20 else 1 << 64
    if not -(1 << 63) <= value < 1 << 63:
        raise Refused("int64")
    return value


def strict_float(text):
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Refused("double")
    return value


def depth(value):
    """Levels of arrays and objects, without recursion."""
    level, deepest = [value], 0
    while level:
        following = []
        for item in level:
            if isinstance(item, dict):
                following.extend(item.values())
            elif isinstance(item, list):
                following.extend(item)
        if any(isinstance(item, (dict, list)) for item in level):
            deepest += 1
        level = following
    return deepest


def strict_object(pairs):
    """The last value wins, but those that lose must be right, too."""
    value = dict(pairs)
    if len(value) < len(pairs):
        json.dumps(pairs, ensure_ascii=False).encode("utf-8")
    return value


def oracle(document):
    """The compact text, or None where the document must be refused."""
    try:
        text = document.decode("utf-8")
        if text.startswith("\ufeff"):
            text = text[1:]
        value = json.loads(text, parse_int=strict_int, parse_float=strict_float, parse_constant=lambda name: None,
                           object_pairs_hook=strict_object)
        if depth(value) > DEPTH_MAX:
            return None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, Refused, RecursionError):  # UnicodeError is a ValueError
        return None


class Maker:
    CHARACTERS = ["a", "Z", "0", " ", "/", "\x7f", "é", "ß", "€", "あ", "\ud7ff", "\ue000", "\uffff", "😀", "\U0010ffff",
                  "\u2028", "\x80"]
    ESCAPES = ['\\"', "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u0000", "\\u001F", "\\u00e9", "\\u20AC",
               "\\ud83d\\ude00", "\\uFFFF", "\\u0022"]
    BAD = [b"\\ud800", b"\\udc00", b"\\ud800\\u0041", b"\\x", b"\\u12", b"\x00", b"\x1f", b"\n", b"\xff", b"\xc0\x80",
           b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xc3", b"\xf0\x80\x80\x80", b"\xe0\x80\x80", b"\x80",
           b"NaN", b"Infinity", b"-Infinity", b"-", b"+1", b".5", b"1.", b"01", b"-01", b"1e", b"1e+", b"0x1", b"nul",
           b"1e400", b"-1e309", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b",", b":",
           b"[", b"]", b"{", b"}", b'"', b"\\", b"\xef\xbb\xbf", b"//", b"/* */", b"'", b"\x0c", b"\xc2\xa0", b"-NaN", b"t",
           b"1e-400", b"-0", b"0e9999999999", b"0." + b"0" * 400 + b"1e400", b"1" + b"0" * 308 + b".5"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return "" if self.random.random() < 0.8 else "".join(self.random.choices(" \n\t\r", k=self.random.randint(1, 20)))

    def string(self):
        pick, parts = self.random, []
        for _ in range(pick.choice([0, 1, 2, 5, 15, 16, 17, 31, 33, 70])):
            chance = pick.random()
            parts.append("a" if chance < 0.8 else pick.choice(self.CHARACTERS) if chance < 0.95 else
                         pick.choice(self.ESCAPES))
        return '"%s"' % "".join(parts)

    def number(self):
        pick = self.random
        kind = pick.randrange(8)
        if kind == 0:
            return str(pick.randint(-(1 << 63), (1 << 63) - 1))
        if kind == 1:
            return str(pick.choice([-1, 1]) * pick.randrange(10 ** pick.randint(1, 21)))
        if kind == 2:
            return str(pick.randint(-100, 100))
        if kind == 3:  # any bits; "inf" and "nan" are words that must be refused
            return repr(struct.unpack("<d", pick.randbytes(8))[0])
        if kind == 4:  # near a tie between two doubles: many digits
            value = struct.unpack("<d", struct.pack("<Q", pick.randrange(1 << 52) | pick.randint(900, 1150) << 52))[0]
            return "%.*e" % (pick.randint(15, 60), value * (1 + 2.0 ** -53))
        if kind == 5:
            return "%s%d.%0*d%s" % (pick.choice(["", "-"]), pick.randrange(10 ** pick.randint(1, 20)), pick.randint(1, 25),
                                    pick.randrange(10 ** 20), pick.choice(["", "e%d" % pick.randint(-330, 320)]))
        if kind == 6:
            return "%de%s%d" % (pick.randrange(10 ** pick.randint(1, 19)), pick.choice(["", "+", "-"]),
                                pick.randint(0, 345))
        middle = (2 * (pick.randrange(1 << 52) | 1 << 52) + 1) << pick.randint(0, 9)  # exactly between two doubles
        return str(middle + pick.randint(-1, 1)) + pick.choice([".0", ".5", "e0", ".00000000000000000001"])

    def value(self, level=0):
        pick = self.random
        kind = pick.randrange(9 if level < 5 else 6)
        if kind < 2:
            return self.string()
        if kind < 4:
            return self.number()
        if kind == 4:
            return pick.choice(["true", "false", "null", "NaN", "Infinity", "-Infinity"])
        if kind == 5:
            return pick.choice(["[]", "{}", "[ ]", "{\n}"])
        size = pick.choice([0, 1, 2, 3, 4, 17, 40]) if level < 2 else pick.randrange(4)
        if kind < 8:
            keys = [self.string() for _ in range(3)] + ['"k%d"' % pick.randrange(30), '"a"', '""']
            members = [self.space() + pick.choice(keys) + self.space() + ":" + self.space() + self.value(level + 1) +
                       self.space() for _ in range(size)]
            return "{" + (",".join(members) or self.space()) + "}"
        return "[" + (",".join(self.space() + self.value(level + 1) + self.space() for _ in range(size)) or "") + "]"

    def rows(self):
        """The same keys again and again, as tables have them, sometimes not quite."""
        pick = self.random
        keys = [self.string() for _ in range(pick.randint(1, 6))]
        rows = []
        for _ in range(pick.randint(2, 8)):
            own = [key if pick.random() < 0.97 else self.string() for key in keys[:pick.randint(1, 6)]]
            rows.append("{" + ",".join(key + ":" + self.number() for key in own) + "}")
        return '{"rows":[' + ",".join(rows) + "]}"

    def broken(self, document):
        pick = self.random
        data = bytearray(document)
        for _ in range(pick.choice([1, 1, 1, 2, 4])):
            at = pick.randint(0, len(data))
            kind = pick.randrange(6)
            if kind == 0 and data:
                del data[at:]
            elif kind == 1 and at < len(data):
                data[at] = pick.randrange(256)
            elif kind == 2:
                del data[at:at + pick.randint(1, 3)]
            elif kind == 3:
                data[at:at] = pick.choice(self.BAD)
            elif kind == 4:
                data[at:at + 1] = pick.choice(b'[]{},:"\\ 0-.eE+').to_bytes(1, "little")
            else:
                start = pick.randint(0, len(data))
                data[at:at] = data[start:start + pick.randint(1, 8)]
        return bytes(data)

    def document(self):
        chance = self.random.random()
        if chance < 0.03:
            level = self.random.choice([1, 127, 128, 129, 500])
            opening = "".join(self.random.choice(["[", '{"a":']) for _ in range(level))
            closing = "".join("]" if mark == "[" else "}" for mark in re.findall(r"\[|\{", opening)[::-1])
            text = opening + "1" + closing
        elif chance < 0.2:
            text = self.number()
        elif chance < 0.3:
            text = self.rows()
        else:
            text = self.value()
        document = (self.space() + text + self.space()).encode("utf-8", "surrogatepass")
        if self.random.random() < 0.02:
            document = b"\xef\xbb\xbf" + document
        return document if self.random.random() < 0.5 else self.broken(document)


def ask(tool, documents):
    """Yields (kind, text) for each document."""
    with tempfile.TemporaryFile() as file:
        for document in documents:
            file.write(struct.pack("<I", len(document)) + document)
        file.seek(0)
        out = subprocess.run([tool], stdin=file, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    while at < len(out):
        kind, size = struct.unpack_from("<cI", out, at)
        yield kind, out[at + 5:at + 5 + size]
        at += 5 + size


def difference(document, kind, text):
    """What is wrong with the tool's answer, or None."""
    expected = oracle(document)
    if expected is None and kind == b"v":
        return "accepted as %r" % text
    if expected is not None and kind == b"e":
        return "refused: %r" % text
    if expected is not None and text != expected:
        return "%r instead of %r" % (text, expected)
    if expected is None and not POSITION.search(text.decode("utf-8")):
        return "message without a place: %r" % text
    return None


class Score:
    def __init__(self):
        self.passed = self.failed = self.accepted = 0

    def compare(self, tool, documents, expected_kinds):
        """expected_kinds: b"v" or b"e", None where only the oracle knows."""
        answers = list(ask(tool, documents))
        if len(answers) != len(documents):
            sys.exit("json_tool answered %d of %d documents" % (len(answers), len(documents)))
        for document, expected, (kind, text) in zip(documents, expected_kinds, answers):
            wrong = difference(document, kind, text)
            if expected not in (None, kind):
                wrong = "must be %s" % ("read" if expected == b"v" else "refused")
            self.passed, self.failed = self.passed + (not wrong), self.failed + bool(wrong)
            self.accepted += kind == b"v"
            if wrong and self.failed <= 10:
                print("%r: %s" % (document[:400], wrong[:800]))


def cases():
    """(document, kind) of json_cases.txt."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "json_cases.txt"), encoding="ascii") as file:
        for line in file:
            if not line.startswith("#"):
                yield urllib.parse.unquote_to_bytes(line[2:].rstrip("\n")), b"v" if line[0] == "y" else b"e"


def main(tool, count="100000", seed="1"):
    maker, score = Maker(int(seed)), Score()
    score.compare(tool, *zip(*cases()))
    for start in range(0, int(count), 10000):
        documents = [maker.document() for _ in range(min(10000, int(count) - start))]
        score.compare(tool, documents, [None] * len(documents))
    print("%d accepted, %d refused" % (score.accepted, score.passed + score.failed - score.accepted))
    print("%d passed, %d failed" % (score.passed, score.failed))
    sys.exit(score.failed > 0 or score.passed == 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
