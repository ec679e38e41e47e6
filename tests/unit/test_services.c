/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/services.h"

#include <errno.h>
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

#include "agent/services_parts.h"

#define ID    "4f8a1c0d9e7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a10"
#define INNER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define POD   "8f5c1a5e-2d4b-4c7f-9a31-0e1f2a3b4c5d"

/* Stands for the real one: a path is known by its place here. */
struct cgroup_paths {
	const char *paths[16];
	unsigned int asked;
};

int cgroup_paths_catch_up(struct cgroup_paths *paths)
{
	(void)paths;
	return 0;
}

const char *cgroup_paths_find(struct cgroup_paths *paths, uint64_t id)
{
	paths->asked++;
	return id < sizeof(paths->paths) / sizeof(paths->paths[0]) ? paths->paths[id] : NULL;
}

struct fixture {
	struct agent_config config;
	struct cgroup_paths paths;
	struct services *services;
	char root[64]; /* has the "proc" that is asked */
};

/* Of a process, which is made. */
static void write_file(const struct fixture *f, const char *process, const char *name,
		       const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/proc/%s", f->root, process);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/proc/%s/%s", f->root, process, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void write_proc(const struct fixture *f, const char *process, const char *text)
{
	write_file(f, process, "cgroup", text);
}

static void remove_proc(const struct fixture *f, const char *process)
{
	static const char *const names[] = { "/cgroup", "/stat", "/status", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/proc/%s%s", f->root, process, names[i]);
		(void)remove(path);
	}
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char proc[128];

	assert_non_null(f);
	(void)snprintf(f->root, sizeof(f->root), "/tmp/eprof-services-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	(void)snprintf(proc, sizeof(proc), "%s/proc", f->root);
	assert_int_equal(mkdir(proc, 0700), 0);
	f->config = (struct agent_config){ .window_s = 60, .services_max = 4 };
	write_proc(f, "self", "0::/\n");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const processes[] = { "self", "7", "8" };
	struct fixture *f = *state;

	services_free(f->services);
	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		remove_proc(f, processes[i]);
	remove_proc(f, "");
	assert_int_equal(rmdir(f->root), 0);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	assert_int_equal(services_new_at(&f->config, &f->paths, f->root, &f->services), 0);
}

static void add_rule(struct fixture *f, enum service_rule_kind kind, char *pattern, char *name)
{
	f->config.rules[f->config.rule_count++] =
		(struct service_rule){ .kind = kind, .pattern = pattern, .name = name };
}

static uint32_t number_of(struct fixture *f, uint64_t cgroup, uint32_t tgid, const char *command)
{
	struct sample sample = {
		.cgroup_id = cgroup,
		.tgid = tgid,
		.generation = tgid * UINT64_C(1000),
		.process_name = command,
		.count = 3,
	};
	uint32_t number;

	assert_int_equal(services_of(f->services, &sample, &number), 0);
	return number;
}

static const char *name_of(struct fixture *f, uint64_t cgroup, uint32_t tgid, const char *command)
{
	uint32_t number = number_of(f, cgroup, tgid, command);

	return number == SERVICE_NONE ? "none" : service_name(f->services, number);
}

static struct services_figures figures_of(const struct fixture *f)
{
	struct services_figures figures;

	services_figures_of(f->services, &figures);
	return figures;
}

static void a_sample_belongs_to_the_unit_of_its_cgroup(void **state)
{
	struct fixture *f = *state;
	const struct profile_label *labels;
	uint32_t number;

	f->paths.paths[2] = "/system.slice/nginx.service";
	f->paths.paths[3] = "/system.slice/nginx.service/worker";
	f->paths.paths[4] = "/docker/" ID;
	begin(f);
	number = number_of(f, 2, 7, "nginx");
	assert_string_equal(service_name(f->services, number), "nginx");
	assert_int_equal(number_of(f, 3, 8, "other"), number);
	assert_int_equal(service_labels(f->services, number, &labels), 1);
	assert_string_equal(labels[0].name, "unit");
	assert_string_equal(labels[0].value, "nginx.service");
	number = number_of(f, 4, 7, "sh");
	assert_string_equal(service_name(f->services, number), "docker-4f8a1c0d9e7b");
	assert_int_equal(service_labels(f->services, number, &labels), 2);
	assert_string_equal(labels[0].name, "container_id");
	assert_string_equal(labels[0].value, ID);
	assert_string_equal(labels[1].name, "container_runtime");
	assert_string_equal(labels[1].value, "docker");
	assert_int_equal(services_count(f->services), 2);
	/* Once for each cgroup. */
	(void)number_of(f, 4, 9, "sh");
	assert_int_equal(f->paths.asked, 3);
}

static void containers_of_a_pod_are_one_service(void **state)
{
	struct fixture *f = *state;
	const struct profile_label *labels;
	uint32_t number;

	f->paths.paths[2] = "/kubepods/pod" POD "/crio-" ID;
	f->paths.paths[3] = "/kubepods/pod" POD "/crio-" INNER;
	begin(f);
	number = number_of(f, 2, 7, "a");
	assert_string_equal(service_name(f->services, number), "pod-" POD);
	assert_int_equal(number_of(f, 3, 8, "b"), number);
	assert_int_equal(service_labels(f->services, number, &labels), 2);
	assert_string_equal(labels[0].name, "container_runtime");
	assert_string_equal(labels[0].value, "cri-o");
	assert_string_equal(labels[1].name, "pod_uid");
	assert_string_equal(labels[1].value, POD);
}

static void what_is_in_no_unit_goes_by_its_command(void **state)
{
	struct fixture *f = *state;

	f->paths.paths[1] = "/";
	begin(f);
	assert_string_equal(name_of(f, 1, 7, "redis"), "redis");
	assert_string_equal(name_of(f, 1, 8, "kworker/1:2"), "kworker");
	assert_string_equal(name_of(f, 1, 9, "kworker/0:0"), "kworker");
	assert_int_equal(figures_of(f).known, 2);
	assert_int_equal(figures_of(f).without_cgroup, 0);
}

static void threads_of_the_kernel_are_one_service(void **state)
{
	static const uint64_t address = 0x401000;
	struct fixture *f = *state;
	struct sample sample = { .tgid = 7, .process_name = "a", .count = 1, .cgroup_id = 1 };
	uint32_t number;

	f->paths.paths[1] = "/";
	f->paths.paths[2] = "/system.slice/a.service";
	write_file(f, "7", "status", "Name:\tx\nState:\tS (sleeping)\nTgid:\t7\n");
	write_file(f, "7", "stat", "7 (kworker/0:1-events) S 2 0 0 0 -1 69238880 0\n");
	write_file(f, "8", "status", "Name:\tx\nState:\tS (sleeping)\nTgid:\t8\n");
	write_file(f, "8", "stat", "8 (bash) S 2 0 0 0 -1 4194304 0\n");
	begin(f);
	assert_string_equal(name_of(f, 1, 7, "kworker/0:1-events"), "kernel");
	assert_string_equal(name_of(f, 2, 7, "kworker/0:1-events"), "a");
	/* It ends, and has no memory any more. */
	assert_string_equal(name_of(f, 1, 8, "bash"), "bash");
	assert_string_equal(name_of(f, 1, 9, "gone"), "gone");
	/* It is asked once. */
	remove_proc(f, "7");
	assert_string_equal(name_of(f, 1, 7, "kworker/0:1-mm"), "kernel");
	/* Who has a user stack, or should have one, is a program. */
	sample.generation = 7000;
	sample.user = &address;
	sample.user_depth = 1;
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "a");
	sample.user_depth = 0;
	sample.stop = STOP_UNREADABLE;
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "a");
}

