/* SPDX-License-Identifier: Apache-2.0 */
/* Which colour a frame has, in each of the palettes. */
#include <errno.h>
#include <string.h>

#include "flamegraph/palette.h"

static const char *const texts[PALETTE_NAME_COUNT] = {
	[PALETTE_BY_KIND] = "kind",      [PALETTE_BY_MODULE] = "module",
	[PALETTE_ALL_HOT] = "hot",       [PALETTE_ALL_MEM] = "mem",
	[PALETTE_ALL_IO] = "io",         [PALETTE_ALL_WAKEUP] = "wakeup",
	[PALETTE_ALL_RED] = "red",       [PALETTE_ALL_GREEN] = "green",
	[PALETTE_ALL_BLUE] = "blue",     [PALETTE_ALL_AQUA] = "aqua",
	[PALETTE_ALL_YELLOW] = "yellow", [PALETTE_ALL_PURPLE] = "purple",
	[PALETTE_ALL_ORANGE] = "orange", [PALETTE_CHAIN] = "chain",
	[PALETTE_JAVA] = "java",         [PALETTE_JS] = "js",
	[PALETTE_PERL] = "perl",
};

/* Kinds have these colours anyway. */
#define HOT    FRAME_USER
#define ORANGE FRAME_KERNEL
#define AQUA   FRAME_INLINED
#define GREEN  FRAME_JIT

static const uint32_t flat[PALETTE_NAME_COUNT] = {
	[PALETTE_ALL_HOT] = HOT,
	[PALETTE_ALL_MEM] = GREEN,
	[PALETTE_ALL_IO] = PALETTE_BLUE,
	[PALETTE_ALL_WAKEUP] = AQUA,
	[PALETTE_ALL_RED] = PALETTE_RED,
	[PALETTE_ALL_GREEN] = GREEN,
	[PALETTE_ALL_BLUE] = PALETTE_BLUE,
	[PALETTE_ALL_AQUA] = AQUA,
	[PALETTE_ALL_YELLOW] = PALETTE_YELLOW,
	[PALETTE_ALL_PURPLE] = PALETTE_PURPLE,
	[PALETTE_ALL_ORANGE] = ORANGE,
};

const char *palette_name_text(enum palette_name name)
{
	return texts[name];
}

int palette_from_name(const char *text, enum palette_name *ret)
{
	for (size_t i = 0; i < PALETTE_NAME_COUNT; i++) {
		if (strcmp(texts[i], text) == 0) {
			*ret = (enum palette_name)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Packages, as they are written in signatures ("Ljava/lang/String") and in paths. */
static bool is_java_package(const char *name)
{
	static const char *const packages[] = { "java/", "javax/", "jdk/", "net/",
						"org/",  "com/",   "io/",  "sun/" };

	if (*name == 'L')
		name++;
	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++) {
		if (strncmp(name, packages[i], strlen(packages[i])) == 0)
			return true;
	}
	return false;
}

static uint32_t java_family(const struct palette_frame *frame)
{
	if (frame->kind == FRAME_JIT)
		return GREEN;
	if (frame->kind == FRAME_INLINED)
		return AQUA;
	if (is_java_package(frame->name) || strstr(frame->name, ":::"))
		return GREEN;
	if (strstr(frame->name, "::"))
		return PALETTE_YELLOW;
	return frame->kind == FRAME_KERNEL ? ORANGE : PALETTE_RED;
}

static uint32_t js_family(const struct palette_frame *frame)
{
	const char *path = strchr(frame->name, '/');

	if (frame->kind == FRAME_JIT)
		return path ? GREEN : AQUA;
	if (strstr(frame->name, "::"))
		return PALETTE_YELLOW;
	if (path && strstr(path, ".js"))
		return GREEN;
	if (strchr(frame->name, ':'))
		return AQUA;
	if (strcmp(frame->name, " ") == 0)
		return GREEN;
	return frame->kind == FRAME_KERNEL ? ORANGE : PALETTE_RED;
}

static uint32_t perl_family(const struct palette_frame *frame)
{
	if (strstr(frame->name, "::"))
		return PALETTE_YELLOW;
	if (strstr(frame->name, "Perl") || strstr(frame->name, ".pl"))
		return GREEN;
	return frame->kind == FRAME_KERNEL ? ORANGE : PALETTE_RED;
}

bool palette_is_separator(const char *name)
{
	return strcmp(name, "--") == 0;
}

static uint32_t family_of(enum palette_name palette, const struct palette_frame *frame)
{
	/* What separates parts of a stack belongs to none of them. */
	if (strcmp(frame->name, "-") == 0 || palette_is_separator(frame->name))
		return FRAME_NOTE;
	switch (palette) {
	case PALETTE_BY_KIND:
		return frame->kind;
	case PALETTE_BY_MODULE:
		return frame->module ? PALETTE_MODULE : (uint32_t)frame->kind;
	case PALETTE_CHAIN:
		return frame->is_waker ? AQUA : PALETTE_BLUE;
	case PALETTE_JAVA:
		return java_family(frame);
	case PALETTE_JS:
		return js_family(frame);
	case PALETTE_PERL:
		return perl_family(frame);
	default:
		return flat[palette];
	}
}

struct palette_class palette_class_of(enum palette_name palette, const struct palette_frame *frame)
{
	uint32_t family = family_of(palette, frame);
	const char *name = family == PALETTE_MODULE ? frame->module : frame->name;

	return (struct palette_class){ .family = family, .shade = palette_shade_of(family, name) };
}

struct palette_class palette_change(uint64_t before, uint64_t after)
{
	bool is_more = after > before;
	uint64_t larger = is_more ? after : before;
	uint64_t change = is_more ? after - before : before - after;
	uint32_t step;

	if (change == 0)
		return (struct palette_class){ .family = PALETTE_SAME };
	if (change == larger)
		return (struct palette_class){ .family = is_more ? PALETTE_NEW : PALETTE_REMOVED };
	step = (uint32_t)((unsigned __int128)change * PALETTE_SHADES / larger);
	return (struct palette_class){ .family = is_more ? PALETTE_MORE : PALETTE_LESS,
				       .shade = step };
}
