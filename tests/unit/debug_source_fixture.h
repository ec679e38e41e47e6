/* SPDX-License-Identifier: Apache-2.0 */
/* Programs are compiled, split and linked by the tools that people use for it: gcc and binutils. */
#ifndef EPROF_TESTS_UNIT_DEBUG_SOURCE_FIXTURE_H
#define EPROF_TESTS_UNIT_DEBUG_SOURCE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolize/debug_source.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define PROGRAM_PATH    "/opt/app/program"

/*
 * In a directory of its own, where each test begins with these files:
 *
 *   full, nameless      a program with all its debug information; nameless has no build id
 *   *.debug, *.stripped what full, nameless and other (another build) are split into
 *   inner, outer        two roots, of which inner is asked first; in both there is /opt/app
 */
struct fixture {
	char base[32], directory[40]; /* base/test, made anew for each test */
	int roots[2];
	struct debug_search search;
	struct debug_module module;
	struct build_id id;
	char hex[2 * BUILD_ID_SIZE_MAX + 1];
	struct stat status; /* of full */
	struct link_crcs crcs;
	size_t open_files;
};

static const char prepare[] =
	"echo 'static __attribute__((noinline)) int only_in_symtab(int n) { return n * 3; }"
	" int main(int n, char **v) { (void)v; return only_in_symtab(n); }' >program.c;"
	"gcc -g -Wl,--build-id=sha1 program.c -o full;"
	"gcc -g -Wl,--build-id=none program.c -o nameless;"
	"gcc -g -DOTHER -O1 -Wl,--build-id=sha1 program.c -o other;"
	"for name in full nameless other; do"
	" objcopy --only-keep-debug $name $name.debug;"
	" objcopy --strip-all $name $name.stripped;"
	"done;"
	"mkdir -p inner/opt/app/.debug outer/opt/app inner" DEBUG_DIRECTORY "/opt/app"
	" outer" DEBUG_DIRECTORY "/.dwz outer" DEBUG_DIRECTORY "/.build-id";

/* Runs commands of a shell in the test's directory. */
static inline void run(const struct fixture *fixture, const char *format, ...)
{
	char commands[4096], line[8192];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(commands, sizeof(commands), format, arguments);
	va_end(arguments);
	(void)snprintf(line, sizeof(line), "set -e; cd '%s'; %s", fixture->directory, commands);
	assert_int_equal(system(line), 0);
}

static inline size_t count_open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	(void)closedir(directory);
	return count;
}

static inline int open_file(const struct fixture *fixture, const char *name, int flags)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void read_id(const struct fixture *fixture, const char *name, struct build_id *ret)
{
	int fd = open_file(fixture, name, O_RDONLY);

	assert_int_equal(build_id_read(fd, ret), 0);
	(void)close(fd);
}

static inline int set_up_group(void **state)
{
	static struct fixture fixture;

	(void)snprintf(fixture.base, sizeof(fixture.base), "/tmp/eprof-source-XXXXXX");
	assert_non_null(mkdtemp(fixture.base));
	(void)snprintf(fixture.directory, sizeof(fixture.directory), "%s", fixture.base);
	run(&fixture, "mkdir first; cd first; %s", prepare);
	(void)snprintf(fixture.directory, sizeof(fixture.directory), "%s/test", fixture.base);
	*state = &fixture;
	return 0;
}

static inline int tear_down_group(void **state)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", ((struct fixture *)*state)->base);
	return system(command);
}

static inline int set_up(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	fixture->open_files = count_open_files();
	(void)snprintf(command, sizeof(command), "cd '%s' && rm -rf test && cp -r first test",
		       fixture->base);
	assert_int_equal(system(command), 0);
	fixture->roots[0] = open_file(fixture, "inner", O_PATH);
	fixture->roots[1] = open_file(fixture, "outer", O_PATH);
	fixture->search = (struct debug_search){
		.symfs = -1,
		.roots = fixture->roots,
		.root_count = 2,
		.debug_directory = DEBUG_DIRECTORY,
		.wants_dwarf = true,
		.crcs = &fixture->crcs,
	};
	link_crcs_init(&fixture->crcs, LINK_CRC_BYTES_MAX);
	assert_int_equal(fstatat(fixture->roots[0], "../full", &fixture->status, 0), 0);
	read_id(fixture, "full", &fixture->id);
	for (size_t i = 0; i < fixture->id.size; i++)
		(void)snprintf(fixture->hex + 2 * i, 3, "%02x", fixture->id.bytes[i]);
	fixture->module = (struct debug_module){ -1, PROGRAM_PATH, &fixture->id, &fixture->status };
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	link_crcs_done(&fixture->crcs);
	(void)close(fixture->roots[0]);
	(void)close(fixture->roots[1]);
	if (fixture->search.symfs >= 0)
		(void)close(fixture->search.symfs);
	/* Nothing that was looked at stays open. */
	assert_int_equal(count_open_files(), fixture->open_files);
	return 0;
}

/* What is found for one of the files, without its build id when it has none. */
static inline struct debug_files find(struct fixture *fixture, const char *name)
{
	static const struct build_id none;
	struct debug_files files;

	fixture->module.fd = open_file(fixture, name, O_RDONLY);
	if (strstr(name, "nameless"))
		fixture->module.build_id = &none;
	assert_int_equal(debug_source_find(&fixture->search, &fixture->module, &files), 0);
	(void)close(fixture->module.fd);
	fixture->module.build_id = &fixture->id;
	return files;
}

static inline void assert_found(struct fixture *fixture, const char *name,
				enum debug_source_kind symbols, enum debug_source_kind dwarf)
{
	struct debug_files files = find(fixture, name);

	assert_int_equal(files.symbols.kind, symbols);
	assert_int_equal(files.dwarf.kind, dwarf);
	assert_int_equal(files.symbols.fd >= 0, symbols != DEBUG_NONE);
	assert_int_equal(files.dwarf.fd >= 0, dwarf != DEBUG_NONE);
	debug_files_done(&files);
}

/* Puts a file where the program's debug file is looked for by build id. */
static inline void install(const struct fixture *fixture, const char *name, const char *root)
{
	run(fixture, "mkdir -p %s" DEBUG_DIRECTORY "/.build-id/%.2s", root, fixture->hex);
	run(fixture, "cp %s %s" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", name, root,
	    fixture->hex, fixture->hex + 2);
}

/* The steps of gdb's manual, "MiniDebugInfo". */
static inline void add_mini(const struct fixture *fixture, const char *program)
{
	run(fixture,
	    "printf 'only_in_symtab\\nmain\\n' >keep;"
	    "objcopy -S --remove-section .comment --keep-symbols=keep %s.debug mini; xz -f mini;"
	    "objcopy --add-section .gnu_debugdata=mini.xz %s.stripped %s.mini",
	    program, program, program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
