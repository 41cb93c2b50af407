#!/usr/bin/env python3
"""Our searches beside MLflow's own stores, on the same rows: random filters and orders find the same rows in the same order,
or are refused by both in the same words.

  search_differential.py --tool build/dev/tests/search_tool [--count 20000] [--seed 1]

Where MLflow's server would answer 500 (its store raises what is no MlflowException, or INTERNAL_ERROR) ours must refuse.
Differences that are meant are in MEANT below and in registry/store/search.h. Sets in messages are compared sorted, for
Python shows them in any order.

Last line: "N compared, N differ".  Exit status 1 where any differ.  Needs mlflow.
"""
import argparse
import base64
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile

EXPERIMENTS, RUNS, LOGGED_MODELS, MODELS, VERSIONS = range(5)

TEXTS = ["x", "X", "xy", "a_b", "axb", "50%", "it''s", "", "ä", "Ä", "true", "1", "READY", "\"q\"", "back\\slash", "NULL"]
TAGS = ["a", "b c", "d.e", "mlflow.who", "k[0]", "5a", "in", "Ü"]
NUMBERS = [0.0, 1.0, -2.0, 3.5, 12.0, 1e9]
PROMPT = "mlflow.prompt.is_prompt"


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the tool ended with %s at %s" % (self.process.wait(), question))
        return json.loads(line)


class Rows:
    """Writes a row into both databases, whose tables and columns have other names."""

    def __init__(self, tool, theirs):
        self.tool, self.theirs = tool, theirs

    def add(self, ours, our_row, theirs, their_row):
        for table, row, run in ((ours, our_row, lambda sql: self.tool.ask({"run": sql})),
                                (theirs, their_row, self.theirs.execute)):
            run("INSERT OR IGNORE INTO %s (%s) VALUES (%s)" % (table, ", ".join(row), ", ".join(map(literal, row.values()))))


def literal(value):
    if value is None:
        return "NULL"
    return "'%s'" % value.replace("'", "''") if isinstance(value, str) else repr(value)


def fill(rows, generator):
    add_experiments(rows, generator)
    add_runs(rows, generator)
    add_logged_models(rows, generator)
    add_models(rows, generator)


def pairs(generator, values=TEXTS):
    return [(key, generator.choice(values)) for key in TAGS if generator.random() < 0.5]


def add_experiments(rows, generator):
    names = ["exp", "Exp", "ex%p", "other", "ex_p"]
    for number, name in enumerate(names, 1):
        times = {"creation_time": generator.randrange(3), "last_update_time": generator.randrange(3)}
        row = {"experiment_id": number, "name": name, "artifact_location": "", "lifecycle_stage": "active", **times}
        rows.add("experiments", row, "experiments", {**row, "workspace": "default"})
        for key, value in pairs(generator):
            row = {"experiment_id": number, "key": key, "value": value}
            rows.add("experiment_tags", row, "experiment_tags", row)


def add_runs(rows, generator):
    for number in range(40):
        run = "run%d" % number
        same = {"experiment_id": 1, "user_id": generator.choice(["ann", "Bob"]), "lifecycle_stage": "active",
                "status": generator.choice(["RUNNING", "FINISHED"]), "start_time": generator.choice([0, 1, 12]),
                "end_time": generator.choice([None, 1, 12]), "artifact_uri": generator.choice(["s3://a", "S3://b"])}
        name = generator.choice(TEXTS)
        rows.add("runs", {"run_id": run, "name": name, **same}, "runs", {"run_uuid": run, "name": name, **same})
        for key, value in pairs(generator) + [("mlflow.runName", name)]:
            rows.add("run_tags", {"run_id": run, "key": key, "value": value},
                     "tags", {"run_uuid": run, "key": key, "value": value})
        for key, value in pairs(generator):
            rows.add("params", {"run_id": run, "key": key, "value": value},
                     "params", {"run_uuid": run, "key": key, "value": value})
        for key in TAGS:
            if generator.random() < 0.6:
                is_nan = generator.random() < 0.2
                row = {"key": key, "value": 0.0 if is_nan else generator.choice(NUMBERS), "timestamp": 1, "step": 0,
                       "is_nan": int(is_nan)}
                rows.add("latest_metrics", {"run_id": run, **row}, "latest_metrics", {"run_uuid": run, **row})
        add_inputs(rows, generator, run)


