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

uint32_t palette_text(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0x111111 : 0xf2f2f2;
}

static uint32_t blend(uint32_t from, uint32_t to, unsigned shift, uint32_t step, uint32_t steps)
{
	uint32_t a = from >> shift & 0xff;
	uint32_t b = to >> shift & 0xff;

	return (a * (steps - step) + b * step) / steps << shift;
}

uint32_t palette_shade(enum palette_theme theme, enum frame_kind kind, uint32_t shade)
{
	const uint32_t half = PALETTE_SHADES / 2;
	const uint32_t *from = &stops[theme][kind][shade < half ? 0 : 2];
	uint32_t colour = 0;

	for (unsigned shift = 0; shift <= 16; shift += 8)
		colour |= blend(from[0], from[1], shift, shade % half, half - 1);
	return colour;
}

uint32_t palette_shade_of(const char *name)
{
	return (uint32_t)(hash_bytes(name, strlen(name)) % PALETTE_SHADES);
}

char palette_letter(enum frame_kind kind)
{
	static const char letters[FRAME_KIND_COUNT] = {
		[FRAME_USER] = 'u', [FRAME_KERNEL] = 'k',  [FRAME_INLINED] = 'i',
		[FRAME_JIT] = 'j',  [FRAME_PROCESS] = 'p', [FRAME_NOTE] = 'n',
	};

	return letters[kind];
}

static void put_theme(FILE *out, enum palette_theme theme)
{
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++) {
		for (uint32_t shade = 0; shade < PALETTE_SHADES; shade++)
			fprintf(out, ".eprof .%c%u{fill:#%06x}\n", palette_letter(kind), shade,
				palette_shade(theme, kind, shade));
	}
}

void palette_put_css(FILE *out)
{
	put_theme(out, PALETTE_LIGHT);
	text_put(out, "@media (prefers-color-scheme:dark){\n");
	put_theme(out, PALETTE_DARK);
	text_put(out, "}\n");
}
