"""The embedded registry's tracking: experiments, runs, metrics and logged models, through MLflow's client and raw requests."""
import concurrent.futures
import json
import math
import os
import subprocess
import sys

import pytest
import requests

from conftest import ROOT, client_module

sys.path.insert(0, str(ROOT / "tests" / "protocol" / "registry"))

API = "/api/2.0/mlflow/"


class Registry:
    """Raw calls of a server."""

    def __init__(self, server):
        self.url = server.url

    def base(self, path):
        """Some calls are for MLflow's web pages only."""
        return self.url + ("/ajax-api/2.0/mlflow/" if "bulk" in path or "datasets" in path else API) + path

    def post(self, path, body):
        return requests.post(self.base(path), json=body, timeout=30)

    def get(self, where, /, **query):
        return requests.get(self.base(where), params=query, timeout=30)

    def ok(self, path, body):
        answer = self.post(path, body)
        assert answer.status_code == 200, (path, body, answer.text)
        return answer.json()

    def found(self, where, /, **query):
        answer = self.get(where, **query)
        assert answer.status_code == 200, (where, query, answer.text)
        return answer.json()

    def experiment(self, name="e"):
        return self.ok("experiments/create", {"name": name})["experiment_id"]

    def run(self, experiment_id=None, **more):
        body = {"experiment_id": experiment_id or "0", "start_time": 1, **more}
        return self.ok("runs/create", body)["run"]["info"]["run_id"]

    def model(self, experiment_id="0", **more):
        return self.ok("logged-models", {"experiment_id": experiment_id, **more})["model"]["info"]["model_id"]


def refused(answer, status, code, text):
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert said["error_code"] == code, said
    assert text in said["message"], said


@pytest.fixture
def registry(sluiced):
    return Registry(sluiced())


@pytest.fixture
def client(registry):
    mlflow = client_module("mlflow")
    return mlflow.MlflowClient(registry.url)


def pairs(items):
    return {pair["key"]: pair["value"] for pair in items}


def test_recorded_exchanges(sluiced):
    import replay

    replayed = replay.Replay(sluiced().url)
    replayed.run("01_experiments")
    replayed.run("02_runs")
    replayed.run("03_fluent_run")


def test_recorded_logged_models(registry):
    import replay

    for name in ("exp-a", "exp-b", "exp-c"):
        registry.experiment(name)
    replayed = replay.Replay(registry.url)
    replayed.run("06_log_model")
    # MLflow answers 500 to a filter with an unknown key.
    replayed.run("07_logged_models", i14=(400, "foo"))


