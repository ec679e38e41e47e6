/* SPDX-License-Identifier: Apache-2.0 */
/* What the process that speaks to the network cannot do any more. */
#ifndef EPROF_AGENT_UPLOADER_SANDBOX_H
#define EPROF_AGENT_UPLOADER_SANDBOX_H

/*
 * Gives up every capability, in all sets (the bounding set as far as it may be changed), and what
 * could bring one back; others of its user cannot look into it. The user stays, as files of secrets
 * and of the spool are that user's. Before the first thread starts. 0, or -errno: then it is not to
 * go on.
 */
int uploader_sandbox_drop(void);

/*
 * Refuses (EPERM) the system calls that have no part in sending files: those that trace, signal or
 * limit others, run programs, load code into the kernel, change mounts, namespaces, keys or the
 * clock. A list of what may not be: name services and TLS libraries are loaded at run time, and
 * what they call differs between machines. For all threads started afterwards, too. 0 (also where
 * the kernel knows no filters) or -errno.
 */
int uploader_sandbox_enter(void);

#endif
