"""The embedded model registry: registered models, versions, aliases, stages, prompts, through MLflow's client, raw
requests and recordings of the real server; and the history, which that server does not have."""
import concurrent.futures
import datetime
import json
import signal
import sys

import pytest
import requests

from conftest import ROOT, client_module

sys.path.insert(0, str(ROOT / "tests" / "protocol" / "registry"))

API = "/api/2.0/mlflow/"
IS_PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
MUST_IDENTIFY = "request parameter must identify the resource that contains the source."


class Registry:
    """Raw calls. Answers are JSON; `refused` ones are checked."""

    def __init__(self, server):
        self.server, self.url = server, server.url

    def send(self, method, path, body=None, who=None, why=None):
        headers = {**({"X-Sluice-User": who} if who else {}), **({"X-Sluice-Reason": why} if why else {})}
        where = {"params" if method == "GET" else "json": body or {}}
        return requests.request(method, self.url + API + path, headers=headers, timeout=30, **where)

    def ok(self, method, path, body=None, **kw):
        answer = self.send(method, path, body, **kw)
        assert answer.status_code == 200, (method, path, body, answer.text)
        return answer.json()

    def refused(self, status, code, message, method, path, body=None):
        answer = self.send(method, path, body)
        assert answer.status_code == status, (method, path, body, answer.text)
        said = answer.json()
        assert (said["error_code"], message in said["message"]) == (code, True), (method, path, body, said)

    def invalid(self, message, method, path, body=None):
        self.refused(400, "INVALID_PARAMETER_VALUE", message, method, path, body)

    def taken(self, message, method, path, body=None):
        self.refused(400, "RESOURCE_ALREADY_EXISTS", message, method, path, body)

    def missing(self, message, method, path, body=None):
        self.refused(404, "RESOURCE_DOES_NOT_EXIST", message, method, path, body)

    def model(self, name, **more):
        return self.ok("POST", "registered-models/create", {"name": name, **more})["registered_model"]

    def version(self, name, source="s3://bucket/model", **more):
        body = {"name": name, "source": source, **more}
        return self.ok("POST", "model-versions/create", body)["model_version"]

    def get(self, name):
        return self.ok("GET", "registered-models/get", {"name": name})["registered_model"]

    def alias(self, name, alias, version, **kw):
        body = {"name": name, "alias": alias, "version": str(version)}
        assert self.ok("POST", "registered-models/alias", body, **kw) == {}

    def stage(self, name, version, stage, archive=False):
        body = {"name": name, "version": str(version), "stage": stage, "archive_existing_versions": archive}
        return self.ok("POST", "model-versions/transition-stage", body)["model_version"]

    def history(self, name, **more):
        return self.ok("GET", "sluice/history", {"name": name, **more}).get("history", [])

    def moves(self, name, **more):
        """Oldest first, without who, why and when."""
        return [tuple(row.get(key) for key in ("action", "name", "version", "alias", "before", "after"))
                for row in reversed(self.history(name, **more))]

    def alias_at(self, name, alias, time):
        return self.ok("GET", "sluice/alias-at", {"name": name, "alias": alias, "time": time})

    @staticmethod
    def now():
        """A time between what was done and what will be."""
        return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def run_and_model(self):
        experiment = self.ok("POST", "experiments/create", {"name": "sources"})["experiment_id"]
        run = self.ok("POST", "runs/create", {"experiment_id": experiment})["run"]["info"]
        body = {"experiment_id": experiment, "name": "clf", "source_run_id": run["run_id"]}
        return run, self.ok("POST", "logged-models", body)["model"]["info"]


@pytest.fixture
def registry(sluiced):
    return Registry(sluiced())


@pytest.fixture
def client(registry):
    mlflow = client_module("mlflow")
    return mlflow.MlflowClient(tracking_uri=registry.url, registry_uri=registry.url)


# ---- what the real server answered ----

def replayed(registry, *names):
    from replay import Replay
    replay = Replay(registry.url)
    for number in (1, 2, 3):  # the recordings' experiment is 3
        registry.ok("POST", "experiments/create", {"name": "experiment %d" % number})
    for name in names:
        replay.run(name)
    return replay


def test_recordings_of_models_and_versions(registry):
    replayed(registry, "06_log_model_register", "08_registered_models", "09_model_versions")


