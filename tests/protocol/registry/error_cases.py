"""Bad input to a registry: cases generated from the table of the reference (docs/reference/registry.md), and written ones.

Every field of every call gets what is no value of its type, both spellings, nothing at all; then come unknown and deleted
things, names, stages, aliases, tokens, filters and batches that are wrong. A case is a dict: id, method, path, and query
(pairs) or json or text, content_type. Texts hold $tokens of things that World (error_world.py) makes on
the server that is asked.
"""
import base64
import json
import pathlib
import re

from error_world import API, DATASETS, METRIC, SCORERS

ROOT = pathlib.Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference" / "registry.md"
AJAX = "/ajax-api/2.0/mlflow/"
ONLY_AJAX = {"metrics/get-history-bulk", "metrics/get-history-bulk-interval", "experiments/search-datasets",
             "logged-models/{model_id}/artifacts/directories", "logged-models/{model_id}/artifacts/files",
             "runs/create-promptlab-run", "gateway-proxy"}
HEX32 = "0123456789abcdef" * 2
LONG = "n" * 4096

# What is wrong for most fields; those that are right for one are asked all the same: both servers must say so.
VALUES = {"null": None, "empty": "", "text": "abc", "number": 7, "minus": -1, "fraction": 1.5, "true": True, "list": [],
          "list of text": ["a"], "list of null": [None], "object": {}, "object of text": {"a": "b"}, "2^63": 2**63,
          "NUL": "a\0b", "long": LONG, "climbs": "../../etc/passwd", "unicode": "\u00fc \u2603 \U0001f600"}
ELEMENTS = {"number": 7, "null": None, "list": [], "text": "k", "empty": {}, "unknown member": {"nothing": 1}}
QUERY_VALUES = {"empty": "", "text": "abc", "number": "7", "minus": "-1", "fraction": "1.5", "2^63": str(2**63), "NUL": "a\0b",
                "long": LONG, "climbs": "../../etc/passwd", "unicode": VALUES["unicode"], "object": "{}"}

