/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a picture is to look like, and what its numbers mean. Strings are borrowed and may be
 * anything; zero is the default of every member.
 */
#ifndef EPROF_FLAMEGRAPH_PICTURE_H
#define EPROF_FLAMEGRAPH_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "flamegraph/palette.h"

/* What is too narrow to be drawn. */
enum picture_limit {
	PICTURE_LIMIT_DEFAULT, /* a tenth of a pixel; more when there would be too many frames */
	PICTURE_LIMIT_PIXELS,
	PICTURE_LIMIT_SHARE, /* of the total */
};

struct picture_min_width {
	enum picture_limit limit;
	uint32_t thousandths; /* of a pixel, or of a percent */
};

/*
 * Of a tree that has counts before (call_tree_before()). The names are those of the two inputs.
 * Where counts are normalized those before have been scaled to the total of those after.
 */
struct picture_sides {
	const char *before;    /* NULL: "before" */
	const char *after;     /* NULL: "after" */
	uint64_t before_total; /* as it was, in the units of the tree; 0: that of the tree */
	bool is_normalized;
	bool is_negated; /* the input has them the other way round: signs and colours are swapped */
};

struct picture {
	const char *title;    /* NULL: "Flame Graph", "Icicle Graph" or "Flame Chart" */
	const char *subtitle; /* NULL: none */
	const char *notes;    /* NULL: none; losses and conditions, in one line under the picture */
	const char *unit;     /* NULL: "samples"; "microseconds" are shown as times */
	const char *nametype; /* NULL: "Function:"; what is before a name in the line of details */
	uint32_t width;       /* pixels; 0: 1200, or what there is room for */
	uint32_t frame_height; /* pixels; 0: 16 */
	uint32_t font_size;    /* pixels; 0: 12 */
	struct picture_min_width min_width;
	enum palette_name colours;
	bool is_inverted; /* the root is at the top */
	bool is_reversed; /* the tree has the leaves first (call_tree_select()) */
	bool is_chart;    /* the tree keeps time (call_tree_keep_time()) */
	/* Off-CPU time: what is waited for has colours and a legend, and waiting for work can be
	 * hidden (wait_kind.h). */
	bool waits;
	uint64_t period_ns; /* what a sample stands for; 0: it is not known, or they are no samples
			     */
	struct picture_sides sides;
};

#endif
