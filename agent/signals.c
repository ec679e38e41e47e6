/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/signals.h"

#include <stddef.h>

void signals_ignore(struct signals *ret)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigprocmask(SIG_BLOCK, NULL, &ret->mask);
	(void)sigaction(SIGPIPE, &ignore, &ret->pipe);
	(void)sigaction(SIGXFSZ, &ignore, &ret->file_size);
}

void signals_hold(void)
{
	sigset_t ending;

	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGINT);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigaddset(&ending, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &ending, NULL);
}

void signals_release(const struct signals *before)
{
	(void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

void signals_restore(const struct signals *before)
{
	(void)sigaction(SIGPIPE, &before->pipe, NULL);
	(void)sigaction(SIGXFSZ, &before->file_size, NULL);
	(void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}
