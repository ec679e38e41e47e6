/* SPDX-License-Identifier: Apache-2.0 */
/* Folded stacks have no places but in names: these are taken out of there. */
#ifndef EPROF_TESTS_GOLDEN_PLACED_TREE_H
#define EPROF_TESTS_GOLDEN_PLACED_TREE_H

#include "flamegraph/call_tree.h"

/*
 * The same stacks, "NAME (FILE:LINE) {MODULE}" being three things, of which the last two may be
 * missing, and the outermost frame a process. *ret is sorted and belongs to the caller. 0 or
 * -errno.
 */
int placed_tree_make(const struct call_tree *tree, struct call_tree **ret);

#endif
