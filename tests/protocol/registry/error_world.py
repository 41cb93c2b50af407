"""The server that the cases of error_cases.py are asked of, and the things on it that they aim at."""
import json

import requests

API = "/api/2.0/mlflow/"
DATASETS = "/api/3.0/mlflow/datasets"
SCORERS = "/api/3.0/mlflow/scorers"
METRIC = {"key": "m", "value": 1.0, "timestamp": 1, "step": 0}


class World:
    """Things to aim at; `values` has what the $tokens of the cases stand for on this server."""

    def __init__(self, url):
        self.url, self.session, self.values = url, requests.Session(), {}
        self.count = 0
        self._experiments()
        self._runs()
        self._models()
        self._evaluation()

    def ok(self, method, path, body):
        answer = self.session.request(method, self.url + (path if path.startswith("/") else API + path), json=body, timeout=60)
        assert answer.status_code == 200, (path, body, answer.text)
        return answer.json()

    def _experiments(self):
        for number, name in enumerate(("main", "gone", "spare"), 1):
            assert self.ok("POST", "experiments/create", {"name": name})["experiment_id"] == str(number)
        self.ok("POST", "experiments/delete", {"experiment_id": "2"})

    def _runs(self):
        for token in ("run", "other_run", "spare_run", "gone_run"):
            self.values["$" + token] = self._run(token)
        run = self.values["$run"]
        self.ok("POST", "runs/log-batch", {"run_id": run, "metrics": [METRIC], "params": [{"key": "p", "value": "1"}]})
        self.ok("POST", "runs/delete", {"run_id": self.values["$gone_run"]})

    def _models(self):
        for token in ("model", "gone_model"):
            self.values["$" + token] = self._model(token)
        self.ok("DELETE", "logged-models/" + self.values["$gone_model"], None)
        for name in ("known", "gone", "versions"):
            self.ok("POST", "registered-models/create", {"name": name})
        for name in ("known", "known", "known"):
            model = self.values["$model"]
            self.ok("POST", "model-versions/create", {"name": name, "source": "models:/" + model, "model_id": model})
        for alias in ("champion", "spare"):
            self.ok("POST", "registered-models/alias", {"name": "known", "alias": alias, "version": "1"})
        self.ok("DELETE", "model-versions/delete", {"name": "known", "version": "3"})
        self.ok("DELETE", "registered-models/delete", {"name": "gone"})

        self.session.put(self.url + "/api/2.0/mlflow-artifacts/artifacts/1/models/%s/artifacts/sub/file" % self.values["$model"],
                         b"bytes", timeout=60).raise_for_status()

    def _evaluation(self):
        for token in ("dataset", "gone_dataset"):
            self.values["$" + token] = self._dataset(token)
        self.ok("DELETE", DATASETS + "/" + self.values["$gone_dataset"], None)
        records = DATASETS + "/%s/records" % self.values["$dataset"]
        self.ok("POST", records, {"records": json.dumps([{"inputs": {"q": "kept"}}, {"inputs": {"q": "one"}}])})
        found = json.loads(self.ok("GET", records, None)["records"])
        self.values["$record"] = next(record["dataset_record_id"] for record in found if record["inputs"]["q"] == "one")
        for name in ("judge", "judge"):
            self._scorer(name)

    def refresh(self, case):
        """Makes what the case is about to change: $fresh things are of one case only, $new_name is the name of nothing."""
        text = json.dumps([case.get(part) for part in ("path", "query", "json", "text")])
        self.count += 1
        self.values["$new_name"] = "new-%d" % self.count
        if "$fresh_name" in text:
            name = self.values["$fresh_name"] = "fresh-%d" % self.count
            self.ok("POST", "registered-models/create", {"name": name})
            model = self.values["$model"]
            self.ok("POST", "model-versions/create", {"name": name, "source": "models:/" + model, "model_id": model})
        if "$fresh_experiment" in text:
            made = self.ok("POST", "experiments/create", {"name": "fresh-%d" % self.count})
            self.values["$fresh_experiment"] = made["experiment_id"]
        if "$fresh_run" in text:
            self.values["$fresh_run"] = self._run("fresh")
        if "$fresh_model" in text:
            self.values["$fresh_model"] = self._model("fresh")
        if "$fresh_dataset" in text:
            self.values["$fresh_dataset"] = self._dataset("fresh")
        if "$fresh_scorer" in text:
            self.values["$fresh_scorer"] = self._scorer("fresh-%d" % self.count)

    def _run(self, name):
        made = self.ok("POST", "runs/create", {"experiment_id": "1", "run_name": name, "start_time": 1})
        return made["run"]["info"]["run_id"]

    def _model(self, name):
        return self.ok("POST", "logged-models", {"experiment_id": "1", "name": name})["model"]["info"]["model_id"]

    def _dataset(self, name):
        return self.ok("POST", DATASETS + "/create", {"name": name, "experiment_ids": ["1"]})["dataset"]["dataset_id"]

    def _scorer(self, name):
        return self.ok("POST", SCORERS + "/register", {"experiment_id": "1", "name": name, "serialized_scorer": "{}"})["name"]

    def ours(self, value):
        if isinstance(value, dict):
            return {key: self.ours(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.ours(item) for item in value]
        if isinstance(value, str) and "$" in value:
            for token in sorted(self.values, key=len, reverse=True):
                value = value.replace(token, self.values[token])
        return value

    def send(self, case):
        self.refresh(case)
        headers, data = {}, None
        if "json" in case or "text" in case:
            headers["Content-Type"] = case.get("content_type", "application/json")
            data = json.dumps(self.ours(case["json"])).encode() if "json" in case else self.ours(case["text"]).encode("latin-1")
        return self.session.request(case["method"], self.url + self.ours(case["path"]), params=self.ours(case.get("query", [])),
                                    data=data, headers=headers, timeout=120)

    def ask(self, case):
        """-> {"status", "error_code", "message"} with our ids as tokens again"""
        answer = self.send(case)
        found = {"status": answer.status_code}
        try:
            said = answer.json()
        except ValueError:
            return found
        if answer.status_code == 200:
            return {**found, "errors": len(said["errors"] or ())} if isinstance(said, dict) and "errors" in said else found
        if not isinstance(said, dict) or "error_code" not in said:
            return found
        text = said.get("message", "")
        for token, value in self.values.items():
            text = text.replace(value, token) if len(value) > 20 else text
        return {**found, "error_code": said["error_code"], "message": text}
