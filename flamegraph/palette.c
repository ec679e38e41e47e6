/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/palette.h"

#include <string.h>

#include "base/hashmap.h"
#include "flamegraph/text.h"

/*
 * The shades run evenly from the first colour to the second, and then from the third to the fourth.
 * Users' frames are yellow or red, so that orange means the kernel and nothing else.
 */
#define STOPS 4

static const uint32_t stops[PALETTE_THEME_COUNT][FRAME_KIND_COUNT][STOPS] = {
	[PALETTE_LIGHT] = {
		[FRAME_USER] = { 0xfff09a, 0xf0d84f, 0xffa396, 0xec7268 },
		[FRAME_KERNEL] = { 0xffbf70, 0xfbae50, 0xf6a03c, 0xec922a },
		[FRAME_INLINED] = { 0xa8f0ea, 0x86e2df, 0x70d6d8, 0x5cc6cd },
		[FRAME_JIT] = { 0xc8ee9e, 0xaee286, 0x98d676, 0x83c96b },
		[FRAME_PROCESS] = { 0xccd9ea, 0xbccde2, 0xb0c3dc, 0xa2b8d4 },
		[FRAME_NOTE] = { 0xdedede, 0xd4d4d4, 0xcecece, 0xc4c4c4 },
	},
	[PALETTE_DARK] = {
		[FRAME_USER] = { 0x6b5c10, 0x54480e, 0x8a3a34, 0x6c2826 },
		[FRAME_KERNEL] = { 0x91520a, 0x824908, 0x774206, 0x6c3b05 },
		[FRAME_INLINED] = { 0x0f6266, 0x0e595e, 0x0d5056, 0x0b464d },
		[FRAME_JIT] = { 0x3c6420, 0x355b1e, 0x2f531d, 0x274a1b },
		[FRAME_PROCESS] = { 0x3f5675, 0x394f6e, 0x344966, 0x2e415d },
		[FRAME_NOTE] = { 0x5c5c5c, 0x555555, 0x4e4e4e, 0x464646 },
	},
};

/* No two differ in red against green only. What can be hidden is close to the page. */
static const uint32_t wait_colours[PALETTE_THEME_COUNT][WAIT_KIND_COUNT] = {
	[PALETTE_LIGHT] = {
		[WAIT_IO] = 0x8ab4f8,
		[WAIT_NETWORK] = 0x7ad3c8,
		[WAIT_LOCK] = 0xff8f80,
		[WAIT_SLEEP] = 0xcdb4f5,
		[WAIT_RUNQUEUE] = 0xffb938,
		[WAIT_OTHER] = 0xc9b79c,
		[WAIT_WORK] = 0xdfe3e8,
	},
	[PALETTE_DARK] = {
		[WAIT_IO] = 0x2457a8,
		[WAIT_NETWORK] = 0x0d6560,
		[WAIT_LOCK] = 0xa32f24,
		[WAIT_SLEEP] = 0x61429c,
		[WAIT_RUNQUEUE] = 0x8a5a00,
		[WAIT_OTHER] = 0x63543c,
		[WAIT_WORK] = 0x3a4048,
	},
};

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

uint32_t palette_text(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0x111111 : 0xf2f2f2;
}

uint32_t palette_page(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0xffffff : 0x16181c;
}

static uint32_t blend_channel(uint32_t from, uint32_t to, unsigned shift, uint32_t step,
			      uint32_t steps)
{
	uint32_t a = from >> shift & 0xff;
	uint32_t b = to >> shift & 0xff;

	return (a * (steps - step) + b * step) / steps << shift;
}

static uint32_t blend(uint32_t from, uint32_t to, uint32_t step, uint32_t steps)
{
	uint32_t colour = 0;

	for (unsigned shift = 0; shift <= 16; shift += 8)
		colour |= blend_channel(from, to, shift, step, steps);
	return colour;
}

uint32_t palette_shade(enum palette_theme theme, uint32_t family, uint32_t shade)
{
	const uint32_t half = PALETTE_SHADES / 2;
	const uint32_t *from;

	if (family >= PALETTE_WAIT)
		return wait_colours[theme][family - PALETTE_WAIT];
	from = &stops[theme][family][shade < half ? 0 : 2];
	return blend(from[0], from[1], shade % half, half - 1);
}

uint32_t palette_pale(enum palette_theme theme, uint32_t family, uint32_t shade)
{
	uint32_t colour = palette_shade(theme, family, shade);

	return family >= PALETTE_WAIT ? colour : blend(colour, palette_page(theme), 11, 20);
}

uint32_t palette_shade_of(uint32_t family, const char *name)
{
	if (family >= PALETTE_WAIT)
		return 0;
	return (uint32_t)(hash_bytes(name, strlen(name)) % PALETTE_SHADES);
}

char palette_letter(uint32_t family)
{
	static const char letters[PALETTE_FAMILIES] = {
		[FRAME_USER] = 'u',
		[FRAME_KERNEL] = 'k',
		[FRAME_INLINED] = 'i',
		[FRAME_JIT] = 'j',
		[FRAME_PROCESS] = 'p',
		[FRAME_NOTE] = 'n',
		[FRAME_KIND_COUNT + WAIT_IO] = 'd',
		[FRAME_KIND_COUNT + WAIT_NETWORK] = 'c',
		[FRAME_KIND_COUNT + WAIT_LOCK] = 'l',
		[FRAME_KIND_COUNT + WAIT_SLEEP] = 's',
		[FRAME_KIND_COUNT + WAIT_RUNQUEUE] = 'r',
		[FRAME_KIND_COUNT + WAIT_OTHER] = 'o',
		[FRAME_KIND_COUNT + WAIT_WORK] = 'w',
	};

	return letters[family];
}

static void put_theme(FILE *out, enum palette_theme theme, bool is_pale)
{
	for (uint32_t family = 0; family < FRAME_KIND_COUNT; family++) {
		for (uint32_t shade = 0; shade < PALETTE_SHADES; shade++)
			fprintf(out, "%s .%c%u{fill:#%06x}\n", is_pale ? ".eprof.waits" : ".eprof",
				palette_letter(family), shade,
				is_pale ? palette_pale(theme, family, shade)
					: palette_shade(theme, family, shade));
	}
	for (uint32_t family = PALETTE_WAIT; is_pale && family < PALETTE_FAMILIES; family++)
		fprintf(out, ".eprof .%c{fill:#%06x}\n", palette_letter(family),
			palette_shade(theme, family, 0));
}

void palette_put_css(bool waits, FILE *out)
{
	put_theme(out, PALETTE_LIGHT, waits);
	for (uint32_t family = PALETTE_WAIT; waits && family < PALETTE_FAMILIES; family++)
		fprintf(out, ".eprof .%c0{fill:url(#eprof-%c) #%06x}\n", palette_letter(family),
			palette_letter(family), palette_shade(PALETTE_LIGHT, family, 0));
	text_put(out, "@media (prefers-color-scheme:dark){\n");
	put_theme(out, PALETTE_DARK, waits);
	text_put(out, "}\n");
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
