/* SPDX-License-Identifier: Apache-2.0 */
/* The static drawing: what a viewer without scripts shows. */
#include "flamegraph/svg.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_removed.h"
#include "flamegraph/palette.h"
#include "flamegraph/svg_figure.h"
#include "flamegraph/text.h"

#define WIDTH_DEFAULT 1200u
#define WIDTH_MIN     100u
#define WIDTH_MAX     100000u
#define ROW_DEFAULT   16u
#define ROW_MIN       3u
#define FONT_DEFAULT  12u
#define FONT_MIN      3u
#define HEIGHT_MAX    200u /* of a row, and of a font */
#define HEAD_LARGER   5

/* Where the parts of the drawing begin, from top to bottom. */
struct places {
	uint32_t subtitle, legend, frames, foot, end;
};

static void cleanup_figure(struct figure *figure)
{
	waits_done(&figure->waits);
}

static void put_line(FILE *out, const char *class, uint32_t x, uint32_t y, const char *text)
{
	if (!text)
		return;
	fprintf(out, "<text class=\"%s\" x=\"%u\" y=\"%u\">", class, x, y);
	text_put_xml(out, text, TEXT_WHOLE);
	text_put(out, "</text>\n");
}

void svg_put_style(FILE *out)
{
	text_put(out, svg_style);
	palette_put_css(out);
}

static void put_data(const char *name, const char *value, FILE *out)
{
	if (!value)
		return;
	fprintf(out, " data-%s=\"", name);
	text_put_xml(out, value, TEXT_WHOLE);
	text_put(out, "\"");
}

static void put_data_number(const char *name, uint64_t value, FILE *out)
{
	fprintf(out, " data-%s=\"", name);
	text_put_u64(out, value);
	text_put(out, "\"");
}

static void put_flag(const char *name, bool is_set, FILE *out)
{
	if (is_set)
		put_data(name, "1", out);
}

/* "0.5", or "0.01%" */
static void put_min_width(const struct picture_min_width *min_width, FILE *out)
{
	if (min_width->limit == PICTURE_LIMIT_DEFAULT)
		return;
	text_put(out, " data-min-width=\"");
	text_put_decimal(out, min_width->thousandths, 3);
	text_put(out, min_width->limit == PICTURE_LIMIT_SHARE ? "%\"" : "\"");
}

static void put_data_of_sides(const struct figure *figure, FILE *out)
{
	const struct picture_sides *sides = &figure->picture->sides;
	uint64_t before = sides->before_total;

	if (before == 0)
		before = call_tree_before(figure->tree, 0).total;
	put_data("before", sides->before ? sides->before : "before", out);
	put_data("after", sides->after ? sides->after : "after", out);
	put_data_number("before-total", before, out);
	put_flag("normalized", sides->is_normalized, out);
	put_flag("negated", sides->is_negated, out);
}

/* What the script has to know besides the packed tree. */
static void put_data_of_picture(const struct figure *figure, FILE *out)
{
	const struct picture *picture = figure->picture;

	put_data("unit", figure->unit.name, out);
	if (figure->unit.decimals > 0)
		put_data_number("decimals", figure->unit.decimals, out);
	if (picture->period_ns > 0)
		put_data_number("period-ns", picture->period_ns, out);
	put_data_number("nodes", call_tree_node_count(figure->tree), out);
	if (picture->width > 0)
		put_data_number("width", figure->width, out);
	put_data_number("frame-height", figure->row_height, out);
	put_data_number("font-size", figure->font_size, out);
	put_min_width(&picture->min_width, out);
	put_flag("inverted", picture->is_inverted, out);
	put_flag("reversed", picture->is_reversed, out);
	put_flag("chart", picture->is_chart, out);
	put_flag("waits", picture->waits, out);
	put_data("colors", palette_name_text(picture->colours), out);
	put_data("nametype", picture->nametype ? picture->nametype : "Function:", out);
	if (figure->has_sides)
		put_data_of_sides(figure, out);
}

static int put_head(const struct figure *figure, const struct places *places,
		    enum svg_document document, FILE *out)
{
	const struct picture *picture = figure->picture;
	uint32_t middle = figure->width / 2;