PAIR = {"key": "k", "value": "v"}
RECORD = {"inputs": {"q": "1"}, "expectations": {"a": 2}, "tags": {"k": "v"}}
GOOD = {  # fields that make a call right
    "POST registered-models/create": {"name": "$new_name", "tags": [PAIR]},
    "GET registered-models/get": {"name": "known"},
    "POST registered-models/rename": {"name": "$fresh_name", "new_name": "$new_name"},
    "PATCH registered-models/update": {"name": "known", "description": "d"},
    "DELETE registered-models/delete": {"name": "$fresh_name"},
    "GET registered-models/search": {},
    "POST registered-models/get-latest-versions": {"name": "known", "stages": ["None"]},
    "GET registered-models/get-latest-versions": {"name": "known", "stages": ["None"]},
    "POST registered-models/set-tag": {"name": "known", "key": "k", "value": "v"},
    "DELETE registered-models/delete-tag": {"name": "known", "key": "k"},
    "POST registered-models/alias": {"name": "known", "alias": "other", "version": "2"},
    "GET registered-models/alias": {"name": "known", "alias": "champion"},
    "DELETE registered-models/alias": {"name": "known", "alias": "spare"},
    "POST model-versions/create": {"name": "versions", "source": "models:/$model", "model_id": "$model", "tags": [PAIR]},
    "GET model-versions/get": {"name": "known", "version": "1"},
    "PATCH model-versions/update": {"name": "known", "version": "1", "description": "d"},
    "DELETE model-versions/delete": {"name": "$fresh_name", "version": "1"},
    "GET model-versions/search": {},
    "POST model-versions/transition-stage": {"name": "known", "version": "1", "stage": "Staging",
                                             "archive_existing_versions": False},
    "GET model-versions/get-download-uri": {"name": "known", "version": "1"},
    "POST model-versions/set-tag": {"name": "known", "version": "1", "key": "k", "value": "v"},
    "DELETE model-versions/delete-tag": {"name": "known", "version": "1", "key": "k"},
    "POST experiments/create": {"name": "$new_name", "tags": [PAIR]},
    "GET experiments/get": {"experiment_id": "1"},
    "GET experiments/get-by-name": {"experiment_name": "main"},
    "GET experiments/search": {"max_results": 10},
    "POST experiments/search": {"max_results": 10},
    "POST experiments/update": {"experiment_id": "3", "new_name": "$new_name"},
    "POST experiments/delete": {"experiment_id": "$fresh_experiment"},
    "POST experiments/restore": {"experiment_id": "2"},
    "POST experiments/set-experiment-tag": {"experiment_id": "1", "key": "k", "value": "v"},
    "POST experiments/delete-experiment-tag": {"experiment_id": "1", "key": "k"},
    "POST runs/create": {"experiment_id": "1", "start_time": 1},
    "GET runs/get": {"run_id": "$run"},
    "POST runs/update": {"run_id": "$other_run", "status": "FINISHED", "end_time": 5},
    "POST runs/delete": {"run_id": "$fresh_run"},
    "POST runs/restore": {"run_id": "$spare_run"},
    "POST runs/log-metric": {"run_id": "$run", **METRIC},
    "POST runs/log-parameter": {"run_id": "$run", "key": "p", "value": "1"},
    "POST runs/set-tag": {"run_id": "$run", "key": "k", "value": "v"},
    "POST runs/delete-tag": {"run_id": "$run", "key": "k"},
    "POST runs/log-batch": {"run_id": "$run", "metrics": [METRIC], "params": [{"key": "p", "value": "1"}], "tags": [PAIR]},
    "POST runs/log-inputs": {"run_id": "$run", "datasets": [{"dataset": {
        "name": "d", "digest": "x", "source_type": "s", "source": "y"}, "tags": [PAIR]}]},
    "POST runs/outputs": {"run_id": "$run", "models": [{"model_id": "$fresh_model", "step": 0}]},
    "POST runs/log-model": {"run_id": "$run", "model_json": json.dumps(
        {"artifact_path": "a", "flavors": {}, "run_id": "$run", "utc_time_created": "2026-01-01 00:00:00"})},
    "POST runs/search": {"experiment_ids": ["1"]},
    "POST experiments/search-datasets": {"experiment_ids": ["1"]},
    "GET metrics/get-history": {"run_id": "$run", "metric_key": "m"},
    "GET metrics/get-history-bulk": {"run_id": ["$run"], "metric_key": "m"},
    "GET metrics/get-history-bulk-interval": {"run_ids": ["$run"], "metric_key": "m", "max_results": 10},
    "POST logged-models": {"experiment_id": "1", "name": "made"},
    "GET logged-models/{model_id}": {},
    "PATCH logged-models/{model_id}": {"model_id": "$model", "status": "LOGGED_MODEL_READY"},
    "DELETE logged-models/{model_id}": {},
    "PATCH logged-models/{model_id}/tags": {"tags": [PAIR]},
    "DELETE logged-models/{model_id}/tags/{tag_key}": {},
    "POST logged-models/{model_id}/params": {"model_id": "$fresh_model", "params": [PAIR]},
    "GET logged-models/{model_id}/artifacts/directories": {},
    "POST logged-models/search": {"experiment_ids": ["1"]},
    "GET artifacts/list": {"run_id": "$run"},
    "POST /graphql": {"query": "query q($id: String) { mlflowGetRun(input: {runId: $id}) { run { info { runId } } } }",
                      "variables": {"id": "$run"}, "operationName": "q"},
    "POST runs/create-promptlab-run": {
        "experiment_id": "1", "prompt_template": "Tell {{ who }}", "prompt_parameters": [PAIR], "model_route": "route",
        "model_input": "in", "model_output": "out", "mlflow_version": "1.0.0", "tags": [PAIR], "start_time": 1},
    "POST %s/create" % DATASETS: {"name": "$new_name", "experiment_ids": ["1"], "tags": '{"k": "v"}'},
    "POST %s/search" % DATASETS: {"experiment_ids": ["1"], "max_results": 10},
    "GET %s/search" % DATASETS: {"experiment_ids": ["1"], "max_results": 10},
    "GET %s/{dataset_id}" % DATASETS: {},
    "DELETE %s/{dataset_id}" % DATASETS: {},
    "PATCH %s/{dataset_id}/tags" % DATASETS: {"tags": '{"k": "v"}'},
    "DELETE %s/{dataset_id}/tags/{key}" % DATASETS: {},
    "GET %s/{dataset_id}/experiment-ids" % DATASETS: {},
    "POST %s/{dataset_id}/add-experiments" % DATASETS: {"experiment_ids": ["3"]},
    "POST %s/{dataset_id}/remove-experiments" % DATASETS: {"experiment_ids": ["3"]},
    "POST %s/{dataset_id}/records" % DATASETS: {"records": json.dumps([RECORD])},
    "GET %s/{dataset_id}/records" % DATASETS: {"max_results": 10},
    "DELETE %s/{dataset_id}/records" % DATASETS: {"dataset_record_ids": ["$record"]},
    "POST %s/register" % SCORERS: {"experiment_id": "1", "name": "judge", "serialized_scorer": "{}"},
    "GET %s/list" % SCORERS: {"experiment_id": "1"},
    "GET %s/versions" % SCORERS: {"experiment_id": "1", "name": "judge"},
    "GET %s/get" % SCORERS: {"experiment_id": "1", "name": "judge", "version": 1},
    "DELETE %s/delete" % SCORERS: {"experiment_id": "1", "name": "$fresh_scorer", "version": 1},
}
OWN = {"GET sluice/history", "GET sluice/alias-at"}  # no calls of MLflow's
MODEL_CHANGES = {"DELETE logged-models/{model_id}", "POST logged-models/{model_id}/params"}
DATASET_CHANGES = {"DELETE %s/{dataset_id}" % DATASETS}
NESTED = {"datasets": {"dataset": {"name": "d2", "digest": "x", "source_type": "s", "source": "y"}},
          "models": {"model_id": "$fresh_model"},
          "metrics": METRIC, "order_by": {"field_name": "name"}}


