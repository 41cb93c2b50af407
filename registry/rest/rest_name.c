#include "rest/rest_name.h"

#include <stdlib.h>

/* At most seven and six letters: with the number no name has more than the 20 characters that MLflow allows itself. */
static const char *const ADJECTIVES[] = {"able", "amber", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid",
	"careful", "cheery", "civil", "clear", "clever", "cosy", "crisp", "curious", "dapper", "daring", "eager", "early",
	"earnest", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "handy", "hardy", "honest",
	"humble", "jolly", "keen", "kind", "lively", "loyal", "lucky", "mellow", "merry", "mild", "modest", "neat", "nimble",
	"noble", "patient", "placid", "plucky", "polite", "proud", "quick", "quiet", "ready", "robust", "serene", "sharp",
	"silent", "sleek", "smart", "snug", "sober", "solid", "steady", "sturdy", "sunny", "swift", "tidy", "trusty", "upbeat",
	"valiant", "vivid", "warm", "wise", "witty", "zesty"};
static const char *const ANIMALS[] = {"badger", "bat", "bear", "beaver", "bee", "bison", "bream", "carp", "cat", "cod", "crab",
	"crane", "crow", "deer", "dingo", "dove", "duck", "eagle", "eel", "egret", "elk", "emu", "falcon", "ferret", "finch",
	"fox", "frog", "gecko", "goat", "goose", "grouse", "hare", "hawk", "heron", "horse", "ibex", "jay", "kite", "koala",
	"lark", "lemur", "lion", "llama", "lynx", "magpie", "marten", "mole", "moose", "moth", "mouse", "newt", "orca", "otter",
	"owl", "panda", "perch", "pike", "pony", "puffin", "quail", "raven", "robin", "salmon", "seal", "sheep", "shrew",
	"snail", "stoat", "stork", "swan", "tapir", "tern", "tiger", "toad", "trout", "turtle", "vole", "weasel",
	"whale", "wolf", "wombat", "wren", "yak", "zebra"};

/* Four hex digits of an id as a number. */
static unsigned draw(struct str digits, size_t at)
{
	char text[5] = {0};

	memcpy(text, digits.data + at, 4);
	return (unsigned)strtoul(text, NULL, 16);
}

struct str rest_new_name(struct rest_call *call)
{
	const struct str digits = rest_new_id(call, "");

	return str_of(arena_printf(call->arena, "%s-%s-%u",
		ADJECTIVES[draw(digits, 0) % (sizeof(ADJECTIVES) / sizeof(*ADJECTIVES))],
		ANIMALS[draw(digits, 4) % (sizeof(ANIMALS) / sizeof(*ANIMALS))], draw(digits, 8) % 1000));
}
