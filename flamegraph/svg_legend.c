/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What colours mean: which is which kind of waiting, and how much of it there is; or, of a
 * differential, how much more or less there is than before. Entries stand side by side in as many
 * lines as they need.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/svg_figure.h"
#include "flamegraph/text.h"

#define SWATCH_WIDTH  18
#define SWATCH_HEIGHT 15
#define TEXT_LEFT     24
#define ENTRY_GAP     22
#define STEP_WIDTH    9
#define SIDE_GLYPHS   48 /* of the name of a side */

/* All entries are walked twice: to find the height, and, with out, to be drawn. */
struct legend {
	const struct figure *figure;
	FILE *out; /* NULL: only places are wanted */
	uint32_t x, line;
};

static uint32_t entry_height(const struct figure *figure)
{
	return figure->font_size > SWATCH_HEIGHT ? figure->font_size + 5 : SWATCH_HEIGHT + 5;
}

/* A place for an entry of that width. kind: what a script is to know it by; or NULL. */
static void open_entry(struct legend *legend, uint32_t width, const char *kind)
{
	uint32_t room = figure_span(legend->figure);

	if (legend->x > 0 && legend->x + width > room) {
		legend->x = 0;
		legend->line++;
	}
	if (legend->out)
		fprintf(legend->out, "<g%s%s%s transform=\"translate(%u,%u)\">",
			kind ? " data-kind=\"" : "", kind ? kind : "", kind ? "\"" : "", legend->x,
			legend->line * entry_height(legend->figure));
	legend->x += width + ENTRY_GAP;
}

static void close_entry(const struct legend *legend)
{
	if (legend->out)
		text_put(legend->out, "</g>\n");
}

static void put_swatch(const struct legend *legend, uint32_t family, uint32_t shade, uint32_t x,
		       uint32_t width)
{
	if (legend->out)
		fprintf(legend->out, "<rect class=\"%c%u\" x=\"%u\" width=\"%u\" height=\"%d\"/>",
			palette_letter(family), shade, x, width, SWATCH_HEIGHT);
}

static void put_words(const struct legend *legend, uint32_t x, const char *words)
{
	if (!legend->out)
		return;
	fprintf(legend->out, "<text x=\"%u\" y=\"12\">", x);
	text_put_xml(legend->out, words, TEXT_WHOLE);
	text_put(legend->out, "</text>");
}

static uint32_t words_width(const struct legend *legend, const char *words)
{
	return figure_text_width(legend->figure, text_length(words, SIZE_MAX));
}

static void add_entry(struct legend *legend, uint32_t family, const char *kind, const char *words)
{
	open_entry(legend, TEXT_LEFT + words_width(legend, words), kind);
	put_swatch(legend, family, 0, 0, SWATCH_WIDTH);
	put_words(legend, TEXT_LEFT, words);
	close_entry(legend);
}

static int add_waits(struct legend *legend)
{
	const struct figure *figure = legend->figure;

	for (uint32_t kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		CLEANUP(cleanup_free) char *words = NULL;
		size_t length;
		FILE *out;

		if (figure->waits.sums[kind] == 0)
			continue;
		out = open_memstream(&words, &length);
		if (!out)
			return -ENOMEM;
		fprintf(out, "%s ", wait_kind_text(kind));
		figure_put_plain_count(figure, figure->waits.sums[kind], out);
		if (fclose(out) != 0)
			return -ENOMEM;
		add_entry(legend, PALETTE_WAIT + kind, wait_kind_text(kind), words);
	}
	return 0;
}

/* From all that there was less, over grey, to all that there is more. */
static void add_scale(struct legend *legend)
{
	static const char less[] = "less ", more[] = " more";
	const uint32_t steps = 2 * PALETTE_SHADES + 1;
	uint32_t x = words_width(legend, less);

	open_entry(legend, x + steps * STEP_WIDTH + words_width(legend, more), NULL);
	put_words(legend, 0, less);
	for (uint32_t shade = PALETTE_SHADES; shade-- > 0; x += STEP_WIDTH)
		put_swatch(legend, PALETTE_LESS, shade, x, STEP_WIDTH);
	put_swatch(legend, PALETTE_SAME, 0, x, STEP_WIDTH);
	x += STEP_WIDTH;
	for (uint32_t shade = 0; shade < PALETTE_SHADES; shade++, x += STEP_WIDTH)
		put_swatch(legend, PALETTE_MORE, shade, x, STEP_WIDTH);
	put_words(legend, x, more);
	close_entry(legend);
}

static void put_side(const struct legend *legend, const char *name, const char *otherwise,
		     uint64_t total, FILE *out)
{
	if (name)
		fprintf(out, "%s: ", otherwise);
	name = name ? name : otherwise;
	text_put_repaired(out, name, SIDE_GLYPHS);
	text_put(out, text_length(name, SIDE_GLYPHS + 1) > SIDE_GLYPHS ? ".. " : " ");
	figure_put_plain_count(legend->figure, total, out);
}

static void put_sides(const struct legend *legend, FILE *out)
{
	const struct figure *figure = legend->figure;
	const struct picture_sides *sides = &figure->picture->sides;
	uint64_t before = sides->before_total;

	if (before == 0)
		before = call_tree_before(figure->tree, 0).total;
	put_side(legend, sides->before, "before", before, out);
	text_put(out, ", ");
	put_side(legend, sides->after, "after", figure->whole, out);
	text_put(out, sides->is_normalized ? "; before is scaled to the total of after"
					   : "; totals as they are");
}

static int add_sides(struct legend *legend)
{
	CLEANUP(cleanup_free) char *words = NULL;
	size_t length;
	FILE *out = open_memstream(&words, &length);

	if (!out)
		return -ENOMEM;
	put_sides(legend, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	open_entry(legend, words_width(legend, words), NULL);
	put_words(legend, 0, words);
	close_entry(legend);
	return 0;
}

static int add_entries(struct legend *legend)
{
	int err = legend->figure->waits.families ? add_waits(legend) : 0;

	if (err < 0 || !legend->figure->has_sides)
		return err;
	add_scale(legend);
	add_entry(legend, PALETTE_NEW, NULL, "new");
	add_entry(legend, PALETTE_REMOVED, NULL, "removed");
	return add_sides(legend);
}

static bool has_legend(const struct figure *figure)
{
	return figure->total > 0 && (figure->waits.families || figure->has_sides);
}

int figure_legend_height(const struct figure *figure, uint32_t *ret)
{
	struct legend legend = { .figure = figure };
	int err = has_legend(figure) ? add_entries(&legend) : 0;

	if (err < 0)
		return err;
	*ret = has_legend(figure) ? (legend.line + 1) * entry_height(figure) : 0;
	return 0;
}

int figure_put_legend(const struct figure *figure, uint32_t top, FILE *out)
{
	struct legend legend = { .figure = figure, .out = out };
	int err;

	if (!has_legend(figure))
		return 0;
	fprintf(out, "<g class=\"legend\" transform=\"translate(%d,%u)\">\n", FIGURE_MARGIN, top);
	err = add_entries(&legend);
	text_put(out, "</g>\n");
	return err;
}
