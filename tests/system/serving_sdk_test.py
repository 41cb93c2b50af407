"""Serving endpoints through the real databricks-sdk, as a team's scripts use it that comes from Databricks."""
import json
import threading
import time

import pytest

from conftest import MODELS, client_module, column
from serving_kit import OVERFLOW, Kit

sdk = client_module("databricks.sdk")
from databricks.sdk.errors import (BadRequest, InvalidParameterValue, NotFound, OperationFailed, ResourceAlreadyExists,  # noqa: E402
                                   ResourceConflict, ResourceDoesNotExist)
from databricks.sdk.errors import NotImplemented as NotDone  # noqa: E402
from databricks.sdk.service import serving as api  # noqa: E402


@pytest.fixture
def kit(sluiced, make_bundle, run_sluice):
    kit = Kit(sluiced(None, "--workers", 2), make_bundle, run_sluice)
    kit.client = sdk.WorkspaceClient(host=kit.server.url, token="dapi0")
    kit.api = kit.client.serving_endpoints
    yield kit
    # A server that stops waits a second for connections that are kept.
    kit.client.api_client._api_client._session.close()


def entity(model, version, **more):
    return api.ServedEntityInput(entity_name=model, entity_version=str(version),
                                 **{"workload_size": "Small", "scale_to_zero_enabled": True, **more})


def config(name, *entities, **more):
    return api.EndpointCoreConfigInput(name=name, served_entities=list(entities), **more)


def ask(kit, name, n):
    return kit.api.query(name, dataframe_records=[{"n": n}]).predictions[0]["answer"]


def answered(kit, path, **body):
    return kit.client.api_client.do("POST", path, body=body or None)


def test_deploy_update_and_roll_back(kit):
    kit.register("risk")
    kit.register("risk", adds=100)
    made = kit.api.create_and_wait("risk", config=config("risk", entity("risk", 1)), description="scores",
                                   tags=[api.EndpointTag("team", "x"), api.EndpointTag("flag")])
    assert (made.state.ready.value, made.state.config_update.value) == ("READY", "NOT_UPDATING")
    assert (made.name, made.description, made.config.config_version, made.pending_config) == ("risk", "scores", 1, None)
    assert [t.as_dict() for t in made.tags] == [{"key": "team", "value": "x"}, {"key": "flag"}]
    assert made.permission_level.value == "CAN_MANAGE" and len(made.id) == 32 and made.creation_timestamp > 1e12
    served = made.config.served_entities[0]
    assert (served.name, served.entity_name, served.entity_version, served.workload_size, served.workload_type.value,
            served.scale_to_zero_enabled) == ("risk-1", "risk", "1", "Small", "CPU", True)
    assert served.state.deployment.value == "DEPLOYMENT_READY"
    assert [r.as_dict()["traffic_percentage"] for r in made.config.traffic_config.routes] == [100]
    answer = kit.api.query("risk", dataframe_records=[{"n": 2}, {"n": -3}], client_request_id="c1", usage_context={"p": "q"})
    assert [row["answer"] for row in answer.predictions] == [4, 6] and answer.served_model_name == "risk-1"
    assert kit.api.query("risk", dataframe_split=api.DataframeSplitInput(columns=["n"], data=[[5]])).predictions[0]["answer"] == 10

    # What was read is changed and sent back.
    read = kit.api.get("risk").config.as_dict()
    read["served_entities"][0].update(entity_version="2", name="challenger")
    read["served_models"] = []
    read["traffic_config"]["routes"] = [{"served_entity_name": "challenger", "traffic_percentage": "100"}]
    kit.client.api_client.do("PUT", "/api/2.0/serving-endpoints/risk/config", body=read)
    updated = kit.api.wait_get_serving_endpoint_not_updating("risk")
    assert (updated.config.config_version, updated.config.served_entities[0].name) == (2, "challenger")
    assert ask(kit, "risk", 2) == 104
    back = kit.api.update_config_and_wait("risk", served_entities=[entity("risk", 1)])
    assert back.config.config_version == 3 and ask(kit, "risk", 2) == 4
    answered(kit, "/api/2.0/serving-endpoints/risk/rollback")
    assert kit.api.wait_get_serving_endpoint_not_updating("risk").config.config_version == 4
    assert ask(kit, "risk", 2) == 104
    listed = list(kit.api.list())
    assert [(e.name, e.state.ready.value, e.config.served_entities[0].entity_version) for e in listed] == [("risk", "READY", "2")]
    assert kit.api.delete("risk") is None
    assert list(kit.api.list()) == []


