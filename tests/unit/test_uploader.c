/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With real processes: what the uploader starts is this program again, with a spool and a network
 * that are made up.
 */
#include "agent/uploader.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/unit/hear.h"
#include "tests/unit/uploader_fakes.h"

#define SECONDS_PLENTY 50.0

/* What uploader.h promises beyond the seconds, and this machine's moods. */
#define STOP_NS_MAX (6 * NS_PER_SECOND)

struct rig {
	struct fake_spool spool;
	struct agent_config *config;
	struct uploader *uploader;
};

static void add_target(struct rig *rig, const char *name, const char *url)
{
	rig->config->targets[rig->config->target_count++] =
		(struct upload_config){ .name = (char *)name, .url = (char *)url };
}

static void set_up(struct rig *rig)
{
	*rig = (struct rig){ 0 };
	fake_spool_make(&rig->spool);
	rig->config = calloc(1, sizeof(*rig->config));
	assert_non_null(rig->config);
	rig->config->spool_dir = rig->spool.dir;
	rig->config->log_level = LOG_LEVEL_INFO;
	add_target(rig, "one", "fake://one");
}

static void start(struct rig *rig)
{
	assert_int_equal(uploader_start(rig->config, &rig->uploader), 0);
}

static void tear_down(struct rig *rig)
{
	uploader_stop(rig->uploader, 0);
	free(rig->config);
	fake_spool_remove(&rig->spool);
}

static void assert_next(const struct rig *rig, const char *event)
{
	char text[FAKE_EVENT_SIZE];

	assert_string_equal(fake_event(&rig->spool, text), event);
}

/* Until the figures have it, which is told a moment after the attempt. */
static void wait_for_sent(const struct rig *rig, size_t target, uint64_t count)
{
	struct uploader_figures figures;

	for (;;) {
		assert_true(uploader_figures_of(rig->uploader, target, &figures));
		if (figures.sent >= count)
			break;
		(void)usleep(1000);
	}
	assert_int_equal(figures.sent, count);
}

static void wait_until_readable(int fd)
{
	struct pollfd news = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&news, 1, -1), 1);
}

static void read_status(pid_t pid, char *ret, size_t size)
{
	char path[64];
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	{
		CLEANUP(cleanup_file) FILE *file = fopen(path, "re");

		assert_non_null(file);
		n = fread(ret, 1, size - 1, file);
		ret[n] = '\0';
	}
}

static void it_has_no_capability_and_no_way_to_one(void **state)
{
	/* The last one only who has CAP_SETPCAP can change. */
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd" };
	size_t count = geteuid() == 0 ? 5 : 4;
	char text[8192], line[64];
	struct rig rig;

	(void)state;
	set_up(&rig);
	start(&rig);
	fake_put(&rig.spool, "fake://one", "1");
	uploader_wake(rig.uploader);
	assert_next(&rig, "one 1 sent");
	read_status(uploader_pid(rig.uploader), text, sizeof(text));
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(line, sizeof(line), "\n%s:\t0000000000000000\n", sets[i]);
		assert_non_null(strstr(text, line));
	}
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	(void)snprintf(line, sizeof(line), "\nUid:\t%u\t%u\t%u\t%u\n", getuid(), getuid(), getuid(),
		       getuid());
	assert_non_null(strstr(text, line));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
#endif
	tear_down(&rig);
}

static bool has_open(pid_t pid, const char *path)
{
	char name[FAKE_PATH_SIZE], target[FAKE_PATH_SIZE];
	bool is_there = false;
	DIR *dir;

	(void)snprintf(name, sizeof(name), "/proc/%d/fd", (int)pid);
	dir = opendir(name);
	assert_non_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		is_there |= !strcmp(target, path);
	}
	(void)closedir(dir);
	return is_there;
}

static void it_has_no_file_but_its_own(void **state)
{
	struct rig rig;
	int leaked;

	(void)state;
	if (geteuid() != 0)
		skip();
	set_up(&rig);
	leaked = open(rig.spool.dir, O_RDONLY | O_DIRECTORY);
	assert_true(leaked >= 0 && fcntl(leaked, F_DUPFD, 200) >= 200);
	fake_script(&rig.spool, "one", "hang\n");
	fake_put(&rig.spool, "fake://one", "1");
	start(&rig);
	assert_next(&rig, "one 1 hang");
	assert_true(has_open(getpid(), rig.spool.dir));
	assert_false(has_open(uploader_pid(rig.uploader), rig.spool.dir));
	assert_true(has_open(uploader_pid(rig.uploader), "/memfd:uploader-config (deleted)"));
	(void)close_range((unsigned int)leaked, (unsigned int)leaked, 0);
	(void)close(200);
	tear_down(&rig);
}

