/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/naming.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/jit.h"
#include "agent/kernel_code.h"
#include "agent/prepared_names.h"

/* "[NAME_MAX bytes+0x16 digits]" for every user address, and the notes. */
#define TEXT_SIZE (USER_FRAMES_MAX * 288 + 512)

struct naming {
	struct symbolizer *symbolizer;
	struct processes *processes;
	struct jit *jit; /* or NULL */
	struct prepared_names prepared;
	const uint64_t *version;         /* of the sample, where it was prepared; or NULL */
	struct kernel_code *kernel_code; /* or NULL */
	struct frame frames[FRAMES_MAX];
	size_t count;
	char text[TEXT_SIZE]; /* names made up for this sample */
	size_t text_used;
	struct naming_stats stats;
};

int naming_new(struct symbolizer *symbolizer, struct processes *processes, struct naming **ret)
{
	struct naming *naming = calloc(1, sizeof(*naming));

	if (!naming)
		return -ENOMEM;
	naming->symbolizer = symbolizer;
	naming->processes = processes;
	*ret = naming;
	return 0;
}

void naming_free(struct naming *naming)
{
	if (naming)
		prepared_names_done(&naming->prepared);
	free(naming);
}

void naming_kernel_changed(struct naming *naming)
{
	symbolizer_kernel_changed(naming->symbolizer);
}

void naming_set_jit(struct naming *naming, struct jit *jit)
{
	naming->jit = jit;
}

void naming_set_kernel_code(struct naming *naming, struct kernel_code *code)
{
	naming->kernel_code = code;
}

void naming_begin(struct naming *naming)
{
	if (naming->jit)
		jit_begin(naming->jit);
}

void naming_end(struct naming *naming, uint64_t before_ns)
{
	if (naming->jit)
		jit_end(naming->jit, before_ns);
	if (naming->kernel_code)
		kernel_code_forget(naming->kernel_code, before_ns);
}

uint64_t naming_version(struct naming *naming, int32_t pid)
{
	return naming->jit ? jit_version(naming->jit, pid) : 0;
}

int naming_finish(struct naming *naming, struct call_tree **tree)
{
	int err = 0;

	if (!naming->jit)
		return 0;
	if (jit_settle(naming->jit))
		err = call_tree_rename(tree, jit_replace, naming->jit);
	if (!err)
		jit_forget_late(naming->jit);
	return err;
}

static void push(struct naming *naming, const struct frame *frame)
{
	assert(naming->count < FRAMES_MAX);
	naming->frames[naming->count++] = *frame;
}

__attribute__((format(printf, 2, 3))) static const char *make_text(struct naming *naming,
								   const char *format, ...)
{
	char *text = naming->text + naming->text_used;
	size_t room = TEXT_SIZE - naming->text_used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		return "[unknown]";
	naming->text_used += (size_t)length + 1;
	return text;
}

/* Where a program or a thread begins: a stack that reaches one of them is whole. */
static bool is_entry(const char *name)
{
	static const char *const entries[] = {
		"_start",
		"main",
		"__libc_start_main",
		"__libc_start_call_main",
		"start_thread",
		"clone",
		"clone3",
		"__clone3",
		"__GI___clone3",
		"_dl_start_user",
		"runtime.goexit",
		"runtime.goexit.abi0",
		"runtime.mstart",
	};

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (!strcmp(name, entries[i]))
			return true;
	}
	return false;
}

static const char *address_text(struct naming *naming, const struct mapping *mapping,
				uint64_t address)
{
	const struct binary *binary = mapping->binary;
	const struct module *module = binary_module(binary);

	if (binary->kind == BINARY_ANONYMOUS)
		return "[anon]";
	if (binary->kind == BINARY_SPECIAL)
		return binary->name;
	address = address - mapping->start + mapping->file_offset;
	if (module)
		address = module_address(module, address);
	return make_text(naming, "[%s+0x%" PRIx64 "]",
			 binary->kind == BINARY_VDSO ? "vdso" : binary->name, address);
}

static bool locate(const struct naming *naming, const struct sample *sample, uint64_t address,
		   struct mapping *ret)
{
	return processes_locate(naming->processes, (int32_t)sample->tgid, sample->first_ns, address,
				ret);
}

static struct jit_address jit_address_of(const struct sample *sample, const struct mapping *mapping,
					 uint64_t address)
{
	return (struct jit_address){ .pid = (int32_t)sample->tgid,
				     .program_ns = mapping->program_ns,
				     .time_ns = sample->first_ns,
				     .address = address };
}

/* Until another version, an address has one name. */
static uint64_t prepared_key(const struct jit_address *address, uint64_t version)
{
	uint64_t program = hash_u64((uint32_t)address->pid) + address->program_ns;

	return hash_u64(hash_u64(program) + version) + hash_u64(address->address);
}

static bool name_jit(struct naming *naming, const struct sample *sample,
		     const struct mapping *mapping, uint64_t address, struct frame *ret)
{
	struct jit_address in_jit = jit_address_of(sample, mapping, address);

	if (!naming->jit || !jit_is_code(mapping->binary))
		return false;
	if (naming->version &&
	    prepared_names_find(&naming->prepared, prepared_key(&in_jit, *naming->version), ret))
		return true;
	return jit_name(naming->jit, &in_jit, ret);
}

