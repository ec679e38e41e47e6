/* SPDX-License-Identifier: Apache-2.0 */
/* What the drawing says in words and numbers. */
#include <string.h>

#include "flamegraph/svg_figure.h"
#include "flamegraph/text.h"

/* Of a monospaced font's size. */
#define GLYPH_WIDTH_TENTHS 6

const char *svg_title(const struct picture *picture)
{
	if (picture->title)
		return picture->title;
	if (picture->is_inverted)
		return "Icicle Graph";
	return picture->is_chart ? "Flame Chart" : "Flame Graph";
}

struct svg_unit svg_unit_of(const struct call_tree *tree, const struct picture *picture)
{
	return (struct svg_unit){
		.name = picture->unit ? picture->unit : "samples",
		.decimals = call_tree_decimals(tree),
	};
}

bool svg_unit_is_time(const struct svg_unit *unit)
{
	return unit->decimals == 0 && strcmp(unit->name, "microseconds") == 0;
}

static void put_number(const struct svg_unit *unit, uint64_t count, FILE *out)
{
	if (svg_unit_is_time(unit))
		text_put_time(out, count);
	else
		text_put_decimal(out, count, unit->decimals);
}

void figure_put_plain_count(const struct figure *figure, uint64_t count, FILE *out)
{
	put_number(&figure->unit, count, out);
	if (svg_unit_is_time(&figure->unit))
		return;
	text_put(out, " ");
	text_put_repaired(out, figure->unit.name, TEXT_WHOLE);
}

void svg_put_count(const struct svg_unit *unit, uint64_t count, FILE *out)
{
	put_number(unit, count, out);
	if (svg_unit_is_time(unit))
		return;
	text_put(out, " ");
	text_put_xml(out, unit->name, TEXT_WHOLE);
}

uint32_t figure_glyphs(const struct figure *figure, uint32_t tenths)
{
	return tenths / (figure->font_size * GLYPH_WIDTH_TENTHS);
}

uint32_t figure_text_width(const struct figure *figure, size_t glyphs)
{
	return (uint32_t)(glyphs * figure->font_size * GLYPH_WIDTH_TENTHS / 10);
}

void figure_put_share(const struct figure *figure, uint64_t count, FILE *out)
{
	text_put_percent(out, count, figure->whole);
}

const char *figure_word_of_removed(const struct figure *figure)
{
	return figure->picture->sides.is_negated ? "new" : "removed";
}

/* "; before 1,000, 10.00%; +2.34%, +23.4% of itself" */
static void put_change(const struct figure *figure, uint32_t index, FILE *out)
{
	bool is_negated = figure->picture->sides.is_negated;
	uint64_t other = call_tree_before(figure->tree, index).total;
	uint64_t own = call_tree_node(figure->tree, index)->total;
	uint64_t before = is_negated ? own : other;
	uint64_t after = is_negated ? other : own;
	double change = (double)after - (double)before;

	text_put(out, is_negated ? "; after " : "; before ");
	put_number(&figure->unit, other, out);
	text_put(out, ", ");
	figure_put_share(figure, other, out);
	fprintf(out, "; %s%.2f%%", change > 0 ? "+" : "",
		figure->whole > 0 ? 100 * change / (double)figure->whole : 0.0);
	if (before == 0)
		text_put(out, ", new");
	else if (change != 0)
		fprintf(out, ", %+.1f%% of itself", 100 * change / (double)before);
}

static void put_root(const struct figure *figure, FILE *out)
{
	svg_put_count(&figure->unit, figure->whole, out);
	text_put(out, ", 100%");
	if (!figure->has_sides)
		return;
	text_put(out, figure->picture->sides.is_negated ? "; after " : "; before ");
	put_number(&figure->unit, call_tree_before(figure->tree, 0).total, out);
}

void figure_put_facts(const struct figure *figure, uint32_t index, bool is_removed, FILE *out)
{
	const struct call_node *node = call_tree_node(figure->tree, index);
	uint32_t family = figure->waits.families ? figure->waits.families[index] : 0;

	text_put(out, " (");
	if (index == 0) {
		put_root(figure, out);
	} else {
		svg_put_count(&figure->unit, node->total, out);
		text_put(out, ", ");
		figure_put_share(figure, node->total, out);
	}
	if (is_removed)
		fprintf(out, ", %s", figure_word_of_removed(figure));
	else if (figure->has_sides && index > 0)
		put_change(figure, index, out);
	if (family >= PALETTE_WAIT)
		fprintf(out, ", %s", wait_kind_text(family - PALETTE_WAIT));
	text_put(out, ")");
}
