"""A plain model of the registry: what MLflow 3.17.2 answers, without a server.

A call is (method, path, body); Expected.of_call() changes the model as the call would change the registry and returns the
answer's status and, of a refusal, its error_code and message. `view_*` are what reading calls show.
"""
STAGES = ("None", "Staging", "Production", "Archived")
DONE = (200, None, None)


def refuse(status, code, message):
    return status, code, message


def missing(message):
    return refuse(404, "RESOURCE_DOES_NOT_EXIST", message)


def invalid(message):
    return refuse(400, "INVALID_PARAMETER_VALUE", message)


class Version:
    def __init__(self, source, description):
        self.source, self.description, self.stage, self.tags = source, description, "None", {}


class Model:
    def __init__(self, description):
        self.description, self.tags, self.aliases, self.versions, self.last = description, {}, {}, {}, 0


class Models:
    """Registered models, their versions, aliases, tags and stages."""

    def __init__(self):
        self.by_name = {}

    def no_model(self, name):
        return missing("Registered Model with name=%s not found" % name)

    def no_version(self, name, version):
        return missing("Model Version (name=%s, version=%d) not found" % (name, version))

    def find(self, name, version):
        model = self.by_name.get(name)
        return model.versions.get(version) if model else None

    def create(self, name, description):
        if name in self.by_name:
            return refuse(400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=%s) already exists." % name)
        self.by_name[name] = Model(description)
        return DONE

    def describe(self, name, description):
        if name not in self.by_name:
            return self.no_model(name)
        self.by_name[name].description = description
        return DONE

    def rename(self, name, new_name):
        if name not in self.by_name:
            return self.no_model(name)
        if new_name in self.by_name and new_name != name:
            return refuse(400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=%s) already exists." % new_name)
        self.by_name[new_name] = self.by_name.pop(name)
        return DONE

    def delete(self, name):
        return DONE if self.by_name.pop(name, None) else self.no_model(name)

    def set_tag(self, name, key, value):
        if name not in self.by_name:
            return self.no_model(name)
        self.by_name[name].tags[key] = value
        return DONE

    def delete_tag(self, name, key):
        if name not in self.by_name:
            return self.no_model(name)
        self.by_name[name].tags.pop(key, None)
        return DONE

    def create_version(self, name, source, description):
        model = self.by_name.get(name)
        if model is None:
            return self.no_model(name)
        # The number of a deleted version is not given again.
        model.last += 1
        model.versions[model.last] = Version(source, description)
        return DONE

    def describe_version(self, name, version, description):
        found = self.find(name, version)
        if found is None:
            return self.no_version(name, version)
        found.description = description
        return DONE

    def delete_version(self, name, version):
        if self.find(name, version) is None:
            return self.no_version(name, version)
        model = self.by_name[name]
        del model.versions[version]
        model.aliases = {alias: at for alias, at in model.aliases.items() if at != version}
        return DONE

    def set_version_tag(self, name, version, key, value):
        found = self.find(name, version)
        if found is None:
            return self.no_version(name, version)
        found.tags[key] = value
        return DONE

    def delete_version_tag(self, name, version, key):
        found = self.find(name, version)
        if found is None:
            return self.no_version(name, version)
        found.tags.pop(key, None)
        return DONE

    def move_stage(self, name, version, stage, is_archiving):
        found = self.find(name, version)
        if found is None:
            return self.no_version(name, version)
        if is_archiving:
            for number, other in self.by_name[name].versions.items():
                if number != version and other.stage == stage:
                    other.stage = "Archived"
        found.stage = stage
        return DONE

    def set_alias(self, name, alias, version):
        if self.find(name, version) is None:
            return self.no_version(name, version)
        self.by_name[name].aliases[alias] = version
        return DONE

    def delete_alias(self, name, alias):
        if name not in self.by_name:
            return self.no_model(name)
        self.by_name[name].aliases.pop(alias, None)
        return DONE

    # ---- what is shown ----

    def view_version(self, name, version):
        found = self.find(name, version)
        aliases = self.by_name[name].aliases
        return {"name": name, "version": str(version), "source": found.source, "stage": found.stage,
                "description": found.description, "tags": dict(found.tags),
                "aliases": sorted(alias for alias, at in aliases.items() if at == version)}

    def view_model(self, name):
        model = self.by_name[name]
        latest = {}
        for number, version in sorted(model.versions.items()):
            latest[version.stage] = str(number)
        return {"name": name, "description": model.description, "tags": dict(model.tags), "latest": latest,
                "aliases": {alias: str(at) for alias, at in model.aliases.items()}}


class Run:
    def __init__(self, experiment):
        self.experiment, self.status, self.is_active = experiment, "RUNNING", True
        self.params, self.tags, self.metrics = {}, {}, {}


