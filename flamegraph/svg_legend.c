/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which colour and mark is which kind of waiting, and how much of it there is. Where scripts run
 * the entry of waiting for work becomes a switch (svg_controls.js), so it comes last and has room
 * for longer words.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

#define ENTRY_HEIGHT  20
#define SWATCH_WIDTH  18
#define TEXT_LEFT     24
#define ENTRY_GAP     22
#define SWITCH_GLYPHS (sizeof(":  hidden - show") - 1)

struct legend {
	const struct waits *waits;
	const struct picture *picture;
	uint32_t width;
};

struct place {
	uint32_t x, line;
};

/* How many letters a count has: it is written, and thrown away. */
static size_t count_glyphs(const struct picture *picture, uint64_t count)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return 0;
	svg_put_count(picture, count, out);
	(void)fclose(out);
	return text_length(text, length);
}

static uint32_t entry_width(const struct legend *legend, enum wait_kind kind)
{
	size_t glyphs = strlen(wait_kind_text(kind)) + 1 +
			count_glyphs(legend->picture, legend->waits->sums[kind]);

	if (kind == WAIT_WORK)
		glyphs += SWITCH_GLYPHS;
	return TEXT_LEFT + (uint32_t)(glyphs * SVG_GLYPH_WIDTH / SVG_PIXEL) + ENTRY_GAP;
}

/* Where the entry lies, and in *next the one behind it. */
static struct place take_place(const struct legend *legend, enum wait_kind kind, struct place *next)
{
	uint32_t width = entry_width(legend, kind);
	struct place place = *next;

	if (place.x > 0 && place.x + width > legend->width - 2 * SVG_MARGIN + ENTRY_GAP)
		place = (struct place){ .line = place.line + 1 };
	*next = (struct place){ .x = place.x + width, .line = place.line };
	return place;
}

static void put_entry(const struct legend *legend, enum wait_kind kind, struct place place,
		      FILE *out)
{
	char letter = palette_letter(PALETTE_WAIT + kind);

	fprintf(out,
		"<g class=\"kind\" data-letter=\"%c\" data-kind=\"%s\" "
		"transform=\"translate(%u,%u)\"><rect class=\"%c0\" width=\"%d\" height=\"15\"/>"
		"<text x=\"%d\" y=\"12\">%s ",
		letter, wait_kind_text(kind), place.x, place.line * ENTRY_HEIGHT, letter,
		SWATCH_WIDTH, TEXT_LEFT, wait_kind_text(kind));
	svg_put_count(legend->picture, legend->waits->sums[kind], out);
	text_put(out, "</text></g>\n");
}

uint32_t svg_legend_height(const struct waits *waits, const struct picture *picture, uint32_t width)
{
	struct legend legend = { .waits = waits, .picture = picture, .width = width };
	struct place next = { 0 };

	for (size_t kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		if (waits->sums[kind] > 0)
			(void)take_place(&legend, kind, &next);
	}
	return (next.line + 1) * ENTRY_HEIGHT;
}

void svg_put_legend(const struct waits *waits, const struct picture *picture, uint32_t width,
		    uint32_t y, FILE *out)
{
	struct legend legend = { .waits = waits, .picture = picture, .width = width };
	struct place next = { 0 };

	fprintf(out, "<g class=\"legend\" transform=\"translate(%d,%u)\">\n", SVG_MARGIN, y);
	for (size_t kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		if (waits->sums[kind] > 0)
			put_entry(&legend, kind, take_place(&legend, kind, &next), out);
	}
	text_put(out, "</g>\n");
}
