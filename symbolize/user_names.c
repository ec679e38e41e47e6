/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/user_names.h"

#include <stdlib.h>
#include <string.h>

#include "symbolize/dwarf_names.h"

/* 10 MB. What a profile of an hour of a large program has is a tenth of it. */
#define FRAMES_KNOWN_MAX 262144

/* Addresses without a name are known, too; a limit for those. */
#define ADDRESSES_KNOWN_MAX 262144

/* A program of a gigabyte has some 50 MiB of names of functions, and a profile a part of them. */
#define STRINGS_BYTES_MAX (UINT64_C(256) << 20)

/* Of one address. */
#define COUNT_BITS 16

/* What an answer is to be kept for. */
struct keeping {
	struct user_names *names;
	struct module *module;
};

void user_names_done(struct user_names *names)
{
	hashmap_done(&names->shown);
	string_pool_done(&names->strings);
}

static void forget(struct user_names *names, struct module *module)
{
	names->count -= module->known_count;
	hashmap_done(&module->known);
	free(module->known_frames);
	module->known_frames = NULL;
	module->known_count = module->known_capacity = 0;
}

void user_names_rest(struct user_names *names, struct module *module)
{
	forget(names, module);
	free(module->wanted);
	module->wanted = NULL;
	module->wanted_count = 0;
}

/* NULL without room: names of strangers must not take all memory. */
static const char *keep_string(struct user_names *names, const char *string)
{
	const char *kept;

	names->strings.bytes_max = names->bytes_max ? names->bytes_max : STRINGS_BYTES_MAX;
	kept = string_pool_keep(&names->strings, string);
	names->unkept += !kept;
	return kept;
}

/* The name to show for one in a file; NULL without room. */
static const char *shown_name(struct user_names *names, const char *name)
{
	const char *kept = keep_string(names, name), *shown;
	char *demangled;
	uint64_t known;

	if (!kept)
		return NULL;
	if (hashmap_get(&names->shown, (uintptr_t)kept, &known))
		return (const char *)(uintptr_t)known;
	demangled = demangle(kept);
	shown = demangled ? keep_string(names, demangled) : kept;
	free(demangled);
	/* A name that is hard to read is better than none. */
	if (!shown)
		shown = kept;
	if (hashmap_put(&names->shown, (uintptr_t)kept, (uintptr_t)shown) < 0) {
		names->unkept++;
		return NULL;
	}
	return shown;
}

static bool reserve(struct module *module, size_t count)
{
	size_t capacity = module->known_capacity ? module->known_capacity : 16;
	struct frame *frames;

	while (capacity < module->known_count + count)
		capacity *= 2;
	if (capacity == module->known_capacity)
		return true;
	frames = reallocarray(module->known_frames, capacity, sizeof(*frames));
	if (!frames)
		return false;
	module->known_frames = frames;
	module->known_capacity = capacity;
	return true;
}

/* False without room for its name; the outermost may have none. */
static bool make_frame(const struct keeping *keeping, const struct dwarf_frame *from,
		       struct frame *ret)
{
	struct user_names *names = keeping->names;

	*ret = (struct frame){
		.name = from->name ? shown_name(names, from->name) : NULL,
		.file = from->file ? keep_string(names, from->file) : NULL,
		.module = keeping->module->name,
		.kind = from->is_inlined ? FRAME_INLINED : FRAME_USER,
	};
	if (ret->file)
		ret->line = from->line;
	return ret->name || !from->is_inlined;
}

/* Keeps the frames of an address of debug information. An address without any is kept, too. */
static void keep(const struct keeping *keeping, uint64_t address, const struct dwarf_frame *frames,
		 size_t count)
{
	struct module *module = keeping->module;
	size_t first = module->known_count;

	if (count >= 1u << COUNT_BITS || !reserve(module, count)) {
		keeping->names->unkept++;
		count = 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (!make_frame(keeping, &frames[i], &module->known_frames[first + i]))
			count = 0;
	}
	/* Of a chain that was cut the function itself is missing: the symbol table knows it. */
	if (count && frames[count - 1].is_inlined)
		module->known_frames[first + count - 1] =
			(struct frame){ .module = module->name, .kind = FRAME_USER };
	module->known_count += count;
	keeping->names->count += count;
	(void)hashmap_put(&module->known, address, first << COUNT_BITS | count);
}

