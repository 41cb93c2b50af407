"""The serving verbs of `sluice`: against the real sluiced, with bundles that answer from recordings or from SQL, and against
a Databricks workspace that speaks docs/protocol/DATABRICKS.md 1.1."""
import http.server
import json
import pathlib
import re
import subprocess
import threading
import time

import pytest

from conftest import Sluiced
from fake_serving import FakeServing
from fake_unity import TOKEN
from registry_cli_test import EXAMPLE, Tool
from registry_client_test import unique
from serving_kit import CONFIG, INPUTS, OUTPUTS, OVERFLOW

ROWS = pathlib.Path(EXAMPLE).parent / "slide_generator_rows.json"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Sluiced(state=tmp_path_factory.mktemp("sluiced"))
    yield server
    server.stop()


@pytest.fixture
def tool(server, tmp_path):
    return Tool(tmp_path, MLFLOW_TRACKING_URI=server.url)


def write_doubler(folder, adds=0, example=1):
    """Answers 2n + adds."""
    folder.mkdir(parents=True, exist_ok=True)
    mlmodel = {"flavors": {"sluice": {"config": "config.yaml"}},
               "signature": {"inputs": json.dumps(INPUTS), "outputs": json.dumps(OUTPUTS), "params": None}}
    if example is not None:
        mlmodel["saved_input_example_info"] = {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}
        (folder / "input_example.json").write_text(json.dumps({"columns": ["n"], "data": [[example]]}))
    (folder / "MLmodel").write_text(json.dumps(mlmodel))
    (folder / "config.yaml").write_text(CONFIG % adds)
    return folder


@pytest.fixture
def doubler(tool, tmp_path):
    """A model with two versions, which answer 2n + 1 and 2n + 2, and the name of an endpoint."""
    name = unique("doubler")
    for adds in (1, 2):
        tool("register", write_doubler(tmp_path / ("v%d" % adds), adds), "--name", name)
    return name


def entities(record):
    return [(e["model"].split(".")[-1] + "/" + e["version"], e["traffic"]) for e in record["entities"]]


# sluiced.

def test_deploy_makes_updates_and_has_nothing_to_do(tool, doubler):
    name, model = doubler, doubler
    plan = tool.json("deploy", model + "/1", "--endpoint", name, "--plan")
    assert plan["action"] == "create" and [c["change"] for c in plan["changes"]] == ["add", "change"]
    assert tool.json("status")["endpoints"] == [] or name not in tool("status")

    first = tool.json("deploy", model + "/1", "--endpoint", name, "--env", "A=b", "--size", "Medium", "--why", "first")
    assert first["changed"] and first["state"] == "READY" and entities(first) == [(model + "/1", 100)]
    assert len(first["entities"][0]["digest"]) == 64
    again = tool.json("deploy", model + "/1", "--endpoint", name)
    assert not again["changed"] and again["config_version"] == 1
    assert "nothing to do" in tool("deploy", model + "/1", "--endpoint", name)
    assert tool.json("deploy", model + "/1", "--endpoint", name, "--plan")["action"] == "none"

    # What is not said goes over to the new version; what is said changes, and the plan says what.
    planned = tool("deploy", model + "/2", "--endpoint", name, "--plan")
    assert "+ %s-2  %s/2, Medium, env A\n" % (model, model) in planned and "- %s-1  " % model in planned
    second = tool.json("deploy", model + "/2", "--endpoint", name, "--scale-to-zero", "--env", "B=c", "--unset-env", "A")
    assert second["entities"][0] == {**second["entities"][0], "workload_size": "Medium", "scale_to_zero": True, "env": ["B"]}
    planned = tool("deploy", model + "/2", "--endpoint", name, "--always-on", "--env", "B=d", "--size", "Small", "--plan")
    assert "workload_size Medium → Small, scale_to_zero_enabled true → false, env ~B" in planned
    told = tool.json("deploy", model + "/2", "--endpoint", name, "--env", "B=d", "--env", "C={{secrets/s/k}}", "--plan")
    assert told["config"]["served_entities"][0]["environment_vars"] == {"B": "***", "C": "{{secrets/s/k}}"}
    assert tool.json("status", name)["config_version"] == 2