def test_traffic_is_shared_and_one_model_can_be_named(kit):
    kit.register("m")
    kit.register("m", adds=100)
    routes = [api.Route(traffic_percentage=90, served_entity_name="old"), api.Route(traffic_percentage=10, served_model_name="new")]
    kit.api.create_and_wait("ab", config=config("ab", entity("m", 1, name="old"), entity("m", 2, name="new"),
                                         traffic_config=api.TrafficConfig(routes)))
    # Every connection's worker counts its own turns.
    with sdk.core.requests.Session() as session:
        names = [session.post(kit.server.url + "/serving-endpoints/ab/invocations", json={"inputs": [1]})
                 .headers["served-model-name"] for _ in range(100)]
    assert (names.count("old"), names.count("new")) == (90, 10)
    path = "/serving-endpoints/ab/served-models/%s/invocations"
    assert answered(kit, path % "new", inputs=[1])["predictions"][0]["answer"] == 102
    with pytest.raises(NotFound):
        answered(kit, path % "other", inputs=[1])


def test_legacy_served_models_and_old_names(kit):
    kit.register("m")
    body = {"served_models": [{"model_name": "m", "model_version": "1", "workload_size": "Small", "scale_to_zero_enabled": False}]}
    made = kit.client.api_client.do("POST", "/api/2.0/serving-endpoints/", body={"name": "old", "config": body})
    assert made["name"] == "old" and made["state"]["config_update"] in ("IN_PROGRESS", "NOT_UPDATING")
    models = kit.api.wait_get_serving_endpoint_not_updating("old").config.served_models
    assert [(m.model_name, m.model_version, m.name) for m in models] == [("m", "1", "m-1")]


def test_errors_are_the_sdks_exceptions(kit):
    kit.register("m")
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    for call in (lambda: kit.api.get("nope"), lambda: kit.api.delete("nope"), lambda: kit.api.patch("nope", delete_tags=["a"]),
                 lambda: kit.api.update_config("nope", served_entities=[entity("m", 1)]), lambda: kit.api.export_metrics("nope"),
                 lambda: kit.api.logs("ep", "nope"), lambda: kit.api.build_logs("ep", "nope")):
        with pytest.raises(ResourceDoesNotExist) as missing:
            call()
        assert "does not exist" in str(missing.value) or "has no" in str(missing.value)
    with pytest.raises(NotFound) as missing:
        kit.api.query("nope", inputs=[1])
    assert missing.value.error_code == "ENDPOINT_NOT_FOUND"
    with pytest.raises(ResourceAlreadyExists):
        kit.api.create("ep", config=config("ep", entity("m", 1)))
    with pytest.raises(BadRequest) as unfit:
        kit.api.query("ep", dataframe_records=[{"n": "many"}])
    assert "column 'n'" in str(unfit.value) or "'n'" in str(unfit.value)
    with pytest.raises(NotDone):
        kit.api.create_provisioned_throughput_endpoint("pt", api.PtEndpointCoreConfig(
            served_entities=[api.PtServedModel("m", provisioned_model_units=1)]))
    with pytest.raises(NotDone):
        kit.api.update_provisioned_throughput_endpoint_config("ep", api.PtEndpointCoreConfig())
    with pytest.raises(NotFound) as missing:
        kit.client.api_client.do("GET", "/api/2.0/serving-endpoints/ep/nothing")
    assert missing.value.error_code == "ENDPOINT_NOT_FOUND" and "No API found for" in str(missing.value)
    # What is not here at all is told so, too: another answer the SDK takes for a mistake of its own.
    for call in (lambda: list(kit.client.clusters.list()), lambda: list(kit.client.registered_models.list()),
                 lambda: kit.api.http_request("c", api.ExternalFunctionRequestHttpMethod.GET, "/")):
        with pytest.raises(NotFound, match="No API found for"):
            call()
    with pytest.raises(NotFound, match="/serving-endpoints/NAME/invocations"):
        kit.client.api_client.do("POST", "/api/2.0/serving-endpoints/ep/invocations", body={"inputs": [1]})
    with pytest.raises(ResourceDoesNotExist, match="go by the 'id'"):
        kit.api.get_permissions("ep")
    with pytest.raises(BadRequest, match="name of a file"):
        kit.client.api_client.do("POST", "/serving-endpoints/ep/invocations", data="rows.json",
                                 headers={"Content-Type": "application/json"})


