/* SPDX-License-Identifier: Apache-2.0 */
/* What was merged, as a file of one of the formats that flamegraph/ writes. */
#ifndef EPROF_WEB_MERGED_FILE_H
#define EPROF_WEB_MERGED_FILE_H

#include <stdio.h>

#include "web/store.h"

struct merged_file {
	struct call_tree **tree; /* exchanged for one that is as its readers want it */
	const char *kind;
	const struct store_merged *merged;
};

struct merged_format {
	const char *name; /* "svg" | "folded" | "pprof" | "html" */
	const char *type; /* of the content */
	int (*write)(const struct merged_file *file, FILE *out);
};

/* NULL: there is none of that name. */
const struct merged_format *merged_format_find(const char *name);

/* 0, -ENOMEM, -E2BIG, -EOVERFLOW or -EIO. */
int merged_file_write(const struct merged_file *file, const struct merged_format *format,
		      FILE *out);

#endif
