/* SPDX-License-Identifier: Apache-2.0 */
/* Through a symbolizer, with programs that gcc has made, and a reader of DWARF that only counts. */
#include "symbolize/module.h"

#include "symbolize/dwarf_names.h"
#include "tests/unit/debug_source_fixture.h"

#define MISSING_MAX 8

/* What a symbolizer has asked for. */
struct told {
	struct build_id missing[MISSING_MAX];
	size_t missing_count;
	size_t opened, opened_with_alt; /* files of DWARF */
	int open_result;
	size_t found; /* addresses */
};

struct scene {
	struct fixture *fixture;
	struct symbolizer *symbolizer;
	struct told told;
};

static int count_open(void *context, int fd, int alt_fd, uint32_t *ret_file)
{
	struct told *told = context;

	assert_true(fcntl(fd, F_GETFD) >= 0);
	told->opened++;
	told->opened_with_alt += alt_fd >= 0;
	(void)close(fd);
	if (alt_fd >= 0)
		(void)close(alt_fd);
	*ret_file = (uint32_t)told->opened;
	return told->open_result;
}

/* Each file says who it is. */
static int count_find(void *context, uint32_t file, const uint64_t *addresses, size_t n,
		      dwarf_answer answer, void *answer_context)
{
	struct told *told = context;

	(void)addresses;
	for (size_t i = 0; i < n; i++) {
		const struct dwarf_frame frame = { .name = "x", .file = "/src/x.c", .line = file };

		answer(answer_context, i, &frame, 1);
		told->found++;
	}
	return 0;
}

static void take_missing(void *context, const struct build_id *id)
{
	struct told *told = context;

	assert_in_range(told->missing_count, 0, MISSING_MAX - 1);
	told->missing[told->missing_count++] = *id;
}

static void begin(struct scene *scene, struct fixture *fixture)
{
	*scene = (struct scene){ .fixture = fixture };
	assert_int_equal(symbolizer_new(&scene->symbolizer), 0);
	/* Nothing of this machine is found. */
	symbolizer_set_debug_directory(scene->symbolizer, "/no/such/directory");
}

/* What reads DWARF, and is told of what is missing, is at the same place until the end. */
static void set_up_symbolizer(struct scene *scene)
{
	symbolizer_set_dwarf(scene->symbolizer, &(struct dwarf_lookup){ .open = count_open,
									.find = count_find,
									.context = &scene->told });
	symbolizer_set_missing(scene->symbolizer, take_missing, &scene->told);
}

static struct module *add(struct scene *scene, const char *name)
{
	struct module *module;

	assert_int_equal(symbolizer_add_file(scene->symbolizer,
					     open_file(scene->fixture, name, O_RDONLY),
					     PROGRAM_PATH, -1, &module),
			 0);
	return module;
}

static int hand_over(struct scene *scene, const struct build_id *id, const char *name)
{
	return symbolizer_add_debug_file(scene->symbolizer, id,
					 open_file(scene->fixture, name, O_RDONLY));
}

/* Where the only function is that .dynsym does not have. */
static uint64_t offset_of_function(const struct scene *scene)
{
	char command[256];
	uint64_t address = 0;
	FILE *nm;

	(void)snprintf(command, sizeof(command), "nm '%s/full' | grep only_in_symtab",
		       scene->fixture->directory);
	nm = popen(command, "r");
	assert_non_null(nm);
	assert_int_equal(fscanf(nm, "%lx", &address), 1);
	(void)pclose(nm);
	return address; /* of code, ld gives both the same */
}

static void assert_sources(const struct module *module, const char *symbols, const char *dwarf)
{
	struct module_names names;

	module_read_names(module, &names);
	assert_string_equal(names.symbols_from, symbols);
	assert_string_equal(names.dwarf_from, dwarf);
}

static size_t name(struct scene *scene, struct module *module, struct frame *ret)
{
	return symbolize_user(scene->symbolizer, module, offset_of_function(scene), ret, 1);
}

