/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent_status_parts.h"
#include "tests/unit/hear.h"
#include "tests/unit/made_status.h"

#define PATH "agent.sock"

static int enter(void **state)
{
	static char directory[64];

	(void)snprintf(directory, sizeof(directory), "/tmp/eprof-test-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	*state = directory;
	return 0;
}

static int leave(void **state)
{
	(void)unlink(PATH);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(*state), 0);
	return 0;
}

static struct status_socket *listen_here(void)
{
	struct status_socket *socket = NULL;

	assert_int_equal(status_socket_new(PATH, &socket), 0);
	return socket;
}

/* A socket that is bound there, for no one to listen. */
static int bind_here(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int connect_here(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_readable(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

/* An agent in a thread, until it is told to end by a byte. */
struct agent {
	struct status_socket *socket;
	struct agent_status status;
	int end[2];
	pthread_t thread;
};

static void *answer(void *context)
{
	struct agent *agent = context;
	struct pollfd polled[] = { { .fd = status_socket_fd(agent->socket), .events = POLLIN },
				   { .fd = agent->end[0], .events = POLLIN } };

	while (poll(polled, 2, -1) > 0 && !polled[1].revents)
		status_socket_answer(agent->socket, &agent->status);
	return NULL;
}

static void agent_begin(struct agent *agent)
{
	agent->socket = listen_here();
	agent->status = made_status();
	assert_int_equal(pipe2(agent->end, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&agent->thread, NULL, answer, agent), 0);
}

static void agent_end(struct agent *agent)
{
	assert_int_equal(write(agent->end[1], "", 1), 1);
	assert_int_equal(pthread_join(agent->thread, NULL), 0);
	(void)close(agent->end[0]);
	(void)close(agent->end[1]);
	status_socket_free(agent->socket);
}

static void a_thousand_clients_are_answered_whole(void **state)
{
	struct agent agent;
	char *expected = NULL, *text = NULL;

	(void)state;
	agent_begin(&agent);
	expected = agent_status_to_json(&agent.status);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(status_socket_read(PATH, STATUS_WAIT_MS, &text), 0);
		assert_string_equal(text, expected);
		free(text);
	}
	agent_end(&agent);
	free(expected);
}

/* stdout of agent_status_ask(); lives until the next call. */
static const char *asked(bool as_json, int expected_code)
{
	static char text[65536];
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO), code;
	size_t n;

	assert_non_null(file);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	code = agent_status_ask(PATH, as_json);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	assert_int_equal(code, expected_code);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static void who_asks_gets_json_or_text(void **state)
{
	struct agent agent;
	char *json;

	(void)state;
	agent_begin(&agent);
	json = agent_status_to_json(&agent.status);
	assert_string_equal(asked(true, 0), json);
	assert_non_null(strstr(asked(false, 0), "samples   10000, 99.90 % with complete stacks"));
	agent_end(&agent);
	free(json);
}

static void the_answer_of_no_agent_is_an_error(void **state)
{
	(void)state;
	hear();
	assert_string_equal(asked(true, 1), "");
	assert_string_equal(heard(),
			    "eprof: no agent answers at '" PATH "': No such file or directory\n");
}

/* Sends and sends. */
static void *serve_text(void *context)
{
	const int *listener = context;
	int client = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
	char block[65536];

	memset(block, ' ', sizeof(block));
	block[0] = '{';
	while (send(client, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
	(void)close(client);
	return NULL;
}

static void an_endless_answer_is_cut_at_its_limit(void **state)
{
	int listener = bind_here();
	pthread_t thread;
	char *text;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_text, &listener), 0);
	assert_int_equal(status_socket_read(PATH, STATUS_WAIT_MS, &text), -EFBIG);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(listener);
}

static void an_agent_that_hangs_is_not_waited_for_for_ever(void **state)
{
	int listener = bind_here();
	char *text;

	(void)state;
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(status_socket_read(PATH, 50, &text), -ETIMEDOUT);
	/* That one is still to be accepted: now not even connect() comes through. */
	assert_int_equal(status_socket_read(PATH, 50, &text), -ETIMEDOUT);
	(void)close(listener);
}

/* Sends the beginning of an answer, and closes. */
static void *serve_part(void *context)
{
	const int *listener = context;
	int client = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);

	(void)send(client, "{\"windows\": 1", 12, MSG_NOSIGNAL);
	(void)close(client);
	return NULL;
}

static void an_answer_that_was_cut_off_is_no_answer(void **state)
{
	int listener = bind_here();
	pthread_t thread;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_part, &listener), 0);
	hear();
	assert_string_equal(asked(true, 1), "");
	assert_string_equal(heard(),
			    "eprof: what answers at '" PATH "' is no agent, or was cut off\n");
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(listener);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct status_socket *socket;
	struct stat status;

	(void)state;
	(void)close(bind_here());
	socket = listen_here();
	assert_int_equal(stat(PATH, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0660);
	status_socket_free(socket);
	assert_int_equal(access(PATH, F_OK), -1);
}