def test_the_curl_line_works_as_it_is(tool, server, tmp_path):
    name = unique("o'slides")
    tool("register", EXAMPLE, "--name", name)
    endpoint = unique("curl")
    said = tool("deploy", name + "/1", "--endpoint", endpoint)
    assert "url  %s/serving-endpoints/%s/invocations\n" % (server.url, endpoint) in said
    line = re.search("^try  (curl .*)$", said, re.M)[1]
    answer = json.loads(subprocess.run(["sh", "-c", line + " -s"], capture_output=True, check=True, text=True).stdout)
    assert answer["predictions"][0]["slide_count"] == 6, answer

    # Quotes in an example are the shell's trouble, not the reader's.
    folder = write_doubler(tmp_path / "quoted")
    (folder / "config.yaml").write_text("version: 1\n")
    mlmodel = json.loads((folder / "MLmodel").read_text())
    mlmodel["signature"] = {"inputs": '[{"type": "string", "name": "n", "required": true}]', "outputs": None, "params": None}
    (folder / "MLmodel").write_text(json.dumps(mlmodel))
    (folder / "input_example.json").write_text(json.dumps({"columns": ["n"], "data": [["it's \"$HOME\" `ls`"]]}))
    tool("register", folder, "--name", endpoint + "q")
    line = tool.json("deploy", endpoint + "q/1", "--endpoint", endpoint + "q")["curl"]
    answer = subprocess.run(["sh", "-c", line + " -s"], capture_output=True, check=True, text=True).stdout
    assert json.loads(answer)["predictions"] == [{"n": "it's \"$HOME\" `ls`"}]


def test_champion_and_challenger_share_the_traffic(tool, doubler):
    name = doubler
    both = tool.json("deploy", name + "/1", name + "/2", "--endpoint", name, "--traffic", "90,10", "--name", "champion", "--name",
                     "challenger")
    assert [(e["name"], e["traffic"]) for e in both["entities"]] == [("champion", 90), ("challenger", 10)]
    tested = tool.json("test", name, "--repeat", 100)
    assert tested["served"] == {"champion": 90, "challenger": 10} and tested["statuses"] == {"200": 100}
    answers = next(c for c in tested["columns"] if c["column"] == "answer")
    assert answers["type"] == "integer" and sorted(answers["values"]) == [3, 4] and answers["min"] == 3 and answers["max"] == 4

    moved = tool.json("traffic", name, "challenger=100", "--why", "better")
    assert [e["traffic"] for e in moved["entities"]] == [0, 100]
    assert "nothing to do" in tool("traffic", name, "0,100")
    assert "champion 0, challenger 100 → champion 25, challenger 75" in tool("traffic", name, "champion=25", "--plan")
    assert tool.json("test", name, "--entity", "champion")["served"] == {"champion": 1}
    tool.fails(64, "adds up to 99 percent, not to 100", "traffic", name, "90,9")
    tool.fails(64, "2 served entities: champion, challenger", "traffic", name, "100")
    tool.fails(64, "did you mean 'champion'?", "traffic", name, "champoin=90")
    tool.fails(64, "expected whole percents", "traffic", name, "ninety,10")


def test_an_endpoint_follows_an_alias(tool, doubler):
    name = doubler
    tool("alias", "set", name, "champion", "1")
    resolved = tool.run("deploy", name + "@champion", "--endpoint", name)
    assert "%s@champion is version 1 now; with --follow" % name in resolved.stderr and name + "/1" in resolved.stdout
    followed = tool.json("deploy", name + "@champion", "--endpoint", name, "--follow")
    assert followed["entities"][0]["follows"] == "@champion" and followed["entities"][0]["version"] == "1"
    tool("alias", "set", name, "champion", "2", "--why", "beats 1")
    # The alias is moved when the call answers, the endpoint follows behind.
    end = time.monotonic() + 20
    while tool.json("status", name)["entities"][0]["version"] != "2":
        assert time.monotonic() < end
    assert "%s@champion → 2" % name in tool("status", name)
    assert tool.json("history", name)["configs"][0]["why"].endswith("beats 1")
    tool.fails(64, "an endpoint follows an alias", "deploy", name + "/1", "--endpoint", name, "--follow")