static void what_is_whole_lacks_nothing(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	module = add(&scene, "full");
	assert_sources(module, "none", "none"); /* so far */
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_string_equal(frame.name, "only_in_symtab");
	assert_int_equal(frame.line, 1);
	assert_sources(module, "file", "file");
	assert_int_equal(scene.told.opened, 1);
	assert_int_equal(scene.told.missing_count, 0);
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), -ENODATA);
	symbolizer_free(scene.symbolizer);
}

static void what_is_missing_is_told_once_and_can_be_added(void **state)
{
	struct module_names names;
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	module = add(&scene, "full.stripped");
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_sources(module, "none", "none");
	assert_int_equal(scene.told.missing_count, 1);
	assert_memory_equal(&scene.told.missing[0], module_build_id(module),
			    sizeof(struct build_id));
	assert_int_equal(hand_over(&scene, module_build_id(module), "other.debug"), -ESTALE);
	assert_int_equal(hand_over(&scene, module_build_id(module), "program.c"), -ENOEXEC);
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), 0);
	assert_sources(module, "debuginfod", "debuginfod");
	/* That it had no name is forgotten. */
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_string_equal(frame.name, "only_in_symtab");
	assert_string_equal(frame.file, "/src/x.c");
	assert_int_equal(scene.told.opened, 1);
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), -ENODATA);
	module_read_names(module, &names);
	assert_int_equal(names.frames, 4);
	assert_int_equal(names.unnamed, 3);
	symbolizer_free(scene.symbolizer);
}

static void files_that_nobody_asked_for_are_not_taken(void **state)
{
	struct build_id none = { 0 }, other;
	struct scene scene;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	read_id(scene.fixture, "other", &other);
	assert_int_equal(hand_over(&scene, &other, "other.debug"), -ENOENT);
	/* Added, but nothing of it has been looked up. */
	(void)add(&scene, "other.stripped");
	assert_int_equal(hand_over(&scene, &other, "other.debug"), -ENOENT);
	assert_int_equal(hand_over(&scene, &none, "other.debug"), -ENOENT);
	symbolizer_free(scene.symbolizer);
}

static void without_a_build_id_nothing_can_be_asked_for(void **state)
{
	struct scene scene;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	assert_int_equal(name(&scene, add(&scene, "nameless.stripped"), &frame), 0);
	assert_int_equal(scene.told.missing_count, 0);
	symbolizer_free(scene.symbolizer);
}

static void what_has_few_symbols_is_asked_for_and_given_all(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	add_mini(scene.fixture, "full");
	module = add(&scene, "full.mini");
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_sources(module, "minidebuginfo", "none");
	assert_int_equal(scene.told.missing_count, 1);
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), 0);
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_string_equal(frame.file, "/src/x.c");
	assert_sources(module, "debuginfod", "debuginfod");
	symbolizer_free(scene.symbolizer);
}

static void the_copy_below_symfs_comes_first(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;
	int symfs;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	run(scene.fixture, "mkdir -p copies/opt/app; cp full copies%s", PROGRAM_PATH);
	symfs = open_file(scene.fixture, "copies", O_PATH);
	symbolizer_set_symfs(scene.symbolizer, symfs);
	module = add(&scene, "full.stripped");
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_string_equal(frame.name, "only_in_symtab");
	assert_sources(module, "symfs", "symfs");
	assert_int_equal(scene.told.missing_count, 0);
	symbolizer_free(scene.symbolizer);
	(void)close(symfs);
}

/* Makes alt.debug: full.debug that refers to the build id of other. */
static void make_alt(const struct fixture *fixture)
{
	run(fixture,
	    "printf 'common\\0' >link; objcopy -O binary --set-section-flags "
	    ".note.gnu.build-id=alloc -j .note.gnu.build-id other id; tail -c 20 id >>link;"
	    "objcopy --add-section .gnu_debugaltlink=link full.debug alt.debug");
}

