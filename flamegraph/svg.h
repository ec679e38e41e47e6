/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as one <svg> element, for the writers of whole documents. It consists of a static
 * drawing, the packed tree (svg_pack.c) and one constant script (svg_tree.js and its likes), which
 * draws from it.
 */
#ifndef EPROF_FLAMEGRAPH_SVG_H
#define EPROF_FLAMEGRAPH_SVG_H

#include "flamegraph/flamegraph.h"
#include "flamegraph/waits.h"

/* How high a picture may grow, in frames. Browsers get slow and imprecise beyond. */
#define SVG_ROWS_MAX 20000u

#define SVG_MARGIN      10 /* pixels, left and right */
#define SVG_LINE_HEIGHT 18
#define SVG_PIXEL       100 /* lengths are hundredths of one */
#define SVG_GLYPH_WIDTH 720 /* 12 px monospace */

/* Returns 0 or -ENOMEM; what went wrong with the stream is text_finish()'s to find. */
int svg_put_element(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* The tree, complete, as <metadata> elements; families as labels_make() takes them. 0 or -ENOMEM.
 */
int svg_put_pack(const struct call_tree *tree, const uint8_t *families, FILE *out);

/* "1,234 samples"; microseconds are shown as a time: "1.23 ms". */
void svg_put_count(const struct picture *picture, uint64_t count, FILE *out);

/* One entry for each kind of waiting that occurs, in as many lines as width (pixels) asks for. */
uint32_t svg_legend_height(const struct waits *waits, const struct picture *picture,
			   uint32_t width);
void svg_put_legend(const struct waits *waits, const struct picture *picture, uint32_t width,
		    uint32_t y, FILE *out);

const char *svg_title(const struct picture *picture);

/* Generated from svg_*.js and svg_*.css. */
extern const char svg_script[];
extern const char svg_style[];
extern const char svg_waits_style[];

#endif
