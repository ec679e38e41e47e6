/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/seccomp_filter.h"

#include <sys/prctl.h>

int seccomp_filter_enter(const struct sock_filter *program, size_t length)
{
	const struct sock_fprog filter = { .len = (unsigned short)length,
					   .filter = (struct sock_filter *)program };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0)
		return 0;
	return errno == EINVAL ? 0 : -errno;
}
