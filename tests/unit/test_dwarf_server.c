/* SPDX-License-Identifier: Apache-2.0 */
/* The real reader, started as eprof starts it: the client starts its own program, which is this. */
#include "agent/dwarf_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/dwarf_client.h"
#include "agent/dwarf_protocol.h"
#include "base/cleanup.h"
#include "tests/unit/child_process.h"

#define NOBODY "65534"

/* For what has to be answered: a test that waits that long fails by its own time limit. */
#define LONG_NS (1000 * NS_PER_SECOND)

/* Whose line and name are looked for. */
__attribute__((noinline)) static int function_with_a_line(void)
{
	return __LINE__ - 2;
}

struct answer {
	char name[64], file[256];
	uint32_t line;
	size_t count;
};

static void take_answer(void *context, size_t index, const struct dwarf_frame *frames, size_t count)
{
	struct answer *answer = context;

	assert_int_equal(index, 0);
	answer->count = count;
	if (!count)
		return;
	answer->line = frames[count - 1].line;
	(void)snprintf(answer->name, sizeof(answer->name), "%s", frames[count - 1].name);
	(void)snprintf(answer->file, sizeof(answer->file), "%s", frames[count - 1].file);
}

static struct dwarf_client *new_client(void)
{
	struct dwarf_client *client;

	assert_int_equal(dwarf_client_new(LONG_NS, &client), 0);
	return client;
}

static int open_ourselves(struct dwarf_client *client, uint32_t *ret)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return dwarf_client_open(client, fd, -1, ret);
}

/* The first one is the program itself. */
static int take_base(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uint64_t *)context = info->dlpi_addr;
	return 1;
}

/* What the file calls the address of a function of ours. */
static uint64_t file_address(const void *code)
{
	uint64_t base = 0;

	(void)dl_iterate_phdr(take_base, &base);
	return (uintptr_t)code - base;
}

static void lines_of_this_program_are_found(void **state)
{
	struct dwarf_client *client = new_client();
	uint64_t address = file_address((const void *)function_with_a_line);
	struct answer answer = { 0 };
	uint32_t file;

	(void)state;
	assert_int_equal(open_ourselves(client, &file), 0);
	assert_int_equal(dwarf_client_find(client, file, &address, 1, take_answer, &answer), 0);
	assert_int_equal(answer.count, 1);
	assert_string_equal(answer.name, "function_with_a_line");
	assert_non_null(strstr(answer.file, "test_dwarf_server.c"));
	assert_in_range(answer.line, function_with_a_line(), function_with_a_line() + 3);
	dwarf_client_free(client);
}

static void lines_are_found_after_a_rest(void **state)
{
	static const struct dwarf_client_room room = { UINT64_MAX / 2, UINT64_MAX / 2 };
	struct dwarf_client *client = new_client();
	uint64_t address = file_address((const void *)function_with_a_line);
	uint32_t files[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(open_ourselves(client, &files[i]), 0);
	pid = only_child();
	for (uint64_t i = 1; i < 4; i++) {
		struct answer answer = { 0 };

		assert_int_equal(
			dwarf_client_find(client, files[i % 2], &address, 1, take_answer, &answer),
			0);
		assert_string_equal(answer.name, "function_with_a_line");
		dwarf_client_rest(client, &room, i * NS_PER_SECOND);
		assert_int_equal(only_child(), pid);
	}
	dwarf_client_free(client);
}

static void what_is_no_program_is_refused(void **state)
{
	struct dwarf_client *client = new_client();
	int fd = memfd_create("text", MFD_CLOEXEC);
	struct dwarf_client_stats stats;
	uint32_t file;

	(void)state;
	assert_int_equal(write(fd, "no ELF file", 11), 11);
	assert_int_equal(dwarf_client_open(client, fd, -1, &file), -ENOEXEC);
	assert_int_equal(open_ourselves(client, &file), 0);
	dwarf_client_read_stats(client, &stats);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.crashes, 0);
	dwarf_client_free(client);
}

