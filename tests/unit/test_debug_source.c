/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_source.h"

#include "tests/unit/debug_source_fixture.h"

static void the_file_itself_may_have_all(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "full.debug", "inner");
	assert_found(fixture, "full", DEBUG_IN_FILE, DEBUG_IN_FILE);
	assert_found(fixture, "nameless", DEBUG_IN_FILE, DEBUG_IN_FILE);
}

static void what_is_nowhere_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files = find(fixture, "full.stripped");

	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	assert_int_equal(files.symbols.fd, -1);
	assert_null(files.error);
	debug_files_done(&files);
}

static void a_debug_file_is_found_by_build_id_in_any_root(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "full.debug", "outer");
	assert_found(fixture, "full.stripped", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
	fixture->search.root_count = 1;
	assert_found(fixture, "full.stripped", DEBUG_NONE, DEBUG_NONE);
	install(fixture, "full.debug", "inner");
	assert_found(fixture, "full.stripped", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void symbols_and_dwarf_may_come_from_two_places(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "objcopy --strip-debug full symbols_only");
	install(fixture, "full.debug", "inner");
	assert_found(fixture, "symbols_only", DEBUG_IN_FILE, DEBUG_BUILD_ID);
	fixture->search.wants_dwarf = false;
	assert_found(fixture, "symbols_only", DEBUG_IN_FILE, DEBUG_NONE);
}

static void a_debug_file_of_another_build_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;

	install(fixture, "other.debug", "inner");
	files = find(fixture, "full.stripped");
	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	assert_non_null(strstr(files.error, "not of this build"));
	debug_files_done(&files);
	/* The next root may have the right one. */
	install(fixture, "full.debug", "outer");
	assert_found(fixture, "full.stripped", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void a_debug_link_is_followed_to_its_three_places(void **state)
{
	static const char *const places[] = { "/opt/app", "/opt/app/.debug",
					      DEBUG_DIRECTORY "/opt/app" };
	struct fixture *fixture = *state;

	run(fixture,
	    "objcopy --add-gnu-debuglink=nameless.debug nameless.stripped nameless.linked");
	assert_found(fixture, "nameless.linked", DEBUG_NONE, DEBUG_NONE);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		run(fixture, "cp nameless.debug inner%s/", places[i]);
		assert_found(fixture, "nameless.linked", DEBUG_LINK, DEBUG_LINK);
		run(fixture, "rm inner%s/nameless.debug", places[i]);
	}
	run(fixture, "cp nameless.debug outer/opt/app/");
	assert_found(fixture, "nameless.linked", DEBUG_LINK, DEBUG_LINK);
	/* A name that is known to be no path. */
	fixture->module.path = "[vdso]";
	assert_found(fixture, "nameless.linked", DEBUG_NONE, DEBUG_NONE);
	fixture->module.path = NULL;
	assert_found(fixture, "nameless.linked", DEBUG_NONE, DEBUG_NONE);
}

static void a_debug_link_with_another_crc_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;

	run(fixture, "objcopy --add-gnu-debuglink=nameless.debug nameless.stripped nameless.linked;"
		     "cp nameless.debug inner/opt/app/; printf x >>inner/opt/app/nameless.debug");
	files = find(fixture, "nameless.linked");
	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	assert_non_null(strstr(files.error, "CRC"));
	debug_files_done(&files);
	run(fixture, "cp nameless.debug inner/opt/app/.debug/");
	assert_found(fixture, "nameless.linked", DEBUG_LINK, DEBUG_LINK);
}

