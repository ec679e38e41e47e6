/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define NS_PER_US    1000u
#define WAIT_SECONDS 1

struct service_manager {
	int socket; /* -1: there is no manager */
	struct sockaddr_un address;
	socklen_t address_size;
	uint64_t alive_ns;
};

static void cleanup_manager(struct service_manager **manager)
{
	service_manager_free(*manager);
}

/* A number of the environment, digits only. False: it is not there, or is none. */
static bool read_number(const char *name, uint64_t *ret)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long number;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret = number;
	return true;
}

static uint64_t alive_interval_ns(void)
{
	uint64_t microseconds, pid;

	if (!read_number("WATCHDOG_USEC", &microseconds) || microseconds > UINT64_MAX / NS_PER_US)
		return 0;
	/* Without it, whoever reads this is meant. */
	if (getenv("WATCHDOG_PID") &&
	    (!read_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return microseconds * NS_PER_US / 2;
}

static int read_address(struct service_manager *manager, const char *name)
{
	struct sockaddr_un *address = &manager->address;
	size_t length = strlen(name);

	/* Of an abstract name all bytes count, and none ends it; a path has one that does. */
	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path))
		return -EINVAL;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, length);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	else
		length++;
	manager->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

int service_manager_new(struct service_manager **ret)
{
	CLEANUP(cleanup_manager) struct service_manager *manager = calloc(1, sizeof(*manager));
	const struct timeval wait = { .tv_sec = WAIT_SECONDS };
	const char *name = getenv("NOTIFY_SOCKET");
	int err;

	if (!manager)
		return -ENOMEM;
	manager->socket = -1;
	if (name && *name) {
		err = read_address(manager, name);
		if (err < 0)
			return err;
		manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (manager->socket < 0 ||
		    setsockopt(manager->socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
			return -errno;
		manager->alive_ns = alive_interval_ns();
	}
	*ret = TAKE(manager);
	return 0;
}

void service_manager_free(struct service_manager *manager)
{
	if (!manager)
		return;
	cleanup_fd(&manager->socket);
	free(manager);
}

static int send_message(struct service_manager *manager, const char *message, int flags)
{
	ssize_t sent;

	if (manager->socket < 0)
		return 0;
	do
		sent = sendto(manager->socket, message, strlen(message), flags | MSG_NOSIGNAL,
			      (struct sockaddr *)&manager->address, manager->address_size);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* A line break would begin another assignment. */
static void put_status(char *line, size_t size, const char *status)
{
	(void)snprintf(line, size, "STATUS=%s", status);
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	}
}

static int send_state(struct service_manager *manager, const char *state, const char *status)
{
	char line[SERVICE_MANAGER_TEXT_MAX + sizeof("STATUS=")] = "";
	char message[sizeof(line) + 64];

	if (status)
		put_status(line, sizeof(line), status);
	(void)snprintf(message, sizeof(message), "%s%s%s", state, status ? "\n" : "", line);
	return send_message(manager, message, 0);
}

int service_manager_ready(struct service_manager *manager, const char *status)
{
	return send_state(manager, "READY=1", status);
}

int service_manager_reloading(struct service_manager *manager)
{
	char message[64];

	/* Type=notify-reload tells by the time which reload is meant. */
	(void)snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		       clock_ns(CLOCK_MONOTONIC) / NS_PER_US);
	return send_message(manager, message, 0);
}

int service_manager_stopping(struct service_manager *manager, const char *status)
{
	return send_state(manager, "STOPPING=1", status);
}

int service_manager_status(struct service_manager *manager, const char *status)
{
	char line[SERVICE_MANAGER_TEXT_MAX + sizeof("STATUS=")];

	put_status(line, sizeof(line), status);
	return send_message(manager, line, MSG_DONTWAIT);
}

int service_manager_alive(struct service_manager *manager)
{
	return send_message(manager, "WATCHDOG=1", MSG_DONTWAIT);
}

uint64_t service_manager_alive_ns(const struct service_manager *manager)
{
	return manager->alive_ns;
}
