/* SPDX-License-Identifier: Apache-2.0 */
/* What was merged, as a file of one of the formats that flamegraph/ writes. */
#ifndef EPROF_WEB_MERGED_FILE_H
#define EPROF_WEB_MERGED_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "web/store.h"

struct merged_file {
	struct call_tree **tree; /* exchanged for one that is as its readers want it */
	const char *kind;
	const struct store_merged *merged;
	const struct store_merged *before; /* NULL: the tree is no differential */
	bool keeps_totals;                 /* of a differential: it is not normalized */
};

struct merged_format {
	const char *name;      /* "svg" | "folded" | "pprof" | "html" | "picture" */
	const char *type;      /* of the content */
	const char *extension; /* of a file that it is kept in; NULL: it is not to be kept */
	bool can_compare;
	int (*write)(const struct merged_file *file, FILE *out);
};

/*
 * "picture" is what web/ui/ draws from: one <svg> element (flamegraph/svg.h) without style sheet
 * and script, of PICTURE_BYTES_MAX at most: in a larger one what is small is left out
 * (flamegraph/call_tree_prune.h).
 */
#define PICTURE_BYTES_MAX (4u << 20)

/* NULL: there is none of that name. */
const struct merged_format *merged_format_find(const char *name);

/* 0, -ENOMEM, -E2BIG, -EOVERFLOW or -EIO. */
int merged_file_write(const struct merged_file *file, const struct merged_format *format,
		      FILE *out);

#endif
