/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path is read from the outermost directory on; what each adds is kept in struct reading, in
 * which what is further in takes the place of what is further out.
 */
#include "agent/service_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/unit_name.h"
#include "flamegraph/utf8.h"

#define CONTAINER_ID_LENGTH 64
#define SHORT_ID_LENGTH     12

_Static_assert(UNIT_NAME_SIZE == SERVICE_NAME_SIZE, "one fits where the other does");

struct reading {
	struct service_name found; /* but for its name */
	char parent[UNIT_NAME_SIZE];
	char unit[UNIT_NAME_SIZE];  /* the name of found.unit */
	char slice[UNIT_NAME_SIZE]; /* the innermost one outside of a container, without ".slice" */
	char plain[UNIT_NAME_SIZE]; /* what is neither, joined by "-", from the innermost slice on
				     */
	bool is_anonymous;          /* in what was made for one command */
	bool is_units;              /* the container is all that its unit is there for */
};

static bool is_control(uint32_t rune)
{
	return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || rune == 0x2028 || rune == 0x2029;
}

void service_name_clean(const char *bytes, char *ret)
{
	char repaired[UTF8_GROWTH_MAX * SERVICE_NAME_SIZE];
	size_t length = strnlen(bytes, SERVICE_NAME_SIZE - 1), used = 0, step;

	length = utf8_repair(bytes, length, repaired);
	for (size_t at = 0; at < length; at += step) {
		uint32_t rune;

		step = utf8_decode(repaired + at, length - at, &rune);
		if (!step || used + step >= SERVICE_NAME_SIZE)
			break;
		if (is_control(rune)) {
			ret[used++] = '?';
		} else if (rune == '/' || (rune == '.' && used == 0)) {
			ret[used++] = '_';
		} else {
			memcpy(ret + used, repaired + at, step);
			used += step;
		}
	}
	ret[used] = '\0';
	if (!used)
		(void)snprintf(ret, SERVICE_NAME_SIZE, "unnamed");
}

static const char *behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* --- pods --- */

/* "8f5c1a5e-...", with "_" for "-" where systemd makes slices of it; ends at a "." or ":". */
static bool read_pod_uid(const char *text, char ret[POD_UID_SIZE])
{
	size_t length = strcspn(text, ".:");

	if (length != POD_UID_SIZE - 1 && length != POD_UID_SIZE - 1 - strlen("----"))
		return false;
	if (strspn(text, "0123456789abcdefABCDEF-_") < length)
		return false;
	for (size_t i = 0; i < length; i++)
		ret[i] = (char)(text[i] == '_' ? '-' : text[i]);
	ret[length] = '\0';
	return true;
}

/* "podUID", "kubepods-podUID.slice", "kubelet-kubepods-burstable-podUID.slice". */
static bool read_pod(const char *directory, char ret[POD_UID_SIZE])
{
	const char *pod = strstr(directory, "kubepods") ? strstr(directory, "-pod") : NULL;

	if (pod)
		return read_pod_uid(pod + strlen("-pod"), ret);
	pod = behind(directory, "pod");
	return pod && read_pod_uid(pod, ret);
}

/* --- containers --- */

static bool is_container_id(const char *text)
{
	size_t length = strspn(text, "0123456789abcdef");

	return length == CONTAINER_ID_LENGTH && (!text[length] || !strcmp(text + length, ".scope"));
}

static void set_container(struct reading *reading, const char *id, int length, const char *runtime)
{
	struct service_name *found = &reading->found;

	(void)snprintf(found->container_id, sizeof(found->container_id), "%.*s", length, id);
	found->container_runtime = runtime;
}

/* Of a directory that is nothing but an id, whoever made it has named the one above. */
static const char *runtime_above(const char *parent)
{
	static const struct {
		const char *parent, *runtime;
	} known[] = {
		{ "docker", "docker" },      { "moby", "docker" },
		{ "k8s.io", "containerd" },  { "default", "containerd" },
		{ "nerdctl", "containerd" }, { "libpod_parent", "podman" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(parent, known[i].parent))
			return known[i].runtime;
	}
	return NULL;
}