static bool is_wanted(const struct module *module, uint64_t address)
{
	for (size_t i = 0; i < module->wanted_count; i++) {
		if (module->wanted[i] == address)
			return true;
	}
	return false;
}

void user_names_want(struct module *module, uint64_t file_offset)
{
	uint64_t address = elf_file_address(module->file, file_offset), known;

	/* Frames of one stack: recursion wants the same address many times. */
	if (!module->has_dwarf || module->wanted_count >= DWARF_LOOKUP_MAX ||
	    hashmap_get(&module->known, address, &known) || is_wanted(module, address))
		return;
	if (!module->wanted)
		module->wanted = malloc(DWARF_LOOKUP_MAX * sizeof(*module->wanted));
	if (module->wanted)
		module->wanted[module->wanted_count++] = address;
}

struct answer_context {
	struct keeping keeping;
	const uint64_t *addresses;
};

static void take_answer(void *context, size_t index, const struct dwarf_frame *frames, size_t count)
{
	struct answer_context *answer = context;

	keep(&answer->keeping, answer->addresses[index], frames, count);
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/*
 * Asks for all that is wanted of the module, and the address. In order, as neighbours are of one
 * unit of the debug information, and who answers keeps few of them at hand.
 */
static void ask(struct user_names *names, const struct dwarf_lookup *dwarf, struct module *module,
		uint64_t address)
{
	uint64_t alone[] = { address };
	struct answer_context context = { .keeping = { names, module },
					  .addresses = module->wanted };
	size_t count = module->wanted_count;

	if (!is_wanted(module, address)) {
		context.addresses = alone;
		count = 1;
	} else {
		module->wanted_count = 0;
		qsort(module->wanted, count, sizeof(*module->wanted), compare_addresses);
	}
	if (dwarf->find(dwarf->context, module->dwarf_file, context.addresses, count, take_answer,
			&context) < 0)
		module->has_dwarf = false;
}

static void forget_all(struct user_names *names, struct module *loaded)
{
	names->forgotten++;
	for (struct module *module = loaded; module; module = module->next_loaded)
		forget(names, module);
}

/* The function's name as the symbol table has it, which says more: .cold, .part, @plt. */
static const char *symbol_name(struct user_names *names, const struct module *module,
			       uint64_t file_offset)
{
	const char *name = elf_file_find(module->file, file_offset);

	return name ? shown_name(names, name) : NULL;
}

/* Copies what is known; the outermost is the function itself, whatever room there is. */
static size_t copy_frames(const struct module *module, uint64_t known, struct frame *ret, size_t n)
{
	size_t count = known & ((1u << COUNT_BITS) - 1);
	const struct frame *frames;

	if (!count)
		return 0;
	frames = module->known_frames + (known >> COUNT_BITS);
	if (count > n) {
		memcpy(ret, frames, (n - 1) * sizeof(*ret));
		ret[n - 1] = frames[count - 1];
		return n;
	}
	memcpy(ret, frames, count * sizeof(*ret));
	return count;
}

size_t user_names_find(struct user_names *names, const struct dwarf_lookup *dwarf,
		       struct module *loaded, struct module *module, uint64_t file_offset,
		       struct frame *ret, size_t n)
{
	uint64_t address = elf_file_address(module->file, file_offset), known = 0;
	const char *symbol;
	size_t count;

	if (!n)
		return 0;
	if (names->count > FRAMES_KNOWN_MAX || module->known.count > ADDRESSES_KNOWN_MAX)
		forget_all(names, loaded);
	if (module->has_dwarf && !hashmap_get(&module->known, address, &known))
		ask(names, dwarf, module, address);
	if (!hashmap_get(&module->known, address, &known))
		known = 0;
	count = copy_frames(module, known, ret, n);
	symbol = symbol_name(names, module, file_offset);
	if (!count) {
		ret[0] = (struct frame){ .module = module->name, .kind = FRAME_USER };
		count = 1;
	}
	if (symbol)
		ret[count - 1].name = symbol;
	return ret[count - 1].name ? count : count - 1;
}