static void a_socket_that_lives_is_refused_also_when_it_is_crowded(void **state)
{
	struct status_socket *socket = listen_here(), *second = NULL;
	int listener, client;

	(void)state;
	hear();
	assert_int_equal(status_socket_new(PATH, &second), -EADDRINUSE);
	assert_string_equal(heard(),
			    "eprof: cannot listen at '" PATH "': an agent answers there\n");
	assert_int_equal(access(PATH, F_OK), 0);
	status_socket_free(socket);
	listener = bind_here();
	assert_int_equal(listen(listener, 0), 0);
	client = connect_here();
	assert_int_equal(status_socket_new(PATH, &second), -EADDRINUSE);
	(void)close(client);
	(void)close(listener);
}

static void what_is_no_socket_stays(void **state)
{
	struct status_socket *socket = NULL;
	char endless[200] = "";

	(void)state;
	(void)close(open(PATH, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	hear();
	assert_int_equal(status_socket_new(PATH, &socket), -ENOTSOCK);
	assert_string_equal(heard(),
			    "eprof: cannot listen at '" PATH "': it is there, and is no socket\n");
	assert_int_equal(access(PATH, F_OK), 0);
	memset(endless, 'x', sizeof(endless) - 1);
	assert_int_equal(status_socket_new(endless, &socket), -ENAMETOOLONG);
	assert_int_equal(status_socket_new("", &socket), -EINVAL);
}

static void another_ones_socket_is_not_removed(void **state)
{
	struct status_socket *socket = listen_here();

	(void)state;
	assert_int_equal(unlink(PATH), 0);
	(void)close(bind_here());
	status_socket_free(socket);
	assert_int_equal(access(PATH, F_OK), 0);
	status_socket_free(NULL);
}

static void a_client_that_does_not_read_or_has_gone_holds_up_nobody(void **state)
{
	struct status_socket *socket = listen_here();
	struct agent_status status = made_status();
	int slow, gone, third;
	char text[16];

	(void)state;
	slow = connect_here();
	gone = connect_here();
	third = connect_here();
	(void)close(gone);
	status_socket_answer(socket, &status);
	assert_true(is_readable(third));
	assert_int_equal(read(third, text, 1), 1);
	assert_int_equal(text[0], '{');
	assert_false(is_readable(status_socket_fd(socket)));
	(void)close(slow);
	(void)close(third);
	status_socket_free(socket);
}

static void without_descriptors_clients_are_turned_away(void **state)
{
	struct status_socket *socket = listen_here();
	struct agent_status status = made_status();
	struct rlimit saved, none;
	int client = connect_here();
	char text[16];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	/* The spare one lies below. */
	none = (struct rlimit){ .rlim_cur = (rlim_t)client, .rlim_max = saved.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	status_socket_answer(socket, &status);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_false(is_readable(status_socket_fd(socket)));
	assert_int_equal(read(client, text, sizeof(text)), 0);
	(void)close(client);
	client = connect_here();
	status_socket_answer(socket, &status);
	assert_int_equal(read(client, text, 1), 1);
	(void)close(client);
	status_socket_free(socket);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_thousand_clients_are_answered_whole),
		TEST(who_asks_gets_json_or_text),
		TEST(the_answer_of_no_agent_is_an_error),
		TEST(an_endless_answer_is_cut_at_its_limit),
		TEST(an_agent_that_hangs_is_not_waited_for_for_ever),
		TEST(an_answer_that_was_cut_off_is_no_answer),
		TEST(a_stale_socket_is_replaced),
		TEST(a_socket_that_lives_is_refused_also_when_it_is_crowded),
		TEST(what_is_no_socket_stays),
		TEST(another_ones_socket_is_not_removed),
		TEST(a_client_that_does_not_read_or_has_gone_holds_up_nobody),
		TEST(without_descriptors_clients_are_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
