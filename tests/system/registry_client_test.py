"""The registry's client through its driver: the same acts on a real MLflow server, on sluiced, and on a Unity Catalog that
speaks the recorded protocol."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import pytest
import requests

from conftest import BUILD, ROOT, Sluiced, client_module, free_port
from fake_unity import TOKEN, FakeUnity
from fake_workspace import FakeWorkspace

DRIVER = BUILD / "tests" / "registry_driver"
SIGNATURE = """signature:
  inputs: '[{"type": "string", "name": "q", "required": true}]'
  outputs: '[{"type": "string", "name": "a", "required": true}]'
"""


class Driver:
    """Verbs of tests/system/registry_driver.c, with only the variables that the test sets."""

    def __init__(self, **env):
        self.env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **env}
        self.planned = []

    def run(self, *args, **env):
        return subprocess.run([str(DRIVER), *map(str, args)], env={**self.env, **env}, capture_output=True, text=True,
                              timeout=120)

    def __call__(self, *args, **env):
        ended = self.run(*args, **env)
        assert ended.returncode == 0, (args, ended.stderr)
        self.planned = ended.stderr.splitlines()
        return json.loads(ended.stdout)

    def fails(self, code, text, *args, **env):
        ended = self.run(*args, **env)
        assert ended.returncode == 1, (args, ended.stdout, ended.stderr)
        assert ended.stderr.startswith(code + ": ") and text in ended.stderr, (args, ended.stderr)
        return ended.stderr


class MlflowServer:
    def __init__(self, folder):
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.log = open(folder / "mlflow.log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1", "--backend-store-uri",
             "sqlite:///%s/m.db" % folder, "--artifacts-destination", str(folder / "artifacts")],
            stdout=self.log, stderr=self.log, start_new_session=True,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})
        end = time.monotonic() + 90
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, (folder / "mlflow.log").read_text()
            time.sleep(0.05)
        raise RuntimeError((folder / "mlflow.log").read_text())

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 15)
        self.process.wait(20)
        self.log.close()


def write_bundle(folder, has_manifest=True, size=300_000):
    """A folder of files with a manifest, as packing makes it."""
    files = {"MLmodel": "flavors: {sluice: {}}\n" + SIGNATURE, "config.yaml": "steps: []\n", "prompts/a.txt": "Say {{q}}.",
             "prompts/deep/b.txt": "", "data/blob.bin": bytes(range(256)) * (size // 256)}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if has_manifest:
        listed = [{"path": n, "sha256": hashlib.sha256((folder / n).read_bytes()).hexdigest(),
                   "size": (folder / n).stat().st_size} for n in sorted(files)]
        (folder / "manifest.json").write_text(
            json.dumps({"files": listed, "version": 1}, sort_keys=True, separators=(",", ":")))
    return folder


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    client_module("mlflow")
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sluiced(tmp_path_factory):
    server = Sluiced(state=tmp_path_factory.mktemp("sluiced"))
    yield server
    server.stop()


@pytest.fixture(params=["mlflow_server", "sluiced"])
def registry(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def drive(registry):
    return Driver(MLFLOW_TRACKING_URI=registry.url)


def unique(prefix):
    return "%s_%d" % (prefix, time.monotonic_ns())


def log_bundle(drive, bundle, name, params=3):
    """What `sluice log` does: run, logged model, files."""
    experiment = drive("experiment", unique("E"))["id"]
    run = drive("run", experiment, "run of " + name)
    drive("log", run["id"], params)
    model = drive("model", experiment, "bundle", run["id"], params)
    drive("upload", model["artifact_uri"], "", bundle)
    drive("finish", model["id"], "ready")
    drive("end", run["id"], "FINISHED")
    return experiment, run["id"], model


def register(drive, bundle, name):
    _, run, model = log_bundle(drive, bundle, name)
    drive("ensure", name, "what it is for")
    return drive("version", name, "models:/" + model["id"], model["id"], run, "")


def test_a_bundle_goes_there_and_back(registry, drive, tmp_path):
    """… and MLflow's own client sees all of it."""
    mlflow = client_module("mlflow")
    bundle = write_bundle(tmp_path / "bundle")
    name = unique("bundle")
    experiment, run, model = log_bundle(drive, bundle, name, params=230)
    assert drive("ensure", name, "what it is for")["name"] == name
    version = drive("version", name, "models:/" + model["id"], model["id"], run, "")
    assert (version["version"], version["status"]) == ("1", "READY")
    drive("alias-set", name, "champion", "1")

    client = mlflow.MlflowClient(registry.url, registry_uri=registry.url)
    logged = client.get_run(run)
    assert len(logged.data.params) == 230 and logged.info.status == "FINISHED" and logged.data.metrics == {"loss": 0.25}
    assert logged.data.tags["mlflow.source.name"] == "sluice" and logged.info.experiment_id == experiment
    assert len(client.get_logged_model(model["id"]).params) == 230
    assert str(client.get_logged_model(model["id"]).status) == "READY"
    assert [m.model_id for m in logged.outputs.model_outputs] == [model["id"]]
    assert client.get_model_version_by_alias(name, "champion").description == "by the driver"
    mlflow.set_tracking_uri(registry.url)
    mlflow.set_registry_uri(registry.url)
    there = mlflow.artifacts.download_artifacts("models:/%s@champion" % name, dst_path=str(tmp_path / "theirs"))
    theirs = {k: v for k, v in tree(pathlib.Path(there)).items() if k != "registered_model_meta"}
    assert theirs == tree(bundle)

    (tmp_path / "ours").mkdir()
    place = drive("place", name, "1")["place"]
    got = drive("download", place, "", tmp_path / "ours", "all")
    assert tree(tmp_path / "ours") == tree(bundle)
    assert got["digest"] == hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    assert drive("read", place, "prompts/a.txt") == {"text": "Say {{q}}."}
    drive.fails("not_found", "", "read", place, "prompts/none.txt")
    drive.fails("too_large", "over the limit of 1000 bytes", "read", place, "data/blob.bin")
    assert [f["path"] for f in drive("list", place, "prompts")["files"]] == ["a.txt", "deep/b.txt"]
    assert [f["path"] for f in drive("list", place, "prompts/a.txt")["files"]] == ["a.txt"]
    assert drive("list", place, "nothing")["files"] == []


