/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/palette.h"

#include "flamegraph/text.h"

/*
 * The shades run evenly from the first colour to the second, and then from the third to the fourth.
 * Users' frames are yellow or red, so that orange means the kernel and nothing else.
 */
#define STOPS 4

#define HALF (PALETTE_SHADES / 2)

static const uint32_t stops[PALETTE_THEME_COUNT][PALETTE_DRAWN][STOPS] = {
	[PALETTE_LIGHT] = {
		[FRAME_USER] = { 0xfff09a, 0xf0d84f, 0xffa396, 0xec7268 },
		[FRAME_KERNEL] = { 0xffbf70, 0xfbae50, 0xf6a03c, 0xec922a },
		[FRAME_INLINED] = { 0xa8f0ea, 0x86e2df, 0x70d6d8, 0x5cc6cd },
		[FRAME_JIT] = { 0xc8ee9e, 0xaee286, 0x98d676, 0x83c96b },
		[FRAME_PROCESS] = { 0xccd9ea, 0xbccde2, 0xb0c3dc, 0xa2b8d4 },
		[FRAME_NOTE] = { 0xdedede, 0xd4d4d4, 0xcecece, 0xc4c4c4 },
		[PALETTE_RED] = { 0xffc9c2, 0xf8aea5, 0xf49d92, 0xe98378 },
		[PALETTE_YELLOW] = { 0xfff3a6, 0xf8e680, 0xf2db66, 0xe6c945 },
		[PALETTE_BLUE] = { 0xc3d9fb, 0xabcaf7, 0x98bcf3, 0x80aaeb },
		[PALETTE_PURPLE] = { 0xe3cdf8, 0xd6b9f3, 0xcaa8ee, 0xb98ee4 },
	},
	[PALETTE_DARK] = {
		[FRAME_USER] = { 0x6b5c10, 0x54480e, 0x8a3a34, 0x6c2826 },
		[FRAME_KERNEL] = { 0x91520a, 0x824908, 0x774206, 0x6c3b05 },
		[FRAME_INLINED] = { 0x0f6266, 0x0e595e, 0x0d5056, 0x0b464d },
		[FRAME_JIT] = { 0x3c6420, 0x355b1e, 0x2f531d, 0x274a1b },
		[FRAME_PROCESS] = { 0x3f5675, 0x394f6e, 0x344966, 0x2e415d },
		[FRAME_NOTE] = { 0x5c5c5c, 0x555555, 0x4e4e4e, 0x464646 },
		[PALETTE_RED] = { 0x8f3d37, 0x7d332f, 0x722d2a, 0x5f2423 },
		[PALETTE_YELLOW] = { 0x6f6011, 0x60530f, 0x564b0e, 0x483e0c },
		[PALETTE_BLUE] = { 0x2f5b98, 0x295086, 0x24497b, 0x1d3c67 },
		[PALETTE_PURPLE] = { 0x674a94, 0x5b4184, 0x533a78, 0x463166 },
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

/* Around the circle of hues; every other one is darker, for neighbours are alike. */
static const uint32_t module_colours[PALETTE_THEME_COUNT][PALETTE_MODULES] = {
	[PALETTE_LIGHT] = { 0xf5a8a8, 0xe9a36b, 0xf3dd7e, 0xc3c95a, 0xbfe58c, 0x7fc98a, 0x8fe6cf,
			    0x6bc3cf, 0x9fd0f7, 0x8ea6ea, 0xcdb8f7, 0xe29bd0 },
	[PALETTE_DARK] = { 0x8a3b3b, 0x6e4218, 0x6b5a12, 0x4c4f0f, 0x44641f, 0x1f5a2b, 0x166352,
			   0x0f4f5c, 0x265f8c, 0x2d4391, 0x5b4699, 0x752f66 },
};

/* The two ends of a differential lie on both sides of a grey, in blue and in orange, which no
 * common kind of colour blindness confuses. */
static const uint32_t change_colours[PALETTE_THEME_COUNT][PALETTE_DRAWN] = {
	[PALETTE_LIGHT] = {
		[PALETTE_MORE] = 0xf5871f,
		[PALETTE_LESS] = 0x5793de,
		[PALETTE_SAME] = 0xd9d9d9,
		[PALETTE_NEW] = 0xffd83d,
		[PALETTE_REMOVED] = 0xa99af2,
	},
	[PALETTE_DARK] = {
		[PALETTE_MORE] = 0xa04d00,
		[PALETTE_LESS] = 0x1c5fc0,
		[PALETTE_SAME] = 0x4d4d4d,
		[PALETTE_NEW] = 0x7a6a1a,
		[PALETTE_REMOVED] = 0x5b46a8,
	},
};

uint32_t palette_text(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0x111111 : 0xf2f2f2;
}

uint32_t palette_page(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0xffffff : 0x16181c;
}

static uint32_t gap(enum palette_theme theme)
{
	return theme == PALETTE_LIGHT ? 0xbbbbbb : 0x5a5a5a;
}

static uint32_t blend_channel(uint32_t from, uint32_t to, unsigned int shift, uint32_t step,
			      uint32_t steps)
{
	uint32_t a = from >> shift & 0xff;
	uint32_t b = to >> shift & 0xff;

	return (a * (steps - step) + b * step) / steps << shift;
}

static uint32_t blend(uint32_t from, uint32_t to, uint32_t step, uint32_t steps)
{
	uint32_t colour = 0;

	for (unsigned int shift = 0; shift <= 16; shift += 8)
		colour |= blend_channel(from, to, shift, step, steps);
	return colour;
}

static uint32_t change_shade(enum palette_theme theme, uint32_t family, uint32_t shade)
{
	const uint32_t *colours = change_colours[theme];
	uint32_t colour = colours[family];

	if (family != PALETTE_MORE && family != PALETTE_LESS)
		return colour;
	return blend(colours[PALETTE_SAME], colour, shade + 1, PALETTE_SHADES);
}

uint32_t palette_shade(enum palette_theme theme, uint32_t family, uint32_t shade)
{
	const uint32_t *from;

	if (family == FRAME_GAP)
		return gap(theme);
	if (family >= PALETTE_WAIT && family < PALETTE_FAMILIES)
		return wait_colours[theme][family - PALETTE_WAIT];
	if (family == PALETTE_MODULE)
		return module_colours[theme][shade];
	if (family >= PALETTE_MORE)
		return change_shade(theme, family, shade);
	from = &stops[theme][family][shade < HALF ? 0 : 2];
	return blend(from[0], from[1], shade % HALF, HALF - 1);
}

uint32_t palette_pale(enum palette_theme theme, uint32_t family, uint32_t shade)
{
	uint32_t colour = palette_shade(theme, family, shade);

	return family >= FRAME_KIND_COUNT ? colour : blend(colour, palette_page(theme), 11, 20);
}

uint32_t palette_shade_count(uint32_t family)
{
	bool has_hues = family < FRAME_KIND_COUNT ||
			(family >= PALETTE_RED && family <= PALETTE_PURPLE) ||
			family == PALETTE_MORE || family == PALETTE_LESS;

	if (family == PALETTE_MODULE)
		return PALETTE_MODULES;
	return has_hues ? PALETTE_SHADES : 1;
}

uint32_t palette_hash(const char *name)
{
	uint32_t hash = 0x811c9dc5;
	size_t hashed = 0;

	while (*name && hashed < PALETTE_HASHED_BYTES) {
		char bytes[TEXT_RUNE_BYTES];
		uint32_t rune;
		size_t length;

		name += text_next(name, &rune);
		length = text_encode(rune, bytes);
		for (size_t i = 0; i < length && hashed < PALETTE_HASHED_BYTES; i++, hashed++)
			hash = (hash ^ (unsigned char)bytes[i]) * 0x01000193;
	}
	return hash;
}

uint32_t palette_shade_of(uint32_t family, const char *name)
{
	uint32_t count = palette_shade_count(family);

	return count > 1 ? palette_hash(name) % count : 0;
}

char palette_letter(uint32_t family)
{
	static const char letters[PALETTE_DRAWN] = {
		[FRAME_USER] = 'u',
		[FRAME_KERNEL] = 'k',
		[FRAME_INLINED] = 'i',
		[FRAME_JIT] = 'j',
		[FRAME_PROCESS] = 'p',
		[FRAME_NOTE] = 'n',
		[FRAME_GAP] = 'g',
		[PALETTE_WAIT + WAIT_IO] = 'd',
		[PALETTE_WAIT + WAIT_NETWORK] = 'c',
		[PALETTE_WAIT + WAIT_LOCK] = 'l',
		[PALETTE_WAIT + WAIT_SLEEP] = 's',
		[PALETTE_WAIT + WAIT_RUNQUEUE] = 'r',
		[PALETTE_WAIT + WAIT_OTHER] = 'o',
		[PALETTE_WAIT + WAIT_WORK] = 'w',
		[PALETTE_RED] = 'e',
		[PALETTE_YELLOW] = 'y',
		[PALETTE_BLUE] = 'b',
		[PALETTE_PURPLE] = 'v',
		[PALETTE_MODULE] = 'm',
		[PALETTE_MORE] = 'h',
		[PALETTE_LESS] = 'f',
		[PALETTE_SAME] = 'q',
		[PALETTE_NEW] = 'a',
		[PALETTE_REMOVED] = 'x',
	};

	return letters[family];
}
