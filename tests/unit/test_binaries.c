/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/binaries.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Binaries, an empty directory to make files in, and the build id of this test. */
struct fixture {
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct build_id own_id;
	char directory[64];
	char path[PATH_MAX];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	*state = fixture;
	if (!fixture || symbolizer_new(&fixture->symbolizer) < 0 ||
	    binaries_new(fixture->symbolizer, NULL, &fixture->binaries) < 0 ||
	    build_id_read(fd, &fixture->own_id) < 0)
		return -1;
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%s",
		       "/tmp/eprof-test-binaries-XXXXXX");
	return close(fd) < 0 || !mkdtemp(fixture->directory) ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->directory);
	free(fixture);
	return system(command) ? -1 : 0;
}

/* The path of a file in the directory; lives until the next call. */
static const char *in_directory(struct fixture *fixture, const char *name)
{
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->directory, name);
	return fixture->path;
}

static void copy_own_program(const char *path)
{
	char command[PATH_MAX + 32];

	(void)snprintf(command, sizeof(command), "cp /proc/%d/exe '%s'", (int)getpid(), path);
	assert_int_equal(system(command), 0);
}

static struct binary *find(struct fixture *fixture, const struct mapping_source *source)
{
	struct binary *binary = NULL;

	assert_int_equal(binaries_find(fixture->binaries, source, &binary), 0);
	assert_non_null(binary);
	return binary;
}

/* What a path alone says, as if of a process that is gone. */
static struct binary *find_path(struct fixture *fixture, const char *path)
{
	return find(fixture, &(struct mapping_source){ .path = path, .end = 4096 });
}

static void check_kind(struct fixture *fixture, const char *path, enum binary_kind kind)
{
	assert_int_equal(find_path(fixture, path)->kind, kind);
}

static void kinds_are_told_by_the_path(void **state)
{
	check_kind(*state, "/nonexistent/a.so", BINARY_FILE);
	check_kind(*state, "/memfd:jit (deleted)", BINARY_FILE);
	check_kind(*state, "", BINARY_ANONYMOUS);
	check_kind(*state, "//anon", BINARY_ANONYMOUS);
	check_kind(*state, "[anon:jit]", BINARY_ANONYMOUS);
	check_kind(*state, "[uprobes]", BINARY_SPECIAL);
	check_kind(*state, "[vsyscall]", BINARY_SPECIAL);
	check_kind(*state, "[vdso]", BINARY_VDSO);
}

static void names_are_base_names_without_deleted(void **state)
{
	assert_string_equal(find_path(*state, "/nonexistent/a.so.1")->name, "a.so.1");
	assert_string_equal(find_path(*state, "/nonexistent/b.so (deleted)")->name, "b.so");
	assert_string_equal(find_path(*state, "/nonexistent/my file")->name, "my file");
	assert_string_equal(find_path(*state, "/nonexistent/ (deleted)")->name, " (deleted)");
	assert_string_equal(find_path(*state, "[uprobes]")->name, "[uprobes]");
	assert_string_equal(find_path(*state, "[vdso]")->name, "[vdso]");
}

static void the_vdso_is_our_own(void **state)
{
	uint64_t start = getauxval(AT_SYSINFO_EHDR);
	struct binary *binary;

	if (!start)
		skip();
	binary = find(*state, &(struct mapping_source){
				      .path = "[vdso]", .start = start, .end = start + 4096 });
	assert_non_null(binary->module);
	assert_string_equal(module_name(binary->module), "[vdso]");
}

static void a_file_is_opened_once(void **state)
{
	struct binary *first, *other;

	copy_own_program(in_directory(*state, "a"));
	first = find_path(*state, in_directory(*state, "a"));
	assert_non_null(first->module);
	assert_ptr_equal(find_path(*state, in_directory(*state, "a")), first);
	other = find_path(*state, in_directory(*state, "b"));
	assert_ptr_not_equal(other, first);
	assert_null(other->module);
}

static void one_build_id_is_one_module_wherever_it_lies(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .build_id = &fixture->own_id };
	struct binary *binary;

	copy_own_program(in_directory(fixture, "a"));
	copy_own_program(in_directory(fixture, "b"));
	source.path = in_directory(fixture, "a");
	binary = find(fixture, &source);
	assert_non_null(binary->module);
	assert_ptr_equal(find(fixture, &source), binary);
	source.path = in_directory(fixture, "b");
	assert_ptr_equal(find(fixture, &source)->module, binary->module);
	assert_ptr_equal(find(fixture, &source), find(fixture, &source));
	/* Without the id in the record it is another binary, but the same module. */
	source.build_id = NULL;
	assert_ptr_not_equal(find(fixture, &source), binary);
	assert_ptr_equal(find(fixture, &source)->module, binary->module);
}

