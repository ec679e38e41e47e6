/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sample -> the frames of one stack, from the process at the root to the innermost address.
 *
 * Off the CPU there follows the state it was in, where that says more than that it slept. Behind a
 * note "--" comes who woke it up, the other way round: from the innermost address to the process.
 */
#ifndef EPROF_AGENT_NAMING_H
#define EPROF_AGENT_NAMING_H

#include "agent/processes.h"
#include "agent/sampler.h"
#include "base/frame.h"
#include "flamegraph/call_tree.h"
#include "symbolize/symbolize.h"

/* Inlined functions shown for one address; deeper ones are left out, the outermost stays. */
#define INLINED_MAX 32

/* Both stacks, and a note for each. */
#define STACK_FRAMES_MAX (USER_FRAMES_MAX * INLINED_MAX + KERNEL_FRAMES_MAX + 2)

/* The process, its thread, its state, "--", and another process. */
#define FRAMES_MAX (2 * STACK_FRAMES_MAX + 5)

struct jit;
struct kernel_code;
struct naming;

struct naming_stats {
	uint64_t frames;
	uint64_t unnamed_user_frames;   /* [libfoo.so+0x1234], [unknown] */
	uint64_t unnamed_kernel_frames; /* [kernel], [unknown] */
	bool kernel_names_missing;      /* hidden or unreadable, and there were kernel frames */
	uint64_t names_not_kept; /* of run-time code, for want of room, until they were asked for */
	uint64_t kernel_code_dropped; /* BPF programs that came or went and are not known */
};

/* Both stay the caller's and outlive the naming. */
int naming_new(struct symbolizer *symbolizer, struct processes *processes, struct naming **ret);
void naming_free(struct naming *naming); /* NULL is fine */

/* Who knows names of code that is in no file; borrowed, and for the naming thread from here on. */
void naming_set_jit(struct naming *naming, struct jit *jit);

/* Who knows code that came and went in the kernel; borrowed. */
void naming_set_kernel_code(struct naming *naming, struct kernel_code *code);

/* The samples of a drain are named between these two; later ones are from after before_ns. */
void naming_begin(struct naming *naming);
void naming_end(struct naming *naming, uint64_t before_ns);

/* Changes when code that pid makes at run time has taken the place of other such code. */
uint64_t naming_version(struct naming *naming, int32_t pid);

/*
 * The same for all that a sample shows. Of who woke it up it also changes with what that has
 * mapped.
 */
uint64_t naming_sample_version(struct naming *naming, const struct sample *sample);

/*
 * Some names come late; until then others stand for them in the tree of the stacks. Puts them in
 * place, in other trees if need be, that are not sorted; *trees[i] may be NULL. 0, -ENOMEM or
 * -E2BIG.
 */
int naming_finish(struct naming *naming, struct call_tree **const trees[], size_t count);

/*
 * Looks at the files that have the names of a sample which is named later: those of its binaries,
 * so that it comes out what they lack, and those that its process changes, whose names are
 * remembered. version: naming_version() of its process, or naming_sample_version(), now.
 */
void naming_prepare(struct naming *naming, const struct sample *sample, uint64_t version);

/* All that was prepared is named. */
void naming_forget_prepared(struct naming *naming);

/* Gives up names of binaries that nobody has asked for in two windows (three minutes at least);
 * now_s: of any clock that goes forward. What has been handed out stays. */
void naming_rest(struct naming *naming, uint64_t now_s);

/* The kernel's symbols have changed (SIDEBAND_KSYMBOL). */
void naming_kernel_changed(struct naming *naming);

struct named_stack {
	const struct frame *frames; /* outermost first; until the next call */
	size_t count;
	enum stop_reason stop; /* of its own walk; STOP_COMPLETE when the names show the entry */
	/* Nothing is missing from the entry to the innermost frame; of who woke it up some may. */
	bool is_complete;
};

void naming_name(struct naming *naming, const struct sample *sample, struct named_stack *ret);

/* The same for one that was prepared, with that version. */
void naming_name_prepared(struct naming *naming, const struct sample *sample, uint64_t version,
			  struct named_stack *ret);

/*
 * Samples of which a part is equal get the same frames for it, whichever process they are of: by
 * where in their files the addresses lie.
 */
struct naming_parts {
	/* Of the process, and the [i] outermost addresses; of all of it with the kernel's. */
	uint64_t outer[USER_FRAMES_MAX + 1];
	uint64_t all;
	size_t depth; /* of the user's addresses */
	enum stop_reason stop;
	bool is_complete;
};

/* False: what it shows depends on more, and is for naming_name(). */
bool naming_find_parts(struct naming *naming, const struct sample *sample,
		       struct naming_parts *ret);

/*
 * The frames of one part, of the sample that was looked at last: of the process (0), of its i-th
 * outermost address (1 to depth), or what comes behind these (depth + 1). They live until the next
 * call. is_first: asks for the names of all that follows, too.
 */
void naming_name_part(struct naming *naming, const struct sample *sample, size_t part,
		      bool is_first, struct named_stack *ret);

void naming_read_stats(const struct naming *naming, struct naming_stats *ret);

#endif
