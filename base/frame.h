/* SPDX-License-Identifier: Apache-2.0 */
/* What symbolize/ makes and flamegraph/ consumes: one named line of a stack. */
#ifndef EPROF_BASE_FRAME_H
#define EPROF_BASE_FRAME_H

#include <stdint.h>

enum frame_kind {
	FRAME_USER,
	FRAME_KERNEL,  /* folded suffix _[k] */
	FRAME_INLINED, /* folded suffix _[i] */
	FRAME_JIT,     /* folded suffix _[j] */
	FRAME_PROCESS, /* the root frame: a process, or a thread below it */
	FRAME_NOTE,    /* eprof's own words, such as "[stack: too deep]" */
	FRAME_KIND_COUNT,
	/* Of a flame chart only: time that a frame spends in none of its callees. It has no name,
	 * and nothing is drawn. */
	FRAME_GAP = FRAME_KIND_COUNT,
};

/*
 * Strings are borrowed: they live as long as the object that made the frame says. name is never
 * NULL; file is NULL when unknown, line is then 0; module is the base name of the binary, or NULL.
 */
struct frame {
	const char *name;
	const char *file;
	const char *module;
	uint32_t line;
	enum frame_kind kind;
};

#endif
