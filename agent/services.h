/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which service a sample belongs to: by its process's cgroup, by its command, or all of the
 * machine, which is "host". Names: "nginx" of nginx.service, a container by its id's first 12
 * digits below its runtime ("docker-0123456789ab"), a pod ("pod-UID") and so on: service_name.h has
 * the forms and sources. What is in no unit goes by its command; but where
 * profiles are split by cgroup, all threads of the kernel that are in none are "kernel".
 *
 * Rules are about these names. The first rule that includes or excludes a name decides; where there
 * is none, it stays unless other names are included. The first rule that renames gives the name
 * under which it stays: several may have one.
 */
#ifndef EPROF_AGENT_SERVICES_H
#define EPROF_AGENT_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent_config.h"
#include "agent/cgroup_paths.h"
#include "agent/sampler.h"

#define SERVICE_NONE UINT32_MAX /* left out by the rules */

struct services;

/*
 * The config and the paths are borrowed; paths may be NULL where nothing goes by cgroups. 0,
 * -ENOMEM, or -EINVAL (a pattern that does not compile).
 */
int services_new(const struct agent_config *config, struct cgroup_paths *paths,
		 struct services **ret);
void services_free(struct services *services); /* NULL is fine */

/* Before the samples of a drain are named: cgroups that have come since are known. 0 or -errno. */
int services_catch_up(struct services *services);

/*
 * The number of the sample's service, which is added when it is new; when there is no room that of
 * "other". Where cgroups have version 1 it asks /proc/PID/cgroup, once for each program that a
 * process runs (sample->generation). 0 or -ENOMEM. Used by the naming thread alone.
 */
int services_of(struct services *services, const struct sample *sample, uint32_t *ret);

/*
 * The name, and labels that come of the cgroup: unit, container_id, container_runtime, pod_uid. Of
 * several cgroups that are one service, those that all have. Of a number that services_of() gave;
 * void after the next call of that.
 */
const char *service_name(const struct services *services, uint32_t number);
size_t service_labels(const struct services *services, uint32_t number,
		      const struct profile_label **ret);
size_t services_count(const struct services *services);

/* A window has ended: services that were not in the last hour's lose their numbers when all are
 * taken. Numbers from before are void afterwards. */
void services_end_window(struct services *services);

/* In samples; time off a CPU counts as one for each place where it was spent. */
struct services_figures {
	uint64_t known;         /* services now, "other" included */
	uint64_t other_samples; /* in "other" for want of room */
	uint64_t excluded_samples;
	uint64_t without_cgroup; /* samples of processes that were gone, by their command instead */
};
void services_figures_of(const struct services *services, struct services_figures *ret);

#endif
