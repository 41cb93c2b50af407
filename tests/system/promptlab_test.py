"""What MLflow's web pages ask of a tracking server beside its protocol: prompts that were tried out, a gateway, files of models."""
import http.server
import json
import threading

import pytest
import requests

from conftest import client_module
from registry_tracking_test import Registry, refused

LAB = {
    "experiment_id": "0", "prompt_template": "Tell {{ who }} 'x'", "prompt_parameters": [{"key": "who", "value": "me: \"a\""},
                                                                                         {"key": "n", "value": 5}],
    "model_route": "route", "model_input": "in", "mlflow_version": "1.0.0",
}


@pytest.fixture
def registry(sluiced):
    return Registry(sluiced())


def create(registry, **more):
    return requests.post(registry.url + "/ajax-api/2.0/mlflow/runs/create-promptlab-run", json={**LAB, **more}, timeout=30)


def test_a_prompt_becomes_a_run_and_a_model(registry):
    answer = create(registry, run_name="r", user_id="u", start_time=456, model_output="out",
                    model_parameters=[{"key": "temperature", "value": 0.5}, {"key": "stop", "value": None}],
                    model_output_parameters=[{"key": "latency", "value": "100"}], tags=[{"key": "a", "value": "b"}])
    assert answer.status_code == 200, answer.text
    run = answer.json()["run"]
    info = run["info"]
    assert (info["run_name"], info["user_id"], info["status"], info["start_time"]) == ("r", "u", "FINISHED", 456)
    assert info["end_time"] > info["start_time"]
    assert {p["key"]: p["value"] for p in run["data"]["params"]} == {
        "temperature": "0.5", "stop": "None", "model_route": "route", "prompt_template": LAB["prompt_template"]}
    tags = {t["key"]: t["value"] for t in run["data"]["tags"]}
    assert tags["a"] == "b" and tags["mlflow.runSourceType"] == "PROMPT_ENGINEERING"
    assert json.loads(tags["mlflow.loggedArtifacts"]) == [{"path": "eval_results_table.json", "type": "table"}]
    assert json.loads(tags["mlflow.log-model.history"])[0]["run_id"] == info["run_id"]
    table = requests.get(registry.url + "/get-artifact", params={"run_id": info["run_id"], "path": "eval_results_table.json"},
                         timeout=30).json()
    assert table == {"columns": ["who", "n", "prompt", "output", "latency"], "data": [["me: \"a\"", "5", "in", "out", "100"]]}


def test_its_model_is_read_by_mlflow(registry):
    mlflow = client_module("mlflow")
    yaml = client_module("yaml")
    run = create(registry).json()["run"]["info"]
    mlflow.set_tracking_uri(registry.url)
    info = mlflow.models.get_model_info("runs:/%s/model" % run["run_id"])
    assert info.signature.inputs.input_names() == ["who", "n"] and info.signature.outputs.input_names() == ["output"]
    assert list(info.flavors) == ["python_function"]
    said = yaml.safe_load(mlflow.artifacts.load_text(run["artifact_uri"] + "/model/parameters.yaml"))
    assert said == {"model_parameters": {}, "model_route": "route", "prompt_parameters": {"who": "me: \"a\"", "n": "5"},
                    "prompt_template": LAB["prompt_template"]}


