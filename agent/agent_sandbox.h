/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_AGENT_SANDBOX_H
#define EPROF_AGENT_AGENT_SANDBOX_H

/*
 * From here on this thread, those that it starts, and their children may no longer ask the kernel
 * for what an agent never does: mounts, namespaces, modules, tracing, clocks, keys (x86-64 and
 * arm64; elsewhere nothing changes). It fails with EPERM. Not to be undone. Wants no_new_privs. 0,
 * or -errno; of a kernel that has no filters, 0.
 */
int agent_sandbox_enter(void);

#endif