static void what_a_download_refers_to_is_asked_for_as_well(void **state)
{
	struct build_id other;
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	make_alt(scene.fixture);
	read_id(scene.fixture, "other", &other);
	module = add(&scene, "full.stripped");
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_int_equal(hand_over(&scene, &other, "other.debug"), -ENOENT);
	assert_int_equal(hand_over(&scene, module_build_id(module), "alt.debug"), 0);
	assert_int_equal(scene.told.missing_count, 2);
	assert_memory_equal(&scene.told.missing[1], &other, sizeof(other));
	/* What there is of it is used meanwhile. */
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_int_equal(frame.line, 1);
	assert_int_equal(hand_over(&scene, &other, "full.debug"), -ESTALE);
	assert_int_equal(hand_over(&scene, &other, "other.debug"), 0);
	assert_int_equal(scene.told.opened, 2);
	assert_int_equal(scene.told.opened_with_alt, 1);
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_int_equal(frame.line, 2); /* the second file says that */
	assert_int_equal(hand_over(&scene, &other, "other.debug"), -ENOENT);
	symbolizer_free(scene.symbolizer);
}

static void without_a_reader_only_symbols_are_missing(void **state)
{
	struct scene scene;
	struct frame frame;

	begin(&scene, *state);
	symbolizer_set_missing(scene.symbolizer, take_missing, &scene.told);
	run(scene.fixture, "objcopy --strip-debug full few");
	assert_int_equal(name(&scene, add(&scene, "few"), &frame), 1);
	assert_int_equal(scene.told.missing_count, 0);
	assert_int_equal(name(&scene, add(&scene, "other.stripped"), &frame), 0);
	assert_int_equal(scene.told.missing_count, 1);
	symbolizer_free(scene.symbolizer);
}

static void what_cannot_be_read_is_not_claimed(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	scene.told.open_result = -ENOEXEC;
	module = add(&scene, "full.stripped");
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_int_equal(scene.told.missing_count, 1);
	/* It has a symbol table, with entries of a wrong size. */
	run(scene.fixture,
	    "cp full.debug bad; "
	    "at=$(readelf -SW bad 2>/dev/null | sed -n 's/^ *\\[ *\\([0-9]*\\)\\] .symtab "
	    ".*/\\1/p');"
	    "table=$(readelf -h bad 2>/dev/null | sed -n 's/.*Start of section headers: "
	    "*\\([0-9]*\\).*/\\1/p');"
	    "printf '\\1' | dd of=bad bs=1 conv=notrunc status=none seek=$((table + at * 64 + "
	    "56))");
	assert_int_equal(hand_over(&scene, module_build_id(module), "bad"), -ENOEXEC);
	assert_string_equal(module_error(module), "a symbol table contradicts itself");
	assert_sources(module, "none", "none");
	symbolizer_free(scene.symbolizer);
}

static void debug_information_that_is_refused_is_none(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	scene.told.open_result = -ENOEXEC;
	module = add(&scene, "full");
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_sources(module, "file", "none");
	assert_string_equal(module_error(module), "its debug information cannot be read");
	/* Nobody is asked for the same again, but it would be taken. */
	assert_int_equal(scene.told.missing_count, 0);
	scene.told.open_result = 0;
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), 0);
	assert_sources(module, "file", "debuginfod");
	assert_int_equal(name(&scene, module, &frame), 1);
	assert_string_equal(frame.file, "/src/x.c");
	symbolizer_free(scene.symbolizer);
}

static void symbols_of_all_modules_together_have_a_limit(void **state)
{
	struct scene scene;
	struct module *full, *other;
	struct frame frame;

	begin(&scene, *state);
	/* Each has some 100 bytes of names, and 128 of ranges. */
	symbolizer_set_symbol_bytes_max(scene.symbolizer, 350);
	full = add(&scene, "full");
	assert_int_equal(name(&scene, full, &frame), 1);
	assert_null(module_error(full));
	other = add(&scene, "other");
	assert_int_equal(name(&scene, other, &frame), 0);
	assert_non_null(strstr(module_error(other), "no room"));
	assert_sources(other, "none", "none");
	assert_int_equal(symbolizer_symbols_refused(scene.symbolizer), 1);
	/* What was read before stays. */
	assert_int_equal(name(&scene, full, &frame), 1);
	symbolizer_free(scene.symbolizer);
}

