/* SPDX-License-Identifier: Apache-2.0 */
/* Text -> value, one function per type. Nothing here prints. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ledger.h"
#include "agent/options_parts.h"

/* Of a wrong word, so much is repeated. */
#define BAD_PIECE_MAX 64

/* In thousandths, of a pixel and of a percent. */
#define MIN_WIDTH_DECIMALS   3
#define MIN_WIDTH_PIXELS_MAX (1000 * 1000)
#define MIN_WIDTH_SHARE_MAX  (100 * 1000)

/* Decimal digits only: no sign, no blanks, no "0x". */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (!isdigit((unsigned char)*c))
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			value = UINT64_MAX;
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_seconds(const char *text, double *ret)
{
	const char *number = text + (text[0] == '-');
	size_t digits = strspn(number, "0123456789");
	size_t length = digits;
	double value;

	/* Checked by hand: strtod() takes "inf", "nan", "0x10" and blanks, too. */
	if (number[length] == '.') {
		size_t decimals = strspn(number + length + 1, "0123456789");

		digits += decimals;
		length += 1 + decimals;
	}
	if (digits == 0 || number[length])
		return -EINVAL;
	value = strtod(text, NULL);
	if (value < SECONDS_MIN || value > SECONDS_MAX)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_form(const char *text, enum output_form *ret)
{
	static const struct {
		const char *name;
		enum output_form form;
	} forms[] = {
		{ "svg", OUTPUT_SVG },
		{ "folded", OUTPUT_FOLDED },
		{ "pprof", OUTPUT_PPROF },
		{ "html", OUTPUT_HTML },
		{ "speedscope", OUTPUT_SPEEDSCOPE },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(text, forms[i].name) == 0) {
			*ret = forms[i].form;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_order(const char *text, enum call_tree_order *ret)
{
	static const char *const names[] = { [CALL_TREE_BY_NAME] = "name",
					     [CALL_TREE_BY_VALUE] = "value",
					     [CALL_TREE_BY_INPUT] = "input" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum call_tree_order)i;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_input_format(const char *text, enum input_format *ret)
{
	static const char *const names[] = {
		[INPUT_FOLDED] = "folded", [INPUT_PPROF] = "pprof", [INPUT_PERF_SCRIPT] = "perf"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum input_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool add_digit(uint64_t *value, char digit)
{
	return !__builtin_mul_overflow(*value, 10, value) &&
	       !__builtin_add_overflow(*value, (uint64_t)(digit - '0'), value);
}

/* length bytes of text. */
static int parse_decimal_part(const char *text, size_t length, unsigned int decimals,
			      struct decimal_number *ret)
{
	struct decimal_number number = { 0 };
	bool is_fraction = false, has_digit = false;

	/* Zeros at the end of a fraction say nothing. */
	while (memchr(text, '.', length) && text[length - 1] == '0')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && !is_fraction && (has_digit || length > 1)) {
			is_fraction = true;
			continue;
		}
		if (!isdigit((unsigned char)text[i]))
			return -EINVAL;
		has_digit = true;
		number.decimals += is_fraction;
		if (number.decimals > decimals || !add_digit(&number.digits, text[i]))
			return -ERANGE;
	}
	if (length == 0)
		return -EINVAL;
	*ret = number;
	return 0;
}

int parse_decimal(const char *text, uint64_t max, unsigned int decimals, struct decimal_number *ret)
{
	struct decimal_number number;
	uint64_t whole;
	int err = parse_decimal_part(text, strlen(text), decimals, &number);

	if (err < 0)
		return err;
	whole = number.digits;
	for (unsigned int i = 0; i < number.decimals; i++)
		whole /= 10;
	if (whole > max || (whole == max && number.decimals > 0))
		return -ERANGE;
	*ret = number;
	return 0;
}

int parse_min_width(const char *text, struct picture_min_width *ret)
{
	size_t length = strlen(text);
	bool is_share = length > 0 && text[length - 1] == '%';
	struct decimal_number number;
	int err = parse_decimal_part(text, length - is_share, MIN_WIDTH_DECIMALS, &number);

	if (err < 0)
		return err;
	for (; number.decimals < MIN_WIDTH_DECIMALS; number.decimals++) {
		if (__builtin_mul_overflow(number.digits, 10, &number.digits))
			return -ERANGE;
	}
	if (number.digits > (is_share ? MIN_WIDTH_SHARE_MAX : MIN_WIDTH_PIXELS_MAX))
		return -ERANGE;
	*ret = (struct picture_min_width){
		.limit = is_share ? PICTURE_LIMIT_SHARE : PICTURE_LIMIT_PIXELS,
		.thousandths = (uint32_t)number.digits,
	};
	return 0;
}

static int parse_id(const char *text, size_t length, int32_t *ret)
{
	char digits[16];
	uint64_t value;
	int err;

	if (length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	err = parse_u64(digits, 1, INT32_MAX, &value);
	if (err < 0)
		return err;
	*ret = (int32_t)value;
	return 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncmp(text, word, length) == 0;
}

static int parse_state(const char *text, size_t length, uint32_t *ret)
{
	static const char letters[OFF_STATE_COUNT][2] = { [OFF_RUNQUEUE] = "R",
							  [OFF_SLEEP] = "S",
							  [OFF_UNINTERRUPTIBLE] = "D",
							  [OFF_STOPPED] = "T",
							  [OFF_OTHER] = "" };

	for (int i = 0; length > 0 && i < OFF_STATE_COUNT; i++) {
		if (is_word(text, length, letters[i]) ||
		    is_word(text, length, off_state_name((enum off_state)i))) {
			*ret = UINT32_C(1) << i;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_states(const char *text, uint32_t *ret, const char **ret_bad, int *ret_bad_length)
{
	uint32_t states = 0;

	for (const char *piece = text;; piece++) {
		size_t length = strcspn(piece, ",");
		uint32_t state;

		if (parse_state(piece, length, &state) < 0) {
			*ret_bad = piece;
			*ret_bad_length = length < BAD_PIECE_MAX ? (int)length : BAD_PIECE_MAX;
			return -EINVAL;
		}
		states |= state;
		piece += length;
		if (!*piece)
			break;
	}
	*ret = states;
	return 0;
}

int parse_ids(const char *text, int32_t *ids, size_t *count, const char **ret_bad,
	      int *ret_bad_length)
{
	for (const char *piece = text;; piece++) {
		size_t length = strcspn(piece, ","), i = 0;
		int32_t id;

		if (parse_id(piece, length, &id) < 0) {
			*ret_bad = piece;
			*ret_bad_length = length < BAD_PIECE_MAX ? (int)length : BAD_PIECE_MAX;
			return -EINVAL;
		}
		while (i < *count && ids[i] != id)
			i++;
		if (i >= TARGET_IDS_MAX)
			return -E2BIG;
		ids[i] = id;
		if (i == *count)
			(*count)++;
		piece += length;
		if (!*piece)
			return 0;
	}
}
