/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No client is ever waited for, nor kept: its answer goes into the socket's buffer as a whole, or
 * is cut there, and the socket is closed. What the kernel keeps of it until it is read is the
 * client's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent_status.h"
#include "agent/agent_status_parts.h"
#include "agent/log.h"
#include "base/cleanup.h"

#define SOCKET_MODE 0660
/* Those who ask at once; more wait in connect(). */
#define BACKLOG     64
/* In one call; others wait until the caller has done what else there is. */
#define CLIENTS_MAX 64

struct status_socket {
	int fd;
	/* Given up for a moment when there is no other descriptor: a client that cannot be accepted
	 * would keep the socket readable for ever. */
	int spare_fd;
	bool is_bound;
	dev_t device; /* of the socket's file: another one by its name is not ours */
	ino_t inode;
	struct sockaddr_un address;
};

static void cleanup_socket(struct status_socket **socket)
{
	status_socket_free(*socket);
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int make_address(const char *path, struct sockaddr_un *ret)
{
	size_t length = strlen(path);

	if (length == 0)
		return -EINVAL;
	if (length >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, length);
	return 0;
}

/* Removes a socket that nobody listens on; -EADDRINUSE when somebody does. */
static int remove_stale(const struct sockaddr_un *address)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	/* EAGAIN: too many wait to be accepted, so that there is somebody. */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : -errno;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int listen_at(struct status_socket *self)
{
	const struct sockaddr *address = (const struct sockaddr *)&self->address;
	struct stat status;
	int err;

	self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The file has the socket's mode without the umask: for no moment is it open to all. */
	if (self->fd < 0 || fchmod(self->fd, SOCKET_MODE) < 0)
		return -errno;
	if (bind(self->fd, address, sizeof(self->address)) < 0) {
		if (errno != EADDRINUSE)
			return -errno;
		err = remove_stale(&self->address);
		if (err < 0)
			return err;
		if (bind(self->fd, address, sizeof(self->address)) < 0)
			return -errno;
	}
	if (lstat(self->address.sun_path, &status) < 0)
		return -errno;
	self->device = status.st_dev;
	self->inode = status.st_ino;
	self->is_bound = true;
	if (chmod(self->address.sun_path, SOCKET_MODE) < 0 || listen(self->fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static int socket_new(const char *path, struct status_socket **ret)
{
	CLEANUP(cleanup_socket) struct status_socket *self = calloc(1, sizeof(*self));
	int err;

	if (!self)
		return -ENOMEM;
	self->fd = -1;
	self->spare_fd = open_spare();
	err = make_address(path, &self->address);
	if (err == 0)
		err = listen_at(self);
	if (err < 0)
		return err;
	*ret = TAKE(self);
	return 0;
}

int status_socket_new(const char *path, struct status_socket **ret)
{
	int err = socket_new(path, ret);

	if (err == -EADDRINUSE)
		log_error("cannot listen at '%s': an agent answers there", path);
	else if (err == -ENOTSOCK)
		log_error("cannot listen at '%s': it is there, and is no socket", path);
	else if (err == -EACCES)
		log_error("cannot listen at '%s' as user %u: %s", path, (unsigned int)geteuid(),
			  strerror(-err));
	else if (err < 0)
		log_error("cannot listen at '%s': %s", path, strerror(-err));
	return err;
}

void status_socket_free(struct status_socket *socket)
{
	struct stat status;

	if (!socket)
		return;
	if (socket->is_bound && lstat(socket->address.sun_path, &status) == 0 &&
	    status.st_dev == socket->device && status.st_ino == socket->inode)
		(void)unlink(socket->address.sun_path);
	cleanup_fd(&socket->fd);
	cleanup_fd(&socket->spare_fd);
	free(socket);
}

int status_socket_fd(const struct status_socket *socket)
{
	return socket->fd;
}

/* Without a descriptor for it, a client is let in to be sent away. */
static void turn_away(struct status_socket *self)
{
	if (self->spare_fd < 0)
		return;
	(void)close(TAKE_FD(self->spare_fd));
	self->spare_fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
	cleanup_fd(&self->spare_fd);
	self->spare_fd = open_spare();
}

static void answer_one(int client, const char *text)
{
	const int room = (int)STATUS_ANSWER_BYTES_MAX;
	size_t length = strlen(text);

	/* Where the system's default is less than an answer. */
	(void)setsockopt(client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (length > 0) {
		ssize_t sent = send(client, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return; /* it has gone, or does not read: cut off */
		text += sent;
		length -= (size_t)sent;
	}
}

void status_socket_answer(struct status_socket *socket, const struct agent_status *status)
{
	CLEANUP(cleanup_free) char *text = agent_status_to_json(status);

	for (int i = 0; i < CLIENTS_MAX; i++) {
		CLEANUP(cleanup_fd)
		int client = accept4(socket->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			if (errno == EMFILE || errno == ENFILE)
				turn_away(socket);
			return;
		}
		if (text)
			answer_one(client, text);
	}
}
