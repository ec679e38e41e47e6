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
#include "agent/naming_parts.h"
#include "base/hashmap.h"

/* Who has run in one of the last two windows keeps his names, and is known by when that one began.
 * Of shorter windows there are more. */
#define IDLE_WINDOWS 3
#define IDLE_S_MIN   180

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

void naming_rest(struct naming *naming, uint64_t now_s)
{
	uint64_t window_s = naming->rested_s ? now_s - naming->rested_s : 0;
	uint64_t longer_s = window_s > naming->window_s ? window_s : naming->window_s;
	uint64_t idle_s = IDLE_WINDOWS * longer_s;

	naming->rested_s = now_s;
	naming->window_s = window_s;
	symbolizer_rest(naming->symbolizer, now_s, idle_s > IDLE_S_MIN ? idle_s : IDLE_S_MIN);
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

uint64_t naming_sample_version(struct naming *naming, const struct sample *sample)
{
	uint64_t version = naming_version(naming, (int32_t)sample->tgid);
	const struct waker *waker = sample->waker;

	if (!waker)
		return version;
	version = hash_u64(version) + naming_version(naming, (int32_t)waker->tgid);
	return hash_u64(version) +
	       processes_version(naming->processes, (int32_t)waker->tgid, sample->first_ns);
}

int naming_finish(struct naming *naming, struct call_tree **const trees[], size_t count)
{
	bool has_come;
	int err = 0;

	if (!naming->jit)
		return 0;
	has_come = jit_settle(naming->jit);
	for (size_t i = 0; has_come && !err && i < count; i++) {
		if (*trees[i])
			err = call_tree_rename(trees[i], jit_replace, naming->jit);
	}
	if (!err)
		jit_forget_late(naming->jit);
	return err;
}

void naming_push(struct naming *naming, const struct frame *frame)
{
	assert(naming->count < FRAMES_MAX);
	naming->frames[naming->count++] = *frame;
}

void naming_push_note(struct naming *naming, const char *text)
{
	naming_push(naming, &(struct frame){ .name = text, .kind = FRAME_NOTE });
}

const char *naming_text(struct naming *naming, const char *format, ...)
{
	char *text = naming->text + naming->text_used;
	size_t room = NAMING_TEXT_SIZE - naming->text_used;
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

/* Of the sample, and of who woke it up. */
static void locate_sample(struct naming *naming, const struct sample *sample)
{
	located_stack_find(naming->processes,
			   &(struct walked_stack){ .pid = (int32_t)sample->tgid,
						   .time_ns = sample->first_ns,
						   .addresses = sample->user,
						   .depth = sample->user_depth,
						   .stop = sample->stop },
			   &naming->stack);
}

void naming_locate(struct naming *naming, const struct sample *sample)
{
	locate_sample(naming, sample);
	located_stack_cut_unsettled(&naming->stack);
}

static void locate_waker(struct naming *naming, const struct sample *sample)
{
	const struct waker *waker = sample->waker;

	located_stack_find(naming->processes,
			   &(struct walked_stack){ .pid = (int32_t)waker->tgid,
						   .time_ns = sample->first_ns,
						   .addresses = waker->user,
						   .depth = waker->user_depth,
						   .stop = waker->stop },
			   &naming->stack);
}

/* All that was walked: what is not settled yet may be when it is named. */
void naming_prepare(struct naming *naming, const struct sample *sample, uint64_t version)
{
	locate_sample(naming, sample);
	naming_prepare_user(naming, version);
	if (!sample->waker)
		return;
	locate_waker(naming, sample);
	naming_prepare_user(naming, version);
}

void naming_forget_prepared(struct naming *naming)
{
	prepared_names_done(&naming->prepared);
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

/*
 * The frame pointer chain does not say whether it ended at the entry; the outermost names do, and
 * the place of the outermost frame.
 */
static bool reaches_entry(const struct naming *naming, const struct frame *outermost,
			  const struct frame *next)
{
	return (outermost && is_entry(outermost->name)) || (next && is_entry(next->name)) ||
	       located_stack_ends_at_entry(&naming->stack);
}

/* Frame number i, if it is one of those that have been pushed since first. */
static const struct frame *frame_at(const struct naming *naming, size_t first, size_t i)
{
	return i >= first && i < naming->count ? &naming->frames[i] : NULL;
}

static void push_process(struct naming *naming, const char *name)
{
	naming_push(naming,
		    &(struct frame){ .name = name[0] ? name : "[unnamed]", .kind = FRAME_PROCESS });
}

static void push_root(struct naming *naming, const struct sample *sample)
{
	push_process(naming, sample->is_idle ? "swapper" : sample->process_name);
	if (sample->tid)
		push_process(naming,
			     naming_text(naming, "%s-%" PRIu32, sample->thread_name, sample->tid));
}

void naming_push_root(struct naming *naming, const struct sample *sample)
{
	const char *note = stop_reason_note(naming->stack.stop);

	push_root(naming, sample);
	if (note)
		naming_push_note(naming, note);
}

/* Its note is the first, and goes away when the names show that nothing is missing. */
static enum stop_reason push_user(struct naming *naming, const uint64_t *version)
{
	enum stop_reason stop = naming->stack.stop;
	const char *note = stop_reason_note(stop);
	size_t first = naming->count;

	if (note)
		naming_push_note(naming, note);
	naming_push_user(naming, version, NAMING_OUTERMOST_FIRST);
	if (stop != STOP_FRAME_POINTERS ||
	    !reaches_entry(naming, frame_at(naming, first + 1, first + 1),
			   frame_at(naming, first + 1, first + 2)))
		return stop;
	memmove(&naming->frames[first], &naming->frames[first + 1],
		(naming->count - first - 1) * sizeof(naming->frames[0]));
	naming->count--;
	return STOP_COMPLETE;
}

static void push_kernel(struct naming *naming, const struct sample *sample)
{
	if (sample->kernel_stack_lost)
		naming_push_note(naming, "[kernel stack lost]");
	naming_push_kernel(naming,
			   &(struct naming_kernel_stack){ .addresses = sample->kernel,
							  .depth = sample->kernel_depth,
							  .first_ns = sample->first_ns },
			   NAMING_OUTERMOST_FIRST);
}

/* Sleeping is what threads do that have nothing to do. */
static void push_state(struct naming *naming, enum off_state state)
{
	static const char *const notes[OFF_STATE_COUNT] = {
		[OFF_RUNQUEUE] = "[runqueue]",
		[OFF_UNINTERRUPTIBLE] = "[uninterruptible]",
		[OFF_STOPPED] = "[stopped]",
		[OFF_OTHER] = "[other state]",
	};

	assert((unsigned int)state < OFF_STATE_COUNT);
	if (notes[state])
		naming_push_note(naming, notes[state]);
}

void naming_push_rest(struct naming *naming, const struct sample *sample)
{
	push_kernel(naming, sample);
	if (sample->is_off_cpu)
		push_state(naming, sample->state);
}

/* Where the kernel is entered by an interrupt: who it interrupted has woken nobody up. */
static bool is_interrupt(const char *name)
{
	static const char *const prefixes[] = {
		"asm_sysvec_", "asm_common_interrupt", "el0_irq",
		"el1_irq",     "el0t_64_irq",          "el1h_64_irq"
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static bool has_interrupt(const struct naming *naming, size_t first)
{
	for (size_t i = first; i < naming->count; i++) {
		if (is_interrupt(naming->frames[i].name))
			return true;
	}
	return false;
}

static void push_waker(struct naming *naming, const struct sample *sample, const uint64_t *version)
{
	const struct waker *waker = sample->waker;
	size_t first = naming->count;
	const char *note;

	naming_push_note(naming, "--");
	naming_push_kernel(naming,
			   &(struct naming_kernel_stack){ .addresses = waker->kernel,
							  .depth = waker->kernel_depth,
							  .first_ns = sample->first_ns },
			   NAMING_INNERMOST_FIRST);
	if (has_interrupt(naming, first)) {
		push_process(naming, "[interrupt]");
		return;
	}
	locate_waker(naming, sample);
	located_stack_cut_unsettled(&naming->stack);
	first = naming->count;
	naming_push_user(naming, version, NAMING_INNERMOST_FIRST);
	note = stop_reason_note(naming->stack.stop);
	if (note && (naming->stack.stop != STOP_FRAME_POINTERS ||
		     !reaches_entry(naming, frame_at(naming, first, naming->count - 1),
				    frame_at(naming, first, naming->count - 2))))
		naming_push_note(naming, note);
	push_process(naming, waker->process_name);
}

/* version: with which it was prepared; or NULL. */
static void name_sample(struct naming *naming, const struct sample *sample, const uint64_t *version,
			struct named_stack *ret)
{
	enum stop_reason stop;

	naming->count = 0;
	naming->text_used = 0;
	naming_locate(naming, sample);
	push_root(naming, sample);
	stop = push_user(naming, version);
	naming_push_rest(naming, sample);
	if (sample->waker)
		push_waker(naming, sample, version);
	*ret = (struct named_stack){ .frames = naming->frames,
				     .count = naming->count,
				     .stop = stop,
				     .is_complete = !stop_reason_note(stop) &&
						    !sample->kernel_stack_lost };
}

void naming_name(struct naming *naming, const struct sample *sample, struct named_stack *ret)
{
	name_sample(naming, sample, NULL, ret);
}

void naming_name_prepared(struct naming *naming, const struct sample *sample, uint64_t version,
			  struct named_stack *ret)
{
	name_sample(naming, sample, &version, ret);
}

void naming_read_stats(const struct naming *naming, struct naming_stats *ret)
{
	struct jit_stats jit;

	jit_read_stats(naming->jit, &jit);
	*ret = naming->stats;
	ret->names_not_kept = naming->prepared.dropped;
	ret->unnamed_user_frames += jit.unnamed;
	if (naming->kernel_code)
		ret->kernel_code_dropped = kernel_code_dropped(naming->kernel_code);
}
