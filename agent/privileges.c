/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

int privileges_drop(void)
{
	const gid_t group = PRIVILEGES_NOBODY;
	const uid_t user = PRIVILEGES_NOBODY;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (geteuid() == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
		    setresuid(user, user, user) < 0)
			return -errno;
	}
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}
