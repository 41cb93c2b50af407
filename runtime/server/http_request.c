/* The request as its handler sees it: views into the desk's bytes, which stay until it was
 * answered. */
#include "server/http_server.h"

static void fields_build(
	struct http_request *request, const struct http_parse *parse, const char *text)
{
	struct http_field *fields =
		arena_array(request->arena, parse->field_count, sizeof(*fields));

	for (uint32_t i = 0; i < parse->field_count; i++) {
		const struct http_span_field *span = &parse->fields[i];

		fields[i].name = (struct str){text + span->name.at, span->name.len};
		fields[i].value = (struct str){text + span->value.at, span->value.len};
	}
	request->fields = fields;
	request->field_count = parse->field_count;
}

void http_request_build(struct http_conn *conn)
{
	struct http_desk *desk = conn->desk;
	const struct http_parse *parse = &desk->parse;
	const char *text = desk->data + desk->begin;

	desk->request = (struct http_request){
		.conn = conn,
		.arena = &desk->arena,
		.loop = conn->server->loop,
		.method = parse->method,
		.method_text = {text + parse->method_text.at, parse->method_text.len},
		.target = {text + parse->target.at, parse->target.len},
		.path = http_path_decode(&desk->arena, text, parse),
		.query = {text + parse->query.at, parse->query.len},
		.client_subject = str_of(conn->client_subject),
		.body = http_body_text(desk, parse),
		.is_streamed = desk->is_streamed,
		.body_length = parse->framing == HTTP_CHUNKED ? HTTP_LENGTH_UNKNOWN : parse->length,
		.started_ns = conn->first_byte_ns,
	};
	fields_build(&desk->request, parse, text);
}

struct str http_field_get(const struct http_request *request, const char *name)
{
	const struct str wanted = str_of(name);

	for (size_t i = 0; i < request->field_count; i++)
		if (request->fields[i].name.len == wanted.len &&
			str_eq_nocase(request->fields[i].name, wanted))
			return request->fields[i].value;
	return (struct str){NULL, 0};
}