def test_recordings_of_prompts(registry):
    replayed(registry, "20_prompts")


def test_recordings_of_copies(registry):
    from replay import Replay
    replay = Replay(registry.url)
    run, model = registry.run_and_model()
    replay.known.update({"76df2b1916184c55a28d7a751ca9ecc6": run["run_id"],
                         "m-39db5d269bf64cf88cbf9e3321c4b0d9": model["model_id"],
                         "mlflow-artifacts:/6/": "mlflow-artifacts:/%s/" % model["experiment_id"]})
    replay.run("27_copy_and_alias_on_delete")


# ---- through MLflow's client ----

def test_client_models(client):
    created = client.create_registered_model("clf", tags={"team": "a"}, description="first")
    assert (created.name, created.tags, created.description) == ("clf", {"team": "a"}, "first")
    assert client.update_registered_model("clf", "second").description == "second"
    client.set_registered_model_tag("clf", "owner", "me")
    client.delete_registered_model_tag("clf", "team")
    client.rename_registered_model("clf", "classifier")
    renamed = client.get_registered_model("classifier")
    assert (renamed.name, renamed.tags) == ("classifier", {"owner": "me"})
    assert renamed.last_updated_timestamp >= renamed.creation_timestamp == created.creation_timestamp
    client.delete_registered_model("classifier")
    with pytest.raises(Exception, match="Registered Model with name=classifier not found"):
        client.get_registered_model("classifier")


def test_client_versions_aliases_and_stages(client):
    client.create_registered_model("clf")
    for number in (1, 2, 3):
        assert client.create_model_version("clf", "s3://bucket/%d" % number).version == str(number)
    client.set_registered_model_alias("clf", "champion", "2")
    client.set_registered_model_alias("clf", "previous", "2")
    assert sorted(client.get_model_version("clf", "2").aliases) == ["champion", "previous"]
    assert client.get_registered_model("clf").aliases == {"champion": "2", "previous": "2"}
    assert client.get_model_version_by_alias("clf", "latest").version == "3"
    client.transition_model_version_stage("clf", "1", "staging")
    client.transition_model_version_stage("clf", "3", "Staging", archive_existing_versions=True)
    assert {v.version: v.current_stage for v in client.get_latest_versions("clf")} == \
        {"1": "Archived", "2": "None", "3": "Staging"}
    client.set_model_version_tag("clf", "3", "k", "v")
    assert client.get_model_version("clf", "3").tags == {"k": "v"}
    client.delete_model_version("clf", "2")
    assert client.get_registered_model("clf").aliases == {}
    client.delete_model_version("clf", "3")
    assert client.create_model_version("clf", "s3://bucket/4").version == "4"  # never used again


def test_client_searches(client, registry):
    for name in ("alpha", "beta", "gamma"):
        client.create_registered_model(name, tags={"kind": "x" if name != "beta" else "y"})
        for number in (1, 2):
            client.create_model_version(name, "s3://bucket/%s" % name, tags={"n": str(number)})
    registry.model("hello", tags=[IS_PROMPT])
    assert [m.name for m in client.search_registered_models()] == ["alpha", "beta", "gamma"]
    for asking in ("= 'true'", "!= 'false'"):
        found = registry.ok("GET", "registered-models/search", {"filter": "tags.`mlflow.prompt.is_prompt` " + asking})
        assert [m["name"] for m in found["registered_models"]] == ["hello"]
    found = client.search_registered_models("tags.kind = 'x'", order_by=["name DESC"])
    assert [m.name for m in found] == ["gamma", "alpha"]
    page = client.search_registered_models("name LIKE '%a'", max_results=2)
    assert [m.name for m in page] == ["alpha", "beta"]
    page = client.search_registered_models("name LIKE '%a'", max_results=2, page_token=page.token)
    assert [m.name for m in page] == ["gamma"]
    found = client.search_model_versions("name = 'beta'", order_by=["version_number DESC"])
    assert [v.version for v in found] == ["2", "1"]
    assert [(v.name, v.version) for v in client.search_model_versions("tags.n = '1'", order_by=["name"])] == \
        [("alpha", "1"), ("beta", "1"), ("gamma", "1")]
    client.delete_model_version("beta", "2")
    assert [v.version for v in client.search_model_versions("name = 'beta'")] == ["1"]


