"""The registry's verbs: `sluice` against a real MLflow server, against sluiced, and against a Unity Catalog that speaks the
recorded protocol."""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import tarfile

import pytest
import requests

from conftest import BUILD, Sluiced, client_module
from fake_unity import TOKEN, FakeUnity
from registry_client_test import MlflowServer, unique

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "slide_generator"
AGENT = {
    "MLmodel": """signature:
  inputs: '[{"type": "string", "name": "question", "required": true}]'
  outputs: '[{"type": "string", "name": "answer", "required": true}]'
flavors:
  sluice: {config: config.yaml, prompts: prompts}
""",
    "config.yaml": """version: 1
models:
  small: {base_url: "${env:LLM_BASE_URL}", api_key: "${secret:llm}", model: tiny, temperature: 0.2}
steps:
  - name: answer
    llm: {model: small, prompt: ask}
""",
    "prompts/ask.txt": "Answer: {{question}}\n",
    "input_example.json": '{"columns": ["question"], "data": [["Why?"]]}\n',
}


class Tool:
    """sluice with only the variables that the test sets."""

    def __init__(self, cwd, **env):
        self.cwd = cwd
        self.env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TZ": "UTC", "USER": "ada",
                    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", **env}

    def run(self, *args, **env):
        return subprocess.run([str(BUILD / "sluice"), *map(str, args)], env={**self.env, **env}, cwd=self.cwd,
                              capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)

    def __call__(self, *args, **env):
        ended = self.run(*args, **env)
        assert ended.returncode == 0, (args, ended.stdout, ended.stderr)
        return ended.stdout

    def json(self, *args, **env):
        return json.loads(self(*args, "--json", **env))

    def fails(self, status, text, *args, **env):
        """One line, which names what was asked."""
        ended = self.run(*args, **env)
        assert ended.returncode == status and text in ended.stderr, (args, ended)
        assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("sluice "), ended.stderr
        return ended.stderr


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    client_module("mlflow")
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sluiced_registry(tmp_path_factory):
    server = Sluiced(state=tmp_path_factory.mktemp("sluiced"))
    yield server
    server.stop()


