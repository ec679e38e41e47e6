/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours. What is drawn has a class: a family, which is a letter, and a shade, which is a number;
 * "u3" is the fourth shade of FRAME_USER. A hash of the name picks the shade, so a function has
 * the same colour in every picture and on every page. All shades keep a contrast of 4.5 : 1 (WCAG 2
 * level AA) to the text of their theme.
 *
 * The style sheet is the same for all pictures. The theme is the one that people prefer, or that an
 * element with data-theme="light" or "dark" around the picture says.
 */
#ifndef EPROF_FLAMEGRAPH_PALETTE_H
#define EPROF_FLAMEGRAPH_PALETTE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/frame.h"
#include "flamegraph/wait_kind.h"

#define PALETTE_SHADES  10
#define PALETTE_MODULES 12

/*
 * The families that a frame has in the data: enum frame_kind, with FRAME_GAP, then enum wait_kind
 * in a picture of waiting; there what is waited for has one shade, and a mark at the upper edge
 * beside it, for those who cannot tell the colours apart.
 */
#define PALETTE_WAIT     ((uint32_t)FRAME_GAP + 1)
#define PALETTE_FAMILIES (PALETTE_WAIT + WAIT_KIND_COUNT)

/* Those that only a choice of colours leads to. */
enum {
	PALETTE_RED = FRAME_GAP + 1 + WAIT_KIND_COUNT,
	PALETTE_YELLOW,
	PALETTE_BLUE,
	PALETTE_PURPLE,
	PALETTE_MODULE,
	PALETTE_MORE, /* a differential: shades are steps away from PALETTE_SAME */
	PALETTE_LESS,
	PALETTE_SAME,
	PALETTE_NEW,
	PALETTE_REMOVED,
	PALETTE_DRAWN,
};

enum palette_theme {
	PALETTE_LIGHT,
	PALETTE_DARK,
	PALETTE_THEME_COUNT,
};

/* What decides on the family. */
enum palette_name {
	PALETTE_BY_KIND,
	PALETTE_BY_MODULE,
	/* One family for all. */
	PALETTE_ALL_HOT,
	PALETTE_ALL_MEM,
	PALETTE_ALL_IO,
	PALETTE_ALL_WAKEUP,
	PALETTE_ALL_RED,
	PALETTE_ALL_GREEN,
	PALETTE_ALL_BLUE,
	PALETTE_ALL_AQUA,
	PALETTE_ALL_YELLOW,
	PALETTE_ALL_PURPLE,
	PALETTE_ALL_ORANGE,
	/* What language a function is written in, told from its kind and its name. */
	PALETTE_CHAIN, /* what comes above a frame "--" is the waker's */
	PALETTE_JAVA,
	PALETTE_JS,
	PALETTE_PERL,
	PALETTE_NAME_COUNT,
};

/* "kind", "module", "hot", ... */
const char *palette_name_text(enum palette_name name);

/* 0, or -EINVAL when there is none of that name. */
int palette_from_name(const char *text, enum palette_name *ret);

struct palette_class {
	uint32_t family;
	uint32_t shade;
};

/* What the colour of a frame depends on. */
struct palette_frame {
	const char *name;
	const char *module; /* NULL: unknown */
	enum frame_kind kind;
	bool is_waker; /* a frame "--" is below it */
};

struct palette_class palette_class_of(enum palette_name palette, const struct palette_frame *frame);

/* The class of what changed from before to after: tenths of the larger of both. */
struct palette_class palette_change(uint64_t before, uint64_t after);

/*
 * FNV-1a of 32 bits (offset 0x811c9dc5, prime 0x01000193) over the first bytes of the UTF-8 of a
 * name as text_next() repairs it: what a script reads from the file is what was hashed. A picture
 * may have one long name on each of its frames.
 */
#define PALETTE_HASHED_BYTES 1024
uint32_t palette_hash(const char *name);

/* The shade of a name: its hash modulo PALETTE_SHADES; 0 of families with one shade. */
uint32_t palette_shade_of(uint32_t family, const char *name);

uint32_t palette_shade_count(uint32_t family);

/* The letter that stands for a family, in class names and in the packed data. */
char palette_letter(uint32_t family);

uint32_t palette_text(enum palette_theme theme); /* 0xRRGGBB */
uint32_t palette_page(enum palette_theme theme);
uint32_t palette_shade(enum palette_theme theme, uint32_t family, uint32_t shade);

/* The same in a picture of waiting: what does not wait steps back. */
uint32_t palette_pale(enum palette_theme theme, uint32_t family, uint32_t shade);

/* Style rules for all shades of both themes. Pale ones are for what is in an element of the class
 * "waits". Where a theme cannot be asked for all is light. */
void palette_put_css(FILE *out);

/* What the rules for waiting refer to: one <pattern> for each enum wait_kind, in a <defs>. */
void palette_put_patterns(FILE *out);

/* Whether it is the frame between a waker's stack and the one below it. */
bool palette_is_separator(const char *name);

#endif