def test_what_the_manifest_says_is_checked(drive, tmp_path):
    bundle = write_bundle(tmp_path / "bundle")
    _, run, model = log_bundle(drive, bundle, "x")
    other = tmp_path / "other"
    (other / "prompts").mkdir(parents=True)
    (other / "prompts" / "a.txt").write_text("Say {{p}}.")
    (other / "stranger.txt").write_text("beside")
    drive("upload", model["artifact_uri"], "", other)
    for name in ("wrong", "bundle-only"):
        (tmp_path / name).mkdir()
    drive.fails("invalid_bundle", "download 'prompts/a.txt': it is not what the manifest says", "download", model["artifact_uri"], "",
                tmp_path / "wrong", "all")
    assert "prompts/a.txt" not in tree(tmp_path / "wrong")
    (other / "prompts" / "a.txt").write_text("Say {{q}}. And more")
    drive("upload", model["artifact_uri"], "", other)
    drive.fails("conflict", "exists", "download", model["artifact_uri"], "", bundle, "all")
    (tmp_path / "longer").mkdir()
    drive.fails("invalid_bundle", "longer than the manifest says", "download", model["artifact_uri"], "", tmp_path / "longer",
                "all")
    drive("upload", model["artifact_uri"], "", bundle)
    drive("download", model["artifact_uri"], "", tmp_path / "bundle-only", "bundle")
    assert tree(tmp_path / "bundle-only") == tree(bundle)
    drive.fails("not_found", "there are no files at", "download", model["artifact_uri"], "none", tmp_path / "wrong", "all")