# ---- the reference ----

FIELD = re.compile(r"`(\w+)` ([a-z]+(?:\[\])?)( \(required\))?")


def split_fields(text):
    """"`a` string, `b` object[] {`c` string}" -> [(name, type, nested fields)]"""
    fields, at = [], 0
    while match := FIELD.search(text, at):
        at, nested = match.end(), []
        if text[at:at + 2] == " {":
            end, depth = at + 2, 1
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            nested, at = split_fields(text[at + 2:end - 1]), end
        fields.append((match[1], match[2], nested))
    return fields


def rpcs():
    """[("POST runs/create", fields)] of the reference"""
    found = []
    for line in REFERENCE.read_text("utf-8").splitlines():
        row = re.match(r"\| ([A-Z]+) \| `([^`]+)` \| (.*) \| [^|]* \|$", line)
        if row and row[1] + " " + row[2] not in OWN:
            found.append((row[1] + " " + row[2], split_fields(row[3])))
    return found


def camel(name):
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def case_of(rpc, what, fields, **more):
    method, path = rpc.split(" ")
    base = "" if path.startswith("/") else AJAX if path in ONLY_AJAX else API
    named = {"model_id": "$fresh_model" if rpc in MODEL_CHANGES else "$model", "tag_key": "k", "key": "k",
             "dataset_id": "$fresh_dataset" if rpc in DATASET_CHANGES else "$dataset"}
    case = {"id": rpc + ": " + what, "method": method, "path": base + path.format(**named), **more}
    if "text" in more:
        return case
    if method == "GET":
        case["query"] = [(key, item) for key, value in fields.items() for item in (value if isinstance(value, list) else [value])]
    else:
        case["json"] = fields
    return case


def without(fields, name):
    return {key: value for key, value in fields.items() if key != name}


def field_cases(rpc, good, field):
    name, kind, nested = field
    is_query = rpc.startswith("GET ")
    yield case_of(rpc, name + " absent", without(good, name))
    for what, value in (QUERY_VALUES if is_query else VALUES).items():
        yield case_of(rpc, "%s = %s" % (name, what), {**good, name: value})
    value = good.get(name, "abc")
    if camel(name) != name:
        yield case_of(rpc, name + " in camelCase", {**without(good, name), camel(name): value})
        yield case_of(rpc, name + " in both spellings", {**good, name: value, camel(name): value})
        yield case_of(rpc, name + " in both spellings, one null", {**good, name: value, camel(name): "" if is_query else None})
    if is_query:
        yield case_of(rpc, name + " twice", {**good, name: [*(value if isinstance(value, list) else [value]), "abc"]})
    for case in element_cases(rpc, good, name, kind, nested):
        yield case


def element_cases(rpc, good, name, kind, nested):
    if not nested:
        return
    start = NESTED.get(name, PAIR)
    wrap = (lambda item: [item]) if kind.endswith("[]") else (lambda item: item)
    for what, element in ELEMENTS.items():
        yield case_of(rpc, "%s[] = %s" % (name, what), {**good, name: wrap(element)})
    for member, _, inner in nested:
        yield case_of(rpc, "%s[].%s absent" % (name, member), {**good, name: wrap(without(start, member))})
        for what in ("null", "empty", "text", "number", "fraction", "true", "list", "object", "2^63", "long"):
            yield case_of(rpc, "%s[].%s = %s" % (name, member, what), {**good, name: wrap({**start, member: VALUES[what]})})
        for deep, _, _ in inner:
            for what in ("null", "empty", "number", "list", "object", "long"):
                changed = {**start, member: {**start.get(member, PAIR), deep: VALUES[what]}}
                yield case_of(rpc, "%s[].%s.%s = %s" % (name, member, deep, what), {**good, name: wrap(changed)})


def body_cases(rpc, good):
    if rpc.startswith("GET "):
        return
    for what, text in {"nothing": "", "broken": '{"name": ', "list": "[]", "text": '"abc"', "number": "7", "null": "null",
                       "twice encoded": json.dumps(json.dumps(good)), "not UTF-8": '{"name": "\xff"}', "NaN": '{"name": NaN}',
                       "trailing": json.dumps(good) + "x", "form": "name=known"}.items():
        yield case_of(rpc, "body " + what, None, text=text)
    for what in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "application/jsonx"):
        yield case_of(rpc, "content type " + what, None, text=json.dumps(good), content_type=what)


