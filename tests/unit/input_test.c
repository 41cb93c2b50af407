/* model/input.h: a case or more for every cell of docs/protocol/RULES.md V3 to V12. The captured
 * cases are replayed by tests/protocol; here stand the corners, the messages and the promises of
 * the header. */
#include <stdlib.h>

#include "model/input.h"
#include "model/params.h"
#include "signature_of.h"

static struct arena arena;

static int set_up(void **state)
{
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&arena);
	return 0;
}

#define COLUMN(type, name)   "{\"type\":\"" type "\",\"name\":\"" name "\"}"
#define OPTIONAL(type, name) "{\"type\":\"" type "\",\"name\":\"" name "\",\"required\":false}"

static const char *const NONE = NULL;
static const char *const TEXT = "[" COLUMN("string", "q") "]";
static const char *const LONG = "[" COLUMN("long", "n") "]";
static const char *const TWO = "[" COLUMN("string", "q") "," OPTIONAL("long", "n") "]";
static const char *const UNNAMED = "[{\"type\":\"long\"},{\"type\":\"string\"}]";
static const char *const NESTED =
	"[{\"type\":\"array\",\"name\":\"items\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"name\":{\"type\":\"string\"},\"qty\":{\"type\":\"long\",\"required\":false}}}},"
	"{\"type\":\"map\",\"name\":\"m\",\"values\":{\"type\":\"double\"},\"required\":false}]";
static const char *const TENSOR =
	"[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"float32\",\"shape\":[-1,2]}}]";
static const char *const TENSORS =
	"[{\"type\":\"tensor\",\"name\":\"x\",\"tensor-spec\":{\"dtype\":\"float64\",\"shape\":[-1,2]}},"
	"{\"type\":\"tensor\",\"name\":\"y\",\"tensor-spec\":{\"dtype\":\"uint8\",\"shape\":[-1]}}]";
static const char *const PARAMS =
	"[{\"name\":\"t\",\"default\":0.5,\"type\":\"double\"},"
	"{\"name\":\"k\",\"default\":3,\"type\":\"integer\"},"
	"{\"name\":\"stops\",\"default\":[\"a\"],\"shape\":[-1],\"type\":\"string\"}]";

/* A body of exactly its size and padding, so that the sanitizer sees a byte too far. */
static char *padded(const char *body)
{
	char *copy = calloc(1, strlen(body) + JSON_PADDING);

	assert_non_null(copy);
	memcpy(copy, body, strlen(body));
	return copy;
}

static bool read_input(const char *inputs, const char *params, enum input_media media,
	const char *body, struct buf *out, struct error *err)
{
	const struct signature signature = signature_of(&arena, inputs, params);
	char *copy = padded(body);
	struct input input;
	const bool is_read = input_read(
		&arena, &signature, media, (struct str){copy, strlen(body)}, &input, err);

	if (is_read)
		input_write(out, &input);
	if (is_read && params != NULL)
		json_write(out, &input.params);
	free(copy);
	return is_read;
}

static void is_answer(const char *inputs, const char *params, enum input_media media,
	const char *body, const char *expected)
{
	struct error err = {0};
	struct buf out = {0};

	if (!read_input(inputs, params, media, body, &out, &err))
		fail_msg("%s: %s", body, err.text);
	assert_string_equal(buf_text(&out), expected);
	buf_done(&out);
}

static void is_refused(const char *inputs, const char *params, enum input_media media,
	const char *body, enum error_code code, const char *part)
{
	struct error err = {0};
	struct buf out = {0};

	if (read_input(inputs, params, media, body, &out, &err))
		fail_msg("%s is accepted: %s", body, buf_text(&out));
	if (strstr(err.text, part) == NULL)
		fail_msg("%s: '%s' is not in '%s'", body, part, err.text);
	assert_int_equal(err.code, code);
	assert_true(str_is_utf8(str_of(err.text)));
	/* Clients take this for a passing fault and try again. */
	assert_null(strstr(err.text, "Unexpected error"));
	buf_done(&out);
}

#define OK(inputs, body, rows)                                                                     \
	is_answer(inputs, NULL, INPUT_JSON, body, "{\"predictions\":" rows "}")
#define OK_BARE(inputs, body, rows) is_answer(inputs, NULL, INPUT_JSON, body, rows)
#define OK_CSV(inputs, body, rows)                                                                 \
	is_answer(inputs, NULL, INPUT_CSV, body, "{\"predictions\":" rows "}")
/* The params of a request with one text column. */
#define OK_PARAMS(members, params)                                                                 \
	is_answer(TEXT, PARAMS, INPUT_JSON, "{\"inputs\":[\"x\"]" members "}",                     \
		"{\"predictions\":[{\"q\":\"x\"}]}" params)