static void a_strangers_file_with_a_known_build_id_is_not_that_file(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .build_id = &fixture->own_id };
	struct module *strangers;
	char command[PATH_MAX + 32];

	copy_own_program(in_directory(fixture, "a"));
	(void)snprintf(command, sizeof(command), "echo more >>'%s'", fixture->path);
	assert_int_equal(system(command), 0);
	source.path = fixture->path;
	strangers = find(fixture, &source)->module;
	assert_non_null(strangers);
	copy_own_program(in_directory(fixture, "b"));
	source.path = fixture->path;
	assert_non_null(find(fixture, &source)->module);
	assert_ptr_not_equal(find(fixture, &source)->module, strangers);
	source.path = in_directory(fixture, "a");
	assert_ptr_equal(find(fixture, &source)->module, strangers);
}

static void who_knows_no_more_than_the_build_id_gets_the_first(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .build_id = &fixture->own_id };
	struct binary *first;

	copy_own_program(in_directory(fixture, "a"));
	source.path = fixture->path;
	first = find(fixture, &source);
	copy_own_program(in_directory(fixture, "b"));
	(void)find(fixture, &source);
	source.path = "/nonexistent/c";
	assert_ptr_equal(find(fixture, &source), first);
}

/* A process had another root, and is gone: what is under its path here has another id. */
static void another_file_under_its_name_is_not_its_place(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .build_id = &fixture->own_id };
	struct binary *first;
	FILE *file;

	copy_own_program(in_directory(fixture, "a"));
	source.path = fixture->path;
	first = find(fixture, &source);
	assert_non_null(first->module);
	file = fopen(in_directory(fixture, "b"), "w");
	assert_non_null(file);
	assert_true(fputs("another program", file) >= 0);
	assert_int_equal(fclose(file), 0);
	source.path = fixture->path;
	assert_ptr_equal(find(fixture, &source), first);
	/* Where the id is the same, it is. */
	copy_own_program(in_directory(fixture, "b"));
	assert_ptr_not_equal(find(fixture, &source), first);
	assert_ptr_equal(find(fixture, &source), find(fixture, &source));
}

static void a_file_replaced_under_its_name_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	struct build_id other_id = fixture->own_id;
	struct mapping_source source = { .build_id = &other_id };
	struct stat st;

	copy_own_program(in_directory(fixture, "a"));
	source.path = fixture->path;
	assert_int_equal(stat(fixture->path, &st), 0);
	other_id.bytes[0] ^= 1;
	assert_null(find(fixture, &source)->module);
	source.build_id = NULL;
	source.inode = st.st_ino + 1;
	assert_null(find(fixture, &source)->module);
	source.inode = st.st_ino;
	assert_non_null(find(fixture, &source)->module);
}

static void a_deleted_file_is_opened_through_its_mapping(void **state)
{
	struct fixture *fixture = *state;
	char link[64], path[PATH_MAX];
	struct mapping_source source = { .pid = (int32_t)getpid(), .path = path };
	void *map;
	int fd;

	copy_own_program(in_directory(fixture, "a"));
	fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(map != MAP_FAILED);
	(void)close(fd);
	assert_int_equal(unlink(fixture->path), 0);
	(void)snprintf(path, sizeof(path), "%s/a (deleted)", fixture->directory);
	source.start = (uint64_t)map;
	source.end = source.start + 4096;
	(void)snprintf(link, sizeof(link), "/proc/self/map_files/%lx-%lx", source.start,
		       source.end);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		skip(); /* needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE */
	assert_true(fd >= 0);
	(void)close(fd);
	assert_non_null(find(fixture, &source)->module);
	assert_string_equal(find(fixture, &source)->name, "a");
	assert_int_equal(munmap(map, 4096), 0);
}

static void what_is_no_regular_file_does_not_hang(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkfifo(in_directory(fixture, "fifo"), 0600), 0);
	assert_null(find_path(fixture, fixture->path)->module);
	assert_null(find_path(fixture, fixture->directory)->module);
	assert_null(find_path(fixture, "/dev/tty")->module);
	assert_null(find_path(fixture, "/dev/zero")->module);
}

static void what_is_no_program_is_no_error(void **state)
{
	FILE *file = fopen(in_directory(*state, "text"), "w");

	assert_non_null(file);
	assert_true(fputs("not an ELF file", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_null(find_path(*state, in_directory(*state, "text"))->module);
}

static void a_hidden_file_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .build_id = &fixture->own_id };
	struct binary *binary;

	source.path = in_directory(fixture, "later");
	binary = find(fixture, &source);
	assert_null(binary->module);
	copy_own_program(fixture->path);
	assert_ptr_equal(find(fixture, &source), binary);
	assert_non_null(binary->module);
}

