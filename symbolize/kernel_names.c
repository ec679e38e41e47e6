/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kallsyms has no sizes: a function reaches to the next one. That holds between the kernel's _stext
 * and _etext; elsewhere (modules, BPF programs, init code) gigabytes of nothing may follow, so
 * there a function is at most OUTLIER_SIZE_MAX long. The text is parsed as it is read and never
 * held.
 */
#include "symbolize/kernel_names.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

#define KALLSYMS_SIZE_MAX  (64u << 20)
#define BUFFER_SIZE        65536
#define OUTLIER_SIZE_MAX   65536
#define ADDRESS_DIGITS_MAX 16
/* What the kernel writes at once. */
#define PEEK_SIZE          4096
/* Twice what the kernel allows for. */
#define NAME_SIZE_MAX      1024
#define MODULES_MAX        65535
#define BUILTIN_MODULE     0

struct kernel_symbol {
	uint64_t address;
	uint32_t name;   /* offset in names */
	uint16_t module; /* index in modules */
	uint8_t rank;
};

_Static_assert(sizeof(struct kernel_symbol) == 16, "a hundred thousand of them stay in memory");

struct kernel_names_table {
	struct kernel_symbol *symbols;
	size_t count, capacity;
	char *names;
	size_t names_size, names_capacity;
	uint32_t *modules; /* offsets in names */
	size_t module_count, module_capacity;
	struct hashmap module_index;   /* hash of a module's name -> its index */
	uint64_t text_start, text_end; /* _stext, _etext; 0: not listed */
	uint64_t near;                 /* what is too far from it is left out; 0: nothing is */
	bool is_sorted, hidden;
};

/* The parts of one line. */
struct line {
	uint64_t address;
	char type;
	const char *name, *module; /* not terminated; module has no brackets */
	size_t name_length, module_length;
};

static void cleanup_table(struct kernel_names_table **table)
{
	kernel_names_free(*table);
}

void kernel_names_free(struct kernel_names_table *table)
{
	if (!table)
		return;
	free(table->symbols);
	free(table->names);
	free(table->modules);
	hashmap_done(&table->module_index);
	free(table);
}

/* Doubles an array that is full. */
static int reserve(void *array, size_t *capacity, size_t needed, size_t element_size)
{
	size_t larger = *capacity ? *capacity : 1024;
	void *bytes;

	if (needed <= *capacity)
		return 0;
	while (larger < needed)
		larger *= 2;
	bytes = realloc(*(void **)array, larger * element_size);
	if (!bytes)
		return -ENOMEM;
	*(void **)array = bytes;
	*capacity = larger;
	return 0;
}

static int add_string(struct kernel_names_table *table, const char *text, size_t length,
		      uint32_t *ret_offset)
{
	int err = reserve(&table->names, &table->names_capacity, table->names_size + length + 1, 1);

	if (err < 0)
		return err;
	*ret_offset = (uint32_t)table->names_size;
	memcpy(table->names + table->names_size, text, length);
	table->names[table->names_size + length] = '\0';
	table->names_size += length + 1;
	return 0;
}

static bool is_module(const struct kernel_names_table *table, size_t index, const char *name,
		      size_t length)
{
	const char *known = table->names + table->modules[index];

	return strncmp(known, name, length) == 0 && known[length] == '\0';
}

static int add_module(struct kernel_names_table *table, const char *name, size_t length,
		      uint16_t *ret_index)
{
	uint32_t offset;
	int err;

	if (table->module_count == MODULES_MAX)
		return -EFBIG;
	err = reserve(&table->modules, &table->module_capacity, table->module_count + 1,
		      sizeof(*table->modules));
	if (err < 0)
		return err;
	err = add_string(table, name, length, &offset);
	if (err < 0)
		return err;
	*ret_index = (uint16_t)table->module_count;
	table->modules[table->module_count++] = offset;
	return 0;
}

