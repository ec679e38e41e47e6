/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unit_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define UUID_LENGTH 36

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void unit_name_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		int high = -1, low = -1;

		if (from[0] == '\\' && from[1] == 'x') {
			high = digit_of(from[2]);
			low = high < 0 ? -1 : digit_of(from[3]);
		}
		if (low < 0) {
			*to = *from++;
			continue;
		}
		*to = (char)(high << 4 | low);
		if (!*to)
			*to = '?';
		from += strlen("\\x2d");
	}
	*to = '\0';
}

/* Cuts it off where there is something before it. */
static bool cut_suffix(char *text, const char *suffix)
{
	size_t length = strlen(text), cut = strlen(suffix);

	if (length <= cut || strcmp(text + length - cut, suffix) != 0)
		return false;
	text[length - cut] = '\0';
	return true;
}

static const char *behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Number of a session: "3", "c1". */
static bool is_session(const char *name)
{
	const char *number = behind(name, "session-");

	if (!number)
		return false;
	number += *number == 'c';
	return *number && !number[strspn(number, "0123456789")];
}

/* "run-u12", "run-p123-i456", "run-r" and 32 digits, "run-123": of systemd-run and its kin. */
static bool is_transient(const char *name)
{
	const char *rest = behind(name, "run-");

	if (!rest)
		return false;
	if (*rest == 'r')
		return rest[1] && !rest[1 + strspn(rest + 1, "0123456789abcdef")];
	rest += *rest == 'u' || *rest == 'p';
	return isdigit((unsigned char)*rest) && !rest[strspn(rest, "0123456789-i")];
}

/* Scopes of terminals and the like end in one: "vte-spawn-UUID". */
static void cut_uuid(char *name)
{
	size_t length = strlen(name);
	char *uuid;

	if (length <= UUID_LENGTH + 1)
		return;
	uuid = name + length - UUID_LENGTH;
	if (strspn(uuid, "0123456789abcdef-") == UUID_LENGTH && uuid[8] == '-' &&
	    (uuid[-1] == '-' || uuid[-1] == '.'))
		uuid[-1] = '\0';
}

/*
 * "app-LAUNCHER-ID-RANDOM" of a scope, "app-LAUNCHER-ID@RANDOM" of a service, the launcher being
 * left out by some: the ID, in which there is no "-" before it is unescaped.
 */
static void name_application(char *name, bool is_scope)
{
	char *id = name + strlen("app-"), *end = strchr(id, '@');

	if (is_scope)
		end = strrchr(id, '-');
	if (end && end > id)
		*end = '\0';
	end = strrchr(id, '-');
	if (end && end[1])
		id = end + 1;
	if (*id)
		memmove(name, id, strlen(id) + 1);
}

/* "machine-KIND\x2dNUMBER\x2dNAME", of libvirt: KIND-NAME. Else it is as machined made it. */
static void name_machine(char *name)
{
	char *number;
	size_t digits;

	memmove(name, name + strlen("machine-"), strlen(name + strlen("machine-")) + 1);
	unit_name_unescape(name);
	number = strchr(name, '-');
	if (!number)
		return;
	number++;
	digits = strspn(number, "0123456789");
	if (digits && number[digits] == '-')
		memmove(number, number + digits + 1, strlen(number + digits + 1) + 1);
}

/* "dbus-:1.2-NAME@0", of what a bus starts for a client. */
static void name_activated(char *name)
{
	char *end = strrchr(name, '@'), *start = strchr(name + strlen("dbus-:"), '-');

	if (!start || !start[1] || start[1] == '@')
		return;
	if (end)
		*end = '\0';
	memmove(name, start + 1, strlen(start + 1) + 1);
}

static enum unit_kind name_scope(char *name)
{
	if (!strcmp(name, "init") || is_transient(name))
		return UNIT_ANONYMOUS;
	if (is_session(name))
		return UNIT_SESSION;
	if (behind(name, "app-"))
		name_application(name, true);
	else if (behind(name, "machine-") && name[strlen("machine-")])
		name_machine(name);
	else
		cut_uuid(name);
	return UNIT_NAMED;
}

static enum unit_kind name_service(char *name)
{
	if (is_transient(name))
		return UNIT_ANONYMOUS;
	if (behind(name, "app-"))
		name_application(name, false);
	else if (behind(name, "dbus-:"))
		name_activated(name);
	return UNIT_NAMED;
}

enum unit_kind unit_name_of(const char *directory, char *ret)
{
	static const char *const others[] = { ".socket", ".mount", ".swap" };
	enum unit_kind kind = UNIT_NONE;
	char name[UNIT_NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%s", directory);
	if (cut_suffix(name, ".service"))
		kind = name_service(name);
	else if (cut_suffix(name, ".scope"))
		kind = name_scope(name);
	else if (cut_suffix(name, ".slice"))
		kind = UNIT_SLICE;
	for (size_t i = 0; kind == UNIT_NONE && i < sizeof(others) / sizeof(others[0]); i++) {
		if (cut_suffix(name, others[i]))
			kind = UNIT_NAMED;
	}
	if (kind != UNIT_NAMED && kind != UNIT_SLICE)
		return kind;
	unit_name_unescape(name);
	memcpy(ret, name, sizeof(name));
	return kind;
}
