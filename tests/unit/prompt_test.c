/* Prompts: where they are read from, what they render, and which mistakes are told. */
#include "bundle_kit.h"

#include "model/prompt.h"

static int set_up(void **state)
{
	static struct kit kit;

	kit_init(&kit);
	problems_init(&kit.problems, &kit.arena);
	*state = &kit;
	return 0;
}

static int tear_down(void **state)
{
	kit_done(*state);
	return 0;
}

static const struct prompts *load(struct kit *kit, const char *path)
{
	return prompts_load(&kit->arena, &kit->problems, kit->dir, path);
}

static char *render(struct kit *kit, const struct template *template, const char *row)
{
	struct buf out = {0};
	struct error err = {0};
	struct json tree;

	assert_true(json_read(&kit->arena, str_of(row), &tree, &err));
	template_render(&out, template, &tree);
	char *text = arena_strdup(&kit->arena, buf_text(&out));
	buf_done(&out);
	return text;
}

static const struct template *one(struct kit *kit, const char *text)
{
	kit_folder(kit, "prompts");
	kit_write(kit, "prompts/one.txt", text);
	const struct prompts *prompts = load(kit, "prompts");
	kit_expect(kit, NULL);
	return prompts_get(prompts, STR("one"));
}

static void test_values(void **state)
{
	struct kit *kit = *state;
	const struct template *template = one(kit,
		"{{question}} {{ spaced }}|{{a.b}}|{{list.1}}|{{n}}|{{d}}|{{yes}}|{{no}}|{{absent}}|{{object}}.\n");

	assert_string_equal(
		render(kit, template,
			"{\"question\":\"Why \\\"so\\\"?\",\"spaced\":\"s\",\"a\":{\"b\":\"deep\"},\"list\":[1,\"two\"],"
			"\"n\":7,\"d\":0.5,\"yes\":true,\"no\":null,\"object\":{\"k\":[\"ä\",null]}}"),
		"Why \"so\"? s|deep|two|7|0.5|true|||{\"k\":[\"ä\",null]}.");
}

/* What a value holds is text: it is never read as a template. */
static void test_values_are_not_templates(void **state)
{
	struct kit *kit = *state;

	assert_string_equal(
		render(kit, one(kit, "{{a}}{{b}}"), "{\"a\":\"{{b}}\",\"b\":\"{{a}}\"}"),
		"{{b}}{{a}}");
}

static void test_braces(void **state)
{
	struct kit *kit = *state;

	assert_string_equal(
		render(kit, one(kit, "{\"a\": {{{x}}}, }} { } {y} {{{{x}}"), "{\"x\":1}"),
		"{\"a\": {1}, }} { } {y} {{1");
}

static void test_variables(void **state)
{
	struct kit *kit = *state;
	size_t count = 0;
	const struct template *template = one(kit, "{{a}}\n\n{{b.c}} {{a}}\n");
	const struct template_variable *variables = template_variables(template, &count);

	assert_int_equal(count, 3);
	assert_true(str_is(variables[1].path, "b.c"));
	assert_string_equal(variables[1].file, "prompts/one.txt");
	assert_int_equal(variables[0].line, 1);
	assert_int_equal(variables[1].line, 3);
	assert_int_equal(variables[2].line, 3);
	assert_true(str_is(template_name(template), "one"));
	assert_string_equal(render(kit, template, "{\"a\":1,\"b\":{\"c\":2}}"), "1\n\n2 1");
}

static void test_yaml(void **state)
{
	struct kit *kit = *state;

	kit_write(kit, "prompts.yaml", "first: Say {{x}}\nsecond: |\n  Two\n  lines of {{x}}\n");
	const struct prompts *prompts = load(kit, "prompts.yaml");
	kit_expect(kit, NULL);
	assert_int_equal(prompts_count(prompts), 2);
	assert_true(str_is(template_name(prompts_at(prompts, 1)), "second"));
	assert_string_equal(render(kit, prompts_get(prompts, STR("second")), "{\"x\":\"it\"}"),
		"Two\nlines of it");
	assert_null(prompts_get(prompts, STR("third")));
}

static void test_folder(void **state)
{
	struct kit *kit = *state;

	kit_folder(kit, "prompts");
	kit_write(kit, "prompts/b.txt", "B");
	kit_write(kit, "prompts/a.txt", "A\r\n");
	kit_write(kit, "prompts/notes.md", "no template {{");
	const struct prompts *prompts = load(kit, "prompts");
	kit_expect(kit, NULL);
	assert_int_equal(prompts_count(prompts), 2);
	assert_string_equal(render(kit, prompts_at(prompts, 0), "{}"), "A");
	assert_int_equal(prompts_count(load(kit, NULL)), 0);
}

static void test_mistakes(void **state)
{
	struct kit *kit = *state;

	kit_folder(kit, "prompts");
	kit_write(kit, "prompts/a.txt", "fine {{a}}\n{{ }} and {{b\n}} and {{{\n{{open");
	kit_write(kit, "prompts/b.txt", "");
	kit_write(kit, "prompts/c.txt", "\n");
	kit_write(kit, "prompts/d.txt", "bad \xff byte");
	kit_write(kit, "prompts.yaml", "a: 7\nb: [x]\nc: |\n  {{\n");
	kit_write(kit, "list.yaml", "- a\n");
	kit_write(kit, "broken.yaml", "a: 1\nb: [\n");
	load(kit, "prompts");
	load(kit, "prompts.yaml");
	load(kit, "list.yaml");
	load(kit, "broken.yaml");
	load(kit, "none.yaml");
	load(kit, "../prompts");
	kit_expect(kit, "prompts/a.txt:2: '{{' opens no variable…",
		"prompts/a.txt:2: '{{' opens no variable…",
		"prompts/a.txt:3: '{{' opens no variable…",
		"prompts/a.txt:4: '{{' opens no variable…", "prompts/b.txt:1: is empty",
		"prompts/c.txt:1: is empty", "prompts/d.txt:1: is no valid UTF-8",
		"prompts.yaml:1: a: expected text, got an integer",
		"prompts.yaml:2: b: expected text, got an array",
		"prompts.yaml:3: c: '{{' opens no variable…",
		"list.yaml:1: expected an object, name to template, got an array", "broken.yaml:…",
		"none.yaml: no such file in the bundle",
		"../prompts: '../prompts' is no path inside the bundle", NULL);
}

/* A template of nothing but opening braces costs no more than its length. */
static void test_many_braces(void **state)
{
	struct kit *kit = *state;
	const size_t size = 1 << 20;
	char *text = arena_alloc(&kit->arena, size);

	for (size_t i = 0; i < size; i++)
		text[i] = i % 3 == 2 ? 'a' : '{';
	text[size - 1] = '\0';
	kit_folder(kit, "prompts");
	kit_write(kit, "prompts/one.txt", text);
	load(kit, "prompts");
	assert_int_equal(kit->problems.count, PROBLEMS_MAX);
}

static void test_links_are_not_followed(void **state)
{
	struct kit *kit = *state;

	kit_folder(kit, "prompts");
	assert_int_equal(
		symlink("/etc/hostname", arena_printf(&kit->arena, "%s/prompts/a.txt", kit->dir)),
		0);
	assert_int_equal(mkfifo(arena_printf(&kit->arena, "%s/prompts/b.txt", kit->dir), 0600), 0);
	load(kit, "prompts");
	kit_expect(kit, "prompts/a.txt: symbolic links are not read",
		"prompts/b.txt: is no regular file", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values_are_not_templates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_braces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_variables, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_yaml, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_braces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links_are_not_followed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
