/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's user-space half, as a session and agent_run.c put it together, on made-up rows. */
#ifndef EPROF_TESTS_BENCH_SCALE_PIPELINE_H
#define EPROF_TESTS_BENCH_SCALE_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

enum scale_stage {
	SCALE_NAME,  /* the naming thread: names, and the trees */
	SCALE_SORT,  /* the same thread, when the window ends */
	SCALE_SEAL,  /* the same */
	SCALE_SPLIT, /* into trees of services, and as they are shown */
	SCALE_SVG,
	SCALE_PPROF,
	SCALE_WRITE, /* the three before, and the spool: the window writer */
	SCALE_UPLOAD,
	SCALE_STAGES,
};

const char *scale_stage_name(enum scale_stage stage);

/* Of one window of a minute. */
struct scale_result {
	double cpu_s[SCALE_STAGES], wall_s[SCALE_STAGES];
	uint64_t samples, rows, nodes; /* of both trees */
	uint64_t peak_bytes;           /* RSS, beyond what it was at first */
	uint64_t rss_bytes;            /* the same, afterwards */
	uint64_t heap_bytes;           /* in use afterwards */
	uint64_t sent_bytes, sent_files;
};

struct scale_pipeline;

/*
 * Services and files: scale_rows_new(). Spool and target are in the directory, which is there, and
 * empty. One a process. 0 or -errno.
 */
int scale_pipeline_new(size_t cpus, size_t services, char *const *files, const char *directory,
		       struct scale_pipeline **ret);
void scale_pipeline_free(struct scale_pipeline *pipeline); /* NULL is fine */

/* The next window from its first drain to its last upload. 0 or -errno. */
int scale_pipeline_run(struct scale_pipeline *pipeline, struct scale_result *ret);

#endif