static int find_module(struct kernel_names_table *table, const struct line *line,
		       uint16_t *ret_index)
{
	uint64_t hash, index;
	int err;

	if (!line->module_length) {
		*ret_index = BUILTIN_MODULE;
		return 0;
	}
	/* Mostly the module of the line before. */
	if (is_module(table, table->module_count - 1, line->module, line->module_length)) {
		*ret_index = (uint16_t)(table->module_count - 1);
		return 0;
	}
	hash = hash_bytes(line->module, line->module_length);
	while (hashmap_get(&table->module_index, hash, &index)) {
		if (is_module(table, index, line->module, line->module_length)) {
			*ret_index = (uint16_t)index;
			return 0;
		}
		hash++; /* another module with this hash: the next free number */
	}
	err = add_module(table, line->module, line->module_length, ret_index);
	if (err < 0)
		return err;
	return hashmap_put(&table->module_index, hash, *ret_index);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool is_text(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* The hexadecimal number that text begins with; *ret_end is behind it. */
static bool parse_address(const char *text, const char *end, const char **ret_end,
			  uint64_t *ret_address)
{
	uint64_t address = 0;
	const char *at;

	for (at = text; at < end && hex_digit(*at) >= 0; at++)
		address = address << 4 | (uint64_t)hex_digit(*at);
	if (at == text || at - text > ADDRESS_DIGITS_MAX)
		return false;
	*ret_address = address;
	*ret_end = at;
	return true;
}

/* ADDRESS " " TYPE " " NAME [TAB "[" MODULE "]"]; false when this is no line about a function. */
static bool parse_line(const char *at, const char *end, struct line *ret)
{
	const char *name_end;
	struct line line = { 0 };

	if (!parse_address(at, end, &at, &line.address) || end - at < 4 || at[0] != ' ' ||
	    at[2] != ' ')
		return false;
	line.type = at[1];
	line.name = at + 3;
	if (!is_text(line.type))
		return false;
	name_end = memchr(line.name, '\t', (size_t)(end - line.name));
	if (name_end && end - name_end > 3 && name_end[1] == '[' && end[-1] == ']') {
		line.module = name_end + 2;
		line.module_length = (size_t)(end - 1 - line.module);
	}
	line.name_length = (size_t)((name_end ? name_end : end) - line.name);
	*ret = line;
	/* $x and $d mark code and data on ARM. */
	return line.name_length && line.name_length <= NAME_SIZE_MAX && line.name[0] != '$' &&
	       line.module_length <= NAME_SIZE_MAX && !memchr(line.name, '\0', end - line.name);
}

/* Global before weak before local, and plain names before those the implementation reserves. */
static uint8_t line_rank(const struct line *line)
{
	uint8_t rank = line->type == 'T' ? 4 : line->type == 't' ? 0 : 2;

	return line->name[0] == '_' ? rank : rank + 1;
}

static bool is_named(const struct line *line, const char *name)
{
	return !line->module_length && line->name_length == strlen(name) &&
	       memcmp(line->name, name, line->name_length) == 0;
}

static bool is_wanted(const struct kernel_names_table *table, uint64_t address)
{
	return !table->near || (address <= table->near && table->near - address < OUTLIER_SIZE_MAX);
}

static int add_line(struct kernel_names_table *table, const struct line *line)
{
	struct kernel_symbol symbol = { .address = line->address, .rank = line_rank(line) };
	int err;

	if (line->address)
		table->hidden = false;
	if (is_named(line, "_stext"))
		table->text_start = line->address;
	if (is_named(line, "_etext")) {
		table->text_end = line->address;
		return 0; /* no code begins there */
	}
	if (!is_wanted(table, line->address))
		return 0;
	err = find_module(table, line, &symbol.module);
	if (err < 0)
		return err;
	err = add_string(table, line->name, line->name_length, &symbol.name);
	if (err < 0)
		return err;
	err = reserve(&table->symbols, &table->capacity, table->count + 1, sizeof(symbol));
	if (err < 0)
		return err;
	if (table->count && table->symbols[table->count - 1].address > symbol.address)
		table->is_sorted = false;
	table->symbols[table->count++] = symbol;
	return 0;
}

/* Parses the whole lines of text; *ret_rest is where the last, incomplete one begins. */
static int parse_lines(struct kernel_names_table *table, const char *text, const char *end,
		       const char **ret_rest)
{
	const char *line_end;

	for (; (line_end = memchr(text, '\n', (size_t)(end - text))); text = line_end + 1) {
		struct line line;
		int err;

		if (!parse_line(text, line_end, &line))
			continue;
		err = add_line(table, &line);
		if (err < 0)
			return err;
	}
	*ret_rest = text;
	return 0;
}

static int parse_last_line(struct kernel_names_table *table, const char *text, const char *end)
{
	struct line line;

	return parse_line(text, end, &line) ? add_line(table, &line) : 0;
}

static int read_all(struct kernel_names_table *table, int fd)
{
	CLEANUP(cleanup_free) char *buffer = malloc(BUFFER_SIZE);
	size_t total = 0, held = 0;

	if (!buffer)
		return -ENOMEM;
	while (total <= KALLSYMS_SIZE_MAX) {
		ssize_t n = read(fd, buffer + held, BUFFER_SIZE - held);
		const char *rest;
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return parse_last_line(table, buffer, buffer + held);
		total += (size_t)n;
		held += (size_t)n;
		err = parse_lines(table, buffer, buffer + held, &rest);
		if (err < 0)
			return err;
		held -= (size_t)(rest - buffer);
		memmove(buffer, rest, held);
		if (held == BUFFER_SIZE)
			held = 0; /* no line is that long */
	}
	return -EFBIG;
}

static int compare_symbols(const void *left, const void *right)
{
	const struct kernel_symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->name > b->name) - (a->name < b->name);
}

/* Sorts, keeps the best name of each address, and gives back what is unused. */
static void finish(struct kernel_names_table *table)
{
	struct kernel_symbol *symbols = table->symbols;
	size_t kept = 0;
	char *names;

	if (!table->is_sorted)
		qsort(symbols, table->count, sizeof(*symbols), compare_symbols);
	for (size_t i = 1; i < table->count; i++) {
		if (symbols[i].address != symbols[kept].address)
			symbols[++kept] = symbols[i];
		else if (symbols[i].rank > symbols[kept].rank)
			symbols[kept] = symbols[i];
	}
	table->count = kept + 1;
	symbols = realloc(symbols, table->count * sizeof(*symbols));
	if (symbols)
		table->symbols = symbols;
	names = realloc(table->names, table->names_size);
	if (names)
		table->names = names;
}

static int read_table(int fd, uint64_t near, struct kernel_names_table **ret)
{
	CLEANUP(cleanup_table) struct kernel_names_table *table = calloc(1, sizeof(*table));
	uint16_t builtin;
	int err;

	if (!table)
		return -ENOMEM;
	table->near = near;
	table->is_sorted = true;
	table->hidden = true;
	err = add_module(table, "kernel", strlen("kernel"), &builtin);
	if (err < 0)
		return err;
	err = read_all(table, fd);
	if (err < 0)
		return err;
	if (!table->count)
		return -EINVAL;
	finish(table);
	*ret = TAKE(table);
	return 0;
}

int kernel_names_read(int fd, struct kernel_names_table **ret)
{
	return read_table(fd, 0, ret);
}

int kernel_names_read_near(int fd, uint64_t address, struct kernel_names_table **ret)
{
	return address ? read_table(fd, address, ret) : -EINVAL;
}

/* The first address of text that is not 0, or 0; *ret_any: there are some, be they 0. */
static uint64_t first_address(const char *text, const char *end, bool *ret_any)
{
	const char *line_end;

	*ret_any = false;
	for (; (line_end = memchr(text, '\n', (size_t)(end - text))); text = line_end + 1) {
		uint64_t address;
		const char *at;

		if (!parse_address(text, line_end, &at, &address))
			continue;
		*ret_any = true;
		if (address)
			return address;
	}
	return 0;
}

int kernel_names_peek(int fd, bool *ret_hidden)
{
	CLEANUP(cleanup_free) char *buffer = malloc(BUFFER_SIZE);
	size_t held = 0;
	bool any = false;

	if (!buffer)
		return -ENOMEM;
	while (held < BUFFER_SIZE) {
		size_t room = BUFFER_SIZE - held;
		ssize_t n = read(fd, buffer + held, room < PEEK_SIZE ? room : PEEK_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		held += (size_t)n;
		if (first_address(buffer, buffer + held, &any)) {
			*ret_hidden = false;
			return 0;
		}
	}
	if (!any)
		return -EINVAL;
	*ret_hidden = true;
	return 0;
}

bool kernel_names_hidden(const struct kernel_names_table *table)
{
	return table->hidden;
}

static bool covers(const struct kernel_names_table *table, size_t i, uint64_t address)
{
	const struct kernel_symbol *symbol = &table->symbols[i];

	if (symbol->module == BUILTIN_MODULE && symbol->address >= table->text_start &&
	    symbol->address < table->text_end)
		return address < table->text_end;
	return address - symbol->address < OUTLIER_SIZE_MAX;
}

const char *kernel_names_find(const struct kernel_names_table *table, uint64_t address,
			      const char **ret_module)
{
	size_t low = 0, high = table->count;

	if (table->hidden)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !covers(table, low - 1, address))
		return NULL;
	*ret_module = table->names + table->modules[table->symbols[low - 1].module];
	return table->names + table->symbols[low - 1].name;
}
