/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/kernel_namer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/elf_image.h"

#define BASE      0xffffffff81000000
#define ADDRESSES 20000 /* more than are remembered */
#define LOOKS     3     /* before the whole is read */

/* A kernel that answers as it is told. */
struct kernel {
	const char *name; /* of every address; NULL: none */
	const char *module;
	int err; /* it cannot be asked */
	unsigned int calls;
};

struct fixture {
	struct kernel_namer *namer;
	struct kernel kernel;
	char path[64];
	int fd; /* of the kallsyms file */
};

static int answer(void *context, uint64_t address, const char **ret_name, const char **ret_module)
{
	struct kernel *kernel = context;

	(void)address;
	kernel->calls++;
	if (kernel->err || !kernel->name)
		return kernel->err;
	*ret_name = kernel->name;
	*ret_module = kernel->module;
	return 1;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || kernel_namer_new(&fixture->namer) < 0)
		return -1;
	fixture->fd = -1;
	fixture->kernel = (struct kernel){ .name = "asked", .module = "kernel" };
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	kernel_namer_free(fixture->namer);
	if (fixture->fd >= 0)
		close(fixture->fd);
	free(fixture);
	return 0;
}

/* What kallsyms says from now on. */
static void list(struct fixture *fixture, const char *text)
{
	if (fixture->fd >= 0)
		close(fixture->fd);
	fixture->fd = file_of(text, strlen(text));
	(void)snprintf(fixture->path, sizeof(fixture->path), "/proc/self/fd/%d", fixture->fd);
	kernel_namer_set_kallsyms(fixture->namer, fixture->path);
}

static void use_lookup(struct fixture *fixture)
{
	kernel_namer_set_lookup(fixture->namer, answer, &fixture->kernel);
}

/* "name module" of address, or "-". */
static const char *find(const struct fixture *fixture, uint64_t address)
{
	static char found[128];
	const char *name, *module;

	if (!kernel_namer_find(fixture->namer, address, &name, &module))
		return "-";
	(void)snprintf(found, sizeof(found), "%s %s", name, module);
	return found;
}

static void check_calls(const struct fixture *fixture, unsigned int calls)
{
	assert_int_equal(fixture->kernel.calls, calls);
}

static void each_address_is_asked_for_once(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_string_equal(find(fixture, BASE), "asked kernel");
	fixture->kernel.name = "changed without notice";
	assert_string_equal(find(fixture, BASE), "asked kernel");
	check_calls(fixture, 1);
	fixture->kernel = (struct kernel){ .name = "_RNvC6_123foo3bar", .module = "m", .calls = 1 };
	assert_string_equal(find(fixture, BASE + 1), "123foo::bar m");
	assert_string_equal(find(fixture, BASE + 1), "123foo::bar m");
	check_calls(fixture, 2);
}

/* Were it asked for again, it would have one. */
static void that_there_is_no_name_is_remembered_too(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	fixture->kernel.name = NULL;
	assert_string_equal(find(fixture, BASE - 1), "-");
	list(fixture, "ffffffff80fffff0 T early\nffffffff81000000 T listed\n");
	assert_string_equal(find(fixture, BASE - 1), "-");
	check_calls(fixture, 1);
	assert_string_equal(find(fixture, BASE - 2), "early kernel");
	check_calls(fixture, 2);
}

static void a_change_makes_all_be_asked_anew(void **state)
{
	struct fixture *fixture = *state;
	const char *name, *module;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_true(kernel_namer_find(fixture->namer, BASE, &name, &module));
	fixture->kernel.name = "another";
	fixture->kernel.module = "bpf";
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE), "another bpf");
	assert_string_equal(find(fixture, BASE), "another bpf");
	check_calls(fixture, 2);
	assert_string_equal(name, "asked"); /* still ours */
	assert_string_equal(module, "kernel");
	fixture->kernel.name = NULL;
	assert_string_equal(find(fixture, BASE - 1), "-");
	fixture->kernel.name = "loaded";
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE - 1), "loaded bpf");
	check_calls(fixture, 4);
}

static void what_is_gone_keeps_its_name_until_another_takes_its_place(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_string_equal(find(fixture, BASE), "asked kernel");
	fixture->kernel.name = NULL;
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE), "asked kernel");
	fixture->kernel.name = "another";
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE), "another kernel");
}