def add_inputs(rows, generator, run):
    for number in range(3):
        name = ["train", "Train", "te_st"][number]
        rows.add("datasets", {"dataset_id": number, "experiment_id": 1, "name": name, "digest": "x%d" % number,
                              "source_type": "", "source": ""},
                 "datasets", {"dataset_uuid": str(number), "experiment_id": 1, "name": name, "digest": "x%d" % number,
                              "dataset_source_type": "", "dataset_source": ""})
        if generator.random() < 0.4:
            context = generator.choice(["x", "xy"])
            rows.add("dataset_inputs", {"run_id": run, "dataset_id": number},
                     "inputs", {"input_uuid": run + str(number), "source_type": "DATASET", "source_id": str(number),
                                "destination_type": "RUN", "destination_id": run, "step": 0})
            rows.add("dataset_input_tags", {"run_id": run, "dataset_id": number, "key": "mlflow.data.context", "value": context},
                     "input_tags", {"input_uuid": run + str(number), "name": "mlflow.data.context", "value": context})


def add_logged_models(rows, generator):
    for number in range(25):
        model = "m-%d" % number
        same = {"model_id": model, "experiment_id": 1, "name": generator.choice(TEXTS), "lifecycle_stage": "active",
                "creation_timestamp_ms": generator.choice([0, 1, 12]), "last_updated_timestamp_ms": generator.choice([0, 1, 12]),
                "model_type": generator.choice(["x", "", "Agent"]), "source_run_id": "run%d" % generator.randrange(5)}
        rows.add("logged_models", {**same, "artifact_uri": "", "status": "LOGGED_MODEL_READY"},
                 "logged_models", {**same, "artifact_location": "", "status": 2})
        for key, value in pairs(generator):
            rows.add("logged_model_tags", {"model_id": model, "key": key, "value": value},
                     "logged_model_tags", {"model_id": model, "experiment_id": 1, "tag_key": key, "tag_value": value})
        for key, value in pairs(generator):
            rows.add("logged_model_params", {"model_id": model, "key": key, "value": value},
                     "logged_model_params", {"model_id": model, "experiment_id": 1, "param_key": key, "param_value": value})
        for key in TAGS:
            for run in range(generator.randrange(3)):
                value, time = generator.choice(NUMBERS), generator.randrange(2)
                dataset = generator.choice([(None, None), ("train", "x0"), ("Train", "x1")])
                same = {"model_id": model, "run_id": "run%d" % run, "dataset_name": dataset[0], "dataset_digest": dataset[1]}
                rows.add("logged_model_metrics", {**same, "key": key, "timestamp": time, "step": 0, "value": value},
                         "logged_model_metrics", {**same, "metric_name": key, "metric_timestamp_ms": time, "metric_step": 0,
                                                  "metric_value": value, "experiment_id": 1})


def add_models(rows, generator):
    for name in ["m", "M", "m_1", "mx1", "other", "prompt", "prompt2", "half"]:
        ours = {"creation_timestamp": generator.randrange(3), "last_updated_timestamp": generator.randrange(3)}
        theirs = {"creation_time": ours["creation_timestamp"], "last_updated_time": ours["last_updated_timestamp"]}
        rows.add("registered_models", {"name": name, **ours}, "registered_models", {"name": name, **theirs, "workspace": "default"})
        is_prompt = {"prompt": [(PROMPT, "true")], "prompt2": [(PROMPT, "true")], "half": [(PROMPT, "false")]}.get(name, [])
        for key, value in pairs(generator) + is_prompt:
            row = {"name": name, "key": key, "value": value}
            rows.add("registered_model_tags", row, "registered_model_tags", {**row, "workspace": "default"})
        for version in range(1, 5):
            ours["last_updated_timestamp"] = theirs["last_updated_time"] = generator.randrange(3)
            same = {"name": name, "version": version, "user_id": "", "current_stage": "None", "run_link": "", "status": "READY",
                    "source": generator.choice(["s3://a", "S3://b"]), "run_id": generator.choice(["run1", "run2", ""]),
                    "storage_location": ""}
            rows.add("model_versions", {**same, **ours, "model_id": ""}, "model_versions",
                     {**same, **theirs, "workspace": "default"})
            for key, value in pairs(generator) + (is_prompt if version != 2 else []):
                row = {"name": name, "version": version, "key": key, "value": value}
                rows.add("model_version_tags", row, "model_version_tags", {**row, "workspace": "default"})


# ---- filters ----

