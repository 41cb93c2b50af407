"""Endpoints and who may what on them: databricks-sdk with OAuth, permissions, the data plane; secrets that reach models."""
import json

import pytest
from access_test import Caller
from admission_test import API, ROWS, served  # noqa: F401
from secret_store_test import CANARY, assert_unseen

from conftest import client_module

ASK = ("POST", "/serving-endpoints/e/invocations", ROWS)


@pytest.fixture
def endpoint(served):  # noqa: F811
    """An endpoint, and who manages everything beside it."""
    one = served()
    one.root = Caller(one.server, Caller(one.server).token(user="root"))
    one.id = one.root.good("GET", API + "/e")["id"]
    return one


def caller(endpoint, **fields):
    return Caller(endpoint.server, endpoint.root.token(**fields))


def test_tokens_for_one_endpoint(endpoint):
    asks = caller(endpoint, user="app", can="query", endpoints=["e"])
    sees = caller(endpoint, user="app", can="view", endpoints=["e"])
    manages = caller(endpoint, user="app", can="manage", endpoints=["e"])
    other = caller(endpoint, user="app", can="manage", endpoints=["other"])
    for one, statuses in ((asks, (200, 403, 403)), (sees, (200, 200, 403)), (manages, (200, 200, 200)), (other, (403, 403, 403))):
        calls = (ASK, ("GET", API + "/e", None), ("PATCH", API + "/e/tags", {"add_tags": [{"key": "k", "value": "v"}]}))
        assert tuple(one(*call)[0] for call in calls) == statuses
        assert one("POST", API, {"name": "new"})[0] == 403
        assert one("GET", "/api/2.0/mlflow/registered-models/search")[0] == 403
    assert [e["name"] for e in sees.good("GET", API)["endpoints"]] == ["e"]
    assert other.good("GET", API)["endpoints"] == []
    assert sees.good("GET", API + "/e")["permission_level"] == "CAN_QUERY"
    assert manages.good("GET", API + "/e")["permission_level"] == "CAN_MANAGE"
    # OpenAI's paths name the endpoint in the body.
    chat = {"model": "e", "messages": [{"role": "user", "content": "why?"}]}
    for path in ("/serving-endpoints/chat/completions", "/v1/chat/completions"):
        assert other("POST", path, chat)[0] == 403
        assert asks("POST", path, chat)[0] not in (401, 403)
    assert [m["id"] for m in asks.good("GET", "/v1/models")["data"]] == ["e"]
    assert other.good("GET", "/v1/models")["data"] == []


def test_permissions_by_databricks_sdk(endpoint):
    client_module("databricks.sdk")
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
    from databricks.sdk.service.serving import ServingEndpointAccessControlRequest as Entry
    from databricks.sdk.service.serving import ServingEndpointPermissionLevel as Level
    w = WorkspaceClient(host=endpoint.server.url, token=endpoint.root.headers["Authorization"].split()[1]).serving_endpoints
    alice, bob = caller(endpoint, user="alice", can="none"), caller(endpoint, service_principal="bob", can="none")
    assert {level.permission_level for level in w.get_permission_levels(endpoint.id).permission_levels} == set(Level)
    assert alice(*ASK)[0] == 403
    made = w.set_permissions(endpoint.id, access_control_list=[Entry(user_name="alice", permission_level=Level.CAN_QUERY)])
    assert made.object_id == "/serving-endpoints/" + endpoint.id and made.object_type == "serving-endpoint"
    entry, admins = made.access_control_list
    assert (entry.user_name, entry.all_permissions[0].permission_level) == ("alice", Level.CAN_QUERY)
    assert admins.group_name == "admins" and admins.all_permissions[0].inherited
    assert alice(*ASK)[0] == 200 and alice("GET", API + "/e")[0] == 200 and bob(*ASK)[0] == 403
    assert alice("DELETE", API + "/e")[0] == 403
    w.update_permissions(endpoint.id, access_control_list=[
        Entry(service_principal_name="bob", permission_level=Level.CAN_VIEW)])
    assert bob("GET", API + "/e")[0] == 200 and bob(*ASK)[0] == 403 and alice(*ASK)[0] == 200
    w.set_permissions(endpoint.id, access_control_list=[Entry(group_name="users", permission_level=Level.CAN_QUERY)])
    assert bob(*ASK)[0] == 200
    assert w.get_permissions(endpoint.id).access_control_list[0].group_name == "users"
    with pytest.raises(InvalidParameterValue, match="there are no groups"):
        w.set_permissions(endpoint.id, access_control_list=[Entry(group_name="data", permission_level=Level.CAN_QUERY)])
    with pytest.raises(NotFound):
        w.get_permissions("0" * 32)
    theirs = WorkspaceClient(host=endpoint.server.url, token=alice.headers["Authorization"].split()[1]).serving_endpoints
    with pytest.raises(PermissionDenied):
        theirs.set_permissions(endpoint.id, access_control_list=[])
    assert [e["type"] for e in endpoint.root.good("GET", API + "/e/events")["events"]].count("PERMISSIONS_CHANGED") == 3
    # Another endpoint of the same name begins without them.
    endpoint.root.good("DELETE", API + "/e")
    endpoint.root.good("POST", API, {"name": "e"})
    assert alice("GET", API + "/e")[0] == 403


