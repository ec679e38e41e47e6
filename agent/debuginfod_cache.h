/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where downloads are kept while eprof is root and the children of agent/debuginfod.c are not.
 * libdebuginfod believes what is in its cache. So it is a directory that belongs to the children's
 * user, in one that only root may enter: whoever else is nobody has no way to it. The children
 * begin in it, and need none.
 */
#ifndef EPROF_AGENT_DEBUGINFOD_CACHE_H
#define EPROF_AGENT_DEBUGINFOD_CACHE_H

/* $DEBUGINFOD_CACHE_PATH, or where that is not set /var/cache: the caches of all users. */
const char *debuginfod_cache_base(void);

/*
 * Opens eprof-debuginfod/files in that directory, making what is not there. For root. 0, or -errno:
 * -EPERM it belongs to others, or they may enter it.
 */
int debuginfod_cache_open(int *ret_fd);

#endif