def test_experiment_rules(registry):
    first = registry.experiment("first")
    refused(registry.post("experiments/create", {"name": "first"}), 400, "RESOURCE_ALREADY_EXISTS",
            "Experiment(name=first) already exists.")
    refused(registry.post("experiments/create", {"name": "x" * 501}), 400, "INVALID_PARAMETER_VALUE",
            "'name' exceeds the maximum length of 500 characters")
    assert registry.ok("experiments/create", {"name": "ü" * 500})["experiment_id"]
    refused(registry.get("experiments/get", experiment_id="abc"), 400, "INVALID_PARAMETER_VALUE",
            "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.")
    for text in ("0", " +00 ", "-0", "0" * 40):
        assert registry.found("experiments/get", experiment_id=text)["experiment"]["name"] == "Default"
    for text in ("9" * 30, "1.0", "+", "1x"):
        refused(registry.get("experiments/get", experiment_id=text), 400, "INVALID_PARAMETER_VALUE", "Invalid experiment ID '")
    refused(registry.post("runs/create", {"start_time": "\x00"}), 400, "INVALID_PARAMETER_VALUE",
            "Invalid value \"\\u0000\" for parameter 'start_time' supplied:  Hint: Value was of type 'str'.")
    refused(registry.post("runs/create", {"start_time": "ü"}), 400, "INVALID_PARAMETER_VALUE", "Invalid value \"\\u00fc\" for")
    registry.ok("experiments/delete", {"experiment_id": first})
    refused(registry.post("experiments/delete", {"experiment_id": first}), 404, "RESOURCE_DOES_NOT_EXIST",
            "No Experiment with id=%s exists" % first)
    # MLflow's status is 500, which its clients retry for minutes.
    refused(registry.post("experiments/update", {"experiment_id": first, "new_name": "z"}), 400, "INVALID_STATE",
            "Cannot rename a non-active experiment.")
    refused(registry.post("experiments/set-experiment-tag", {"experiment_id": first, "key": "k", "value": "v"}), 400,
            "INVALID_PARAMETER_VALUE", "must be in the 'active' state. Current state is deleted.")
    # A deleted experiment keeps its name.
    refused(registry.post("experiments/create", {"name": "first"}), 400, "RESOURCE_ALREADY_EXISTS", "already exists")
    registry.ok("experiments/restore", {"experiment_id": first})
    refused(registry.post("experiments/restore", {"experiment_id": first}), 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment")
    second = registry.experiment("second")
    refused(registry.post("experiments/update", {"experiment_id": second, "new_name": "first"}), 400, "BAD_REQUEST",
            "UNIQUE constraint failed")
    refused(registry.post("experiments/delete-experiment-tag", {"experiment_id": second, "key": "k"}), 404,
            "RESOURCE_DOES_NOT_EXIST", "No tag with name: k in experiment with id %s" % second)


@pytest.mark.parametrize("location, message", [
    ("http://host/x", "'artifact_location' cannot use the 'http' scheme: the 'http' scheme addresses a host other than"),
    ("HDFS://host/x", "cannot use the 'hdfs' scheme"),
    ("mlflow-artifacts://host/x", "cannot use the 'mlflow-artifacts' scheme"),
    ("s3://b/x#f", "'artifact_location' URL can't include fragments or params."),
    ("s3://b/x?a=%252e%252e/y", "Invalid query string"),
    ("runs:/abc", "Artifact location cannot be a runs:/ URI. Given: 'runs:/abc'"),
    ("s3://" + "b" * 2048, "Invalid artifact path length."),
])
def test_refused_locations(registry, location, message):
    refused(registry.post("experiments/create", {"name": "x", "artifact_location": location}), 400,
            "INVALID_PARAMETER_VALUE", message)


def test_locations(registry):
    for name, given, wanted in (("a", "s3://bucket/path/?region=x", "s3://bucket/path/RUN/artifacts?region=x"),
                                ("b", "mlflow-artifacts:/own", "mlflow-artifacts:/own/RUN/artifacts"),
                                ("c", "./my//location", os.getcwd() + "/my/location/RUN/artifacts"),
                                ("d", "/abs/x", "/abs/x/RUN/artifacts")):
        experiment = registry.ok("experiments/create", {"name": name, "artifact_location": given})["experiment_id"]
        info = registry.ok("runs/create", {"experiment_id": experiment})["run"]["info"]
        assert info["artifact_uri"] == wanted.replace("RUN", info["run_id"])
        model = registry.ok("logged-models", {"experiment_id": experiment})["model"]["info"]
        assert model["artifact_uri"] == wanted.replace("RUN", "models/" + model["model_id"])


BAD_CHARACTERS = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and " \
                 "slashes (/)."
BAD_PATH = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. " \
           "This name would resolve to "


@pytest.mark.parametrize("key, message", [
    ("a$b", 'Invalid value "a$b" for parameter \'key\' supplied: ' + BAD_CHARACTERS),
    ("ü€", 'Invalid value "\\u00fc\\u20ac" for parameter \'key\' supplied: ' + BAD_CHARACTERS),
    ("a\nb", BAD_CHARACTERS),
    ("a//b", BAD_PATH + "'a/b'"),
    ("../b", BAD_PATH + "'../b'"),
    ("a/../../b", BAD_PATH + "'../b'"),
    ("a/./b/", BAD_PATH + "'a/b'"),
    ("/a", BAD_PATH + "'/a'"),
    ("//a/..", BAD_PATH + "'//'"),
    ("///a/..", BAD_PATH + "'/'"),
    (".", BAD_PATH + "'.'"),
    ("..x", BAD_PATH + "'..x'"),
    ("k" * 251, "exceeds the maximum length of 250 characters"),
])
def test_refused_keys(registry, key, message):
    run = registry.run()
    for path, more in (("runs/set-tag", {"value": "v"}), ("runs/log-parameter", {"value": "v"}),
                       ("runs/log-metric", {"value": 1, "timestamp": 1})):
        text = message.replace("'key'", "'name'") if path == "runs/log-metric" else message
        refused(registry.post(path, {"run_id": run, "key": key, **more}), 400, "INVALID_PARAMETER_VALUE", text)
    for entity, more in (("tags", {}), ("params", {}), ("metrics", {"value": 1, "timestamp": 1})):
        name = "name" if entity == "metrics" else "key"
        text = message.replace("'key'", "'%s[1].%s'" % (entity, name))
        body = {"run_id": run, entity: [{"key": "fine", **more}, {"key": key, **more}]}
        refused(registry.post("runs/log-batch", body), 400, "INVALID_PARAMETER_VALUE", text)
    data = registry.found("runs/get", run_id=run)["run"]["data"]
    assert "params" not in data and "metrics" not in data and list(pairs(data["tags"])) == ["mlflow.runName"]


def test_keys_of_any_script_and_long_values(registry):
    run = registry.run()
    for key in ("größe/層 1", "a:b", "x..y", "ñ" * 250):
        registry.ok("runs/log-parameter", {"run_id": run, "key": key, "value": "é" * 7000})
        registry.ok("runs/set-tag", {"run_id": run, "key": key, "value": "é" * 9000})
    data = registry.found("runs/get", run_id=run)["run"]["data"]
    assert {len(value) for value in pairs(data["params"]).values()} == {6000}
    assert pairs(data["tags"])["a:b"] == "é" * 8000
    refused(registry.post("experiments/set-experiment-tag", {"experiment_id": "0", "key": "k", "value": "v" * 20001}), 400,
            "INVALID_PARAMETER_VALUE", "'value' exceeds the maximum length of 20000 characters")


def test_names_of_runs(registry):
    run = registry.run(tags=[{"key": "mlflow.runName", "value": "tagged"}])
    assert registry.found("runs/get", run_id=run)["run"]["info"]["run_name"] == "tagged"
    refused(registry.post("runs/create", {"experiment_id": "0", "run_name": "a",
                                          "tags": [{"key": "mlflow.runName", "value": "b"}]}), 400,
            "INVALID_PARAMETER_VALUE", "(run_name='a', mlflow.runName='b').")
    registry.ok("runs/set-tag", {"run_id": run, "key": "mlflow.runName", "value": "by tag"})
    registry.ok("runs/set-tag", {"run_id": run, "key": "mlflow.runName", "value": ""})
    registry.ok("runs/update", {"run_id": run, "run_name": "", "status": "NONSENSE"})
    found = registry.found("runs/get", run_uuid=run)["run"]
    assert (found["info"]["run_name"], found["info"]["status"]) == ("by tag", "RUNNING")
    assert pairs(found["data"]["tags"]) == {"mlflow.runName": "by tag"}
    registry.ok("runs/log-batch", {"run_id": run, "tags": [{"key": "mlflow.runName", "value": "by batch"}]})
    registry.ok("runs/update", {"run_id": run, "status": "FINISHED", "end_time": 5})
    info = registry.found("runs/get", run_id=run)["run"]["info"]
    assert (info["run_name"], info["status"], info["end_time"]) == ("by batch", "FINISHED", 5)
    names = {registry.ok("runs/create", {"experiment_id": "0"})["run"]["info"]["run_name"] for _ in range(20)}
    assert len(names) > 15 and all(len(name) <= 20 and name.count("-") == 2 for name in names)


def test_latest_metrics_and_history(registry):
    run = registry.run()

    def log(value, timestamp, step):
        registry.ok("runs/log-metric", {"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step})
        latest = registry.found("runs/get", run_id=run)["run"]["data"]["metrics"][0]
        return latest["value"], latest["timestamp"], latest["step"]

    assert log(1.0, 10, 1) == (1.0, 10, 1)
    assert log(9.0, 99, 0) == (1.0, 10, 1)   # a smaller step never is the latest
    assert log(0.5, 11, 1) == (0.5, 11, 1)   # a later time is
    assert log(0.25, 11, 1) == (0.5, 11, 1)  # of one time and step the largest value
    assert log(0.75, 11, 1) == (0.75, 11, 1)
    assert log("-Infinity", 12, 1) == (-sys.float_info.max, 12, 1)
    assert log("NaN", 13, 1) == ("NaN", 13, 1)
    assert log("NaN", 13, 1) == ("NaN", 13, 1)
    history = registry.found("metrics/get-history", run_id=run, metric_key="m")["metrics"]
    assert [(point["timestamp"], point["value"]) for point in history] == [
        (10, 1.0), (11, 0.25), (11, 0.5), (11, 0.75), (12, -sys.float_info.max), (13, "NaN"), (99, 9.0)]
    page = registry.found("metrics/get-history", run_id=run, metric_key="m", max_results=4)
    rest = registry.found("metrics/get-history", run_id=run, metric_key="m", max_results=4,
                          page_token=page["next_page_token"])
    assert page["metrics"] + rest["metrics"] == history and "next_page_token" not in rest
    assert registry.found("metrics/get-history", run_id=run, metric_key="none") == {}
    refused(registry.get("metrics/get-history", run_id=run, metric_key="m", max_results=0), 400, "INVALID_PARAMETER_VALUE",
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer.")
    refused(registry.post("runs/log-metric", {"run_id": run, "key": "m", "value": 1.5, "timestamp": -1}), 400,
            "INVALID_PARAMETER_VALUE", "Invalid value -1 for parameter 'timestamp' supplied: metric 'm' (value=1.5). "
            "Timestamp must be a nonnegative long (64-bit integer) ")


def test_history_of_several_runs(registry):
    runs = [registry.run() for _ in range(2)]
    for run in runs:
        registry.ok("runs/log-batch", {"run_id": run, "metrics": [
            {"key": "m", "value": float(i), "timestamp": i, "step": i} for i in range(100)]})
    bulk = registry.found("metrics/get-history-bulk", run_id=runs + runs[:1], metric_key="m", max_results=150)["metrics"]
    assert [(point["run_id"], point["step"]) for point in bulk] == \
        [(run, i) for run in sorted(runs) for i in range(100)][:150]
    assert registry.found("metrics/get-history-bulk", run_id=runs, metric_key="none") == {"metrics": []}
    refused(registry.get("metrics/get-history-bulk", metric_key="m"), 400, "INVALID_PARAMETER_VALUE",
            "GetMetricHistoryBulk request must specify at least one run_id.")
    refused(registry.get("metrics/get-history-bulk", run_id=runs), 400, "INVALID_PARAMETER_VALUE",
            "GetMetricHistoryBulk request must specify a metric_key.")

    def steps(**more):
        answer = registry.found("metrics/get-history-bulk-interval", run_ids=runs[:1], metric_key="m", **more)
        return [point["step"] for point in answer["metrics"]]

    assert steps() == list(range(100))
    assert steps(max_results=4) == [0, 25, 50, 99]
    assert steps(max_results=1) == [99]
    assert steps(start_step=10, end_step=12) == [10, 11, 12]
    for more, message in (({"start_step": 1}, "both must be specified."), ({"max_results": 0}, "must be between 1 and 2500."),
                          ({"start_step": 2, "end_step": 1}, "Found start_step=2 and end_step=1.")):
        refused(registry.get("metrics/get-history-bulk-interval", run_ids=runs, metric_key="m", **more), 400,
                "INVALID_PARAMETER_VALUE", message)


def test_batches(registry):
    run = registry.run()
    metric = {"key": "m", "value": 1, "timestamp": 1}
    registry.ok("runs/log-batch", {"run_id": run, "params": [{"key": "p", "value": "1"}]})
    cases = (
        ({"params": [{"key": "p", "value": "2"}], "tags": [{"key": "t", "value": "lost"}]},
         "Changing param values is not allowed. Params were already logged='[{'key': 'p', 'old_value': '1', 'new_value': '2'}]'"
         " for run ID='%s'." % run),
        ({"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]},
         "Duplicate parameter keys have been submitted: ['a']. Please ensure the request contains only one param value per "
         "param key."),
        ({"tags": [{"key": "t%d" % i, "value": ""} for i in range(101)]}, "at most 100 tags. Got 101 tags."),
        ({"metrics": [metric] * 901, "tags": [{"key": "t%d" % i, "value": ""} for i in range(100)]},
         "at most 1000 metrics, params, and tags. Got 1001 metrics, params, and tags."),
        ({"metrics": [{"key": "m", "value": 1}]}, "Missing value for required parameter 'metrics[0].timestamp'."),
        ({"metrics": [metric, {"key": "", "value": 1, "timestamp": 1}]},
         "Missing value for required parameter 'metrics[1].key'."),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": -5}]}, "for parameter 'metrics[0].timestamp' supplied"),
        ({"metrics": {"key": "m"}}, "for parameter 'metrics' supplied:  Hint: Value was of type 'dict'."),
    )
    for body, message in cases:
        refused(registry.post("runs/log-batch", {"run_id": run, **body}), 400, "INVALID_PARAMETER_VALUE", message)
    refused(registry.post("runs/log-batch", {"run_id": "a b"}), 400, "INVALID_PARAMETER_VALUE",
            'Invalid value "a b" for parameter \'run_id\' supplied.')
    refused(registry.post("runs/log-batch", {"run_id": "0" * 32}), 404, "RESOURCE_DOES_NOT_EXIST", "Run with id=")
    data = registry.found("runs/get", run_id=run)["run"]["data"]
    assert pairs(data["params"]) == {"p": "1"} and list(pairs(data["tags"])) == ["mlflow.runName"] and "metrics" not in data
    registry.ok("runs/log-batch", {"run_id": run, "metrics": [metric] * 1000})
    assert len(registry.found("metrics/get-history", run_id=run, metric_key="m")["metrics"]) == 1


def test_deleted_runs_take_nothing(registry):
    run, experiment = registry.run(), registry.experiment()
    inner = registry.run(experiment)
    registry.ok("experiments/delete", {"experiment_id": experiment})
    registry.ok("runs/delete", {"run_id": run})
    for path, more in (("runs/log-metric", {"key": "k", "value": 1, "timestamp": 1}), ("runs/set-tag", {"key": "k"}),
                       ("runs/log-parameter", {"key": "k"}), ("runs/delete-tag", {"key": "k"}), ("runs/log-batch", {}),
                       ("runs/update", {"status": "FAILED"}), ("runs/log-inputs", {}),
                       ("runs/outputs", {"models": [{"model_id": "m-1"}]})):
        for run_id in (run, inner):
            refused(registry.post(path, {"run_id": run_id, **more}), 400, "INVALID_PARAMETER_VALUE",
                    "The run %s must be in the 'active' state. Current state is deleted." % run_id)
    assert registry.found("runs/get", run_id=run)["run"]["info"]["lifecycle_stage"] == "deleted"
    registry.ok("experiments/restore", {"experiment_id": experiment})
    registry.ok("runs/set-tag", {"run_id": inner, "key": "k", "value": "v"})


def test_inputs_outputs_and_datasets(registry):
    experiment = registry.experiment()
    run, model = registry.run(experiment), registry.model(experiment)
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    for tag in ("train", "ignored the second time"):
        registry.ok("runs/log-inputs", {"run_id": run, "models": [{"model_id": model}], "datasets": [
            {"dataset": {**dataset, "schema": "s"}, "tags": [{"key": "mlflow.data.context", "value": tag}]},
            {"dataset": {**dataset, "digest": "2"}}]})
    registry.ok("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 3}]})
    refused(registry.post("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 4}]}), 400, "BAD_REQUEST", "")
    found = registry.found("runs/get", run_id=run)["run"]
    assert found["inputs"] == {"model_inputs": [{"model_id": model}], "dataset_inputs": [
        {"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": {**dataset, "schema": "s"}},
        {"dataset": {**dataset, "digest": "2"}}]}
    assert found["outputs"] == {"model_outputs": [{"model_id": model, "step": 3}]}
    refused(registry.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": {**dataset, "digest": "x" * 37}}]}), 400,
            "INVALID_PARAMETER_VALUE", "'digest' exceeds the maximum length of 36 characters")
    assert registry.ok("experiments/search-datasets", {"experiment_ids": [experiment]}) == {"dataset_summaries": [
        {"experiment_id": experiment, "name": "d", "digest": "1", "context": "train"},
        {"experiment_id": experiment, "name": "d", "digest": "2"}]}
    refused(registry.post("experiments/search-datasets", {}), 400, "INVALID_PARAMETER_VALUE",
            "SearchDatasets request must specify at least one experiment_id.")


def test_log_model_of_old_clients(registry):
    run = registry.run()
    model = {"artifact_path": "a", "run_id": run, "utc_time_created": "now", "flavors": {"f": {"config": 1, "data": 2}}}
    for _ in range(2):
        registry.ok("runs/log-model", {"run_id": run, "model_json": json.dumps(model)})
    tags = pairs(registry.found("runs/get", run_id=run)["run"]["data"]["tags"])
    assert json.loads(tags["mlflow.log-model.history"]) == [{**model, "flavors": {"f": {"data": 2}}, "model_uuid": None}] * 2
    refused(registry.post("runs/log-model", {"run_id": run, "model_json": "{}"}), 400, "INVALID_PARAMETER_VALUE",
            "Model json is missing mandatory fields: {")
    refused(registry.post("runs/log-model", {"run_id": run, "model_json": "{"}), 400, "INVALID_PARAMETER_VALUE",
            "Malformed model info. \n { \n is not a valid JSON.")


def test_logged_model_rules(registry):
    run = registry.run()
    model = registry.model(name="m", source_run_id=run)
    path = "logged-models/" + model

    def send(method, where, body):
        return requests.request(method, registry.url + API + where, json=body, timeout=30)

    refused(send("PATCH", path, {"status": "LOGGED_MODEL_READY"}), 400, "INVALID_PARAMETER_VALUE",
            "Missing value for required parameter 'model_id'.")
    # MLflow takes a name that it does not know for LOGGED_MODEL_STATUS_UNSPECIFIED.
    refused(send("PATCH", path, {"model_id": model, "status": "DONE"}), 400, "INVALID_PARAMETER_VALUE",
            "Invalid value \"DONE\" for parameter 'status' supplied:  Hint: Value was of type 'str'.")
    assert send("PATCH", path, {"model_id": model, "status": 3}).json()["model"]["info"]["status"] == \
        "LOGGED_MODEL_UPLOAD_FAILED"
    registry.ok(path + "/params", {"model_id": model, "params": [{"key": "a", "value": "1"}]})
    refused(registry.post(path + "/params", {"model_id": model, "params": [{"key": "a", "value": "1"}]}), 400, "BAD_REQUEST",
            "UNIQUE constraint failed")
    assert send("PATCH", path + "/tags", {"tags": [{"key": "a/b", "value": "1"}]}).json() == {}
    refused(send("DELETE", path + "/tags/none", None), 404, "RESOURCE_DOES_NOT_EXIST",
            "No tag with key 'none' found for model with ID '%s'." % model)
    assert send("DELETE", path + "/tags/a%2Fb", None).status_code == 200
    registry.ok("runs/log-metric", {"run_id": run, "key": "acc", "value": 0.5, "timestamp": 7, "step": 2, "model_id": model,
                                    "dataset_name": "d", "dataset_digest": "x"})
    refused(registry.post("runs/log-metric", {"run_id": run, "key": "acc", "value": 1, "timestamp": 8, "model_id": "m-none"}),
            400, "BAD_REQUEST", "FOREIGN KEY constraint failed")
    same = {"run_id": run, "key": "acc", "timestamp": 7, "step": 2, "model_id": model, "dataset_digest": "x"}
    registry.ok("runs/log-metric", {**same, "value": 0.5, "dataset_name": "d"})
    for more in ({"value": 0.75, "dataset_name": "d"}, {"value": 0.5, "dataset_name": "other"}):
        refused(registry.post("runs/log-metric", {**same, **more}), 400, "BAD_REQUEST", "UNIQUE constraint failed")
    found = registry.found(path)["model"]
    assert found["data"] == {"params": [{"key": "a", "value": "1"}], "metrics": [
        {"key": "acc", "value": 0.5, "timestamp": 7, "step": 2, "dataset_name": "d", "dataset_digest": "x",
         "model_id": model, "run_id": run}]}
    assert "tags" not in found["info"] and found["info"]["source_run_id"] == run
    assert len(registry.found("metrics/get-history", run_id=run, metric_key="acc")["metrics"]) == 1
    assert send("DELETE", path, {}).json() == {}
    refused(registry.get(path), 404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID '%s' not found." % model)
    assert registry.found(path, allow_deleted="true")["model"]["info"]["model_id"] == model


def test_artifacts_of_runs_and_models(registry):
    run, model = registry.run(), registry.model()
    for name, data in (("a.txt", b"1"), ("dir/b.txt", b"22"), ("dir/sub/c.txt", b"333")):
        for root in ("0/%s/artifacts/" % run, "0/models/%s/artifacts/" % model):
            answer = requests.put(registry.url + "/api/2.0/mlflow-artifacts/artifacts/" + root + name, data=data, timeout=30)
            assert answer.status_code == 200, answer.text
    assert registry.found("artifacts/list", run_id=run) == {"root_uri": "mlflow-artifacts:/0/%s/artifacts" % run, "files": [
        {"path": "a.txt", "is_dir": False, "file_size": 1}, {"path": "dir", "is_dir": True}]}
    folder = [{"path": "dir/b.txt", "is_dir": False, "file_size": 2}, {"path": "dir/sub", "is_dir": True}]
    assert registry.found("artifacts/list", run_id=run, path="dir")["files"] == folder
    assert registry.found("logged-models/%s/artifacts/directories" % model, artifact_directory_path="dir/")["files"] == folder
    assert "files" not in registry.found("artifacts/list", run_id=run, path="a.txt")
    for path in ("../x", "/etc", "a#b", "%2e%2e/x", "dir/%252e%252e/x"):
        refused(registry.get("artifacts/list", run_id=run, path=path), 400, "INVALID_PARAMETER_VALUE", "Invalid path")
    refused(registry.get("artifacts/list", run_id="0" * 32), 404, "RESOURCE_DOES_NOT_EXIST", "Run with id=")


def test_searches_page_through_everything(registry):
    experiment = registry.experiment()
    runs = [registry.run(experiment, start_time=10 + i % 3) for i in range(7)]
    models = [registry.model(experiment, name="n%d" % i) for i in range(7)]
    registry.ok("runs/delete", {"run_id": runs[0]})

    def pages(path, member, **body):
        found, token = [], None
        while True:
            answer = registry.ok(path, {"experiment_ids": [experiment], "max_results": 2, **body,
                                        **({"page_token": token} if token else {})})
            assert len(answer.get(member, [])) <= 2
            found += answer.get(member, [])
            token = answer.get("next_page_token")
            if not token:
                return found

    found = [run["info"]["run_id"] for run in pages("runs/search", "runs")]
    assert sorted(found) == sorted(runs[1:])
    times = {run: 10 + i % 3 for i, run in enumerate(runs)}
    assert found == sorted(found, key=lambda run: (-times[run], run))
    assert [run["info"]["run_id"] for run in pages("runs/search", "runs", run_view_type="DELETED_ONLY")] == runs[:1]
    assert len(pages("runs/search", "runs", run_view_type="ALL")) == 7
    assert sorted(model["info"]["model_id"] for model in pages("logged-models/search", "models")) == sorted(models)
    token = registry.ok("logged-models/search", {"experiment_ids": [experiment], "max_results": 2})["next_page_token"]
    refused(registry.post("logged-models/search", {"experiment_ids": [experiment], "filter": "name = 'n1'",
                                                   "page_token": token}), 400, "INVALID_PARAMETER_VALUE",
            "Filter string in the page token does not match the requested filter string.")
    refused(registry.post("logged-models/search", {"experiment_ids": ["0"], "page_token": token}), 400,
            "INVALID_PARAMETER_VALUE", "Experiment IDs in the page token do not match the requested experiment IDs.")
    refused(registry.post("runs/search", {"experiment_ids": [experiment], "max_results": 0}), 400, "INVALID_PARAMETER_VALUE",
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer")
    refused(registry.post("experiments/search", {"max_results": 50001}), 400, "INVALID_PARAMETER_VALUE",
            "It must be at most 50000")
    refused(registry.post("runs/search", {"experiment_ids": ["x"]}), 400, "INVALID_PARAMETER_VALUE",
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.")
    assert registry.ok("runs/search", {}) == {}
    found = registry.ok("runs/search", {"experiment_ids": [experiment], "run_view_type": "NONSENSE"})
    assert len(found["runs"]) == 6
    assert len(registry.ok("experiments/search", {"max_results": 5, "view_type": "NONSENSE"})["experiments"]) == 2
    refused(registry.post("experiments/search", {}), 400, "INVALID_PARAMETER_VALUE", "Invalid value 0 for parameter")


def test_logged_models_by_dataset(registry):
    experiment = registry.experiment()
    run = registry.run(experiment)
    for name, dataset, digest, value in (("a", "d1", "x", 0.9), ("b", "d1", "y", 0.9), ("c", "d2", "x", 0.9),
                                         ("d", "d1", "x", 0.1)):
        registry.ok("runs/log-metric", {"run_id": run, "key": "acc", "value": value, "timestamp": 1, "dataset_name": dataset,
                                        "dataset_digest": digest, "model_id": registry.model(experiment, name=name)})
    registry.model(experiment, name="without metrics")
    for body in ({"dataset_name": "d1"}, {"dataset_digest": "x"}):
        refused(registry.post("runs/log-metric", {"run_id": run, "key": "acc", "value": 1, "timestamp": 1, **body}), 400,
                "INVALID_PARAMETER_VALUE", "Both dataset_name and dataset_digest must be provided if one is provided")

    def search(*datasets, **body):
        body = {"experiment_ids": [experiment], "datasets": [dict(zip(("dataset_name", "dataset_digest"), dataset))
                                                             for dataset in datasets], **body}
        found = registry.ok("logged-models/search", body).get("models", [])
        return "".join(sorted(model["info"]["name"] for model in found))

    assert search(filter="metrics.acc > 0.5") == "abc"
    assert search(("d1", "x")) == "ad"
    assert search(("d1",)) == ""
    assert search(("d1", "x"), filter="metrics.acc > 0.5") == "a"
    assert search(("d1", "y"), ("d2", "x")) == "bc"
    assert search(("d1", "y"), ("d2", "x"), filter="name != 'b'") == "c"
    refused(registry.post("logged-models/search", {"experiment_ids": [experiment], "datasets": [{"dataset_digest": "x"}]}), 400,
            "INVALID_PARAMETER_VALUE", "`dataset_name` in the `datasets` clause must be specified.")


def test_real_client(client):
    mlflow = client_module("mlflow")
    experiment = client.create_experiment("client", tags={"team": "a"})
    client.set_experiment_tag(experiment, "k", "v")
    client.delete_experiment_tag(experiment, "k")
    client.rename_experiment(experiment, "renamed")
    found = client.get_experiment_by_name("renamed")
    assert (found.experiment_id, found.tags) == (experiment, {"team": "a"})
    run = client.create_run(experiment, run_name="r", tags={"a": "b"})
    client.log_batch(run.info.run_id, metrics=[mlflow.entities.Metric("m", math.nan, 5, 1)],
                     params=[mlflow.entities.Param("p", "1")], tags=[mlflow.entities.RunTag("t", "1")])
    client.log_metric(run.info.run_id, "m", math.inf, timestamp=6, step=2)
    with pytest.raises(mlflow.exceptions.MlflowException, match="Changing param values is not allowed"):
        client.log_param(run.info.run_id, "p", "2")
    client.set_terminated(run.info.run_id, "FINISHED")
    run = client.get_run(run.info.run_id)
    assert run.data.params == {"p": "1"} and run.data.metrics == {"m": sys.float_info.max}
    assert run.data.tags["t"] == "1" and run.info.status == "FINISHED" and run.info.end_time >= run.info.start_time
    values = [point.value for point in client.get_metric_history(run.info.run_id, "m")]
    assert math.isnan(values[0]) and values[1:] == [sys.float_info.max]
    assert [item.info.run_id for item in client.search_runs([experiment])] == [run.info.run_id]
    with pytest.raises(mlflow.exceptions.MlflowException) as caught:
        client.get_run("0" * 32)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    model = client.create_logged_model(experiment, name="model", source_run_id=run.info.run_id, params={"a": "1"})
    client.log_model_params(model.model_id, {"p%d" % i: "v" for i in range(120)})
    client.set_logged_model_tags(model.model_id, {"x": "y"})
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run.info.run_id, [mlflow.entities.LoggedModelOutput(model.model_id, 1)])
    again = client.get_logged_model(model.model_id)
    assert (again.status, len(again.params), again.tags) == ("READY", 121, {"x": "y"})
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == model.model_id
    assert [item.model_id for item in client.search_logged_models([experiment])] == [model.model_id]
    client.delete_run(run.info.run_id)
    client.restore_run(run.info.run_id)
    client.delete_experiment(experiment)
    assert [item.name for item in client.search_experiments()] == ["Default"]


FLUENT = """
import mlflow, numpy
mlflow.set_tracking_uri(URL)
experiment = mlflow.set_experiment("fluent")
with mlflow.start_run(run_name="outer", tags={"x": "y"}, description="words") as outer:
    mlflow.log_params({"p%d" % i: i for i in range(250)})
    mlflow.log_metrics({"m%d" % i: i * 0.5 for i in range(1500)}, step=3)
    for step, loss in enumerate((1.0, 0.5)):
        mlflow.log_metric("loss", loss, step=step)
    mlflow.log_table({"q": ["a", "b"], "r": [1, 2]}, "table.json")
    mlflow.log_input(mlflow.data.from_numpy(numpy.arange(6).reshape(3, 2), source="s3://b/x", name="np"), "training")
    with mlflow.start_run(nested=True, run_name="inner") as inner:
        mlflow.log_param("z", "1")
    assert mlflow.load_table("table.json").shape == (2, 2)
found = mlflow.search_runs(experiment_names=["fluent"], filter_string="tags.x = 'y' and metrics.loss < 0.6")
assert list(found.run_id) == [outer.info.run_id] and found["params.p249"][0] == "249", found
run = mlflow.get_run(outer.info.run_id)
assert (len(run.data.params), len(run.data.metrics), run.data.metrics["loss"]) == (250, 1501, 0.5)
assert run.data.tags["mlflow.note.content"] == "words" and run.info.status == "FINISHED"
assert run.inputs.dataset_inputs[0].dataset.name == "np"
found = mlflow.search_runs(experiment_names=["fluent"], output_format="list", filter_string="dataset.name = 'np'")
assert [item.info.run_id for item in found] == [outer.info.run_id]
client = mlflow.MlflowClient()
found = client.search_runs([experiment.experiment_id], "tags.mlflow.parentRunId = '%s'" % outer.info.run_id)
assert [item.info.run_id for item in found] == [inner.info.run_id]
model = mlflow.initialize_logged_model(name="external", model_type="agent", params={"a": "1"})
mlflow.finalize_logged_model(model.model_id, "READY")
with mlflow.start_run():
    mlflow.log_metric("acc", 0.9, model_id=model.model_id)
assert mlflow.get_logged_model(model.model_id).metrics[0].value == 0.9
found = mlflow.search_logged_models([experiment.experiment_id], "metrics.acc > 0.5", output_format="list")
assert [item.model_id for item in found] == [model.model_id]
mlflow.delete_experiment(experiment.experiment_id)
try:
    mlflow.set_experiment("fluent")
    raise SystemExit("a deleted experiment was set")
except mlflow.exceptions.MlflowException as refused:
    assert "Cannot set a deleted experiment 'fluent'" in str(refused)
"""


def test_fluent_client(registry):
    """In a process of its own, as it keeps where it logs to."""
    client_module("mlflow")
    done = subprocess.run([sys.executable, "-c", FLUENT.replace("URL", repr(registry.url))], capture_output=True, text=True,
                          env={**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]


def test_writers_at_once(registry):
    run = registry.run()

    def write(writer):
        mine = Registry(registry)
        for i in range(20):
            mine.ok("runs/log-batch", {"run_id": run, "tags": [{"key": "t%d" % writer, "value": str(i)}],
                                       "metrics": [{"key": "m", "value": writer, "timestamp": i, "step": i}]})
        return mine.post("runs/log-parameter", {"run_id": run, "key": "p", "value": str(writer)}).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(write, range(8)))
    assert answers == [200] + [400] * 7
    data = registry.found("runs/get", run_id=run)["run"]["data"]
    assert data["metrics"] == [{"key": "m", "value": 7.0, "timestamp": 19, "step": 19}]
    assert {key: value for key, value in pairs(data["tags"]).items() if key != "mlflow.runName"} == \
        {"t%d" % writer: "19" for writer in range(8)}
    assert len(registry.found("metrics/get-history", run_id=run, metric_key="m")["metrics"]) == 160


def test_all_is_there_after_a_restart(sluiced):
    first = Registry(sluiced())
    run = first.run(run_name="kept")
    first.ok("runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1})
    before = first.found("runs/get", run_id=run)
    assert Registry(sluiced()).found("runs/get", run_id=run) == before
