/* SPDX-License-Identifier: Apache-2.0 */
/* What dwz has moved out of debug files, and what debuginfod has sent. */
#include "symbolize/debug_source.h"

#include "tests/unit/debug_source_fixture.h"

/* Makes alt.debug: full.debug that refers to the build id of other as a file at path. */
static void add_alt_link(const struct fixture *fixture, const char *path)
{
	run(fixture,
	    "printf '%s\\0' >link; objcopy -O binary --set-section-flags .note.gnu.build-id=alloc"
	    " -j .note.gnu.build-id other id; tail -c 20 id >>link;"
	    "objcopy --add-section .gnu_debugaltlink=link full.debug alt.debug",
	    path);
	install(fixture, "alt.debug", "outer");
}

static void assert_alt_found(struct fixture *fixture, enum debug_source_kind kind)
{
	struct debug_files files = find(fixture, "full.stripped");
	struct build_id other;

	read_id(fixture, "other", &other);
	assert_int_equal(files.dwarf.kind, DEBUG_BUILD_ID);
	assert_int_equal(files.alt_id.size, other.size);
	assert_memory_equal(files.alt_id.bytes, other.bytes, other.size);
	assert_int_equal(files.alt.kind, kind);
	assert_int_equal(files.alt.fd >= 0, kind != DEBUG_NONE);
	debug_files_done(&files);
}

static void an_alt_link_is_followed_by_its_path(void **state)
{
	struct fixture *fixture = *state;

	add_alt_link(fixture, "/opt/app/common");
	assert_alt_found(fixture, DEBUG_NONE);
	run(fixture, "cp other.debug outer/opt/app/common");
	assert_alt_found(fixture, DEBUG_ALT_LINK);
	run(fixture, "cp full.debug outer/opt/app/common");
	assert_alt_found(fixture, DEBUG_NONE);
}

static void an_alt_link_is_relative_to_where_the_debug_file_really_is(void **state)
{
	struct fixture *fixture = *state;

	add_alt_link(fixture, "../common");
	/* As it is on the host: the real path begins at the last root. */
	(void)close(fixture->roots[0]);
	fixture->roots[0] = open("/", O_PATH | O_CLOEXEC);
	run(fixture,
	    "mkdir -p outer/real/deep; cd outer; cp ../other.debug real/common;"
	    "mv usr/lib/debug/.build-id/%.2s/%s.debug real/deep/x;"
	    "ln -s /real/deep/x usr/lib/debug/.build-id/%.2s/%s.debug",
	    fixture->hex, fixture->hex + 2, fixture->hex, fixture->hex + 2);
	assert_alt_found(fixture, DEBUG_ALT_LINK);
}

static void an_alt_link_is_followed_below_the_dwz_directory_and_by_build_id(void **state)
{
	struct fixture *fixture = *state;
	struct build_id other;
	char hex[2 * BUILD_ID_SIZE_MAX + 1] = "";

	add_alt_link(fixture, "../../../.dwz/family/common");
	run(fixture, "cd outer" DEBUG_DIRECTORY "/.dwz; mkdir family;"
		     "cp ../../../../../other.debug family/common");
	assert_alt_found(fixture, DEBUG_ALT_LINK);
	run(fixture, "rm -r outer" DEBUG_DIRECTORY "/.dwz/family");
	assert_alt_found(fixture, DEBUG_NONE);
	read_id(fixture, "other", &other);
	for (size_t i = 0; i < other.size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", other.bytes[i]);
	run(fixture,
	    "mkdir -p inner" DEBUG_DIRECTORY "/.build-id/%.2s;"
	    "cp other.debug inner" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug",
	    hex, hex, hex + 2);
	assert_alt_found(fixture, DEBUG_BUILD_ID);
}

static int add_download(const struct fixture *fixture, const char *name, struct debug_files *files)
{
	return debug_source_add_download(&fixture->search, &fixture->module,
					 open_file(fixture, name, O_RDONLY), files);
}

static void a_download_adds_what_was_missing(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;

	add_mini(fixture, "full");
	files = find(fixture, "full.mini");
	assert_int_equal(add_download(fixture, "other.debug", &files), -ESTALE);
	assert_int_equal(add_download(fixture, "program.c", &files), -ENOEXEC);
	assert_int_equal(add_download(fixture, "full.stripped", &files), -ENODATA);
	assert_int_equal(files.symbols.kind, DEBUG_MINI);
	assert_int_equal(add_download(fixture, "full.debug", &files), 0);
	assert_int_equal(files.symbols.kind, DEBUG_DEBUGINFOD);
	assert_int_equal(files.dwarf.kind, DEBUG_DEBUGINFOD);
	assert_int_equal(add_download(fixture, "full.debug", &files), -ENODATA);
	debug_files_done(&files);
}

static void a_download_may_refer_to_another_one(void **state)
{
	struct fixture *fixture = *state;
	struct debug_files files;

	add_alt_link(fixture, "common");
	files = find(fixture, "nameless.stripped");
	assert_int_equal(add_download(fixture, "alt.debug", &files), 0);
	assert_int_equal(files.alt_id.size, 20);
	assert_int_equal(files.alt.kind, DEBUG_NONE);
	assert_int_equal(debug_source_add_alt(open_file(fixture, "full", O_RDONLY), &files),
			 -ESTALE);
	assert_int_equal(debug_source_add_alt(open_file(fixture, "other", O_RDONLY), &files), 0);
	assert_int_equal(files.alt.kind, DEBUG_DEBUGINFOD);
	debug_files_done(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_alt_link_is_followed_by_its_path),
		TEST(an_alt_link_is_relative_to_where_the_debug_file_really_is),
		TEST(an_alt_link_is_followed_below_the_dwz_directory_and_by_build_id),
		TEST(a_download_adds_what_was_missing),
		TEST(a_download_may_refer_to_another_one),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
