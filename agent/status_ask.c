/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof agent --status`: the other end of the socket, which trusts no answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cjson/cJSON.h>

#include "agent/agent_status.h"
#include "agent/agent_status_parts.h"
#include "agent/log.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define NS_PER_MS   UINT64_C(1000000)
#define MS_PER_S    1000
#define US_PER_MS   1000
#define FIRST_BYTES ((size_t)16 << 10)

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

/* connect() waits, too, while too many others do; 0 would be for ever. */
static int connect_to(const char *path, int wait_ms, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = wait_ms / MS_PER_S,
				      .tv_usec = wait_ms % MS_PER_S * US_PER_MS };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Waits for more bytes until then. 0 or -errno. */
static int wait_readable(int fd, uint64_t until_ns)
{
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int ready;

	if (now >= until_ns)
		return -ETIMEDOUT;
	ready = poll(&polled, 1, (int)((until_ns - now) / NS_PER_MS) + 1);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	return ready == 0 ? -ETIMEDOUT : 0;
}

/* 1: there may be more; 0: that was all; or -errno. */
static int read_more(int fd, char **text, size_t *length, size_t *capacity)
{
	ssize_t n;

	if (*length + 1 >= *capacity) {
		size_t wanted = *capacity ? 2 * *capacity : FIRST_BYTES;
		char *moved;

		if (*capacity >= STATUS_ANSWER_BYTES_MAX)
			return -EFBIG;
		moved = realloc(*text, wanted);
		if (!moved)
			return -ENOMEM;
		*text = moved;
		*capacity = wanted;
	}
	n = recv(fd, *text + *length, *capacity - *length - 1, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	*length += (size_t)n;
	(*text)[*length] = '\0';
	return n > 0;
}

int status_socket_read(const char *path, int wait_ms, char **ret)
{
	const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)wait_ms * NS_PER_MS;
	CLEANUP(cleanup_fd) int fd = -1;
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length = 0, capacity = 0;
	int err = connect_to(path, wait_ms, &fd);

	while (err == 0) {
		int more;

		err = wait_readable(fd, until_ns);
		if (err < 0)
			break;
		more = read_more(fd, &text, &length, &capacity);
		if (more < 0)
			err = more;
		else if (more == 0)
			break;
	}
	if (err < 0)
		return err;
	*ret = TAKE(text);
	return 0;
}

static int print(const char *text, const cJSON *document, bool as_json)
{
	struct agent_status status;

	if (!as_json) {
		if (agent_status_from_json(document, &status) < 0)
			return -EBADMSG;
		agent_status_put_text(&status, stdout);
	} else {
		(void)fputs(text, stdout);
	}
	return fflush(stdout) != 0 ? -errno : 0;
}

int agent_status_ask(const char *path, bool as_json)
{
	CLEANUP(cleanup_free) char *text = NULL;
	CLEANUP(cleanup_json) cJSON *document = NULL;
	int err = status_socket_read(path, STATUS_WAIT_MS, &text);

	if (err < 0) {
		log_error("no agent answers at '%s': %s", path, strerror(-err));
		return EXIT_FAILURE;
	}
	document = cJSON_ParseWithOpts(text, NULL, true);
	err = document ? print(text, document, as_json) : -EBADMSG;
	if (err == -EBADMSG)
		log_error("what answers at '%s' is no agent, or was cut off", path);
	else if (err < 0)
		log_error("cannot write to stdout: %s", strerror(-err));
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