static void what_only_kallsyms_knows_is_found_there(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffffa0000000 t ftrace_trampoline\t[__builtin__ftrace]\n");
	use_lookup(fixture);
	fixture->kernel.name = NULL;
	assert_string_equal(find(fixture, 0xffffffffa0000010),
			    "ftrace_trampoline __builtin__ftrace");
	/* And nothing else is near enough. */
	assert_string_equal(find(fixture, 0xffffffff9fffffff), "-");
	assert_string_equal(find(fixture, 0xffffffffa0010000), "-");
	assert_string_equal(find(fixture, 0xffffffffa0100010), "-");
	list(fixture, "ffffffffa0100000 t ftrace_trampoline\t[__builtin__ftrace]\n");
	assert_string_equal(find(fixture, 0xffffffffa0100010), "-");
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, 0xffffffffa0100010),
			    "ftrace_trampoline __builtin__ftrace");
}

static void what_takes_the_place_of_what_only_kallsyms_knows_has_its_name(void **state)
{
	struct fixture *fixture = *state;

	use_lookup(fixture);
	fixture->kernel.name = NULL;
	list(fixture, "ffffffff81000000 T listed\n");
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	list(fixture, "ffffffff81000000 t another\t[__builtin__ftrace]\n");
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE + 1), "another __builtin__ftrace");
	/* What is gone has the name that it had. */
	list(fixture, "ffffffff91000000 T elsewhere\n");
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE + 1), "another __builtin__ftrace");
}

static void for_many_addresses_kallsyms_is_read_once(void **state)
{
	struct fixture *fixture = *state;

	use_lookup(fixture);
	fixture->kernel.name = NULL;
	list(fixture, "ffffffff81000000 T listed\n");
	kernel_namer_rest(fixture->namer, 1000);
	for (uint64_t i = 1; i <= LOOKS; i++)
		assert_string_equal(find(fixture, BASE + i), "listed kernel");
	list(fixture, "ffffffff81000000 T again\n");
	assert_string_equal(find(fixture, BASE + 10), "again kernel");
	list(fixture, "ffffffff81000000 T third\n");
	kernel_namer_rest(fixture->namer, 1000 + KERNEL_NAMER_REST_S - 1);
	assert_string_equal(find(fixture, BASE + 11), "again kernel");
	kernel_namer_rest(fixture->namer, 1000 + KERNEL_NAMER_REST_S);
	assert_string_equal(find(fixture, BASE + 1), "listed kernel"); /* is remembered */
	assert_string_equal(find(fixture, BASE + 12), "third kernel");
	kernel_namer_changed(fixture->namer);
	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	assert_string_equal(find(fixture, BASE + 13), "-");
}

/* Without a look-up it is all that there is. */
static void alone_kallsyms_does_not_rest(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	kernel_namer_rest(fixture->namer, KERNEL_NAMER_REST_S);
	assert_string_equal(find(fixture, BASE + 2), "listed kernel");
}

/* kallsyms is gone as soon as its beginning has been seen. */
static void kallsyms_is_not_read_for_what_has_a_name(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_OK);
	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	assert_string_equal(find(fixture, BASE), "asked kernel");
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_OK);
}

static void hidden_names_are_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "0000000000000000 T _stext\n0000000000000000 t a\t[m]\n");
	use_lookup(fixture);
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_HIDDEN);
	assert_string_equal(find(fixture, BASE), "-");
	check_calls(fixture, 0);
}

static void without_kallsyms_no_name_is_asked_for(void **state)
{
	struct fixture *fixture = *state;

	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	use_lookup(fixture);
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_UNREADABLE);
	assert_string_equal(find(fixture, BASE), "-");
	check_calls(fixture, 0);
}

static void addresses_of_user_space_are_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "0000000000400000 T low\nffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_string_equal(find(fixture, 0x400000), "-");
	assert_string_equal(find(fixture, 0x7fffffffffffffff), "-");
	check_calls(fixture, 0);
}

static void a_look_up_that_fails_gives_way_to_kallsyms(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\nffffffff81000100 T next\n");
	use_lookup(fixture);
	fixture->kernel.err = -EPERM;
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	assert_string_equal(find(fixture, BASE + 0x100), "next kernel");
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_OK);
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE + 1), "listed kernel");
	check_calls(fixture, 1);
}

