/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that `perf script` prints, one at a time. Words are borrowed from the line. */
#ifndef EPROF_FLAMEGRAPH_PERF_SCRIPT_LINE_H
#define EPROF_FLAMEGRAPH_PERF_SCRIPT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

struct words {
	const char *text;
	size_t length;
};

/* "comm pid[/tid] [cpu] time: period event:", where cpu, time and period need not be there. */
struct perf_script_header {
	struct words comm; /* may have blanks */
	struct words event;
	struct words rest; /* what is behind the event: a frame, or the fields of a tracepoint */
	uint64_t period;
	bool has_period;
	bool has_time;
};

/* "address symbol+0xoffset (object)" */
struct perf_script_frame {
	struct words name;   /* without the offset; of no length: unknown */
	struct words module; /* the object without its folder; of no length: unknown */
	enum frame_kind kind;
};

/* "  file:line (inlined)" below a frame, by -F +srcline, where the line need not be inlined. */
struct perf_script_source {
	struct words file; /* of no length: there is something else, such as "  libc.so.6[1f2]" */
	uint32_t line;
	bool is_inlined; /* the frame above is, which does not say so itself */
};

/* True when the line is one, without a NUL. */
bool perf_script_header(const char *line, size_t length, struct perf_script_header *ret);
bool perf_script_frame(const char *line, size_t length, struct perf_script_frame *ret);
bool perf_script_source(const char *line, size_t length, struct perf_script_source *ret);

#endif
