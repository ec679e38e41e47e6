/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service that a cgroup is, by its path alone. Sources of the forms:
 * - systemd: see unit_name.h;
 * - containers: runc's docs/systemd.md ("PREFIX-ID.scope"; without systemd the ID is a directory),
 *   the manuals of Docker (--cgroup-parent), Podman (--cgroups, "libpod-"), CRI-O ("crio-") and
 *   containerd's CRI plug-in ("cri-containerd-");
 * - Kubernetes: kubernetes.io/docs/concepts/architecture/cgroups, and the kubelet's names of pods
 *   (pkg/kubelet/cm: "kubepods-burstable-podUID.slice" with "_" for "-", or
 *   "kubepods/burstable/podUID");
 * - LXC: lxc.container.conf(5), lxc.cgroup.dir: "lxc.payload.NAME", "lxc/NAME".
 *
 * | path | name | labels |
 * |---|---|---|
 * | ...-podUID.slice/... | pod-UID | pod_uid, container_id, container_runtime |
 * | .../docker-ID.scope, /docker/ID | docker-DIGITS (12 of the ID) | container_id, ..._runtime |
 * | /x.service/libpod-payload-ID | x: it is started for this one container | all three |
 * | /lxc.payload.NAME/... | lxc-NAME | container_id (the NAME), container_runtime |
 * | /system.slice/x.service/... | x | unit |
 * | /user.slice/user-1000.slice/session-3.scope | user-1000 | unit |
 * | /a/b, which nobody knows | a-b | none |
 *
 * The innermost counts; but of what runs in a container, the container, not the unit in it.
 */
#ifndef EPROF_AGENT_SERVICE_NAME_H
#define EPROF_AGENT_SERVICE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Longer ones are cut. */
#define SERVICE_NAME_SIZE 256
/* Of a pod: a UUID, or 32 digits of one that a file describes. */
#define POD_UID_SIZE      37

/*
 * All text is UTF-8 without control characters and "/", and not hidden as a file; empty: it has
 * none. name is never empty.
 */
struct service_name {
	char name[SERVICE_NAME_SIZE];
	char unit[SERVICE_NAME_SIZE]; /* as systemd names it, "nginx.service" */
	char container_id[SERVICE_NAME_SIZE];
	char pod_uid[POD_UID_SIZE];
	const char *container_runtime; /* "docker", "containerd", "cri-o", "podman", "lxc"; NULL:
					  not known. A constant. */
};

/*
 * Of a path in any hierarchy. False: the processes are in no unit, but in the root or in what was
 * made for one command, and are best told apart by their own names.
 */
bool service_name_of_path(const char *path, struct service_name *ret);

/*
 * Of the contents of /proc/PID/cgroup, the hierarchy that knows most: in one of version 1 others
 * may have been left out.
 */
bool service_name_of_process(const char *text, struct service_name *ret);

/* Of a process's own name: "kworker" of "kworker/0:1", so that kernel threads are not hundreds. */
void service_name_of_command(const char *command, struct service_name *ret);

/* Any bytes as a name, of at most SERVICE_NAME_SIZE - 1; ret has room for SERVICE_NAME_SIZE. */
void service_name_clean(const char *bytes, char *ret);

#endif
