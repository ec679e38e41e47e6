/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/spool_parts.h"
#include "base/cleanup.h"
#include "flamegraph/utf8.h"

#define SIZE_BEGINNING "{\"size\":\""
#define SIZE_DIGITS    20 /* of the largest number; the size is known when all else is written */
#define KIND_COUNT     (PROFILE_BOTH + 1)

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

static void cleanup_json_text(char **text)
{
	cJSON_free(*text);
}

static void cleanup_head(struct spool_head *head)
{
	spool_head_done(head);
}

/* NULL without memory. */
static cJSON *make_string(const char *text)
{
	size_t length = strlen(text);
	CLEANUP(cleanup_free) char *repaired = malloc(UTF8_GROWTH_MAX * length + 1);

	if (!repaired)
		return NULL;
	repaired[utf8_repair(text, length, repaired)] = '\0';
	return cJSON_CreateString(repaired);
}

/* Takes item, which is NULL when there was no memory for it. */
static bool add_item(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item))
		return true;
	cJSON_Delete(item);
	return false;
}

static bool add_text(cJSON *object, const char *name, const char *text)
{
	return add_item(object, name, make_string(text));
}

static bool add_number(cJSON *object, const char *name, uint64_t number)
{
	char digits[SIZE_DIGITS + 1];

	(void)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	return add_item(object, name, cJSON_CreateString(digits));
}

/* [["name","value"],...]: a name may be there twice, and in its order. */
static cJSON *make_labels(const struct profile_file *file)
{
	CLEANUP(cleanup_json) cJSON *labels = cJSON_CreateArray();

	for (size_t i = 0; labels && i < file->label_count; i++) {
		cJSON *pair = cJSON_CreateArray();
		cJSON *name = make_string(file->labels[i].name);
		cJSON *value = make_string(file->labels[i].value);

		/* Each of them is the pair's, or freed. */
		if (!pair || !name || !value || !cJSON_AddItemToArray(labels, pair)) {
			cJSON_Delete(pair);
			cJSON_Delete(name);
			cJSON_Delete(value);
			return NULL;
		}
		(void)cJSON_AddItemToArray(pair, name);
		(void)cJSON_AddItemToArray(pair, value);
	}
	return TAKE(labels);
}

/* Strings alone that are longer than a head are not worth the work. */
static bool is_too_long(const struct profile_file *file)
{
	size_t length = strlen(file->service) + strlen(file->host);

	if (file->label_count > SPOOL_HEAD_LABELS_MAX)
		return true;
	for (size_t i = 0; i < file->label_count && length < SPOOL_HEAD_MAX; i++)
		length += strlen(file->labels[i].name) + strlen(file->labels[i].value);
	return length >= SPOOL_HEAD_MAX;
}

int spool_head_make(const struct profile_file *file, char **ret)
{
	CLEANUP(cleanup_json) cJSON *json = cJSON_CreateObject();
	CLEANUP(cleanup_json_text) char *text = NULL;
	char size[SIZE_DIGITS + 1];
	char *line;

	if (is_too_long(file))
		return -E2BIG;
	(void)snprintf(size, sizeof(size), "%0*d", SIZE_DIGITS, 0);
	if (!json || !add_text(json, "size", size) ||
	    !add_text(json, "kind", profile_kind_name(file->kind)) ||
	    !add_text(json, "format", profile_format_name(file->format)) ||
	    !add_number(json, "from_ns", file->from_ns) ||
	    !add_number(json, "until_ns", file->until_ns) ||
	    !add_number(json, "sample_hz", file->sample_hz) ||
	    !add_text(json, "service", file->service) || !add_text(json, "host", file->host) ||
	    !add_item(json, "labels", make_labels(file)))
		return -ENOMEM;
	text = cJSON_PrintUnformatted(json);
	if (!text)
		return -ENOMEM;
	if (strlen(text) + 1 > SPOOL_HEAD_MAX)
		return -E2BIG;
	if (asprintf(&line, "%s\n", text) < 0)
		return -ENOMEM;
	*ret = line;
	return 0;
}

