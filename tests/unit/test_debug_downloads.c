/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debug_downloads.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/elf_image.h"
#include "tests/unit/hear.h"

/* debuginfod, in place of the real one: the linker takes this and leaves that in the library. */
static struct {
	struct debuginfod_stats stats;
	int ask_err;
	bool has_file; /* it has come, and nobody has taken it */
	int fd;
	struct build_id id;
	size_t waits, waits_most; /* after that there is nothing to wait for */
	int interrupt_fd;
	size_t stops;
} fake;

int debuginfod_ask(struct debuginfod *debuginfod, const struct build_id *id)
{
	(void)debuginfod;
	assert_int_equal(fake.stops, 0);
	if (fake.ask_err)
		return fake.ask_err;
	fake.stats.asked++;
	fake.id = *id;
	return 0;
}

int debuginfod_next(struct debuginfod *debuginfod, struct build_id *ret_id, int *ret_fd)
{
	(void)debuginfod;
	if (!fake.has_file)
		return 0;
	fake.has_file = false;
	fake.stats.found++;
	*ret_id = fake.id;
	*ret_fd = fake.fd;
	return 1;
}

bool debuginfod_is_waiting(const struct debuginfod *debuginfod)
{
	(void)debuginfod;
	return fake.stats.asked > fake.stats.found;
}

bool debuginfod_wait(struct debuginfod *debuginfod, int interrupt_fd)
{
	(void)debuginfod;
	fake.interrupt_fd = interrupt_fd;
	if (fake.waits == fake.waits_most)
		return false;
	fake.waits++;
	fake.has_file = fake.waits == fake.waits_most;
	return true;
}

void debuginfod_stop(struct debuginfod *debuginfod)
{
	(void)debuginfod;
	fake.stops++;
}

void debuginfod_read_stats(const struct debuginfod *debuginfod, struct debuginfod_stats *ret)
{
	(void)debuginfod;
	*ret = fake.stats;
}

struct fixture {
	struct symbolizer *symbolizer;
	struct debug_downloads *downloads;
	struct module *module; /* has no symbols */
	struct elf_image image;
};

static void make_image(struct elf_image *image, bool has_symbols)
{
	const struct image_symbol symbol = { "foo", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL),
					     TEXT_SECTION };

	image_begin(image, false);
	if (has_symbols)
		image_add_symbols(image, SHT_SYMTAB, &symbol, 1);
	image_end(image);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fake, 0, sizeof(fake));
	make_image(&fixture.image, false);
	assert_int_equal(symbolizer_new(&fixture.symbolizer), 0);
	symbolizer_set_debug_directory(fixture.symbolizer, "/no/such/directory");
	assert_int_equal(symbolizer_add_file(fixture.symbolizer,
					     file_of(fixture.image.bytes, fixture.image.size),
					     "/bin/x", -1, &fixture.module),
			 0);
	assert_int_equal(debug_downloads_new(NULL, fixture.symbolizer, 17, 20, &fixture.downloads),
			 0);
	make_image(&fixture.image, true);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	debug_downloads_free(fixture->downloads);
	symbolizer_free(fixture->symbolizer);
	return 0;
}

static int take_dwarf(void *context, int fd, int alt_fd, uint32_t *ret_file)
{
	(void)context;
	(void)alt_fd;
	*ret_file = 0;
	return close(fd);
}

static int find_nothing(void *context, uint32_t file, const uint64_t *addresses, size_t n,
			dwarf_answer answer, void *answer_context)
{
	(void)context;
	(void)file;
	(void)addresses;
	for (size_t i = 0; i < n; i++)
		answer(answer_context, i, NULL, 0);
	return 0;
}

/* A file whose debug information refers to another one. */
static struct module *add_referring(struct fixture *fixture)
{
	static const struct dwarf_lookup dwarf = { .open = take_dwarf, .find = find_nothing };
	static const char link[] = "common\0twenty bytes of an id";
	struct elf_image image;
	struct module *module;

	symbolizer_set_dwarf(fixture->symbolizer, &dwarf);
	image_begin(&image, true);
	image_add(&image, ".debug_info", (Elf64_Shdr){ .sh_type = SHT_PROGBITS }, "x", 1);
	image_add(&image, ".gnu_debugaltlink", (Elf64_Shdr){ .sh_type = SHT_PROGBITS }, link,
		  strlen("common") + 1 + BUILD_ID_SIZE_MAX);
	image_end(&image);
	assert_int_equal(symbolizer_add_file(fixture->symbolizer, file_of(image.bytes, image.size),
					     "/bin/y", -1, &module),
			 0);
	return module;
}