SIDE_KEYS = ["a", "`b c`", '"b c"', "`d.e`", "d.e", "mlflow.who", "k[0]", "5a", "`5a`", "in", "`in`", "'a'", "Ü", "none"]
ATTRIBUTES = {
    EXPERIMENTS: ["name", "experiment_id", "creation_time", "last_update_time", "attribute.name", "`name`", "attributes.name"],
    RUNS: ["status", "attributes.status", "attr.run_id", "run.user_id", "start_time", "end_time", "created", "run_name",
           "`run name`", "run_id", "artifact_uri", "attribute.`status`", "`attributes`.status"],
    LOGGED_MODELS: ["name", "model_id", "model_type", "source_run_id", "creation_timestamp", "last_updated_timestamp",
                    "attributes.name", "attribute.name", "`name`", "creation_timestamp_ms"],
    MODELS: ["name", "attribute.name", "`name`", "last_updated_timestamp"],
    VERSIONS: ["name", "version_number", "run_id", "source_path", "attribute.name", "`name`", "creation_timestamp"],
}
PREFIXES = {
    EXPERIMENTS: ["tags", "tag"] * 5 + ["metrics", "Tags"],
    RUNS: ["metrics", "metric", "params", "param", "parameters", "parameter", "tags", "tag", "`tags`", "foo"],
    LOGGED_MODELS: ["metrics", "params", "tags"] * 3 + ["tag", "foo"],
    MODELS: ["tags", "tag"] * 5 + ["params"],
    VERSIONS: ["tags", "tag"] * 5 + ["params"],
}
DATASETS = ["datasets.name", "dataset.digest", "dataset.context"] * 3 + ["datasets.foo"]
NUMERIC_OPS = ["=", "!=", ">", ">=", "<", "<="]
TEXT_OPS = ["=", "!=", "LIKE", "ILIKE", "LIKE", "ilike", "like"]
ODD_OPS = ["IN", "not in", "IS NULL", "is not null", "==", "<>", "NOT LIKE", "RLIKE", "IS", "IS  NOT  NULL", "BETWEEN"]
STRINGS = ["'x'", '"y"', "'%x%'", "'_'", "'a_b'", "'a\\_b'", "'it''s'", "''", "'ä'", "'X%'", "'50%'", "'true'", "'run1'", "'m%'",
           "'exp'", "'1'", "'2'", "'READY'", "'RUNNING'", "'train'", "'x0'", "'back\\slash'", "'back\\'"]
SCALARS = ["1", "-2", "3.5", "1e3", "1E+5", ".5", "5.", "12", "0x1F", "12abc", "5abc", "99999999999999999999"]
LISTS = ["('a')", "('x', 'xy')", "('run1','run2')", "()", "(1, 2)", "('1')", "('1', '2')", "('m',)", "(('m'))", "('m' 'x')",
         "('m\\x31')", "(\"m\", 'M')", "('a', 1)", "('1', 'x')", "('a'", "(a)", "( 'm' , 'other' )", "(('m'), 'x')", "('m',,'x')"]
JOINS = [" AND "] * 30 + [" and ", " OR ", "  AND  ", "\nAND\n", " ", ", ", " AND AND ", "; ", " AND NOT "]
JUNK = ["'", '"', "`", "(", ")", "[", "]", ",", ";", "-", "--", "# ", "/*", "*", "=", "!", ".", "..", "@", "#", "$", "%", "\\", "AND",
        "OR", "NOT", "IN", "NULL", "DESC", "x", "1", "'x'", "name", "tags.a", "?", ":", "\t", "\n", "as", "ü"]


def key_of(generator, entity):
    if entity in (MODELS, VERSIONS) and generator.random() < 0.1:
        return "tags.`%s`" % PROMPT
    if entity == RUNS and generator.random() < 0.1:
        return generator.choice(DATASETS)
    if generator.random() < 0.45:
        return generator.choice(ATTRIBUTES[entity])
    return generator.choice(PREFIXES[entity]) + "." + generator.choice(SIDE_KEYS)


def is_numeric(key):
    return key.split(".")[0] in ("metric", "metrics") or "_time" in key or key in ("created", "version_number")


