"""A model that MLflow logged with its config and prompts as artifacts is a bundle: no Python runs, its pickle stays shut."""
import json
import pathlib

import pytest
from conftest import client_module

mlflow = client_module("mlflow")

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "slide_generator"
LEEDS = "Should we open a second distribution centre in Leeds next year?"


class Agent(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        raise RuntimeError("nobody runs this")


@pytest.fixture
def logged(tmp_path):
    """The slide generator as a Python user would log it."""
    model = tmp_path / "model"
    example = mlflow.models.Model.load(str(EXAMPLE))
    mlflow.pyfunc.save_model(
        str(model), python_model=Agent(), signature=example.signature, pip_requirements=[],
        artifacts={"config": str(EXAMPLE / "config.yaml"), "prompts": str(EXAMPLE / "prompts")})
    (model / "recordings").mkdir()
    (model / "recordings" / "replies.jsonl").write_bytes((EXAMPLE / "recordings" / "replies.jsonl").read_bytes())
    return model


def test_is_sound(run_sluice, logged):
    result = run_sluice("validate", logged)
    assert result.returncode == 0, result.stdout + result.stderr


def test_pickle_stays_shut(run_sluice, logged):
    (logged / "python_model.pkl").write_bytes(b"\x80\x04 no pickle at all")
    result = run_sluice("predict", logged, "--rows", "-", stdin=json.dumps({"question": LEEDS}))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["slide_count"] == 6


def test_example_is_read_by_mlflow():
    """The example's own MLmodel is one that MLflow reads, signature and input example."""
    model = mlflow.models.Model.load(str(EXAMPLE))
    assert model.signature.inputs.input_names() == ["question", "max_slides", "genie_space_id"]
    assert list(model.load_input_example(str(EXAMPLE))["question"]) == [LEEDS]