def table_cases():
    for rpc, fields in rpcs():
        good = GOOD[rpc]
        yield case_of(rpc, "right", good)
        for field in fields:
            yield from field_cases(rpc, good, field)
        yield from body_cases(rpc, good)


# ---- what is of the right type ----

RUNS = {"unknown": HEX32, "deleted": "$gone_run", "slash": "a/b", "climbs": "..", "spaces": " $run", "upper": "ABC"}
EXPERIMENTS = {"unknown": "999", "deleted": "2", "no number": "x", "huge": "9" * 30, "minus": "-1", "spaces": " 1 ", "plus": "+1",
               "underscore": "1_0", "hex": "0x1"}
LOGGED = {"unknown": "m-" + HEX32, "deleted": "$gone_model", "run": "$run", "long": "m-" + LONG}
DATASET_IDS = {"unknown": "d-" + HEX32, "deleted": "$gone_dataset", "model": "$model", "long": "d-" + LONG}
REGISTERED = {"unknown": "no-such", "deleted": "gone", "slash": "a/b", "colon": "a:b", "dots": "..", "blank": " ",
              "case": "KNOWN", "climbs": "../known"}
VERSIONS = {"unknown": "99", "deleted": "3", "zero": "0", "minus": "-1", "no number": "x", "fraction": "1.0", "huge": "9" * 30,
            "spaces": " 1 ", "latest": "latest", "underscore": "1_0", "plus": "+1"}
ALIASES = {"unknown": "no-such", "latest": "latest", "LATEST": "LATEST", "v1": "v1", "V12": "V12", "v": "v", "slash": "a/b",
           "space": "a b", "dot": "a.b", "long": "a" * 256, "unicode": "\u00fc", "newline": "a\n"}
STAGES = {"unknown": "Nowhere", "lower": "staging", "upper": "PRODUCTION", "space": "Staging "}
KEYS = {"slash": "/k", "climbs": "../k", "climbs inside": "a/../k", "double slash": "a//b", "dot": ".", "star": "a*b",
        "newline": "a\nb", "unicode": "schl\u00fcssel", "snow": "\u2603", "250": "k" * 250, "251": "k" * 251, "trailing slash": "a/",
        "colon": "a:b", "comma": "a,b", "quote": "a'b", "both quotes": "a'\"b", "DEL": "a\x7f"}
LENGTHS = {"500": "v" * 500, "501": "v" * 501, "5000": "v" * 5000, "5001": "v" * 5001, "6000": "v" * 6000, "6001": "v" * 6001,
           "8000": "v" * 8000, "8001": "v" * 8001, "100000": "v" * 100000, "100001": "v" * 100001}
KINDS = {"run_id": RUNS, "experiment_id": EXPERIMENTS, "version": VERSIONS, "alias": ALIASES, "stage": STAGES, "key": KEYS,
         "metric_key": KEYS, "value": LENGTHS, "description": LENGTHS, "model_id": LOGGED}


def kind_cases():
    for rpc, fields in rpcs():
        names = {field[0] for field in fields}
        for name in sorted(names & set(KINDS)):
            for what, value in sorted(KINDS[name].items()):
                yield case_of(rpc, "%s is %s" % (name, what), {**GOOD[rpc], name: value})
        if "registered-models" in rpc or "model-versions" in rpc:
            for name in sorted(names & {"name", "new_name"}):
                for what, value in REGISTERED.items():
                    yield case_of(rpc, "%s is %s" % (name, what), {**GOOD[rpc], name: value})
        for what, value in (LOGGED if "{model_id}" in rpc else DATASET_IDS if "{dataset_id}" in rpc else {}).items():
            case = case_of(rpc, "path's %s is %s" % ("model" if "{model_id}" in rpc else "dataset", what), GOOD[rpc])
            case["path"] = re.sub(r"\$\w+", lambda _: value[:300], case["path"])
            yield case


TOKENS = {"text": "abc", "base64": base64.b64encode(b"nonsense").decode(), "JSON": base64.b64encode(b"{}").decode(),
          "offset": base64.b64encode(b'{"offset": -1}').decode(), "list": base64.b64encode(b"[1]").decode(), "huge": "A" * 3000,
          "not UTF-8": base64.b64encode(b"\xff\xfe").decode(), "percent": "%", "number": base64.b64encode(b"7").decode(),
          "plain number": "7", "big offset": base64.b64encode(b'{"offset": 99999999999999999999}').decode()}
