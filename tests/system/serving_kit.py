"""Models for tests of serving endpoints: registered with `sluice register`, answered without a network."""
import json

from conftest import column

# Doubles a number; the smallest int64 overflows, which is a row's error.
CONFIG = """
version: 1
tools:
  - name: double
    sql: {statement: "SELECT abs(:n) * 2 + %d", result: value}
steps:
  - {name: doubled, tool: double}
outputs: {answer: doubled}
"""
INPUTS = [column("n", "long")]
OUTPUTS = [column("answer", "long", False), column("error", required=False)]
OVERFLOW = -2 ** 63


def registry_of(server):
    return {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_REGISTRY_URI": server.url}


class Kit:
    """register(...) -> version; what `adds` says tells versions' answers apart."""

    def __init__(self, server, make_bundle, run_sluice):
        self.server, self.make_bundle, self.run_sluice = server, make_bundle, run_sluice

    def register(self, name, adds=0, example=1, config=None, inputs=INPUTS, outputs=OUTPUTS, prompts=None):
        bundle = self.make_bundle(config or CONFIG % adds, inputs, outputs, prompts=prompts, files={
            "input_example.json": json.dumps({"columns": ["n"], "data": [[example]]})})
        mlmodel = json.loads((bundle / "MLmodel").read_text())
        mlmodel["saved_input_example_info"] = {"artifact_path": "input_example.json", "pandas_orient": "split",
                                               "type": "dataframe"}
        (bundle / "MLmodel").write_text(json.dumps(mlmodel, indent=1))
        return self.register_folder(bundle, name)

    def register_folder(self, folder, name):
        return json.loads(self.sluice("register", folder, "--name", name, "--json"))["version"]

    def sluice(self, *args):
        done = self.run_sluice(*args, env=registry_of(self.server))
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout
