/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample's cgroup, process or command leads to a verdict, which is remembered: most samples cost
 * one look into a map. Verdicts are forgotten when there are too many, or numbers change.
 */
#include "agent/services.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/process_threads.h"
#include "agent/service_name.h"
#include "agent/service_rules.h"
#include "agent/services_parts.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/hashmap.h"

#define OTHER_NAME  "other"
#define HOST_NAME   "host"
#define KERNEL_NAME "kernel"

/* What each map of verdicts has at most: half a megabyte. */
#define VERDICTS_MAX 16384

/* Of /proc/PID/cgroup: a dozen hierarchies, of long paths. */
#define CGROUP_FILE_MAX 16384

#define STAYS_SECONDS 3600

/* A service's number, or SERVICE_NONE, in the lower half; or one of the first two. */
#define VERDICT_COMMAND (UINT64_C(1) << 32) /* its command decides */
#define VERDICT_GONE    (UINT64_C(1) << 33) /* the same, as the process could not be asked */
#define VERDICT_CROWDED (UINT64_C(1) << 34) /* the number is that of "other", for want of room */

enum label { LABEL_UNIT, LABEL_CONTAINER_ID, LABEL_CONTAINER_RUNTIME, LABEL_POD_UID, LABEL_COUNT };

static const char *const label_names[LABEL_COUNT] = {
	[LABEL_UNIT] = "unit",
	[LABEL_CONTAINER_ID] = "container_id",
	[LABEL_CONTAINER_RUNTIME] = "container_runtime",
	[LABEL_POD_UID] = "pod_uid",
};

struct service {
	char *name;
	uint64_t last_window;
	char *values[LABEL_COUNT]; /* NULL: none, or not one */
	struct profile_label labels[LABEL_COUNT];
	size_t label_count;
};

struct services {
	const struct agent_config *config;
	struct cgroup_paths *paths;
	const char *root; /* before "/proc" */
	bool has_v1;      /* there are hierarchies besides the unified one */
	struct service_rules *rules;
	uint64_t seed; /* of the hashes of names and commands */
	struct service *services;
	size_t count, capacity;
	bool has_other;                              /* one of them is "other" */
	struct hashmap names;                        /* hash of the name -> number */
	struct hashmap cgroups, processes, commands; /* -> verdict */
	struct hashmap kernel_threads;               /* process -> whether it is one */
	uint64_t window;
	struct services_figures figures;
};

/* --- services --- */

static void service_done(struct service *service)
{
	free(service->name);
	for (size_t i = 0; i < LABEL_COUNT; i++)
		free(service->values[i]);
}

static void list_labels(struct service *service)
{
	service->label_count = 0;
	for (size_t i = 0; i < LABEL_COUNT; i++) {
		if (service->values[i])
			service->labels[service->label_count++] = (struct profile_label){
				.name = label_names[i],
				.value = service->values[i],
			};
	}
}

static void labels_of(const struct service_name *name, const char *ret[LABEL_COUNT])
{
	ret[LABEL_UNIT] = name->unit;
	/* A pod has several containers, and is one service. */
	ret[LABEL_CONTAINER_ID] = name->pod_uid[0] ? "" : name->container_id;
	ret[LABEL_CONTAINER_RUNTIME] = name->container_runtime ? name->container_runtime : "";
	ret[LABEL_POD_UID] = name->pod_uid;
}

/* Another cgroup is this service, too: a label that is not of both is of none. */
static void meet_labels(struct service *service, const struct service_name *name)
{
	const char *values[LABEL_COUNT];

	labels_of(name, values);
	for (size_t i = 0; i < LABEL_COUNT; i++) {
		if (service->values[i] && strcmp(service->values[i], values[i]) != 0) {
			free(service->values[i]);
			service->values[i] = NULL;
		}
	}
	list_labels(service);
}

static int set_labels(struct service *service, const struct service_name *name)
{
	const char *values[LABEL_COUNT];

	labels_of(name, values);
	for (size_t i = 0; i < LABEL_COUNT; i++) {
		if (!values[i][0])
			continue;
		service->values[i] = strdup(values[i]);
		if (!service->values[i])
			return -ENOMEM;
	}
	list_labels(service);
	return 0;
}

static uint64_t hash_name(const struct services *services, const char *name)
{
	return hash_bytes_seeded(services->seed, name, strlen(name));
}

static bool find_service(const struct services *services, const char *name, uint64_t *ret)
{
	return hashmap_get(&services->names, hash_name(services, name), ret) &&
	       !strcmp(services->services[*ret].name, name);
}

static int add_service(struct services *services, const struct service_name *name, uint64_t *ret)
{
	struct service *grown, service = { .last_window = services->window };
	int err;

	grown = array_reserve(services->services, services->count, &services->capacity,
			      sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	services->services = grown;
	service.name = strdup(name->name);
	err = service.name ? set_labels(&service, name) : -ENOMEM;
	if (!err)
		err = hashmap_put(&services->names, hash_name(services, name->name),
				  services->count);
	if (err < 0) {
		service_done(&service);
		return err;
	}
	*ret = services->count++;
	services->services[*ret] = service;
	services->has_other = services->has_other || !strcmp(name->name, OTHER_NAME);
	return 0;
}

static bool is_full(const struct services *services)
{
	return services->count - services->has_other >= services->config->services_max;
}

static int find_verdict(struct services *services, const struct service_name *from, uint64_t *ret)
{
	static const struct service_name other = { .name = OTHER_NAME };
	struct service_name name = *from;
	int err;

	if (!service_rules_apply(services->rules, name.name)) {
		*ret = SERVICE_NONE;
		return 0;
	}
	if (find_service(services, name.name, ret)) {
		meet_labels(&services->services[*ret], &name);
		return 0;
	}
	if (!is_full(services) || !strcmp(name.name, OTHER_NAME))
		return add_service(services, &name, ret);
	err = find_service(services, OTHER_NAME, ret) ? 0 : add_service(services, &other, ret);
	if (!err)
		*ret |= VERDICT_CROWDED;
	return err;
}

/* --- what a sample tells --- */

static int remember(struct hashmap *verdicts, uint64_t key, uint64_t verdict)
{
	if (verdicts->count >= VERDICTS_MAX)
		hashmap_clear(verdicts);
	return hashmap_put(verdicts, key, verdict);
}

static int by_command(struct services *services, const char *command, uint64_t *ret)
{
	uint64_t key = hash_name(services, command);
	struct service_name name;
	int err;

	if (hashmap_get(&services->commands, key, ret))
		return 0;
	service_name_of_command(command, &name);
	err = find_verdict(services, &name, ret);
	return err < 0 ? err : remember(&services->commands, key, *ret);
}

/* The file of a process, up to what fits; -errno: it is gone. */
static int read_cgroup_file(const struct services *services, const char *process, char *text,
			    size_t size)
{
	CLEANUP(cleanup_fd) int fd = -1;
	char path[PATH_MAX];
	size_t used = 0;
	ssize_t bytes = 1;

	(void)snprintf(path, sizeof(path), "%s/proc/%s/cgroup", services->root, process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (bytes > 0 && used < size - 1) {
		bytes = read(fd, text + used, size - 1 - used);
		if (bytes < 0)
			return -errno;
		used += (size_t)bytes;
	}
	text[used] = '\0';
	return 0;
}

static int ask_process(struct services *services, uint32_t tgid, uint64_t *ret)
{
	char text[CGROUP_FILE_MAX], number[16];
	struct service_name name;

	(void)snprintf(number, sizeof(number), "%u", tgid);
	/* Most of the short programs of a busy machine are gone: the least that tells comes first.
	 */
	if ((!services->root[0] && kill((pid_t)tgid, 0) < 0 && errno == ESRCH) ||
	    read_cgroup_file(services, number, text, sizeof(text)) < 0) {
		*ret = VERDICT_GONE;
		return 0;
	}
	if (!service_name_of_process(text, &name)) {
		*ret = VERDICT_COMMAND;
		return 0;
	}
	return find_verdict(services, &name, ret);
}

static uint64_t process_key(const struct sample *sample)
{
	return hash_u64(sample->generation) ^ hash_u64(sample->tgid);
}

static int by_process(struct services *services, const struct sample *sample, uint64_t *ret)
{
	uint64_t key = process_key(sample);
	int err;

	/* The idle task. */
	if (!sample->tgid) {
		*ret = VERDICT_COMMAND;
		return 0;
	}
	if (hashmap_get(&services->processes, key, ret))
		return 0;
	err = ask_process(services, sample->tgid, ret);
	return err < 0 ? err : remember(&services->processes, key, *ret);
}

static int by_path(struct services *services, uint64_t id, uint64_t *ret)
{
	struct service_name name;
	const char *path;
	int err;

	if (hashmap_get(&services->cgroups, id, ret))
		return 0;
	*ret = VERDICT_GONE;
	path = id && services->paths ? cgroup_paths_find(services->paths, id) : NULL;
	/* The next time it may be known. */
	if (!path)
		return 0;
	if (service_name_of_path(path, &name)) {
		err = find_verdict(services, &name, ret);
		if (err < 0)
			return err;
	} else {
		*ret = VERDICT_COMMAND;
	}
	return remember(&services->cgroups, id, *ret);
}

/*
 * With hierarchies of version 1 containers and units may be in one of these, and elsewhere in the
 * unified one: the process is asked first, which knows all. What is gone has the unified one.
 */
static int by_cgroup(struct services *services, const struct sample *sample, uint64_t *ret)
{
	int err;

	if (!services->has_v1) {
		err = by_path(services, sample->cgroup_id, ret);
		return err < 0 || *ret != VERDICT_GONE ? err : by_process(services, sample, ret);
	}
	err = by_process(services, sample, ret);
	return err < 0 || *ret != VERDICT_GONE ? err : by_path(services, sample->cgroup_id, ret);
}

/* Who has no user stack may be one; or ends, and has given up its memory: /proc is asked. */
static int is_kernel_thread(struct services *services, const struct sample *sample, bool *ret)
{
	struct process_thread thread = { 0 };
	uint64_t key = process_key(sample), known;

	*ret = false;
	if (sample->is_idle || sample->tgid == 0 || sample->user_depth > 0 ||
	    sample->stop != STOP_NONE)
		return 0;
	if (hashmap_get(&services->kernel_threads, key, &known)) {
		*ret = known;
		return 0;
	}
	if (process_thread_read(services->root, (int32_t)sample->tgid, &thread) < 0)
		return 0;
	*ret = thread.is_kernel;
	return remember(&services->kernel_threads, key, thread.is_kernel);
}

/* By its command; but hundreds of threads of the kernel would be as many services. */
static int by_name(struct services *services, const struct sample *sample, uint64_t *ret)
{
	bool is_kernel = false;
	int err = 0;

	if (services->config->split == SPLIT_HOST)
		return by_command(services, HOST_NAME, ret);
	if (services->config->split == SPLIT_CGROUP)
		err = is_kernel_thread(services, sample, &is_kernel);
	if (err < 0)
		return err;
	return by_command(services, is_kernel ? KERNEL_NAME : sample->process_name, ret);
}

int services_catch_up(struct services *services)
{
	return services->paths ? cgroup_paths_catch_up(services->paths) : 0;
}

int services_of(struct services *services, const struct sample *sample, uint32_t *ret)
{
	uint64_t weight = sample->is_off_cpu ? 1 : sample->count, verdict = VERDICT_COMMAND;
	int err = 0;

	if (services->config->split == SPLIT_CGROUP)
		err = by_cgroup(services, sample, &verdict);
	if (!err && verdict == VERDICT_GONE)
		services->figures.without_cgroup += weight;
	if (!err && (verdict == VERDICT_COMMAND || verdict == VERDICT_GONE))
		err = by_name(services, sample, &verdict);
	if (err < 0)
		return err;
	*ret = (uint32_t)verdict;
	if (verdict == SERVICE_NONE)
		services->figures.excluded_samples += weight;
	else
		services->services[*ret].last_window = services->window;
	if (verdict & VERDICT_CROWDED)
		services->figures.other_samples += weight;
	return 0;
}

const char *service_name(const struct services *services, uint32_t number)
{
	assert(number < services->count);
	return services->services[number].name;
}

size_t service_labels(const struct services *services, uint32_t number,
		      const struct profile_label **ret)
{
	assert(number < services->count);
	*ret = services->services[number].labels;
	return services->services[number].label_count;
}

size_t services_count(const struct services *services)
{
	return services->count;
}

void services_figures_of(const struct services *services, struct services_figures *ret)
{
	*ret = services->figures;
	ret->known = services->count;
}

/* --- from beginning to end --- */

static void forget_verdicts(struct services *services)
{
	hashmap_clear(&services->cgroups);
	hashmap_clear(&services->processes);
	hashmap_clear(&services->commands);
}

void services_end_window(struct services *services)
{
	uint64_t window_s = services->config->window_s ? services->config->window_s : 1;
	uint64_t stays = STAYS_SECONDS > window_s ? STAYS_SECONDS / window_s : 1;
	size_t kept = 0;

	services->window++;
	if (!is_full(services))
		return;
	hashmap_clear(&services->names);
	services->has_other = false;
	for (size_t i = 0; i < services->count; i++) {
		struct service *service = &services->services[i];

		if (service->last_window + stays < services->window) {
			service_done(service);
			continue;
		}
		services->has_other = services->has_other || !strcmp(service->name, OTHER_NAME);
		/* It has held more. */
		(void)hashmap_put(&services->names, hash_name(services, service->name), kept);
		services->services[kept++] = *service;
	}
	if (kept != services->count)
		forget_verdicts(services);
	services->count = kept;
}

static void cleanup_services(struct services **services)
{
	services_free(*services);
}

int services_new_at(const struct agent_config *config, struct cgroup_paths *paths, const char *root,
		    struct services **ret)
{
	CLEANUP(cleanup_services) struct services *services = calloc(1, sizeof(*services));
	char text[CGROUP_FILE_MAX] = "";
	int err;

	if (!services)
		return -ENOMEM;
	services->config = config;
	services->paths = paths;
	services->root = root;
	services->seed = hash_seed();
	/* "0::PATH" is the line of the unified hierarchy, and the last one. */
	if (!read_cgroup_file(services, "self", text, sizeof(text)))
		services->has_v1 = text[0] && strncmp(text, "0::", strlen("0::")) != 0;
	err = service_rules_new(config, &services->rules);
	if (err < 0)
		return err;
	*ret = TAKE(services);
	return 0;
}

int services_new(const struct agent_config *config, struct cgroup_paths *paths,
		 struct services **ret)
{
	return services_new_at(config, paths, "", ret);
}

void services_free(struct services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < services->count; i++)
		service_done(&services->services[i]);
	free(services->services);
	service_rules_free(services->rules);
	hashmap_done(&services->names);
	hashmap_done(&services->cgroups);
	hashmap_done(&services->processes);
	hashmap_done(&services->commands);
	hashmap_done(&services->kernel_threads);
	free(services);
}
