/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor_mounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* "ID PARENT DEV ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE SUPEROPTIONS" (man 5 proc). */
#define FIELD_MOUNT_POINT 4

/* The value of an option NAME=VALUE among those between commas; NULL when it is not there. */
static const char *option_value(const char *options, const char *name)
{
	size_t length = strlen(name);

	while (options && *options) {
		if (!strncmp(options, name, length) && options[length] == '=')
			return options + length + 1;
		options = strchr(options, ',');
		options = options ? options + 1 : NULL;
	}
	return NULL;
}

static bool is_value(const char *value, const char *number, const char *word)
{
	size_t length = strcspn(value, ",\n");

	return (length == strlen(number) && !strncmp(value, number, length)) ||
	       (length == strlen(word) && !strncmp(value, word, length));
}

static enum proc_hiding hiding_of(const char *value)
{
	if (is_value(value, "1", "noaccess"))
		return PROC_NO_ACCESS;
	if (is_value(value, "2", "invisible"))
		return PROC_INVISIBLE;
	return is_value(value, "4", "ptraceable") ? PROC_PTRACEABLE : PROC_OPEN;
}

/* Field number n, from 0 on, in place; NULL when there are not so many. */
static char *field_of(char *line, int n)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);

	while (field && n-- > 0)
		field = strtok_r(NULL, " ", &save);
	return field;
}

/* The last mount over a place is the one that is seen. */
static void read_proc(const char *super_options, struct doctor_mounts *ret)
{
	const char *hiding = option_value(super_options, "hidepid");
	const char *subset = option_value(super_options, "subset");

	ret->has_proc = true;
	ret->hiding = hiding ? hiding_of(hiding) : PROC_OPEN;
	ret->has_pids_only = subset && is_value(subset, "pid", "pid");
}

static void read_mount(char *line, struct doctor_mounts *ret)
{
	char *tail = strstr(line, " - "), *type, *options, *point, *save = NULL;

	if (!tail)
		return;
	*tail = '\0';
	point = field_of(line, FIELD_MOUNT_POINT);
	type = strtok_r(tail + strlen(" - "), " \n", &save);
	(void)strtok_r(NULL, " ", &save);
	options = strtok_r(NULL, " ", &save);
	if (!point || !type)
		return;
	if (!strcmp(type, "proc") && !strcmp(point, "/proc"))
		read_proc(options, ret);
	else if (!strcmp(type, "cgroup"))
		ret->has_cgroup_v1 = true;
	else if (!strcmp(type, "cgroup2") && !ret->cgroup2[0])
		(void)snprintf(ret->cgroup2, sizeof(ret->cgroup2), "%s", point);
}

void doctor_mounts_read(FILE *file, struct doctor_mounts *ret)
{
	CLEANUP(cleanup_free) char *line = NULL;
	size_t size = 0;

	*ret = (struct doctor_mounts){ 0 };
	while (getline(&line, &size, file) > 0)
		read_mount(line, ret);
}
