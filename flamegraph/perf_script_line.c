/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/perf_script_line.h"

#include <string.h>

#define ADDRESS_DIGITS 16
/* Kernels have the highest addresses, those of user code that are as high are no addresses. */
#define KERNEL_ADDRESS UINT64_C(0xff00000000000000)
/* Of what is no sample, such as a mapping; some have brackets right behind: "PERF_RECORD_EXIT(1:1)"
 */
#define RECORD         "PERF_RECORD_"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins(struct words words, const char *with)
{
	return words.length >= strlen(with) && memcmp(words.text, with, strlen(with)) == 0;
}

static bool ends(struct words words, const char *with)
{
	size_t length = strlen(with);

	return words.length >= length &&
	       memcmp(words.text + words.length - length, with, length) == 0;
}

static bool equals(struct words words, const char *with)
{
	return words.length == strlen(with) && begins(words, with);
}

static struct words trim(struct words words)
{
	while (words.length > 0 && is_blank(words.text[0])) {
		words.text++;
		words.length--;
	}
	while (words.length > 0 && is_blank(words.text[words.length - 1]))
		words.length--;
	return words;
}

/* Cuts the first word off. Of no length: there is none. */
static struct words cut_first(struct words *words)
{
	struct words first = trim(*words), rest = first;

	first.length = 0;
	while (first.length < rest.length && !is_blank(rest.text[first.length]))
		first.length++;
	*words = (struct words){ .text = rest.text + first.length,
				 .length = rest.length - first.length };
	return first;
}

static struct words cut_last(struct words *words)
{
	struct words rest = trim(*words), last;
	size_t start = rest.length;

	while (start > 0 && !is_blank(rest.text[start - 1]))
		start--;
	last = (struct words){ .text = rest.text + start, .length = rest.length - start };
	words->text = rest.text;
	words->length = start;
	return last;
}

static size_t count_digits(struct words words, size_t from)
{
	size_t n = 0;

	while (from + n < words.length && is_digit(words.text[from + n]))
		n++;
	return n;
}

/* "123.456:" */
static bool is_time(struct words word)
{
	size_t seconds = count_digits(word, 0), parts;

	if (seconds == 0 || seconds >= word.length || word.text[seconds] != '.')
		return false;
	parts = count_digits(word, seconds + 1);
	return parts > 0 && seconds + 1 + parts + 1 == word.length &&
	       word.text[word.length - 1] == ':';
}

/* "123.456", which is a time that something is missing before. */
static bool is_number(struct words word)
{
	size_t whole = count_digits(word, 0);

	return whole > 0 && whole < word.length && word.text[whole] == '.' &&
	       whole + 1 + count_digits(word, whole + 1) == word.length;
}

/* "[012]" */
static bool is_cpu(struct words word)
{
	size_t digits = word.length > 2 ? count_digits(word, 1) : 0;

	return digits > 0 && digits + 2 == word.length && word.text[0] == '[' &&
	       word.text[word.length - 1] == ']';
}

/* From from on: a number, which may be negative. Returns how long it is. */
static size_t number_length(struct words word, size_t from)
{
	size_t sign = from < word.length && word.text[from] == '-';
	size_t digits = count_digits(word, from + sign);

	return digits ? sign + digits : 0;
}

/* "12", "-1" or "12/13" */
static bool is_pid(struct words word)
{
	size_t length = number_length(word, 0), second;

	if (length == 0 || length == word.length)
		return length > 0;
	second = number_length(word, length + 1);
	return word.text[length] == '/' && second > 0 && length + 1 + second == word.length;
}

/* Cuts pid and CPU off the end; what is left is the command. */
static bool cut_ids(struct words *words)
{
	struct words last = cut_last(words);

	if (is_cpu(last))
		last = cut_last(words);
	*words = trim(*words);
	return words->length > 0 && is_pid(last);
}

static bool parse_decimal(struct words word, uint64_t *ret)
{
	uint64_t period = 0;

	if (word.length == 0 || count_digits(word, 0) != word.length)
		return false;
	for (size_t i = 0; i < word.length; i++) {
		if (__builtin_mul_overflow(period, 10, &period) ||
		    __builtin_add_overflow(period, (uint64_t)(word.text[i] - '0'), &period))
			return false;
	}
	*ret = period;
	return true;
}