static void only_sampled_files_count_as_unopened(void **state)
{
	struct fixture *fixture = *state;

	copy_own_program(in_directory(fixture, "a"));
	find_path(fixture, fixture->path)->is_sampled = true;
	find_path(fixture, "//anon")->is_sampled = true;
	find_path(fixture, "[uprobes]")->is_sampled = true;
	(void)find_path(fixture, "/nonexistent/a");
	assert_true(binaries_unopened(fixture->binaries) == 0);
	find_path(fixture, "/nonexistent/b")->is_sampled = true;
	find_path(fixture, "/nonexistent/c")->is_sampled = true;
	assert_true(binaries_unopened(fixture->binaries) == 2);
}

/* A new file of the same path, number and length; its times are others. */
static void write_again(const char *path, time_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void a_file_without_a_build_id_is_opened_again_when_it_has_changed(void **state)
{
	struct fixture *fixture = *state;
	struct mapping_source source = { .end = 4096 };
	struct binary *before, *after;

	copy_own_program(in_directory(fixture, "a"));
	source.path = fixture->path;
	before = find(fixture, &source);
	source.is_new = true;
	assert_ptr_equal(find(fixture, &source), before);
	write_again(fixture->path, 1);
	source.is_new = false; /* it was mapped before it changed */
	assert_ptr_equal(find(fixture, &source), before);
	source.is_new = true;
	after = find(fixture, &source);
	assert_ptr_not_equal(after, before);
	assert_non_null(after->module);
	assert_ptr_equal(find(fixture, &source), after);
	/* With a build id it is what that says. */
	source.build_id = &fixture->own_id;
	before = find(fixture, &source);
	write_again(in_directory(fixture, "a"), 2);
	assert_ptr_equal(find(fixture, &source), before);
}

static void only_sampled_files_count_as_rewritten(void **state)
{
	struct fixture *fixture = *state;
	struct binary *binary;
	struct frame frame;

	copy_own_program(in_directory(fixture, "a"));
	binary = find_path(fixture, fixture->path);
	assert_int_equal(truncate(fixture->path, 0), 0);
	assert_int_equal(symbolize_user(fixture->symbolizer, binary->module, 0, &frame, 1), 0);
	assert_true(binaries_rewritten(fixture->binaries) == 0);
	binary->is_sampled = true;
	assert_true(binaries_rewritten(fixture->binaries) == 1);
	assert_true(binaries_unopened(fixture->binaries) == 0);
}

static void many_binaries_stay_where_they_are(void **state)
{
	struct binary *binaries[300];
	char path[64];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(path, sizeof(path), "/nonexistent/%d", i);
		binaries[i] = find_path(*state, path);
	}
	for (int i = 0; i < 300; i++) {
		(void)snprintf(path, sizeof(path), "/nonexistent/%d", i);
		assert_ptr_equal(find_path(*state, path), binaries[i]);
		assert_string_equal(binaries[i]->name, path + strlen("/nonexistent/"));
	}
}

static void there_is_a_limit_and_it_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct build_id id = { .size = BUILD_ID_SIZE_MAX };
	struct mapping_source source = { .path = "/nonexistent/a", .build_id = &id };
	struct binary *first = find(fixture, &source), *binary = NULL;
	uint32_t count = 0;
	int err;

	do { /* any number of files that nobody has */
		count++;
		memcpy(id.bytes, &count, sizeof(count));
		err = binaries_find(fixture->binaries, &source, &binary);
	} while (!err && count < 1000000);
	assert_int_equal(err, -E2BIG);
	assert_in_range(count, 1000, 100000);
	assert_int_equal(binaries_find(fixture->binaries, &source, &binary), -E2BIG);
	assert_true(binaries_dropped(fixture->binaries) == 2);
	memset(id.bytes, 0, sizeof(id.bytes));
	assert_ptr_equal(find(fixture, &source), first); /* those that are known stay */
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(kinds_are_told_by_the_path),
		WITH_FILES(names_are_base_names_without_deleted),
		WITH_FILES(the_vdso_is_our_own),
		WITH_FILES(a_file_is_opened_once),
		WITH_FILES(one_build_id_is_one_module_wherever_it_lies),
		WITH_FILES(a_strangers_file_with_a_known_build_id_is_not_that_file),
		WITH_FILES(who_knows_no_more_than_the_build_id_gets_the_first),
		WITH_FILES(another_file_under_its_name_is_not_its_place),
		WITH_FILES(a_file_replaced_under_its_name_is_not_taken),
		WITH_FILES(a_deleted_file_is_opened_through_its_mapping),
		WITH_FILES(what_is_no_regular_file_does_not_hang),
		WITH_FILES(what_is_no_program_is_no_error),
		WITH_FILES(a_hidden_file_is_tried_again),
		WITH_FILES(only_sampled_files_count_as_unopened),
		WITH_FILES(a_file_without_a_build_id_is_opened_again_when_it_has_changed),
		WITH_FILES(only_sampled_files_count_as_rewritten),
		WITH_FILES(many_binaries_stay_where_they_are),
		WITH_FILES(there_is_a_limit_and_it_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
