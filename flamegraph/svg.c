/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The static drawing: what a viewer without scripts shows. Lengths are hundredths of a pixel and
 * whole numbers throughout, so that the same tree is the same bytes on every machine.
 *
 * Frames that would be too narrow are left out of the drawing (not out of the packed data), and
 * neighbours left out together are shown as one grey block.
 */
#include "flamegraph/svg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/palette.h"
#include "flamegraph/text.h"

#define WIDTH_DEFAULT    1200u
#define WIDTH_MIN        200u
#define WIDTH_MAX        100000u
#define PIXEL            SVG_PIXEL
#define MARGIN           SVG_MARGIN
#define ROW_HEIGHT       16
#define HEADER_HEIGHT    36
#define LINE_HEIGHT      SVG_LINE_HEIGHT
#define FOOTER_HEIGHT    24
#define GAP              50 /* between neighbours that are wide enough for one */
#define GAP_FROM         150
#define TEXT_MARGIN      300
#define GLYPHS_MIN       3
#define TITLE_GLYPHS_MAX 4096

/* Frames narrower than the first are never drawn, wider than the second always. Between the two
 * the limit depends on how many frames there would be. */
#define NARROWEST         10
#define NARROWEST_CROWDED 100
#define FRAMES_CROWDED    6000

struct drawing {
	const struct call_tree *tree;
	const struct picture *picture;
	FILE *out;
	uint64_t total;
	uint32_t width; /* pixels */
	uint64_t span;  /* the root's width */
	uint64_t narrowest;
	uint32_t rows;
	uint64_t *lefts;    /* by depth: where the next node begins, in counts */
	struct waits waits; /* empty: the picture is not one of waiting */
};

/* Siblings side by side that are left out. */
struct run {
	uint32_t count;
	uint32_t depth;
	uint64_t left;
	uint64_t total;
};

static void cleanup_drawing(struct drawing *drawing)
{
	free(drawing->lefts);
	waits_done(&drawing->waits);
}

const char *svg_title(const struct picture *picture)
{
	return picture->title ? picture->title : "Flame Graph";
}

static const char *unit_of(const struct picture *picture)
{
	return picture->unit ? picture->unit : "samples";
}

static bool is_time(const struct picture *picture)
{
	return strcmp(unit_of(picture), "microseconds") == 0;
}

static uint64_t scale(const struct drawing *drawing, uint64_t count)
{
	return (uint64_t)((unsigned __int128)count * drawing->span / drawing->total);
}

/* How many frames there are of each small width decides which are too narrow. */
static void choose_narrowest(struct drawing *drawing)
{
	uint64_t frames[NARROWEST_CROWDED + 1] = { 0 };
	uint32_t depths[NARROWEST_CROWDED + 1] = { 0 };
	uint64_t drawn = 0;
	uint32_t index = 0;

	while (index != CALL_TREE_NONE) {
		const struct call_node *node = call_tree_node(drawing->tree, index);
		uint64_t width = scale(drawing, node->total);

		if (width < NARROWEST) {
			index = call_tree_skip(drawing->tree, index);
			continue;
		}
		if (width > NARROWEST_CROWDED)
			width = NARROWEST_CROWDED;
		frames[width]++;
		if (node->depth > depths[width])
			depths[width] = node->depth;
		index = call_tree_next(drawing->tree, index);
	}
	drawing->rows = 0;
	for (size_t width = NARROWEST_CROWDED; width >= NARROWEST; width--) {
		drawn += frames[width];
		if (drawn > FRAMES_CROWDED && width < NARROWEST_CROWDED)
			break;
		drawing->narrowest = width;
		if (depths[width] + 1 > drawing->rows)
			drawing->rows = depths[width] + 1;
	}
	drawing->rows += 1; /* for blocks upon the highest frame */
	if (drawing->rows > SVG_ROWS_MAX)
		drawing->rows = SVG_ROWS_MAX;
}

static void put_box(const struct drawing *drawing, uint64_t left, uint64_t total, uint32_t depth)
{
	uint64_t x = scale(drawing, left);
	uint64_t width = scale(drawing, left + total) - x;

	text_put(drawing->out, "<rect x=\"");
	text_put_hundredths(drawing->out, (int64_t)x);
	text_put(drawing->out, "\" y=\"");
	text_put_hundredths(drawing->out, -((int64_t)depth + 1) * ROW_HEIGHT * PIXEL);
	text_put(drawing->out, "\" width=\"");
	text_put_hundredths(drawing->out, (int64_t)(width > GAP_FROM ? width - GAP : width));
	text_put(drawing->out, "\" height=\"15\"/>");
}