/* The name up to its first bracket or colon, and nothing behind it. */
static void parse_record(struct words words, struct perf_script_header *ret)
{
	size_t i = 0;

	while (i < words.length && words.text[i] != '(' && words.text[i] != ':')
		i++;
	ret->event = trim((struct words){ .text = words.text, .length = i });
	ret->rest = (struct words){ .text = words.text + i, .length = 0 };
}

/* "period event: ...", the first of which need not be there. */
static bool parse_event(struct words words, struct perf_script_header *ret)
{
	struct words rest = words, first = cut_first(&rest);

	ret->has_period = parse_decimal(first, &ret->period);
	words = trim(ret->has_period ? rest : words);
	if (begins(words, RECORD)) {
		parse_record(words, ret);
		return true;
	}
	for (size_t i = 1; i < words.length; i++) {
		if (words.text[i] != ':' || (i + 1 < words.length && !is_blank(words.text[i + 1])))
			continue;
		ret->event = (struct words){ .text = words.text, .length = i };
		ret->rest = trim((struct words){ .text = words.text + i + 1,
						 .length = words.length - i - 1 });
		return true;
	}
	return false;
}

static struct words before(struct words line, struct words word)
{
	return (struct words){ .text = line.text, .length = (size_t)(word.text - line.text) };
}

/* A command may look like anything: the time is known by what is before it. */
static bool parse_timed(struct words line, struct perf_script_header *ret)
{
	struct words rest = line, word;

	while ((word = cut_first(&rest)).length > 0) {
		ret->comm = before(line, word);
		if (is_time(word) && cut_ids(&ret->comm))
			return ret->has_time = parse_event(rest, ret);
	}
	return false;
}

/* Without a time: the first number that is not the command itself is the pid. */
static bool parse_untimed(struct words line, struct perf_script_header *ret)
{
	struct words rest = line, word, after;

	(void)cut_first(&rest);
	while ((word = cut_first(&rest)).length > 0) {
		if (!is_pid(word))
			continue;
		ret->comm = trim(before(line, word));
		after = rest;
		if (is_cpu(cut_first(&after)))
			rest = after;
		/* Then the event is all that there is, and one word. */
		if (!parse_event(rest, ret))
			return false;
		after = ret->event;
		return cut_first(&after).length == ret->event.length && !is_number(ret->event);
	}
	return false;
}

bool perf_script_header(const char *line, size_t length, struct perf_script_header *ret)
{
	struct words words = trim((struct words){ .text = line, .length = length });
	struct perf_script_header header = { 0 };

	if (!parse_timed(words, &header) && !parse_untimed(words, &header))
		return false;
	*ret = header;
	return true;
}

static bool parse_address(struct words word, uint64_t *ret)
{
	uint64_t address = 0;

	if (word.length == 0 || word.length > ADDRESS_DIGITS)
		return false;
	for (size_t i = 0; i < word.length; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = memchr(digits, word.text[i], sizeof(digits) - 1);

		if (!digit)
			return false;
		address = address << 4 | (uint64_t)(digit - digits);
	}
	*ret = address;
	return true;
}

/* Cuts " (object)" off the end, whose parentheses are in pairs. */
static bool cut_object(struct words *words, struct words *ret)
{
	size_t depth = 0;

	if (words->length == 0 || words->text[words->length - 1] != ')')
		return false;
	for (size_t i = words->length; i-- > 0;) {
		depth += words->text[i] == ')';
		depth -= words->text[i] == '(';
		if (depth > 0)
			continue;
		if (i > 0 && !is_blank(words->text[i - 1]))
			return false;
		*ret = (struct words){ .text = words->text + i + 1,
				       .length = words->length - i - 2 };
		words->length = i;
		*words = trim(*words);
		return true;
	}
	return false;
}

static bool has_part(struct words words, const char *part)
{
	return memmem(words.text, words.length, part, strlen(part));
}

/* "+0x1f" at the end of a symbol. */
static struct words without_offset(struct words name)
{
	size_t i = name.length;
	uint64_t offset;

