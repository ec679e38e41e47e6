/* SPDX-License-Identifier: Apache-2.0 */
/* From the name of a frame to what it says, by the tables of wait_names.c. */
#include <assert.h>
#include <string.h>

#include "flamegraph/wait_names.h"

/* Longer than every name in the tables: what does not fit is none of them. */
#define KEY_SIZE 64

struct piece {
	const char *start, *end;
};

static struct piece skip_underscores(struct piece piece)
{
	while (piece.start < piece.end && *piece.start == '_')
		piece.start++;
	return piece;
}

static bool starts_with(struct piece piece, const char *prefix, size_t length)
{
	return (size_t)(piece.end - piece.start) >= length &&
	       memcmp(piece.start, prefix, length) == 0;
}

static bool to_key(struct piece piece, const char *before, char ret[KEY_SIZE])
{
	size_t length = (size_t)(piece.end - piece.start), room = strlen(before);

	if (length + room >= KEY_SIZE)
		return false;
	memcpy(ret, before, room);
	memcpy(ret + room, piece.start, length);
	ret[room + length] = '\0';
	return true;
}

/* The first entry of this name, or NULL. */
static const struct wait_name *find(const struct wait_name *names, size_t count, const char *key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names[middle].name, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && strcmp(names[low].name, key) == 0 ? &names[low] : NULL;
}

/* The wrappers of sys_poll(): __x64_sys_poll, __do_sys_poll, ksys_poll, ... */
static const char *cut_wrapper(struct piece *piece)
{
	static const char *const wrappers[] = {
		"x64_sys_", "arm64_sys_",      "do_sys_",           "ksys_",
		"se_sys_",  "ia32_sys_",       "ia32_compat_sys_",  "arm64_compat_sys_",
		"x32_sys_", "x32_compat_sys_", "do_compat_sys_",    "se_compat_sys_",
		"sys_",     "compat_sys_",     "riscv_compat_sys_",
	};

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		size_t length = strlen(wrappers[i]);

		if (starts_with(*piece, wrappers[i], length)) {
			piece->start += length;
			return "sys_";
		}
	}
	return "";
}

static enum wait_word kernel_word(const char *name)
{
	struct piece piece = skip_underscores(
		(struct piece){ .start = name, .end = name + strcspn(name, ". ") });
	const struct wait_name *found;
	const char *before = cut_wrapper(&piece);
	char key[KEY_SIZE];

	if (!to_key(piece, before, key))
		return WORD_NONE;
	found = find(wait_kernel_names, wait_kernel_name_count, key);
	if (found)
		return found->word;
	for (size_t i = 0; i < wait_kernel_prefix_count; i++) {
		found = &wait_kernel_prefixes[i];
		if (strncmp(key, found->name, strlen(found->name)) == 0)
			return found->word;
	}
	return WORD_NONE;
}

/* Parameters, versions and what comes after them; "(*T).f" and "(anonymous ...)::f" begin names. */
static const char *find_end(const char *name)
{
	int angles = 0;

	for (const char *p = name; *p; p++) {
		if (*p == '<')
			angles++;
		else if (*p == '>' && angles > 0)
			angles--;
		else if (*p == '@' && p > name)
			return p;
		if (*p != '(' || angles > 0 || p == name)
			continue;
		if (p[1] != '*' && strncmp(p, "(anonymous ", strlen("(anonymous ")) != 0)
			return p;
		p += strcspn(p, ")");
		if (!*p)
			return p;
	}
	return name + strlen(name);
}

static const char *cut_template(const char *start, const char *end)
{
	const char *p = end;
	int angles = 0;

	if (end == start || end[-1] != '>')
		return end;
	while (p > start) {
		p--;
		angles += *p == '>';
		angles -= *p == '<';
		if (angles == 0)
			return p;
	}
	return end;
}

static bool is_separator(char c)
{
	return c == ':' || c == '.' || c == '/' || c == ';' || c == ' ';
}

/* "a::b<c>::d<e>(f)" is d in a::b. */
static void split(const char *name, struct piece *ret_last, struct piece *ret_scope)
{
	const size_t abi = strlen(".abi0");
	const char *end = find_end(name);
	const char *last;

	if ((size_t)(end - name) > abi && memcmp(end - abi, ".abi0", abi) == 0)
		end -= abi; /* Go's calling convention of assembly */
	end = cut_template(name, end);
	for (last = end; last > name && !is_separator(last[-1]);)
		last--;
	*ret_last = (struct piece){ .start = last, .end = end };
	while (last > name && is_separator(last[-1]))
		last--;
	end = cut_template(name, last);
	/* "<T as Trait>::f" is in no scope that has a name, and yet in one. */
	*ret_scope = (struct piece){ .start = name, .end = end > name ? end : last };
}

static bool is_in_scope(const struct wait_name *entry, struct piece scope)
{
	size_t length = (size_t)(scope.end - scope.start);
	size_t wanted = entry->scope ? strlen(entry->scope) : 0;

	if (!entry->scope)
		return length == 0;
	return length >= wanted && memcmp(scope.end - wanted, entry->scope, wanted) == 0;
}

static enum wait_word user_word(const char *name)
{
	const struct wait_name *end = wait_user_names + wait_user_name_count;
	struct piece last, scope;
	char key[KEY_SIZE];

	split(name, &last, &scope);
	last = skip_underscores(last);
	/* What libc calls itself by. */
	if (starts_with(last, "GI_", strlen("GI_"))) {
		last.start += strlen("GI_");
		last = skip_underscores(last);
	}
	if (!to_key(last, "", key))
		return WORD_NONE;
	for (const struct wait_name *entry = find(wait_user_names, wait_user_name_count, key);
	     entry && entry < end && strcmp(entry->name, key) == 0; entry++) {
		if (is_in_scope(entry, scope))
			return entry->word;
	}
	return WORD_NONE;
}

static enum wait_word note_word(const char *name)
{
	if (strcmp(name, "[runqueue]") == 0)
		return WORD_RUNQUEUE;
	if (strcmp(name, "[uninterruptible]") == 0)
		return WORD_UNINTERRUPTIBLE;
	if (strcmp(name, "[stopped]") == 0 || strcmp(name, "[other state]") == 0)
		return WORD_STOPPED;
	return strcmp(name, "--") == 0 ? WORD_WAKER : WORD_NONE;
}

enum wait_word wait_word_of(enum frame_kind kind, const char *name)
{
	assert(kind < FRAME_KIND_COUNT);
	if (kind == FRAME_KERNEL)
		return kernel_word(name);
	/* A folded file does not tell eprof's notes from functions. */
	if (*name == '[' || *name == '-')
		return note_word(name);
	return user_word(name);
}