static void put_name(const struct drawing *drawing, const char *name, uint64_t left, uint64_t total,
		     uint32_t depth)
{
	uint64_t x = scale(drawing, left);
	uint64_t width = scale(drawing, left + total) - x;
	uint64_t glyphs = width > 2 * TEXT_MARGIN ? (width - 2 * TEXT_MARGIN) / SVG_GLYPH_WIDTH : 0;
	bool is_cut;

	if (glyphs < GLYPHS_MIN || !*name)
		return;
	is_cut = text_length(name, glyphs + 1) > glyphs;
	text_put(drawing->out, "<text x=\"");
	text_put_hundredths(drawing->out, (int64_t)(x + TEXT_MARGIN));
	text_put(drawing->out, "\" y=\"");
	text_put_hundredths(drawing->out, (-((int64_t)depth + 1) * ROW_HEIGHT + 12) * PIXEL);
	text_put(drawing->out, "\">");
	text_put_xml(drawing->out, name, is_cut ? glyphs - 2 : TEXT_WHOLE);
	text_put(drawing->out, is_cut ? "..</text>" : "</text>");
}

void svg_put_count(const struct picture *picture, uint64_t count, FILE *out)
{
	if (is_time(picture)) {
		text_put_time(out, count);
		return;
	}
	text_put_grouped(out, count);
	text_put(out, " ");
	text_put_xml(out, unit_of(picture), TEXT_WHOLE);
}

/* " (1,234 samples, 12.34%, lock)" */
static void put_share(const struct drawing *drawing, uint64_t total, bool is_root, const char *kind)
{
	text_put(drawing->out, " (");
	svg_put_count(drawing->picture, total, drawing->out);
	text_put(drawing->out, ", ");
	if (is_root)
		text_put(drawing->out, "100%");
	else
		text_put_percent(drawing->out, total, drawing->total);
	if (kind) {
		text_put(drawing->out, ", ");
		text_put(drawing->out, kind);
	}
	text_put(drawing->out, ")");
}

static uint32_t family_of(const struct drawing *drawing, uint32_t index)
{
	if (index == 0)
		return FRAME_NOTE;
	return drawing->waits.families ? drawing->waits.families[index]
				       : (uint32_t)call_tree_node(drawing->tree, index)->kind;
}

static void put_frame(const struct drawing *drawing, uint32_t index, uint64_t left)
{
	const struct call_node *node = call_tree_node(drawing->tree, index);
	const char *name = index == 0 ? "all" : call_tree_name(drawing->tree, node->name_id);
	uint32_t family = family_of(drawing, index);
	FILE *out = drawing->out;

	fprintf(out, "<g class=\"%c%u\"><title>", palette_letter(family),
		palette_shade_of(family, name));
	text_put_xml(out, name, TITLE_GLYPHS_MAX);
	put_share(drawing, node->total, index == 0,
		  family >= PALETTE_WAIT ? wait_kind_text(family - PALETTE_WAIT) : NULL);
	text_put(out, "</title>");
	put_box(drawing, left, node->total, node->depth);
	put_name(drawing, name, left, node->total, node->depth);
	text_put(out, "</g>\n");
}

static void put_run(const struct drawing *drawing, struct run *run)
{
	if (run->count > 0 && scale(drawing, run->total) >= drawing->narrowest) {
		text_put(drawing->out, "<g class=\"rest\"><title>");
		text_put_grouped(drawing->out, run->count);
		text_put(drawing->out, run->count == 1 ? " narrow frame" : " narrow frames");
		put_share(drawing, run->total, false, NULL);
		text_put(drawing->out, "</title>");
		put_box(drawing, run->left, run->total, run->depth);
		text_put(drawing->out, "</g>\n");
	}
	run->count = 0;
}

static void extend_run(struct run *run, const struct call_node *node, uint64_t left)
{
	if (run->count == 0)
		*run = (struct run){ .depth = node->depth, .left = left };
	run->count++;
	run->total += node->total;
}

/* The walk goes from a node that is left out to its next sibling, so one run at a time is enough.
 */
static void put_frames(const struct drawing *drawing)
{
	struct run run = { 0 };
	uint32_t index = 0;

	while (index != CALL_TREE_NONE) {
		const struct call_node *node = call_tree_node(drawing->tree, index);
		uint64_t left = drawing->lefts[node->depth];

		drawing->lefts[node->depth] += node->total;
		if (node->total > 0 && scale(drawing, node->total) >= drawing->narrowest &&
		    node->depth < drawing->rows) {
			put_run(drawing, &run);
			put_frame(drawing, index, left);
			drawing->lefts[node->depth + 1] = left;
			index = call_tree_next(drawing->tree, index);
			continue;
		}
		if (node->total > 0 && node->depth < drawing->rows)
			extend_run(&run, node, left);
		if (node->next_sibling == CALL_TREE_NONE)
			put_run(drawing, &run);
		index = call_tree_skip(drawing->tree, index);
	}
}

static void put_line(FILE *out, const char *class, uint32_t x, int64_t y, const char *text)
{
	if (!text)
		return;
	fprintf(out, "<text class=\"%s\" x=\"%u\" y=\"%lld\">", class, x, (long long)y);
	text_put_xml(out, text, TEXT_WHOLE);
	text_put(out, "</text>\n");
}

