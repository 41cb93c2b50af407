/* Asking for a recording. Files are read in recordings_load.c, misses explained in
 * recordings_near.c. */
#include "model/recordings.h"

#include "model/recordings_table.h"
#include "model/schema.h"

struct recordings_position {
	struct recordings_position *next;
	const struct digest *key;
	const struct recording *played; /* the one that answered last */
};

static struct json messages_json(struct arena *arena, const struct chat *chat)
{
	struct json messages = json_array();

	for (unsigned i = 0; i < chat->count; i++) {
		const struct chat_message *message = &chat->messages[i];
		struct json item = json_object();

		json_set(arena, &item, STR("role"),
			json_string(str_of(chat_role_name(message->role))));
		json_set(arena, &item, STR("content"), json_string(message->text));
		json_append(arena, &messages, item);
	}
	return messages;
}

struct json recordings_request(
	struct arena *arena, const struct llm_question *question, const struct model_spec *model)
{
	const struct json sampling = chat_sampling(arena, question->chat, model);
	struct json request = json_object();

	json_set(arena, &request, STR("model"), json_string(model->name));
	json_set(arena, &request, STR("messages"), messages_json(arena, question->chat));
	for (size_t i = 0; i < sampling.size; i++)
		json_set(arena, &request, json_str(&sampling.members[i].key), sampling.members[i].value);
	if (question->schema != NULL)
		json_set(arena, &request, STR("schema"), *schema_tree(question->schema));
	return request;
}

size_t recordings_count(const struct recordings *recordings)
{
	return recordings != NULL ? recordings->count : 0;
}

static size_t slot_of(const struct recordings *recordings, const struct digest *key)
{
	size_t hash;

	memcpy(&hash, key->bytes, sizeof(hash));
	return hash & (recordings->slot_count - 1);
}

struct recording **recordings_slot(const struct recordings *recordings, const struct digest *key)
{
	size_t at = slot_of(recordings, key);

	while (recordings->slots[at] != NULL && !digest_eq(&recordings->slots[at]->key, key))
		at = (at + 1) & (recordings->slot_count - 1);
	return &recordings->slots[at];
}

static const struct recording *advance(
	struct recordings_played *played, struct arena *arena, const struct recording *first)
{
	struct recordings_position *position = played->first;

	while (position != NULL && !digest_eq(position->key, &first->key))
		position = position->next;
	if (position == NULL) {
		position = arena_alloc(arena, sizeof(*position));
		*position = (struct recordings_position){
			.next = played->first, .key = &first->key, .played = first};
		played->first = position;
	} else if (position->played->next != NULL) {
		position->played = position->played->next;
	}
	return position->played;
}

const struct recording *recordings_play(const struct recordings *recordings,
	struct recordings_played *played, struct arena *arena, const struct json *request,
	struct error *err)
{
	struct buf canonical = {0};

	json_write_canonical(&canonical, request);

	const struct digest key = digest_of(buf_str(&canonical));
	const struct recording *first =
		recordings != NULL ? *recordings_slot(recordings, &key) : NULL;

	if (first == NULL)
		recordings_tell_miss(recordings, request, buf_str(&canonical), err);
	buf_done(&canonical);
	return first != NULL ? advance(played, arena, first) : NULL;
}