	fprintf(out,
		"<svg class=\"eprof%s\" xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
		"width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"monospace\" "
		"font-size=\"%u\"",
		figure->waits.families ? " waits" : "", figure->width, places->end, figure->width,
		places->end, figure->font_size);
	put_data_of_picture(figure, out);
	text_put(out, ">\n<title>");
	text_put_xml(out, svg_title(picture), TEXT_WHOLE);
	text_put(out, "</title>\n");
	if (document == SVG_ALONE) {
		text_put(out, "<style><![CDATA[\n");
		svg_put_style(out);
		text_put(out, "]]></style>\n");
	}
	if (figure->waits.families)
		palette_put_patterns(out);
	text_put(out, "<rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
	fprintf(out, "<g text-anchor=\"middle\">\n<g font-size=\"%u\">\n",
		figure->font_size + HEAD_LARGER);
	put_line(out, "head", middle, 2 * figure->font_size, svg_title(picture));
	text_put(out, "</g>\n");
	put_line(out, "subtitle", middle, places->subtitle, picture->subtitle);
	text_put(out, "</g>\n");
	return figure_put_legend(figure, places->legend, out);
}

static void put_foot(const struct figure *figure, const struct places *places, FILE *out)
{
	static const char hint[] = "Zoom and search: in a browser that runs scripts";
	bool has_room = figure_text_width(figure, strlen(hint)) <= figure_span(figure);
	uint32_t y = places->foot + figure_line(figure);

	if (figure->total > 0) {
		put_line(out, "hint", FIGURE_MARGIN, y, has_room ? hint : NULL);
		y += figure_line(figure);
	}
	put_line(out, "notes", FIGURE_MARGIN, y, figure->picture->notes);
}

/* There is one row of room for it. */
static void put_nothing(const struct figure *figure, const struct places *places, FILE *out)
{
	fprintf(out, "<text class=\"nothing\" x=\"%u\" y=\"%u\">Nothing was counted: no ",
		FIGURE_MARGIN, places->foot - figure->font_size / 3);
	text_put_xml(out, svg_unit_is_time(&figure->unit) ? "time" : figure->unit.name, TEXT_WHOLE);
	text_put(out, "</text>\n");
}

static int put_data_and_script(const struct figure *figure, enum svg_document document, FILE *out)
{
	CLEANUP(cleanup_free) uint8_t *families = NULL;
	int err = 0;

	if (figure->total == 0)
		return 0;
	if (!figure->waits.families)
		err = svg_families_make(figure->tree, figure->picture->colours, &families);
	if (!err)
		err = svg_put_pack(figure->tree, families ? families : figure->waits.families, out);
	if (err < 0 || document == SVG_IN_PAGE)
		return err;
	text_put(out, "<script><![CDATA[\n");
	text_put(out, svg_script);
	text_put(out, "]]></script>\n");
	return 0;
}

static uint32_t within(uint32_t value, uint32_t otherwise, uint32_t least, uint32_t most)
{
	if (value == 0)
		return otherwise;
	if (value < least)
		return least;
	return value < most ? value : most;
}

static struct figure make_figure(const struct call_tree *tree, const struct picture *picture)
{
	bool has_sides = call_tree_has_before(tree);

	return (struct figure){
		.tree = tree,
		.picture = picture,
		.unit = svg_unit_of(tree, picture),
		.total = call_tree_node(tree, 0)->total,
		.whole = has_sides ? call_tree_after(tree) : call_tree_node(tree, 0)->total,
		.width = within(picture->width, WIDTH_DEFAULT, WIDTH_MIN, WIDTH_MAX),
		.row_height = within(picture->frame_height, ROW_DEFAULT, ROW_MIN, HEIGHT_MAX),
		.font_size = within(picture->font_size, FONT_DEFAULT, FONT_MIN, HEIGHT_MAX),
		.has_sides = has_sides,
		.removed = has_sides ? call_tree_removed_node(tree) : CALL_TREE_NONE,
	};
}

static int make_places(const struct figure *figure, uint32_t rows, struct places *ret)
{
	uint32_t line = figure_line(figure), legend;
	int err = figure_legend_height(figure, &legend);
	struct places places = { .subtitle = 2 * figure->font_size + line };

	if (err < 0)
		return err;
	places.legend = 3 * figure->font_size + (figure->picture->subtitle ? line : 0);
	places.frames = places.legend + legend;
	places.foot = places.frames + (rows > 0 ? rows : 1) * figure->row_height;
	places.end = places.foot + 2 * figure->font_size + (figure->picture->notes ? line : 0);
	*ret = places;
	return 0;
}

int svg_put_element(const struct call_tree *tree, const struct picture *picture,
		    enum svg_document document, FILE *out)
{
	CLEANUP(cleanup_figure) struct figure figure = make_figure(tree, picture);
	CLEANUP(figure_rows_done) struct figure_rows rows = { 0 };
	struct places places = { 0 };
	int err = figure_rows_make(&figure, &rows);

	if (!err && figure.total > 0 && picture->waits && !figure.has_sides)
		err = waits_make(tree, &figure.waits);
	if (!err)
		err = make_places(&figure, rows.count, &places);
	if (!err)
		err = put_head(&figure, &places, document, out);
	if (err < 0)
		return err;
	if (figure.total > 0)
		figure_put_rows(&figure, &rows, places.frames, out);
	else
		put_nothing(&figure, &places, out);
	put_foot(&figure, &places, out);
	err = put_data_and_script(&figure, document, out);
	if (err < 0)
		return err;
	text_put(out, "</svg>\n");
	return 0;
}

int svg_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err;

	text_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	err = svg_put_element(tree, picture, SVG_ALONE, out);
	if (err < 0)
		return err;
	return text_finish(out);
}
