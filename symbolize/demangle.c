/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libiberty does the work. Names come from strangers, and a short one can expand to gigabytes by
 * referring back to itself, so the demangler writes through a callback which leaves it, by
 * longjmp(), as soon as there is more output than any name has. Its recursion limit stays on.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/symbolize.h"

#define MANGLED_SIZE_MAX      16384
#define DEMANGLED_SIZE_MAX    65536
#define NESTING_MAX           1024
/* Within these a Rust name cannot expand to DEMANGLED_SIZE_MAX, whatever it repeats. */
#define PUNYCODE_SIZE_MAX     512
#define PUNYCODE_BACKREFS_MAX 8

#define DEMANGLE_OPTIONS (DMGL_PARAMS | DMGL_ANSI)

struct output {
	char *bytes; /* DEMANGLED_SIZE_MAX of them */
	size_t size, calls;
	jmp_buf too_long;
};

static void append(const char *text, size_t length, void *context)
{
	struct output *output = context;

	/* Repeating nothing for ever is no better. The last byte is for the terminator. */
	if (++output->calls == DEMANGLED_SIZE_MAX || length >= DEMANGLED_SIZE_MAX - output->size)
		longjmp(output->too_long, 1);
	if (!length)
		return; /* text may be NULL then */
	memcpy(output->bytes + output->size, text, length);
	output->size += length;
}

static bool is_rust_hash(const char *hash)
{
	return strspn(hash, "0123456789abcdef") == 16 && hash[16] == 'E';
}

/* Legacy Rust names are C++ names that end in a hash: 17h, 16 hexadecimal digits, E. */
static bool is_rust(const char *name)
{
	const char *hash;

	if (strncmp(name, "_R", 2) == 0)
		return true;
	if (strncmp(name, "_ZN", 3) != 0)
		return false;
	for (hash = strstr(name, "17h"); hash; hash = strstr(hash + 1, "17h")) {
		if (is_rust_hash(hash + 3))
			return true;
	}
	return false;
}

static bool is_mangled(const char *name)
{
	return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0 ||
	       strncmp(name, "_GLOBAL_", 8) == 0;
}

static size_t count_byte(const char *name, char byte)
{
	size_t count = 0;

	for (; *name; name++)
		count += *name == byte;
	return count;
}

static bool has_digit_after(const char *name, char byte)
{
	for (; *name; name++) {
		if (name[0] == byte && name[1] >= '0' && name[1] <= '9')
			return true;
	}
	return false;
}

static bool is_trusted(const char *name)
{
	if (count_byte(name, 'N') > NESTING_MAX || count_byte(name, 'I') > NESTING_MAX)
		return false;
	/* libiberty holds memory while it prints a Rust identifier in Punycode (u, length): such a
	 * name must end by itself. */
	if (strncmp(name, "_R", 2) == 0 && has_digit_after(name, 'u'))
		return strlen(name) <= PUNYCODE_SIZE_MAX &&
		       count_byte(name, 'B') <= PUNYCODE_BACKREFS_MAX;
	return true;
}

static bool run_demangler(const char *name, struct output *output)
{
	if (setjmp(output->too_long) != 0)
		return false;
	if (is_rust(name) && rust_demangle_callback(name, DEMANGLE_OPTIONS, append, output))
		return output->size > 0;
	output->size = 0;
	return cplus_demangle_v3_callback(name, DEMANGLE_OPTIONS, append, output) &&
	       output->size > 0;
}

/* Copies name without its version (@@GLIBC_2.17); "@plt" stays apart in *ret_suffix. */
static char *cut_version(const char *name, const char **ret_suffix)
{
	const char *at = strchr(name, '@');

	*ret_suffix = at && strcmp(at, "@plt") == 0 ? at : "";
	return at ? strndup(name, (size_t)(at - name)) : strdup(name);
}

char *demangle(const char *mangled)
{
	CLEANUP(cleanup_free) char *name = NULL;
	CLEANUP(cleanup_free) char *bytes = NULL;
	struct output output = { 0 };
	const char *suffix;
	char *result;

	if (!is_mangled(mangled) || strnlen(mangled, MANGLED_SIZE_MAX + 1) > MANGLED_SIZE_MAX)
		return NULL;
	name = cut_version(mangled, &suffix);
	bytes = malloc(DEMANGLED_SIZE_MAX);
	if (!name || !bytes || !is_trusted(name))
		return NULL;
	output.bytes = bytes;
	if (!run_demangler(name, &output))
		return NULL;
	result = malloc(output.size + strlen(suffix) + 1);
	if (!result)
		return NULL;
	memcpy(result, output.bytes, output.size);
	memcpy(result + output.size, suffix, strlen(suffix) + 1);
	return result;
}
