/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* The manager's end, and ours. */
struct fixture {
	char directory[64], path[100];
	int fd;
	struct service_manager *manager;
};

/* A manager that listens at name, which begins with '@' when it is abstract. */
static int listen_as_manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
	return fd;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/eprof-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->path, sizeof(fixture->path), "%s/notify", fixture->directory);
	fixture->fd = listen_as_manager(fixture->path);
	assert_int_equal(setenv("NOTIFY_SOCKET", fixture->path, 1), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
	assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	assert_int_equal(service_manager_new(&fixture->manager), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	service_manager_free(fixture->manager);
	(void)close(fixture->fd);
	(void)unlink(fixture->path);
	(void)rmdir(fixture->directory);
	free(fixture);
	return 0;
}

/* The next message; lives until the following one. */
static const char *received(int fd)
{
	static char message[4096];
	ssize_t n = recv(fd, message, sizeof(message) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	message[n] = '\0';
	return message;
}

static void each_state_is_one_message(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(service_manager_ready(fixture->manager, "sampling"), 0);
	assert_string_equal(received(fixture->fd), "READY=1\nSTATUS=sampling");
	assert_int_equal(service_manager_ready(fixture->manager, NULL), 0);
	assert_string_equal(received(fixture->fd), "READY=1");
	assert_int_equal(service_manager_status(fixture->manager, "3 windows"), 0);
	assert_string_equal(received(fixture->fd), "STATUS=3 windows");
	assert_int_equal(service_manager_alive(fixture->manager), 0);
	assert_string_equal(received(fixture->fd), "WATCHDOG=1");
	assert_int_equal(service_manager_stopping(fixture->manager, "sending"), 0);
	assert_string_equal(received(fixture->fd), "STOPPING=1\nSTATUS=sending");
}

static void a_reload_has_the_time_at_which_it_began(void **state)
{
	struct fixture *fixture = *state;
	uint64_t before = clock_ns(CLOCK_MONOTONIC) / 1000, time;

	assert_int_equal(service_manager_reloading(fixture->manager), 0);
	assert_int_equal(
		sscanf(received(fixture->fd), "RELOADING=1\nMONOTONIC_USEC=%" SCNu64, &time), 1);
	assert_in_range(time, before, clock_ns(CLOCK_MONOTONIC) / 1000);
}

static void a_status_is_one_line_of_limited_length(void **state)
{
	struct fixture *fixture = *state;
	char text[4 * SERVICE_MANAGER_TEXT_MAX] = "";

	assert_int_equal(service_manager_status(fixture->manager, "a\nMAINPID=1\x7f"), 0);
	assert_string_equal(received(fixture->fd), "STATUS=a MAINPID=1 ");
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(service_manager_ready(fixture->manager, text), 0);
	assert_int_equal(strlen(received(fixture->fd)),
			 strlen("READY=1\nSTATUS=") + SERVICE_MANAGER_TEXT_MAX);
}

static void what_is_not_counted_on_never_waits(void **state)
{
	struct fixture *fixture = *state;
	int err;

	do
		err = service_manager_alive(fixture->manager);
	while (err == 0);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(service_manager_status(fixture->manager, "x"), -EAGAIN);
}

static void a_manager_that_is_gone_is_an_error_and_one_that_comes_back_is_found(void **state)
{
	struct fixture *fixture = *state;

	(void)close(fixture->fd);
	assert_int_equal(service_manager_alive(fixture->manager), -ECONNREFUSED);
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(service_manager_alive(fixture->manager), -ENOENT);
	fixture->fd = listen_as_manager(fixture->path);
	assert_int_equal(service_manager_alive(fixture->manager), 0);
	assert_string_equal(received(fixture->fd), "WATCHDOG=1");
}

static void abstract_names_are_taken(void **state)
{
	struct service_manager *manager;
	char name[64];
	int fd;

	(void)state;
	(void)snprintf(name, sizeof(name), "@eprof-test-%d", (int)getpid());
	fd = listen_as_manager(name);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(service_manager_new(&manager), 0);
	assert_int_equal(service_manager_alive(manager), 0);
	assert_string_equal(received(fd), "WATCHDOG=1");
	service_manager_free(manager);
	(void)close(fd);
}

static void without_a_manager_nothing_happens(void **state)
{
	struct service_manager *manager;

	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "1000", 1), 0);
	assert_int_equal(service_manager_new(&manager), 0);
	assert_int_equal(service_manager_ready(manager, "x"), 0);
	assert_int_equal(service_manager_reloading(manager), 0);
	assert_int_equal(service_manager_stopping(manager, NULL), 0);
	assert_int_equal(service_manager_status(manager, "x"), 0);
	assert_int_equal(service_manager_alive(manager), 0);
	assert_int_equal(service_manager_alive_ns(manager), 0);
	service_manager_free(manager);
	service_manager_free(NULL);
}

static void a_name_that_is_no_socket_is_refused(void **state)
{
	struct service_manager *manager;
	char endless[200] = "/";

	(void)state;
	memset(endless + 1, 'x', sizeof(endless) - 2);
	assert_int_equal(setenv("NOTIFY_SOCKET", endless, 1), 0);
	assert_int_equal(service_manager_new(&manager), -EINVAL);
	assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1", 1), 0);
	assert_int_equal(service_manager_new(&manager), -EINVAL);
	assert_int_equal(setenv("NOTIFY_SOCKET", "@", 1), 0);
	assert_int_equal(service_manager_new(&manager), -EINVAL);
}

static uint64_t alive_ns(const char *microseconds, const char *pid)
{
	struct service_manager *manager;
	uint64_t ns;

	assert_int_equal(setenv("WATCHDOG_USEC", microseconds, 1), 0);
	if (pid)
		assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	else
		assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
	assert_int_equal(service_manager_new(&manager), 0);
	ns = service_manager_alive_ns(manager);
	service_manager_free(manager);
	return ns;
}

static void the_watchdog_is_heard_twice_in_its_time_when_it_means_us(void **state)
{
	char pid[16];

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(alive_ns("30000000", NULL), 15 * NS_PER_SECOND);
	assert_int_equal(alive_ns("30000000", pid), 15 * NS_PER_SECOND);
	assert_int_equal(alive_ns("30000000", "1"), 0);
	assert_int_equal(alive_ns("30000000", ""), 0);
	assert_int_equal(alive_ns("", pid), 0);
	assert_int_equal(alive_ns("0", pid), 0);
	assert_int_equal(alive_ns("-1", pid), 0);
	assert_int_equal(alive_ns("30s", pid), 0);
	assert_int_equal(alive_ns("18446744073709551615", pid), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_state_is_one_message),
		TEST(a_reload_has_the_time_at_which_it_began),
		TEST(a_status_is_one_line_of_limited_length),
		TEST(what_is_not_counted_on_never_waits),
		TEST(a_manager_that_is_gone_is_an_error_and_one_that_comes_back_is_found),
		TEST(abstract_names_are_taken),
		TEST(without_a_manager_nothing_happens),
		TEST(a_name_that_is_no_socket_is_refused),
		TEST(the_watchdog_is_heard_twice_in_its_time_when_it_means_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
