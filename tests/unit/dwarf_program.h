/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs for the tests of symbolize/dwarf_*: compiled in a directory of their own when a test
 * runs, by whatever compilers there are. They mark places with labels, by which tests ask.
 */
#ifndef EPROF_TESTS_UNIT_DWARF_PROGRAM_H
#define EPROF_TESTS_UNIT_DWARF_PROGRAM_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolize/dwarf_names.h"

#define CHAIN_MAX 16

struct dwarf_program {
	char directory[64];
	char chain[4096];
	struct dwarf_names *names;
	struct dwarf_stats stats; /* of the last one that was closed */
};

/* A label that others see, in a line of its own. */
#define HERE_MACRO                                                                                 \
	"#define HERE(name) __asm__ volatile(\".globl \" #name \"\\n\" #name \": nop\")\n"

static inline int program_set_up(void **state)
{
	struct dwarf_program *program = calloc(1, sizeof(*program));

	assert_non_null(program);
	(void)snprintf(program->directory, sizeof(program->directory), "/tmp/eprof-dwarf-XXXXXX");
	assert_non_null(mkdtemp(program->directory));
	*state = program;
	return 0;
}

static inline int program_remove(const char *path, const struct stat *status, int type,
				 struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

static inline int program_tear_down(void **state)
{
	struct dwarf_program *program = *state;

	dwarf_names_free(program->names);
	(void)nftw(program->directory, program_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(program);
	return 0;
}

static inline void program_write(struct dwarf_program *program, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", program->directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* True when the program NAME is installed. */
static inline bool program_has(const char *name)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
	return system(command) == 0;
}

/* Runs a command of the shell in the directory; true when it succeeds. */
__attribute__((format(printf, 2, 3))) static inline bool program_try(struct dwarf_program *program,
								     const char *format, ...)
{
	char command[2048];
	int length =
		snprintf(command, sizeof(command), "cd %s && exec >log 2>&1\n", program->directory);
	va_list arguments;

	va_start(arguments, format);
	length += vsnprintf(command + length, sizeof(command) - (size_t)length, format, arguments);
	va_end(arguments);
	assert_in_range(length, 1, sizeof(command) - 1);
	return system(command) == 0;
}

#define program_run(program, ...)                                                                  \
	do {                                                                                       \
		if (!program_try(program, __VA_ARGS__))                                            \
			fail_msg("failed: %s; see %s/log", #__VA_ARGS__, (program)->directory);    \
	} while (0)

static inline int program_fd(const struct dwarf_program *program, const char *name)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", program->directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void program_close(struct dwarf_program *program)
{
	dwarf_names_stats(program->names, &program->stats);
	dwarf_names_free(program->names);
	program->names = NULL;
}

static inline void program_open_with(struct dwarf_program *program, const char *name,
				     const struct dwarf_options *options)
{
	if (program->names)
		program_close(program);
	assert_int_equal(dwarf_names_open(program_fd(program, name), options, &program->names), 0);
}

static inline void program_open(struct dwarf_program *program, const char *name)
{
	program_open_with(program, name, NULL);
}

/* The address of a label in a file. */
static inline uint64_t program_address(struct dwarf_program *program, const char *name,
				       const char *label)
{
	char command[256], line[256], symbol[128] = "";
	uint64_t address = 0;
	bool is_found = false;
	FILE *pipe;

	(void)snprintf(command, sizeof(command), "nm %s/%s", program->directory, name);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		uint64_t value;

		if (sscanf(line, "%" SCNx64 " %*c %127s", &value, symbol) == 2 &&
		    strcmp(symbol, label) == 0) {
			address = value;
			is_found = true;
		}
	}
	(void)pclose(pipe);
	if (!is_found)
		fail_msg("%s has no %s", name, label);
	return address;
}

/* "inner a.c:1 < outer a.c:2": who is at the address; "" nobody. ? is what is not known. */
static inline const char *program_chain_at(struct dwarf_program *program, uint64_t address)
{
	struct dwarf_frame frames[CHAIN_MAX];
	size_t count = dwarf_names_find(program->names, address, frames, CHAIN_MAX);
	size_t used = 0;

	program->chain[0] = 0;
	for (size_t i = 0; i < count; i++) {
		const char *file = frames[i].file ? frames[i].file : "?";
		const char *slash = strrchr(file, '/');

		assert_int_equal(frames[i].is_inlined, i + 1 < count);
		used += (size_t)snprintf(program->chain + used, sizeof(program->chain) - used,
					 "%s%s %s:%" PRIu32, i ? " < " : "",
					 frames[i].name ? frames[i].name : "?",
					 slash ? slash + 1 : file, frames[i].line);
		assert_in_range(used, 1, sizeof(program->chain) - 1);
	}
	return program->chain;
}

static inline const char *program_chain(struct dwarf_program *program, const char *name,
					const char *label)
{
	return program_chain_at(program, program_address(program, name, label));
}

static inline uint64_t program_refused(struct dwarf_program *program, enum dwarf_refusal why)
{
	struct dwarf_stats stats;

	dwarf_names_stats(program->names, &stats);
	return stats.refused[why];
}

#define WITH_PROGRAM(test) cmocka_unit_test_setup_teardown(test, program_set_up, program_tear_down)

#endif
