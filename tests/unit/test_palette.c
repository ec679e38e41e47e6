/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/palette.h"

#include <math.h>

#include "tests/unit/tree.h"

/* WCAG 2: relative luminance and contrast. */
static double channel(uint32_t colour, int shift)
{
	double c = (colour >> shift & 0xff) / 255.0;

	return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(uint32_t colour)
{
	return 0.2126 * channel(colour, 16) + 0.7152 * channel(colour, 8) +
	       0.0722 * channel(colour, 0);
}

static double contrast(uint32_t a, uint32_t b)
{
	double lighter = fmax(luminance(a), luminance(b));
	double darker = fmin(luminance(a), luminance(b));

	return (lighter + 0.05) / (darker + 0.05);
}

static void text_is_readable_on_every_shade(void **state)
{
	(void)state;
	for (int theme = 0; theme < PALETTE_THEME_COUNT; theme++) {
		for (int kind = 0; kind < FRAME_KIND_COUNT; kind++) {
			for (uint32_t shade = 0; shade < PALETTE_SHADES; shade++) {
				uint32_t colour = palette_shade(theme, kind, shade);

				if (contrast(colour, palette_text(theme)) < 4.5)
					fail_msg("#%06x: theme %d, kind %d, shade %u", colour,
						 theme, kind, shade);
			}
		}
	}
}

static void shades_differ_between_kinds_and_run_from_end_to_end(void **state)
{
	(void)state;
	for (int kind = 0; kind < FRAME_KIND_COUNT; kind++) {
		for (int other = 0; other < kind; other++)
			assert_int_not_equal(palette_shade(PALETTE_LIGHT, kind, 0),
					     palette_shade(PALETTE_LIGHT, other, 0));
		for (uint32_t shade = 1; shade < PALETTE_SHADES; shade++)
			assert_int_not_equal(palette_shade(PALETTE_LIGHT, kind, shade),
					     palette_shade(PALETTE_LIGHT, kind, shade - 1));
	}
}

static void a_names_shade_is_always_the_same(void **state)
{
	(void)state;
	assert_int_equal(palette_shade_of("main"), palette_shade_of("main"));
	/* Pictures of different versions are compared: this number must not change. */
	assert_int_equal(palette_shade_of("main"), 2);
	assert_in_range(palette_shade_of(""), 0, PALETTE_SHADES - 1);
}

static void style_rules_cover_both_themes(void **state)
{
	char *css = NULL;
	size_t length;
	FILE *out = open_memstream(&css, &length);

	(void)state;
	assert_non_null(out);
	palette_put_css(out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(count_of(css, "{fill:#"), 2 * FRAME_KIND_COUNT * PALETTE_SHADES);
	assert_int_equal(count_of(css, ".eprof .k9{"), 2);
	assert_contains(css, "prefers-color-scheme:dark");
	free(css);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_readable_on_every_shade),
		cmocka_unit_test(shades_differ_between_kinds_and_run_from_end_to_end),
		cmocka_unit_test(a_names_shade_is_always_the_same),
		cmocka_unit_test(style_rules_cover_both_themes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
