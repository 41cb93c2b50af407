"""A Unity Catalog that remembers: the calls of MLflow's default dialect (/api/2.0/mlflow/unity-catalog/…), the Files API and
signed URLs, answering as the recordings of the real client do (docs/protocol/DATABRICKS.md 4). It is no proof of what
Databricks answers, but it refuses what the recorded clients never send."""
import contextlib
import http.server
import json
import re
import threading
import urllib.parse

REGISTRY = "/api/2.0/mlflow/unity-catalog/"
TOKEN = "dapi-unity-canary"


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def missing(message):
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", message)


def invalid(message):
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


class FakeUnity:
    """`files_api`: what the flag says. `storage`: of the credentials. `has_signed_reads`: create-download-url works.
    `is_flaky`: each file's first reading is cut in the middle, and its first writing gets a 503.
    `polls`: how often a finalized version is still pending. `failure`: why its registration fails."""

    def __init__(self, files_api=True, storage="DEFAULT_STORAGE", has_signed_reads=True, polls=0, failure=None,
                 is_flaky=False):
        self.files_api, self.storage, self.has_signed_reads = files_api, storage, has_signed_reads
        self.polls, self.failure = polls, failure
        self.is_flaky, self.seen = is_flaky, set()
        self.models, self.files, self.requests = {}, {}, []
        self.tokens, self.tokens_given = {TOKEN}, 0
        self.lock = threading.Lock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                fake.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def asked(self, method, path):
        return [r for r in self.requests if r["method"] == method and re.search(path, r["path"])]

    # ---- one request ----

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = {"method": handler.command, "path": urllib.parse.unquote(url.path), "body": body,
                   "query": dict(urllib.parse.parse_qsl(url.query)), "headers": dict(handler.headers)}
        with self.lock:
            self.requests.append(request)
            try:
                status, answer = self.route(request)
            except Refused as refused:
                status, answer = refused.status, {"error_code": refused.code, "message": refused.message}
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode() if answer is not None else b""
        handler.send_response(status)
        handler.send_header("Content-Type", "application/octet-stream" if isinstance(answer, bytes) else "application/json")
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            if status == 200 and request["method"] == "GET" and self.is_first(request):
                handler.wfile.write(raw[:len(raw) // 2])
                handler.close_connection = True
            else:
                handler.wfile.write(raw)

    def is_first(self, request):
        """Of a flaky server: this file was not asked for before."""
        key = (request["method"], request["path"])
        is_new = self.is_flaky and key not in self.seen and re.match("/blob/|/api/2.0/fs/files/", request["path"])
        self.seen.add(key)
        return is_new

    def route(self, request):
        path, method = request["path"], request["method"]
        if method == "PUT" and self.is_first(request):
            raise Refused(503, "TEMPORARILY_UNAVAILABLE", "later")
        if path == "/oidc/v1/token":
            return self.token(request)
        if path.startswith("/blob/"):
            return self.blob(request)
        authorization = request["headers"].get("Authorization", "")
        if authorization.removeprefix("Bearer ") not in self.tokens:
            raise Refused(403, "PERMISSION_DENIED", "Invalid access token: " + authorization)
        if path.startswith("/api/2.0/fs/"):
            return self.fs(request, path.removeprefix("/api/2.0/fs/"))
        if not path.startswith(REGISTRY):
            raise Refused(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'" % (method, path))
        name = "%s_%s" % (method.lower(), re.sub(r"\W", "_", path.removeprefix(REGISTRY)))
        if not hasattr(self, name):
            raise Refused(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'" % (method, path))
        return 200, getattr(self, name)(self.args(request))

    def args(self, request):
        """As the service: a GET has a query, everything else a body, DELETE too."""
        return request["query"] if request["method"] == "GET" else json.loads(request["body"] or b"{}")

    def token(self, request):
        if request["headers"].get("Authorization") != "Basic Y2lkOnNlYw==":  # cid:sec
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        assert request["body"] == b"grant_type=client_credentials&scope=all-apis"
        self.tokens_given += 1
        self.tokens = {"oauth-token-%d" % self.tokens_given}
        return 200, {"access_token": "oauth-token-%d" % self.tokens_given, "token_type": "Bearer", "expires_in": 3600}

    # ---- files ----

    def blob(self, request):
        """Signed URLs: whoever sends a login there gives it away."""
        assert "Authorization" not in request["headers"], request
        if request["query"].get("sig") != "canary-sig" or request["headers"].get("x-h") != "1":
            return 403, {"error_code": "PERMISSION_DENIED", "message": "not signed"}
        path = request["path"].removeprefix("/blob")
        if request["method"] == "PUT":
            self.files[path] = request["body"]
            return 200, {}
        if path not in self.files:
            raise missing("no such file")
        return 200, self.files[path]

    def signed(self, path):
        return {"url": "%s/blob%s?sig=canary-sig" % (self.url, path), "headers": [{"name": "x-h", "value": "1"}]}

    def fs(self, request, path):
        method = request["method"]
        if method == "POST" and path == "create-upload-url":
            return 200, self.signed(json.loads(request["body"])["path"])
        if method == "POST" and path == "create-download-url":
            if not self.has_signed_reads:
                raise Refused(500, "INTERNAL_ERROR", "not here")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", request["query"]["expire_time"])
            return 200, self.signed(request["query"]["path"])
        kind, _, rest = path.partition("/")
        if kind == "files" and method == "PUT":
            assert request["query"] == {"overwrite": "true"}, request["query"]
            self.files["/" + rest] = request["body"]
            return 204, None
        if kind == "files" and method == "GET":
            if "/" + rest not in self.files:
                raise missing("The file /%s does not exist" % rest)
            return 200, self.files["/" + rest]
        if kind == "directories" and method == "GET":
            return 200, self.directory("/" + rest, request["query"].get("page_token"))
        raise Refused(404, "ENDPOINT_NOT_FOUND", "no " + path)

    def directory(self, folder, page):
        entries = {}
        for path, content in self.files.items():
            if not path.startswith(folder + "/"):
                continue
            name, _, below = path.removeprefix(folder + "/").partition("/")
            entries[name] = {"path": folder + "/" + name, "name": name, "is_directory": below != "", "file_size": len(content)}
        if not entries:
            raise missing("The directory %s does not exist" % folder)
        names, start = sorted(entries), int(page or 0)
        answer = {"contents": [entries[n] for n in names[start:start + 2]]}
        if start + 2 < len(names):
            answer["next_page_token"] = str(start + 2)
        return answer

    # ---- models ----

    def model(self, args):
        if args.get("name") not in self.models:
            raise missing("Registered Model '%s' does not exist" % args.get("name"))
        return self.models[args["name"]]

    def version(self, args):
        versions = self.model(args)["versions"]
        if args.get("version") not in versions:
            raise missing("Model Version '%s' '%s' does not exist" % (args["name"], args.get("version")))
        return versions[args["version"]]

    def view(self, model):
        aliases = [{"alias": a, "version": v} for a, v in sorted(model["aliases"].items())]
        return {k: v for k, v in {**model, "versions": None, "aliases": aliases}.items() if v}

    def version_view(self, version):
        aliases = self.models[version["name"]]["aliases"].items()
        return {**version, "aliases": [{"alias": a, "version": v} for a, v in aliases if v == version["version"]]}

    def post_registered_models_create(self, args):
        if args["name"] in self.models:
            raise Refused(409, "RESOURCE_ALREADY_EXISTS", "Registered Model '%s' already exists" % args["name"])
        if args["name"].count(".") != 2:
            raise invalid("bad name")
        self.models[args["name"]] = {**args, "versions": {}, "aliases": {}, "next": 1}
        return {"registered_model": self.view(self.models[args["name"]])}

    def get_registered_models_get(self, args):
        return {"registered_model": self.view(self.model(args))}

    def get_registered_models_search(self, args):
        assert "filter" not in args and "order_by" not in args
        return {"registered_models": [self.view(m) for m in self.models.values()]}

    def delete_registered_models_delete(self, args):
        self.model(args)
        del self.models[args["name"]]
        return {}

    def post_registered_models_set_tag(self, args):
        self.model(args).setdefault("tags", []).append({"key": args["key"], "value": args["value"]})
        return {}

    def post_registered_models_alias(self, args):
        self.version(args)
        self.model(args)["aliases"][args["alias"]] = args["version"]
        return {}

    def get_registered_models_alias(self, args):
        aliases = self.model(args)["aliases"]
        if args["alias"] not in aliases:
            raise missing("Alias '%s' does not exist" % args["alias"])
        return {"model_version": self.version_view(self.version({**args, "version": aliases[args["alias"]]}))}

    def delete_registered_models_alias(self, args):
        self.model(args)["aliases"].pop(args["alias"], None)
        return {}

    def get_registered_models_is_databricks_sdk_models_artifact_repository_enabled(self, _):
        return {"is_databricks_sdk_models_artifact_repository_enabled": self.files_api}

    def post_model_versions_create(self, args):
        model = self.model(args)
        assert args["feature_deps"] == "" and args["source"]
        number = str(model["next"])
        model["next"] += 1
        model["versions"][number] = {**args, "version": number, "status": "PENDING_REGISTRATION", "polls": self.polls,
                                     "storage_location": "s3://b/m/" + number}
        return {"model_version": self.version_view(model["versions"][number])}

    def post_model_versions_generate_temporary_credentials(self, args):
        self.version(args)
        assert args["operation"] in ("MODEL_VERSION_OPERATION_READ_WRITE", "MODEL_VERSION_OPERATION_READ")
        if self.storage == "DEFAULT_STORAGE":
            return {"credentials": {"storage_mode": "DEFAULT_STORAGE", "expiration_time": 9999999999999}}
        return {"credentials": {self.storage: {"secret_access_key": "aws-canary-key"}, "expiration_time": 9999999999999}}

    def post_model_versions_finalize(self, args):
        version = self.version(args)
        if version["polls"] == 0:
            version["status"] = "FAILED_REGISTRATION" if self.failure else "READY"
            version["status_message"] = self.failure or ""
        return {"model_version": self.version_view(version)}

    def get_model_versions_get(self, args):
        version = self.version(args)
        version["polls"] -= 1
        if version["polls"] <= 0 and version["status"] == "PENDING_REGISTRATION":
            version["status"] = "FAILED_REGISTRATION" if self.failure else "READY"
            version["status_message"] = self.failure or ""
        return {"model_version": self.version_view(version)}

    def get_model_versions_search(self, args):
        found = re.fullmatch("name='(.*)'", args["filter"])
        assert found and args["max_results"] == "10000" and "order_by" not in args
        model = self.models.get(found[1])
        return {"model_versions": [self.version_view(v) for v in model["versions"].values()] if model else []}

    def patch_model_versions_update(self, args):
        self.version(args)["description"] = args["description"]
        return {"model_version": self.version_view(self.version(args))}

    def delete_model_versions_delete(self, args):
        self.version(args)
        del self.model(args)["versions"][args["version"]]
        return {}

    def post_model_versions_set_tag(self, args):
        self.version(args).setdefault("tags", []).append({"key": args["key"], "value": args["value"]})
        return {}

    def delete_model_versions_delete_tag(self, args):
        version = self.version(args)
        version["tags"] = [t for t in version.get("tags", []) if t["key"] != args["key"]]
        return {}