def test_a_client_knows_who_and_where_it_is(kit):
    kit.register("m")
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    me = kit.client.current_user.me().user_name
    assert [e.name for e in kit.api.list() if e.creator == me] == ["ep"]
    assert isinstance(kit.client.get_workspace_id(), int)


def refused(kit, words, name="bad", **sent):
    with pytest.raises(InvalidParameterValue) as error:
        kit.api.create(name, **sent)
    assert words in str(error.value), error.value


def test_what_cannot_be_done_is_refused_by_name(kit):
    kit.register("m")
    one = config("bad", entity("m", 1))
    gateway = api.AiGatewayConfig
    refused(kit, "ai_gateway.guardrails: is not done here", config=one, ai_gateway=gateway(guardrails=api.AiGatewayGuardrails(
        input=api.AiGatewayGuardrailParameters(safety=True))))
    refused(kit, "ai_gateway.inference_table_config: is not done here", config=one,
            ai_gateway=gateway(inference_table_config=api.AiGatewayInferenceTableConfig(catalog_name="c", enabled=True)))
    refused(kit, "ai_gateway.fallback_config: is not done here", config=one, ai_gateway=gateway(fallback_config=api.FallbackConfig(True)))
    refused(kit, "ai_gateway.rate_limits[0]: key 'user_group' is not done here", config=one, ai_gateway=gateway(rate_limits=[
        api.AiGatewayRateLimit(api.AiGatewayRateLimitRenewalPeriod.MINUTE, calls=1, key=api.AiGatewayRateLimitKey.USER_GROUP,
                               principal="g")]))
    refused(kit, "rate_limits[0]: expected calls or tokens", config=one, ai_gateway=gateway(rate_limits=[
        api.AiGatewayRateLimit(api.AiGatewayRateLimitRenewalPeriod.MINUTE)]))
    refused(kit, "email_notifications.on_update_failure: this server sends no mail; start sluiced with --smtp URL", config=one,
            email_notifications=api.EmailNotifications(on_update_failure=["a@example.com"]))
    refused(kit, "tags[1]: key 'a' was given before", config=one, tags=[api.EndpointTag("a"), api.EndpointTag("a", "b")])
    refused(kit, "config: served_entities[0].instance_profile_arn: is not done here",
            config=config("bad", entity("m", 1, instance_profile_arn="arn:x")))
    refused(kit, "a bundle needs no GPU", config=config("bad", entity("m", 1, workload_type=api.ServingModelWorkloadType.GPU_SMALL)))
    refused(kit, "config: served_entities[0].external_model: is not done here", config=config("bad", api.ServedEntityInput(
        name="x", external_model=api.ExternalModel(api.ExternalModelProvider.OPENAI, "gpt", "llm/v1/chat"))))
    refused(kit, "auto_capture_config: is not done here", config=config("bad", entity("m", 1),
                                                                        auto_capture_config=api.AutoCaptureConfigInput("c", True)))
    refused(kit, "add up to 90", config=config("bad", entity("m", 1), traffic_config=api.TrafficConfig([api.Route(90, "m-1")])))
    refused(kit, "name 'chat'", name="chat", config=config("chat", entity("m", 1)))
    refused(kit, "name 'a b/c'", name="a b/c", config=None)
    for path, body, words in (("", {"name": "bad", "route_optimised": True}, "route_optimised"),
                              ("", {"name": "bad", "telemetry_config": {"telemetry_profile_id": "p"}}, "telemetry_config: is not done here"),
                              ("", {"name": "bad", "config": {"served_entities": [{"entity_name": "m", "entity_version": "x"}]}}, "entity_version 'x'"),
                              ("/x/config:stop", {"force": True}, "takes no fields")):
        with pytest.raises(InvalidParameterValue) as error:
            kit.client.api_client.do("POST", "/api/2.0/serving-endpoints" + path, body=body)
        assert words in str(error.value), error.value
    with pytest.raises(BadRequest, match="the body"):
        kit.client.api_client.do("POST", "/api/2.0/serving-endpoints", data="{", headers={"Content-Type": "application/json"})
    # What says nothing is nothing.
    made = kit.client.api_client.do("POST", "/api/2.0/serving-endpoints", body={
        "name": "fine", "config": None, "tags": [], "rate_limits": None, "telemetry_config": {}, "email_notifications": {"on_update_failure": []},
        "ai_gateway": {"guardrails": {"input": {"safety": False, "pii": {"behavior": "NONE"}, "invalid_keywords": []}},
                       "inference_table_config": {"enabled": False, "catalog_name": "main"}, "fallback_config": {"enabled": False}},
        "route_optimized": False, "budget_policy_id": "", "id": "0", "state": {"ready": "READY"}})
    assert made["state"] == {"ready": "NOT_READY", "config_update": "NOT_UPDATING"} and "config" not in made
    with pytest.raises(BadRequest, match="is not ready: it has no config that works yet"):
        kit.api.query("fine", inputs=[1])
    assert list(e.name for e in kit.api.list()) == ["fine"]


