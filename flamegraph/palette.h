/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours. A frame's kind picks a family and a hash of its name one of the family's shades, so a
 * function has the same colour in every picture. All shades keep a contrast of 4.5 : 1 (WCAG 2
 * level AA) to the text of their theme.
 */
#ifndef EPROF_FLAMEGRAPH_PALETTE_H
#define EPROF_FLAMEGRAPH_PALETTE_H

#include <stdint.h>
#include <stdio.h>

#include "base/frame.h"

#define PALETTE_SHADES 10

enum palette_theme {
	PALETTE_LIGHT,
	PALETTE_DARK,
	PALETTE_THEME_COUNT,
};

uint32_t palette_text(enum palette_theme theme); /* 0xRRGGBB */
uint32_t palette_shade(enum palette_theme theme, enum frame_kind kind, uint32_t shade);

/* The shade of a name: below PALETTE_SHADES. */
uint32_t palette_shade_of(const char *name);

/* The letter that stands for a kind, in class names and in the packed data. */
char palette_letter(enum frame_kind kind);

/* Style rules for all shades of both themes: class "u3" is the fourth shade of FRAME_USER. */
void palette_put_css(FILE *out);

#endif