def test_versions_aliases_tags_and_stages(drive, tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    name = unique("it's.m")
    for number in ("1", "2", "3"):
        assert register(drive, bundle, name)["version"] == number
    assert [v["version"] for v in drive("versions", name, 0)["versions"]] == ["3", "2", "1"]
    cut = drive("versions", name, 2)
    assert [v["version"] for v in cut["versions"]] == ["3", "2"] and cut["is_cut"]
    drive("alias-set", name, "champion", "1")
    drive("alias-set", name, "b", "2")
    drive("alias-set", name, "champion", "2")
    assert drive("aliases", name) == {"b": "2", "champion": "2"}
    for what, number in (("@champion", "2"), ("/1", "1"), ("", "3"), ("@latest", "3"), ("/latest", "3")):
        assert drive("find", name + what)["version"] == number
        assert drive("find", "models:/" + name + what)["version"] == number
    assert sorted(drive("find", name + "@b")["aliases"]) == ["b", "champion"]
    drive("alias-rm", name, "b")
    drive.fails("not_found", "Registered model alias b not found.", "alias-rm", name, "b")
    drive.fails("not_found", "Registered model alias b not found.", "find", name + "@b")
    drive("tag", name, "1", "k", "")
    drive("tag", name, "", "owner", "ann")
    assert {t["key"]: t["value"] for t in drive("find", name + "/1")["tags"]} == {"k": "", "p000": "v"}
    drive("untag", name, "1", "k")
    drive("describe", name, "1", "first")
    version = drive("find", name + "/1")
    assert version["description"] == "first" and [t["key"] for t in version["tags"]] == ["p000"]
    drive("stage", name, "1", "Staging")
    assert drive("find", name + "/Staging")["version"] == "1"
    drive.fails("not_found", "no version in stage 'Production'", "find", name + "/Production")
    drive.fails("invalid_parameter", "INVALID_PARAMETER_VALUE: Invalid Model Version stage", "stage", name, "1", "Foo")
    drive("delete", name, "3")
    assert drive("find", name)["version"] == "2"
    drive.fails("not_found", "RESOURCE_DOES_NOT_EXIST: Model Version", "find", name + "/3")
    assert name in drive("search", "name = \"%s\"" % name)["names"]
    drive("delete-model", name)
    drive.fails("not_found", "RESOURCE_DOES_NOT_EXIST: Registered Model with name=%s not found" % name, "versions", name, 0)
    drive.fails("not_found", "RESOURCE_DOES_NOT_EXIST", "find", name)


def test_sources_of_runs(registry, drive, tmp_path):
    """A run's own folder; what log_model called so; and both after MLflow 3 moved them."""
    bundle = write_bundle(tmp_path / "bundle", size=256)
    experiment, run, model = log_bundle(drive, bundle, "x")
    root = requests.get(registry.url + "/api/2.0/mlflow/runs/get", params={"run_id": run}, timeout=30).json()
    root = root["run"]["info"]["artifact_uri"]
    drive("upload", root, "folder/model", bundle)
    name = unique("runs")
    drive("ensure", name, "")
    drive("version", name, "runs:/%s/folder/model" % run, "", run, "")
    drive("version", name, "runs:/%s/bundle" % run, "", run, "")
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        drive("download", drive("place", name, number)["place"], "", tmp_path / number, "all")
        assert tree(tmp_path / number) == tree(bundle)


def test_prompts(registry, drive):
    mlflow = client_module("mlflow")
    client = mlflow.MlflowClient(registry.url)
    name = unique("greet")
    client.register_prompt(name, "Hello {{who}}.")
    client.register_prompt(name, [{"role": "user", "content": "Hi {{who}}"}])
    client.set_prompt_alias(name, "prod", 1)
    assert drive("prompt", "prompts:/%s@prod" % name) == {"uri": "prompts:/%s/1" % name, "text": "Hello {{who}}.", "is_chat": False}
    chat = drive("prompt", name + "/2")
    assert chat["is_chat"] and json.loads(chat["text"])[0]["content"] == "Hi {{who}}"
    assert drive("prompt", "prompts:/%s@latest" % name)["uri"] == "prompts:/%s/2" % name
    drive.fails("not_found", "alias none not found.", "prompt", name + "@none")
    drive.fails("usage", "is not prompts:/NAME/VERSION", "prompt", name)
    drive("ensure", name + "_model", "")
    assert name not in drive("search", "")["names"] and name + "_model" in drive("search", "name LIKE 'greet%'")["names"]


def test_errors_are_one_line(drive):
    drive.fails("invalid_parameter", "INVALID_PARAMETER_VALUE: Invalid model name 'a/b'", "ensure", "a/b", "")
    said = drive.fails("not_found", "RESOURCE_DOES_NOT_EXIST", "end", "0" * 32, "FINISHED")
    assert said.count("\n") == 1
    experiment = drive("experiment", unique("E"))["id"]
    drive.fails("invalid_parameter", "INVALID_PARAMETER_VALUE: Invalid model name", "model", experiment, "a:b", "", 0)


def test_a_deleted_experiment(registry, drive):
    name = unique("E")
    experiment = drive("experiment", name)["id"]
    assert drive("experiment", name)["id"] == experiment
    requests.post(registry.url + "/api/2.0/mlflow/experiments/delete", json={"experiment_id": experiment}, timeout=30)
    drive.fails("conflict", "experiment '%s' is deleted" % name, "experiment", name)


def test_a_dry_run_changes_nothing(drive, tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    name, dry = unique("dry"), {"DRIVER_DRY_RUN": "1"}
    drive("ensure", name, "text", **dry)
    assert len(drive.planned) == 1 and '/registered-models/create {"name":"%s","description":"text"' % name in drive.planned[0]
    drive.fails("not_found", "", "versions", name, 0)
    assert drive("version", name, "models:/m-1", "m-1", "r", "", **dry)["version"] == "$VERSION"
    drive("upload", "mlflow-artifacts:/1/r/artifacts", "sub", bundle, **dry)
    assert sorted(line.split()[1].rsplit("/artifacts/", 1)[1] for line in drive.planned) == sorted(
        "sub/" + n for n in tree(bundle))
    assert all(line.startswith("PUT ") for line in drive.planned)


def test_history(sluiced, mlflow_server, tmp_path):
    drive = Driver(MLFLOW_TRACKING_URI=sluiced.url, DRIVER_REASON="better on Tuesdays")
    bundle = write_bundle(tmp_path / "bundle", size=256)
    name = unique("history")
    register(drive, bundle, name)
    register(drive, bundle, name)
    drive("alias-set", name, "champion", "1")
    drive("alias-set", name, "champion", "2")
    history = drive("history", name, "champion")["history"]
    assert [(h.get("before"), h["after"]) for h in history] == [("1", "2"), (None, "1")]
    assert history[0]["why"] == "better on Tuesdays" and history[0]["who"]
    assert drive("alias-at", name, "champion", history[1]["time"])["version"] == "1"
    assert drive("alias-at", name, "champion", history[0]["time"])["version"] == "2"
    other = Driver(MLFLOW_TRACKING_URI=mlflow_server.url)
    other.fails("not_implemented", "keeps no history: only the registry of sluiced does", "history", name, "")
    other.fails("not_implemented", "keeps no history", "alias-at", name, "champion", "0")


def test_stores_that_are_not_served(drive, tmp_path):
    for place in ("s3://bucket/x", "file:///tmp/x", "mlflow-artifacts://other:5000/x"):
        drive.fails("not_implemented", "artifacts at '%s'" % place, "list", place, "")


# ---- Unity Catalog ----

@contextlib.contextmanager
def unity(**options):
    fake = FakeUnity(**options)
    try:
        yield fake, Driver(MLFLOW_REGISTRY_URI="databricks-uc", DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN)
    finally:
        fake.stop()


WAYS = [{"files_api": True}, {"files_api": False}, {"files_api": True, "has_signed_reads": False},
        {"files_api": False, "is_flaky": True}, {"files_api": True, "has_signed_reads": False, "is_flaky": True}]


@pytest.mark.parametrize("way", WAYS)
def test_unity_there_and_back(way, tmp_path):
    bundle = write_bundle(tmp_path / "bundle")
    name = "main.default.m1"
    with unity(**way, polls=2) as (fake, drive):
        drive("ensure", name, "d")
        drive("ensure", name, "d")
        assert len(fake.asked("POST", "registered-models/create")) == 1
        version = drive("version", name, "models:/m-1", "m-1", "r1", bundle)
        assert (version["version"], version["status"]) == ("1", "READY")
        assert {p.removeprefix("/Models/main/default/m1/1/"): c for p, c in fake.files.items()} == tree(bundle)
        paths = [r["path"] for r in fake.requests]
        uploads = [i for i, r in enumerate(fake.requests) if r["method"] == "PUT"]
        finalize = paths.index("/api/2.0/mlflow/unity-catalog/model-versions/finalize")
        assert paths.index("/api/2.0/mlflow/unity-catalog/model-versions/create") < uploads[0] < uploads[-1] < finalize
        assert len(uploads) == len(tree(bundle)) * (2 if way.get("is_flaky") else 1)
        assert all(paths[i].startswith("/api/2.0/fs/files/" if way["files_api"] else "/blob/") for i in uploads)
        assert len(fake.asked("GET", "model-versions/get$")) == 2  # as long as it is pending

        drive("alias-set", name, "prod", "1")
        assert drive("aliases", name) == {"prod": "1"}
        assert drive("find", name + "@prod")["aliases"] == ["prod"]
        place = drive("place", name, "1")["place"]
        assert place == "unity:/main/default/m1/1"
        (tmp_path / "got").mkdir()
        got = drive("download", place, "", tmp_path / "got", "bundle")
        assert tree(tmp_path / "got") == tree(bundle) and got["digest"]
        assert bool(fake.asked("GET", "^/blob/")) == way.get("has_signed_reads", True)


def test_unity_models_and_versions(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    name = "main.default.m1"
    with unity() as (fake, drive):
        drive("ensure", name, "d")
        for number in range(1, 12):
            assert drive("version", name, "s", "", "", bundle)["version"] == str(number)
        assert drive("find", name)["version"] == "11"
        assert [v["version"] for v in drive("versions", name, 3)["versions"]] == ["11", "10", "9"]
        drive("tag", name, "1", "k", "v")
        drive("untag", name, "1", "p000")
        drive("describe", name, "1", "text")
        version = drive("find", name + "/1")
        assert [t["key"] for t in version["tags"]] == ["k"] and version["description"] == "text"
        drive("alias-set", name, "prod", "1")
        drive("alias-rm", name, "prod")
        drive.fails("not_found", "RESOURCE_DOES_NOT_EXIST: Alias 'prod' does not exist", "alias-rm", name, "prod")
        drive("delete", name, "11")
        assert drive("find", name + "@latest")["version"] == "10"
        assert drive("search", "")["names"] == [name]
        drive("delete-model", name)
        drive.fails("not_found", "does not exist", "find", name)


def test_unity_refuses_before_it_sends(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", has_manifest=False, size=256)
    name = "main.default.m1"
    with unity() as (fake, drive):
        drive("ensure", name, "d")
        asked = len(fake.requests)
        drive.fails("not_implemented", "Unity Catalog has no stages", "stage", name, "1", "Staging")
        drive.fails("not_implemented", "Unity Catalog has no stages", "find", name + "/Staging")
        drive.fails("not_implemented", "without filter", "search", "name = 'x'")
        drive.fails("not_implemented", "keeps prompts apart", "prompt", "p@x")
        drive.fails("not_implemented", "keeps no history", "history", name, "")
        drive.fails("invalid_parameter", "'m1' of Unity Catalog is not catalog.schema.model", "version", "m1", "s", "", "", bundle)
        drive.fails("usage", "registered from a bundle", "version", name, "s", "", "", "")
        for text, why in (("flavors: {}\n", "there is none"), (SIGNATURE.split("  outputs")[0], "only a part of one"),
                          (SIGNATURE.replace('[{"type": "string", "name": "a", "required": true}]', "[]"), "only a part")):
            (bundle / "MLmodel").write_text(text)
            drive.fails("invalid_bundle", why, "version", name, "s", "", "", bundle)
        assert len(fake.requests) == asked


def test_unity_stores_of_a_cloud(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    for storage, called in (("aws_temp_credentials", "S3"), ("azure_user_delegation_sas", "abfss"), ("gcp_oauth_token", "(gs)")):
        with unity(files_api=False, storage=storage) as (fake, drive):
            drive("ensure", "main.default.m1", "d")
            said = drive.fails("not_implemented", called, "version", "main.default.m1", "s", "", "", bundle)
            assert "version 1 of 'main.default.m1' stays without all of its files" in said and "canary" not in said
            assert not fake.asked("POST", "finalize") and not fake.files


def test_names_that_could_be_more_than_names(tmp_path):
    (tmp_path / "got").mkdir()
    for name in ("../evil", "a b", "-/..", "x;y", "x\\y"):
        with unity() as (fake, drive):
            fake.files = {"/Models/main/default/m1/1/MLmodel": b"x", "/Models/main/default/m1/1/" + name: b"y"}
            drive.fails("invalid_bundle", "listing: ", "download", "unity:/main/default/m1/1", "", tmp_path / "got", "all")
    with unity() as (fake, drive):
        fake.files = {"/Models/main/default/m1/1/MLmodel": b"x", "/Models/main/default/m1/1/mlMODEL": b"y"}
        drive.fails("invalid_bundle", "listing: ", "download", "unity:/main/default/m1/1", "", tmp_path / "got", "all")
    assert tree(tmp_path) == {}


def test_an_interrupt_ends_it(tmp_path):
    """While a file is on its way: the half that came is removed."""
    with unity() as (fake, drive), socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        fake.files = {"/Models/main/default/m1/1/MLmodel": b"x"}
        fake.signed = lambda path: {"url": "http://127.0.0.1:%d/x?sig=canary" % silent.getsockname()[1]}
        process = subprocess.Popen([str(DRIVER), "download", "unity:/main/default/m1/1", "", str(tmp_path), "all"], env=drive.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        peer, _ = silent.accept()
        peer.recv(10000)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
        process.send_signal(2)
        _, said = process.communicate(timeout=20)
        peer.close()
        assert (process.returncode, said) == (1, "cancelled: cancelled\n")
        assert tree(tmp_path) == {}


def test_unity_registrations_that_fail(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    with unity(failure="virus found", polls=1) as (_, drive):
        drive("ensure", "main.default.m1", "d")
        drive.fails("upstream", "version 1 of 'main.default.m1': virus found", "version", "main.default.m1", "s", "", "", bundle)


def test_unity_dry_run(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    for files_api in (True, False):
        with unity(files_api=files_api) as (fake, drive):
            drive("version", "main.default.m1", "s", "", "", bundle, DRIVER_DRY_RUN="1")
            assert not fake.models and not fake.files
            assert "model-versions/create" in drive.planned[0] and "model-versions/finalize" in drive.planned[-1]
            assert sum(line.startswith("PUT ") for line in drive.planned) == len(tree(bundle))


def test_unity_through_the_tool(tmp_path):
    """From a folder to a version and back, without a run: the recorded calls alone."""
    name = "main.default.slides"
    with unity(files_api=False) as (fake, drive):
        def sluice(*args):
            ended = subprocess.run([str(BUILD / "sluice"), *args, "--json"], env=drive.env, capture_output=True, text=True,
                                   timeout=120)
            assert ended.returncode == 0, (args, ended.stdout, ended.stderr)
            return json.loads(ended.stdout)

        made = sluice("register", str(ROOT / "examples" / "slide_generator"), "--name", name, "--alias", "champion")
        assert (made["version"], made["status"], made["aliases"]) == ("1", "READY", ["champion"])
        assert not [r for r in fake.requests if re.match("/api/2.0/mlflow/(experiments|runs|logged-models)", r["path"])]
        got = sluice("download", name + "@champion", "-o", str(tmp_path / "got"))
        assert got["verified"] and got["digest"] == made["digest"]
        assert (tmp_path / "got" / "config.yaml").read_text() == (ROOT / "examples/slide_generator/config.yaml").read_text()


@contextlib.contextmanager
def workspace(**options):
    fake = FakeWorkspace(**options)
    try:
        yield fake, Driver(MLFLOW_REGISTRY_URI="databricks-uc", DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN)
    finally:
        fake.stop()


@pytest.mark.parametrize("options", [{}, {"artifact_type": "AZURE_SAS_URI"}, {"is_flaky": True}])
def test_artifacts_of_a_workspace(options, tmp_path):
    bundle = write_bundle(tmp_path / "bundle")
    with workspace(**options) as (fake, drive):
        _, run, model = log_bundle(drive, bundle, "x")
        assert fake.logged[model["id"]]["info"]["status"] == "LOGGED_MODEL_READY"
        root = fake.runs[run]["info"]["artifact_uri"]
        drive("upload", root, "folder/model", bundle)
        for place, path in ((model["artifact_uri"], ""), (root, "folder/model"), (root + "/folder/model", "")):
            (tmp_path / "got").mkdir()
            assert drive("download", place, path, tmp_path / "got", "bundle")["digest"]
            assert tree(tmp_path / "got") == tree(bundle)
            subprocess.run(["rm", "-r", str(tmp_path / "got")], check=True)
        assert [f["path"] for f in drive("list", root, "folder/model/prompts")["files"]] == ["a.txt", "deep/b.txt"]
        assert [f["path"] for f in drive("list", model["artifact_uri"], "prompts/a.txt")["files"]] == ["a.txt"]
        assert drive("read", model["artifact_uri"], "prompts/a.txt") == {"text": "Say {{q}}."}
        drive.fails("not_found", "", "read", model["artifact_uri"], "prompts/none.txt")
        drive.fails("not_found", "there are no files at", "download", root, "none", tmp_path, "all")


def test_a_workspace_that_says_no(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", size=256)
    with workspace(artifact_type="AZURE_ADLS_GEN2_SAS_URI") as (fake, drive):
        experiment = drive("experiment", "E")["id"]
        run = drive("run", experiment, "r")
        drive.fails("not_implemented", "Azure Data Lake Storage", "upload", run["artifact_uri"], "", bundle)
        drive.fails("not_implemented", "does not know", "upload", "dbfs:/somewhere/else", "", bundle)
        drive("upload", run["artifact_uri"], "", bundle, DRIVER_DRY_RUN="1")
        assert not fake.files and sum(line.startswith("PUT https://$SIGNED_URL") for line in drive.planned) == len(tree(bundle))


def test_the_tool_on_a_workspace(tmp_path):
    """Logged with a run, and registered from there."""
    name = "main.default.slides"
    with workspace() as (fake, drive):
        def sluice(*args):
            ended = subprocess.run([str(BUILD / "sluice"), *args, "--json"], env=drive.env, capture_output=True, text=True,
                                   timeout=120)
            assert ended.returncode == 0, (args, ended.stdout, ended.stderr)
            return json.loads(ended.stdout)

        made = sluice("register", str(ROOT / "examples" / "slide_generator"), "--name", name, "--experiment", "/Shared/E")
        assert made["status"] == "READY" and len(fake.runs) == 1
        version = fake.models[name]["versions"]["1"]
        assert version["model_id"] in fake.logged and version["run_id"] in fake.runs
        assert sluice("download", name + "/1", "-o", str(tmp_path / "got"))["digest"] == made["digest"]
        again = sluice("register", "models:/" + version["model_id"], "--name", name)
        assert again["version"] == "2" and again["digest"] == made["digest"]


def test_unity_logins(tmp_path):
    with unity() as (fake, drive):
        said = drive.fails("upstream", "PERMISSION_DENIED: Invalid access token: Bearer ***", "search", "",
                           DATABRICKS_TOKEN="wrong-canary-token")
        assert "canary" not in said
        oauth = {"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": "cid", "DATABRICKS_CLIENT_SECRET": "sec"}
        assert drive("search", "", **oauth) == {"names": []}
        assert fake.asked("GET", "search")[-1]["headers"]["Authorization"] == "Bearer oauth-token-1"
        drive.fails("upstream", "invalid_client: Client authentication failed", "search", "",
                    **{**oauth, "DATABRICKS_CLIENT_SECRET": "wrong"})
        config = tmp_path / "cfg"
        config.write_text("[work]\nhost = %s\nclient_id = cid\nclient_secret = sec\n" % fake.url)
        profile = {"MLFLOW_REGISTRY_URI": "databricks-uc://work", "DATABRICKS_HOST": "", "DATABRICKS_TOKEN": "",
                   "DATABRICKS_CONFIG_FILE": str(config)}
        assert drive("search", "", **profile) == {"names": []}
        assert fake.tokens_given == 2