	while (i > 0 && name.text[i - 1] != 'x')
		i--;
	if (i >= 3 && name.text[i - 2] == '0' && name.text[i - 3] == '+' &&
	    parse_address((struct words){ .text = name.text + i, .length = name.length - i },
			  &offset))
		name.length = i - 3;
	return name;
}

static struct words base_name(struct words object)
{
	struct words base = object;

	/* "[...]" is no path, whatever is in it. */
	if (begins(object, "["))
		return object;
	for (size_t i = 0; i < object.length; i++) {
		if (object.text[i] == '/' && i + 1 < object.length)
			base = (struct words){ .text = object.text + i + 1,
					       .length = object.length - i - 1 };
	}
	if (ends(base, " (deleted)"))
		base.length -= strlen(" (deleted)");
	return base;
}

/* "[ext4]" is one of the kernel, "[vdso]" is not. */
static bool is_kernel_object(struct words object, struct words base)
{
	static const char *const users[] = { "[vdso", "[vsyscall", "[heap",    "[stack",
					     "[anon", "[uprobes",  "[unknown]" };

	if (begins(object, "[")) {
		for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
			if (begins(object, users[i]))
				return false;
		}
		return true;
	}
	return ends(base, ".ko") || has_part(base, ".ko.") || equals(base, "vmlinux") ||
	       begins(base, "vmlinux-") || begins(base, "vmlinuz");
}

static enum frame_kind kind_of(uint64_t address, struct words object, struct words base)
{
	if (equals(object, "inlined"))
		return FRAME_INLINED;
	if (is_kernel_object(object, base))
		return FRAME_KERNEL;
	if (address >= KERNEL_ADDRESS && !begins(object, "[vsyscall"))
		return FRAME_KERNEL;
	if ((begins(base, "perf-") && ends(base, ".map")) || begins(base, "jitted-"))
		return FRAME_JIT;
	return FRAME_USER;
}

bool perf_script_frame(const char *line, size_t length, struct perf_script_frame *ret)
{
	struct words words = { .text = line, .length = length };
	struct words object = { .text = line }, base;
	uint64_t address;

	if (!parse_address(cut_first(&words), &address))
		return false;
	words = trim(words);
	if (!cut_object(&words, &object) && words.length == 0)
		return false;
	base = base_name(object);
	*ret = (struct perf_script_frame){ .name = without_offset(words),
					   .module = base,
					   .kind = kind_of(address, object, base) };
	if (equals(ret->name, "[unknown]"))
		ret->name.length = 0;
	if (equals(object, "[unknown]") || ret->kind == FRAME_INLINED)
		ret->module.length = 0;
	return true;
}

/* Cuts it off the end. */
static bool cut_end(struct words *words, const char *end)
{
	if (!ends(*words, end))
		return false;
	words->length -= strlen(end);
	*words = trim(*words);
	return true;
}

/* " (discriminator 3)" tells ways through a line apart. */
static void cut_discriminator(struct words *words)
{
	struct words rest = *words;

	if (!cut_end(&rest, ")"))
		return;
	(void)cut_last(&rest);
	rest = trim(rest);
	if (cut_end(&rest, "(discriminator"))
		*words = rest;
}

bool perf_script_source(const char *line, size_t length, struct perf_script_source *ret)
{
	struct words words = { .text = line, .length = length };
	struct perf_script_source source = { 0 };
	uint64_t number;
	size_t colon;

	/* Frames have a tabulator. */
	if (length < 3 || line[0] != ' ' || line[1] != ' ' || is_blank(line[2]))
		return false;
	words = trim(words);
	source.is_inlined = cut_end(&words, "(inlined)");
	cut_discriminator(&words);
	colon = words.length;
	while (colon > 0 && words.text[colon - 1] != ':')
		colon--;
	if (colon > 1 &&
	    parse_decimal(
		    (struct words){ .text = words.text + colon, .length = words.length - colon },
		    &number) &&
	    number <= UINT32_MAX) {
		source.file = (struct words){ .text = words.text, .length = colon - 1 };
		source.line = (uint32_t)number;
	}
	*ret = source;
	return true;
}