/* ret[0] is the innermost. At least one frame. */
static size_t name_user(struct naming *naming, const struct sample *sample, size_t index,
			struct frame ret[INLINED_MAX])
{
	/* Callers' addresses are inside their calls already: see struct stack. */
	uint64_t address = sample->user[index];
	struct mapping mapping;
	bool is_located = locate(naming, sample, address, &mapping);
	struct module *module = is_located ? binary_module(mapping.binary) : NULL;
	size_t count = 0;

	naming->stats.frames++;
	if (is_located)
		mapping.binary->is_sampled = true;
	if (module)
		count = symbolize_user(naming->symbolizer, module,
				       address - mapping.start + mapping.file_offset, ret,
				       INLINED_MAX);
	if (count > 0)
		return count;
	if (is_located && name_jit(naming, sample, &mapping, address, &ret[0]))
		return 1;
	naming->stats.unnamed_user_frames++;
	ret[0] = (struct frame){
		.name = is_located ? address_text(naming, &mapping, address) : "[unknown]",
		.module = is_located ? mapping.binary->name : NULL,
		.kind = FRAME_USER,
	};
	return 1;
}

/*
 * Until user space has read of a new mapping, and told the walker, that goes by what lay there
 * before, and the caller it finds may be none: how many frames there are up to such a one. 0: all.
 */
static size_t settled_depth(const struct naming *naming, const struct sample *sample)
{
	struct mapping mapping;

	for (size_t i = 0; i < sample->user_depth; i++) {
		if (!locate(naming, sample, sample->user[i], &mapping))
			continue;
		if (sample->first_ns >= mapping.settled_ns)
			return 0;
		if (sample->first_ns < mapping.bound_ns)
			return i + 1;
	}
	return 0;
}

/*
 * Code without frame pointers uses their register for something else, and the kernel then takes any
 * readable words for frames. A return address that is not in executable memory shows where that
 * began: nothing beyond it is a caller.
 */
static size_t believable_depth(const struct naming *naming, const struct sample *sample)
{
	size_t depth = sample->user_depth ? 1 : 0;
	struct mapping mapping;

	if (sample->stop == STOP_COMPLETE)
		return sample->user_depth;
	while (depth < sample->user_depth && locate(naming, sample, sample->user[depth], &mapping))
		depth++;
	return depth;
}

/* Debug information is asked for all of a stack at once. */
static void want_user_stack(struct naming *naming, const struct sample *sample, size_t depth)
{
	for (size_t i = 0; i < depth; i++) {
		struct mapping mapping;
		struct module *module;

		if (!locate(naming, sample, sample->user[i], &mapping))
			continue;
		module = binary_module(mapping.binary);
		if (module)
			symbolize_want(naming->symbolizer, module,
				       sample->user[i] - mapping.start + mapping.file_offset);
	}
}

static void prepare_jit(struct naming *naming, const struct jit_address *address, uint64_t version)
{
	uint64_t key = prepared_key(address, version);
	struct frame frame;

	if (!prepared_names_find(&naming->prepared, key, &frame) &&
	    jit_name(naming->jit, address, &frame))
		prepared_names_add(&naming->prepared, key, &frame);
}

void naming_prepare(struct naming *naming, const struct sample *sample, uint64_t version)
{
	size_t depth = believable_depth(naming, sample);

	want_user_stack(naming, sample, depth);
	for (size_t i = 0; naming->jit && i < depth; i++) {
		struct jit_address in_jit;
		struct mapping mapping;

		if (!locate(naming, sample, sample->user[i], &mapping) ||
		    !jit_is_code(mapping.binary))
			continue;
		in_jit = jit_address_of(sample, &mapping, sample->user[i]);
		prepare_jit(naming, &in_jit, version);
	}
}

void naming_name_prepared(struct naming *naming, const struct sample *sample, uint64_t version,
			  struct named_stack *ret)
{
	naming->version = &version;
	naming_name(naming, sample, ret);
	naming->version = NULL;
}

void naming_forget_prepared(struct naming *naming)
{
	prepared_names_done(&naming->prepared);
}

static void name_user_stack(struct naming *naming, const struct sample *sample)
{
	size_t depth = believable_depth(naming, sample);

	want_user_stack(naming, sample, depth);
	for (size_t i = depth; i > 0; i--) {
		struct frame inlined[INLINED_MAX];
		size_t count = name_user(naming, sample, i - 1, inlined);

		while (count > 0)
			push(naming, &inlined[--count]);
	}
}

