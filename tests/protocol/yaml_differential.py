"""Our YAML reader against PyYAML's safe loader, which is what writes and reads MLmodel.

usage: yaml_differential.py YAML_TOOL [COUNT [SEED]]

Where both read a document they must read the same. Ours differs from PyYAML by design, and the loader below is bent to
it: keys stay text and are unique, timestamps and base-60 numbers stay text, `=` is text, an empty document is {}.
Ours refuses more (anchors, tags, merge keys, depth, numbers that JSON cannot carry); what PyYAML refuses of plain
scalars, ours must read as text. Whole documents that only one of them can parse are counted, not judged: libyaml and
PyYAML's own scanner differ on corner cases of the layout.
"""
import json
import random
import re
import subprocess
import sys

import yaml


class Loader(yaml.SafeLoader):
    """PyYAML's resolvers and constructors, but for the deviations named above."""

    def construct_mapping(self, node, deep=False):
        found = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or (key.value == "<<" and key.style is None):
                raise yaml.YAMLError("refused key")
            if key.value == "" and key.style is None:
                raise yaml.YAMLError("empty key")
            if key.value in found:
                raise yaml.YAMLError("duplicate key")
            found[key.value] = self.construct_object(value, deep=True)
        return found

    def construct_yaml_map(self, node):
        return self.construct_mapping(node)


def resolvers():
    kept = {}
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items():
        kept[first] = [(tag, without_base_60(tag, rule)) for tag, rule in rules
                       if tag.rsplit(":", 1)[1] not in ("timestamp", "value", "merge")]
    return kept


def without_base_60(tag, rule):
    alternatives = [a for a in re.split(r"\n\s*\|", rule.pattern[len("^(?:"):-len(")$")]) if "(?::" not in a]
    return re.compile("^(?:" + "\n|".join(alternatives) + ")$", re.X) if len(alternatives) > 1 else rule


Loader.yaml_implicit_resolvers = resolvers()
Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_yaml_map)


class Refused:
    def __init__(self, why):
        self.why = why


def theirs(text):
    try:
        node = yaml.compose(text, Loader)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value == "" and node.style is None):
            return {}
        value = yaml.load(text, Loader)
        if value != value or not carries(value):
            return Refused("JSON cannot carry it")
        return value
    except (yaml.YAMLError, ValueError, LookupError) as error:
        return Refused(str(error))


def carries(value):
    if isinstance(value, dict):
        return all(map(carries, value.values()))
    if isinstance(value, list):
        return all(map(carries, value))
    if isinstance(value, float):
        return value - value == 0
    return not isinstance(value, int) or -2**63 <= value < 2**63


class Ours:
    def __init__(self, tool):
        self.process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, text):
        data = text.encode("utf-8", "surrogatepass")
        self.process.stdin.write(b"%d\n" % len(data) + data)
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        if not line:
            raise SystemExit("the tool ended at %r" % text)
        return Refused(line[2:].strip()) if line.startswith("! ") else json.loads(line)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


WORDS = ("null Null NULL ~ true True TRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y n nULL tRUE .inf "
         "-.inf +.INF .nan .NaN 12:30 1:30.5 190:20:30 2026-11-21 2026-11-21T02:46:07Z = << 0o17 0x 0x_ 0b_ 0_ 1e3 1.0e3 "
         "1.0e+3 1e+3 .5 -.5 +.5 1. 1._ ._ . .. -. 9223372036854775807 9223372036854775808 -9223372036854775808 "
         "-9223372036854775809 1.0e+999 1.0e-999 0.0 -0.0 -0 +0 00 08 0777 -0777 0x7fffffffffffffff").split()


def scalar(rng):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(WORDS)
    if kind < 0.8:
        return "".join(rng.choice("0123456789" * 2 + "+-._eExXbBoaF:") for _ in range(rng.randint(1, 10)))
    return "".join(rng.choice("abYyNn01.-_ éß€") for _ in range(rng.randint(1, 8))).strip() or "a"


def tree(rng, depth=0):
    kind = rng.random()
    if depth < 4 and kind < 0.3:
        return {text(rng): tree(rng, depth + 1) for _ in range(rng.randint(0, 4))}
    if depth < 4 and kind < 0.5:
        return [tree(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return rng.choice([None, True, False, rng.randint(-2**63, 2**63 - 1), rng.uniform(-1e6, 1e6), 1e300, 5e-324,
                       text(rng), text(rng), scalar(rng)])


def text(rng):
    return "".join(rng.choice("ab: #-?[]{},&*!|>'\"%@`\n\t\\0179.\x7f\x85\u2028é€𝄞") for _ in range(rng.randint(0, 12)))


def dumped(rng):
    dumper = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
    return yaml.dump(tree(rng), Dumper=dumper, default_flow_style=rng.choice([None, True, False]), width=rng.choice([10, 80]),
                     allow_unicode=rng.random() < 0.5, default_style=rng.choice([None, None, '"', "'", "|", ">"]),
                     indent=rng.randint(2, 5), explicit_start=rng.random() < 0.2, sort_keys=False)


def mutated(rng):
    document = list(dumped(rng))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(document) + 1)
        document[at:at + rng.randint(0, 1)] = rng.choice(["", " ", "\n", ":", "- ", "#", ",", "]", "{", "'", '"', "|", "\t", "  "])
    return "".join(document)


def main():
    ours, count = Ours(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    rng, one_sided = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1), 0
    for number in range(count):
        kind = number % 4
        plain = WORDS[number // 4] if kind < 2 and number // 4 < len(WORDS) else scalar(rng)
        document = "- %s\n" % plain if kind == 0 else "a: %s\n" % plain if kind == 1 else dumped(rng) if kind == 2 else mutated(rng)
        ref, got = theirs(document), ours(document)
        if isinstance(ref, Refused) or isinstance(got, Refused):
            if kind == 3 and isinstance(ref, Refused) != isinstance(got, Refused):
                one_sided += 1
            elif isinstance(ref, Refused) and not isinstance(got, Refused):
                # PyYAML's own fault: its pattern takes digits that int() and float() refuse.
                if "invalid literal" not in ref.why and "could not convert" not in ref.why:
                    raise SystemExit("%r: refused by PyYAML (%s), ours reads %r" % (document, ref.why, got))
            elif isinstance(got, Refused) and not isinstance(ref, Refused):
                if not got.why.endswith("tags are not allowed"):
                    raise SystemExit("%r: PyYAML reads %r, ours refuses: %s" % (document, ref, got.why))
        elif not same(ref, got):
            raise SystemExit("%r: PyYAML reads %r, ours %r" % (document, ref, got))
    print("%d documents, the same; %d changed ones that only one side can parse" % (count, one_sided))


if __name__ == "__main__":
    main()