/* Also "SLICE:cri-containerd:ID", which containerd writes where the kubelet goes by systemd. */
static bool read_container(struct reading *reading, const char *directory)
{
	static const struct {
		const char *prefix, *runtime;
	} known[] = {
		{ "docker-", "docker" },
		{ "cri-containerd-", "containerd" },
		{ "crio-", "cri-o" },
		{ "libpod-", "podman" },
		{ "libpod-payload-", "podman" },
		{ "nerdctl-", "containerd" },
		{ "cri-containerd:", "containerd" },
	};
	const char *colon = strchr(directory, ':');

	if (is_container_id(directory)) {
		set_container(reading, directory, CONTAINER_ID_LENGTH,
			      runtime_above(reading->parent));
		return true;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *id = behind(directory, known[i].prefix);

		if (!id && colon)
			id = behind(colon + 1, known[i].prefix);
		if (id && is_container_id(id)) {
			set_container(reading, id, CONTAINER_ID_LENGTH, known[i].runtime);
			return true;
		}
	}
	return false;
}

static bool read_lxc(struct reading *reading, const char *directory)
{
	const char *name = behind(directory, "lxc.payload.");

	if (!name && (!strcmp(reading->parent, "lxc") || !strcmp(reading->parent, "lxc.payload")))
		name = directory;
	if (!name || !*name)
		return false;
	set_container(reading, name, SERVICE_NAME_SIZE - 1, "lxc");
	return true;
}

/* What watches over a container, and is not in it: each is one command's. */
static bool is_monitor(const char *directory)
{
	return behind(directory, "libpod-conmon-") || behind(directory, "crio-conmon-") ||
	       behind(directory, "lxc.monitor");
}

/* --- units, and the rest --- */

static void add_plain(struct reading *reading, const char *directory)
{
	size_t used = strlen(reading->plain);

	(void)snprintf(reading->plain + used, sizeof(reading->plain) - used, "%s%s",
		       used ? "-" : "", directory);
}

static void read_unit(struct reading *reading, const char *directory)
{
	char name[UNIT_NAME_SIZE] = "";

	switch (unit_name_of(directory, name)) {
	case UNIT_SLICE:
		memcpy(reading->slice, name, sizeof(name));
		memcpy(reading->plain, name, sizeof(name));
		return;
	case UNIT_SESSION:
		memcpy(name, "session", sizeof("session"));
		if (reading->slice[0])
			memcpy(name, reading->slice, sizeof(name));
		break;
	case UNIT_NAMED:
		break;
	case UNIT_ANONYMOUS:
		/* The first of all processes; in a user's manager it is the manager. */
		if (!strcmp(directory, "init.scope") && !reading->parent[0]) {
			memcpy(name, "init", sizeof("init"));
			break;
		}
		reading->is_anonymous = true;
		return;
	case UNIT_NONE:
		add_plain(reading, directory);
		return;
	}
	memcpy(reading->unit, name, sizeof(name));
	service_name_clean(directory, reading->found.unit);
}

static void read_directory(struct reading *reading, const char *directory)
{
	struct service_name *found = &reading->found;
	char pod_uid[POD_UID_SIZE];
	bool is_pod = read_pod(directory, pod_uid);

	if (is_pod) {
		memcpy(found->pod_uid, pod_uid, sizeof(pod_uid));
		set_container(reading, "", 0, NULL);
		reading->is_units = false;
	}
	if (read_container(reading, directory) || read_lxc(reading, directory)) {
		const char *unit = found->unit;

		reading->is_units = behind(directory, "libpod-payload-") &&
				    !strcmp(unit, reading->parent) && !behind(unit, "user@");
		return;
	}
	if (is_pod || found->container_id[0] || found->pod_uid[0])
		return;
	if (is_monitor(directory))
		reading->is_anonymous = true;
	else
		read_unit(reading, directory);
}