def test_rollback_and_history(tool, doubler):
    name = doubler
    tool("deploy", name + "/1", "--endpoint", name, "--why", "first")
    tool.fails(65, "no earlier config to go back to", "rollback", name)
    tool("deploy", name + "/2", "--endpoint", name, "--why", "second")
    back = tool.json("rollback", name, "--why", "wrong answers")
    assert entities(back) == [(name + "/1", 100)] and back["config_version"] == 3
    assert entities(tool.json("rollback", name, "--to", "2")) == [(name + "/2", 100)]
    assert entities(tool.json("rollback", name, "--to", "config:1")) == [(name + "/1", 100)]
    history = tool.json("history", name)["configs"]
    assert [(c["config_version"], c["state"], c["serves"]) for c in history] == \
        [(5, "active", name + "/1")] + [(n, "superseded", "%s/%d" % (name, v)) for n, v in ((4, 2), (3, 1), (2, 2), (1, 1))]
    assert [c["why"] for c in history[2:]] == ["wrong answers", "second", "first"] and all(c["who"] for c in history)
    assert "wrong answers" in tool("history", name) and len(tool.json("history", name, "--max", 2)["configs"]) == 2
    said = tool.fails(66, "has served no version 9 before", "rollback", name, "--to", "9")
    assert "2 (config:4)" in said
    tool.fails(64, "config:7", "rollback", name, "--to", "v3")
    tool.fails(66, "no config version 99", "rollback", name, "--to", "config:99")


def test_a_deployment_that_fails_says_why(tool, doubler, tmp_path):
    name = doubler
    tool("register", write_doubler(tmp_path / "bad", 3, example=OVERFLOW), "--name", name)
    tool("deploy", name + "/1", "--endpoint", name)
    ended = tool.run("deploy", name + "/3", "--endpoint", name)
    *log, line = ended.stderr.splitlines()
    assert ended.returncode == 65 and ended.stdout == ""
    assert line.startswith("sluice deploy: endpoint '%s' was not updated: served entity '%s-3': self-test" % (name, name)), line
    assert line.endswith("; config version 1 goes on serving")
    assert any("the build log of %s-3 ends:" % name in row for row in log) and len(log) > 2
    said = json.loads(tool.run("deploy", name + "/3", "--endpoint", name, "--json").stdout)["error"]
    assert said["code"] == "invalid_state" and "self-test" in said["message"]
    shown = tool.json("status", name)
    assert shown["update"] == "UPDATE_FAILED" and "self-test" in shown["failure"] and entities(shown) == [(name + "/1", 100)]
    assert "not deployed:" in tool("status", name) and "self-test" in tool("logs", name, "--build", "--entity", name + "-3")
    tool.fails(65, "config version 1 serves still: nothing to roll back", "rollback", name)
    # What serves is what is wanted: nothing to mend.
    assert not tool.json("deploy", name + "/1", "--endpoint", name)["changed"]
    ended = tool.run("deploy", name + "/3", "--endpoint", name + "-new")
    assert ended.returncode == 65 and "; nothing is served" in ended.stderr


