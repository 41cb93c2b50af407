"""Databricks Model Serving that remembers, beside the workspace's other calls: endpoints as docs/protocol/DATABRICKS.md 1.1 has
them. It is no proof of what Databricks answers, but it refuses what the documents refuse: a second update while one is in
progress, unknown fields, aliases as versions, config versions."""
import copy
import json
import re

from fake_unity import Refused, invalid, missing
from fake_workspace import FakeWorkspace

BASE = "/api/2.0/serving-endpoints"
ENTITY = {"name", "entity_name", "entity_version", "workload_size", "workload_type", "scale_to_zero_enabled", "environment_vars",
          "min_provisioned_concurrency", "max_provisioned_concurrency", "external_model", "instance_profile_arn"}


class FakeServing(FakeWorkspace):
    """`polls`: how often a deployment is still in progress. `bad`: versions whose deployment fails, and why.
    `answers`: what queries get, status and JSON, one after the other; the last one again and again."""

    def __init__(self, polls=1, bad=None, **options):
        self.deploy_polls, self.bad = polls, bad or {}
        self.endpoints, self.answers, self.now = {}, [(200, {"predictions": [{"answer": "yes", "score": 0.5}]})], 1000
        super().__init__(**options)

    def route(self, request):
        path, method = request["path"], request["method"]
        if not path.startswith((BASE, "/serving-endpoints/")):
            return super().route(request)
        if request["headers"].get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refused(403, "PERMISSION_DENIED", "Invalid access token.")
        body = json.loads(request["body"] or b"{}")
        if path.startswith("/serving-endpoints/"):
            return self.query(path, body)
        for pattern, handler in ROUTES:
            found = re.fullmatch(pattern, "%s %s" % (method, path.removeprefix(BASE).rstrip("/")))
            if found:
                self.now += 1
                return 200, handler(self, *found.groups(), body)
        raise Refused(404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'" % (method, path))

    def endpoint(self, name):
        if name not in self.endpoints:
            raise missing("Endpoint with name '%s' does not exist." % name)
        return self.endpoints[name]

    def query(self, path, body):
        found = re.fullmatch(r"/serving-endpoints/([^/]+)(?:/served-models/([^/]+))?/invocations", path)
        if found[1] not in self.endpoints:
            raise Refused(404, "ENDPOINT_NOT_FOUND", "The given endpoint does not exist, please retry after checking the "
                          "specified model and version deployment exists.")
        if self.endpoints[found[1]]["state"].get("suspend") == "STOPPED":
            raise Refused(400, "BAD_REQUEST", "The endpoint is stopped.")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    # ---- configs ----

    def taken(self, config):
        if not set(config) <= {"name", "served_entities", "traffic_config", "auto_capture_config"}:
            raise invalid("unknown fields in %s" % sorted(config))
        config = copy.deepcopy(config)
        for entity in config["served_entities"]:
            if not set(entity) <= ENTITY:
                raise invalid("unknown fields in %s" % sorted(entity))
            if "scale_to_zero_enabled" not in entity:
                raise invalid("scaleToZeroEnabled is undefined")
            if not entity["entity_version"].isdigit():
                raise invalid("'%s' is no version" % entity["entity_version"])
            self.version({"name": entity["entity_name"], "version": entity["entity_version"]})
            entity.update(creator="ada@example.com", creation_timestamp=self.now,
                          state={"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "Building the container."})
        names = [entity["name"] for entity in config["served_entities"]]
        routes = config["traffic_config"]["routes"]
        if sum(int(r["traffic_percentage"]) for r in routes) != 100 or {r["served_entity_name"] for r in routes} - set(names):
            raise invalid("traffic_config does not fit")
        return config

    def update(self, endpoint, config):
        if endpoint["state"]["config_update"] == "IN_PROGRESS":
            raise Refused(409, "RESOURCE_CONFLICT", "Endpoint %s update is currently in progress." % endpoint["name"])
        endpoint["pending_config"] = {**self.taken(config), "config_version": endpoint.get("config", {}).get("config_version", 0) + 1}
        endpoint["state"]["config_update"] = "IN_PROGRESS"
        endpoint["polls"], endpoint["last_updated_timestamp"] = self.deploy_polls, self.now
        self.event(endpoint, "UPDATE_STARTED", "Endpoint update started.")

    def event(self, endpoint, kind, message):
        endpoint["events"].insert(0, {"timestamp": self.now * 1000, "type": kind, "message": message})

    def progress(self, endpoint):
        """Each look brings it a step further."""
        if endpoint["state"]["config_update"] != "IN_PROGRESS":
            return
        endpoint["polls"] -= 1
        if endpoint["polls"] >= 0:
            return
        pending = endpoint["pending_config"]
        for entity in pending["served_entities"]:
            why = self.bad.get(entity["entity_version"])
            entity["state"] = {"deployment": "DEPLOYMENT_FAILED" if why else "DEPLOYMENT_READY", "deployment_state_message": why or ""}
        if any(entity["state"]["deployment"] == "DEPLOYMENT_FAILED" for entity in pending["served_entities"]):
            endpoint["state"]["config_update"] = "UPDATE_FAILED"
            self.event(endpoint, "UPDATE_FAILED", "Endpoint update failed.")
            return
        endpoint["config"] = endpoint.pop("pending_config")
        endpoint["state"].update(config_update="NOT_UPDATING", ready="READY")
        self.event(endpoint, "UPDATE_SUCCEEDED", "Endpoint update succeeded.")

    def detailed(self, endpoint):
        return {k: v for k, v in endpoint.items() if k not in ("events", "polls")}

    # ---- calls ----

    def create(self, body):
        if body["name"] in self.endpoints:
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", "Endpoint with name '%s' already exists." % body["name"])
        self.taken(body["config"])
        endpoint = {"name": body["name"], "id": "%032x" % len(self.endpoints), "creator": "ada@example.com", "events": [],
                    "creation_timestamp": self.now, "state": {"ready": "NOT_READY", "config_update": "NOT_UPDATING"}}
        self.endpoints[body["name"]] = endpoint
        self.update(endpoint, body["config"])
        return self.detailed(endpoint)

    def list_all(self, _):
        def short(config):
            return {"served_entities": [{k: e[k] for k in ("name", "entity_name", "entity_version")}
                                        for e in config["served_entities"]]}
        return {"endpoints": [{**{k: v for k, v in self.detailed(e).items() if k != "pending_config"},
                               **({"config": short(e["config"])} if "config" in e else {})} for e in self.endpoints.values()]}

    def get(self, name, _):
        self.progress(self.endpoint(name))
        return self.detailed(self.endpoint(name))

    def put_config(self, name, body):
        self.update(self.endpoint(name), body)
        return self.detailed(self.endpoint(name))

    def delete(self, name, _):
        self.endpoint(name)
        del self.endpoints[name]
        return {}

    def events(self, name, _):
        return {"events": self.endpoint(name)["events"]}

    def stop_it(self, name, _):
        self.endpoint(name)["state"]["suspend"] = "STOPPED"
        return self.detailed(self.endpoint(name))

    def start_it(self, name, _):
        endpoint = self.endpoint(name)
        del endpoint["state"]["suspend"]
        self.update(endpoint, {k: [{f: v for f, v in e.items() if f in ENTITY} for e in v] if k == "served_entities" else v
                               for k, v in endpoint["config"].items() if k != "config_version"})
        return self.detailed(endpoint)

    def logs(self, name, served, kind, _):
        self.endpoint(name)
        return {"logs": "%s of %s\nlast line\n" % (kind, served)}


ROUTES = [
    ("POST ", FakeServing.create),
    ("GET ", FakeServing.list_all),
    ("GET /([^/]+)", FakeServing.get),
    ("DELETE /([^/]+)", FakeServing.delete),
    ("PUT /([^/]+)/config", FakeServing.put_config),
    ("POST /([^/]+)/config:stop", FakeServing.stop_it),
    ("POST /([^/]+)/config:start", FakeServing.start_it),
    ("GET /([^/]+)/events", FakeServing.events),
    ("GET /([^/]+)/served-models/([^/]+)/(build-logs|logs)", FakeServing.logs),
]