def test_client_prompts(registry, monkeypatch):
    mlflow = client_module("mlflow")
    mlflow.set_tracking_uri(registry.url)
    try:
        mlflow.genai.register_prompt("greet", "Hello {{name}}!", commit_message="first", tags={"by": "me"})
        mlflow.genai.register_prompt("greet", [{"role": "user", "content": "Hi {{name}}"}])
        mlflow.genai.set_prompt_alias("greet", "production", 1)
        assert mlflow.genai.load_prompt("prompts:/greet@production").template == "Hello {{name}}!"
        assert mlflow.genai.load_prompt("prompts:/greet/2").template == [{"role": "user", "content": "Hi {{name}}"}]
        assert [p.name for p in mlflow.genai.search_prompts()] == ["greet"]
    finally:
        mlflow.set_tracking_uri(None)
    registry.taken("Tried to create a registered model with name 'greet', but the name is already taken by a prompt.",
                   "POST", "registered-models/create", {"name": "greet"})
    registry.invalid("Prompt versions cannot be used as model version sources.", "POST", "model-versions/create",
                     {"name": "greet", "source": "models:/greet/1"})
    registry.invalid("Invalid prompt source: 's3://b/x'", "POST", "model-versions/create",
                     {"name": "greet", "source": "s3://b/x", "tags": [IS_PROMPT]})


def test_client_copies_a_version(client, registry):
    registry.model("clf")
    first = registry.version("clf", "s3://bucket/first", run_id="abc")
    copy = client.copy_model_version("models:/clf/1", "clf-prod")
    assert (copy.source, copy.run_id, first["run_id"]) == ("models:/clf/1", "abc", "abc")
    client.delete_model_version("clf", "1")
    assert client.get_model_version_download_uri("clf-prod", "1") == "s3://bucket/first"


# ---- raw requests ----

def test_versions_of_logged_models(registry):
    run, model = registry.run_and_model()
    registry.model("clf")
    version = registry.version("clf", "models:/" + model["model_id"], model_id=model["model_id"])
    assert (version["run_id"], version["version"]) == (run["run_id"], "1")
    registry.version("clf", model["artifact_uri"], model_id=model["model_id"])
    tags = registry.ok("GET", "logged-models/" + model["model_id"])["model"]["info"]["tags"]
    assert tags == [{"key": "mlflow.modelVersions",
                     "value": '[{"name": "clf", "version": 1}, {"name": "clf", "version": 2}]'}]
    got = registry.ok("GET", "model-versions/get-download-uri", {"name": "clf", "version": "1"})
    assert got == {"artifact_uri": model["artifact_uri"]}


def test_sources_that_are_not_the_callers_are_refused(registry):
    run, model = registry.run_and_model()
    registry.model("clf")
    uri, run_uri = model["artifact_uri"], run["artifact_uri"]
    by_run, by_model = {"run_id": run["run_id"]}, {"model_id": model["model_id"]}
    for source, ids, message in (
            ("models:/" + model["model_id"], {}, MUST_IDENTIFY),
            ("models:/" + model["model_id"], by_run, MUST_IDENTIFY),
            ("models:/m-other", by_model, MUST_IDENTIFY), (uri, {}, MUST_IDENTIFY), (uri, by_run, MUST_IDENTIFY),
            (uri + "x", by_model, MUST_IDENTIFY), (uri, {"model_id": "m-other"}, MUST_IDENTIFY),
            (run_uri, {}, MUST_IDENTIFY), (run_uri, {"run_id": "other"}, MUST_IDENTIFY),
            (run_uri, by_model, MUST_IDENTIFY),
            ("runs:/other/clf", by_run, MUST_IDENTIFY), ("runs:/%s/clf" % run["run_id"], {}, MUST_IDENTIFY),
            ("runs://host/%s/clf" % run["run_id"], by_run, MUST_IDENTIFY),
            (run_uri + "/../../other", by_run, "without relative path references"),
            (run_uri + "/%2e%2e/x", by_run, "without relative path references"),
            (run_uri + "/%25252e%252e/x", by_run, "without relative path references"),
            ("mlflow-artifacts:x", by_run, "without relative path references"),
            ("s3://bucket/a%00b", {}, "without relative path references"), ("s3://bucket", {}, "without relative path"),
            ("/etc", {}, "To use a local path as a model version source, the run_id"),
            ("file:///etc/passwd", by_run, "To use a local path as a model version source, the run_id"),
            ("file:///etc", by_model, "To use a local path as a model version source, the model_id"),
            ("file://elsewhere/etc", by_run, "is not a valid remote uri."),
            ("http://127.0.0.1/x", {}, "'source' cannot use the 'http' scheme"),
            ("mlflow-artifacts://host/x", by_run, "'source' cannot use the 'mlflow-artifacts' scheme"),
            ("hdfs://host/x", {}, "'source' cannot use the 'hdfs' scheme"),
            ("models://host/clf/1", {}, "must use the active model registry"), ("s3://[bucket/x", {}, "absolute path")):
        registry.invalid(message, "POST", "model-versions/create", {"name": "clf", "source": source, **ids})
    for source, ids in ((run_uri + "/clf", by_run), ("runs:/%s/clf" % run["run_id"], by_run), ("s3://bucket/x", {}),
                        ("dbfs:/x", by_run), (uri, {**by_run, **by_model})):
        registry.version("clf", source, **ids)
    assert len(registry.moves("clf")) == 6  # what was refused left nothing


