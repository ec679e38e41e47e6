/* SPDX-License-Identifier: Apache-2.0 */
/* One sample into the trees of a profile: its service's part, its stack's names, its count. */
#ifndef EPROF_AGENT_SAMPLE_NAMER_H
#define EPROF_AGENT_SAMPLE_NAMER_H

#include "agent/known_stacks.h"
#include "agent/naming.h"
#include "agent/processes.h"
#include "agent/profile.h"
#include "agent/services.h"

/* All borrowed but what is known: known_stacks_done(). */
struct sample_namer {
	struct naming *naming;
	struct processes *processes;
	struct services *services; /* NULL: samples are not told apart by service */
	struct profile *profile;   /* what is counted into */
	bool is_prepared;          /* every stack has been looked at before: naming_prepare() */
	/* Nodes of this profile: of a stack of a process, and of one of whichever process. */
	struct known_stacks known, placed;
	struct hashmap outer; /* naming_parts.outer -> node */
	struct naming_parts parts;
};

/* There is another profile, or other names. */
void sample_namer_forget(struct sample_namer *namer);
void sample_namer_done(struct sample_namer *namer);

/* version: naming_sample_version(), when the sample came. 0 or -errno. */
int sample_namer_name(struct sample_namer *namer, const struct sample *sample, uint64_t version);

/* Whether its stack has names already. */
bool sample_namer_knows(struct sample_namer *namer, const struct sample *sample, uint64_t version);

#endif
