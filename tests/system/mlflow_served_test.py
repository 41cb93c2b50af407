"""From Python to a served model: MLflow logs and registers it in sluiced, the tool downloads it, sluiced serves it. Offline."""
import json
import pathlib

import requests
from conftest import client_module

mlflow = client_module("mlflow")

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "slide_generator"
LEEDS = "Should we open a second distribution centre in Leeds next year?"


class Agent(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        raise RuntimeError("nobody runs this")


def log(server):
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    client = mlflow.MlflowClient()
    example = mlflow.models.Model.load(str(EXAMPLE))
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(
            name="slides", python_model=Agent(), signature=example.signature, registered_model_name="slides",
            pip_requirements=[],  # else they are found out, for 10 s
            artifacts={name: str(EXAMPLE / path) for name, path in
                       (("config", "config.yaml"), ("prompts", "prompts"), ("recordings", "recordings"))})
    assert str(logged.registered_model_version) == "1"
    client.set_registered_model_alias("slides", "champion", 1)
    return client


def test_a_model_logged_from_python_is_served(sluiced, run_sluice, tmp_path):
    registry = sluiced()
    client = log(registry)
    assert client.get_model_version_by_alias("slides", "champion").status == "READY"

    # As a folder, and packed.
    for target in ("model", "model.tar.gz"):
        done = run_sluice("download", "slides@champion", "-o", tmp_path / target, "--registry", registry.url)
        assert done.returncode == 0, done.stdout + done.stderr
        server = sluiced(tmp_path / target)
        answer = requests.post(server.url + "/invocations", json={"dataframe_records": [{"question": LEEDS}]}, timeout=30)
        assert answer.status_code == 200, answer.text
        row = answer.json()["predictions"][0]
        assert row["slide_count"] == 6 and row["error"] is None and row["html"].startswith("<!DOCTYPE html>")
        # The signature that Python gave holds.
        refused = requests.post(server.url + "/invocations", json={"dataframe_records": [{"max_slides": 3}]}, timeout=30)
        assert refused.status_code == 400 and "question" in refused.json()["message"], refused.text


def test_a_new_version_is_served_by_its_alias(sluiced, run_sluice, tmp_path):
    """The alias decides, not the number; without recordings, a model that needs them says so before it is served."""
    registry = sluiced()
    client = log(registry)
    with mlflow.start_run():
        mlflow.pyfunc.log_model(name="slides", python_model=Agent(), registered_model_name="slides", pip_requirements=[],
                                artifacts={"config": str(EXAMPLE / "config.yaml"), "prompts": str(EXAMPLE / "prompts")})
    for alias, version, status in (("champion", 1, 0), ("latest_try", 2, 65)):
        client.set_registered_model_alias("slides", alias, version)
        done = run_sluice("download", "slides@" + alias, "-o", tmp_path / alias, "--registry", registry.url)
        assert done.returncode == 0, done.stdout + done.stderr
        said = run_sluice("validate", tmp_path / alias, "--json")
        assert said.returncode == status, said.stdout
        problems = json.loads(said.stdout).get("problems", [])
        assert (problems == []) == (status == 0), problems
    assert any("none in recordings/ or artifacts/recordings/" in p["text"] for p in problems)