def test_nested_escapes_cost_no_time(registry):
    registry.model("clf")
    registry.version("clf", "s3://bucket/" + "%25" * 100000 + "41")


def test_copies_are_resolved(registry):
    registry.model("clf")
    registry.version("clf", "s3://bucket/1", run_id="abc")
    registry.version("clf", "s3://bucket/2")
    registry.alias("clf", "champion", 1)
    registry.stage("clf", 2, "Staging")
    registry.model("copy")
    for source, number in (("models:/clf@champion", 1), ("models:/clf/staging", 2), ("models:/clf/latest", 2),
                           ("models:/clf/01", 1)):
        version = registry.version("copy", source)
        assert (version["source"], version["run_id"]) == ("models:/clf/%d" % number, "abc" if number == 1 else "")
        got = registry.ok("GET", "model-versions/get-download-uri", {"name": "copy", "version": version["version"]})
        assert got == {"artifact_uri": "s3://bucket/%d" % number}

    def create(source, **ids):
        return "POST", "model-versions/create", {"name": "copy", "source": source, **ids}

    for ids in ({"run_id": "other"}, {"run_id": ""}, {"model_id": "m-1"}):
        registry.invalid("must match the referenced model version.", *create("models:/clf/1", **ids))
    registry.missing("Registered Model with name=nope not found", *create("models:/nope/1"))
    registry.missing("Model Version (name=clf, version=9) not found", *create("models:/clf/9"))
    registry.invalid("Registered model alias nope not found.", *create("models:/clf@nope"))
    registry.invalid("Invalid Model Version stage: Foo.", *create("models:/clf/Foo"))
    registry.missing("No versions of model with name 'clf' and stage 'production' found", *create("models:/clf/production"))
    registry.invalid(MUST_IDENTIFY, *create("models:/a/b/c"))


def test_a_rename_takes_everything_along(registry):
    registry.model("a", tags=[{"key": "k", "value": "v"}], description="d")
    registry.version("a", tags=[{"key": "n", "value": "1"}])
    registry.version("a")
    registry.alias("a", "champion", 1)
    registry.ok("DELETE", "model-versions/delete", {"name": "a", "version": "2"})
    old = registry.get("a")
    new = registry.ok("POST", "registered-models/rename", {"name": "a", "new_name": "b"})["registered_model"]
    for view in (old, new):
        view.pop("last_updated_timestamp")
        view.pop("name")
        view["latest_versions"][0].pop("last_updated_timestamp")
        view["latest_versions"][0].pop("name")
    assert new == old and new["latest_versions"][0]["tags"] == [{"key": "n", "value": "1"}]
    registry.missing("Registered Model with name=a not found", "GET", "registered-models/get", {"name": "a"})
    assert registry.version("b")["version"] == "3"


def test_numbers_of_versions_made_at_once(registry):
    registry.model("clf")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: int(registry.version("clf")["version"]), range(40)))
    assert sorted(made) == list(range(1, 41))
    assert [int(move[2]) for move in registry.moves("clf")[1:]] == list(range(1, 41))