def test_what_is_missing_is_told(registry):
    for name in LAB:
        for value in (None, ""):
            refused(create(registry, **{name: value}), 400, "INVALID_PARAMETER_VALUE",
                    "CreatePromptlabRun request must specify %s." % name)
    refused(create(registry, prompt_parameters="x"), 400, "INVALID_PARAMETER_VALUE", "prompt_parameters must be a list")
    refused(create(registry, prompt_parameters=["x"]), 400, "INVALID_PARAMETER_VALUE", "prompt_parameters must be a list of objects")
    refused(create(registry, start_time="soon"), 400, "INVALID_PARAMETER_VALUE", "Invalid value \"soon\" for parameter 'start_time'")
    refused(create(registry, experiment_id="99"), 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=99 exists")
    assert registry.ok("runs/search", {"experiment_ids": ["0"]}) == {}


def test_a_prompt_whose_files_have_no_place_is_a_failed_run(registry):
    there = registry.ok("experiments/create", {"name": "e", "artifact_location": "s3://bucket/x"})["experiment_id"]
    answer = create(registry, experiment_id=there)
    assert answer.status_code == 200 and answer.json()["run"]["info"]["status"] == "FAILED", answer.text


GATEWAY = "/ajax-api/2.0/mlflow/gateway-proxy"


def test_without_a_gateway_there_are_no_endpoints(registry):
    url = registry.url + GATEWAY
    assert requests.get(url, params={"gateway_path": "api/2.0/endpoints"}, timeout=30).json() == {"endpoints": []}
    assert requests.post(url, json={"gateway_path": "gateway/x/invocations"}, timeout=30).json() == {"endpoints": []}
    assert requests.put(url, timeout=30).headers["Allow"] == "GET, HEAD, POST"


class Gateway(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, {"path": self.path})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(404 if "nobody" in self.path else 200, {"path": self.path, "body": body})

    def log_message(self, *args):
        pass


@pytest.fixture
def gateway():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://127.0.0.1:%d/base/" % server.server_port
    server.shutdown()
    server.server_close()


def test_a_gateway_is_asked_two_things_only(sluiced, gateway):
    url = sluiced(env={"MLFLOW_DEPLOYMENTS_TARGET": gateway}).url + GATEWAY
    assert requests.get(url, params={"gateway_path": "/api/2.0/endpoints/"}, timeout=30).json() == {"path": "/base/api/2.0/endpoints"}
    ask = {"gateway_path": "gateway/a-b/invocations", "json_data": {"prompt": "x"}}
    assert requests.post(url, json=ask, timeout=30).json() == {"path": "/base/gateway/a-b/invocations", "body": {"prompt": "x"}}
    refused(requests.post(url, json={**ask, "gateway_path": "gateway/nobody/invocations"}, timeout=30), 502, "INTERNAL_ERROR",
            "Deployments proxy request failed with error code 404. Error message: {")
    for body in ({}, {"gateway_path": ""}, {"gateway_path": 5}):
        refused(requests.post(url, json=body, timeout=30), 400, "INVALID_PARAMETER_VALUE",
                "Deployments proxy request must specify a gateway_path.")
    for path in ("gateway/invocations", "gateway//invocations", "gateway/../invocations", "gateway/a/b/invocations",
                 "gateway/a?x/invocations", "gateway/a%2fb/invocations", "api/2.0/endpoints"):
        refused(requests.post(url, json={"gateway_path": path}, timeout=30), 400, "INVALID_PARAMETER_VALUE",
                "Invalid gateway_path: %s for method: POST" % path)
    refused(requests.get(url, params={"gateway_path": "api/2.0/other"}, timeout=30), 400, "INVALID_PARAMETER_VALUE", "method: GET")
    refused(requests.post(url, data="x", timeout=30), 400, "BAD_REQUEST", "expected a value")


def test_a_gateway_that_is_not_there_is_said(sluiced):
    url = sluiced(None, "--gateway", "http://127.0.0.1:1").url + GATEWAY
    refused(requests.get(url, params={"gateway_path": "api/2.0/endpoints"}, timeout=30), 502, "INTERNAL_ERROR", "cannot connect")


def test_a_file_of_a_logged_model(registry):
    model = registry.model()
    folder = registry.found("logged-models/" + model)["model"]["info"]["artifact_uri"].split(":/", 1)[1]
    requests.put("%s/api/2.0/mlflow-artifacts/artifacts/%s/sub/a.txt" % (registry.url, folder), data=b"hello",
                 timeout=30).raise_for_status()
    base = registry.url + "/ajax-api/2.0/mlflow/logged-models/"

    def ask(model_id, **query):
        return requests.get(base + model_id + "/artifacts/files", params=query, timeout=30)

    answer = ask(model, artifact_file_path="sub/a.txt")
    assert (answer.status_code, answer.text) == (200, "hello")
    assert answer.headers["Content-Disposition"] == "attachment; filename=a.txt"
    refused(ask(model), 400, "BAD_REQUEST", 'Request must include the "artifact_file_path" query parameter.')
    refused(ask(model, artifact_file_path="../x"), 400, "INVALID_PARAMETER_VALUE", "Invalid path")
    refused(ask(model, artifact_file_path="sub"), 400, "INVALID_PARAMETER_VALUE", "refers to a directory")
    refused(ask("m-no", artifact_file_path="x"), 404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID 'm-no' not found.")
    assert requests.get(base + model, timeout=30).json()["model"]["info"]["model_id"] == model
    registry.ok("runs/search", {"experiment_ids": ["0"]})
    requests.delete(base + model, timeout=30).raise_for_status()
    refused(ask(model, artifact_file_path="sub/a.txt"), 404, "RESOURCE_DOES_NOT_EXIST", "not found")