static void the_idle_task_and_programs_by_name_are_not_the_kernel(void **state)
{
	struct fixture *f = *state;
	struct sample sample = { .process_name = "swapper", .count = 1, .is_idle = true };
	uint32_t number;

	write_file(f, "7", "status", "Name:\tx\nState:\tS (sleeping)\nTgid:\t7\n");
	write_file(f, "7", "stat", "7 (kworker/0:1-events) S 2 0 0 0 -1 69238880 0\n");
	begin(f);
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "swapper");
	services_free(f->services);
	f->config.split = SPLIT_COMM;
	begin(f);
	assert_string_equal(name_of(f, 1, 7, "kworker/0:1-events"), "kworker");
}

static void an_unknown_cgroup_is_asked_of_the_process(void **state)
{
	struct fixture *f = *state;

	begin(f);
	write_proc(f, "7", "0::/system.slice/cron.service\n");
	assert_string_equal(name_of(f, 9, 7, "sh"), "cron");
	assert_string_equal(name_of(f, 0, 7, "sh"), "cron");
	/* It is gone. */
	assert_string_equal(name_of(f, 9, 8, "sh"), "sh");
	assert_int_equal(figures_of(f).without_cgroup, 3);
	/* It is known a little later. */
	f->paths.paths[9] = "/system.slice/late.service";
	assert_string_equal(name_of(f, 9, 8, "sh"), "late");
}