def test_attributes_are_kept_and_changed(kit):
    kit.register("m")
    minute = api.RateLimitRenewalPeriod.MINUTE
    limit = api.AiGatewayRateLimit(api.AiGatewayRateLimitRenewalPeriod.MINUTE, calls=1000, key=api.AiGatewayRateLimitKey.USER)
    made = kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)), route_optimized=True, budget_policy_id="b1",
                                   ai_gateway=api.AiGatewayConfig(rate_limits=[limit],
                                                                  usage_tracking_config=api.AiGatewayUsageTrackingConfig(enabled=True)))
    assert (made.route_optimized, made.budget_policy_id) == (True, "b1")
    assert made.ai_gateway.usage_tracking_config.enabled is True
    assert made.ai_gateway.rate_limits[0].as_dict() == {"calls": 1000, "key": "user", "renewal_period": "minute"}
    tags = kit.api.patch("ep", add_tags=[api.EndpointTag("a", "1"), api.EndpointTag("b")])
    assert [t.as_dict() for t in tags.tags] == [{"key": "a", "value": "1"}, {"key": "b"}]
    tags = kit.api.patch("ep", add_tags=[api.EndpointTag("a", "2")], delete_tags=["b", "never"])
    assert [t.as_dict() for t in tags.tags] == [{"key": "a", "value": "2"}]
    put = kit.api.put("ep", rate_limits=[api.RateLimit(calls=5000, key=api.RateLimitKey.ENDPOINT, renewal_period=minute)])
    assert [r.as_dict() for r in put.rate_limits] == [{"calls": 5000, "key": "endpoint", "renewal_period": "minute"}]
    replaced = kit.api.put_ai_gateway("ep", rate_limits=[limit], inference_table_config=api.AiGatewayInferenceTableConfig(enabled=False))
    assert replaced.usage_tracking_config is None and replaced.rate_limits[0].calls == 1000
    assert kit.api.update_notifications("ep").name == "ep"
    client = kit.client.api_client
    assert client.do("PATCH", "/api/2.0/serving-endpoints/ep/telemetry-config", body={})["name"] == "ep"
    with pytest.raises(InvalidParameterValue, match="telemetry_config: is not done here"):
        client.do("PATCH", "/api/2.0/serving-endpoints/ep/telemetry-config", body={"telemetry_config": {"telemetry_profile_id": "p"}})
    read = client.do("GET", "/api/2.0/serving-endpoints/ep")
    assert read["tags"] == [{"key": "a", "value": "2"}]
    assert read["ai_gateway"] == {"rate_limits": [{"key": "user", "renewal_period": "minute", "calls": 1000}],
                                  "inference_table_config": {"enabled": False}}
    # All of it outlives the process.
    kit.server.stop()
    kit.server.__init__(None, "--workers", 1, state=kit.server.log_path.parent)
    again = sdk.WorkspaceClient(host=kit.server.url, token="dapi0").api_client.do("GET", "/api/2.0/serving-endpoints/ep")
    same = ("tags", "ai_gateway", "rate_limits", "route_optimized", "budget_policy_id", "id", "creation_timestamp", "state")
    assert {k: again[k] for k in same} == {k: read[k] for k in same}


