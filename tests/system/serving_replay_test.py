"""What the real clients send (tests/protocol/serving/recordings: databricks-sdk 0.156, mlflow.deployments 3.17.2), sent again. The
recorded answers were a stand-in's: plausible, and taken by the clients. So ours have the same status, and at least the same
members of the same types; where they mean something else, DIFFERS says what and why."""
import json
import re

import pytest

from conftest import MODELS, ROOT, client_module
from serving_kit import Kit

requests = client_module("requests")
RECORDINGS = ROOT / "tests" / "protocol" / "serving" / "recordings"
REFUSED = re.compile(r"([a-z_.\[\]0-9]+): (?:is not done here|this server sends no mail)|([a-z_.]+)\[(\d+)\]: key '[a-z_]+' is not done here")

# (file, sequence number) -> our status
DIFFERS = {
    ("sdk_serving", 3): 200,   # an update takes milliseconds: it is over
    ("mlflow_deployments", 19): 400,  # an update without entities
    ("sdk_serving", 39): 400,  # no signature
}
# What answers need not have: what was refused, what is not there any more when an update is over, what only Databricks has.
NOT_OURS = {"auto_capture_config", "email_notifications", "telemetry_config", "guardrails", "fallback_config", "inference_table_config",
            "pending_config", "principal", "task", "endpoint_type", "usage_policy_id"}


def load(name):
    return [json.loads(line) for line in (RECORDINGS / (name + ".jsonl")).read_text("utf-8").splitlines()]


def path_of(message):
    found = REFUSED.search(message)
    assert found, message
    path = found.group(1) or "%s[%s]" % (found.group(2), found.group(3))
    return ("config." if message.startswith("config: ") else "") + path


def remove(body, path):
    parts = re.findall(r"[a-z_]+|\[\d+\]", path)
    for part in parts[:-1]:
        body = body[int(part[1:-1])] if part[0] == "[" else body[part]
    del body[int(parts[-1][1:-1]) if parts[-1][0] == "[" else parts[-1]]


def send(url, exchange):
    """-> the answer, and the paths that were refused before: each refusal names its field so that a script can leave it out."""
    body, refused = exchange["body"], []
    while True:
        answer = requests.request(exchange["method"], url + exchange["path"], json=body, timeout=30,
                                  headers={"Accept": exchange.get("accept", "*/*")})
        if answer.status_code != 400 or not REFUSED.search(answer.text) or exchange["path"].endswith("invocations"):
            return answer, refused
        refused.append(path_of(answer.json()["message"]))
        remove(body, refused[-1])


def check(recorded, ours, where):
    if isinstance(recorded, dict):
        assert isinstance(ours, dict), (where, ours)
        for key in recorded.keys() - NOT_OURS:
            assert key in ours, (where, key, ours)
            check(recorded[key], ours[key], "%s.%s" % (where, key))
    elif isinstance(recorded, list):
        assert isinstance(ours, list) and (ours or not recorded), (where, ours)
        for item in recorded[:1]:
            named = [one for one in ours if isinstance(item, dict) and "name" in item and one["name"] == item["name"]]
            check(item, (named or ours)[0], where + "[]")
    elif recorded is not None:
        assert type(ours) is type(recorded), (where, recorded, ours)


@pytest.fixture
def server(sluiced, make_bundle, run_sluice):
    server = sluiced(None, "--workers", 1)
    kit = Kit(server, make_bundle, run_sluice)
    for name in ("main.default.m", "main.default.m", "m"):
        kit.register_folder(MODELS / "echo", name)
    for path, body in (("scopes/create", {"scope": "sc"}), ("put", {"scope": "sc", "key": "k", "string_value": "v"})):
        answer = requests.post(server.url + "/api/2.0/secrets/" + path, json=body)
        assert answer.status_code == 200, answer.text
    return server


@pytest.mark.parametrize("name", ["sdk_serving", "mlflow_deployments"])
def test_recorded_requests(server, name):
    all_refused = set()
    for exchange in load(name):
        where = "%s %d %s" % (name, exchange["seq"], exchange["label"])
        answer, refused = send(server.url, exchange)
        all_refused.update(refused)
        wanted = DIFFERS.get((name, exchange["seq"]), exchange["status"])
        assert answer.status_code == wanted, (where, answer.text)
        if wanted != 200:
            assert set(answer.json()) == {"error_code", "message"}, where
        elif exchange["path"].startswith("/api/"):
            if exchange["status"] == 200 and exchange["label"] != "export_metrics":
                check(exchange["answer"] or {}, answer.json(), where)
        else:
            assert answer.headers["served-model-name"], where
    if name == "sdk_serving":
        assert all_refused == {
            "ai_gateway.guardrails", "ai_gateway.inference_table_config", "ai_gateway.fallback_config", "ai_gateway.rate_limits[1]",
            "config.auto_capture_config", "email_notifications.on_update_failure", "email_notifications.on_update_success",
            "telemetry_config", "inference_table_config"}