static void with_version_1_the_process_is_asked_once_for_each_program(void **state)
{
	static const char text[] = "4:cpu:/system.slice\n1:name=systemd:/system.slice/a.service\n"
				   "0::/\n";
	struct fixture *f = *state;
	struct sample sample = { .cgroup_id = 1, .tgid = 7, .process_name = "p", .count = 1 };
	uint32_t number;

	f->paths.paths[1] = "/";
	f->paths.paths[2] = "/system.slice/b.service";
	write_proc(f, "self", text);
	write_proc(f, "7", text);
	begin(f);
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "a");
	write_proc(f, "7", "1:name=systemd:/system.slice/c.service\n0::/\n");
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "a");
	sample.generation++;
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_string_equal(service_name(f->services, number), "c");
	/* Of who is gone the unified hierarchy is known. */
	assert_string_equal(name_of(f, 2, 8, "q"), "b");
	assert_int_equal(figures_of(f).without_cgroup, 0);
}

static void by_command_and_by_host_nothing_else_is_asked(void **state)
{
	struct fixture *f = *state;

	f->paths.paths[2] = "/system.slice/nginx.service";
	f->config.split = SPLIT_COMM;
	begin(f);
	assert_string_equal(name_of(f, 2, 7, "sh"), "sh");
	services_free(f->services);
	f->config.split = SPLIT_HOST;
	begin(f);
	assert_string_equal(name_of(f, 2, 7, "sh"), "host");
	assert_int_equal(number_of(f, 3, 8, "x"), number_of(f, 2, 7, "sh"));
	assert_int_equal(f->paths.asked, 0);
}

static void rules_leave_out_and_let_in(void **state)
{
	struct fixture *f = *state;

	f->config.split = SPLIT_COMM;
	add_rule(f, SERVICE_INCLUDE, "^web-1$", NULL);
	add_rule(f, SERVICE_EXCLUDE, "^web-[0-9]+$", NULL);
	add_rule(f, SERVICE_INCLUDE, "^(web|db)", NULL);
	begin(f);
	assert_string_equal(name_of(f, 0, 7, "web-1"), "web-1");
	assert_string_equal(name_of(f, 0, 7, "web-2"), "none");
	assert_string_equal(name_of(f, 0, 7, "web"), "web");
	assert_string_equal(name_of(f, 0, 7, "sshd"), "none");
	assert_int_equal(figures_of(f).excluded_samples, 6);
	assert_int_equal(figures_of(f).known, 2);
}

static void with_excluding_rules_alone_the_rest_stays(void **state)
{
	struct fixture *f = *state;

	f->config.split = SPLIT_COMM;
	add_rule(f, SERVICE_EXCLUDE, "^ssh", NULL);
	begin(f);
	assert_string_equal(name_of(f, 0, 7, "sshd"), "none");
	assert_string_equal(name_of(f, 0, 7, "cron"), "cron");
}

static void rules_rename_by_what_their_parentheses_matched(void **state)
{
	struct fixture *f = *state;

	f->config.split = SPLIT_COMM;
	add_rule(f, SERVICE_RENAME, "^([a-z]+)@([0-9]+)(-x)?", "\\2 of \\1\\3\\\\\\0");
	add_rule(f, SERVICE_RENAME, "^pg", "\\2x/..");
	add_rule(f, SERVICE_RENAME, "^empty(z)?", "\\1");
	add_rule(f, SERVICE_RENAME, "@", "never");
	begin(f);
	assert_string_equal(name_of(f, 0, 7, "sql@12"), "12 of sql\\\\0");
	assert_string_equal(name_of(f, 0, 7, "pg"), "x_..");
	assert_string_equal(name_of(f, 0, 7, "empty"), "empty");
}

