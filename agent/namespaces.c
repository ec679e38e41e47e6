/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namespaces.h"

#include <sys/stat.h>

/* The initial ones have fixed inodes (include/linux/proc_ns.h). */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFD
#define INITIAL_PID_NAMESPACE  0xEFFFFFFC

/* 0: a kernel without such namespaces. */
static uint32_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (uint32_t)st.st_ino;
}

bool namespaces_user_is_nested(void)
{
	uint32_t inode = inode_of("/proc/self/ns/user");

	return inode && inode != INITIAL_USER_NAMESPACE;
}

uint32_t namespaces_own_pid(void)
{
	uint32_t inode = inode_of("/proc/self/ns/pid");

	return inode == INITIAL_PID_NAMESPACE ? 0 : inode;
}