static void a_look_up_that_fails_without_kallsyms_is_told(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	fixture->kernel.err = -EPERM;
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_OK);
	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	assert_string_equal(find(fixture, BASE), "-");
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_UNREADABLE);
}

static void without_a_look_up_kallsyms_is_read_again_for_new_names_only(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T first\n");
	assert_string_equal(find(fixture, BASE), "first kernel");
	assert_string_equal(find(fixture, 0xffffffffc0000000), "-");
	list(fixture, "ffffffff81000000 T second\nffffffffc0000000 t loaded\t[m]\n");
	assert_string_equal(find(fixture, 0xffffffffc0000001), "-");
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE), "first kernel");
	assert_string_equal(find(fixture, 0xffffffffc0000001), "loaded m");
	assert_string_equal(find(fixture, 0xffffffffc0000000), "loaded m");
	kernel_namer_changed(fixture->namer);
	assert_string_equal(find(fixture, BASE), "second kernel"); /* the table is newer */
	kernel_namer_set_kallsyms(fixture->namer, "/nonexistent");
	assert_string_equal(find(fixture, 0xffffffffd0000000), "-");
	assert_string_equal(find(fixture, BASE + 1), "second kernel"); /* of the table before */
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_OK);
}

static void without_a_look_up_kallsyms_tells_what_it_is(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "0000000000000000 T _stext\n");
	assert_int_equal(kernel_namer_state(fixture->namer), KERNEL_NAMES_HIDDEN);
	assert_string_equal(find(fixture, BASE), "-");
}

static void old_answers_are_forgotten_before_there_are_too_many(void **state)
{
	struct fixture *fixture = *state;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	for (uint64_t i = 0; i < ADDRESSES; i++)
		assert_string_equal(find(fixture, BASE + i), "asked kernel");
	check_calls(fixture, ADDRESSES);
	assert_string_equal(find(fixture, BASE + ADDRESSES - 1), "asked kernel");
	check_calls(fixture, ADDRESSES);
	fixture->kernel.name = "again";
	assert_string_equal(find(fixture, BASE), "again kernel");
	check_calls(fixture, ADDRESSES + 1);
}

/* Programs may come and go with ever new names. */
static void names_do_not_take_all_memory(void **state)
{
	struct fixture *fixture = *state;
	char name[8192];
	uint64_t i = 0;

	list(fixture, "ffffffff81000000 T listed\n");
	use_lookup(fixture);
	assert_string_equal(find(fixture, BASE), "asked kernel");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	fixture->kernel.name = name;
	do {
		(void)snprintf(name, 16, "%015u", (unsigned int)++i);
		name[15] = 'x';
		assert_in_range(i, 1, ADDRESSES);
	} while (strcmp(find(fixture, BASE + i), "-") != 0);
	assert_in_range(i * sizeof(name), 60 << 20, 70 << 20);
	assert_string_equal(find(fixture, BASE), "asked kernel");
}

#define NAMED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMED(each_address_is_asked_for_once),
		NAMED(that_there_is_no_name_is_remembered_too),
		NAMED(a_change_makes_all_be_asked_anew),
		NAMED(what_is_gone_keeps_its_name_until_another_takes_its_place),
		NAMED(what_only_kallsyms_knows_is_found_there),
		NAMED(what_takes_the_place_of_what_only_kallsyms_knows_has_its_name),
		NAMED(for_many_addresses_kallsyms_is_read_once),
		NAMED(alone_kallsyms_does_not_rest),
		NAMED(kallsyms_is_not_read_for_what_has_a_name),
		NAMED(hidden_names_are_not_asked_for),
		NAMED(without_kallsyms_no_name_is_asked_for),
		NAMED(addresses_of_user_space_are_not_asked_for),
		NAMED(a_look_up_that_fails_gives_way_to_kallsyms),
		NAMED(a_look_up_that_fails_without_kallsyms_is_told),
		NAMED(without_a_look_up_kallsyms_is_read_again_for_new_names_only),
		NAMED(without_a_look_up_kallsyms_tells_what_it_is),
		NAMED(old_answers_are_forgotten_before_there_are_too_many),
		NAMED(names_do_not_take_all_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