def test_names_are_checked(registry):
    create = ("POST", "registered-models/create")
    registry.model("taken")
    long = "n" * 4096
    assert registry.model(long)["name"] == long
    for name, message in (("", "Missing value for required parameter 'name'. See"),
                          ("  ", "Missing value for required parameter 'name'."), ("a:b", "Names cannot contain"),
                          ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
                          ("..", "This name would resolve to '..'"),
                          (5, "Invalid value 5 for parameter 'name' supplied")):
        registry.invalid(message, *create, {"name": name})
    registry.taken("Registered Model (name=taken) already exists.", *create, {"name": "taken"})
    registry.taken("Registered Model (name=taken) already exists.", "POST", "registered-models/rename",
                   {"name": long, "new_name": "taken"})
    registry.invalid("Names cannot contain", "POST", "registered-models/rename", {"name": "taken", "new_name": "a/b"})
    tag = {"name": "taken", "key": "k" * 251, "value": "v"}
    registry.invalid("'key' exceeds the maximum length of 250 characters", "POST", "registered-models/set-tag", tag)
    tag = {"name": "taken", "key": "k", "value": "ü" * 100001}
    registry.invalid("'value' exceeds the maximum length of 100000 characters", "POST", "registered-models/set-tag",
                     tag)
    assert registry.ok("POST", "registered-models/set-tag", {**tag, "value": "ü" * 100000}) == {}