/* A program whose only unit is in a file that is gone; the caller closes it. */
static int open_split_program(uint64_t *ret_address)
{
	static const char commands[] = "set -e; cd $(mktemp -d /tmp/eprof-split-XXXXXX); echo 'int "
				       "main(void) { return 0; }' "
				       ">a.c; gcc -g -gsplit-dwarf -Wl,--build-id=none a.c -o a; "
				       "nm a | sed -n 's/ T main$//p';"
				       "cat a >&3; rm -r $PWD";
	char command[sizeof(commands) + 64];
	int fd = memfd_create("split", 0);
	FILE *address;

	assert_true(fd >= 0);
	(void)snprintf(command, sizeof(command), "exec 3>/proc/%d/fd/%d; %s", (int)getpid(), fd,
		       commands);
	address = popen(command, "r");
	assert_non_null(address);
	assert_int_equal(fscanf(address, "%lx", ret_address), 1);
	assert_int_equal(pclose(address), 0);
	return fd;
}

static void parts_that_cannot_be_read_are_counted_by_why(void **state)
{
	struct dwarf_client *client = new_client();
	struct dwarf_client_stats stats;
	struct answer answer = { 0 };
	uint64_t address;
	uint32_t file;
	int fd = open_split_program(&address);

	(void)state;
	assert_int_equal(dwarf_client_open(client, fd, -1, &file), 0);
	assert_int_equal(dwarf_client_find(client, file, &address, 1, take_answer, &answer), 0);
	assert_int_equal(dwarf_client_find(client, file, &address, 1, take_answer, &answer), 0);
	dwarf_client_read_stats(client, &stats);
	for (int i = 0; i < DWARF_REFUSALS; i++)
		assert_int_equal(stats.parts_refused[i], i == DWARF_REFUSED_SPLIT);
	assert_int_equal(stats.refused, 0);
	dwarf_client_free(client);
}

static void the_reader_has_no_privileges(void **state)
{
	struct dwarf_client *client = new_client();
	uint32_t file;
	int pid;

	(void)state;
	assert_int_equal(open_ourselves(client, &file), 0);
	pid = only_child();
	assert_status(pid, "CapPrm", "0000000000000000");
	assert_status(pid, "CapEff", "0000000000000000");
	assert_status(pid, "CapInh", "0000000000000000");
	assert_status(pid, "CapAmb", "0000000000000000");
	assert_status(pid, "NoNewPrivs", "1");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_status(pid, "Seccomp", "2"); /* a filter */
#endif
	if (geteuid() == 0) {
		assert_status(pid, "Uid", NOBODY "\t" NOBODY "\t" NOBODY "\t" NOBODY);
		assert_status(pid, "Gid", NOBODY "\t" NOBODY "\t" NOBODY "\t" NOBODY);
		assert_status(pid, "Groups", "");
	}
	dwarf_client_free(client);
}

