/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture as one <svg> element, for the writers of whole documents. It consists of a static
 * drawing, the packed tree (svg_pack.c) and one constant script, which draws from it. Of the
 * drawing it needs the attributes data-* of the element only.
 */
#ifndef EPROF_FLAMEGRAPH_SVG_H
#define EPROF_FLAMEGRAPH_SVG_H

#include "flamegraph/flamegraph.h"
#include "flamegraph/waits.h"

/* How high a picture may grow, in frames. Browsers get slow and imprecise beyond. */
#define SVG_ROWS_MAX 20000u

/* A page has the style sheet and the script once, for all of its pictures. */
enum svg_document { SVG_ALONE, SVG_IN_PAGE };

/* Returns 0 or -ENOMEM; what went wrong with the stream is text_finish()'s to find. */
int svg_put_element(const struct call_tree *tree, const struct picture *picture,
		    enum svg_document document, FILE *out);

/*
 * The families of all nodes, by number, in a palette that tells them by more than the frames'
 * kinds; otherwise *ret becomes NULL. The caller frees it. 0 or -ENOMEM.
 */
int svg_families_make(const struct call_tree *tree, enum palette_name palette, uint8_t **ret);

/* The tree, complete, as <metadata> elements; families as pack_labels_make() takes them. 0 or
 * -ENOMEM. */
int svg_put_pack(const struct call_tree *tree, const uint8_t *families, FILE *out);

/* What the counts of a picture are. */
struct svg_unit {
	const char *name;
	unsigned int decimals; /* of the tree */
};
struct svg_unit svg_unit_of(const struct call_tree *tree, const struct picture *picture);

/* Whether counts are shown as times: "1.23 ms". */
bool svg_unit_is_time(const struct svg_unit *unit);

/* "1,234 samples", "1.23 ms" */
void svg_put_count(const struct svg_unit *unit, uint64_t count, FILE *out);

const char *svg_title(const struct picture *picture);

/* The style sheet of all pictures: what is in a <style>, the same bytes each time. */
void svg_put_style(FILE *out);

/* Generated from *.js and svg_style.css. */
extern const char svg_script[];
extern const char svg_style[];

#endif
