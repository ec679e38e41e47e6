/* SPDX-License-Identifier: Apache-2.0 */
/* Names kernel addresses: asks for each one once, and keeps the answers while they hold. */
#ifndef EPROF_SYMBOLIZE_KERNEL_NAMER_H
#define EPROF_SYMBOLIZE_KERNEL_NAMER_H

#include <stdbool.h>

#include "symbolize/symbolize.h"

struct kernel_namer;

int kernel_namer_new(struct kernel_namer **ret);
void kernel_namer_free(struct kernel_namer *namer); /* NULL is fine */

/* The same as symbolizer_set_kallsyms() and symbolizer_set_kernel_lookup(). */
void kernel_namer_set_kallsyms(struct kernel_namer *namer, const char *path);
void kernel_namer_set_lookup(struct kernel_namer *namer, kernel_name_lookup lookup, void *context);

/* Names may have come, gone or moved: all answers are asked for anew. */
void kernel_namer_changed(struct kernel_namer *namer);

/*
 * What was read for a few addresses is given up after so many seconds; the next one that needs it
 * has it read again. now_s of any clock that goes forward.
 */
#define KERNEL_NAMER_REST_S 30
void kernel_namer_rest(struct kernel_namer *namer, uint64_t now_s);

/* Whether we may have names at all; reads what tells it at the first call. */
enum kernel_names kernel_namer_state(struct kernel_namer *namer);

/* Demangled; both strings live as long as the namer. False: no name, or none for us. */
bool kernel_namer_find(struct kernel_namer *namer, uint64_t address, const char **ret_name,
		       const char **ret_module);

#endif