FILTERS = ["name", "name =", "= 'x'", "name == 'x'", "name = x", "name = 'x", "name = \"x", "name LIKE 5", "nothing = 'x'",
           "name > 'x'", "name IN 'x'", "name IN ()", "name IN ('x'", "metrics.m = 'x'", "metrics.m LIKE '1'", "params.p = 5",
           "params.p > '5'", "tags.t = 5", "tags. = 'x'", "tags.'a' = 'x'", "tags.`a = 'x'", "tags.a = 'x' OR tags.a = 'y'",
           "NOT name = 'x'", "(name = 'x')", "name = 'x' AND", "AND", "name = 'x' name = 'y'", "name = 'x'; DROP TABLE runs",
           "1 = 1", "'x' = 'x'", "attributes.status = 5", "attribute.nothing = 'x'", "attributes.start_time = 'x'",
           "attributes.run_id = 5", "start_time > 99999999999999999999", "start_time IS NULL", "status IS NOT 'x'", "foo.bar = 'x'",
           "a.b.c = 'x'", "tag.k ILIKE 5", "dataset.name = 5", "datasets.nothing = 'x'", "metrics.m > 1e999", "metrics.m >",
           "version_number = 'x'", "run_id = 5", "source_path IN ('x')", "run_id IN ()", "run_id IN (5)", "name LIKE", "name = NULL",
           "name = 'x' -- y", "name = 'x' /* y */", "creation_time > 'x'", "creation_time > 1.5", "last_update_time LIKE '1'", " ",
           "'", "\\", "\u2603 = '\u2603'", "name = '\u2603'", "tags.\u2603 = 'x'", "experiment_id = 'x'", "prompt = 'x'",
           "name = 'a' AND name = 'b' AND", "version = 'x'", "metrics.`a b > 1", "params.p IN ('a', 5)", "params.p IN ()", "stage = 'x'",
           "name != 5", "name BETWEEN 'a' AND 'b'", "model_id = 'x'", "metrics.m = 1 AND (params.p = 'x')"]
ORDERS = ["", " ", "name", "name ASC", "name asc", "name DOWN", "name ASC DESC", "nothing", "name, name", "name; DROP TABLE runs",
          "metrics.m", "metrics. DESC", "params.`a", "tags.a ASC x", "1", "'x'", "attributes.nothing", "start_time DESC", "timestamp",
          "last_updated_timestamp DESC", "creation_timestamp", "version_number", "experiment_id", "\u2603", "foo.bar", "a.b.c ASC",
          "creation_time", "last_update_time DESC", "CASE WHEN 1 THEN 1 END", "dataset.name"]
COUNTS = {"0": 0, "-1": -1, "too many": 10**6, "one too many": 50001, "2^31": 2**31, "2^63": 2**63, "text": "7", "fraction": 2.5}
SEARCHES = ["GET registered-models/search", "GET model-versions/search", "POST experiments/search", "GET experiments/search",
            "POST runs/search", "POST logged-models/search"]


def search_cases():
    for rpc in SEARCHES:
        good = GOOD[rpc]
        for text in FILTERS:
            yield case_of(rpc, "filter " + text, {**good, "filter": text})
        for text in ORDERS:
            order = [{"field_name": text}] if "logged-models" in rpc else [text]
            yield case_of(rpc, "order by " + text, {**good, "order_by": order})
        for what, token in TOKENS.items():
            yield case_of(rpc, "page token " + what, {**good, "page_token": token})
    rpc = "POST %s/search" % DATASETS
    for text in FILTERS:
        yield case_of(rpc, "filter " + text, {"filter_string": text})
    for text in ORDERS:
        yield case_of(rpc, "order by " + text, {"order_by": [text]})
    for rpc, fields in rpcs():
        names = {field[0] for field in fields}
        for what, count in COUNTS.items() if "max_results" in names else ():
            yield case_of(rpc, "max_results is " + what, {**GOOD[rpc], "max_results": count})
        if "page_token" in names and rpc not in SEARCHES:
            for what, token in TOKENS.items():
                yield case_of(rpc, "page token " + what, {**GOOD[rpc], "page_token": token})