def test_what_a_test_says(tool, doubler, tmp_path):
    name = doubler
    tool("register", EXAMPLE, "--name", name + ".slides")
    tool("deploy", name + ".slides/1", "--endpoint", name)
    said = tool("test", name, "--rows", ROWS)
    assert re.search(r"answered 1 of 1 requests to http://.*/%s/invocations\n" % name, said)
    assert re.search(r"slide_count +integer +min \d  avg [\d.]+  max \d  values \d", said)
    assert re.search(r"html +text +\d+ to \d+ characters", said) and re.search(r"rows +2, 0 failed\n", said)
    assert "the input example of %s.slides/1" % name in tool("test", name)

    tool("deploy", name + "/1", "--endpoint", name)
    rows = tmp_path / "rows.csv"
    rows.write_text("n\n1\n%d\n" % OVERFLOW)
    tested = tool.json("test", name, "--rows", rows)
    assert tested["rows"] == 2 and tested["rows_failed"] == 1 and "overflow" in tested["errors"][0]
    assert tool.run("test", name, "--rows", rows, "--strict").returncode == 65
    (tmp_path / "lines.jsonl").write_text('{"n": 1}\n{"n": 2}\n{"n": 4}\n')
    answers = next(c for c in tool.json("test", name, "--rows", "lines.jsonl")["columns"] if c["column"] == "answer")
    assert (answers["min"], answers["mean"], answers["max"], answers["values"]) == (3, 17 / 3, 9, [3, 5, 9])
    (tmp_path / "wrong.json").write_text('[{"n": "many"}]')
    ended = tool.run("test", name, "--rows", "wrong.json", "--repeat", 2)
    assert ended.returncode == 65 and re.search(r"status +400 ×2", ended.stdout) and "answered 0 of 2" in ended.stdout
    assert json.loads(tool.run("test", name, "--rows", "wrong.json", "--json").stdout)["failed"] == 1
    assert tool.run("test", name, "--rows", "-").returncode == 65

    # Where the registry is not asked, the endpoint is.
    elsewhere = ("--registry", "http://127.0.0.1:1", "--serving", tool.env["MLFLOW_TRACKING_URI"])
    assert "the example of its OpenAPI page" in tool("test", name, *elsewhere)
    # Without an example in the registry one is made from the signature.
    tool("register", write_doubler(tmp_path / "bare", 5, example=None), "--name", name)
    tool("deploy", name + "/3", "--endpoint", name)
    assert "made from the signature of %s/3" % name in tool("test", name)


def test_stop_start_logs_undeploy(tool, doubler):
    name = doubler
    tool("deploy", name + "/1", "--endpoint", name)
    assert tool.json("stop", name)["state"] == "STOPPED"
    ended = tool.run("test", name)
    assert ended.returncode == 65 and "is stopped" in ended.stdout
    assert tool.json("start", name)["state"] == "READY"
    tool("test", name)
    assert "200 in" in tool("logs", name)
    assert "self-test" in tool("logs", name, "--build") and "bundle " in tool.json("logs", name, "--build")["entities"][0]["logs"]
    assert "requests in the last minute" in tool("status", name) and tool.json("status", name)["load"]["concurrency"] == 4
    # An update that failed long ago is no failure of theirs; one whose secret is mistyped does not begin.
    assert tool.run("deploy", name + "/1", "--endpoint", name, "--env", "K={{secrets/no/body}}").returncode == 65
    assert tool.json("stop", name)["state"] == "STOPPED" and tool.json("start", name)["state"] == "READY"
    tool.fails(65, "environment_vars.K: a secret is written {{secrets/scope/key}}", "deploy", name + "/1", "--endpoint", name,
               "--env", "K={{secret/no/body}}")
    tool.fails(64, "--yes is missing", "undeploy", name)
    tool("undeploy", name, "--yes")
    tool.fails(66, "no endpoint '%s'" % name, "status", name)


def test_a_mistyped_name_is_told_of_the_one_that_was_meant(tool, doubler):
    tool("deploy", doubler + "/1", "--endpoint", doubler)
    assert "new endpoint; there is '%s', too" % doubler in tool.run("deploy", doubler + "/1", "--endpoint", doubler + "x").stderr


