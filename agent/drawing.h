/* SPDX-License-Identifier: Apache-2.0 */
/* What `eprof flamegraph` and `eprof diff` do between reading and writing. */
#ifndef EPROF_AGENT_DRAWING_H
#define EPROF_AGENT_DRAWING_H

#include "agent/input.h"
#include "agent/options.h"
#include "flamegraph/call_tree_select.h"

/* One line that says why output cannot be made; returns err. */
int drawing_failed(const char *output, int err);

/*
 * Puts in place of *tree the part that is asked for, sorted, multiplied, and the other way round if
 * that is wanted. 0, or -errno without a line: *tree is to be freed all the same.
 */
int drawing_select(const struct drawing_options *options, struct call_tree **tree,
		   struct call_left_out *ret);

/* Makes one frame of those that differ in their lines only. The same. */
int drawing_merge_lines(struct call_tree **tree);

/* Makes the root as large as total, with a warning if it is larger already. The same. */
int drawing_widen(const struct decimal_number *total, struct call_tree *tree);

/* What the counts are for the eye: *tree gets that unit, and *picture its name. The same. */
int drawing_set_unit(const struct input_unit *unit, struct call_tree **tree,
		     struct picture *picture);

/*
 * Before output is written: a file gets whole, or does not come to be, also when a signal would end
 * us (signals_hold()). A reader of stdout may never read on: there it ends us.
 */
void drawing_hold_signals(const char *output);

/*
 * Those that were asked for, which share of all the selection left out, and remarks of the caller,
 * "" being none. The caller frees *ret, which is NULL when there is nothing to say. 0 or -ENOMEM.
 */
int drawing_notes(const struct drawing_options *options, double left_out, const char *remark,
		  char **ret);

#endif