def test_a_bad_bundle_fails_and_what_served_goes_on(kit, make_bundle):
    kit.register("m")
    kit.register("m", example=OVERFLOW)  # fails its own example
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    with pytest.raises(OperationFailed, match="UPDATE_FAILED"):
        kit.api.update_config_and_wait("ep", served_entities=[entity("m", 2)])
    read = kit.api.get("ep")
    assert (read.state.ready.value, read.state.config_update.value, read.config.config_version) == ("READY", "UPDATE_FAILED", 1)
    failed = read.pending_config.served_entities[0].state
    assert failed.deployment.value == "DEPLOYMENT_FAILED" and "self-test with the input example" in failed.deployment_state_message
    assert "self-test failed" in kit.api.build_logs("ep", "m-2").logs
    assert ask(kit, "ep", 1) == 2
    with pytest.raises(OperationFailed):
        kit.api.update_config_and_wait("ep", served_entities=[entity("m", 9)])
    assert "version" in kit.api.get("ep").pending_config.served_entities[0].state.deployment_state_message
    kit.api.update_config_and_wait("ep", served_entities=[entity("m", 1)])
    assert kit.api.get("ep").pending_config is None
    # A first config that fails: the endpoint says why, and can be mended.
    with pytest.raises(OperationFailed):
        kit.api.create_and_wait("new", config=config("new", entity("m", 2)))
    with pytest.raises(BadRequest, match="is not ready: served entity 'm-2': self-test"):
        kit.api.query("new", inputs=[1])
    kit.api.update_config_and_wait("new", served_entities=[entity("m", 1)])
    assert ask(kit, "new", 1) == 2


SLOW = """
version: 1
models:
  m: {base_url: "http://127.0.0.1:%d/v1", model: x, retries: 0}
steps:
  - {name: answer, llm: {model: m, prompt: ask}}
"""


def test_an_update_in_progress_is_a_conflict(sluiced, make_bundle, run_sluice):
    """A self-test that calls a model which does not answer: it ends with --self-test-timeout-ms."""
    import socket
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        slow = SLOW % silent.getsockname()[1]
        server = sluiced(None, "--self-test-timeout-ms", 1500)
        kit = Kit(server, make_bundle, run_sluice)
        kit.register("slow", config=slow, outputs=[column("answer")], prompts={"ask": "{{n}}"})
        serving = sdk.WorkspaceClient(host=server.url, token="dapi0").serving_endpoints
        started = time.monotonic()
        waiter = serving.create("ep", config=config("ep", entity("slow", 1)))
        assert waiter.response.state.config_update.value == "IN_PROGRESS" and waiter.response.pending_config.start_time > 1e12
        assert waiter.response.pending_config.served_entities[0].state.deployment.value == "DEPLOYMENT_CREATING"
        with pytest.raises(ResourceConflict, match="update is currently in progress"):
            serving.update_config("ep", served_entities=[entity("slow", 1)])
        assert server.post({"inputs": [1]}, "/serving-endpoints/ep/invocations")[0] == 503
        with pytest.raises(OperationFailed):
            waiter.result()
        assert time.monotonic() - started >= 1.5
        serving.delete("ep")


