/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the static drawing share. Lengths are whole pixels, and tenths of one from left
 * to right, made of whole numbers throughout, so that the same tree is the same bytes on every
 * machine.
 */
#ifndef EPROF_FLAMEGRAPH_SVG_FIGURE_H
#define EPROF_FLAMEGRAPH_SVG_FIGURE_H

#include "flamegraph/svg.h"

#define FIGURE_MARGIN 10 /* left and right */

struct figure {
	const struct call_tree *tree;
	const struct picture *picture;
	struct svg_unit unit;
	uint64_t total; /* what fills the width */
	uint64_t whole; /* what 100 % is: the same without what was removed */
	uint32_t width, row_height, font_size;
	struct waits waits; /* empty: the picture is not one of waiting */
	bool has_sides;     /* it is a differential */
	uint32_t removed;   /* the node of what vanished, or CALL_TREE_NONE */
};

static inline uint32_t figure_span(const struct figure *figure)
{
	return figure->width - 2 * FIGURE_MARGIN;
}

static inline uint32_t figure_line(const struct figure *figure)
{
	return figure->font_size * 3 / 2;
}

/* How many letters find room, and how wide some are. */
uint32_t figure_glyphs(const struct figure *figure, uint32_t tenths);
uint32_t figure_text_width(const struct figure *figure, size_t glyphs);

/* "1,234 samples", as text that is yet to be written into XML. */
void figure_put_plain_count(const struct figure *figure, uint64_t count, FILE *out);

/* "12.34%" of the whole. */
void figure_put_share(const struct figure *figure, uint64_t count, FILE *out);

/* What is removed, or new where the sides are the other way round. */
const char *figure_word_of_removed(const struct figure *figure);

/* " (1,234 samples, 12.34%)", and what more there is to say of a node. */
void figure_put_facts(const struct figure *figure, uint32_t index, bool is_removed, FILE *out);

/* A frame; or a block, which stands for frames side by side that are too narrow. */
struct figure_box {
	uint32_t index; /* of a block: CALL_TREE_NONE */
	uint32_t count; /* of frames in a block */
	uint32_t depth;
	bool is_waker;
	bool is_removed;
	uint64_t left, extent; /* in counts */
	uint64_t total;        /* of a block's frames; there may be gaps between them */
};

/* What there is to see, row by row, from left to right. The zero value is empty. */
struct figure_rows {
	struct figure_box *boxes;
	size_t box_count;
	size_t *starts; /* by row: where its boxes begin; one more at the end */
	uint32_t count;
};

/* The caller calls figure_rows_done() afterwards. 0 or -ENOMEM. */
int figure_rows_make(const struct figure *figure, struct figure_rows *ret);
void figure_rows_done(struct figure_rows *rows);

/* As a <g> that begins at (0, top). */
void figure_put_rows(const struct figure *figure, const struct figure_rows *rows, uint32_t top,
		     FILE *out);

/* What colours mean, as a <g> in as many lines as the width asks for; 0 high: there is none.
 * 0 or -ENOMEM. */
int figure_legend_height(const struct figure *figure, uint32_t *ret);
int figure_put_legend(const struct figure *figure, uint32_t top, FILE *out);

#endif
