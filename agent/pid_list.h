/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of processes, in the order in which they were added. */
#ifndef EPROF_AGENT_PID_LIST_H
#define EPROF_AGENT_PID_LIST_H

#include <stddef.h>
#include <stdint.h>

/* The zero value is empty. */
struct pid_list {
	int32_t *items;
	size_t count, capacity;
};

void pid_list_done(struct pid_list *list);
int pid_list_add(struct pid_list *list, int32_t pid); /* 0 or -ENOMEM */

#endif