static int count_open_files(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void what_nobody_has_is_not_kept_open_for(void **state)
{
	struct fixture *fixture = *state;
	struct module *module = add_referring(fixture);
	struct frame frame;
	int open_files;

	(void)symbolize_user(fixture->symbolizer, module, TEXT_OFFSET, &frame, 1);
	open_files = count_open_files();
	assert_true(fake.stats.asked > 0);
	assert_false(debug_downloads_take(fixture->downloads));
	/* An answer may still come. */
	assert_int_equal(count_open_files(), open_files);
	fake.stats.found = fake.stats.asked;
	assert_false(debug_downloads_take(fixture->downloads));
	assert_int_equal(count_open_files(), open_files - 1);
}

static bool has_name(struct fixture *fixture)
{
	struct frame frame;

	return symbolize_user(fixture->symbolizer, fixture->module, TEXT_OFFSET, &frame, 1) == 1;
}

static void what_is_missing_is_asked_for_and_what_comes_is_used(void **state)
{
	struct fixture *fixture = *state;

	assert_false(debug_downloads_are_pending(fixture->downloads));
	assert_false(has_name(fixture));
	assert_int_equal(fake.stats.asked, 1);
	assert_true(debug_downloads_are_pending(fixture->downloads));
	assert_false(debug_downloads_take(fixture->downloads));
	fake.fd = file_of(fixture->image.bytes, fixture->image.size);
	fake.has_file = true;
	assert_true(debug_downloads_take(fixture->downloads));
	assert_false(debug_downloads_are_pending(fixture->downloads));
	assert_true(has_name(fixture));
}

static void files_of_others_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct debug_downloads_stats stats;

	assert_false(has_name(fixture));
	fixture->image.bytes[fixture->image.note_offset + fixture->image.note_size - 1]++;
	fake.fd = file_of(fixture->image.bytes, fixture->image.size);
	fake.has_file = true;
	assert_false(debug_downloads_take(fixture->downloads));
	assert_false(has_name(fixture));
	debug_downloads_read_stats(fixture->downloads, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.not_asked, 0);
	assert_int_equal(stats.debuginfod.found, 1);
	debug_downloads_read_stats(NULL, &stats);
	assert_int_equal(stats.refused + stats.debuginfod.asked, 0);
}

static void at_the_end_all_is_waited_for(void **state)
{
	struct fixture *fixture = *state;

	assert_false(has_name(fixture));
	fake.fd = file_of(fixture->image.bytes, fixture->image.size);
	fake.waits_most = 3;
	assert_true(debug_downloads_finish(fixture->downloads));
	assert_int_equal(fake.waits, 3);
	assert_int_equal(fake.interrupt_fd, 17);
	assert_int_equal(fake.stops, 1);
	assert_true(has_name(fixture));
}

static void what_cannot_be_asked_for_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct debug_downloads_stats stats;

	fake.ask_err = -ENOSPC;
	assert_false(has_name(fixture));
	debug_downloads_read_stats(fixture->downloads, &stats);
	assert_int_equal(stats.not_asked, 1);
}

static void nobody_asks_after_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct debug_downloads_stats stats;

	assert_false(debug_downloads_finish(fixture->downloads));
	assert_false(has_name(fixture));
	debug_downloads_read_stats(fixture->downloads, &stats);
	assert_int_equal(stats.not_asked, 1);
	assert_int_equal(stats.debuginfod.asked, 0);
}

static void why_something_failed_is_told_once(void **state)
{
	struct fixture *fixture = *state;

	fake.stats.failed = 3;
	fake.stats.error = -ECONNREFUSED;
	hear();
	assert_false(debug_downloads_finish(fixture->downloads));
	assert_string_equal(heard(), "eprof: warning: 3 debug files could not be downloaded; the "
				     "last error: Connection refused\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_missing_is_asked_for_and_what_comes_is_used),
		TEST(files_of_others_are_refused),
		TEST(at_the_end_all_is_waited_for),
		TEST(what_cannot_be_asked_for_is_counted),
		TEST(nobody_asks_after_the_end),
		TEST(why_something_failed_is_told_once),
		TEST(what_nobody_has_is_not_kept_open_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
