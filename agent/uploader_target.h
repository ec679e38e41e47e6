/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the thread of one target does: the oldest item of its queue is sent until the target has
 * it or refuses it for good, then the next one. A target that fails makes nobody wait but itself.
 * One line when it begins to fail and one when it answers again; none for each attempt.
 */
#ifndef EPROF_AGENT_UPLOADER_TARGET_H
#define EPROF_AGENT_UPLOADER_TARGET_H

#include "agent/agent_config.h"
#include "agent/uploader_backoff.h"
#include "agent/uploader_gate.h"
#include "agent/uploader_shared.h"

struct uploader_timing {
	struct uploader_backoff backoff;
	uint64_t look_ns; /* the queue is looked at so often even if nobody tells of files */
};

extern const struct uploader_timing uploader_timing_default;

/* All borrowed. The slot has figures that are counted on from. */
struct uploader_target {
	const struct upload_config *config;
	const char *spool_dir;
	const struct uploader_timing *timing;
	struct uploader_gate *gate;
	struct uploader_slot *slot;
};

/*
 * Returns when the gate ends: at once when it is cut, otherwise after what is begun, and with
 * drains when the queue is empty or the target has failed twice in a row (what is left stays in the
 * spool).
 */
void uploader_target_run(const struct uploader_target *target);

#endif
