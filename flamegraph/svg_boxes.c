/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of the static drawing. */
#include "flamegraph/svg_figure.h"
#include "flamegraph/text.h"

#define TEXT_MARGIN      3
#define GLYPHS_MIN       3
#define TITLE_GLYPHS_MAX 4096

/* In tenths of a pixel. Below this width there is no line between neighbours, which would be all
 * there is to see. */
#define THIN 25

/* Tenths of a pixel, halves to the even one, as printf() has it. */
static uint32_t place_of(const struct figure *figure, uint64_t count)
{
	unsigned __int128 scaled = (unsigned __int128)count * figure_span(figure) * 10;
	uint32_t tenths = (uint32_t)(scaled / figure->total);
	uint64_t rest = (uint64_t)(scaled % figure->total);
	uint64_t other = figure->total - rest;

	return tenths + (rest > other || (rest == other && tenths % 2 == 1));
}

static void put_tenths(uint32_t tenths, FILE *out)
{
	text_put_hundredths(out, (int64_t)tenths * 10);
}

static struct palette_class class_of(const struct figure *figure, const struct figure_box *box)
{
	const struct call_node *node = call_tree_node(figure->tree, box->index);
	bool is_negated = figure->picture->sides.is_negated;
	struct call_place place = call_tree_place(figure->tree, node->place_id);
	struct palette_frame frame = { .kind = node->kind, .is_waker = box->is_waker };
	uint64_t before;

	if (box->is_removed)
		return (struct palette_class){ is_negated ? PALETTE_NEW : PALETTE_REMOVED, 0 };
	if (box->index == 0)
		return (struct palette_class){ FRAME_NOTE, 0 };
	frame.name = call_tree_name(figure->tree, node->name_id);
	if (figure->waits.families) {
		uint32_t family = figure->waits.families[box->index];

		return (struct palette_class){ family, palette_shade_of(family, frame.name) };
	}
	if (figure->has_sides) {
		before = call_tree_before(figure->tree, box->index).total;
		return is_negated ? palette_change(node->total, before)
				  : palette_change(before, node->total);
	}
	if (place.module_id != CALL_TREE_NONE)
		frame.module = call_tree_name(figure->tree, place.module_id);
	return palette_class_of(figure->picture->colours, &frame);
}

/* In the middle of its row. */
static uint32_t baseline(const struct figure *figure)
{
	return (3 * figure->row_height + 2 * figure->font_size) / 6;
}

static void put_name(const struct figure *figure, const char *name, uint32_t x, uint32_t width,
		     FILE *out)
{
	const uint32_t margins = 2 * TEXT_MARGIN * 10;
	uint32_t glyphs = width > margins ? figure_glyphs(figure, width - margins) : 0;
	bool is_cut;

	if (glyphs < GLYPHS_MIN || !*name || figure->font_size > figure->row_height)
		return;
	is_cut = text_length(name, (size_t)glyphs + 1) > glyphs;
	text_put(out, "<text x=\"");
	put_tenths(x + TEXT_MARGIN * 10, out);
	fprintf(out, "\" y=\"%u\">", baseline(figure));
	text_put_xml(out, name, is_cut ? glyphs - 2 : TEXT_WHOLE);
	text_put(out, is_cut ? "..</text>" : "</text>");
}

static void put_block_title(const struct figure *figure, const struct figure_box *box, FILE *out)
{
	text_put_grouped(out, box->count);
	text_put(out, box->count == 1 ? " narrow frame (" : " narrow frames (");
	svg_put_count(&figure->unit, box->total, out);
	text_put(out, ", ");
	figure_put_share(figure, box->total, out);
	text_put(out, ")");
}

static void put_box(const struct figure *figure, const struct figure_box *box, FILE *out)
{
	bool is_block = box->index == CALL_TREE_NONE;
	struct palette_class class = { .family = FRAME_GAP };
	uint32_t x = place_of(figure, box->left);
	uint32_t width = place_of(figure, box->left + box->extent) - x;
	const char *name = "all";

	if (!is_block)
		class = class_of(figure, box);
	if (!is_block && box->index > 0)
		name = call_tree_name(figure->tree,
				      call_tree_node(figure->tree, box->index)->name_id);
	fprintf(out, "<rect class=\"%c%u\" x=\"", palette_letter(class.family), class.shade);
	put_tenths(x, out);
	text_put(out, "\" width=\"");
	put_tenths(width, out);
	fprintf(out, "\" height=\"%u\"><title>", figure->row_height - 1);
	if (is_block) {
		put_block_title(figure, box, out);
	} else {
		text_put_xml(out, name, TITLE_GLYPHS_MAX);
		figure_put_facts(figure, box->index, box->is_removed, out);
	}
	text_put(out, "</title></rect>");
	if (!is_block)
		put_name(figure, name, x, width, out);
	text_put(out, "\n");
}

static bool is_thin(const struct figure *figure, const struct figure_box *box)
{
	return place_of(figure, box->left + box->extent) - place_of(figure, box->left) < THIN;
}

/* Thin ones come last, upon the lines around their neighbours. */
static void put_row(const struct figure *figure, const struct figure_rows *rows, uint32_t row,
		    FILE *out)
{
	size_t thin = 0;

	for (size_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
		if (is_thin(figure, &rows->boxes[i]))
			thin++;
		else
			put_box(figure, &rows->boxes[i], out);
	}
	if (thin == 0)
		return;
	text_put(out, "<g class=\"thin\">\n");
	for (size_t i = rows->starts[row]; i < rows->starts[row + 1]; i++) {
		if (is_thin(figure, &rows->boxes[i]))
			put_box(figure, &rows->boxes[i], out);
	}
	text_put(out, "</g>\n");
}

void figure_put_rows(const struct figure *figure, const struct figure_rows *rows, uint32_t top,
		     FILE *out)
{
	text_put(out, "<g class=\"boxes\">\n");
	for (uint32_t row = 0; row < rows->count; row++) {
		uint32_t above = figure->picture->is_inverted ? row : rows->count - 1 - row;

		fprintf(out, "<g transform=\"translate(%d,%u)\">\n", FIGURE_MARGIN,
			top + above * figure->row_height);
		put_row(figure, rows, row, out);
		text_put(out, "</g>\n");
	}
	text_put(out, "</g>\n");
}