static void what_will_not_come_is_not_kept_open_for(void **state)
{
	struct build_id other;
	struct scene scene;
	struct module *module;
	struct frame frame;
	size_t open_files;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	make_alt(scene.fixture);
	read_id(scene.fixture, "other", &other);
	module = add(&scene, "alt.debug");
	(void)name(&scene, module, &frame);
	assert_memory_equal(&scene.told.missing[scene.told.missing_count - 1], &other,
			    sizeof(other));
	open_files = count_open_files();
	symbolizer_give_up_debug_files(scene.symbolizer);
	assert_int_equal(count_open_files(), open_files - 1);
	assert_int_equal(hand_over(&scene, &other, "other.debug"), -ENOENT);
	symbolizer_free(scene.symbolizer);
}

static void symbols_that_nobody_asks_for_are_read_again(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;
	uint64_t offset;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	symbolizer_set_rests(scene.symbolizer);
	run(scene.fixture, "cp full resting");
	module = add(&scene, "resting");
	offset = offset_of_function(&scene);
	assert_int_equal(symbolize_user(scene.symbolizer, module, offset, &frame, 1), 1);
	/* The clock may be anywhere when it is told for the first time. */
	symbolizer_rest(scene.symbolizer, 10000, 600);
	assert_true(module->symbol_bytes > 0);
	symbolizer_rest(scene.symbolizer, 10100, 600);
	assert_int_equal(symbolize_user(scene.symbolizer, module, offset, &frame, 1), 1);
	symbolizer_rest(scene.symbolizer, 10699, 600);
	assert_true(module->symbol_bytes > 0);
	symbolizer_rest(scene.symbolizer, 10700, 600);
	assert_int_equal(module->symbol_bytes, 0);
	/* What was handed out stays, and the file is open. */
	assert_string_equal(frame.name, "only_in_symtab");
	run(scene.fixture, "rm resting");
	assert_int_equal(symbolize_user(scene.symbolizer, module, offset, &frame, 1), 1);
	assert_string_equal(frame.name, "only_in_symtab");
	assert_int_equal(frame.line, 1);
	assert_true(module->symbol_bytes > 0);
	assert_sources(module, "file", "file");
	assert_int_equal(scene.told.opened, 1);
	assert_int_equal(scene.told.missing_count, 0);
	symbolizer_free(scene.symbolizer);
}

static void symbols_that_came_from_elsewhere_stay(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	symbolizer_set_rests(scene.symbolizer);
	module = add(&scene, "full.stripped");
	assert_int_equal(name(&scene, module, &frame), 0);
	assert_int_equal(hand_over(&scene, module_build_id(module), "full.debug"), 0);
	symbolizer_rest(scene.symbolizer, 1000, 600);
	assert_true(module->symbol_bytes > 0);
	assert_int_equal(name(&scene, module, &frame), 1);
	symbolizer_free(scene.symbolizer);
}

static void whoever_has_not_asked_for_it_keeps_all(void **state)
{
	struct scene scene;
	struct module *module;
	struct frame frame;

	begin(&scene, *state);
	set_up_symbolizer(&scene);
	module = add(&scene, "full");
	assert_int_equal(name(&scene, module, &frame), 1);
	symbolizer_rest(scene.symbolizer, 1000, 600);
	assert_true(module->symbol_bytes > 0);
	symbolizer_free(scene.symbolizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_whole_lacks_nothing),
		TEST(what_is_missing_is_told_once_and_can_be_added),
		TEST(files_that_nobody_asked_for_are_not_taken),
		TEST(without_a_build_id_nothing_can_be_asked_for),
		TEST(what_has_few_symbols_is_asked_for_and_given_all),
		TEST(the_copy_below_symfs_comes_first),
		TEST(what_a_download_refers_to_is_asked_for_as_well),
		TEST(without_a_reader_only_symbols_are_missing),
		TEST(what_cannot_be_read_is_not_claimed),
		TEST(debug_information_that_is_refused_is_none),
		TEST(symbols_of_all_modules_together_have_a_limit),
		TEST(what_will_not_come_is_not_kept_open_for),
		TEST(symbols_that_nobody_asks_for_are_read_again),
		TEST(symbols_that_came_from_elsewhere_stay),
		TEST(whoever_has_not_asked_for_it_keeps_all),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