static void a_debug_link_to_another_build_is_refused(void **state)
{
	struct fixture *fixture = *state;

	/* Its CRC is right. */
	run(fixture, "objcopy --add-gnu-debuglink=other.debug full.stripped linked;"
		     "cp other.debug inner/opt/app/");
	assert_found(fixture, "linked", DEBUG_NONE, DEBUG_NONE);
	run(fixture, "objcopy --add-gnu-debuglink=full.debug full.stripped linked;"
		     "cp full.debug inner/opt/app/");
	assert_found(fixture, "linked", DEBUG_LINK, DEBUG_LINK);
	/* The build id comes first. */
	install(fixture, "full.debug", "outer");
	assert_found(fixture, "linked", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void a_fifo_in_the_place_of_a_debug_file_does_not_block(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "objcopy --add-gnu-debuglink=full.debug full.stripped linked;"
		     "mkfifo inner/opt/app/full.debug");
	run(fixture,
	    "mkdir -p inner" DEBUG_DIRECTORY "/.build-id/%.2s;"
	    "mkfifo inner" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug",
	    fixture->hex, fixture->hex, fixture->hex + 2);
	assert_found(fixture, "linked", DEBUG_NONE, DEBUG_NONE);
}

static void links_lead_to_what_is_inside_of_the_root(void **state)
{
	struct fixture *fixture = *state;

	run(fixture,
	    "mkdir -p inner" DEBUG_DIRECTORY "/.build-id/%.2s; cp full.debug elsewhere;"
	    "ln -s /elsewhere inner" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug",
	    fixture->hex, fixture->hex, fixture->hex + 2);
	assert_found(fixture, "full.stripped", DEBUG_NONE, DEBUG_NONE);
	run(fixture, "mv elsewhere inner/");
	assert_found(fixture, "full.stripped", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

/* Whether a program's functions have this name where one is needed. */
static bool is_named(const struct fixture *fixture, const char *file, const char *name)
{
	struct symbolizer *symbolizer;
	struct module *module;
	struct frame frame;
	bool found = false;

	assert_int_equal(symbolizer_new(&symbolizer), 0);
	assert_int_equal(symbolizer_add_file(symbolizer, open_file(fixture, file, O_RDONLY),
					     PROGRAM_PATH, -1, &module),
			 0);
	for (uint64_t offset = 0; offset < 0x4000 && !found; offset++)
		found = symbolize_user(symbolizer, module, offset, &frame, 1) == 1 &&
			strcmp(frame.name, name) == 0;
	symbolizer_free(symbolizer);
	return found;
}

static void mini_debug_information_has_names(void **state)
{
	struct fixture *fixture = *state;

	add_mini(fixture, "full");
	assert_found(fixture, "full.mini", DEBUG_MINI, DEBUG_NONE);
	assert_false(is_named(fixture, "full.stripped", "only_in_symtab"));
	assert_true(is_named(fixture, "full.mini", "only_in_symtab"));
	/* More than that is not taken from there. */
	run(fixture, "xz -c full.debug >whole;"
		     "objcopy --add-section .gnu_debugdata=whole full.stripped whole.mini");
	assert_found(fixture, "whole.mini", DEBUG_MINI, DEBUG_NONE);
	/* A debug file has more. */
	install(fixture, "full.debug", "outer");
	assert_found(fixture, "full.mini", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void damaged_mini_debug_information_is_none(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;

	run(fixture, "xz -c full.debug | head -c 1000 >cut;"
		     "objcopy --add-section .gnu_debugdata=cut full.stripped cut.mini;"
		     "echo no ELF file | xz -c >text;"
		     "objcopy --add-section .gnu_debugdata=text full.stripped text.mini;"
		     "head -c 80M /dev/zero | xz -0 -c >bomb;"
		     "objcopy --add-section .gnu_debugdata=bomb full.stripped bomb.mini");
	assert_found(fixture, "cut.mini", DEBUG_NONE, DEBUG_NONE);
	assert_found(fixture, "text.mini", DEBUG_NONE, DEBUG_NONE);
	files = find(fixture, "bomb.mini");
	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	assert_non_null(strstr(files.error, ".gnu_debugdata"));
	debug_files_done(&files);
}

static void symfs_comes_before_the_file_itself(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "mkdir -p symfs/opt/app; cp full symfs" PROGRAM_PATH);
	fixture->search.symfs = open_file(fixture, "symfs", O_PATH);
	assert_found(fixture, "full.stripped", DEBUG_SYMFS, DEBUG_SYMFS);
	assert_found(fixture, "full", DEBUG_SYMFS, DEBUG_SYMFS);
	run(fixture, "cp other symfs" PROGRAM_PATH);
	assert_found(fixture, "full.stripped", DEBUG_NONE, DEBUG_NONE);
	assert_found(fixture, "full", DEBUG_IN_FILE, DEBUG_IN_FILE);
	/* Debug files are looked for there, too. */
	install(fixture, "full.debug", "symfs");
	assert_found(fixture, "full.stripped", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void change_owner(const struct fixture *fixture, const char *name, uid_t owner)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	assert_int_equal(chown(path, owner, (gid_t)-1), 0);
}

/* Whoever has a mount namespace can lay our programs beside debug files of their own. */
static void a_debug_file_of_somebody_else_is_refused(void **state)
{
	enum { SOMEBODY = 12345, OWNER = 12346 };
	struct fixture *fixture = *state;
	struct debug_files files;
	char name[128];

	if (geteuid() != 0)
		skip();
	run(fixture, "objcopy --add-gnu-debuglink=full.debug full.stripped linked");
	run(fixture, "cp full.debug inner/opt/app/");
	install(fixture, "full.debug", "inner");
	(void)snprintf(name, sizeof(name), "inner" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug",
		       fixture->hex, fixture->hex + 2);
	change_owner(fixture, name, SOMEBODY);
	change_owner(fixture, "inner/opt/app/full.debug", SOMEBODY);
	files = find(fixture, "linked");
	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	assert_non_null(strstr(files.error, "neither root's nor of the binary's owner"));
	debug_files_done(&files);
	/* That of the binary's owner may say what the binary itself might. */
	fixture->status.st_uid = SOMEBODY;
	assert_found(fixture, "linked", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
	fixture->status.st_uid = OWNER;
	assert_found(fixture, "linked", DEBUG_NONE, DEBUG_NONE);
	change_owner(fixture, name, 0);
	assert_found(fixture, "linked", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
	run(fixture, "chmod a+w %s", name);
	assert_found(fixture, "linked", DEBUG_NONE, DEBUG_NONE);
	fixture->status.st_mode |= S_IWOTH;
	assert_found(fixture, "linked", DEBUG_BUILD_ID, DEBUG_BUILD_ID);
}

static void what_is_below_symfs_is_the_users_choice(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	run(fixture, "mkdir -p symfs/opt/app; cp full symfs" PROGRAM_PATH);
	change_owner(fixture, "symfs" PROGRAM_PATH, 12345);
	fixture->search.symfs = open_file(fixture, "symfs", O_PATH);
	assert_found(fixture, "full.stripped", DEBUG_SYMFS, DEBUG_SYMFS);
}

/* A directory of links to one large file would be read for hours. */
static void linked_files_are_read_once_and_within_a_budget(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;
	uint64_t size, left;
	struct stat status;

	run(fixture, "objcopy --add-gnu-debuglink=nameless.debug nameless.stripped nameless.linked;"
		     "cp nameless.debug inner/opt/app/;"
		     "ln inner/opt/app/nameless.debug inner" DEBUG_DIRECTORY "/opt/app/");
	assert_int_equal(fstatat(fixture->roots[0], "opt/app/nameless.debug", &status, 0), 0);
	size = (uint64_t)status.st_size;
	left = fixture->crcs.bytes_left;
	for (int i = 0; i < 100; i++)
		assert_found(fixture, "nameless.linked", DEBUG_LINK, DEBUG_LINK);
	assert_int_equal(fixture->crcs.bytes_left, left - size);
	/* The same size, other bytes: another file. */
	run(fixture, "printf xxxx | dd of=inner/opt/app/nameless.debug bs=1 seek=8 conv=notrunc "
		     "status=none");
	assert_found(fixture, "nameless.linked", DEBUG_NONE, DEBUG_NONE);
	assert_int_equal(fixture->crcs.bytes_left, left - 2 * size);
	fixture->crcs.bytes_left = size - 1;
	run(fixture, "cp nameless.debug inner/opt/app/.debug/");
	files = find(fixture, "nameless.linked");
	assert_int_equal(files.symbols.kind, DEBUG_NONE);
	debug_files_done(&files);
	assert_int_equal(fixture->crcs.bytes_left, size - 1);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = 0; kind < DEBUG_SOURCE_KINDS; kind++)
		assert_non_null(debug_source_name((enum debug_source_kind)kind));
	assert_string_equal(debug_source_name(DEBUG_BUILD_ID), "build_id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_itself_may_have_all),
		TEST(what_is_nowhere_is_none),
		TEST(a_debug_file_is_found_by_build_id_in_any_root),
		TEST(symbols_and_dwarf_may_come_from_two_places),
		TEST(a_debug_file_of_another_build_is_refused),
		TEST(a_debug_link_is_followed_to_its_three_places),
		TEST(a_debug_link_with_another_crc_is_refused),
		TEST(a_debug_link_to_another_build_is_refused),
		TEST(a_fifo_in_the_place_of_a_debug_file_does_not_block),
		TEST(links_lead_to_what_is_inside_of_the_root),
		TEST(mini_debug_information_has_names),
		TEST(damaged_mini_debug_information_is_none),
		TEST(symfs_comes_before_the_file_itself),
		TEST(a_debug_file_of_somebody_else_is_refused),
		TEST(what_is_below_symfs_is_the_users_choice),
		TEST(linked_files_are_read_once_and_within_a_budget),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
