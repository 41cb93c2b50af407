"""The registry beside a plain model of it (registry_model.py): random calls, kills and restarts in between, the same
answers and the same state all the time.

    SLUICE_MACHINE_LONG=1     2,000 runs of 50 steps each (some minutes)
    SLUICE_MACHINE_REAL=1     against the real MLflow server (no kills): checks the model, not the registry
"""
import os
import tempfile

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from conftest import BUILD
from registry_model import STAGES, Models, Tracking
from servers import Registry, real_mlflow

IS_LONG = os.environ.get("SLUICE_MACHINE_LONG") == "1"
IS_REAL = os.environ.get("SLUICE_MACHINE_REAL") == "1"
RUNS = 2000 if IS_LONG else 25 if IS_REAL else 300
STEPS = 50 if IS_LONG else 40

NAMES = st.sampled_from(["a", "b", "ä/ö c"])
# Few of each, and one more often than others: what belongs together must meet.
MODEL_NAMES = st.sampled_from(["a", "a", "a", "b", "ä ö c"])
VERSIONS = st.sampled_from([1, 1, 2, 2, 3, 4])
KEYS = st.sampled_from(["k", "key 2"])
TEXTS = st.sampled_from(["", "x", "it's \"Ω\"\n", "1"])
ALIASES = st.sampled_from(["prod", "Prod", "next"])
STATUSES = st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED"])
NUMBERS = st.sampled_from([0.0, -1.5, 1e300, 3.0])


@pytest.fixture(scope="module")
def registry():
    with tempfile.TemporaryDirectory(prefix="registry-machine-") as folder:
        made = Registry.mlflow(folder, real_mlflow()) if IS_REAL else Registry.sluiced(BUILD / "sluiced", folder)
        with made:
            yield made


def pairs(rows):
    return {row["key"]: row.get("value", "") for row in rows or []}