def test_mistakes_get_one_clear_line(tool, doubler, tmp_path):
    name = doubler
    tool("alias", "set", name, "champion", "1")
    tool("deploy", name + "/1", "--endpoint", name)
    tool.fails(66, "did you mean '%s'?" % name, "status", name + "s")
    tool.fails(66, "did you mean '%s'?" % name, "traffic", name[:-1], "100")
    tool.fails(66, "no model '%ss' at http" % name, "deploy", name + "s/1", "--endpoint", name)
    tool.fails(66, "has no version 9; the latest is 2", "deploy", name + "/9", "--endpoint", name)
    tool.fails(66, "has no alias 'chmpion'; it has champion (1)", "deploy", name + "@chmpion", "--endpoint", name)
    tool.fails(64, "expected MODEL/VERSION, MODEL@ALIAS or MODEL/latest", "deploy", name, "--endpoint", name)
    tool.fails(64, "a bundle is registered first", "deploy", str(tmp_path), "--endpoint", name)
    tool.fails(70, "the URI is the server's, without a path", "status", "--serving",
               tool.env["MLFLOW_TRACKING_URI"] + "/serving-endpoints")
    tool.fails(64, "--traffic is missing", "deploy", name + "/1", name + "/2", "--endpoint", name)
    tool.fails(64, "has 1 share for 2", "deploy", name + "/1", name + "/2", "--endpoint", name, "--traffic", "100")
    tool.fails(64, "not to 100", "deploy", name + "/1", "--endpoint", name, "--traffic", "90")
    tool.fails(64, "is there twice", "deploy", name + "/1", name + "/1", "--endpoint", name, "--traffic", "50,50")
    tool.fails(64, "endpoint", "deploy", name + "/1")
    tool.fails(65, "name", "deploy", name + "/1", "--endpoint", "no good name")
    tool.fails(64, "exclude each other", "deploy", name + "/1", "--endpoint", name, "--scale-to-zero", "--always-on")
    tool.fails(64, "--env: expected key=value", "deploy", name + "/1", "--endpoint", name, "--env", "A")
    tool.fails(64, "--target 'sluiced'", "status", "--target", "sluiced")
    tool.fails(66, "no served entity 'nobody'", "test", name, "--entity", "nobody")
    nobody = "http://127.0.0.1:1"
    tool.fails(76, "no registry answers at " + nobody, "status", MLFLOW_TRACKING_URI=nobody)
    tool.fails(76, "no sluiced answers at " + nobody, "deploy", name + "/1", "--endpoint", name, "--serving", nobody)


def test_a_dry_run_of_serving_changes_nothing(tool, doubler):
    name = doubler
    tool("deploy", name + "/1", "--endpoint", name)
    before = tool.json("history", name)
    for line in ("deploy {n}/2 --endpoint {n}", "deploy {n}/2 --endpoint {n}x", "traffic {n} 100", "rollback {n} --to config:1",
                 "stop {n}", "start {n}", "undeploy {n}", "test {n}"):
        words = line.format(n=name).split()
        lines = tool(*words, "--dry-run").splitlines()
        assert lines and all(re.match(r"(GET|would (POST|PUT|DELETE)) http://127.0.0.1", row) for row in lines), lines
        assert "traffic" in line or any(row.startswith("would ") for row in lines), lines
        told = tool.json(*words, "--dry-run")
        assert told["dry_run"] and len(told["calls"]) == len(lines)
    assert tool.json("history", name) == before and name + "x" not in tool("status")


# Environments.

