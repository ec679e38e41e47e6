/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as one <svg> element, for the writers of whole documents. It consists of a static
 * drawing, the packed tree (svg_pack.c) and one constant script (svg_script.js) that draws from it.
 */
#ifndef EPROF_FLAMEGRAPH_SVG_H
#define EPROF_FLAMEGRAPH_SVG_H

#include "flamegraph/flamegraph.h"

/* How high a picture may grow, in frames. Browsers get slow and imprecise beyond. */
#define SVG_ROWS_MAX 20000u

/* Returns 0 or -ENOMEM; what went wrong with the stream is text_finish()'s to find. */
int svg_put_element(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* The tree, complete, as <metadata> elements. 0 or -ENOMEM. */
int svg_put_pack(const struct call_tree *tree, FILE *out);

const char *svg_title(const struct picture *picture);

/* Generated from svg_script.js and svg_style.css. */
extern const char svg_script[];
extern const char svg_style[];

#endif
