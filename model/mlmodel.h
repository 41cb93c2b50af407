#pragma once
/*
 * MLmodel: what a bundle needs to know from MLflow's model file: the signature, and which files
 *hold config, prompts and the input example. Two flavors name them:
 *
 *	sluice           {config: config.yaml, prompts: prompts, runtime_version: 0.1.0}, all
 *optional python_function  as mlflow.pyfunc.log_model(artifacts={"config": …, "prompts": …}) writes
 *it (MLflow 3.17.2, mlflow/pyfunc/model.py): artifacts.config.path, relative to the model's folder
 *
 * `sluice` wins where both are there. Keys outside of it belong to MLflow and are not judged.
 */
#include "base/decode.h"

struct mlmodel {
	struct json tree;
	const struct json *signature; /* NULL or null: none */
	struct str config, prompts;   /* paths inside the bundle; prompts "": the default places */
	/* saved_input_example_info (mlflow/models/utils.py, _Example); "" where there is none. */
	struct str example, serving_example, example_type, orient;
	bool has_params; /* the example is {"inputs": …, "params": …} */
};

/* Reads the tree of a file; problems stand in decoder->file. */
void mlmodel_decode(struct decoder *decoder, const struct json *tree, struct mlmodel *ret);