def test_a_release_deploys(tool, server, tmp_path):
    name = unique("released")
    agent = write_doubler(tmp_path / "agent", 1)
    (tmp_path / "sluice.yaml").write_text(
        "registry: %s\nenvironments:\n"
        "  dev: {model_name: %s, stage: Staging, endpoint_name: %s-dev, scale_to_zero: true, env: {A: b}}\n"
        "  prod: {model_name: %s, alias: champion, endpoint_name: %s, workload_size: Medium}\n"
        % (server.url, name, name, name, name))
    dev = tool.json("release", agent, "--environment", "dev")
    assert dev["released"] and [step["step"] for step in dev["steps"]] == ["log", "register", "stage", "deploy"]
    shown = tool.json("status", name + "-dev")["entities"][0]
    assert shown["version"] == "1" and shown["scale_to_zero"] and shown["workload_size"] == "Small" and shown["env"] == ["A"]

    plan = tool("release", agent, "--environment", "prod")
    assert "deploy      create endpoint %s: + %s-1 %s/1, Medium" % (name, name, name) in plan and "--approve" in plan
    tool.fails(66, "no endpoint '%s'" % name, "status", name)
    tool("release", agent, "--environment", "prod", "--approve", "--why", "passed")
    assert entities(tool.json("status", name)) == [(name + "/1", 100)]
    assert tool.json("history", name)["configs"][0]["why"] == "passed"
    assert "serves that already" in tool("release", "--environment", "prod", "--approve")

    # An endpoint that follows the alias stays with it.
    tool("deploy", name + "@champion", "--endpoint", name, "--follow")
    write_doubler(agent, 2)
    assert "follows %s@champion and goes along" % name in tool("release", agent, "--environment", "prod")
    tool("release", agent, "--environment", "prod", "--approve")
    assert tool.json("status", name)["entities"][0] == {**tool.json("status", name)["entities"][0], "version": "2",
                                                        "follows": "@champion"}
    # A bundle that does not work is registered, and that is all.
    write_doubler(agent, 3, example=OVERFLOW)
    ended = tool.run("release", agent, "--environment", "dev")
    assert ended.returncode == 65 and "%s/3 is registered, but not deployed: endpoint '%s-dev'" % (name, name) in ended.stderr
    assert entities(tool.json("status", name + "-dev")) == [(name + "/1", 100)]


# Databricks.

MODEL = "main.agents.doubler"


@pytest.fixture
def workspace(tmp_path):
    fake = FakeServing(bad={"3": "Failed to deploy: container exited with 1"})
    tool = Tool(tmp_path, DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN, SLUICE_TARGET="databricks")
    for adds in (1, 2, 3):
        tool("register", write_doubler(tmp_path / ("uc%d" % adds), adds), "--name", MODEL, MLFLOW_REGISTRY_URI="databricks-uc")
    yield fake, tool
    fake.stop()


def test_databricks_deploys_and_rolls_back(workspace):
    fake, tool = workspace
    tool("alias", "set", MODEL, "champion", "1", MLFLOW_REGISTRY_URI="databricks-uc")
    assert tool.json("deploy", MODEL + "/1", "--endpoint", "d", "--plan")["action"] == "create" and not fake.endpoints
    ended = tool.run("deploy", MODEL + "@champion", "--endpoint", "d", "--scale-to-zero")
    assert ended.returncode == 0 and "@champion is version 1 now; Databricks' serving knows no aliases" in ended.stderr
    assert "deploying d: doubler-1: Building the container." in ended.stderr
    assert '-H "Authorization: Bearer $DATABRICKS_TOKEN"' in ended.stdout and TOKEN not in ended.stdout + ended.stderr
    sent = json.loads(fake.asked("POST", "^/api/2.0/serving-endpoints$")[0]["body"])
    assert sent["config"]["served_entities"] == [{"name": "doubler-1", "entity_name": MODEL, "entity_version": "1",
                                                  "workload_size": "Small", "scale_to_zero_enabled": True}]
    assert not tool.json("deploy", MODEL + "/1", "--endpoint", "d")["changed"]

    assert entities(tool.json("deploy", MODEL + "/2", "--endpoint", "d")) == [("doubler/2", 100)]
    assert fake.endpoints["d"]["config"]["served_entities"][0]["scale_to_zero_enabled"]
    back = tool.json("rollback", "d", "--to", "1")
    assert entities(back) == [("doubler/1", 100)] and back["entities"][0]["name"] == "doubler-1"
    tool.fails(64, "--to VERSION is missing: Databricks keeps no earlier configs", "rollback", "d")
    tool.fails(64, "expected a model's version", "rollback", "d", "--to", "config:1")
    tool.fails(64, "--follow: Databricks' serving knows no aliases", "deploy", MODEL + "@champion", "--endpoint", "d", "--follow")
    history = tool.run("history", "d")
    assert "UPDATE_SUCCEEDED" in history.stdout and "these are the endpoint's events" in history.stderr


