/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of [agent], and what keys of all sections have in common: a value becomes a field. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"
#include "flamegraph/utf8.h"

#define SECOND_US       UINT64_C(1000000)
#define PERCENT_PLACES  3 /* decimals */
#define PERCENT_SIZE    16
#define USER_LENGTH_MAX 64

/* What every row says of its own values. */
static int refuse(struct config_reader *reader, const char *value)
{
	config_mistake(reader, "'%.*s' is not %s", CONFIG_SHOWN_MAX, value, reader->key->limits);
	return -EINVAL;
}

static int put_number(struct config_reader *reader, uint64_t *field, int err, uint64_t number,
		      const char *value)
{
	if (err < 0 || number < reader->key->min || number > reader->key->max)
		return refuse(reader, value);
	*field = number;
	return 0;
}

int config_set_time(struct config_reader *reader, void *field, const char *value)
{
	uint64_t number = 0;
	int err = config_parse_time(value, SECOND_US, &number);

	return put_number(reader, field, err, number, value);
}

int config_set_microseconds(struct config_reader *reader, void *field, const char *value)
{
	uint64_t number = 0;
	int err;

	if (!value) {
		*(uint64_t *)field = 0;
		return 0;
	}
	err = config_parse_time(value, 1, &number);
	return put_number(reader, field, err, number, value);
}

int config_set_size(struct config_reader *reader, void *field, const char *value)
{
	uint64_t number = 0;
	int err = config_parse_size(value, &number);

	return put_number(reader, field, err, number, value);
}

int config_set_number(struct config_reader *reader, void *field, const char *value)
{
	uint64_t number = 0;
	int err = parse_u64(value, 0, UINT64_MAX, &number);

	return put_number(reader, field, err, number, value);
}

int config_set_percent(struct config_reader *reader, void *field, const char *value)
{
	struct decimal_number number;
	char digits[PERCENT_SIZE];
	size_t length = strlen(value);
	double percent;

	if (length > 0 && value[length - 1] == '%')
		length--;
	if (length >= sizeof(digits))
		return refuse(reader, value);
	memcpy(digits, value, length);
	digits[length] = '\0';
	if (parse_decimal(digits, reader->key->max, PERCENT_PLACES, &number) < 0)
		return refuse(reader, value);
	percent = (double)number.digits;
	for (unsigned int i = 0; i < number.decimals; i++)
		percent /= 10;
	*(double *)field = percent;
	return 0;
}

int config_set_flag(struct config_reader *reader, void *field, const char *value)
{
	if (config_parse_flag(value, field) < 0)
		return refuse(reader, value);
	return 0;
}

/* Index of value among names, or -EINVAL after a mistake. */
static int choose(struct config_reader *reader, const char *value, const char *const *names,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(value, names[i]) == 0)
			return (int)i;
	}
	return refuse(reader, value);
}

#define CHOOSE(reader, value, names)                                                               \
	choose(reader, value, names, sizeof(names) / sizeof((names)[0]))

int config_set_unwind(struct config_reader *reader, void *field, const char *value)
{
	static const char *const names[] = { "auto", "fp", "none" };
	static const enum unwind_mode modes[] = { UNWIND_TABLES, UNWIND_FRAME_POINTERS,
						  UNWIND_NONE };
	int choice = CHOOSE(reader, value, names);

	if (choice < 0)
		return choice;
	*(enum unwind_mode *)field = modes[choice];
	return 0;
}

int config_set_split(struct config_reader *reader, void *field, const char *value)
{
	static const char *const names[] = {
		[SPLIT_CGROUP] = "cgroup", [SPLIT_COMM] = "comm", [SPLIT_HOST] = "host"
	};
	int choice = CHOOSE(reader, value, names);

	if (choice < 0)
		return choice;
	*(enum service_split *)field = (enum service_split)choice;
	return 0;
}

int config_set_log_level(struct config_reader *reader, void *field, const char *value)
{
	static const char *const names[] = { [LOG_LEVEL_ERROR] = "error",
					     [LOG_LEVEL_WARNING] = "warning",
					     [LOG_LEVEL_INFO] = "info",
					     [LOG_LEVEL_DEBUG] = "debug" };
	int choice = CHOOSE(reader, value, names);

	if (choice < 0)
		return choice;
	*(enum log_level *)field = (enum log_level)choice;
	return 0;
}

int config_set_style(struct config_reader *reader, void *field, const char *value)
{
	static const char *const names[] = {
		[S3_PATH] = "path", [S3_VIRTUAL_HOST] = "virtual-host"
	};
	int choice = CHOOSE(reader, value, names);

	if (choice < 0)
		return choice;
	*(enum s3_style *)field = (enum s3_style)choice;
	return 0;
}

int config_set_kinds(struct config_reader *reader, void *field, const char *value)
{
	static const char *const names[] = { "on-cpu", "off-cpu" };
	struct record_options *record = field;
	bool has[2];
	const char *bad = NULL;
	int length = 0;

	if (config_parse_list(value, names, 2, has, &bad, &length) < 0) {
		config_mistake(reader, "'%.*s' is none of on-cpu, off-cpu", length, bad);
		return -EINVAL;
	}
	record->on_cpu = has[0];
	record->off_cpu = has[1];
	return 0;
}

int config_set_pids(struct config_reader *reader, void *field, const char *value)
{
	struct record_options *record = field;
	size_t count = 0;
	const char *bad = NULL;
	int length = 0, err = 0;

	if (value)
		err = parse_ids(value, record->ids, &count, &bad, &length);
	if (err == -E2BIG)
		config_mistake(reader, "more than %d processes", TARGET_IDS_MAX);
	else if (err < 0)
		config_mistake(reader, "'%.*s' is not a process id", length, bad);
	if (err < 0)
		return -EINVAL;
	record->id_count = count;
	return 0;
}

int config_set_cpu(struct config_reader *reader, void *field, const char *value)
{
	uint64_t cpu;

	if (!value) {
		*(int *)field = -1;
		return 0;
	}
	if (parse_u64(value, 0, INT_MAX, &cpu) < 0)
		return refuse(reader, value);
	*(int *)field = (int)cpu;
	return 0;
}

/* A copy in place of what was there. */
int config_put_text(void *field, const char *value)
{
	char **text = field;
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*text);
	*text = copy;
	return 0;
}

int config_set_path(struct config_reader *reader, void *field, const char *value)
{
	if (value && strlen(value) >= PATH_MAX) {
		config_mistake(reader, "the path is longer than %d bytes", PATH_MAX - 1);
		return -EINVAL;
	}
	return config_put_text(field, value);
}

int config_set_socket(struct config_reader *reader, void *field, const char *value)
{
	if (strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return refuse(reader, value);
	return config_put_text(field, value);
}

int config_set_text(struct config_reader *reader, void *field, const char *value)
{
	if (value && (strlen(value) > CONFIG_TEXT_MAX || strchr(value, '/')))
		return refuse(reader, value);
	if (value && !utf8_is_valid(value, strlen(value))) {
		config_mistake(reader, "the value is not UTF-8");
		return -EINVAL;
	}
	return config_put_text(field, value);
}

/* Whether there is such a user is asked where it matters. */
int config_set_user(struct config_reader *reader, void *field, const char *value)
{
	bool is_number = value && isdigit((unsigned char)*value);

	if (value &&
	    (strlen(value) > USER_LENGTH_MAX ||
	     strspn(value, is_number ? "0123456789:"
				     : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._-") != strlen(value)))
		return refuse(reader, value);
	return config_put_text(field, value);
}