/* first_ns: from when on it may have been that address. */
static void name_kernel(struct naming *naming, uint64_t address, uint64_t first_ns)
{
	struct frame frame = { .name = "[unknown]", .module = "bpf", .kind = FRAME_KERNEL };
	enum kernel_code_found found = KERNEL_CODE_UNKNOWN;

	naming->stats.frames++;
	if (naming->kernel_code)
		found = kernel_code_find(naming->kernel_code, address, first_ns, &frame.name);
	if (found == KERNEL_CODE_AMBIGUOUS)
		frame.name = "[bpf]";
	if (found == KERNEL_CODE_NAMED || (found == KERNEL_CODE_UNKNOWN &&
					   symbolize_kernel(naming->symbolizer, address, &frame))) {
		push(naming, &frame);
		return;
	}
	naming->stats.unnamed_kernel_frames++;
	frame.module = found == KERNEL_CODE_UNKNOWN ? NULL : frame.module;
	push(naming, &frame);
}

static void name_kernel_stack(struct naming *naming, const struct sample *sample)
{
	if (sample->kernel_stack_lost)
		push(naming,
		     &(struct frame){ .name = "[kernel stack lost, no room]", .kind = FRAME_NOTE });
	if (!sample->kernel_depth)
		return;
	if (symbolizer_kernel_names(naming->symbolizer) != KERNEL_NAMES_OK) {
		/* The user part keeps its worth; one frame says where the time went. */
		naming->stats.frames++;
		naming->stats.unnamed_kernel_frames++;
		naming->stats.kernel_names_missing = true;
		push(naming, &(struct frame){ .name = "[kernel]", .kind = FRAME_KERNEL });
		return;
	}
	for (size_t i = sample->kernel_depth; i > 0; i--)
		name_kernel(naming, sample->kernel[i - 1] - (i - 1 > 0), sample->first_ns);
}

static void push_root(struct naming *naming, const struct sample *sample)
{
	const char *name = sample->is_idle ? "swapper" : sample->process_name;

	push(naming,
	     &(struct frame){ .name = name[0] ? name : "[unnamed]", .kind = FRAME_PROCESS });
	if (!sample->tid)
		return;
	push(naming, &(struct frame){ .name = make_text(naming, "%s-%" PRIu32, sample->thread_name,
							sample->tid),
				      .kind = FRAME_PROCESS });
}

/*
 * The walker cannot tell an address that leads out of the code from one in a mapping that it has
 * not been told of yet; now we know.
 */
static enum stop_reason stop_of(const struct naming *naming, const struct sample *sample)
{
	struct mapping mapping;

	if (sample->stop != STOP_NO_MAPPING || !sample->user_depth)
		return sample->stop;
	return locate(naming, sample, sample->user[sample->user_depth - 1], &mapping)
		       ? STOP_NO_TABLE_YET
		       : STOP_NO_MAPPING;
}

/* Without a name, the file still says where it begins. */
static bool ends_in_entry_point(const struct naming *naming, const struct sample *sample)
{
	size_t depth = believable_depth(naming, sample);
	struct mapping mapping;
	struct module *module;
	uint64_t address;

	if (!depth)
		return false;
	address = sample->user[depth - 1];
	if (!locate(naming, sample, address, &mapping))
		return false;
	module = binary_module(mapping.binary);
	return module && module_is_entry(module, address - mapping.start + mapping.file_offset);
}

/*
 * The frame pointer chain does not say whether it ended at the entry; the outermost names do, and
 * the place of the outermost frame.
 */
static bool reaches_entry(const struct naming *naming, const struct sample *sample, size_t first)
{
	for (size_t i = first; i < naming->count && i < first + 2; i++) {
		if (is_entry(naming->frames[i].name))
			return true;
	}
	return ends_in_entry_point(naming, sample);
}

static void name_sample(struct naming *naming, const struct sample *sample, struct named_stack *ret)
{
	enum stop_reason stop = stop_of(naming, sample);
	const char *note = stop_reason_note(stop);
	size_t note_at;

	naming->count = 0;
	naming->text_used = 0;
	push_root(naming, sample);
	note_at = naming->count;
	if (note)
		push(naming, &(struct frame){ .name = make_text(naming, "[stack: %s]", note),
					      .kind = FRAME_NOTE });
	name_user_stack(naming, sample);
	if (stop == STOP_FRAME_POINTERS && reaches_entry(naming, sample, note_at + 1)) {
		memmove(&naming->frames[note_at], &naming->frames[note_at + 1],
			(naming->count - note_at - 1) * sizeof(naming->frames[0]));
		naming->count--;
		note = NULL;
		stop = STOP_COMPLETE;
	}
	name_kernel_stack(naming, sample);
	*ret = (struct named_stack){ .frames = naming->frames,
				     .count = naming->count,
				     .stop = stop,
				     .is_complete = !note && !sample->kernel_stack_lost };
}

void naming_name(struct naming *naming, const struct sample *sample, struct named_stack *ret)
{
	struct sample settled = *sample;
	size_t depth = settled_depth(naming, sample);

	if (depth) {
		settled.user_depth = depth;
		settled.stop = STOP_NO_TABLE_YET;
	}
	name_sample(naming, &settled, ret);
}

void naming_read_stats(const struct naming *naming, struct naming_stats *ret)
{
	struct jit_stats jit;

	jit_read_stats(naming->jit, &jit);
	*ret = naming->stats;
	ret->unnamed_user_frames += jit.unnamed;
	if (naming->kernel_code)
		ret->kernel_code_dropped = kernel_code_dropped(naming->kernel_code);
}
