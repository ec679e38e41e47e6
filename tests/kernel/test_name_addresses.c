/* SPDX-License-Identifier: Apache-2.0 */
/* Names asked of the running kernel are those that /proc/kallsyms lists. A skip without root. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/kernel_lookup.h"
#include "base/cleanup.h"

#define SKIPPED         77
#define FUNCTIONS_ASKED 2000
#define SYMBOLS_MAX     1000000
#define NOBODY          65534

struct symbol {
	uint64_t address;
	char type;
	char *name;
	const char *module;
};

struct symbols {
	struct symbol *all;
	size_t count;
};

struct run {
	struct kernel_lookup *lookup;
	struct symbols symbols;
	unsigned int failures;
};

static void fail(struct run *run, uint64_t address, const char *expected, const char *found)
{
	(void)fprintf(stderr, "0x%" PRIx64 ": expected '%s', not '%s'\n", address, expected, found);
	run->failures++;
}

static int compare(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

/* NAME or NAME\t[MODULE]. */
static void read_symbols(struct symbols *ret)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/kallsyms", "re");
	CLEANUP(cleanup_free) char *line = NULL;
	size_t size = 0;

	ret->count = 0;
	while (file && ret->count < SYMBOLS_MAX && getline(&line, &size, file) > 0) {
		struct symbol *symbol = &ret->all[ret->count];
		char *end, *module;

		line[strcspn(line, "\n")] = '\0';
		symbol->address = strtoull(line, &end, 16);
		symbol->type = end[1];
		symbol->name = strdup(end + 3);
		if (!symbol->name)
			abort();
		module = strstr(symbol->name, "\t[");
		symbol->module = module ? module + 2 : "kernel";
		if (module) {
			*module = '\0';
			module[strlen(module + 2) + 1] = '\0';
		}
		ret->count++;
	}
	qsort(ret->all, ret->count, sizeof(*ret->all), compare);
}

static void free_symbols(const struct symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++)
		free(symbols->all[i].name);
	free(symbols->all);
}

/* One of those at the address of symbol i has this name and module. */
static bool is_listed(const struct symbols *symbols, size_t i, const char *name, const char *module)
{
	uint64_t address = symbols->all[i].address;

	while (i > 0 && symbols->all[i - 1].address == address)
		i--;
	for (; i < symbols->count && symbols->all[i].address == address; i++) {
		if (!strcmp(symbols->all[i].name, name) && !strcmp(symbols->all[i].module, module))
			return true;
	}
	return false;
}

static void check_name(struct run *run, size_t i, uint64_t address)
{
	const char *name = "(none)", *module = "";
	int found = kernel_lookup_find(run->lookup, address, &name, &module);

	if (found != 1 || !is_listed(&run->symbols, i, name, module))
		fail(run, address, run->symbols.all[i].name, found < 0 ? strerror(-found) : name);
}

/* The last byte before the next symbol may be padding, the first one never is. */
static uint64_t middle(const struct symbols *symbols, size_t i)
{
	uint64_t address = symbols->all[i].address, next = address;

	for (size_t k = i; k < symbols->count && next == address; k++)
		next = symbols->all[k].address;
	return address + (next - address) / 2;
}

/* Pages of ftrace and kprobes are listed, but only there. */
static bool is_askable(const struct symbol *symbol)
{
	return strchr("tTwW", symbol->type) && strncmp(symbol->module, "__builtin__", 11) != 0;
}

static void check_functions(struct run *run)
{
	size_t step = run->symbols.count / FUNCTIONS_ASKED + 1, asked = 0, bpf = 0;

	for (size_t i = 0; i < run->symbols.count; i++) {
		const struct symbol *symbol = &run->symbols.all[i];
		bool is_bpf = !strcmp(symbol->module, "bpf");

		if (!is_askable(symbol) || (i % step && !is_bpf))
			continue;
		check_name(run, i, symbol->address);
		if (!strcmp(symbol->module, "kernel"))
			check_name(run, i, middle(&run->symbols, i));
		asked++;
		bpf += is_bpf;
	}
	(void)printf("%zu functions were asked for, %zu of them of BPF\n", asked, bpf);
	if (asked < FUNCTIONS_ASKED / 4)
		fail(run, 0, "many functions", "few");
}

static void check_nothing(struct run *run)
{
	static const uint64_t addresses[] = {
		0,
		16,
		0x400000,
		0x00007fffffffe000,
		0x8000000000000000,
		0xffffffffff000000,
		0xffffffffff600000, /* vsyscall, on x86-64 */
		0xffffffffff600fff,
		UINT64_MAX,
	};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const char *name = "an error", *module;

		if (kernel_lookup_find(run->lookup, addresses[i], &name, &module) != 0)
			fail(run, addresses[i], "(none)", name);
	}
}

/* In a child, which gives up its privileges. */
static void check_that_nobody_may_ask(struct run *run)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		struct kernel_lookup *lookup;
		const char *name, *module;
		int first, again;

		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0 || kernel_lookup_new(&lookup) < 0)
			_exit(EXIT_FAILURE);
		first = kernel_lookup_find(lookup, UINT64_MAX, &name, &module);
		again = kernel_lookup_find(lookup, UINT64_MAX, &name, &module);
		_exit(first < 0 && again == first ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		fail(run, 0, "no look-up for nobody", "one");
}

static int check(struct run *run)
{
	const char *name, *module;
	/* The first call loads the program, so that it is listed among the others. */
	int err = kernel_lookup_find(run->lookup, UINT64_MAX, &name, &module);

	if (err < 0)
		fail(run, UINT64_MAX, "(none)", strerror(-err));
	read_symbols(&run->symbols);
	if (!run->symbols.count || !run->symbols.all[run->symbols.count - 1].address) {
		(void)printf("the addresses of /proc/kallsyms are hidden\n");
		return SKIPPED;
	}
	check_functions(run);
	check_nothing(run);
	check_that_nobody_may_ask(run);
	return run->failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	struct run run = { .symbols = { .all = calloc(SYMBOLS_MAX, sizeof(struct symbol)) } };
	int status;

	if (geteuid() != 0) {
		(void)printf("only root may ask\n");
		status = SKIPPED;
	} else {
		status = run.symbols.all && kernel_lookup_new(&run.lookup) == 0 ? check(&run)
										: EXIT_FAILURE;
	}
	kernel_lookup_free(run.lookup);
	free_symbols(&run.symbols);
	return status;
}
