#include "model/mlmodel.h"

#include "model/bundle_files.h"

struct sluice_flavor {
	struct str config, prompts, runtime_version;
};

static const struct decode_field flavor_fields[] = {
	{"config", DECODE_STRING, .offset = offsetof(struct sluice_flavor, config),
		.fallback = "config.yaml", .help = "the agent"},
	{"prompts", DECODE_STRING, .offset = offsetof(struct sluice_flavor, prompts),
		.help = "a folder of templates, or a YAML file, name to template"},
	{"runtime_version", DECODE_STRING,
		.offset = offsetof(struct sluice_flavor, runtime_version),
		.help = "the least version of the runtime that reads this bundle"},
	{0},
};

/* "1", "1.2" or "1.2.3"; what follows a "-" or "+" does not count. */
static bool parse_version(struct str text, unsigned ret[3])
{
	struct str rest = text, part;
	bool is_more = true;

	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] == '-' || rest.data[i] == '+')
			rest.len = i;
	ret[0] = ret[1] = ret[2] = 0;
	for (int i = 0; is_more; i++) {
		is_more = str_cut(&rest, '.', &part);
		if (i == 3 || part.len == 0 || part.len > 6)
			return false;
		for (size_t j = 0; j < part.len; j++) {
			if (part.data[j] < '0' || part.data[j] > '9')
				return false;
			ret[i] = ret[i] * 10 + (unsigned)(part.data[j] - '0');
		}
	}
	return true;
}

static void check_version(struct decoder *decoder, const struct json *value, struct str wanted)
{
	unsigned want[3], have[3];

	if (wanted.len == 0)
		return;
	decode_enter(decoder, "runtime_version");
	if (!parse_version(wanted, want)) {
		decode_problem(decoder, value, "'%.*s' is no version", STR_ARGS(wanted));
	} else if (parse_version(STR(SLUICE_VERSION), have)) {
		int order = 0;

		for (int i = 0; order == 0 && i < 3; i++)
			order = (want[i] > have[i]) - (want[i] < have[i]);
		if (order > 0)
			decode_problem(decoder, value,
				"the bundle needs runtime version %.*s or later, this is " SLUICE_VERSION,
				STR_ARGS(wanted));
	}
	decode_leave(decoder);
}

static void check_place(
	struct decoder *decoder, const struct json *where, const char *key, struct str path)
{
	if (path.len == 0 || bundle_path_is_safe(path))
		return;
	decode_problem(
		decoder, where, "%s: '%.*s' is no path inside the bundle", key, STR_ARGS(path));
}

static void decode_sluice(struct decoder *decoder, const struct json *flavor, struct mlmodel *ret)
{
	struct sluice_flavor decoded = {0};

	decode_enter(decoder, "sluice");
	decode_object(decoder, flavor, flavor_fields, &decoded);
	ret->config = decoded.config.len > 0 ? decoded.config : STR("config.yaml");
	ret->prompts = decoded.prompts;
	check_version(decoder, json_get(flavor, STR("runtime_version")), decoded.runtime_version);
	check_place(decoder, flavor, "config", ret->config);
	check_place(decoder, flavor, "prompts", ret->prompts);
	decode_leave(decoder);
}

static void decode_python(struct decoder *decoder, const struct json *flavor, struct mlmodel *ret)
{
	const struct json *artifacts = json_get(flavor, STR("artifacts"));
	const struct json *config = json_get(json_get(artifacts, STR("config")), STR("path"));
	const struct json *prompts = json_get(json_get(artifacts, STR("prompts")), STR("path"));

	decode_enter(decoder, "python_function");
	decode_enter(decoder, "artifacts");
	ret->config = json_str(config);
	ret->prompts = json_str(prompts);
	if (ret->config.len == 0)
		decode_problem(decoder, artifacts != NULL ? artifacts : flavor,
			"no artifact 'config': log the model with artifacts={\"config\": …, \"prompts\": …}");
	check_place(decoder, config, "config", ret->config);
	check_place(decoder, prompts, "prompts", ret->prompts);
	decode_leave(decoder);
	decode_leave(decoder);
}

static void decode_flavors(struct decoder *decoder, const struct json *tree, struct mlmodel *ret)
{
	const struct json *flavors = json_get(tree, STR("flavors"));
	const struct json *sluice = json_get(flavors, STR("sluice"));
	const struct json *python = json_get(flavors, STR("python_function"));

	decode_enter(decoder, "flavors");
	if (sluice != NULL)
		decode_sluice(decoder, sluice, ret);
	else if (python != NULL)
		decode_python(decoder, python, ret);
	else
		decode_problem(decoder, flavors != NULL ? flavors : tree,
			"there is neither a flavor 'sluice' nor 'python_function'");
	decode_leave(decoder);
}

static void decode_example(struct decoder *decoder, const struct json *tree, struct mlmodel *ret)
{
	const struct json *info = json_get(tree, STR("saved_input_example_info"));

	ret->example = json_str(json_get(info, STR("artifact_path")));
	ret->serving_example = json_str(json_get(info, STR("serving_input_path")));
	ret->example_type = json_str(json_get(info, STR("type")));
	ret->orient = json_str(json_get(info, STR("pandas_orient")));
	ret->has_params = json_str(json_get(info, STR("params"))).len > 0;
	decode_enter(decoder, "saved_input_example_info");
	check_place(decoder, info, "artifact_path", ret->example);
	check_place(decoder, info, "serving_input_path", ret->serving_example);
	decode_leave(decoder);
}

void mlmodel_decode(struct decoder *decoder, const struct json *tree, struct mlmodel *ret)
{
	*ret = (struct mlmodel){.tree = *tree};
	if (json_type(tree) != JSON_OBJECT) {
		decode_problem(decoder, tree, "expected an object, got %s", json_type_name(tree));
		return;
	}
	ret->signature = json_get(&ret->tree, STR("signature"));
	decode_flavors(decoder, &ret->tree, ret);
	decode_example(decoder, &ret->tree, ret);
}
