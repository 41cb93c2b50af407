#pragma once
/*
 * GraphQL on the registry: POST /graphql. The query runs in the transaction of the call and only reads.
 *
 * Answers are MLflow's: {"data": {…}, "errors": null}, or with messages; 200 also where the whole query is refused. A
 * query that cannot be parsed is 400, where MLflow answers 500. Absent members have protobuf's defaults: "", "0", false.
 * Meant to differ: a runViewType of runs works; strings for LongString are read; NaN is null everywhere; introspection
 * beyond __typename is refused; one problem of a query is told, not all.
 * Limits: those of graphql_parse.h and graphql_limits.h, and GRAPHQL_MEMORY_MAX for the answer.
 */
#include "rest/rest.h"

enum { GRAPHQL_MEMORY_MAX = 256 << 20 };

bool graphql_answer(struct rest_call *call, struct error *err);
