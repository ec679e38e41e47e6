/* SPDX-License-Identifier: Apache-2.0 */
/* Text -> value, one function per type. Nothing here prints. */
#include <errno.h>
#include <string.h>

#include "agent/agent_config_parts.h"
#include "agent/options_parts.h"

/* Digits of 64 bits, and a word behind them. */
#define NUMBER_SIZE 24

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit *unit_find(const struct unit *units, const char *name)
{
	for (; units->name; units++) {
		if (strcmp(units->name, name) == 0)
			return units;
	}
	return NULL;
}

/* DIGITS or DIGITS UNIT; a bare number has the factor bare. */
static int parse_with_unit(const char *text, const struct unit *units, uint64_t bare, uint64_t *ret)
{
	char digits[NUMBER_SIZE];
	size_t length = strspn(text, "0123456789");
	const struct unit *unit = NULL;
	uint64_t number, factor = bare;
	int err;

	if (length >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (text[length]) {
		unit = unit_find(units, text + length);
		if (!unit)
			return -EINVAL;
		factor = unit->factor;
	}
	err = parse_u64(digits, 0, UINT64_MAX, &number);
	if (err < 0)
		return err;
	if (__builtin_mul_overflow(number, factor, ret))
		return -ERANGE;
	return 0;
}

int config_parse_time(const char *text, uint64_t unit_us, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "us", 1 },
		{ "ms", 1000 },
		{ "s", 1000000 },
		{ "m", 60 * UINT64_C(1000000) },
		{ "h", 3600 * UINT64_C(1000000) },
		{ "d", 86400 * UINT64_C(1000000) },
		{ NULL, 0 },
	};
	uint64_t us;
	int err = parse_with_unit(text, units, unit_us, &us);

	if (err < 0)
		return err;
	if (us % unit_us != 0)
		return -EINVAL;
	*ret = us / unit_us;
	return 0;
}

int config_parse_size(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {
		{ "K", UINT64_C(1) << 10 },
		{ "M", UINT64_C(1) << 20 },
		{ "G", UINT64_C(1) << 30 },
		{ "T", UINT64_C(1) << 40 },
		{ NULL, 0 },
	};
	uint64_t bytes;
	int err = parse_with_unit(text, units, 1, &bytes);

	if (err < 0)
		return err;
	*ret = bytes;
	return 0;
}

int config_parse_flag(const char *text, bool *ret)
{
	static const struct {
		const char *name;
		bool value;
	} words[] = {
		{ "yes", true }, { "no", false },  { "true", true }, { "false", false },
		{ "on", true },  { "off", false }, { "1", true },    { "0", false },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].name) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

int config_parse_list(const char *text, const char *const *names, size_t count, bool *ret,
		      const char **ret_bad, int *ret_bad_length)
{
	bool has[CONFIG_KEYS_MAX] = { false };

	for (const char *piece = text;; piece++) {
		size_t length, i = 0;

		piece += strspn(piece, " ");
		length = strcspn(piece, ", ");
		while (i < count && !is_word(piece, length, names[i]))
			i++;
		if (i >= count) {
			*ret_bad = piece;
			*ret_bad_length =
				length < CONFIG_SHOWN_MAX ? (int)length : CONFIG_SHOWN_MAX;
			return -EINVAL;
		}
		has[i] = true;
		piece += length;
		piece += strspn(piece, " ");
		if (!*piece)
			break;
		if (*piece != ',') {
			*ret_bad = piece;
			*ret_bad_length = 1;
			return -EINVAL;
		}
	}
	memcpy(ret, has, count * sizeof(has[0]));
	return 0;
}

static bool is_template_word(const char *text, size_t length)
{
	static const char *const words[] = { "service", "host", "kind", "format", "start",
					     "end",     "yyyy", "mm",   "dd",     "HH",
					     "MM",      "SS",   "unix", "id",     "ext" };
	static const char label[] = "label.";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is_word(text, length, words[i]))
			return true;
	}
	return length > strlen(label) && strncmp(text, label, strlen(label)) == 0;
}

bool config_template_is_valid(const char *text, const char **ret_bad, int *ret_bad_length)
{
	const char *brace = text;

	while ((brace = strchr(brace, '{'))) {
		size_t length;

		if (brace[1] == '{') {
			brace += 2;
			continue;
		}
		length = strcspn(brace + 1, "{}");
		if (brace[1 + length] != '}' || !is_template_word(brace + 1, length)) {
			length += 1 + (brace[1 + length] == '}');
			*ret_bad = brace;
			*ret_bad_length =
				length < CONFIG_SHOWN_MAX ? (int)length : CONFIG_SHOWN_MAX;
			return false;
		}
		brace += 1 + length;
	}
	return true;
}