def test_logs_metrics_and_openapi(kit):
    kit.register("m")
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    assert ask(kit, "ep", 4) == 8
    with pytest.raises(BadRequest):
        kit.api.query("ep", dataframe_records=[{"n": "many"}])
    rows = kit.api.query("ep", dataframe_records=[{"n": 1}, {"n": OVERFLOW}]).predictions
    assert rows[0]["error"] is None and "overflow" in rows[1]["error"]
    log = kit.api.logs("ep", "m-1").logs
    lines = log.splitlines()
    assert "[EVENT] ENDPOINT_CREATED" in lines[0] and "[EVENT] UPDATE_SUCCEEDED config_version=1" in log
    assert sum("[INFO] 200 in " in line for line in lines) == 2 and sum("[ERROR] 400 in " in line for line in lines) == 1
    assert any("[ERROR] row 1: " in line and "overflow" in line for line in lines)
    assert any("rows=2 rows_failed=1" in line for line in lines)
    client = kit.client.api_client
    path = "/api/2.0/serving-endpoints/ep/served-models/m-1/"
    assert client.do("GET", path + "logs", query={"config_version": 7})["logs"] == ""
    assert "self-test" in client.do("GET", path + "build-logs", query={"config_version": 1})["logs"]
    with pytest.raises(ResourceDoesNotExist):
        client.do("GET", path + "build-logs", query={"config_version": 2})
    with pytest.raises(InvalidParameterValue):
        client.do("GET", path + "build-logs", query={"config_version": "x"})
    assert [e["type"] for e in client.do("GET", "/api/2.0/serving-endpoints/ep/events")["events"]] == [
        "UPDATE_SUCCEEDED", "UPDATE_STARTED", "ENDPOINT_CREATED"]

    text = kit.api.export_metrics("ep").contents.read().decode()
    label = '{endpoint_name="ep",served_entity_name="m-1",served_model_name="m-1",entity_version="1"'
    for line in ("request_count_total%s} 3" % label, "request_4xx_count_total%s} 1" % label, "request_5xx_count_total%s} 0" % label,
                 "provisioned_concurrent_requests_total%s} 4" % label, 'request_latency_ms_bucket%s,le="+Inf"} 3' % label,
                 "request_latency_ms_count%s} 3" % label, "model_prediction_latency_ms_count%s} 2" % label,
                 "model_queue_time_ms_count%s} 3" % label):
        assert line + "\n" in text, (line, text)
    assert "cpu_usage_percentage{" in text and "mem_usage_percentage{" in text
    open_metrics = kit.server.get("/api/2.0/serving-endpoints/ep/metrics", {"Accept": "application/openmetrics-text"})
    assert open_metrics.endswith("# EOF\n")

    document = json.load(kit.api.get_open_api("ep").contents)
    assert (document["openapi"], document["info"]) == ("3.1.0", {"title": "ep", "version": "1"})
    assert document["servers"] == [{"url": kit.server.url + "/serving-endpoints/ep"}]
    assert set(document["paths"]) == {"/invocations", "/served-models/m-1/invocations"}
    records = [form["properties"] for form in document["components"]["schemas"]["m-1.request"]["anyOf"]]
    assert records[1]["dataframe_records"]["items"] == {"type": "object", "properties": {"n": {"type": "integer", "format": "int64"}},
                                                        "required": ["n"]}

    overall = kit.server.get("/metrics")
    label = '{endpoint="ep",served_entity="m-1",entity_version="1"'
    for line in ('sluice_endpoint_requests_total%s,code="200"} 2' % label, 'sluice_endpoint_requests_total%s,code="400"} 1' % label,
                 'sluice_endpoint_errors_total%s,type="invalid_parameter"} 1' % label, "sluice_endpoint_rows_total%s} 3" % label,
                 "sluice_endpoint_rows_failed_total%s} 1" % label, 'sluice_endpoint_request_duration_seconds_bucket%s,le="+Inf"} 3' % label,
                 "sluice_endpoint_requests_active%s} 0" % label):
        assert line + "\n" in overall, (line, overall)
    assert 'sluice_endpoint_row_errors_total%s,type="' % label in overall