/* How much the name tells. */
enum rank { RANK_NONE, RANK_PLAIN, RANK_UNIT, RANK_CONTAINER };

static enum rank name_container(struct reading *reading, struct service_name *ret)
{
	const struct service_name *found = &reading->found;
	char name[SERVICE_NAME_SIZE];
	bool is_lxc = found->container_runtime && !strcmp(found->container_runtime, "lxc");
	int length = is_lxc ? SERVICE_NAME_SIZE : SHORT_ID_LENGTH;

	*ret = *found;
	if (found->pod_uid[0])
		(void)snprintf(name, sizeof(name), "pod-%s", found->pod_uid);
	else if (reading->is_units)
		memcpy(name, reading->unit, sizeof(name));
	else
		(void)snprintf(name, sizeof(name), "%s-%.*s",
			       found->container_runtime ? found->container_runtime : "container",
			       length, found->container_id);
	if (!reading->is_units)
		ret->unit[0] = '\0';
	service_name_clean(name, ret->name);
	if (found->container_id[0])
		service_name_clean(found->container_id, ret->container_id);
	return RANK_CONTAINER;
}

static enum rank name_reading(struct reading *reading, struct service_name *ret)
{
	if (reading->found.container_id[0] || reading->found.pod_uid[0])
		return name_container(reading, ret);
	if (!reading->unit[0] && (reading->is_anonymous || !reading->plain[0]))
		return RANK_NONE;
	*ret = reading->found;
	service_name_clean(reading->unit[0] ? reading->unit : reading->plain, ret->name);
	return reading->unit[0] ? RANK_UNIT : RANK_PLAIN;
}

static enum rank read_path(const char *path, size_t length, struct service_name *ret)
{
	struct reading reading = { .is_anonymous = false };

	for (size_t at = 0; at < length;) {
		size_t end = at;
		char directory[UNIT_NAME_SIZE];

		while (end < length && path[end] != '/')
			end++;
		(void)snprintf(directory, sizeof(directory), "%.*s", (int)(end - at), path + at);
		at = end + 1;
		/* "..": outside of our cgroup namespace. */
		if (!directory[0] || !strcmp(directory, ".."))
			continue;
		read_directory(&reading, directory);
		memcpy(reading.parent, directory, sizeof(directory));
	}
	return name_reading(&reading, ret);
}

bool service_name_of_path(const char *path, struct service_name *ret)
{
	return read_path(path, strlen(path), ret) != RANK_NONE;
}

/* "NUMBER:CONTROLLERS:PATH" */
static enum rank read_line(const char *line, size_t length, struct service_name *ret)
{
	static const char deleted[] = " (deleted)";
	const size_t cut = strlen(deleted);
	const char *path = memchr(line, ':', length);

	if (path)
		path = memchr(path + 1, ':', length - (size_t)(path + 1 - line));
	if (!path)
		return RANK_NONE;
	length -= (size_t)(path + 1 - line);
	path++;
	if (length > cut && !memcmp(path + length - cut, deleted, cut))
		length -= cut;
	return read_path(path, length, ret);
}

bool service_name_of_process(const char *text, struct service_name *ret)
{
	enum rank best = RANK_NONE;

	while (*text) {
		struct service_name name;
		size_t length = strcspn(text, "\n");
		enum rank rank = read_line(text, length, &name);

		if (rank > best) {
			best = rank;
			*ret = name;
		}
		text += length + (text[length] == '\n');
	}
	return best != RANK_NONE;
}

void service_name_of_command(const char *command, struct service_name *ret)
{
	char name[SERVICE_NAME_SIZE];
	size_t length = strcspn(command, "/");

	(void)snprintf(name, sizeof(name), "%.*s",
		       (int)(length && length < SERVICE_NAME_SIZE ? length : SERVICE_NAME_SIZE - 1),
		       command);
	*ret = (struct service_name){ .container_runtime = NULL };
	service_name_clean(name, ret->name);
}
