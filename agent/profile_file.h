/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a finished profile file besides its bytes: on its way to where it is uploaded. */
#ifndef EPROF_AGENT_PROFILE_FILE_H
#define EPROF_AGENT_PROFILE_FILE_H

#include <stddef.h>
#include <stdint.h>

enum profile_kind {
	PROFILE_ON_CPU,
	PROFILE_OFF_CPU,
	PROFILE_BOTH, /* a page, which has one beside the other */
};

enum profile_format {
	PROFILE_SVG,
	PROFILE_FOLDED,
	PROFILE_PPROF,
	PROFILE_HTML,
	PROFILE_FORMAT_COUNT,
};

struct profile_label {
	const char *name, *value; /* UTF-8 */
};

struct profile_file {
	enum profile_kind kind;
	enum profile_format format;
	const char *service; /* UTF-8, never empty */
	const char *host;
	uint64_t from_ns, until_ns; /* UNIX time */
	uint64_t sample_hz;         /* of PROFILE_ON_CPU; 0 otherwise */
	const struct profile_label *labels;
	size_t label_count;
};

const char *profile_kind_name(enum profile_kind kind);       /* "on-cpu", "off-cpu", "both" */
const char *profile_format_name(enum profile_format format); /* "svg", "folded", "pprof", "html" */
const char *
profile_format_ending(enum profile_format format); /* ".svg", ".folded", ".pb.gz", ... */

#endif