static void services_of_one_new_name_keep_the_labels_that_all_have(void **state)
{
	struct fixture *f = *state;
	const struct profile_label *labels;
	uint32_t number;

	f->paths.paths[2] = "/docker/" ID;
	f->paths.paths[3] = "/docker/" INNER;
	add_rule(f, SERVICE_RENAME, "^docker-", "containers");
	begin(f);
	number = number_of(f, 2, 7, "a");
	assert_int_equal(service_labels(f->services, number, &labels), 2);
	assert_int_equal(number_of(f, 3, 8, "b"), number);
	assert_int_equal(service_labels(f->services, number, &labels), 1);
	assert_string_equal(labels[0].value, "docker");
}

static void a_pattern_that_does_not_compile_is_an_error(void **state)
{
	struct fixture *f = *state;

	add_rule(f, SERVICE_INCLUDE, "^good$", NULL);
	add_rule(f, SERVICE_INCLUDE, "(", NULL);
	assert_int_equal(services_new_at(&f->config, &f->paths, f->root, &f->services), -EINVAL);
	assert_null(f->services);
}

static void more_services_than_there_is_room_for_are_other(void **state)
{
	struct fixture *f = *state;
	char command[16];

	f->config.split = SPLIT_COMM;
	begin(f);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(command, sizeof(command), "p%d", i);
		assert_string_equal(name_of(f, 0, 7, command), i < 4 ? command : "other");
	}
	assert_string_equal(name_of(f, 0, 7, "p99"), "other");
	assert_string_equal(name_of(f, 0, 7, "p1"), "p1");
	assert_int_equal(services_count(f->services), 5);
	assert_int_equal(figures_of(f).other_samples, 97 * 3);
}

static void what_was_not_seen_for_an_hour_makes_room(void **state)
{
	struct fixture *f = *state;

	f->config.split = SPLIT_COMM;
	begin(f);
	(void)name_of(f, 0, 7, "a");
	(void)name_of(f, 0, 7, "b");
	(void)name_of(f, 0, 7, "c");
	(void)name_of(f, 0, 7, "d");
	assert_string_equal(name_of(f, 0, 7, "e"), "other");
	for (int i = 0; i < 60; i++) {
		assert_string_equal(name_of(f, 0, 7, "c"), "c");
		services_end_window(f->services);
		assert_int_equal(services_count(f->services), 5);
	}
	services_end_window(f->services);
	assert_int_equal(services_count(f->services), 1);
	assert_string_equal(name_of(f, 0, 7, "e"), "e");
	assert_string_equal(name_of(f, 0, 7, "c"), "c");
	assert_string_equal(name_of(f, 0, 7, "a"), "a");
}

static void time_off_a_cpu_counts_as_one_sample(void **state)
{
	struct fixture *f = *state;
	struct sample sample = { .process_name = "sshd", .is_off_cpu = true, .count = 5000000 };
	uint32_t number;

	f->config.split = SPLIT_COMM;
	add_rule(f, SERVICE_EXCLUDE, "ssh", NULL);
	begin(f);
	assert_int_equal(services_of(f->services, &sample, &number), 0);
	assert_true(number == SERVICE_NONE);
	assert_int_equal(figures_of(f).excluded_samples, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sample_belongs_to_the_unit_of_its_cgroup),
		TEST(containers_of_a_pod_are_one_service),
		TEST(what_is_in_no_unit_goes_by_its_command),
		TEST(threads_of_the_kernel_are_one_service),
		TEST(the_idle_task_and_programs_by_name_are_not_the_kernel),
		TEST(an_unknown_cgroup_is_asked_of_the_process),
		TEST(with_version_1_the_process_is_asked_once_for_each_program),
		TEST(by_command_and_by_host_nothing_else_is_asked),
		TEST(rules_leave_out_and_let_in),
		TEST(with_excluding_rules_alone_the_rest_stays),
		TEST(rules_rename_by_what_their_parentheses_matched),
		TEST(services_of_one_new_name_keep_the_labels_that_all_have),
		TEST(a_pattern_that_does_not_compile_is_an_error),
		TEST(more_services_than_there_is_room_for_are_other),
		TEST(what_was_not_seen_for_an_hour_makes_room),
		TEST(time_off_a_cpu_counts_as_one_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