#define FAILS(inputs, body, code, part) is_refused(inputs, NULL, INPUT_JSON, body, ERR_##code, part)
#define FAILS_CSV(inputs, body, code, part)                                                        \
	is_refused(inputs, NULL, INPUT_CSV, body, ERR_##code, part)
#define FAILS_PARAMS(members, part)                                                                \
	is_refused(TEXT, PARAMS, INPUT_JSON, "{\"inputs\":[\"x\"]" members "}",                    \
		ERR_INVALID_PARAMETER, part)

static void is_media(struct str header, enum input_media expected)
{
	enum input_media media;
	struct error err = {0};

	if (!input_media_parse(header, &media, &err))
		fail_msg("%s", err.text);
	assert_int_equal(media, expected);
}

static void test_media(void **state)
{
	static const char *const WRONG[] = {"", " ", "text/plain", "application/jsonx",
		"application/json; charset=", "application/json; charset",
		"text/csv; header=present", "application/json; charset = utf-8",
		"application/json; charset=latin1",
		"application/json; charset=utf-8; charset=latin1",
		"application/json; charset='utf-8'", "application/json, text/plain",
		"application/json; charset=\"utf-8", "text/\xFF", NULL};

	is_media((struct str){0}, INPUT_JSON);
	is_media(STR("application/json"), INPUT_JSON);
	is_media(STR("  Application/JSON ; Charset=\"UTF8\" ; "), INPUT_JSON);
	is_media(STR("TEXT/CSV;charset=utf-8"), INPUT_CSV);
	is_media(STR("application/json;;"), INPUT_JSON);
	for (const char *const *header = WRONG; *header != NULL; header++) {
		enum input_media media;
		struct error err = {0};
		if (input_media_parse(str_of(*header), &media, &err))
			fail_msg("'%s' is accepted", *header);
		assert_int_equal(err.code, ERR_UNSUPPORTED_MEDIA);
		assert_true(str_is_utf8(str_of(err.text)));
	}
}

/* The advice is for those who send it without wanting to. */
static void test_media_of_a_html_form(void **state)
{
	enum input_media media;
	struct error err = {0};

	assert_false(input_media_parse(
		STR("application/x-www-form-urlencoded; charset=utf-8"), &media, &err));
	assert_non_null(strstr(err.text, "curl: -H 'Content-Type: application/json'"));
	error_clear(&err);
	assert_false(input_media_parse(STR("text/plain"), &media, &err));
	assert_null(strstr(err.text, "curl"));
}

static void test_forms(void **state)
{
	FAILS(NONE, "[]", BAD_REQUEST, "a request is a JSON object, got an array");
	FAILS(NONE, "[]", BAD_REQUEST, "put the rows under \"dataframe_records\": {");
	FAILS(TWO, "[]", BAD_REQUEST,
		"under \"dataframe_records\"; a request that works: {\"dataframe_records\":[{\"q\":");
	FAILS(TWO, "{\"params\":{},\"dataframe_record\":[]}", BAD_REQUEST,
		"got 'dataframe_record', did you mean 'dataframe_records'?; a request that works: {");
	FAILS(TWO, "{\"question\":1}", BAD_REQUEST,
		"LLM form, got 'question'; a request that works: {");
	FAILS(NONE, "{}", BAD_REQUEST, "a request has one of dataframe_records");
	FAILS(NONE, "{\"inputs\":[1],\"instances\":[1]}", BAD_REQUEST,
		"one of 'inputs' and 'instances', not both");
	FAILS(NONE, "{\"Inputs\":[1]}", BAD_REQUEST, "a request has one of");
	OK(NONE, "{\"inputs\":[1],\"x\":{}}", "[1]");
	OK_BARE(NONE, "{\"inputs\":[1],\"prompt\":null}", "{\"inputs\":[1],\"prompt\":null}");
}

static void test_records(void **state)
{
	OK(NONE, "{\"dataframe_records\":[{\"a\":1},{\"b\":2,\"a\":3},{}]}",
		"[{\"a\":1,\"b\":null},{\"a\":3,\"b\":2},{\"a\":null,\"b\":null}]");
	OK(NONE, "{\"dataframe_records\":[[1,2],[3]]}", "[{\"0\":1,\"1\":2},{\"0\":3,\"1\":null}]");
	OK(NONE, "{\"dataframe_records\":[null,[1]]}", "[{\"0\":null},{\"0\":[1]}]");
	OK(NONE, "{\"dataframe_records\":[{}]}", "[{}]");
	OK(NONE, "{\"dataframe_records\":[{\"a\":1,\"a\":2}]}", "[{\"a\":2}]");
	FAILS(NONE, "{\"dataframe_records\":{}}", BAD_REQUEST, "expected an array of objects");
	FAILS(NONE, "{\"dataframe_records\":[{},1]}", BAD_REQUEST, "cannot be mixed");
	FAILS(NONE, "{\"dataframe_records\":[[1],2]}", BAD_REQUEST, "row 1 (counted from 0)");
	/* Keys in another order, keys unknown, keys that only later rows have. */
	OK(TWO, "{\"dataframe_records\":[{\"q\":\"a\",\"n\":1},{\"n\":2,\"z\":0,\"q\":\"b\"},{\"q\":\"c\"}]}",
		"[{\"q\":\"a\",\"n\":1},{\"q\":\"b\",\"n\":2},{\"q\":\"c\",\"n\":null}]");
	OK(TWO, "{\"dataframe_records\":[{\"z\":0,\"q\":\"a\"}]}", "[{\"q\":\"a\"}]");
	FAILS(TWO, "{\"dataframe_records\":[{\"Q\":\"a\"}]}", INVALID_PARAMETER,
		"column 'q' is missing: expected string (required); found 'Q': names are case-sensitive;");
	FAILS(TWO, "{\"dataframe_records\":[{\"n\":1}]}", INVALID_PARAMETER,
		"column 'q' is missing: expected string (required); a request that works");
	FAILS(TWO, "{\"dataframe_records\":[]}", INVALID_PARAMETER,
		"there are no rows, and so column 'q' is missing");
}

static void test_split(void **state)
{
	OK(NONE, "{\"dataframe_split\":{\"columns\":[\"a\",1,1.5,true],\"data\":[[1,2,3,4],[5]]}}",
		"[{\"a\":1,\"1\":2,\"1.5\":3,\"true\":4},{\"a\":5,\"1\":null,\"1.5\":null,\"true\":null}]");
	OK(NONE, "{\"dataframe_split\":{\"columns\":[\"b\",\"c\"],\"data\":[{\"a\":1,\"b\":2}]}}",
		"[{\"b\":2,\"c\":null}]");
	OK(TWO, "{\"dataframe_split\":{\"columns\":[\"n\",\"q\"],\"index\":[9],\"data\":[[1,\"a\"]]}}",
		"[{\"q\":\"a\",\"n\":1}]");
	OK(TWO, "{\"dataframe_split\":{\"columns\":[\"q\"],\"data\":[]}}", "[]");
	FAILS(NONE, "{\"dataframe_split\":[]}", BAD_REQUEST, "expected an object");
	FAILS(NONE, "{\"dataframe_split\":{\"columns\":[]}}", BAD_REQUEST, "got nothing");
	FAILS(NONE, "{\"dataframe_split\":{\"data\":[],\"rows\":1}}", BAD_REQUEST,
		"unknown key 'rows'");
	FAILS(NONE, "{\"dataframe_split\":{\"data\":[[1]],\"index\":[]}}", BAD_REQUEST,
		"as long as data");
	FAILS(NONE, "{\"dataframe_split\":{\"columns\":[1,\"1\"],\"data\":[[1,2]]}}", BAD_REQUEST,
		"column '1' is there twice");
	FAILS(NONE, "{\"dataframe_split\":{\"columns\":[null],\"data\":[[1]]}}", BAD_REQUEST,
		"a column's name is text, got null");
	FAILS(NONE, "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[[1]]}}", BAD_REQUEST,
		"the widest row has 1 cells");
}

/* One cell of a column of type `type`. */
static void is_cell(const char *type, const char *value, const char *expected)
{
	const char *inputs = arena_printf(&arena, "[" COLUMN("%s", "c") "]", type);
	const char *body = arena_printf(&arena, "{\"dataframe_records\":[{\"c\":%s}]}", value);

	if (expected != NULL)
		is_answer(inputs, NULL, INPUT_JSON, body,
			arena_printf(&arena, "{\"predictions\":[{\"c\":%s}]}", expected));
	else
		is_refused(inputs, NULL, INPUT_JSON, body, ERR_INVALID_PARAMETER,
			"row 0 (counted from 0), column 'c': expected ");
}

#define CELL(type, value, expected) is_cell(type, value, expected)
#define NO_CELL(type, value)        is_cell(type, value, NULL)

static void test_integer_cells(void **state)
{
	CELL("integer", "2147483647", "2147483647");
	CELL("integer", "-2147483648", "-2147483648");
	CELL("integer", "true", "1");
	CELL("integer", "2.0", "2");
	CELL("integer", "\" +5.00 \"", "5");
	CELL("long", "-9223372036854775808", "-9223372036854775808");
	CELL("long", "-9223372036854775808.0", "-9223372036854775808");
	NO_CELL("integer", "2147483648");
	NO_CELL("integer", "\"2147483648\"");
	NO_CELL("integer", "1.5");
	NO_CELL("long", "9223372036854775808.0");
	NO_CELL("long", "\"9223372036854775808\"");
	NO_CELL("long", "\"\"");
	NO_CELL("long", "\"1e3\"");
	NO_CELL("long", "null");
	NO_CELL("long", "[1]");
	NO_CELL("integer", "{}");
}

static void test_number_cells(void **state)
{
	CELL("double", "1", "1.0");
	CELL("double", "9007199254740993", "9007199254740992.0");
	CELL("double", "\" -1.5e3 \"", "-1500.0");
	CELL("double", "false", "0.0");
	CELL("double", "null", "null");
	CELL("double", "Infinity", "null");
	CELL("float", "0.1", "0.10000000149011612");
	/* One rounding: by way of double this would be 9007200328482816. */
	CELL("float", "9007199791611905", "9007200328482816.0");
	CELL("float", "3.4028235e38", "3.4028234663852886e+38");
	NO_CELL("float", "3.4028236e38");
	NO_CELL("float", "\"1e39\"");
	NO_CELL("double", "\"1e400\"");
	NO_CELL("double", "\"nan\"");
	NO_CELL("double", "[]");
}

static void test_other_cells(void **state)
{
	CELL("boolean", "true", "true");
	CELL("boolean", "0", "false");
	CELL("boolean", "1.0", "true");
	NO_CELL("boolean", "2");
	NO_CELL("boolean", "\"true\"");
	NO_CELL("boolean", "null");
	CELL("string", "[{\"a\":null}]", "[{\"a\":null}]");
	CELL("string", "null", "null");
	CELL("any", "{\"a\":[1]}", "{\"a\":[1]}");
	CELL("binary", "\"aG Vs\\nbG8=\"", "\"aGVsbG8=\"");
	CELL("binary", "\"\"", "\"\"");
	NO_CELL("binary", "\"aGVsbG8\"");
	NO_CELL("binary", "5");
	NO_CELL("binary", "null");
	CELL("datetime", "\"2024-01-02T03:04:05.5+02:00\"", "\"2024-01-02T01:04:05.500000\"");
	CELL("datetime", "1", "\"1970-01-01T00:00:00.000000001\"");
	CELL("datetime", "-1000.0", "\"1969-12-31T23:59:59.999999\"");
	CELL("datetime", "null", "null");
	NO_CELL("datetime", "0.5");
	NO_CELL("datetime", "true");
	NO_CELL("datetime", "-9223372036854775808");
	NO_CELL("datetime", "\"2024\"");
}

static void test_nulls_of_optional_columns(void **state)
{
	static const char *const TYPES[] = {"string", "float", "double", "datetime", "any",
		"integer", "long", "boolean", "binary", NULL};

	for (const char *const *type = TYPES; *type != NULL; type++)
		is_answer(arena_printf(&arena, "[" OPTIONAL("%s", "c") "]", *type), NULL,
			INPUT_JSON, "{\"dataframe_records\":[{\"c\":null}]}",
			"{\"predictions\":[{\"c\":null}]}");
}

#define ITEMS(items) "{\"inputs\":{\"items\":" items "}}"

static void test_nested(void **state)
{
	OK(NESTED, ITEMS("[{\"name\":\"a\",\"qty\":\"2\"},{\"name\":5}]"),
		"[{\"items\":[{\"name\":\"a\",\"qty\":2},{\"name\":5}]}]");
	OK(NESTED, "{\"inputs\":{\"items\":[],\"m\":{\"a\":1,\"b\":null}}}",
		"[{\"items\":[],\"m\":{\"a\":1.0,\"b\":null}}]");
	FAILS(NESTED, ITEMS("null"), INVALID_PARAMETER,
		"expected Array({name: string, qty: long (optional)}), got null");
	FAILS(NESTED, ITEMS("[{\"name\":\"a\"},{\"qty\":1}]"), INVALID_PARAMETER,
		"column 'items' at [1]: property 'name' is missing");
	FAILS(NESTED, ITEMS("[{\"name\":null}]"), INVALID_PARAMETER,
		"at [0].name: expected string");
	FAILS(NESTED, ITEMS("[{\"name\":[]}]"), INVALID_PARAMETER, "at [0].name: expected string");
	FAILS(NESTED, ITEMS("[{\"name\":\"a\",\"z\":1}]"), INVALID_PARAMETER,
		"no property 'z' is declared");
	FAILS(NESTED, ITEMS("[{}]"), INVALID_PARAMETER, "property 'name' is missing");
	FAILS(NESTED, ITEMS("[null]"), INVALID_PARAMETER, "at [0]: expected {name");
	FAILS(NESTED, "{\"inputs\":{\"items\":[],\"m\":{\"a\":\"x\"}}}", INVALID_PARAMETER,
		"column 'm' at .a: expected double (a number), got \"x\"");
	FAILS(NESTED, "{\"instances\":{\"items\":[]}}", INVALID_PARAMETER,
		"send an array of objects");
	FAILS_CSV(NESTED, "items\nx\n", BAD_REQUEST, "send JSON");
}

static void test_llm(void **state)
{
	OK_BARE(NONE, "{\"prompt\":[1],\"x\":null}", "{\"prompt\":[1],\"x\":null}");
	OK_BARE(TWO, "{\"prompt\":\"p\",\"q\":[\"a\",\"b\"],\"z\":[1,2,3]}",
		"[{\"q\":[\"a\",\"b\"]}]");
	OK_BARE(TWO, "{\"messages\":[],\"q\":{\"a\":1},\"n\":\"5\",\"inputs\":[1]}",
		"[{\"q\":{\"a\":1},\"n\":5}]");
	OK_BARE(UNNAMED, "{\"input\":1,\"b\":\"x\",\"c\":2}", "[{\"input\":1,\"b\":\"x\"}]");
	FAILS(TWO, "{\"prompt\":\"p\"}", INVALID_PARAMETER, "column 'q' is missing");
	FAILS(TWO, "{\"prompt\":\"p\",\"q\":\"a\",\"n\":[1]}", INVALID_PARAMETER,
		"got an array of 1");
	FAILS(TENSOR, "{\"input\":[[1,2]]}", INVALID_PARAMETER,
		"do not fit a signature of tensors");
	is_answer(TEXT, PARAMS, INPUT_JSON,
		"{\"prompt\":1,\"q\":\"x\",\"k\":4,\"params\":{\"k\":5}}",
		"[{\"q\":\"x\"}]{\"t\":0.5,\"k\":4,\"stops\":[\"a\"]}");
}

static void test_values_without_signature(void **state)
{
	OK(NONE, "{\"inputs\":[true,\"a\\u0000\",null,{\"a\":[1,[2]]}]}",
		"[true,\"a\\u0000\",null,{\"a\":[1,[2]]}]");
	OK(NONE, "{\"inputs\":[[[1],[2]],[[3],[4]]]}", "[[[1],[2]],[[3],[4]]]");
	OK(NONE, "{\"inputs\":null}", "null");
	OK(NONE, "{\"instances\":[{\"a\":1,\"b\":2},{\"b\":4,\"a\":3}]}",
		"{\"a\":[1,3],\"b\":[2,4]}");
	OK(NONE, "{\"instances\":[{}]}", "{}");
	FAILS(NONE, "{\"inputs\":[[1],[2,3]]}", INVALID_PARAMETER, "of the same length");
	FAILS(NONE, "{\"inputs\":[[[1],[2]],[[3],[4,5]]]}", INVALID_PARAMETER,
		"of the same length");
	FAILS(NONE, "{\"inputs\":[1,[2]]}", INVALID_PARAMETER, "of the same length");
	FAILS(NONE, "{\"inputs\":[[],1]}", INVALID_PARAMETER, "of the same length");
	FAILS(NONE, "{\"inputs\":[{\"k\":[[1],[]]}]}", INVALID_PARAMETER, "'k': arrays inside");
	FAILS(NONE, "{\"instances\":[{\"a\":1},{\"b\":2}]}", INVALID_PARAMETER, "row 0");
	FAILS(NONE, "{\"instances\":[{\"a\":[1]},{\"a\":[1,2]}]}", INVALID_PARAMETER,
		"'a': arrays");
	FAILS(NONE, "{\"instances\":{\"a\":[1],\"b\":2}}", INVALID_PARAMETER,
		"arrays of one length");
}

static void test_values_with_columns(void **state)
{
	OK(LONG, "{\"inputs\":[\"1\",2.0]}", "[{\"n\":1},{\"n\":2}]");
	OK(LONG, "{\"instances\":[]}", "[]");
	OK(TEXT, "{\"inputs\":[[1],[2,3]]}", "[{\"q\":[1]},{\"q\":[2,3]}]");
	OK(TWO, "{\"inputs\":{\"q\":[\"a\",\"b\"],\"n\":7,\"z\":[0,0]}}",
		"[{\"q\":\"a\",\"n\":7},{\"q\":\"b\",\"n\":7}]");
	OK(TWO, "{\"inputs\":{\"q\":\"a\"}}", "[{\"q\":\"a\"}]");
	OK(TWO, "{\"inputs\":{\"q\":[]}}", "[]");
	OK(TWO, "{\"instances\":[{\"q\":\"a\"},{\"q\":\"b\",\"n\":1}]}",
		"[{\"q\":\"a\",\"n\":null},{\"q\":\"b\",\"n\":1}]");
	OK(UNNAMED, "{\"inputs\":[[\"1\",2,3]]}", "[{\"0\":1,\"1\":2}]");
	OK(UNNAMED, "{\"inputs\":[{\"b\":1,\"a\":\"x\",\"c\":0}]}", "[{\"b\":1,\"a\":\"x\"}]");
	FAILS(UNNAMED, "{\"inputs\":[1,2]}", INVALID_PARAMETER, "expected 2 columns, got 1");
	FAILS(UNNAMED, "{\"inputs\":{\"a\":1}}", INVALID_PARAMETER, "have none");
	FAILS(UNNAMED, "{\"inputs\":null}", INVALID_PARAMETER, "expected rows, got null");
	FAILS(UNNAMED, "{\"inputs\":[[1,2],[3]]}", INVALID_PARAMETER, "not as long as the others");
	FAILS(TWO, "{\"inputs\":[{\"q\":1},2]}", INVALID_PARAMETER, "cannot be mixed");
	FAILS(TWO, "{\"inputs\":[\"a\"]}", INVALID_PARAMETER, "column 'q' is missing");
	FAILS(TWO, "{\"inputs\":{\"q\":[\"a\"],\"z\":[1,2]}}", INVALID_PARAMETER,
		"'z' has 2 values");
	FAILS(TWO, "{\"instances\":{\"q\":\"a\"}}", INVALID_PARAMETER, "'q' is no array");
}

static void test_tensors(void **state)
{
	OK(TENSOR, "{\"inputs\":[[\"1\",true],[0.1,null]]}",
		"[[1.0,1.0],[0.10000000149011612,null]]");
	OK(TENSORS, "{\"inputs\":{\"y\":[255,\"0\",true],\"x\":[[1,2]],\"z\":0}}",
		"{\"x\":[[1.0,2.0]],\"y\":[255,0,1]}");
	OK(TENSORS, "{\"instances\":[{\"x\":[1,2],\"y\":1},{\"x\":[3,4],\"y\":2}]}",
		"{\"x\":[[1.0,2.0],[3.0,4.0]],\"y\":[1,2]}");
	OK(TENSOR, "{\"dataframe_records\":[{\"a\":1,\"b\":2}]}", "[[1.0,2.0]]");
	OK(TENSOR, "{\"dataframe_records\":[{\"a\":[1,2]},{\"a\":[3,4]}]}",
		"[[1.0,2.0],[3.0,4.0]]");
	OK(TENSORS, "{\"dataframe_split\":{\"columns\":[\"y\",\"x\"],\"data\":[[1,[2,3]]]}}",
		"{\"x\":[[2.0,3.0]],\"y\":[1]}");
	FAILS(TENSOR, "{\"inputs\":[]}", INVALID_PARAMETER, "got an empty one");
	FAILS(TENSOR, "{\"inputs\":[{}]}", INVALID_PARAMETER, "got one of objects");
	FAILS(TENSOR, "{\"inputs\":[[1,2],[3]]}", INVALID_PARAMETER,
		"at [1]: expected tensor of float32");
	FAILS(TENSOR, "{\"inputs\":[[[1,2]]]}", INVALID_PARAMETER, "at [0]: expected tensor");
	FAILS(TENSOR, "{\"inputs\":[1,2]}", INVALID_PARAMETER, "at [0]: expected tensor");
	FAILS(TENSOR, "{\"inputs\":[[1,1e39]]}", INVALID_PARAMETER, "at [0][1]: expected float");
	FAILS(TENSOR, "{\"dataframe_records\":[]}", INVALID_PARAMETER, "no rows");
	FAILS(TENSOR, "{\"dataframe_records\":[{\"a\":[1]}]}", INVALID_PARAMETER, "row 0");
	FAILS(TENSOR, "{\"dataframe_records\":[{\"a\":1}]}", INVALID_PARAMETER, "row 0");
	FAILS(TENSOR, "{\"dataframe_records\":[{\"a\":1,\"b\":2,\"c\":3}]}", INVALID_PARAMETER,
		"3 columns need a tensor of shape (-1, 3)");
	FAILS(TENSORS, "{\"inputs\":{\"x\":[[1,2]],\"y\":[256]}}", INVALID_PARAMETER,
		"tensor 'y' at [0]: expected uint8, got 256");
	FAILS(TENSORS, "{\"inputs\":{\"x\":[[1,2]]}}", INVALID_PARAMETER, "tensor 'y' is missing");
	FAILS(TENSORS, "{\"instances\":{\"x\":[[1,2]],\"y\":[1,2]}}", INVALID_PARAMETER,
		"'y' has 2 rows");
	FAILS_CSV(TENSOR, "a,b\n1,2\n", BAD_REQUEST, "send JSON");
}

static void is_element(const char *dtype, const char *value, const char *expected)
{
	const char *inputs = arena_printf(&arena,
		"[{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"%s\",\"shape\":[-1]}}]", dtype);
	const char *body = arena_printf(&arena, "{\"inputs\":[%s]}", value);

	if (expected != NULL)
		is_answer(inputs, NULL, INPUT_JSON, body,
			arena_printf(&arena, "{\"predictions\":[%s]}", expected));
	else
		is_refused(
			inputs, NULL, INPUT_JSON, body, ERR_INVALID_PARAMETER, "tensor 0 at [0]: ");
}

static void test_dtypes(void **state)
{
	is_element("bool", "1", "true");
	is_element("bool", "null", NULL);
	is_element("int8", "-128", "-128");
	is_element("int8", "-129", NULL);
	is_element("int16", "32768", NULL);
	is_element("uint32", "4294967295", "4294967295");
	is_element("uint64", "-1", NULL);
	is_element("int64", "null", NULL);
	is_element("int64", "1.5", NULL);
	/* Half precision: 11 bits, the last before overflow, and what is too small. */
	is_element("float16", "0.1", "0.0999755859375");
	is_element("float16", "2049", "2048.0");
	is_element("float16", "65519", "65504.0");
	is_element("float16", "65520", NULL);
	is_element("float16", "1e-9", "0.0");
	is_element("float16", "null", "null");
	is_element("float64", "\"x\"", NULL);
	is_element("str", "1.5", "1.5");
	is_element("str", "[]", NULL);
	is_element("datetime64[ns]", "\"2024-01-02\"", "\"2024-01-02T00:00:00\"");
	is_element("object", "[1]", "[1]");
}

static void test_params(void **state)
{
	OK_PARAMS("", "{\"t\":0.5,\"k\":3,\"stops\":[\"a\"]}");
	OK_PARAMS(",\"params\":null", "{\"t\":0.5,\"k\":3,\"stops\":[\"a\"]}");
	OK_PARAMS(",\"params\":{\"t\":1,\"k\":null,\"stops\":[null],\"z\":{}}",
		"{\"t\":1.0,\"k\":null,\"stops\":[null]}");
	FAILS_PARAMS(",\"params\":[]", "params: expected an object, got an array");
	FAILS_PARAMS(",\"params\":{\"t\":\"1\"}", "param 't': expected double");
	FAILS_PARAMS(",\"params\":{\"t\":true}", "param 't': expected double");
	FAILS_PARAMS(",\"params\":{\"k\":5.0}", "param 'k': expected integer");
	FAILS_PARAMS(",\"params\":{\"k\":2147483648}", "param 'k': expected integer");
	FAILS_PARAMS(",\"params\":{\"stops\":\"a\"}", "param 'stops': expected an array");
	FAILS_PARAMS(",\"params\":{\"stops\":[\"a\",1]}", "param 'stops' at [1]: expected string");
	/* Data first; and without a schema anything goes. */
	is_refused(LONG, PARAMS, INPUT_JSON, "{\"inputs\":[\"x\"],\"params\":5}",
		ERR_INVALID_PARAMETER, "column 'n'");
	OK(LONG, "{\"inputs\":[1],\"params\":5}", "[{\"n\":1}]");
	is_answer(TEXT, PARAMS, INPUT_CSV, "q\nx\n",
		"{\"predictions\":[{\"q\":\"x\"}]}{\"t\":0.5,\"k\":3,\"stops\":[\"a\"]}");
}

static void test_csv(void **state)
{
	OK_CSV(NONE, "a,b,c,d\n1,1.5,true,x\n,NA,null,NA\n",
		"[{\"a\":1,\"b\":1.5,\"c\":true,\"d\":\"x\"},"
		"{\"a\":null,\"b\":null,\"c\":null,\"d\":\"NA\"}]");
	OK_CSV(NONE, "a,b,c\n007,5.0,\n", "[{\"a\":7,\"b\":5.0,\"c\":null}]");
	OK_CSV(NONE, "a\n1\nx\n", "[{\"a\":\"1\"},{\"a\":\"x\"}]");
	OK_CSV(NONE, "a\ntrue\n1\n", "[{\"a\":\"true\"},{\"a\":\"1\"}]");
	OK_CSV(TWO, "z,n,q\n0,5.0,7\n0,NA,NA\n",
		"[{\"q\":\"7\",\"n\":5},{\"q\":\"NA\",\"n\":null}]");
	OK_CSV("[" COLUMN("boolean", "b") "]", "b\nTRUE\n0.0\n", "[{\"b\":true},{\"b\":false}]");
	OK_CSV("[" COLUMN("datetime", "d") "]", "d\n2024-01-02\nNone\n",
		"[{\"d\":\"2024-01-02T00:00:00\"},{\"d\":null}]");
	OK_CSV(UNNAMED, "a,b,c\n1,x,2\n", "[{\"a\":1,\"b\":\"x\"}]");
	FAILS_CSV(NONE, "a\n9223372036854775808\n", BAD_REQUEST, "is out of range");
	FAILS_CSV(NONE, "a\n1e400\n", BAD_REQUEST, "is out of range");
	FAILS_CSV(LONG, "n\nNA\n", INVALID_PARAMETER, "expected long");
	FAILS_CSV(
		"[" COLUMN("boolean", "b") "]", "b\ntRue\n", INVALID_PARAMETER, "expected boolean");
	FAILS_CSV(TWO, "n\n1\n", INVALID_PARAMETER, "column 'q' is missing");
	FAILS_CSV(TWO, "q;n\na;1\n", INVALID_PARAMETER, "(required); columns found: 'q;n';");
	FAILS_CSV("[" COLUMN("string", "subject") "," COLUMN("string", "object") "]",
		"object,sbject\na,b\n", INVALID_PARAMETER, "found 'sbject', did you mean that?");
}

/* Row and column, what was expected and what there was, cut where it is long, and a request that
 * works. */
static void test_messages(void **state)
{
	struct buf body = {0};

	FAILS(LONG, "{\"inputs\":[1,\"five\"]}", INVALID_PARAMETER,
		"row 1 (counted from 0), column 'n': expected long (a whole number of 64 bits), got "
		"\"five\"; a request that works: {\"dataframe_records\":[{\"n\":1}]}");
	FAILS(UNNAMED, "{\"inputs\":[[\"x\",1]]}", INVALID_PARAMETER, "column 0: expected long");
	buf_add_text(&body, "{\"inputs\":[\"");
	for (int i = 0; i < 5000; i++)
		buf_add_text(&body, "\xC3\xA9\\n");
	buf_add_text(&body, "\"]}");
	FAILS(LONG, buf_text(&body), INVALID_PARAMETER, "(15000 bytes); a request that works");
	buf_done(&body);
}

/* Few keys times many rows is small; many keys times many short rows is not. */
static void test_tables_are_limited(void **state)
{
	struct buf body = {0};

	buf_add_text(&body, "{\"dataframe_records\":[{");
	for (int i = 0; i < 20000; i++)
		buf_printf(&body, "%s\"k%d\":0", i > 0 ? "," : "", i);
	buf_add_char(&body, '}');
	for (int i = 0; i < 2000; i++)
		buf_add_text(&body, ",{}");
	buf_add_text(&body, "]}");
	FAILS(NONE, buf_text(&body), TOO_LARGE, "2001 rows and 20000 columns");
	/* A signature names what is wanted: the same request is small. */
	is_answer("[" OPTIONAL("long", "k9") "]", NULL, INPUT_JSON,
		"{\"dataframe_records\":[{\"k9\":1}]}", "{\"predictions\":[{\"k9\":1}]}");
	buf_done(&body);
}

/* Names that no record has in the same place, more of them than are compared one by one. */
static void test_many_columns(void **state)
{
	struct buf body = {0}, expected = {0};

	buf_add_text(&body, "{\"dataframe_records\":[{");
	buf_add_text(&expected, "{\"predictions\":[{");
	for (int i = 0; i < 100; i++) {
		buf_printf(&body, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
		buf_printf(&expected, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	}
	buf_add_text(&body, "},{");
	buf_add_text(&expected, "},{");
	for (int i = 0; i < 100; i++) {
		buf_printf(&body, "%s\"k%d\":%d", i > 0 ? "," : "", 99 - i, 99 - i);
		buf_printf(&expected, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	}
	buf_add_text(&body, "}]}");
	buf_add_text(&expected, "}]}");
	is_answer(NONE, NULL, INPUT_JSON, buf_text(&body), buf_text(&expected));
	buf_done(&body);
	buf_done(&expected);
}

/* A tree that was read already stays as it is. */
static void test_trees_are_copied(void **state)
{
	const struct signature signature = signature_of(&arena, NESTED, NULL);
	struct json tree, before;
	struct input input;
	struct error err = {0};

	assert_true(json_read(&arena, STR(ITEMS("[{\"name\":\"a\",\"qty\":\"2\"}]")), &tree, &err));
	before = json_copy(&arena, &tree);
	assert_true(input_read_tree(&arena, &signature, &tree, &input, &err));
	assert_true(json_equal(&tree, &before));
	assert_int_equal(json_at(&input.cells[0], STR("0.qty"))->integer, 2);
	assert_false(input_read_tree(&arena, &signature, NULL, &input, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
}

static const char *row_text(const char *inputs, const char *params, const char *body, size_t index)
{
	const struct signature signature = signature_of(&arena, inputs, params);
	char *copy = padded(body);
	struct input input;
	struct error err = {0};
	struct buf text = {0};

	assert_true(input_read(
		&arena, &signature, INPUT_JSON, (struct str){copy, strlen(body)}, &input, &err));
	assert_true(index < input_row_count(&input));
	const struct json row = input_row(&arena, &input, index);
	json_write(&text, &row);
	const char *result = arena_memdup(&arena, text.data, text.len);
	buf_done(&text);
	free(copy);
	return result;
}

static void test_rows(void **state)
{
	assert_string_equal(row_text(TWO, NULL, "{\"inputs\":[{\"q\":\"a\"},{\"q\":\"b\"}]}", 1),
		"{\"q\":\"b\"}");
	assert_string_equal(row_text(NONE, NULL, "{\"inputs\":[1,{\"a\":2}]}", 0), "{\"input\":1}");
	assert_string_equal(row_text(NONE, NULL, "{\"inputs\":[1,{\"a\":2}]}", 1), "{\"a\":2}");
	assert_string_equal(row_text(NONE, NULL, "{\"prompt\":\"p\"}", 0), "{\"prompt\":\"p\"}");
	assert_string_equal(row_text(NONE, NULL, "{\"inputs\":5,\"params\":{\"k\":1}}", 0),
		"{\"input\":5,\"k\":1}");
	/* A column of the same name wins. */
	assert_string_equal(
		row_text("[" COLUMN("string", "k") "]", PARAMS, "{\"inputs\":[\"x\"]}", 0),
		"{\"k\":\"x\",\"t\":0.5,\"stops\":[\"a\"]}");
}

/* Names of a wide row and of params meet in time that grows with them: the test's time-out tells.
 */
static void test_wide_rows(void **state)
{
	const struct signature signature = signature_of(&arena, NULL, NULL);
	struct buf body = {0};
	struct input input;
	struct error err = {0};

	buf_add_text(&body, "{\"inputs\":[{");
	for (int i = 0; i < 50000; i++)
		buf_printf(&body, "%s\"k%d\":1", i > 0 ? "," : "", i);
	buf_add_text(&body, "},1],\"params\":{");
	for (int i = 0; i < PARAMS_UNDECLARED_MAX; i++)
		buf_printf(&body, "%s\"k%d\":2", i > 0 ? "," : "", 50099 - i);
	buf_add_text(&body, "}}");
	buf_reserve(&body, JSON_PADDING);
	assert_true(input_read(&arena, &signature, INPUT_JSON, buf_str(&body), &input, &err));
	const struct json row = input_row(&arena, &input, 0);
	assert_int_equal(row.size, 50100);
	assert_int_equal(row.members[49999].value.integer, 1);
	assert_int_equal(row.members[50000].value.integer, 2);
	assert_int_equal(input_row(&arena, &input, 1).size, 1 + PARAMS_UNDECLARED_MAX);
	buf_done(&body);
}

static void test_undeclared_params_are_few(void **state)
{
	struct buf body = {0};

	buf_add_text(&body, "{\"inputs\":5,\"params\":{");
	for (int i = 0; i <= PARAMS_UNDECLARED_MAX; i++)
		buf_printf(&body, "%s\"k%d\":2", i > 0 ? "," : "", i);
	buf_add_text(&body, "}}");
	assert_string_equal(row_text(NONE, NULL, buf_text(&body), 0), "{\"input\":5}");
	buf_done(&body);
}

/* A path of long keys is cut before it pushes everything else out of the message. */
static void test_deep_places(void **state)
{
	struct buf inputs = {0}, body = {0};
	char key[81];

	memset(key, 'k', 80);
	key[80] = '\0';
	buf_add_text(&inputs, "[");
	for (int i = 0; i < 30; i++)
		buf_printf(&inputs,
			"{\"type\":\"map\"%s,\"values\":", i == 0 ? ",\"name\":\"n\"" : "");
	buf_add_text(&inputs, "{\"type\":\"long\"}");
	for (int i = 0; i < 30; i++)
		buf_add_char(&inputs, '}');
	buf_add_char(&inputs, ']');
	buf_add_text(&body, "{\"inputs\":{\"n\":");
	for (int i = 0; i < 30; i++)
		buf_printf(&body, "{\"%s\":", key);
	buf_add_text(&body, "\"x\"");
	for (int i = 0; i < 32; i++)
		buf_add_char(&body, '}');
	FAILS(buf_text(&inputs), buf_text(&body), INVALID_PARAMETER,
		"got \"x\"; a request that works");
	buf_done(&inputs);
	buf_done(&body);
}

/* A value that repeats costs its length in every row: {"inputs":{"q":"x…","n":[1,1,…]}}. */
static bool read_repeated(size_t row_count, size_t len, struct buf *out, struct error *err)
{
	const struct signature signature = signature_of(&arena, TWO, NULL);
	struct buf body = {0};
	struct input input;

	buf_add_text(&body, "{\"inputs\":{\"q\":\"");
	memset(buf_reserve(&body, len), 'x', len);
	body.len += len;
	buf_add_text(&body, "\",\"n\":[1");
	for (size_t i = 1; i < row_count; i++)
		buf_add_text(&body, ",1");
	buf_add_text(&body, "]}}");
	buf_reserve(&body, JSON_PADDING);
	const bool is_fine =
		input_read(&arena, &signature, INPUT_JSON, buf_str(&body), &input, err) &&
		input_write_within(out, &input, 1000, err);
	buf_done(&body);
	return is_fine;
}

static void repeated_values_are_charged(void **state)
{
	struct error err = {0};
	struct buf out = {0};

	/* {"predictions":[{"q":"xxxxxxxxxx","n":1}, …]} */
	assert_true(read_repeated(39, 10, &out, &err));
	assert_int_equal(out.len, 17 + 39 * 25);
	out.len = 0;
	assert_false(read_repeated(40, 10, &out, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_string_equal(err.text, "the answer is longer than 1000 bytes");
	out.len = 0;
	assert_false(read_repeated(50000, 10, &out, &err));
	assert_in_range(out.len, 1000, 1100);
	assert_false(read_repeated(50000, 100000, &out, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_string_equal(err.text, "inputs: the values that repeat are too long for 50000 rows");
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_media),
		cmocka_unit_test_setup_teardown(repeated_values_are_charged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_split, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_integer_cells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_number_cells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_cells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nulls_of_optional_columns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nested, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_llm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values_without_signature, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values_with_columns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tensors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dtypes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_params, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_csv, set_up, tear_down),
		cmocka_unit_test(test_media_of_a_html_form),
		cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tables_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_columns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trees_are_copied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wide_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_undeclared_params_are_few, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deep_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
