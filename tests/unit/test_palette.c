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

static void check_readable(enum palette_theme theme, uint32_t colour)
{
	if (contrast(colour, palette_text(theme)) < 4.5)
		fail_msg("theme %d: #%06x", theme, colour);
}

static void text_is_readable_on_every_shade(void **state)
{
	(void)state;
	for (int theme = 0; theme < PALETTE_THEME_COUNT; theme++) {
		for (uint32_t family = 0; family < PALETTE_DRAWN; family++) {
			for (uint32_t shade = 0; shade < palette_shade_count(family); shade++) {
				check_readable(theme, palette_shade(theme, family, shade));
				check_readable(theme, palette_pale(theme, family, shade));
			}
		}
	}
}

/* How far apart two colours are for an eye that does not tell red from green: what is left are
 * lightness and the way from yellow to blue. */
static double distance_without_red_and_green(uint32_t a, uint32_t b)
{
	double light = sqrt(luminance(a)) - sqrt(luminance(b));
	double yellow_a = (channel(a, 16) + channel(a, 8)) / 2, blue_a = channel(a, 0);
	double yellow_b = (channel(b, 16) + channel(b, 8)) / 2, blue_b = channel(b, 0);
	double hue = (sqrt(yellow_a) - sqrt(blue_a)) - (sqrt(yellow_b) - sqrt(blue_b));

	return sqrt(light * light + hue * hue);
}

static void kinds_of_waiting_differ_for_every_eye(void **state)
{
	(void)state;
	for (int theme = 0; theme < PALETTE_THEME_COUNT; theme++) {
		for (uint32_t a = PALETTE_WAIT; a < PALETTE_FAMILIES; a++) {
			for (uint32_t b = PALETTE_WAIT; b < a; b++) {
				double distance = distance_without_red_and_green(
					palette_shade(theme, a, 0), palette_shade(theme, b, 0));

				if (distance < 0.05)
					fail_msg("theme %d: %c and %c are %f apart", theme,
						 palette_letter(a), palette_letter(b), distance);
			}
		}
	}
}

/* All steps of the scale, from less to more, with what is new and what is removed at its ends. */
static void changes_differ_for_every_eye(void **state)
{
	(void)state;
	for (int theme = 0; theme < PALETTE_THEME_COUNT; theme++) {
		uint32_t less = palette_shade(theme, PALETTE_LESS, PALETTE_SHADES - 1);
		uint32_t more = palette_shade(theme, PALETTE_MORE, PALETTE_SHADES - 1);
		uint32_t same = palette_shade(theme, PALETTE_SAME, 0);
		uint32_t new = palette_shade(theme, PALETTE_NEW, 0);
		uint32_t removed = palette_shade(theme, PALETTE_REMOVED, 0);

		assert_true(distance_without_red_and_green(less, more) > 0.4);
		assert_true(distance_without_red_and_green(less, same) > 0.2);
		assert_true(distance_without_red_and_green(more, same) > 0.2);
		assert_true(distance_without_red_and_green(new, more) > 0.1);
		assert_true(distance_without_red_and_green(removed, less) > 0.05);
		for (uint32_t shade = 1; shade < PALETTE_SHADES; shade++) {
			assert_true(distance_without_red_and_green(
					    palette_shade(theme, PALETTE_MORE, shade), same) >
				    distance_without_red_and_green(
					    palette_shade(theme, PALETTE_MORE, shade - 1), same));
			assert_true(distance_without_red_and_green(
					    palette_shade(theme, PALETTE_LESS, shade), same) >
				    distance_without_red_and_green(
					    palette_shade(theme, PALETTE_LESS, shade - 1), same));
		}
	}
}

static void every_family_has_a_letter_of_its_own(void **state)
{
	(void)state;
	for (uint32_t a = 0; a < PALETTE_DRAWN; a++) {
		assert_in_range(palette_letter(a), 'a', 'z');
		for (uint32_t b = 0; b < a; b++)
			assert_int_not_equal(palette_letter(a), palette_letter(b));
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

/* Pictures of different versions are compared, and scripts find the same: these must not change. */
static void a_names_shade_is_always_the_same(void **state)
{
	char name[PALETTE_HASHED_BYTES + 2];
	uint32_t whole;

	(void)state;
	assert_int_equal(palette_hash(""), 0x811c9dc5);
	assert_int_equal(palette_hash("a"), 0xe40c292c);
	assert_int_equal(palette_hash("foobar"), 0xbf9cf968);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	whole = palette_hash(name);
	name[PALETTE_HASHED_BYTES] = 'y';
	assert_int_equal(palette_hash(name), whole);
	name[PALETTE_HASHED_BYTES - 1] = 'y';
	assert_int_not_equal(palette_hash(name), whole);
	assert_int_equal(palette_shade_of(FRAME_USER, "foobar"), 0xbf9cf968 % PALETTE_SHADES);
	assert_int_equal(palette_shade_of(PALETTE_WAIT, "foobar"), 0);
	/* What is in the file is hashed, which is not always what was read. */
	assert_int_equal(palette_hash("a\xff\tb"), palette_hash("a\xef\xbf\xbd b"));
	assert_int_not_equal(palette_hash("\xc3\xa4"), palette_hash("\xc3\xa5"));
}

static char *css(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	palette_put_css(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void every_shade_has_a_rule_for_both_themes(void **state)
{
	char *rules = css();

	(void)state;
	for (uint32_t family = 0; family < PALETTE_DRAWN; family++) {
		for (uint32_t shade = 0; shade < palette_shade_count(family); shade++) {
			uint32_t light = palette_shade(PALETTE_LIGHT, family, shade);
			uint32_t dark = palette_shade(PALETTE_DARK, family, shade);
			bool is_wait = family >= PALETTE_WAIT && family < PALETTE_FAMILIES;
			char selector[16], fill[64], rule[128];

			(void)snprintf(selector, sizeof(selector), is_wait ? "\n.%c" : "\n.%c%u",
				       palette_letter(family), shade);
			(void)snprintf(fill, sizeof(fill),
				       "{fill:#%06x;fill:light-dark(#%06x,#%06x)}", light, light,
				       dark);
			(void)snprintf(rule, sizeof(rule), "%s%s", selector, fill);
			if (family + shade > 0)
				assert_contains(rules, rule);
		}
	}
	assert_true(strlen(rules) < 14000);
	free(rules);
}

/* On a page with both the rules of the one must leave the other alone. */
static void rules_for_waiting_are_for_pictures_of_it(void **state)
{
	char *rules = css();

	(void)state;
	assert_int_equal(count_of(rules, ".waits .u9{"), 1);
	assert_int_equal(count_of(rules, "\n.u9{"), 1);
	assert_int_equal(count_of(rules, "\n.l0{fill:url(#eprof-l) #"), 1);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_readable_on_every_shade),
		cmocka_unit_test(shades_differ_between_kinds_and_run_from_end_to_end),
		cmocka_unit_test(a_names_shade_is_always_the_same),
		cmocka_unit_test(every_shade_has_a_rule_for_both_themes),
		cmocka_unit_test(kinds_of_waiting_differ_for_every_eye),
		cmocka_unit_test(changes_differ_for_every_eye),
		cmocka_unit_test(every_family_has_a_letter_of_its_own),
		cmocka_unit_test(rules_for_waiting_are_for_pictures_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