def written_cases():
    batch, run = "POST runs/log-batch", {"run_id": "$run"}
    metrics = lambda count: [{**METRIC, "key": "m%d" % i} for i in range(count)]
    pairs = lambda count, start="n": [{"key": "%s%d" % (start, i), "value": "v"} for i in range(count)]
    yield case_of(batch, "1001 metrics", {**run, "metrics": metrics(1001)})
    yield case_of(batch, "101 params", {**run, "params": pairs(101)})
    yield case_of(batch, "101 tags", {**run, "tags": pairs(101)})
    yield case_of(batch, "1001 of all", {**run, "metrics": metrics(901), "params": pairs(50), "tags": pairs(50)})
    yield case_of(batch, "param changed", {**run, "params": [{"key": "p", "value": "2"}]})
    yield case_of(batch, "param twice", {**run, "params": [{"key": "q", "value": "1"}, {"key": "q", "value": "2"}]})
    yield case_of(batch, "param twice, same", {**run, "params": [{"key": "q", "value": "1"}, {"key": "q", "value": "1"}]})
    for kind in ("metrics", "params", "tags"):
        for what, key in KEYS.items():
            start = METRIC if kind == "metrics" else PAIR
            yield case_of(batch, "%s key %s" % (kind, what), {**run, kind: [{**start, "key": key}]})
        for what in ("6001", "8001"):
            if kind != "metrics":
                yield case_of(batch, "%s value %s" % (kind, what), {**run, kind: [{"key": "long" + what, "value": LENGTHS[what]}]})
    yield case_of("POST runs/log-parameter", "changed", {**run, "key": "p", "value": "2"})
    for what, value in {"NaN": "NaN", "Infinity": "-Infinity", "1e999": "1e999", "text": "x", "hex": "0x10"}.items():
        yield case_of("POST runs/log-metric", "value is " + what, {**run, **METRIC, "key": "n", "value": value})
    for what, value in {"2^63": 2**63, "minus": -5, "text": "5", "fraction": 1.5, "-2^63": -2**63}.items():
        for name in ("timestamp", "step"):
            yield case_of("POST runs/log-metric", "%s is %s" % (name, what), {**run, **METRIC, "key": "n", name: value})
    yield case_of("POST registered-models/create", "twice", {"name": "known"})
    yield case_of("POST registered-models/create", "tag of 100001", {"name": "t", "tags": [{"key": "k", "value": "v" * 100001}]})
    yield case_of("POST registered-models/create", "tag key of 251", {"name": "t", "tags": [{"key": "k" * 251, "value": "v"}]})
    yield case_of("POST registered-models/rename", "to a taken name", {"name": "known", "new_name": "versions"})
    yield case_of("POST registered-models/rename", "to itself", {"name": "known", "new_name": "known"})
    yield case_of("POST experiments/create", "twice", {"name": "main"})
    yield case_of("POST experiments/create", "name of a deleted one", {"name": "main"})
    yield case_of("POST experiments/update", "to a taken name", {"experiment_id": "1", "new_name": "Default"})
    for what, place in {"climbs": "mlflow-artifacts:/../x", "query": "s3://b/?a=b", "fragment": "s3://b/#x", "file": "file:///etc",
                        "no scheme": "/etc", "escaped": "mlflow-artifacts:/%2e%2e/x", "twice escaped": "s3://b/%252e%252e/x",
                        "unknown": "foo://x", "broken": "http://[::1", "dot": "."}.items():
        yield case_of("POST experiments/create", "location " + what, {"name": "at " + what, "artifact_location": place})
        yield case_of("POST model-versions/create", "source " + what, {"name": "versions", "source": place})
        yield case_of("POST model-versions/create", "source of a run " + what,
                      {"name": "versions", "source": place, "run_id": "$run"})
    for what, source in {"models": "models:/no-such/1", "alias": "models:/known@no-such", "model": "models:/m-" + HEX32,
                         "deleted model": "models:/$gone_model", "runs": "runs:/%s/m" % HEX32, "runs alone": "runs:/",
                         "models alone": "models:/", "stage": "models:/known/Nowhere"}.items():
        yield case_of("POST model-versions/create", "source " + what, {"name": "versions", "source": source})
    for what, path in {"climbs": "../x", "root": "/etc", "double": "a//b", "dot": ".", "escaped": "%2e%2e/x", "backslash": "..\\x",
                       "NUL": "a\0", "nothing": "no-such", "C:": "C:\\x", "URI": "file:///etc", "query": "a?b", "long": LONG}.items():
        yield case_of("GET artifacts/list", "path " + what, {"run_id": "$run", "path": path})
        yield case_of("GET logged-models/{model_id}/artifacts/directories", "path " + what, {"artifact_directory_path": path})
    for what, text in {"no JSON": "x", "list": "[]", "no artifact_path": "{}", "flavors": '{"artifact_path": 5}',
                       "null": "null"}.items():
        yield case_of("POST runs/log-model", "model_json " + what, {**run, "model_json": text})
    for method, path in (("GET", "nothing"), ("GET", "runs/nothing"), ("PUT", "runs/get"), ("DELETE", "runs/create"),
                         ("POST", "registered-models/get"), ("GET", "registered-models/create"), ("PATCH", "experiments/get"),
                         ("POST", "runs//get"), ("GET", "runs/get/x"), ("GET", "../mlflow/runs/get"), ("GET", "logged-models/")):
        yield {"id": "%s %s: no call" % (method, path), "method": method, "path": API + path}


# ---- JSON and queries in texts ----

TAGS = {"list": '["a"]', "empty list": "[]", "text": '"a"', "number": "5", "null": "null", "false": "false", "null value": '{"k": null}',
        "number value": '{"k": 5}', "object value": '{"k": {"a": 1}}', "list value": '{"k": []}', "empty key": '{"": "v"}',
        "broken": '{"k": ', "trailing": "{} x", "NaN": '{"k": NaN}', "twice": '{"k": 1, "k": 2}', "user": '{"mlflow.user": 5}',
        "long key": json.dumps({LONG: "v"}), "long value": json.dumps({"k": "v" * 10000}), "deep": '{"k": ' + "[" * 90 + "]" * 90 + "}"}
