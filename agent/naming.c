/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/naming.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[NAME_MAX bytes+0x16 digits]" for every user address, and the notes. */
#define TEXT_SIZE (USER_FRAMES_MAX * 288 + 512)

struct naming {
	struct symbolizer *symbolizer;
	struct processes *processes;
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
	free(naming);
}

void naming_kernel_changed(struct naming *naming)
{
	symbolizer_kernel_changed(naming->symbolizer);
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

static void name_user_stack(struct naming *naming, const struct sample *sample)
{
	for (size_t i = believable_depth(naming, sample); i > 0; i--) {
		struct frame inlined[INLINED_MAX];
		size_t count = name_user(naming, sample, i - 1, inlined);

		while (count > 0)
			push(naming, &inlined[--count]);
	}
}

static void name_kernel(struct naming *naming, uint64_t address)
{
	struct frame frame;

	naming->stats.frames++;
	if (symbolize_kernel(naming->symbolizer, address, &frame)) {
		push(naming, &frame);
		return;
	}
	naming->stats.unnamed_kernel_frames++;
	push(naming, &(struct frame){ .name = "[unknown]", .kind = FRAME_KERNEL });
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
		name_kernel(naming, sample->kernel[i - 1] - (i - 1 > 0));
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

/* The frame pointer chain does not say whether it ended at the entry; the outermost names do. */
static bool reaches_entry(const struct naming *naming, size_t first)
{
	for (size_t i = first; i < naming->count && i < first + 2; i++) {
		if (is_entry(naming->frames[i].name))
			return true;
	}
	return false;
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
	if (stop == STOP_FRAME_POINTERS && reaches_entry(naming, note_at + 1)) {
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
	*ret = naming->stats;
}