def test_databricks_says_why_it_failed(workspace):
    fake, tool = workspace
    tool("deploy", MODEL + "/1", "--endpoint", "d")
    ended = tool.run("deploy", MODEL + "/3", "--endpoint", "d")
    assert ended.returncode == 65 and "last line" in ended.stderr
    assert ended.stderr.splitlines()[-1] == ("sluice deploy: endpoint 'd' was not updated: Failed to deploy: container exited with 1; "
                                             "config version 1 goes on serving")
    # Another's update is waited for, not run into.
    fake.endpoints["d"]["state"]["config_update"], fake.endpoints["d"]["polls"] = "IN_PROGRESS", 1
    fake.bad = {}
    ended = tool.run("deploy", MODEL + "/2", "--endpoint", "d")
    assert ended.returncode == 0 and "endpoint 'd' is being updated: waiting for that first" in ended.stderr
    # One that does not end is left to itself.
    fake.deploy_polls = 10 ** 6
    tool_line = tool.run("deploy", MODEL + "/1", "--endpoint", "d", "--timeout-s", "1")
    assert tool_line.returncode == 75 and "still being updated after 1 s" in tool_line.stderr


def test_databricks_shares_stops_and_tests(workspace):
    fake, tool = workspace
    tool("deploy", MODEL + "/1", MODEL + "/2", "--endpoint", "d", "--traffic", "90,10")
    assert [e["traffic"] for e in tool.json("traffic", "d", "doubler-2=50")["entities"]] == [50, 50]
    tool.fails(65, "serves 2 entities", "rollback", "d", "--to", "1")
    assert "doubler/1, main.agents.doubler/2" in tool("status") and "90" not in tool("status")
    fake.answers = [(200, {"predictions": [{"answer": "yes", "score": 0.5}, {"answer": "no", "score": 1.5}]})]
    said = tool("test", "d")
    assert "the input example of %s" % MODEL in said and re.search(r"score +number +min 0.5  avg 1  max 1.5", said), said
    asked = fake.asked("POST", "invocations")[-1]
    assert json.loads(asked["body"])["dataframe_split"] == {"columns": ["n"], "data": [[1]]} and asked["headers"]["Authorization"] == "Bearer " + TOKEN
    fake.answers = [(200, {"predictions": [1]}), (429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too many."})]
    ended = tool.run("test", "d", "--repeat", 3)
    assert ended.returncode == 75 and re.search("status +200 ×1, 429 ×2", ended.stdout) and "Too many." in ended.stdout
    assert tool("logs", "d", "--entity", "doubler-1") == "logs of doubler-1\nlast line\n"
    assert "==> doubler-2 <==\nbuild-logs of doubler-2" in tool("logs", "d", "--build")
    assert tool.json("stop", "d")["state"] == "STOPPED" and tool.run("test", "d").returncode == 65
    assert "it is stopped: sluice start d" in tool("deploy", MODEL + "/2", "--endpoint", "d")
    assert tool.json("start", "d")["state"] == "READY"
    tool("undeploy", "d", "--yes")
    assert not fake.endpoints
    tool.fails(66, "it has none yet", "status", "d")


def test_where_endpoints_are(workspace, server, tmp_path, doubler):
    """--serving and sluice.yaml put registry and endpoints apart; a server of models alone says so."""
    fake, _ = workspace
    tool = Tool(tmp_path, DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN, MLFLOW_TRACKING_URI=server.url)
    assert tool.json("status", "--serving", "databricks")["endpoints"] == []
    (tmp_path / "sluice.yaml").write_text("serving: databricks\n")
    assert tool.json("status")["endpoints"] == []
    assert tool.run("status", "--serving", server.url).returncode == 0
    profile = tmp_path / "databrickscfg"
    profile.write_text("[team]\nhost = %s\ntoken = %s\n" % (fake.url, TOKEN))
    elsewhere = Tool(tmp_path, DATABRICKS_CONFIG_FILE=str(profile))
    assert elsewhere.json("status", "--target", "databricks://team")["endpoints"] == []
    elsewhere.fails(64, "no profile 'tema'", "status", "--target", "databricks://tema")


def test_a_server_of_models_alone_says_so(tool, doubler, tmp_path):
    """As an MLflow server answers to paths that it does not know."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            self.send_error(404)

    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    try:
        url = "http://127.0.0.1:%d" % plain.server_port
        tool.fails(70, "'%s' is no server of endpoints" % url, "status", "--serving", url)
        tool.fails(70, "is no server of endpoints", "deploy", doubler + "/1", "--endpoint", "e", "--serving", url)
        (tmp_path / "sluice.yaml").write_text("environments: {dev: {model_name: %s, endpoint_name: e}}\n" % doubler)
        tool.fails(64, "environment 'dev' has an endpoint, and %s has none: name where they are" % url,
                   "release", tmp_path / "v1", "-e", "dev", "--serving", url)
        assert len(tool.json("versions", doubler)["versions"]) == 2
    finally:
        plain.shutdown()
        plain.server_close()


def test_a_wrong_token_is_one_line(workspace):
    _, tool = workspace
    said = tool.fails(76, "PERMISSION_DENIED: Invalid access token.", "status", DATABRICKS_TOKEN="dapi-wrong-canary")
    assert "canary" not in said


def test_tokens_say_what_one_may(tmp_path):
    server = Sluiced(state=tmp_path)
    try:
        tool = Tool(tmp_path, MLFLOW_TRACKING_URI=server.url)
        tool("register", write_doubler(tmp_path / "v1", 1), "--name", "doubler")
        tool("deploy", "doubler/1", "--endpoint", "doubler")
        manager = tool.json("token", "create", "--user", "ada", "--can", "manage")["token_value"]
        tool.fails(76, "UNAUTHENTICATED", "status")
        tool.env["MLFLOW_TRACKING_TOKEN"] = manager
        said = tool("deploy", "doubler/1", "--endpoint", "doubler")
        assert '-H "Authorization: Bearer $MLFLOW_TRACKING_TOKEN"' in said and manager not in said
        line = re.search("^try  (curl .*)$", said, re.M)[1]
        answer = subprocess.run(["sh", "-c", line + " -s"], env=tool.env, capture_output=True, check=True, text=True).stdout
        assert json.loads(answer)["predictions"][0]["answer"] == 3
        assert tool.json("traffic", "doubler", "100")["state"] == "READY"
        assert tool.json("history", "doubler")["configs"][0]["serves"] == "doubler/1"
        # Who may only ask can test with rows of his own.
        tool.env["MLFLOW_TRACKING_TOKEN"] = tool.json("token", "create", "--user", "bob", "--can", "query")["token_value"]
        (tmp_path / "rows.json").write_text('[{"n": 4}]')
        assert tool.json("test", "doubler", "--rows", "rows.json")["columns"][0]["values"] == [9]
        tool.fails(76, "PERMISSION_DENIED", "stop", "doubler")
        # A token is revoked by its value, too: who found it has no id.
        lost, tool.env["MLFLOW_TRACKING_TOKEN"] = tool.env["MLFLOW_TRACKING_TOKEN"], manager
        assert lost.split("_")[2] not in tool("token", "revoke", lost)
        tool.fails(76, "was revoked", "status", MLFLOW_TRACKING_TOKEN=lost)
    finally:
        server.stop()
