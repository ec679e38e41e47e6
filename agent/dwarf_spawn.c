/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/dwarf_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include "agent/dwarf_server.h"

/*
 * The reader begins with its socket and no other file: what should be open always is a path, which
 * is there in every container, and cannot be read or written. Signals that end a recording come to
 * all that it consists of, while names are still asked for: only eprof ends the reader. What eprof
 * ignores does to the reader what it does to everybody.
 */
static int prepare_spawn(int socket, posix_spawn_file_actions_t *actions,
			 posix_spawnattr_t *attributes)
{
	static const int blocked[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	sigset_t signals, defaults;
	int err = 0;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		(void)sigaddset(&signals, blocked[i]);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)sigaddset(&defaults, SIGXFSZ);
	(void)sigaddset(&defaults, SIGALRM);
	for (int fd = 0; !err && fd < DWARF_SERVER_SOCKET; fd++)
		err = posix_spawn_file_actions_addopen(actions, fd, "/", O_PATH | O_DIRECTORY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(actions, socket, DWARF_SERVER_SOCKET);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &signals);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &defaults);
	if (!err)
		err = posix_spawnattr_setflags(attributes,
					       POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -err;
}

int dwarf_spawn(int socket, pid_t *ret_pid)
{
	char *argv[] = { "eprof", DWARF_SERVER_ARGUMENT, NULL };
	char *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	(void)posix_spawnattr_init(&attributes);
	err = prepare_spawn(socket, &actions, &attributes);
	if (!err)
		err = -posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, argv,
				   environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}