class Tracking:
    """Experiments (by id), runs and logged models."""

    def __init__(self):
        self.experiments, self.runs, self.logged = {}, {}, {}

    def create_experiment(self, name, new_id):
        if any(name == e["name"] for e in self.experiments.values()):
            return refuse(400, "RESOURCE_ALREADY_EXISTS", "Experiment(name=%s) already exists." % name)
        self.experiments[new_id] = {"name": name, "is_active": True, "tags": {}}
        return DONE

    def is_experiment_active(self, experiment):
        return self.experiments[experiment]["is_active"]

    def not_active_experiment(self, experiment):
        return invalid("The experiment %s must be in the 'active' state. Current state is deleted." % experiment)

    def delete_experiment(self, experiment):
        if not self.is_experiment_active(experiment):
            return missing("No Experiment with id=%s exists" % experiment)
        self.experiments[experiment]["is_active"] = False
        self.mark_runs(experiment, False)
        return DONE

    def restore_experiment(self, experiment):
        if self.is_experiment_active(experiment):
            return missing("No Experiment with id=%s exists" % experiment)
        self.experiments[experiment]["is_active"] = True
        self.mark_runs(experiment, True)
        return DONE

    def mark_runs(self, experiment, is_active):
        for run in self.runs.values():
            if run.experiment == experiment:
                run.is_active = is_active

    def set_experiment_tag(self, experiment, key, value):
        if not self.is_experiment_active(experiment):
            return self.not_active_experiment(experiment)
        self.experiments[experiment]["tags"][key] = value
        return DONE

    def create_run(self, experiment, new_id):
        if not self.is_experiment_active(experiment):
            return self.not_active_experiment(experiment)
        self.runs[new_id] = Run(experiment)
        return DONE

    def change_run(self, run_id, change):
        """Writes are for active runs."""
        run = self.runs[run_id]
        if not run.is_active:
            return invalid("The run %s must be in the 'active' state. Current state is deleted." % run_id)
        return change(run)

    def set_run_active(self, run_id, is_active):
        self.runs[run_id].is_active = is_active
        return DONE

    def set_status(self, run_id, status):
        def change(run):
            run.status = status
            return DONE
        return self.change_run(run_id, change)

    def log_param(self, run_id, key, value):
        def change(run):
            if run.params.setdefault(key, value) != value:
                return invalid("Changing param values is not allowed. Param with key='%s' was already logged with "
                               "value='%s' for run ID='%s'. Attempted logging new value '%s'."
                               % (key, run.params[key], run_id, value))
            return DONE
        return self.change_run(run_id, change)

    def log_metric(self, run_id, key, step, time, value):
        def change(run):
            run.metrics.setdefault(key, set()).add((step, time, value))
            return DONE
        return self.change_run(run_id, change)

    def set_run_tag(self, run_id, key, value):
        def change(run):
            run.tags[key] = value
            return DONE
        return self.change_run(run_id, change)

    def delete_run_tag(self, run_id, key):
        def change(run):
            if run.tags.pop(key, None) is None:
                return missing("No tag with name: %s in run with id %s" % (key, run_id))
            return DONE
        return self.change_run(run_id, change)

    def create_logged(self, experiment, name, new_id):
        if not self.is_experiment_active(experiment):
            return self.not_active_experiment(experiment)
        self.logged[new_id] = {"experiment": experiment, "name": name, "status": "LOGGED_MODEL_PENDING", "tags": {}}
        return DONE

    def change_logged(self, model_id, change):
        if model_id not in self.logged:
            return missing("Logged model with ID '%s' not found." % model_id)
        return change(self.logged[model_id])

    def finish_logged(self, model_id, status):
        return self.change_logged(model_id, lambda model: model.update(status=status) or DONE)

    def tag_logged(self, model_id, key, value):
        return self.change_logged(model_id, lambda model: model["tags"].update({key: value}) or DONE)

    def untag_logged(self, model_id, key):
        def change(model):
            if model["tags"].pop(key, None) is None:
                return missing("No tag with key '%s' found for model with ID '%s'." % (key, model_id))
            return DONE
        return self.change_logged(model_id, change)

    def delete_logged(self, model_id):
        return DONE if self.logged.pop(model_id, None) else \
            missing("Logged model with ID '%s' not found." % model_id)

    # ---- what is shown ----

    def view_run(self, run_id):
        run = self.runs[run_id]
        # The last value: by the largest step, then the latest time, then the largest value.
        last = {key: max(rows) for key, rows in run.metrics.items()}
        return {"status": run.status, "is_active": run.is_active, "params": dict(run.params), "tags": dict(run.tags),
                "metrics": last}
