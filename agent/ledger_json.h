/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger in stats.json. */
#ifndef EPROF_AGENT_LEDGER_JSON_H
#define EPROF_AGENT_LEDGER_JSON_H

#include <stdio.h>

#include "agent/ledger.h"

/* Threads of one process that are told apart, those that were there longest. */
#define LEDGER_JSON_THREADS_MAX 1000

/*
 * Writes one object, a line for each thread, without keeping it in memory: there may be ten
 * thousands. 0 or -ENOMEM; a failed write is seen in the stream.
 */
int ledger_json_write(struct ledger *ledger, FILE *out);

#endif