static void one_that_was_killed_is_started_again_and_counts_on(void **state)
{
	struct rig rig;
	pid_t first;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, "fake://one", "1");
	start(&rig);
	assert_next(&rig, "one 1 sent");
	wait_for_sent(&rig, 0, 1);
	first = uploader_pid(rig.uploader);
	assert_int_equal(uploader_restart(rig.uploader), 0); /* nothing is due */
	assert_int_equal(uploader_pid(rig.uploader), first);
	fake_script(&rig.spool, "one", "hang\n");
	fake_put(&rig.spool, "fake://one", "2");
	uploader_wake(rig.uploader);
	assert_next(&rig, "one 2 hang");
	hear();
	assert_int_equal(kill(first, SIGKILL), 0);
	wait_until_readable(uploader_fd(rig.uploader));
	assert_int_equal(uploader_restart(rig.uploader), 0);
	assert_non_null(strstr(heard(), "was ended by signal 9; it is started again in 1 s"));
	assert_int_equal(uploader_pid(rig.uploader), 0);
	assert_int_equal(uploader_restarts(rig.uploader), 0);
	wait_until_readable(uploader_fd(rig.uploader));
	assert_int_equal(uploader_restart(rig.uploader), 0);
	assert_int_equal(uploader_restarts(rig.uploader), 1);
	assert_int_not_equal(uploader_pid(rig.uploader), first);
	assert_next(&rig, "one 2 sent");
	wait_for_sent(&rig, 0, 2);
	assert_true(uploader_cpu_seconds(rig.uploader) > 0);
	hear();
	assert_int_equal(kill(uploader_pid(rig.uploader), SIGKILL), 0);
	wait_until_readable(uploader_fd(rig.uploader));
	assert_int_equal(uploader_restart(rig.uploader), 0);
	assert_non_null(strstr(heard(), "it is started again in 2 s"));
	tear_down(&rig);
}