int spool_head_set_size(int fd, uint64_t size)
{
	char digits[SIZE_DIGITS + 1];
	ssize_t n;

	(void)snprintf(digits, sizeof(digits), "%0*" PRIu64, SIZE_DIGITS, size);
	n = pwrite(fd, digits, SIZE_DIGITS, sizeof(SIZE_BEGINNING) - 1);
	if (n < 0)
		return -errno;
	return n == SIZE_DIGITS ? 0 : -EIO;
}

void spool_head_done(struct spool_head *head)
{
	cJSON_Delete(head->json);
	free(head->labels);
	*head = (struct spool_head){ 0 };
}

/* NULL: there is none, or it is not text. */
static const char *text_of(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	return text && utf8_is_valid(text, strlen(text)) ? text : NULL;
}

static const char *get_text(const struct spool_head *head, const char *name)
{
	return text_of(cJSON_GetObjectItemCaseSensitive(head->json, name));
}

static bool get_number(const struct spool_head *head, const char *name, uint64_t *ret)
{
	const char *text = get_text(head, name);
	char *end;
	unsigned long long number;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = number;
	return true;
}

static bool get_kind(const struct spool_head *head, enum profile_kind *ret)
{
	const char *text = get_text(head, "kind");

	for (int i = 0; text && i < KIND_COUNT; i++) {
		if (strcmp(text, profile_kind_name((enum profile_kind)i)) == 0) {
			*ret = (enum profile_kind)i;
			return true;
		}
	}
	return false;
}

static bool get_format(const struct spool_head *head, enum profile_format *ret)
{
	const char *text = get_text(head, "format");

	for (int i = 0; text && i < PROFILE_FORMAT_COUNT; i++) {
		if (strcmp(text, profile_format_name((enum profile_format)i)) == 0) {
			*ret = (enum profile_format)i;
			return true;
		}
	}
	return false;
}

/* 0, -EBADMSG or -ENOMEM. */
static int get_labels(struct spool_head *head)
{
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(head->json, "labels");
	int count = cJSON_IsArray(labels) ? cJSON_GetArraySize(labels) : -1;
	const cJSON *pair;
	size_t i = 0;

	if (count < 0 || count > SPOOL_HEAD_LABELS_MAX)
		return -EBADMSG;
	head->labels = calloc((size_t)count + 1, sizeof(*head->labels));
	if (!head->labels)
		return -ENOMEM;
	cJSON_ArrayForEach(pair, labels)
	{
		struct profile_label *label = &head->labels[i++];

		if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2)
			return -EBADMSG;
		label->name = text_of(cJSON_GetArrayItem(pair, 0));
		label->value = text_of(cJSON_GetArrayItem(pair, 1));
		if (!label->name || !label->value)
			return -EBADMSG;
	}
	head->file.labels = head->labels;
	head->file.label_count = (size_t)count;
	return 0;
}

static int bad(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EBADMSG;
}

int spool_head_parse(const char *line, size_t length, struct spool_head *ret,
		     const char **ret_reason)
{
	CLEANUP(cleanup_head) struct spool_head head = { 0 };
	struct profile_file *file = &head.file;
	const char *end = NULL;
	int err;

	head.json = cJSON_ParseWithLengthOpts(line, length, &end, false);
	if (!cJSON_IsObject(head.json) || end != line + length)
		return bad(ret_reason, "its first line is not JSON");
	if (!get_number(&head, "size", &head.size))
		return bad(ret_reason, "its head has no size");
	if (!get_kind(&head, &file->kind))
		return bad(ret_reason, "its head has no kind of profile that is known");
	if (!get_format(&head, &file->format))
		return bad(ret_reason, "its head has no format that is known");
	if (!get_number(&head, "from_ns", &file->from_ns) ||
	    !get_number(&head, "until_ns", &file->until_ns))
		return bad(ret_reason, "its head has no times");
	if (!get_number(&head, "sample_hz", &file->sample_hz))
		return bad(ret_reason, "its head has no rate");
	file->service = get_text(&head, "service");
	file->host = get_text(&head, "host");
	if (!file->service || !*file->service || !file->host)
		return bad(ret_reason, "its head has no service or no host");
	err = get_labels(&head);
	if (err == -EBADMSG)
		return bad(ret_reason, "its head has labels that are none");
	if (err < 0)
		return err;
	*ret = head;
	head = (struct spool_head){ 0 };
	return 0;
}
