/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The colours as style rules. One rule has both themes, by light-dark(), which goes by the
 * color-scheme of the element; before it comes the light colour alone, for viewers that know
 * nothing of the kind.
 */
#include "flamegraph/palette.h"
#include "flamegraph/text.h"

/* Paths in a tile that is as high as a row: in the first pixels, above the letters. */
#define TILE_WIDTH  12
#define TILE_HEIGHT 16

static const char *const marks[WAIT_KIND_COUNT] = {
	[WAIT_IO] = "M0 1H12",
	[WAIT_NETWORK] = "M0 1H8",
	[WAIT_LOCK] = "M1 1H4M7 1H10",
	[WAIT_SLEEP] = "M0 1H2",
	[WAIT_RUNQUEUE] = "M-1 4L4 -1M5 4L10 -1M11 4L16 -1",
	[WAIT_OTHER] = "M0 .5H12M0 3H12",
	[WAIT_WORK] = "",
};

typedef uint32_t (*shade_maker)(enum palette_theme theme, uint32_t family, uint32_t shade);

static void put_fill(uint32_t light, uint32_t dark, FILE *out)
{
	fprintf(out, "{fill:#%06x;fill:light-dark(#%06x,#%06x)}\n", light, light, dark);
}

static void put_family(const char *around, uint32_t family, shade_maker maker, FILE *out)
{
	uint32_t count = palette_shade_count(family);

	for (uint32_t shade = 0; shade < count; shade++) {
		fprintf(out, "%s.%c%u", around, palette_letter(family), shade);
		put_fill(maker(PALETTE_LIGHT, family, shade), maker(PALETTE_DARK, family, shade),
			 out);
	}
}

/* A pattern's own fill, and what is filled with the pattern. */
static void put_wait(uint32_t family, FILE *out)
{
	char letter = palette_letter(family);
	uint32_t light = palette_shade(PALETTE_LIGHT, family, 0);

	fprintf(out, ".%c", letter);
	put_fill(light, palette_shade(PALETTE_DARK, family, 0), out);
	fprintf(out, ".%c0{fill:url(#eprof-%c) #%06x}\n", letter, letter, light);
}

void palette_put_css(FILE *out)
{
	for (uint32_t family = 0; family < PALETTE_DRAWN; family++) {
		if (family >= PALETTE_WAIT && family < PALETTE_FAMILIES)
			put_wait(family, out);
		else
			put_family("", family, palette_shade, out);
	}
	for (uint32_t family = 0; family < FRAME_KIND_COUNT; family++)
		put_family(".waits ", family, palette_pale, out);
}

void palette_put_patterns(FILE *out)
{
	text_put(out, "<defs>\n");
	for (uint32_t family = PALETTE_WAIT; family < PALETTE_FAMILIES; family++) {
		char letter = palette_letter(family);

		fprintf(out,
			"<pattern id=\"eprof-%c\" width=\"%d\" height=\"%d\" "
			"patternUnits=\"userSpaceOnUse\"><rect class=\"%c\" width=\"%d\" "
			"height=\"%d\"/><path class=\"mark\" d=\"%s\"/></pattern>\n",
			letter, TILE_WIDTH, TILE_HEIGHT, letter, TILE_WIDTH, TILE_HEIGHT,
			marks[family - PALETTE_WAIT]);
	}
	text_put(out, "</defs>\n");
}
