"""Serving endpoints through mlflow.deployments, as scripts for Databricks Model Serving use it."""
import time

import pytest

from conftest import client_module
from serving_kit import OVERFLOW, Kit

client_module("databricks.sdk")  # mlflow's client of Databricks is one of it
deployments = client_module("mlflow.deployments")
from requests import HTTPError  # noqa: E402

ENTITY = {"entity_name": "main.default.m", "entity_version": "1", "workload_size": "Small", "scale_to_zero_enabled": True}


@pytest.fixture
def kit(sluiced, make_bundle, run_sluice, monkeypatch):
    kit = Kit(sluiced(None, "--workers", 1), make_bundle, run_sluice)
    monkeypatch.setenv("DATABRICKS_HOST", kit.server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi0")
    kit.client = deployments.get_deploy_client("databricks")
    kit.register("main.default.m")
    kit.register("main.default.m", adds=100)
    return kit


def wait(client, name):
    end = time.monotonic() + 20
    while client.get_endpoint(name)["state"]["config_update"] == "IN_PROGRESS":
        assert time.monotonic() < end
    return client.get_endpoint(name)


def test_the_life_of_an_endpoint(kit):
    client = kit.client
    made = client.create_endpoint(config={"name": "ml1", "config": {
        "served_entities": [ENTITY], "traffic_config": {"routes": [{"served_model_name": "m-1", "traffic_percentage": "100"}]}},
        "tags": [{"key": "a", "value": "b"}], "rate_limits": [{"key": "endpoint", "renewal_period": "minute", "calls": 10000}]})
    assert made["name"] == "ml1" and made["tags"] == [{"key": "a", "value": "b"}]
    ready = wait(client, "ml1")
    assert ready["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert ready["config"]["served_entities"][0]["name"] == ready["config"]["served_models"][0]["name"] == "m-1"
    with pytest.warns(UserWarning):
        client.create_endpoint(name="ml2", config={"served_entities": [ENTITY], "tags": [{"key": "a"}]})
    assert [e["name"] for e in client.list_endpoints()] == ["ml1", "ml2"]
    assert client.predict(endpoint="ml1", inputs={"dataframe_records": [{"n": 2}]}) == {
        "predictions": [{"answer": 4, "error": None}]}
    client.update_endpoint_config("ml1", {"served_entities": [{**ENTITY, "entity_version": "2"}]})
    assert wait(client, "ml1")["config"]["config_version"] == 2
    assert client.predict(endpoint="ml1", inputs={"inputs": [2]})["predictions"][0]["answer"] == 104
    assert client.update_endpoint_tags("ml1", {"add_tags": [{"key": "project", "value": "t"}], "delete_tags": ["a"]})["tags"] == [
        {"key": "project", "value": "t"}]
    limits = [{"calls": 10000, "key": "endpoint", "renewal_period": "minute"}]
    assert client.update_endpoint_rate_limits("ml1", {"rate_limits": limits})["rate_limits"] == limits
    assert client.update_endpoint_ai_gateway("ml1", {"usage_tracking_config": {"enabled": True}}) == {
        "usage_tracking_config": {"enabled": True}}
    assert client.delete_endpoint("ml2") == {}
    assert client.delete_endpoint("ml1") == {}
    assert client.list_endpoints() == []


def test_rows_as_events(kit):
    kit.client.create_endpoint(config={"name": "ml", "config": {"served_entities": [ENTITY]}})
    wait(kit.client, "ml")
    chunks = list(kit.client.predict_stream(endpoint="ml", inputs={"dataframe_records": [{"n": 1}, {"n": 2}, {"n": OVERFLOW}]}))
    text = str(chunks)
    assert "'answer': 2" in text and "'answer': 4" in text and "overflow" in text


def fails(status, words, call):
    started = time.monotonic()
    with pytest.raises(HTTPError) as error:
        call()
    assert str(error.value).startswith("%d " % status) and words in str(error.value), error.value
    # What cannot succeed is not tried again: the client repeats what it takes for a failure of the server, for minutes.
    assert time.monotonic() - started < 5


def test_errors_are_told_and_not_repeated(kit):
    client = kit.client
    client.create_endpoint(config={"name": "ml", "config": {"served_entities": [ENTITY]}})
    wait(client, "ml")
    fails(404, "does not exist", lambda: client.get_endpoint("nope"))
    fails(404, "does not exist", lambda: client.delete_endpoint("nope"))
    fails(404, "does not exist", lambda: client.predict(endpoint="nope", inputs={"inputs": [1]}))
    fails(400, "already exists", lambda: client.create_endpoint(config={"name": "ml", "config": {"served_entities": [ENTITY]}}))
    fails(400, "expected at least one", lambda: client.update_endpoint_config("ml", {"served_entities": []}))
    fails(400, "external_model: is not done here", lambda: client.update_endpoint_config("ml", {"served_entities": [
        {"name": "gpt", "external_model": {"name": "gpt-4", "provider": "openai", "task": "llm/v1/chat",
                                           "openai_config": {"openai_api_key": "{{secrets/s/k}}"}}}]}))
    fails(400, "'n'", lambda: client.predict(endpoint="ml", inputs={"dataframe_records": [{"n": "many"}]}))
    fails(400, "", lambda: client.predict(endpoint="ml", inputs={"dataframe_records": [{"n": 1}], "blob": "x" * (17 << 20)}))
    assert client.predict(endpoint="ml", inputs={"inputs": [1]})["predictions"][0]["answer"] == 2