@pytest.fixture(params=["mlflow_server", "sluiced_registry"])
def registry(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def tool(registry, tmp_path):
    return Tool(tmp_path, MLFLOW_TRACKING_URI=registry.url)


def write_agent(folder, **changed):
    for name, text in {**AGENT, **changed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def agent(tmp_path):
    return write_agent(tmp_path / "agent")


# The same words, whatever the registry.

def normalised(text, url):
    """Ids by the order in which they come, times as TIME; what the server calls the run is its own."""
    seen = {}
    text = text.replace(url, "URL")
    text = re.sub(r"\b(m-)?[0-9a-f]{32}\b", lambda m: seen.setdefault(m.group(), "ID%d" % len(seen)), text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME", text)
    text = re.sub(r'(run_name"?:?\s*"?)[a-z]+-[a-z]+-\d+', r"\1NAME", text)
    text = re.sub(r'(experiment_id"?:?\s*"?)\d+', r"\1N", text)
    text = re.sub(r"(mlflow-artifacts:/)\d+", r"\1N", text)
    return re.sub(r'(start_time|end_time)":\d+', r'\1":N', text)


SCRIPT = [
    "log agent --experiment {m} --name agent --param judge=none --tag team=search --json",
    "register agent --name {m} --experiment {m} --alias champion --description first",
    "register v2 --name {m} --experiment {m} --tag reviewed=yes --json",
    "register {m}/1 --name {m}.copy --json",
    "versions {m}",
    "versions {m} --json",
    "show {m}@champion",
    "show {m}/latest --json",
    "show {m} --json",
    "alias set {m} challenger 2",
    "alias set {m} champion @challenger --why better",
    "alias list {m}",
    "alias rm {m} challenger",
    "alias rm {m} challenger",
    "tag set {m} team=search owner=ada",
    "tag set {m}@champion reviewed=no",
    "tag rm {m} owner",
    "show {m} --json",
    "stage {m}/1 staging",
    "stage {m}/2 Staging --archive-existing --json",
    "stage {m}/2 Nowhere",
    "search --filter name='{m}'",
    "search --versions --filter name='{m}' --order-by version_number --json",
    "search --filter nonsense",
    "diff {m}/1 {m}/2",
    "diff {m}/2 v2 --json",
    "download {m}@champion -o out",
    "download {m}/1 -o out.tar.zst --json",
    "download {m}/1 -o out",
    "download {m}/9 -o out9",
    "rm {m}/1",
    "rm {m}/1 --yes --dry-run",
    "rm {m}/1 --yes",
    "show {m}/1",
    "versions {m}",
    "release agent --environment prod",
    "release agent --environment dev",
    "release agent --environment prod --approve --json",
    "release --environment prod --approve",
    "rm {m} --yes",
    "show {m}",
    "versions {m}@champion",
]


def test_the_same_script_says_the_same(mlflow_server, sluiced_registry, tmp_path):
    model = unique("slides")
    said = []
    for name, server in (("mlflow", mlflow_server), ("sluiced", sluiced_registry)):
        folder = tmp_path / name
        write_agent(folder / "agent")
        write_agent(folder / "v2", **{"prompts/ask.txt": "Answer briefly: {{question}}\n",
                                      "MLmodel": AGENT["MLmodel"].replace('"answer"', '"answers"').replace("true}]'\nfl", "false}]'\nfl"),
                                      "config.yaml": AGENT["config.yaml"] + "outputs: {answers: answer}\n"})
        (folder / "sluice.yaml").write_text(
            "registry: %s\nexperiment: %s\nenvironments:\n  dev: {model_name: %s.r, stage: Staging}\n"
            "  prod: {model_name: %s.r, alias: champion}\n" % (server.url, model, model, model))
        tool = Tool(folder)
        said.append([])
        for line in SCRIPT:
            ended = tool.run(*line.format(m=model).split())
            said[-1].append((line, ended.returncode, normalised(ended.stdout, server.url),
                             normalised(ended.stderr, server.url)))
    for theirs, ours in zip(*said):
        assert theirs == ours
    # A script that fails alike everywhere would compare well, too.
    failing = [line for line, status, *_ in said[0] if status != 0]
    assert [line.split()[0] for line in failing] == \
        ["alias", "stage", "search", "download", "download", "rm", "show", "show", "versions"], failing


# What log writes.

def test_mlflow_reads_what_was_logged(tool, agent, registry):
    mlflow = client_module("mlflow")
    name = unique("read")
    logged = tool.json("register", agent, "--name", name, "--alias", "champion", "--experiment", name)
    mlflow.set_tracking_uri(registry.url)
    mlflow.set_registry_uri(registry.url)
    info = mlflow.models.get_model_info("models:/%s@champion" % name)
    assert info.signature.inputs.input_names() == ["question"] and info.signature.outputs.input_names() == ["answer"]
    assert info.flavors["sluice"] == {"config": "config.yaml", "prompts": "prompts"}
    assert info.run_id == logged["run_id"] and logged["source"] == "models:/" + info.model_id
    assert info.metadata["sluice_digest"] == logged["digest"]
    folder = mlflow.artifacts.download_artifacts("models:/%s@champion" % name)
    model = mlflow.models.Model.load(folder)
    assert list(model.load_input_example(folder)["question"]) == ["Why?"]
    assert json.loads(model.get_serving_input(folder)) == {"dataframe_split": json.loads(AGENT["input_example.json"])}
    assert pathlib.Path(folder, "prompts", "ask.txt").read_text() == AGENT["prompts/ask.txt"]
    client = mlflow.MlflowClient()
    run = client.get_run(logged["run_id"])
    assert run.info.status == "FINISHED" and run.data.tags["sluice.digest"] == logged["digest"]
    assert run.data.params["models.small.temperature"] == "0.2" and "models.small.api_key" not in run.data.params
    assert [output.model_id for output in run.outputs.model_outputs] == [info.model_id]


def test_an_archive_is_uploaded_as_it_is(tool, agent, registry, tmp_path):
    name = unique("archive")
    digest = json.loads(tool("pack", agent, "-o", "a.tar.zst", "--json"))["digest"]
    logged = tool.json("log", "a.tar.zst", "--experiment", name, "--name", "a")
    assert logged["digest"] == digest
    base = "%s/api/2.0/mlflow-artifacts/artifacts/%s" % (registry.url, logged["artifact_uri"].split(":/")[1])
    assert requests.get(base + "/sluice/bundle.tar.zst").content == (tmp_path / "a.tar.zst").read_bytes()
    tool("download", "models:/" + logged["model_id"], "-o", "back.tar.zst")
    assert (tmp_path / "back.tar.zst").read_bytes() == (tmp_path / "a.tar.zst").read_bytes()
    tool("download", "runs:/%s/a" % logged["run_id"], "-o", "back")
    tool("diff", "back", "a.tar.zst")
    assert json.loads(tool("validate", "back", "--json"))["digest"] == digest
    registered = tool.json("register", "runs:/%s/a" % logged["run_id"], "--name", name)
    assert registered["run_id"] == logged["run_id"] and registered["digest"] == digest


def test_a_bundle_with_mistakes_leaves_nothing(tool, agent):
    name = unique("wrong")
    (agent / "prompts" / "ask.txt").write_text("{{quest}}")
    ended = tool.run("register", agent, "--name", name, "--experiment", name)
    assert ended.returncode == 65 and "prompts/ask.txt:1" in ended.stdout and ended.stderr == ""
    assert ended.stdout.endswith("1 mistake in '%s'\n" % agent)
    assert tool.json("search", "--filter", "name = '%s'" % name)["models"] == []


# What download believes.

def test_a_forged_archive_is_noticed(tool, agent, registry, tmp_path):
    name = unique("forged")
    logged = tool.json("log", agent, "--experiment", name)
    write_agent(tmp_path / "evil", **{"prompts/ask.txt": "Ignore {{question}}"})
    tool("pack", "evil", "-o", "evil.tar.gz")
    base = "%s/api/2.0/mlflow-artifacts/artifacts/%s" % (registry.url, logged["artifact_uri"].split(":/")[1])
    whole = requests.get(base + "/sluice/bundle.tar.gz").content
    requests.put(base + "/sluice/bundle.tar.gz", data=(tmp_path / "evil.tar.gz").read_bytes()).raise_for_status()
    tool.fails(65, "the registry names digest " + logged["digest"], "download", "models:/" + logged["model_id"], "-o", "out")
    requests.put(base + "/sluice/bundle.tar.gz", data=whole[:-20]).raise_for_status()
    tool.fails(65, "the bundle of", "download", "models:/" + logged["model_id"], "-o", "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob("out.*"))


def test_what_python_logged_is_told_as_unverified(tool, agent, registry):
    mlflow = client_module("mlflow")
    mlflow.set_tracking_uri(registry.url)
    mlflow.set_registry_uri(registry.url)
    name = unique("python")
    mlflow.set_experiment(name)

    class Nobody(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            raise RuntimeError("nobody runs this")

    mlflow.pyfunc.log_model(name="agent", python_model=Nobody(), registered_model_name=name,
                            signature=mlflow.models.Model.load(str(agent)).signature,
                            artifacts={"config": str(agent / "config.yaml"), "prompts": str(agent / "prompts")})
    ended = tool.run("download", name + "/1", "-o", "out", "--json")
    assert ended.returncode == 0 and json.loads(ended.stdout)["verified"] is False, ended
    assert "no manifest" in ended.stderr
    assert tool.json("validate", "out")["prompts"] == ["ask"]


# Prompts.

def test_prompts_are_pinned(tool, tmp_path, registry):
    mlflow = client_module("mlflow")
    mlflow.set_tracking_uri(registry.url)
    mlflow.set_registry_uri(registry.url)
    name = unique("advice")
    for text in ("Answer {{question}} briefly.", "Answer {{question}} at length."):
        mlflow.genai.register_prompt(name=name, template=text)
    mlflow.genai.set_prompt_alias(name, alias="champion", version=1)
    mlflow.genai.register_prompt(name=name + "c", template=[{"role": "user", "content": "{{question}}"}])
    config = AGENT["config.yaml"].replace("prompt: ask", 'prompt: "prompts:/%s@champion", system: "prompts:/%s/2"' % (name, name))
    folder = write_agent(tmp_path / "pinned", **{"config.yaml": config})
    ended = tool.run("validate", folder)
    assert ended.returncode == 65 and ended.stdout.count("not pinned yet: 'sluice pack'") == 2, ended.stdout

    first = tool.json("pack", folder, "-o", "a.tar.gz")
    assert tool.json("pack", folder, "-o", "b.tar.gz")["digest"] == first["digest"]
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert not (folder / "prompts.lock.json").exists()
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    lock = json.loads((tmp_path / "unpacked" / "prompts.lock.json").read_text())
    assert lock == {"prompts:/%s@champion" % name: {"uri": "prompts:/%s/1" % name, "text": "Answer {{question}} briefly."},
                    "prompts:/%s/2" % name: {"uri": "prompts:/%s/2" % name, "text": "Answer {{question}} at length."}}
    assert tool.json("validate", "a.tar.gz")["ok"]
    # What is pinned stays so, and asks nobody.
    mlflow.genai.set_prompt_alias(name, alias="champion", version=2)
    again = tool.json("pack", "unpacked", "-o", "c.tar.gz", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert again["digest"] == first["digest"]
    assert tool.json("pack", folder, "-o", "d.tar.gz")["digest"] != first["digest"]

    for reference, status, text in (("prompts:/%s@nobody" % name, 66, "@nobody"), ("prompts:/nothing/1", 66, "nothing"),
                                    ("prompts:/%sc/1" % name, 65, "chat messages"), ("prompts:/", 64, "prompts:/")):
        (folder / "config.yaml").write_text(AGENT["config.yaml"].replace("prompt: ask", 'prompt: "%s"' % reference))
        tool.fails(status, text, "pack", folder, "-o", "e.tar.gz")
    assert not (tmp_path / "e.tar.gz").exists()


# Environments.

def test_release_is_approved_or_told(tool, agent, tmp_path, registry):
    model, experiment = unique("released"), unique("e")
    (tmp_path / "team.yaml").write_text(
        "registry: http://127.0.0.1:1\nenvironments:\n"
        "  dev: {model_name: %s, stage: Staging, experiment: %s, registry: \"%s\"}\n"
        "  prod: {model_name: %s, alias: champion, workload_size: Large, registry: \"%s\"}\n"
        % (model, experiment, registry.url, model, registry.url))
    project = ("--project", "team.yaml")
    plan = tool.json("release", agent, "--environment", "prod", *project)
    assert not plan["released"] and plan["version"] is None
    assert plan["command"] == "sluice release %s --environment prod --project team.yaml --approve" % agent
    # Not by a variable that somebody once set, either.
    assert not tool.json("release", agent, "--environment", "prod", *project, SLUICE_APPROVE="true")["released"]
    assert tool.json("search", "--filter", "name = '%s'" % model)["models"] == []

    # The environment's registry wins over MLFLOW_TRACKING_URI, and --registry over both.
    dev = tool("release", agent, "--environment", "dev", *project, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert "released %s to dev" % model in dev
    assert tool.json("show", model + "/1")["stage"] == "Staging"
    assert "registered" not in tool.run("release", agent, "--environment", "dev", *project, "--registry",
                                        "http://127.0.0.1:1").stdout
    done = tool.json("release", agent, "--environment", "prod", *project, "--approve", "--why", "passed")
    assert done["released"] and done["version"] == "1"
    assert tool.json("show", model + "@champion")["version"] == "1"
    assert [step["step"] for step in done["steps"]] == ["version", "alias"]

    (agent / "prompts" / "ask.txt").write_text("Now: {{question}}")
    assert tool.json("release", agent, "--environment", "dev", *project)["version"] == "2"
    assert [v["stage"] for v in tool.json("versions", model)["versions"]] == ["Staging", "Archived"]
    assert tool.json("release", "--environment", "prod", *project, "--approve")["version"] == "2"
    tool.fails(64, "team.yaml has dev, prod", "release", agent, "--environment", "qa", *project)


# Nothing is changed, nothing is shown.

def test_a_dry_run_changes_nothing(tool, agent):
    name = unique("dry")
    tool("register", agent, "--name", name, "--experiment", name, "--alias", "a")
    before = [tool.json("show", name), tool.json("versions", name)]
    for line in ("log agent --experiment %s.x", "register agent --name %s.x", "register %s/1 --name %s.x", "alias set %s a 1",
                 "alias rm %s a", "tag set %s k=v", "tag set %s/1 k=v", "tag rm %s k", "stage %s/1 Staging", "rm %s/1", "rm %s"):
        words = line.replace("%s", name).split()
        lines = tool(*words, "--dry-run").splitlines()
        assert lines and all(re.match(r"(GET|POST|would (POST|PUT|PATCH|DELETE)) http://127.0.0.1", row) for row in lines), lines
        assert any(row.startswith("would ") for row in lines), lines
        told = tool.json(*words, "--dry-run")
        assert told["dry_run"] and len(told["calls"]) == len(lines)
    for line in ("versions %s", "show %s", "show %s@a", "search", "alias list %s", "download %s/1 -o nowhere", "diff %s/1 agent"):
        lines = tool(*line.replace("%s", name).split(), "--dry-run").splitlines()
        assert lines and all(re.match("(GET|POST) http://127.0.0.1", row) for row in lines), lines
    assert [tool.json("show", name), tool.json("versions", name)] == before
    assert not (tool.cwd / "nowhere").exists()


def test_secrets_are_never_shown(tool, agent, registry):
    canary = "canary-7f2c81e5"
    user_info = registry.url.replace("://", "://ada:%s@" % canary)
    for env, args in (({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": canary}, ()),
                      ({"MLFLOW_TRACKING_TOKEN": canary}, ()), ({}, ("--registry", user_info))):
        for words in (["log", agent, "--dry-run"], ["show", "nope@x"], ["search", "--json"], ["rm", "nope/1"],
                      ["release", agent, "-e", "dev"]):
            ended = tool.run(*words, *args, **env)
            assert canary not in ended.stdout + ended.stderr, ended
        assert canary not in tool.run("show", "x", "--registry", "http://ada:%s@127.0.0.1:1" % canary, **env).stderr


def test_nobody_serves_the_default(tmp_path):
    ended = Tool(tmp_path).run("show", "x", "--json")
    if "8080" not in ended.stdout:
        pytest.skip("something listens on port 8080 here")
    said = json.loads(ended.stdout)["error"]["message"]
    assert ended.returncode == 76 and "again in" not in ended.stderr
    assert "no registry answers at http://127.0.0.1:8080" in said and "sluiced --state" in said and "--registry" in said


def test_a_file_that_is_not_there_is_no_model_to_ask_for(tmp_path):
    for what in ("/nonexistent", "./agent", "../agent", "a/b/c", "agent.tar.zst"):
        ended = Tool(tmp_path).run("register", what, "--name", "x", "--registry", "http://127.0.0.1:1")
        assert ended.returncode == 66 and ended.stderr == "sluice register: bundle '%s': No such file or directory\n" % what


def test_a_wrong_host_name_is_told_at_once(tmp_path):
    ended = Tool(tmp_path).run("versions", "x", "--registry", "http://no-such-host.invalid:5000")
    assert ended.returncode == 68 and "again in" not in ended.stderr, ended
    assert "no registry answers at http://no-such-host.invalid:5000 (" in ended.stderr and "cannot be resolved" in ended.stderr


# What only sluiced keeps.

def test_the_history_knows_who_and_why(sluiced_registry, mlflow_server, agent, tmp_path):
    tool, name = Tool(tmp_path, MLFLOW_TRACKING_URI=sluiced_registry.url), unique("history")
    tool("register", agent, "--name", name, "--alias", "champion", "--why", "first one")
    first = tool.json("alias", "log", name)["moves"][0]["time"]
    (agent / "prompts" / "ask.txt").write_text("Say: {{question}}")
    tool("register", agent, "--name", name)
    tool("alias", "set", name, "champion", "2", "--why", "beats 1")
    tool("alias", "rm", name, "champion", SLUICE_WHY="recalled")
    moves = tool.json("alias", "log", name, "--alias", "champion")["moves"]
    assert [(m.get("before"), m.get("after"), m["why"]) for m in moves] == \
        [("2", None, "recalled"), ("1", "2", "beats 1"), (None, "1", "first one")]
    assert all(m["who"] for m in moves)
    assert tool.json("alias", "at", name + "@champion", "--time", first)["version"] == "1"
    assert "beats 1" in tool("alias", "log", name)
    assert re.search(r"version +1\n", tool("alias", "at", name + "@champion", "--time", first))
    tool.fails(64, "expected MODEL@ALIAS", "alias", "at", name, "--time", first)
    elsewhere = Tool(tmp_path, MLFLOW_TRACKING_URI=mlflow_server.url)
    elsewhere.fails(70, "keeps no history", "alias", "log", name)


# Unity Catalog.

def test_unity_catalog(agent, tmp_path, mlflow_server):
    """Runs are MLflow's, versions Unity Catalog's, which keeps the files itself."""
    fake, name = FakeUnity(), "main.default.slides"
    try:
        tool = Tool(tmp_path, MLFLOW_REGISTRY_URI="databricks-uc", MLFLOW_TRACKING_URI=mlflow_server.url,
                    DATABRICKS_HOST=fake.url, DATABRICKS_TOKEN=TOKEN)
        planned = tool("register", agent, "--name", name, "--dry-run")
        assert TOKEN not in planned and not fake.models
        first = tool.json("register", agent, "--name", name, "--alias", "champion", "--tag", "reviewed=yes")
        assert first["status"] == "READY" and first["tags"]["sluice.digest"] == first["digest"]
        stored = {path.split("/1/", 1)[1] for path in fake.files if "slides/1/" in path}
        assert {"MLmodel", "config.yaml", "prompts/ask.txt", "sluice/bundle.tar.gz"} <= stored, fake.files.keys()
        downloaded = tool.json("download", name + "@champion", "-o", "out")
        assert downloaded["verified"] and downloaded["digest"] == first["digest"]
        assert tool.json("diff", name + "/1", agent)["same"]
        again = tool.json("register", name + "/1", "--name", "main.default.copy")
        assert again["digest"] == first["digest"]
        assert tool.json("show", name + "@champion")["version"] == "1" and "@" not in tool("versions", name)
        tool("alias", "rm", name, "champion")
        tool.fails(70, "Unity Catalog", "stage", name + "/1", "Staging")
        tool("rm", name, "--yes")
        tool.fails(66, name, "show", name + "/1")
    finally:
        fake.stop()


# A terminal.

def on_terminal(tool, *args, answer=None, **env):
    """What a person sees: standard output and standard error are one terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen([str(BUILD / "sluice"), *map(str, args)], stdin=child, stdout=child, stderr=child, cwd=tool.cwd,
                               env={**tool.env, "TERM": "xterm", **env})
    os.close(child)
    seen = b""
    while True:
        try:
            got = os.read(parent, 65536)
        except OSError:
            break
        if not got:
            break
        seen += got
        if answer is not None and b"[y/N]" in seen:
            os.write(parent, answer)
            answer = None
    os.close(parent)
    return process.wait(60), seen.decode()


def test_a_person_is_asked_and_sees_progress(tool, agent):
    name = unique("person")
    status, seen = on_terminal(tool, "register", agent, "--name", name, "--experiment", name)
    assert status == 0 and "\033[32mregistered\033[0m" in seen and "upload: " in seen and "█" in seen, seen
    status, seen = on_terminal(tool, "versions", name)
    assert status == 0 and "\033[1mVERSION\033[0m" in seen
    assert "\033" not in on_terminal(tool, "versions", name, NO_COLOR="1")[1]
    status, seen = on_terminal(tool, "rm", name, answer=b"n\n")
    assert status == 75 and "was not deleted" in seen and tool.json("versions", name)["versions"]
    status, seen = on_terminal(tool, "rm", name, answer=b"y\n")
    assert status == 0 and "deleted" in seen
    tool.fails(66, name, "show", name)


def test_a_server_does_not_steer_the_terminal(tool, agent):
    name = unique("steer")
    tool("register", agent, "--name", name, "--description", "\033[2Jgone\u202e")
    for words in (["show", name + "/1"], ["versions", name], ["show", name + "/1", "--json"]):
        seen = on_terminal(tool, *words)[1]
        assert "\033[2J" not in seen and "\u202e" not in seen and "gone" in seen, seen


# Shells and pages.

def complete(script, *words):
    line = "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _sluice; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
        script, " ".join("'%s'" % word for word in words), len(words) - 1)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout.split()


def test_bash_completes_words(tmp_path):
    script = tmp_path / "sluice.bash"
    script.write_text(Tool(tmp_path)("completion", "bash"))
    assert {"pack", "alias", "release"} <= set(complete(script, "sluice", "")) and "set" not in complete(script, "sluice", "")
    assert complete(script, "sluice", "alias", "") == ["set", "rm", "list", "log", "at"]
    assert complete(script, "sluice", "alias", "set", "--wh") == ["--why"]
    assert complete(script, "sluice", "help", "rel") == ["release"]
    assert complete(script, "sluice", "predict", "--format", "c") == ["csv"]
    assert complete(script, "sluice", "pack", "ex") == []


def test_zsh_script_is_read(tmp_path):
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("no zsh here")
    script = tmp_path / "_sluice"
    script.write_text(Tool(tmp_path)("completion", "zsh"))
    assert subprocess.run([zsh, "-n", str(script)], capture_output=True, text=True).stderr == ""


def test_manual_pages(tmp_path):
    tool = Tool(tmp_path)
    pages = tool.json("man", "-o", "man1")["pages"]
    assert "sluice.1" in pages and "sluice-alias-set.1" in pages and len(pages) == len(set(pages))
    assert (tmp_path / "man1" / "sluice-alias-set.1").read_text() == tool("man", "alias", "set")
    groff = shutil.which("groff")
    for page in pages if groff else []:
        said = subprocess.run([groff, "-man", "-Tutf8", "-ww", tmp_path / "man1" / page], capture_output=True, text=True)
        assert said.returncode == 0 and said.stderr == "" and page[:-2].upper() in said.stdout, (page, said.stderr)
