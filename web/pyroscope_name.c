/* SPDX-License-Identifier: Apache-2.0 */
#include "web/pyroscope_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "NAME=VALUE" in text, which is cut there. */
static int add_label(struct pyroscope_name *name, char *text)
{
	char *equals = strchr(text, '=');

	if (!*text)
		return 0;
	if (!equals || equals == text)
		return -EINVAL;
	if (name->label_count == STORE_LABELS_MAX)
		return -E2BIG;
	*equals = '\0';
	name->labels[name->label_count++] = (struct store_label){ text, equals + 1 };
	return 0;
}

int pyroscope_name_parse(const char *name, struct pyroscope_name *ret)
{
	char *at, *end;
	int err = 0;

	*ret = (struct pyroscope_name){ .text = strdup(name) };
	if (!ret->text)
		return -ENOMEM;
	ret->application = ret->text;
	at = strchr(ret->text, '{');
	if (at) {
		*at++ = '\0';
		end = at + strlen(at);
		if (end == at || end[-1] != '}')
			return -EINVAL;
		end[-1] = '\0';
	}
	while (at && !err) {
		char *comma = strchr(at, ',');

		if (comma)
			*comma = '\0';
		err = add_label(ret, at);
		at = comma ? comma + 1 : NULL;
	}
	return !err && !*ret->application ? -EINVAL : err;
}

void pyroscope_name_done(struct pyroscope_name *name)
{
	free(name->text);
	name->text = NULL;
}

const char *pyroscope_name_take_kind(struct pyroscope_name *name)
{
	/* Those that its clients have. */
	static const char *const words[] = { "cpu",
					     "wall",
					     "off_cpu",
					     "itimer",
					     "alloc_objects",
					     "alloc_space",
					     "inuse_objects",
					     "inuse_space",
					     "goroutines",
					     "mutex_count",
					     "mutex_duration",
					     "block_count",
					     "block_duration",
					     "lock_count",
					     "lock_duration" };
	char *dot = strrchr(name->text, '.');

	for (size_t i = 0; dot && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(dot + 1, words[i]) != 0)
			continue;
		*dot = '\0';
		if (strcmp(words[i], "cpu") == 0)
			return "on-cpu";
		return strcmp(words[i], "off_cpu") == 0 ? "off-cpu" : words[i];
	}
	return NULL;
}
