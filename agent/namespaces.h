/* SPDX-License-Identifier: Apache-2.0 */
/* Which namespaces we are in: numbers and capabilities mean something else in those of a container.
 */
#ifndef EPROF_AGENT_NAMESPACES_H
#define EPROF_AGENT_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

/* Whether our user namespace is another one than the machine's: capabilities end with it. */
bool namespaces_user_is_nested(void);

/* What the kernel calls our pid namespace; 0: the initial one, or a kernel without any. */
uint32_t namespaces_own_pid(void);

#endif