RECORDS = {"object": "{}", "text": '"a"', "number": "5", "null": "null", "empty": "[]", "list of number": "[5]", "list of null": "[null]",
           "list of list": "[[]]", "nothing in it": "[{}]", "broken": '[{"inputs": ', "one good, one not": '[{"inputs": {"q": 9}}, 5]',
           "unknown member": '[{"inputs": {"q": 1}, "nothing": 5}]', "twice the same": '[{"inputs": {"q": 1}}, {"inputs": {"q": 1}}]',
           "own id": '[{"inputs": {"q": 1}, "dataset_record_id": "x"}]'}
SOURCES = {"no type": "{}", "unknown type": '{"source_type": "NOTHING"}', "type is number": '{"source_type": 5}',
           "data is number": '{"source_type": "HUMAN", "source_data": 5}', "trace": '{"source_type": "TRACE", "source_data": {}}'}
SCORERS_SAID = {"broken": '{"a": ', "list": "[]", "number": "5", "null": "null", "text": '"a"', "NaN": "NaN", "long": json.dumps(LONG),
                "third party": '{"third_party_scorer_data": {"module": "os"}}', "builtin": '{"builtin_scorer_class": "Nothing"}'}
QUERIES = {"broken": "{", "blank": " ", "comment": "# nothing", "no operation": "fragment f on Query { test }", "scalar": "{ test }",
           "unknown field": "{ nothing }", "no selection": "{ mlflowGetRun }", "selection of a scalar": "{ test { a } }",
           "no input": "{ mlflowGetRun { run { info { runId } } } }", "unknown argument": "{ test(no: 1) }",
           "unknown input": "{ mlflowGetRun(input: {no: 1}) { run { info { runId } } } }",
           "input is text": '{ mlflowGetRun(input: "x") { run { info { runId } } } }',
           "input is null": "{ mlflowGetRun(input: null) { run { info { runId } } } }",
           "unknown run": '{ mlflowGetRun(input: {runId: "no"}) { apiError { code } run { info { runId } } } }',
           "unknown experiment": '{ mlflowGetExperiment(input: {experimentId: "99"}) { apiError { code message } } }',
           "no number": '{ mlflowGetExperiment(input: {experimentId: "x"}) { apiError { code message } } }',
           "run id is number": "{ mlflowGetRun(input: {runId: 5}) { apiError { code } } }",
           "undefined variable": "{ mlflowGetRun(input: {runId: $no}) { apiError { code } } }",
           "unused variable": "query q($a: String) { test }", "unknown type": "query q($a: Nothing) { test(inputString: $a) }",
           "required variable": "query q($a: String!) { test(inputString: $a) }", "two of a name": "query q { test } query q { test }",
           "two": "query a { test } query b { test }", "unknown fragment": "{ ...f }", "unused fragment": "{ test } fragment f on Query { test }",
           "circle": "{ ...f } fragment f on Query { ...f }", "fragment on nothing": "{ ... on Nothing { test } }",
           "fragment of another": "{ ... on MlflowRun { info { runId } } }", "subscription": "subscription { test }",
           "mutation": 'mutation { testMutation(inputString: "a") { output } }', "unknown directive": "{ test @nothing }",
           "skip without if": "{ test @skip }", "include of text": '{ test @include(if: "x") }', "introspection": "{ __schema { types { name } } }",
           "typename": "{ __typename }", "alias": "{ a: test b: test }", "conflict": '{ a: test a: __typename }',
           "many aliases": "{ %s }" % " ".join("a%d: test" % i for i in range(30)), "many roots": "{ %s }" % "test " * 30,
           "deep": "{ mlflowGetRun(input: {}) " + "{ run " * 20 + "}" * 21, "deep list": "{ test(inputString: " + "[" * 50 + "]" * 50 + ") }",
           "int beyond": '{ mlflowSearchRuns(input: {maxResults: 99999999999}) { runs { info { runId } } } }',
           "enum of nothing": '{ mlflowSearchRuns(input: {runViewType: NO}) { runs { info { runId } } } }',
           "filter": '{ mlflowSearchRuns(input: {experimentIds: ["1"], filter: "nothing = 5"}) { apiError { code } } }',
           "page token": '{ mlflowSearchRuns(input: {experimentIds: ["1"], pageToken: "x"}) { apiError { code } } }',
           "too many": '{ mlflowSearchRuns(input: {experimentIds: ["1"], maxResults: 1000000}) { apiError { code } } }',
           "files of nothing": '{ mlflowListArtifacts(input: {runId: "no", path: "../x"}) { apiError { code } } }',
           "files climb": '{ mlflowListArtifacts(input: {runId: "$run", path: "../x"}) { apiError { code } } }',
           "open text": '{ test(inputString: "a) }', "bad escape": '{ test(inputString: "\\q") }', "block text": '{ test(inputString: """a""") }',
           "NUL": "{ te\0st }", "unicode": "{ \u2603 }", "BOM": "\ufeff{ test }", "number": "{ 5 }", "float": "{ test(inputString: 1.e5) }"}