static void signals_that_end_the_agent_do_not_end_it(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	start(&rig);
	/* Before it has begun, and after. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kill(uploader_pid(rig.uploader), SIGTERM), 0);
		assert_int_equal(kill(uploader_pid(rig.uploader), SIGINT), 0);
		fake_put(&rig.spool, "fake://one", i ? "2" : "1");
		uploader_wake(rig.uploader);
		assert_next(&rig, i ? "one 2 sent" : "one 1 sent");
	}
	wait_for_sent(&rig, 0, 2);
	assert_int_equal(uploader_restarts(rig.uploader), 0);
	tear_down(&rig);
}

/* A process that starts an uploader, says which, and waits to be killed. */
static pid_t start_agent(struct rig *rig, pid_t *ret_uploader)
{
	int pids[2];
	pid_t agent;

	assert_int_equal(pipe(pids), 0);
	agent = fork();
	assert_true(agent >= 0);
	if (agent == 0) {
		pid_t pid = uploader_start(rig->config, &rig->uploader) == 0
				    ? uploader_pid(rig->uploader)
				    : 0;

		fake_must(write(pids[1], &pid, sizeof(pid)) == sizeof(pid));
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(pids[0], ret_uploader, sizeof(*ret_uploader)), sizeof(*ret_uploader));
	assert_true(*ret_uploader > 0);
	(void)close(pids[0]);
	(void)close(pids[1]);
	return agent;
}

static void it_ends_when_the_agent_is_killed(void **state)
{
	struct rig rig;
	pid_t agent, uploader;
	int pidfd;

	(void)state;
	set_up(&rig);
	fake_script(&rig.spool, "one", "hang\n");
	fake_put(&rig.spool, "fake://one", "1");
	agent = start_agent(&rig, &uploader);
	pidfd = (int)syscall(SYS_pidfd_open, uploader, 0);
	assert_true(pidfd >= 0);
	fake_put(&rig.spool, "fake://one", "2");
	assert_int_equal(kill(agent, SIGKILL), 0);
	assert_int_equal(waitpid(agent, NULL, 0), agent);
	wait_until_readable(pidfd);
	(void)close(pidfd);
	assert_int_equal(fake_count(&rig.spool, "queue", "fake://one"), 2);
	tear_down(&rig);
}

static void a_stop_sends_what_is_in_the_spool(void **state)
{
	struct rig rig;
	uint64_t begin;

	(void)state;
	set_up(&rig);
	for (char name[2] = "1"; name[0] <= '5'; name[0]++)
		fake_put(&rig.spool, "fake://one", name);
	start(&rig);
	begin = clock_ns(CLOCK_MONOTONIC);
	uploader_stop(TAKE(rig.uploader), SECONDS_PLENTY);
	assert_true(clock_ns(CLOCK_MONOTONIC) - begin < (uint64_t)SECONDS_PLENTY * NS_PER_SECOND);
	assert_int_equal(fake_count(&rig.spool, "queue", "fake://one"), 0);
	tear_down(&rig);
}

static void a_stop_takes_its_time_and_no_more(void **state)
{
	/* One lets itself be cut, the other has to be killed. */
	static const char *const scripts[] = { "hang\n", "deaf\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig rig;
		uint64_t begin, took;

		set_up(&rig);
		fake_put(&rig.spool, "fake://one", "1");
		fake_script(&rig.spool, "one", scripts[i]);
		start(&rig);
		assert_next(&rig, i ? "one 1 deaf" : "one 1 hang");
		begin = clock_ns(CLOCK_MONOTONIC);
		uploader_stop(TAKE(rig.uploader), 0.2);
		took = clock_ns(CLOCK_MONOTONIC) - begin;
		assert_in_range(took, NS_PER_SECOND / 5, STOP_NS_MAX);
		assert_int_equal(fake_count(&rig.spool, "queue", "fake://one"), 1);
		tear_down(&rig);
	}
}

static void a_change_keeps_the_figures_of_targets_that_stay(void **state)
{
	struct uploader_figures figures;
	struct rig rig;
	pid_t first;

	(void)state;
	set_up(&rig);
	fake_put(&rig.spool, "fake://one", "1");
	start(&rig);
	wait_for_sent(&rig, 0, 1);
	first = uploader_pid(rig.uploader);
	rig.config->target_count = 0;
	add_target(&rig, "new", "fake://new");
	add_target(&rig, "one", "fake://one");
	fake_put(&rig.spool, "fake://new", "1");
	assert_int_equal(uploader_change(rig.uploader, rig.config), 0);
	assert_int_not_equal(uploader_pid(rig.uploader), first);
	assert_next(&rig, "one 1 sent");
	assert_next(&rig, "new 1 sent");
	wait_for_sent(&rig, 0, 1);
	wait_for_sent(&rig, 1, 1);
	assert_false(uploader_figures_of(rig.uploader, 2, &figures));
	assert_int_equal(uploader_restarts(rig.uploader), 0);
	tear_down(&rig);
}

static void a_change_starts_one_that_had_died(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	start(&rig);
	hear();
	assert_int_equal(kill(uploader_pid(rig.uploader), SIGKILL), 0);
	wait_until_readable(uploader_fd(rig.uploader));
	assert_int_equal(uploader_restart(rig.uploader), 0);
	(void)heard();
	assert_int_equal(uploader_pid(rig.uploader), 0);
	assert_true(uploader_ended_cpu_seconds(rig.uploader) > 0);
	assert_true(uploader_ended_cpu_seconds(rig.uploader) == uploader_cpu_seconds(rig.uploader));
	assert_int_equal(uploader_change(rig.uploader, rig.config), 0);
	fake_put(&rig.spool, "fake://one", "1");
	uploader_wake(rig.uploader);
	assert_next(&rig, "one 1 sent");
	tear_down(&rig);
}

static void nobody_else_starts_it(void **state)
{
	(void)state;
	hear();
	assert_int_equal(uploader_run(), 2);
	assert_string_equal(heard(), "eprof: " UPLOADER_ARGUMENT " is for eprof itself\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_no_capability_and_no_way_to_one),
		cmocka_unit_test(it_has_no_file_but_its_own),
		cmocka_unit_test(one_that_was_killed_is_started_again_and_counts_on),
		cmocka_unit_test(signals_that_end_the_agent_do_not_end_it),
		cmocka_unit_test(it_ends_when_the_agent_is_killed),
		cmocka_unit_test(a_stop_sends_what_is_in_the_spool),
		cmocka_unit_test(a_stop_takes_its_time_and_no_more),
		cmocka_unit_test(a_change_keeps_the_figures_of_targets_that_stay),
		cmocka_unit_test(a_change_starts_one_that_had_died),
		cmocka_unit_test(nobody_else_starts_it),
	};

	if (argc == 2 && !strcmp(argv[1], UPLOADER_ARGUMENT))
		return uploader_run();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