def test_openapi_needs_a_signature(kit):
    kit.register_folder(MODELS / "echo", "echo")
    kit.api.create_and_wait("ep", config=config("ep", entity("echo", 1)))
    assert kit.api.query("ep", inputs=[1, 2]).predictions == [1, 2]
    with pytest.raises(BadRequest, match="has no signature"):
        kit.api.get_open_api("ep")


def test_stop_and_start(kit):
    kit.register("m")
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    stopped = answered(kit, "/api/2.0/serving-endpoints/ep/config:stop")
    assert stopped["state"] == {"ready": "NOT_READY", "config_update": "NOT_UPDATING", "suspend": "STOPPED"}
    with pytest.raises(BadRequest, match="stopped"):
        ask(kit, "ep", 1)
    # Changing something else does not start it.
    kit.api.put("ep", rate_limits=[api.RateLimit(calls=9, renewal_period=api.RateLimitRenewalPeriod.MINUTE)])
    with pytest.raises(BadRequest, match="stopped"):
        ask(kit, "ep", 1)
    assert answered(kit, "/api/2.0/serving-endpoints/ep/config:start")["state"]["config_update"] == "NOT_UPDATING"
    assert kit.api.get("ep").state.ready.value == "READY" and ask(kit, "ep", 1) == 2


def test_a_stopped_endpoint_follows_its_alias_when_it_starts(kit):
    kit.register("m")
    kit.register("m", adds=100)
    kit.sluice("alias", "set", "m", "champion", "1")
    kit.api.create_and_wait("ep", config=config("ep", entity("m", "@champion")))
    answered(kit, "/api/2.0/serving-endpoints/ep/config:stop")
    kit.sluice("alias", "set", "m", "champion", "2")
    assert kit.api.get("ep").state.ready.value == "NOT_READY"
    answered(kit, "/api/2.0/serving-endpoints/ep/config:start")
    end = time.monotonic() + 10
    while ask(kit, "ep", 1) != 102:
        assert time.monotonic() < end
    assert kit.api.get("ep").config.config_version == 2


def test_many_change_one_endpoint_at_once(kit):
    """Updates, rollbacks, stops and limits from all sides: in the end the rows and the table say the same."""
    kit.register("m")
    kit.register("m", adds=100)
    kit.api.create_and_wait("ep", config=config("ep", entity("m", 1)))
    problems = []

    def churn(i):
        session = sdk.core.requests.Session()
        url = kit.server.url + "/api/2.0/serving-endpoints/ep"
        for k in range(8):
            calls = (("PUT", "/config", {"served_entities": [{"entity_name": "m", "entity_version": str(1 + (i + k) % 2)}]}),
                     ("POST", "/rollback", None), ("PUT", "/rate-limits", {"rate_limits": [{"calls": 10 ** 6, "key": "endpoint"}]}),
                     ("POST", "/config:" + ("stop" if k % 2 else "start"), None))
            method, path, body = calls[(i + k) % 4]
            answer = session.request(method, url + path, json=body)
            if answer.status_code not in (200, 400, 409):
                problems.append(answer.text)

    threads = [threading.Thread(target=churn, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    kit.api.wait_get_serving_endpoint_not_updating("ep")
    answered(kit, "/api/2.0/serving-endpoints/ep/config:start")
    version = kit.api.get("ep").config.served_entities[0].entity_version
    assert ask(kit, "ep", 1) == {"1": 2, "2": 102}[version]