static void put_style(const struct picture *picture, FILE *out)
{
	text_put(out, "<style><![CDATA[\n");
	text_put(out, svg_style);
	if (picture->waits)
		text_put(out, svg_waits_style);
	palette_put_css(picture->waits, out);
	text_put(out, "]]></style>\n");
	if (picture->waits)
		palette_put_patterns(out);
}

static void put_head(const struct drawing *drawing, uint32_t top, uint32_t height)
{
	const struct picture *picture = drawing->picture;
	FILE *out = drawing->out;

	fprintf(out,
		"<svg class=\"eprof%s\" xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
		"width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"monospace\" "
		"font-size=\"12\" data-unit=\"",
		picture->waits ? " waits" : "", drawing->width, height, drawing->width, height);
	text_put_xml(out, unit_of(picture), TEXT_WHOLE);
	fprintf(out, "\" data-top=\"%u\" data-rows=\"%u\" data-nodes=\"%zu\">\n<title>", top,
		drawing->rows, call_tree_node_count(drawing->tree));
	text_put_xml(out, svg_title(picture), TEXT_WHOLE);
	text_put(out, "</title>\n");
	put_style(picture, out);
	text_put(out, "<rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
	fprintf(out, "<g text-anchor=\"middle\">\n");
	put_line(out, "head", drawing->width / 2, 24, svg_title(picture));
	put_line(out, "note", drawing->width / 2, 24 + LINE_HEIGHT, picture->subtitle);
	fprintf(out, "</g>\n");
	if (drawing->waits.families)
		svg_put_legend(&drawing->waits, picture, drawing->width,
			       top - svg_legend_height(&drawing->waits, picture, drawing->width),
			       out);
}

static int put_body(struct drawing *drawing, uint32_t top)
{
	FILE *out = drawing->out;
	uint32_t bottom = top + drawing->rows * ROW_HEIGHT;
	int err;

	fprintf(out, "<g class=\"frames\" transform=\"translate(%u,%u)\">\n", MARGIN, bottom);
	if (drawing->total > 0)
		put_frames(drawing);
	fprintf(out, "</g>\n<g class=\"foot\" transform=\"translate(0,%u)\">\n", bottom);
	if (drawing->total == 0)
		put_line(out, "note", MARGIN, -4,
			 is_time(drawing->picture) ? "no time" : "no samples");
	put_line(out, "details", MARGIN, LINE_HEIGHT, "");
	put_line(out, "note", MARGIN, 2 * LINE_HEIGHT, drawing->picture->notes);
	text_put(out, "</g>\n");
	if (drawing->total > 0) {
		err = svg_put_pack(drawing->tree, drawing->waits.families, out);
		if (err < 0)
			return err;
		text_put(out, "<script><![CDATA[\n");
		text_put(out, svg_script);
		text_put(out, "]]></script>\n");
	}
	text_put(out, "</svg>\n");
	return 0;
}

static uint32_t clamp_width(uint32_t width)
{
	if (width == 0)
		return WIDTH_DEFAULT;
	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width < WIDTH_MAX ? width : WIDTH_MAX;
}

/* What is above the frames; waits, where they are wanted, are made. */
static int prepare(struct drawing *drawing, uint32_t *ret_top)
{
	const struct picture *picture = drawing->picture;
	int err;

	*ret_top = HEADER_HEIGHT + (picture->subtitle ? LINE_HEIGHT : 0);
	drawing->lefts =
		calloc((size_t)call_tree_depth(drawing->tree) + 2, sizeof(*drawing->lefts));
	if (!drawing->lefts)
		return -ENOMEM;
	if (drawing->total == 0)
		return 0;
	choose_narrowest(drawing);
	if (!picture->waits)
		return 0;
	err = waits_make(drawing->tree, &drawing->waits);
	if (err < 0)
		return err;
	*ret_top += svg_legend_height(&drawing->waits, picture, drawing->width);
	return 0;
}

int svg_put_element(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	CLEANUP(cleanup_drawing)
	struct drawing drawing = {
		.tree = tree,
		.picture = picture,
		.out = out,
		.total = call_tree_node(tree, 0)->total,
		.width = clamp_width(picture->width),
		.rows = 1,
	};
	uint32_t bottom = FOOTER_HEIGHT + (picture->notes ? LINE_HEIGHT : 0);
	uint32_t top;
	int err;

	drawing.span = (uint64_t)(drawing.width - 2 * MARGIN) * PIXEL;
	err = prepare(&drawing, &top);
	if (err < 0)
		return err;
	put_head(&drawing, top, top + drawing.rows * ROW_HEIGHT + bottom);
	return put_body(&drawing, top);
}

int svg_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err;

	text_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	err = svg_put_element(tree, picture, out);
	if (err < 0)
		return err;
	return text_finish(out);
}