def fitting(generator, entity):
    """A clause that is fine more often than not."""
    key = key_of(generator, entity)
    if PROMPT in key:
        return "%s %s '%s'" % (key, generator.choice(["=", "!="]), generator.choice(["true", "false", "TRUE"]))
    if is_numeric(key):
        return "%s %s %s" % (key, generator.choice(NUMERIC_OPS), generator.choice(SCALARS[:6] + ["12"] * 3))
    if generator.random() < (0.1 if "." in key else 0.3):
        return "%s %s %s" % (key, generator.choice(["IN", "NOT IN"]), generator.choice(LISTS[:2] * 5 + LISTS))
    if entity in (EXPERIMENTS, RUNS) and "." in key and generator.random() < 0.2:
        return "%s %s" % (key, generator.choice(["IS NULL", "IS NOT NULL"]))
    return "%s %s %s" % (key, generator.choice(TEXT_OPS), generator.choice(STRINGS))


def clause(generator, entity):
    if generator.random() < 0.9:
        return fitting(generator, entity)
    operator = generator.choice(ODD_OPS + NUMERIC_OPS + TEXT_OPS)
    value = generator.choice(STRINGS + SCALARS + LISTS + ["NULL", "z", "`q`", ""])
    space = generator.choice([" ", " ", "  ", ""])
    return key_of(generator, entity) + space + operator + space + value


def spoil(generator, text):
    """Something cut out, put in or said twice."""
    at, end = sorted(generator.randrange(len(text) + 1) for _ in range(2))
    way = generator.randrange(4)
    if way == 0:
        return text[:at] + text[min(end, at + 3):]
    if way == 1:
        return text[:at] + text[at:end] * 2 + text[end:]
    return text[:at] + generator.choice(["", " "]) + generator.choice(JUNK) + generator.choice(["", " "]) + text[at:]


def filter_of(generator, entity):
    text = clause(generator, entity)
    for _ in range(generator.choice([0, 0, 1, 2])):
        text += generator.choice(JOINS) + clause(generator, entity)
    if generator.random() < 0.12:
        text = spoil(generator, text)
    return text


def order_of(generator, entity):
    if entity == LOGGED_MODELS:
        order = {"field_name": generator.choice(ATTRIBUTES[entity] + ["metrics." + k for k in TAGS] + ["foo", "params.a"])}
        if generator.random() < 0.7:
            order["ascending"] = generator.random() < 0.5
        if generator.random() < 0.3:
            order.update(generator.choice([{"dataset_name": "train"}, {"dataset_name": "Train", "dataset_digest": "x1"}]))
        return order
    key = generator.choice(ATTRIBUTES[entity] + ["timestamp", "last_updated_timestamp"]) \
        if generator.random() < 0.7 else key_of(generator, entity)
    text = key + generator.choice(["", " ASC", " DESC", " desc", "  ASC", " foo", " DESC NULLS LAST", " "])
    return spoil(generator, text) if generator.random() < 0.1 else text


TOKENS = ["e30=", "bm8=", "!!!!", "eyJvZmZzZXQiOiAyfQ==", "eyJvZmZzZXQiOiAyfQ=", "eyJvZmZzZXQiOiAyfQ", "=", "====", "W10=", "\u00e4"]


def token_of(generator):
    """A page token: of MLflow's form, of that form with something else in it, or none at all."""
    if generator.random() < 0.2:
        return generator.choice(TOKENS)
    offset = generator.choice([1, 2, 7, "3", " 4 ", "x", 0, None, "", 2.7, True, -1, [1], {}, 10 ** 30, "1_0"])
    token = base64.b64encode(json.dumps({"offset": offset}).encode()).decode()
    return spoil(generator, token) if generator.random() < 0.1 else token


# ---- comparing ----

class Theirs:
    def __init__(self, folder):
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking
        self.path = folder + "/mlflow.db"
        self.tracking = Tracking("sqlite:///" + self.path, folder)
        self.registry = Registry("sqlite:///" + self.path)

    def search(self, entity, filter_string, order_by, max_results, token):
        from mlflow.entities import ViewType
        page = {"max_results": max_results, "order_by": order_by, "page_token": token}
        if entity == EXPERIMENTS:
            found = self.tracking.search_experiments(ViewType.ALL, filter_string=filter_string, **page)
            return [e.experiment_id for e in found], found.token
        if entity == RUNS:
            found = self.tracking.search_runs(["0", "1"], filter_string, ViewType.ALL, **page)
            return [r.info.run_id for r in found], found.token
        if entity == LOGGED_MODELS:
            found = self.tracking.search_logged_models(["0", "1"], filter_string, **page)
            return [m.model_id for m in found], None
        if entity == MODELS:
            found = self.registry.search_registered_models(filter_string, **page)
            return [m.name for m in found], found.token
        found = self.registry.search_model_versions(filter_string, **page)
        return ["%s/%s" % (v.name, v.version) for v in found], found.token

    def answer(self, *question):
        """What was found, or the message; None for what would be a 500."""
        from mlflow.exceptions import MlflowException
        try:
            rows, token = self.search(*question)
            return {"rows": rows, "next": token.decode() if isinstance(token, bytes) else token or ""}
        except MlflowException as e:
            return {"error": e.message} if e.error_code == "INVALID_PARAMETER_VALUE" else {"error": None}
        except Exception :  # whatever it is, the server answers 500
            return {"error": None}


