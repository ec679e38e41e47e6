/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier writes about the programs of one BPF object, while it is loaded. */
#ifndef EPROF_AGENT_PROGRAM_LOGS_H
#define EPROF_AGENT_PROGRAM_LOGS_H

#include <stdbool.h>
#include <stdio.h>

struct bpf_object;
struct program_logs;

/*
 * To be called before the object is loaded. always: also of programs that are accepted; else it is
 * asked only after a refusal. On success the caller owns *ret, and frees it after the load and
 * before the object goes. 0 or -ENOMEM.
 */
int program_logs_new(struct bpf_object *object, bool always, struct program_logs **ret);
void program_logs_free(struct program_logs *logs); /* NULL is fine */

/* All of them, with the programs' names. 0 or -errno. */
int program_logs_write(const struct program_logs *logs, FILE *file);

/* Says in one line, and the end of a log, why loading failed with err. */
void program_logs_explain(const struct program_logs *logs, int err);

#endif