def test_aliases_are_checked(registry):
    registry.model("clf")
    registry.version("clf")
    for alias, message in (("latest", "'latest' alias name (case insensitive) is reserved."),
                           ("LATEST", "is reserved."), ("v1", "Version alias name 'v1' is reserved."),
                           ("V22", "is reserved."), ("", "Missing value for required parameter 'alias'"),
                           ("a b/c", "Invalid alias name: 'a b/c'. Names may only contain"),
                           ("a" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters")):
        registry.invalid(message, "POST", "registered-models/alias", {"name": "clf", "alias": alias, "version": "1"})
    for alias in ("v", "v1a", "ü", "a" * 255):
        registry.alias("clf", alias, 1)
    registry.missing("(name=clf, version=7)", "POST", "registered-models/alias",
                     {"name": "clf", "alias": "a", "version": "7"})
    registry.invalid("Registered model alias nope not found.", "GET", "registered-models/alias",
                     {"name": "clf", "alias": "nope"})
    assert registry.ok("DELETE", "registered-models/alias", {"name": "clf", "alias": "nope"}) == {}
    registry.model("empty")
    registry.missing("Latest version not found for model empty.", "GET", "registered-models/alias",
                     {"name": "empty", "alias": "latest"})


def test_stages_are_checked(registry):
    registry.model("clf")
    registry.version("clf")
    move = {"name": "clf", "version": "1", "stage": "Foo"}
    registry.invalid("Invalid Model Version stage: Foo. Value must be one of None, Staging, Production, Archived.",
                     "POST", "model-versions/transition-stage", move)
    registry.invalid("because 'Archived' is not an Active stage. Valid stages are ['Staging', 'Production']",
                     "POST", "model-versions/transition-stage",
                     {**move, "stage": "Archived", "archive_existing_versions": True})
    registry.invalid("Parameter 'version' must be an integer, got 'abc'.", "POST", "model-versions/transition-stage",
                     {"name": "clf", "version": "abc", "stage": "Staging"})
    registry.missing("Model Version (name=clf, version=9223372036854775807) not found", "GET", "model-versions/get",
                     {"name": "clf", "version": "9" * 40})


# ---- the history ----

def test_history_says_who_moved_what_and_why(registry):
    registry.model("clf")
    registry.version("clf")
    registry.version("clf")
    registry.alias("clf", "champion", 1, who="ann", why="first release")
    registry.alias("clf", "champion", 2, who="bob", why="CHG-7")
    registry.alias("clf", "champion", 2, who="bob", why="again")  # no move
    registry.stage("clf", 1, "Production")
    registry.stage("clf", 2, "Production", archive=True)
    registry.stage("clf", 2, "production")  # no move
    registry.ok("DELETE", "registered-models/alias", {"name": "clf", "alias": "champion"}, who="ann")
    registry.ok("DELETE", "registered-models/alias", {"name": "clf", "alias": "champion"})  # no move
    assert registry.moves("clf") == [
        ("model_created", "clf", None, None, None, None),
        ("version_created", "clf", "1", None, None, "None"),
        ("version_created", "clf", "2", None, None, "None"),
        ("alias_set", "clf", "1", "champion", None, "1"),
        ("alias_set", "clf", "2", "champion", "1", "2"),
        ("stage_changed", "clf", "1", None, "None", "Production"),
        ("stage_changed", "clf", "1", None, "Production", "Archived"),
        ("stage_changed", "clf", "2", None, "None", "Production"),
        ("alias_deleted", "clf", "2", "champion", "2", None)]
    rows = registry.history("clf", alias="champion")
    assert [(row["who"], row["why"]) for row in rows] == [("ann", ""), ("bob", "CHG-7"), ("ann", "first release")]
    for row in rows:
        assert datetime.datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    times = [row["time"] for row in registry.history("clf")]
    assert times == sorted(times, reverse=True)


def test_history_comes_in_pages(registry):
    registry.model("clf")
    for _ in range(5):
        registry.version("clf")
    wanted, found, token = registry.history("clf"), [], None
    while token is None or token:
        more = {"page_token": token} if token else {}
        page = registry.ok("GET", "sluice/history", {"name": "clf", "max_results": 2, **more})
        assert len(page["history"]) <= 2
        found += page["history"]
        token = page.get("next_page_token", "")
        registry.version("clf")  # what comes meanwhile shifts nothing
    assert found == wanted
    registry.invalid("'max_results' must be a positive integer", "GET", "sluice/history",
                     {"name": "clf", "max_results": 0})
    registry.missing("no registered model was ever called 'nope'", "GET", "sluice/history", {"name": "nope"})


def test_alias_at_follows_moves_and_ends(registry):
    registry.model("clf")
    before = registry.now()
    registry.version("clf")
    registry.version("clf")
    registry.alias("clf", "champion", 1)
    first = registry.now()
    registry.alias("clf", "champion", 2)
    second = registry.now()
    while registry.now()[:23] == second[:23]:  # a time in milliseconds means all of it
        pass
    registry.ok("DELETE", "model-versions/delete", {"name": "clf", "version": "2"})
    gone = registry.now()
    assert registry.moves("clf")[-2:] == [("alias_deleted", "clf", "2", "champion", "2", None),
                                          ("version_deleted", "clf", "2", None, "None", None)]
    assert registry.alias_at("clf", "champion", first)["version"] == "1"
    answer = registry.alias_at("clf", "champion", second)
    row = next(row for row in registry.history("clf", alias="champion") if row.get("after") == "2")
    assert answer == {"name": "clf", "alias": "champion", "version": "2", "since": row["time"], "id": row["id"]}
    assert registry.alias_at("clf", "champion", row["time"]) == answer  # at that microsecond
    since_1970 = datetime.datetime.fromisoformat(second.replace("Z", "+00:00")) - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    milliseconds = since_1970 // datetime.timedelta(milliseconds=1)
    assert registry.alias_at("clf", "champion", str(milliseconds))["alias"] == "champion"
    for time in (before, gone):
        registry.missing("registered model 'clf' had no alias 'champion' at " + time, "GET", "sluice/alias-at",
                         {"name": "clf", "alias": "champion", "time": time})
    registry.missing("there was no registered model 'clf' at 2001-01-01T00:00:00.000000Z", "GET", "sluice/alias-at",
                     {"name": "clf", "alias": "champion", "time": "2001-01-01T00:00:00Z"})
    registry.invalid("'time' is neither RFC 3339", "GET", "sluice/alias-at",
                     {"name": "clf", "alias": "champion", "time": "yesterday"})


def test_alias_at_follows_renames_and_tells_models_of_one_name_apart(registry):
    registry.model("old")
    registry.version("old")
    registry.alias("old", "champion", 1)
    as_old = registry.now()
    registry.ok("POST", "registered-models/rename", {"name": "old", "new_name": "new"})
    registry.version("new")
    registry.alias("new", "champion", 2)
    as_new = registry.now()
    registry.model("old")  # another one
    registry.version("old")
    registry.version("old")
    registry.version("old")
    registry.alias("old", "champion", 3)
    both = registry.now()
    registry.ok("DELETE", "registered-models/delete", {"name": "new"})
    deleted = registry.now()
    registry.model("new")
    registry.version("new")
    registry.alias("new", "champion", 1)
    again = registry.now()

    def at(name, time):
        answer = registry.send("GET", "sluice/alias-at", {"name": name, "alias": "champion", "time": time})
        return (answer.json()["name"], answer.json()["version"]) if answer.status_code == 200 else answer.status_code

    assert at("old", as_old) == ("old", "1")
    assert at("new", as_new) == ("new", "2")
    assert at("old", as_new) == 404  # nobody was called old then, and the one that is now was not there
    assert (at("old", both), at("new", both)) == (("old", "3"), ("new", "2"))
    assert (at("old", deleted), at("new", deleted)) == (("old", "3"), 404)
    assert at("new", again) == ("new", "1")
    assert registry.moves("new")[-4:] == [("model_deleted", "new", None, None, None, None),
                                          ("model_created", "new", None, None, None, None),
                                          ("version_created", "new", "1", None, None, "None"),
                                          ("alias_set", "new", "1", "champion", None, "1")]
    assert ("model_renamed", "new", None, None, "old", "new") in registry.moves("new")
    ends = [move for move in registry.moves("new") if move[0] in ("alias_deleted", "version_deleted")]
    assert ends == [("alias_deleted", "new", "2", "champion", "2", None),
                    ("version_deleted", "new", "1", None, "None", None),
                    ("version_deleted", "new", "2", None, "None", None)]


def test_alias_at_knows_a_model_by_the_name_it_got_later(registry):
    registry.model("draft")
    registry.version("draft")
    registry.alias("draft", "champion", 1)
    then = registry.now()
    registry.ok("POST", "registered-models/rename", {"name": "draft", "new_name": "final"})
    assert registry.alias_at("final", "champion", then)["name"] == "draft"
    since = registry.now()
    assert registry.alias_at("final", "champion", since)["name"] == "final"
    assert registry.alias_at("draft", "champion", since)["name"] == "final"  # a name that nobody has taken over


def test_everything_survives_a_kill(sluiced):
    server = sluiced()
    registry = Registry(server)
    registry.model("clf")
    registry.version("clf")
    registry.alias("clf", "champion", 1, who="ann")
    wanted = registry.get("clf"), registry.history("clf")
    server.stop(signal.SIGKILL, expect=-9)
    registry = Registry(sluiced())
    assert (registry.get("clf"), registry.history("clf")) == wanted


def test_a_refused_call_leaves_nothing(registry):
    registry.model("clf")
    registry.version("clf", tags=[{"key": "k", "value": "v"}])
    before = registry.get("clf"), registry.history("clf")
    registry.missing("Logged model with ID 'm-0' not found.", "POST", "model-versions/create",
                     {"name": "clf", "source": "s3://bucket/x", "model_id": "m-0", "run_id": "r"})
    registry.missing("not found", "POST", "model-versions/transition-stage",
                     {"name": "clf", "version": "5", "stage": "Staging", "archive_existing_versions": True})
    assert (registry.get("clf"), registry.history("clf")) == before
    assert registry.version("clf")["version"] == "2"


def test_log_model_registers_and_loads(registry, tmp_path):
    mlflow = client_module("mlflow")
    mlflow.set_tracking_uri(registry.url)
    try:
        mlflow.set_experiment("training")
        with mlflow.start_run() as run:
            logged = mlflow.pyfunc.log_model(name="echo", python_model=lambda model_input: model_input,
                                             registered_model_name="echo", pip_requirements=[])
        client = mlflow.MlflowClient()
        client.set_registered_model_alias("echo", "champion", logged.registered_model_version)
        version = client.get_model_version_by_alias("echo", "champion")
        assert (version.run_id, version.source) == (run.info.run_id, "models:/" + logged.model_id)
        tags = client.get_logged_model(logged.model_id).tags
        assert {"name": "echo", "version": 1} in json.loads(tags["mlflow.modelVersions"])
        loaded = mlflow.pyfunc.load_model("models:/echo@champion")
        assert loaded.predict(["hello"]) == ["hello"]
    finally:
        mlflow.set_tracking_uri(None)
