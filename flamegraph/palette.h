/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours. A frame belongs to a family: its kind's, or, in a picture of waiting, that of what is
 * waited for. A hash of its name picks one of the family's shades, so a function has the same
 * colour in every picture. What is waited for has one shade, and a mark at the upper edge beside
 * it, for those who cannot tell the colours apart. All shades keep a contrast of 4.5 : 1 (WCAG 2
 * level AA) to the text of their theme.
 */
#ifndef EPROF_FLAMEGRAPH_PALETTE_H
#define EPROF_FLAMEGRAPH_PALETTE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/frame.h"
#include "flamegraph/wait_kind.h"

#define PALETTE_SHADES 10

/* The families: enum frame_kind, then enum wait_kind. */
#define PALETTE_WAIT     ((uint32_t)FRAME_KIND_COUNT)
#define PALETTE_FAMILIES ((uint32_t)FRAME_KIND_COUNT + WAIT_KIND_COUNT)

enum palette_theme {
	PALETTE_LIGHT,
	PALETTE_DARK,
	PALETTE_THEME_COUNT,
};

uint32_t palette_text(enum palette_theme theme); /* 0xRRGGBB */
uint32_t palette_page(enum palette_theme theme);
uint32_t palette_shade(enum palette_theme theme, uint32_t family, uint32_t shade);

/* The same in a picture of waiting: what does not wait steps back. */
uint32_t palette_pale(enum palette_theme theme, uint32_t family, uint32_t shade);

/* The shade of a name: below PALETTE_SHADES. */
uint32_t palette_shade_of(uint32_t family, const char *name);

/* The letter that stands for a family, in class names and in the packed data. */
char palette_letter(uint32_t family);

/* Style rules for all shades of both themes: class "u3" is the fourth shade of FRAME_USER. A page
 * may have pictures of both kinds, so those with waits are for what has the class "waits". */
void palette_put_css(bool waits, FILE *out);

/* What the rules for waiting refer to: one <pattern> for each enum wait_kind, in a <defs>. */
void palette_put_patterns(FILE *out);

#endif