def make_machine(registry):
    counter = iter(range(10 ** 9))

    class Machine(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            # All runs share a server, so that a state grows; each has names of its own in it.
            self.prefix = "x%d-" % next(counter)
            self.models, self.tracking = Models(), Tracking()
            self.ids = iter(range(10 ** 9))
            # One model with versions: else most calls would only be refused.
            self.create_model("a", "")
            for _ in range(3):
                self.create_version("a", "")

        # ---- helpers ----

        def check(self, expected, method, path, body):
            status, said = registry.call(method, path, body)
            want_status, code, message = expected
            assert status == want_status, (method, path, body, status, said, expected)
            if code is not None:
                assert (said["error_code"], said["message"][:len(message)]) == (code, message), (path, body, said)
            return said

        def named(self, name):
            return self.prefix + name

        def some(self, data, known):
            # In the order in which they were made: ids are the server's and never the same, and Hypothesis repeats itself.
            return data.draw(st.sampled_from(list(known)))

        # ---- models ----

        @rule(name=MODEL_NAMES, description=TEXTS)
        def create_model(self, name, description):
            name = self.named(name)
            self.check(self.models.create(name, description), "POST", "registered-models/create",
                       {"name": name, "description": description})

        @rule(name=MODEL_NAMES, description=TEXTS)
        def describe_model(self, name, description):
            name = self.named(name)
            self.check(self.models.describe(name, description), "PATCH", "registered-models/update",
                       {"name": name, "description": description})

        @rule(name=MODEL_NAMES, new_name=MODEL_NAMES)
        def rename_model(self, name, new_name):
            name, new_name = self.named(name), self.named(new_name)
            self.check(self.models.rename(name, new_name), "POST", "registered-models/rename",
                       {"name": name, "new_name": new_name})

        @rule(name=MODEL_NAMES)
        def delete_model(self, name):
            name = self.named(name)
            self.check(self.models.delete(name), "DELETE", "registered-models/delete", {"name": name})

        @rule(name=MODEL_NAMES, key=KEYS, value=TEXTS)
        def tag_model(self, name, key, value):
            name = self.named(name)
            self.check(self.models.set_tag(name, key, value), "POST", "registered-models/set-tag",
                       {"name": name, "key": key, "value": value})

        @rule(name=MODEL_NAMES, key=KEYS)
        def untag_model(self, name, key):
            name = self.named(name)
            self.check(self.models.delete_tag(name, key), "DELETE", "registered-models/delete-tag",
                       {"name": name, "key": key})

        # ---- versions ----

        @rule(name=MODEL_NAMES, description=TEXTS)
        def create_version(self, name, description):
            name, source = self.named(name), "s3://bucket/%d" % next(self.ids)
            said = self.check(self.models.create_version(name, source, description), "POST", "model-versions/create",
                              {"name": name, "source": source, "description": description})
            if name in self.models.by_name:
                assert said["model_version"]["version"] == str(self.models.by_name[name].last)

        @rule(name=MODEL_NAMES, version=VERSIONS, description=TEXTS)
        def describe_version(self, name, version, description):
            name = self.named(name)
            self.check(self.models.describe_version(name, version, description), "PATCH", "model-versions/update",
                       {"name": name, "version": str(version), "description": description})

        @rule(name=MODEL_NAMES, version=VERSIONS)
        def delete_version(self, name, version):
            name = self.named(name)
            self.check(self.models.delete_version(name, version), "DELETE", "model-versions/delete",
                       {"name": name, "version": str(version)})

        @rule(name=MODEL_NAMES, version=VERSIONS, key=KEYS, value=TEXTS)
        def tag_version(self, name, version, key, value):
            name = self.named(name)
            self.check(self.models.set_version_tag(name, version, key, value), "POST", "model-versions/set-tag",
                       {"name": name, "version": str(version), "key": key, "value": value})

        @rule(name=MODEL_NAMES, version=VERSIONS, key=KEYS)
        def untag_version(self, name, version, key):
            name = self.named(name)
            self.check(self.models.delete_version_tag(name, version, key), "DELETE", "model-versions/delete-tag",
                       {"name": name, "version": str(version), "key": key})

        @rule(name=MODEL_NAMES, version=VERSIONS, stage=st.sampled_from(STAGES), is_archiving=st.booleans())
        def move_stage(self, name, version, stage, is_archiving):
            name = self.named(name)
            is_archiving = is_archiving and stage in ("Staging", "Production")
            self.check(self.models.move_stage(name, version, stage, is_archiving), "POST",
                       "model-versions/transition-stage",
                       {"name": name, "version": str(version), "stage": stage,
                        "archive_existing_versions": is_archiving})

        @rule(name=MODEL_NAMES, alias=ALIASES, version=VERSIONS)
        def set_alias(self, name, alias, version):
            name = self.named(name)
            self.check(self.models.set_alias(name, alias, version), "POST", "registered-models/alias",
                       {"name": name, "alias": alias, "version": str(version)})

        @rule(name=MODEL_NAMES, alias=ALIASES)
        def delete_alias(self, name, alias):
            name = self.named(name)
            self.check(self.models.delete_alias(name, alias), "DELETE", "registered-models/alias",
                       {"name": name, "alias": alias})

        @rule(name=MODEL_NAMES, alias=ALIASES)
        def ask_alias(self, name, alias):
            name = self.named(name)
            status, said = registry.call("GET", "registered-models/alias", {"name": name, "alias": alias})
            model = self.models.by_name.get(name)
            if model is None or alias not in model.aliases:
                message = "Registered model alias %s not found." % alias
                wanted = self.models.no_model(name) if model is None else (400, "INVALID_PARAMETER_VALUE", message)
                assert (status, said["error_code"], said["message"]) == wanted
            else:
                assert status == 200 and said["model_version"]["version"] == str(model.aliases[alias])

        # ---- experiments, runs, logged models ----

        @rule(name=NAMES)
        def create_experiment(self, name):
            name = self.named(name)
            status, said = registry.call("POST", "experiments/create", {"name": name})
            wanted = self.tracking.create_experiment(name, said.get("experiment_id"))
            assert status == wanted[0] and said.get("error_code") == wanted[1], (name, status, said)

        @precondition(lambda self: self.tracking.experiments)
        @rule(data=st.data())
        def delete_experiment(self, data):
            experiment = self.some(data, self.tracking.experiments)
            self.check(self.tracking.delete_experiment(experiment), "POST", "experiments/delete",
                       {"experiment_id": experiment})

        @precondition(lambda self: self.tracking.experiments)
        @rule(data=st.data())
        def restore_experiment(self, data):
            experiment = self.some(data, self.tracking.experiments)
            self.check(self.tracking.restore_experiment(experiment), "POST", "experiments/restore",
                       {"experiment_id": experiment})

        @precondition(lambda self: self.tracking.experiments)
        @rule(data=st.data(), key=KEYS, value=TEXTS)
        def tag_experiment(self, data, key, value):
            experiment = self.some(data, self.tracking.experiments)
            self.check(self.tracking.set_experiment_tag(experiment, key, value), "POST",
                       "experiments/set-experiment-tag", {"experiment_id": experiment, "key": key, "value": value})

        @precondition(lambda self: self.tracking.experiments)
        @rule(data=st.data())
        def create_run(self, data):
            experiment = self.some(data, self.tracking.experiments)
            status, said = registry.call("POST", "runs/create", {"experiment_id": experiment, "run_name": "r"})
            run_id = said["run"]["info"]["run_id"] if status == 200 else None
            wanted = self.tracking.create_run(experiment, run_id)
            assert (status, said.get("error_code"), said.get("message")) == wanted, said

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), is_active=st.booleans())
        def delete_or_restore_run(self, data, is_active):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.set_run_active(run, is_active), "POST",
                       "runs/restore" if is_active else "runs/delete", {"run_id": run})

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), status=STATUSES)
        def update_run(self, data, status):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.set_status(run, status), "POST", "runs/update", {"run_id": run, "status": status})

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), key=KEYS, value=TEXTS)
        def log_param(self, data, key, value):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.log_param(run, key, value), "POST", "runs/log-parameter",
                       {"run_id": run, "key": key, "value": value})

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), key=KEYS, step=st.integers(-2, 3), time=st.integers(1, 3), value=NUMBERS)
        def log_metric(self, data, key, step, time, value):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.log_metric(run, key, step, time, value), "POST", "runs/log-metric",
                       {"run_id": run, "key": key, "step": step, "timestamp": time, "value": value})

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), key=KEYS, value=TEXTS)
        def tag_run(self, data, key, value):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.set_run_tag(run, key, value), "POST", "runs/set-tag",
                       {"run_id": run, "key": key, "value": value})

        @precondition(lambda self: self.tracking.runs)
        @rule(data=st.data(), key=KEYS)
        def untag_run(self, data, key):
            run = self.some(data, self.tracking.runs)
            self.check(self.tracking.delete_run_tag(run, key), "POST", "runs/delete-tag", {"run_id": run, "key": key})

        @precondition(lambda self: self.tracking.experiments)
        @rule(data=st.data())
        def create_logged(self, data):
            experiment = self.some(data, self.tracking.experiments)
            if not self.tracking.is_experiment_active(experiment):
                return
            said = registry.ok("POST", "logged-models", {"experiment_id": experiment, "name": "m"})
            self.tracking.create_logged(experiment, "m", said["model"]["info"]["model_id"])

        @precondition(lambda self: self.tracking.logged)
        @rule(data=st.data(), status=st.sampled_from(["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]))
        def finish_logged(self, data, status):
            model = self.some(data, self.tracking.logged)
            self.check(self.tracking.finish_logged(model, status), "PATCH", "logged-models/" + model,
                       {"model_id": model, "status": status})

        @precondition(lambda self: self.tracking.logged)
        @rule(data=st.data(), key=KEYS, value=TEXTS)
        def tag_logged(self, data, key, value):
            model = self.some(data, self.tracking.logged)
            self.check(self.tracking.tag_logged(model, key, value), "PATCH", "logged-models/%s/tags" % model,
                       {"model_id": model, "tags": [{"key": key, "value": value}]})

        @precondition(lambda self: self.tracking.logged)
        @rule(data=st.data())
        def untag_logged(self, data):
            model = self.some(data, self.tracking.logged)
            self.check(self.tracking.untag_logged(model, "k"), "DELETE", "logged-models/%s/tags/k" % model,
                       {"model_id": model, "tag_key": "k"})

        @precondition(lambda self: self.tracking.logged)
        @rule(data=st.data())
        def delete_logged(self, data):
            model = self.some(data, self.tracking.logged)
            self.check(self.tracking.delete_logged(model), "DELETE", "logged-models/" + model, {"model_id": model})
            self.check((404, "RESOURCE_DOES_NOT_EXIST", ""), "GET", "logged-models/" + model, {})

        # ---- the whole state ----

        @precondition(lambda self: not IS_REAL)
        @rule()
        def crash(self):
            registry.kill()
            registry.start()
            self.compare()

        @rule()
        def compare(self):
            self.compare_models()
            self.compare_tracking()

        def teardown(self):
            if hasattr(self, "models"):
                self.compare()

        def compare_models(self):
            like = "name LIKE '%s%%'" % self.prefix
            shown = self.pages("registered-models/search", "registered_models", {"filter": like, "max_results": 2})
            assert [row["name"] for row in shown] == sorted(self.models.by_name), "names"
            for row in shown:
                assert seen_model(row) == self.models.view_model(row["name"])
                said = registry.ok("GET", "registered-models/get", {"name": row["name"]})
                assert seen_model(said["registered_model"]) == self.models.view_model(row["name"])
            found = registry.ok("GET", "model-versions/search", {"filter": like}).get("model_versions", [])
            keys = [(row["name"], int(row["version"])) for row in found]
            assert sorted(keys) == sorted((name, version) for name, model in self.models.by_name.items()
                                          for version in model.versions)
            for name, version in keys:
                said = registry.ok("GET", "model-versions/get", {"name": name, "version": version})["model_version"]
                assert seen_version(said) == self.models.view_version(name, version)

        def pages(self, path, member, body):
            rows, token = [], None
            while True:
                said = registry.ok("GET", path, {**body, **({"page_token": token} if token else {})})
                rows += said.get(member, [])
                token = said.get("next_page_token")
                if not token:
                    return rows

        def compare_tracking(self):
            for experiment, wanted in self.tracking.experiments.items():
                said = registry.ok("GET", "experiments/get", {"experiment_id": experiment})["experiment"]
                assert (said["name"], said["lifecycle_stage"] == "active", pairs(said.get("tags"))) == \
                    (wanted["name"], wanted["is_active"], wanted["tags"])
                self.compare_runs(experiment)
            for model, wanted in self.tracking.logged.items():
                said = registry.ok("GET", "logged-models/" + model)["model"]["info"]
                assert (said["name"], said["status"], pairs(said.get("tags"))) == \
                    (wanted["name"], wanted["status"], wanted["tags"])

        def compare_runs(self, experiment):
            body = {"experiment_ids": [experiment], "run_view_type": "ALL"}
            found = registry.ok("POST", "runs/search", body).get("runs", [])
            assert {row["info"]["run_id"] for row in found} == \
                {run_id for run_id, run in self.tracking.runs.items() if run.experiment == experiment}
            for row in found:
                run_id = row["info"]["run_id"]
                alone = registry.ok("GET", "runs/get", {"run_id": run_id})["run"]
                assert seen_run(row) == seen_run(alone) == self.tracking.view_run(run_id)
                for key, rows in self.tracking.runs[run_id].metrics.items():
                    history = registry.ok("GET", "metrics/get-history", {"run_id": run_id, "metric_key": key})
                    assert sorted(metric_row(row) for row in history["metrics"]) == sorted(rows)

    return Machine


def seen_model(row):
    return {"name": row["name"], "description": row.get("description", ""), "tags": pairs(row.get("tags")),
            "latest": {v["current_stage"]: v["version"] for v in row.get("latest_versions", [])},
            "aliases": {a["alias"]: a["version"] for a in row.get("aliases", [])}}


def seen_version(row):
    return {"name": row["name"], "version": row["version"], "source": row["source"], "stage": row["current_stage"],
            "description": row.get("description", ""), "tags": pairs(row.get("tags")),
            "aliases": sorted(row.get("aliases", []))}


def metric_row(row):
    return int(row.get("step", 0)), int(row["timestamp"]), float(row["value"])


def seen_run(row):
    data, info = row.get("data", {}), row["info"]
    tags = pairs(data.get("tags"))
    assert tags.pop("mlflow.runName") == info["run_name"]
    return {"status": info["status"], "is_active": info["lifecycle_stage"] == "active", "tags": tags,
            "params": pairs(data.get("params")), "metrics": {m["key"]: metric_row(m) for m in data.get("metrics", [])}}


@pytest.mark.timeout(0 if IS_LONG else 600)
def test_the_registry_and_the_model_agree(registry):
    hypothesis.stateful.run_state_machine_as_test(make_machine(registry), settings=hypothesis.settings(
        max_examples=RUNS, stateful_step_count=STEPS, deadline=None, print_blob=True,
        suppress_health_check=list(hypothesis.HealthCheck)))