def make_client(endpoint, **fields):
    made = endpoint.root.good("POST", "/api/2.0/token/create", {"kind": "client", "service_principal": "ci", **fields})
    assert "token_value" not in made
    return made["client_id"], made["client_secret"]


def test_oauth_by_databricks_sdk(endpoint):
    client_module("databricks.sdk")
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import PermissionDenied
    client_id, secret = make_client(endpoint, can="view")
    w = WorkspaceClient(host=endpoint.server.url, client_id=client_id, client_secret=secret)
    assert w.config.auth_type == "oauth-m2m"
    assert w.current_user.me().user_name == "ci"
    assert [e.name for e in w.serving_endpoints.list()] == ["e"]
    assert w.serving_endpoints.query("e", dataframe_records=ROWS["dataframe_records"]).predictions
    with pytest.raises(PermissionDenied, match="service principal 'ci' may not"):
        w.serving_endpoints.delete("e")
    # The data plane: the token is exchanged for one that is for this endpoint alone.
    assert w.serving_endpoints_data_plane.query("e", dataframe_records=ROWS["dataframe_records"]).predictions
    with pytest.raises(ValueError, match="invalid_client"):
        WorkspaceClient(host=endpoint.server.url, client_id=client_id, client_secret=secret + "x").current_user.me()


def test_a_client_that_is_revoked(endpoint):
    client_id, secret = make_client(endpoint, can="query")
    form = "grant_type=client_credentials&scope=all-apis&client_id=%s&client_secret=%s" % (client_id, secret)
    status, answer, headers = Caller(endpoint.server)("POST", "/oidc/v1/token", form.encode(),
                                                      **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    assert headers["Cache-Control"] == "no-store" and headers["Content-Type"] == "application/json"
    ci = Caller(endpoint.server, answer["access_token"])
    ci.good(*ASK)
    endpoint.root.good("POST", "/api/2.0/token/delete", {"token_id": client_id})
    assert ci(*ASK)[0] == 401
    status, answer, _ = Caller(endpoint.server)("POST", "/oidc/v1/token", form.encode())
    assert (status, answer["error"]) == (401, "invalid_client")


def test_a_secret_reaches_the_model_and_nobody_else(endpoint, tmp_path):
    root = endpoint.root
    root.good("POST", "/api/2.0/secrets/scopes/create", {"scope": "sc"})
    root.good("POST", "/api/2.0/secrets/put", {"scope": "sc", "key": "k", "string_value": CANARY})
    config = {"served_entities": [{"entity_name": "m", "entity_version": "1", "workload_size": "Small", "environment_vars": {
        "UPSTREAM": endpoint.upstream.url + "/v1", "KEY": "{{secrets/sc/k}}"}}]}
    root.good("PUT", API + "/e/config", config)
    answer = root.good(*ASK)
    assert CANARY not in json.dumps(answer)
    assert "Bearer " + CANARY in dict(endpoint.upstream.requests[-1]["headers"]).values()
    told = root.good("GET", API + "/e")
    entity, = told["config"]["served_entities"]
    assert entity["environment_vars"]["KEY"] == "{{secrets/sc/k}}" and CANARY not in json.dumps(told)
    for path in ("/e/served-models/%s/build-logs" % entity["name"], "/e/served-models/%s/logs" % entity["name"], "/e/events",
                 "/e/config-versions", "/e/openapi", "/e/metrics"):
        assert CANARY not in json.dumps(root("GET", API + path)[1])
    config["served_entities"][0]["environment_vars"]["KEY"] = "{{secrets/sc/none}}"
    root.good("PUT", API + "/e/config", config)
    told = root.good("GET", API + "/e")
    assert told["state"]["config_update"] == "UPDATE_FAILED" and "scope: sc and key: none" in json.dumps(told)
    endpoint.server.stop()
    assert_unseen(tmp_path, CANARY)


def test_who_manages_one_endpoint_has_not_all_secrets(endpoint):
    """He could have any of them sent to a model of his choice."""
    root, manager = endpoint.root, caller(endpoint, user="app", can="manage", endpoints=["e"])
    root.good("POST", "/api/2.0/secrets/scopes/create", {"scope": "sc"})
    for key in ("used", "other"):
        root.good("POST", "/api/2.0/secrets/put", {"scope": "sc", "key": key, "string_value": CANARY})

    def config(key, **more):
        return {"served_entities": [{"entity_name": "m", "entity_version": "1", "workload_size": "Small", **more, "environment_vars": {
            "UPSTREAM": endpoint.upstream.url + "/v1", "KEY": key}}]}
    root.good("PUT", API + "/e/config", config("{{secrets/sc/used}}"))
    manager.good("PUT", API + "/e/config", config("{{secrets/sc/used}}", workload_size="Medium"))
    manager.good("POST", API + "/e/rollback", {})
    for key in ("{{secrets/sc/other}}", " {{secrets/sc/other}}", "x{{secrets/sc/other}}"):
        for _ in range(2):  # being refused makes it no earlier config
            status, answer, _ = manager("PUT", API + "/e/config", config(key))
            assert status == 403 and answer["error_code"] == "PERMISSION_DENIED" and "no config of this endpoint" in answer["message"]
    # Nor does naming it elsewhere.
    manager("PUT", API + "/e/config", {"served_entities": [{"entity_name": "{{secrets/sc/other}}", "entity_version": "1"}]})
    assert manager("PUT", API + "/e/config", config("{{secrets/sc/other}}"))[0] == 403


def test_mlflow_with_a_token(endpoint, monkeypatch):
    mlflow = client_module("mlflow")
    from mlflow.deployments import get_deploy_client
    from mlflow.exceptions import MlflowException
    token = endpoint.root.token(user="ann", can="view")
    monkeypatch.setenv("DATABRICKS_HOST", endpoint.server.url)
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    client = get_deploy_client("databricks")
    assert [one["name"] for one in client.list_endpoints()] == ["e"]
    assert client.predict(endpoint="e", inputs=ROWS)["predictions"]
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    tracking = mlflow.MlflowClient(endpoint.server.url, endpoint.server.url)
    assert [model.name for model in tracking.search_registered_models()] == ["m"]
    with pytest.raises(MlflowException, match="user 'ann' may not do that: the permission 'manage' on everything is needed"):
        tracking.create_experiment("x")
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    with pytest.raises(MlflowException, match="no token was sent"):
        tracking.search_registered_models()