def normal(message):
    """Sets sorted; what a list held that it may not is shown otherwise."""
    message = re.sub(r"^(Invalid page token, [a-z ]*).*", r"\1", message, flags=re.S)
    message = re.sub(r"\{[^{}]*\}", lambda m: "{%s}" % ", ".join(sorted(m.group()[1:-1].split(", "))), message)
    return re.sub(r"(different type in list: ).*", r"\1", message, flags=re.S)


# Messages of ours for what MLflow's parser or database cannot do (500), or does otherwise: (what it says, what we say).
MEANT = [
    # Other keywords of SQL are keys like others here, and unknown.
    (r"Invalid clause\(s\)|Could not be parsed|Invalid comparison clause", r"Invalid (attribute|dataset) key|Invalid entity type"),
    # An unknown key of a logged model, which MLflow looks up last (and with a 500).
    (r"Invalid comparison operator for attributes", r"Invalid attribute key"),
]
# Comments and what other databases know are refused, too, but shown otherwise.
EXOTIC = re.compile(r"--|# |/\*|:|\[")


def is_meant(text, want, got):
    return EXOTIC.search(text) or any(re.search(a, want) and re.search(b, got) for a, b in MEANT)


def difference(question, want, got):
    entity, text, order_by, max_results = question
    if want.get("error", "") is None:
        return None if "error" in got else "refused by the database"
    if ("error" in want) != ("error" in got):
        # Numbers in a list of a logged model's texts.
        is_fine = entity == LOGGED_MODELS and "different type in list" in got.get("error", "")
        return None if is_fine else "accepted by one"
    if "error" in want:
        same = normal(want["error"]) == normal(got["error"]) or is_meant(text + str(order_by), want["error"], got["error"])
        return None if same else "message"
    if want["next"] != got["next"] and entity != LOGGED_MODELS:  # whose tokens hold more: rest_model_token.h
        return "next page"
    return None if want["rows"] == got["rows"][:max_results] else "rows"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tool", required=True)
    options.add_argument("--count", type=int, default=20000)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    generator = random.Random(args.seed)
    tool = Tool(args.tool)
    seen = {}
    with tempfile.TemporaryDirectory() as folder:
        theirs = Theirs(folder)
        with sqlite3.connect(theirs.path) as connection:
            tool.ask({"run": "DELETE FROM experiments"})
            connection.execute("DELETE FROM experiments")
            fill(Rows(tool, connection), generator)
        connection.close()
        differ = refused = 0
        for _ in range(args.count):
            entity = generator.choice([EXPERIMENTS, RUNS, RUNS, LOGGED_MODELS, MODELS, VERSIONS])
            text, order_by = filter_of(generator, entity), []
            if generator.random() < 0.3:
                # MLflow looks at some orders before it looks at a filter's operators: only one of them may be wrong.
                text = generator.choice(["", "name LIKE '%m%'"]) if entity != RUNS else ""
                order_by = [order_of(generator, entity) for _ in range(generator.choice([1, 1, 2]))]
            max_results, token = 100, ""
            if generator.random() < 0.1 and entity != LOGGED_MODELS:
                text, max_results = "", generator.choice([1, 3, 4])
                token = generator.choice(["", token_of(generator)])
            ours = tool.ask({"entity": entity, "filter": text, "order_by": order_by, "max_results": max_results, "page_token": token})
            want = theirs.answer(entity, text, order_by, max_results, token)
            refused += "error" in want
            why = difference((entity, text, order_by, max_results), want, ours)
            if why is not None:
                differ += 1
                seen[why] = seen.get(why, 0) + 1
                if seen[why] <= 12:
                    print("%s: %s\n  mlflow: %s\n  ours:   %s" % (why, [entity, text, order_by, token], want, ours))
    print("%d refused, %s" % (refused, seen))
    print("%d compared, %d differ" % (args.count, differ))
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
