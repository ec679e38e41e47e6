/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent may do once it samples: another user, the few capabilities that are needed while
 * it runs, no new ones, and no system calls that it has no use for. agent_privileges.c says of each
 * capability what it is for, and how that was found.
 */
#ifndef EPROF_AGENT_AGENT_PRIVILEGES_H
#define EPROF_AGENT_AGENT_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

struct agent_user {
	uid_t uid;
	gid_t gid;
	bool is_other; /* than who began */
};

/*
 * "eprof", "1000", "1000:1000"; a number without a group has the group of the user of that number,
 * or else the group of that number. NULL: who began if that is not root, otherwise the user eprof
 * where there is one, and nobody where there is none. One line and -EINVAL when there is no such
 * user, or it is root: all that root owns would stay open to it.
 */
int agent_user_find(const char *text, struct agent_user *ret);

/*
 * To be called while there is one thread, as capabilities are each thread's own and those started
 * later inherit them: before recording_prepare(), or at its latest before what starts threads
 * there. What is kept suffices to load, attach and sample from here on; what is loaded already
 * stays. Raises the limits that only root may (agent/limits.h, and those of priorities). Files that
 * are to be written later have to be that user's before. Not to be undone.
 *
 * A capability that this process does not have is done without, and said, unless nothing works
 * without it. One line and -errno on failure (-EBUSY: there are other threads): then it is not to
 * go on.
 */
int agent_privileges_drop(const struct agent_user *user);

#endif
