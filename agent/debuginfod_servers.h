/* SPDX-License-Identifier: Apache-2.0 */
/* Which debuginfod servers there are to ask. */
#ifndef EPROF_AGENT_DEBUGINFOD_SERVERS_H
#define EPROF_AGENT_DEBUGINFOD_SERVERS_H

#define DEBUGINFOD_SERVERS_MAX 4095

/*
 * URLs with blanks between them, malloc()ed: $DEBUGINFOD_URLS, or where it is not set (sudo unsets
 * it) what a login shell would set it to: all of directory/NAME.urls, in the order of their names.
 * 0; -ENOENT there are none; -ENODATA the variable is set, and names none; -E2BIG they are more
 * than DEBUGINFOD_SERVERS_MAX bytes; -ENOMEM.
 */
int debuginfod_servers(const char *directory, char **ret);

#endif
