"""A Databricks workspace's tracking calls beside its Unity Catalog: experiments, runs, logged models, and artifacts that are
listed by the workspace and moved by URLs that it signs, as MLflow's client asks for them
(mlflow/store/artifact/databricks_artifact_repo*.py, 3.17.2)."""
import re

from fake_unity import FakeUnity, Refused, missing

TRACKING = "/api/2.0/mlflow/"
ROOT = "/databricks/mlflow-tracking/"


class FakeWorkspace(FakeUnity):
    """`artifact_type`: what the signed URLs are of."""

    def __init__(self, artifact_type="AWS_PRESIGNED_URL", **options):
        self.artifact_type = artifact_type
        self.experiments, self.runs, self.logged = {}, {}, {}
        super().__init__(**options)

    def route(self, request):
        path, method = request["path"], request["method"]
        tracked = re.match(r"/api/2\.0/mlflow/(experiments|runs|logged-models|artifacts)(/|$)", path)
        if not tracked or request["headers"].get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return super().route(request)
        args = self.args(request)
        found = re.fullmatch(r"logged-models/(m-\w+)(.*)", path.removeprefix(TRACKING))
        if found:
            return 200, self.logged_model(method, found[1], found[2], args)
        name = "%s_%s" % (method.lower(), re.sub(r"\W", "_", path.removeprefix(TRACKING)))
        if not hasattr(self, name):
            raise Refused(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'" % (method, path))
        return 200, getattr(self, name)(args)

    def blob(self, request):
        if request["method"] == "PUT" and request["path"].startswith("/blob" + ROOT) and self.artifact_type == "AZURE_SAS_URI":
            if request["headers"].get("x-ms-blob-type") != "BlockBlob":
                return 400, {"message": "An HTTP header that's mandatory for this request is not specified."}
        return super().blob(request)

    # ---- experiments and runs ----

    def get_experiments_get_by_name(self, args):
        for experiment in self.experiments.values():
            if experiment["name"] == args["experiment_name"]:
                return {"experiment": experiment}
        raise missing("Node %s does not exist" % args["experiment_name"])

    def post_experiments_create(self, args):
        number = str(100 + len(self.experiments))
        self.experiments[number] = {"experiment_id": number, "name": args["name"], "lifecycle_stage": "active",
                                    "artifact_location": "dbfs:" + ROOT + number}
        return {"experiment_id": number}

    def post_runs_create(self, args):
        run_id = "%032x" % (len(self.runs) + 1)
        uri = "dbfs:%s%s/%s/artifacts" % (ROOT, args["experiment_id"], run_id)
        self.runs[run_id] = {"info": {"run_id": run_id, "experiment_id": args["experiment_id"], "status": "RUNNING",
                                      "artifact_uri": uri}, "data": {"params": []}}
        return {"run": self.runs[run_id]}

    def get_runs_get(self, args):
        return {"run": self.runs[args["run_id"]]}

    def post_runs_log_batch(self, args):
        self.runs[args["run_id"]]["data"]["params"] += args.get("params", [])
        return {}

    def post_runs_outputs(self, args):
        self.runs[args["run_id"]]["outputs"] = args["models"]
        return {}

    def post_runs_update(self, args):
        self.runs[args["run_id"]]["info"]["status"] = args["status"]
        return {"run_info": self.runs[args["run_id"]]["info"]}

    # ---- logged models ----

    def post_logged_models(self, args):
        model_id = "m-%032x" % (len(self.logged) + 1)
        uri = "dbfs:%s%s/logged_models/%s/artifacts" % (ROOT, args["experiment_id"], model_id)
        self.logged[model_id] = {"info": {"model_id": model_id, "name": args["name"], "status": "LOGGED_MODEL_PENDING",
                                          "experiment_id": args["experiment_id"], "artifact_uri": uri,
                                          "source_run_id": args["source_run_id"], "tags": args.get("tags", [])},
                                 "data": {}}
        return {"model": self.logged[model_id]}

    def logged_model(self, method, model_id, rest, args):
        model = self.logged[model_id]
        root = model["info"]["artifact_uri"].removeprefix("dbfs:")
        if (method, rest) == ("PATCH", ""):
            model["info"]["status"] = args["status"]
        elif (method, rest) == ("GET", "/artifacts/directories"):
            return self.entries(root, args.get("artifact_directory_path", ""), args)
        elif method == "POST" and re.fullmatch("/artifacts/credentials-for-(up|down)load", rest):
            return {"credentials": [{"credential_info": self.credential(root, p)} for p in args["paths"]]}
        elif (method, rest) == ("POST", "/params"):
            return {}
        elif (method, rest) != ("GET", ""):
            raise Refused(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'" % (method, rest))
        return {"model": model}

    # ---- artifacts ----

    def credential(self, root, path):
        signed = self.signed("%s/%s" % (root, path))
        return {"path": path, "signed_uri": signed["url"], "type": self.artifact_type, "headers": signed["headers"]}

    def entries(self, root, folder, args):
        """Paths are within the run or model, not the folder; of a file, the file itself."""
        if root + "/" + folder in self.files:
            return {"files": [{"path": folder, "is_dir": False, "file_size": len(self.files[root + "/" + folder])}]}
        try:
            answer = self.directory(root + ("/" + folder if folder else ""), args.get("page_token"))
        except Refused:
            return {}
        files = [{"path": e["path"].removeprefix(root + "/"), "is_dir": e["is_directory"], "file_size": e["file_size"]}
                 for e in answer["contents"]]
        return {**answer, "contents": None, "files": files}

    def run_root(self, args):
        return self.runs[args["run_id"]]["info"]["artifact_uri"].removeprefix("dbfs:")

    def get_artifacts_list(self, args):
        return self.entries(self.run_root(args), args.get("path", ""), args)

    def post_artifacts_credentials_for_write(self, args):
        return {"credential_infos": [self.credential(self.run_root(args), p) for p in args["path"]]}

    post_artifacts_credentials_for_read = post_artifacts_credentials_for_write
