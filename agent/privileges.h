/* SPDX-License-Identifier: Apache-2.0 */
/* For processes of eprof that deal with what strangers wrote. */
#ifndef EPROF_AGENT_PRIVILEGES_H
#define EPROF_AGENT_PRIVILEGES_H

/* "nobody" and "nogroup", by number: there may be no user database where we run. */
#define PRIVILEGES_NOBODY 65534

/*
 * Gives up all that this process may do and others may not: root becomes nobody, without groups; no
 * capability stays, and none comes back by what is executed. Others of that user can neither look
 * into it nor trace it. Clears what prctl(PR_SET_PDEATHSIG) has set. 0, or -errno: then it is not
 * to go on.
 */
int privileges_drop(void);

#endif