/* Only root may look into a process that is not dumpable. */
static void the_reader_has_no_file_of_ours(void **state)
{
	struct dwarf_client *client = new_client();
	char path[512], target[256];
	DIR *directory;
	uint32_t file;
	/* As a shell may leave one open, and pass it on. */
	int left_open = fcntl(STDERR_FILENO, F_DUPFD, DWARF_SERVER_SOCKET + 20);
	size_t files = 0;

	(void)state;
	assert_int_equal(open_ourselves(client, &file), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", only_child());
	directory = opendir(path);
	if (!directory) {
		assert_int_equal(errno, EACCES);
		(void)close(left_open);
		dwarf_client_free(client);
		skip();
	}
	for (const struct dirent *entry; (entry = readdir(directory));) {
		ssize_t length;
		int number = atoi(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		assert_true(length > 0);
		target[length] = '\0';
		files++;
		if (number < DWARF_SERVER_SOCKET)
			assert_string_equal(target, "/");
		else if (number == DWARF_SERVER_SOCKET)
			assert_memory_equal(target, "socket:", 7);
		else
			assert_non_null(strstr(target, "test_dwarf_server"));
	}
	(void)closedir(directory);
	assert_in_range(files, DWARF_SERVER_SOCKET + 1, DWARF_SERVER_SOCKET + 3);
	(void)close(left_open);
	dwarf_client_free(client);
}

/* Starts the reader at the end of a socket; what it is told next is up to the test. */
static pid_t start_reader(int *ret_socket)
{
	int sockets[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(sockets[1], DWARF_SERVER_SOCKET);
		(void)execl("/proc/self/exe", "eprof", DWARF_SERVER_ARGUMENT, NULL);
		_exit(99);
	}
	(void)close(sockets[1]);
	*ret_socket = sockets[0];
	return pid;
}

/* Of whom it does not understand it takes its leave. */
static void requests_without_sense_end_the_reader(void **state)
{
	static const struct dwarf_request requests[] = {
		{ .kind = DWARF_FIND, .file = 0, .count = 1 }, /* there is no file */
		{ .kind = DWARF_FIND, .file = 0, .count = 0 },
		{ .kind = DWARF_FIND, .file = 0, .count = DWARF_LOOKUP_MAX + 1 },
		{ .kind = DWARF_OPEN }, /* without one */
		{ .kind = DWARF_REST, .file = 0 },
		{ .kind = 77 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int socket, status;
		pid_t pid = start_reader(&socket);
		struct dwarf_reply reply;

		assert_int_equal(
			dwarf_send(socket, &requests[i], sizeof(requests[i]), NULL, 0, NULL), 0);
		assert_int_equal(dwarf_receive(socket, &reply, sizeof(reply), NULL, 0, NULL, NULL),
				 -EPIPE);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		(void)close(socket);
	}
}

static void the_reader_ends_when_nobody_asks_any_more(void **state)
{
	int socket, status;
	pid_t pid = start_reader(&socket);

	(void)state;
	(void)close(socket);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Who has asked may be killed, and the answer take for ever. */
static void a_request_that_takes_too_long_ends_the_reader(void **state)
{
	/* The addresses behind it never come. */
	static const struct dwarf_request request = { .kind = DWARF_OPEN,
						      .file = 0,
						      .seconds = 100 };
	struct dwarf_request find = { .kind = DWARF_FIND, .count = 1, .seconds = 1 };
	int socket, status, fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = start_reader(&socket);
	struct dwarf_reply reply;

	(void)state;
	assert_int_equal(dwarf_send(socket, &request, sizeof(request), &fd, 1, NULL), 0);
	assert_int_equal(dwarf_receive(socket, &reply, sizeof(reply), NULL, 0, NULL, NULL), 0);
	assert_int_equal(reply.err, 0);
	assert_int_equal(dwarf_send(socket, &find, sizeof(find), NULL, 0, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGALRM);
	(void)close(socket);
	(void)close(fd);
}

/* eprof is an ordinary program to who starts it by hand. */
static void without_a_socket_it_does_nothing(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
		(void)close(DWARF_SERVER_SOCKET);
		(void)execl("/proc/self/exe", "eprof", DWARF_SERVER_ARGUMENT, NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_this_program_are_found),
		cmocka_unit_test(lines_are_found_after_a_rest),
		cmocka_unit_test(what_is_no_program_is_refused),
		cmocka_unit_test(parts_that_cannot_be_read_are_counted_by_why),
		cmocka_unit_test(the_reader_has_no_privileges),
		cmocka_unit_test(the_reader_has_no_file_of_ours),
		cmocka_unit_test(requests_without_sense_end_the_reader),
		cmocka_unit_test(the_reader_ends_when_nobody_asks_any_more),
		cmocka_unit_test(a_request_that_takes_too_long_ends_the_reader),
		cmocka_unit_test(without_a_socket_it_does_nothing),
	};

	if (argc == 2 && !strcmp(argv[1], DWARF_SERVER_ARGUMENT))
		return dwarf_server_run();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
