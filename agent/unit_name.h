/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a systemd unit's name tells the service. Sources: systemd.unit(5) on names, templates and
 * "\x2d"; systemd.io/CGROUP_DELEGATION on which units have cgroups; systemd.io/DESKTOP_ENVIRONMENTS
 * on app-*; systemd-run(1) on run-*; logind's and machined's manual pages on session-* and
 * machine-*.
 */
#ifndef EPROF_AGENT_UNIT_NAME_H
#define EPROF_AGENT_UNIT_NAME_H

#include <stddef.h>

/* A cgroup's directory has a name of at most so many bytes, and one for the NUL. */
#define UNIT_NAME_SIZE 256

enum unit_kind {
	UNIT_NONE,      /* not the name of a unit that has a cgroup */
	UNIT_SLICE,     /* holds others; a name all the same */
	UNIT_NAMED,     /* a service, or what is as good as one */
	UNIT_SESSION,   /* of a user who has logged in: no name, the user's slice has it */
	UNIT_ANONYMOUS, /* made for one command, with a name of random digits; a manager's own scope
			 */
};

/*
 * directory: the cgroup's. ret has room for UNIT_NAME_SIZE bytes: "nginx" of nginx.service,
 * "getty@tty1" of getty@tty1.service, "firefox" of app-gnome-firefox-1234.scope. They may be any
 * bytes but NUL. It is written for UNIT_SLICE and UNIT_NAMED.
 */
enum unit_kind unit_name_of(const char *directory, char *ret);

/* "\x2d" is "-" and so on; in place. NUL becomes "?". */
void unit_name_unescape(char *text);

#endif
