/* SPDX-License-Identifier: Apache-2.0 */
/* A pprof file read back, as text to compare. */
#ifndef EPROF_TESTS_GOLDEN_PPROF_TEXT_H
#define EPROF_TESTS_GOLDEN_PPROF_TEXT_H

#include <stdio.h>

#include "flamegraph/call_tree.h"

/*
 * Writes what pprof_write() makes of tree: mappings with what they have, then samples with their
 * addresses from the leaf on, each with its functions from the innermost on. 0 or -errno: -EBADMSG
 * when it is no profile, or one that refers to what is not there.
 */
int pprof_text_write(const struct call_tree *tree, FILE *out);

#endif
