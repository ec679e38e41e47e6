/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent says to systemd, or to whoever else started it as a service of Type=notify.
 *
 * sd_notify(3) documents the datagrams as a stable protocol, for programs that do not link
 * libsystemd. They are written here: the library would bring half a dozen others into a small
 * program, for one sendmsg(), and the agent would be without its watchdog where it cannot be
 * loaded. The environment stays as it is: WATCHDOG_PID says who is meant, and of who sends, the
 * manager hears the main process only.
 *
 * The manager's socket is asked for anew with each message, so that one which was replaced is
 * found. Not thread-safe.
 */
#ifndef EPROF_AGENT_SERVICE_MANAGER_H
#define EPROF_AGENT_SERVICE_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

/* Of a status; what is longer is cut. */
#define SERVICE_MANAGER_TEXT_MAX 512

struct service_manager;

/*
 * Reads NOTIFY_SOCKET (a path, or '@' and an abstract name), WATCHDOG_USEC and WATCHDOG_PID, and
 * makes a socket, which works whatever user the process becomes. Without NOTIFY_SOCKET all below
 * does nothing, and returns 0. -EINVAL: it names no socket; -ENOMEM and so on. On success the
 * caller owns *ret.
 */
int service_manager_new(struct service_manager **ret);
void service_manager_free(struct service_manager *manager); /* NULL is fine */

/*
 * What the service does. The manager counts on each of these: a full socket is waited for, for a
 * second. status, one line for `systemctl status`, may be NULL: then it stays as it was. 0 or
 * -errno.
 */
int service_manager_ready(struct service_manager *manager, const char *status);
int service_manager_reloading(struct service_manager *manager); /* then _ready() */
int service_manager_stopping(struct service_manager *manager, const char *status);

/* These are lost when the socket is full (-EAGAIN): the next one comes soon. */
int service_manager_status(struct service_manager *manager, const char *status);
int service_manager_alive(struct service_manager *manager);

/*
 * How often the manager wants service_manager_alive() at least, in nanoseconds: half of the time
 * after which it ends the service, as sd_watchdog_enabled(3) advises. 0: it does not ask this
 * process.
 */
uint64_t service_manager_alive_ns(const struct service_manager *manager);

#endif