FILES = {"climbs": "../x", "root": "/etc/passwd", "double": "a//b", "dot": ".", "escaped": "%2e%2e/x", "backslash": "..\\x", "folder": "sub",
         "below a file": "sub/file/x", "right": "sub/file", "NUL": "sub\0", "nothing": "no-such", "C:": "C:\\x", "URI": "file:///etc",
         "empty": "", "long": LONG, "unicode": "\u2603", "slash": "sub/"}


def text_cases():
    create, upsert = "POST %s/create" % DATASETS, "POST %s/{dataset_id}/records" % DATASETS
    for rpc in (create, "PATCH %s/{dataset_id}/tags" % DATASETS):
        for what, text in TAGS.items():
            yield case_of(rpc, "tags are " + what, {**GOOD[rpc], "tags": text})
    for what, text in RECORDS.items():
        yield case_of(upsert, "records are " + what, {"records": text})
    for part in ("inputs", "outputs", "expectations", "tags", "source"):
        for what in ("null", "text", "number", "true", "list", "object", "long"):
            record = {**RECORD, part: VALUES[what]}
            yield case_of(upsert, "record's %s = %s" % (part, what), {"records": json.dumps([record])})
    for what, text in SOURCES.items():
        yield case_of(upsert, "source of " + what, {"records": json.dumps([{**RECORD, "source": json.loads(text)}])})
    for what, text in SCORERS_SAID.items():
        yield case_of("POST %s/register" % SCORERS, "scorer is " + what, {**GOOD["POST %s/register" % SCORERS], "serialized_scorer": text})
    for rpc, fields in rpcs():
        if rpc.partition(" ")[2].startswith((DATASETS, SCORERS)) and "experiment_ids" in {field[0] for field in fields}:
            for what, value in EXPERIMENTS.items():
                yield case_of(rpc, "one of experiment_ids is " + what, {"name": "$new_name", "experiment_ids": ["1", value]})
    for what, text in QUERIES.items():
        yield case_of("POST /graphql", "query " + what, {"query": text})


def page_cases():
    """What MLflow's web pages ask for, beside the reference's calls."""
    files, proxy = "GET logged-models/{model_id}/artifacts/files", "gateway-proxy"
    yield case_of(files, "path absent", {})
    for what, path in FILES.items():
        yield case_of(files, "path " + what, {"artifact_file_path": path})
    for what, value in LOGGED.items():
        case = case_of(files, "model is " + what, {"artifact_file_path": "sub/file"})
        yield {**case, "path": case["path"].replace("$model", value[:300])}
    for what, path in {"right": "api/2.0/endpoints", "unknown": "x", "climbs": "../x", "URL": "http://127.0.0.1:1", "long": LONG}.items():
        yield case_of("GET " + proxy, "path " + what, {"gateway_path": path})
        yield case_of("POST " + proxy, "path " + what, {"gateway_path": path, "json_data": {}})
    yield from body_cases("POST " + proxy, {"gateway_path": "api/2.0/endpoints"})
    for method in ("PUT", "DELETE", "PATCH"):
        yield {"id": "%s %s: no call" % (method, proxy), "method": method, "path": AJAX + proxy}
    lab = "POST runs/create-promptlab-run"
    for name in ("prompt_parameters", "model_parameters", "model_output_parameters", "tags"):
        for what, element in {**ELEMENTS, "key is number": {"key": 5, "value": "v"}, "value is object": {"key": "k", "value": {}},
                              "null value": {"key": "k", "value": None}}.items():
            yield case_of(lab, "an element of %s is %s" % (name, what), {**GOOD[lab], name: [element]})
        yield case_of(lab, "%s twice the same" % name, {**GOOD[lab], name: [PAIR, PAIR]})


def last_cases():
    """What must still be there."""
    for rpc in ("GET runs/get", "GET registered-models/get", "GET experiments/get", "GET logged-models/{model_id}",
                "GET model-versions/get", "GET registered-models/alias", "GET metrics/get-history"):
        yield case_of(rpc, "at the end", GOOD[rpc])


def cases():
    found, seen = [], set()
    for group in (table_cases(), kind_cases(), search_cases(), written_cases(), text_cases(), page_cases(), last_cases()):
        for case in group:
            if case["id"] not in seen:
                seen.add(case["id"])
                found.append(case)
    return found
